//! `/projects/{id}/documents`: what an officer files or takes to a meeting, made on request from what is recorded; and the
//! ledger of difference patches as a workbook.
//!
//! Rows and results become plain values here; `document` makes the papers from them. A paper is made under the same bound
//! as every other work on request.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use catalog::{AttachmentRow, DatasetKind, DatasetQuery, Job, JobState, LedgerQuery, Revision};
use chrono::SecondsFormat;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use review::{LedgerEntry, LedgerState, Project, Refusal, Role};
use serde_json::{Map, Value, json};

use super::attachments::is_for_report;
use super::query_value;
use crate::app::{App, Shared};
use crate::asked::private;
use crate::asset::feature_path;
use crate::document::attached::{AttachedPicture, MOST_PICTURES};
use crate::document::dossier::{Check, Dossier, Source, TakenPiece};
use crate::document::found::Found;
use crate::document::from_review::{Records, dossier, name_systems, office, titled};
use crate::document::ledger::Ledger;
use crate::document::map::{BaseLayer, Drawing, Frame, conflicts, order_of};
use crate::document::{self, DOCUMENTS, Document, DocumentError, Make};
use crate::jobs::{patch_lines, patches_of, result_of, rules_in_force};
use crate::locate::Located;
use crate::package::package;
use crate::people::Actor;
use crate::problem::Problem;
use crate::route::{Route, Verb, parameters};

parameters! {
    PROJECT = Path "id" "string" "项目标识；project";
    NAME = Path "name" "string" "文件名，见列表；name of the document, as listed";
    JOB = Query "job" "string" "只要这个任务的图斑；patches of this job only";
    STATE = Query "state" "string" "只要这种状态：open, assigned, resolved, gone；of this state only";
    UNIT = Query "unit" "string" "只要分派给这个单位的；assigned to this unit only";
}

/// Routes of this protocol.
pub(crate) const ROUTES: &[Route] = &[
    Route {
        verb: Verb::Get,
        path: "/projects/{id}/documents",
        tag: "review",
        about: "可生成的文件；the documents that can be made",
        parameters: &[PROJECT],
        takes: &[],
        media_types: &["application/json"],
        handler: || get(list),
    },
    Route {
        verb: Verb::Get,
        path: "/projects/{id}/documents/{name}",
        tag: "review",
        about: "生成文件：审查报告 PDF 与 DOCX、A3 上会图、附表、红线、数据包；makes a document: report, A3 sheet, tables, red line, package",
        parameters: &[PROJECT, NAME],
        takes: &[],
        media_types: &[
            "application/pdf",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            "text/plain",
            "application/geo+json",
            "application/json",
        ],
        handler: || get(one),
    },
    Route {
        verb: Verb::Get,
        path: "/ledger/documents/{name}",
        tag: "review",
        about: "差异图斑台账 Excel；the ledger of difference patches as a workbook",
        parameters: &[NAME, JOB, STATE, UNIT],
        takes: &[],
        media_types: &["application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"],
        handler: || get(ledger),
    },
];

/// Layers of one map below the red line.
const MAX_LAYERS: usize = 12;
/// Rows of one ledger.
const MAX_LEDGER_ROWS: u32 = 200_000;
/// What a file name in a header may hold as it is (RFC 8187).
const ATTRIBUTE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_');

async fn list(State(app): State<Shared>, actor: Actor, Path(id): Path<String>) -> Result<Response, Problem> {
    let project = app.project(&id).await?;
    let documents: Vec<Value> = DOCUMENTS
        .iter()
        .filter(|document| document.make.is_of_project() && may_have(document, &project, &actor))
        .map(|document| {
            json!({
                "name": document.name,
                "title": document.title_zh,
                "title_en": document.title_en,
                "media_type": document.media_type,
                "url": format!("{}/projects/{}/documents/{}", app.settings.base_path, project.id, document.name),
            })
        })
        .collect();
    Ok(private(StatusCode::OK, &json!({ "documents": documents, "version": project.version })))
}

/// A package holds drafts that are their departments' own business: like the export of everything, it is for the lead
/// unit's officers and the administrator.
fn may_have(document: &Document, project: &Project, actor: &Actor) -> bool {
    !matches!(document.make, Make::Package)
        || actor.is_of(Role::LeadOfficer, &project.lead_unit.id)
        || actor.is(Role::Admin)
}

async fn one(
    State(app): State<Shared>,
    actor: Actor,
    Path((id, name)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let document = document_of(&name).filter(|document| document.make.is_of_project()).ok_or_else(no_document)?;
    let project = app.project(&id).await?;
    if !may_have(document, &project, &actor) {
        return Err(Refusal::not_yours("只限本项目牵头单位经办和系统管理员", "Only for the lead officer.").into());
    }
    let file_name = format!("{}-{}-{}", project.registration.code, project.registration.name, document.name);
    let bytes = match document.make {
        Make::Package => {
            // Dated by its last change, so that the same project gives the same package.
            let package = package(&app.catalog, &project, project.updated).await?;
            let told = app.settings.push.as_ref().map_or_else(|| package.clone(), |push| push.key.sign(&package));
            serde_json::to_vec_pretty(&told).map_err(Problem::internal)?
        }
        _ => paper(&app, document, gathered(&app, &project).await?).await?,
    };
    Ok(file(document, &file_name, bytes))
}

async fn ledger(
    State(app): State<Shared>,
    _: Actor,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let document = document_of(&name).ok_or_else(no_document)?;
    let Make::Ledger(make) = document.make else { return Err(no_document()) };
    let query = query.as_deref();
    let state = query_value(query, "state");
    if state.as_ref().is_some_and(|state| !LedgerState::ALL.iter().any(|one| one.as_str() == *state)) {
        return Err(Problem::bad_parameter("state", "没有这种状态", "there is no such state"));
    }
    let question = LedgerQuery {
        job: query_value(query, "job"),
        state,
        unit: query_value(query, "unit"),
        limit: MAX_LEDGER_ROWS,
        offset: 0,
    };
    let (matched, rows) = app.catalog.ledger_list(&question).await?;
    if matched > u64::from(MAX_LEDGER_ROWS) {
        return Err(Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("图斑超过 {MAX_LEDGER_ROWS} 个，请按任务、状态或单位筛选后导出"),
            format!("More than {MAX_LEDGER_ROWS} patches; export them by job, state or unit."),
        ));
    }
    let now = (app.settings.now)();
    let rules = rules_in_force(&app.catalog, now, now).await?;
    let bytes = app
        .work
        .run(move |_| {
            let rows = rows
                .iter()
                .map(|row| serde_json::from_str::<LedgerEntry>(&row.body).map(|entry| ledger_row(&entry)))
                .collect::<Result<_, _>>()
                .map_err(Problem::internal)?;
            let as_of = now.to_rfc3339_opts(SecondsFormat::Secs, true);
            make(&Ledger { rows, office: office(&rules), as_of }).map_err(problem)
        })
        .await??;
    Ok(file(document, &format!("差异图斑台账-{}", document.name), bytes))
}

/// A row as the workbook has it: what the analysis says, what people say, and where it is.
fn ledger_row(entry: &LedgerEntry) -> Map<String, Value> {
    let mut row = entry.properties.as_object().cloned().unwrap_or_default();
    row.entry("DKBH").or_insert_with(|| entry.patch.clone().into());
    row.extend(entry.opinions.iter().map(|(name, words)| (name.clone(), words.clone().into())));
    let state = match entry.state {
        LedgerState::Open => "待处理",
        LedgerState::Assigned => "已分派",
        LedgerState::Resolved => "已处理",
        LedgerState::Gone => "已消除",
    };
    row.insert("state".to_owned(), state.into());
    row.insert("unit".to_owned(), entry.unit.as_ref().map_or("", |unit| unit.name.as_str()).into());
    row
}

pub(crate) fn document_of(name: &str) -> Option<&'static Document> {
    DOCUMENTS.iter().copied().find(|document| document.name == name)
}

pub(crate) fn no_document() -> Problem {
    Problem::missing("没有这种文件，见 documents 列表", "No such document; see the list of documents.")
}

/// What an analysis found, as a workbook.
pub(crate) async fn found(app: &Arc<App>, document: &'static Document, job: &Job) -> Result<Vec<u8>, Problem> {
    let Make::Analysis(make) = document.make else { return Err(no_document()) };
    let analysis = app.settings.jobs.analyses.iter().find(|analysis| analysis.name == job.name);
    let title = analysis.map_or_else(|| job.name.clone(), |analysis| analysis.title_zh.to_owned());
    let rules = rules_in_force(&app.catalog, job.created, job.created).await?;
    let (result, lines) = (result_of(app, job).await?, patches_of(app, job).await?);
    let as_of = job.created.to_rfc3339_opts(SecondsFormat::Secs, true);
    app.work
        .run(move |_| {
            let result: Value = serde_json::from_slice(&result).map_err(Problem::internal)?;
            let mut sources: Vec<Source> =
                serde_json::from_value(result["sources"].clone()).map_err(Problem::internal)?;
            name_systems(&mut sources, &rules);
            let versions = titled(&result["rule_versions"], &rules);
            let patches =
                patch_lines(&lines).map(serde_json::from_slice).collect::<Result<_, _>>().map_err(Problem::internal)?;
            make(&Found { title, result, sources, rules: versions, patches, office: office(&rules), as_of })
                .map_err(problem)
        })
        .await?
}

/// A file to be saved; the project is its owner's, so no cache keeps it.
pub(crate) fn file(document: &Document, name: &str, bytes: Vec<u8>) -> Response {
    let mut response = bytes.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(document.media_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let encoded = utf8_percent_encode(name, ATTRIBUTE);
    let words = format!("attachment; filename=\"{}\"; filename*=UTF-8''{encoded}", document.name);
    if let Ok(words) = HeaderValue::try_from(words) {
        headers.insert(header::CONTENT_DISPOSITION, words);
    }
    response
}

/// The dossier of a project, as it stands. The rules are those of its last change, so that the same project gives the
/// same papers.
pub(crate) async fn gathered(app: &App, project: &Project) -> Result<Dossier, Problem> {
    let events = app.catalog.project_events(&project.id, None).await?;
    let events = events
        .into_iter()
        .map(|event| serde_json::from_value(event.body))
        .collect::<Result<_, _>>()
        .map_err(Problem::internal)?;
    let mut records = Records { events, ..Records::default() };
    if let Some(line) = project.red_line() {
        let mut stored = app.catalog.project_red_line(&project.id, line.version).await?.unwrap_or_default();
        records.delivered = stored["delivered"].take();
    }
    if let Some(check) = project.current_check()
        && let Some(job) = app.catalog.job_get(&check.job).await?.filter(|job| job.state == JobState::Done)
    {
        let result = result_of(app, &job).await?;
        records.result = Some(serde_json::from_slice(&result).map_err(Problem::internal)?);
        let lines = patches_of(app, &job).await?;
        records.patches = patch_lines(&lines)
            .map(serde_json::from_slice::<TakenPiece>)
            .collect::<Result<_, _>>()
            .map_err(Problem::internal)?;
        let plane = job.outcome.as_ref().and_then(|outcome| outcome.get("plane")?.as_str());
        records.plane = plane.unwrap_or_default().to_owned();
    }
    let rules = rules_in_force(&app.catalog, project.updated, project.updated).await?;
    let settings = app.review_settings().await?;
    dossier(project, records, &settings, &rules).map_err(Problem::internal)
}

/// A paper of a project.
pub(crate) async fn paper(
    app: &Arc<App>,
    document: &'static Document,
    mut dossier: Dossier,
) -> Result<Vec<u8>, Problem> {
    let Make::Project(frame, make) = document.make else { return Err(no_document()) };
    let drawing = match frame {
        Some(frame) => drawing(app, frame, &dossier).await?,
        None => None,
    };
    let brought = match document.name {
        "report.pdf" | "report.docx" => pictures(app, &dossier.project.id).await?,
        _ => Vec::new(),
    };
    let shared = Arc::clone(app);
    app.work
        .run(move |stop| {
            let read = |(bytes, row): (Vec<u8>, AttachmentRow)| {
                let by = row.brought_by["account"]["name"].as_str().unwrap_or_default();
                AttachedPicture::read(&bytes, &row.name, by, &row.at.to_rfc3339())
            };
            dossier.pictures = brought.into_iter().filter_map(read).collect();
            if let Some(drawing) = drawing {
                dossier.map = document::map::draw(&drawing, shared.map_font.get().as_deref(), stop)?;
            }
            make(&dossier, &shared.workshop).map_err(problem)
        })
        .await?
}

/// The newest pictures that were brought for the report, in the order they came.
async fn pictures(app: &App, project: &str) -> Result<Vec<(Vec<u8>, AttachmentRow)>, Problem> {
    let rows = app.catalog.attachment_list(project).await?.into_iter().filter(is_for_report).rev().take(MOST_PICTURES);
    let mut pictures = Vec::new();
    for row in rows {
        pictures.push((app.catalog.attachment_bytes(&row.id).await?, row));
    }
    pictures.reverse();
    Ok(pictures)
}

/// What a client is told when a paper cannot be made.
pub(crate) fn problem(error: DocumentError) -> Problem {
    match error {
        DocumentError::Lacks { what_zh, what_en } => Problem::new(
            StatusCode::CONFLICT,
            format!("该项目还没有{what_zh}，不能生成此文件"),
            format!("The project has no {what_en} yet, so this document cannot be made."),
        ),
        DocumentError::NoFonts => Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "服务器未安装中文字体，请管理员安装 fonts-noto-cjk",
            "The server has no Chinese font; install fonts-noto-cjk.",
        ),
        other => Problem::internal(other),
    }
}

/// The map of a dossier: its red line, the pieces taken by number, and the layers below.
async fn drawing(app: &App, frame: Frame, dossier: &Dossier) -> Result<Option<Drawing>, Problem> {
    let Some(line) = &dossier.red_line else { return Ok(None) };
    let parcels = line.parcels();
    let Some(bbox) = line.bounds_lon_lat_deg.filter(|_| !parcels.is_empty()) else { return Ok(None) };
    let check = dossier.check.as_ref();
    Ok(Some(Drawing {
        frame,
        crs: line.crs().to_owned(),
        parcels,
        conflicts: check.map(conflicts).unwrap_or_default(),
        conflicts_crs: check.map(|check| check.patches_crs.clone()).unwrap_or_default(),
        layers: base_layers(app, check, bbox).await?,
    }))
}

/// The layers that a review's map shows: the revisions that were checked, others as they are now.
async fn base_layers(app: &App, check: Option<&Check>, bbox_lon_lat_deg: [f64; 4]) -> Result<Vec<BaseLayer>, Problem> {
    let question = DatasetQuery {
        kind: Some(DatasetKind::Features),
        bbox_lon_lat_deg: Some(bbox_lon_lat_deg),
        datetime: Some((app.settings.now)()),
        or_newest: true,
        ..DatasetQuery::default()
    };
    let style_of = |revision: &Revision| {
        let style = revision.properties.get("style").and_then(Value::as_str)?;
        Some((order_of(style)?, style.to_owned()))
    };
    let mut layers = Vec::new();
    for entry in app.catalog.dataset_list(&question).await? {
        let slug = entry.dataset.slug.to_string();
        let checked = check.and_then(|check| check.sources.iter().find(|source| source.dataset == slug));
        let revision = match checked {
            Some(source) => match app.locate(&format!("{slug}@{}", source.revision), None).await {
                Ok(Located::Dated(revision) | Located::Undated(revision)) => Some(revision),
                // Withdrawn since: the map does not show it, the table of sources still names it.
                Ok(Located::Live(_)) | Err(_) => None,
            },
            None => entry.revision.map(Arc::new),
        };
        if let Some(revision) = revision
            && let Some((order, style)) = style_of(&revision)
        {
            let path = feature_path(&app.catalog, &revision)?;
            layers.push((order, BaseLayer { revision, path, style, title: entry.dataset.title }));
        }
    }
    layers.sort_by(|(a, x), (b, y)| a.cmp(b).then_with(|| x.revision.slug.cmp(&y.revision.slug)));
    Ok(layers.into_iter().map(|(_, layer)| layer).take(MAX_LAYERS).collect())
}
