//! The county as delivered (without its pictures), made once for all of these tests.

mod figures;
mod files;
mod repeat;

use samples::delivery::{Content, Scope, make};
use serde_json::Value;
use std::sync::OnceLock;

struct Made {
    folder: tempfile::TempDir,
    truth: Value,
    content: Content,
}

fn made() -> &'static Made {
    static MADE: OnceLock<Made> = OnceLock::new();
    MADE.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let content = make(folder.path(), Scope::Vectors, &mut |_| {}).expect("the county can be made");
        let truth = std::fs::read_to_string(folder.path().join("truth.json")).expect("truth.json is there");
        Made { truth: serde_json::from_str(&truth).expect("truth.json is JSON"), content, folder }
    })
}

fn number(path: &[&str]) -> f64 {
    path.iter().fold(&made().truth, |value, key| &value[*key]).as_f64().unwrap_or(f64::NAN)
}
