//! The service's description, generated from the table of routes; committed as `openapi.json` and compared by a test.

use serde_json::{Map, Value, json};

use crate::app::every_route;
use crate::route::{In, Route, Verb};

/// The `OpenAPI` 3.1 document.
pub fn document() -> Value {
    let mut paths = Map::new();
    for route in every_route() {
        // OpenAPI has no wildcard: the rest of a path is an ordinary parameter there.
        let path = paths.entry(route.path.replace("{*", "{")).or_insert_with(|| json!({}));
        if let Some(operations) = path.as_object_mut() {
            operations.insert(route.verb.name().to_owned(), operation(route));
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Shikong 时空信息云平台",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Dated URLs (dataset@revision) never change; undated ones redirect to what datetime= and recorded= resolve to.",
        },
        "paths": paths,
        "components": {
            "schemas": {
                "Problem": {
                    "type": "object",
                    "required": ["type", "title", "status", "detail"],
                    "properties": {
                        "type": { "type": "string" },
                        "title": { "type": "string" },
                        "status": { "type": "integer" },
                        "detail": { "type": "string" },
                        "detail_zh": { "type": "string" },
                        "detail_en": { "type": "string" },
                    },
                },
            },
        },
    })
}

/// The document as the text that is committed and printed.
pub fn text() -> String {
    let mut text = serde_json::to_string_pretty(&document()).unwrap_or_default();
    text.push('\n');
    text
}

fn operation(route: &Route) -> Value {
    let parameters: Vec<Value> = route
        .parameters
        .iter()
        .map(|parameter| {
            json!({
                "name": parameter.name,
                "in": if parameter.place == In::Path { "path" } else { "query" },
                "required": parameter.place == In::Path,
                "description": parameter.about,
                "schema": { "type": parameter.schema },
            })
        })
        .collect();
    let content: Map<String, Value> =
        route.media_types.iter().map(|media_type| ((*media_type).to_owned(), json!({}))).collect();
    let problem = |about: &str| {
        json!({
            "description": about,
            "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } },
        })
    };
    if route.verb != Verb::Get {
        return acting(route, &parameters, &content, problem);
    }
    json!({
        "tags": [route.tag],
        "summary": route.about,
        "parameters": parameters,
        "responses": {
            "200": { "description": "OK", "content": content },
            "204": { "description": "An empty tile" },
            "206": { "description": "A byte range" },
            "304": { "description": "Unchanged" },
            "307": { "description": "The dated URL" },
            "400": problem("A malformed parameter"),
            "404": problem("No such thing"),
            "503": problem("Too many at once; Retry-After says when to ask again"),
        },
    })
}

/// An operation that changes something.
fn acting(route: &Route, parameters: &[Value], content: &Map<String, Value>, problem: impl Fn(&str) -> Value) -> Value {
    let body: Map<String, Value> = route.takes.iter().map(|media_type| ((*media_type).to_owned(), json!({}))).collect();
    let mut operation = json!({
        "tags": [route.tag],
        "summary": route.about,
        "parameters": parameters,
        "responses": {
            "200": { "description": "OK", "content": content },
            "400": problem("A malformed request"),
            "401": problem("Log in first"),
            "403": problem("Not by this account"),
            "404": problem("No such thing"),
            "409": problem("Somebody else changed it first, or it is not its turn"),
            "422": problem("It cannot be done with this data; the answer says why"),
        },
    });
    if !body.is_empty() {
        operation["requestBody"] = json!({ "required": true, "content": body });
    }
    operation
}
