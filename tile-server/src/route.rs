//! What a route is: the router and `openapi.json` are both made from these descriptions.
//!
//! Each file under `routes/` holds the table of its protocol; `app` lists the protocols.

use axum::routing::MethodRouter;

use crate::app::Shared;

/// Method of a route; `Get` answers HEAD too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Reads.
    Get,
    /// Makes something, or acts; takes an `Idempotency-Key`.
    Post,
    /// Replaces.
    Put,
    /// Changes a part.
    Patch,
    /// Removes or cancels.
    Delete,
}

impl Verb {
    /// Lower-case name, as in `OpenAPI`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Post => "post",
            Self::Put => "put",
            Self::Patch => "patch",
            Self::Delete => "delete",
        }
    }
}

/// Where a parameter of a route is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum In {
    /// In the path.
    Path,
    /// In the query.
    Query,
}

/// A parameter of a route, as documented.
#[derive(Debug)]
pub struct Parameter {
    /// Where it is.
    pub place: In,
    /// Its name.
    pub name: &'static str,
    /// JSON schema type.
    pub schema: &'static str,
    /// What it means.
    pub about: &'static str,
}

/// One route: a method of a path.
#[derive(Debug)]
pub struct Route {
    /// Method.
    pub verb: Verb,
    /// Path pattern below the base path.
    pub path: &'static str,
    /// Group in the documentation.
    pub tag: &'static str,
    /// One line, Chinese and English.
    pub about: &'static str,
    /// Its parameters.
    pub parameters: &'static [&'static Parameter],
    /// Media types of the body it takes; none for most.
    pub takes: &'static [&'static str],
    /// Media types of its answers.
    pub media_types: &'static [&'static str],
    /// Its handler, for this method only.
    pub handler: fn() -> MethodRouter<Shared>,
}

macro_rules! parameters {
    ($($constant:ident = $place:ident $name:literal $schema:literal $about:literal;)*) => {
        $(pub(crate) const $constant: &crate::route::Parameter = &crate::route::Parameter {
            place: crate::route::In::$place,
            name: $name,
            schema: $schema,
            about: $about,
        };)*
    };
}
pub(crate) use parameters;

/// Parameters that several protocols share; those of one protocol are in its own file.
pub(crate) mod parameter {
    super::parameters! {
        DATASET = Path "dataset" "string" "数据集标识，或 数据集@版本（不变）；dataset, or dataset@revision (immutable)";
        Z = Path "z" "integer" "级别；level";
        X = Path "x" "integer" "列；column from the west";
        Y = Path "y" "string" "行与格式，如 12.mvt；row from the north and format";
        ENCODING = Path "encoding" "string" "terrarium 或 mapbox";
        FILE = Path "path" "string" "版本内的文件；file within the revision";
        FID = Path "fid" "integer" "要素编号；feature id";
        ID = Path "id" "string" "样式标识加 .json；style id with .json";
        FONTSTACK = Path "fontstack" "string" "字体名，逗号分隔；font names, comma separated";
        SPRITE = Path "id" "string" "图标集名，如 shikong.json、shikong@2x.png；sprite sheet name";
        STYLE_PNG = Path "style" "string" "样式标识加 .png；style id with .png";
        RANGE = Path "range" "string" "码段，如 19968-20223.pbf；code points";
        DATETIME = Query "datetime" "string" "现势时间：2024、2024-05-01 或 RFC 3339；what was valid then";
        RECORDED = Query "recorded" "string" "入库时间：按当时所知；as known then";
        KIND = Query "kind" "string" "类型；imagery | elevation | point-cloud | mesh | features | basemap | observations";
        BBOX = Query "bbox" "string" "西,南,东,北（度）；west,south,east,north in degrees";
        TEXT = Query "q" "string" "检索词；words";
        LIMIT = Query "limit" "integer" "条数上限；at most this many";
        OFFSET = Query "offset" "integer" "跳过条数；skip this many";
        SIZE = Query "size" "string" "像素，如 1024x768；pixels";
        BACKGROUND = Query "background" "string" "底色，如 white、f5f1e6、transparent；默认取样式的背景层，没有则透明；paper colour, by default the style's background layer, else transparent";
        GAPS = Query "gaps" "string" "无数据处：mark 记为 0 米码（默认），fill 以邻近高程外推，仅供显示；no data: mark codes it as 0 m (default), fill carries nearby heights on, for display only";
        CRS = Query "crs" "string" "输出坐标：EPSG 代码，或 delivered 取原坐标原数值，x 东 y 北；coordinates to answer in: an EPSG code, or delivered for those of the delivery; x east, y north";
        BBOX_CRS = Query "bbox-crs" "string" "bbox 的坐标系：CRS84（默认）或 delivered；coordinates of bbox: CRS84 (default) or delivered";
        FOR_DATASET = Query "dataset" "string" "样式所用的数据集；the dataset that the style is to draw";
    }
}
