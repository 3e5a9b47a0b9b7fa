//! Tianditu from a loopback server that behaves as the service does: key types by User-Agent, refusals as JSON, a budget.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::Router;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use catalog::{DatasetKind, LiveSource, NewDataset, TiandituLayer, TiandituSource};

use crate::harness::{Service, now, slug};

const PNG: &[u8] = &[0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, 1, 2, 3];

/// A key of letters that the pretended service knows as a server key.
const KEY: &str = "serverkey";

#[derive(Clone, Default)]
struct Upstream {
    asked: Arc<AtomicU32>,
}

async fn wmts(
    State(upstream): State<Upstream>,
    Path(layer): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    upstream.asked.fetch_add(1, Ordering::Relaxed);
    let query = query.unwrap_or_default();
    let has = |part: &str| query.split('&').any(|one| one == part);
    let refuse = |code: u32, msg: &str| {
        let body = format!(r#"{{"msg":"{msg}","resolve":"请检查","code":{code}}}"#);
        (StatusCode::FORBIDDEN, [(header::CONTENT_TYPE, "application/json")], body).into_response()
    };
    let agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !has(&format!("tk={KEY}")) {
        return refuse(1, "非法Key");
    }
    if agent.starts_with("Mozilla") || agent.is_empty() {
        return refuse(12, "权限类型错误");
    }
    let (name, set) = layer.split_once('_').unwrap_or_default();
    let well_formed = has("REQUEST=GetTile")
        && has("FORMAT=tiles")
        && has(&format!("LAYER={name}"))
        && has(&format!("TILEMATRIXSET={set}"));
    if !well_formed {
        return StatusCode::BAD_REQUEST.into_response();
    }
    if has("TileCol=7") {
        return StatusCode::IM_A_TEAPOT.into_response();
    }
    ([(header::CONTENT_TYPE, "image/png")], PNG).into_response()
}

async fn upstream() -> (String, Upstream) {
    let upstream = Upstream::default();
    let router = Router::new().route("/{layer}/wmts", get(wmts)).with_state(upstream.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("bound");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, router).await });
    (format!("http://{address}"), upstream)
}

async fn service(key: Option<&str>, base_url: String, daily_budget: u32) -> Service {
    let service = Service::with(|settings| settings.tianditu_key = key.map(str::to_owned)).await;
    let source = TiandituSource {
        base_url,
        daily_budget,
        map_approval_number: Some("GS(2024)0568号".to_owned()),
        ..TiandituSource::public(TiandituLayer::Vec)
    };
    let dataset = NewDataset::new(slug("tdt-vec"), DatasetKind::Basemap);
    service.catalog.live_register(&dataset, &LiveSource::Tianditu(source), now()).await.expect("registered");
    service
}

#[tokio::test]
async fn tiles_of_both_grids_are_fetched_once_and_kept() {
    let (url, upstream) = upstream().await;
    let service = service(Some(KEY), url, 100).await;
    for path in ["/tiles/tdt-vec/3/6/3.png", "/tiles/tdt-vec/c/1/1/0.png"] {
        for _ in 0..3 {
            let reply = service.get(path).await;
            assert_eq!((reply.status, reply.body.as_ref()), (StatusCode::OK, PNG), "{path}");
            assert_eq!(reply.header(header::CONTENT_TYPE), "image/png");
            assert_eq!(reply.header(header::CACHE_CONTROL), "public, max-age=3600", "live tiles are not for ever");
        }
    }
    assert_eq!(upstream.asked.load(Ordering::Relaxed), 2);
    let document = service.get("/tiles/tdt-vec").await.json();
    assert_eq!(document["tiles"][0], "http://gis.example:8080/tiles/tdt-vec/{z}/{x}/{y}.png");
    assert_eq!(document["attribution"], "© 天地图 GS(2024)0568号");
    let listed = service.get("/datasets?kind=basemap").await;
    let text = String::from_utf8_lossy(&listed.body).into_owned();
    assert!(!text.contains(KEY) && !text.contains("127.0.0.1"), "{text}");
    for outside in [
        "/tiles/tdt-vec/0/0/0.png",
        "/tiles/tdt-vec/19/0/0.png",
        "/tiles/tdt-vec/3/6/3.mvt",
        "/tiles/tdt-vec@r1/3/6/3.png",
    ] {
        assert_eq!(service.get(outside).await.status, StatusCode::NOT_FOUND, "{outside}");
    }
}

#[tokio::test]
async fn the_days_budget_is_kept_across_restarts() {
    let (url, upstream) = upstream().await;
    let service = service(Some(KEY), url, 2).await;
    for x in 0..2 {
        assert_eq!(service.get(&format!("/tiles/tdt-vec/3/{x}/3.png")).await.status, StatusCode::OK);
    }
    let cache_dir = service.folder.path().join("cache");
    let settings = tile_server::Settings {
        jobs: tile_server::JobSettings::default(),
        base_path: String::new(),
        now,
        cache_dir,
        tianditu_key: Some(KEY.to_owned()),
        people: tile_server::people::PeopleSettings::default(),
        push: None,
        viewer: None,
        work: tile_server::WorkLimits::of_cores(2),
    };
    let router = tile_server::router(tile_server::App::new(service.catalog.clone(), settings));
    let restarted = Service { router, ..service };
    let spent = restarted.get("/tiles/tdt-vec/3/2/3.png").await;
    assert_eq!(spent.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(spent.header(header::RETRY_AFTER), "57600", "until midnight in China");
    assert_eq!(restarted.get("/tiles/tdt-vec/3/1/3.png").await.status, StatusCode::OK, "what is kept is still there");
    assert_eq!(upstream.asked.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn refusals_are_understood_and_not_repeated() {
    let (url, upstream) = upstream().await;
    let wrong = service(Some("wrongkey"), url.clone(), 100).await;
    for _ in 0..3 {
        let reply = wrong.get("/tiles/tdt-vec/3/6/3.png").await;
        assert_eq!(reply.status, StatusCode::BAD_GATEWAY);
        let text = String::from_utf8_lossy(&reply.body).into_owned();
        assert!(text.contains("密钥非法") && !text.contains("wrongkey"), "{text}");
    }
    assert_eq!(upstream.asked.load(Ordering::Relaxed), 1, "a bad key is not tried again at once");

    let alarmed = service(Some(KEY), url, 100).await;
    let reply = alarmed.get("/tiles/tdt-vec/3/7/3.png").await;
    assert!(reply.json()["detail_zh"].as_str().is_some_and(|zh| zh.contains("418")));
    assert_eq!(alarmed.get("/tiles/tdt-vec/3/6/3.png").await.status, StatusCode::BAD_GATEWAY);
    assert_eq!(upstream.asked.load(Ordering::Relaxed), 2);

    let keyless = service(None, "http://127.0.0.1:9".to_owned(), 100).await;
    assert_eq!(keyless.get("/tiles/tdt-vec/3/6/3.png").await.status, StatusCode::SERVICE_UNAVAILABLE);
    let unreachable = service(Some(KEY), "http://127.0.0.1:9".to_owned(), 100).await;
    let reply = unreachable.get("/tiles/tdt-vec/3/6/3.png").await;
    assert_eq!(reply.status, StatusCode::BAD_GATEWAY);
    assert!(!String::from_utf8_lossy(&reply.body).contains(KEY));
}
