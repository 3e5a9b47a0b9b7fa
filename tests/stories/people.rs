//! People of a story: each under an account of their own, over plain HTTP as the page speaks it.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::programs::Server;

/// What everybody chooses after the one-time password.
pub(crate) const PASSWORD: &str = "Shen-cha-2026!";

/// Somebody logged in.
pub(crate) struct Person {
    cookie: String,
    url: String,
    client: reqwest::blocking::Client,
}

impl Person {
    /// Logs in; gives back nobody where the server refuses.
    pub(crate) fn log_in(server: &Server, name: &str, password: &str) -> Option<Self> {
        let client = reqwest::blocking::Client::builder().no_proxy().build().expect("a client");
        let body = json!({ "name": name, "password": password });
        let answer = client.post(format!("{}/sessions", server.url)).json(&body).send().expect("answered");
        let cookie = answer.headers().get("set-cookie")?.to_str().ok()?.split(';').next()?.to_owned();
        Some(Self { cookie, url: server.url.clone(), client })
    }

    /// Logs in with a one-time password and changes it.
    pub(crate) fn enter(server: &Server, name: &str, one_time: &str) -> Self {
        let person = Self::log_in(server, name, one_time).expect("the one-time password opens");
        person.done(reqwest::Method::PUT, "/me/password", &json!({ "old": one_time, "new": PASSWORD }));
        person
    }

    /// The administrator, by the password that the first start printed.
    pub(crate) fn first(server: &Server) -> Self {
        let one_time = server.greeting.split_whitespace().last().expect("a one-time password");
        Self::enter(server, "admin", one_time)
    }

    /// An account in a unit, which is made where it is missing; gives back its one-time password.
    pub(crate) fn hires(&self, unit: &str, name: &str, display_name: &str, roles: &[&str]) -> String {
        let units = self.json("/units");
        let known = units["units"].as_array().into_iter().flatten().find(|one| one["name"] == unit).cloned();
        let unit = known.unwrap_or_else(|| {
            self.done(reqwest::Method::POST, "/units", &json!({ "name": unit, "parent": "root" }))["unit"].clone()
        });
        let account = json!({ "name": name, "display_name": display_name, "unit": unit["id"], "roles": roles });
        let made = self.done(reqwest::Method::POST, "/accounts", &account);
        made["one_time_password"].as_str().unwrap_or_else(|| panic!("shown once: {made}")).to_owned()
    }

    /// Status and JSON of what is sent.
    pub(crate) fn send(&self, method: reqwest::Method, path: &str, body: &Value) -> (u16, Value) {
        let request = self.client.request(method, format!("{}{path}", self.url)).header("cookie", &self.cookie);
        Self::read(request.json(body).send())
    }

    /// JSON of what is sent and must succeed.
    pub(crate) fn done(&self, method: reqwest::Method, path: &str, body: &Value) -> Value {
        let (status, answer) = self.send(method, path, body);
        assert!((200..300).contains(&status), "{path} {body}: {status} {answer}");
        answer
    }

    /// JSON of a path that must answer 200.
    pub(crate) fn json(&self, path: &str) -> Value {
        serde_json::from_slice(&self.bytes(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// What a path that must answer 200 holds.
    pub(crate) fn bytes(&self, path: &str) -> Vec<u8> {
        let answer = self.client.get(format!("{}{path}", self.url)).header("cookie", &self.cookie).send();
        let answer = answer.unwrap_or_else(|error| panic!("{path}: {error}"));
        let (status, bytes) = (answer.status().as_u16(), answer.bytes().expect("a body").to_vec());
        assert_eq!(status, 200, "{path}: {}", String::from_utf8_lossy(&bytes));
        bytes
    }

    /// Uploads a file as a form does; it must be taken.
    pub(crate) fn uploads(&self, path: &str, file: &Path) -> Value {
        const BOUNDARY: &str = "b0undary-of-a-story";
        let name = file.file_name().expect("a name").to_string_lossy();
        let mut body = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\nContent-Type: application/octet-stream\r\n\r\n"
        )
        .into_bytes();
        body.extend(fs::read(file).expect("a file"));
        body.extend(format!("\r\n--{BOUNDARY}--\r\n").into_bytes());
        let request = self
            .client
            .post(format!("{}{path}", self.url))
            .header("cookie", &self.cookie)
            .header("content-type", format!("multipart/form-data; boundary={BOUNDARY}"))
            .body(body);
        let (status, answer) = Self::read(request.send());
        assert!((200..300).contains(&status), "{path} {name}: {status} {answer}");
        answer
    }

    fn read(answer: reqwest::Result<reqwest::blocking::Response>) -> (u16, Value) {
        let answer = answer.expect("answered");
        let status = answer.status().as_u16();
        (status, serde_json::from_slice(&answer.bytes().expect("a body")).unwrap_or(Value::Null))
    }
}
