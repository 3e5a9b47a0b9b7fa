//! The server: what it holds, and the one list of its protocols. The router and `openapi.json` both come from their tables.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use catalog::{Catalog, DatasetKind, Revision, RevisionId, Slug};
use chrono::{DateTime, Utc};
use moka::future::Cache;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::{Any, CorsLayer};
use tower_http::timeout::TimeoutLayer;

use crate::desk::Desk;
use crate::ground_views::{GroundViews, ViewerProgram};
use crate::jobs::{JobSettings, Jobs};
use crate::people::{People, PeopleSettings, same_origin};
use crate::problem::Problem;
use crate::push::{Push, PushSettings};
use crate::route::Route;
use crate::routes;
use crate::source::Sources;
use crate::traffic::{Traffic, observe};
use crate::work::{Work, WorkLimits};

/// Longest a request may take; the slowest is a bulletin whose views of the ground are not drawn yet.
const REQUEST_TIMEOUT: Duration = Duration::from_mins(2);
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
    /// How people log in.
    pub people: PeopleSettings,
    /// How much is analysed at a time.
    pub jobs: JobSettings,
    /// The provincial platform that is told of decided projects.
    pub push: Option<PushSettings>,
    /// What draws views of the ground.
    pub viewer: Option<ViewerProgram>,
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
    /// Analyses that run, and what they read.
    pub jobs: Jobs,
    /// Counters.
    pub traffic: Traffic,
    /// Where passwords are compared.
    pub people: People,
    /// Where projects are worked on.
    pub desk: Desk,
    /// Telling the provincial platform.
    pub push: Push,
    pub(crate) revisions: Cache<(Slug, RevisionId), Arc<Revision>>,
    pub(crate) kinds: Cache<Slug, DatasetKind>,
    pub(crate) glyphs: routes::glyphs::GlyphCache,
    pub(crate) map_font: routes::maps::MapFont,
    pub(crate) workshop: crate::document::Workshop,
    pub(crate) views: GroundViews,
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
            jobs: Jobs::default(),
            catalog,
            settings,
            traffic: Traffic::new(),
            people: People::default(),
            desk: Desk::default(),
            push: Push::default(),
            revisions: Cache::new(REVISIONS_KEPT),
            kinds: Cache::new(REVISIONS_KEPT),
            glyphs: routes::glyphs::GlyphCache::default(),
            map_font: routes::maps::MapFont::default(),
            workshop: crate::document::Workshop::default(),
            views: GroundViews::default(),
        })
    }
}

/// The table of every protocol.
pub const PROTOCOLS: &[&[Route]] = &[
    routes::page::ROUTES,
    routes::health::ROUTES,
    routes::sessions::ROUTES,
    routes::accounts::ROUTES,
    routes::units::ROUTES,
    routes::projects::ROUTES,
    routes::red_lines::ROUTES,
    routes::checks::ROUTES,
    routes::notes::ROUTES,
    routes::attachments::ROUTES,
    routes::tasks::ROUTES,
    routes::documents::ROUTES,
    routes::packages::ROUTES,
    routes::ledger::ROUTES,
    routes::incidents::ROUTES,
    routes::households::ROUTES,
    routes::incident_photos::ROUTES,
    routes::incident_documents::ROUTES,
    routes::datasets::ROUTES,
    routes::tiles::ROUTES,
    routes::terrain::ROUTES,
    routes::tiles3d::ROUTES,
    routes::features::ROUTES,
    routes::styles::ROUTES,
    routes::maps::ROUTES,
    routes::analyses::ROUTES,
    routes::exports::ROUTES,
    routes::rules::ROUTES,
    routes::sprites::ROUTES,
    routes::glyphs::ROUTES,
];

/// Every route of the service.
pub fn every_route() -> impl Iterator<Item = &'static Route> {
    PROTOCOLS.iter().copied().flatten()
}

/// The service, ready to be served or asked in-process.
pub fn router(app: Shared) -> Router {
    let mut table = Router::new();
    for route in every_route() {
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
        .layer(axum::middleware::from_fn(same_origin))
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
