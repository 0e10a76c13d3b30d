//! The OpenAPI 3.1 text, made out of the list of routes.

use axum::response::Response;
use serde_json::{Map, Value, json};

use super::answer::json;
use super::routes::{Access, ROUTES, Route};

pub(super) async fn show() -> Response {
    json(&document())
}

/// The whole description.
#[must_use]
pub(super) fn document() -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for route in ROUTES {
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        if let Value::Object(methods) = path {
            methods.insert(route.method.to_owned(), operation(route));
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "driftd",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "paths": paths,
        "components": {
            "securitySchemes": {
                "token": {
                    "type": "http", "scheme": "bearer",
                    "description": "http.token; for a run, the token of its request",
                },
            },
            "schemas": {
                "Error": {
                    "type": "object",
                    "required": ["error"],
                    "properties": {
                        "error": {
                            "type": "object",
                            "required": ["code", "message"],
                            "properties": {
                                "code": { "type": "string" },
                                "message": { "type": "string" },
                            },
                        },
                    },
                },
            },
        },
    })
}

fn operation(route: &Route) -> Value {
    let in_path = route.path.split('{').skip(1).filter_map(|part| part.split('}').next());
    let in_path = in_path.map(|name| {
        json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } })
    });
    let in_query = route.query.iter().map(|(name, doc)| {
        json!({
            "name": name, "in": "query", "required": false, "description": doc,
            "schema": { "type": "string" },
        })
    });
    let kind = if route.answer == "application/json" { "object" } else { "string" };
    let mut operation = json!({
        "summary": route.summary,
        "operationId": name(route),
        "parameters": in_path.chain(in_query).collect::<Vec<_>>(),
        "responses": {
            "2XX": {
                "description": "Done",
                "content": { route.answer: { "schema": { "type": kind } } },
            },
            "default": {
                "description": "An error",
                "content": {
                    "application/json": { "schema": { "$ref": "#/components/schemas/Error" } },
                },
            },
        },
    });
    if let Value::Object(fields) = &mut operation {
        if !route.body.is_empty() {
            fields.insert("requestBody".into(), body(route));
        }
        if route.access != Access::Open {
            fields.insert("security".into(), json!([{ "token": [] }]));
        }
    }
    operation
}

fn body(route: &Route) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for (name, doc) in route.body {
        let plain = name.trim_end_matches('?');
        let kind = if plain == "segment" { "object" } else { "string" };
        properties.insert(plain.to_owned(), json!({ "type": kind, "description": doc }));
        if plain == *name {
            required.push(plain);
        }
    }
    let schema = json!({
        "type": "object", "properties": properties, "required": required,
        "additionalProperties": false,
    });
    json!({ "required": true, "content": { "application/json": { "schema": schema } } })
}

/// `get_api_v1_runs_id`.
fn name(route: &Route) -> String {
    let words = route.path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|w| !w.is_empty());
    std::iter::once(route.method).chain(words).collect::<Vec<_>>().join("_")
}
