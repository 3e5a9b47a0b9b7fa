//! Style to pixels: a stated subset of the MapLibre style specification drawn with tiny-skia.
//!
//! Used for the viewer's draped plan layers and the server's map figures, so that colour has one truth
//! (the files in `styles/`, which the web page reads too). It knows no tiles, no HTTP and no files: the caller hands in
//! a style's text, features in map coordinates, and a font's bytes.
//!
//! The subset: layers `background`, `fill` (colour, opacity, outline colour, pattern), `line` (colour, opacity, width, dash, cap, join),
//! `circle` (radius, colour, opacity, stroke) and `symbol` (text only: field, size, wrap, anchor, offset, colour, halo, along lines, collision);
//! `filter`, `minzoom`, `maxzoom`, `visibility`; and the expressions listed in [`expression`]. Whatever lies outside is an error that names it,
//! never a silent difference between two clients.

pub mod color;
pub mod draw;
pub mod error;
pub mod expression;
pub mod feature;
pub mod font;
mod label;
mod paint;
pub mod pattern;
pub mod style;

pub use color::Color;
pub use draw::{LayerSet, MapView, draw};
pub use error::CartoError;
pub use feature::{Feature, Geometry, Value};
pub use font::Font;
pub use pattern::Patterns;
pub use style::Style;
pub use tiny_skia::Pixmap;
