//! The rules of ARCHITECTURE.md as tests: what each place of the house must never know.
//! Reads the tree as text and `cargo metadata`; it parses no Rust, so a rule names tokens, not meanings.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, MetadataCommand};

/// Which of our crates each crate may depend on (the arrows of the layout).
const ARROWS: &[(&str, &[&str])] = &[
    ("geodesy", &[]),
    ("tiles", &["geodesy"]),
    ("carto", &["geodesy"]),
    ("catalog", &["geodesy"]),
    ("analysis", &["geodesy"]),
    ("review", &[]),
    ("importers", &["geodesy", "tiles", "catalog", "analysis"]),
    ("tile-server", &["geodesy", "tiles", "carto", "catalog", "analysis", "review"]),
    ("renderer", &["geodesy", "tiles", "carto"]),
    ("samples", &["geodesy"]),
    ("tests", &[]),
];

/// A token, and the places (prefixes below the root) that may say it.
const CONFINED: &[(&str, &[&str])] = &[
    ("gdal::", &["importers/src/gdal/", "samples/"]),
    ("gdal_sys::", &["importers/src/gdal/", "samples/"]),
    ("proj::", &["domain/geodesy/src/transform.rs"]),
    ("wgpu", &["renderer/src/gpu/"]),
    ("egui_wgpu", &["renderer/src/gpu/"]),
    ("sqlx::", &["domain/catalog/"]),
    ("INSERT INTO", &["domain/catalog/"]),
    ("CREATE TABLE", &["domain/catalog/"]),
    ("DELETE FROM", &["domain/catalog/"]),
    ("axum::", &["tile-server/"]),
    ("egui::", &["renderer/"]),
];

/// Kinds: the folder they live in, what makes a file one of them, and the file that lists them.
const KIND_LISTS: &[(&str, &str, &str)] = &[
    ("importers/src/", "impl Importer for", "importers/src/list.rs"),
    ("tile-server/src/source/", "//!", "tile-server/src/source/mod.rs"),
    ("tile-server/src/document/", "const DOCUMENT: Document", "tile-server/src/document/mod.rs"),
    ("renderer/src/layer/", "impl Layer for", "renderer/src/layer/mod.rs"),
    ("domain/analysis/src/", "//!", "domain/analysis/src/lib.rs"),
];

const BANNED_NAMES: &[&str] = &["util", "utils", "helper", "helpers", "common", "misc", "types"];
const LONGEST_FILE_LINES: usize = 800;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the root").to_path_buf()
}

/// Every Rust source below the root that is ours, by its path relative to the root.
fn sources() -> BTreeMap<String, String> {
    let root = root();
    let skip = ["target", "node_modules", ".git", "data", "out"];
    walkdir::WalkDir::new(&root)
        .into_iter()
        .filter_entry(|entry| {
            !(entry.depth() > 0 && entry.file_type().is_dir() && skip.contains(&&*entry.file_name().to_string_lossy()))
        })
        .filter_map(Result::ok)
        .filter(|entry| {
            entry.file_type().is_file() && entry.path().extension().is_some_and(|extension| extension == "rs")
        })
        .map(|entry| {
            let relative =
                entry.path().strip_prefix(&root).expect("walked below the root").to_string_lossy().into_owned();
            let text = fs::read_to_string(entry.path()).expect("a source is UTF-8");
            (relative, text)
        })
        .collect()
}

/// The text without line comments, so that prose may name what code may not.
fn code_of(text: &str) -> String {
    text.lines().map(|line| line.split_once("//").map_or(line, |(code, _)| code)).collect::<Vec<_>>().join("\n")
}

/// Whether `token` stands in `code` as a word of its own (`proj::` is not in `reproj::`).
fn says(code: &str, token: &str) -> bool {
    code.match_indices(token).any(|(at, _)| {
        let before = code.get(..at).and_then(|head| head.chars().next_back());
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':')
    })
}

fn assert_none(rule: &str, broken: &[String]) {
    assert!(broken.is_empty(), "{rule}:\n  {}", broken.join("\n  "));
}

#[test]
fn a_crate_depends_only_on_those_to_the_right_of_its_arrow() {
    let metadata = MetadataCommand::new()
        .current_dir(root())
        .no_deps()
        .other_options(vec!["--offline".to_owned()])
        .exec()
        .expect("cargo metadata runs");
    let arrows: BTreeMap<&str, &[&str]> = ARROWS.iter().copied().collect();
    let ours: BTreeSet<&str> = arrows.keys().copied().collect();
    let mut broken = Vec::new();
    for package in metadata.workspace_packages() {
        let Some(allowed) = arrows.get(package.name.as_str()) else {
            broken.push(format!("crate `{}` has no arrow in ARROWS", package.name));
            continue;
        };
        for dependency in &package.dependencies {
            let name = dependency.name.as_str();
            if dependency.kind != DependencyKind::Development && ours.contains(name) && !allowed.contains(&name) {
                broken.push(format!("{} -> {name}", package.name));
            }
        }
    }
    assert_none("a crate depends on one that is not to the right of its arrow", &broken);
}

#[test]
fn the_server_and_the_viewer_do_not_link_gdal_nor_the_viewer_a_database() {
    let forbidden: &[(&str, &[&str])] = &[
        ("tile-server", &["gdal", "gdal-sys", "importers", "renderer"]),
        ("renderer", &["gdal", "gdal-sys", "sqlx", "importers", "tile-server", "catalog", "las", "flatgeobuf"]),
        ("analysis", &["tokio", "reqwest", "object_store", "sqlx"]),
    ];
    let metadata = MetadataCommand::new()
        .current_dir(root())
        .no_deps()
        .other_options(vec!["--offline".to_owned()])
        .exec()
        .expect("cargo metadata runs");
    let mut broken = Vec::new();
    for package in metadata.workspace_packages() {
        for (_, names) in forbidden.iter().filter(|(name, _)| *name == package.name.as_str()) {
            let found = package
                .dependencies
                .iter()
                .filter(|d| d.kind != DependencyKind::Development && names.contains(&d.name.as_str()));
            broken.extend(found.map(|d| format!("{} -> {}", package.name, d.name)));
        }
    }
    assert_none("a program links what it must never know", &broken);
}

#[test]
fn each_outside_library_is_named_only_in_its_own_place() {
    let mut broken = Vec::new();
    for (path, text) in sources() {
        if path == "tests/architecture.rs" {
            continue;
        }
        let code = code_of(&text);
        for (token, places) in CONFINED {
            if says(&code, token) && !places.iter().any(|place| path.starts_with(place)) {
                broken.push(format!("{path} says {token} (only {})", places.join(", ")));
            }
        }
    }
    assert_none("a library is named outside its place", &broken);
}

#[test]
fn every_source_begins_with_a_header_and_stays_short() {
    let mut broken = Vec::new();
    for (path, text) in sources() {
        if !text.trim_start_matches('\u{feff}').starts_with("//!") {
            broken.push(format!("{path} has no //! header"));
        }
        let lines = text.lines().count();
        if lines > LONGEST_FILE_LINES {
            broken.push(format!("{path} has {lines} lines"));
        }
    }
    assert_none("a source without header, or too long", &broken);
}

#[test]
fn no_source_is_named_after_nothing() {
    let broken: Vec<String> = sources()
        .into_keys()
        .filter(|path| {
            Path::new(path).file_stem().is_some_and(|stem| BANNED_NAMES.contains(&&*stem.to_string_lossy()))
                || BANNED_NAMES.iter().any(|name| path.contains(&format!("/{name}/")))
        })
        .collect();
    assert_none("a file named after nothing", &broken);
}

#[test]
fn every_file_of_a_kind_folder_is_in_its_one_list() {
    let sources = sources();
    let mut broken = Vec::new();
    for (folder, mark, list) in KIND_LISTS {
        let Some(listing) = sources.get(*list) else {
            broken.push(format!("{list} does not exist"));
            continue;
        };
        let listing = code_of(listing);
        for (path, _) in
            sources.iter().filter(|(path, text)| path.starts_with(folder) && path != list && text.contains(mark))
        {
            let below = Path::new(path.strip_prefix(folder).expect("starts with it"));
            // A kind that grew into a folder is listed by the folder's name.
            let stem = if below.ends_with("mod.rs") { below.parent() } else { Some(below) };
            let stem =
                stem.and_then(Path::file_stem).map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
            let nested = *mark == "//!" && below.components().count() > 1;
            if !nested && !listing.contains(&stem) {
                broken.push(format!("{path} is not in {list}"));
            }
        }
    }
    assert_none("a kind that its list does not name", &broken);
}

#[test]
fn unsafe_code_stands_in_one_file_only() {
    let broken: Vec<String> = sources()
        .into_iter()
        .filter(|(path, text)| {
            path != "tests/architecture.rs"
                && !path.starts_with("importers/src/gdal/")
                && says(&code_of(text), "unsafe {")
        })
        .map(|(path, _)| path)
        .collect();
    assert_none("unsafe outside importers/src/gdal/", &broken);
}

#[test]
fn no_test_is_ignored_and_no_promise_stands_in_the_code() {
    let mut broken = Vec::new();
    for (path, text) in sources() {
        if path == "tests/architecture.rs" {
            continue;
        }
        for (number, line) in text.lines().enumerate() {
            let promises = ["TODO", "FIXME", "XXX", "todo!(", "unimplemented!("];
            if line.contains("#[ignore")
                || promises.iter().any(|promise| line.contains(promise) && !line.contains(&format!("{promise}(#")))
            {
                broken.push(format!("{path}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    assert_none("an ignored test or a promise without an issue number", &broken);
}

#[test]
fn one_noun_of_the_domain_has_one_owner() {
    // Words that standards use each for their own: 3D Tiles has an asset, as a revision has; a vector tile holds
    // features with values in tile units, and the style specification speaks of features with values in map units.
    let of_a_standard = ["Asset", "Feature", "Geometry", "Value"];
    let mut owners: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (path, text) in sources() {
        let Some(owner) = path.strip_prefix("domain/").and_then(|rest| rest.split('/').next()) else { continue };
        for line in code_of(&text).lines() {
            for keyword in ["pub struct ", "pub enum ", "pub trait "] {
                if let Some(rest) = line.strip_prefix(keyword) {
                    let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                    owners.entry(name).or_default().insert(owner.to_owned());
                }
            }
        }
    }
    let broken: Vec<String> = owners
        .into_iter()
        .filter(|(name, crates)| crates.len() > 1 && !of_a_standard.contains(&name.as_str()))
        .map(|(name, crates)| format!("{name}: {}", crates.into_iter().collect::<Vec<_>>().join(", ")))
        .collect();
    assert_none("one public noun is declared in several domain crates", &broken);
}
