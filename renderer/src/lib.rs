//! The desktop viewer: a server's URLs in, pixels out, in a window or a picture file.
//!
//! `scene` knows where things are and what to load, `layer` turns bytes into plain data, `gpu` draws, `panel` is what
//! people click on. `viewer` joins the first two into frames, `desk` adds the panels; `window` and `headless` drive them.
//! It opens no database and no survey file: everything comes over HTTP from one Shikong server.

pub mod arguments;
pub mod desk;
pub mod error;
pub mod fetch;
pub mod first_view;
pub mod gpu;
pub mod headless;
pub mod layer;
pub mod local_server;
pub mod meeting;
pub mod packed;
pub mod panel;
pub mod scene;
pub mod script;
pub mod service;
pub mod session;
pub mod viewer;
pub mod window;

pub use error::ViewError;
