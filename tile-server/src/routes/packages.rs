//! `/projects/{id}/push` and `/projects/export.zip`: what leaves the house. A project goes to the provincial platform by
//! itself once it is decided; here it is seen how far that has come, and tried at once. The export is everything.

use std::io::{Seek as _, Write as _};

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use axum::routing::{get, post};
use catalog::{ProjectQuery, PushRow};
use review::Role;
use serde_json::{Value, json};
use tokio::io::AsyncReadExt as _;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::app::{App, Shared};
use crate::asked::private;
use crate::desk::read;
use crate::package::package;
use crate::people::Actor;
use crate::problem::Problem;
use crate::push::TOLD_STATES;
use crate::route::{Route, Verb, parameters};

parameters! {
    PROJECT = Path "id" "string" "项目标识；project";
}

/// Routes of this protocol.
pub(crate) const ROUTES: &[Route] = &[
    Route {
        verb: Verb::Get,
        path: "/projects/export.zip",
        tag: "review",
        about: "全部项目导出：每个项目的数据包、红线与附件；every project with its package, red lines and attachments",
        parameters: &[],
        takes: &[],
        media_types: &["application/zip"],
        handler: || get(export),
    },
    Route {
        verb: Verb::Get,
        path: "/projects/{id}/push",
        tag: "review",
        about: "向省级平台推送的情况；how far telling the provincial platform has come",
        parameters: &[PROJECT],
        takes: &[],
        media_types: &["application/json"],
        handler: || get(told),
    },
    Route {
        verb: Verb::Post,
        path: "/projects/{id}/push",
        tag: "review",
        about: "立即（重新）推送已办结的项目；tells a decided project to the provincial platform at once, again if need be",
        parameters: &[PROJECT],
        takes: &[],
        media_types: &["application/json"],
        handler: || post(tell),
    },
];

/// Projects read at a time.
const PAGE: u32 = 100;
/// Bytes handed on at a time.
const CHUNK_BYTES: usize = 256 << 10;

async fn told(State(app): State<Shared>, _: Actor, Path(id): Path<String>) -> Result<Response, Problem> {
    let project = app.project(&id).await?;
    let row = app.catalog.push_get(&id).await?;
    let answer = json!({
        "configured": app.settings.push.is_some(),
        "due": TOLD_STATES.contains(&project.state)
            && row.as_ref().is_none_or(|row| row.project_version != project.version || row.state != "done"),
        "last": row.as_ref().map(push_json),
    });
    Ok(private(StatusCode::OK, &answer))
}

async fn tell(State(app): State<Shared>, actor: Actor, Path(id): Path<String>) -> Result<Response, Problem> {
    let project = app.project(&id).await?;
    if !actor.is_of(Role::LeadOfficer, &project.lead_unit.id) {
        return Err(review::Refusal::not_yours("只限本项目牵头单位经办", "Only the lead officer may do this.").into());
    }
    if app.settings.push.is_none() {
        return Err(Problem::new(
            StatusCode::CONFLICT,
            "服务没有配置省级平台（--push-url）",
            "The service is told of no provincial platform (--push-url).",
        ));
    }
    if !TOLD_STATES.contains(&project.state) {
        return Err(review::Refusal::not_now("项目尚未办结", "The project is not decided yet.").into());
    }
    let row = PushRow {
        project: id,
        project_version: project.version,
        state: "waiting".to_owned(),
        attempts: 0,
        next: (app.settings.now)(),
        problem: String::new(),
    };
    app.catalog.push_write(&row).await?;
    app.push.wake.notify_one();
    Ok(private(StatusCode::ACCEPTED, &json!({ "last": push_json(&row) })))
}

fn push_json(row: &PushRow) -> Value {
    json!({ "version": row.project_version, "state": row.state, "attempts": row.attempts, "next": row.next, "problem": row.problem })
}

async fn export(State(app): State<Shared>, actor: Actor) -> Result<Response, Problem> {
    if !actor.is(Role::LeadOfficer) {
        actor.need(Role::Admin)?;
    }
    let (file, bytes) = app.export().await?;
    let file = tokio::fs::File::from_std(file);
    let body = Body::from_stream(futures::stream::try_unfold(file, async |mut file| {
        let mut chunk = vec![0; CHUNK_BYTES];
        let read = file.read(&mut chunk).await?;
        chunk.truncate(read);
        Ok::<_, std::io::Error>((read > 0).then_some((chunk, file)))
    }));
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/zip"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes));
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"projects.zip\""));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

impl App {
    /// Every project in one archive: a file that is gone once it is closed, at its beginning, and its size.
    async fn export(&self) -> Result<(std::fs::File, u64), Problem> {
        let now = (self.settings.now)();
        let options = SimpleFileOptions::default();
        let mut zip = ZipWriter::new(tempfile::tempfile().map_err(Problem::internal)?);
        let mut list = Vec::new();
        let mut query = ProjectQuery { limit: PAGE, ..ProjectQuery::default() };
        loop {
            let (_, rows) = self.catalog.project_list(&query).await?;
            for row in &rows {
                let project = read(row)?;
                let folder = &project.id;
                let mut document = package(&self.catalog, &project, now).await?;
                if let Some(push) = &self.settings.push {
                    document = push.key.sign(&document);
                }
                let mut put = |name: String, bytes: &[u8]| {
                    zip.start_file(name, options).map_err(Problem::internal)?;
                    zip.write_all(bytes).map_err(Problem::internal)
                };
                put(format!("{folder}/package.json"), document.to_string().as_bytes())?;
                for red_line in &project.red_lines {
                    let stored = self.catalog.project_red_line(&project.id, red_line.version).await?;
                    let place = stored.unwrap_or_default()["lon_lat"].to_string();
                    put(format!("{folder}/red-line-{}.geojson", red_line.version), place.as_bytes())?;
                }
                for attachment in self.catalog.attachment_list(&project.id).await? {
                    let bytes = self.catalog.attachment_bytes(&attachment.id).await?;
                    let extension = attachment.name.rsplit_once('.').map_or("bin", |(_, extension)| extension);
                    put(format!("{folder}/attachments/{}.{extension}", attachment.id), &bytes)?;
                }
                let registration = &project.registration;
                list.push(json!({ "folder": folder, "code": registration.code, "name": registration.name, "state": project.state, "version": project.version }));
            }
            if rows.len() < PAGE as usize {
                break;
            }
            query.offset += u64::from(PAGE);
        }
        zip.start_file("projects.json", options).map_err(Problem::internal)?;
        zip.write_all(json!({ "made": now, "projects": list }).to_string().as_bytes()).map_err(Problem::internal)?;
        let mut file = zip.finish().map_err(Problem::internal)?;
        let bytes = file.stream_position().map_err(Problem::internal)?;
        file.rewind().map_err(Problem::internal)?;
        Ok((file, bytes))
    }
}
