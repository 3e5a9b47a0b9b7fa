//! 差异图斑台账: each patch of a difference analysis, with the opinions on it, to whom it is assigned and how it was
//! resolved; looked at again when a newer version of the plans is compared.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::person::{Actor, Named, Role};
use crate::refusal::Refusal;

/// The columns people fill in, as Chinese "多规合一" ledgers name them, with their meaning.
pub const OPINION_COLUMNS: &[(&str, &str)] = &[
    ("CGTZ", "城规调整"),
    ("TGTZ", "土规调整"),
    ("KFBJTZ", "开发边界调整"),
    ("JBNTTZ", "基本农田调整"),
    ("STHXTZ", "生态红线调整"),
    ("ZDXM", "重点项目"),
    ("ZDXMTZ", "重点项目调整"),
    ("CGJWNLSSPSJ", "城规近五年历史审批数据"),
    ("GTJWNLSSPSJ", "国土近五年历史审批数据"),
    ("TZYY", "调整缘由"),
    ("TZYYDM", "调整缘由代码"),
    ("XTFS", "协调方式"),
    ("QZFTZYJ", "区政府调整意见"),
    ("LDXZBGS", "领导小组办公室调整意见"),
    ("SZFYJ", "市政府意见"),
    ("DGHYGZT", "多规合一管制图"),
    ("DGHYTDLYT", "多规合一土地利用图"),
    ("生效日期", "生效日期"),
    ("BZ", "备注"),
];
/// Longest entry.
const MAX_CHARACTERS: usize = 2_000;

/// Where a row of the ledger is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LedgerState {
    /// 待处理.
    Open,
    /// 已分派.
    Assigned,
    /// 已处理: how it is to be resolved is decided; the plans may still differ.
    Resolved,
    /// 已消除: a newer comparison no longer shows it.
    Gone,
}

impl LedgerState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Open, Self::Assigned, Self::Resolved, Self::Gone];

    /// The name in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Assigned => "assigned",
            Self::Resolved => "resolved",
            Self::Gone => "gone",
        }
    }
}

/// A row of the ledger.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LedgerEntry {
    /// Identifier.
    pub id: String,
    /// The difference job it comes from.
    pub job: String,
    /// Its number in that job (地块编号).
    pub patch: String,
    /// Where it is.
    pub state: LedgerState,
    /// Counts its changes, from 1.
    pub version: u64,
    /// To which unit it is assigned.
    pub unit: Option<Named>,
    /// What the analysis says of it; never edited.
    pub properties: Value,
    /// Its place, GeoJSON in degrees.
    pub geometry: Value,
    /// What people say of it: [`OPINION_COLUMNS`].
    #[serde(default)]
    pub opinions: BTreeMap<String, String>,
    /// What the last comparison after that job found: `{job, at, still_there, area…}`.
    #[serde(default)]
    pub rechecked: Option<Value>,
}

/// A change of a row.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LedgerChange {
    /// Assigns it; an empty text takes it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Entries by column; an empty text removes one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub opinions: BTreeMap<String, String>,
    /// Resolves it, or takes it up again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved: Option<bool>,
}

/// One step of a row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LedgerEvent {
    /// What happened: `made`, `changed`, `rechecked`.
    pub kind: String,
    /// When.
    pub at: DateTime<Utc>,
    /// Who.
    pub by: Named,
    /// For which unit.
    pub unit: Named,
    /// The particulars.
    pub detail: Value,
}

/// Changes a row. The lead officer assigns; the assigned unit and the lead officer write and resolve.
pub fn change_ledger(
    entry: &LedgerEntry,
    change: &LedgerChange,
    actor: &Actor,
    units: &[Named],
    now: DateTime<Utc>,
) -> Result<(LedgerEntry, LedgerEvent), Refusal> {
    let lead = actor.is(Role::LeadOfficer);
    let own = [Role::Officer, Role::Head]
        .into_iter()
        .any(|role| entry.unit.as_ref().is_some_and(|unit| actor.is_of(role, &unit.id)));
    if !lead && (!own || change.unit.is_some()) {
        return Err(Refusal::not_yours(
            "分派只限牵头单位经办；填写只限被分派单位",
            "Only the lead officer assigns; only the assigned unit writes.",
        ));
    }
    if entry.state == LedgerState::Gone {
        return Err(Refusal::not_now("该图斑已消除", "This patch is gone."));
    }
    let mut next = LedgerEntry { version: entry.version + 1, ..entry.clone() };
    if let Some(id) = &change.unit {
        next.unit = if id.is_empty() {
            None
        } else {
            let found = units.iter().find(|unit| unit.id == *id);
            Some(found.cloned().ok_or_else(|| {
                Refusal::incomplete("没有这个单位或已停用", "There is no such unit, or it is closed.")
            })?)
        };
        next.state = if next.unit.is_some() { LedgerState::Assigned } else { LedgerState::Open };
    }
    for (column, text) in &change.opinions {
        if !OPINION_COLUMNS.iter().any(|(name, _)| name == column) || text.chars().count() > MAX_CHARACTERS {
            return Err(Refusal::incomplete(
                "台账没有这一栏，或文字超过 2000 字",
                "The ledger has no such column, or the text is over 2000 characters.",
            ));
        }
        if text.trim().is_empty() {
            next.opinions.remove(column);
        } else {
            next.opinions.insert(column.clone(), text.trim().to_owned());
        }
    }
    match change.resolved {
        Some(true) => {
            if !next.opinions.contains_key("XTFS") && !next.opinions.contains_key("TZYY") {
                return Err(Refusal::incomplete(
                    "处理前应填写协调方式（XTFS）或调整缘由（TZYY）",
                    "Fill in how it is resolved (XTFS) or why (TZYY) first.",
                ));
            }
            next.state = LedgerState::Resolved;
        }
        Some(false) => next.state = if next.unit.is_some() { LedgerState::Assigned } else { LedgerState::Open },
        None => {}
    }
    let event = LedgerEvent {
        kind: "changed".to_owned(),
        at: now,
        by: actor.account.clone(),
        unit: actor.unit.clone(),
        detail: json!(change),
    };
    Ok((next, event))
}

/// Says what a newer comparison found where the row's patch was: a share of its area that still differs.
#[must_use]
pub fn recheck_ledger(
    entry: &LedgerEntry,
    job: &str,
    still_m2: f64,
    actor: &Actor,
    now: DateTime<Utc>,
) -> (LedgerEntry, LedgerEvent) {
    let still_there = still_m2 > 0.0;
    let finding = json!({ "job": job, "at": now, "still_there": still_there, "still_m2": still_m2 });
    let mut next = LedgerEntry { version: entry.version + 1, rechecked: Some(finding.clone()), ..entry.clone() };
    next.state = match (still_there, entry.state) {
        (false, _) => LedgerState::Gone,
        // It was thought gone and is there again.
        (true, LedgerState::Gone) if entry.unit.is_some() => LedgerState::Assigned,
        (true, LedgerState::Gone) => LedgerState::Open,
        (true, state) => state,
    };
    let event = LedgerEvent {
        kind: "rechecked".to_owned(),
        at: now,
        by: actor.account.clone(),
        unit: actor.unit.clone(),
        detail: finding,
    };
    (next, event)
}
