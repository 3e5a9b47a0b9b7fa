//! The server: what it holds, and the one table of every route. The router and `openapi.json` both come from the table.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodRouter, get};
use catalog::{Catalog, DatasetKind, Revision, RevisionId, Slug};
use chrono::{DateTime, Utc};
use moka::future::Cache;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::{Any, CorsLayer};
use tower_http::timeout::TimeoutLayer;

use crate::problem::Problem;
use crate::routes;
use crate::source::Sources;
use crate::traffic::{Traffic, observe};
use crate::work::{Work, WorkLimits};

/// Longest a request may take; the slowest is a cold tile of a basemap far away.
const REQUEST_TIMEOUT: Duration = Duration::from_mins(1);
/// Revisions kept in memory: metadata only.
const REVISIONS_KEPT: u64 = 4_096;

/// What `main` reads from the command line and the environment.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Prefix of every route, empty or `/like-this`.
    pub base_path: String,
    /// The clock.
    pub now: fn() -> DateTime<Utc>,
    /// Where tiles fetched or cut may be kept; may be emptied at any time.
    pub cache_dir: PathBuf,
    /// Key (tk) for Tianditu, a secret.
    pub tianditu_key: Option<String>,
    /// How much is made on request at a time.
    pub work: WorkLimits,
}

/// One running server.
#[derive(Debug)]
pub struct App {
    /// What we hold.
    pub catalog: Catalog,
    /// What `main` was told.
    pub settings: Settings,
    /// Where tiles come from.
    pub sources: Sources,
    /// Places for what is made on request.
    pub work: Arc<Work>,
    /// Counters.
    pub traffic: Traffic,
    pub(crate) revisions: Cache<(Slug, RevisionId), Arc<Revision>>,
    pub(crate) kinds: Cache<Slug, DatasetKind>,
    pub(crate) glyphs: routes::glyphs::GlyphCache,
    pub(crate) map_font: routes::maps::MapFont,
}

/// What handlers share.
pub type Shared = Arc<App>;

impl App {
    /// A server over an open catalogue.
    pub fn new(catalog: Catalog, settings: Settings) -> Shared {
        let work = Arc::new(Work::new(settings.work));
        Arc::new(Self {
            sources: Sources::new(&settings, &work),
            work,
            catalog,
            settings,
            traffic: Traffic::new(),
            revisions: Cache::new(REVISIONS_KEPT),
            kinds: Cache::new(REVISIONS_KEPT),
            glyphs: routes::glyphs::GlyphCache::default(),
            map_font: routes::maps::MapFont::default(),
        })
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

/// One route.
#[derive(Debug)]
pub struct Route {
    /// Path pattern below the base path.
    pub path: &'static str,
    /// Group in the documentation.
    pub tag: &'static str,
    /// One line, Chinese and English.
    pub about: &'static str,
    /// Its parameters.
    pub parameters: &'static [&'static Parameter],
    /// Media types of its answers.
    pub media_types: &'static [&'static str],
    /// Its handler.
    pub handler: fn() -> MethodRouter<Shared>,
}

macro_rules! parameters {
    ($($constant:ident = $place:ident $name:literal $schema:literal $about:literal;)*) => {
        $(const $constant: &Parameter = &Parameter { place: In::$place, name: $name, schema: $schema, about: $about };)*
    };
}

parameters! {
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
    FIRST = Query "first" "string" "第一个矢量数据集；first dataset of features";
    SECOND = Query "second" "string" "第二个矢量数据集；second dataset of features";
    FIRST_FIELD = Query "first_field" "string" "第一个数据集的分类字段；class field of the first dataset";
    SECOND_FIELD = Query "second_field" "string" "第二个数据集的分类字段；class field of the second dataset";
    FOR_DATASET = Query "dataset" "string" "样式所用的数据集；the dataset that the style is to draw";
}

/// Every route of the service.
pub const ROUTES: &[Route] = &[
    Route {
        path: "/",
        tag: "service",
        about: "网页；the web page",
        parameters: &[],
        media_types: &["text/html"],
        handler: || get(routes::page::index),
    },
    Route {
        path: "/health",
        tag: "service",
        about: "服务与目录是否正常；whether service and catalogue answer",
        parameters: &[],
        media_types: &["application/json"],
        handler: || get(routes::health::health),
    },
    Route {
        path: "/metrics",
        tag: "service",
        about: "Prometheus 指标；counters for Prometheus",
        parameters: &[],
        media_types: &["text/plain"],
        handler: || get(routes::health::metrics),
    },
    Route {
        path: "/openapi.json",
        tag: "service",
        about: "本说明；this description",
        parameters: &[],
        media_types: &["application/json"],
        handler: || get(routes::health::openapi),
    },
    Route {
        path: "/datasets",
        tag: "datasets",
        about: "数据集目录；the datasets, each with the revision that the times resolve to",
        parameters: &[KIND, BBOX, DATETIME, RECORDED, TEXT],
        media_types: &["application/json"],
        handler: || get(routes::datasets::list),
    },
    Route {
        path: "/datasets/{dataset}",
        tag: "datasets",
        about: "一个数据集及其全部版本；one dataset with all its revisions",
        parameters: &[DATASET, DATETIME, RECORDED],
        media_types: &["application/json"],
        handler: || get(routes::datasets::one),
    },
    Route {
        path: "/assets/{dataset}/{*path}",
        tag: "datasets",
        about: "版本的原始文件，支持字节范围；a file of a revision as it is, byte ranges allowed",
        parameters: &[DATASET, FILE],
        media_types: &["application/octet-stream"],
        handler: || get(routes::datasets::asset),
    },
    Route {
        path: "/tiles/{dataset}",
        tag: "tiles",
        about: "TileJSON 3，地址已落到版本；TileJSON 3 whose URLs name the revision",
        parameters: &[DATASET, DATETIME, RECORDED],
        media_types: &["application/json"],
        handler: || get(routes::tiles::tilejson),
    },
    Route {
        path: "/tiles/{dataset}/{z}/{x}/{y}",
        tag: "tiles",
        about: "瓦片，Web 墨卡托；a tile on the Web Mercator grid",
        parameters: &[DATASET, Z, X, Y, DATETIME, RECORDED],
        media_types: &["application/vnd.mapbox-vector-tile", "image/png", "image/jpeg", "image/webp"],
        handler: || get(routes::tiles::tile_w),
    },
    Route {
        path: "/tiles/{dataset}/c/{z}/{x}/{y}",
        tag: "tiles",
        about: "瓦片，CGCS2000 经纬度（1 级 2×1）；a tile on the CGCS2000 geographic grid, 2 x 1 at level 1",
        parameters: &[DATASET, Z, X, Y, DATETIME, RECORDED],
        media_types: &["application/vnd.mapbox-vector-tile", "image/png", "image/jpeg", "image/webp"],
        handler: || get(routes::tiles::tile_c),
    },
    Route {
        path: "/terrain/{dataset}",
        tag: "terrain",
        about: "地形 TileJSON；TileJSON of terrain tiles",
        parameters: &[DATASET, GAPS, DATETIME, RECORDED],
        media_types: &["application/json"],
        handler: || get(routes::terrain::tilejson),
    },
    Route {
        path: "/terrain/{dataset}/{encoding}/{z}/{x}/{y}",
        tag: "terrain",
        about: "地形瓦片，256 像素；a terrain tile of 256 pixels",
        parameters: &[DATASET, ENCODING, Z, X, Y, GAPS, DATETIME, RECORDED],
        media_types: &["image/png"],
        handler: || get(routes::terrain::tile),
    },
    Route {
        path: "/3dtiles/{dataset}/{*path}",
        tag: "3dtiles",
        about: "3D Tiles 1.1：实景三维与点云；meshes and point clouds",
        parameters: &[DATASET, FILE, DATETIME, RECORDED],
        media_types: &["application/json", "model/gltf-binary"],
        handler: || get(routes::tiles3d::content),
    },
    Route {
        path: "/features/{dataset}",
        tag: "features",
        about: "要素，GeoJSON，按范围分页；features by box, paged",
        parameters: &[DATASET, BBOX, BBOX_CRS, CRS, LIMIT, OFFSET, DATETIME, RECORDED],
        media_types: &["application/geo+json"],
        handler: || get(routes::features::list),
    },
    Route {
        path: "/features/{dataset}/{fid}",
        tag: "features",
        about: "一个要素；one feature",
        parameters: &[DATASET, FID, CRS, DATETIME, RECORDED],
        media_types: &["application/geo+json"],
        handler: || get(routes::features::one),
    },
    Route {
        path: "/styles",
        tag: "styles",
        about: "样式目录；the styles with titles and legends",
        parameters: &[],
        media_types: &["application/json"],
        handler: || get(routes::styles::list),
    },
    Route {
        path: "/styles/{id}",
        tag: "styles",
        about: "MapLibre 样式；a MapLibre style, drawing the dataset asked for",
        parameters: &[ID, FOR_DATASET, DATETIME, RECORDED],
        media_types: &["application/json"],
        handler: || get(routes::styles::one),
    },
    Route {
        path: "/maps/{style}",
        tag: "maps",
        about: "专题图（PNG）：范围按图幅形状放宽；a map figure, its box widened to the picture's shape",
        parameters: &[STYLE_PNG, FOR_DATASET, BBOX, SIZE, BACKGROUND, DATETIME, RECORDED],
        media_types: &["image/png"],
        handler: || get(routes::maps::one),
    },
    Route {
        path: "/overlay",
        tag: "analysis",
        about: "两个图层叠加，按分类对汇总椭球面积与平面面积；overlay of two layers, areas by pair of classes",
        parameters: &[FIRST, SECOND, FIRST_FIELD, SECOND_FIELD, BBOX, DATETIME, RECORDED],
        media_types: &["application/json"],
        handler: || get(routes::overlay::one),
    },
    Route {
        path: "/sprites/{id}",
        tag: "styles",
        about: "图标集；sprite sheet and its index",
        parameters: &[SPRITE],
        media_types: &["application/json", "image/png"],
        handler: || get(routes::sprites::one),
    },
    Route {
        path: "/glyphs/{fontstack}/{range}",
        tag: "styles",
        about: "字形（SDF）；glyphs as signed distance fields",
        parameters: &[FONTSTACK, RANGE],
        media_types: &["application/x-protobuf"],
        handler: || get(routes::glyphs::range),
    },
];

/// The service, ready to be served or asked in-process.
pub fn router(app: Shared) -> Router {
    let mut table = Router::new();
    for route in ROUTES {
        table = table.route(route.path, (route.handler)());
    }
    // Whatever is no route is a file of the page, or a 404.
    table = table.fallback(routes::page::file).method_not_allowed_fallback(async || {
        Problem::new(StatusCode::METHOD_NOT_ALLOWED, "该地址不支持这种请求方法", "This URL does not take this method.")
    });
    let base_path = &app.settings.base_path;
    if !base_path.is_empty() {
        // Nesting leaves out the path with a slash at its end, which is where the page lives.
        table = Router::new()
            .route(&format!("{base_path}/"), get(routes::page::index))
            .nest(base_path, table)
            .fallback(async || Problem::missing("没有这个地址", "No such URL."));
    }
    table
        .layer(CatchPanicLayer::custom(panicked))
        .layer(TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, REQUEST_TIMEOUT))
        .layer(axum::middleware::from_fn_with_state(Arc::clone(&app), observe))
        .layer(
            CorsLayer::new()
                .allow_origin(Any)
                .allow_methods([Method::GET, Method::HEAD])
                .allow_headers(Any)
                .expose_headers([header::ETAG, header::CONTENT_RANGE, header::ACCEPT_RANGES, header::CONTENT_LENGTH]),
        )
        .with_state(app)
}

#[expect(clippy::needless_pass_by_value, reason = "the layer hands the panic over")]
fn panicked(panic: Box<dyn std::any::Any + Send + 'static>) -> Response {
    let words = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    Problem::internal(format!("a handler panicked: {}", words.unwrap_or("no message"))).into_response()
}
