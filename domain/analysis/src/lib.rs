//! What places mean: judgements on data that the caller has read.
//!
//! Pure: no file, no clock, no environment; the same input gives the same findings, and every result names the
//! sources and the rule it came from. Geometry arrives in the deployment's Gauss-Kruger zone; areas leave as
//! ellipsoidal and plane square metres side by side.

mod audit;
mod boolean;
mod buffer;
mod change;
mod clip;
pub mod compliance;
pub mod difference;
mod disaster;
mod error;
mod evacuation;
mod exposure;
mod figures;
mod index;
mod inundation;
mod marks;
mod measure;
pub mod mechanism;
mod nearness;
pub mod overlay;
pub mod parcel;
mod pieces;
pub mod reclassification;
pub mod red_line;
pub mod registers;
pub mod rounding;
mod shared;
pub mod sites;
mod slope;
mod snap;
pub mod statistics;
mod terrain;
mod terrain_change;
mod weld;

pub use error::AnalysisError;
pub use mechanism::{
    ANALYSES, Analysis, DataWanted, Findings, FoundPatch, LayerWanted, LoadedLayer, RasterMade, Rasters, RuleBook,
    Surface, SurfaceWanted, Task, Watch, analysis,
};
pub use overlay::{Overlay, OverlayOptions, overlay};
pub use parcel::{Parcel, ParcelLayer, Polygon};
pub use red_line::{RedLine, RedParcel};
pub use terrain::gradient::hillshade;
