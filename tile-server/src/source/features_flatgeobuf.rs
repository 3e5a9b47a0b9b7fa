//! Vector tiles cut on request from the `FlatGeobuf`, under a size budget, and kept: all on the CGCS2000 geographic grid,
//! and those on Web Mercator of a revision that has no pyramid.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use catalog::{Catalog, DatasetKind, Revision};
use futures::future::BoxFuture;
use geodesy::grid::{TileCoord, TileMatrixSet};
use moka::future::Cache;
use serde_json::{Map, Value as Json};
use tiles::mvt::{CutOptions, Feature, Geometry, Properties, Value, cut_tile};

use super::vector_pmtiles::{MVT, ROLES};
use super::{Answer, Origin, Source, Wanted};
use crate::asset::{asset_of, feature_path};
use crate::encoding::gzip;
use crate::feature_file::{self, Next, PlacedFeature, Selection, Shape};
use crate::payload::{Payload, Stored};
use crate::problem::Problem;
use crate::routes::features::private_fields;
use crate::work::{Stop, Work};

/// Tiles kept in memory, compressed.
const CACHE_BYTES: u64 = 128 << 20;
/// Features read for one tile; a tile of more is a picture of noise.
const MAX_FEATURES: usize = 100_000;
/// Units per tile side, as the cutter's.
const EXTENT: f64 = 4096.0;
/// Metres of a degree, near enough for a tolerance.
const DEGREE_M: f64 = 111_320.0;

/// Tiles cut so far.
pub(super) struct FeaturesFlatGeobuf {
    tiles: Cache<String, Option<Bytes>>,
    work: Arc<Work>,
}

impl FeaturesFlatGeobuf {
    pub(super) fn new(work: Arc<Work>) -> Self {
        let weigh = |key: &String, tile: &Option<Bytes>| {
            u32::try_from(key.len() + tile.as_ref().map_or(0, Bytes::len)).unwrap_or(u32::MAX)
        };
        Self { tiles: Cache::builder().max_capacity(CACHE_BYTES).weigher(weigh).build(), work }
    }
}

impl Source for FeaturesFlatGeobuf {
    fn name(&self) -> &'static str {
        "features_flatgeobuf"
    }

    fn answers(&self, origin: &Origin, wanted: &Wanted) -> bool {
        let (Origin::Revision(revision, DatasetKind::Features), Wanted::Tile(grid, _, extension)) = (origin, wanted)
        else {
            return false;
        };
        (extension == "mvt" || extension == "pbf")
            && (*grid == TileMatrixSet::Cgcs2000C || asset_of(revision, ROLES).is_none())
    }

    fn get<'a>(
        &'a self,
        catalog: &'a Catalog,
        origin: &'a Origin,
        wanted: &'a Wanted,
    ) -> BoxFuture<'a, Result<Answer, Problem>> {
        Box::pin(async move {
            let (Origin::Revision(revision, _), Wanted::Tile(grid, coord, _)) = (origin, wanted) else {
                return Err(Problem::no_tile());
            };
            if u64::from(coord.z) > zoom_of(revision, "max_zoom", 18) {
                return Err(Problem::no_tile());
            }
            // Below the pyramid's first level a tile would hold the whole dataset and draw as a dot.
            if u64::from(coord.z) < zoom_of(revision, "min_zoom", 0) {
                return Ok(Answer::Empty);
            }
            let path = feature_path(catalog, revision)?;
            let key = format!("{grid:?}/{}@{}/{}/{}/{}", revision.slug, revision.id, coord.z, coord.x, coord.y);
            let (revision, grid, coord) = (Arc::clone(revision), *grid, *coord);
            let tile = self
                .tiles
                .try_get_with(key, async { self.work.run(move |stop| cut(&path, &revision, grid, coord, stop)).await? })
                .await
                .map_err(Problem::shared)?;
            Ok(tile.map_or(Answer::Empty, |bytes| {
                Answer::Payload(Payload { bytes, media_type: MVT, stored: Stored::Gzip })
            }))
        })
    }
}

fn zoom_of(revision: &Revision, name: &str, default: u64) -> u64 {
    revision.properties.get(name).and_then(Json::as_u64).unwrap_or(default)
}

/// One tile, gzip.
fn cut(
    path: &Path,
    revision: &Revision,
    grid: TileMatrixSet,
    coord: TileCoord,
    stop: &Stop,
) -> Result<Option<Bytes>, Problem> {
    let mut options = CutOptions::default();
    // This tile is cut as if its zoom were the largest; labels keep to the dataset's own largest.
    if u64::from(coord.z) < zoom_of(revision, "max_zoom", 18) {
        options.max_zoom_min_label_area = options.min_label_area;
    }
    let [west, south, east, north] = grid.lon_lat_bounds_deg(coord);
    let unit_deg = (east - west) / EXTENT;
    let margin = unit_deg * f64::from(options.buffer);
    let bbox = [west - margin, south - margin, east + margin, north + margin];
    let Some(selection) = Selection::within(bbox, revision.bounds_lon_lat_deg) else { return Ok(None) };
    // A quarter of a unit, but no finer than the product's own millimetre.
    let max_sagitta_m = (unit_deg * DEGREE_M / 4.0).max(geodesy::densify::MAX_SAGITTA_M);
    let mut features = Vec::new();
    let private = private_fields(revision);
    feature_file::read(path, &revision.crs, Some(&grid.crs()), selection, max_sagitta_m, &mut |mut feature| {
        feature.properties.retain(|name, _| !private.contains(name));
        features.push(tile_feature(feature));
        if features.len() < MAX_FEATURES && !stop.asked() { Next::More } else { Next::Stop }
    })
    .map_err(Problem::from)?;
    let tile = cut_tile(grid, coord, revision.slug.as_str(), features, &options).map_err(Problem::internal)?;
    tile.map(|tile| gzip(&tile.bytes)).transpose().map_err(Problem::internal)
}

fn tile_feature(feature: PlacedFeature) -> Feature {
    Feature {
        id: Some(feature.id).filter(|id| *id < tiles::mvt::MAX_ID),
        properties: tile_properties(feature.properties),
        geometry: match feature.shape {
            Shape::Points(points) => Geometry::Points(points),
            Shape::Lines(lines) => Geometry::Lines(lines),
            Shape::Polygons(polygons) => Geometry::Polygons(polygons),
        },
    }
}

fn tile_properties(properties: Map<String, Json>) -> Properties {
    properties
        .into_iter()
        .filter_map(|(name, value)| {
            let value = match value {
                Json::String(text) => Value::Text(text.into()),
                Json::Bool(truth) => Value::Bool(truth),
                Json::Number(number) => number
                    .as_i64()
                    .map(Value::Int)
                    .or_else(|| number.as_u64().map(Value::Uint))
                    .or_else(|| number.as_f64().map(Value::Float))?,
                Json::Null => return None,
                other => Value::Text(other.to_string().into()),
            };
            Some((name.into(), value))
        })
        .collect()
}
