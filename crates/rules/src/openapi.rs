//! What there is below `/biplane`, as an OpenAPI 3.1 document: made of the manifest, and kept in
//! `docs/openapi.json`, which the host serves.

use serde_json::{Map, Value, json};

use crate::request::{Access, Method, Parameter, ParameterKind, Place};
use crate::{Trigger, manifest};

/// A route of the host's own.
struct HostRoute {
    method: Method,
    path: &'static str,
    /// `None`: for everyone.
    access: Option<Access>,
    name: &'static str,
    summary: &'static str,
    query: &'static [Parameter],
    answers: &'static [&'static str],
}

const JSON: &[&str] = &["application/json"];

const HOST_ROUTES: &[HostRoute] = &[
    HostRoute {
        method: Method::Get,
        path: "/module",
        access: Some(Access::Users),
        name: "module.read",
        summary: "Version, rules and memory of the module that judges here",
        query: &[],
        answers: JSON,
    },
    HostRoute {
        method: Method::Get,
        path: "/module.wasm",
        access: Some(Access::Users),
        name: "module.download",
        summary: "The module itself, by which the admin UI judges while people type",
        query: &[],
        answers: &["application/wasm"],
    },
    HostRoute {
        method: Method::Get,
        path: "/openapi.json",
        access: Some(Access::Users),
        name: "openapi.read",
        summary: "This document",
        query: &[],
        answers: JSON,
    },
    HostRoute {
        method: Method::Get,
        path: "/live/config",
        access: Some(Access::Users),
        name: "live.config",
        summary: "Where the live channel and the map's tiles are",
        query: &[],
        answers: JSON,
    },
    HostRoute {
        method: Method::Post,
        path: "/live/token",
        access: Some(Access::Users),
        name: "live.token",
        summary: "A token for the live channel, as long-lived as the caller's own at the most",
        query: &[],
        answers: JSON,
    },
    HostRoute {
        method: Method::Get,
        path: "/schema/drift",
        access: Some(Access::Administrators),
        name: "schema.drift",
        summary: "What differs between the database and its snapshot",
        query: &[Parameter::new(
            "refresh",
            Place::Query,
            ParameterKind::Text { max_length: 8 },
            "Compare anew, however fresh the last comparison is.",
        )],
        answers: JSON,
    },
    HostRoute {
        method: Method::Get,
        path: "/health",
        access: None,
        name: "health.read",
        summary: "Whether the schema is in order; administrators are told why not",
        query: &[],
        answers: JSON,
    },
];

/// The document. Paths are Directus's own, from its root.
pub fn openapi() -> Value {
    let manifest = manifest();
    let mut paths = Map::new();
    let mut add = |path: &str, method: Method, operation: Value| {
        let item = paths.entry(format!("/biplane{path}")).or_insert_with(|| json!({}));
        item[method.as_str()] = operation;
    };
    for route in HOST_ROUTES {
        let HostRoute { path, method, access, name, summary, query, answers } = *route;
        add(path, method, operation(name, summary, access, query, answers));
    }
    for rule in &manifest.rules {
        if let Trigger::Endpoint { method, path, access, summary, parameters, answers } =
            rule.trigger
        {
            add(path, method, operation(rule.name, summary, Some(access), parameters, answers));
        }
    }
    let codes: Vec<_> = manifest.codes.iter().map(|code| code.code.as_str()).collect();
    json!({
        "openapi": "3.1.1",
        "info": {
            "title": "Biplane",
            "version": manifest.version,
            "summary": "What Biplane adds to the API of Directus.",
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": "/", "description": "The Directus that this extension runs in" }],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "bearer": { "type": "http", "scheme": "bearer", "description": "A token of Directus." },
                "query": { "type": "apiKey", "in": "query", "name": "access_token" },
            },
            "schemas": {
                "Errors": errors(&codes),
                "Data": {
                    "type": "object",
                    "properties": { "data": {}, "meta": { "type": "object" } },
                },
            },
        },
    })
}

impl Method {
    /// As OpenAPI and routers have it.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Post => "post",
        }
    }
}

fn operation(
    name: &str,
    summary: &str,
    access: Option<Access>,
    parameters: &[Parameter],
    answers: &[&str],
) -> Value {
    let content: Map<_, _> =
        answers.iter().map(|media| ((*media).to_owned(), schema_of(media))).collect();
    let refused = |why: &str| {
        let content =
            json!({ "application/json": { "schema": { "$ref": "#/components/schemas/Errors" } } });
        json!({ "description": why, "content": content })
    };
    let mut responses = Map::new();
    responses.insert("200".into(), json!({ "description": summary, "content": content }));
    responses.insert("400".into(), refused("A parameter or the body is not what it may be"));
    if access.is_some() {
        responses.insert("401".into(), refused("Nobody is logged in"));
        responses.insert(
            "403".into(),
            refused("Not for this user, or there is no such thing for this user"),
        );
    }
    responses.insert("500".into(), refused("A fault of Biplane; nothing was changed"));
    let (body, others): (Vec<_>, Vec<_>) =
        parameters.iter().partition(|parameter| parameter.place == Place::Body);
    let mut operation = json!({
        "operationId": name,
        "summary": summary,
        "tags": [name.split('.').next()],
        "parameters": others.iter().map(parameter).collect::<Vec<_>>(),
        "responses": responses,
        "security": match access {
            Some(_) => json!([{ "bearer": [] }, { "query": [] }]),
            None => json!([]),
        },
    });
    if access == Some(Access::Administrators) {
        operation["description"] = json!("For administrators.");
    }
    if !body.is_empty() {
        operation["requestBody"] = json!({
            "required": true,
            "content": { "application/json": { "schema": object(&body) } },
        });
    }
    operation
}

fn schema_of(media: &str) -> Value {
    let json = media == "application/json";
    let schema = if json {
        json!({ "$ref": "#/components/schemas/Data" })
    } else {
        json!({ "type": "string" })
    };
    json!({ "schema": schema })
}

fn parameter(parameter: &Parameter) -> Value {
    let place = if parameter.place == Place::Path { "path" } else { "query" };
    let mut made = json!({
        "name": parameter.name,
        "in": place,
        "required": parameter.required,
        "description": parameter.description,
        "schema": schema(parameter),
    });
    if matches!(parameter.kind, ParameterKind::Uuids { .. }) {
        made["style"] = json!("form");
        made["explode"] = json!(false);
    }
    made
}

/// The members of a body; others are refused.
fn object(members: &[Parameter]) -> Value {
    let properties: Map<_, _> = members
        .iter()
        .map(|member| {
            let mut schema = schema(member);
            schema["description"] = json!(member.description);
            (member.name.to_owned(), schema)
        })
        .collect();
    let required: Vec<_> = members.iter().filter(|it| it.required).map(|it| it.name).collect();
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

fn schema(parameter: &Parameter) -> Value {
    let mut schema = match parameter.kind {
        ParameterKind::Text { max_length } => {
            json!({ "type": "string", "minLength": 1, "maxLength": max_length })
        }
        ParameterKind::Uuid => json!({ "type": "string", "format": "uuid" }),
        ParameterKind::Uuids { max } => json!({
            "type": "array",
            "items": { "type": "string", "format": "uuid" },
            "minItems": 1,
            "maxItems": max,
        }),
        ParameterKind::Integer { min, max } => {
            json!({ "type": "integer", "minimum": min, "maximum": max })
        }
        ParameterKind::Number { min, max, unit } => {
            json!({ "type": "number", "minimum": min, "maximum": max, "x-unit": unit })
        }
        ParameterKind::Time => json!({ "type": "string", "format": "date-time" }),
        ParameterKind::Boolean => json!({ "type": "boolean" }),
        ParameterKind::Choice { of } => json!({ "type": "string", "enum": of }),
        ParameterKind::Json => json!({}),
    };
    if let Some(default) = parameter.default {
        schema["default"] = match parameter.kind {
            ParameterKind::Integer { .. }
            | ParameterKind::Number { .. }
            | ParameterKind::Boolean => {
                serde_json::from_str(default).unwrap_or_else(|_| json!(default))
            }
            _ => json!(default),
        };
    }
    schema
}

/// As Directus answers errors.
fn errors(codes: &[&str]) -> Value {
    json!({
        "type": "object",
        "required": ["errors"],
        "properties": { "errors": { "type": "array", "items": {
            "type": "object",
            "required": ["message", "extensions"],
            "properties": {
                "message": { "type": "string", "description": "For people." },
                "extensions": {
                    "type": "object",
                    "required": ["code"],
                    "properties": {
                        "code": { "type": "string", "description": "Stable. At a form's field `FAILED_VALIDATION`." },
                        "reason": { "type": "string", "enum": codes, "description": "Stable, and always Biplane's own." },
                        "field": { "type": ["string", "null"] },
                        "at": {
                            "type": "array",
                            "items": { "type": "number" },
                            "minItems": 2,
                            "maxItems": 2,
                            "description": "Longitude and latitude in degrees.",
                        },
                    },
                },
            },
        } } },
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    #[cfg(not(target_arch = "wasm32"))]
    fn the_document_in_docs_is_up_to_date() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");
        let expected = serde_json::to_string_pretty(&openapi()).expect("JSON") + "\n";
        if std::env::var_os("UPDATE_PROTOCOL").is_some() {
            std::fs::write(path, &expected).expect("the file can be written");
        }
        let committed = std::fs::read_to_string(path).unwrap_or_default();
        assert_eq!(committed, expected, "UPDATE_PROTOCOL=1 cargo test -p biplane-rules openapi");
    }

    #[test]
    fn every_endpoint_of_the_manifest_is_in_it_once() {
        let document = openapi();
        let mut ids = HashSet::new();
        for (path, item) in document["paths"].as_object().expect("paths") {
            for (method, operation) in item.as_object().expect("an item") {
                assert!(ids.insert(operation["operationId"].clone()), "{method} {path}");
            }
        }
        for rule in manifest().rules {
            if let Trigger::Endpoint { method, path, .. } = rule.trigger {
                let operation = &document["paths"][format!("/biplane{path}")][method.as_str()];
                assert_eq!(operation["operationId"], rule.name);
            }
        }
    }

    #[test]
    fn every_parameter_of_a_path_is_declared() {
        for rule in manifest().rules {
            if let Trigger::Endpoint { path, parameters, .. } = rule.trigger {
                let in_path: HashSet<_> = path
                    .split('/')
                    .filter_map(|it| it.strip_prefix('{')?.strip_suffix('}'))
                    .collect();
                let declared = parameters.iter().filter(|it| it.place == Place::Path);
                let declared: HashSet<_> = declared.map(|it| it.name).collect();
                assert_eq!(in_path, declared, "{path}");
            }
        }
    }
}
