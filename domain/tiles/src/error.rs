//! The one error of this crate.
//!
//! `Display` says what failed and where, in Chinese and English, without its source; whoever prints walks the chain.

use thiserror::Error;

/// Why bytes could not be read, or could not be made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TilesError {
    /// The bytes contradict their format.
    #[error("{format} 数据损坏 / malformed {format}: {reason}")]
    Malformed {
        /// The format, such as `MVT` or `TIFF`.
        format: &'static str,
        /// What was found, with its place where one is known.
        reason: String,
    },
    /// Well formed, but using something this crate does not read or write.
    #[error("{format} 中的 {feature} 不受支持 / {format}: {feature} is not supported")]
    Unsupported {
        /// The format.
        format: &'static str,
        /// The feature that is not supported.
        feature: String,
    },
    /// A size is over its limit.
    #[error("{format} 的 {what} 超限 / {format}: {what} is {size}, the limit is {limit}")]
    TooLarge {
        /// The format.
        format: &'static str,
        /// What is too large.
        what: &'static str,
        /// How large it is.
        size: u64,
        /// The limit.
        limit: u64,
    },
    /// The caller asked for something that cannot be.
    #[error("参数无效 / invalid argument: {reason}")]
    Argument {
        /// What was wrong with the argument.
        reason: String,
    },
    /// A blob could not be read.
    #[error("无法读取 / cannot read {path}")]
    Store {
        /// Path of the blob in its store.
        path: String,
        /// What the store said.
        #[source]
        source: object_store::Error,
    },
    /// A local file could not be read or written.
    #[error("无法读写文件 / cannot read or write {path}")]
    File {
        /// The file.
        path: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A codec or a library below failed.
    #[error("{codec} 编解码失败 / {codec} failed")]
    Codec {
        /// The codec.
        codec: &'static str,
        /// What it said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Coordinates could not be converted.
    #[error("坐标转换失败 / coordinate conversion failed")]
    Geodesy {
        /// What geodesy said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl TilesError {
    /// Bytes that contradict their format.
    pub(crate) fn malformed(format: &'static str, reason: impl Into<String>) -> Self {
        Self::Malformed { format, reason: reason.into() }
    }

    /// Something this crate does not read or write.
    pub(crate) fn unsupported(format: &'static str, feature: impl Into<String>) -> Self {
        Self::Unsupported { format, feature: feature.into() }
    }

    /// A codec's own error.
    pub(crate) fn codec(codec: &'static str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Codec { codec, source: source.into() }
    }
}
