//! How departments decide a project together: who may do what, in which order, against which clock.
//!
//! Pure: no file, no clock, no environment, no database; the caller hands in the time and stores what comes back.

mod person;

pub use person::{Actor, Named, Role};
