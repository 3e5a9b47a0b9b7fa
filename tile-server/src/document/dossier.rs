//! What the documents of a project are made from: plain values, read once from the rows and the result of its check.
//!
//! Numbers are those of the result and are only printed. Whatever is missing stays empty: a document says less then, and
//! never something else.

use serde::Deserialize;

use super::attached::AttachedPicture;
use super::map::MapPicture;

/// Everything about one project, as it stands.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Dossier {
    /// The project.
    pub(crate) project: Project,
    /// Its red line in force.
    pub(crate) red_line: Option<RedLine>,
    /// The last check of that red line.
    pub(crate) check: Option<Check>,
    /// What the departments said.
    pub(crate) opinions: Vec<Opinion>,
    /// What the lead unit said: summary, minutes, decision.
    pub(crate) statements: Vec<Statement>,
    /// What happened, oldest first.
    pub(crate) events: Vec<Event>,
    /// Who makes documents here.
    pub(crate) office: Office,
    /// When what it says was last changed (RFC 3339): the date of its documents.
    pub(crate) as_of: String,
    /// The map, where the document has one.
    #[serde(skip)]
    pub(crate) map: Option<MapPicture>,
    /// Pictures that were brought for the report, oldest first.
    #[serde(skip)]
    pub(crate) pictures: Vec<AttachedPicture>,
}

/// The office that makes documents, from the rule document `documents`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub(crate) struct Office {
    /// The unit that signs (制图单位, 成文单位).
    pub(crate) unit: String,
    /// Marking of working papers (内部资料, 内部用图).
    pub(crate) marking: String,
    /// Secrecy (密级); empty for none.
    pub(crate) secrecy: String,
    /// Height datum of what is shown.
    pub(crate) height_datum: String,
    /// 审图号, for maps that may be published; working prints have none.
    pub(crate) map_approval: String,
}

impl Default for Office {
    fn default() -> Self {
        Self {
            unit: String::new(),
            marking: "内部资料".to_owned(),
            secrecy: String::new(),
            height_datum: "1985国家高程基准".to_owned(),
            map_approval: String::new(),
        }
    }
}

impl Office {
    /// What stands on a map: a working print is for use inside; one with an approval number may be published.
    pub(crate) fn map_stamp(&self) -> String {
        if !self.map_approval.is_empty() {
            return format!("审图号：{}", self.map_approval);
        }
        ["内部用图", self.secrecy.as_str()].into_iter().filter(|s| !s.is_empty()).collect::<Vec<_>>().join("　")
    }

    /// What stands at the head of a working paper.
    pub(crate) fn stamp(&self) -> String {
        [self.marking.as_str(), self.secrecy.as_str()]
            .into_iter()
            .filter(|s| !s.is_empty())
            .collect::<Vec<_>>()
            .join("　")
    }
}

/// A project.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Project {
    /// Its id.
    pub(crate) id: String,
    /// 项目代码.
    pub(crate) code: String,
    /// 项目名称.
    pub(crate) name: String,
    /// 建设单位.
    pub(crate) applicant: String,
    /// Planned use.
    pub(crate) land_use: LandUse,
    /// Kind of project, in Chinese.
    pub(crate) kind: String,
    /// State, in Chinese.
    pub(crate) state: String,
    /// Contact.
    pub(crate) contact: String,
    /// Numbers that were given (选址意见书, 许可证).
    pub(crate) numbers: Vec<GivenNumber>,
    /// When it was registered, RFC 3339.
    pub(crate) created: String,
}

/// A land use with its code system.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct LandUse {
    /// Code system.
    pub(crate) system: String,
    /// Code.
    pub(crate) code: String,
    /// Name.
    pub(crate) name: String,
}

/// A number that an authority gave.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct GivenNumber {
    /// Of what.
    pub(crate) kind: String,
    /// The number.
    pub(crate) number: String,
    /// When.
    pub(crate) date: String,
}

/// A version of the red line.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct RedLine {
    /// Its version, from 1.
    pub(crate) version: u64,
    /// The delivered file.
    pub(crate) source: SourceFile,
    /// Area in the plane.
    pub(crate) plane_m2: Option<f64>,
    /// Area on the ellipsoid.
    pub(crate) ellipsoidal_m2: Option<f64>,
    /// Where it is, `[west, south, east, north]` degrees.
    pub(crate) bounds_lon_lat_deg: Option<[f64; 4]>,
    /// The red line itself, in its delivered numbers: `{"crs", "parcels": [{"name", "polygons"}]}`, x easting first.
    pub(crate) delivered: serde_json::Value,
}

impl RedLine {
    /// CRS of the numbers, `EPSG:4546`.
    pub(crate) fn crs(&self) -> &str {
        self.delivered.get("crs").and_then(serde_json::Value::as_str).unwrap_or_default()
    }

    /// Its parcels.
    pub(crate) fn parcels(&self) -> Vec<DeliveredParcel> {
        let parcels = self.delivered.get("parcels").cloned().unwrap_or_default();
        serde_json::from_value(parcels).unwrap_or_default()
    }
}

/// A delivered file.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct SourceFile {
    /// Its name.
    pub(crate) name: String,
    /// Its fingerprint.
    pub(crate) sha256: String,
}

/// A parcel of a red line.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct DeliveredParcel {
    /// Its name.
    pub(crate) name: String,
    /// Polygons of rings of `[easting, northing]`, the outer ring first.
    pub(crate) polygons: Vec<Vec<Vec<[f64; 2]>>>,
}

/// Two areas of one thing, m².
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Areas {
    /// In the plane of the deployment.
    pub(crate) plane_m2: Option<f64>,
    /// On the CGCS2000 ellipsoid.
    pub(crate) ellipsoidal_m2: Option<f64>,
    /// In hectares, rounded by the result.
    pub(crate) plane_ha: Option<f64>,
    /// In hectares, rounded by the result.
    pub(crate) ellipsoidal_ha: Option<f64>,
}

/// The result of a check, with where and when it was made.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Check {
    /// The job.
    pub(crate) job: String,
    /// When it was made, RFC 3339.
    pub(crate) at: String,
    /// `pass`, `conditional`, `fail` or `incomplete`.
    pub(crate) verdict: String,
    /// What could not be checked, and why.
    pub(crate) not_checked: Vec<NotChecked>,
    /// Rule documents with their versions.
    pub(crate) rule_versions: serde_json::Value,
    /// What was read.
    pub(crate) sources: Vec<Source>,
    /// The red line that was checked.
    pub(crate) red_line: Areas,
    /// Each rule with what it found.
    pub(crate) checks: Vec<Finding>,
    /// Indicators of the detailed plan.
    pub(crate) indicators: Vec<Indicator>,
    /// The tables that an officer files.
    pub(crate) tables: serde_json::Value,
    /// The pieces taken.
    pub(crate) patches: Vec<TakenPiece>,
    /// CRS of the pieces.
    pub(crate) patches_crs: String,
}

/// A piece of the red line that a finding is about.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct TakenPiece {
    /// What is known about it; `rule` names the finding.
    pub(crate) properties: serde_json::Map<String, serde_json::Value>,
    /// Polygons of rings, the outer ring first, x easting first.
    pub(crate) polygons: Vec<Vec<Vec<[f64; 2]>>>,
}

/// A rule that could not be checked.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct NotChecked {
    /// Its Chinese title.
    pub(crate) title: String,
    /// Why.
    pub(crate) reason_zh: String,
}

/// A dataset that was read.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Source {
    /// What the analysis calls it.
    pub(crate) role: String,
    /// Dataset.
    pub(crate) dataset: String,
    /// Revision.
    pub(crate) revision: String,
    /// Title of the dataset.
    pub(crate) title: String,
    /// Valid since.
    pub(crate) valid_from: String,
    /// Code system of its classes.
    pub(crate) code_system: String,
}

/// What one rule found.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Finding {
    /// Name of the rule.
    pub(crate) rule: String,
    /// Its Chinese title.
    pub(crate) title: String,
    /// Its group.
    pub(crate) group: String,
    /// `pass`, `conditional`, `fail`, or whatever else the rule says.
    pub(crate) verdict: String,
    /// Legal basis.
    pub(crate) legal_basis: String,
    /// Ground of an exemption.
    pub(crate) exemption: Option<serde_json::Value>,
    /// What lies inside.
    pub(crate) overlap: Overlap,
    /// What lies outside a line that it must be inside of.
    pub(crate) outside: Option<Overlap>,
    /// Distance to the nearest, metres.
    pub(crate) distance_m: Option<f64>,
    /// In words.
    pub(crate) message_zh: String,
}

impl Finding {
    /// The exemption in words, with its basis.
    pub(crate) fn exemption_words(&self) -> String {
        let field = |key: &str| self.exemption.as_ref().and_then(|one| one.get(key)?.as_str()).unwrap_or_default();
        match (field("title"), field("basis")) {
            (title, "") => title.to_owned(),
            (title, basis) => format!("{title}（{basis}）"),
        }
    }

    /// The title and the areas of what breaks the rule: outside a line that it must be inside of, else on it.
    pub(crate) fn breach(&self) -> (String, Overlap) {
        match self.outside.filter(|_| matches!(self.verdict.as_str(), "fail" | "conditional")) {
            Some(outside) => (format!("{}（范围外）", self.title), outside),
            None => (self.title.clone(), self.overlap),
        }
    }
}

/// What of the red line lies on a layer.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Overlap {
    /// Areas.
    #[serde(flatten)]
    pub(crate) areas: Areas,
    /// Share of the red line, 0 to 1.
    pub(crate) share: Option<f64>,
    /// Pieces.
    pub(crate) pieces: Option<u64>,
}

/// An indicator of the detailed plan.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Indicator {
    /// Its name.
    pub(crate) name: String,
    /// Its Chinese title.
    pub(crate) title: String,
    /// The parcel of the plan.
    pub(crate) parcel: String,
    /// What the plan allows.
    pub(crate) limit: serde_json::Value,
    /// What the project asks for.
    pub(crate) value: serde_json::Value,
    /// Verdict.
    pub(crate) verdict: String,
    /// In words.
    pub(crate) message_zh: String,
}

/// The opinion of a department.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Opinion {
    /// The department.
    pub(crate) unit: String,
    /// `agree`, `conditional`, `disagree`, `not_concerned`, `overdue` or empty for none yet.
    pub(crate) verdict: String,
    /// In its own words.
    pub(crate) text: String,
    /// 经办.
    pub(crate) officer: String,
    /// 负责人.
    pub(crate) head: String,
    /// When it was signed, RFC 3339.
    pub(crate) signed: String,
    /// When it is due.
    pub(crate) due: String,
}

/// Something said by the lead unit.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Statement {
    /// What it is, in Chinese.
    pub(crate) title: String,
    /// Its words.
    pub(crate) text: String,
    /// Who.
    pub(crate) by: String,
    /// When, RFC 3339.
    pub(crate) at: String,
}

/// A step of the review.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Event {
    /// When, RFC 3339.
    pub(crate) at: String,
    /// Who.
    pub(crate) by: String,
    /// Of which unit.
    pub(crate) unit: String,
    /// What, in Chinese.
    pub(crate) action: String,
    /// Words.
    pub(crate) text: String,
}

/// Chinese words for the verdict of a check; others as they are.
pub(crate) fn verdict_words(verdict: &str) -> &str {
    match verdict {
        "pass" => "通过",
        "note" => "提示",
        "conditional" => "有条件",
        "fail" => "不通过",
        "incomplete" => "检测不完整",
        "not_checked" => "未检测",
        "" => "—",
        other => other,
    }
}

/// Chinese words for the verdict of a department; others as they are.
pub(crate) fn opinion_words(verdict: &str) -> &str {
    match verdict {
        "agree" => "同意",
        "conditional" => "有条件同意",
        "disagree" => "不同意",
        "not_concerned" => "不涉及",
        "no_opinion" => "逾期视同无意见",
        "supplement" => "要求补正",
        "" => "未反馈",
        other => other,
    }
}

/// Chinese words for what a number is the number of; others as they are.
pub(crate) fn number_kind_words(kind: &str) -> &str {
    match kind {
        "site_opinion" => "用地预审与选址意见书",
        "land_permit" => "建设用地规划许可证",
        "works_permit" => "建设工程规划许可证",
        "other" => "其他文号",
        other => other,
    }
}
