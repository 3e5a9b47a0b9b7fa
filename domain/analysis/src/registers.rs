//! The registers that a disaster is held against: houses and who lives in them, roads, shelters, facilities; which layers
//! they are and what their fields are called is the rule document `registers`.
//!
//! A register that is missing is said to be missing; nobody is counted as nought because a layer was not there.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::{
    AnalysisError, LayerWanted, LoadedLayer, Parcel, RuleBook, Task,
    compliance::{measure, text},
    mechanism::RuleDocument,
};

/// Name of the rule document.
pub(crate) const DOCUMENT: &str = "registers";
/// More than live in or fit into any one place.
const MOST_IN_ONE: f64 = 1e6;

/// Which layers and fields.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Registers {
    #[expect(dead_code, reason = "every rule document has it; the rule book's version is what results name")]
    document: toml::Table,
    pub(crate) houses: Houses,
    pub(crate) roads: Roads,
    pub(crate) shelters: Shelters,
    pub(crate) facilities: Facilities,
}

/// Buildings, and who lives in them.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Houses {
    pub(crate) datasets: Vec<String>,
    number: String,
    r#use: String,
    storeys: String,
    height_m: String,
    households: String,
    people: String,
    head: String,
    phone: String,
    village: String,
    floor_m2: String,
    structure: String,
}

/// Roads as lines.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Roads {
    pub(crate) datasets: Vec<String>,
    pub(crate) number: String,
    pub(crate) name: String,
    pub(crate) class: String,
    pub(crate) width_m: String,
}

/// Where people go.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Shelters {
    pub(crate) datasets: Vec<String>,
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) capacity: String,
}

/// Schools, clinics and the like.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Facilities {
    pub(crate) datasets: Vec<String>,
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) kinds: Vec<String>,
}

/// A register of the document, and its role in a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Register {
    Houses,
    Roads,
    Shelters,
    Facilities,
}

impl Register {
    /// Role of its layer.
    pub(crate) fn role(self) -> &'static str {
        match self {
            Self::Houses => "houses",
            Self::Roads => "roads",
            Self::Shelters => "shelters",
            Self::Facilities => "facilities",
        }
    }
}

/// A building of the register; texts are empty and numbers none where the register says nothing.
#[derive(Debug, Clone)]
pub(crate) struct House<'l> {
    /// Footprint and attributes.
    pub(crate) parcel: &'l Parcel,
    pub(crate) number: String,
    pub(crate) purpose: String,
    pub(crate) storeys: Option<f64>,
    pub(crate) height_m: Option<f64>,
    pub(crate) households: u32,
    pub(crate) people: u32,
    pub(crate) head: String,
    pub(crate) phone: String,
    pub(crate) village: String,
    pub(crate) floor_m2: Option<f64>,
    pub(crate) structure: String,
}

impl House<'_> {
    /// Head of the household and telephone as anybody may see them: the family name, the first three and last four digits.
    pub(crate) fn masked(&self) -> (String, String) {
        let head = self.head.chars().next().map_or_else(String::new, |first| format!("{first}**"));
        let digits: Vec<char> = self.phone.chars().filter(char::is_ascii_digit).collect();
        let phone = match digits.len() {
            0 if self.phone.is_empty() => String::new(),
            // Of a short number too little would be hidden.
            0..8 => "****".to_owned(),
            count => {
                let part = |digits: &[char]| digits.iter().collect::<String>();
                format!("{}****{}", part(&digits[..3]), part(&digits[count - 4..]))
            }
        };
        (head, phone)
    }
}

impl Registers {
    /// The document in force.
    pub(crate) fn of(book: &RuleBook) -> Result<Self, AnalysisError> {
        read(book.document(DOCUMENT)?)
    }

    fn datasets(&self, register: Register) -> &[String] {
        match register {
            Register::Houses => &self.houses.datasets,
            Register::Roads => &self.roads.datasets,
            Register::Shelters => &self.shelters.datasets,
            Register::Facilities => &self.facilities.datasets,
        }
    }

    /// The layers of registers within a box of degrees, as of the request's `datetime` and `recorded`; `registers` of the
    /// request (`{"houses": "slug@revision"}`) names another dataset. All are optional: what is missing is said.
    pub(crate) fn wanted(
        &self,
        registers: &[Register],
        request: &Value,
        within_lon_lat_deg: Option<[f64; 4]>,
    ) -> Result<Vec<LayerWanted>, AnalysisError> {
        let own: BTreeMap<String, String> = match &request["registers"] {
            Value::Null => BTreeMap::new(),
            stated => serde_json::from_value(stated.clone()).map_err(|error| AnalysisError::Request {
                what_zh: format!("registers 应为 {{台账: 数据集}}：{error}"),
                what_en: format!("registers is {{register: dataset}}: {error}"),
            })?,
        };
        let day = |key: &str| request[key].as_str().map(str::to_owned);
        Ok(registers
            .iter()
            .filter_map(|register| {
                let named = own.get(register.role());
                let dataset = named.or_else(|| self.datasets(*register).first())?;
                Some(LayerWanted {
                    role: register.role().to_owned(),
                    dataset: dataset.clone(),
                    datetime: day("datetime"),
                    recorded: day("recorded"),
                    within_lon_lat_deg,
                    optional: named.is_none(),
                    ..LayerWanted::default()
                })
            })
            .collect())
    }

    /// A building as its register describes it.
    pub(crate) fn house<'l>(&self, parcel: &'l Parcel) -> House<'l> {
        let fields = &self.houses;
        let count = |field: &str| measure(parcel, field).map_or(0, |n| n.clamp(0.0, MOST_IN_ONE).round() as u32);
        House {
            parcel,
            number: Some(text(parcel, &fields.number)).filter(|n| !n.is_empty()).unwrap_or_else(|| parcel.id.clone()),
            purpose: text(parcel, &fields.r#use),
            storeys: measure(parcel, &fields.storeys),
            height_m: measure(parcel, &fields.height_m).filter(|m| *m > 0.0),
            households: count(&fields.households),
            people: count(&fields.people),
            head: text(parcel, &fields.head),
            phone: text(parcel, &fields.phone),
            village: text(parcel, &fields.village),
            floor_m2: measure(parcel, &fields.floor_m2).filter(|m2| *m2 > 0.0),
            structure: text(parcel, &fields.structure),
        }
    }
}

impl Task<'_> {
    /// The layer of a register, where there is one.
    pub(crate) fn register(&self, register: Register) -> Option<&LoadedLayer> {
        self.layers.get(register.role())
    }
}

/// Refuses a document that cannot be used.
pub(crate) fn check(document: &RuleDocument) -> Result<(), AnalysisError> {
    read(document).map(|_| ())
}

fn read(document: &RuleDocument) -> Result<Registers, AnalysisError> {
    let bad = |what: String| AnalysisError::BadRule { name: DOCUMENT.to_owned(), what };
    let registers: Registers = toml::from_str(&document.text).map_err(|error| bad(error.to_string()))?;
    for register in [Register::Houses, Register::Roads, Register::Shelters, Register::Facilities] {
        if registers.datasets(register).iter().any(String::is_empty) {
            return Err(bad(format!("[{}] datasets 含有空名称 (an empty name)", register.role())));
        }
    }
    Ok(registers)
}
