//! `/projects/{id}/attachments`: files that belong to a project. They are only ever handed out as downloads, never shown
//! as part of our own page, whatever they say they are.

use axum::extract::{DefaultBodyLimit, Path, RawQuery, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use catalog::{AttachmentRow, Written};
use serde_json::{Value, json};

use super::query_value;
use super::red_lines::file_of;
use crate::app::Shared;
use crate::asked::private;
use crate::desk::no_such_project;
use crate::password::sha256;
use crate::people::Actor;
use crate::problem::Problem;
use crate::route::{Route, Verb, parameters};

parameters! {
    PROJECT = Path "id" "string" "项目标识；project";
    ATTACHMENT = Path "attachment" "string" "附件标识；attachment";
    REPORT = Query "report" "boolean" "图片（PNG、JPEG）是否印入审查报告；whether a picture is printed in the report";
}

/// Routes of this protocol.
pub(crate) const ROUTES: &[Route] = &[
    Route {
        verb: Verb::Get,
        path: "/projects/{id}/attachments",
        tag: "review",
        about: "附件列表；the attachments",
        parameters: &[PROJECT],
        takes: &[],
        media_types: &["application/json"],
        handler: || get(list),
    },
    Route {
        verb: Verb::Post,
        path: "/projects/{id}/attachments",
        tag: "review",
        about: "上传附件（字段 file，不超过 20 MB）；brings an attachment",
        parameters: &[PROJECT, REPORT],
        takes: &["multipart/form-data"],
        media_types: &["application/json"],
        handler: || post(bring).layer(DefaultBodyLimit::max(MAX_BYTES + (1 << 20))),
    },
    Route {
        verb: Verb::Get,
        path: "/projects/{id}/attachments/{attachment}",
        tag: "review",
        about: "下载附件；one attachment, as a download",
        parameters: &[PROJECT, ATTACHMENT],
        takes: &[],
        media_types: &["application/octet-stream"],
        handler: || get(download),
    },
];

/// Largest attachment.
const MAX_BYTES: usize = 20 << 20;
/// Most attachments of one project.
const MAX_ATTACHMENTS: usize = 500;

/// What is taken, by the end of its name and its first bytes: what departments send each other, and nothing that runs.
const KINDS: &[(&str, &str, &[u8])] = &[
    ("pdf", "application/pdf", b"%PDF-"),
    ("jpg", "image/jpeg", b"\xff\xd8\xff"),
    ("jpeg", "image/jpeg", b"\xff\xd8\xff"),
    ("png", "image/png", b"\x89PNG\r\n\x1a\n"),
    ("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", b"PK\x03\x04"),
    ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", b"PK\x03\x04"),
    ("zip", "application/zip", b"PK\x03\x04"),
    ("ofd", "application/ofd", b"PK\x03\x04"),
    ("wps", "application/vnd.ms-works", b"\xd0\xcf\x11\xe0"),
    ("doc", "application/msword", b"\xd0\xcf\x11\xe0"),
    ("xls", "application/vnd.ms-excel", b"\xd0\xcf\x11\xe0"),
    ("dwg", "image/vnd.dwg", b"AC10"),
    ("glb", "model/gltf-binary", b"glTF"),
    ("dxf", "image/vnd.dxf", b""),
    ("txt", "text/plain", b""),
    ("csv", "text/csv", b""),
    ("geojson", "application/geo+json", b""),
    ("json", "application/json", b""),
];

/// What can be printed in a report.
const PICTURES: [&str; 2] = ["image/png", "image/jpeg"];

/// Whether an attachment is to be printed in the report.
pub(crate) fn is_for_report(row: &AttachmentRow) -> bool {
    row.brought_by["for_report"] == true && PICTURES.contains(&row.media_type.as_str())
}

async fn list(State(app): State<Shared>, _: Actor, Path(id): Path<String>) -> Result<Response, Problem> {
    app.project(&id).await?;
    let attachments: Vec<Value> = app.catalog.attachment_list(&id).await?.iter().map(attachment_json).collect();
    Ok(private(StatusCode::OK, &json!({ "attachments": attachments })))
}

async fn bring(
    State(app): State<Shared>,
    actor: Actor,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    request: Request,
) -> Result<Response, Problem> {
    let for_report = query_value(query.as_deref(), "report").is_some_and(|value| value == "true" || value == "1");
    let project = app.project(&id).await?;
    let settings = app.review_settings().await?;
    let now = (app.settings.now)();
    let here = review::Circumstances { now, settings: &settings, units: &[], successor: None };
    review::remark(&project, "attachment", Value::Null, &actor, here)?;
    let (name, _, bytes, asked) = file_of(request, MAX_BYTES).await?;
    if let Some(response) = asked.earlier(&app, &actor.account.id).await? {
        return Ok(response);
    }
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension).to_lowercase();
    let kind = KINDS.iter().find(|(known, _, magic)| *known == extension && bytes.starts_with(magic));
    let Some((_, media_type, _)) = kind else {
        let kinds: Vec<&str> = KINDS.iter().map(|(extension, ..)| *extension).collect();
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            format!("不接受这种附件，或内容与扩展名不符；可用：{}", kinds.join("、")),
            format!("This kind of file is not taken, or it is not what its name says; taken are {}.", kinds.join(", ")),
        ));
    };
    if for_report && !PICTURES.contains(media_type) {
        return Err(Problem::bad_parameter(
            "report",
            "只有 PNG 或 JPEG 图片可印入报告",
            "only a PNG or JPEG is printed",
        ));
    }
    if app.catalog.attachment_list(&id).await?.len() >= MAX_ATTACHMENTS {
        return Err(Problem::new(
            StatusCode::CONFLICT,
            "附件数量已达上限",
            "The project has as many attachments as it may.",
        ));
    }
    let row = AttachmentRow {
        id: uuid::Uuid::now_v7().to_string(),
        project: id,
        name,
        media_type: (*media_type).to_owned(),
        bytes: bytes.len() as u64,
        sha256: sha256(&bytes),
        at: now,
        brought_by: json!({ "account": actor.account, "unit": actor.unit, "for_report": for_report }),
    };
    let answer = json!({ "attachment": attachment_json(&row) });
    let event = review::remark(&project, "attachment", attachment_json(&row), &actor, here)?;
    let keep = asked.keep(&actor.account.id, StatusCode::CREATED, &answer);
    match app.catalog.attachment_add(&row, bytes, json!(event), keep.as_ref()).await? {
        Written::Done => Ok(private(StatusCode::CREATED, &answer)),
        Written::Repeated | Written::Stale | Written::Taken => {
            asked.earlier(&app, &actor.account.id).await?.ok_or_else(Problem::vanished)
        }
    }
}

async fn download(
    State(app): State<Shared>,
    _: Actor,
    Path((id, attachment)): Path<(String, String)>,
) -> Result<Response, Problem> {
    app.catalog.project_get(&id).await?.ok_or_else(no_such_project)?;
    let missing = || Problem::missing("没有这个附件", "There is no such attachment.");
    let rows = app.catalog.attachment_list(&id).await?;
    let row = rows.into_iter().find(|row| row.id == attachment).ok_or_else(missing)?;
    let bytes = app.catalog.attachment_bytes(&row.id).await?;
    let name = percent_encoding::utf8_percent_encode(&row.name, percent_encoding::NON_ALPHANUMERIC);
    let disposition =
        HeaderValue::try_from(format!("attachment; filename*=UTF-8''{name}")).map_err(Problem::internal)?;
    let mut response = bytes.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::try_from(row.media_type).map_err(Problem::internal)?);
    headers.insert(header::CONTENT_DISPOSITION, disposition);
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox; default-src 'none'"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    Ok(response)
}

pub(crate) fn attachment_json(row: &AttachmentRow) -> Value {
    json!({
        "id": row.id,
        "name": row.name,
        "media_type": row.media_type,
        "bytes": row.bytes,
        "sha256": row.sha256,
        "at": row.at,
        "brought_by": row.brought_by,
    })
}
