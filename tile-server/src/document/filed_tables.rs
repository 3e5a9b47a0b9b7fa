//! The tables that an officer files with a project (三线占用情况表, 土地分类面积表, 占补平衡, 压占图斑清单): from the
//! result's `tables` to rows, by a description of their columns.

use serde_json::Value;

use super::content::{Align, Cell, Mark, Table, printed};
use super::dossier::{Check, verdict_words};
use super::report::plain;

/// What a column shows of a row's object.
#[derive(Debug, Clone, Copy)]
enum Shows {
    /// A text.
    Text(&'static str),
    /// A code: a text that stands in the middle.
    Code(&'static str),
    /// A number with so many decimals.
    Number(&'static str, u8),
    /// A share of 1 as per cent.
    Percent(&'static str),
    /// The verdict in words.
    Verdict,
}

/// A filed table.
struct Filed {
    /// Field of `tables`.
    field: &'static str,
    title: &'static str,
    unit: &'static str,
    /// Head, width, what it shows.
    columns: &'static [(&'static str, f64, Shows)],
    /// Whether its rows are the whole red line, so that their sum is the red line's own areas.
    whole: bool,
}

use Shows::{Code, Number, Percent, Text, Verdict};

/// The tables, in the order of filing.
const FILED: &[Filed] = &[
    Filed {
        field: "three_lines",
        title: "“三线”占用情况表",
        unit: "面积单位：平方米、公顷",
        columns: &[
            ("控制线", 2.4, Text("title")),
            ("平面面积\n（平方米）", 1.4, Number("plane_m2", 2)),
            ("椭球面积\n（平方米）", 1.4, Number("ellipsoidal_m2", 2)),
            ("平面面积\n（公顷）", 1.1, Number("plane_ha", 4)),
            ("椭球面积\n（公顷）", 1.1, Number("ellipsoidal_ha", 4)),
            ("占红线\n（%）", 0.9, Percent("share")),
            ("处数", 0.7, Number("pieces", 0)),
            ("结论", 1.0, Verdict),
        ],
        whole: false,
    },
    Filed {
        field: "land_classes",
        title: "土地分类面积表",
        unit: "面积单位：平方米、公顷",
        columns: &[
            ("权属单位", 2.4, Text("owner")),
            ("地类", 1.7, Text("title")),
            ("平面面积\n（平方米）", 1.4, Number("plane_m2", 2)),
            ("椭球面积\n（平方米）", 1.4, Number("ellipsoidal_m2", 2)),
            ("平面面积\n（公顷）", 1.1, Number("plane_ha", 4)),
            ("椭球面积\n（公顷）", 1.1, Number("ellipsoidal_ha", 4)),
        ],
        whole: false,
    },
    Filed {
        field: "land_detail",
        title: "土地分类面积明细表",
        unit: "面积单位：平方米",
        columns: &[
            ("权属单位", 2.4, Text("owner")),
            ("三大类", 1.3, Code("three_class")),
            ("地类编码", 1.0, Code("class")),
            ("地类名称", 1.5, Text("title")),
            ("平面面积", 1.4, Number("plane_m2", 2)),
            ("椭球面积", 1.4, Number("ellipsoidal_m2", 2)),
        ],
        whole: true,
    },
    Filed {
        field: "balance",
        title: "耕地占补平衡与农用地转用情况表",
        unit: "面积单位：平方米、公顷",
        columns: &[
            ("事项", 2.6, Text("title")),
            ("平面面积\n（平方米）", 1.4, Number("plane_m2", 2)),
            ("椭球面积\n（平方米）", 1.4, Number("ellipsoidal_m2", 2)),
            ("平面面积\n（公顷）", 1.1, Number("plane_ha", 4)),
            ("椭球面积\n（公顷）", 1.1, Number("ellipsoidal_ha", 4)),
        ],
        whole: false,
    },
    Filed {
        field: "occupied_parcels",
        title: "压占图斑清单",
        unit: "面积单位：平方米",
        columns: &[
            ("图斑标识", 2.5, Code("source_id")),
            ("图斑\n编号", 0.8, Code("number")),
            ("地类\n编码", 0.8, Code("class")),
            ("地类名称", 1.2, Text("class_name")),
            ("权属单位", 2.0, Text("owner")),
            ("占用平面\n面积", 1.35, Number("plane_m2", 2)),
            ("占用椭球\n面积", 1.35, Number("ellipsoidal_m2", 2)),
        ],
        whole: true,
    },
];

/// The tables of a check that are not empty.
pub(crate) fn of(check: &Check) -> Vec<Table> {
    FILED.iter().filter_map(|filed| table(filed, check)).collect()
}

fn table(filed: &Filed, check: &Check) -> Option<Table> {
    let rows = check.tables.get(filed.field)?.as_array().filter(|rows| !rows.is_empty())?;
    let columns: Vec<_> = filed.columns.iter().map(|(head, width, shows)| (*head, *width, align(*shows))).collect();
    let mut table = Table::new(filed.title, filed.unit, &columns);
    for row in rows {
        let cells = filed.columns.iter().map(|(_, _, shows)| cell(row, *shows)).collect();
        table.push(cells, mark(row));
    }
    let whole = [("plane_m2", check.red_line.plane_m2), ("ellipsoidal_m2", check.red_line.ellipsoidal_m2)];
    // Where the red line reaches beyond the survey, its areas are not the sum of these rows and nothing is said.
    if filed.whole && whole.iter().all(|(key, total)| total.is_some_and(|total| adds_up(rows, key, total))) {
        let total_of = |key: &str| whole.iter().find(|(known, _)| *known == key).and_then(|(_, total)| *total);
        let cells = filed.columns.iter().enumerate().map(|(at, (_, _, shows))| match shows {
            Number(key, decimals) => Cell::number(total_of(key), *decimals),
            _ if at == 0 => Cell::from("合计"),
            _ => Cell::from(""),
        });
        table.push(cells.collect(), Mark::Total);
    }
    if let Some(basis) = rows.iter().find_map(|row| row.get("legal_basis")?.as_str()) {
        table.notes.push(format!("依据：{basis}"));
    }
    Some(table)
}

/// Whether a column of areas adds up to a total, to the last digit.
fn adds_up(rows: &[Value], key: &str, total: f64) -> bool {
    let decimal = |value: f64| printed(value, 2).parse::<rust_decimal::Decimal>().ok();
    let sum: Option<rust_decimal::Decimal> =
        rows.iter().map(|row| row.get(key).and_then(Value::as_f64).and_then(decimal)).sum();
    sum.is_some() && sum == decimal(total)
}

fn align(shows: Shows) -> Align {
    match shows {
        Text(_) => Align::Left,
        Number(..) | Percent(_) => Align::Right,
        Verdict | Code(_) => Align::Center,
    }
}

fn cell(row: &Value, shows: Shows) -> Cell {
    let number = |key: &str| row.get(key).and_then(Value::as_f64);
    match shows {
        Text(key) | Code(key) => row.get(key).map(plain).unwrap_or_default().into(),
        Number(key, decimals) => Cell::number(number(key), decimals),
        Percent(key) => Cell::number(number(key).map(|share| share * 100.0), 2),
        Verdict => row.get("verdict").and_then(Value::as_str).map_or("", verdict_words).into(),
    }
}

fn mark(row: &Value) -> Mark {
    let is = |key: &str| row.get(key).and_then(Value::as_bool) == Some(true);
    if is("total") || row.get("title").and_then(Value::as_str) == Some("小计") {
        Mark::Total
    } else if is("part") {
        Mark::Part
    } else if row.get("verdict").and_then(Value::as_str) == Some("fail") {
        Mark::Conflict
    } else {
        Mark::Plain
    }
}
