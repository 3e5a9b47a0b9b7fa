//! The county as a whole: the order in which its parts are made, each from the ones before.

use crate::buildings::{self, Building};
use crate::classes::{CLASSES, class_of};
use crate::dissolve::{HIDDEN, polygons};
use crate::exact::{Exactness, settle};
use crate::grid::{Grid, nearest_site};
use crate::landuse;
use crate::network::{self, Network};
use crate::parcels::components;
use crate::partition::{Partition, Rings};
use crate::path::{PointM, distance, resample};
use crate::place::{CELL_M, CELLS};
use crate::survey::{self, Survey};
use crate::terrain::{self, Terrain};
use crate::zones::{self, Zone, Zones};
use std::collections::BTreeMap;

/// Twice the area of a cell in square millimetres.
pub const DOUBLE_CELL_MM2: i128 = 50_000_000;

/// A piece of ground with one patch and one zone.
#[derive(Debug, Clone, Copy)]
pub struct Face {
    /// Patch of the land survey.
    pub patch: u32,
    /// Position in `zones.kinds`.
    pub zone: u16,
    /// Size in cells.
    pub cells: usize,
}

/// Everything that is true of the invented place.
#[derive(Debug)]
pub struct County {
    /// Ground and water.
    pub terrain: Terrain,
    /// Settlements and roads.
    pub network: Network,
    /// The land survey's patches on the raster.
    pub survey: Survey,
    /// What the plans say.
    pub zones: Zones,
    /// Borders of the faces: every piece of a patch on which all plans say one thing.
    pub partition: Partition,
    /// Patch and zone of every face.
    pub faces: Vec<Face>,
    /// Double area by which a class missed its figure, square millimetres; all zero when built well.
    pub missed: Vec<i128>,
    /// Buildings.
    pub buildings: Vec<Building>,
}

/// Builds the county.
pub fn build(say: &mut dyn FnMut(&str)) -> County {
    say("terrain");
    let mut terrain = terrain::build();
    say("settlements and roads");
    let network = network::build(&terrain);
    say("land use");
    let land = landuse::build(&terrain, &network);
    let survey = survey::build(&land, &network.village);
    fill_reservoir(&mut terrain, &survey, land.reservoir_level_m);
    drop(land);
    say("plans");
    let zones = zones::build(&terrain, &network, &survey);
    say("borders");
    let (face, faces) = cut_faces(&survey, &zones);
    let edges = RoadEdges::new(&network);
    let mut partition = Partition::trace(&face, |p| edges.pull(p));
    drop((edges, face));
    partition.thin(1.1);
    settle(&mut partition, &figures(&survey, &faces, |patch, zone| (patch.class, patch.grade, zone)));
    // Where a conflict's border was too short for its figure, at least the survey's classes are exact.
    let missed = settle(&mut partition, &figures(&survey, &faces, |patch, _| (patch.class, patch.grade, 0)));
    say("buildings");
    let buildings = buildings::build(&survey, &terrain);
    County { terrain, network, survey, zones, partition, faces, missed, buildings }
}

/// Still water is level, and the dam stands above it.
fn fill_reservoir(terrain: &mut Terrain, survey: &Survey, level_m: f32) {
    let (lake, dam) = (class_of("1103"), class_of("1109"));
    for cell in 0..survey.patch.cells.len() {
        let class = survey.patches[survey.patch[cell] as usize].class;
        if class == lake {
            terrain.height_m[cell] = level_m;
        } else if class == dam && terrain.height_m[cell] < level_m + 2.0 {
            let near = |reach: usize| survey.patch.column_row(cell).0.saturating_sub(reach);
            let lake_near = (near(25)..=near(0) + 25).any(|column| {
                [-25_isize, -12, 0, 12, 25].iter().any(|&dy| {
                    let row = (cell / CELLS).saturating_add_signed(dy).min(CELLS - 1);
                    survey.patches[survey.patch[(column.min(CELLS - 1), row)] as usize].class == lake
                })
            });
            if lake_near {
                terrain.height_m[cell] = level_m + 2.0;
            }
        }
    }
}

/// Cuts the patches where a plan's border runs through them.
fn cut_faces(survey: &Survey, zones: &Zones) -> (Grid<u32>, Vec<Face>) {
    let mut label = survey.patch.clone();
    let kinds = zones.kinds.len() as u32;
    for cell in 0..label.cells.len() {
        label[cell] = label[cell] * kinds + u32::from(zones.zone[cell]);
    }
    let (face, sizes) = components(&label, |_| true);
    let mut faces = vec![Face { patch: 0, zone: 0, cells: 0 }; sizes.len()];
    for cell in 0..label.cells.len() {
        let number = face[cell] as usize;
        faces[number] = Face { patch: survey.patch[cell], zone: zones.zone[cell], cells: sizes[number] };
    }
    (face, faces)
}

/// What every group of faces must measure: its number of cells, whatever smoothing did to its borders.
fn figures(survey: &Survey, faces: &[Face], key: impl Fn(&survey::Patch, u16) -> (u8, u8, u16)) -> Exactness {
    let mut keys: BTreeMap<(u8, u8, u16), usize> = BTreeMap::new();
    let mut class_of_face = Vec::with_capacity(faces.len());
    let mut wanted: Vec<i128> = Vec::new();
    for face in faces {
        let next = keys.len();
        let number = *keys.entry(key(&survey.patches[face.patch as usize], face.zone)).or_insert(next);
        if number == wanted.len() {
            wanted.push(0);
        }
        wanted[number] += face.cells as i128 * DOUBLE_CELL_MM2;
        class_of_face.push(number);
    }
    Exactness { class_of_face, wanted }
}

/// Pulls borders of roads to the true edge of the road, which a 5 m raster cannot draw.
struct RoadEdges {
    points: Vec<(PointM, f64)>,
    nearest: Grid<u32>,
}

impl RoadEdges {
    fn new(network: &Network) -> Self {
        let points: Vec<(PointM, f64)> = network
            .roads
            .iter()
            .flat_map(|road| resample(&road.line, 4.0).into_iter().map(|p| (p, road.class.half_width_m())))
            .collect();
        let sites: Vec<PointM> = points.iter().map(|(p, _)| *p).collect();
        Self { nearest: nearest_site(CELLS, CELLS, CELL_M, &sites), points }
    }

    fn pull(&self, p: PointM) -> Option<PointM> {
        let (site, half) = *self.points.get(self.nearest[self.nearest.cell_of(p)] as usize)?;
        let far = distance(p, site);
        let near_edge = (far - half).abs() < 2.3 && far > 0.5;
        near_edge.then(|| [site[0] + (p[0] - site[0]) / far * half, site[1] + (p[1] - site[1]) / far * half])
    }
}

impl County {
    /// Polygons of every patch, in patch order.
    pub fn patch_polygons(&self) -> Vec<Rings> {
        let groups: Vec<u32> = self.faces.iter().map(|face| face.patch).collect();
        polygons(&self.partition, &groups, self.survey.patches.len())
            .into_iter()
            .map(|mut parts| parts.swap_remove(0))
            .collect()
    }

    /// Polygons of the faces merged by a number of the caller's; faces without one are left out.
    pub fn merged(&self, groups: usize, group: impl Fn(&Face) -> Option<u32>) -> Vec<Vec<Rings>> {
        let of_face: Vec<u32> = self.faces.iter().map(|face| group(face).unwrap_or(HIDDEN)).collect();
        polygons(&self.partition, &of_face, groups)
    }

    /// Exact double area in square millimetres of the faces for which something holds.
    pub fn double_area_where(&self, holds: impl Fn(&Face, &Zone) -> bool) -> i128 {
        let areas = self.partition.double_areas(self.faces.len());
        self.faces.iter().zip(areas).filter(|(face, _)| holds(face, self.zone(face))).map(|(_, area)| area).sum()
    }

    /// What the plans say of a face.
    pub fn zone(&self, face: &Face) -> &Zone {
        &self.zones.kinds[usize::from(face.zone)]
    }

    /// Patch of every face.
    pub fn patch_of_face(&self) -> Vec<u32> {
        self.faces.iter().map(|face| face.patch).collect()
    }

    /// Code of a patch's class.
    pub fn code(&self, patch: usize) -> &'static str {
        CLASSES[self.survey.patches[patch].class as usize].code
    }
}
