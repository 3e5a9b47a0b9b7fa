//! Where a model stands: from its own coordinates through its coordinate system to ECEF, in f64.
//!
//! Every vertex goes its own way: `origin + vertex`, then the map projection, then ECEF. Placing
//! only the origin and turning the rest with it would leave the scale and convergence of the
//! projection in the model: 3 cm at 1 km from the origin, 40 km from the central meridian.

use std::path::Path;

use catalog::HeightReference;
use geodesy::frame::{EnuFrame, lon_lat_height_deg_from_ecef};
use geodesy::{Crs, GeodesyError, Transform};

use super::metadata::numbers;
use crate::georeference::{datum_parameters, georeference, height_reference, refusal};
use crate::importer::{ImportError, Options, Severity, Text, Warning};

/// A model's coordinate system and origin, ready to convert.
pub(super) struct Place {
    system: System,
    /// Added to every vertex, in the units of the coordinate system.
    pub(super) origin: [f64; 3],
    /// Metres of one unit of height.
    height_unit_m: f64,
    /// Added to every height, metres.
    height_offset_m: f64,
    /// What heights are measured from.
    pub(super) height: HeightReference,
    /// `EPSG:n`, WKT, PROJ string or `ENU:lat,lon`.
    pub(super) definition: String,
    /// In words.
    pub(super) name: String,
    /// What a person should know.
    pub(super) warnings: Vec<Warning>,
}

enum System {
    /// A map projection.
    Projected(Transform),
    /// East, north, up metres at a place.
    Local(EnuFrame),
    /// Earth-centred metres.
    Geocentric(Transform),
}

impl Place {
    /// Understands a coordinate system and an origin; `path` is named in refusals.
    pub(super) fn new(path: &Path, srs: &str, origin: [f64; 3], options: &Options) -> Result<Self, ImportError> {
        let mut place = match local_frame(path, srs)? {
            Some(frame) => Self {
                system: System::Local(frame),
                origin,
                height_unit_m: 1.0,
                height_offset_m: 0.0,
                height: HeightReference::default(),
                definition: srs.to_owned(),
                name: "local east-north-up · 站心坐标系".to_owned(),
                warnings: Vec::new(),
            },
            None => Self::in_crs(path, srs, origin, options)?,
        };
        place.height = options.height_reference(Some(place.height));
        place.height_offset_m = options.height_offset_m.unwrap_or(0.0);
        if let Some(unit) = options.height_unit.as_deref() {
            place.height_unit_m = match unit {
                "m" => 1.0,
                "ft" => 0.3048,
                "us-ft" => 1200.0 / 3937.0,
                other => {
                    let text = Text::new(
                        format!("高程单位“{other}”无法识别，请用 m、ft 或 us-ft"),
                        format!("height unit {other:?} is unknown: use m, ft or us-ft"),
                    );
                    return Err(ImportError::refused(path, text));
                }
            };
        }
        if place.height.datum == "unknown" {
            place.warnings.push(Warning::new(
                "height-datum-unknown",
                Severity::Doubt,
                "",
                Text::new(
                    "资料没有说明高程基准，模型按所给高程放置；若已知请用 --height-datum 说明",
                    "the delivery names no height datum: heights are kept as given; say it with --height-datum if known",
                ),
            ));
        }
        place.origin_lon_lat_height_deg().map_err(|error| refusal(path, error))?;
        Ok(place)
    }

    fn in_crs(path: &Path, srs: &str, mut origin: [f64; 3], options: &Options) -> Result<Self, ImportError> {
        let crs = Crs::from_user_input(srs).map_err(|error| refusal(path, error))?;
        if crs.is_geographic() {
            let text = Text::new(
                format!(
                    "坐标系“{}”以度为单位，三角网顶点不能用度存放；请用 --crs 给出投影坐标系或 ENU:纬度,经度",
                    crs.name()
                ),
                format!(
                    "{} counts in degrees, which no mesh does: give a projected system or ENU:lat,lon with --crs",
                    crs.name()
                ),
            );
            return Err(ImportError::refused(path, text));
        }
        if options.swap_axes {
            origin.swap(0, 1);
        }
        let mut warnings: Vec<Warning> = Vec::new();
        if crs.is_projected() {
            // An origin that contradicts its system is refused here, with the flag that would help.
            let [x, y, _] = origin;
            let stated = Options { crs: Some(srs.to_owned()), ..options.clone() };
            warnings = georeference(path, None, Some([x, y, x, y]), &stated)?.warnings;
            for warning in &mut warnings {
                "metadata.xml".clone_into(&mut warning.unit);
            }
        }
        let parameters = datum_parameters(path, options)?;
        let transform = Transform::with_parameters(&crs, &Crs::ecef(), parameters.as_ref());
        let transform = transform.map_err(|error| refusal(path, error))?;
        Ok(Self {
            origin,
            height_unit_m: crs.vertical_unit_m().unwrap_or_else(|| crs.unit_m()),
            height_offset_m: 0.0,
            height: height_reference(&crs),
            definition: crs.definition().to_owned(),
            name: crs.name().to_owned(),
            warnings,
            system: if crs.is_geocentric() { System::Geocentric(transform) } else { System::Projected(transform) },
        })
    }

    /// Vertices relative to the origin, in the axes and units of the system, to ECEF metres.
    /// Answers with the lowest and highest height on the way, offset included, where the system has heights.
    pub(super) fn to_ecef(&self, vertices: &mut [[f64; 3]]) -> Result<Option<[f64; 2]>, GeodesyError> {
        let o = self.origin;
        match &self.system {
            System::Local(frame) => {
                for v in vertices {
                    *v = frame.ecef_from_enu_point([v[0] + o[0], v[1] + o[1], v[2] + o[2] + self.height_offset_m]);
                }
                Ok(None)
            }
            System::Geocentric(transform) => {
                for v in vertices.iter_mut() {
                    *v = [v[0] + o[0], v[1] + o[1], v[2] + o[2]];
                }
                transform.points_3d(vertices)?;
                Ok(None)
            }
            System::Projected(transform) => {
                let mut heights = [f64::INFINITY, f64::NEG_INFINITY];
                for v in vertices.iter_mut() {
                    let height_m = (v[2] + o[2]) * self.height_unit_m + self.height_offset_m;
                    heights = [heights[0].min(height_m), heights[1].max(height_m)];
                    *v = [v[0] + o[0], v[1] + o[1], height_m];
                }
                transform.points_3d(vertices)?;
                Ok((heights[0] <= heights[1]).then_some(heights))
            }
        }
    }

    /// The origin as longitude and latitude in degrees and height in metres.
    pub(super) fn origin_lon_lat_height_deg(&self) -> Result<[f64; 3], GeodesyError> {
        let mut point = [[0.0; 3]];
        self.to_ecef(&mut point)?;
        Ok(lon_lat_height_deg_from_ecef(point[0]))
    }

    /// Column-major affine map from the model's axes to ECEF near `at` (relative to the origin):
    /// what a rigid file that must not be touched is placed with.
    pub(super) fn ecef_from_model(&self, at: [f64; 3]) -> Result<[f64; 16], GeodesyError> {
        // Ten metres: far above rounding in ECEF, far below the bend of any projection.
        const STEP: f64 = 10.0;
        let mut points = [at; 7];
        for axis in 0..3 {
            points[1 + 2 * axis][axis] -= STEP;
            points[2 + 2 * axis][axis] += STEP;
        }
        self.to_ecef(&mut points)?;
        let mut out = [0.0; 16];
        for axis in 0..3 {
            for i in 0..3 {
                out[axis * 4 + i] = (points[2 + 2 * axis][i] - points[1 + 2 * axis][i]) / (2.0 * STEP);
            }
        }
        for i in 0..3 {
            out[12 + i] = points[0][i] - (0..3).map(|axis| out[axis * 4 + i] * at[axis]).sum::<f64>();
        }
        out[15] = 1.0;
        Ok(out)
    }
}

/// `ENU:lat,lon`, latitude first as `ContextCapture` writes it; `None` where it is something else.
fn local_frame(path: &Path, srs: &str) -> Result<Option<EnuFrame>, ImportError> {
    let Some((kind, rest)) = srs.split_once(':') else { return Ok(None) };
    if !kind.trim().eq_ignore_ascii_case("ENU") {
        return Ok(None);
    }
    let refused = || {
        ImportError::refused(
            path,
            Text::new(
                format!("“{srs}”应为 ENU:纬度,经度（十进制度）"),
                format!("{srs:?} should read ENU:latitude,longitude in decimal degrees"),
            ),
        )
    };
    let [lat, lon, height] = numbers(rest).ok_or_else(refused)?;
    if lat.abs() > 90.0 || lon.abs() > 180.0 {
        return Err(refused());
    }
    Ok(Some(EnuFrame::new([lon, lat, height])))
}
