//! Whatever is asked wrongly is refused with words, and never with a 500.

use axum::http::{Method, StatusCode, header};
use catalog::DatasetKind;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::harness::{Service, mesh};

#[tokio::test]
async fn what_is_not_there_is_a_problem_in_two_languages() {
    let service = Service::new().await;
    service.publish("block-a", DatasetKind::Mesh, "r1", "2023-01-01", mesh).await;
    for path in [
        "/nothing",
        "/datasets/none",
        "/datasets/block-a@none",
        "/datasets/..",
        "/tiles/none",
        "/tiles/block-a",
        "/tiles/block-a@r1/0/0/0.mvt",
        "/terrain/block-a",
        "/terrain/block-a@r1/terrarium/0/0/0.png",
        "/features/block-a@r1",
        "/features/block-a@r1/1",
        "/3dtiles/none/tileset.json",
        "/3dtiles/block-a/tileset.json?datetime=1999",
        "/styles/none.json",
        "/styles/polygon",
        "/glyphs/Noto/1-2.pbf",
    ] {
        let mut reply = service.get(path).await;
        if reply.status == StatusCode::TEMPORARY_REDIRECT {
            let location = reply.header(header::LOCATION).to_owned();
            reply = service.get(&location).await;
        }
        assert_eq!(reply.status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(reply.header(header::CONTENT_TYPE), "application/problem+json", "{path}");
        let body = reply.json();
        assert_eq!(body["status"], 404, "{path}");
        assert!(body["detail_zh"].as_str().is_some_and(|zh| !zh.is_ascii()), "{path}");
        assert!(body["detail_en"].as_str().is_some_and(str::is_ascii), "{path}");
    }
    for path in [
        "/datasets?kind=x",
        "/datasets?bbox=1,2,3",
        "/datasets?bbox=9,0,1,1",
        "/datasets?datetime=yesterday",
        "/features/block-a@r1?limit=-1",
    ] {
        let reply = service.get(path).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{path}");
        assert_eq!(reply.header(header::CONTENT_TYPE), "application/problem+json", "{path}");
    }
    let post = service.ask(Method::POST, "/datasets", &[]).await;
    assert_eq!(post.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(post.header(header::CONTENT_TYPE), "application/problem+json");
}

/// A URL of one of the routes, with rubbish in every place.
fn rubbish() -> impl Strategy<Value = String> {
    let routes: Vec<&'static str> = tile_server::app::every_route().map(|route| route.path).collect();
    let word = prop_oneof![
        prop::sample::select(vec![
            "block-a@r1",
            "block-a",
            "4294967296",
            "99",
            "-1",
            "0.mvt",
            "31.png",
            "4294967295.webp",
            "terrarium",
            "%00",
            "%ff",
            "%2e%2e",
        ])
        .prop_map(str::to_owned),
        "[a-z0-9@.%-]{1,12}".prop_map(|word| word.replace('%', "%25")),
    ];
    let query = prop_oneof![
        prop::sample::select(vec![
            "",
            "?bbox=nan,nan,inf,1",
            "?limit=99999999999999999999",
            "?datetime=%ff",
            "?recorded=9999-12-31",
            "?bbox=1e308,0,1e309,0",
            "?size=99999x99999",
            "?dataset=block-a",
        ])
        .prop_map(str::to_owned),
        "[a-z]{1,8}=[0-9,.-]{0,12}".prop_map(|query| format!("?{query}")),
    ];
    (prop::sample::select(routes), prop::collection::vec(word, 6), query).prop_map(|(route, words, query)| {
        let mut words = words.into_iter();
        let path: Vec<String> = route
            .split('/')
            .map(|part| if part.starts_with('{') { words.next().unwrap_or_default() } else { part.to_owned() })
            .collect();
        path.join("/") + &query
    })
}

#[test]
fn no_url_makes_the_service_fail() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let service = runtime.block_on(async {
        let service = Service::new().await;
        service.publish("block-a", DatasetKind::Mesh, "r1", "2023-01-01", mesh).await;
        service
    });
    let config = ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() };
    TestRunner::new(config)
        .run(&rubbish(), |path| {
            let status = runtime.block_on(service.get(&path)).status;
            prop_assert!(!status.is_server_error(), "{} {}", path, status);
            Ok(())
        })
        .expect("every answer is a client's error or none");
}
