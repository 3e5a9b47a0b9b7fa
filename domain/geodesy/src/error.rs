//! What can go wrong with a place, said in Chinese and English with what to do about it.
//!
//! Not here: warnings. A coordinate system that can be used but says two things is a [`crate::CrsWarning`].
//! No message ever carries the value of a datum parameter: those are secret.

use thiserror::Error;

/// Everything this crate refuses or fails at.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum GeodesyError {
    /// The text is no coordinate system PROJ can read, or not one with horizontal coordinates.
    #[error(
        "无法识别坐标系“{input}”：{reason}。请给出 EPSG 代码、WKT 或 PROJ 字符串 \
         (not a usable coordinate system: give an EPSG code, WKT or a PROJ string)"
    )]
    CrsNotUnderstood {
        /// The beginning of what was given.
        input: String,
        /// Why it could not be used.
        reason: String,
    },
    /// The datum is one that may only be left with the surveyor's own parameters.
    #[error(
        "坐标系“{crs}”的基准是{datum}，没有当地转换参数不能转到 CGCS2000。请用参数文件给出四参数或七参数 \
         (refused by datum: no conversion without the surveyor's 4- or 7-parameter file)"
    )]
    DatumRefused {
        /// Name of the coordinate system.
        crs: String,
        /// Name of its datum.
        datum: String,
    },
    /// The parameters given are for another datum than the one of the data.
    #[error(
        "转换参数的起始基准是{parameters}，数据“{crs}”的基准是{datum}，不能使用 \
         (these datum parameters are for another datum)"
    )]
    ParametersDoNotApply {
        /// Datum that the parameter file is for.
        parameters: String,
        /// Name of the coordinate system of the data.
        crs: String,
        /// Its datum.
        datum: String,
    },
    /// The parameter file could not be read. The text itself is secret and not shown.
    #[error("转换参数文件第 {line} 行有误：{reason} (datum parameter file, line {line})")]
    ParametersNotUnderstood {
        /// Line of the problem, from 1; 0 where it concerns the whole file.
        line: usize,
        /// What is wrong, without any value.
        reason: String,
    },
    /// PROJ knows only a no-op ("ballpark") between the two.
    #[error(
        "PROJ 没有从“{from}”到“{to}”的可靠转换，只有近似的空操作，拒绝使用 \
         (no reliable operation between the two: only a ballpark one, refused)"
    )]
    OnlyBallpark {
        /// Source.
        from: String,
        /// Target.
        to: String,
    },
    /// A geocentric system has no meaning without a height.
    #[error("地心坐标系需要三维坐标 (a geocentric system needs three coordinates)")]
    NeedsHeight,
    /// A point that the projection cannot place.
    #[error(
        "第 {index} 个点 ({x}, {y}) 不能从“{from}”转换到“{to}”：坐标系可能指定有误 \
         (a point cannot be converted: is the coordinate system right?)"
    )]
    PointOutside {
        /// Index in the array handed in, from 0.
        index: usize,
        /// First coordinate as given.
        x: f64,
        /// Second coordinate as given.
        y: f64,
        /// Source.
        from: String,
        /// Target.
        to: String,
    },
    /// PROJ failed where it should not have.
    #[error("PROJ 出错：{what} (PROJ failed)")]
    Proj {
        /// What was attempted, without parameters.
        what: String,
        /// PROJ's own words.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A line needs more points than can be right.
    #[error("一条边需要加密到 {points} 个点，超出上限：坐标系可能指定有误 (an edge would need too many points)")]
    EdgeTooLong {
        /// Points it would need.
        points: u64,
    },
    /// A map-sheet number or a place outside the national sheet system.
    #[error("图幅号或位置“{input}”不合 GB/T 13989：{reason} (not a map sheet)")]
    Sheet {
        /// What was given.
        input: String,
        /// Why not.
        reason: String,
    },
    /// A geoid grid file that cannot be used, or does not cover a place.
    #[error("大地水准面格网不可用：{reason} (geoid grid)")]
    Geoid {
        /// Why not.
        reason: String,
    },
}
