//! `export`: patches as a file that departments take.

use importers::importer::Text;
use importers::planning::export::{Export, Format};
use importers::sandbox::Task;
use importers::sandbox::parent::Outcome;
use serde_json::json;

use super::args::ExportArgs;
use super::outline::failed;
use super::screen::Screen;
use super::{Exit, Worker, WrongCall, absolute, bytes_of, report, scratch_folder, wrong_answer};

/// Runs the command.
pub(crate) fn run(args: &ExportArgs) -> Result<Exit, WrongCall> {
    let bytes = bytes_of(&args.input).map_err(|error| {
        WrongCall(Text::new(
            format!("无法读取 {}:{error}", args.input.display()),
            format!("can't read {}: {error}", args.input.display()),
        ))
    })?;
    let format = if args.format == "gpkg" { Format::Gpkg } else { Format::ShapefileGbk };
    let export = Export { input: absolute(&args.input), crs: args.crs.clone(), format, out: absolute(&args.out) };
    let worker = Worker::new(args.limits.clone())?;
    let answer = scratch_folder(&args.input)
        .and_then(|scratch| worker.run_task("export", Task::Export(export), bytes, scratch.path(), &Screen::new(true)));
    match answer {
        Ok(Outcome::Exported(features)) => {
            report::print_json(&json!({ "features": features, "out": args.out }));
            Ok(Exit::Done)
        }
        Ok(_) => Ok(failed(&wrong_answer(&args.input))),
        Err(failure) => Ok(failed(&failure)),
    }
}
