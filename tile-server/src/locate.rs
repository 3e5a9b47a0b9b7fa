//! From a URL's dataset part to a revision: `dlg@20240501` is that revision, `dlg` is answered by a redirect to it.

use std::sync::Arc;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use catalog::{Dataset, Revision, RevisionId, Slug, instant_at_end};
use chrono::{DateTime, Utc};

use crate::app::App;
use crate::problem::Problem;

/// What the dataset part of a URL stands for.
#[derive(Debug)]
pub enum Located {
    /// A revision named in the URL: its answers never change.
    Dated(Arc<Revision>),
    /// The revision that the query's times resolve to; the client is to be sent there.
    Undated(Arc<Revision>),
    /// A live dataset: no dated answers.
    Live(Arc<Dataset>),
}

/// `datetime=` and `recorded=` of a query.
#[derive(Debug, Clone, Default)]
pub struct Times {
    /// What was valid then.
    pub datetime: Option<DateTime<Utc>>,
    /// As known then.
    pub recorded: Option<DateTime<Utc>>,
}

impl Times {
    /// Reads the two parameters; others are left alone.
    pub fn from_query(query: Option<&str>) -> Result<Self, Problem> {
        let mut times = Self::default();
        for (name, value) in url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            let slot = match name.as_ref() {
                "datetime" => &mut times.datetime,
                "recorded" => &mut times.recorded,
                _ => continue,
            };
            // An empty field of a form means that nothing was asked; ".." is the open end of OGC APIs.
            if value.is_empty() || value == ".." {
                continue;
            }
            let instant = instant_at_end(&value).map_err(|_unreadable| {
                Problem::bad_parameter(
                    &name,
                    "请写 2024、2024-05、2024-05-01 或 RFC 3339 时间",
                    "write 2024, 2024-05, 2024-05-01 or an RFC 3339 instant",
                )
            })?;
            *slot = Some(instant);
        }
        Ok(times)
    }
}

/// The query without the times that resolving has used up.
fn remaining_query(query: Option<&str>) -> String {
    let mut rest = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        if name != "datetime" && name != "recorded" {
            rest.append_pair(&name, &value);
        }
    }
    rest.finish()
}

impl App {
    /// What the dataset part `slug` or `slug@revision` stands for. Unknown and malformed names are one 404.
    pub async fn locate(&self, part: &str, query: Option<&str>) -> Result<Located, Problem> {
        let (slug, id) = match part.split_once('@') {
            Some((slug, id)) => (slug, Some(id)),
            None => (part, None),
        };
        let slug = Slug::parse(slug).map_err(|_malformed| Problem::no_dataset())?;
        if let Some(id) = id {
            let id = RevisionId::parse(id).map_err(|_malformed| Problem::no_dataset())?;
            return self.revision(&slug, &id).await.map(Located::Dated);
        }
        let dataset = self.catalog.dataset_get(&slug).await?.ok_or_else(Problem::no_dataset)?;
        if dataset.live.is_some() {
            return Ok(Located::Live(Arc::new(dataset)));
        }
        let times = Times::from_query(query)?;
        let found = match times.datetime {
            Some(_) => self.catalog.revision_resolve(&slug, times.datetime, times.recorded).await?,
            None => self.catalog.revision_current(&slug, (self.settings.now)(), times.recorded).await?,
        };
        found.map(|revision| Located::Undated(Arc::new(revision))).ok_or_else(|| {
            Problem::missing("该数据集在所问的时间没有版本", "This dataset has no revision for the time asked for.")
        })
    }

    /// A revision by name. Revisions are immutable, so they are kept once read.
    pub async fn revision(&self, slug: &Slug, id: &RevisionId) -> Result<Arc<Revision>, Problem> {
        let key = (slug.clone(), id.clone());
        if let Some(revision) = self.revisions.get(&key).await {
            return Ok(revision);
        }
        let revision = Arc::new(self.catalog.revision_get(slug, id).await?.ok_or_else(Problem::no_dataset)?);
        self.revisions.insert(key, Arc::clone(&revision)).await;
        Ok(revision)
    }

    /// Sends the client to the dated URL: `path` is what follows the base path, with the revision named.
    pub fn redirect(&self, path: &str, query: Option<&str>) -> Response {
        let rest = remaining_query(query);
        let location = format!("{}{path}{}{rest}", self.settings.base_path, if rest.is_empty() { "" } else { "?" });
        let mut response = StatusCode::TEMPORARY_REDIRECT.into_response();
        if let Ok(location) = HeaderValue::try_from(location) {
            response.headers_mut().insert(header::LOCATION, location);
        }
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        response
    }
}

/// `slug@revision` for URLs.
pub fn dated_name(revision: &Revision) -> String {
    format!("{}@{}", revision.slug, revision.id)
}
