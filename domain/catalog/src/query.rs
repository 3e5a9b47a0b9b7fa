//! Reading the catalogue: datasets by kind, box, time and text; revisions by identifier and by time.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use crate::resolve;
use crate::store::{instant, millis};
use crate::{
    Catalog, CatalogError, Classification, Dataset, DatasetEntry, DatasetKind, DatasetQuery, Revision, RevisionId,
    RevisionSummary, Slug, Stewardship,
};

/// More words than anyone types into a search field.
const MAX_WORDS: usize = 8;

impl Catalog {
    /// The datasets that answer the query, by slug.
    pub async fn dataset_list(&self, query: &DatasetQuery) -> Result<Vec<DatasetEntry>, CatalogError> {
        let datasets = sqlx::query(
            "SELECT slug, kind, title, title_en, description, live, recorded_ms FROM dataset \
             WHERE CAST($1 AS TEXT) IS NULL OR kind = $1 ORDER BY slug",
        )
        .bind(query.kind.map(DatasetKind::as_str))
        .fetch_all(&self.pool)
        .await
        .map_err(CatalogError::database("datasets"))?;
        let mut revisions: BTreeMap<Slug, Vec<RevisionSummary>> = BTreeMap::new();
        for row in self.summary_rows(None).await? {
            let (slug, summary) = summary_of(&row)?;
            revisions.entry(slug).or_default().push(summary);
        }
        let words: Vec<String> = query
            .text
            .as_deref()
            .unwrap_or_default()
            .split_whitespace()
            .take(MAX_WORDS)
            .map(str::to_lowercase)
            .collect();

        let mut entries = Vec::new();
        for row in &datasets {
            let dataset = dataset_of(row)?;
            let mut known = revisions.remove(&dataset.slug).unwrap_or_default();
            known.retain(|revision| resolve::is_known(revision, query.recorded));
            let picked = resolve::pick(&known, query.datetime, query.recorded, query.or_newest)
                .map(|summary| summary.id.clone());
            if picked.is_none() && dataset.live.is_none() {
                continue;
            }
            let revision = match picked {
                Some(id) => self.revision_get(&dataset.slug, &id).await?,
                None => None,
            };
            let entry = DatasetEntry { dataset, revision, revisions: known };
            if meets(&entry, query.bbox_lon_lat_deg) && mentions(&entry, &words) {
                entries.push(entry);
            }
        }
        Ok(entries)
    }

    /// One dataset.
    pub async fn dataset_get(&self, slug: &Slug) -> Result<Option<Dataset>, CatalogError> {
        let row = sqlx::query(
            "SELECT slug, kind, title, title_en, description, live, recorded_ms FROM dataset WHERE slug = $1",
        )
        .bind(slug.as_str())
        .fetch_optional(&self.pool)
        .await
        .map_err(CatalogError::database("dataset"))?;
        row.as_ref().map(dataset_of).transpose()
    }

    /// Every revision of a dataset, withdrawn ones too, oldest validity first.
    pub async fn revision_list(&self, slug: &Slug) -> Result<Vec<RevisionSummary>, CatalogError> {
        let rows = self.summary_rows(Some(slug)).await?;
        rows.iter().map(|row| summary_of(row).map(|(_, summary)| summary)).collect()
    }

    /// The revision valid at `datetime` as known at `recorded`; without `datetime` the newest, without `recorded` by all we know.
    pub async fn revision_resolve(
        &self,
        slug: &Slug,
        datetime: Option<DateTime<Utc>>,
        recorded: Option<DateTime<Utc>>,
    ) -> Result<Option<Revision>, CatalogError> {
        self.resolved(slug, datetime, recorded, false).await
    }

    /// The revision to show to someone who asked for no date: what is valid now, else the newest there is.
    pub async fn revision_current(
        &self,
        slug: &Slug,
        now: DateTime<Utc>,
        recorded: Option<DateTime<Utc>>,
    ) -> Result<Option<Revision>, CatalogError> {
        self.resolved(slug, Some(now), recorded, true).await
    }

    async fn resolved(
        &self,
        slug: &Slug,
        datetime: Option<DateTime<Utc>>,
        recorded: Option<DateTime<Utc>>,
        or_newest: bool,
    ) -> Result<Option<Revision>, CatalogError> {
        let revisions = self.revision_list(slug).await?;
        match resolve::pick(&revisions, datetime, recorded, or_newest) {
            Some(summary) => self.revision_get(slug, &summary.id).await,
            None => Ok(None),
        }
    }

    /// One revision, withdrawn or not: a dated URL never stops answering.
    pub async fn revision_get(&self, slug: &Slug, id: &RevisionId) -> Result<Option<Revision>, CatalogError> {
        let row = sqlx::query("SELECT * FROM revision WHERE slug = $1 AND id = $2")
            .bind(slug.as_str())
            .bind(id.as_str())
            .fetch_optional(&self.pool)
            .await
            .map_err(CatalogError::database("revision"))?;
        row.as_ref().map(revision_of).transpose()
    }

    async fn summary_rows(&self, slug: Option<&Slug>) -> Result<Vec<SqliteRow>, CatalogError> {
        sqlx::query(
            "SELECT r.slug, r.id, r.valid_from_ms, r.valid_to_ms, r.recorded_ms, w.recorded_ms AS withdrawn_ms FROM revision r \
             LEFT JOIN withdrawal w ON w.slug = r.slug AND w.revision_id = r.id \
             WHERE CAST($1 AS TEXT) IS NULL OR r.slug = $1 ORDER BY r.slug, r.valid_from_ms, r.recorded_ms, r.id",
        )
        .bind(slug.map(Slug::as_str))
        .fetch_all(&self.pool)
        .await
        .map_err(CatalogError::database("revisions"))
    }
}

fn meets(entry: &DatasetEntry, bbox: Option<[f64; 4]>) -> bool {
    let Some([west, south, east, north]) = bbox else { return true };
    let bounds = match (&entry.revision, &entry.dataset.live) {
        (Some(revision), _) => revision.bounds_lon_lat_deg,
        (None, Some(crate::LiveSource::Tianditu(source))) => source.bounds_lon_lat_deg,
        (None, None) => return false,
    };
    bounds[0] <= east && west <= bounds[2] && bounds[1] <= north && south <= bounds[3]
}

fn mentions(entry: &DatasetEntry, words: &[String]) -> bool {
    let dataset = &entry.dataset;
    let stewardship = entry.revision.as_ref().map(|revision| &revision.stewardship);
    let text = [
        Some(dataset.slug.as_str()),
        Some(dataset.title.as_str()),
        dataset.title_en.as_deref(),
        dataset.description.as_deref(),
        stewardship.and_then(|s| s.responsible_unit.as_deref()),
        stewardship.and_then(|s| s.source.as_deref()),
    ]
    .into_iter()
    .flatten()
    .collect::<Vec<_>>()
    .join("\n")
    .to_lowercase();
    words.iter().all(|word| text.contains(word))
}

pub(crate) fn column<'r, T>(row: &'r SqliteRow, name: &'static str) -> Result<T, CatalogError>
where
    T: sqlx::Decode<'r, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite>,
{
    row.try_get(name).map_err(CatalogError::damaged(name))
}

pub(crate) fn json_column<T: serde::de::DeserializeOwned>(
    row: &SqliteRow,
    name: &'static str,
) -> Result<T, CatalogError> {
    serde_json::from_str(column::<&str>(row, name)?).map_err(CatalogError::damaged(name))
}

pub(crate) fn count_column(row: &SqliteRow, name: &'static str) -> Result<u64, CatalogError> {
    u64::try_from(column::<i64>(row, name)?).map_err(CatalogError::damaged(name))
}

fn dataset_of(row: &SqliteRow) -> Result<Dataset, CatalogError> {
    let kind: &str = column(row, "kind")?;
    let live: Option<&str> = column(row, "live")?;
    Ok(Dataset {
        slug: Slug::parse(column::<&str>(row, "slug")?)?,
        kind: DatasetKind::from_name(kind)
            .ok_or_else(|| CatalogError::Damaged { what: "kind", source: kind.to_owned().into() })?,
        title: column(row, "title")?,
        title_en: column(row, "title_en")?,
        description: column(row, "description")?,
        live: live.map(serde_json::from_str).transpose().map_err(CatalogError::damaged("live"))?,
        recorded: instant(column(row, "recorded_ms")?)?,
    })
}

fn summary_of(row: &SqliteRow) -> Result<(Slug, RevisionSummary), CatalogError> {
    let summary = RevisionSummary {
        id: RevisionId::parse(column::<&str>(row, "id")?)?,
        valid_from: instant(column(row, "valid_from_ms")?)?,
        valid_to: column::<Option<i64>>(row, "valid_to_ms")?.map(instant).transpose()?,
        recorded: instant(column(row, "recorded_ms")?)?,
        withdrawn: column::<Option<i64>>(row, "withdrawn_ms")?.map(instant).transpose()?,
    };
    Ok((Slug::parse(column::<&str>(row, "slug")?)?, summary))
}

fn revision_of(row: &SqliteRow) -> Result<Revision, CatalogError> {
    let classification: &str = column(row, "classification")?;
    let lowest: Option<f64> = column(row, "min_height_m")?;
    let highest: Option<f64> = column(row, "max_height_m")?;
    Ok(Revision {
        id: RevisionId::parse(column::<&str>(row, "id")?)?,
        slug: Slug::parse(column::<&str>(row, "slug")?)?,
        valid_from: instant(column(row, "valid_from_ms")?)?,
        valid_to: column::<Option<i64>>(row, "valid_to_ms")?.map(instant).transpose()?,
        recorded: instant(column(row, "recorded_ms")?)?,
        stewardship: Stewardship {
            responsible_unit: column(row, "responsible_unit")?,
            classification: Classification::from_name(classification).ok_or_else(|| CatalogError::Damaged {
                what: "classification",
                source: classification.to_owned().into(),
            })?,
            update_cycle: column(row, "update_cycle")?,
            source: column(row, "source")?,
            contact: column(row, "contact")?,
            licence: column(row, "licence")?,
            map_approval_number: column(row, "map_approval_number")?,
        },
        provenance: json_column(row, "provenance")?,
        crs: column(row, "crs")?,
        height: json_column(row, "height")?,
        bounds_lon_lat_deg: [
            column(row, "west_deg")?,
            column(row, "south_deg")?,
            column(row, "east_deg")?,
            column(row, "north_deg")?,
        ],
        height_range_m: lowest.zip(highest).map(|(low, high)| [low, high]),
        assets: json_column(row, "assets")?,
        file_count: count_column(row, "file_count")?,
        total_bytes: count_column(row, "total_bytes")?,
        properties: json_column(row, "properties")?,
    })
}

/// Whether any lease or revision owns `slug@id`.
pub(crate) async fn is_owned(catalog: &Catalog, slug: &Slug, id: &RevisionId) -> Result<bool, CatalogError> {
    let (owners,): (i64,) = sqlx::query_as(
        "SELECT (SELECT COUNT(*) FROM revision WHERE slug = $1 AND id = $2) + (SELECT COUNT(*) FROM lease WHERE slug = $1 AND revision_id = $2)",
    )
    .bind(slug.as_str())
    .bind(id.as_str())
    .fetch_one(&catalog.pool)
    .await
    .map_err(CatalogError::database("sweep"))?;
    Ok(owners > 0)
}

/// Ends every lease that ran out by `now`.
pub(crate) async fn leases_expire(catalog: &Catalog, now: DateTime<Utc>) -> Result<u64, CatalogError> {
    sqlx::query("DELETE FROM lease WHERE expires_ms < $1")
        .bind(millis(now))
        .execute(&catalog.pool)
        .await
        .map(|done| done.rows_affected())
        .map_err(CatalogError::database("sweep"))
}
