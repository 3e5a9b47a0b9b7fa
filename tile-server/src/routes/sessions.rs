//! `/sessions` and `/me`: logging in and out, who one is, one's password.
//!
//! Whoever asks for `/me` without a session is told so with 200 and no account: that is an answer, not a failure.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{delete, get, post, put};
use catalog::{AccountRow, AdministrationEntry, Written};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::json;

use super::no_such_account;
use crate::app::{App, Shared};
use crate::asked::{Sent, private};
use crate::password::{check_rules, sha256, token};
use crate::people::{Visitor, account_json, log_in_first, session_cookie, session_token};
use crate::problem::Problem;
use crate::route::{Route, Verb};

/// Routes of this protocol.
pub(crate) const ROUTES: &[Route] = &[
    Route {
        verb: Verb::Post,
        path: "/sessions",
        tag: "people",
        about: "登录；log in: {name, password}, answered with the session's cookie",
        parameters: &[],
        takes: &["application/json"],
        media_types: &["application/json"],
        handler: || post(log_in),
    },
    Route {
        verb: Verb::Delete,
        path: "/sessions/current",
        tag: "people",
        about: "退出；log out",
        parameters: &[],
        takes: &[],
        media_types: &["application/json"],
        handler: || delete(log_out),
    },
    Route {
        verb: Verb::Get,
        path: "/me",
        tag: "people",
        about: "当前账号；who is logged in, and whether the service runs open",
        parameters: &[],
        takes: &[],
        media_types: &["application/json"],
        handler: || get(me),
    },
    Route {
        verb: Verb::Put,
        path: "/me/password",
        tag: "people",
        about: "修改密码；change one's password: {old, new}",
        parameters: &[],
        takes: &["application/json"],
        media_types: &["application/json"],
        handler: || put(change_password),
    },
];

/// Longest name and password looked at.
const MAX_TYPED_BYTES: usize = 1_024;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Credentials {
    name: String,
    password: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PasswordChange {
    old: String,
    new: String,
}

async fn log_in(
    State(app): State<Shared>,
    headers: HeaderMap,
    Sent { body, .. }: Sent<Credentials>,
) -> Result<Response, Problem> {
    let wrong = || Problem::new(StatusCode::UNAUTHORIZED, "账号或密码不正确", "The name or the password is wrong.");
    if body.name.len() > MAX_TYPED_BYTES || body.password.len() > MAX_TYPED_BYTES {
        return Err(wrong());
    }
    let now = (app.settings.now)();
    let account = app.catalog.account_named(body.name.trim()).await?;
    let Some(account) = compare(&app, account, body.password, now).await? else { return Err(wrong()) };
    if !account.active {
        return Err(wrong());
    }
    let token = token();
    let entry = AdministrationEntry { account: &account.id, kind: "log_in", body: json!({}), at: now };
    app.catalog
        .session_open(&account.id, &sha256(token.as_bytes()), now - app.settings.people.session_idle, entry)
        .await?;
    let mut response = private(StatusCode::OK, &json!({ "account": account_json(&account, now), "open": false }));
    if let Some(cookie) = session_cookie(&app, &headers, Some(&token)) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// The account, if that is its password. A wrong one counts; too many lock the account.
async fn compare(
    app: &App,
    account: Option<AccountRow>,
    password: String,
    now: DateTime<Utc>,
) -> Result<Option<AccountRow>, Problem> {
    let settings = &app.settings.people;
    if let Some(account) = account.as_ref().filter(|account| account.locked_until > now) {
        let minutes = ((account.locked_until - now).num_seconds() + 59) / 60;
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            format!("密码连续输错，账号已锁定，请 {minutes} 分钟后再试或联系管理员"),
            format!(
                "The account is locked after wrong passwords; try again in {minutes} minutes or ask the administrator."
            ),
        )
        .retry_after((account.locked_until - now).num_seconds().unsigned_abs()));
    }
    let hash = account.as_ref().map(|account| account.password.clone());
    if app.people.hashing.verify(password, hash).await? {
        return Ok(account);
    }
    if let Some(account) = account {
        let entry = AdministrationEntry { account: &account.id, kind: "log_in_failed", body: json!({}), at: now };
        // One who guesses after the lock has ended starts with what was counted: one more mistake locks again.
        app.catalog.account_failed(&account.id, settings.lock_at, now + settings.lock_for, entry).await?;
    }
    Ok(None)
}

async fn log_out(State(app): State<Shared>, headers: HeaderMap) -> Result<Response, Problem> {
    if let Some(token) = session_token(&headers) {
        app.catalog.session_end(&sha256(token.as_bytes())).await?;
    }
    let mut response = StatusCode::NO_CONTENT.into_response();
    if let Some(cookie) = session_cookie(&app, &headers, None) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

async fn me(State(app): State<Shared>, visitor: Visitor) -> Response {
    let now = (app.settings.now)();
    let account = visitor.known.map(|known| match &known.session {
        Some((account, _)) => account_json(account, now),
        None => json!({
            "id": known.actor.account.id,
            "name": known.actor.account.id,
            "display_name": known.actor.account.name,
            "unit": known.actor.unit,
            "roles": known.actor.roles,
            "must_change_password": false,
        }),
    });
    private(StatusCode::OK, &json!({ "account": account, "open": app.settings.people.open }))
}

async fn change_password(
    State(app): State<Shared>,
    visitor: Visitor,
    Sent { body, .. }: Sent<PasswordChange>,
) -> Result<Response, Problem> {
    let Some((account, fingerprint)) = visitor.known.and_then(|known| known.session) else {
        return Err(log_in_first());
    };
    let now = (app.settings.now)();
    if body.old.len() > MAX_TYPED_BYTES {
        return Err(wrong_old());
    }
    let Some(mut account) = compare(&app, Some(account), body.old.clone(), now).await? else {
        return Err(wrong_old());
    };
    check_rules(&body.new, &account.name)?;
    if body.new == body.old {
        return Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "新密码不能与原密码相同",
            "The new password must differ from the old one.",
        ));
    }
    account.password = app.people.hashing.hash(body.new).await?;
    account.must_change = false;
    account.version += 1;
    let id = account.id.clone();
    let entry = AdministrationEntry { account: &id, kind: "password_change", body: json!({}), at: now };
    match app.catalog.account_write(&account, true, Some(&fingerprint), entry, None).await? {
        Written::Done => Ok(private(StatusCode::OK, &json!({ "account": account_json(&account, now) }))),
        Written::Stale | Written::Taken | Written::Repeated => {
            let current = app.catalog.account_get(&id).await?.ok_or_else(no_such_account)?;
            Err(Problem::stale(&account_json(&current, now)))
        }
    }
}

fn wrong_old() -> Problem {
    Problem::new(StatusCode::FORBIDDEN, "原密码不正确", "The old password is wrong.")
}
