//! How far a job is, and whether anybody still wants it: written by the analysis, read by those who ask.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use analysis::Watch;

/// Share of a job that reading its layers is taken to be.
const READING: f64 = 0.2;

/// The state of one running job.
#[derive(Debug, Default)]
pub struct JobWatch {
    cancelled: AtomicBool,
    state: Mutex<(f64, String)>,
}

impl JobWatch {
    /// Nobody wants it any more.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// Parts done of a whole of 1, and what is being done.
    pub fn state(&self) -> (f64, String) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A step of the reading, of a whole of 1.
    pub(super) fn reading(&self, done: f64) {
        self.set(done * READING, "读取图层");
    }

    fn set(&self, done: f64, doing: &str) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = (done, doing.to_owned());
    }
}

impl Watch for JobWatch {
    fn progress(&self, done: f64, doing: &str) {
        self.set(READING + (1.0 - READING) * done.clamp(0.0, 1.0), doing);
    }

    fn cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }
}
