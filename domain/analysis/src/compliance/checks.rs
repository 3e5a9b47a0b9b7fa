//! One red line against one control line: what lies on it, what lies outside, how far away, and what that means.

use rayon::prelude::*;
use serde_json::{Map, Value, json};

use super::{
    Case,
    control_lines::{ControlLines, Exemption, How, Line, Verdict},
};
use crate::{
    AnalysisError, FoundPatch, LoadedLayer, Parcel, Task,
    clip::{Region, difference, pieces_of, union},
    figures::{Areas, Figures, balanced, metres, rounded},
    nearness::Outline,
};

/// What a check found.
#[derive(Debug)]
pub(super) struct Checked {
    /// None where it could not be checked.
    pub(super) verdict: Option<Verdict>,
    /// As results show it.
    pub(super) shown: Map<String, Value>,
    /// Rows for the table of the three lines.
    pub(super) rows: Vec<Map<String, Value>>,
    /// The places of a breach.
    pub(super) patches: Vec<FoundPatch>,
    /// What of the red line lies on the layer.
    pub(super) overlap: Figures,
}

/// A piece of the red line on a parcel of a layer.
pub(super) struct Piece<'l> {
    pub(super) parcel: &'l Parcel,
    pub(super) region: Region,
    pub(super) figures: Figures,
}

/// The red line cut with parcels.
pub(super) struct Cut<'l> {
    pub(super) pieces: Vec<Piece<'l>>,
    /// All pieces together, each place once.
    pub(super) covered: Region,
    pub(super) figures: Figures,
    /// The rest of the red line; both add up to it.
    pub(super) outside: Region,
    pub(super) outside_figures: Figures,
    /// Whether parcels lie on each other, so that pieces had to be made disjoint.
    pub(super) layer_overlaps_itself: bool,
}

/// Pieces that differ from their union by more than this are counted twice, square metres.
const COUNTED_TWICE_M2: f64 = 0.02;

/// Cuts the red line with parcels, in the order of their ids; pieces add up to what they cover.
pub(super) fn cut<'l>(case: &Case<'_>, parcels: &[&'l Parcel]) -> Result<Cut<'l>, AnalysisError> {
    let window = case.site.window();
    let mut found: Vec<(&Parcel, Region)> = parcels
        .par_iter()
        .filter(|parcel| meets(parcel, window))
        .map(|parcel| (*parcel, case.site.shared(&case.red, parcel.polygons.iter())))
        .filter(|(_, region)| !region.is_empty())
        .collect();
    found.sort_by(|(a, _), (b, _)| (&a.source_id, &a.id).cmp(&(&b.source_id, &b.id)));
    let covered = union(found.iter().map(|(_, region)| region));
    let total = case.site.areas(&covered);
    let mut areas: Vec<Areas> = found.iter().map(|(_, region)| case.site.areas(region)).collect();
    let sum: Areas = areas.iter().copied().sum();
    let layer_overlaps_itself = sum.plane_m2 - total.plane_m2 > COUNTED_TWICE_M2 + 1e-7 * total.plane_m2;
    if layer_overlaps_itself {
        let mut taken = Region::default();
        for (_, region) in &mut found {
            let whole = std::mem::take(region);
            *region = difference(&whole, &taken);
            taken = union([&taken, &whole].into_iter());
        }
        found.retain(|(_, region)| !region.is_empty());
        areas = found.iter().map(|(_, region)| case.site.areas(region)).collect();
    }
    let outside = difference(&case.red, &covered);
    let both = balanced(&[total, case.site.areas(&outside)], case.total)?;
    let [figures, outside_figures] = <[Figures; 2]>::try_from(both).unwrap_or_default();
    let parts = balanced(&areas, figures)?;
    let pieces = found
        .into_iter()
        .zip(parts)
        .map(|((parcel, region), figures)| Piece { parcel, region, figures })
        // What rounds to nothing is a touch along a border.
        .filter(|piece| !piece.figures.is_zero())
        .collect();
    Ok(Cut { pieces, covered, figures, outside, outside_figures, layer_overlaps_itself })
}

fn meets(parcel: &Parcel, window: [f64; 4]) -> bool {
    let start = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];
    let bounds = parcel
        .polygons
        .iter()
        .flat_map(|polygon| &polygon.exterior)
        .fold(start, |b, p| [b[0].min(p[0]), b[1].min(p[1]), b[2].max(p[0]), b[3].max(p[1])]);
    bounds[0] <= window[2] && window[0] <= bounds[2] && bounds[1] <= window[3] && window[1] <= bounds[3]
}

/// Checks a line.
pub(super) fn check(case: &Case<'_>, rules: &ControlLines, line: &Line) -> Result<Checked, AnalysisError> {
    let found = look_up(case.task, line).and_then(|layer| Ok((layer, select(line, layer)?)));
    let (layer, selected) = match found {
        Ok(found) => found,
        Err([zh, en]) => return Ok(unchecked(line, zh, en)),
    };
    if line.check == How::KeepDistance {
        Ok(keep_distance(case, rules, line, layer, &selected))
    } else {
        overlap(case, rules, line, layer, &selected)
    }
}

/// The layer of a line, or why there is none.
pub(crate) fn look_up<'l>(task: &Task<'l>, line: &Line) -> Result<&'l LoadedLayer, [String; 2]> {
    line.datasets.iter().find_map(|dataset| task.layers.get(dataset)).ok_or_else(|| {
        let names = line.datasets.join("、");
        [
            format!("未检测：没有数据集 {names}，或在所查日期没有有效版本"),
            format!("not checked: no dataset {names}, or none valid on the date"),
        ]
    })
}

/// The parcels of a layer that count, or why they cannot be told.
pub(crate) fn select<'l>(line: &Line, layer: &'l LoadedLayer) -> Result<Vec<&'l Parcel>, [String; 2]> {
    let parcels = layer.layer.parcels.iter();
    let Some(selection) = &line.selection else { return Ok(parcels.collect()) };
    let has_field = |parcel: &Parcel| parcel.attributes.contains_key(&selection.field);
    if !layer.layer.parcels.is_empty() && !layer.layer.parcels.iter().any(has_field) {
        let field = &selection.field;
        return Err([
            format!("未检测：数据集 {} 没有字段 {field}，无法选出{}", layer.dataset, line.title_zh),
            format!("not checked: dataset {} has no field {field}", layer.dataset),
        ]);
    }
    let holds = |parcel: &&Parcel| selection.values.contains(&text(parcel, &selection.field));
    Ok(parcels.filter(holds).collect())
}

/// An attribute as text; empty where there is none.
pub(crate) fn text(parcel: &Parcel, field: &str) -> String {
    match parcel.attributes.get(field) {
        Some(Value::String(text)) => text.trim().to_owned(),
        None | Some(Value::Null) => String::new(),
        Some(other) => other.to_string(),
    }
}

/// An attribute as a number.
pub(crate) fn measure(parcel: &Parcel, field: &str) -> Option<f64> {
    let value = parcel.attributes.get(field)?;
    value.as_f64().or_else(|| value.as_str()?.trim().parse().ok()).filter(|v: &f64| v.is_finite())
}

fn class(line: &Line, parcel: &Parcel) -> String {
    line.class_field.as_ref().map_or_else(|| parcel.class.clone(), |field| text(parcel, field))
}

fn class_name(line: &Line, parcel: &Parcel) -> String {
    line.class_name_field.as_ref().map_or_else(String::new, |field| text(parcel, field))
}

/// The fields that every check shows, in their order.
fn head(line: &Line, verdict: Option<Verdict>) -> Map<String, Value> {
    let mut shown = Map::new();
    let (name, zh) = verdict.map_or(("not_checked", "未检测"), |verdict| (verdict.name(), verdict.zh()));
    for (key, value) in [
        ("rule", line.rule.as_str()),
        ("title", &line.title_zh),
        ("title_en", &line.title_en),
        ("group", &line.group),
        ("verdict", name),
        ("verdict_zh", zh),
        ("legal_basis", &line.basis),
    ] {
        shown.insert(key.to_owned(), value.into());
    }
    shown.insert("required".to_owned(), line.required.into());
    shown
}

fn say(shown: &mut Map<String, Value>, zh: String, en: String) {
    shown.insert("message_zh".to_owned(), zh.into());
    shown.insert("message_en".to_owned(), en.into());
}

fn unchecked(line: &Line, zh: String, en: String) -> Checked {
    let mut shown = head(line, None);
    say(&mut shown, zh, en);
    let rows = if line.group == THREE_LINES { vec![row(line, &line.title_zh, &line.title_en, None)] } else { vec![] };
    Checked { verdict: None, shown, rows, patches: Vec::new(), overlap: Figures::default() }
}

/// Group whose lines are rows of the table of the three lines.
const THREE_LINES: &str = "three-lines";

fn row(line: &Line, title_zh: &str, title_en: &str, verdict: Option<Verdict>) -> Map<String, Value> {
    let mut row = Map::new();
    row.insert("rule".to_owned(), line.rule.clone().into());
    row.insert("title".to_owned(), title_zh.into());
    row.insert("title_en".to_owned(), title_en.into());
    row.insert("verdict".to_owned(), verdict.map_or("not_checked", Verdict::name).into());
    row
}

fn origin(shown: &mut Map<String, Value>, layer: &LoadedLayer) {
    for (key, value) in [
        ("dataset", &layer.dataset),
        ("revision", &layer.revision),
        ("layer_title", &layer.title),
        ("valid_from", &layer.valid_from),
    ] {
        shown.insert(key.to_owned(), value.clone().into());
    }
}

/// The exemption that a project may claim.
fn exemption<'r>(case: &Case<'_>, rules: &'r ControlLines, line: &Line) -> Option<&'r Exemption> {
    let known = line.exemptions.iter().filter_map(|id| rules.exemption.iter().find(|exemption| exemption.id == *id));
    known.into_iter().find(|exemption| exemption.kinds.iter().any(|kind| case.kinds.contains(kind)))
}

/// What a breach comes to, with its ground.
fn judge<'r>(case: &Case<'_>, rules: &'r ControlLines, line: &Line) -> (Verdict, Option<&'r Exemption>) {
    match exemption(case, rules, line) {
        Some(exemption) => (line.breach().min(Verdict::Conditional), Some(exemption)),
        None => (line.breach(), None),
    }
}

fn exemption_json(exemption: &Exemption) -> Value {
    json!({
        "id": exemption.id, "title": exemption.title_zh, "title_en": exemption.title_en, "basis": exemption.basis,
        "condition_zh": exemption.condition_zh, "condition_en": exemption.condition_en,
    })
}

/// Words after the finding: the ground and its condition, or the advice.
fn consequence(line: &Line, ground: Option<&Exemption>) -> [String; 2] {
    match ground {
        Some(e) => [
            format!("；属“{}”（{}），{}", e.title_zh, e.basis, e.condition_zh),
            format!("; admitted as {} ({}): {}", e.title_en, e.basis, e.condition_en),
        ],
        None if line.advice_zh.is_empty() => [String::new(), String::new()],
        None => [format!("；{}", line.advice_zh), format!("; {}", line.advice_en)],
    }
}

/// Every check by area.
fn overlap(
    case: &Case<'_>,
    rules: &ControlLines,
    line: &Line,
    layer: &LoadedLayer,
    selected: &[&Parcel],
) -> Result<Checked, AnalysisError> {
    let cut = cut(case, selected)?;
    let (inside_figures, outside_figures) = (cut.figures, cut.outside_figures);
    let tolerance_m2 = line.tolerance_m2.unwrap_or(rules.defaults.tolerance_m2);
    let breached_by = match line.check {
        How::MustBeInside => outside_figures,
        How::List => Figures::default(),
        _ => inside_figures,
    };
    let is_breach = breached_by.plane_m2 > crate::rounding::decimal_of(tolerance_m2).unwrap_or_default();
    let (verdict, ground) = if is_breach { judge(case, rules, line) } else { (Verdict::Pass, None) };
    let mut shown = head(line, Some(verdict));
    origin(&mut shown, layer);
    if let Some(ground) = ground {
        shown.insert("exemption".to_owned(), exemption_json(ground));
    }
    let parts: Vec<Value> = cut.pieces.iter().map(|piece| Value::Object(part(case, line, piece))).collect();
    let mut overlap = Map::new();
    inside_figures.put(&mut overlap);
    overlap.insert("share".to_owned(), inside_figures.share_of(case.total));
    overlap.insert("pieces".to_owned(), cut.covered.pieces().into());
    overlap.insert("parts".to_owned(), parts.into());
    shown.insert("overlap".to_owned(), overlap.into());
    if line.check == How::MustBeInside {
        let mut object = Map::new();
        outside_figures.put(&mut object);
        object.insert("share".to_owned(), outside_figures.share_of(case.total));
        object.insert("pieces".to_owned(), cut.outside.pieces().into());
        shown.insert("outside".to_owned(), object.into());
    }
    if line.class_field.is_some() {
        shown.insert("by_class".to_owned(), by_class(case, line, &cut).into());
    }
    let distance =
        if cut.covered.is_empty() { nearest(case, selected, None, rules.defaults.look_around_m) } else { Some(0.0) };
    shown.insert("distance_m".to_owned(), distance.map_or(Value::Null, |m| rounded(m, 2)));
    if cut.layer_overlaps_itself {
        shown.insert("layer_overlaps_itself".to_owned(), true.into());
    }
    let [zh, en] = words(line, inside_figures, breached_by, is_breach, ground, distance, rules);
    say(&mut shown, zh, en);
    let rows = if line.group == THREE_LINES { rows_of(case, line, &cut, verdict) } else { Vec::new() };
    let patches = match (is_breach, line.check) {
        (false, _) => Vec::new(),
        (true, How::MustBeInside) => outside_patches(case, line, layer, &cut, verdict)?,
        (true, _) => taken_patches(case, line, layer, &cut, verdict),
    };
    Ok(Checked { verdict: Some(verdict), shown, rows, patches, overlap: inside_figures })
}

/// A piece as results list it.
fn part(case: &Case<'_>, line: &Line, piece: &Piece<'_>) -> Map<String, Value> {
    let mut part = Map::new();
    part.insert("id".to_owned(), piece.parcel.id.clone().into());
    part.insert("source_id".to_owned(), source_id(piece.parcel).into());
    part.insert("class".to_owned(), class(line, piece.parcel).into());
    if line.class_name_field.is_some() {
        part.insert("class_name".to_owned(), class_name(line, piece.parcel).into());
    }
    if let Some(field) = &line.name_field {
        part.insert("name".to_owned(), text(piece.parcel, field).into());
    }
    piece.figures.put_m2(&mut part);
    part.insert("share".to_owned(), piece.figures.share_of(case.total));
    part
}

/// The id in the department's database, or ours where it has none.
pub(super) fn source_id(parcel: &Parcel) -> &str {
    if parcel.source_id.is_empty() { &parcel.id } else { &parcel.source_id }
}

/// Pieces summed by class, in the order of the codes.
fn classes(line: &Line, cut: &Cut<'_>) -> Vec<(String, String, Figures)> {
    let mut sums: Vec<(String, String, Figures)> = Vec::new();
    for piece in &cut.pieces {
        let code = class(line, piece.parcel);
        match sums.iter_mut().find(|(known, ..)| *known == code) {
            Some((.., figures)) => *figures = [*figures, piece.figures].into_iter().sum(),
            None => sums.push((code, class_name(line, piece.parcel), piece.figures)),
        }
    }
    sums.sort_by(|a, b| a.0.cmp(&b.0));
    sums
}

fn by_class(case: &Case<'_>, line: &Line, cut: &Cut<'_>) -> Vec<Value> {
    let sums = classes(line, cut).into_iter().map(|(code, name, figures)| {
        let mut object = Map::new();
        object.insert("class".to_owned(), code.into());
        object.insert("class_name".to_owned(), name.into());
        figures.put(&mut object);
        object.insert("share".to_owned(), figures.share_of(case.total));
        Value::Object(object)
    });
    sums.collect()
}

/// Rows of the table of the three lines.
fn rows_of(case: &Case<'_>, line: &Line, cut: &Cut<'_>, verdict: Verdict) -> Vec<Map<String, Value>> {
    let filled = |title: [&str; 2], figures: Figures, pieces: Option<usize>, part: bool| {
        let mut row = row(line, title[0], title[1], Some(verdict));
        figures.put(&mut row);
        row.insert("share".to_owned(), figures.share_of(case.total));
        row.insert("pieces".to_owned(), pieces.map_or(Value::Null, Value::from));
        if part {
            row.insert("part".to_owned(), true.into());
            row.remove("verdict");
        }
        row
    };
    let pieces = Some(cut.covered.pieces());
    if line.check != How::MustBeInside {
        return vec![filled([&line.title_zh, &line.title_en], cut.figures, pieces, false)];
    }
    let titles = [format!("{}内", line.title_zh), format!("inside: {}", line.title_en)];
    let mut rows = vec![filled([&titles[0], &titles[1]], cut.figures, pieces, false)];
    for (code, name, figures) in classes(line, cut) {
        let zh = if name.is_empty() { code.clone() } else { name };
        rows.push(filled([&format!("其中：{zh}"), &format!("of it {code}")], figures, None, true));
    }
    let titles = [format!("{}外", line.title_zh), format!("outside: {}", line.title_en)];
    rows.push(filled([&titles[0], &titles[1]], cut.outside_figures, Some(cut.outside.pieces()), false));
    rows
}

fn patch(line: &Line, layer: &LoadedLayer, number: usize, verdict: Verdict) -> FoundPatch {
    let mut properties = Map::new();
    for (key, value) in [
        ("rule", line.rule.as_str()),
        ("title", &line.title_zh),
        ("verdict", verdict.name()),
        ("dataset", &layer.dataset),
        ("revision", &layer.revision),
    ] {
        properties.insert(key.to_owned(), value.into());
    }
    FoundPatch { id: format!("{}-{}", line.rule, number + 1), properties, ..FoundPatch::default() }
}

fn taken_patches(
    case: &Case<'_>,
    line: &Line,
    layer: &LoadedLayer,
    cut: &Cut<'_>,
    verdict: Verdict,
) -> Vec<FoundPatch> {
    let one = |(number, piece): (usize, &Piece<'_>)| {
        let mut patch = patch(line, layer, number, verdict);
        patch.properties.extend(part(case, line, piece));
        patch.polygons = case.site.polygons(&piece.region);
        patch
    };
    cut.pieces.iter().enumerate().map(one).collect()
}

fn outside_patches(
    case: &Case<'_>,
    line: &Line,
    layer: &LoadedLayer,
    cut: &Cut<'_>,
    verdict: Verdict,
) -> Result<Vec<FoundPatch>, AnalysisError> {
    let regions = pieces_of(&cut.outside);
    let areas: Vec<Areas> = regions.iter().map(|region| case.site.areas(region)).collect();
    let parts = balanced(&areas, cut.outside_figures)?;
    let one = |(number, (region, figures)): (usize, (Region, Figures))| {
        let mut patch = patch(line, layer, number, verdict);
        patch.properties.insert("outside".to_owned(), true.into());
        figures.put_m2(&mut patch.properties);
        patch.polygons = case.site.polygons(&region);
        patch
    };
    Ok(regions.into_iter().zip(parts).filter(|(_, figures)| !figures.is_zero()).enumerate().map(one).collect())
}

/// Distance to the nearest parcel, metres; from the edge of a line that has a width.
fn nearest(case: &Case<'_>, parcels: &[&Parcel], width_field: Option<&str>, reach_m: f64) -> Option<f64> {
    let unit_m = case.site.unit_m();
    let own = case.outline();
    let one = |parcel: &&Parcel| {
        let half_m = width_field.and_then(|field| measure(parcel, field)).map_or(0.0, |width_m| width_m.max(0.0) / 2.0);
        let apart = own.distance(&Outline::of_parcel(parcel), (reach_m + half_m) / unit_m)?;
        Some((apart * unit_m - half_m).max(0.0))
    };
    parcels.par_iter().filter_map(one).min_by(f64::total_cmp)
}

fn keep_distance(
    case: &Case<'_>,
    rules: &ControlLines,
    line: &Line,
    layer: &LoadedLayer,
    selected: &[&Parcel],
) -> Checked {
    let wanted_m = line.distance_m.unwrap_or_default();
    let reach_m = wanted_m.max(rules.defaults.look_around_m);
    let distance = nearest(case, selected, line.width_field.as_deref(), reach_m);
    let is_breach = distance.is_some_and(|m| m < wanted_m);
    let (verdict, ground) = if is_breach { judge(case, rules, line) } else { (Verdict::Pass, None) };
    let mut shown = head(line, Some(verdict));
    origin(&mut shown, layer);
    if let Some(ground) = ground {
        shown.insert("exemption".to_owned(), exemption_json(ground));
    }
    shown.insert("distance_m".to_owned(), distance.map_or(Value::Null, |m| rounded(m, 2)));
    shown.insert("required_distance_m".to_owned(), rounded(wanted_m, 2));
    let [zh, en] = match distance {
        None => [
            format!("{} 米范围内没有{}", metres(reach_m), line.title_zh),
            format!("no {} within {} m", line.title_en, metres(reach_m)),
        ],
        Some(m) => {
            let relation = if is_breach { ["小于", "less than"] } else { ["不小于", "not less than"] };
            let after = if is_breach { consequence(line, ground) } else { Default::default() };
            [
                format!(
                    "距最近的{} {} 米，{}要求的 {} 米{}",
                    line.title_zh,
                    metres(m),
                    relation[0],
                    metres(wanted_m),
                    after[0]
                ),
                format!(
                    "{} m to the nearest {}, {} the {} m asked for{}",
                    metres(m),
                    line.title_en,
                    relation[1],
                    metres(wanted_m),
                    after[1]
                ),
            ]
        }
    };
    say(&mut shown, zh, en);
    Checked { verdict: Some(verdict), shown, rows: Vec::new(), patches: Vec::new(), overlap: Figures::default() }
}

/// The finding in words.
fn words(
    line: &Line,
    inside: Figures,
    breached_by: Figures,
    is_breach: bool,
    ground: Option<&Exemption>,
    distance: Option<f64>,
    rules: &ControlLines,
) -> [String; 2] {
    let [zh, en] = [&line.title_zh, &line.title_en];
    let size = |figures: Figures| {
        format!("平面面积 {:.2} 平方米（椭球面积 {:.2} 平方米）", figures.plane_m2, figures.ellipsoidal_m2)
    };
    let size_en = |figures: Figures| {
        format!("{:.2} m² in the plane ({:.2} m² on the ellipsoid)", figures.plane_m2, figures.ellipsoidal_m2)
    };
    let after = if is_breach { consequence(line, ground) } else { Default::default() };
    match line.check {
        How::List => [format!("红线在{zh}内{}", size(inside)), format!("{} within {en}", size_en(inside))],
        How::MustBeInside if is_breach => [
            format!("{zh}外{}{}", size(breached_by), after[0]),
            format!("{} outside the {en}{}", size_en(breached_by), after[1]),
        ],
        How::MustBeInside => [format!("全部位于{zh}内"), format!("all of it lies inside the {en}")],
        _ if is_breach => {
            [format!("占用{zh}{}{}", size(inside), after[0]), format!("takes {} of {en}{}", size_en(inside), after[1])]
        }
        _ if !inside.is_zero() => [
            format!("与{zh}重叠{}，在容差以内", size(inside)),
            format!("overlaps {en} by {}, within the tolerance", size_en(inside)),
        ],
        _ => {
            let reach = metres(rules.defaults.look_around_m);
            match distance {
                Some(m) => [
                    format!("不占用{zh}，最近距离 {} 米", metres(m)),
                    format!("clear of {en}; the nearest is {} m away", metres(m)),
                ],
                None => [format!("不占用{zh}，{reach} 米范围内没有"), format!("clear of {en}; none within {reach} m")],
            }
        }
    }
}
