//! 险情 and 灾情: classes of a threat and of a damage, each by people and by money, the higher of the two deciding.
//!
//! 险情 counts people to be moved and what may be lost; 灾情 counts deaths and what was lost; 规模 is the volume that moves and is
//! graded by the rules of the change of the ground. One never stands in for another: each has its key and says what it rests on.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{AnalysisError, RuleBook, figures::rounded, terrain_change::RULE_DOCUMENT as TERRAIN_CHANGE_RULES};

/// One class of a table, from so many people or so much loss on.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Class {
    pub(super) name: String,
    pub(super) code: String,
    /// People to be moved, or deaths; from here on.
    pub(super) people: u64,
    /// Ten thousand yuan; from here on.
    pub(super) loss_wan_yuan: f64,
}

/// What one square metre of floor is worth.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UnitValue {
    pub(super) r#use: String,
    pub(super) wan_yuan_per_m2: f64,
}

/// Where a sum of money comes from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Loss {
    /// Nobody said, and the rules put no value on what stands there.
    Unknown,
    /// As the request states it.
    Given(f64),
    /// Floor area times the rules' values; `complete` where every building has a use with a value and a floor area.
    Estimated { wan_yuan: f64, complete: bool },
}

impl Loss {
    fn wan_yuan(self) -> Option<f64> {
        match self {
            Self::Unknown => None,
            Self::Given(wan_yuan) | Self::Estimated { wan_yuan, .. } => Some(wan_yuan),
        }
    }

    /// As results state it.
    pub(super) fn json(self) -> Value {
        let (basis, zh, complete) = match self {
            Self::Unknown => ("unknown", "未给出潜在经济损失，规则中也没有相应的单价，不能估算", false),
            Self::Given(_) => ("given", "由请求给出", true),
            Self::Estimated { complete: true, .. } => {
                ("estimate", "估算：建筑面积（占地面积 × 层数）× 规则中的单价", true)
            }
            Self::Estimated { .. } => (
                "estimate",
                "估算：建筑面积（占地面积 × 层数）× 规则中的单价；部分房屋没有单价或面积，实际不低于此数",
                false,
            ),
        };
        json!({
            "wan_yuan": self.wan_yuan().map(|wan_yuan| rounded(wan_yuan, 2)), "basis": basis, "basis_zh": zh, "complete": complete,
        })
    }
}

/// Refuses tables that do not begin at nought and rise.
pub(super) fn check(name: &str, table: &[Class]) -> Result<(), String> {
    let begins = table.first().is_some_and(|first| first.people == 0 && first.loss_wan_yuan == 0.0);
    let rises = table.windows(2).all(|pair| {
        pair[0].people < pair[1].people && pair[0].loss_wan_yuan < pair[1].loss_wan_yuan && pair[1].loss_wan_yuan < 1e12
    });
    if begins && rises {
        Ok(())
    } else {
        Err(format!("[[{name}]] 应从 0 起、人数和损失逐级增大 (begins at 0 and rises)"))
    }
}

/// The highest class that a number reaches.
fn reached(table: &[Class], reaches: impl Fn(&Class) -> bool) -> usize {
    table.iter().rposition(reaches).unwrap_or(0)
}

/// The class by people and money; null where neither is known.
fn graded(table: &[Class], people: Option<u64>, loss_wan_yuan: Option<f64>) -> Map<String, Value> {
    let by_people = people.map(|people| reached(table, |class| people >= class.people));
    let by_loss = loss_wan_yuan.map(|loss| reached(table, |class| loss >= class.loss_wan_yuan));
    let name = |class: Option<usize>| class.map_or(Value::Null, |class| table[class].name.clone().into());
    let highest = by_people.max(by_loss);
    let decided_by = match (by_people, by_loss) {
        (None, None) => Value::Null,
        (people, loss) if people == loss => "both".into(),
        (people, loss) if people > loss => "people".into(),
        _ => "loss".into(),
    };
    let mut graded = Map::new();
    graded.insert("class".to_owned(), name(highest));
    graded.insert("code".to_owned(), highest.map_or(Value::Null, |class| table[class].code.clone().into()));
    graded.insert("decided_by".to_owned(), decided_by);
    graded.insert("people".to_owned(), people.into());
    graded.insert("by_people".to_owned(), name(by_people));
    graded.insert("loss_wan_yuan".to_owned(), loss_wan_yuan.map_or(Value::Null, |loss| rounded(loss, 2)));
    graded.insert("by_loss".to_owned(), name(by_loss));
    graded
}

/// 险情: a threat. `people` is none where the register of houses is missing or says of no house who lives there.
pub(super) fn danger(table: &[Class], people: Option<u64>, loss: Loss) -> Value {
    let mut graded = graded(table, people, loss.wan_yuan());
    let basis = match (people, loss.wan_yuan()) {
        (None, None) => "受威胁人数和潜在经济损失均未知，不能分级",
        (None, Some(_)) => "受威胁人数未知，仅按潜在经济损失；人数查清后应重新分级",
        (Some(_), None) => "按受威胁人数；潜在经济损失未知，查清后取两者中的高者",
        (Some(_), Some(_)) => "按受威胁人数与潜在经济损失中的高者",
    };
    graded.insert("title".to_owned(), "险情等级".into());
    graded.insert("basis_zh".to_owned(), basis.into());
    graded.insert("loss_basis".to_owned(), loss.json()["basis"].clone());
    Value::Object(graded)
}

/// 灾情: a damage, from what people report; null where nobody reported any.
pub(super) fn disaster(table: &[Class], deaths: Option<u64>, direct_loss_wan_yuan: Option<f64>) -> Value {
    if deaths.is_none() && direct_loss_wan_yuan.is_none() {
        return Value::Null;
    }
    let mut graded = graded(table, deaths, direct_loss_wan_yuan);
    graded.insert("title".to_owned(), "灾情等级".into());
    graded.insert("basis_zh".to_owned(), "按填报的死亡人数与直接经济损失中的高者".into());
    Value::Object(graded)
}

/// The classes of volume in the rules of the change of the ground.
#[derive(Debug, Deserialize)]
struct Scales {
    scale: Vec<Scale>,
}

#[derive(Debug, Deserialize)]
struct Scale {
    name: String,
    from_m3: f64,
}

/// 规模: by volume alone.
pub(super) fn scale(book: &RuleBook, volume_m3: f64) -> Result<Value, AnalysisError> {
    let document = book.document(TERRAIN_CHANGE_RULES)?;
    let scales: Scales = toml::from_str(&document.text)
        .map_err(|error| AnalysisError::BadRule { name: TERRAIN_CHANGE_RULES.to_owned(), what: error.to_string() })?;
    let class = scales.scale.iter().rev().find(|scale| volume_m3 >= scale.from_m3);
    Ok(json!({
        "title": "规模等级", "class": class.map(|class| class.name.clone()), "volume_m3": volume_m3,
        "basis_zh": "按给出的体积；与险情、灾情等级互不替代",
    }))
}
