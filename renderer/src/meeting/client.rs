//! Reading a project's meeting from a server, and sending notes, pictures and scene back.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::project::{Note, Scene};
use super::{Documents, Meeting};
use crate::error::ViewError;
use crate::service::Service;
use crate::session::Parcel;

/// Finds a project by id, code or name and reads everything a meeting shows of it.
pub fn open(service: &Service, wanted: &str) -> Result<Meeting, ViewError> {
    let id = find(service, wanted)?;
    read(service, &id)
}

/// The id of the project that is meant. One that is called exactly so wins over those that only contain it.
fn find(service: &Service, wanted: &str) -> Result<String, ViewError> {
    let link = format!("projects?q={}&limit=50", encoded(wanted));
    let Some(answer) = service.json(&link)? else {
        return Err(ViewError::NoReview { url: service.base.to_string() });
    };
    let listed = ["projects", "items"].iter().find_map(|name| answer.get(name)).unwrap_or(&answer);
    let listed: Vec<&Value> = listed.as_array().into_iter().flatten().collect();
    let field = |project: &Value, name: &str| match project.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    };
    let is_called = |project: &&&Value| ["id", "code", "name"].iter().any(|name| field(project, name) == wanted);
    let mut called = listed.iter().filter(is_called);
    if let (Some(one), None) = (called.next(), called.next()) {
        return Ok(field(one, "id"));
    }
    if let [one] = listed[..] {
        return Ok(field(one, "id"));
    }
    if listed.is_empty() && service.json(&format!("projects/{}", encoded(wanted)))?.is_some() {
        return Ok(wanted.to_owned());
    }
    let named = |project: &&Value| format!("{} {}", field(project, "code"), field(project, "name"));
    let nearest: Vec<String> = listed.iter().take(8).map(named).collect();
    let nearest = if nearest.is_empty() { String::new() } else { format!("[{}]", nearest.join("; ")) };
    Err(ViewError::NoProject { wanted: wanted.to_owned(), nearest })
}

/// Reads the project of an id.
pub fn read(service: &Service, id: &str) -> Result<Meeting, ViewError> {
    let link = format!("projects/{}", encoded(id));
    let missing = || ViewError::NoProject { wanted: id.to_owned(), nearest: String::new() };
    let project = service.json(&link)?.ok_or_else(missing)?;
    let inner = project.get("project").unwrap_or(&project);
    let version = inner.get("red_line").and_then(|red_line| red_line.get("version")).and_then(Value::as_u64);
    let red_line = match version {
        Some(version) => service.json(&format!("{link}/red-lines/{version}"))?,
        None => None,
    };
    let job = match inner.get("check").and_then(|check| check.get("job")) {
        Some(Value::String(job)) => Some(encoded(job)),
        Some(Value::Number(job)) => Some(job.to_string()),
        _ => None,
    };
    let (patches, result) = match job {
        Some(job) => {
            let result = service.json(&format!("analyses/jobs/{job}/result"))?.unwrap_or_default();
            (service.collection(&format!("analyses/jobs/{job}/patches"))?.unwrap_or_default(), result)
        }
        None => (Value::Null, Value::Null),
    };
    let documents = Documents {
        red_line: red_line.unwrap_or_default(),
        patches,
        result: result.get("result").cloned().unwrap_or(result),
        notes: service.json(&format!("{link}/notes"))?.unwrap_or_default(),
        scene: service.json(&format!("{link}/scene"))?.unwrap_or_default(),
        project,
    };
    Meeting::of(&documents).map_err(|reason| ViewError::Meeting { reason })
}

/// Sends a note; `key` makes a repetition harmless.
pub fn post_note(service: &Service, project_id: &str, note: &Note, key: &str) -> Result<(), ViewError> {
    let body = json!({"lon_lat_height": note.lon_lat_height, "text": note.text});
    let link = format!("projects/{}/notes", encoded(project_id));
    service.send(reqwest::Method::POST, &link, key, Parcel::Json(&body)).map(drop)
}

/// Sends a picture to be kept with the project and printed in its report.
pub fn post_picture(
    service: &Service,
    project_id: &str,
    (name, bytes): (&str, &[u8]),
    key: &str,
) -> Result<(), ViewError> {
    #[expect(clippy::case_sensitive_file_extension_comparisons, reason = "the name is our own")]
    let media_type = if name.ends_with(".png") { "image/png" } else { "image/jpeg" };
    let link = format!("projects/{}/attachments?report=true", encoded(project_id));
    service.send(reqwest::Method::POST, &link, key, Parcel::File { name, media_type, bytes }).map(drop)
}

/// Sends schemes and bookmarks with the version last seen; gives back the new version.
pub fn put_scene(service: &Service, project_id: &str, scene: &Scene, key: &str) -> Result<Value, ViewError> {
    let body = json!({"version": scene.version, "schemes": scene.schemes, "bookmarks": scene.bookmarks});
    let link = format!("projects/{}/scene", encoded(project_id));
    let answer = service.send(reqwest::Method::PUT, &link, key, Parcel::Json(&body))?;
    Ok(answer.get("version").cloned().unwrap_or_else(|| scene.version.clone()))
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}
