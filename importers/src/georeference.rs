//! Where delivered coordinates are: their CRS, whether they fit it, and the way to the map.
//!
//! Shared by everything that is delivered in plane or geographic coordinates. What is doubtful is a
//! warning; what would put the data in a wrong place is a refusal that names the flag to use.

use std::path::Path;

use catalog::HeightReference;
use geodesy::gauss_kruger::{PlaneIssue, plane_issues, read_plane};
use geodesy::{Crs, DatumParameters, GeodesyError, HeightDatum, Transform};

use crate::importer::{ImportError, Options, Severity, Text, Warning};

/// Degrees that data may lie outside the area a CRS is made for.
const AREA_MARGIN_DEG: f64 = 3.0;

/// Poles that rounding put beyond 90 degrees.
const ROUNDING_DEG: f64 = 1e-6;

/// A CRS and the ways out of it.
#[derive(Clone)]
pub struct Georeference {
    /// The CRS that the data are in.
    pub crs: Crs,
    /// To longitude and latitude on CGCS2000, degrees.
    pub to_lon_lat: Transform,
    /// To EPSG:3857, metres.
    pub to_web_mercator: Transform,
    /// What a person should know.
    pub warnings: Vec<Warning>,
}

impl std::fmt::Debug for Georeference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Georeference").field("crs", &self.crs.name()).finish_non_exhaustive()
    }
}

/// What heights in `crs` are measured from, as its text says; the unit is metres until someone says otherwise.
#[must_use]
pub fn height_reference(crs: &Crs) -> HeightReference {
    match crs.height_datum() {
        HeightDatum::Ellipsoidal => HeightReference::metres("ellipsoidal"),
        HeightDatum::Normal1985 => HeightReference::metres("normal_1985"),
        HeightDatum::Egm96 => HeightReference::metres("egm96"),
        HeightDatum::Unknown => HeightReference::default(),
        HeightDatum::Other(name) => HeightReference { datum_name: Some(name), ..HeightReference::metres("other") },
    }
}

/// Finds out where the data of `path` are.
///
/// `declared` is the CRS the file names; `--crs` wins over it. `extent` is
/// `[min_x, min_y, max_x, max_y]` with `--swap-axes` already applied.
pub fn georeference(
    path: &Path,
    declared: Option<&str>,
    extent: Option<[f64; 4]>,
    options: &Options,
) -> Result<Georeference, ImportError> {
    let Some(text) = options.crs.as_deref().or(declared) else {
        return Err(ImportError::refused(path, no_crs(extent)));
    };
    let crs = Crs::from_user_input(text).map_err(|error| refusal(path, error))?;
    let parameters = datum_parameters(path, options)?;
    let to = |target: &Crs| {
        Transform::with_parameters(&crs, target, parameters.as_ref()).map_err(|error| refusal(path, error))
    };
    let to_lon_lat = to(&Crs::cgcs2000())?;
    let to_web_mercator = to(&Crs::web_mercator())?;
    let mut warnings: Vec<Warning> = crs
        .warnings()
        .iter()
        .map(|warning| {
            Warning::new("crs-doubtful", Severity::Doubt, "", Text::new(warning.to_string(), warning.to_string()))
        })
        .collect();
    if let Some(extent) = extent {
        check_extent(path, &crs, &to_lon_lat, extent, options, &mut warnings)?;
    }
    Ok(Georeference { crs, to_lon_lat, to_web_mercator, warnings })
}

/// The surveyor's parameters, if given. Their text never reaches an error or a log.
pub fn datum_parameters(path: &Path, options: &Options) -> Result<Option<DatumParameters>, ImportError> {
    let Some(file) = &options.datum_parameters else {
        return Ok(None);
    };
    let text = std::fs::read_to_string(file).map_err(|error| {
        ImportError::unreadable_because(
            file,
            Text::new("无法读取转换参数文件", "the file of datum parameters can't be read"),
            error,
        )
    })?;
    DatumParameters::from_toml(&text).map(Some).map_err(|error| refusal(path, error))
}

/// A refusal in geodesy's own words, which are in both languages.
pub fn refusal(path: &Path, error: GeodesyError) -> ImportError {
    let text = match &error {
        GeodesyError::DatumRefused { crs, datum } => Text::new(
            format!(
                "坐标系“{crs}”的基准为{datum},无转换参数不能转到 CGCS2000;请用 --datum-parameters 提供四参数或七参数文件"
            ),
            format!(
                "{crs} is on {datum}: without parameters it can't be brought to CGCS2000; give a file of 4 or 7 parameters with --datum-parameters"
            ),
        ),
        other => Text::new(other.to_string(), "the coordinates can't be placed"),
    };
    ImportError::Refused { path: path.to_owned(), text, source: Some(Box::new(error)) }
}

fn no_crs(extent: Option<[f64; 4]>) -> Text {
    let mut text = Text::new(
        "没有坐标系,请用 --crs 指定(例如 --crs EPSG:4546)",
        "there is no CRS: say it with --crs, e.g. --crs EPSG:4546",
    );
    let Some(extent) = extent else { return text };
    if let Some(reading) = read_plane(extent) {
        if let Some(zone) = reading.prefix {
            let epsg = zone.epsg_cgcs2000(true);
            text = Text::new(
                format!("{};坐标像 {zone} 的带号坐标,若为 CGCS2000 则是 --crs EPSG:{epsg}", text.zh),
                format!("{}; they look like {zone} with its number: EPSG:{epsg} if on CGCS2000", text.en),
            );
        }
        if reading.swapped {
            text.zh += ";X、Y 似乎对调,另加 --swap-axes";
            text.en += "; x and y look exchanged: add --swap-axes";
        }
    }
    text
}

fn check_extent(
    path: &Path,
    crs: &Crs,
    to_lon_lat: &Transform,
    extent: [f64; 4],
    options: &Options,
    warnings: &mut Vec<Warning>,
) -> Result<(), ImportError> {
    if crs.is_geographic() {
        return check_degrees(path, extent, options);
    }
    if let Some((zone, prefixed)) = crs.gauss_kruger() {
        let unit_m = crs.unit_m();
        let issues = plane_issues(extent.map(|v| v * unit_m), zone, prefixed);
        if let Some(issue) = issues.first() {
            return Err(ImportError::refused(path, plane_text(crs, *issue)));
        }
    }
    let [min_x, min_y, max_x, max_y] = extent;
    let mut corners = [[min_x, min_y], [max_x, min_y], [max_x, max_y], [min_x, max_y]];
    to_lon_lat.points(&mut corners).map_err(|error| refusal(path, error))?;
    if let Some([west, south, east, north]) = crs.area_lon_lat_deg() {
        let inside = corners.iter().any(|[lon, lat]| {
            (west - AREA_MARGIN_DEG..=east + AREA_MARGIN_DEG).contains(lon)
                && (south - AREA_MARGIN_DEG..=north + AREA_MARGIN_DEG).contains(lat)
        });
        if !inside {
            let [lon, lat] = corners[0];
            warnings.push(Warning::new(
                "outside-crs-area",
                Severity::Doubt,
                "",
                Text::new(
                    format!("数据落在 {lon:.2}°, {lat:.2}°,不在坐标系“{}”的适用范围内,请核对 --crs", crs.name()),
                    format!("the data are at {lon:.2}°, {lat:.2}°, outside the area of {}: check --crs", crs.name()),
                ),
            ));
        }
    }
    Ok(())
}

fn check_degrees(path: &Path, [min_x, min_y, max_x, max_y]: [f64; 4], options: &Options) -> Result<(), ImportError> {
    let in_degrees = min_x >= -360.0 && max_x <= 360.0 && min_y >= -90.0 - ROUNDING_DEG && max_y <= 90.0 + ROUNDING_DEG;
    if !in_degrees {
        // Latitude first: the "latitudes" are China's longitudes.
        let swapped = min_x >= 0.0 && max_x <= 56.0 && min_y >= 70.0 && max_y <= 140.0;
        let text = if swapped && !options.swap_axes {
            Text::new("经纬度似乎对调(纬度在前),请加 --swap-axes", "latitude seems to stand first: add --swap-axes")
        } else {
            let mut text = no_crs(Some([min_x, min_y, max_x, max_y]));
            text.zh = format!("坐标不是经纬度(x {min_x} – {max_x});{}", text.zh);
            text.en = format!("the coordinates are no degrees (x {min_x} – {max_x}); {}", text.en);
            text
        };
        return Err(ImportError::refused(path, text));
    }
    Ok(())
}

fn plane_text(crs: &Crs, issue: PlaneIssue) -> Text {
    let suggestion = match issue {
        PlaneIssue::SwappedAxes => "--swap-axes".to_owned(),
        PlaneIssue::PrefixMissing { zone } => format!("--crs EPSG:{}", zone.epsg_cgcs2000(false)),
        PlaneIssue::PrefixUnexpected { zone } | PlaneIssue::OtherZone { data: zone, .. } => {
            format!("--crs EPSG:{}", zone.epsg_cgcs2000(true))
        }
    };
    let suggested = matches!(issue, PlaneIssue::SwappedAxes) || crs.datum() == geodesy::Datum::Cgcs2000;
    let (zh, en) = if suggested {
        (format!(";请核对,可用 {suggestion}"), format!("; if so, use {suggestion}"))
    } else {
        (";请用 --crs 给出相符的坐标系".to_owned(), "; give the CRS that fits with --crs".to_owned())
    };
    Text::new(
        format!("坐标与坐标系“{}”不符:{issue}{zh}", crs.name()),
        format!("the coordinates contradict {}: {issue}{en}", crs.name()),
    )
}
