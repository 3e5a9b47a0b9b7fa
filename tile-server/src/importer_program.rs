//! The importer as a child: what needs GDAL is done by `shikong-import`, beside this program, within a time limit.
//!
//! The server links no GDAL; a hostile file can end a child of the child and nothing else. Where the program is missing,
//! everything else works and the answer names what is missing.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use axum::http::StatusCode;
use serde_json::Value;

use crate::problem::Problem;

/// Longest a child may take.
const TIME_LIMIT: Duration = Duration::from_secs(50);
/// Name of the program.
const PROGRAM: &str = "shikong-import";

/// Where the importer is: beside this program unless said otherwise.
#[must_use]
pub fn beside(program: &Path) -> PathBuf {
    program.with_file_name(PROGRAM)
}

/// Runs the importer and reads the JSON it prints; its refusals are answered in its own words.
pub(crate) async fn run(importer: Option<&Path>, arguments: &[&OsStr]) -> Result<Value, Problem> {
    let missing = || {
        Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            format!("服务器上缺少程序 {PROGRAM}，不能读写这种格式；请管理员把它放在服务程序旁"),
            format!("The program {PROGRAM} is missing beside the server, so this format cannot be read or written."),
        )
    };
    let program = importer.filter(|path| path.is_file()).ok_or_else(missing)?;
    let mut child = tokio::process::Command::new(program);
    child.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let running = tokio::time::timeout(TIME_LIMIT, child.output());
    let output = running
        .await
        .map_err(|_elapsed| {
            Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "文件过大或过于复杂，未能在时限内处理完",
                "The file is too large or too complex and was not done in time.",
            )
        })?
        .map_err(|error| missing().because(error))?;
    let said: Option<Value> = serde_json::from_slice(&output.stdout).ok();
    match said {
        Some(said) if output.status.success() => Ok(said),
        Some(said) if said["failure"]["text"].is_object() => {
            let text = |language: &str| said["failure"]["text"][language].as_str().unwrap_or_default().to_owned();
            Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, text("zh"), text("en")))
        }
        _ => {
            Err(Problem::internal(format!("{PROGRAM}: {}: {}", output.status, String::from_utf8_lossy(&output.stderr))))
        }
    }
}
