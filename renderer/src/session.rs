//! Who is working: signing in to a server whose people have accounts, and the cookie that proves it afterwards.
//!
//! The password is read by `main` and not kept: only the session's cookie is, and it is sent to nobody but the server
//! that gave it. Posting goes through here as well, since whatever is posted is signed.

use reqwest::blocking::Client;
use reqwest::header::{CONTENT_TYPE, COOKIE, HeaderValue, SET_COOKIE};
use serde_json::{Value, json};
use url::{Origin, Url};

use crate::error::ViewError;

/// The server's cookie.
const COOKIE_NAME: &str = "shikong_session";

/// Name and password, as `main` was told them.
#[derive(Clone)]
pub struct Credentials {
    /// The account's name.
    pub name: String,
    /// Its password.
    pub password: String,
}

// A password is never written to a log.
impl std::fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Credentials").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A signed-in person.
pub struct Session {
    origin: Origin,
    cookie: HeaderValue,
    /// What the server calls them.
    pub display_name: String,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Session").field("display_name", &self.display_name).finish_non_exhaustive()
    }
}

impl Session {
    /// Signs in at the server's `sessions`.
    pub fn open(client: &Client, sessions: &Url, credentials: &Credentials) -> Result<Self, ViewError> {
        let body = json!({"name": credentials.name, "password": credentials.password});
        let response = client
            .post(sessions.clone())
            .json(&body)
            .send()
            .map_err(|source| ViewError::Connect { url: sessions.to_string(), source })?;
        let status = response.status().as_u16();
        if !response.status().is_success() {
            let detail = problem(&response.bytes().unwrap_or_default());
            return Err(ViewError::SignIn { name: credentials.name.clone(), status, detail });
        }
        let mut cookies = response.headers().get_all(SET_COOKIE).iter().filter_map(|header| header.to_str().ok());
        let value = cookies.find_map(session_cookie);
        let cookie = value.and_then(|value| HeaderValue::from_str(&format!("{COOKIE_NAME}={value}")).ok());
        let Some(mut cookie) = cookie else {
            return Err(ViewError::SignIn { name: credentials.name.clone(), status, detail: String::new() });
        };
        cookie.set_sensitive(true);
        let answer: Value = serde_json::from_slice(&response.bytes().unwrap_or_default()).unwrap_or_default();
        let account = answer.get("account").unwrap_or(&answer);
        if account.get("must_change_password").and_then(Value::as_bool) == Some(true) {
            return Err(ViewError::OneTimePassword { name: credentials.name.clone() });
        }
        let called = ["display_name", "name"].iter().find_map(|field| account.get(field).and_then(Value::as_str));
        let display_name = called.unwrap_or(&credentials.name).to_owned();
        Ok(Self { origin: sessions.origin(), cookie, display_name })
    }

    /// The cookie to send along with a request, if it goes to the server that gave it.
    #[must_use]
    pub fn cookie_for(&self, url: &Url) -> Option<&HeaderValue> {
        (url.origin() == self.origin).then_some(&self.cookie)
    }
}

/// The session's value in one `Set-Cookie` header.
fn session_cookie(header: &str) -> Option<&str> {
    let (name, value) = header.split(';').next()?.split_once('=')?;
    (name.trim() == COOKIE_NAME && !value.trim().is_empty()).then(|| value.trim())
}

/// What is sent.
#[derive(Clone, Copy, Debug)]
pub enum Parcel<'a> {
    /// JSON.
    Json(&'a Value),
    /// A file, in the field `file` of a form.
    File {
        /// Its name.
        name: &'a str,
        /// Its media type.
        media_type: &'a str,
        /// What is in it.
        bytes: &'a [u8],
    },
}

/// Sends something with a key that makes a repetition harmless; gives back the server's JSON.
pub(crate) fn send(
    (client, session): (&Client, Option<&Session>),
    method: reqwest::Method,
    url: &Url,
    key: &str,
    parcel: Parcel<'_>,
) -> Result<Value, ViewError> {
    let request = client.request(method, url.clone()).header("Idempotency-Key", key);
    let mut request = match parcel {
        Parcel::Json(body) => request.json(body),
        Parcel::File { name, media_type, bytes } => {
            let boundary = uuid::Uuid::new_v4().simple().to_string();
            let kind = format!("multipart/form-data; boundary={boundary}");
            request.header(CONTENT_TYPE, kind).body(form(&boundary, name, media_type, bytes))
        }
    };
    if let Some(cookie) = session.and_then(|session| session.cookie_for(url)) {
        request = request.header(COOKIE, cookie);
    }
    let response = request.send().map_err(|source| ViewError::Connect { url: url.to_string(), source })?;
    let status = response.status();
    let body = response.bytes().map_err(|source| ViewError::Connect { url: url.to_string(), source })?;
    if !status.is_success() {
        return Err(ViewError::Refused { url: url.to_string(), status: status.as_u16(), detail: problem(&body) });
    }
    if body.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(&body).map_err(|source| ViewError::Json { url: url.to_string(), source })
}

/// A form with one file (RFC 7578).
fn form(boundary: &str, name: &str, media_type: &str, bytes: &[u8]) -> Vec<u8> {
    let name = name.replace('"', "%22").replace(['\r', '\n'], " ");
    let mut body = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\nContent-Type: {media_type}\r\n\r\n"
    )
    .into_bytes();
    body.extend_from_slice(bytes);
    body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    body
}

/// What the server says went wrong, in both languages, cut to what fits a message.
pub(crate) fn problem(body: &[u8]) -> String {
    let said: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |field: &str| said.get(field).and_then(Value::as_str);
    let both: Vec<&str> = ["detail_zh", "detail_en"].iter().filter_map(|field| text(field)).collect();
    let words = if both.is_empty() { text("detail").unwrap_or_default().to_owned() } else { both.join(" · ") };
    words.chars().take(400).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_goes_only_to_the_server_that_gave_it() {
        let at = |text: &str| Url::parse(text).expect("a URL");
        let session = Session {
            origin: at("http://127.0.0.1:8080/").origin(),
            cookie: HeaderValue::from_static("shikong_session=x"),
            display_name: "张三".to_owned(),
        };
        assert!(session.cookie_for(&at("http://127.0.0.1:8080/projects")).is_some());
        for other in ["http://127.0.0.1:8081/", "https://127.0.0.1:8080/", "http://tiles.example/"] {
            assert!(session.cookie_for(&at(other)).is_none(), "{other}");
        }
    }

    #[test]
    fn the_session_s_value_is_found_among_attributes_and_other_cookies() {
        assert_eq!(session_cookie("shikong_session=ab.c-d; HttpOnly; SameSite=Strict; Path=/"), Some("ab.c-d"));
        assert_eq!(session_cookie("theme=dark; Path=/"), None);
        assert_eq!(session_cookie("shikong_session=; Max-Age=0"), None);
    }

    #[test]
    fn a_password_does_not_show_in_a_log() {
        let credentials = Credentials { name: "lead".to_owned(), password: "hunter2".to_owned() };
        assert!(!format!("{credentials:?}").contains("hunter2"));
    }
}
