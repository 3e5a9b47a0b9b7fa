//! Bounding volumes: as they stand in the JSON, moved by a transform, and as degrees and metres.
//!
//! Distances to a volume and culling belong to the viewer.

use geodesy::frame::lon_lat_height_deg_from_ecef;
use serde::{Deserialize, Deserializer, Serialize};

use crate::glb::{Matrix, transform_point};

/// What encloses a tile (3D Tiles 1.1, 6.7.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum BoundingVolume {
    /// Centre, then the three half axes, metres in the tile's frame.
    Box([f64; 12]),
    /// West, south, east, north in radians, lowest and highest ellipsoidal height in metres.
    /// East is below west where it crosses the 180th meridian. No transform moves it.
    Region([f64; 6]),
    /// Centre and radius, metres in the tile's frame.
    Sphere([f64; 4]),
}

impl<'de> Deserialize<'de> for BoundingVolume {
    /// Extensions beside the volume are allowed; of several volumes the tightest kind is taken.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Any {
            #[serde(rename = "box")]
            oriented: Option<[f64; 12]>,
            region: Option<[f64; 6]>,
            sphere: Option<[f64; 4]>,
        }
        let any = Any::deserialize(deserializer)?;
        let volume = (any.oriented.map(Self::Box)).or(any.region.map(Self::Region)).or(any.sphere.map(Self::Sphere));
        volume.ok_or_else(|| serde::de::Error::custom("a boundingVolume without box, region or sphere"))
    }
}

impl BoundingVolume {
    /// The box with faces along the axes, from its lowest to its highest corner, in metres.
    #[must_use]
    pub fn from_corners(min: [f64; 3], max: [f64; 3]) -> Self {
        let mut numbers = [0.0; 12];
        for i in 0..3 {
            numbers[i] = f64::midpoint(min[i], max[i]);
            // Flat boxes have no volume and some viewers cull them.
            numbers[3 + 4 * i] = ((max[i] - min[i]) / 2.0).max(0.001);
        }
        Self::Box(numbers)
    }

    /// The same volume seen from a frame into which `matrix` leads. Regions stay. A sphere grows
    /// by the largest scale of the matrix.
    #[must_use]
    pub fn transformed(&self, matrix: &Matrix) -> Self {
        let turn = |v: &[f64]| -> [f64; 3] {
            std::array::from_fn(|i| matrix[i] * v[0] + matrix[4 + i] * v[1] + matrix[8 + i] * v[2])
        };
        match self {
            Self::Region(_) => *self,
            Self::Box(numbers) => {
                let mut out = [0.0; 12];
                out[..3].copy_from_slice(&transform_point(matrix, [numbers[0], numbers[1], numbers[2]]));
                for axis in 1..4 {
                    out[axis * 3..axis * 3 + 3].copy_from_slice(&turn(&numbers[axis * 3..axis * 3 + 3]));
                }
                Self::Box(out)
            }
            Self::Sphere([x, y, z, radius]) => {
                let center = transform_point(matrix, [*x, *y, *z]);
                let scale = (0..3).map(|axis| length(&matrix[axis * 4..axis * 4 + 3])).fold(0.0, f64::max);
                Self::Sphere([center[0], center[1], center[2], radius * scale])
            }
        }
    }

    /// `[west, south, east, north]` in degrees and `[lowest, highest]` ellipsoidal height in
    /// metres on WGS 84, `ecef_from_tile` being the tile's accumulated transform.
    ///
    /// Boxes and spheres are taken by their corners, which holds for anything up to a province;
    /// whatever holds the Earth's centre or a pole answers with the whole world.
    #[must_use]
    pub fn lon_lat_bounds_deg(&self, ecef_from_tile: &Matrix) -> ([f64; 4], [f64; 2]) {
        const WORLD: [f64; 4] = [-180.0, -90.0, 180.0, 90.0];
        let (center, axes) = match self.transformed(ecef_from_tile) {
            Self::Region([w, s, e, n, low, high]) => {
                let degrees = [w, s, e, n].map(f64::to_degrees);
                return (if w <= e { degrees } else { [-180.0, degrees[1], 180.0, degrees[3]] }, [low, high]);
            }
            Self::Box(b) => ([b[0], b[1], b[2]], [[b[3], b[4], b[5]], [b[6], b[7], b[8]], [b[9], b[10], b[11]]]),
            Self::Sphere([x, y, z, r]) => ([x, y, z], [[r, 0.0, 0.0], [0.0, r, 0.0], [0.0, 0.0, r]]),
        };
        let reach: f64 = axes.iter().map(|axis| length(axis)).sum();
        let mut bounds = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];
        let mut heights = [f64::INFINITY, f64::NEG_INFINITY];
        let from_axis = center[0].hypot(center[1]);
        for corner in 0..8 {
            let sign = |bit: usize| if corner >> bit & 1 == 0 { 1.0 } else { -1.0 };
            let ecef = std::array::from_fn(|i| center[i] + (0..3).map(|axis| sign(axis) * axes[axis][i]).sum::<f64>());
            let [lon, lat, height] = lon_lat_height_deg_from_ecef(ecef);
            bounds = [bounds[0].min(lon), bounds[1].min(lat), bounds[2].max(lon), bounds[3].max(lat)];
            heights = [heights[0].min(height), heights[1].max(height)];
        }
        // Sums of half axes past the axis of the Earth: corners say nothing about longitude.
        let is_local = reach < from_axis && bounds[2] - bounds[0] < 180.0;
        (if is_local { bounds } else { WORLD }, heights)
    }

    pub(super) fn is_finite(&self) -> bool {
        match self {
            Self::Box(numbers) => numbers.iter().all(|v| v.is_finite()),
            Self::Region(numbers) => numbers.iter().all(|v| v.is_finite()),
            Self::Sphere(numbers) => numbers.iter().all(|v| v.is_finite()),
        }
    }
}

fn length(v: &[f64]) -> f64 {
    v.iter().map(|c| c * c).sum::<f64>().sqrt()
}
