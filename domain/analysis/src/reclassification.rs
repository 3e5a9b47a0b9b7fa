//! The rule document `reclassification`: code systems, and how their codes are gathered into classes.
//!
//! A code is looked up in its own system and nowhere else; one that the system does not list, or that a classification
//! leaves open because it stands for several classes, stays unknown and is reported with its ground.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{AnalysisError, RuleBook, mechanism::RuleDocument};

/// Name of the rule document.
pub const RULE_DOCUMENT: &str = "reclassification";

/// The document.
#[derive(Debug, Clone, Deserialize)]
pub struct Reclassification {
    /// What is too near to be apart.
    pub tolerance: ToleranceRules,
    /// Fields and levels of administrative units.
    pub units: UnitRules,
    /// Columns of the ledger.
    pub ledger: LedgerRules,
    /// Code systems.
    pub system: Vec<CodeTable>,
    /// Classifications.
    pub classification: Vec<ClassScheme>,
}

/// What is too near to be apart.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct ToleranceRules {
    /// Corners of different layers within so many metres are one place.
    pub weld_m: f64,
}

/// Where administrative units carry their code and name, and what its digits mean.
#[derive(Debug, Clone, Deserialize)]
pub struct UnitRules {
    /// Fields with the code, the first that is there.
    pub code_fields: Vec<String>,
    /// Fields with the name, the first that is there.
    pub name_fields: Vec<String>,
    /// From the widest to the narrowest.
    pub levels: Vec<UnitLevel>,
}

/// A level of administration.
#[derive(Debug, Clone, Deserialize)]
pub struct UnitLevel {
    /// What it is called.
    pub title: String,
    /// Digits of a code of it.
    pub digits: usize,
}

/// Columns of the ledger of differences.
#[derive(Debug, Clone, Deserialize)]
pub struct LedgerRules {
    /// Filled in by people.
    pub opinions: Vec<String>,
    /// Filled in from a layer that the request names.
    pub context: Vec<String>,
}

/// The codes of a standard.
#[derive(Debug, Clone, Deserialize)]
pub struct CodeTable {
    /// Id in [`ClassScheme::members`].
    pub id: String,
    /// Other names of it.
    pub names: Vec<String>,
    /// Fields that carry its codes and those of no other system.
    pub fields: Vec<String>,
    /// Title of the standard.
    pub title: String,
    /// Number of the standard.
    pub source: String,
    /// What may stand before a code, as in names of CAD layers.
    #[serde(default)]
    pub prefixes: Vec<String>,
    /// Codes with their names.
    pub codes: BTreeMap<String, String>,
}

/// How codes are gathered into classes.
#[derive(Debug, Clone, Deserialize)]
pub struct ClassScheme {
    /// Name in requests.
    pub id: String,
    /// Chinese title.
    pub title: String,
    /// English title.
    pub title_en: String,
    /// The classes; where a layer overlaps itself the earlier one counts.
    pub classes: Vec<String>,
    /// English names of the classes.
    pub classes_en: Vec<String>,
    /// What ground outside a layer is called.
    pub uncovered: String,
    /// What ground with an unknown code is called.
    pub unknown: String,
    /// The class of every feature, whatever its code.
    pub every_code: Option<String>,
    /// When a place counts as a difference.
    pub difference: DifferenceWhen,
    /// Where this is from.
    pub source: String,
    /// What counts as a sliver.
    pub slivers: SliverRules,
    /// What pairs of classes are called.
    #[serde(default)]
    pub cells: Vec<Cell>,
    /// Codes by class, by code system.
    #[serde(default)]
    pub members: BTreeMap<String, BTreeMap<String, Vec<String>>>,
}

/// When a place counts as a difference, unless its cell says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DifferenceWhen {
    /// Two layers that cover it give it different classes.
    ClassesDiffer,
    /// Every layer covers it.
    AllCovered,
}

/// What counts as a sliver, and what becomes of it.
#[derive(Debug, Clone, Deserialize)]
pub struct SliverRules {
    /// What becomes of slivers.
    pub mode: SliverMode,
    /// Taken off a threshold, square metres.
    pub allowance_m2: f64,
    /// Threshold of classes that are not listed, square metres.
    pub default_below_m2: f64,
    /// Threshold by class, square metres.
    pub below_m2: BTreeMap<String, f64>,
}

/// What becomes of slivers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SliverMode {
    /// They stay patches, marked and listed.
    List,
    /// They go to the neighbour with the longest common border, and are listed.
    Merge,
}

/// A combination of classes.
#[derive(Debug, Clone, Deserialize)]
pub struct Cell {
    /// Class in each layer, in the order of the request.
    pub classes: Vec<String>,
    /// 差异类型代码.
    pub code: String,
    /// What it is called.
    pub title: String,
    /// Colour on maps.
    pub rgb: [u8; 3],
    /// Whether it counts as a difference.
    pub difference: bool,
}

impl Reclassification {
    /// The document in force.
    pub fn read(rules: &RuleBook) -> Result<(Self, &RuleDocument), AnalysisError> {
        let document = rules.document(RULE_DOCUMENT)?;
        Ok((Self::parse(document)?, document))
    }

    /// A document's own text; refuses what contradicts itself.
    pub fn parse(document: &RuleDocument) -> Result<Self, AnalysisError> {
        let bad = |what: String| AnalysisError::BadRule { name: RULE_DOCUMENT.to_owned(), what };
        let read: Self = toml::from_str(&document.text).map_err(|error| bad(error.to_string()))?;
        if !(0.0..=0.1).contains(&read.tolerance.weld_m) {
            return Err(bad("tolerance.weld_m: 0..0.1".to_owned()));
        }
        for classification in &read.classification {
            let known = |class: &String| classification.classes.contains(class);
            let id = &classification.id;
            if classification.classes.is_empty() || classification.classes.len() > 200 {
                return Err(bad(format!("{id}: 1..200 classes")));
            }
            if let Some(class) = classification.every_code.iter().find(|class| !known(class)) {
                return Err(bad(format!("{id}: every_code = {class}")));
            }
            for (system, members) in &classification.members {
                let Some(table) = read.system.iter().find(|table| table.id == *system) else {
                    return Err(bad(format!("{id}: no code system {system}")));
                };
                let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
                for (class, codes) in members {
                    if !known(class) {
                        return Err(bad(format!("{id}: {system}: no class {class}")));
                    }
                    for code in codes {
                        if !table.codes.contains_key(code) {
                            return Err(bad(format!("{id}: {system} has no code {code}")));
                        }
                        if let Some(other) = seen.insert(code, class) {
                            return Err(bad(format!("{id}: {system} {code} is in {other} and in {class}")));
                        }
                    }
                }
            }
        }
        Ok(read)
    }

    /// The classification of a name.
    pub fn classification(&self, id: &str) -> Result<&ClassScheme, AnalysisError> {
        self.classification.iter().find(|classification| classification.id == id).ok_or_else(|| {
            let known: Vec<&str> = self.classification.iter().map(|c| c.id.as_str()).collect();
            AnalysisError::Request {
                what_zh: format!("没有归并表“{id}”，可用：{}", known.join("、")),
                what_en: format!("no classification {id}; there are {}", known.join(", ")),
            }
        })
    }

    /// The code system of that id or name.
    #[must_use]
    pub fn system(&self, name: &str) -> Option<&CodeTable> {
        let is = |own: &str| own.eq_ignore_ascii_case(name);
        self.system.iter().find(|system| is(&system.id) || system.names.iter().any(|own| is(own)))
    }

    /// The code system whose codes a field of that name carries.
    #[must_use]
    pub fn system_of_field(&self, field: &str) -> Option<&CodeTable> {
        let mut fitting =
            self.system.iter().filter(|system| system.fields.iter().any(|own| own.eq_ignore_ascii_case(field)));
        let first = fitting.next()?;
        fitting.next().is_none().then_some(first)
    }
}

impl CodeTable {
    /// A code without what may stand before it.
    #[must_use]
    pub fn bare<'c>(&self, code: &'c str) -> &'c str {
        let code = code.trim();
        self.prefixes.iter().find_map(|prefix| code.strip_prefix(prefix.as_str())).unwrap_or(code)
    }
}

/// The codes of one system in one classification.
#[derive(Debug, Clone)]
pub struct Lookup<'r> {
    table: Option<&'r CodeTable>,
    class_of_code: BTreeMap<&'r str, usize>,
    every: Option<usize>,
}

impl ClassScheme {
    /// How codes of a system are looked up; none where this classification does not know the system.
    #[must_use]
    pub fn lookup<'r>(&'r self, table: Option<&'r CodeTable>) -> Option<Lookup<'r>> {
        let index = |class: &str| self.classes.iter().position(|own| own == class);
        if let Some(every) = &self.every_code {
            return Some(Lookup { table, class_of_code: BTreeMap::new(), every: index(every) });
        }
        let members = self.members.get(&table?.id)?;
        let class_of_code = members
            .iter()
            .filter_map(|(class, codes)| Some((index(class)?, codes)))
            .flat_map(|(class, codes)| codes.iter().map(move |code| (code.as_str(), class)))
            .collect();
        Some(Lookup { table, class_of_code, every: None })
    }

    /// Square metres below which a patch of these classes is a sliver: the least threshold among them.
    #[must_use]
    pub fn sliver_below_m2<'c>(&self, classes: impl Iterator<Item = &'c str>) -> f64 {
        let rules = &self.slivers;
        let of = |class: &str| rules.below_m2.get(class).copied().unwrap_or(rules.default_below_m2);
        let least = classes.map(of).reduce(f64::min).unwrap_or(rules.default_below_m2);
        (least - rules.allowance_m2).max(0.0)
    }
}

impl Lookup<'_> {
    /// The class of a code; none where it is unknown.
    #[must_use]
    pub fn class(&self, code: &str) -> Option<usize> {
        self.every.or_else(|| {
            let bare = self.table.map_or(code, |table| table.bare(code));
            self.class_of_code.get(bare).copied()
        })
    }
}
