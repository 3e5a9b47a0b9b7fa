//! The tables that an officer files: land by class and owner (土地分类面积表), farmland to be balanced (占补平衡),
//! land to be converted (农转用), and the survey's patches that are taken (压占图斑清单).
//!
//! Composition is by the third land survey. Field ridges (田坎) are not drawn there: of every patch taken, the share
//! that the survey deducts is counted as ridge. Every row is a sum of the same balanced cells, so that the tables
//! agree with each other and with the red line to the last digit.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    Case,
    checks::{Piece, cut, measure, source_id, text},
};
use crate::{
    AnalysisError, Parcel,
    figures::{Figures, Hectares, number},
    mechanism::{RuleBook, RuleDocument},
    rounding::{decimal_of, round_half_away},
};

/// Name of the rule document.
pub(crate) const DOCUMENT: &str = "land-classes";

/// The document.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LandClasses {
    #[expect(dead_code, reason = "every rule document has it; the rule book's version is what results name")]
    document: toml::Table,
    pub(super) survey: Survey,
    balance: Balance,
    /// Code to name and one of the three classes.
    classes: BTreeMap<String, [String; 2]>,
}

/// Where the survey is and what its fields are called.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Survey {
    pub(super) datasets: Vec<String>,
    code_systems: Vec<String>,
    pub(super) class_field: String,
    number_field: String,
    owner_code_field: String,
    owner_field: String,
    nature_field: String,
    location_field: String,
    area_field: String,
    deduction_area_field: String,
    deduction_share_field: String,
    deduction_class: String,
    state_owned: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Balance {
    cultivated: Vec<String>,
    paddy: Vec<String>,
    adjustable_suffix: String,
    basis: String,
}

impl LandClasses {
    /// The document in force.
    pub(super) fn of(rules: &RuleBook) -> Result<Self, AnalysisError> {
        Self::parse(rules.document(DOCUMENT)?)
    }

    /// Reads a document; refuses one whose classes no table could use.
    pub(crate) fn parse(document: &RuleDocument) -> Result<Self, AnalysisError> {
        let bad = |what: String| AnalysisError::BadRule { name: DOCUMENT.to_owned(), what };
        let classes: Self = toml::from_str(&document.text).map_err(|error| bad(error.to_string()))?;
        if classes.survey.datasets.is_empty() {
            return Err(bad("[survey] 没有数据集 (no datasets)".to_owned()));
        }
        let known = |three: &str| THREE.iter().any(|(class, title)| *class != Three::Unknown && *title == three);
        if let Some((code, [_, three])) = classes.classes.iter().find(|(_, [_, three])| !known(three)) {
            return Err(bad(format!(
                "地类 {code} 的“{three}”不是农用地、建设用地或未利用地 (none of the three classes)"
            )));
        }
        let listed = [&classes.balance.cultivated, &classes.balance.paddy].into_iter().flatten();
        let ridge = std::iter::once(&classes.survey.deduction_class);
        if let Some(code) = listed.chain(ridge).find(|code| !classes.classes.contains_key(*code)) {
            return Err(bad(format!("地类 {code} 未在 [classes] 中列出 (not among the classes)")));
        }
        Ok(classes)
    }

    fn name<'a>(&'a self, code: &'a str) -> &'a str {
        self.classes.get(code).map_or(code, |[name, _]| name)
    }

    fn three(&self, code: &str) -> Three {
        match self.classes.get(code).map(|[_, three]| three.as_str()) {
            Some("农用地") => Three::Farm,
            Some("建设用地") => Three::Built,
            Some("未利用地") => Three::Unused,
            _ => Three::Unknown,
        }
    }
}

/// The three classes of the Land Administration Law, article 4, and what is none of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Three {
    Farm,
    Built,
    Unused,
    Unknown,
}

const THREE: [(Three, &str); 4] = [
    (Three::Farm, "农用地"),
    (Three::Built, "建设用地"),
    (Three::Unused, "未利用地"),
    (Three::Unknown, "未归类或未覆盖"),
];

/// Part of a patch: its land class, or the ridge in it.
struct Cell {
    owner: Owner,
    code: String,
    figures: Figures,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Owner {
    code: String,
    name: String,
    nature: &'static str,
}

/// The tables, or why there are none.
pub(super) enum Tables {
    Made(Map<String, Value>),
    Missing([String; 2]),
}

/// Makes the tables.
pub(super) fn tables(case: &Case<'_>, rules: &LandClasses) -> Result<Tables, AnalysisError> {
    let survey = &rules.survey;
    let names = survey.datasets.join("、");
    let Some(layer) = survey.datasets.iter().find_map(|dataset| case.task.layers.get(dataset)) else {
        return Ok(Tables::Missing([
            format!("没有数据集 {names}，不能编制土地分类面积表"),
            format!("no dataset {names}: no tables of land classes"),
        ]));
    };
    if !survey.code_systems.contains(&layer.layer.code_system) {
        return Ok(Tables::Missing([
            format!("数据集 {} 的地类分类是“{}”，不是三调分类", layer.dataset, layer.layer.code_system),
            format!("the classes of {} are of {}, not of the third survey", layer.dataset, layer.layer.code_system),
        ]));
    }
    let parcels: Vec<&Parcel> = layer.layer.parcels.iter().collect();
    let cut = cut(case, &parcels)?;
    let mut cells = Vec::new();
    let mut occupied = Vec::new();
    for piece in &cut.pieces {
        let taken = Taken::of(rules, piece);
        let mut row = taken.row(rules);
        row.insert("title".to_owned(), layer.title.clone().into());
        row.insert("dataset".to_owned(), layer.dataset.clone().into());
        row.insert("revision".to_owned(), layer.revision.clone().into());
        occupied.push(Value::Object(row));
        cells.push(Cell { owner: taken.owner.clone(), code: taken.code, figures: taken.net });
        if !taken.ridge.is_zero() {
            cells.push(Cell { owner: taken.owner, code: survey.deduction_class.clone(), figures: taken.ridge });
        }
    }
    if !cut.outside_figures.is_zero() {
        let owner = Owner { code: String::new(), name: "调查未覆盖".to_owned(), nature: "" };
        cells.push(Cell { owner, code: String::new(), figures: cut.outside_figures });
    }
    let mut tables = Map::new();
    tables.insert("land_classes".to_owned(), land_classes(rules, &cells)?.into());
    tables.insert("land_detail".to_owned(), land_detail(rules, &cells).into());
    tables.insert("occupied_parcels".to_owned(), occupied.into());
    tables.insert("balance".to_owned(), balance(case, rules, &cells)?.into());
    Ok(Tables::Made(tables))
}

/// A patch of the survey, as far as it is taken.
struct Taken<'p> {
    parcel: &'p Parcel,
    owner: Owner,
    code: String,
    whole: Figures,
    net: Figures,
    ridge: Figures,
}

impl<'p> Taken<'p> {
    fn of(rules: &LandClasses, piece: &Piece<'p>) -> Self {
        let (survey, parcel) = (&rules.survey, piece.parcel);
        let share = ridge_share(survey, parcel);
        let part = |m2: Decimal| round_half_away(m2 * share, 2);
        let ridge =
            Figures { plane_m2: part(piece.figures.plane_m2), ellipsoidal_m2: part(piece.figures.ellipsoidal_m2) };
        let net = Figures {
            plane_m2: piece.figures.plane_m2 - ridge.plane_m2,
            ellipsoidal_m2: piece.figures.ellipsoidal_m2 - ridge.ellipsoidal_m2,
        };
        let nature = text(parcel, &survey.nature_field);
        let owner = Owner {
            code: text(parcel, &survey.owner_code_field),
            name: text(parcel, &survey.owner_field),
            nature: if nature.is_empty() {
                ""
            } else if survey.state_owned.contains(&nature) {
                "国有"
            } else {
                "集体"
            },
        };
        Self { parcel, owner, code: text(parcel, &survey.class_field), whole: piece.figures, net, ridge }
    }

    fn row(&self, rules: &LandClasses) -> Map<String, Value> {
        let mut row = Map::new();
        let survey = &rules.survey;
        for (key, value) in [
            ("source_id", source_id(self.parcel).to_owned()),
            ("id", self.parcel.id.clone()),
            ("number", text(self.parcel, &survey.number_field)),
            ("class", self.code.clone()),
            ("class_name", rules.name(&self.code).to_owned()),
            ("owner_code", self.owner.code.clone()),
            ("owner", self.owner.title()),
            ("nature", self.owner.nature.to_owned()),
            ("location", text(self.parcel, &survey.location_field)),
        ] {
            row.insert(key.to_owned(), value.into());
        }
        self.whole.put_m2(&mut row);
        row.insert("net_plane_m2".to_owned(), number(self.net.plane_m2));
        row.insert("net_ellipsoidal_m2".to_owned(), number(self.net.ellipsoidal_m2));
        row.insert("ridge_plane_m2".to_owned(), number(self.ridge.plane_m2));
        row.insert("ridge_ellipsoidal_m2".to_owned(), number(self.ridge.ellipsoidal_m2));
        let whole = measure(self.parcel, &survey.area_field);
        row.insert("parcel_m2".to_owned(), whole.map_or(Value::Null, Value::from));
        row
    }
}

impl Owner {
    fn title(&self) -> String {
        match (self.name.as_str(), self.nature) {
            (name, "") => name.to_owned(),
            (name, nature) => format!("{name}（{nature}）"),
        }
    }
}

/// Share of a patch that is field ridge: what the survey deducted of its area, else its coefficient.
fn ridge_share(survey: &Survey, parcel: &Parcel) -> Decimal {
    let positive = |field: &str| measure(parcel, field).filter(|v| *v > 0.0).and_then(decimal_of);
    let by_area = positive(&survey.deduction_area_field)
        .zip(positive(&survey.area_field))
        .and_then(|(deducted, whole)| deducted.checked_div(whole));
    let share = by_area.or_else(|| positive(&survey.deduction_share_field)).unwrap_or_default();
    share.min(Decimal::ONE)
}

/// A row of figures with a title.
fn row(owner: Option<&Owner>, title: &str, figures: Figures, hectares: Hectares) -> Map<String, Value> {
    let mut row = Map::new();
    row.insert("owner_code".to_owned(), owner.map_or("", |owner| owner.code.as_str()).into());
    row.insert("owner".to_owned(), owner.map_or_else(|| "合计".to_owned(), Owner::title).into());
    row.insert("title".to_owned(), title.into());
    figures.put_m2(&mut row);
    hectares.put(&mut row);
    row
}

/// 土地分类面积表: owners by the three classes, cultivated land as a part of farmland.
fn land_classes(rules: &LandClasses, cells: &[Cell]) -> Result<Vec<Value>, AnalysisError> {
    // Cells of the table: owner, class, whether cultivated. Hectares are balanced over them once.
    let mut sums: BTreeMap<(&Owner, Three, bool), Figures> = BTreeMap::new();
    for cell in cells {
        let cultivated = rules.balance.cultivated.contains(&cell.code);
        let sum = sums.entry((&cell.owner, rules.three(&cell.code), cultivated)).or_default();
        *sum = [*sum, cell.figures].into_iter().sum();
    }
    let figures: Vec<Figures> = sums.values().copied().collect();
    let hectares = Hectares::balanced(&figures)?;
    let table: Vec<(&Owner, Three, bool, Figures, Hectares)> = sums
        .iter()
        .zip(hectares)
        .map(|(((owner, three, tilled), figures), ha)| (*owner, *three, *tilled, *figures, ha))
        .collect();
    let mut rows = Vec::new();
    let mut block = |owner: Option<&Owner>| {
        let of = |keep: &dyn Fn(Three, bool) -> bool| {
            let kept = || {
                table
                    .iter()
                    .filter(|(o, three, tilled, ..)| owner.is_none_or(|owner| owner == *o) && keep(*three, *tilled))
            };
            (kept().map(|cell| cell.3).sum::<Figures>(), kept().map(|cell| cell.4).sum::<Hectares>())
        };
        for (three, title) in THREE {
            let (figures, hectares) = of(&|t, _| t == three);
            if three == Three::Unknown && figures.is_zero() {
                continue;
            }
            rows.push(Value::Object(row(owner, title, figures, hectares)));
            if three == Three::Farm {
                let (figures, hectares) = of(&|t, tilled| t == three && tilled);
                let mut part = row(owner, "其中：耕地", figures, hectares);
                part.insert("part".to_owned(), true.into());
                rows.push(part.into());
            }
        }
        let (figures, hectares) = of(&|_, _| true);
        let mut total = row(owner, "小计", figures, hectares);
        if owner.is_none() {
            total.insert("title".to_owned(), "总计".into());
            total.insert("total".to_owned(), true.into());
        }
        rows.push(total.into());
    };
    let mut owners: Vec<&Owner> = sums.keys().map(|(owner, ..)| *owner).collect();
    owners.dedup();
    for owner in owners {
        block(Some(owner));
    }
    block(None);
    Ok(rows)
}

/// The same by land class of the survey, field ridges as a class of their own.
fn land_detail(rules: &LandClasses, cells: &[Cell]) -> Vec<Value> {
    let mut sums: BTreeMap<(&Owner, &str), Figures> = BTreeMap::new();
    for cell in cells {
        let sum = sums.entry((&cell.owner, &cell.code)).or_default();
        *sum = [*sum, cell.figures].into_iter().sum();
    }
    let one = |((owner, code), figures): (&(&Owner, &str), &Figures)| {
        let mut row = row(Some(owner), rules.name(code), *figures, Hectares::of(*figures));
        row.insert("class".to_owned(), (*code).into());
        let three = THREE.iter().find(|(three, _)| *three == rules.three(code)).map_or("", |(_, title)| *title);
        row.insert("three_class".to_owned(), three.into());
        Value::Object(row)
    };
    sums.iter().map(one).collect()
}

/// 占补平衡 and 农转用.
fn balance(case: &Case<'_>, rules: &LandClasses, cells: &[Cell]) -> Result<Vec<Value>, AnalysisError> {
    let rule = &rules.balance;
    let sum = |keep: &dyn Fn(&str) -> bool| -> Figures {
        cells.iter().filter(|cell| keep(&cell.code)).map(|cell| cell.figures).sum()
    };
    let ridge = &rules.survey.deduction_class;
    let rows: Vec<(&str, &str, Figures, bool)> = vec![
        ("cultivated", "占用耕地（应补充耕地）", sum(&|code| rule.cultivated.iter().any(|c| c == code)), false),
        ("paddy", "其中：水田", sum(&|code| rule.paddy.iter().any(|c| c == code)), true),
        ("ridge", "随耕地扣除的田坎", sum(&|code| code == ridge), false),
        ("adjustable", "占用可调整地类", sum(&|code| code.ends_with(&rule.adjustable_suffix)), false),
        ("basic_farmland", "占用永久基本农田（应补划）", case.farmland, false),
        ("farm_conversion", "农用地转用", sum(&|code| rules.three(code) == Three::Farm), false),
        ("unused_conversion", "未利用地转用", sum(&|code| rules.three(code) == Three::Unused), false),
        ("built", "已有建设用地", sum(&|code| rules.three(code) == Three::Built), false),
        ("uncovered", "未归类或未覆盖", sum(&|code| rules.three(code) == Three::Unknown), false),
    ];
    // Farm, unused, built and uncovered land are the whole; their hectares are balanced to it.
    let whole: Vec<Figures> = rows.iter().skip(5).map(|(_, _, figures, _)| *figures).collect();
    let mut balanced = Hectares::balanced(&whole)?.into_iter();
    let one = |(index, (item, title, figures, part)): (usize, (&str, &str, Figures, bool))| {
        let mut row = Map::new();
        row.insert("item".to_owned(), item.into());
        row.insert("title".to_owned(), title.into());
        figures.put_m2(&mut row);
        let hectares = if index < 5 { Hectares::of(figures) } else { balanced.next().unwrap_or_default() };
        hectares.put(&mut row);
        row.insert("legal_basis".to_owned(), rule.basis.clone().into());
        if part {
            row.insert("part".to_owned(), true.into());
        }
        Value::Object(row)
    };
    Ok(rows.into_iter().enumerate().map(one).collect())
}
