//! The tables that an officer files with a project (三线占用情况表, 土地分类面积表, 占补平衡, 压占图斑清单): from the
//! result's `tables` to rows, by a description of their columns.

use serde_json::Value;

use super::content::{Align, Cell, Mark, Table};
use super::dossier::{Check, verdict_words};
use super::report::plain;

/// What a column shows of a row's object.
#[derive(Debug, Clone, Copy)]
enum Shows {
    /// The text of the first of these fields that is there.
    Text(&'static [&'static str]),
    /// A number with so many decimals; a path where it lies deeper.
    Number(&'static str, u8),
    /// A share of 1 as per cent.
    Percent(&'static str),
    /// The verdict in words.
    Verdict,
}

/// One column: head, width, what it shows.
type Shown = (&'static str, f64, Shows);

/// A filed table.
struct Filed {
    /// Field of `tables`.
    field: &'static str,
    title: &'static str,
    unit: &'static str,
    columns: &'static [Shown],
}

use Shows::{Number, Percent, Text, Verdict};

/// The tables, in the order of filing.
const FILED: &[Filed] = &[
    Filed {
        field: "three_lines",
        title: "“三线”占用情况表",
        unit: "单位：平方米",
        columns: &[
            ("控制线", 2.6, Text(&["title", "line", "name"])),
            ("平面面积", 1.5, Number("plane_m2", 2)),
            ("椭球面积", 1.5, Number("ellipsoidal_m2", 2)),
            ("占红线\n（%）", 1.0, Percent("share")),
            ("处数", 0.8, Number("pieces", 0)),
            ("结论", 1.1, Verdict),
        ],
    },
    Filed {
        field: "land_classes",
        title: "土地分类面积表",
        unit: "单位：平方米",
        columns: &[
            ("权属单位", 2.4, Text(&["owner", "unit", "name"])),
            ("地类", 2.0, Text(&["title", "class_name", "class"])),
            ("平面面积", 1.5, Number("plane_m2", 2)),
            ("椭球面积", 1.5, Number("ellipsoidal_m2", 2)),
        ],
    },
    Filed {
        field: "balance",
        title: "耕地占补平衡与农用地转用情况表",
        unit: "单位：平方米",
        columns: &[
            ("事项", 3.0, Text(&["title", "item", "name"])),
            ("平面面积", 1.5, Number("plane_m2", 2)),
            ("椭球面积", 1.5, Number("ellipsoidal_m2", 2)),
        ],
    },
    Filed {
        field: "occupied_parcels",
        title: "压占图斑清单",
        unit: "单位：平方米",
        columns: &[
            ("图斑标识", 2.6, Text(&["source_id", "id"])),
            ("图层", 1.8, Text(&["title", "dataset"])),
            ("地类", 1.6, Text(&["class_name", "class"])),
            ("权属单位", 1.8, Text(&["owner", "unit"])),
            ("平面面积", 1.4, Number("plane_m2", 2)),
            ("椭球面积", 1.4, Number("ellipsoidal_m2", 2)),
        ],
    },
];

/// The tables of a check that are not empty.
pub(crate) fn of(check: &Check) -> Vec<Table> {
    FILED.iter().filter_map(|filed| table(filed, check.tables.get(filed.field)?)).collect()
}

fn table(filed: &Filed, value: &Value) -> Option<Table> {
    let rows = value.as_array().or_else(|| value.get("rows")?.as_array()).filter(|rows| !rows.is_empty())?;
    let columns: Vec<_> = filed.columns.iter().map(|(head, width, shows)| (*head, *width, align(*shows))).collect();
    let mut table = Table::new(filed.title, filed.unit, &columns);
    for row in rows {
        let cells = filed.columns.iter().map(|(_, _, shows)| cell(row, *shows)).collect();
        table.push(cells, mark(row));
    }
    if let Some(total) = value.get("total") {
        let mut cells: Vec<Cell> = filed.columns.iter().map(|(_, _, shows)| cell(total, *shows)).collect();
        if let Some(first) = cells.first_mut() {
            *first = Cell::from("合计");
        }
        table.push(cells, Mark::Total);
    }
    Some(table)
}

fn align(shows: Shows) -> Align {
    match shows {
        Text(_) => Align::Left,
        Number(..) | Percent(_) => Align::Right,
        Verdict => Align::Center,
    }
}

fn cell(row: &Value, shows: Shows) -> Cell {
    match shows {
        Text(keys) => {
            keys.iter().find_map(|key| row.get(key).filter(|v| !v.is_null())).map(plain).unwrap_or_default().into()
        }
        Number(key, decimals) => Cell::number(row.get(key).and_then(Value::as_f64), decimals),
        Percent(key) => Cell::number(row.get(key).and_then(Value::as_f64).map(|share| share * 100.0), 2),
        Verdict => row.get("verdict").and_then(Value::as_str).map_or("", verdict_words).into(),
    }
}

fn mark(row: &Value) -> Mark {
    let is = |key: &str| row.get(key).and_then(Value::as_bool) == Some(true);
    if is("total") {
        Mark::Total
    } else if is("part") {
        Mark::Part
    } else if row.get("verdict").and_then(Value::as_str) == Some("fail") {
        Mark::Conflict
    } else {
        Mark::Plain
    }
}
