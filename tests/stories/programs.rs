//! The programs as they are shipped: built once, run as processes, the server on a free port and ended with its story.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use serde_json::Value;

/// The repository's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the root").to_path_buf()
}

/// Folder of the built programs; builds them once (`cargo test` alone builds no other package's binaries).
fn programs() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--locked", "--workspace", "--bins", "--quiet"]).current_dir(root());
        // What cargo says of the package under test is not true of the others: libraries that look at it would be built anew.
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(|name| ["CARGO_MANIFEST_", "CARGO_PKG_"].iter().any(|of| name.starts_with(of)))
            {
                cargo.env_remove(name);
            }
        }
        let built = cargo.status().expect("cargo runs");
        assert!(built.success(), "the programs build");
        let test = std::env::current_exe().expect("a test has a path");
        // target/debug/deps/stories-… -> target/debug
        test.parent().and_then(Path::parent).expect("the test lies in target/debug/deps").to_path_buf()
    })
}

/// A program of ours, ready for its arguments.
pub(crate) fn program(name: &str) -> Command {
    let mut command = Command::new(programs().join(name));
    command.current_dir(root()).stdin(Stdio::null());
    command
}

/// A new one-time password of the administrator, as whoever keeps the machine asks for one.
pub(crate) fn admin_password(data: &Path) -> String {
    let (code, out, err) = run(program("shikong-server").arg("--data").arg(data).args(["--reset-password", "admin"]));
    assert_eq!(code, 0, "{err}");
    out.split_whitespace().last().expect("a one-time password").to_owned()
}

/// Runs to the end and gives exit code, stdout, stderr.
pub(crate) fn run(command: &mut Command) -> (i32, String, String) {
    let Output { status, stdout, stderr } = command.output().expect("the program starts");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (status.code().unwrap_or(-1), text(stdout), text(stderr))
}

/// Imports and gives the exit code and the `--json` report; the words on the terminal go into the panic of a failing story.
pub(crate) fn import(data: &Path, path: &Path, slug: &str, more: &[&str]) -> (i32, Value) {
    let mut command = program("shikong-import");
    command.arg("add").arg(path).args(["--dataset", slug, "--json", "--data"]).arg(data).args(more);
    let (code, out, err) = run(&mut command);
    let report = serde_json::from_str(&out)
        .unwrap_or_else(|error| panic!("{slug}: no JSON report ({error}), exit {code}\n{out}\n{err}"));
    (code, report)
}

/// A running server; ended when dropped.
pub(crate) struct Server {
    child: Child,
    /// `http://127.0.0.1:PORT`
    pub(crate) url: String,
    /// What it says at its start after the address: the one-time password of a first start.
    pub(crate) greeting: String,
    client: reqwest::blocking::Client,
}

impl Server {
    /// Serves a data folder on a free port.
    pub(crate) fn start(data: &Path) -> Self {
        Self::start_with(data, &[])
    }

    /// The same with variables of the environment.
    pub(crate) fn start_with(data: &Path, environment: &[(&str, &str)]) -> Self {
        Self::start_by(data, &[], environment)
    }

    /// The same without accounts.
    pub(crate) fn start_open(data: &Path) -> Self {
        Self::start_by(data, &["--open"], &[])
    }

    fn start_by(data: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        // reqwest brings no cryptography of its own here; the stories speak plain HTTP, yet it wants a provider.
        static PROVIDER: OnceLock<bool> = OnceLock::new();
        PROVIDER.get_or_init(|| rustls::crypto::ring::default_provider().install_default().is_ok());
        let client =
            reqwest::blocking::Client::builder().timeout(Duration::from_mins(2)).no_proxy().build().expect("a client");
        let mut child = program("shikong-server")
            .arg("--data")
            .arg(data)
            .args(["--listen", "127.0.0.1:0"])
            .args(arguments)
            .envs(environment.iter().copied())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let mut first = String::new();
        let mut lines = BufReader::new(child.stdout.take().expect("piped"));
        lines.read_line(&mut first).expect("the server says its address");
        let url = first.trim().trim_end_matches('/').to_owned();
        assert!(url.starts_with("http://127.0.0.1:"), "the first line is the address: {first:?}");
        // Address and password come in one piece.
        let greeting = String::from_utf8_lossy(lines.buffer()).into_owned();
        Self { child, url, greeting, client }
    }

    /// The most memory it had so far, kilobytes.
    pub(crate) fn peak_kb(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
        line.trim().trim_end_matches("kB").trim().parse().expect("kilobytes")
    }

    /// Ends it as a power cut does.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("SIGKILL");
        self.child.wait().expect("ended");
    }

    /// Status, headers' `retry-after` and JSON of something sent.
    pub(crate) fn send(
        &self,
        method: reqwest::Method,
        path: &str,
        key: Option<&str>,
        body: &Value,
    ) -> (u16, Option<String>, Value) {
        let mut request = self.client.request(method, format!("{}{path}", self.url)).json(body);
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let answer = request.send().unwrap_or_else(|error| panic!("{path}: {error}"));
        let status = answer.status().as_u16();
        let after = answer.headers().get("retry-after").and_then(|value| value.to_str().ok()).map(str::to_owned);
        (status, after, serde_json::from_slice(&answer.bytes().expect("a body")).unwrap_or(Value::Null))
    }

    /// Status, content type and body of a path (or of a whole address).
    pub(crate) fn get(&self, path: &str) -> (u16, String, Vec<u8>) {
        let address = if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.url) };
        let response = self.client.get(&address).send().unwrap_or_else(|error| panic!("{address}: {error}"));
        let kind =
            response.headers().get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        (response.status().as_u16(), kind, response.bytes().expect("a body").to_vec())
    }

    /// JSON of a path that must answer 200.
    pub(crate) fn json(&self, path: &str) -> Value {
        let (status, _, body) = self.get(path);
        assert_eq!(status, 200, "{path}: {}", String::from_utf8_lossy(&body));
        serde_json::from_slice(&body).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// The datasets by slug.
    pub(crate) fn dataset(&self, slug: &str) -> Value {
        let all = self.json("/datasets");
        let datasets = all["datasets"].as_array().expect("a list");
        datasets
            .iter()
            .find(|dataset| dataset["slug"] == slug)
            .unwrap_or_else(|| panic!("no dataset {slug}: {all}"))
            .clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Already ended is as good as ended now.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Says what did not run, past the capture of a passing test's words.
pub(crate) fn skipped(what: &str) {
    // Where even standard error is closed there is nobody to tell.
    drop(writeln!(std::io::stderr(), "\nSKIPPED: {what}"));
}

/// The folder of real samples beside the repository, or `None`, said loudly.
pub(crate) fn shared(below: &str) -> Option<PathBuf> {
    let folder = root().parent()?.join("shared").join(below);
    if folder.exists() {
        return Some(folder);
    }
    skipped(&format!("{below} is not beside the repository; this story did not run"));
    None
}

/// Runs one of the validators of `tests/validators` with Node.js or Python; its last line is JSON.
pub(crate) fn validate(script: &str, arguments: &[&str]) -> Option<(bool, Value)> {
    let folder = root().join("tests/validators");
    let (runner, set_up) = if script.ends_with(".py") {
        (folder.join(".venv/bin/python"), "scripts/python-validators.sh")
    } else {
        (PathBuf::from("node"), "scripts/web-libraries.sh tests/validators")
    };
    let ready = if script.ends_with(".py") { runner.exists() } else { folder.join("node_modules").exists() };
    if !ready {
        skipped(&format!("{script} needs `{set_up}`"));
        return None;
    }
    let (code, out, err) = run(Command::new(runner).arg(folder.join(script)).args(arguments));
    let last = out.lines().last().unwrap_or_default();
    let said = serde_json::from_str(last).unwrap_or_else(|_| panic!("{script}: {out}\n{err}"));
    if code != 0 {
        eprintln!("{out}");
    }
    Some((code == 0, said))
}

/// A fresh data folder of a story.
pub(crate) fn data_folder() -> tempfile::TempDir {
    let below = root().join("target/stories");
    fs::create_dir_all(&below).expect("target/ is writable");
    tempfile::tempdir_in(below).expect("target/ is writable")
}
