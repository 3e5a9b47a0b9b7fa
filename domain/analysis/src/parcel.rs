//! What an analysis is given: parcels (图斑), polygons with a class in one plane, that say where they came from.
//!
//! A class never travels without its code system: 29 codes mean different things in 三调 and in the 2023
//! classification. Geometry is taken as it is; repairing it is the importer's work.

use geodesy::Crs;
use serde_json::{Map, Value};

/// Parcels of one revision.
#[derive(Debug, Clone, PartialEq)]
pub struct ParcelLayer {
    /// Where they came from, such as `dataset@revision`; every result repeats it.
    pub source: String,
    /// The code system of [`Parcel::class`].
    pub code_system: String,
    /// The plane of the coordinates.
    pub crs: Crs,
    /// The parcels.
    pub parcels: Vec<Parcel>,
}

/// One parcel; with lines or points instead of polygons where the layer is of roads, gauges or hazard points.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Parcel {
    /// Stable id within the layer.
    pub id: String,
    /// Id in the department's own database (BSM), empty where it has none.
    pub source_id: String,
    /// Class in the layer's code system.
    pub class: String,
    /// Its attributes as delivered; empty where nobody asked for them.
    pub attributes: Map<String, Value>,
    /// Its parts.
    pub polygons: Vec<Polygon>,
    /// Lines, where it is one.
    pub lines: Vec<Vec<[f64; 2]>>,
    /// Points, where it is one.
    pub points: Vec<[f64; 2]>,
}

/// A polygon: rings of `[easting, northing]` in units of the layer's plane, closed or not, in either direction.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Polygon {
    /// Outer ring.
    pub exterior: Vec<[f64; 2]>,
    /// Inner rings.
    pub holes: Vec<Vec<[f64; 2]>>,
}

impl Polygon {
    /// Every ring, the outer one first.
    pub fn rings(&self) -> impl Iterator<Item = &Vec<[f64; 2]>> {
        std::iter::once(&self.exterior).chain(&self.holes)
    }
}
