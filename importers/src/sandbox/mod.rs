//! The limited copy of the program that reads delivered files.
//!
//! A hostile or broken file may crash, loop or swallow memory: it kills the child, never the
//! parent that holds the catalogue. The parent writes one [`Order`] to the child's stdin and reads
//! [`Reply`] lines from its stdout. The child limits itself before it looks at any input, which
//! needs no `unsafe` between fork and exec; the parent keeps the wall clock.

pub mod child;
pub mod parent;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::importer::{Conversion, Inspection, Job, Options, Text};
use crate::planning::export::Export;
use crate::planning::outline::Outline;
use crate::progress::ProgressEvent;

/// What the child is to do, under which limits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Order {
    /// Name of the importer in `list::IMPORTERS`.
    pub importer: String,
    /// Inspect or convert.
    pub task: Task,
    /// What it may use.
    pub limits: Limits,
}

/// The two things an importer does, and two that need none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Task {
    /// Say what it is.
    Inspect {
        /// File or folder.
        path: PathBuf,
        /// What the surveyor said.
        options: Options,
    },
    /// Make the assets.
    Convert(Job),
    /// Read the outline of a project; asks no importer.
    Outline {
        /// File.
        path: PathBuf,
        /// What the applicant said.
        options: Options,
    },
    /// Write patches for others; asks no importer.
    Export(Export),
}

impl Task {
    /// The delivered file or folder.
    #[must_use]
    pub fn path(&self) -> &std::path::Path {
        match self {
            Self::Inspect { path, .. } | Self::Outline { path, .. } => path,
            Self::Convert(job) => &job.path,
            Self::Export(export) => &export.input,
        }
    }
}

/// What the child may use; hitting one kills it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// CPU time of all threads together.
    pub cpu_secs: u64,
    /// Address space.
    pub memory_bytes: u64,
    /// Size of any one file it writes.
    pub file_bytes: u64,
    /// Open files.
    pub open_files: u64,
    /// Wall clock, kept by the parent.
    pub wall_secs: u64,
}

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

impl Limits {
    /// Limits that fit a delivery of `input_bytes` on a machine with `machine_bytes` of memory.
    ///
    /// A small broken file must not burn minutes, and a compressed orthophoto of a county needs
    /// hours: 5 s, and 60 s more for every MiB delivered, is over ten times what the slowest
    /// conversion here was measured to need. Address space is three quarters of the machine
    /// beside the input itself, which may be mapped.
    #[must_use]
    pub fn for_input(input_bytes: u64, machine_bytes: u64) -> Self {
        let cpu_secs = 5 + input_bytes.saturating_mul(60) / MIB;
        Self {
            cpu_secs,
            memory_bytes: (machine_bytes / 4 * 3).max(2 * GIB).saturating_add(input_bytes),
            file_bytes: (4 * GIB).saturating_add(input_bytes.saturating_mul(64)),
            open_files: 4096,
            // Disks and busy machines make a process wait without using CPU.
            wall_secs: 60 + cpu_secs.saturating_mul(4),
        }
    }
}

/// One line of the child's stdout.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reply {
    /// How far it is.
    Progress(ProgressEvent),
    /// The last line of a successful inspection.
    Inspected(Box<Inspection>),
    /// The last line of a successful conversion.
    Converted(Box<Conversion>),
    /// The last line of an outline that was read.
    Outlined(Box<Outline>),
    /// The last line of an export, with its number of features.
    Exported(u64),
    /// The last line when nothing came of it.
    Error(Failure),
}

/// Why nothing came of a unit, as it crosses the pipe and stands in the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Whose turn it is now.
    pub class: FailureClass,
    /// Where.
    pub path: PathBuf,
    /// What failed and what to do.
    pub text: Text,
    /// The chain of technical causes, outermost first.
    pub causes: Vec<String>,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.text, self.path.display())
    }
}

impl std::error::Error for Failure {}

/// Kinds of failure; each is an exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureClass {
    /// The surveyor has to say more, or deliver something else.
    Refused,
    /// Our side failed.
    Failed,
}
