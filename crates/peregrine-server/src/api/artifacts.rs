//! Artifacts, and what a request for them compiles to.

use super::extract::{Body, Params, SignedIn};
use crate::error::Answer;
use crate::shared::Shared;
use axum::Json;
use axum::extract::{Path, State};
use peregrine_artifacts::compile::masked;
use peregrine_artifacts::{Artifact, Kind, Parameter, ParameterType};
use peregrine_proto::Resources;
use peregrine_services::Error;
use peregrine_services::flows::CollectRequest;
use peregrine_services::users::Permission;
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
    SignedIn(principal): SignedIn,
    Params(list): Params<List>,
) -> Answer<Json<Value>> {
    principal.authorize(Permission::ReadResults)?;
    let kind = match &*list.r#type {
        "" => None,
        name => Some(
            Kind::parse(name)
                .ok_or_else(|| Error::BadRequest(format!("unknown type `{name}` of artifacts")))?,
        ),
    };
    let fits =
        |artifact: &Artifact| kind.is_none_or(|kind| artifact.kind == kind) && runs_on(artifact, &list.os);
    let found = shared.core.artifacts.search(&list.search);
    let views: Vec<Value> = found
        .iter()
        .filter(|artifact| fits(artifact))
        .map(|artifact| view(&shared, artifact))
        .collect();
    Ok(Json(json!({"artifacts": views})))
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

fn view(shared: &Shared, artifact: &Artifact) -> Value {
    let sources: Vec<Value> = artifact
        .sources
        .iter()
        .map(|source| json!({"name": source.name, "description": source.description}))
        .collect();
    let column_types: Vec<Value> = artifact
        .column_types
        .iter()
        .map(|column| json!({"name": column.name, "type": column.kind, "description": column.description}))
        .collect();
    let metadata = shared.core.artifacts.metadata(&artifact.name);
    json!({
        "name": artifact.name,
        "type": artifact.kind.as_str(),
        "description": artifact.description,
        "author": artifact.author,
        "built_in": artifact.is_built_in(),
        "parameters": artifact.parameters.iter().map(parameter_view).collect::<Vec<Value>>(),
        "sources": sources,
        "precondition": artifact.precondition.as_ref().map(|section| &section.text),
        "references": artifact.references,
        "column_types": column_types,
        "resources": (artifact.resources != Default::default()).then(|| Resources::from(&artifact.resources)),
        "required_permissions": artifact.required_permissions,
        "basic": metadata.basic,
    })
}

fn parameter_view(parameter: &Parameter) -> Value {
    let is_hidden = parameter.parameter_type() == ParameterType::Redacted;
    json!({
        "name": parameter.name,
        "type": if parameter.kind.is_empty() { "string" } else { &parameter.kind },
        "default": if is_hidden { "" } else { &parameter.default },
        "description": parameter.description,
        "friendly_name": parameter.friendly_name,
        "choices": parameter.choices,
        "validating_regex": parameter.validating_regex,
    })
}

pub(super) async fn show(
    State(shared): State<Arc<Shared>>,
    SignedIn(principal): SignedIn,
    Path(name): Path<String>,
) -> Answer<Json<Value>> {
    principal.authorize(Permission::ReadResults)?;
    let artifact = shared
        .core
        .artifacts
        .get(&name)
        .ok_or(Error::NotFound("artifact", name))?;
    let mut view = view(&shared, &artifact);
    view["raw"] = json!(artifact.raw);
    Ok(Json(view))
}

pub(super) async fn compile(
    State(shared): State<Arc<Shared>>,
    SignedIn(principal): SignedIn,
    Body(request): Body<CollectRequest>,
) -> Answer<Json<Value>> {
    principal.authorize(Permission::ReadResults)?;
    let wanted = request.find(&shared.core)?;
    let compiled = wanted.compile(&shared.core, &request.limits)?;
    let request = request.shown(&wanted);
    let requests: Vec<Value> = compiled
        .requests
        .iter()
        .map(masked)
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
        ("timeout", request.limits.timeout as f64),
        ("cpu_limit", f64::from(request.limits.cpu_limit)),
        ("iops_limit", f64::from(request.limits.iops_limit)),
        ("progress_timeout", f64::from(request.limits.progress_timeout)),
        ("max_rows", request.limits.max_rows as f64),
        ("max_bytes", request.limits.max_upload_bytes as f64),
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
