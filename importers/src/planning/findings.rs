//! What is said about a vector layer: its inspection, and the doubts and notes of an import.

use std::path::Path;

use catalog::HeightReference;
use geodesy::Crs;

use super::source::Source;
use super::survey::{Dimension, Survey};
use crate::gdal::vector::{self, Shape, Validity};
use crate::georeference::georeference;
use crate::importer::{Count, Fact, ImportError, Inspection, Options, Severity, Text, Warning};

/// Fields that layers taken from a consumer map's open data carry (`DataV` outlines of `AMap`), which
/// are in GCJ-02 however they are labelled.
const CONSUMER_MAP_FIELDS: [&str; 3] = ["adcode", "acroutes", "subFeatureIndex"];
/// Strangers named in a warning.
const NAMED: usize = 8;

/// The names a layer was delivered under.
#[derive(Debug, Clone, Copy)]
pub struct Naming<'a> {
    /// The file's, without extension.
    pub file: &'a str,
    /// The layer's.
    pub layer: &'a str,
}

impl<'a> Naming<'a> {
    /// Both, the layer's own first.
    #[must_use]
    pub fn all(&self) -> [&'a str; 2] {
        [self.layer, self.file]
    }
}

/// `--gcj02` makes sense for degrees only.
pub fn check_gcj02(path: &Path, crs: &Crs, options: &Options) -> Result<(), ImportError> {
    if options.gcj02 && !crs.is_geographic() {
        return Err(ImportError::refused(
            path,
            Text::new(
                format!("--gcj02 只用于经纬度坐标,而坐标系是“{}”", crs.name()),
                format!("--gcj02 is for degrees, and the CRS is {}", crs.name()),
            ),
        ));
    }
    Ok(())
}

/// Everything worth knowing before an import.
pub fn inspection(source: &Source, path: &Path, options: &Options, survey: &Survey) -> Result<Inspection, ImportError> {
    let mut inspection = Inspection {
        format: source.format.clone(),
        what: what(survey),
        extent: survey.extent.or_else(|| source.extent()),
        layers: if source.is_cad() { Vec::new() } else { source.layer_names.clone() },
        ..Inspection::default()
    };
    let names = [(Dimension::Polygon, "面 polygons"), (Dimension::Line, "线 lines"), (Dimension::Point, "点 points")];
    for (dimension, name) in names {
        if let Some(count) = survey.dimensions.get(&dimension) {
            let (zh, en) = name.split_once(' ').unwrap_or((name, name));
            inspection.counts.push(Count { name: Text::new(zh, en), count: *count });
        }
    }
    if survey.shapeless > 0 {
        inspection.counts.push(Count { name: Text::new("无图形", "without shape"), count: survey.shapeless });
    }
    inspection.facts = facts(source, survey);
    match georeference(path, source.declared_crs.as_deref(), survey.extent, options) {
        Ok(place) => {
            inspection.crs = Some(place.crs.definition().to_owned());
            inspection.crs_name = Some(place.crs.name().to_owned());
            inspection.bounds_lon_lat_deg = survey.extent.and_then(|extent| {
                let [min_x, min_y, max_x, max_y] = extent;
                let mut corners = [[min_x, min_y], [max_x, min_y], [max_x, max_y], [min_x, max_y]];
                place.to_lon_lat.points(&mut corners).ok()?;
                let fold = |axis: usize, pick: fn(f64, f64) -> f64, from: f64| {
                    corners.iter().map(|corner| corner[axis]).fold(from, pick)
                };
                Some([
                    fold(0, f64::min, f64::INFINITY),
                    fold(1, f64::min, f64::INFINITY),
                    fold(0, f64::max, f64::NEG_INFINITY),
                    fold(1, f64::max, f64::NEG_INFINITY),
                ])
            });
            inspection.problems.extend(invalid_shapes(source, path)?);
            inspection.problems.extend(place.warnings.iter().cloned());
            inspection.problems.extend(warnings(source, survey, &place.crs, options));
        }
        Err(ImportError::Refused { text, .. }) => {
            inspection.problems.push(Warning::new("refused", Severity::Refusal, "", text));
        }
        Err(other) => return Err(other),
    }
    Ok(inspection)
}

/// How many shapes an import would repair or leave out.
fn invalid_shapes(source: &Source, path: &Path) -> Result<Option<Warning>, ImportError> {
    let (mut repairable, mut hopeless) = (0_u64, 0_u64);
    source.read(path, |feature| {
        if let Shape::Given(geometry) = &feature.shape {
            match vector::validity(geometry) {
                Ok(Validity::Sound) => {}
                Ok(Validity::Repaired { .. }) => repairable += 1,
                Ok(Validity::Hopeless { .. }) | Err(_) => hopeless += 1,
            }
        }
        Ok(())
    })?;
    Ok((repairable + hopeless > 0).then(|| {
        Warning::new(
            "geometry-invalid",
            Severity::Doubt,
            "",
            Text::new(
                format!("有 {repairable} 个图形自相交(导入时修复并列出面积变化),{hopeless} 个无法修复"),
                format!("{repairable} shapes cross themselves (an import repairs them and lists areas), {hopeless} are beyond repair"),
            ),
        )
    }))
}

fn facts(source: &Source, survey: &Survey) -> Vec<Fact> {
    let mut facts = Vec::new();
    let mut fact = |zh: &str, en: &str, value: String| facts.push(Fact { name: Text::new(zh, en), value });
    if let Some(found) = &source.encoding {
        fact("文字编码", "text encoding", format!("{} · {}", found.encoding.name(), found.evidence.words()));
    }
    let fields: Vec<String> = source
        .fields()
        .iter()
        .map(|field| match &field.alias {
            Some(alias) => format!("{}({alias})", field.name),
            None => field.name.clone(),
        })
        .collect();
    fact("字段", "fields", fields.join(", "));
    if source.is_cad() {
        let layers: Vec<String> = survey.cad_layers.iter().map(|(name, count)| format!("{name} × {count}")).collect();
        fact("CAD 图层", "CAD layers", layers.join(", "));
        fact("闭合多段线", "closed polylines", survey.closed_lines.to_string());
    }
    if let Some(codes) = &survey.codes {
        fact("用地代码", "land-use codes", format!("{} · {}", codes.field, codes.system.as_deref().unwrap_or("?")));
    }
    facts
}

fn what(survey: &Survey) -> Text {
    match survey.dimension() {
        Some(Dimension::Polygon) => Text::new("面图层", "polygon layer"),
        Some(Dimension::Line) => Text::new("线图层", "line layer"),
        Some(Dimension::Point) => Text::new("点图层", "point layer"),
        None => Text::new("无图形的图层", "layer without shapes"),
    }
}

/// Doubts and notes that need no single feature.
#[must_use]
pub fn warnings(source: &Source, survey: &Survey, crs: &Crs, options: &Options) -> Vec<Warning> {
    let mut warnings = Vec::new();
    if let Some(contradicted) = source.encoding.as_ref().and_then(|found| Some((found, found.contradicted?))) {
        let (found, stated) = contradicted;
        warnings.push(Warning::new(
            "encoding-contradicted",
            Severity::Doubt,
            "",
            Text::new(
                format!("文件声明编码 {},但文字不符,已按 {} 读取", stated.name(), found.encoding.name()),
                format!("the file says {} and the text is not: read as {}", stated.name(), found.encoding.name()),
            ),
        ));
    }
    warnings.extend(code_warnings(survey));
    warnings.extend(gcj02_warning(source, survey, crs, options));
    if source.is_cad() && !options.closed_as_polygons && survey.closed_lines > 0 {
        warnings.push(Warning::new(
            "closed-polylines",
            Severity::Note,
            "",
            Text::new(
                format!("有 {} 条闭合多段线;若为地块请加 --closed-as-polygons", survey.closed_lines),
                format!("{} closed polylines: if they are parcels, add --closed-as-polygons", survey.closed_lines),
            ),
        ));
    }
    if crs.datum().needs_parameters() {
        warnings.push(Warning::new(
            "brought-to-cgcs2000",
            Severity::Note,
            "",
            Text::new(
                "已用所给参数转换到 CGCS2000 保存;参数本身不保存",
                "brought to CGCS2000 with the parameters given, which are not kept",
            ),
        ));
    }
    warnings
}

/// Heights whose datum nobody stated, and features whose heights were lost.
#[must_use]
pub fn height_warning(height: &HeightReference, flattened: u64) -> Option<Warning> {
    let unknown = height.datum == "unknown";
    let lost = (
        format!("{flattened} 个要素因修复或坐标转换失去高程"),
        format!("{flattened} features lost their heights to a repair or a change of datum"),
    );
    let unstated =
        ("高程基准未知,请用 --height-datum 说明", "the datum of the heights is unknown: say it with --height-datum");
    let text = match (unknown, flattened) {
        (false, 0) => return None,
        (true, 0) => Text::new(unstated.0, unstated.1),
        (false, _) => Text::new(lost.0, lost.1),
        (true, _) => Text::new(format!("{};{}", lost.0, unstated.0), format!("{}; {}", lost.1, unstated.1)),
    };
    let severity = if flattened > 0 { Severity::Doubt } else { Severity::Note };
    Some(Warning::new("feature-heights", severity, "", text))
}

/// A range of heights in metres; none where the unit is not known here.
#[must_use]
pub fn in_metres(range: [f64; 2], height: &HeightReference) -> Option<[f64; 2]> {
    let unit_m = match height.unit.as_str() {
        "metre" => 1.0,
        "foot" => 0.3048,
        "us-survey-foot" => 1200.0 / 3937.0,
        _ => return None,
    };
    Some(range.map(|value| value * unit_m))
}

fn code_warnings(survey: &Survey) -> Vec<Warning> {
    let Some(codes) = &survey.codes else { return Vec::new() };
    let mut warnings = Vec::new();
    if codes.system.is_none() {
        warnings.push(Warning::new(
            "code-system-unknown",
            Severity::Doubt,
            codes.field.clone(),
            Text::new(
                format!(
                    "字段 {} 的用地代码体系不能确定(符合:{}),请用 --code-system 指定,否则不能用于审查",
                    codes.field,
                    codes.candidates.join("、")
                ),
                format!(
                    "the code system of {} is not certain (fits: {}): say it with --code-system",
                    codes.field,
                    codes.candidates.join(", ")
                ),
            ),
        ));
    }
    if !codes.strangers.is_empty() {
        let named: Vec<&str> = codes.strangers.keys().take(NAMED).map(String::as_str).collect();
        warnings.push(Warning::new(
            "codes-not-in-system",
            Severity::Doubt,
            codes.field.clone(),
            Text::new(
                format!("有 {} 个代码不在所定体系内:{}", codes.strangers.len(), named.join("、")),
                format!("{} codes are not of the system: {}", codes.strangers.len(), named.join(", ")),
            ),
        ));
    }
    warnings
}

/// Degrees in China that call themselves WGS 84 in a format of the web are often GCJ-02. Where the
/// fields give a consumer map away it is a doubt, else a note: nothing in the numbers can tell.
fn gcj02_warning(source: &Source, survey: &Survey, crs: &Crs, options: &Options) -> Option<Warning> {
    let [min_x, min_y, max_x, max_y] = survey.extent?;
    let middle = [f64::midpoint(min_x, max_x), f64::midpoint(min_y, max_y)];
    let in_china = geodesy::offset::is_shifted_region(middle);
    if options.gcj02 || !source.is_web_format() || !crs.is_geographic() || crs.epsg() == Some(4490) || !in_china {
        return None;
    }
    let given_away = CONSUMER_MAP_FIELDS.iter().any(|known| source.fields().iter().any(|field| field.name == *known));
    let severity = if given_away { Severity::Doubt } else { Severity::Note };
    Some(Warning::new(
        "gcj02-suspected",
        severity,
        "",
        Text::new(
            "标为 WGS 84,但来源像互联网地图,可能是 GCJ-02(偏移 500–660 m);与其他图层比对后,如确是请加 --gcj02",
            "labelled WGS 84 but like layers of consumer maps: it may be GCJ-02, 500-660 m off; compare it with another layer and add --gcj02 if so",
        ),
    ))
}
