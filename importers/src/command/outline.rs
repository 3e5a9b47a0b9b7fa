//! `outline`: the outline of a project as red-line JSON on stdout. What failed is JSON there too, for the server that asks.

use importers::importer::Options;
use importers::sandbox::parent::Outcome;
use importers::sandbox::{Failure, Task};
use serde_json::json;

use super::args::OutlineArgs;
use super::screen::Screen;
use super::{Exit, Worker, WrongCall, absolute, bytes_of, report, scratch_folder, wrong_answer};
use importers::importer::Text;

/// Runs the command.
pub(crate) fn run(args: &OutlineArgs) -> Result<Exit, WrongCall> {
    let bytes = bytes_of(&args.path).map_err(|error| {
        WrongCall(Text::new(
            format!("无法读取 {}:{error}", args.path.display()),
            format!("can't read {}: {error}", args.path.display()),
        ))
    })?;
    let options = Options {
        crs: args.crs.clone(),
        layer: args.layer.clone(),
        encoding: args.encoding.clone(),
        swap_axes: args.swap_axes,
        ..Options::default()
    };
    let worker = Worker::new(args.limits.clone())?;
    let task = Task::Outline { path: absolute(&args.path), options };
    let answer = scratch_folder(&args.path)
        .and_then(|scratch| worker.run_task("outline", task, bytes, scratch.path(), &Screen::new(true)));
    match answer {
        Ok(Outcome::Outlined(outline)) => {
            report::print_json(&outline);
            Ok(Exit::Done)
        }
        Ok(_) => Ok(failed(&wrong_answer(&args.path))),
        Err(failure) => Ok(failed(&failure)),
    }
}

/// Says a failure as JSON; the exit code says whose turn it is.
pub(super) fn failed(failure: &Failure) -> Exit {
    report::print_json(&json!({ "failure": failure }));
    failure.class.into()
}
