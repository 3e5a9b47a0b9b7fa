//! Jobs as rows: turns, keys, leases and cancelling; and which version of a rule holds when.

#![allow(clippy::panic, reason = "a failing test panics")]

use catalog::{
    Catalog, Job, JobAdded, JobState, Lease, NewJob, QueueLimits, RuleVersion, instant_at_end, instant_at_start,
};
use chrono::{DateTime, Utc};
use serde_json::json;

const LIMITS: QueueLimits = QueueLimits { all: 6, each: 4 };

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000 + seconds, 0).expect("an instant")
}

fn new(id: &str, account: &str, key: Option<&str>) -> NewJob {
    NewJob {
        id: id.to_owned(),
        name: "difference".to_owned(),
        request: json!({ "layers": [] }),
        account: account.to_owned(),
        account_name: account.to_owned(),
        key: key.map(str::to_owned),
        created: at(0),
    }
}

async fn add(catalog: &Catalog, id: &str, account: &str) -> Job {
    match catalog.job_add(&new(id, account, None), LIMITS, None).await.expect("asked") {
        JobAdded::New(job) => job,
        other => panic!("{other:?}"),
    }
}

async fn claim(catalog: &Catalog, worker: &str, second: i64) -> Option<String> {
    let lease = Lease { worker, until: at(second + 10) };
    catalog.job_claim(&lease, at(second)).await.expect("claimed").map(|job| job.id)
}

#[tokio::test]
async fn turns_go_round_the_accounts_and_the_queue_is_bounded() {
    let folder = tempfile::tempdir().expect("a folder");
    let catalog = Catalog::open(folder.path()).await.expect("opens");
    for id in ["a1", "a2", "a3", "a4"] {
        add(&catalog, id, "a").await;
    }
    let more = |id: &'static str, account: &'static str| {
        let catalog = catalog.clone();
        async move { catalog.job_add(&new(id, account, None), LIMITS, None).await.expect("asked") }
    };
    assert_eq!(more("a5", "a").await, JobAdded::FullForAccount);
    add(&catalog, "b1", "b").await;
    add(&catalog, "c1", "c").await;
    assert_eq!(more("d1", "d").await, JobAdded::Full);
    let mut order = Vec::new();
    while let Some(id) = claim(&catalog, "w", 1).await {
        assert!(catalog.job_finish(&id, "w", JobState::Done, &json!({}), at(2)).await.expect("finished"));
        order.push(id);
    }
    assert_eq!(order, ["a1", "b1", "c1", "a2", "a3", "a4"]);
}

#[tokio::test]
async fn one_key_of_one_account_is_one_job() {
    let folder = tempfile::tempdir().expect("a folder");
    let catalog = Catalog::open(folder.path()).await.expect("opens");
    let ask = |id: &'static str, account: &'static str| {
        let catalog = catalog.clone();
        async move { catalog.job_add(&new(id, account, Some("k")), LIMITS, None).await.expect("asked") }
    };
    assert!(matches!(ask("1", "a").await, JobAdded::New(_)));
    assert!(matches!(ask("2", "a").await, JobAdded::Same(job) if job.id == "1"));
    assert!(matches!(ask("3", "b").await, JobAdded::New(_)));
    assert_eq!(catalog.job_list(None, None, 10).await.expect("listed").len(), 2);
    assert_eq!(catalog.job_list(Some("b"), Some("difference"), 10).await.expect("listed").len(), 1);
}

#[tokio::test]
async fn what_a_dead_worker_left_is_taken_again_and_his_late_result_does_not_count() {
    let folder = tempfile::tempdir().expect("a folder");
    let catalog = Catalog::open(folder.path()).await.expect("opens");
    add(&catalog, "1", "a").await;
    assert_eq!(claim(&catalog, "dead", 0).await.as_deref(), Some("1"));
    assert_eq!(claim(&catalog, "heir", 5).await, None, "its lease still runs");
    let beat = |worker: &'static str, second: i64| {
        let catalog = catalog.clone();
        async move {
            let lease = Lease { worker, until: at(second + 10) };
            catalog.job_beat("1", &lease, 0.5, "叠加").await.expect("told")
        }
    };
    assert!(beat("dead", 5).await);
    assert_eq!(claim(&catalog, "heir", 14).await, None, "the beat has lengthened it");
    assert_eq!(claim(&catalog, "heir", 16).await.as_deref(), Some("1"));
    assert!(!beat("dead", 17).await);
    assert!(!catalog.job_finish("1", "dead", JobState::Done, &json!({}), at(17)).await.expect("asked"));
    let job = catalog.job_get("1").await.expect("read").expect("there");
    assert_eq!((job.state, job.progress), (JobState::Running, 0.0));
    // A third worker, and then no more: the job is at fault.
    assert_eq!(claim(&catalog, "third", 40).await.as_deref(), Some("1"));
    assert_eq!(claim(&catalog, "fourth", 60).await, None);
    let job = catalog.job_get("1").await.expect("read").expect("there");
    assert_eq!(job.state, JobState::Failed);
    assert!(job.outcome.expect("says why")["problem"]["detail_zh"].is_string());
}

#[tokio::test]
async fn a_cancelled_job_is_over_for_everyone() {
    let folder = tempfile::tempdir().expect("a folder");
    let catalog = Catalog::open(folder.path()).await.expect("opens");
    add(&catalog, "1", "a").await;
    add(&catalog, "2", "a").await;
    assert_eq!(claim(&catalog, "w", 0).await.as_deref(), Some("1"));
    for id in ["1", "2"] {
        let job = catalog.job_cancel(id, at(1)).await.expect("cancelled").expect("there");
        assert_eq!((job.state, job.finished), (JobState::Cancelled, Some(at(1))));
    }
    assert!(!catalog.job_finish("1", "w", JobState::Done, &json!({}), at(2)).await.expect("asked"));
    assert_eq!(claim(&catalog, "w", 100).await, None);
    assert_eq!(catalog.job_cancel("none", at(1)).await.expect("asked"), None);
}

#[tokio::test]
async fn the_rules_of_a_day_are_those_in_force_then_as_known_then() {
    let folder = tempfile::tempdir().expect("a folder");
    let catalog = Catalog::open(folder.path()).await.expect("opens");
    let day = |text: &str| instant_at_start(text).expect("a date");
    let add = |version: &'static str, from: &'static str, recorded: &'static str| {
        let catalog = catalog.clone();
        let rule = RuleVersion {
            name: "control-lines".to_owned(),
            version: version.to_owned(),
            author: "自然资源局".to_owned(),
            effective_from: day(from),
            text: format!("# {version}"),
            recorded: day(recorded),
            account: "1".to_owned(),
        };
        async move { catalog.rule_add(&rule).await.expect("added") }
    };
    assert!(add("2020", "2020-01-01", "2020-01-01").await);
    assert!(add("2024", "2024-01-01", "2023-06-01").await);
    assert!(add("2020b", "2020-01-01", "2022-01-01").await);
    assert!(!add("2020", "2021-01-01", "2021-01-01").await, "a version never changes");
    for (datetime, recorded, version) in [
        ("2019", "2030", None),
        ("2021", "2021", Some("2020")),
        ("2021", "2030", Some("2020b")),
        ("2024", "2030", Some("2024")),
        ("2024", "2022", Some("2020b")),
    ] {
        let end = |text: &str| instant_at_end(text).expect("a date");
        let found = catalog.rules_in_force(end(datetime), end(recorded)).await.expect("read");
        assert_eq!(found.first().map(|rule| rule.version.as_str()), version, "{datetime} {recorded}");
        assert!(found.len() <= 1);
    }
}
