//! Vector tiles: passed through on `w`, cut live on `c`, the same features on both.

use std::collections::BTreeSet;

use axum::http::{StatusCode, header};
use catalog::DatasetKind;
use geodesy::crs::Crs;
use geodesy::grid::{TileCoord, TileMatrixSet};
use geodesy::transform::Transform;
use tiles::mvt::{TileGeometry, TileLayer, decode};

use crate::harness::{PARCELS, Service, parcel_corner, parcels};

/// Longitude and latitude of the middle of a parcel.
fn middle(number: u32) -> [f64; 2] {
    let [x, y] = parcel_corner(number);
    let mut point = [[x + 30.0, y + 30.0]];
    let lon_lat = Transform::new(&Crs::from_epsg(4546).expect("known"), &Crs::cgcs2000()).expect("planned");
    lon_lat.points(&mut point).expect("placed");
    point[0]
}

fn tile_of(grid: TileMatrixSet, z: u8, number: u32) -> TileCoord {
    let [x, y] = grid.from_lon_lat_deg(middle(number));
    grid.tile_at(z, x, y).expect("on the grid")
}

fn ids(layers: &[TileLayer]) -> BTreeSet<u64> {
    layers.iter().flat_map(|layer| &layer.features).filter_map(|feature| feature.id).collect()
}

#[tokio::test]
async fn tiles_of_the_pyramid_are_passed_through_in_the_encoding_the_client_takes() {
    let service = Service::new().await;
    service.publish("dlg", DatasetKind::Features, "r1", "2023-01-01", parcels).await;
    let TileCoord { z, x, y } = tile_of(TileMatrixSet::WebMercatorQuad, 14, 0);
    let path = format!("/tiles/dlg@r1/{z}/{x}/{y}.mvt");
    let packed = service.get_with(&path, &[(header::ACCEPT_ENCODING, "gzip, br")]).await;
    assert_eq!(packed.status, StatusCode::OK);
    assert_eq!(packed.header(header::CONTENT_TYPE), "application/vnd.mapbox-vector-tile");
    assert_eq!(packed.header(header::CONTENT_ENCODING), "gzip");
    assert_eq!(packed.header(header::VARY), "Accept-Encoding");
    assert!(packed.body.starts_with(&[0x1f, 0x8b]));
    let plain = service.get(&path).await;
    assert_eq!(plain.header(header::CONTENT_ENCODING), "");
    assert_eq!(tile_server::encoding::gunzip(&packed.body, 1 << 20).expect("gzip"), plain.body);
    assert_ne!(packed.header(header::ETAG), plain.header(header::ETAG));
    let layers = decode(&plain.body).expect("a vector tile");
    assert_eq!(layers[0].name, "dlg");
    assert!(ids(&layers).contains(&101));

    for accept in ["gzip", "identity"] {
        let tag = service.get_with(&path, &[(header::ACCEPT_ENCODING, accept)]).await.header(header::ETAG).to_owned();
        let again = service.get_with(&path, &[(header::ACCEPT_ENCODING, accept), (header::IF_NONE_MATCH, &tag)]).await;
        assert_eq!(again.status, StatusCode::NOT_MODIFIED, "{accept}");
    }
    let empty = service.get("/tiles/dlg@r1/14/0/0.mvt").await;
    assert_eq!((empty.status, empty.body.len()), (StatusCode::NO_CONTENT, 0));
    let redirect = service.get(&path.replace("@r1", "")).await;
    assert_eq!((redirect.status, redirect.header(header::LOCATION)), (StatusCode::TEMPORARY_REDIRECT, path.as_str()));
    for outside in [
        "14/16384/0.mvt",
        "14/0/16384.mvt",
        "31/0/0.mvt",
        "99/0/0.mvt",
        "256/0/0.mvt",
        "014/0/0.mvt",
        "14/0/0.png",
        "14/0/0",
        "-1/0/0.mvt",
    ] {
        assert_eq!(service.get(&format!("/tiles/dlg@r1/{outside}")).await.status, StatusCode::NOT_FOUND, "{outside}");
    }
}

#[tokio::test]
async fn the_geographic_grid_shows_the_same_features_in_their_places() {
    let service = Service::new().await;
    service.publish("dlg", DatasetKind::Features, "r1", "2023-01-01", parcels).await;
    let grid = TileMatrixSet::Cgcs2000C;
    let mut seen = BTreeSet::new();
    for number in 0..PARCELS {
        let coord = tile_of(grid, 15, number);
        let reply = service.get(&format!("/tiles/dlg@r1/c/{}/{}/{}.mvt", coord.z, coord.x, coord.y)).await;
        assert_eq!(reply.status, StatusCode::OK);
        let layers = decode(&reply.body).expect("a vector tile");
        assert_eq!(layers[0].name, "dlg");
        seen.extend(ids(&layers));
        // The parcel covers its own middle, in tile units.
        let feature =
            layers[0].features.iter().find(|feature| feature.id == Some(u64::from(101 + number))).expect("there");
        let TileGeometry::Polygons(polygons) = &feature.geometry else { panic!("a polygon") };
        let [west, south, east, north] = grid.bounds(coord);
        let [lon, lat] = middle(number);
        let point = [(lon - west) / (east - west) * 4096.0, (north - lat) / (north - south) * 4096.0];
        assert!(covers(&polygons[0][0], point), "parcel {number} at {point:?} in {:?}", polygons[0][0]);
        assert_eq!(polygons[0].len(), if number == 0 { 2 } else { 1 }, "the hole stays");
    }
    assert_eq!(seen, (101..101 + u64::from(PARCELS)).collect());
    assert_eq!(service.get("/tiles/dlg@r1/c/15/0/0.mvt").await.status, StatusCode::NO_CONTENT);
    assert_eq!(service.get("/tiles/dlg@r1/c/3/6/1.mvt").await.status, StatusCode::NO_CONTENT, "below the first level");
    for outside in ["0/0/0.mvt", "1/2/0.mvt", "1/0/1.mvt", "16/0/0.mvt"] {
        assert_eq!(service.get(&format!("/tiles/dlg@r1/c/{outside}")).await.status, StatusCode::NOT_FOUND, "{outside}");
    }
}

/// Even-odd rule.
fn covers(ring: &[[i32; 2]], [x, y]: [f64; 2]) -> bool {
    let mut inside = false;
    for (a, b) in ring.iter().zip(ring.iter().cycle().skip(1)) {
        let ([ax, ay], [bx, by]) = (a.map(f64::from), b.map(f64::from));
        if (ay > y) != (by > y) && x < (bx - ax) * (y - ay) / (by - ay) + ax {
            inside = !inside;
        }
    }
    inside
}

#[tokio::test]
async fn tilejson_names_dated_tiles_of_both_grids() {
    let service = Service::new().await;
    service.publish("dlg", DatasetKind::Features, "r1", "2023-01-01", parcels).await;
    let document = service.get("/tiles/dlg").await.json();
    assert_eq!(document["tilejson"], "3.0.0");
    assert_eq!(document["tiles"][0], "http://gis.example:8080/tiles/dlg@r1/{z}/{x}/{y}.mvt");
    assert_eq!(document["shikong"]["c"]["tiles"][0], "http://gis.example:8080/tiles/dlg@r1/c/{z}/{x}/{y}.mvt");
    assert_eq!((&document["minzoom"], &document["maxzoom"]), (&8.into(), &15.into()));
    assert_eq!(document["vector_layers"][0]["id"], "dlg");
    assert_eq!(document["vector_layers"][0]["fields"]["地类编码"], "String");
    let secure = [
        (header::HeaderName::from_static("x-forwarded-proto"), "https"),
        (header::HeaderName::from_static("x-forwarded-host"), "map.example"),
    ];
    let document = service.get_with("/tiles/dlg", &secure).await.json();
    assert_eq!(document["tiles"][0], "https://map.example/tiles/dlg@r1/{z}/{x}/{y}.mvt");
    let evil = [(header::HeaderName::from_static("x-forwarded-host"), "evil.example/\"><script>")];
    let document = service.get_with("/tiles/dlg", &evil).await.json();
    assert_eq!(document["tiles"][0], "http://gis.example:8080/tiles/dlg@r1/{z}/{x}/{y}.mvt");
}
