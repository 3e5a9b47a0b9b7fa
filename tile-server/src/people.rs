//! Who asks: sessions by cookie, the [`Actor`] that handlers take, the check that a write comes from our own page,
//! and the first account.
//!
//! Everything a handler learns of a person is the [`Actor`]. Another way of recognising people (OIDC, a second factor)
//! is another way of filling [`Visitor`] here; grades of data would be a field of the actor. Maps ask for neither.

use std::ops::Deref;
use std::sync::Arc;

use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use catalog::{AccountRow, AdministrationEntry, Catalog, CatalogError, UnitRow, Written};
use chrono::{DateTime, TimeDelta, Utc};
use review::{Named, Role};
use serde_json::{Value, json};

use crate::app::{App, Shared};
use crate::password::{Hashing, one_time_password, sha256};
use crate::problem::Problem;

/// Name of the session's cookie.
const COOKIE: &str = "shikong_session";
/// A session's last use is written down at most this often.
const TOUCH_EVERY: TimeDelta = TimeDelta::minutes(1);
/// The unit that is there from the start.
pub(crate) const FIRST_UNIT: &str = "root";

/// How people log in.
#[derive(Debug, Clone, Copy)]
pub struct PeopleSettings {
    /// Without accounts: whoever asks is the demonstration's actor. Only on a loopback address.
    pub open: bool,
    /// A session ends when unused for so long,
    pub session_idle: TimeDelta,
    /// and in any case after so long.
    pub session_longest: TimeDelta,
    /// Failed log-ins that lock an account,
    pub lock_at: u32,
    /// and for how long.
    pub lock_for: TimeDelta,
}

impl Default for PeopleSettings {
    fn default() -> Self {
        Self {
            open: false,
            session_idle: TimeDelta::minutes(30),
            session_longest: TimeDelta::hours(12),
            lock_at: 5,
            lock_for: TimeDelta::minutes(15),
        }
    }
}

/// Whoever asks, with or without an account.
#[derive(Debug, Clone)]
pub struct Visitor {
    /// Who, if anybody is known.
    pub(crate) known: Option<Known>,
}

/// A visitor we know.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub(crate) actor: review::Actor,
    /// The account; none where the service runs open.
    pub(crate) session: Option<(AccountRow, String)>,
}

impl Known {
    /// Whether nothing may be done before the password is changed.
    pub(crate) fn must_change(&self) -> bool {
        self.session.as_ref().is_some_and(|(account, _)| account.must_change)
    }
}

/// Who acts: a person with an account and a password of their own, or the demonstration's actor. Take it as an argument
/// of a handler; whoever is not known is answered 401.
#[derive(Debug, Clone)]
pub struct Actor(pub review::Actor);

impl Deref for Actor {
    type Target = review::Actor;

    fn deref(&self) -> &review::Actor {
        &self.0
    }
}

impl Actor {
    /// Refuses whoever has not that role.
    pub fn need(&self, role: Role) -> Result<(), Problem> {
        if self.is(role) {
            return Ok(());
        }
        Err(Problem::new(
            StatusCode::FORBIDDEN,
            format!("此操作只限{}", role.zh()),
            format!("Only the role {} may do this.", role.as_str()),
        ))
    }
}

impl FromRequestParts<Shared> for Visitor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Problem> {
        let known = match session_token(&parts.headers) {
            Some(token) => app.session_of(&token).await?,
            None => None,
        };
        let open = || app.settings.people.open.then(|| Known { actor: review::Actor::demonstration(), session: None });
        Ok(Self { known: known.or_else(open) })
    }
}

impl FromRequestParts<Shared> for Actor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Problem> {
        let Some(known) = Visitor::from_request_parts(parts, app).await?.known else { return Err(log_in_first()) };
        if known.must_change() {
            return Err(Problem::new(
                StatusCode::FORBIDDEN,
                "请先修改初始密码（PUT /me/password）",
                "Change the one-time password first (PUT /me/password).",
            ));
        }
        Ok(Self(known.actor))
    }
}

pub(crate) fn log_in_first() -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "请先登录，或登录已过期", "Log in first; the session may have ended.")
}

/// The token of the session's cookie.
pub(crate) fn session_token(headers: &HeaderMap) -> Option<String> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs
        .find(|(name, _)| *name == COOKIE)
        .map(|(_, token)| token.to_owned())
        .filter(|token| token.len() == 64 && token.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// The header that gives the browser its token, or takes it away.
pub(crate) fn session_cookie(app: &App, headers: &HeaderMap, token: Option<&str>) -> Option<HeaderValue> {
    let path = if app.settings.base_path.is_empty() { "/" } else { &app.settings.base_path };
    let secure = headers.get("x-forwarded-proto").is_some_and(|value| value == "https");
    let age = token.map_or(0, |_| app.settings.people.session_longest.num_seconds());
    let mut cookie =
        format!("{COOKIE}={}; Path={path}; Max-Age={age}; HttpOnly; SameSite=Strict", token.unwrap_or_default());
    if secure {
        cookie.push_str("; Secure");
    }
    HeaderValue::try_from(cookie).ok()
}

/// The actor that an account is.
pub(crate) fn actor_of(account: &AccountRow) -> review::Actor {
    review::Actor {
        account: Named::new(&account.id, &account.display_name),
        unit: Named::new(&account.unit, &account.unit_name),
        roles: account.roles.iter().filter_map(|name| Role::from_name(name)).collect(),
        every_unit: false,
    }
}

/// An account as its owner and the administrator see it.
pub(crate) fn account_json(account: &AccountRow, now: DateTime<Utc>) -> Value {
    json!({
        "id": account.id,
        "name": account.name,
        "display_name": account.display_name,
        "unit": { "id": account.unit, "name": account.unit_name },
        "roles": account.roles,
        "must_change_password": account.must_change,
        "active": account.active,
        "locked": account.locked_until > now,
        "created": account.created,
        "version": account.version,
    })
}

/// A write must come from our own page, or from a program that is no browser: browsers say where a request comes from.
/// (`SameSite=Strict` says the same; neither is relied on alone.)
pub(crate) async fn same_origin(request: Request, next: Next) -> Response {
    let reads = [Method::GET, Method::HEAD, Method::OPTIONS].contains(request.method());
    if reads || comes_from_here(request.headers()) {
        return next.run(request).await;
    }
    Problem::new(
        StatusCode::FORBIDDEN,
        "请求来自其他网站的页面，已拒绝",
        "This request comes from a page of another site and is refused.",
    )
    .into_response()
}

fn comes_from_here(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("unreadable"));
    match (text("origin"), text("sec-fetch-site")) {
        (Some(origin), _) => {
            let host = origin.split_once("://").map(|(_, host)| host);
            ["x-forwarded-host", "host"].into_iter().filter_map(text).any(|ours| Some(ours) == host)
        }
        (None, Some(site)) => site == "same-origin" || site == "none",
        (None, None) => true,
    }
}

impl App {
    /// Who has that token, if its session still runs.
    async fn session_of(&self, token: &str) -> Result<Option<Known>, Problem> {
        let settings = &self.settings.people;
        let fingerprint = sha256(token.as_bytes());
        let now = (self.settings.now)();
        let Some(session) = self.catalog.session_get(&fingerprint).await? else { return Ok(None) };
        let runs = session.account.active
            && now - session.seen < settings.session_idle
            && now - session.created < settings.session_longest;
        if !runs {
            self.catalog.session_end(&fingerprint).await?;
            return Ok(None);
        }
        if now - session.seen >= TOUCH_EVERY {
            self.catalog.session_touch(&fingerprint, now).await?;
        }
        Ok(Some(Known { actor: actor_of(&session.account), session: Some((session.account, fingerprint)) }))
    }
}

/// What starting the people of a catalogue came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FirstStart {
    /// There are accounts already.
    Known,
    /// The account `admin` was made, with this password for one log-in. It is kept nowhere.
    Made {
        /// To be shown once.
        one_time_password: String,
    },
}

/// Makes the account `admin` where there is none at all.
///
/// # Errors
/// Where the catalogue fails.
pub async fn first_start(catalog: &Catalog, now: DateTime<Utc>) -> Result<FirstStart, CatalogError> {
    if catalog.account_count().await? > 0 {
        return Ok(FirstStart::Known);
    }
    let (password, hash) = new_password().await?;
    let unit = UnitRow { id: FIRST_UNIT.to_owned(), name: "本级".to_owned(), parent: None, active: true, version: 1 };
    let entry = |kind| AdministrationEntry { account: "", kind, body: json!({ "name": "admin" }), at: now };
    // Taken means that an earlier start got this far.
    catalog.unit_write(&unit, entry("unit_make"), None).await?;
    let account = AccountRow {
        id: uuid::Uuid::now_v7().to_string(),
        name: "admin".to_owned(),
        display_name: Role::Admin.zh().to_owned(),
        unit: unit.id,
        unit_name: unit.name,
        roles: vec![Role::Admin.as_str().to_owned()],
        password: hash,
        must_change: true,
        active: true,
        failures: 0,
        locked_until: DateTime::UNIX_EPOCH,
        version: 1,
        created: now,
    };
    Ok(match catalog.account_write(&account, false, None, entry("account_make"), None).await? {
        Written::Done => FirstStart::Made { one_time_password: password },
        // Another process was faster.
        Written::Stale | Written::Taken | Written::Repeated => FirstStart::Known,
    })
}

/// Gives an account a new password for one log-in, unlocks it and ends its sessions: for who can reach the machine
/// when nobody can log in any more. `None` where there is no such account.
///
/// # Errors
/// Where the catalogue fails.
pub async fn reset_password(catalog: &Catalog, name: &str, now: DateTime<Utc>) -> Result<Option<String>, CatalogError> {
    let (password, hash) = new_password().await?;
    loop {
        let Some(mut account) = catalog.account_named(name).await? else { return Ok(None) };
        account.password.clone_from(&hash);
        account.must_change = true;
        account.active = true;
        account.failures = 0;
        account.locked_until = DateTime::UNIX_EPOCH;
        account.version += 1;
        let entry = AdministrationEntry { account: "", kind: "password_reset", body: json!({ "name": name }), at: now };
        if catalog.account_write(&account, true, None, entry, None).await? == Written::Done {
            return Ok(Some(password));
        }
    }
}

async fn new_password() -> Result<(String, String), CatalogError> {
    let password = one_time_password();
    let hash = Hashing::default()
        .hash(password.clone())
        .await
        .map_err(|problem| CatalogError::Damaged { what: "password hash", source: problem.zh().to_owned().into() })?;
    Ok((password, hash))
}

/// The hashing place and whatever else people need at run time.
#[derive(Debug, Default)]
pub struct People {
    /// Where passwords are hashed.
    pub(crate) hashing: Arc<Hashing>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (header::HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn only_our_own_page_or_a_program_may_write() {
        for (pairs, ours) in [
            (vec![("host", "gis.example")], true),
            (vec![("host", "gis.example:80"), ("origin", "http://gis.example:80")], true),
            (vec![("host", "10.0.0.1"), ("x-forwarded-host", "gis.example"), ("origin", "https://gis.example")], true),
            (vec![("host", "gis.example"), ("origin", "http://evil.example")], false),
            (vec![("host", "gis.example"), ("origin", "http://evil.example/gis.example")], false),
            (vec![("host", "gis.example"), ("origin", "null")], false),
            (vec![("host", "gis.example"), ("sec-fetch-site", "cross-site")], false),
            (vec![("host", "gis.example"), ("sec-fetch-site", "same-site")], false),
            (vec![("host", "gis.example"), ("sec-fetch-site", "same-origin")], true),
        ] {
            assert_eq!(comes_from_here(&headers(&pairs)), ours, "{pairs:?}");
        }
    }

    #[test]
    fn a_token_is_found_among_other_cookies() {
        let token = "ab".repeat(32);
        let cookie = format!("a=b; shikong_session={token}; c=d");
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, HeaderValue::try_from(cookie).expect("text"));
        assert_eq!(session_token(&headers), Some(token));
        headers.insert(header::COOKIE, HeaderValue::from_static("shikong_session=short"));
        assert_eq!(session_token(&headers), None);
    }
}
