//! What we hold and since when: datasets, their dated immutable revisions, and the blobs behind them.
//!
//! This is the only crate that opens a database (sqlx, `SQLite` in WAL mode, SQL kept to what PostgreSQL takes as well)
//! or a blob store (`object_store`, a local folder). One concrete async [`Catalog`] and no storage trait: there is one storage.
//! It knows no HTTP, no GDAL and no clock: instants and identifiers are handed in.
//!
//! A folder holds `catalog.sqlite`, `blobs/{slug}/{revision}/…`, and `staging/` for running imports.
//! A revision is visible exactly when its row is; blobs and manifest are in place before the row is written.

mod attachment;
mod dataset;
mod error;
mod incident;
mod instant;
mod job;
mod kept_answer;
mod ledger;
mod live;
mod people;
mod project;
mod publish;
mod push;
mod query;
mod resolve;
mod revision;
mod rule;
mod slug;
mod staging;
mod store;
mod sweep;

pub use attachment::AttachmentRow;
pub use dataset::{Dataset, DatasetEntry, DatasetKind, DatasetQuery, NewDataset, RevisionSummary};
pub use error::CatalogError;
pub use incident::{IncidentRow, PhotoRow};
pub use instant::{instant_at_end, instant_at_start};
pub use job::{Job, JobAdded, JobState, Lease, NewJob, QueueLimits};
pub use kept_answer::KeptAnswer;
pub use ledger::{LedgerQuery, LedgerRow};
pub use live::{LiveSource, TiandituLayer, TiandituSource};
pub use people::{AccountRow, AdministrationEntry, SessionRow, UnitRow, Written};
pub use project::{EventRow, ProjectQuery, ProjectRow, ProjectWrite};
pub use push::PushRow;
pub use revision::{
    Asset, Classification, HeightReference, NewAsset, NewRevision, Provenance, Revision, SourceFile, Stewardship,
};
pub use rule::RuleVersion;
pub use slug::{RevisionId, Slug};
pub use staging::Staging;
pub use store::Catalog;
pub use sweep::SweepReport;

/// Name of the file list written beside the assets of every revision.
pub const MANIFEST_NAME: &str = "shikong-manifest.json";
