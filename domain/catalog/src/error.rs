//! What can go wrong with the catalogue, in words for a person (Chinese first) without internal paths where the web may see them.

use std::path::PathBuf;

/// An error of the catalogue.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// A slug or revision identifier is malformed.
    #[error(
        "{what}“{text}”不合规定：只能用小写字母、数字和连字符，最多 63 个字符；not a valid name: use a-z, 0-9 and '-', at most 63 characters"
    )]
    BadName {
        /// Which name.
        what: &'static str,
        /// What was given, shortened.
        text: String,
    },
    /// A date or instant could not be read.
    #[error(
        "时间“{text}”无法识别，请写 2024、2024-05、2024-05-01 或 2024-05-01T08:00:00+08:00；not a date or RFC 3339 instant"
    )]
    BadInstant {
        /// What was given, shortened.
        text: String,
    },
    /// The dataset exists with another kind, or is live where revisions were meant (or the reverse).
    #[error(
        "数据集 {slug} 已登记为 {existing}，不能再作为 {wanted} 发布，请换一个标识；dataset {slug} is already {existing}, publish {wanted} under another slug"
    )]
    KindConflict {
        /// The dataset.
        slug: String,
        /// What it is.
        existing: String,
        /// What was asked.
        wanted: String,
    },
    /// A description of a revision contradicts itself or its folder.
    #[error("版本说明有误（{field}）：{reason}；the revision is described wrongly ({field})")]
    BadRevision {
        /// Field at fault.
        field: &'static str,
        /// Why, Chinese and English.
        reason: String,
    },
    /// A file in the folder to be published cannot be a blob.
    #[error("不能发布文件 {path}：{reason}；cannot publish this file")]
    BadFile {
        /// Path relative to the folder.
        path: String,
        /// Why, Chinese and English.
        reason: &'static str,
    },
    /// That revision is there already: revisions are never overwritten.
    #[error("版本 {slug}@{id} 已存在，版本不可覆盖；revision {slug}@{id} exists and is never overwritten")]
    RevisionExists {
        /// The dataset.
        slug: String,
        /// The revision.
        id: String,
    },
    /// No such revision.
    #[error("没有版本 {slug}@{id}；no revision {slug}@{id}")]
    RevisionMissing {
        /// The dataset.
        slug: String,
        /// The revision.
        id: String,
    },
    /// The lease of an import ran out and the sweep took its blobs.
    #[error(
        "导入 {slug}@{id} 的租约已过期，暂存文件已被清理，请重新导入；the lease of this import expired, run it again"
    )]
    LeaseLost {
        /// The dataset.
        slug: String,
        /// The revision.
        id: String,
    },
    /// The database refused.
    #[error("目录数据库出错（{during}）；the catalogue database failed ({during})")]
    Database {
        /// What was being done.
        during: &'static str,
        /// The cause.
        #[source]
        source: sqlx::Error,
    },
    /// The schema could not be brought up to date.
    #[error("目录数据库结构无法升级；the catalogue's schema could not be migrated")]
    Migration {
        /// The cause.
        #[source]
        source: sqlx::migrate::MigrateError,
    },
    /// The file system refused.
    #[error("文件操作失败 {path}；file operation failed", path = path.display())]
    File {
        /// Where.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// The blob store refused.
    #[error("数据存储出错；the blob store failed")]
    Blob {
        /// The cause.
        #[source]
        source: object_store::Error,
    },
    /// A row of the database does not read as what it should be.
    #[error("目录记录损坏（{what}）；a catalogue record is damaged ({what})")]
    Damaged {
        /// Which part.
        what: &'static str,
        /// The cause.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl CatalogError {
    pub(crate) fn database(during: &'static str) -> impl FnOnce(sqlx::Error) -> Self {
        move |source| Self::Database { during, source }
    }

    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }

    pub(crate) fn damaged<E: std::error::Error + Send + Sync + 'static>(what: &'static str) -> impl FnOnce(E) -> Self {
        move |source| Self::Damaged { what, source: Box::new(source) }
    }
}
