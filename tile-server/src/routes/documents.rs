//! `/projects/{id}/documents`: what an officer files or takes to a meeting, made on request from what is recorded.
//!
//! Rows and results become a dossier here; `document` makes the papers from it. A paper is made under the same bound as
//! every other work on request.

use std::collections::BTreeMap;
use std::sync::Arc;

use catalog::{DatasetKind, DatasetQuery, Revision};
use serde_json::Value;

use crate::app::App;
use crate::asset::feature_path;
use crate::document::dossier::{Check, Dossier};
use crate::document::map::{BaseLayer, Conflict, Drawing, Frame, order_of};
use crate::document::{self, Document, DocumentError, Make};
use crate::locate::Located;
use crate::problem::Problem;

/// Layers of one map below the red line.
const MAX_LAYERS: usize = 12;
/// Pieces taken on one map.
const MAX_CONFLICTS: usize = 5_000;

/// A paper of a project.
pub(crate) async fn paper(
    app: &Arc<App>,
    document: &'static Document,
    mut dossier: Dossier,
) -> Result<Vec<u8>, Problem> {
    let Make::Project(frame, make) = document.make else {
        return Err(Problem::missing("没有这个文件", "No such document."));
    };
    let drawing = match frame {
        Some(frame) => drawing(app, frame, &dossier).await?,
        None => None,
    };
    let shared = Arc::clone(app);
    app.work
        .run(move |stop| {
            if let Some(drawing) = drawing {
                dossier.map = document::map::draw(&drawing, shared.map_font.get().as_deref(), stop)?;
            }
            make(&dossier, &shared.workshop).map_err(problem)
        })
        .await?
}

/// What a client is told when a paper cannot be made.
pub(crate) fn problem(error: DocumentError) -> Problem {
    match error {
        DocumentError::Lacks { what_zh, what_en } => Problem::new(
            axum::http::StatusCode::CONFLICT,
            format!("该项目还没有{what_zh}，不能生成此文件"),
            format!("The project has no {what_en} yet, so this document cannot be made."),
        ),
        DocumentError::NoFonts => Problem::new(
            axum::http::StatusCode::INTERNAL_SERVER_ERROR,
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
    let layers = base_layers(app, dossier.check.as_ref(), bbox).await?;
    let conflicts = dossier.check.as_ref().map(conflicts).unwrap_or_default();
    Ok(Some(Drawing { frame, crs: line.crs().to_owned(), parcels, conflicts, layers }))
}

/// The pieces of each conflict, numbered as in the report.
fn conflicts(check: &Check) -> Vec<Conflict> {
    let conflicts = check.checks.iter().filter(|finding| document::is_conflict(finding));
    let numbers: BTreeMap<&str, (usize, bool)> = conflicts
        .enumerate()
        .map(|(number, finding)| (finding.rule.as_str(), (number + 1, finding.verdict == "fail")))
        .collect();
    check
        .patches
        .iter()
        .filter_map(|patch| {
            let rule = patch.pointer("/properties/rule")?.as_str()?;
            let (number, forbids) = *numbers.get(rule)?;
            Some(Conflict { number, forbids, geometry: patch.get("geometry")?.clone() })
        })
        .take(MAX_CONFLICTS)
        .collect()
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
