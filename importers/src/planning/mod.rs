//! What planning and survey departments deliver: vector layers.

pub mod encoding;
pub mod land_use;
