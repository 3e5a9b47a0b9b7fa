//! From a point cloud's own coordinates to Earth-centred metres (ECEF).
//!
//! Every point goes through geodesy's transform in f64; nothing is interpolated. Heights are shown
//! as given: metres from the stated unit plus the offset the surveyor stated, whatever their datum.
//! Which datum that is, and whether heights of two clouds may be compared, is not decided here.

use geodesy::frame::{ecef_from_lon_lat_height_deg, lon_lat_height_deg_from_ecef};
use geodesy::{Crs, EnuFrame, GeodesyError, Transform};

/// Samples along x and y of a box that is being reprojected.
const SAMPLES: usize = 7;

/// Room for the rounding of coordinates to f32 and of a box to text, in metres.
const ROUNDING_M: f64 = 0.001;

/// Where a point cloud stands. Share it: every method takes `&self`.
#[derive(Debug)]
pub struct PointPlacement {
    to_earth: ToEarth,
    height_unit_m: f64,
    height_offset_m: f64,
    horizontal_unit_m: f64,
}

#[derive(Debug)]
enum ToEarth {
    /// x and y to longitude and latitude; z is a height.
    LonLat(Transform),
    /// x, y and z together are a place.
    Ecef(Transform),
}

/// Metres in one unit of z of a point cloud in `crs`; see [`PointPlacement::new`].
#[must_use]
pub fn height_unit_m(crs: &Crs) -> f64 {
    // For degrees `unit_m` is 1, which is what a height beside them is.
    crs.vertical_unit_m().unwrap_or_else(|| crs.unit_m())
}

/// A box in an ENU frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EnuBox {
    /// The frame: its origin is the middle of the source box.
    pub frame: EnuFrame,
    /// Smallest corner, east north up, metres.
    pub min_m: [f64; 3],
    /// Largest corner, east north up, metres.
    pub max_m: [f64; 3],
}

impl PointPlacement {
    /// The placement of a cloud in `crs`, compound or horizontal alone; `height_offset_m` is added to
    /// every height.
    ///
    /// A z whose unit `crs` doesn't state is in the unit of x and y, and in metres where those are
    /// degrees: that is what producers of LAS files mean.
    ///
    /// # Errors
    /// [`GeodesyError`] where the CRS is refused by its datum.
    pub fn new(crs: &Crs, height_offset_m: f64) -> Result<Self, GeodesyError> {
        // A degree of latitude; a degree of longitude is never longer.
        const DEGREE_M: f64 = 111_700.0;
        let to_earth = if crs.is_geocentric() {
            ToEarth::Ecef(Transform::new(crs, &Crs::ecef())?)
        } else {
            ToEarth::LonLat(Transform::new(crs, &Crs::wgs84())?)
        };
        Ok(Self {
            to_earth,
            height_unit_m: height_unit_m(crs),
            height_offset_m,
            horizontal_unit_m: if crs.is_geographic() { DEGREE_M } else { crs.unit_m() },
        })
    }

    /// Metres in one unit of z.
    #[must_use]
    pub fn height_unit_m(&self) -> f64 {
        self.height_unit_m
    }

    /// Metres that one unit of x or y is at most.
    #[must_use]
    pub fn horizontal_unit_m(&self) -> f64 {
        self.horizontal_unit_m
    }

    /// Turns coordinates of the cloud into longitude, latitude (degrees) and height (metres).
    ///
    /// # Errors
    /// [`GeodesyError`] where a point can't be placed.
    pub fn lon_lat_height_deg(&self, points: &mut [[f64; 3]]) -> Result<(), GeodesyError> {
        match &self.to_earth {
            ToEarth::LonLat(transform) => {
                let mut plane: Vec<[f64; 2]> = points.iter().map(|[x, y, _]| [*x, *y]).collect();
                transform.points(&mut plane)?;
                for (point, [lon, lat]) in points.iter_mut().zip(plane) {
                    *point = [lon, lat, point[2] * self.height_unit_m + self.height_offset_m];
                }
            }
            ToEarth::Ecef(transform) => {
                transform.points_3d(points)?;
                for point in points {
                    *point = lon_lat_height_deg_from_ecef(*point);
                    point[2] += self.height_offset_m;
                }
            }
        }
        Ok(())
    }

    /// Turns coordinates of the cloud into ECEF metres.
    ///
    /// # Errors
    /// [`GeodesyError`] where a point can't be placed.
    pub fn ecef_m(&self, points: &mut [[f64; 3]]) -> Result<(), GeodesyError> {
        match &self.to_earth {
            // The closed form back and forth would only add rounding.
            ToEarth::Ecef(transform) if self.height_offset_m == 0.0 => transform.points_3d(points),
            _ => {
                self.lon_lat_height_deg(points)?;
                for point in points {
                    *point = ecef_from_lon_lat_height_deg(*point);
                }
                Ok(())
            }
        }
    }

    /// A box in a local frame that holds everything between the corners `min` and `max` of the
    /// cloud's coordinates.
    ///
    /// Reprojection bends the box. Its surface is sampled; what bends between two samples is less
    /// than an eighth of the second difference over them, and the whole of it is added.
    ///
    /// # Errors
    /// [`GeodesyError`] where a sample can't be placed.
    pub fn enu_box(&self, [min, max]: [[f64; 3]; 2]) -> Result<EnuBox, GeodesyError> {
        let mut middle = [std::array::from_fn(|axis| f64::midpoint(min[axis], max[axis]))];
        self.lon_lat_height_deg(&mut middle)?;
        let frame = EnuFrame::new(middle[0]);

        let along = |axis: usize, step: usize, steps: usize| {
            min[axis] + (max[axis] - min[axis]) * step as f64 / (steps - 1) as f64
        };
        let mut samples: Vec<[f64; 3]> = (0..2 * SAMPLES * SAMPLES)
            .map(|n| {
                let (layer, row, column) = (n / (SAMPLES * SAMPLES), n / SAMPLES % SAMPLES, n % SAMPLES);
                [along(0, column, SAMPLES), along(1, row, SAMPLES), along(2, layer, 2)]
            })
            .collect();
        self.ecef_m(&mut samples)?;
        for sample in &mut samples {
            *sample = frame.enu_from_ecef_point(*sample);
        }

        let mut enu = EnuBox { frame, min_m: [f64::INFINITY; 3], max_m: [f64::NEG_INFINITY; 3] };
        for axis in 0..3 {
            let at =
                |layer: usize, row: usize, column: usize| samples[(layer * SAMPLES + row) * SAMPLES + column][axis];
            let mut bend = 0.0_f64;
            for layer in 0..2 {
                for line in 0..SAMPLES {
                    for n in 1..SAMPLES - 1 {
                        let row = at(layer, line, n - 1) - 2.0 * at(layer, line, n) + at(layer, line, n + 1);
                        let column = at(layer, n - 1, line) - 2.0 * at(layer, n, line) + at(layer, n + 1, line);
                        bend = bend.max(row.abs() + column.abs());
                    }
                }
            }
            for sample in &samples {
                enu.min_m[axis] = enu.min_m[axis].min(sample[axis]);
                enu.max_m[axis] = enu.max_m[axis].max(sample[axis]);
            }
            // f32 keeps 24 bits of the distance from the frame's origin.
            let reach = enu.min_m[axis].abs().max(enu.max_m[axis].abs());
            let room = bend + ROUNDING_M + reach * f64::from(f32::EPSILON);
            enu.min_m[axis] -= room;
            enu.max_m[axis] += room;
        }
        Ok(enu)
    }
}
