//! Analyses on the shipped server while it is killed under them: a job begun is finished by the next process with the very
//! bytes of an undisturbed run, nothing is there before it is whole, a cancelled one stays cancelled, one key is one job,
//! and the queue has an end that it says.

use std::thread::sleep;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use crate::programs::{Server, data_folder};
use crate::sample_county::County;

/// Longest wait for anything; a killed worker's lease alone takes a quarter of a minute.
const PATIENCE: Duration = Duration::from_mins(4);

/// Every parcel of the land survey under two plans, cut at every village: seconds of work.
fn long_request() -> Value {
    let of = |dataset: &str| json!({ "dataset": dataset });
    json!({
        "layers": [of("dltb"), of("forest"), of("land-plan")],
        "classification": "presence",
        "sliver_below_m2": 10,
        "units": { "dataset": "villages" },
    })
}

fn ask(server: &Server, key: &str, request: &Value) -> (u16, Option<String>, Value) {
    server.send(Method::POST, "/analyses/difference", Some(key), request)
}

fn id_of(job: &Value) -> String {
    job["job"]["id"].as_str().unwrap_or_else(|| panic!("a job: {job}")).to_owned()
}

fn job(server: &Server, id: &str) -> Value {
    server.json(&format!("/analyses/jobs/{id}"))
}

/// Asks until the job is as wanted.
fn until(server: &Server, id: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let begun = Instant::now();
    loop {
        let job = job(server, id);
        if wanted(&job) {
            return job;
        }
        assert!(begun.elapsed() < PATIENCE, "it never came to that: {job}");
        sleep(Duration::from_millis(20));
    }
}

fn is(state: &'static str) -> impl Fn(&Value) -> bool {
    move |job| job["state"] == state
}

/// Result and patches, byte by byte.
fn outcome(server: &Server, id: &str) -> [Vec<u8>; 2] {
    ["result", "patches?limit=20000&crs=delivered"].map(|what| {
        let (status, _, body) = server.get(&format!("/analyses/jobs/{id}/{what}"));
        assert_eq!(status, 200, "{what}: {}", String::from_utf8_lossy(&body));
        // The collection names its job; nothing else in it may differ.
        String::from_utf8(body).expect("text").replace(id, "JOB").into_bytes()
    })
}

fn has_nothing(server: &Server, id: &str) -> bool {
    ["result", "patches"].iter().all(|what| server.get(&format!("/analyses/jobs/{id}/{what}")).0 == 409)
}

#[test]
fn a_job_killed_half_way_ends_with_the_bytes_of_an_undisturbed_one() {
    let county = County::get();
    let folder = data_folder();
    let data = county.copy(folder.path());
    let request = long_request();

    let server = Server::start_open(&data);
    let (status, _, first) = ask(&server, "undisturbed", &request);
    assert_eq!(status, 202, "{first}");
    let undisturbed = id_of(&first);
    let done = until(&server, &undisturbed, |job| job["finished"].is_string());
    assert_eq!(done["state"], "done", "{done}");
    let expected = outcome(&server, &undisturbed);
    assert!(expected[1].len() > 100_000, "there is something to lose: {} bytes", expected[1].len());

    // Killed while it is being worked out, and once more when the next process has begun it again.
    let (_, _, asked) = ask(&server, "disturbed", &request);
    let disturbed = id_of(&asked);
    let half_way = |job: &Value| job["state"] == "running" && job["progress"].as_f64().is_some_and(|done| done > 0.25);
    until(&server, &disturbed, half_way);
    server.kill();
    let server = Server::start_open(&data);
    let left = job(&server, &disturbed);
    assert_eq!(left["state"], "running", "the row says what the dead process was at: {left}");
    assert!(has_nothing(&server, &disturbed), "nothing of it is there");
    let (status, _, again) = ask(&server, "disturbed", &request);
    assert_eq!((status, id_of(&again)), (202, disturbed.clone()), "one key is one job, whoever died in between");
    until(&server, &disturbed, |job| {
        job["state"] == "running" && job["progress"].as_f64().is_some_and(|done| done < 0.05)
    });
    until(&server, &disturbed, half_way);
    server.kill();

    let server = Server::start_open(&data);
    let done = until(&server, &disturbed, |job| {
        assert!(job["finished"].is_string() || job["state"] == "running", "{job}");
        job["finished"].is_string()
    });
    assert_eq!(done["state"], "done", "{done}");
    let ended = outcome(&server, &disturbed);
    assert!(ended == expected, "the bytes of the undisturbed run");
    let listed = server.json("/analyses?name=difference&limit=500");
    assert_eq!(listed["jobs"].as_array().map(Vec::len), Some(2), "{listed}");
}

#[test]
fn a_queue_ends_somewhere_and_a_cancelled_job_stays_so_through_a_kill() {
    let county = County::get();
    let folder = data_folder();
    let data = county.copy(folder.path());
    let request = long_request();
    let server = Server::start_open(&data);
    let mut ids = Vec::new();
    let refused = loop {
        let (status, after, answer) = ask(&server, &format!("one of many {}", ids.len()), &request);
        if status != 202 {
            break (status, after, answer);
        }
        ids.push(id_of(&answer));
        assert!(ids.len() < 300, "the queue has no end");
    };
    assert_eq!(refused.0, 503, "{refused:?}");
    assert!(refused.1.is_some_and(|seconds| seconds.parse::<u64>().is_ok_and(|seconds| seconds > 0)));
    let said = |name: &str| refused.2[name].as_str().unwrap_or_default().to_owned();
    assert!(said("detail_zh").contains("分析任务过多") && said("detail_en").contains("Too many"), "{}", refused.2);
    // Fifty wait; two workers have taken theirs, and perhaps finished some.
    assert!((50..60).contains(&ids.len()), "{} were taken", ids.len());
    // What was taken before can still be asked for under its key.
    let (status, _, known) = ask(&server, "one of many 3", &request);
    assert_eq!((status, id_of(&known)), (202, ids[3].clone()));
    let (status, _, other) = ask(&server, "one of many 3", &json!({ "layers": [] }));
    assert!(status == 409 || status == 422, "another request under a used key: {status} {other}");

    let cancel =
        |server: &Server, id: &str| server.send(Method::DELETE, &format!("/analyses/jobs/{id}"), None, &json!({}));
    let running = ids.iter().find(|id| job(&server, id)["state"] == "running").expect("one runs").clone();
    let (status, _, cancelled) = cancel(&server, &running);
    assert_eq!((status, &cancelled["state"]), (200, &json!("cancelled")));
    for id in ids.iter().rev().filter(|id| **id != running) {
        cancel(&server, id);
    }
    server.kill();
    let server = Server::start_open(&data);
    for id in &ids {
        let job = job(&server, id);
        assert!(is("cancelled")(&job) || is("done")(&job), "{job}");
        assert!(is("done")(&job) || has_nothing(&server, id));
    }
    // The workers are free: what is asked now is answered.
    let quick =
        json!({ "layers": [{ "dataset": "farmland" }, { "dataset": "urban-boundary" }], "classification": "presence" });
    let (_, _, asked) = ask(&server, "quick", &quick);
    until(&server, &id_of(&asked), is("done"));
    assert_eq!(job(&server, &running)["state"], "cancelled");
}
