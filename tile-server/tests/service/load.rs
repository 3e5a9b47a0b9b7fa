//! Many at once: what is made on request has so many places, and who finds none is told when to come back.

use std::sync::mpsc;

use axum::http::{StatusCode, header};
use catalog::DatasetKind;
use futures::future::join_all;
use futures::stream::FuturesUnordered;
use futures::{FutureExt as _, StreamExt as _};
use tile_server::WorkLimits;

use crate::harness::{Service, parcels};

async fn crowded() -> Service {
    let service = Service::with(|settings| settings.work = WorkLimits { running: 1, waiting: 2 }).await;
    service.publish("dlg", DatasetKind::Features, "r1", "2023-01-01", parcels).await;
    service
}

#[tokio::test]
async fn a_crowd_is_served_as_far_as_there_are_places_and_the_rest_told_to_come_back() {
    let service = crowded().await;
    // Every kind of work that features give: figures, pages, tiles cut on request.
    let kinds: [fn(u32) -> String; 3] = [
        |n| format!("/maps/polygon.png?dataset=dlg&size={}x64", 64 + n),
        |n| format!("/features/dlg@r1?limit={}", 1 + n),
        |n| format!("/tiles/dlg@r1/c/14/{}/{}.mvt", 13_243 + n % 2, 2_821 + n / 2 % 3),
    ];
    for kind in kinds {
        // The one place to work is taken for as long as the crowd stands before the door.
        let (leave, left) = mpsc::channel::<()>();
        let taken = service.app.work.run(move |_| left.recv());
        let paths: Vec<String> = (0..6).map(kind).collect();
        let mut crowd: FuturesUnordered<_> = paths.iter().map(async |path| (path, service.get(path).await)).collect();
        let mut taken = Box::pin(taken);
        assert!((&mut taken).now_or_never().is_none());
        for _ in 0..4 {
            let (path, reply) = crowd.next().await.expect("an answer");
            assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
            assert_eq!(reply.header(header::CONTENT_TYPE), "application/problem+json", "{path}");
            assert_eq!(reply.header(header::RETRY_AFTER), "2", "{path}");
            assert!(reply.json()["detail_zh"].as_str().is_some_and(|zh| zh.contains("忙")), "{path}");
        }
        assert!(crowd.next().now_or_never().is_none(), "two wait");
        leave.send(()).expect("it listens");
        while let Some((path, reply)) = crowd.next().await {
            assert!(reply.status.is_success(), "{path}: {}", reply.status);
        }
        assert!(taken.await.is_ok());
    }
}

#[tokio::test]
async fn one_tile_asked_for_by_many_is_made_once() {
    let service = crowded().await;
    let replies = join_all((0..40).map(|_| service.get("/tiles/dlg@r1/c/14/13243/2821.mvt"))).await;
    assert!(replies.iter().all(|reply| reply.status == replies[0].status && reply.status.is_success()));
}
