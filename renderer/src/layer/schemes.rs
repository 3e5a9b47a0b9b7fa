//! Schemes: what might be built, standing on the terrain. Each building is extruded from its footprint on the ground found
//! under it at the terrain's finest level, so that its height never depends on what happens to be loaded for the view.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use geodesy::EnuFrame;
use glam::{DMat4, DVec3};
use url::Url;

use super::terrain::{self, HeightRaster};
use super::{Address, Kind, Made, Piece, Role, mesh};
use crate::error::ViewError;
use crate::fetch::{self, Fetched, Source};
use crate::meeting::Meeting;
use crate::meeting::polygons::Polygon;
use crate::meeting::scheme::{PlacedModel, Scheme};
use crate::scene::draw::{Draw, PointVertex};
use crate::scene::massing::{self, GroundUnder, Massing};
use crate::scene::place;
use crate::service::{Pyramid, Service};

/// Schemes.
pub const KIND: Kind = Kind {
    dataset_kind: "project-schemes",
    title: ["项目会审", "Project"],
    entry: |_links| None,
    role: Role::Project { slug: "project-schemes", name: ["设计方案", "Schemes"], make },
};

/// Linear colour and opacity of the bodies of the first, second, … scheme.
const COLORS: [[f32; 3]; 4] = [[0.55, 0.76, 1.0], [1.0, 0.76, 0.42], [0.62, 0.9, 0.62], [0.9, 0.68, 0.94]];
const BODY_OPACITY: f32 = 0.8;
/// A limit is not a building: more of what is in it is seen.
const ENVELOPE_OPACITY: f32 = 0.42;
/// Terrain tiles read under one footprint at most; a larger one is sampled on a coarser level.
const MOST_TILES: u32 = 16;
/// Samples across a footprint.
const GRID: usize = 24;
/// A model file larger than this is refused.
const MOST_MODEL_BYTES: u64 = 128 << 20;

#[expect(clippy::unnecessary_wraps, reason = "the list of kinds gives every maker one signature")]
fn make(meeting: &Meeting) -> Result<Option<Made>, ViewError> {
    Ok((!meeting.scene.schemes.is_empty()).then_some(Made::Schemes))
}

/// A scheme ready to be drawn.
#[derive(Clone, Debug, Default)]
pub struct BuiltScheme {
    /// Extruded buildings.
    pub massings: Vec<Massing>,
    /// Placed models, with what they are called and where: longitude, latitude (degrees), height of the top (m).
    pub models: Vec<(String, [f64; 3])>,
    pieces: Vec<(Piece, DMat4)>,
    place: usize,
}

impl BuiltScheme {
    /// What to draw.
    pub fn draws(&self, opacity: f32) -> impl Iterator<Item = Draw> {
        let [red, green, blue] = COLORS[self.place % COLORS.len()];
        let massings = self.massings.iter().flat_map(move |massing| {
            let alpha = if massing.floors.is_some() { BODY_OPACITY } else { ENVELOPE_OPACITY };
            let body = Draw::Mesh {
                shape: Arc::clone(&massing.shape),
                picture: None,
                ecef_from_local: massing.ecef_from_local,
                base_color: [red, green, blue, alpha],
                lit: true,
                opacity,
                draped: Vec::new(),
                planned: true,
            };
            let lines = Draw::Lines {
                lines: Arc::clone(&massing.lines),
                ecef_from_local: massing.ecef_from_local,
                width_px: 1.6,
                is_cut: true,
                opacity,
            };
            [body, lines]
        });
        let models = self.pieces.iter().filter_map(move |(piece, ecef_from_tile)| match piece {
            Piece::Mesh { shape, picture, tile_from_local, base_color, lit } => Some(Draw::Mesh {
                shape: Arc::clone(shape),
                picture: picture.clone(),
                ecef_from_local: *ecef_from_tile * *tile_from_local,
                base_color: *base_color,
                lit: *lit,
                opacity,
                draped: Vec::new(),
                planned: true,
            }),
            Piece::Points { .. } => None,
        });
        massings.chain(models)
    }

    /// Bytes held, here and in a drawer's copy.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let massings = self.massings.iter().map(|massing| massing.shape.bytes());
        massings.chain(self.pieces.iter().map(|(piece, _)| piece.bytes())).sum()
    }
}

/// Everything a scheme is built from; lives on a loading thread.
pub struct Order {
    /// The scheme.
    pub scheme: Scheme,
    /// Its place in the list.
    pub place: usize,
    /// The red line, for buildings without a footprint of their own.
    pub red_line: Vec<Polygon>,
    /// Terrain, coarse first.
    pub terrain: Vec<Pyramid>,
    /// The ground where there is no terrain, metres.
    pub base_height_m: f64,
    /// The server or packed folder.
    pub service: Service,
    /// The folder of the meeting's file, for models beside it.
    pub folder: Option<PathBuf>,
}

impl Order {
    /// Builds it: reads terrain and models, extrudes.
    pub fn build(self) -> Result<BuiltScheme, ViewError> {
        let mut ground = Terrain {
            pyramids: &self.terrain,
            base_height_m: self.base_height_m,
            source: self.service.source(),
            rasters: BTreeMap::new(),
        };
        let mut built = BuiltScheme { place: self.place, ..BuiltScheme::default() };
        for building in &self.scheme.buildings {
            let own = std::slice::from_ref(&building.footprint);
            let footprints = if building.footprint.is_empty() { self.red_line.as_slice() } else { own };
            for rings in footprints {
                let under = ground.under(rings)?;
                built.massings.extend(massing::build(building, rings, under));
            }
        }
        for model in &self.scheme.models {
            let height_m = match model.height_m {
                Some(height_m) => height_m,
                None => ground.at(model.lon_lat, None)?.unwrap_or(self.base_height_m),
            };
            let fetched = self.model_file(&model.glb)?;
            built.add_model(model, height_m, &fetched)?;
        }
        Ok(built)
    }

    fn model_file(&self, link: &str) -> Result<Fetched, ViewError> {
        if !crate::meeting::scheme::is_model_link(link) {
            return Err(ViewError::Tile { url: link.to_owned(), reason: "链接无效 (not a valid link)".to_owned() });
        }
        if link.starts_with('/') {
            let fetched = fetch::fetch(self.service.source(), &self.service.link(link, None)?)?;
            return if fetched.found {
                Ok(fetched)
            } else {
                Err(ViewError::Status { url: fetched.url.to_string(), status: 404 })
            };
        }
        let Some(folder) = &self.folder else {
            let reason = "模型要放在会议文件 .skv 旁边 (a model lies beside the meeting's .skv)".to_owned();
            return Err(ViewError::Tile { url: link.to_owned(), reason });
        };
        read_model(&folder.join(link))
    }
}

fn read_model(path: &Path) -> Result<Fetched, ViewError> {
    use std::io::Read as _;
    let failed = |source| ViewError::File { path: path.to_owned(), source };
    let mut body = Vec::new();
    std::fs::File::open(path).map_err(failed)?.take(MOST_MODEL_BYTES + 1).read_to_end(&mut body).map_err(failed)?;
    if body.len() as u64 > MOST_MODEL_BYTES {
        return Err(ViewError::TooLarge { url: path.display().to_string() });
    }
    let url = Url::from_file_path(path).unwrap_or_else(|()| Fetched::made_here().url);
    Ok(Fetched { body: body.into(), url, found: true })
}

impl BuiltScheme {
    fn add_model(&mut self, model: &PlacedModel, height_m: f64, fetched: &Fetched) -> Result<(), ViewError> {
        let [lon, lat] = model.lon_lat;
        let ecef_from_tile = ecef_from_model([lon, lat, height_m], model.heading_deg);
        let plain = |position, color: Option<[u8; 4]>| PointVertex { position, color: color.unwrap_or([200; 4]) };
        let mut top_m = 0.0_f64;
        for piece in mesh::pieces(fetched, &plain)? {
            if let Piece::Mesh { shape, tile_from_local, .. } = &piece {
                let heights = shape.vertices().iter().map(|vertex| {
                    tile_from_local.transform_point3(DVec3::from_array(vertex.position.map(f64::from))).z
                });
                top_m = heights.fold(top_m, f64::max);
            }
            self.pieces.push((piece, ecef_from_tile));
        }
        self.models.push((model.name.clone(), [lon, lat, height_m + top_m]));
        Ok(())
    }
}

/// From a model's axes (east, north, up before it is turned) to ECEF; `heading_deg` turns it clockwise seen from above.
fn ecef_from_model(lon_lat_height_deg: [f64; 3], heading_deg: f64) -> DMat4 {
    let frame = DMat4::from_cols_array(&EnuFrame::new(lon_lat_height_deg).ecef_from_enu());
    frame * DMat4::from_rotation_z(-heading_deg.to_radians())
}

/// Terrain at its finest level, tile by tile as it is needed.
struct Terrain<'a> {
    pyramids: &'a [Pyramid],
    base_height_m: f64,
    source: &'a Source,
    rasters: BTreeMap<(usize, Address), Option<Arc<HeightRaster>>>,
}

impl Terrain<'_> {
    /// The ground under a footprint: its corners, its edges and a grid inside it.
    fn under(&mut self, rings: &[Vec<[f64; 2]>]) -> Result<GroundUnder, ViewError> {
        let mut inside = Vec::new();
        let mut edge = Vec::new();
        let Some([west, south, east, north]) = crate::meeting::polygons::bounds(std::iter::once(&rings.to_vec()))
        else {
            return Ok(self.bare());
        };
        for ring in rings {
            for (index, from) in ring.iter().enumerate() {
                let to = ring[(index + 1) % ring.len()];
                edge.extend((0..8).map(|step| {
                    let part = f64::from(step) / 8.0;
                    [from[0] + (to[0] - from[0]) * part, from[1] + (to[1] - from[1]) * part]
                }));
            }
        }
        for row in 0..GRID {
            for column in 0..GRID {
                let along = |low: f64, high: f64, at: usize| low + (high - low) * (at as f64 + 0.5) / GRID as f64;
                let place = [along(west, east, column), along(south, north, row)];
                if holds(rings, place) {
                    inside.push(place);
                }
            }
        }
        let finest = |pyramid: &Pyramid| {
            let tiles = |z: u8| {
                let [x_0, y_0] = place::square_from_lon_lat_deg(west, north);
                let [x_1, y_1] = place::square_from_lon_lat_deg(east, south);
                let count = |a: f64, b: f64| {
                    ((b * 2_f64.powi(z.into())) as u32).saturating_sub((a * 2_f64.powi(z.into())) as u32) + 1
                };
                count(x_0, x_1).saturating_mul(count(y_0, y_1))
            };
            (pyramid.min_zoom..=pyramid.max_zoom).rev().find(|z| tiles(*z) <= MOST_TILES).unwrap_or(pyramid.min_zoom)
        };
        let zooms: Vec<u8> = self.pyramids.iter().map(finest).collect();
        let mut sample = |places: &[[f64; 2]]| -> Result<Vec<f64>, ViewError> {
            let mut heights = Vec::new();
            for place in places {
                heights.extend(self.at(*place, Some(&zooms))?);
            }
            Ok(heights)
        };
        let (inside, edge) = (sample(&inside)?, sample(&edge)?);
        if inside.is_empty() && edge.is_empty() {
            return Ok(self.bare());
        }
        let all = || inside.iter().chain(&edge).copied();
        // A footprint narrower than the grid has only its edge.
        let of_mean = if inside.is_empty() { &edge } else { &inside };
        Ok(GroundUnder {
            lowest_m: all().fold(f64::INFINITY, f64::min),
            highest_m: all().fold(f64::NEG_INFINITY, f64::max),
            mean_m: of_mean.iter().sum::<f64>() / of_mean.len() as f64,
            is_terrain: true,
        })
    }

    fn bare(&self) -> GroundUnder {
        let height_m = self.base_height_m;
        GroundUnder { lowest_m: height_m, highest_m: height_m, mean_m: height_m, is_terrain: false }
    }

    /// The height in metres at a place, from the finest terrain that has one there.
    fn at(&mut self, [lon, lat]: [f64; 2], zooms: Option<&[u8]>) -> Result<Option<f64>, ViewError> {
        let [x, y] = place::square_from_lon_lat_deg(lon, lat);
        for layer in (0..self.pyramids.len()).rev() {
            let pyramid = &self.pyramids[layer];
            if !pyramid.touches([lon, lat, lon, lat]) {
                continue;
            }
            let z = zooms.and_then(|zooms| zooms.get(layer).copied()).unwrap_or(pyramid.max_zoom);
            let tiles = 2_f64.powi(i32::from(z));
            let address = (z, (x * tiles) as u32, (y * tiles) as u32);
            let raster = if let Some(raster) = self.rasters.get(&(layer, address)) {
                raster.clone()
            } else {
                let fetched = fetch::fetch(self.source, &pyramid.url(z, address.1, address.2)?)?;
                let raster = terrain::decode(&fetched)?;
                self.rasters.insert((layer, address), raster.clone());
                raster
            };
            if let Some(height_m) = raster.and_then(|raster| raster.height_m((x * tiles).fract(), (y * tiles).fract()))
            {
                return Ok(Some(height_m));
            }
        }
        Ok(None)
    }
}

/// The height in metres of the ground at a longitude and latitude in degrees; `None` without terrain there.
#[must_use]
pub fn ground_m(source: &Source, pyramids: &[Pyramid], lon_lat_deg: [f64; 2]) -> Option<f64> {
    let mut terrain = Terrain { pyramids, base_height_m: 0.0, source, rasters: BTreeMap::new() };
    terrain.at(lon_lat_deg, None).ok().flatten()
}

/// Whether a place lies in the outer ring and in no hole (even-odd).
fn holds(rings: &[Vec<[f64; 2]>], [x, y]: [f64; 2]) -> bool {
    let crosses =
        |a: [f64; 2], b: [f64; 2]| (a[1] > y) != (b[1] > y) && x < a[0] + (b[0] - a[0]) * (y - a[1]) / (b[1] - a[1]);
    let crossings = rings.iter().flat_map(|ring| (0..ring.len()).map(|at| (ring[at], ring[(at + 1) % ring.len()])));
    crossings.filter(|(a, b)| crosses(*a, *b)).count() % 2 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heading_of_ninety_turns_what_pointed_north_to_the_east() {
        let at = [109.74, 28.31, 300.0];
        let axes = place::ecef_from_enu_rotation(at[0], at[1]);
        let matrix = ecef_from_model(at, 90.0);
        let north_of_model = matrix.transform_vector3(DVec3::Y);
        assert!((north_of_model - axes.x_axis).length() < 1e-9);
        let origin = matrix.transform_point3(DVec3::ZERO);
        assert!((origin - place::ecef(at)).length() < 1e-6);
    }

    #[test]
    fn a_place_in_a_hole_is_not_in_the_footprint() {
        let square = |half: f64| vec![[-half, -half], [half, -half], [half, half], [-half, half]];
        let rings = [square(2.0), square(1.0)];
        assert!(holds(&rings, [1.5, 0.0]) && !holds(&rings, [0.0, 0.0]) && !holds(&rings, [3.0, 0.0]));
    }
}
