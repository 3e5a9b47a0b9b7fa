//! Vector tiles from features to bytes and back: borders, validity, size, archives, and GDAL's MVT driver as the oracle.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a failing test is a panic, and says aloud what it skips"
)]

use std::collections::BTreeMap;
use std::f64::consts::TAU;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use geo::{Area as _, Length as _, Validation as _};
use geodesy::grid::{TileCoord, TileMatrixSet};
use proptest::prelude::*;
use tiles::archive::{Archive, ArchiveInfo, ArchiveWriter, gunzip, write_features};
use tiles::mvt::{
    CutOptions, EXTENT, Feature, FeatureSet, Geometry, TileFeature, TileGeometry, TileLayer, TilePoint, Value,
    cut_tile, decode, doubled_ring_area, encode, label_layer, pyramid,
};

/// A tile over the South China, and its box.
fn tile_at(zoom: u8) -> (TileCoord, [f64; 4]) {
    let grid = TileMatrixSet::WebMercatorQuad;
    let tile = TileCoord {
        z: zoom,
        x: (f64::from(1_u32 << zoom) * 0.8083) as u32,
        y: (f64::from(1_u32 << zoom) * 0.4172) as u32,
    };
    (tile, grid.bounds(tile))
}

fn properties(pairs: &[(&str, Value)]) -> Arc<[(Arc<str>, Value)]> {
    pairs.iter().map(|(name, value)| (Arc::from(*name), value.clone())).collect()
}

fn feature(id: u64, geometry: Geometry) -> Feature {
    Feature { id: Some(id), properties: properties(&[("图斑编号", Value::Text("耕地".into()))]), geometry }
}

fn polygon(id: u64, ring: Vec<[f64; 2]>) -> Feature {
    feature(id, Geometry::Polygons(vec![vec![ring]]))
}

fn doubled_area(geometry: &TileGeometry) -> i64 {
    match geometry {
        TileGeometry::Polygons(polygons) => polygons.iter().flatten().map(|r| doubled_ring_area(r)).sum(),
        _ => 0,
    }
}

fn geo_polygons(geometry: &TileGeometry) -> Vec<geo::Polygon<f64>> {
    let line = |ring: &Vec<TilePoint>| -> geo::LineString<f64> {
        ring.iter().map(|p| geo::Coord { x: f64::from(p[0]), y: f64::from(p[1]) }).collect()
    };
    match geometry {
        TileGeometry::Polygons(polygons) => {
            polygons.iter().map(|p| geo::Polygon::new(line(&p[0]), p[1..].iter().map(line).collect())).collect()
        }
        _ => Vec::new(),
    }
}

fn assert_valid(layer: &TileLayer) {
    for feature in &layer.features {
        for polygon in geo_polygons(&feature.geometry) {
            assert!(polygon.is_valid(), "{:?}: {:?}", feature.id, polygon.validation_errors());
        }
        if let TileGeometry::Polygons(polygons) = &feature.geometry {
            for polygon in polygons {
                assert!(doubled_ring_area(&polygon[0]) > 0);
                assert!(polygon[1..].iter().all(|hole| doubled_ring_area(hole) < 0));
            }
        }
    }
}

#[test]
fn everything_a_feature_carries_survives_its_bytes() {
    let layer = TileLayer {
        name: "规划".to_owned(),
        extent: EXTENT,
        features: vec![
            TileFeature {
                id: Some((1 << 53) - 1),
                properties: properties(&[
                    ("名称", Value::Text("永久基本农田".into())),
                    ("面积", Value::Float(12.5)),
                    ("级", Value::Int(-3)),
                    ("号", Value::Int(7)),
                    ("大", Value::Uint(u64::MAX)),
                    ("真", Value::Bool(true)),
                ]),
                geometry: TileGeometry::Polygons(vec![
                    vec![vec![[0, 0], [90, 0], [90, 90], [0, 90]], vec![[10, 10], [10, 20], [20, 20], [20, 10]]],
                    // Begins where the ring before ended, which the serialiser takes for one ring.
                    vec![vec![[20, 10], [25, 9], [25, 12]]],
                ]),
            },
            TileFeature {
                id: None,
                properties: properties(&[]),
                geometry: TileGeometry::Lines(vec![vec![[-5, 3], [4000, -77]], vec![[1, 1], [2, 2], [5, 9]]]),
            },
            TileFeature {
                id: Some(0),
                properties: properties(&[]),
                geometry: TileGeometry::Points(vec![[0, 0], [5, 7], [4096, 4096]]),
            },
        ],
    };
    let mut read = decode(&encode(std::slice::from_ref(&layer)).unwrap()).unwrap();
    // The ring that was begun elsewhere is the same ring.
    if let TileGeometry::Polygons(polygons) = &mut read[0].features[0].geometry {
        polygons[1][0].rotate_right(1);
    }
    assert_eq!(read, [layer]);
}

#[test]
fn id_that_javascript_cannot_hold_is_refused() {
    let (tile, bounds) = tile_at(10);
    let point = Geometry::Points(vec![[bounds[0] + 1.0, bounds[1] + 1.0]]);
    let result = cut_tile(TileMatrixSet::WebMercatorQuad, tile, "a", [feature(1 << 53, point)], &CutOptions::default());
    assert!(result.unwrap_err().to_string().contains("feature id"));
}

#[test]
fn parcels_that_share_borders_leave_neither_gap_nor_overlap_at_any_zoom() {
    // Three parcels tile a square; the wiggly borders between them are theirs alone.
    let (tile, [west, south, east, _]) = tile_at(9);
    let side = (east - west) / 2.0;
    let at = |x: f64, y: f64| [west + side * (0.5 + x), south + side * (0.5 + y)];
    let wiggle = |t: f64| 0.03 * (t * 40.0).sin() + 0.004 * (t * 900.0).sin();
    let steps = 400;
    // Borders run straight towards where they meet, so that the parcels themselves do not cross.
    let calm = |t: f64, meet: f64| [0.0, 1.0, meet].map(|m| (t - m).abs() * 4.0).into_iter().fold(1.0, f64::min);
    let share = |i: i32| f64::from(i) / f64::from(steps);
    let vertical: Vec<_> = (0..=steps).map(|i| at(0.5 + wiggle(share(i)) * calm(share(i), 0.5), share(i))).collect();
    let horizontal: Vec<_> = (0..=steps)
        .map(|i| {
            let start = vertical[steps as usize / 2];
            let x = (start[0] - west) / side - 0.5;
            let bump = wiggle(share(i)) * calm(share(i), 0.0);
            if i == 0 { start } else { at(x + (1.0 - x) * share(i), 0.5 + bump) }
        })
        .collect();
    let half = steps as usize / 2;
    let mut left = vertical.clone();
    left.extend([at(0.0, 1.0), at(0.0, 0.0)]);
    let mut lower: Vec<_> = vertical[..=half].iter().rev().copied().collect();
    lower.extend([at(1.0, 0.0)]);
    lower.extend(horizontal.iter().rev().take(steps as usize).copied());
    let mut upper: Vec<_> = vertical[half..].iter().rev().copied().collect();
    upper.pop();
    upper.extend(&horizontal);
    upper.extend([at(1.0, 1.0)]);
    let parcels = || [left.clone(), lower.clone(), upper.clone()].into_iter().enumerate();
    let whole = vec![at(0.0, 0.0), at(1.0, 0.0), at(1.0, 1.0), at(0.0, 1.0)];
    let grid = TileMatrixSet::WebMercatorQuad;
    let set = FeatureSet::new(grid, 14, parcels().map(|(i, ring)| polygon(i as u64, ring)));
    let square = FeatureSet::new(grid, 14, [polygon(9, whole)]);
    let options = CutOptions::default();
    let mut vertices = BTreeMap::new();
    for zoom in 6..=14 {
        let shift = tile.z.abs_diff(zoom);
        let around = if zoom < tile.z {
            TileCoord { z: zoom, x: tile.x >> shift, y: tile.y >> shift }
        } else {
            // A tile in the middle of the square.
            TileCoord { z: zoom, x: (tile.x << shift) + (1 << shift) / 2, y: (tile.y << shift) + (1 << shift) / 2 }
        };
        let cut = |set: &FeatureSet| {
            let cut = set.tile("parcels", around, &options).unwrap().unwrap();
            decode(&cut.bytes).unwrap().remove(0)
        };
        let (layer, want) = (cut(&set), cut(&square));
        assert_valid(&layer);
        let sum: i64 = layer.features.iter().map(|f| doubled_area(&f.geometry)).sum();
        let count: usize = layer.features.iter().map(|f| f.geometry.vertex_count()).sum();
        vertices.insert(zoom, count);
        // A crossing of the clip box on a shared border is one vertex more on the box's straight edge, not a change of area.
        assert_eq!(sum, doubled_area(&want.features[0].geometry), "zoom {zoom}");
    }
    assert!(vertices[&6] * 4 < vertices[&9], "low zooms are simpler: {vertices:?}");
}

#[test]
fn too_large_tile_loses_its_smallest_features_and_says_how_many() {
    let (tile, [west, south, east, _]) = tile_at(12);
    let span = (east - west) / 64.0;
    let squares = (0..4000_u64).map(|i| {
        let (column, row) = ((i % 64) as f64, (i / 64) as f64);
        let (x, y) = (west + column * span, south + row * span);
        let side = span * (0.2 + 0.7 * (i as f64 / 4000.0));
        polygon(i, vec![[x, y], [x + side, y], [x + side, y + side], [x, y + side]])
    });
    let options = CutOptions { max_bytes: 20_000, ..CutOptions::default() };
    let cut = cut_tile(TileMatrixSet::WebMercatorQuad, tile, "a", squares, &options).unwrap().unwrap();
    assert!(cut.bytes.len() <= 20_000 && cut.bytes.len() > 14_000, "{} bytes", cut.bytes.len());
    assert_eq!(cut.features + cut.dropped, 4000);
    let layer = decode(&cut.bytes).unwrap().remove(0);
    let smallest_kept = layer.features.iter().filter_map(|f| f.id).min();
    assert!(smallest_kept >= Some(4000 - cut.features as u64 - 150), "{smallest_kept:?}");
}

#[test]
fn cgcs2000_tile_holds_what_lies_in_its_degrees() {
    let grid = TileMatrixSet::Cgcs2000C;
    let tile = TileCoord { z: 10, x: 817, y: 180 };
    let [west, south, east, north] = grid.bounds(tile);
    let middle = [f64::midpoint(west, east), f64::midpoint(south, north)];
    let cut = cut_tile(grid, tile, "点", [feature(1, Geometry::Points(vec![middle]))], &CutOptions::default())
        .unwrap()
        .unwrap();
    let layer = decode(&cut.bytes).unwrap().remove(0);
    assert_eq!(layer.features[0].geometry, TileGeometry::Points(vec![[2048, 2048]]));
}

#[test]
fn a_polygon_cut_by_many_tiles_is_labelled_once_at_every_zoom_of_both_grids() {
    let (_, [west, south, east, north]) = tile_at(9);
    let (width, height) = (east - west, north - south);
    // A horseshoe over several tiles whose middle lies outside it.
    let at = |u: f64, v: f64| [west + width * (0.1 + u), south + height * (0.3 + v)];
    let corners = [(0.0, 0.0), (1.5, 0.0), (1.5, 1.2), (1.1, 1.2), (1.1, 0.3), (0.3, 0.3), (0.3, 1.2), (0.0, 1.2)];
    let horseshoe: Vec<[f64; 2]> = corners.iter().map(|(u, v)| at(*u, *v)).collect();
    for grid in [TileMatrixSet::WebMercatorQuad, TileMatrixSet::Cgcs2000C] {
        let place = |point: [f64; 2]| grid.from_lon_lat_deg(geodesy::grid::lon_lat_deg_from_web_mercator(point));
        let ring: Vec<[f64; 2]> = horseshoe.iter().map(|point| place(*point)).collect();
        let islet =
            ring.iter().map(|[x, y]| [(x - ring[0][0]) * 1e-3 + ring[4][0], (y - ring[0][1]) * 1e-3 + ring[4][1]]);
        let features = || [polygon(7, ring.clone()), polygon(8, islet.clone().collect())];
        let set = FeatureSet::new(grid, 12, features());
        for zoom in 8..=12 {
            let (mut cut_by, mut labels) = (0, Vec::new());
            let corner = |[x, y]: [f64; 2]| grid.tile_at(zoom, x, y).unwrap();
            let (first, last) = (corner([ring[0][0], ring[7][1]]), corner([ring[1][0], ring[1][1]]));
            for x in first.x - 1..=last.x + 1 {
                for y in first.y - 1..=last.y + 1 {
                    let tile = TileCoord { z: zoom, x, y };
                    let whole = set.tile("dlg", tile, &CutOptions::default()).unwrap();
                    // What the server cuts alone, with the features of one tile only, is labelled at the same place.
                    let options = CutOptions {
                        max_zoom_min_label_area: if zoom < 12 { 2048.0 } else { 0.0 },
                        ..CutOptions::default()
                    };
                    let alone = cut_tile(grid, tile, "dlg", features(), &options).unwrap();
                    let labels_of = |cut: &Option<tiles::mvt::CutTile>| -> Vec<TileFeature> {
                        let layers = cut.as_ref().map(|cut| decode(&cut.bytes).unwrap()).unwrap_or_default();
                        layers
                            .into_iter()
                            .filter(|layer| layer.name == label_layer("dlg"))
                            .flat_map(|l| l.features)
                            .collect()
                    };
                    cut_by += usize::from(whole.is_some());
                    assert_eq!(labels_of(&whole).len(), labels_of(&alone).len(), "{tile:?}");
                    labels.extend(labels_of(&whole).into_iter().map(|label| (tile, label)));
                }
            }
            let of = |id: u64| labels.iter().filter(|(_, label)| label.id == Some(id)).collect::<Vec<_>>();
            assert_eq!(of(7).len(), 1, "zoom {zoom} of {grid:?}, cut by {cut_by} tiles");
            assert_eq!(of(8).len(), usize::from(zoom == 12), "what has no room for a label waits for the largest zoom");
            let (tile, label) = of(7)[0];
            assert_eq!(label.properties, features()[0].properties);
            let TileGeometry::Points(points) = &label.geometry else { panic!("a point") };
            let [min_x, _, max_x, max_y] = grid.bounds(*tile);
            let unit = (max_x - min_x) / f64::from(EXTENT);
            let point = geo::Point::new(min_x + f64::from(points[0][0]) * unit, max_y - f64::from(points[0][1]) * unit);
            let shape = geo::Polygon::new(ring.iter().map(|p| (p[0], p[1])).collect(), Vec::new());
            assert!(geo::Contains::contains(&shape, &point), "the label stands on the feature: {point:?}");
            assert!(zoom < 9 || cut_by > 3, "cut by {cut_by} tiles");
        }
    }
}

/// A ragged archipelago: islands with lakes, roads and points over about one tile of zoom 9.
fn archipelago() -> Vec<Feature> {
    let (_, [west, south, east, _]) = tile_at(9);
    let span = east - west;
    let mut features = Vec::new();
    for i in 0..60_u64 {
        let seed = i as f64;
        let centre = [west + span * (0.5 + 0.7 * (seed * 1.7).sin()), south + span * (0.5 + 0.7 * (seed * 2.3).cos())];
        let radius = span * (0.01 + 0.1 * (seed * 0.9).sin().abs());
        let ring = |scale: f64| -> Vec<[f64; 2]> {
            (0..90)
                .map(|k| {
                    let angle = f64::from(k) / 90.0 * TAU;
                    let r = radius * scale * (1.0 + 0.4 * (angle * 7.0 + seed).sin());
                    [centre[0] + r * angle.cos(), centre[1] + r * angle.sin()]
                })
                .collect()
        };
        features.push(feature(3 * i, Geometry::Polygons(vec![vec![ring(1.0), ring(0.4)]])));
        features.push(feature(3 * i + 1, Geometry::Lines(vec![ring(1.2)])));
        features.push(feature(3 * i + 2, Geometry::Points(vec![centre])));
    }
    features
}

#[tokio::test]
async fn archive_holds_exactly_the_tiles_that_are_cut_one_by_one() {
    let set = FeatureSet::new(TileMatrixSet::WebMercatorQuad, 12, archipelago());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tiles.pmtiles");
    let options = CutOptions::default();
    let bounds = [110.0, 20.0, 112.0, 29.0];
    let report = write_features(&path, &set, "岛", 5..=12, bounds, &options).unwrap();
    let archive = Archive::open_file(&path).await.unwrap();
    assert!(archive.is_gzip());
    let info = archive.info().await.unwrap();
    assert_eq!(info.zooms, 5..=12);
    assert_eq!(info.metadata["vector_layers"][0]["fields"]["图斑编号"], "String");
    assert_eq!(info.metadata["vector_layers"][1]["id"], label_layer("岛"), "readers learn of the layer of labels");
    let mut seen = 0;
    for zoom in 5..=12 {
        let (tile, _) = tile_at(9);
        let shift = zoom - 9_i32;
        let reach = 2_i64 << shift.max(0);
        let centre = |v: u32| {
            if shift < 0 { i64::from(v) >> -shift } else { i64::from(v) << shift }
        };
        for x in centre(tile.x) - reach..=centre(tile.x) + 2 * reach {
            for y in centre(tile.y) - reach..=centre(tile.y) + 2 * reach {
                let tile = TileCoord { z: zoom as u8, x: x as u32, y: y as u32 };
                let stored = archive.tile(tile).await.unwrap();
                let stored = stored.map(|gzip| gunzip(&gzip, 1 << 24).unwrap());
                let cut = set.tile("岛", tile, &options).unwrap();
                if let Some(bytes) = &stored {
                    decode(bytes).unwrap().iter().for_each(assert_valid);
                    seen += 1;
                }
                match (stored, cut) {
                    (None, None) => {}
                    (Some(stored), Some(cut)) => {
                        // Crossings of a box that was reached in two steps may round apart by a unit in the buffer.
                        let (a, b) = (decode(&stored).unwrap(), decode(&cut.bytes).unwrap());
                        assert_eq!(a[0].features.len(), b[0].features.len(), "{tile:?}");
                        for (one, other) in a[0].features.iter().zip(&b[0].features) {
                            assert_eq!(one.id, other.id);
                            let [one, other] = [one, other].map(|f| {
                                geo_polygons(&f.geometry).iter().map(geo::Polygon::unsigned_area).sum::<f64>()
                            });
                            assert!((one - other).abs() < 5000.0, "{tile:?}: {one} {other}");
                        }
                    }
                    (stored, cut) => panic!("{tile:?}: {:?} {:?}", stored.is_some(), cut.is_some()),
                }
            }
        }
    }
    assert_eq!(seen, report.tiles);
    assert!(archive.tile(TileCoord { z: 12, x: 0, y: 0 }).await.unwrap().is_none());
    assert!(archive.tile(TileCoord { z: 40, x: 0, y: 0 }).await.unwrap().is_none());
}

#[tokio::test]
async fn archive_with_leaf_directories_gives_back_every_tile() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("many.pmtiles");
    let info = ArchiveInfo {
        zooms: 12..=12,
        bounds_lon_lat_deg: [-180.0, -85.0, 180.0, 85.0],
        metadata: serde_json::json!({}),
    };
    let mut writer = ArchiveWriter::create(&path, &info).unwrap();
    // Scattered and in no order; each third tile has the content of all thirds.
    let tile = |i: u32| TileCoord { z: 12, x: i.wrapping_mul(2_654_435_761) >> 20, y: i.wrapping_mul(40_503) % 4096 };
    let content = |i: u32| if i.is_multiple_of(3) { b"same".to_vec() } else { i.to_le_bytes().to_vec() };
    let mut wants = BTreeMap::new();
    for i in 0..20_000 {
        if wants.insert(tile(i), content(i)).is_none() {
            writer.add(tile(i), &content(i)).unwrap();
        } else {
            wants.remove(&tile(i));
        }
    }
    writer.finish().unwrap();
    let archive = Archive::open_file(&path).await.unwrap();
    for (tile, want) in wants.iter().step_by(7) {
        assert_eq!(archive.tile(*tile).await.unwrap().as_deref(), Some(want.as_slice()));
    }
}

#[tokio::test]
async fn broken_archive_is_an_error_and_not_a_panic() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.pmtiles");
    for bytes in [&b""[..], b"PMTiles", &[0xff; 400]] {
        std::fs::write(&path, bytes).unwrap();
        assert!(Archive::open_file(&path).await.is_err());
    }
    assert!(Archive::open_file(&folder.path().join("missing")).await.is_err());
}

#[test]
fn pyramid_past_what_the_set_was_made_for_is_refused() {
    let set = FeatureSet::new(TileMatrixSet::WebMercatorQuad, 8, archipelago());
    let result = pyramid::build(&set, "a", 0..=9, &CutOptions::default(), &mut |_, _| Ok(()));
    assert!(result.is_err());
}

fn ogrinfo(arguments: &[&std::ffi::OsStr]) -> Option<String> {
    let output = Command::new("ogrinfo").args(arguments).output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn gdal_reads_the_same_features_from_a_tile() {
    let set = FeatureSet::new(TileMatrixSet::WebMercatorQuad, 12, archipelago());
    let (tile, _) = tile_at(9);
    let cut = set.tile("岛", tile, &CutOptions::default()).unwrap().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(format!("{}-{}-{}.mvt", tile.z, tile.x, tile.y));
    std::fs::write(&path, &cut.bytes).unwrap();
    let arguments = ["-al".as_ref(), "-geom=SUMMARY".as_ref(), path.as_os_str()];
    let Some(report) = ogrinfo(&arguments) else {
        eprintln!("SKIPPED: ogrinfo is not installed, GDAL did not check the tile");
        return;
    };
    let layer = decode(&cut.bytes).unwrap().remove(0);
    assert!(report.contains("Layer name: 岛"), "{report}");
    assert!(report.contains(&format!("Feature Count: {}", layer.features.len())));
    assert!(report.contains("图斑编号 (String) = 耕地"));
}

/// The real plan layer of the samples folder, as web-mercator features.
fn zoning() -> Option<Vec<Feature>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().find_map(|folder| {
        let path: PathBuf = folder.join("../shared/samples/plans/Planning_Primary_Zoning.geojson");
        path.exists().then_some(path)
    });
    let Some(path) = root else {
        eprintln!("SKIPPED: ../shared/samples/plans is absent, no real plan layer was cut");
        return None;
    };
    let json: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let mercator = |point: &serde_json::Value| {
        let radius = 6_378_137.0;
        let [lon, lat] = [0, 1].map(|i| point[i].as_f64().unwrap().to_radians());
        [radius * lon, radius * (std::f64::consts::FRAC_PI_4 + lat / 2.0).tan().ln()]
    };
    let rings = |polygon: &serde_json::Value| -> Vec<Vec<[f64; 2]>> {
        let ring = |ring: &serde_json::Value| ring.as_array().unwrap().iter().map(mercator).collect();
        polygon.as_array().unwrap().iter().map(ring).collect()
    };
    let features = json["features"].as_array().unwrap().iter().enumerate();
    Some(
        features
            .map(|(id, source)| {
                let shape = &source["geometry"];
                let coordinates = &shape["coordinates"];
                let polygons = match shape["type"].as_str() {
                    Some("Polygon") => vec![rings(coordinates)],
                    _ => coordinates.as_array().unwrap().iter().map(rings).collect(),
                };
                feature(id as u64, Geometry::Polygons(polygons))
            })
            .collect(),
    )
}

#[test]
fn real_plan_layer_becomes_valid_tiles() {
    let Some(features) = zoning() else { return };
    let count = features.len();
    let again = features.clone();
    let started = std::time::Instant::now();
    let set = FeatureSet::new(TileMatrixSet::WebMercatorQuad, 14, features);
    assert_eq!((set.len(), set.unplaced()), (count, 0));
    let mut tiles = Vec::new();
    let report = pyramid::build(&set, "zoning", 8..=14, &CutOptions::default(), &mut |tile, gzip| {
        tiles.push((tile, gzip));
        Ok(())
    })
    .unwrap();
    eprintln!("{count} features: {report:?} in {:?}", started.elapsed());
    let mut ids = std::collections::BTreeSet::new();
    for (tile, gzip) in tiles {
        let layer = decode(&gunzip(&gzip, 1 << 24).unwrap()).unwrap().remove(0);
        assert_valid(&layer);
        if tile.z == 14 {
            ids.extend(layer.features.iter().filter_map(|f| f.id));
        }
    }
    let missing = (0..count).filter(|id| !ids.contains(&(*id as u64)));
    let unit_m = TileMatrixSet::WebMercatorQuad.tile_span(14) / f64::from(EXTENT);
    for id in missing {
        let Geometry::Polygons(polygons) = &again[id].geometry else { unreachable!("all are polygons") };
        let ring: geo::LineString<f64> = polygons[0][0].iter().map(|p| geo::Coord { x: p[0], y: p[1] }).collect();
        let width_m = 2.0 * geo::Polygon::new(ring.clone(), vec![]).unsigned_area() / geo::Euclidean.length(&ring);
        assert!(width_m < unit_m, "feature {id}, {width_m} m wide, is in no tile");
    }
}

proptest! {
    #[test]
    fn hostile_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(layers) = decode(&bytes) {
            prop_assert!(layers.len() <= bytes.len());
        }
    }

    #[test]
    fn tile_with_a_changed_byte_never_panics(at in 0_usize..10_000, value in any::<u8>()) {
        let set = FeatureSet::new(TileMatrixSet::WebMercatorQuad, 9, archipelago().into_iter().take(6));
        let (tile, _) = tile_at(9);
        if let Some(cut) = set.tile("a", tile, &CutOptions::default()).unwrap() {
            let mut bytes = cut.bytes;
            let index = at % bytes.len();
            bytes[index] = value;
            if let Ok(layers) = decode(&bytes) {
                let vertices: usize = layers.iter().flat_map(|l| &l.features).map(|f| f.geometry.vertex_count()).sum();
                prop_assert!(vertices <= bytes.len());
            }
        }
    }

    #[test]
    fn random_star_polygons_are_valid_in_every_tile(
        radii in prop::collection::vec(0.02_f64..0.9, 5..40),
        zoom in 7_u8..12,
    ) {
        let (tile, [west, south, east, _]) = tile_at(9);
        let span = east - west;
        let ring = radii.iter().enumerate().map(|(i, r)| {
            let angle = i as f64 / radii.len() as f64 * TAU;
            [west + span * (0.5 + r * angle.cos()), south + span * (0.5 + r * angle.sin())]
        }).collect();
        let set = FeatureSet::new(TileMatrixSet::WebMercatorQuad, 12, [polygon(1, ring)]);
        let options = CutOptions::default();
        let tile = if zoom < 9 {
            TileCoord { z: zoom, x: tile.x >> (9 - zoom), y: tile.y >> (9 - zoom) }
        } else {
            TileCoord { z: zoom, x: tile.x << (zoom - 9), y: tile.y << (zoom - 9) }
        };
        if let Some(cut) = set.tile("a", tile, &options).unwrap() {
            let layers = decode(&cut.bytes).unwrap();
            layers.iter().for_each(assert_valid);
            let reach = 128;
            for feature in &layers[0].features {
                if let TileGeometry::Polygons(polygons) = &feature.geometry {
                    prop_assert!(polygons.iter().flatten().flatten().flatten()
                        .all(|v| (-reach..=4096 + reach).contains(v)));
                }
            }
        }
    }
}
