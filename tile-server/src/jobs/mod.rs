//! Analyses asked of the catalogue: the layers and heights they want are read, the rules of the day are put in force, and
//! what they find is kept.
//!
//! One mechanism for a job of the queue, for a check that somebody waits for, and for the command line. What an analysis
//! means is `domain/analysis`'s matter; which rows there are is the catalogue's. A job is answered as of the moment it was
//! asked for, however late or often it runs, so that a rerun gives the same bytes.

mod answer;
mod grids;
mod kept;
mod layers;
mod patch_layers;
mod queue;
mod results;
mod surface;
mod watch;

pub(crate) use answer::time_text;
pub use answer::{Answer, answer, rules_in_force};
pub use grids::Grid;
pub use kept::{Kept, Patch};
pub(crate) use kept::{Placing, patch_lines, patches_geojson};
pub use queue::{JobSettings, Jobs, Workers, run_again, run_now, start, submit};
pub(crate) use queue::{patches_of, result_of};
pub use watch::JobWatch;
