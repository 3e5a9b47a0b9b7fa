//! The red line of a project from an uploaded file, whatever its format: texts, tables and `GeoJSON` are read here, what
//! needs GDAL by the importer.

use std::ffi::OsStr;

use analysis::AnalysisError;
use analysis::red_line::{self, Notice, RedLine};
use axum::http::StatusCode;
use serde_json::Value;

use crate::app::App;
use crate::importer_program;
use crate::problem::Problem;

/// Formats that the importer reads.
const FOREIGN: [&str; 6] = ["zip", "gpkg", "dxf", "kml", "kmz", "dwg"];

/// Reads a red line; `crs` is what the applicant says where the file does not.
pub async fn read(app: &App, bytes: bytes::Bytes, file_name: &str, crs: Option<&str>) -> Result<RedLine, Problem> {
    let extension = file_name.rsplit_once('.').map_or("", |(_, extension)| extension).to_ascii_lowercase();
    let Some(extension) = FOREIGN.iter().find(|known| **known == extension) else {
        let (name, crs) = (file_name.to_owned(), crs.map(str::to_owned));
        let read = move |_: &_| {
            let crs = crs.as_deref().map(geodesy::Crs::from_user_input).transpose().map_err(AnalysisError::from)?;
            red_line::read(&bytes, &name, crs.as_ref())
        };
        return app.work.run(read).await?.map_err(refused);
    };
    let folder = tempfile::tempdir().map_err(Problem::internal)?;
    // Under a name of our own: only the ending says what it is.
    let path = folder.path().join(format!("outline.{extension}"));
    tokio::fs::write(&path, &bytes).await.map_err(Problem::internal)?;
    let mut arguments = vec![OsStr::new("outline"), path.as_os_str()];
    if let Some(crs) = crs {
        arguments.extend([OsStr::new("--crs"), OsStr::new(crs)]);
    }
    let said = importer_program::run(app.settings.jobs.importer.as_deref(), &arguments).await?;
    let mut red_line = RedLine::from_json(&said).map_err(refused)?;
    let text = |warning: &Value, language: &str| warning["text"][language].as_str().unwrap_or_default().to_owned();
    for warning in said["warnings"].as_array().into_iter().flatten() {
        red_line.warnings.push(Notice::new(text(warning, "zh"), text(warning, "en")));
    }
    Ok(red_line)
}

/// What is wrong with a red line, in both languages.
#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
pub(crate) fn refused(error: AnalysisError) -> Problem {
    let words = error.to_string();
    let (zh, en) = words.split_once('；').unwrap_or((&words, &words));
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, zh, en)
}
