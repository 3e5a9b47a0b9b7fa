//! `shikong-import`: from delivered files to revisions in the catalogue.
//!
//! This file and `command/` are the program: arguments, environment, clock, terminal, exit codes.
//! What is read and how is the library's; it runs in a limited copy of this program (`sandbox`).

mod command;

use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Command as Process, ExitCode};

use clap::Parser as _;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use crate::command::args::{Cli, Command};
use crate::command::{Exit, WrongCall};

/// Variables that would point the built-in PROJ at another version's database.
const PROJ_VARIABLES: [&str; 2] = ["PROJ_DATA", "PROJ_LIB"];

fn main() -> ExitCode {
    if PROJ_VARIABLES.iter().any(|name| std::env::var_os(name).is_some()) {
        // Removing a variable of a running process is unsafe; starting over without it is not.
        return start_over();
    }
    let filter = EnvFilter::builder().with_default_directive(LevelFilter::WARN.into()).from_env_lossy();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let outcome = match Cli::parse().command {
        Command::Inspect(args) => command::inspect::run(&args),
        Command::Add(args) => command::add::run(&args),
        Command::Basemap(args) => command::basemap::run(&args),
        Command::Withdraw(args) => command::withdraw::run(&args),
        Command::Outline(args) => command::outline::run(&args),
        Command::Export(args) => command::export::run(&args),
        Command::Worker => {
            return match importers::sandbox::child::serve() {
                Ok(true) => Exit::Done.into(),
                Ok(false) => Exit::Failed.into(),
                Err(error) => {
                    say(&format!("worker: {error}"));
                    Exit::Failed.into()
                }
            };
        }
    };
    match outcome {
        Ok(exit) => exit.into(),
        Err(WrongCall(text)) => {
            say(&format!("{}\n{}", text.zh, text.en));
            Exit::WrongCall.into()
        }
    }
}

fn start_over() -> ExitCode {
    let Ok(program) = std::env::current_exe() else {
        say("找不到程序自身 / the program can't find itself");
        return Exit::Failed.into();
    };
    let mut again = Process::new(program);
    again.args(std::env::args_os().skip(1));
    for name in PROJ_VARIABLES {
        again.env_remove(name);
    }
    // `exec` returns only when it failed.
    let error = again.exec();
    say(&format!("无法启动 / can't start: {error}"));
    Exit::Failed.into()
}

/// A closed stderr has no reader to tell.
fn say(line: &str) {
    drop(writeln!(std::io::stderr(), "{line}"));
}
