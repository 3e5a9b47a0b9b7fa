//! How far a conversion is: events from the importer, drawn or printed by someone else.
//!
//! An importer reports phases and units done; it knows neither clock nor terminal. The sandboxed
//! child writes the events as JSON lines, and the parent turns them into rate and time left.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

use crate::importer::Text;

/// One step of a conversion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgressEvent {
    /// What is being done: "写瓦片 / writing tiles".
    pub phase: Text,
    /// Units done in this phase.
    pub done: u64,
    /// Units in all; 0 where it can't be known.
    pub total: u64,
    /// What the units are: `features`, `points`, `blocks`, `files`.
    pub unit: String,
}

/// Where an importer says how far it is. Shared by threads.
pub struct Progress {
    sink: Box<dyn Fn(&ProgressEvent) + Send + Sync>,
    now: Mutex<ProgressEvent>,
    done: AtomicU64,
    step: AtomicU64,
}

impl std::fmt::Debug for Progress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Progress").field("done", &self.done).finish_non_exhaustive()
    }
}

impl Progress {
    /// Sends every event to `sink`.
    #[must_use]
    pub fn new(sink: impl Fn(&ProgressEvent) + Send + Sync + 'static) -> Self {
        Self {
            sink: Box::new(sink),
            now: Mutex::new(ProgressEvent { phase: Text::default(), done: 0, total: 0, unit: String::new() }),
            done: AtomicU64::new(0),
            step: AtomicU64::new(1),
        }
    }

    /// Nobody listens.
    #[must_use]
    pub fn silent() -> Self {
        Self::new(|_| {})
    }

    /// Begins a phase of `total` units (0 where it can't be known).
    pub fn phase(&self, phase: Text, total: u64, unit: &str) {
        let event = ProgressEvent { phase, done: 0, total, unit: unit.to_owned() };
        self.done.store(0, Ordering::Relaxed);
        // About 500 events a phase: enough for a smooth bar, too few to cost anything.
        self.step.store((total / 500).max(1), Ordering::Relaxed);
        (self.sink)(&event);
        *self.lock() = event;
    }

    /// Adds `units` done in the current phase.
    pub fn add(&self, units: u64) {
        let before = self.done.fetch_add(units, Ordering::Relaxed);
        let step = self.step.load(Ordering::Relaxed);
        if before / step == (before + units) / step {
            return;
        }
        let mut event = self.lock();
        // Threads may arrive here out of order; a bar never goes back.
        event.done = event.done.max(before + units);
        (self.sink)(&event);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, ProgressEvent> {
        // A poisoned lock holds an event all the same, and showing it harms nobody.
        self.now.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
