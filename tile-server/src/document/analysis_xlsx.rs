//! `analysis.xlsx`: what an analysis found as a workbook: the matrix, totals by unit at every level, the list of patches,
//! slivers, codes that no table knows, sources and rules. Every figure is the result's own.

use serde_json::Value;

use super::content::{Align, Cell, Mark, Row, Table};
use super::found::{Found, Place};
use super::from_incident;
use super::report::{plain, rules_table, sources_table};
use super::workbook::workbook;
use super::{Document, DocumentError, Make};

/// The kind.
pub(super) const DOCUMENT: Document = Document {
    name: "analysis.xlsx",
    media_type: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    title_zh: "分析结果表（Excel）",
    title_en: "Tables of the analysis (Excel)",
    make: Make::Analysis(make),
};

/// Rows of one worksheet; the format holds 1,048,576.
const MAX_ROWS: usize = 1_000_000;

/// How a member of a patch is shown.
#[derive(Debug, Clone, Copy)]
enum Shows {
    Text,
    Code,
    Number(u8),
    /// 是 or 否.
    Truth,
}
use Shows::{Code, Number, Text, Truth};

/// Members of patches in the order of the list, with head and width; those that no patch has are left out.
const MEMBERS: &[(&str, &str, f64, Shows)] = &[
    ("rank", "排序", 0.7, Number(0)),
    ("score", "得分", 0.8, Number(4)),
    ("kind", "类型", 1.2, Text),
    ("dataset", "图层", 1.2, Text),
    ("XZQDM", "行政区代码", 1.8, Code),
    ("XZQMC", "行政区名称", 1.4, Text),
    ("CYLXDM", "差异类型\n代码", 0.9, Code),
    ("CTFL", "差异分区", 2.0, Text),
    ("CGYDXZ", "第一图层\n用地代码", 1.2, Code),
    ("TGYDXZ", "第二图层\n用地代码", 1.2, Code),
    ("before", "变更前", 1.4, Text),
    ("after", "变更后", 1.4, Text),
    ("plane_m2", "平面面积\n（平方米）", 1.5, Number(2)),
    ("ellipsoidal_m2", "椭球面积\n（平方米）", 1.5, Number(2)),
    ("counts_as_difference", "是否差异", 0.8, Truth),
    ("sliver", "碎图斑", 0.8, Truth),
    ("suspected", "疑似违法", 0.9, Truth),
    ("mean_rise_m", "平均增高\n（米）", 1.0, Number(2)),
    ("permitted_plane_m2", "许可范围内\n平面面积", 1.3, Number(2)),
    ("mean_width_m", "平均宽度\n（米）", 1.0, Number(1)),
    ("road_m", "距道路\n（米）", 1.0, Number(1)),
    ("source_ids", "相关要素", 2.4, Text),
    ("number", "编号", 1.6, Code),
    ("name", "名称", 1.6, Text),
    ("state_zh", "状态", 0.9, Text),
    ("use", "用途", 1.0, Text),
    ("village", "村", 1.2, Text),
    ("class", "等级", 1.0, Text),
    ("households", "户数\n（户）", 0.8, Number(0)),
    ("people", "人口\n（人）", 0.8, Number(0)),
    ("scale", "规模", 0.8, Text),
    ("reasons_zh", "理由", 5.0, Text),
];

fn make(found: &Found) -> Result<Vec<u8>, DocumentError> {
    let result = &found.result;
    let tables = [matrix(result), units(result), patches(&found.patches), merged(result), unknown_codes(result)];
    let mut tables: Vec<Table> = tables.into_iter().flatten().collect();
    tables.extend(from_incident::tables(result));
    tables.push(sources_table(&found.sources));
    tables.push(rules_table(&found.rules));
    workbook(&tables, &found.title, &found.office.stamp(), &found.as_of)
}

fn rows<'v>(result: &'v Value, name: &str) -> &'v [Value] {
    result[name].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn areas(of: &Value) -> [Cell; 2] {
    ["plane_m2", "ellipsoidal_m2"].map(|key| Cell::number(of[key].as_f64(), 2))
}

fn count(of: &Value, key: &str) -> Cell {
    Cell::number(of[key].as_f64(), 0)
}

fn percent(of: &Value) -> Cell {
    Cell::number(of["share"].as_f64().map(|share| share * 100.0), 4)
}

/// The combinations of classes.
fn matrix(result: &Value) -> Option<Table> {
    // A plan that says nothing of a place is named by a class too, so that every row has as many.
    const PLANS: [&str; 8] = ["图层一", "图层二", "图层三", "图层四", "图层五", "图层六", "图层七", "图层八"];
    let rows = rows(result, "matrix");
    let first = rows.first()?;
    let plans = first["classes"].as_array().map_or(0, Vec::len).min(PLANS.len());
    let mut columns: Vec<_> = PLANS[..plans].iter().map(|name| (*name, 1.4, Align::Center)).collect();
    columns.extend([
        ("类型代码", 1.0, Align::Center),
        ("类型", 2.6, Align::Left),
        ("是否差异", 0.9, Align::Center),
        ("图斑数", 0.9, Align::Right),
        ("平面面积\n（平方米）", 1.6, Align::Right),
        ("椭球面积\n（平方米）", 1.6, Align::Right),
        ("占比\n（%）", 1.0, Align::Right),
    ]);
    let mut table = Table::new("差异矩阵表", "", &columns);
    for row in rows {
        let classes = row["classes"].as_array().into_iter().flatten().take(plans).map(|class| Cell::from(plain(class)));
        let [plane, ellipsoidal] = areas(row);
        let mut cells: Vec<Cell> = classes.collect();
        cells.resize(plans, Cell::from(""));
        cells.extend([plain(&row["code"]).into(), plain(&row["title"]).into(), truth(&row["counts_as_difference"])]);
        cells.extend([count(row, "patches"), plane, ellipsoidal, percent(row)]);
        table.push(cells, Mark::Plain);
    }
    let totals = &result["totals"];
    for (words, of) in [("合计", totals), ("其中：差异", &totals["difference"])] {
        let mut cells = vec![Cell::from(words)];
        cells.resize(plans + 3, Cell::from(""));
        let [plane, ellipsoidal] = areas(of);
        cells.extend([count(of, "patches"), plane, ellipsoidal, percent(of)]);
        // The share of the differences is no sum of rows.
        table.push(cells, if words == "合计" { Mark::Total } else { Mark::Part });
    }
    Some(table)
}

/// Totals by unit, level by level, each with its sum.
fn units(result: &Value) -> Option<Table> {
    let rows: Vec<&Value> = rows(result, "by_unit").iter().filter(|row| row["difference"].is_object()).collect();
    rows.first()?;
    let mut table = Table::new(
        "行政区汇总表",
        "面积单位：平方米",
        &[
            ("级别", 0.8, Align::Center),
            ("行政区代码", 1.8, Align::Center),
            ("行政区名称", 1.6, Align::Left),
            ("图斑数", 0.9, Align::Right),
            ("平面面积", 1.6, Align::Right),
            ("椭球面积", 1.6, Align::Right),
            ("差异\n图斑数", 0.9, Align::Right),
            ("差异\n平面面积", 1.5, Align::Right),
            ("差异\n椭球面积", 1.5, Align::Right),
            ("差异占比\n（%）", 1.0, Align::Right),
        ],
    );
    let totals = &result["totals"];
    for level in rows.chunk_by(|a, b| a["level"] == b["level"]) {
        for row in level {
            table.rows.push(unit(&[&row["level"], &row["code"], &row["name"]].map(plain), row));
        }
        let words = [plain(&level[0]["level"]), String::new(), "合计".to_owned()];
        table.rows.push(unit(&words, totals).marked(Mark::Total));
    }
    Some(table)
}

fn unit(words: &[String; 3], of: &Value) -> Row {
    let mut cells: Vec<Cell> = words.iter().map(Cell::from).collect();
    for part in [of, &of["difference"]] {
        cells.push(count(part, "patches"));
        cells.extend(areas(part));
    }
    cells.push(percent(&of["difference"]));
    Row::new(cells)
}

fn patches(places: &[Place]) -> Option<Table> {
    places.first()?;
    let is_there = |name: &str| {
        places.iter().any(|place| place.properties.get(name).is_some_and(|value| !plain(value).is_empty()))
    };
    let members: Vec<_> = MEMBERS.iter().filter(|(name, ..)| is_there(name)).collect();
    let mut columns = vec![("图斑编号", 1.8, Align::Center)];
    columns.extend(members.iter().map(|(_, head, width, shows)| {
        let align = match shows {
            Text => Align::Left,
            Code | Truth => Align::Center,
            Number(_) => Align::Right,
        };
        (*head, *width, align)
    }));
    let mut table = Table::new("图斑清单", "", &columns);
    for place in places.iter().take(MAX_ROWS) {
        let id = place.properties.get("DKBH").map(plain).filter(|id| !id.is_empty());
        let mut cells = vec![Cell::from(id.unwrap_or_else(|| place.id.clone()))];
        cells.extend(members.iter().map(|(name, _, _, shows)| cell(place.properties.get(*name), *shows)));
        table.push(cells, Mark::Plain);
    }
    if places.len() > MAX_ROWS {
        table.notes.push(format!("另有{}个图斑未列出，见 GeoPackage。", places.len() - MAX_ROWS));
        return Some(table);
    }
    let sums = members.iter().enumerate().map(|(at, (name, _, _, shows))| match shows {
        Number(decimals) if name.ends_with("_m2") => Cell::number(table.sum(at + 1, *decimals), *decimals),
        _ => Cell::from(""),
    });
    let cells = std::iter::once(Cell::from("合计")).chain(sums).collect();
    table.push(cells, Mark::Total);
    Some(table)
}

fn cell(value: Option<&Value>, shows: Shows) -> Cell {
    let Some(value) = value else { return Cell::from("") };
    match shows {
        Number(decimals) => Cell::number(value.as_f64(), decimals),
        Truth => truth(value),
        Text | Code => match value {
            Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join("；").into(),
            other => kind_words(&plain(other)).into(),
        },
    }
}

fn truth(value: &Value) -> Cell {
    value.as_bool().map_or("", |yes| if yes { "是" } else { "否" }).into()
}

/// Chinese words for kinds of places; others as they are.
fn kind_words(kind: &str) -> &str {
    match kind {
        "overlap" => "重叠",
        "gap" => "缝隙",
        "outside" => "超出范围",
        "new-building" => "新增建筑",
        "built-beyond-plan" => "超规划建设",
        "brought-in" => "调入",
        "attributes-changed" => "属性变更",
        "taken-out" => "调出",
        "moved-ground" => "变化区",
        "drawn-ground" => "圈定范围",
        "exposed-area" => "核查范围",
        "building" => "房屋",
        "road" => "道路",
        "flooded-road" => "淹没道路",
        other => other,
    }
}

/// Slivers that were given to the patch beside them.
fn merged(result: &Value) -> Option<Table> {
    let rows = rows(&result["slivers"], "merged_listed");
    rows.first()?;
    let mut table = Table::new(
        "已并入相邻图斑的碎图斑",
        "面积单位：平方米",
        &[
            ("原分类", 2.4, Align::Left),
            ("并入分类", 2.4, Align::Left),
            ("平面面积", 1.4, Align::Right),
            ("椭球面积", 1.4, Align::Right),
        ],
    );
    for row in rows {
        let classes = ["classes", "into"].map(|key| {
            let names = row[key].as_array().into_iter().flatten().map(plain);
            Cell::from(names.collect::<Vec<_>>().join("／"))
        });
        table.push(classes.into_iter().chain(areas(row)).collect(), Mark::Plain);
    }
    let merged = result["slivers"]["merged"].as_u64().unwrap_or_default();
    if merged > rows.len() as u64 {
        table.notes.push(format!("共并入{merged}个，本表列出{}个。", rows.len()));
    }
    Some(table)
}

fn unknown_codes(result: &Value) -> Option<Table> {
    let rows = rows(result, "unknown_codes");
    rows.first()?;
    let mut table = Table::new(
        "分类表中没有的代码",
        "面积单位：平方米",
        &[
            ("图层", 2.0, Align::Left),
            ("代码", 1.4, Align::Center),
            ("要素数", 1.0, Align::Right),
            ("平面面积", 1.4, Align::Right),
        ],
    );
    for row in rows {
        let cells = vec![
            plain(&row["dataset"]).into(),
            plain(&row["code"]).into(),
            count(row, "features"),
            Cell::number(row["plane_m2"].as_f64(), 2),
        ];
        table.push(cells, Mark::Plain);
    }
    Some(table)
}
