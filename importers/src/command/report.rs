//! What a person reads at the end: inspections, publications, failures, in Chinese and English.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;

use importers::importer::{Inspection, Severity, Warning};
use importers::sandbox::Failure;
use serde::Serialize;

use super::Exit;

/// Warnings of one kind listed one by one before the rest is counted.
const LISTED: usize = 12;

/// Prints to stdout. A reader that closed the pipe has seen what it wanted.
pub(crate) fn print(text: &str) {
    drop(std::io::stdout().write_all(text.as_bytes()));
}

/// Prints as indented JSON.
pub(crate) fn print_json(value: &impl Serialize) {
    let mut text = serde_json::to_string_pretty(value).expect("reports are plain data with string keys");
    text.push('\n');
    print(&text);
}

/// What came of a delivery, as `--json` prints it.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Report {
    pub(crate) delivery: String,
    pub(crate) published: Vec<Published>,
    pub(crate) failed: Vec<Failed>,
    pub(crate) unclaimed: BTreeMap<String, u64>,
    pub(crate) exit_code: u8,
}

/// One published revision.
#[derive(Debug, Serialize)]
pub(crate) struct Published {
    pub(crate) unit: String,
    pub(crate) dataset: String,
    pub(crate) revision: String,
    pub(crate) kind: String,
    pub(crate) crs: String,
    pub(crate) height_datum: Option<String>,
    pub(crate) height_range_m: Option<[f64; 2]>,
    pub(crate) bounds_lon_lat_deg: [f64; 4],
    pub(crate) properties: serde_json::Value,
    pub(crate) bytes: u64,
    pub(crate) files: u64,
    pub(crate) seconds: f64,
    pub(crate) warnings: Vec<Warning>,
}

/// One unit that was not published.
#[derive(Debug, Serialize)]
pub(crate) struct Failed {
    pub(crate) unit: String,
    #[serde(flatten)]
    pub(crate) failure: Failure,
}

impl Report {
    /// The exit code that the outcome deserves.
    pub(crate) fn exit(&self) -> Exit {
        if self.published.is_empty() {
            let class = self.failed.iter().map(|failed| failed.failure.class).max();
            return class.map_or(Exit::Refused, Exit::from);
        }
        let doubts = self
            .published
            .iter()
            .flat_map(|published| &published.warnings)
            .any(|warning| warning.severity != Severity::Note);
        if doubts || !self.failed.is_empty() { Exit::WithWarnings } else { Exit::Done }
    }

    /// In words.
    pub(crate) fn summary(&self) -> String {
        let mut lines = Lines::default();
        for published in &self.published {
            let [west, south, east, north] = published.bounds_lon_lat_deg;
            lines.add(format_args!(
                "✓ {} → {}@{} ({}, {} 个文件 files, {:.1} MB, {:.1} s)",
                published.unit,
                published.dataset,
                published.revision,
                published.kind,
                published.files,
                published.bytes as f64 / 1e6,
                published.seconds,
            ));
            let crs: String = published.crs.chars().take(60).collect();
            lines.add(format_args!("  {west:.5} – {east:.5}, {south:.5} – {north:.5} · {crs}"));
            lines.warnings(&published.warnings);
        }
        for failed in &self.failed {
            lines.add(format_args!("✗ {}", failed.unit));
            lines.failure(&failed.failure);
        }
        if self.published.is_empty() && self.failed.is_empty() {
            lines.nothing(&self.delivery);
        }
        lines.unclaimed(&self.unclaimed);
        lines.add(format_args!(
            "已发布 published {} · 失败或拒绝 failed or refused {}",
            self.published.len(),
            self.failed.len()
        ));
        lines.0
    }
}

/// Text that grows line by line.
#[derive(Debug, Default)]
pub(crate) struct Lines(pub(crate) String);

impl Lines {
    /// One line.
    pub(crate) fn add(&mut self, line: std::fmt::Arguments<'_>) {
        writeln!(self.0, "{line}").expect("writing to a String can't fail");
    }

    fn fact(&mut self, name: &str, value: &str) {
        self.add(format_args!("  {name}: {value}"));
    }

    /// An inspection, one fact a line.
    pub(crate) fn inspection(&mut self, inspection: &Inspection, kind: &str) {
        self.fact("类型 kind", &format!("{kind} · {} · {}", inspection.what, inspection.format));
        let crs = match (&inspection.crs_name, &inspection.crs) {
            (Some(name), Some(crs)) if crs.len() < 40 => Some(format!("{name} ({crs})")),
            (Some(name), _) => Some(name.clone()),
            (None, crs) => crs.clone(),
        };
        self.fact("坐标系 CRS", crs.as_deref().unwrap_or("未知 unknown"));
        if let Some(height) = &inspection.height {
            let name = height.datum_name.as_deref().unwrap_or(&height.datum);
            self.fact("高程基准 height datum", &format!("{name} ({})", height.unit));
        }
        if let Some([min_x, min_y, max_x, max_y]) = inspection.extent {
            self.fact("范围 extent", &format!("x {min_x} – {max_x}, y {min_y} – {max_y}"));
        }
        if let Some([west, south, east, north]) = inspection.bounds_lon_lat_deg {
            self.fact("经纬度 lon/lat", &format!("{west:.6} – {east:.6}, {south:.6} – {north:.6}"));
        }
        for count in &inspection.counts {
            self.fact(&count.name.to_string(), &count.count.to_string());
        }
        for fact in &inspection.facts {
            self.fact(&fact.name.to_string(), &fact.value);
        }
        if inspection.layers.len() > 1 {
            self.fact("图层 layers", &inspection.layers.join("、"));
        }
        self.warnings(&inspection.problems);
    }

    /// Warnings by kind, each with its unit.
    pub(crate) fn warnings(&mut self, warnings: &[Warning]) {
        let mut by_code: BTreeMap<(Severity, &str), Vec<&Warning>> = BTreeMap::new();
        for warning in warnings {
            by_code.entry((warning.severity, &warning.code)).or_default().push(warning);
        }
        for ((severity, code), warnings) in by_code {
            let mark = match severity {
                Severity::Note => "·",
                Severity::Doubt => "?",
                Severity::Repaired => "~",
                Severity::Skipped => "-",
                Severity::Refusal => "✗",
            };
            for warning in warnings.iter().take(LISTED) {
                let unit = if warning.unit.is_empty() { String::new() } else { format!("[{}] ", warning.unit) };
                self.add(format_args!("  {mark} {unit}{}\n    {}", warning.text.zh, warning.text.en));
            }
            if warnings.len() > LISTED {
                let rest = warnings.len() - LISTED;
                self.add(format_args!(
                    "  {mark} 另有 {rest} 处同类({code}),见 --json · {rest} more of {code}, see --json"
                ));
            }
        }
    }

    /// A failure with its causes.
    pub(crate) fn failure(&mut self, failure: &Failure) {
        self.add(format_args!("  ✗ {}\n    {}", failure.text.zh, failure.text.en));
        for cause in &failure.causes {
            self.add(format_args!("    ← {}", cause.lines().next().unwrap_or_default()));
        }
    }

    /// There is nothing to read in `delivery`.
    pub(crate) fn nothing(&mut self, delivery: &str) {
        self.add(format_args!(
            "✗ {delivery} 中没有可识别的成果;可读取 GeoTIFF、HGT、OSGB、LAS/LAZ/COPC、glb、3D Tiles、Shapefile、GeoPackage、FileGDB、GeoJSON、KML、DXF\n  \
             there is nothing in it that can be read; the formats are named above"
        ));
    }

    /// Files nobody reads.
    pub(crate) fn unclaimed(&mut self, unclaimed: &BTreeMap<String, u64>) {
        if !unclaimed.is_empty() {
            let list: Vec<String> =
                unclaimed.iter().map(|(extension, count)| format!(".{extension} × {count}")).collect();
            self.add(format_args!("未读取的文件 files not read: {}", list.join(", ")));
        }
    }
}
