//! The rule document `exposure`: the tables of classes, what floors are worth, and the angles that things run out at.

use serde::Deserialize;

use super::grade::{self, Class, UnitValue};
use crate::{
    AnalysisError,
    mechanism::{RuleBook, RuleDocument},
};

/// Its name in the rule book.
pub(crate) const DOCUMENT: &str = "exposure";

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rules {
    #[expect(dead_code, reason = "every rule document has it; the rule book's version is what results name")]
    document: toml::Table,
    pub(super) area: Area,
    pub(super) run_out: RunOut,
    #[serde(default)]
    pub(super) value: Vec<UnitValue>,
    pub(super) danger: Vec<Class>,
    pub(super) disaster: Vec<Class>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Area {
    pub(super) most_buffer_m: f64,
}

/// How far things run, where nobody states the angle.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RunOut {
    pub(super) most_reach_m: f64,
    /// Of log10(H/L) = a log10(V) + b, V in cubic metres.
    volume_a: f64,
    volume_b: f64,
    /// Volumes that the regression was made from.
    volume_m3: [f64; 2],
    angle_deg: f64,
    angle_source: String,
    #[serde(default)]
    hazard: Vec<HazardAngle>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct HazardAngle {
    name: String,
    angle_deg: f64,
    source: String,
}

/// The angle of an energy line and where it comes from.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Angle {
    pub(super) deg: f64,
    /// `request`, `volume`, `hazard` or `default`.
    pub(super) from: &'static str,
    pub(super) source_zh: String,
    /// Whether the volume lies outside of what the regression was made from.
    pub(super) extrapolated: bool,
}

/// Flatter lines would reach for ever, steeper ones nowhere.
pub(super) const ANGLES_DEG: std::ops::RangeInclusive<f64> = 1.0..=80.0;

impl RunOut {
    /// As the request states it; by the volume; by the kind of hazard; for anything.
    pub(super) fn angle(&self, stated_deg: Option<f64>, volume_m3: Option<f64>, hazard: Option<&str>) -> Angle {
        if let Some(deg) = stated_deg {
            return Angle { deg, from: "request", source_zh: "由请求给出".to_owned(), extrapolated: false };
        }
        if let Some(volume_m3) = volume_m3 {
            let deg = 10.0_f64.powf(self.volume_a * volume_m3.log10() + self.volume_b).atan().to_degrees();
            let [from, to] = self.volume_m3;
            let extrapolated = !(from..=to).contains(&volume_m3);
            let source_zh = format!(
                "按体积 {volume_m3:.0} 立方米，Corominas 1996 回归 log(H/L) = {}·log V {:+}{}",
                self.volume_a,
                self.volume_b,
                if extrapolated { "（体积超出回归范围，为外推）" } else { "" }
            );
            return Angle {
                deg: deg.clamp(*ANGLES_DEG.start(), *ANGLES_DEG.end()),
                from: "volume",
                source_zh,
                extrapolated,
            };
        }
        match self.hazard.iter().find(|angle| Some(angle.name.as_str()) == hazard) {
            Some(angle) => Angle {
                deg: angle.angle_deg,
                from: "hazard",
                source_zh: format!("按灾种“{}”：{}", angle.name, angle.source),
                extrapolated: false,
            },
            None => Angle {
                deg: self.angle_deg,
                from: "default",
                source_zh: self.angle_source.clone(),
                extrapolated: false,
            },
        }
    }
}

impl Rules {
    /// The document in force.
    pub(super) fn of(book: &RuleBook) -> Result<Self, AnalysisError> {
        read(book.document(DOCUMENT)?)
    }
}

/// Refuses a document that cannot be used.
pub(crate) fn check(document: &RuleDocument) -> Result<(), AnalysisError> {
    read(document).map(|_| ())
}

fn read(document: &RuleDocument) -> Result<Rules, AnalysisError> {
    let bad = |what: String| AnalysisError::BadRule { name: DOCUMENT.to_owned(), what };
    let rules: Rules = toml::from_str(&document.text).map_err(|error| bad(error.to_string()))?;
    if !(0.0..=100_000.0).contains(&rules.area.most_buffer_m) {
        return Err(bad("[area] most_buffer_m 应为 0 至 10 万米 (0 to 100 km)".to_owned()));
    }
    let run_out = &rules.run_out;
    let angles = run_out.hazard.iter().map(|hazard| hazard.angle_deg).chain([run_out.angle_deg]);
    let [from, to] = run_out.volume_m3;
    let sane = (10.0..=50_000.0).contains(&run_out.most_reach_m)
        && angles.into_iter().all(|deg| ANGLES_DEG.contains(&deg))
        && (-1.0..=0.0).contains(&run_out.volume_a)
        && (-2.0..=2.0).contains(&run_out.volume_b)
        && from > 0.0
        && from < to;
    if !sane {
        return Err(bad(
            "[run_out] 距离应为 10 至 5 万米，角度 1 至 80 度，回归系数 a 为 -1 至 0、b 为 -2 至 2，体积范围由小到大 (out of range)"
                .to_owned(),
        ));
    }
    if let Some(value) = rules.value.iter().find(|value| !(0.0..1e4).contains(&value.wan_yuan_per_m2)) {
        return Err(bad(format!("[[value]]“{}”的单价应为 0 至 1 万万元每平方米 (0 to 1e4)", value.r#use)));
    }
    grade::check("danger", &rules.danger).and_then(|()| grade::check("disaster", &rules.disaster)).map_err(bad)?;
    Ok(rules)
}
