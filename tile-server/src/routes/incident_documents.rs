//! `/incidents/{id}/documents`: 灾情快报 and its annexes, as issued with a report or as a draft of what is known now.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use catalog::{Job, JobState};
use chrono::{DateTime, SecondsFormat, Utc};
use geodesy::crs::Crs;
use review::{Incident, ReportRecord};
use serde_json::{Value, json};
use tiles::cog::{Cog, Window};

use super::documents::{document_of, file, no_document, problem};
use super::query_value;
use crate::app::{App, Shared};
use crate::asked::private;
use crate::asset::asset_of;
use crate::document::attached::{AttachedPicture, MOST_PICTURES};
use crate::document::figure::{self, Colours, Figure, Grid, Ground};
use crate::document::from_incident::{Told, bulletin};
use crate::document::from_review::{office, titled};
use crate::document::incident_figure;
use crate::document::{DOCUMENTS, Make};
use crate::ground_views::Looked;
use crate::jobs::{Patch, patch_lines, patches_of, result_of, rules_in_force};
use crate::people::Actor;
use crate::problem::Problem;
use crate::route::{Route, Verb, parameters};

parameters! {
    INCIDENT = Path "id" "string" "灾情标识；incident";
    NAME = Path "name" "string" "文件名，如 bulletin.pdf；name of the document";
    REPORT = Query "report" "integer" "第几次快报；不写为草稿；number of the report, without it a draft";
}

/// Routes of this protocol.
pub(crate) const ROUTES: &[Route] = &[
    Route {
        verb: Verb::Get,
        path: "/incidents/{id}/documents",
        tag: "incidents",
        about: "可生成的文件；the documents that can be made",
        parameters: &[INCIDENT],
        takes: &[],
        media_types: &["application/json"],
        handler: || get(list),
    },
    Route {
        verb: Verb::Get,
        path: "/incidents/{id}/documents/{name}",
        tag: "incidents",
        about: "灾情快报 PDF、DOCX、手机图片与承灾体 Excel；the bulletin and its annexes",
        parameters: &[INCIDENT, NAME, REPORT],
        takes: &[],
        media_types: &[
            "application/pdf",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            "image/png",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        ],
        handler: || get(one),
    },
];

/// The analysis whose places are on the map.
const REVIEW: &str = "disaster";
/// The analysis that says how deep the water is.
const FLOOD: &str = "inundation";
/// Cells of a grid on a page; of a larger one an overview is read.
const MOST_CELLS: f64 = 4e6;
/// Who draws the views.
const VIEWED_BY: &str = "时空三维浏览器";
/// Ground around what changed that a map may show, as a part of it.
const AROUND: f64 = 1.5;

async fn list(State(app): State<Shared>, _: Actor, Path(id): Path<String>) -> Result<Response, Problem> {
    let incident = app.incident(&id).await?;
    let documents: Vec<Value> = DOCUMENTS
        .iter()
        .filter(|document| matches!(document.make, Make::Bulletin(..)))
        .map(|document| {
            json!({
                "name": document.name, "title": document.title_zh, "title_en": document.title_en,
                "media_type": document.media_type,
                "url": format!("{}/incidents/{}/documents/{}", app.settings.base_path, incident.id, document.name),
            })
        })
        .collect();
    Ok(private(StatusCode::OK, &json!({ "documents": documents, "version": incident.version })))
}

async fn one(
    State(app): State<Shared>,
    _: Actor,
    Path((id, name)): Path<(String, String)>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let document = document_of(&name).ok_or_else(no_document)?;
    let Make::Bulletin(frame, make) = document.make else { return Err(no_document()) };
    let incident = app.incident(&id).await?;
    let report = reported(&incident, query_value(query.as_deref(), "report").as_deref())?;
    let jobs = match report {
        Some(report) => report.jobs.clone(),
        None => app.incident_jobs(&incident).await?,
    };
    let as_of = match report {
        Some(report) => report.at,
        None => app.catalog.incident_get(&id).await?.map_or(incident.created, |row| row.changed),
    };
    let gathered = Gathered::of(&app, &jobs, as_of).await?;
    let photos = photos(&app, &incident.id, as_of).await?;
    // A telephone's page has no room for views.
    let views = match &gathered.review {
        Some(job) if frame.is_some() && document.media_type != "image/png" => {
            let detection_m = gathered.detection_m();
            let (patches, surveys) = (&gathered.patches, &gathered.surveys);
            let drawn = app.ground_views(&Looked { job, patches, surveys, detection_m }).await;
            Some((drawn, job.created.to_rfc3339()))
        }
        _ => None,
    };
    let figure = match (frame, &gathered.review) {
        (Some(_), Some(review)) => Some(app.incident_map(review, &gathered).await?),
        _ => None,
    };
    let number = report.map_or_else(|| "草稿".to_owned(), |report| format!("第{}期", report.number));
    let file_name = format!("{}-{number}-{}", incident.name, document.name);
    let report = report.map(|report| json!(report));
    let shared = Arc::clone(&app);
    let bytes = app.work.run(move |_| {
        let mut made = bulletin(&Told {
            incident: json!(incident),
            report,
            results: gathered.results,
            patches: &gathered.patches,
            surveys: &gathered.surveys,
            rules: gathered.rules,
            office: gathered.office,
            as_of: as_of.to_rfc3339_opts(SecondsFormat::Secs, true),
        });
        if let Some((views, at)) = views {
            let seen = views.iter().filter_map(|view| AttachedPicture::read(&view.png, view.shows, VIEWED_BY, &at));
            made.pictures.extend(seen);
        }
        let photos = photos.into_iter();
        made.pictures.extend(photos.filter_map(|(bytes, note, by, at)| AttachedPicture::read(&bytes, &note, &by, &at)));
        if let Some((figure, frame)) = figure.zip(frame) {
            made.map = figure::draw(&figure, frame, shared.map_font.get().as_deref())?;
        }
        make(&made, &shared.workshop).map_err(problem)
    });
    Ok(file(document, &file_name, bytes.await??))
}

/// The report of a number; none for a draft.
fn reported<'i>(incident: &'i Incident, asked: Option<&str>) -> Result<Option<&'i ReportRecord>, Problem> {
    let Some(asked) = asked else { return Ok(None) };
    let number: u32 =
        asked.parse().map_err(|_no_number| Problem::bad_parameter("report", "应为序号", "must be a number"))?;
    let found = incident.reports.iter().find(|report| report.number == number);
    found.map(Some).ok_or_else(|| Problem::missing("没有这一期快报", "There is no such report."))
}

/// What a bulletin prints of the analyses.
struct Gathered {
    results: BTreeMap<String, Value>,
    /// The job whose places are on the map.
    review: Option<Job>,
    /// The job whose depths of water colour the map where there are no differences.
    flood: Option<Job>,
    patches: Vec<Value>,
    surveys: Vec<Value>,
    rules: Value,
    office: crate::document::dossier::Office,
}

impl Gathered {
    async fn of(app: &App, jobs: &BTreeMap<String, String>, as_of: DateTime<Utc>) -> Result<Self, Problem> {
        let rules = rules_in_force(&app.catalog, as_of, as_of).await?;
        let mut gathered = Self {
            results: BTreeMap::new(),
            review: None,
            flood: None,
            patches: Vec::new(),
            surveys: Vec::new(),
            rules: Value::Null,
            office: office(&rules),
        };
        let mut versions = serde_json::Map::new();
        for (name, id) in jobs {
            let Some(job) = app.catalog.job_get(id).await?.filter(|job| job.state == JobState::Done) else { continue };
            let result: Value = serde_json::from_slice(&result_of(app, &job).await?).map_err(Problem::internal)?;
            versions.extend(result["rule_versions"].as_object().cloned().unwrap_or_default());
            if name == REVIEW {
                let lines = patches_of(app, &job).await?;
                gathered.patches = patch_lines(&lines)
                    .map(serde_json::from_slice)
                    .collect::<Result<_, _>>()
                    .map_err(Problem::internal)?;
                gathered.surveys = app.surveys_of(&result["sources"]).await?;
                gathered.review = Some(job);
            } else if name == FLOOD {
                gathered.flood = Some(job);
            }
            gathered.results.insert(name.clone(), result);
        }
        gathered.rules = titled(&Value::Object(versions), &rules);
        Ok(gathered)
    }
}

impl Gathered {
    /// What is no change, metres; 0 where no change was looked for.
    fn detection_m(&self) -> f64 {
        let review = self.results.get(REVIEW);
        review.and_then(|result| result["change"]["level_of_detection_m"].as_f64()).unwrap_or_default()
    }
}

/// Bytes, what it shows, who brought it and when.
type Photo = (Vec<u8>, String, String, String);

/// The newest photos that were there when the report was issued, in the order they came.
async fn photos(app: &App, incident: &str, as_of: DateTime<Utc>) -> Result<Vec<Photo>, Problem> {
    let rows = app.catalog.photo_list(incident).await?;
    let mut photos = Vec::new();
    for row in rows.into_iter().filter(|row| row.at <= as_of).rev().take(MOST_PICTURES) {
        let text = |pointer: &str| row.body.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let note = Some(text("/note")).filter(|note| !note.is_empty()).unwrap_or_else(|| row.name.clone());
        let bytes = app.catalog.attachment_bytes(&row.id).await?;
        photos.push((bytes, note, text("/by/name"), row.at.to_rfc3339()));
    }
    photos.reverse();
    Ok(photos)
}

/// `dataset@revision` of a grid that a job made.
fn grid_of(job: &Job, name: &str) -> Option<String> {
    let grids = job.outcome.as_ref()?["grids"].as_array()?;
    let grid = grids.iter().find(|grid| grid["name"] == name)?;
    Some(format!("{}@{}", grid["dataset"].as_str()?, grid["revision"].as_str()?))
}

impl App {
    /// Title and day of the surfaces among a result's sources.
    async fn surveys_of(&self, sources: &Value) -> Result<Vec<Value>, Problem> {
        let mut surveys = Vec::new();
        for source in sources.as_array().into_iter().flatten() {
            let Some((slug, id)) = source["source"].as_str().and_then(|name| name.split_once('@')) else { continue };
            let (Ok(slug), Ok(id)) = (catalog::Slug::parse(slug), catalog::RevisionId::parse(id)) else { continue };
            let Some(dataset) = self.catalog.dataset_get(&slug).await? else { continue };
            let revision = self.revision(&slug, &id).await?;
            surveys.push(json!({
                "role": source["role"], "source": source["source"], "title": dataset.title,
                "valid_from": revision.valid_from,
            }));
        }
        Ok(surveys)
    }

    /// The map of a review: its places, the differences in colours, the relief of the later survey below.
    async fn incident_map(&self, review: &Job, gathered: &Gathered) -> Result<Figure, Problem> {
        let plane = review.outcome.as_ref().and_then(|outcome| outcome["plane"].as_str()).unwrap_or_default();
        let patches: Vec<Patch> = gathered
            .patches
            .iter()
            .map(|patch| serde_json::from_value(patch.clone()))
            .collect::<Result<_, _>>()
            .map_err(Problem::internal)?;
        let mut figure = incident_figure::figure(plane, &patches, &incident_figure::section_lines(&review.request))?;
        let all = patches.iter().flat_map(|patch| patch.polygons.iter().flatten().flatten());
        let [x0, y0, x1, y1] = crate::feature_file::hull(all);
        if x0 > x1 {
            return Ok(figure);
        }
        let (grow_x, grow_y) = ((x1 - x0).max(200.0) * AROUND, (y1 - y0).max(200.0) * AROUND);
        let within = [x0 - grow_x, y0 - grow_y, x1 + grow_x, y1 + grow_y];
        let detection_m = gathered.detection_m();
        if let Some(name) = grid_of(review, "difference") {
            let grid = self.grid_within(&name, plane, within).await?;
            figure.colours = grid.map(|grid| Colours::Difference { grid, detection_m });
        } else if let Some(name) = gathered.flood.as_ref().and_then(|flood| grid_of(flood, "depth")) {
            figure.colours = self.grid_within(&name, plane, within).await?.map(Colours::Depth);
        }
        let after = gathered.surveys.iter().find(|survey| survey["role"] == "after");
        if let Some(name) = after.and_then(|survey| survey["source"].as_str())
            && let Some(mut grid) = self.grid_within(name, plane, within).await?
        {
            let size_m = [grid.grid[2], grid.grid[3]];
            grid.values = analysis::hillshade(&grid.values, grid.size[0], size_m);
            figure.ground = Ground::Shade(grid);
        }
        Ok(figure)
    }

    /// The cells of an elevation revision in a box of its own plane, coarser where they would be too many; none where it
    /// is in another plane.
    async fn grid_within(&self, name: &str, plane: &str, within: [f64; 4]) -> Result<Option<Grid>, Problem> {
        let Some((slug, id)) = name.split_once('@') else { return Ok(None) };
        let (Ok(slug), Ok(id)) = (catalog::Slug::parse(slug), catalog::RevisionId::parse(id)) else { return Ok(None) };
        let revision = self.revision(&slug, &id).await?;
        let same = Crs::from_user_input(&revision.crs).ok().zip(Crs::from_user_input(plane).ok());
        if same.is_none_or(|(own, plane)| own != plane) {
            return Ok(None);
        }
        let Some(asset) = asset_of(&revision, &["cog", "elevation"]) else { return Ok(None) };
        let location = self.catalog.blob_location(&revision, &asset.path)?;
        let cog = Cog::open(self.catalog.blobs(), &location).await.map_err(Problem::internal)?;
        let Some(transform) = cog.transform().filter(|t| t.is_usable() && t.is_north_up()) else { return Ok(None) };
        let [west, width, _, north, _, step] = transform.0;
        let [x0, y0, x1, y1] = within;
        for (number, level) in cog.levels().enumerate() {
            let (cell_width, cell_height) = (width * level.scale[0], -step * level.scale[1]);
            let side = |low: f64, high: f64, most: u32| {
                let most = f64::from(most);
                let (low, high) = (low.floor().clamp(0.0, most), high.ceil().clamp(0.0, most));
                (low, (high - low).max(0.0))
            };
            let (column, columns) = side((x0 - west) / cell_width, (x1 - west) / cell_width, level.width);
            let (row, rows) = side((north - y1) / cell_height, (north - y0) / cell_height, level.height);
            if columns < 3.0 || rows < 3.0 {
                return Ok(None);
            }
            if columns * rows > MOST_CELLS && number + 1 < cog.levels().len() {
                continue;
            }
            let window = Window { x: column as i64, y: row as i64, width: columns as u32, height: rows as u32 };
            let pixels = cog.read_band(number, window, 0).await.map_err(Problem::internal)?;
            let grid = [west + column * cell_width, north - row * cell_height, cell_width, cell_height];
            return Ok(Some(Grid { size: [columns as usize, rows as usize], grid, values: pixels.values }));
        }
        Ok(None)
    }
}
