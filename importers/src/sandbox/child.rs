//! The child's side: limit yourself, read the order, work, answer.

use std::error::Error;
use std::io::{BufRead as _, Write as _};
use std::sync::Arc;
use std::sync::Mutex;

use rlimit::Resource;

use super::{Failure, FailureClass, Limits, Order, Reply, Task};
use crate::importer::{ImportError, Text};
use crate::list;
use crate::planning::{export, outline};
use crate::progress::Progress;

/// Reads one order from stdin, does it and writes replies to stdout.
///
/// Returns false when the answer was an error. An order that can't be read is an error of the
/// program itself and is answered all the same.
pub fn serve() -> std::io::Result<bool> {
    // The parent alone may want this work; without it nobody reads the answer.
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    let order: Order = serde_json::from_str(&line)?;
    limit(order.limits)?;
    crate::gdal::quiet();

    let out = Arc::new(Mutex::new(std::io::stdout()));
    let progress_out = Arc::clone(&out);
    let progress = Progress::new(move |event| {
        // A parent that is gone kills this process by signal; a failed write has no other reader.
        drop(send(&progress_out, &Reply::Progress(event.clone())));
    });
    let reply = answer(&order, &progress);
    send(&out, &reply)?;
    Ok(!matches!(reply, Reply::Error(_)))
}

fn send(out: &Mutex<std::io::Stdout>, reply: &Reply) -> std::io::Result<()> {
    let mut line = serde_json::to_vec(reply)?;
    line.push(b'\n');
    let mut out = out.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    out.write_all(&line)?;
    out.flush()
}

fn limit(limits: Limits) -> std::io::Result<()> {
    for (resource, most) in [
        (Resource::CPU, limits.cpu_secs),
        (Resource::AS, limits.memory_bytes),
        (Resource::FSIZE, limits.file_bytes),
        (Resource::NOFILE, limits.open_files),
        // A core file of a county's data is neither wanted nor looked at.
        (Resource::CORE, 0),
    ] {
        let (_, hard) = resource.get()?;
        let most = most.min(hard);
        resource.set(most, most)?;
    }
    Ok(())
}

fn answer(order: &Order, progress: &Progress) -> Reply {
    let importer = || list::by_name(&order.importer).ok_or_else(|| no_importer(order));
    let result = match &order.task {
        Task::Inspect { path, options } => importer()
            .and_then(|importer| importer.inspect(path, options))
            .map(|found| Reply::Inspected(Box::new(found))),
        Task::Convert(job) => {
            importer().and_then(|importer| importer.convert(job, progress)).map(|made| Reply::Converted(Box::new(made)))
        }
        Task::Outline { path, options } => {
            outline::read(path, options).map(|outline| Reply::Outlined(Box::new(outline)))
        }
        Task::Export(wanted) => export::write(wanted).map(Reply::Exported),
    };
    result.unwrap_or_else(|error| Reply::Error(failure(error)))
}

fn no_importer(order: &Order) -> ImportError {
    ImportError::Failed {
        path: order.task.path().to_owned(),
        text: Text::new(
            format!("没有名为 {} 的导入器", order.importer),
            format!("there is no importer named {}", order.importer),
        ),
        source: None,
    }
}

/// The error as data, with its chain of causes.
fn failure(error: ImportError) -> Failure {
    let (class, path, text, source) = match error {
        ImportError::Refused { path, text, source } | ImportError::Unreadable { path, text, source } => {
            (FailureClass::Refused, path, text, source)
        }
        ImportError::Failed { path, text, source } => (FailureClass::Failed, path, text, source),
    };
    let mut causes = Vec::new();
    let mut cause: Option<&dyn Error> = source.as_deref().map(|source| source as &dyn Error);
    while let Some(error) = cause {
        causes.push(error.to_string());
        cause = error.source();
    }
    Failure { class, path, text, causes }
}
