//! `make-samples OUT`: makes the sample county in a folder. All work is the library's; this file reads the command line.

use anyhow::Result;
use clap::Parser;
use samples::delivery::Scope;
use std::io::Write as _;
use std::path::PathBuf;

/// Make the sample county 样例县: surveys, plans and registers as departments deliver them, with truth.json beside.
#[derive(Debug, Parser)]
#[command(name = "make-samples", version)]
struct Command {
    /// Folder to make the deliveries in; what is there under the same names is replaced.
    out: PathBuf,
    /// Only vector layers and registers: no pictures, heights, points or models.
    #[arg(long)]
    vectors_only: bool,
}

fn main() -> Result<()> {
    let command = Command::parse();
    let mut say = std::io::stderr();
    let scope = if command.vectors_only { Scope::Vectors } else { Scope::Everything };
    samples::delivery::make(&command.out, scope, &mut |step: &str| {
        // A closed terminal is no reason to stop.
        drop(writeln!(say, "{step}"));
    })
    .map(drop)
}
