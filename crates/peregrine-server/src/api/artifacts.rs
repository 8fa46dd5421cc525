//! Artifacts, and what a collect request compiles to.

use super::extract::{Body, Params, Path, SignedIn};
use crate::error::Answer;
use crate::shared::Shared;
use axum::Json;
use axum::extract::State;
use peregrine_api::artifacts::{self as api, ArtifactList, ArtifactsQuery, Compiled, EquivalentCall};
use peregrine_api::flows::CollectRequest;
use peregrine_artifacts::compile::masked;
use peregrine_artifacts::{Artifact, CompiledRequest, Kind, Parameter, ParameterType, Resources};
use peregrine_services::users::Permission;
use peregrine_services::{Error, flows};
use std::sync::Arc;

pub(super) async fn list(
    State(shared): State<Arc<Shared>>,
    SignedIn(principal): SignedIn,
    Params(list): Params<ArtifactsQuery>,
) -> Answer<Json<ArtifactList>> {
    principal.authorize(Permission::ReadResults)?;
    let kind = match list.r#type.as_deref() {
        None | Some("") => None,
        Some(name) => Some(
            Kind::parse(name)
                .ok_or_else(|| Error::BadRequest(format!("unknown type `{name}` of artifacts")))?,
        ),
    };
    let os = list.os.unwrap_or_default();
    let fits = |artifact: &Artifact| kind.is_none_or(|kind| artifact.kind == kind) && runs_on(artifact, &os);
    let found = shared
        .core
        .artifacts
        .search(list.search.as_deref().unwrap_or_default());
    let artifacts = found
        .iter()
        .filter(|artifact| fits(artifact))
        .map(|artifact| view(&shared, artifact))
        .collect();
    Ok(Json(ArtifactList { artifacts }))
}

/// Artifacts for one operating system have names that start with it; all others run anywhere.
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

fn view(shared: &Shared, artifact: &Artifact) -> api::Artifact {
    let sources = artifact.sources.iter().map(|source| api::Source {
        name: source.name.clone(),
        description: source.description.clone(),
    });
    let column_types = artifact.column_types.iter().map(|column| api::ColumnType {
        name: column.name.clone(),
        r#type: column.kind.clone(),
        description: column.description.clone(),
    });
    api::Artifact {
        name: artifact.name.clone(),
        r#type: artifact.kind.as_str().to_owned(),
        description: artifact.description.clone(),
        author: artifact.author.clone(),
        built_in: artifact.is_built_in(),
        parameters: artifact.parameters.iter().map(parameter_view).collect(),
        sources: sources.collect(),
        precondition: artifact.precondition.as_ref().map(|section| section.text.clone()),
        references: artifact.references.clone(),
        column_types: column_types.collect(),
        resources: (artifact.resources != Resources::default()).then(|| resources_view(&artifact.resources)),
        required_permissions: artifact.required_permissions.clone(),
        basic: shared.core.artifacts.metadata(&artifact.name).basic,
        raw: None,
    }
}

fn parameter_view(parameter: &Parameter) -> api::Parameter {
    let is_hidden = parameter.parameter_type() == ParameterType::Redacted;
    let shown = |text: &str, otherwise: &str| if text.is_empty() { otherwise } else { text }.to_owned();
    api::Parameter {
        name: parameter.name.clone(),
        r#type: shown(&parameter.kind, "string"),
        default: if is_hidden {
            String::new()
        } else {
            parameter.default.clone()
        },
        description: parameter.description.clone(),
        friendly_name: parameter.friendly_name.clone(),
        choices: parameter.choices.clone(),
        validating_regex: parameter.validating_regex.clone(),
    }
}

fn resources_view(resources: &Resources) -> api::Resources {
    fn set<T: Default + PartialEq>(value: T) -> Option<T> {
        Some(value).filter(|value| *value != T::default())
    }
    api::Resources {
        timeout: set(resources.timeout),
        max_rows: set(resources.max_rows),
        max_upload_bytes: set(resources.max_upload_bytes),
        ops_per_second: set(resources.ops_per_second),
        cpu_limit: set(resources.cpu_limit),
        iops_limit: set(resources.iops_limit),
        max_batch_wait: set(resources.max_batch_wait),
        max_batch_rows: set(resources.max_batch_rows),
        max_batch_rows_buffer: set(resources.max_batch_rows_buffer),
    }
}

pub(super) async fn show(
    State(shared): State<Arc<Shared>>,
    SignedIn(principal): SignedIn,
    Path(name): Path<String>,
) -> Answer<Json<api::Artifact>> {
    principal.authorize(Permission::ReadResults)?;
    let artifact = shared
        .core
        .artifacts
        .get(&name)
        .ok_or(Error::NotFound("artifact", name))?;
    Ok(Json(api::Artifact {
        raw: Some(artifact.raw.to_string()),
        ..view(&shared, &artifact)
    }))
}

pub(super) async fn compile(
    State(shared): State<Arc<Shared>>,
    SignedIn(principal): SignedIn,
    Body(request): Body<CollectRequest>,
) -> Answer<Json<Compiled>> {
    principal.authorize(Permission::ReadResults)?;
    let resolved = flows::find(&shared.core, None, &request)?;
    let compiled = resolved.preview(&shared.core, &flows::limits(&request))?;
    let request = flows::redacted(&request, &resolved);
    Ok(Json(Compiled {
        requests: compiled.requests.iter().map(masked).map(request_view).collect(),
        equivalent_vql: equivalent_vql(&request),
        equivalent_api: EquivalentCall {
            method: "POST".to_owned(),
            path: "/api/v1/clients/{client_id}/flows".to_owned(),
            body: request,
        },
        max_rows: compiled.max_rows,
        max_upload_bytes: compiled.max_upload_bytes,
    }))
}

fn request_view(request: CompiledRequest) -> api::CompiledRequest {
    api::CompiledRequest {
        statements: request.query.into_iter().map(|query| query.vql).collect(),
        env: request.env.into_iter().map(|env| (env.key, env.value)).collect(),
        timeout: request.timeout,
        cpu_limit: request.cpu_limit,
    }
}

/// The request as a notebook cell would state it.
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
