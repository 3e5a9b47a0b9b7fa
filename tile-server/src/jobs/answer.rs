//! One analysis, from the request to its findings: which revisions and rules answer it, reading them, running it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use analysis::mechanism::{RuleDocument, sources};
use analysis::{
    Analysis, AnalysisError, DataWanted, Findings, LayerWanted, LoadedLayer, RuleBook, Surface, SurfaceWanted, Task,
    Watch as _,
};
use axum::http::StatusCode;
use catalog::{Catalog, DatasetKind, Revision, RevisionId, Slug, instant_at_end};
use chrono::{DateTime, SecondsFormat, Utc};
use futures::future::try_join_all;
use geodesy::crs::Crs;
use geodesy::gauss_kruger::{Zone, ZoneWidth};
use rayon::prelude::*;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::grids::{Grid, GridFolder};
use super::layers::{LayerSource, cancelled};
use super::surface::CogSurface;
use super::watch::JobWatch;
use crate::app::App;
use crate::asset::feature_path;
use crate::problem::Problem;

/// More layers than any question has.
const MAX_LAYERS: usize = 256;
/// Metres of a degree of latitude.
const DEGREE_M: f64 = 111_320.0;

/// What came of a question.
#[derive(Debug)]
pub struct Answer {
    /// The plane that the patches are in.
    pub plane: Crs,
    /// What was found.
    pub findings: Findings,
    /// The grids that were made.
    pub grids: Vec<Grid>,
    /// When the newest ground that was read looked like that.
    pub valid_from: Option<DateTime<Utc>>,
    /// Where the grids are, until the answer goes.
    _folder: TempDir,
}

/// When a question is asked about, and as known when.
#[derive(Debug, Clone)]
struct AsOf {
    /// As the request says; none for "what is valid when it was asked".
    datetime: Option<DateTime<Utc>>,
    asked: DateTime<Utc>,
    recorded: DateTime<Utc>,
}

impl AsOf {
    /// `datetime` and `recorded` of the request; what is left out is the moment it was asked.
    fn of(request: &Value, asked: DateTime<Utc>) -> Result<Self, Problem> {
        let time = |name: &str| match request.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => instant(name, text).map(Some),
            Some(_) => Err(bad_time(name)),
        };
        Ok(Self { datetime: time("datetime")?, asked, recorded: time("recorded")?.unwrap_or(asked) })
    }

    fn rules_at(&self) -> DateTime<Utc> {
        self.datetime.unwrap_or(self.asked)
    }
}

fn bad_time(name: &str) -> Problem {
    Problem::bad_parameter(
        name,
        "请写 2024、2024-05、2024-05-01 或 RFC 3339 时间",
        "write 2024, 2024-05, 2024-05-01 or an RFC 3339 instant",
    )
}

fn instant(name: &str, text: &str) -> Result<DateTime<Utc>, Problem> {
    instant_at_end(text).map_err(|_unreadable| bad_time(name))
}

/// The rule documents in force at `datetime` as known at `recorded`: the county's own, else those that are shipped.
pub async fn rules_in_force(
    catalog: &Catalog,
    datetime: DateTime<Utc>,
    recorded: DateTime<Utc>,
) -> Result<RuleBook, Problem> {
    let mut book = RuleBook::shipped();
    for rule in catalog.rules_in_force(datetime, recorded).await? {
        book.put(RuleDocument { name: rule.name, version: rule.version, text: rule.text });
    }
    Ok(book)
}

/// What the request needs to be read; refuses one that makes no sense before it waits for a turn.
pub(super) async fn wanted(
    app: &App,
    analysis: &Analysis,
    request: &Value,
    asked: DateTime<Utc>,
) -> Result<(DataWanted, RuleBook), Problem> {
    let as_of = AsOf::of(request, asked)?;
    let rules = rules_in_force(&app.catalog, as_of.rules_at(), as_of.recorded).await?;
    let wanted = (analysis.wanted)(request, &rules).map_err(refused)?;
    if wanted.layers.len() + wanted.surfaces.len() > MAX_LAYERS {
        return Err(refused(AnalysisError::Request {
            what_zh: format!("图层过多，最多 {MAX_LAYERS} 个"),
            what_en: format!("too many layers, at most {MAX_LAYERS}"),
        }));
    }
    Ok((wanted, rules))
}

/// Answers a request as of the moment it was `asked`: the same request and moment give the same bytes.
pub async fn answer(
    app: &Arc<App>,
    analysis: &'static Analysis,
    request: &Value,
    asked: DateTime<Utc>,
    watch: &Arc<JobWatch>,
) -> Result<Answer, Problem> {
    watch.reading(0.0);
    let as_of = AsOf::of(request, asked)?;
    let (mut wanted, rules) = wanted(app, analysis, request, asked).await?;
    let surfaces = try_join_all(wanted.surfaces.iter().map(|surface| surface_of(app, surface, &as_of))).await?;
    let surfaces: Vec<(String, Arc<Revision>, CogSurface)> = surfaces.into_iter().flatten().collect();
    let around = wanted.around_surfaces_m.and_then(|reach_m| around(&surfaces, reach_m));
    for layer in &mut wanted.layers {
        layer.within_lon_lat_deg = layer.within_lon_lat_deg.or(around);
    }
    let layers = try_join_all(wanted.layers.iter().map(|layer| layer_source(app, layer, &as_of))).await?;
    let layers: Vec<LayerSource> = layers.into_iter().flatten().collect();
    let first = layers.first().map(|layer| &layer.revision).or_else(|| surfaces.first().map(|(_, of, _)| of));
    let plane = plane_of(&wanted, first.map(AsRef::as_ref))?;
    let (app, watch, request) = (Arc::clone(app), Arc::clone(watch), request.clone());
    let running =
        tokio::task::spawn_blocking(move || run(&app, analysis, &request, &rules, plane, &layers, &surfaces, &watch));
    running.await.map_err(Problem::internal)?
}

#[expect(clippy::too_many_arguments, reason = "everything that a task is made of")]
fn run(
    app: &App,
    analysis: &Analysis,
    request: &Value,
    rules: &RuleBook,
    plane: Crs,
    layers: &[LayerSource],
    surfaces: &[(String, Arc<Revision>, CogSurface)],
    watch: &JobWatch,
) -> Result<Answer, Problem> {
    let read = AtomicUsize::new(0);
    let loaded: Result<BTreeMap<String, LoadedLayer>, Problem> = layers
        .par_iter()
        .map(|source| {
            if watch.cancelled() {
                return Err(cancelled());
            }
            let layer = app.jobs.layers.load(source, &plane, watch)?;
            watch.reading((read.fetch_add(1, Ordering::Relaxed) + 1) as f64 / layers.len() as f64);
            Ok((source.wanted.role.clone(), layer))
        })
        .collect();
    let loaded = loaded?;
    let valid_from = surfaces.iter().map(|(_, revision, _)| revision.valid_from).max();
    let surfaces: BTreeMap<String, &dyn Surface> =
        surfaces.iter().map(|(role, _, surface)| (role.clone(), surface as &dyn Surface)).collect();
    let grids = GridFolder::new(&app.settings.cache_dir)?;
    let task = Task { request, rules, plane: &plane, layers: &loaded, surfaces: &surfaces, watch, rasters: &grids };
    let mut findings = (analysis.run)(&task).map_err(refused)?;
    if let Value::Object(result) = &mut findings.result {
        // A result that does not name its sources itself names everything that was read, and every rule in force.
        result.entry("sources").or_insert_with(|| sources(&task));
        result.entry("rule_versions").or_insert_with(|| {
            rules.documents().map(|rule| (rule.name.clone(), Value::from(rule.version.clone()))).collect()
        });
        result.entry("plane").or_insert_with(|| json!({ "crs": plane.definition(), "name": plane.name() }));
    }
    let (grids, folder) = grids.into_grids();
    Ok(Answer { plane, findings, grids, valid_from, _folder: folder })
}

/// The box of the ground that all surfaces share, and so many metres more on each side.
fn around(surfaces: &[(String, Arc<Revision>, CogSurface)], reach_m: f64) -> Option<[f64; 4]> {
    let boxes = surfaces.iter().map(|(_, revision, _)| revision.bounds_lon_lat_deg);
    let shared = boxes.reduce(|a, b| [a[0].max(b[0]), a[1].max(b[1]), a[2].min(b[2]), a[3].min(b[3])])?;
    let [west, south, east, north] = shared;
    let lat_deg = reach_m / DEGREE_M;
    let lon_deg = lat_deg / south.abs().max(north.abs()).min(89.0).to_radians().cos();
    (west <= east && south <= north).then_some([west - lon_deg, south - lat_deg, east + lon_deg, north + lat_deg])
}

/// Where areas and distances are measured: the 3-degree zone at the middle of the question; elsewhere than in China the
/// plane of the first layer.
fn plane_of(wanted: &DataWanted, first: Option<&Revision>) -> Result<Crs, Problem> {
    let bounds = wanted.bounds_lon_lat_deg.or(first.map(|revision| revision.bounds_lon_lat_deg));
    let Some([west, _, east, _]) = bounds else {
        return Err(refused(AnalysisError::Request {
            what_zh: "没有可供分析的图层".to_owned(),
            what_en: "there is no layer to analyse".to_owned(),
        }));
    };
    if let Some(zone) = Zone::at_longitude(f64::midpoint(west, east), ZoneWidth::Three) {
        return Crs::cgcs2000_zone(zone, false).map_err(Problem::internal);
    }
    let own = first.and_then(|revision| Crs::from_user_input(&revision.crs).ok()).filter(Crs::is_projected);
    own.ok_or_else(|| {
        Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "数据在高斯投影带之外，且自身不是投影坐标，无法量算",
            "The data lie outside the Gauss-Kruger zones and are not in a plane of their own.",
        )
    })
}

async fn layer_source(app: &App, wanted: &LayerWanted, as_of: &AsOf) -> Result<Option<LayerSource>, Problem> {
    let found =
        revision_of(app, &wanted.dataset, wanted.datetime.as_deref(), wanted.recorded.as_deref(), as_of).await?;
    let Some((title, kind, revision)) = found else {
        return missing(&wanted.dataset, wanted.optional);
    };
    if kind != DatasetKind::Features {
        return Err(wrong_kind(&wanted.dataset, "矢量", "features"));
    }
    let path = feature_path(&app.catalog, &revision)?;
    Ok(Some(LayerSource { wanted: wanted.clone(), revision, title, path }))
}

async fn surface_of(
    app: &App,
    wanted: &SurfaceWanted,
    as_of: &AsOf,
) -> Result<Option<(String, Arc<Revision>, CogSurface)>, Problem> {
    let found =
        revision_of(app, &wanted.dataset, wanted.datetime.as_deref(), wanted.recorded.as_deref(), as_of).await?;
    let Some((_, kind, revision)) = found else {
        return missing(&wanted.dataset, wanted.optional);
    };
    if kind != DatasetKind::Elevation {
        return Err(wrong_kind(&wanted.dataset, "高程", "elevation"));
    }
    let surface = CogSurface::open(&app.catalog, &revision).await?;
    Ok(Some((wanted.role.clone(), revision, surface)))
}

/// Title, kind and revision of `slug` at the times of the question, or of `slug@revision`.
async fn revision_of(
    app: &App,
    part: &str,
    datetime: Option<&str>,
    recorded: Option<&str>,
    as_of: &AsOf,
) -> Result<Option<(String, DatasetKind, Arc<Revision>)>, Problem> {
    let (slug, id) = part.split_once('@').map_or((part, None), |(slug, id)| (slug, Some(id)));
    let Ok(slug) = Slug::parse(slug) else { return Ok(None) };
    let Some(dataset) = app.catalog.dataset_get(&slug).await? else { return Ok(None) };
    let datetime = datetime.map(|text| instant("datetime", text)).transpose()?.or(as_of.datetime);
    let recorded = recorded.map(|text| instant("recorded", text)).transpose()?.unwrap_or(as_of.recorded);
    let revision = match (id.map(RevisionId::parse), datetime) {
        (Some(Ok(id)), _) => app.catalog.revision_get(&slug, &id).await?,
        (Some(Err(_malformed)), _) => None,
        (None, Some(datetime)) => app.catalog.revision_resolve(&slug, Some(datetime), Some(recorded)).await?,
        (None, None) => app.catalog.revision_current(&slug, as_of.asked, Some(recorded)).await?,
    };
    Ok(revision.map(|revision| (dataset.title, dataset.kind, Arc::new(revision))))
}

fn missing<T>(dataset: &str, optional: bool) -> Result<Option<T>, Problem> {
    if optional {
        return Ok(None);
    }
    let dataset: String = dataset.chars().take(80).collect();
    Err(Problem::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        format!("没有数据集“{dataset}”，或它在所问的时间没有版本"),
        format!("There is no dataset {dataset:?}, or it has no revision for the time asked for."),
    ))
}

fn wrong_kind(dataset: &str, zh: &str, en: &str) -> Problem {
    let dataset: String = dataset.chars().take(80).collect();
    Problem::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        format!("数据集“{dataset}”不是{zh}数据"),
        format!("The dataset {dataset:?} is not of the kind {en}."),
    )
}

/// What an analysis refuses, as an answer.
pub(super) fn refused(error: AnalysisError) -> Problem {
    match error {
        AnalysisError::Cancelled => cancelled(),
        AnalysisError::Request { what_zh, what_en } => Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            format!("请求有误：{what_zh}"),
            format!("The request makes no sense: {what_en}."),
        ),
        AnalysisError::Surface(cause) => Problem::internal(cause),
        // The others say both languages in one sentence.
        other => {
            let words = other.to_string();
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, words.clone(), words).because(other)
        }
    }
}

/// RFC 3339, as every time in answers is written.
pub(crate) fn time_text(instant: DateTime<Utc>) -> String {
    instant.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}
