//! `ledger.xlsx`: the ledger of difference patches with the opinion columns that cities keep (南京市“两规差异比对”).

use serde_json::Value;

use super::content::{Align, Cell, Mark, Table};
use super::ledger::Ledger;
use super::report::plain;
use super::workbook::workbook;
use super::{Document, DocumentError, Make};

/// The kind.
pub(super) const DOCUMENT: Document = Document {
    name: "ledger.xlsx",
    media_type: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    title_zh: "差异图斑台账（Excel）",
    title_en: "Ledger of difference patches (Excel)",
    make: Make::Ledger(make),
};

/// Fields in the order of the ledger: name, head, width, decimals where it is a number.
const FIELDS: &[(&str, &str, f64, Option<u8>)] = &[
    ("DKBH", "地块编号", 1.6, None),
    ("XZQDM", "行政区代码", 1.6, None),
    ("XZQMC", "行政区名称", 1.4, None),
    ("CYLXDM", "差异类型代码", 1.0, None),
    ("CTFL", "差异分区", 2.0, None),
    ("plane_m2", "平面面积\n（平方米）", 1.4, Some(2)),
    ("ellipsoidal_m2", "椭球面积\n（平方米）", 1.4, Some(2)),
    ("CGYDXZ", "城规用地性质/现状", 1.4, None),
    ("TGYDXZ", "土规用途", 1.4, None),
    ("CGTZ", "城规调整", 1.2, None),
    ("TGTZ", "土规调整", 1.2, None),
    ("KFBJ", "开发边界", 1.2, None),
    ("KFBJTZ", "开发边界调整", 1.2, None),
    ("JBNT", "基本农田", 1.2, None),
    ("JBNTTZ", "基本农田调整", 1.2, None),
    ("STHX", "生态红线", 1.2, None),
    ("STHXTZ", "生态红线调整", 1.2, None),
    ("ZDXM", "重点项目", 1.2, None),
    ("ZDXMTZ", "重点项目调整", 1.2, None),
    ("CGJWNLSSPSJ", "城规近五年历史审批数据", 1.8, None),
    ("GTJWNLSSPSJ", "国土近五年历史审批数据", 1.8, None),
    ("TZYY", "调整缘由", 2.0, None),
    ("TZYYDM", "调整缘由代码", 1.0, None),
    ("XTFS", "协调方式", 1.4, None),
    ("QZFTZYJ", "区政府调整意见", 2.0, None),
    ("LDXZBGS", "领导小组办公室调整意见", 2.0, None),
    ("SZFYJ", "市政府意见", 2.0, None),
    ("DGHYGZT", "多规合一管制图", 1.4, None),
    ("DGHYTDLYT", "多规合一土地利用图", 1.4, None),
    ("state", "处理状态", 1.0, None),
    ("unit", "责任单位", 1.4, None),
    ("生效日期", "生效日期", 1.2, None),
    ("BZ", "备注", 2.0, None),
];

fn make(ledger: &Ledger) -> Result<Vec<u8>, DocumentError> {
    workbook(&[table(ledger)], "", &ledger.office.stamp(), &ledger.as_of)
}

fn table(ledger: &Ledger) -> Table {
    let columns: Vec<_> = FIELDS
        .iter()
        .map(|(_, head, width, decimals)| (*head, *width, if decimals.is_some() { Align::Right } else { Align::Left }))
        .collect();
    let mut table = Table::new("差异图斑台账", "", &columns);
    for row in &ledger.rows {
        table.push(FIELDS.iter().map(|(name, _, _, decimals)| cell(row.get(*name), *decimals)).collect(), Mark::Plain);
    }
    let totals = FIELDS.iter().enumerate().map(|(at, (_, _, _, decimals))| match decimals {
        // The rows are balanced, so that what is printed of them adds up; nothing is measured again.
        Some(decimals) => Cell::number(table.sum(at, *decimals), *decimals),
        None if at == 0 => Cell::from("合计"),
        None => Cell::from(""),
    });
    let totals = totals.collect();
    table.push(totals, Mark::Total);
    table
}

fn cell(value: Option<&Value>, decimals: Option<u8>) -> Cell {
    match decimals {
        Some(decimals) => Cell::number(value.and_then(Value::as_f64), decimals),
        None => value.map(plain).unwrap_or_default().into(),
    }
}
