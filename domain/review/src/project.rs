//! A project under review, as it stands: what was registered, where it is on its way, and who has said what.
//!
//! This is the sum of its events, kept so that nobody has to add them up; it is stored whole as JSON.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::calendar::Clock;
use crate::person::Named;

/// Where a project is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProjectState {
    /// 已登记.
    Registered,
    /// 已检测: the newest red line has been checked.
    Checked,
    /// 征求意见.
    Consulting,
    /// 补正: clocks stand still until the applicant has mended what was asked.
    Supplementing,
    /// 已汇总.
    Summarised,
    /// 协调会.
    Meeting,
    /// 已生成.
    Approved,
    /// 已退回.
    Returned,
    /// 已撤回.
    Withdrawn,
}

impl ProjectState {
    /// Every state, in the order of the way.
    pub const ALL: [Self; 9] = [
        Self::Registered,
        Self::Checked,
        Self::Consulting,
        Self::Supplementing,
        Self::Summarised,
        Self::Meeting,
        Self::Approved,
        Self::Returned,
        Self::Withdrawn,
    ];

    /// The name in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::Checked => "checked",
            Self::Consulting => "consulting",
            Self::Supplementing => "supplementing",
            Self::Summarised => "summarised",
            Self::Meeting => "meeting",
            Self::Approved => "approved",
            Self::Returned => "returned",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// What people call it.
    #[must_use]
    pub fn zh(self) -> &'static str {
        match self {
            Self::Registered => "已登记",
            Self::Checked => "已检测",
            Self::Consulting => "征求意见",
            Self::Supplementing => "补正",
            Self::Summarised => "已汇总",
            Self::Meeting => "协调会",
            Self::Approved => "已生成",
            Self::Returned => "已退回",
            Self::Withdrawn => "已撤回",
        }
    }

    /// Whether nothing more is decided, unless it is taken up again.
    #[must_use]
    pub fn is_over(self) -> bool {
        matches!(self, Self::Approved | Self::Returned | Self::Withdrawn)
    }
}

/// A use of land, never without its code system.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LandUse {
    /// Code system, such as `landuse_2023`.
    pub system: String,
    /// Code.
    pub code: String,
    /// Name, where it was given.
    #[serde(default)]
    pub name: String,
}

/// What is said when a project is registered.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Registration {
    /// 项目代码.
    pub code: String,
    /// 项目名称.
    pub name: String,
    /// 建设单位.
    pub applicant: String,
    /// 用地性质.
    pub land_use: LandUse,
    /// 项目类型.
    pub kind: String,
    /// 联系人.
    pub contact: String,
    /// Whatever else is known and the check may ask for: 容积率 `far`, 限高 `height_m`, …
    #[serde(flatten)]
    pub facts: Map<String, Value>,
}

/// A version of the red line; its coordinates are kept elsewhere.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RedLineVersion {
    /// From 1.
    pub version: u32,
    /// The file it came in: `{name, sha256}`, or how else.
    pub source: Value,
    /// CRS as delivered.
    pub crs: String,
    /// Area in the plane of the delivered coordinates, m².
    pub plane_m2: Value,
    /// Area on the ellipsoid, m².
    pub ellipsoidal_m2: Value,
    /// `[west, south, east, north]`, degrees.
    pub bounds_lon_lat_deg: [f64; 4],
    /// When.
    pub at: DateTime<Utc>,
    /// Who brought it.
    pub by: Named,
}

/// What a check came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckRecord {
    /// The job that holds the whole result.
    pub job: String,
    /// The red line it was about.
    pub red_line: u32,
    /// `pass`, `conditional` or `fail`.
    pub verdict: String,
    /// When.
    pub at: DateTime<Utc>,
    /// Who asked for it.
    pub by: Named,
    /// Which versions of the rules.
    pub rule_versions: Value,
    /// Which revisions of the data: `dataset@revision`.
    pub revisions: Vec<String>,
}

/// What a department thinks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OpinionVerdict {
    /// 同意.
    Agree,
    /// 有条件同意.
    Conditional,
    /// 不同意.
    Disagree,
    /// 不涉及.
    NotConcerned,
}

/// A name under something, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    /// Who.
    pub by: Named,
    /// When.
    pub at: DateTime<Utc>,
}

/// An opinion; worth nothing before it is countersigned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Opinion {
    /// What.
    pub verdict: OpinionVerdict,
    /// Why, or on which condition.
    pub text: String,
    /// Marked-up geometry, GeoJSON in degrees.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub geometry: Option<Value>,
    /// Attachments of the project that belong to it.
    #[serde(default)]
    pub attachments: Vec<String>,
    /// 经办.
    pub drafted: Signature,
    /// 负责人.
    #[serde(default)]
    pub signed: Option<Signature>,
    /// The red line it is about.
    pub red_line: u32,
    /// The check it was given on.
    pub check: String,
    /// Whether time was up.
    pub late: bool,
}

/// Where one department is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsultationState {
    /// Asked; nothing yet.
    Asked,
    /// Drafted by 经办, waits for 负责人.
    Drafted,
    /// Signed by both.
    Signed,
    /// Asked for 补正.
    Supplement,
    /// Time was up: 视同无意见.
    NoOpinion,
}

/// A department that was asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Consultation {
    /// The department.
    pub unit: Named,
    /// Working days it was given.
    pub days: u32,
    /// What is left of them.
    pub clock: Clock,
    /// Where it is.
    pub state: ConsultationState,
    /// The officer it was handed to within the department, if to one.
    #[serde(default)]
    pub officer: Option<Named>,
    /// Its opinion.
    #[serde(default)]
    pub opinion: Option<Opinion>,
    /// Version of the project that changed this last.
    pub changed: u64,
}

impl Consultation {
    /// Whether nothing more is awaited.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        matches!(self.state, ConsultationState::Signed | ConsultationState::NoOpinion)
    }
}

/// Something said by the lead unit: a summary, minutes, a decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// What.
    pub text: String,
    /// Who.
    pub by: Named,
    /// When.
    pub at: DateTime<Utc>,
}

/// A decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// 生成 or 退回.
    pub approve: bool,
    /// The words.
    #[serde(flatten)]
    pub statement: Statement,
}

/// 选址意见书, 许可证 and the like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PermitNumber {
    /// What it is the number of.
    pub kind: String,
    /// The number.
    pub number: String,
    /// Its date.
    pub date: NaiveDate,
}

/// A project.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Project {
    /// Identifier.
    pub id: String,
    /// What was registered.
    #[serde(flatten)]
    pub registration: Registration,
    /// 牵头单位.
    pub lead_unit: Named,
    /// 经办 of the lead unit.
    pub officer: Named,
    /// Where it is.
    pub state: ProjectState,
    /// Counts the changes, from 1.
    pub version: u64,
    /// The last version that changed more than one department's opinion.
    pub changed: u64,
    /// How often it was taken up, from 1.
    pub round: u32,
    /// Every red line, oldest first.
    #[serde(default)]
    pub red_lines: Vec<RedLineVersion>,
    /// The newest check.
    #[serde(default)]
    pub check: Option<CheckRecord>,
    /// Who was asked.
    #[serde(default)]
    pub consultations: Vec<Consultation>,
    /// What was asked of the applicant and not yet mended.
    #[serde(default)]
    pub supplements: Vec<Statement>,
    /// The red line at the time 补正 began.
    #[serde(default)]
    pub supplement_red_line: u32,
    /// 汇总.
    #[serde(default)]
    pub summary: Option<Statement>,
    /// 协调会纪要.
    #[serde(default)]
    pub minutes: Vec<Statement>,
    /// The decision.
    #[serde(default)]
    pub decision: Option<Decision>,
    /// Numbers recorded.
    #[serde(default)]
    pub numbers: Vec<PermitNumber>,
    /// When it was registered.
    pub created: DateTime<Utc>,
    /// When it was changed last.
    pub updated: DateTime<Utc>,
}

impl Project {
    /// The red line that counts.
    #[must_use]
    pub fn red_line(&self) -> Option<&RedLineVersion> {
        self.red_lines.last()
    }

    /// The check, if it is about the red line that counts.
    #[must_use]
    pub fn current_check(&self) -> Option<&CheckRecord> {
        let red_line = self.red_line()?.version;
        self.check.as_ref().filter(|check| check.red_line == red_line)
    }

    /// The department's place among those asked.
    #[must_use]
    pub fn consultation(&self, unit: &str) -> Option<&Consultation> {
        self.consultations.iter().find(|consultation| consultation.unit.id == unit)
    }
}

/// One step, as it is remembered for ever.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProjectEvent {
    /// What happened.
    pub kind: String,
    /// When.
    pub at: DateTime<Utc>,
    /// Who did it.
    pub by: Named,
    /// For which unit.
    pub unit: Named,
    /// Where the project was,
    pub from: ProjectState,
    /// and where it is since.
    pub to: ProjectState,
    /// Which time it was taken up.
    pub round: u32,
    /// The project's version since.
    pub version: u64,
    /// The red line that counted.
    pub red_line: u32,
    /// The check it stood on.
    pub check: Option<String>,
    /// The revisions it stood on.
    pub revisions: Vec<String>,
    /// Version of the workflow's settings.
    pub settings: String,
    /// The particulars.
    pub detail: Value,
}
