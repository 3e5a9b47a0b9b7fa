//! The deliveries: one numbered folder per department, each with its note, and beside them `truth.json` (what is really so)
//! and `import-plan.toml` (what the demo imports, in order).

mod areas;
mod dirty;
mod drone;
mod land;
mod overlay;
mod plans;
mod projects;
mod protected;
mod registers;
mod sites;
mod slivers;
mod survey_office;

use crate::block::Block;
use crate::county::{self, County};
use crate::vector::{self, Layer};
use anyhow::{Context as _, Result};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::hash::{DefaultHasher, Hasher as _};
use std::path::{Path, PathBuf};

/// One line of the demo's import plan.
#[derive(Debug)]
pub struct PlanEntry {
    /// Path inside the samples folder.
    pub path: String,
    /// Dataset slug.
    pub dataset: String,
    /// Chinese title.
    pub title: String,
    /// English title.
    pub title_en: String,
    /// Day from which it is true of the ground or in force.
    pub valid_from: String,
    /// Layer inside a container file, when it holds several.
    pub layer: Option<String>,
    /// Further options of `shikong-import add`, such as `--height-datum normal_1985`.
    pub options: Vec<String>,
}

/// A delivery folder being filled, the truth being written down, the plan being made.
pub struct Deliveries<'a> {
    /// The samples folder.
    pub out: &'a Path,
    /// The county.
    pub county: &'a County,
    /// What is really so.
    pub truth: serde_json::Map<String, serde_json::Value>,
    /// What the demo imports.
    pub plan: Vec<PlanEntry>,
    /// Fingerprint of every content, by its path inside the samples folder.
    fingerprints: BTreeMap<String, u64>,
    scope: Scope,
    surveyor: areas::Surveyor,
    protected: Vec<protected::Protected>,
}

impl Deliveries<'_> {
    /// A fresh delivery folder with its note.
    pub fn folder(&self, name: &str, note: &str) -> Result<PathBuf> {
        let folder = self.out.join(name);
        if self.scope == Scope::Nothing {
            return Ok(folder);
        }
        if folder.exists() {
            fs::remove_dir_all(&folder).with_context(|| format!("replace {}", folder.display()))?;
        }
        fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
        fs::write(folder.join("README.txt"), note)
            .with_context(|| format!("write the note of {}", folder.display()))?;
        Ok(folder)
    }

    /// Writes a layer to a file of its own with a GDAL driver; `options` are layer creation options.
    pub fn layer(&mut self, path: &Path, driver: &str, layer: &Layer, options: &[&str]) -> Result<()> {
        self.note(path, |hasher| layer.feed(hasher));
        if self.scope == Scope::Nothing {
            return Ok(());
        }
        vector::write(path, driver, layer, options)
    }

    /// Writes a file as it stands.
    pub fn file(&mut self, path: &Path, bytes: &[u8]) -> Result<()> {
        self.note(path, |hasher| hasher.write(bytes));
        if self.scope == Scope::Nothing {
            return Ok(());
        }
        fs::write(path, bytes).with_context(|| format!("write {}", path.display()))
    }

    /// Remembers the fingerprint of a content that goes to `path`.
    fn note(&mut self, path: &Path, feed: impl FnOnce(&mut DefaultHasher)) {
        let mut hasher = DefaultHasher::new();
        feed(&mut hasher);
        let name = path.strip_prefix(self.out).unwrap_or(path).to_string_lossy().into_owned();
        self.fingerprints.insert(name, hasher.finish());
    }

    /// As [`Self::note`], of heights.
    fn note_heights(&mut self, name: &str, heights_m: impl Iterator<Item = f64>) {
        self.note(Path::new(name), |hasher| heights_m.for_each(|height| hasher.write_u64(height.to_bits())));
    }

    /// Adds a line to the demo's import plan.
    pub fn import(&mut self, path: &str, dataset: &str, titles: [&str; 2], valid_from: &str, options: &[&str]) {
        self.plan.push(PlanEntry {
            path: path.to_owned(),
            dataset: dataset.to_owned(),
            title: titles[0].to_owned(),
            title_en: titles[1].to_owned(),
            valid_from: valid_from.to_owned(),
            layer: None,
            options: options.iter().map(|option| (*option).to_owned()).collect(),
        });
    }
}

/// How much to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Every delivery.
    Everything,
    /// Only vector layers and registers: no pictures, heights, points or models.
    Vectors,
    /// The content of [`Self::Vectors`] in memory only: no file is touched.
    Nothing,
}

/// What a run made, whatever became of it in files: two runs must have all of it alike.
#[derive(Debug, PartialEq)]
pub struct Content {
    /// What `truth.json` says.
    pub truth: serde_json::Map<String, serde_json::Value>,
    /// What `import-plan.toml` says.
    pub plan: String,
    /// Fingerprint of every layer's coordinates and values and of the ground's heights, by path or name.
    pub fingerprints: BTreeMap<String, u64>,
}

/// Makes the deliveries in `out`; `say` is told each step.
pub fn make(out: &Path, scope: Scope, say: &mut dyn FnMut(&str)) -> Result<Content> {
    if scope != Scope::Nothing {
        fs::create_dir_all(out).with_context(|| format!("create {}", out.display()))?;
    }
    let mut county = county::build(say);
    let block = Block::choose(&mut county);
    let mut deliveries = Deliveries {
        out,
        county: &county,
        truth: serde_json::Map::new(),
        plan: Vec::new(),
        fingerprints: BTreeMap::new(),
        scope,
        surveyor: areas::Surveyor::new()?,
        protected: Vec::new(),
    };
    let heights_m = county.terrain.height_m.cells.iter().map(|height| f64::from(*height));
    deliveries.note_heights("heights of the township", heights_m);
    if scope == Scope::Everything {
        say("heights and county picture");
        survey_office::deliver(&mut deliveries)?;
    }
    say("land survey");
    land::deliver(&mut deliveries)?;
    drone::deliver(&mut deliveries, &block, say)?;
    say("plans and registers");
    plans::deliver(&mut deliveries)?;
    registers::deliver(&mut deliveries, &block)?;
    projects::deliver(&mut deliveries)?;
    dirty::deliver(&mut deliveries)?;
    let plan = plan_text(&deliveries.plan)?;
    deliveries.file(&out.join("import-plan.toml"), plan.as_bytes())?;
    let truth = serde_json::to_string_pretty(&deliveries.truth)?;
    deliveries.file(&out.join("truth.json"), truth.as_bytes())?;
    Ok(Content { truth: deliveries.truth, plan, fingerprints: deliveries.fingerprints })
}

fn plan_text(plan: &[PlanEntry]) -> Result<String> {
    let mut text = String::from("# What `make demo` imports, in this order: one `shikong-import add` per entry.\n");
    for entry in plan {
        let quoted = |value: &str| serde_json::to_string(value);
        text.push_str("\n[[import]]\n");
        for (key, value) in [
            ("path", &entry.path),
            ("dataset", &entry.dataset),
            ("title", &entry.title),
            ("title_en", &entry.title_en),
            ("valid_from", &entry.valid_from),
        ] {
            writeln!(text, "{key} = {}", quoted(value)?)?;
        }
        if let Some(layer) = &entry.layer {
            writeln!(text, "layer = {}", quoted(layer)?)?;
        }
        let options: Vec<String> = entry.options.iter().map(|option| quoted(option)).collect::<Result<_, _>>()?;
        writeln!(text, "options = [{}]", options.join(", "))?;
    }
    Ok(text)
}
