//! Why an analysis is refused, in Chinese and English.

use thiserror::Error;

/// Everything this crate refuses.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AnalysisError {
    /// Layers must be in one plane.
    #[error(
        "两个图层的坐标系不同或不是投影坐标系：“{first}”与“{second}”。请先转换到同一高斯投影带 \
         (both layers must be in the same projected system)"
    )]
    NotOnePlane {
        /// System of the first layer.
        first: String,
        /// System of the second layer.
        second: String,
    },
    /// A coordinate is not a number.
    #[error("图层“{layer}”的图斑 {parcel} 含有无效坐标 (a coordinate is not a finite number)")]
    NotFinite {
        /// Source of the layer.
        layer: String,
        /// Parcel id.
        parcel: String,
    },
    /// The snap distance cannot be used.
    #[error("捕捉精度 {snap_m} 米不可用 (the snap distance must be above zero and below a kilometre)")]
    Snap {
        /// Metres asked for.
        snap_m: f64,
    },
    /// The layers are too large for the snap distance.
    #[error(
        "图层范围太大，不能按 {snap_m} 米捕捉，最小可用 {smallest_m} 米 \
         (too large for this snap distance: use a coarser one or split the area)"
    )]
    TooLarge {
        /// Metres asked for.
        snap_m: f64,
        /// Metres that would do.
        smallest_m: f64,
    },
    /// Parts cannot be balanced to their total.
    #[error("不能调平：{reason} (parts cannot be balanced to their total)")]
    Balance {
        /// Why not.
        reason: &'static str,
    },
    /// Ground came in and did not come out.
    #[error(
        "叠加前后面积不符：{before_m2} 平方米变为 {after_m2} 平方米，结果不可用，请检查图层的几何质量 \
         (ground was lost or made in the overlay: check the layers' geometry)"
    )]
    LostGround {
        /// Square metres before.
        before_m2: f64,
        /// Square metres after.
        after_m2: f64,
    },
    /// The request makes no sense.
    #[error("请求有误：{what_zh} (bad request: {what_en})")]
    Request {
        /// What is wrong, and what to do.
        what_zh: String,
        /// The same in English.
        what_en: String,
    },
    /// A red line cannot be used.
    #[error("红线有误：{what_zh} (the red line cannot be used: {what_en})")]
    RedLine {
        /// What is wrong, and where.
        what_zh: String,
        /// The same in English.
        what_en: String,
    },
    /// A rule document is missing.
    #[error("没有规则文件“{name}” (no such rule document)")]
    NoRule {
        /// Its name.
        name: String,
    },
    /// A rule document cannot be used.
    #[error("规则文件“{name}”有误：{what} (the rule document cannot be used)")]
    BadRule {
        /// Its name.
        name: String,
        /// What is wrong.
        what: String,
    },
    /// A surface could not be read.
    #[error("高程数据无法读取 (the surface cannot be read)")]
    Surface(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Nobody wants the result any more.
    #[error("分析已取消 (cancelled)")]
    Cancelled,
    /// A place could not be converted.
    #[error("坐标转换失败 (a coordinate conversion failed)")]
    Geodesy(
        #[source]
        #[from]
        geodesy::GeodesyError,
    ),
}
