//! `/accounts`: who may log in, as what. Only the administrator sees and changes accounts; names of people appear elsewhere
//! only with what they signed. An account is never removed, since its name stands under opinions: it is closed.

use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, patch, post};
use catalog::{AccountRow, AdministrationEntry, Written};
use chrono::DateTime;
use review::Role;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{no_such_account, query_count};
use crate::app::{App, Shared};
use crate::asked::{Sent, private};
use crate::password::{check_rules, one_time_password};
use crate::people::{Actor, account_json};
use crate::problem::Problem;
use crate::route::{
    Route, Verb,
    parameter::{LIMIT, OFFSET},
    parameters,
};

parameters! {
    ACCOUNT = Path "id" "string" "账号标识；account";
}

/// Routes of this protocol.
pub(crate) const ROUTES: &[Route] = &[
    Route {
        verb: Verb::Get,
        path: "/accounts",
        tag: "people",
        about: "账号；the accounts, for the administrator; for others the people of their own unit by name",
        parameters: &[],
        takes: &[],
        media_types: &["application/json"],
        handler: || get(list),
    },
    Route {
        verb: Verb::Post,
        path: "/accounts",
        tag: "people",
        about: "新增账号；a new account: {name, display_name, unit, roles, password?}; without a password a one-time one is answered, once",
        parameters: &[],
        takes: &["application/json"],
        media_types: &["application/json"],
        handler: || post(make),
    },
    Route {
        verb: Verb::Patch,
        path: "/accounts/{id}",
        tag: "people",
        about: "修改账号；change an account: {version, display_name?, unit?, roles?, active?, unlock?, reset_password?}",
        parameters: &[ACCOUNT],
        takes: &["application/json"],
        media_types: &["application/json"],
        handler: || patch(change),
    },
    Route {
        verb: Verb::Get,
        path: "/administration",
        tag: "people",
        about: "账号与登录记录；the record of administration and log-ins, newest first",
        parameters: &[LIMIT, OFFSET],
        takes: &[],
        media_types: &["application/json"],
        handler: || get(record),
    },
];

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewAccount {
    name: String,
    display_name: String,
    unit: String,
    roles: Vec<Role>,
    password: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AccountChange {
    version: u64,
    display_name: Option<String>,
    unit: Option<String>,
    roles: Option<Vec<Role>>,
    active: Option<bool>,
    #[serde(default)]
    unlock: bool,
    #[serde(default)]
    reset_password: bool,
}

async fn list(State(app): State<Shared>, actor: Actor) -> Result<Response, Problem> {
    let now = (app.settings.now)();
    let accounts = app.catalog.account_list().await?;
    let shown: Vec<Value> = if actor.is(Role::Admin) {
        accounts.iter().map(|account| account_json(account, now)).collect()
    } else {
        let own_unit = accounts.iter().filter(|account| account.unit == actor.unit.id && account.active);
        own_unit
            .map(|account| {
                json!({
                    "id": account.id,
                    "display_name": account.display_name,
                    "unit": { "id": account.unit, "name": account.unit_name },
                    "roles": account.roles,
                })
            })
            .collect()
    };
    Ok(private(StatusCode::OK, &json!({ "accounts": shown })))
}

async fn make(
    State(app): State<Shared>,
    actor: Actor,
    Sent { body, asked }: Sent<NewAccount>,
) -> Result<Response, Problem> {
    actor.need(Role::Admin)?;
    if app.settings.people.open {
        return Err(Problem::new(
            StatusCode::CONFLICT,
            "演示模式没有账号；请去掉 --open 重新启动服务",
            "The demonstration has no accounts; start the service without --open.",
        ));
    }
    if let Some(response) = asked.earlier(&app, &actor.account.id).await? {
        return Ok(response);
    }
    let name = body.name.trim();
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '@');
    if !(2..=64).contains(&name.chars().count()) || !name.chars().all(plain) {
        return Err(Problem::bad_parameter(
            "name",
            "应为 2 至 64 个文字、数字或 - _ . @",
            "must be 2 to 64 letters, digits or - _ . @",
        ));
    }
    let one_time = body.password.is_none().then(one_time_password);
    if let Some(password) = &body.password {
        check_rules(password, name)?;
    }
    let unit_name = unit_name(&app, &body.unit).await?;
    let password = one_time.clone().or(body.password).unwrap_or_default();
    let now = (app.settings.now)();
    let account = AccountRow {
        id: uuid::Uuid::now_v7().to_string(),
        name: name.to_owned(),
        display_name: checked_display_name(&body.display_name)?,
        unit: body.unit,
        unit_name,
        roles: role_names(&body.roles)?,
        password: app.people.hashing.hash(password).await?,
        // Somebody else knows it: the person chooses a new one first.
        must_change: true,
        active: true,
        failures: 0,
        locked_until: DateTime::UNIX_EPOCH,
        version: 1,
        created: now,
    };
    let shown = json!({ "account": account_json(&account, now) });
    let entry = AdministrationEntry { account: &actor.account.id, kind: "account_make", body: shown.clone(), at: now };
    // What is kept for a repetition never holds the password.
    let keep = asked.keep(&actor.account.id, StatusCode::CREATED, &shown);
    match app.catalog.account_write(&account, false, None, entry, keep.as_ref()).await? {
        Written::Done => Ok(private(StatusCode::CREATED, &with_password(shown, one_time))),
        Written::Repeated => asked.earlier(&app, &actor.account.id).await?.ok_or_else(Problem::vanished),
        Written::Stale | Written::Taken => {
            Err(Problem::new(StatusCode::CONFLICT, "账号名已被使用", "The name is taken by another account."))
        }
    }
}

async fn change(
    State(app): State<Shared>,
    actor: Actor,
    Path(id): Path<String>,
    Sent { body, .. }: Sent<AccountChange>,
) -> Result<Response, Problem> {
    actor.need(Role::Admin)?;
    let now = (app.settings.now)();
    let current = app.catalog.account_get(&id).await?.ok_or_else(no_such_account)?;
    if current.version != body.version {
        return Err(Problem::stale(&account_json(&current, now)));
    }
    let mut account = current.clone();
    if let Some(name) = body.display_name {
        account.display_name = checked_display_name(&name)?;
    }
    if let Some(unit) = body.unit {
        account.unit_name = unit_name(&app, &unit).await?;
        account.unit = unit;
    }
    if let Some(roles) = body.roles {
        account.roles = role_names(&roles)?;
    }
    account.active = body.active.unwrap_or(account.active);
    let gives_up = !account.active || !account.roles.iter().any(|role| role == Role::Admin.as_str());
    if gives_up && account.id == actor.account.id {
        return Err(Problem::new(
            StatusCode::CONFLICT,
            "管理员不能停用自己或取消自己的管理员角色",
            "An administrator cannot close their own account or give up the role.",
        ));
    }
    if body.unlock || body.reset_password {
        account.failures = 0;
        account.locked_until = DateTime::UNIX_EPOCH;
    }
    let one_time = body.reset_password.then(one_time_password);
    if let Some(password) = &one_time {
        account.password = app.people.hashing.hash(password.clone()).await?;
        account.must_change = true;
    }
    account.version += 1;
    let shown = json!({ "account": account_json(&account, now) });
    let entry =
        AdministrationEntry { account: &actor.account.id, kind: "account_change", body: shown.clone(), at: now };
    let ends_sessions = one_time.is_some() || !account.active;
    match app.catalog.account_write(&account, ends_sessions, None, entry, None).await? {
        Written::Done => Ok(private(StatusCode::OK, &with_password(shown, one_time))),
        Written::Stale | Written::Taken | Written::Repeated => {
            let current = app.catalog.account_get(&id).await?.ok_or_else(no_such_account)?;
            Err(Problem::stale(&account_json(&current, now)))
        }
    }
}

async fn record(State(app): State<Shared>, actor: Actor, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    actor.need(Role::Admin)?;
    let limit = query_count(query.as_deref(), "limit", 100, 1_000)?;
    let offset = query_count(query.as_deref(), "offset", 0, 100_000_000)?;
    let limit = u32::try_from(limit).map_err(Problem::internal)?;
    let events = app.catalog.administration_list(limit, offset as u64).await?;
    Ok(private(StatusCode::OK, &json!({ "events": events })))
}

fn with_password(mut shown: Value, one_time: Option<String>) -> Value {
    if let (Some(fields), Some(password)) = (shown.as_object_mut(), one_time) {
        fields.insert("one_time_password".to_owned(), password.into());
    }
    shown
}

async fn unit_name(app: &App, id: &str) -> Result<String, Problem> {
    let units = app.catalog.unit_list().await?;
    units
        .into_iter()
        .find(|unit| unit.id == id && unit.active)
        .map(|unit| unit.name)
        .ok_or_else(|| Problem::bad_parameter("unit", "没有这个单位或已停用", "there is no such unit, or it is closed"))
}

fn role_names(roles: &[Role]) -> Result<Vec<String>, Problem> {
    let mut names: Vec<String> = roles.iter().map(|role| role.as_str().to_owned()).collect();
    names.sort();
    names.dedup();
    if names.is_empty() {
        return Err(Problem::bad_parameter("roles", "至少一个角色", "name at least one role"));
    }
    Ok(names)
}

fn checked_display_name(name: &str) -> Result<String, Problem> {
    let name = name.trim();
    if (1..=50).contains(&name.chars().count()) && !name.chars().any(char::is_control) {
        return Ok(name.to_owned());
    }
    Err(Problem::bad_parameter("display_name", "应为 1 至 50 个字符的姓名", "must be a name of 1 to 50 characters"))
}
