//! Orthophotos and elevation models: real files in, GDAL's reading of them as the oracle.

use std::path::Path;

use importers::gdal::raster::{RasterFile, Window};

use super::{add, asset, inspect, nothing_published, sample, tool, warnings};

/// Every height of `asset` is the delivered one times `metres`, and no data stayed no data.
fn check_heights(delivered: &Path, asset: &Path, metres: f32) {
    let (delivered, kept) = (RasterFile::open(delivered).expect("opens"), RasterFile::open(asset).expect("opens"));
    let (a, b) = (delivered.summary(), kept.summary());
    assert_eq!((a.width, a.height), (b.width, b.height));
    assert_eq!(a.crs_from_pixel, b.crs_from_pixel);
    let no_data = a.bands[0].no_data.map(|value| value as f32);
    let window = Window::whole(0, 0, a.width, a.height);
    let (was, is) = (delivered.read_f32(0, window).expect("read"), kept.read_f32(0, window).expect("read"));
    for (was, is) in was.into_iter().zip(is) {
        if Some(was) == no_data || was.is_nan() {
            assert!(is.is_nan(), "{was} became {is}");
        } else {
            assert!((was * metres - is).abs() <= was.abs() * 1e-6, "{was} became {is}");
        }
    }
}

#[test]
fn an_orthophoto_becomes_an_aligned_cog_where_gdal_finds_it() {
    let Some(path) = sample("drone/nodeodm/odm_orthophoto/odm_orthophoto.tif") else { return };
    let data = tempfile::tempdir().expect("a folder");
    let (code, report) = add(&path, data.path(), &["--valid-from", "2024"]);
    assert_eq!(code, 0, "{report:#}");
    let published = &report["published"][0];
    assert_eq!((&published["kind"], &published["properties"]["max_zoom"]), (&"imagery".into(), &18.into()));
    assert_eq!(published["crs"], "EPSG:32615");
    let said = tool("gdalinfo", &["-json", asset(data.path(), &report, "image.tif").to_str().expect("UTF-8")]);
    let info: serde_json::Value = serde_json::from_str(&said).expect("JSON");
    let affine: Vec<f64> =
        info["geoTransform"].as_array().expect("georeferenced").iter().filter_map(serde_json::Value::as_f64).collect();
    // A pixel of zoom 18, and a corner on the grid of its tiles.
    let pixel = 20_037_508.342_789_244 * 2.0 / 256.0 / f64::from(1 << 18);
    assert!((affine[1] - pixel).abs() < 1e-9, "{affine:?}");
    let tiles = (affine[0] + 20_037_508.342_789_244) / (pixel * 256.0);
    assert!((tiles - tiles.round()).abs() < 1e-6, "{tiles}");
    assert_eq!(info["bands"].as_array().expect("bands").len(), 4);
}

#[test]
fn elevations_keep_every_sample_and_say_that_no_datum_is_stated() {
    for (path, more) in [
        ("drone/nodeodm/odm_dem/dsm.tif", &["--valid-from", "2024"][..]),
        ("dem/N44W072.hgt", &["--valid-from", "2000"][..]),
        ("dem/zh_dem_25.tif", &["--valid-from", "2000", "--crs", "EPSG:21781"][..]),
    ] {
        let Some(path) = sample(path) else { return };
        let data = tempfile::tempdir().expect("a folder");
        let (code, report) = add(&path, data.path(), more);
        assert_eq!((code, warnings(&report, "height-datum-unknown").len()), (3, 1), "{report:#}");
        assert_eq!(report["published"][0]["height_datum"], "unknown");
        check_heights(&path, &asset(data.path(), &report, "elevation.tif"), 1.0);
    }
}

#[test]
fn feet_become_metres_and_a_stated_datum_needs_no_warning() {
    let Some(path) = sample("drone/nodeodm/odm_dem/dtm.tif") else { return };
    let data = tempfile::tempdir().expect("a folder");
    let options = ["--valid-from", "2024", "--height-unit", "ft", "--height-datum", "normal_1985"];
    let (code, report) = add(&path, data.path(), &options);
    assert_eq!(code, 0, "{report:#}");
    assert_eq!(report["published"][0]["height_datum"], "normal_1985");
    check_heights(&path, &asset(data.path(), &report, "elevation.tif"), 0.3048);
}

#[test]
fn rasters_without_a_place_or_on_an_old_datum_are_refused() {
    let (Some(no_crs), Some(dsm)) = (sample("dem/zh_dem_25.tif"), sample("drone/nodeodm/odm_dem/dsm.tif")) else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let xian = folder.path().join("xian80.tif");
    let ortho = folder.path().join("plain.tif");
    let (xian, plain) = (xian.to_str().expect("UTF-8"), ortho.to_str().expect("UTF-8"));
    tool(
        "gdal_translate",
        &[
            "-q",
            "-a_srs",
            "EPSG:2381",
            "-a_ullr",
            "500100",
            "3132800",
            "500900",
            "3132000",
            dsm.to_str().expect("UTF-8"),
            xian,
        ],
    );
    tool("gdal_translate", &["-q", "-co", "PROFILE=BASELINE", "-ot", "Byte", dsm.to_str().expect("UTF-8"), plain]);
    std::fs::remove_file(format!("{plain}.aux.xml")).unwrap_or_default();
    for (path, word) in
        [(no_crs.as_path(), "--crs"), (Path::new(xian), "--datum-parameters"), (Path::new(plain), "定位")]
    {
        let data = folder.path().join("data");
        let (code, report) = add(path, &data, &[]);
        assert_eq!(code, 4, "{report:#}");
        assert!(report["failed"][0]["text"]["zh"].as_str().is_some_and(|zh| zh.contains(word)), "{word}: {report:#}");
        assert!(nothing_published(&data));
    }
}

#[test]
fn a_damaged_tiff_is_refused_in_clear_words() {
    let Some(path) = sample("broken/corrupt.tif") else { return };
    let data = tempfile::tempdir().expect("a folder");
    let (code, report) = add(&path, data.path(), &[]);
    assert_eq!(code, 4, "{report:#}");
    assert!(report["failed"][0]["text"]["zh"].as_str().is_some_and(|zh| zh.contains("损坏")), "{report:#}");
    assert!(nothing_published(data.path()));
    let (code, findings) = inspect(&path, &[]);
    assert_eq!((code, &findings["units"][0]["kind"]), (0, &"imagery".into()));
}
