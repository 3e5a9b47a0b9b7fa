//! Outlines of projects in every format they come in, and patches written for others to read; GDAL's tools are the oracle.

use std::io::Write as _;
use std::path::Path;

use serde_json::{Value, json};

use super::{json, shikong_import, tool};

const RING: [[f64; 2]; 5] = [
    [500_000.125, 3_098_000.5],
    [500_100.125, 3_098_000.5],
    [500_100.125, 3_098_080.5],
    [500_000.125, 3_098_080.5],
    [500_000.125, 3_098_000.5],
];

/// The same parcel in each format, made by GDAL's tool from `GeoJSON`.
fn delivered(folder: &Path, driver: &str, file: &str, more: &[&str]) -> std::path::PathBuf {
    let source = folder.join("source.geojson");
    let collection = json!({
        "type": "FeatureCollection",
        "crs": { "type": "name", "properties": { "name": "urn:ogc:def:crs:EPSG::4546" } },
        "features": [{ "type": "Feature", "properties": { "DKMC": "一号地块" },
                       "geometry": { "type": "Polygon", "coordinates": [RING] } }],
    });
    std::fs::write(&source, collection.to_string()).expect("written");
    let out = folder.join(file);
    let mut arguments = vec!["-f", driver, out.to_str().expect("UTF-8"), source.to_str().expect("UTF-8")];
    arguments.extend(more);
    tool("ogr2ogr", &arguments);
    out
}

fn outline(path: &Path, more: &[&str]) -> (i32, Value) {
    let mut arguments = vec!["outline", path.to_str().expect("UTF-8")];
    arguments.extend(more);
    json(&shikong_import(&arguments))
}

#[test]
fn one_outline_is_the_same_whatever_format_it_comes_in() {
    let folder = tempfile::tempdir().expect("a folder");
    let shapefile = delivered(folder.path(), "ESRI Shapefile", "红线.shp", &["-lco", "ENCODING=CP936"]);
    let zip = folder.path().join("红线.zip");
    let mut archive = zip::ZipWriter::new(std::fs::File::create(&zip).expect("created"));
    for extension in ["shp", "shx", "dbf", "prj"] {
        let name = format!("../报件/红线.{}", extension.to_uppercase());
        archive.start_file(name, zip::write::SimpleFileOptions::default()).expect("begun");
        archive.write_all(&std::fs::read(shapefile.with_extension(extension)).expect("read")).expect("written");
    }
    archive.finish().expect("whole");
    let files =
        [shapefile, zip, delivered(folder.path(), "GPKG", "红线.gpkg", &[]), folder.path().join("source.geojson")];
    for file in files {
        let (code, found) = outline(&file, &[]);
        assert_eq!((code, &found["crs"]), (0, &json!("EPSG:4546")), "{found:#}");
        assert_eq!(found["parcels"].as_array().map(Vec::len), Some(1));
        assert_eq!(found["parcels"][0]["name"], "一号地块", "{}", file.display());
        let ring: Vec<[f64; 2]> =
            serde_json::from_value(found["parcels"][0]["polygons"][0][0].clone()).expect("a ring of numbers");
        assert_eq!(ring.len(), RING.len());
        assert!(RING.iter().all(|corner| ring.contains(corner)), "{ring:?}");
    }
}

#[test]
fn a_drawing_of_closed_lines_is_an_outline_once_its_system_is_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let drawing = delivered(folder.path(), "DXF", "红线.dxf", &["-nlt", "LINESTRING", "-select", ""]);
    let (code, found) = outline(&drawing, &[]);
    assert_eq!(code, 4, "{found:#}");
    let words = &found["failure"]["text"];
    assert!(words["zh"].as_str().is_some_and(|zh| zh.contains("--crs")), "{words}");
    let (code, found) = outline(&drawing, &["--crs", "EPSG:4546"]);
    assert_eq!((code, &found["crs"]), (0, &json!("EPSG:4546")), "{found:#}");
    assert_eq!(found["parcels"][0]["polygons"][0][0].as_array().map(Vec::len), Some(RING.len()));
}

#[test]
fn what_is_no_outline_is_refused_with_words() {
    let folder = tempfile::tempdir().expect("a folder");
    let broken = folder.path().join("坏.zip");
    std::fs::write(&broken, b"PK\x03\x04 and nothing").expect("written");
    let empty = folder.path().join("空.zip");
    let mut archive = zip::ZipWriter::new(std::fs::File::create(&empty).expect("created"));
    archive.start_file("readme.txt", zip::write::SimpleFileOptions::default()).expect("begun");
    archive.finish().expect("whole");
    for file in [broken, empty] {
        let (code, found) = outline(&file, &[]);
        assert_eq!(code, 4, "{found:#}");
        assert!(found["failure"]["text"]["en"].as_str().is_some_and(|en| en.contains("ZIP")), "{found:#}");
    }
}

#[test]
fn exported_patches_are_what_gdal_reads_with_both_areas() {
    let folder = tempfile::tempdir().expect("a folder");
    let input = folder.path().join("patches.geojson");
    let patches = json!({ "type": "FeatureCollection", "features": [
        { "type": "Feature", "id": "C1", "geometry": { "type": "Polygon", "coordinates": [RING] },
          "properties": { "行政区名称": "样例镇", "plane_m2": 8000.0, "ellipsoidal_m2": 7997.12, "classes": ["建设", "非建设"], "CTFL": 10, "sliver": false } },
        { "type": "Feature", "id": "C2", "geometry": { "type": "MultiPolygon", "coordinates": [[RING], [RING]] },
          "properties": { "行政区名称": null, "plane_m2": 16000, "ellipsoidal_m2": 15994.24, "CTFL": 11, "sliver": true } },
    ] });
    std::fs::write(&input, patches.to_string()).expect("written");
    let export = |format: &str, file: &str| {
        let out = folder.path().join(file);
        let (input, path) = (input.to_str().expect("UTF-8"), out.to_str().expect("UTF-8"));
        let call = ["export", "--input", input, "--crs", "EPSG:4546", "--format", format, "--out", path];
        let (code, said) = json(&shikong_import(&call));
        assert_eq!((code, &said["features"]), (0, &json!(2)), "{said:#}");
        out
    };
    let package = export("gpkg", "patches.gpkg");
    let said = tool("ogrinfo", &["-al", package.to_str().expect("UTF-8")]);
    for line in [
        "Feature Count: 2",
        "Geometry: Multi Polygon",
        "ID[\"EPSG\",4546]]",
        "ellipsoidal_m2 (Real) = 7997.12",
        "plane_m2 (Real) = 16000",
        "classes (String) = 建设、非建设",
        "sliver (Integer64) = 1",
        "id (String) = C1",
        "行政区名称 (String) = 样例镇",
    ] {
        assert!(said.contains(line), "{line}\n{said}");
    }
    let archive = export("shapefile-gbk", "patches.zip");
    let mut zip = zip::ZipArchive::new(std::fs::File::open(&archive).expect("there")).expect("a ZIP");
    zip.extract(folder.path().join("out")).expect("taken out");
    let out = folder.path().join("out");
    assert_eq!(std::fs::read_to_string(out.join("patches.cpg")).expect("there"), "GBK");
    let dbf = std::fs::read(out.join("patches.dbf")).expect("there");
    let gbk = encoding_rs::GBK.encode("样例镇").0.into_owned();
    assert!(dbf.windows(gbk.len()).any(|window| window == gbk), "the text is GBK");
    let said = tool("ogrinfo", &["-al", out.join("patches.shp").to_str().expect("UTF-8")]);
    for line in
        ["Feature Count: 2", "ellipsoida (Real) = 7997.12", "plane_m2 (Real) = 8000", "行政区名称 (String) = 样例镇"]
    {
        assert!(said.contains(line), "{line}\n{said}");
    }
    let fields = std::fs::read_to_string(out.join("fields.csv")).expect("there");
    assert!(fields.contains("ellipsoida,\"ellipsoidal_m2\""), "{fields}");
}

#[test]
fn lines_and_points_are_exported_as_layers_of_their_own() {
    let folder = tempfile::tempdir().expect("a folder");
    let input = folder.path().join("patches.geojson");
    let feature = |id: &str, geometry: Value, properties: Value| json!({ "type": "Feature", "id": id, "geometry": geometry, "properties": properties });
    let way = [[500_000.5, 3_132_000.0], [500_100.0, 3_132_050.0], [500_200.0, 3_132_000.0]];
    let patches = json!({ "type": "FeatureCollection", "features": [
        feature("LX1", json!({ "type": "LineString", "coordinates": way }), json!({ "length_m": 223.6, "people_of_houses": 7 })),
        feature("A1", json!({ "type": "Polygon", "coordinates": [RING] }), json!({ "people_of_house": 3 })),
        feature("LX2", json!({ "type": "MultiLineString", "coordinates": [way, way] }), json!({ "length_m": 447.2 })),
        feature("P1", json!({ "type": "Point", "coordinates": way[0] }), json!({ "name": "样例村委会" })),
    ] });
    std::fs::write(&input, patches.to_string()).expect("written");
    let export = |format: &str, file: &str| {
        let out = folder.path().join(file);
        let (input, path) = (input.to_str().expect("UTF-8"), out.to_str().expect("UTF-8"));
        let call = ["export", "--input", input, "--crs", "EPSG:4546", "--format", format, "--out", path];
        let (code, said) = json(&shikong_import(&call));
        assert_eq!((code, &said["features"]), (0, &json!(4)), "{said:#}");
        out
    };
    let package = export("gpkg", "patches.gpkg");
    let archive = export("shapefile-gbk", "patches.zip");
    let out = folder.path().join("out");
    zip::ZipArchive::new(std::fs::File::open(&archive).expect("there"))
        .expect("a ZIP")
        .extract(&out)
        .expect("taken out");
    let layers: [(&str, &[&str]); 3] = [
        ("patches", &["Geometry: Multi Polygon", "Feature Count: 1", "id (String) = A1"]),
        (
            "patch_lines",
            &["Geometry: Multi Line String", "Feature Count: 2", "length_m (Real) = 447.2", "500000.5 3132000"],
        ),
        (
            "patch_points",
            &["Geometry: Point", "Feature Count: 1", "name (String) = 样例村委会", "POINT (500000.5 3132000"],
        ),
    ];
    for (layer, lines) in layers {
        let of_package = tool("ogrinfo", &["-al", package.to_str().expect("UTF-8"), layer]);
        let shp = out.join(format!("{layer}.shp"));
        let of_shapefile = tool("ogrinfo", &["-al", shp.to_str().expect("UTF-8")]);
        for line in lines {
            assert!(of_package.contains(line), "{line}\n{of_package}");
            // A shapefile of lines may hold one part or several.
            let line = line.replace("Multi ", "");
            assert!(of_shapefile.contains(&line) || line.starts_with("Geometry: Polygon"), "{line}\n{of_shapefile}");
        }
        assert_eq!(std::fs::read_to_string(out.join(format!("{layer}.cpg"))).expect("there"), "GBK");
    }
    // Two long names of different layers must not be cut to one.
    let fields = std::fs::read_to_string(out.join("fields.csv")).expect("there");
    assert!(fields.contains("people_of_,") && fields.contains("people_o_1,"), "{fields}");
}
