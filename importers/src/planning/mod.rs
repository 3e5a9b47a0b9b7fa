//! What planning and survey departments deliver, vector layers, and what they take back.
//!
//! `vector_layer` is the importer; the other files are its steps, in the order a layer goes:
//! `source`, `survey`, `placing`, `repair`, then the truth asset and the tiles. `outline` reads the red line of a project
//! and `export` writes patches; neither publishes anything.

pub mod encoding;
pub mod export;
pub mod findings;
pub mod flatgeobuf_file;
pub mod land_use;
pub mod map_tiles;
pub mod outline;
pub mod placing;
pub mod repair;
pub mod source;
pub mod style;
pub mod survey;
pub mod vector_layer;
