//! Reading cloud-optimised files that GDAL made, and comparing every sample with GDAL's own reading.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::float_cmp,
    reason = "a failing test is a panic, and says aloud what it skips"
)]

use std::path::{Path, PathBuf};
use std::process::Command;

use tiles::cog::{Cog, SampleType, Window};

/// Runs a GDAL program; `false`, aloud, when it is not installed.
fn gdal(program: &str, arguments: &[&str]) -> bool {
    let Ok(output) = Command::new(program).args(arguments).output() else {
        eprintln!("SKIPPED: {program} is not installed, nothing was compared with GDAL");
        return false;
    };
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{program} {arguments:?}: {text}");
    true
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

const WIDTH: u32 = 310;
const HEIGHT: u32 = 230;

/// A smooth picture with some detail, `bands` bytes to a pixel; alpha is 0 in a corner.
fn picture(bands: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    for y in 0..HEIGHT {
        for x in 0..WIDTH {
            let pixel = [(x / 3) as u8, (y / 2) as u8, ((x * y / 400) % 256) as u8];
            bytes.extend(&pixel[..bands.min(3)]);
            if bands == 4 {
                bytes.push(if x + y < 200 { 0 } else { 255 });
            }
        }
    }
    bytes
}

fn write_png(path: &Path, bands: usize) {
    let mut encoder = png::Encoder::new(std::fs::File::create(path).unwrap(), WIDTH, HEIGHT);
    encoder.set_color([png::ColorType::Grayscale, png::ColorType::Rgb, png::ColorType::Rgba][bands / 2]);
    encoder.write_header().unwrap().write_image_data(&picture(bands)).unwrap();
}

/// Heights with a hole, as an Arc/Info text grid.
fn write_grid(path: &Path) {
    use std::fmt::Write as _;
    let mut grid = format!(
        "ncols {WIDTH}\nnrows {HEIGHT}\nxllcorner 500000\nyllcorner 3100000\ncellsize 2.5\nNODATA_value -9999\n"
    );
    for y in 0..HEIGHT {
        for x in 0..WIDTH {
            let height = f64::from(x).sin() * 40.0 + f64::from(y * y) / 300.0 + 0.125;
            let hole = x.abs_diff(100) < 30 && y.abs_diff(120) < 20;
            write!(grid, "{} ", if hole { -9999.0 } else { height }).unwrap();
        }
        grid.push('\n');
    }
    std::fs::write(path, grid).unwrap();
}

/// GDAL's own samples of a file, band after band, as 64-bit numbers.
fn gdal_samples(path: &Path, extra: &[&str]) -> Vec<f64> {
    let raw = path.with_extension("raw");
    let mut arguments = vec!["-q", "-of", "ENVI", "-co", "INTERLEAVE=BSQ", "-ot", "Float64"];
    arguments.extend(extra);
    arguments.extend([text(path), text(&raw)]);
    assert!(gdal("gdal_translate", &arguments));
    let bytes = std::fs::read(raw).unwrap();
    bytes.chunks_exact(8).map(|b| f64::from_le_bytes(b.try_into().unwrap())).collect()
}

/// Every band of every level equals GDAL's reading of it.
async fn check(path: &Path, wants: SampleType) {
    let cog = Cog::open_file(path).await.unwrap();
    assert_eq!(cog.sample_type(), wants, "{}", path.display());
    let levels: Vec<_> = cog.levels().collect();
    for (index, level) in levels.iter().enumerate() {
        let overview = (index.max(1) - 1).to_string();
        let option = format!("OVERVIEW_LEVEL={overview}");
        let extra = if index == 0 { vec![] } else { vec!["-oo", option.as_str()] };
        let want = gdal_samples(path, &extra);
        let size = level.width as usize * level.height as usize;
        let window = Window { x: 0, y: 0, width: level.width, height: level.height };
        for band in 0..cog.bands() {
            let got = cog.read_band(index, window, band).await.unwrap();
            for (at, (got, want)) in got.values.iter().zip(&want[band * size..]).enumerate() {
                let same = *got == *want as f32 || (got.is_nan() && (Some(*want) == cog.nodata() || want.is_nan()));
                assert!(same, "{}: level {index}, band {band}, pixel {at}: {got} instead of {want}", path.display());
            }
        }
    }
}

async fn check_translated(source: &Path, folder: &Path, name: &str, options: &[&str], wants: SampleType) {
    let path = folder.join(format!("{name}.tif"));
    let mut arguments = vec!["-q"];
    arguments.extend(options);
    arguments.extend([text(source), text(&path)]);
    assert!(gdal("gdal_translate", &arguments));
    check(&path, wants).await;
}

#[tokio::test]
async fn bytes_of_every_compression_are_read_as_gdal_reads_them() {
    if !gdal("gdalinfo", &["--version"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for bands in [1, 3, 4] {
        let source = folder.path().join(format!("picture{bands}.png"));
        write_png(&source, bands);
        for (name, compression) in [
            ("none", "COMPRESS=NONE"),
            ("lzw", "COMPRESS=LZW"),
            ("deflate", "COMPRESS=DEFLATE"),
            ("zstd", "COMPRESS=ZSTD"),
            ("webp", "COMPRESS=WEBP"),
        ] {
            if name == "webp" && bands == 1 {
                continue;
            }
            let predicted = if name == "none" || name == "webp" { "PREDICTOR=NO" } else { "PREDICTOR=YES" };
            let mut options = vec!["-of", "COG", "-co", compression, "-co", predicted, "-co", "BLOCKSIZE=128"];
            if name == "webp" {
                options = vec!["-of", "COG", "-co", compression, "-co", "BLOCKSIZE=128", "-co", "QUALITY=100"];
            }
            let name = format!("{name}{bands}");
            check_translated(&source, folder.path(), &name, &options, SampleType::U8).await;
        }
    }
}

#[tokio::test]
async fn numbers_of_every_width_and_byte_order_are_read_as_gdal_reads_them() {
    if !gdal("gdalinfo", &["--version"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("heights.asc");
    write_grid(&source);
    // Each width with one codec, and the one heights come in with all of them.
    let (deflate, zstd, lzw) = ("COMPRESS=DEFLATE", "COMPRESS=ZSTD", "COMPRESS=LZW");
    let types = [
        ("Int16", SampleType::I16, "2", &[lzw][..]),
        ("UInt16", SampleType::U16, "2", &[zstd]),
        ("Int32", SampleType::I32, "2", &[deflate]),
        ("Float32", SampleType::F32, "3", &[deflate, zstd, lzw]),
        ("Float64", SampleType::F64, "3", &[zstd]),
    ];
    for (kind, wants, predictor, compressions) in types {
        for compression in compressions {
            let options =
                ["-of", "COG", "-ot", kind, "-co", compression, "-co", "PREDICTOR=YES", "-co", "BLOCKSIZE=128"];
            check_translated(&source, folder.path(), &format!("{compression}{kind}"), &options, wants).await;
        }
        let predictor = format!("PREDICTOR={predictor}");
        let big = [
            "-ot",
            kind,
            "-co",
            "TILED=YES",
            "-co",
            "BIGTIFF=YES",
            "-co",
            "ENDIANNESS=BIG",
            "-co",
            "COMPRESS=DEFLATE",
            "-co",
            &predictor,
        ];
        check_translated(&source, folder.path(), &format!("big{kind}"), &big, wants).await;
    }
    let plain = ["-ot", "Float32", "-co", "TILED=YES", "-co", "ENDIANNESS=BIG"];
    check_translated(&source, folder.path(), "plain", &plain, SampleType::F32).await;
}

#[tokio::test]
async fn jpeg_with_shared_tables_and_a_mask_is_read_as_gdal_reads_it() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("picture.png");
    write_png(&source, 4);
    let path = folder.path().join("jpeg.tif");
    if !gdal(
        "gdal_translate",
        &["-q", "-of", "COG", "-co", "COMPRESS=JPEG", "-co", "BLOCKSIZE=128", text(&source), text(&path)],
    ) {
        return;
    }
    let cog = Cog::open_file(&path).await.unwrap();
    let want = gdal_samples(&path, &[]);
    let size = (WIDTH * HEIGHT) as usize;
    let window = Window { x: 0, y: 0, width: WIDTH, height: HEIGHT };
    let got = cog.read_rgba(0, window).await.unwrap();
    let mut worst = 0;
    for (at, pixel) in got.data.chunks_exact(4).enumerate() {
        let (x, y) = (at as u32 % WIDTH, at as u32 / WIDTH);
        assert_eq!(pixel[3], if x + y < 200 { 0 } else { 255 }, "alpha at {x}, {y}");
        for band in 0..3 {
            worst = worst.max(i32::from(pixel[band]).abs_diff(want[band * size + at] as i32));
        }
    }
    // Two JPEG decoders differ in rounding and in how they spread chroma.
    assert!(worst <= 24, "{worst}");
    let mean =
        got.data.chunks_exact(4).enumerate().map(|(at, p)| (f64::from(p[1]) - want[size + at]).abs()).sum::<f64>();
    assert!(mean / (size as f64) < 0.5, "{}", mean / size as f64);
}

#[tokio::test]
async fn jpeg_of_red_green_and_blue_is_not_taken_for_luminance() {
    let folder = tempfile::tempdir().unwrap();
    let (source, path) = (folder.path().join("picture.png"), folder.path().join("rgb.tif"));
    write_png(&source, 3);
    let options = ["-q", "-co", "TILED=YES", "-co", "COMPRESS=JPEG", "-co", "PHOTOMETRIC=RGB"];
    if !gdal("gdal_translate", &[&options[..], &[text(&source), text(&path)]].concat()) {
        return;
    }
    let cog = Cog::open_file(&path).await.unwrap();
    let want = gdal_samples(&path, &[]);
    let window = Window { x: 0, y: 0, width: WIDTH, height: HEIGHT };
    let got = cog.read_rgba(0, window).await.unwrap();
    let size = (WIDTH * HEIGHT) as usize;
    for (at, pixel) in got.data.chunks_exact(4).enumerate() {
        let off = (0..3).map(|band| i32::from(pixel[band]).abs_diff(want[band * size + at] as i32)).max().unwrap();
        assert!(off <= 3, "pixel {at}: {pixel:?}");
    }
}

#[tokio::test]
async fn window_over_the_edge_is_empty_outside_and_exact_inside() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("picture.png");
    write_png(&source, 3);
    let path = folder.path().join("x.tif");
    if !gdal(
        "gdal_translate",
        &["-q", "-of", "COG", "-co", "COMPRESS=DEFLATE", "-co", "BLOCKSIZE=128", text(&source), text(&path)],
    ) {
        return;
    }
    let cog = Cog::open_file(&path).await.unwrap();
    let window = Window { x: -10, y: 200, width: 300, height: 60 };
    let got = cog.read_rgba(0, window).await.unwrap();
    let want = picture(3);
    for (at, pixel) in (0_i64..).zip(got.data.chunks_exact(4)) {
        let (x, y) = (at % 300 - 10, at / 300 + 200);
        if x < 0 || y >= i64::from(HEIGHT) {
            assert_eq!(pixel[3], 0);
        } else {
            let from = (y as usize * WIDTH as usize + x as usize) * 3;
            assert_eq!(pixel, [want[from], want[from + 1], want[from + 2], 255]);
        }
    }
    let far = Window { x: i64::MAX - 5, y: i64::MIN, width: 2, height: 2 };
    assert!(cog.read_rgba(0, far).await.unwrap().data.iter().all(|v| *v == 0));
    assert!(cog.read_rgba(0, Window { width: 1 << 20, height: 1 << 20, ..window }).await.is_err());
    assert!(cog.read_rgba(99, window).await.is_err());
}

#[tokio::test]
async fn place_and_coordinate_system_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("heights.asc");
    write_grid(&source);
    // A zone of one's own: no EPSG code has this meridian.
    let custom = "+proj=tmerc +lat_0=0 +lon_0=113.37 +k=1 +x_0=500000 +y_0=90 +ellps=GRS80 +units=m";
    for (name, srs) in [("zone", "EPSG:4547"), ("degrees", "EPSG:4490"), ("custom", custom)] {
        let path: PathBuf = folder.path().join(format!("{name}.tif"));
        if !gdal("gdal_translate", &["-q", "-of", "COG", "-a_srs", srs, text(&source), text(&path)]) {
            return;
        }
        let cog = Cog::open_file(&path).await.unwrap();
        assert_eq!(cog.transform().unwrap().0, [500_000.0, 2.5, 0.0, 3_100_000.0 + 2.5 * 230.0, 0.0, -2.5]);
        let crs = cog.crs_text().unwrap();
        if name == "custom" {
            assert!(crs.contains("113.37") && crs.contains("90"), "{crs}");
        } else {
            assert_eq!(crs, srs);
        }
    }
}

#[tokio::test]
async fn hostile_files_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.tif");
    let loops = b"II\x2a\x00\x08\x00\x00\x00\x00\x00\x08\x00\x00\x00";
    let huge = [&b"II\x2b\x00\x08\x00\x00\x00\x10\x00\x00\x00\x00\x00\x00\x00"[..], &[0xff; 64]].concat();
    for bytes in [&b""[..], b"II", b"II\x2a\x00\xff\xff\xff\xff", loops, &huge, b"GIF89a....."] {
        std::fs::write(&path, bytes).unwrap();
        assert!(Cog::open_file(&path).await.is_err(), "{bytes:?}");
    }
    let source = folder.path().join("heights.asc");
    write_grid(&source);
    if !gdal("gdal_translate", &["-q", "-of", "COG", "-co", "COMPRESS=LZW", text(&source), text(&path)]) {
        return;
    }
    let good = std::fs::read(&path).unwrap();
    for seed in 0..60_usize {
        let mut bytes = good.clone();
        let at = seed * 7919 % if seed % 2 == 0 { 900 } else { bytes.len() };
        bytes[at] = bytes[at].wrapping_add(1 + seed as u8);
        bytes.truncate(if seed % 5 == 0 { bytes.len() / 2 } else { bytes.len() });
        std::fs::write(&path, &bytes).unwrap();
        if let Ok(cog) = Cog::open_file(&path).await {
            let window = Window { x: 0, y: 0, width: 300, height: 300 };
            if let Ok(pixels) = cog.read_band(0, window, 0).await {
                assert_eq!(pixels.values.len(), 90_000);
            }
        }
    }
}
