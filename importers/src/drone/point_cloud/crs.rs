//! Which CRS a cloud is in: the surveyor's word, else the file's, in any of its forms.
//!
//! A WKT record is believed before `GeoKeys`: its text says units and parameters in full, while files
//! exist whose keys give a false easting in metres and everything else in feet. The text chosen is
//! the text written into the COPC, so that it alone says where the points are.

use std::path::Path;

use catalog::HeightReference;
use geodesy::{Crs, CrsWarning, GeodesyError, HeightDatum};
use tiles::copc::las_header::{Vlr, WKT_RECORD};
use tiles::point_placement::height_unit_m;

use super::geokeys::GeoKeys;
use super::survey::bilingual;
use crate::georeference;
use crate::importer::{Cause, ImportError, Options, Severity, Text, Warning};

/// The record libLAS put a WKT into before LAS had one.
const LIBLAS_WKT_RECORD: (&str, u16) = ("liblas", WKT_RECORD.1);

const US_SURVEY_FOOT_M: f64 = 1200.0 / 3937.0;

/// A CRS that was decided on.
#[derive(Debug, Clone)]
pub(super) struct CloudCrs {
    pub(super) crs: Crs,
    /// What the COPC's CRS record will say.
    pub(super) wkt: String,
    /// Where it comes from, for facts and provenance.
    pub(super) source: &'static str,
}

/// Decides; without any CRS, or with one that is not understood, the surveyor is asked.
pub(super) fn settle(
    path: &Path,
    options: &Options,
    vlrs: &[Vlr],
    aside: Option<&str>,
) -> Result<CloudCrs, ImportError> {
    let mut chosen = match &options.crs {
        Some(text) => {
            let crs = Crs::from_user_input(text).map_err(|source| not_understood(path, text, source))?;
            let wkt = wkt_of(text, &crs);
            CloudCrs { crs, wkt, source: "--crs" }
        }
        None => stated(path, vlrs, aside)?,
    };
    if let Some(unit) = &options.height_unit {
        let unit_m = unit_m(unit).ok_or_else(|| {
            ImportError::refused(
                path,
                Text::new(
                    format!("--height-unit {unit} 无法识别，可用 m、ft、us-ft"),
                    format!("--height-unit {unit} is not known: m, ft or us-ft"),
                ),
            )
        })?;
        chosen.wkt = with_height_unit(&chosen.wkt, unit, unit_m);
        let text = chosen.wkt.clone();
        chosen.crs = Crs::from_user_input(&text).map_err(|source| not_understood(path, &text, source))?;
    }
    Ok(chosen)
}

/// The CRS that the file states, in the first form that is understood.
fn stated(path: &Path, vlrs: &[Vlr], aside: Option<&str>) -> Result<CloudCrs, ImportError> {
    let mut reasons: Vec<(Text, Option<Cause>)> = Vec::new();
    let text_of = |record| {
        let payload = &vlrs.iter().find(|vlr| vlr.is(record))?.payload;
        let text = String::from_utf8_lossy(payload);
        let text = text.trim_end_matches('\0').trim();
        (!text.is_empty()).then(|| text.to_owned())
    };
    let texts = [
        ("WKT", text_of(WKT_RECORD)),
        ("WKT (libLAS)", text_of(LIBLAS_WKT_RECORD)),
        ("ept.json", aside.map(str::to_owned)),
    ];
    for (source, text) in texts {
        let Some(wkt) = text else { continue };
        match Crs::from_user_input(&wkt) {
            Ok(crs) => return Ok(CloudCrs { wkt: wkt_of(&wkt, &crs), crs, source }),
            Err(error) => reasons.push((Text::new("WKT 无法识别", "the WKT is not understood"), Some(error.into()))),
        }
    }
    match GeoKeys::read(vlrs).and_then(|keys| keys.map_or(Ok(None), |keys| keys.wkt())) {
        Ok(None) => {}
        Ok(Some(wkt)) => match Crs::from_user_input(&wkt) {
            Ok(crs) => return Ok(CloudCrs { crs, wkt, source: "GeoKeys" }),
            Err(error) => {
                reasons.push((Text::new("GeoKey 定义无法识别", "the GeoKeys are not understood"), Some(error.into())));
            }
        },
        Err(error) => reasons.push((bilingual(&error), None)),
    }
    let (zh, en, cause) = match reasons.into_iter().next() {
        None => ("点云没有坐标系信息".to_owned(), "the point cloud states no coordinate system".to_owned(), None),
        Some((text, cause)) => (text.zh, text.en, cause),
    };
    Err(ImportError::Refused {
        path: path.to_owned(),
        text: Text::new(
            format!("{zh}。请用 --crs 指定，例如 --crs EPSG:4547"),
            format!("{en}. Give it with --crs, for instance --crs EPSG:4547"),
        ),
        source: cause,
    })
}

fn not_understood(path: &Path, text: &str, source: GeodesyError) -> ImportError {
    let start: String = text.chars().take(60).collect();
    ImportError::Refused {
        path: path.to_owned(),
        text: Text::new(
            format!("坐标系无法识别：{start}"),
            format!("the coordinate system is not understood: {start}"),
        ),
        source: Some(source.into()),
    }
}

/// A text that fits a LAS record: one that is WKT already, else WKT 1, which is what LAS means by it.
fn wkt_of(text: &str, crs: &Crs) -> String {
    if text.contains('[') {
        return text.to_owned();
    }
    crs.wkt1().unwrap_or_else(|| crs.definition().to_owned())
}

fn unit_m(name: &str) -> Option<f64> {
    match name {
        "m" => Some(1.0),
        "ft" => Some(0.3048),
        "us-ft" => Some(US_SURVEY_FOOT_M),
        _ => None,
    }
}

/// The text with a vertical system of that unit, in place of one that it may have had.
pub(super) fn with_height_unit(wkt: &str, unit: &str, unit_m: f64) -> String {
    let horizontal = horizontal_part(wkt);
    if horizontal.contains("CRS[") {
        format!(
            "COMPOUNDCRS[\"unknown + height ({unit})\",{horizontal},VERTCRS[\"height ({unit})\",VDATUM[\"unknown\"],\
             CS[vertical,1],AXIS[\"gravity-related height (H)\",up],LENGTHUNIT[\"{unit}\",{unit_m}]]]"
        )
    } else {
        format!(
            "COMPD_CS[\"unknown + height ({unit})\",{horizontal},VERT_CS[\"height ({unit})\",\
             VERT_DATUM[\"unknown\",2005],UNIT[\"{unit}\",{unit_m}],AXIS[\"Up\",UP]]]"
        )
    }
}

/// The second part of a compound text; any other text as it stands.
fn horizontal_part(wkt: &str) -> &str {
    let compound = ["COMPD_CS[", "COMPOUNDCRS["].iter().find_map(|keyword| wkt.strip_prefix(keyword));
    let part = || {
        let (mut depth, mut quoted, mut start) = (0_u32, false, None);
        let compound = compound?;
        for (at, c) in compound.char_indices() {
            match c {
                '"' => quoted = !quoted,
                _ if quoted => {}
                ',' if depth == 0 && start.is_none() => start = Some(at + 1),
                ',' if depth == 0 => return compound.get(start?..at),
                '[' | '(' => depth += 1,
                ']' | ')' => depth = depth.checked_sub(1)?,
                _ => {}
            }
        }
        None
    };
    part().unwrap_or(wkt).trim()
}

/// What heights of a cloud in `crs` are measured from, as the text says.
pub(super) fn height_reference(crs: &Crs) -> HeightReference {
    let unit_m = height_unit_m(crs);
    let is = |other: f64| (unit_m - other).abs() < 1e-9;
    let unit = match () {
        () if is(1.0) => "metre".to_owned(),
        () if is(0.3048) => "foot".to_owned(),
        () if is(US_SURVEY_FOOT_M) => "us-survey-foot".to_owned(),
        () => format!("{unit_m} m"),
    };
    HeightReference { unit, ..georeference::height_reference(crs) }
}

/// What a person should know about the CRS that was decided on.
pub(super) fn warnings(cloud: &CloudCrs, options: &Options) -> Vec<Warning> {
    let doubt = |code, text| Warning::new(code, Severity::Doubt, "", text);
    let mut warnings: Vec<Warning> = cloud
        .crs
        .warnings()
        .iter()
        .map(|warning| {
            let words = warning.to_string();
            let code = match warning {
                CrsWarning::AuthorityContradicted { .. } => "crs-code-contradicted",
                _ => "crs",
            };
            doubt(code, Text::new(words.clone(), words))
        })
        .collect();
    if cloud.crs.is_geocentric() {
        return warnings;
    }
    if cloud.crs.vertical_unit_m().is_none() && (height_unit_m(&cloud.crs) - 1.0).abs() > 1e-9 {
        warnings.push(doubt(
            "height-unit-assumed",
            Text::new(
                "文件没有说明高程单位，按平面坐标的单位处理；若不对，请用 --height-unit 指定",
                "the file states no unit of height; taken as the unit of x and y. Give --height-unit if that is wrong",
            ),
        ));
    }
    if options.height_datum.is_none() && cloud.crs.height_datum() == HeightDatum::Unknown {
        warnings.push(doubt(
            "height-datum-unknown",
            Text::new(
                "文件没有说明高程基准，记为未知；可用 --height-datum 指定",
                "the file states no height datum: recorded as unknown. It can be given with --height-datum",
            ),
        ));
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_height_unit_replaces_the_vertical_part_alone() {
        let horizontal = r#"PROJCS["a, b",GEOGCS["g",UNIT["degree",0.0174]],UNIT["metre",1]]"#;
        let compound =
            format!(r#"COMPD_CS["c, [d]",{horizontal},VERT_CS["v",VERT_DATUM["d",2005],UNIT["foot",0.3048]]]"#);
        assert_eq!(horizontal_part(&compound), horizontal);
        assert_eq!(horizontal_part(horizontal), horizontal);
        assert_eq!(with_height_unit(&compound, "m", 1.0), with_height_unit(horizontal, "m", 1.0));
        assert_eq!(horizontal_part(&with_height_unit(horizontal, "m", 1.0)), horizontal);
    }

    #[test]
    fn a_code_is_written_as_wkt_1_and_read_back_as_the_code() {
        for code in [4547, 4490, 32650, 2992, 4978] {
            let crs = Crs::from_epsg(code).unwrap();
            let wkt = wkt_of(&format!("EPSG:{code}"), &crs);
            assert!(["PROJCS[", "GEOGCS[", "GEOCCS["].iter().any(|keyword| wkt.starts_with(keyword)), "{wkt}");
            assert!(!wkt.contains('\n'));
            assert_eq!(Crs::from_user_input(&wkt).unwrap().epsg(), Some(code));
        }
    }

    #[test]
    fn a_stated_height_unit_reaches_the_placement() {
        for definition in ["EPSG:4547", "EPSG:4490"] {
            let options = Options {
                crs: Some(definition.to_owned()),
                height_unit: Some("us-ft".to_owned()),
                ..Options::default()
            };
            let cloud = settle(Path::new("a.las"), &options, &[], None).unwrap();
            assert!((height_unit_m(&cloud.crs) - US_SURVEY_FOOT_M).abs() < 1e-9, "{}", cloud.wkt);
            assert_eq!(height_reference(&cloud.crs).unit, "us-survey-foot");
        }
    }
}
