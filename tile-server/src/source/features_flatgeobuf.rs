//! Vector tiles on the CGCS2000 geographic grid, cut on request from the `FlatGeobuf`, under a size budget, and kept.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use catalog::{Catalog, DatasetKind, Revision};
use futures::future::BoxFuture;
use geodesy::grid::{TileCoord, TileMatrixSet};
use moka::future::Cache;
use serde_json::{Map, Value as Json};
use tiles::mvt::{CutOptions, Feature, Geometry, Properties, Value, cut_tile};

use super::vector_pmtiles::MVT;
use super::{Answer, Origin, Source, Wanted};
use crate::encoding::gzip;
use crate::feature_file::{self, Next, PlacedFeature, Selection, Shape};
use crate::payload::{Payload, Stored};
use crate::problem::Problem;

/// Tiles kept in memory, compressed.
const CACHE_BYTES: u64 = 128 << 20;
/// Features read for one tile; a tile of more is a picture of noise.
const MAX_FEATURES: usize = 100_000;
/// Units per tile side, as the cutter's.
const EXTENT: f64 = 4096.0;
/// Metres of a degree, near enough for a tolerance.
const DEGREE_M: f64 = 111_320.0;

/// Tiles cut so far.
#[derive(Debug)]
pub(super) struct FeaturesFlatGeobuf {
    tiles: Cache<String, Option<Bytes>>,
}

impl Default for FeaturesFlatGeobuf {
    fn default() -> Self {
        let weigh = |key: &String, tile: &Option<Bytes>| {
            u32::try_from(key.len() + tile.as_ref().map_or(0, Bytes::len)).unwrap_or(u32::MAX)
        };
        Self { tiles: Cache::builder().max_capacity(CACHE_BYTES).weigher(weigh).build() }
    }
}

impl Source for FeaturesFlatGeobuf {
    fn name(&self) -> &'static str {
        "features_flatgeobuf"
    }

    fn answers(&self, origin: &Origin, wanted: &Wanted) -> bool {
        matches!(
            (origin, wanted),
            (Origin::Revision(_, DatasetKind::Features), Wanted::Tile(TileMatrixSet::Cgcs2000C, _, extension))
                if extension == "mvt" || extension == "pbf"
        )
    }

    fn get<'a>(
        &'a self,
        catalog: &'a Catalog,
        origin: &'a Origin,
        wanted: &'a Wanted,
    ) -> BoxFuture<'a, Result<Answer, Problem>> {
        Box::pin(async move {
            let (Origin::Revision(revision, _), Wanted::Tile(_, coord, _)) = (origin, wanted) else {
                return Err(Problem::no_tile());
            };
            let zoom =
                |name: &str, default: u64| revision.properties.get(name).and_then(Json::as_u64).unwrap_or(default);
            if u64::from(coord.z) > zoom("max_zoom", 18) {
                return Err(Problem::no_tile());
            }
            // Below the pyramid's first level a tile would hold the whole dataset and draw as a dot.
            if u64::from(coord.z) < zoom("min_zoom", 0) {
                return Ok(Answer::Empty);
            }
            let path = feature_path(catalog, revision)?;
            let key = format!("{}@{}/{}/{}/{}", revision.slug, revision.id, coord.z, coord.x, coord.y);
            let (revision, coord) = (Arc::clone(revision), *coord);
            let tile = self
                .tiles
                .try_get_with(key, async move {
                    tokio::task::spawn_blocking(move || cut(&path, &revision, coord))
                        .await
                        .map_err(|error| error.to_string())?
                })
                .await
                .map_err(|error| Problem::internal(error.to_string()))?;
            Ok(tile.map_or(Answer::Empty, |bytes| {
                Answer::Payload(Payload { bytes, media_type: MVT, stored: Stored::Gzip })
            }))
        })
    }
}

/// The revision's feature file.
pub(crate) fn feature_path(catalog: &Catalog, revision: &Revision) -> Result<PathBuf, Problem> {
    let asset = revision
        .asset("flatgeobuf")
        .ok_or_else(|| Problem::missing("该数据集没有矢量要素", "This dataset has no features."))?;
    catalog
        .blob_local_path(revision, &asset.path)?
        .ok_or_else(|| Problem::internal("the feature file is not on this machine"))
}

/// One tile, gzip; errors as text, since the cache hands one error to all who wait for it.
fn cut(path: &std::path::Path, revision: &Revision, coord: TileCoord) -> Result<Option<Bytes>, String> {
    let grid = TileMatrixSet::Cgcs2000C;
    let options = CutOptions::default();
    let [west, south, east, north] = grid.lon_lat_bounds_deg(coord);
    let unit_deg = (east - west) / EXTENT;
    let margin = unit_deg * f64::from(options.buffer);
    let bbox = [west - margin, south - margin, east + margin, north + margin];
    let Some(selection) = Selection::within(bbox, revision.bounds_lon_lat_deg) else { return Ok(None) };
    // A quarter of a unit, but no finer than the product's own millimetre.
    let max_sagitta_m = (unit_deg * DEGREE_M / 4.0).max(geodesy::densify::MAX_SAGITTA_M);
    let mut features = Vec::new();
    feature_file::read(path, &revision.crs, &grid.crs(), selection, max_sagitta_m, &mut |feature| {
        features.push(tile_feature(feature));
        if features.len() < MAX_FEATURES { Next::More } else { Next::Stop }
    })
    .map_err(|error| chain(&error))?;
    let tile = cut_tile(grid, coord, revision.slug.as_str(), features, &options).map_err(|error| chain(&error))?;
    tile.map(|tile| gzip(&tile.bytes)).transpose().map_err(|error| error.to_string())
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        text = format!("{text}: {source}");
        next = source.source();
    }
    text
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
