//! A folder that already is a 3D Tiles tileset, registered as it is under a root of our own.
//!
//! Every file a tile names is looked at, copied untouched and counted; what is missing is named.
//! What leads out of the folder is refused: a published revision is whole by itself.

use std::collections::{BTreeSet, VecDeque};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use catalog::{DatasetKind, HeightReference};
use rayon::prelude::*;
use serde_json::json;
use tiles::glb::{self, GlbError, IDENTITY};
use tiles::tileset::{BoundingVolume, Content, Tile, Tileset, resolve};
use walkdir::WalkDir;

use super::block::chain;
use super::place::Place;
use super::warnings::Warnings;
use crate::importer::{
    Asset, Confidence, Conversion, Count, ImportError, Importer, Inspection, Job, Options, Severity, Text, Warning,
};
use crate::progress::Progress;

/// Files of one tileset.
const MAX_FILES: usize = 1_000_000;
/// Largest content read.
const MAX_BYTES: u64 = 1 << 30;
/// Nothing on the ground is nearer to the centre of the Earth, in metres.
const LEAST_RADIUS_M: f64 = 6.3e6;

/// Imports folders with a `tileset.json`.
#[derive(Debug)]
pub struct TilesFolder;

impl Importer for TilesFolder {
    fn name(&self) -> &'static str {
        "3d-tiles"
    }

    fn kind(&self) -> DatasetKind {
        DatasetKind::Mesh
    }

    fn claims(&self, path: &Path) -> Confidence {
        let is_named = path.file_name().is_some_and(|name| name.eq_ignore_ascii_case("tileset.json"));
        if path.join("tileset.json").is_file() || is_named && path.is_file() {
            Confidence::Certain
        } else {
            Confidence::No
        }
    }

    fn inspect(&self, path: &Path, options: &Options) -> Result<Inspection, ImportError> {
        let (folder, name) = root_of(path);
        let found = survey(&folder, &name)?;
        let mut inspection = Inspection {
            format: format!("3D Tiles {}", found.root.asset.version),
            what: Text::new("三维瓦片", "3D tiles"),
            ..Inspection::default()
        };
        let count = |zh: &str, en: &str, count: usize| Count { name: Text::new(zh, en), count: count as u64 };
        inspection.counts.push(count("瓦片", "tiles", found.tiles));
        inspection.counts.push(count("文件", "files", found.files.len()));
        inspection.problems = found.warnings.into_list();
        match stand(path, &found.root, options) {
            Ok(stood) => {
                inspection.bounds_lon_lat_deg = Some(stood.volume.lon_lat_bounds_deg(&stood.transform).0);
                inspection.crs = Some(stood.crs);
                inspection.height = Some(stood.height);
                inspection.problems.extend(stood.warnings);
            }
            Err(error) => {
                let text = error.to_string();
                let text = Text::new(text.clone(), text);
                inspection.problems.push(Warning::new("not-placed", Severity::Refusal, "", text));
            }
        }
        Ok(inspection)
    }

    fn convert(&self, job: &Job, progress: &Progress) -> Result<Conversion, ImportError> {
        let (folder, name) = root_of(&job.path);
        let found = survey(&folder, &name)?;
        let stood = stand(&job.path, &found.root, &job.options)?;
        progress.phase(Text::new("登记瓦片", "registering tiles"), found.files.len() as u64, "files");
        let failed = |source: io::Error| {
            ImportError::failed(
                &job.out,
                Text::new("写出失败，请检查磁盘空间", "writing failed: check the disk space"),
                source,
            )
        };
        let out = job.out.join("tiles");
        let triangles = AtomicU64::new(0);
        found.files.par_iter().try_for_each(|file| {
            let to = out.join(file);
            fs::create_dir_all(to.parent().unwrap_or(&out)).map_err(failed)?;
            let bytes = fs::read(folder.join(file)).map_err(failed)?;
            triangles.fetch_add(look_at(file, &bytes, &folder, &found.warnings), Ordering::Relaxed);
            fs::write(to, bytes).map_err(failed)?;
            progress.add(1);
            Ok(())
        })?;
        let error_m = found.root.geometric_error.max(found.root.root.geometric_error);
        let mut tile = Tile::new(stood.volume, error_m);
        tile.refine = found.root.root.refine.or(tile.refine);
        tile.transform = Some(stood.transform);
        tile.content = Some(Content::new(format!("tiles/{}", escaped(&name))));
        let json = Tileset::new(tile, error_m).to_json().map_err(|source| {
            ImportError::unreadable_because(
                &job.path,
                Text::new("瓦片集无法放置", "the tileset can't be placed"),
                source,
            )
        })?;
        fs::write(job.out.join("tileset.json"), json).map_err(failed)?;
        let (bounds, heights) = stood.volume.lon_lat_bounds_deg(&stood.transform);
        let origin = [
            f64::midpoint(bounds[0], bounds[2]),
            f64::midpoint(bounds[1], bounds[3]),
            f64::midpoint(heights[0], heights[1]),
        ];
        for warning in stood.warnings {
            found.warnings.add(warning);
        }
        Ok(Conversion {
            kind: DatasetKind::Mesh,
            crs: stood.crs,
            height: Some(stood.height),
            bounds_lon_lat_deg: bounds,
            height_range_m: Some(heights),
            properties: json!({
                "triangles": triangles.load(Ordering::Relaxed),
                "tiles": found.tiles,
                "origin_lon_lat_height": origin,
            }),
            assets: vec![Asset::new("tileset.json", "tileset"), Asset::new("tiles", "part")],
            warnings: found.warnings.into_list(),
            notes: json!({ "version": found.root.asset.version, "files": found.files.len() }),
        })
    }
}

/// The folder and the name of the root tileset in it.
fn root_of(path: &Path) -> (PathBuf, String) {
    if path.is_dir() {
        return (path.to_owned(), "tileset.json".to_owned());
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    (folder.to_owned(), name)
}

/// A tileset and all its files.
struct Found {
    root: Tileset,
    /// Every file to be copied, relative to the folder, `/`-separated.
    files: Vec<String>,
    /// Tiles that draw something.
    tiles: usize,
    warnings: Warnings,
}

/// Follows every tile of every tileset. Nothing is decoded yet.
fn survey(folder: &Path, name: &str) -> Result<Found, ImportError> {
    let warnings = Warnings::default();
    let path = folder.join(name);
    let unreadable = |source: io::Error| {
        ImportError::unreadable_because(&path, Text::new("瓦片集无法读取", "the tileset can't be read"), source)
    };
    let base = folder.canonicalize().map_err(unreadable)?;
    let mut files = BTreeSet::from([name.to_owned()]);
    let mut queue = VecDeque::from([name.to_owned()]);
    let (mut root, mut tiles) = (None, 0);
    while let Some(current) = queue.pop_front() {
        let bytes = fs::read(base.join(&current)).map_err(unreadable)?;
        let tileset = match Tileset::parse(&bytes) {
            Ok(tileset) => tileset,
            Err(source) if root.is_none() => {
                let text = Text::new("不是有效的 3D Tiles 瓦片集", "not a valid 3D Tiles tileset");
                return Err(ImportError::unreadable_because(&base.join(&current), text, source));
            }
            Err(source) => {
                let text = Text::new(
                    format!("外部瓦片集无效，其下内容不会显示：{source}"),
                    format!("the external tileset is not valid and nothing below it shows: {source}"),
                );
                warnings.add(Warning::new("tileset-invalid", Severity::Skipped, current, text));
                continue;
            }
        };
        for tile in tileset.root.iter() {
            for content in tile.all_contents() {
                tiles += 1;
                if let Some(implicit) = &tile.implicit_tiling {
                    let subtrees = implicit.pointer("/subtrees/uri").and_then(serde_json::Value::as_str);
                    for template in [Some(content.uri.as_str()), subtrees].into_iter().flatten() {
                        let pattern = inside(&base, &current, template, false)?;
                        files.extend(matching(&base, &pattern));
                    }
                    warnings.add(Warning::new(
                        "implicit-tiling",
                        Severity::Doubt,
                        &current,
                        Text::new(
                            "瓦片集使用隐式分块，桌面程序尚不能显示，网页端可以",
                            "implicit tiling: browsers show it, the desktop viewer does not",
                        ),
                    ));
                    continue;
                }
                let uri = inside(&base, &current, &content.uri, true)?;
                if !base.join(&uri).is_file() {
                    let text = Text::new(
                        format!("{current} 引用的文件不存在"),
                        format!("the file that {current} names is not there"),
                    );
                    warnings.add(Warning::new("content-missing", Severity::Skipped, uri, text));
                    continue;
                }
                if files.insert(uri.clone()) {
                    match kind_of(&base.join(&uri)).map_err(unreadable)? {
                        Kind::Tileset => {
                            tiles -= 1;
                            queue.push_back(uri);
                        }
                        Kind::Content => {
                            for named in named_files(&base, &uri).map_err(unreadable)? {
                                files.insert(inside(&base, &uri, &named, true)?);
                            }
                        }
                        Kind::Unknown => {
                            files.remove(&uri);
                            let text = Text::new(
                                "既不是 b3dm、i3dm、pnts、cmpt，也不是 glTF，未登记",
                                "neither b3dm, i3dm, pnts, cmpt nor glTF: left out",
                            );
                            warnings.add(Warning::new("content-unknown", Severity::Skipped, uri, text));
                        }
                    }
                }
                if files.len() > MAX_FILES {
                    let text = Text::new("瓦片集超过一百万个文件", "the tileset has more than a million files");
                    return Err(ImportError::refused(&base, text));
                }
            }
        }
        root.get_or_insert(tileset);
    }
    let root = root.ok_or_else(|| unreadable(io::ErrorKind::NotFound.into()))?;
    files.retain(|file| base.join(file).is_file());
    Ok(Found { root, files: files.into_iter().collect(), tiles, warnings })
}

/// The path of `uri` named in `current`; refused where it leads out of the folder, by name or by a link.
fn inside(base: &Path, current: &str, uri: &str, follow: bool) -> Result<String, ImportError> {
    let refused = || {
        let text = Text::new(
            format!("引用的“{uri}”在目录之外；请把所有文件放进同一目录并用相对路径引用"),
            format!("{uri:?} leads out of the folder: put every file into it and name it by a relative path"),
        );
        ImportError::refused(&base.join(current), text)
    };
    let path = resolve(current, uri).ok_or_else(refused)?;
    if follow
        && let Ok(real) = base.join(&path).canonicalize()
        && !real.starts_with(base)
    {
        return Err(refused());
    }
    Ok(path)
}

enum Kind {
    Tileset,
    Content,
    Unknown,
}

/// What a file is, by its first bytes; JSON by whether it has a root tile.
fn kind_of(path: &Path) -> io::Result<Kind> {
    use io::Read as _;
    let mut first = [0; 4];
    let length = fs::File::open(path)?.take(4).read(&mut first)?;
    Ok(match &first[..length] {
        b"b3dm" | b"i3dm" | b"pnts" | b"cmpt" | b"glTF" => Kind::Content,
        [b'{' | b'\xEF' | b' ' | b'\n' | b'\r' | b'\t', ..] => {
            if fs::metadata(path)?.len() > MAX_BYTES {
                return Ok(Kind::Unknown);
            }
            let json: serde_json::Value = serde_json::from_slice(&fs::read(path)?).unwrap_or_default();
            match (json.get("root"), json.pointer("/asset/version")) {
                (Some(_), _) => Kind::Tileset,
                (None, Some(_)) => Kind::Content,
                (None, None) => Kind::Unknown,
            }
        }
        _ => Kind::Unknown,
    })
}

/// Files that a content names in turn: buffers and images of a glTF, the model of an i3dm.
fn named_files(base: &Path, file: &str) -> io::Result<Vec<String>> {
    let path = base.join(file);
    if fs::metadata(&path)?.len() > MAX_BYTES {
        return Ok(Vec::new());
    }
    let bytes = fs::read(path)?;
    if bytes.starts_with(b"i3dm") {
        let number = |at: usize| -> usize {
            let four = bytes.get(at..at + 4).and_then(|four| four.try_into().ok());
            four.map_or(0, |four| u32::from_le_bytes(four) as usize)
        };
        let start = 32 + number(12) + number(16) + number(20) + number(24);
        let is_named = number(28) == 0 && bytes.len() >= 32;
        let uri = bytes.get(start..).filter(|_| is_named).and_then(|rest| std::str::from_utf8(rest).ok());
        let uri = uri.map(|uri| uri.trim_matches(['\0', ' ']).to_owned());
        return Ok(uri.into_iter().filter(|uri| !uri.is_empty()).collect());
    }
    // What can't be parsed is said when it is copied.
    Ok(glb::external_uris(&bytes).unwrap_or_default())
}

/// Triangles of a content, and a warning where it is damaged or can't be drawn by our viewer.
fn look_at(file: &str, bytes: &[u8], folder: &Path, warnings: &Warnings) -> u64 {
    let is_gltf = Path::new(file).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gltf"));
    let is_model = bytes.starts_with(b"glTF") || bytes.starts_with(b"b3dm") || is_gltf;
    if !is_model {
        return 0;
    }
    let model = glb::read(bytes, &mut |uri| {
        let named = resolve(file, uri).ok_or_else(|| io::Error::other("it leads out of the folder"))?;
        fs::read(folder.join(named))
    });
    match model {
        Ok(model) => model.triangle_count() as u64,
        Err(GlbError::Unsupported { extension }) => {
            let text = Text::new(
                format!("使用了 {extension}，桌面程序尚不能显示，网页端可能可以"),
                format!("needs {extension}, which the desktop viewer does not draw; browsers may"),
            );
            warnings.add(Warning::new("content-not-drawn", Severity::Doubt, file, text));
            0
        }
        Err(error) => {
            let reason = chain(&error);
            let text = Text::new(format!("内容已损坏：{reason}"), format!("the content is damaged: {reason}"));
            warnings.add(Warning::new("content-damaged", Severity::Skipped, file, text));
            0
        }
    }
}

/// Files below `base` whose path is `pattern` with whole numbers for `{level}`, `{x}`, `{y}`, `{z}`.
fn matching(base: &Path, pattern: &str) -> Vec<String> {
    let files = WalkDir::new(base).into_iter().filter_map(Result::ok).filter(|entry| entry.file_type().is_file());
    let names = files.filter_map(|entry| {
        let relative = entry.path().strip_prefix(base).ok()?;
        let parts: Option<Vec<&str>> = relative.components().map(|part| part.as_os_str().to_str()).collect();
        Some(parts?.join("/"))
    });
    names.filter(|name| fits(name, pattern)).take(MAX_FILES + 1).collect()
}

fn fits(name: &str, pattern: &str) -> bool {
    let Some((literal, rest)) = pattern.split_once('{') else { return name == pattern };
    let (Some(name), Some((_, rest))) = (name.strip_prefix(literal), rest.split_once('}')) else { return false };
    let after = name.trim_start_matches(|c: char| c.is_ascii_digit());
    // A number takes all its digits: patterns never put two of them side by side.
    after.len() < name.len() && fits(after, rest)
}

/// Where a tileset stands.
struct Stood {
    /// Of the root, in the frame that `transform` brings to ECEF.
    volume: BoundingVolume,
    transform: glb::Matrix,
    crs: String,
    height: HeightReference,
    warnings: Vec<Warning>,
}

fn stand(path: &Path, tileset: &Tileset, options: &Options) -> Result<Stood, ImportError> {
    let volume = tileset.root.bounding_volume.transformed(&tileset.root.parent_from_tile());
    let center = match volume {
        BoundingVolume::Region(_) => None,
        BoundingVolume::Box([x, y, z, ..]) | BoundingVolume::Sphere([x, y, z, _]) => Some([x, y, z]),
    };
    let is_on_earth = center.is_none_or(|center| center.iter().map(|c| c * c).sum::<f64>().sqrt() > LEAST_RADIUS_M);
    if is_on_earth {
        return Ok(Stood {
            volume,
            transform: IDENTITY,
            crs: "EPSG:4978".to_owned(),
            height: options.height_reference(Some(HeightReference::metres("ellipsoidal"))),
            warnings: Vec::new(),
        });
    }
    let (Some(crs), Some([x, y, rest @ ..])) = (&options.crs, options.origin.as_deref()) else {
        let text = Text::new(
            "瓦片集没有放到地球上；请用 --crs 与 --origin x,y[,z] 给出其原点的坐标",
            "the tileset is not placed on the Earth: give the place of its origin with --crs and --origin x,y[,z]",
        );
        return Err(ImportError::refused(path, text));
    };
    let place = Place::new(path, crs, [*x, *y, rest.first().copied().unwrap_or(0.0)], options)?;
    let transform = place.ecef_from_model(center.unwrap_or_default()).map_err(|source| ImportError::Refused {
        path: path.to_owned(),
        text: Text::new("瓦片集坐标不能转换到 CGCS2000", "the tileset can't be brought to CGCS2000"),
        source: Some(Box::new(source)),
    })?;
    Ok(Stood { volume, transform, crs: place.definition, height: place.height, warnings: place.warnings })
}

/// A file name as a relative URI.
fn escaped(name: &str) -> String {
    let mut out = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.extend(format!("%{byte:02X}").chars());
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{escaped, fits};

    #[test]
    fn templates_of_implicit_tiling_fit_numbers_only() {
        let check = |name, want| assert_eq!(fits(name, "c/{level}/{x}.{y}.b3dm"), want, "{name}");
        check("c/0/12.3.b3dm", true);
        check("c/0/12.3.b3dmx", false);
        check("c/a/12.3.b3dm", false);
        check("c//1.2.b3dm", false);
    }

    #[test]
    fn names_become_uris() {
        assert_eq!(escaped("瓦 1.json"), "%E7%93%A6%201.json");
    }
}
