//! Artifacts, and what a request for them compiles to.

use super::extract::{Body, Params};
use crate::flows::{self, CollectRequest};
use crate::shared::Shared;
use crate::users::{Permission, Principal};
use crate::{Error, Result};
use axum::Json;
use axum::extract::{Path, State};
use peregrine_proto::Artifact;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
pub(super) struct List {
    search: String,
    r#type: String,
    os: String,
}

pub(super) async fn list(
    State(shared): State<Arc<Shared>>,
    principal: Principal,
    Params(list): Params<List>,
) -> Result<Json<Value>> {
    principal.authorize(Permission::ReadResults)?;
    let kind = if list.r#type.is_empty() {
        None
    } else {
        Some(list.r#type)
    };
    let fits = |artifact: &Artifact| {
        kind.as_deref()
            .is_none_or(|kind| kind_of(artifact).eq_ignore_ascii_case(kind))
            && runs_on(artifact, &list.os)
    };
    let found = shared.artifacts.search(&list.search);
    let views: Vec<Value> = found
        .iter()
        .filter(|artifact| fits(artifact))
        .map(|artifact| view(artifact))
        .collect();
    Ok(Json(json!({"artifacts": views})))
}

/// Lower case, as the API writes it.
fn kind_of(artifact: &Artifact) -> String {
    if artifact.r#type.is_empty() {
        "client".into()
    } else {
        artifact.r#type.to_lowercase()
    }
}

/// Artifacts of an operating system are named after it; the others run anywhere.
fn runs_on(artifact: &Artifact, os: &str) -> bool {
    let os = match os {
        "" => return true,
        "darwin" => "macos",
        os => os,
    };
    let first = artifact
        .name
        .trim_start_matches("Custom.")
        .split('.')
        .next()
        .unwrap_or_default()
        .to_lowercase();
    !matches!(first.as_str(), "linux" | "windows" | "macos") || first == os
}

fn view(artifact: &Artifact) -> Value {
    let parameters: Vec<Value> = artifact
        .parameters
        .iter()
        .map(|parameter| {
            json!({
                "name": parameter.name,
                "type": if parameter.r#type.is_empty() { "string" } else { &parameter.r#type },
                "default": parameter.default,
                "description": parameter.description,
                "friendly_name": parameter.friendly_name,
                "choices": parameter.choices,
                "validating_regex": parameter.validating_regex,
            })
        })
        .collect();
    let sources: Vec<Value> = artifact
        .sources
        .iter()
        .map(|source| json!({"name": source.name, "description": source.description}))
        .collect();
    let references = if artifact.reference.is_empty() {
        &artifact.references
    } else {
        &artifact.reference
    };
    json!({
        "name": artifact.name,
        "type": kind_of(artifact),
        "description": artifact.description,
        "author": artifact.author,
        "built_in": artifact.built_in,
        "parameters": parameters,
        "sources": sources,
        "precondition": artifact.precondition,
        "references": references,
        "column_types": artifact.column_types,
        "resources": artifact.resources,
        "required_permissions": artifact.required_permissions,
    })
}

pub(super) async fn show(
    State(shared): State<Arc<Shared>>,
    principal: Principal,
    Path(name): Path<String>,
) -> Result<Json<Value>> {
    principal.authorize(Permission::ReadResults)?;
    let artifact = shared
        .artifacts
        .get(&name)
        .ok_or(Error::NotFound("artifact", name))?;
    let mut view = view(&artifact);
    view["raw"] = json!(artifact.raw);
    Ok(Json(view))
}

pub(super) async fn compile(
    State(shared): State<Arc<Shared>>,
    principal: Principal,
    Body(request): Body<CollectRequest>,
) -> Result<Json<Value>> {
    principal.authorize(Permission::ReadResults)?;
    let compiled = flows::compile(&shared, &request)?;
    let requests: Vec<Value> = compiled
        .requests
        .iter()
        .map(|each| {
            let statements: Vec<&str> = each.query.iter().map(|query| query.vql.as_str()).collect();
            let env: serde_json::Map<String, Value> =
                each.env.iter().map(|env| (env.key.clone(), json!(env.value))).collect();
            json!({"statements": statements, "env": env, "timeout": each.timeout, "cpu_limit": each.cpu_limit})
        })
        .collect();
    Ok(Json(json!({
        "requests": requests,
        "equivalent_vql": equivalent_vql(&request),
        "equivalent_api": {"method": "POST", "path": "/api/v1/clients/{client_id}/flows", "body": request},
        "max_rows": compiled.max_rows,
        "max_upload_bytes": compiled.max_upload_bytes,
    })))
}

/// The request as one would write it in a notebook.
fn equivalent_vql(request: &CollectRequest) -> String {
    let quote = |text: &str| {
        format!(
            "'{}'",
            text.replace('\\', "\\\\")
                .replace('\'', "\\'")
                .replace('\n', "\\n")
        )
    };
    let names: Vec<String> = request
        .artifacts
        .iter()
        .map(|spec| quote(&spec.artifact))
        .collect();
    let specs: Vec<String> = request
        .artifacts
        .iter()
        .map(|spec| {
            let parameters: Vec<String> = spec
                .parameters
                .iter()
                .map(|(name, value)| format!("`{name}`={}", quote(value)))
                .collect();
            format!("`{}`=dict({})", spec.artifact, parameters.join(", "))
        })
        .collect();
    let mut arguments = vec![
        "client_id=ClientId".to_owned(),
        format!("artifacts=[{}]", names.join(", ")),
        format!("spec=dict({})", specs.join(", ")),
    ];
    let numbers = [
        ("timeout", request.timeout as f64),
        ("cpu_limit", f64::from(request.cpu_limit)),
        ("iops_limit", f64::from(request.iops_limit)),
        ("progress_timeout", f64::from(request.progress_timeout)),
        ("max_rows", request.max_rows as f64),
        ("max_bytes", request.max_upload_bytes as f64),
    ];
    arguments.extend(
        numbers
            .iter()
            .filter(|(_, value)| *value > 0.0)
            .map(|(name, value)| format!("{name}={value}")),
    );
    if request.urgent {
        arguments.push("urgent=TRUE".to_owned());
    }
    format!("SELECT collect_client({}) FROM scope()", arguments.join(", "))
}
