//! Progress on the terminal: a bar with rate and time left, or plain lines where nobody watches.

use std::cell::{Cell, RefCell};
use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use importers::importer::Text;
use importers::progress::ProgressEvent;
use indicatif::{ProgressBar, ProgressStyle};

/// Between two plain lines of one phase.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Where progress is shown: stderr, so that stdout stays the report.
#[derive(Debug)]
pub(crate) struct Screen {
    bar: Option<ProgressBar>,
    unit: RefCell<String>,
    phase: RefCell<Text>,
    started: Cell<Instant>,
    last_line: Cell<Instant>,
    quiet: bool,
}

impl Screen {
    /// A bar if stderr is a terminal; nothing at all where `quiet`.
    pub(crate) fn new(quiet: bool) -> Self {
        let bar = (!quiet && std::io::stderr().is_terminal()).then(ProgressBar::no_length);
        let now = Instant::now();
        Self {
            bar,
            unit: RefCell::new(String::new()),
            phase: RefCell::new(Text::default()),
            started: Cell::new(now),
            last_line: Cell::new(now),
            quiet,
        }
    }

    /// Begins a unit of the delivery.
    pub(crate) fn unit(&self, number: usize, of: usize, name: &str) {
        *self.unit.borrow_mut() = if of > 1 { format!("[{number}/{of}] {name}") } else { name.to_owned() };
        *self.phase.borrow_mut() = Text::default();
    }

    /// Shows one event.
    pub(crate) fn event(&self, event: &ProgressEvent) {
        let new_phase = *self.phase.borrow() != event.phase;
        if new_phase {
            *self.phase.borrow_mut() = event.phase.clone();
            self.started.set(Instant::now());
        }
        match &self.bar {
            Some(bar) => {
                if new_phase {
                    bar.set_style(style(event));
                    bar.set_prefix(self.unit.borrow().clone());
                    bar.set_message(event.phase.to_string());
                    bar.reset();
                }
                bar.set_length(event.total.max(event.done));
                bar.set_position(event.done);
            }
            None if self.quiet => {}
            None => {
                if new_phase || self.last_line.get().elapsed() >= LINE_EVERY {
                    self.last_line.set(Instant::now());
                    self.line(event);
                }
            }
        }
    }

    fn line(&self, event: &ProgressEvent) {
        let secs = self.started.get().elapsed().as_secs_f64();
        let rate = event.done as f64 / secs.max(0.001);
        let mut line = format!("{}: {}", self.unit.borrow(), event.phase);
        if event.total > 0 && event.done > 0 {
            let left = (event.total.saturating_sub(event.done)) as f64 / rate.max(0.001);
            let (done, total, unit) = (event.done, event.total, &event.unit);
            write!(line, " {done}/{total} {unit} · {rate:.0}/s · 剩余 left {left:.0} s")
                .expect("writing to a String can't fail");
        }
        // A closed stderr can't be told of anything, and is no reason to stop an import.
        drop(writeln!(std::io::stderr(), "{line}"));
    }

    /// Takes the bar away before the report is printed.
    pub(crate) fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn style(event: &ProgressEvent) -> ProgressStyle {
    let unit = &event.unit;
    let template = if event.total > 0 {
        format!("{{prefix}} {{msg}} {{wide_bar}} {{human_pos}}/{{human_len}} {unit} {{per_sec}} 剩余 {{eta}}")
    } else {
        format!("{{prefix}} {{msg}} {{spinner}} {{human_pos}} {unit} {{per_sec}}")
    };
    ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
