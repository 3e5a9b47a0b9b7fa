//! `/analyses/jobs/{id}/export/{file}`: the patches of a job as files that departments take.

use std::ffi::OsStr;

use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use axum::routing::get;
use bytes::Bytes;
use catalog::Job;
use serde_json::Value;

use super::analyses::JOB;
use super::documents;
use crate::app::{App, Shared};
use crate::document::Make;
use crate::importer_program;
use crate::jobs::{patches_geojson, patches_of};
use crate::people::Actor;
use crate::problem::Problem;
use crate::route::{Route, Verb, parameters};

parameters! {
    FILE = Path "file" "string" "patches.geojson（经纬度）、patches.gpkg、patches-shp.zip（GBK）或 analysis.xlsx；what to write";
}

/// Routes of this protocol.
pub(crate) const ROUTES: &[Route] = &[Route {
    verb: Verb::Get,
    path: "/analyses/jobs/{id}/export/{file}",
    tag: "analyses",
    about: "导出图斑：GeoJSON、GeoPackage、GBK shapefile，或结果表格 Excel；the patches as a file, or the tables as a workbook",
    parameters: &[JOB, FILE],
    takes: &[],
    media_types: &[
        "application/geo+json",
        "application/geopackage+sqlite3",
        "application/zip",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ],
    handler: || get(one),
}];

async fn one(
    State(app): State<Shared>,
    _: Actor,
    Path((id, file)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let job = app.job(&id).await?;
    let (bytes, media_type) = match file.as_str() {
        "patches.geojson" => (geojson(&app, &job, false).await?, "application/geo+json"),
        "patches.gpkg" => (foreign(&app, &job, "gpkg").await?, "application/geopackage+sqlite3"),
        "patches-shp.zip" => (foreign(&app, &job, "shapefile-gbk").await?, "application/zip"),
        name if let Some(document) =
            documents::document_of(name).filter(|one| matches!(one.make, Make::Analysis(_))) =>
        {
            (documents::found(&app, document, &job).await?.into(), document.media_type)
        }
        _ => {
            return Err(Problem::missing(
                "没有这种导出，可选：patches.geojson、patches.gpkg、patches-shp.zip、analysis.xlsx",
                "There is no such export; there are patches.geojson, patches.gpkg, patches-shp.zip and analysis.xlsx.",
            ));
        }
    };
    let mut response = Response::new(axum::body::Body::from(bytes));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    let name = HeaderValue::try_from(format!("attachment; filename=\"{file}\"")).map_err(Problem::internal)?;
    headers.insert(header::CONTENT_DISPOSITION, name);
    Ok(response)
}

async fn geojson(app: &App, job: &Job, delivered: bool) -> Result<Bytes, Problem> {
    let lines = patches_of(app, job).await?;
    let (id, outcome) = (job.id.clone(), job.outcome.clone());
    let text = move |_: &_| patches_geojson(&id, outcome.as_ref(), &lines, delivered).map(|all| all.to_string());
    app.work.run(text).await?.map(Bytes::from)
}

/// By the importer, in the numbers of the plane.
async fn foreign(app: &App, job: &Job, format: &str) -> Result<Bytes, Problem> {
    let plane = job.outcome.as_ref().and_then(|outcome| outcome.get("plane")).and_then(Value::as_str);
    let plane = plane.unwrap_or_default().to_owned();
    let folder = tempfile::tempdir().map_err(Problem::internal)?;
    let [input, out] = ["patches.geojson", "out"].map(|name| folder.path().join(name));
    tokio::fs::write(&input, geojson(app, job, true).await?).await.map_err(Problem::internal)?;
    let arguments = ["export", "--crs", &plane, "--format", format, "--input"].map(OsStr::new);
    let arguments = [&arguments[..], &[input.as_os_str(), OsStr::new("--out"), out.as_os_str()]].concat();
    importer_program::run(app.settings.jobs.importer.as_deref(), &arguments).await?;
    tokio::fs::read(&out).await.map(Bytes::from).map_err(Problem::internal)
}
