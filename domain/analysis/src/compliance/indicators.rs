//! The project's figures against those of the detailed plan's parcels it lies on (控规指标).
//!
//! A parcel planned for another use gives no limits to compare with: that the use differs is said instead.

use serde_json::{Map, Value};

use super::{
    Case,
    checks::{cut, measure, text},
    control_lines::{Indicators, Limit, Sense, Verdict},
};
use crate::{AnalysisError, Parcel, figures::Figures};

/// Rows of the result and the gravest verdict; none where nothing could be compared.
pub(super) struct Compared {
    pub(super) rows: Vec<Value>,
    pub(super) verdict: Option<Verdict>,
    /// Why nothing was compared.
    pub(super) reason: Option<[String; 2]>,
}

/// Compares.
pub(super) fn compare(case: &Case<'_>, indicators: &Indicators) -> Result<Compared, AnalysisError> {
    let none = |verdict, zh: String, en: String| Compared { rows: Vec::new(), verdict, reason: Some([zh, en]) };
    if let Some(kind) = indicators.not_for.iter().find(|kind| case.kinds.contains(*kind)) {
        return Ok(none(
            Some(Verdict::Pass),
            format!("项目类型“{kind}”不适用{}指标", indicators.title_zh),
            format!("the {} does not apply to projects of kind {kind}", indicators.title_en),
        ));
    }
    let Some(layer) = indicators.datasets.iter().find_map(|dataset| case.task.layers.get(dataset)) else {
        let names = indicators.datasets.join("、");
        return Ok(none(None, format!("未检测：没有数据集 {names}"), format!("not checked: no dataset {names}")));
    };
    let parcels: Vec<&Parcel> = layer.layer.parcels.iter().collect();
    let cut = cut(case, &parcels)?;
    let tolerance = crate::rounding::decimal_of(case.tolerance_m2).unwrap_or_default();
    let mut compared = Compared { rows: Vec::new(), verdict: Some(Verdict::Pass), reason: None };
    // A code of one system is not compared with a code of another.
    let comparable = indicators.use_systems.contains(&case.project.land_use_system)
        && indicators.use_systems.contains(&layer.layer.code_system);
    for piece in cut.pieces.iter().filter(|piece| piece.figures.plane_m2 > tolerance) {
        let parcel = Facts { indicators, parcel: piece.parcel, figures: piece.figures };
        let planned = text(piece.parcel, &indicators.use_field);
        let same = comparable && same_use(&planned, &case.project.land_use_code);
        parcel.use_row(case, &mut compared, &planned, comparable.then_some(same));
        if same {
            for limit in &indicators.limit {
                parcel.limit_row(case, &mut compared, limit);
            }
        }
    }
    if compared.rows.is_empty() {
        compared.reason =
            Some(["红线不在控规地块内".to_owned(), "no parcel of the detailed plan is touched".to_owned()]);
    }
    Ok(compared)
}

/// One use is the other or a kind of it.
fn same_use(planned: &str, wanted: &str) -> bool {
    !planned.is_empty() && !wanted.is_empty() && (planned.starts_with(wanted) || wanted.starts_with(planned))
}

struct Facts<'f> {
    indicators: &'f Indicators,
    parcel: &'f Parcel,
    figures: Figures,
}

impl Facts<'_> {
    fn row(&self, name: &str, title: [&str; 2], verdict: Option<Verdict>, words: [String; 2]) -> Map<String, Value> {
        let mut row = Map::new();
        let (verdict, verdict_zh) = verdict.map_or(("not_checked", "未检测"), |v| (v.name(), v.zh()));
        for (key, value) in [
            ("name", name),
            ("title", title[0]),
            ("title_en", title[1]),
            ("parcel", text(self.parcel, &self.indicators.parcel_field).as_str()),
            ("verdict", verdict),
            ("verdict_zh", verdict_zh),
        ] {
            row.insert(key.to_owned(), value.into());
        }
        self.figures.put_m2(&mut row);
        let [zh, en] = words;
        row.insert("message_zh".to_owned(), zh.into());
        row.insert("message_en".to_owned(), en.into());
        row.insert("legal_basis".to_owned(), self.indicators.basis.clone().into());
        row
    }

    fn add(compared: &mut Compared, row: Map<String, Value>, verdict: Option<Verdict>) {
        if let (Some(verdict), Some(all)) = (verdict, compared.verdict.as_mut()) {
            *all = (*all).max(verdict);
        }
        compared.rows.push(Value::Object(row));
    }

    fn use_row(&self, case: &Case<'_>, compared: &mut Compared, planned: &str, same: Option<bool>) {
        let name = self.indicators.use_name_field.as_ref().map_or_else(String::new, |field| text(self.parcel, field));
        let wanted = &case.project.land_use_code;
        let (verdict, words) = match same {
            None => (
                None,
                [
                    "项目没有写明与控规相同的用途分类，不能比较用途".to_owned(),
                    "the project states no use in the plan's code system".to_owned(),
                ],
            ),
            Some(true) => (Some(Verdict::Pass), ["用途一致".to_owned(), "same use".to_owned()]),
            Some(false) => (
                Some(self.indicators.use_differs),
                [
                    format!("规划用途 {planned} {name}，项目用途 {wanted}，不一致；按项目用途建设须依法调整控规"),
                    format!("planned for {planned}, the project is {wanted}: the plan would have to be changed"),
                ],
            ),
        };
        let mut row = self.row("use", ["规划用途", "planned use"], verdict, words);
        row.insert("limit".to_owned(), planned.into());
        row.insert("value".to_owned(), wanted.as_str().into());
        Self::add(compared, row, verdict);
    }

    fn limit_row(&self, case: &Case<'_>, compared: &mut Compared, limit: &Limit) {
        let Some(allowed) = measure(self.parcel, &limit.field) else { return };
        let own = case.project.figure(&limit.name);
        let verdict = own.map(|own| {
            let holds = match limit.sense {
                Sense::AtMost => own <= allowed,
                Sense::AtLeast => own >= allowed,
            };
            if holds { Verdict::Pass } else { self.indicators.exceeds }
        });
        let sense = if limit.sense == Sense::AtMost { ["不高于", "at most"] } else { ["不低于", "at least"] };
        let words = match (own, verdict) {
            (None, _) => [
                format!("规定{} {allowed}，项目未填", sense[0]),
                format!("{} {allowed} is allowed; the project states none", sense[1]),
            ],
            (Some(own), Some(Verdict::Pass)) => [
                format!("项目 {own}，规定{} {allowed}，符合", sense[0]),
                format!("{own}, allowed {} {allowed}", sense[1]),
            ],
            (Some(own), _) => [
                format!("项目 {own}，规定{} {allowed}，不符合；须依法调整控规后方可建设", sense[0]),
                format!("{own}, but allowed {} {allowed}: the plan would have to be changed first", sense[1]),
            ],
        };
        let mut row = self.row(&limit.name, [&limit.title_zh, &limit.title_en], verdict, words);
        row.insert("limit".to_owned(), allowed.into());
        row.insert("value".to_owned(), own.map_or(Value::Null, Value::from));
        Self::add(compared, row, verdict);
    }
}
