//! `/rules`: the documents that analyses judge by, with their versions. A version is added, never changed; the one that
//! is shipped is the first, and holds wherever the county has decided nothing else.

use analysis::mechanism::{RULES, RuleDocument, check_rule};
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use catalog::{RuleVersion, instant_at_start};
use review::{ReviewSettings, Role, SHIPPED_WORKFLOW, WORKFLOW_NAME};
use serde_json::{Map, Value, json};

use super::query_value;
use crate::app::{App, Shared};
use crate::asked::{Sent, private};
use crate::jobs::{rules_in_force, time_text};
use crate::locate::Times;
use crate::payload::{Payload, changing};
use crate::people::Actor;
use crate::problem::Problem;
use crate::route::{Route, Verb, parameter::DATETIME, parameters};

parameters! {
    NAME = Path "name" "string" "规则文件名；name of the rule document";
    VERSION = Query "version" "string" "版本，默认为现行；version, by default the one in force";
}

/// Routes of this protocol.
pub(crate) const ROUTES: &[Route] = &[
    Route {
        verb: Verb::Get,
        path: "/rules",
        tag: "rules",
        about: "规则文件及其各版本；rule documents and their versions",
        parameters: &[DATETIME],
        takes: &[],
        media_types: &["application/json"],
        handler: || get(list),
    },
    Route {
        verb: Verb::Get,
        path: "/rules/{name}",
        tag: "rules",
        about: "一个规则文件；one rule document",
        parameters: &[NAME, VERSION, DATETIME],
        takes: &[],
        media_types: &["application/json"],
        handler: || get(one),
    },
    Route {
        verb: Verb::Post,
        path: "/rules/{name}",
        tag: "rules",
        about: "新增规则版本：version、author、effective_from、text（TOML）；adds a version",
        parameters: &[NAME],
        takes: &["application/json"],
        media_types: &["application/json"],
        handler: || post(add),
    },
];

/// Version of what is shipped.
const SHIPPED: &str = "shipped";
/// Longest document.
const MAX_TEXT_BYTES: usize = 1 << 20;
/// Longest version or author.
const MAX_NAME_BYTES: usize = 120;

async fn list(
    State(app): State<Shared>,
    _: Actor,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let book = in_force(&app, query.as_deref()).await?;
    let versions = app.catalog.rule_list(None).await?;
    let rules: Vec<Value> = documents()
        .map(|(name, text)| {
            let of_name = versions.iter().filter(|rule| rule.name == *name).map(|rule| version_json(rule, false));
            json!({
                "name": name,
                "title": document_field(text, "title"),
                "in_force": book.document(name).map(|rule| rule.version.clone()).unwrap_or_default(),
                "versions": std::iter::once(shipped_json(name, text, false)).chain(of_name).collect::<Vec<_>>(),
            })
        })
        .collect();
    changing(&headers, &Payload::json(&json!({ "rules": rules })))
}

async fn one(
    State(app): State<Shared>,
    _: Actor,
    Path(name): Path<String>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let text = shipped(&name)?;
    let in_force = in_force(&app, query.as_deref()).await?;
    let in_force = in_force.document(&name).map(|rule| rule.version.clone()).unwrap_or_default();
    let version = query_value(query.as_deref(), "version").unwrap_or_else(|| in_force.clone());
    let mut rule = if version == SHIPPED {
        shipped_json(&name, text, true)
    } else {
        let versions = app.catalog.rule_list(Some(&name)).await?;
        let found = versions.iter().find(|rule| rule.version == version);
        version_json(found.ok_or_else(|| Problem::missing("没有这个版本", "There is no such version."))?, true)
    };
    rule["title"] = document_field(text, "title");
    rule["in_force"] = in_force.into();
    changing(&headers, &Payload::json(&rule))
}

async fn add(
    State(app): State<Shared>,
    actor: Actor,
    Path(name): Path<String>,
    Sent { body, .. }: Sent<Map<String, Value>>,
) -> Result<Response, Problem> {
    actor.need(Role::Admin)?;
    shipped(&name)?;
    let text = |field: &str, most: usize| {
        let text = body.get(field).and_then(Value::as_str).map(str::trim).unwrap_or_default();
        if text.is_empty() || text.len() > most {
            return Err(Problem::bad_parameter(
                field,
                &format!("应为 1 至 {most} 字节的文字"),
                &format!("must be text of 1 to {most} bytes"),
            ));
        }
        Ok(text.to_owned())
    };
    let bad_day =
        |_unreadable| Problem::bad_parameter("effective_from", "请写 2024-05-01", "write a date such as 2024-05-01");
    let rule = RuleVersion {
        name,
        version: text("version", MAX_NAME_BYTES)?,
        author: text("author", MAX_NAME_BYTES)?,
        effective_from: instant_at_start(&text("effective_from", MAX_NAME_BYTES)?).map_err(bad_day)?,
        text: text("text", MAX_TEXT_BYTES)?,
        recorded: (app.settings.now)(),
        account: actor.account.name.clone(),
    };
    if rule.name == WORKFLOW_NAME {
        ReviewSettings::read(&rule.text, Some(&rule.version)).map_err(|error| {
            let words = error.to_string();
            let (zh, en) = words.split_once('；').unwrap_or((&words, &words));
            let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, zh, format!("{en}{cause}"))
        })?;
    }
    let document = RuleDocument { name: rule.name.clone(), version: rule.version.clone(), text: rule.text.clone() };
    check_rule(&document).map_err(|error| {
        let words = error.to_string();
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, words.clone(), words)
    })?;
    if rule.version == SHIPPED || !app.catalog.rule_add(&rule).await? {
        return Err(Problem::new(
            StatusCode::CONFLICT,
            format!("规则 {} 已有版本 {}，版本不可更改，请换一个版本号", rule.name, rule.version),
            format!(
                "The rule {} has a version {} already; versions never change, take another.",
                rule.name, rule.version
            ),
        ));
    }
    Ok(private(StatusCode::CREATED, &version_json(&rule, true)))
}

async fn in_force(app: &App, query: Option<&str>) -> Result<analysis::RuleBook, Problem> {
    let now = (app.settings.now)();
    let times = Times::from_query(query)?;
    let mut book = rules_in_force(&app.catalog, times.datetime.unwrap_or(now), times.recorded.unwrap_or(now)).await?;
    if book.document(WORKFLOW_NAME).is_err() {
        let (name, text) = (WORKFLOW_NAME.to_owned(), SHIPPED_WORKFLOW.to_owned());
        book.put(RuleDocument { name, version: SHIPPED.to_owned(), text });
    }
    Ok(book)
}

/// Every document that is shipped: those of the analyses, and how projects go round.
fn documents() -> impl Iterator<Item = (&'static str, &'static str)> {
    RULES.iter().copied().chain([(WORKFLOW_NAME, SHIPPED_WORKFLOW)])
}

fn shipped(name: &str) -> Result<&'static str, Problem> {
    documents()
        .find(|(known, _)| *known == name)
        .map(|(_, text)| text)
        .ok_or_else(|| Problem::missing("没有这个规则文件", "There is no such rule document."))
}

/// A text of the `[document]` table.
fn document_field(text: &str, field: &str) -> Value {
    let table: Option<toml::Table> = text.parse().ok();
    let found = table.as_ref().and_then(|table| table.get("document")?.get(field)?.as_str());
    found.map_or(Value::Null, Value::from)
}

fn shipped_json(name: &str, text: &str, with_text: bool) -> Value {
    let mut rule = json!({
        "name": name,
        "version": SHIPPED,
        "shipped": true,
        "document_version": document_field(text, "version"),
        "author": document_field(text, "author"),
        "effective_from": document_field(text, "effective_from"),
    });
    if with_text {
        rule["text"] = text.into();
    }
    rule
}

fn version_json(rule: &RuleVersion, with_text: bool) -> Value {
    let mut told = json!({
        "name": rule.name,
        "version": rule.version,
        "shipped": false,
        "author": rule.author,
        "effective_from": time_text(rule.effective_from),
        "recorded": time_text(rule.recorded),
        "by": rule.account,
    });
    if with_text {
        told["text"] = rule.text.clone().into();
    }
    told
}
