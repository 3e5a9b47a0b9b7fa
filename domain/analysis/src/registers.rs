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
            Self::Houses => HOUSES_ROLE,
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
                    // Who heads a household stands masked in the list of households.
                    private_fields: *register == Register::Houses,
                    ..LayerWanted::default()
                })
            })
            .collect())
    }

    /// Whether the register says how many people live in a building, be it nobody.
    pub(crate) fn says_people(&self, parcel: &Parcel) -> bool {
        measure(parcel, &self.houses.people).is_some()
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

/// The fields of heads of households and of their telephones, in the register of houses: for whoever shows them by right.
pub fn contact_fields(book: &RuleBook) -> Result<[String; 2], AnalysisError> {
    let Houses { head, phone, .. } = Registers::of(book)?.houses;
    Ok([head, phone])
}

/// Role of the register of houses among the sources of a result.
pub const HOUSES_ROLE: &str = "houses";

impl House<'_> {
    /// Head of household and phone for whoever may not see them: the surname, and the first three and last four digits of a
    /// number long enough to keep the rest; what is too short to hide anything in shows nothing. Empty where the register is.
    pub(crate) fn masked(&self) -> (String, String) {
        (masked_name(&self.head), masked_phone(&self.phone))
    }
}

/// Surnames of two characters that are still borne.
const COMPOUND_SURNAMES: [&str; 20] = [
    "欧阳", "司马", "上官", "诸葛", "夏侯", "东方", "皇甫", "尉迟", "公孙", "慕容", "令狐", "司徒", "长孙", "宇文",
    "轩辕", "端木", "百里", "南宫", "申屠", "呼延",
];
/// Stars are as many for every name, so that they do not tell its length.
const NAME_STARS: &str = "**";
const PHONE_STARS: &str = "****";

fn masked_name(name: &str) -> String {
    let mut characters = name.chars();
    let (Some(first), rest) = (characters.next(), characters.count()) else { return String::new() };
    // A name that is all surname is somebody's name: nothing of it is left to hide.
    match COMPOUND_SURNAMES.iter().find(|surname| name.starts_with(**surname)) {
        _ if rest == 0 => NAME_STARS.to_owned(),
        Some(surname) if rest > 1 => format!("{surname}{NAME_STARS}"),
        _ => format!("{first}{NAME_STARS}"),
    }
}

fn masked_phone(phone: &str) -> String {
    if phone.is_empty() {
        return String::new();
    }
    // Several numbers in one field: the first.
    let first = phone.split(['、', ',', '，', ';', '；', '/', '／']).find(|part| !part.trim().is_empty());
    let ascii = |c: char| match c {
        '０'..='９' => char::from_u32(c as u32 - '０' as u32 + '0' as u32),
        _ => c.is_ascii_digit().then_some(c),
    };
    let digits: Vec<char> = first.unwrap_or_default().chars().filter_map(ascii).collect();
    let shown = |digits: &[char]| digits.iter().collect::<String>();
    match digits.len() {
        11.. => format!("{}{PHONE_STARS}{}", shown(&digits[..3]), shown(&digits[digits.len() - 4..])),
        7..=10 => format!("{PHONE_STARS}{}", shown(&digits[digits.len() - 2..])),
        _ => PHONE_STARS.to_owned(),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_phones_are_masked_so_that_neither_can_be_read_back() {
        for (name, masked) in [
            ("", ""),
            ("张", "**"),
            ("张三", "张**"),
            ("张三丰", "张**"),
            ("欧阳", "欧**"),
            ("欧阳修", "欧阳**"),
            ("司马相如", "司马**"),
            ("买买提·吐尔逊", "买**"),
            ("Li", "L**"),
        ] {
            assert_eq!(masked_name(name), masked, "{name}");
        }
        for (phone, masked) in [
            ("", ""),
            ("13812341234", "138****1234"),
            ("138 1234-1234", "138****1234"),
            ("１３８１２３４１２３４", "138****1234"),
            ("13812341234、13900005678", "138****1234"),
            ("，13812341234", "138****1234"),
            ("0743-8221234", "074****1234"),
            ("8221234", "****34"),
            ("110", "****"),
            ("无", "****"),
            ("，", "****"),
        ] {
            assert_eq!(masked_phone(phone), masked, "{phone}");
        }
    }
}
