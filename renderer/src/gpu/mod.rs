//! Drawing: the only folder that names wgpu and owns every shader.
//!
//! It takes a `View` and a plain `DrawList`, keeps a copy of shapes and pictures per identity, and paints into an output
//! texture: a window's or one that is read back. It decides nothing: what is in the list is drawn, and nothing else.

mod device;
mod frame;
mod pipelines;
mod resources;
mod shot;
mod targets;
mod window_surface;

pub use device::{Backend, Gpu};
pub use frame::{Painter, SceneFrame, UiFrame};
pub use shot::Shot;
pub use window_surface::{Acquired, WindowSurface};

#[cfg(test)]
mod shader_tests;
