//! What an analysis makes, published as datasets of their own when it is done: their provenance is the request and its
//! sources. A job that is begun again after a crash publishes the same revision under the same name, once.

use std::path::Path;

use catalog::{CatalogError, DatasetKind, Job, NewDataset, NewRevision, Provenance, RevisionId, Slug};
use geodesy::crs::Crs;
use serde_json::{Value, json};

use crate::app::App;
use crate::problem::Problem;

/// A dataset to be.
pub(super) struct Made {
    /// What it is, within the job.
    pub(super) name: &'static str,
    /// Its kind.
    pub(super) kind: DatasetKind,
    /// Chinese and English title.
    pub(super) titles: [String; 2],
    /// The revision but for its provenance; its first asset is the file.
    pub(super) revision: NewRevision,
}

/// `EPSG:n`, or what else names a CRS.
pub(super) fn name_of(crs: &Crs) -> String {
    crs.epsg().map_or_else(|| crs.definition().to_owned(), |code| format!("EPSG:{code}"))
}

/// Publishes one dataset; `write` makes its file at the path that it is given. What the row of the job says of it:
/// `dataset`, `revision` and the titles.
pub(super) async fn publish<W>(app: &App, job: &Job, sources: &Value, made: Made, write: W) -> Result<Value, Problem>
where
    W: FnOnce(&Path) -> Result<(), Problem> + Send + 'static,
{
    let short: String = job.id.chars().filter(char::is_ascii_alphanumeric).take(12).collect();
    let slug = Slug::parse(&format!("result-{short}-{}", made.name)).map_err(Problem::internal)?;
    // The same name however often the job is begun.
    let id = RevisionId::from_time(job.created, 0);
    let [zh, en] = made.titles;
    let told = json!({ "name": made.name, "title": zh, "title_en": en, "dataset": slug, "revision": id });
    let staging = match app.catalog.staging_open(&slug, &id, (app.settings.now)()).await {
        Ok(staging) => staging,
        Err(CatalogError::RevisionExists { .. }) if app.catalog.revision_get(&slug, &id).await?.is_some() => {
            return Ok(told);
        }
        Err(error) => return Err(error.into()),
    };
    let mut revision = made.revision;
    let file = revision.assets.first().map(|asset| asset.path.clone());
    let target = staging.path().join(file.ok_or_else(|| Problem::internal("a result without a file"))?);
    tokio::task::spawn_blocking(move || write(&target)).await.map_err(Problem::internal)??;
    let dataset = NewDataset { title: Some(zh), title_en: Some(en), ..NewDataset::new(slug, made.kind) };
    revision.provenance = Provenance {
        operator: Some(job.account_name.clone()),
        software: Some(format!("{} {}", job.name, env!("CARGO_PKG_VERSION"))),
        parameters: json!({ "analysis": job.name, "job": job.id, "request": job.request }),
        report: json!({ "sources": sources }),
        ..Provenance::default()
    };
    revision.properties["result_of"] = json!({ "job": job.id, "analysis": job.name, "name": made.name });
    app.catalog.publish(&staging, &dataset, &revision, (app.settings.now)()).await?;
    Ok(told)
}
