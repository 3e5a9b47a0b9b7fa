//! `inspect`: says what a file or a delivery folder is. Writes nothing.

use importers::importer::{Inspection, Severity, Text};
use importers::sandbox::Failure;
use serde::Serialize;

use super::args::InspectArgs;
use super::report::Lines;
use super::screen::Screen;
use super::{Exit, Worker, WrongCall, bytes_of, open_delivery, report};

/// What was found, as `--json` prints it.
#[derive(Debug, Serialize)]
struct Findings {
    units: Vec<Finding>,
    unclaimed: std::collections::BTreeMap<String, u64>,
    exit_code: u8,
}

#[derive(Debug, Serialize)]
struct Finding {
    unit: String,
    importer: &'static str,
    kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    inspection: Option<Inspection>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<Failure>,
}

/// Runs the command.
pub(crate) fn run(args: &InspectArgs) -> Result<Exit, WrongCall> {
    let delivery = open_delivery(&args.path, args.reading.importer.as_deref())?;
    let worker = Worker::new(args.limits.clone())?;
    let screen = Screen::new(true);
    let options = args.reading.options();

    let mut units = Vec::new();
    let mut exit = Exit::Done;
    for unit in &delivery.units {
        let result = match bytes_of(&unit.path) {
            Ok(bytes) => worker.inspect(unit, &options, bytes, &screen),
            Err(error) => {
                return Err(WrongCall(Text::new(
                    format!("无法读取 {}:{error}", unit.path.display()),
                    format!("can't read {}: {error}", unit.path.display()),
                )));
            }
        };
        let (inspection, failure) = match result {
            Ok(inspection) => (Some(inspection), None),
            Err(failure) => (None, Some(failure)),
        };
        let refused =
            inspection.as_ref().is_some_and(|i| i.problems.iter().any(|problem| problem.severity == Severity::Refusal));
        let unit_exit = match &failure {
            Some(failure) => failure.class.into(),
            None if refused => Exit::Refused,
            None => Exit::Done,
        };
        if unit_exit as u8 > exit as u8 {
            exit = unit_exit;
        }
        units.push(Finding {
            unit: unit.name.clone(),
            importer: unit.claim.importer.name(),
            kind: unit.claim.importer.kind().to_string(),
            inspection,
            failure,
        });
    }
    if units.is_empty() {
        exit = Exit::Refused;
    }
    let findings = Findings { units, unclaimed: delivery.unclaimed, exit_code: exit as u8 };
    if args.json {
        report::print_json(&findings);
        return Ok(exit);
    }
    let mut lines = Lines::default();
    for finding in &findings.units {
        lines.add(format_args!("■ {}", finding.unit));
        if let Some(inspection) = &finding.inspection {
            lines.inspection(inspection, &finding.kind);
        }
        if let Some(failure) = &finding.failure {
            lines.failure(failure);
        }
    }
    if findings.units.is_empty() {
        lines.nothing(&args.path.display().to_string());
    }
    lines.unclaimed(&findings.unclaimed);
    report::print(&lines.0);
    Ok(exit)
}
