//! The command line: its arguments, its commands, and everything a person sees.
//!
//! Part of the program, not of the library: here are the clock, the terminal and the exit codes.

pub(crate) mod add;
pub(crate) mod args;
pub(crate) mod basemap;
pub(crate) mod export;
pub(crate) mod inspect;
pub(crate) mod outline;
pub(crate) mod report;
pub(crate) mod screen;
pub(crate) mod withdraw;

use std::path::{Path, PathBuf};

use importers::delivery::{self, Delivery, Unit};
use importers::importer::{Inspection, Options, Text};
use importers::sandbox::parent::{Outcome, Sandbox};
use importers::sandbox::{Failure, FailureClass, Limits, Order, Task};

use self::args::LimitArgs;
use self::screen::Screen;

/// Hidden subcommand under which the program reads delivered files.
pub(crate) const WORKER: &str = "conversion-worker";

/// How the program ends. The numbers are the contract with scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Everything asked for is done.
    Done = 0,
    /// The call itself was wrong.
    WrongCall = 2,
    /// Published, but named units failed, were repaired or are in doubt.
    WithWarnings = 3,
    /// Refused: nothing was published, and the surveyor has to say or deliver more.
    Refused = 4,
    /// Failed on our side: nothing was published.
    Failed = 5,
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl From<FailureClass> for Exit {
    fn from(class: FailureClass) -> Self {
        match class {
            FailureClass::Refused => Self::Refused,
            FailureClass::Failed => Self::Failed,
        }
    }
}

/// A call that can't be carried out as it stands.
#[derive(Debug)]
pub(crate) struct WrongCall(pub(crate) Text);

/// Opens a delivery: what there is at `path` and who reads it.
fn open_delivery(path: &Path, importer: Option<&str>) -> Result<Delivery, WrongCall> {
    if !path.exists() {
        return Err(WrongCall(Text::new(
            format!("没有文件或目录 {}", path.display()),
            format!("there is no file or folder {}", path.display()),
        )));
    }
    let wanted = match importer {
        Some(name) => Some(importers::list::by_name(name).ok_or_else(|| {
            let names: Vec<&str> = importers::list::IMPORTERS.iter().map(|importer| importer.name()).collect();
            WrongCall(Text::new(
                format!("没有名为 {name} 的导入器,可选:{}", names.join("、")),
                format!("there is no importer named {name}; choose one of {}", names.join(", ")),
            ))
        })?),
        None => None,
    };
    delivery::take_apart(path, wanted).map_err(|error| {
        WrongCall(Text::new(
            format!("无法读取 {}:{error}", path.display()),
            format!("can't read {}: {error}", path.display()),
        ))
    })
}

/// Starts limited copies of this program.
#[derive(Debug)]
struct Worker {
    sandbox: Sandbox,
    limits: LimitArgs,
    machine_bytes: u64,
}

impl Worker {
    fn new(limits: LimitArgs) -> Result<Self, WrongCall> {
        let program = std::env::current_exe().map_err(|error| {
            WrongCall(Text::new(format!("找不到程序自身:{error}"), format!("the program can't find itself: {error}")))
        })?;
        Ok(Self { sandbox: Sandbox { program, subcommand: WORKER }, limits, machine_bytes: machine_bytes() })
    }

    fn run(&self, unit: &Unit, task: Task, bytes: u64, scratch: &Path, screen: &Screen) -> Result<Outcome, Failure> {
        self.run_task(unit.claim.importer.name(), task, bytes, scratch, screen)
    }

    fn run_task(
        &self,
        importer: &str,
        task: Task,
        bytes: u64,
        scratch: &Path,
        screen: &Screen,
    ) -> Result<Outcome, Failure> {
        let mut limits = Limits::for_input(bytes, self.machine_bytes);
        if let Some(secs) = self.limits.cpu_limit {
            limits.cpu_secs = secs;
        }
        if let Some(secs) = self.limits.time_limit {
            limits.wall_secs = secs;
        }
        if let Some(mib) = self.limits.memory_limit {
            limits.memory_bytes = mib << 20;
        }
        let order = Order { importer: importer.to_owned(), task, limits };
        self.sandbox.run(&order, scratch, |event| screen.event(event))
    }

    fn inspect(&self, unit: &Unit, options: &Options, bytes: u64, screen: &Screen) -> Result<Inspection, Failure> {
        let scratch = scratch_folder(&unit.path)?;
        let task = Task::Inspect { path: absolute(&unit.path), options: options.clone() };
        match self.run(unit, task, bytes, scratch.path(), screen)? {
            Outcome::Inspected(inspection) => Ok(inspection),
            _ => Err(wrong_answer(&unit.path)),
        }
    }
}

fn scratch_folder(path: &Path) -> Result<tempfile::TempDir, Failure> {
    tempfile::Builder::new().prefix("shikong-import-").tempdir().map_err(|error| Failure {
        class: FailureClass::Failed,
        path: path.to_owned(),
        text: Text::new("无法创建临时目录", "a temporary folder could not be made"),
        causes: vec![error.to_string()],
    })
}

fn wrong_answer(path: &Path) -> Failure {
    Failure {
        class: FailureClass::Failed,
        path: path.to_owned(),
        text: Text::new("转换进程答非所问", "the conversion process answered another question"),
        causes: Vec::new(),
    }
}

/// The path as the child sees it, whatever its working folder.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// Memory of this machine, or 4 GiB where it does not say.
fn machine_bytes() -> u64 {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    text.lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))
        .and_then(|rest| rest.trim().trim_end_matches("kB").trim().parse::<u64>().ok())
        .map_or(4 << 30, |kib| kib << 10)
}

/// Bytes of all files of a unit.
fn bytes_of(path: &Path) -> std::io::Result<u64> {
    let mut bytes = 0_u64;
    for file in delivery::files_of(path)? {
        bytes = bytes.saturating_add(std::fs::metadata(file)?.len());
    }
    Ok(bytes)
}
