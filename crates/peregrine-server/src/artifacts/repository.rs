//! The artifacts of a [`Repository`], as the server offers them.

use super::{ArtifactService, CompileError, Compiled, Limits, Spec};
use parking_lot::Mutex;
use peregrine_artifacts as model;
use peregrine_artifacts::{CollectionRequest, Options, Parameter, ParameterType, Repository};
use peregrine_proto::{Artifact, ArtifactMetadata};
use std::collections::HashMap;
use std::sync::Arc;

/// [`ArtifactService`] over a repository; changes of the repository show at once.
pub struct RepositoryArtifacts {
    repository: Repository,
    /// Definitions as messages, and the state of the repository they were made from.
    messages: Mutex<(u64, HashMap<String, Arc<Artifact>>)>,
}

impl RepositoryArtifacts {
    /// Offers what is in a repository, now and later.
    pub fn new(repository: Repository) -> RepositoryArtifacts {
        RepositoryArtifacts {
            repository,
            messages: Mutex::default(),
        }
    }

    fn message(&self, artifact: &model::Artifact) -> Arc<Artifact> {
        let changes = self.repository.changes();
        let mut messages = self.messages.lock();
        if messages.0 != changes {
            *messages = (changes, HashMap::new());
        }
        let make = || {
            let metadata = self.repository.metadata(&artifact.name);
            let metadata = ArtifactMetadata {
                hidden: metadata.hidden,
                basic: metadata.basic,
                tags: metadata.tags.clone(),
            };
            Arc::new(Artifact {
                metadata: Some(metadata),
                ..Artifact::from(artifact)
            })
        };
        messages
            .1
            .entry(artifact.name.clone())
            .or_insert_with(make)
            .clone()
    }
}

impl ArtifactService for RepositoryArtifacts {
    fn search(&self, text: &str) -> Vec<Arc<Artifact>> {
        self.repository
            .search(text)
            .iter()
            .map(|artifact| self.message(artifact))
            .collect()
    }

    fn get(&self, name: &str) -> Option<Arc<Artifact>> {
        self.repository.get(name).map(|artifact| self.message(&artifact))
    }

    fn compile(&self, specs: &[Spec], limits: &Limits) -> Result<Compiled, CompileError> {
        for spec in specs {
            self.check(spec)?;
        }
        let request = CollectionRequest {
            artifacts: specs.iter().map(|spec| spec.artifact.clone()).collect(),
            specs: specs
                .iter()
                .map(|spec| model::Spec {
                    artifact: spec.artifact.clone(),
                    parameters: spec.parameters.clone().into_iter().collect(),
                    ..Default::default()
                })
                .collect(),
            allow_custom_overrides: false,
            limits: model::resources::Limits {
                ops_per_second: 0.0,
                cpu_limit: limits.cpu_limit,
                iops_limit: limits.iops_limit,
                progress_timeout: limits.progress_timeout,
                timeout: limits.timeout,
                max_rows: limits.max_rows,
                max_upload_bytes: limits.max_upload_bytes,
            },
        };
        let is_event = |spec: &Spec| {
            let artifact = self.repository.get(&spec.artifact);
            artifact.is_some_and(|artifact| artifact.kind.as_str().eq_ignore_ascii_case("CLIENT_EVENT"))
        };
        let options = Options {
            batching: model::resources::Batching {
                // A person watches a collection: rows leave the machine a second after they are found. Event rows wait
                // as long as their artifact, else `defaults.event_max_wait`, says.
                max_wait: if specs.iter().any(is_event) { 0 } else { 1 },
                ..Default::default()
            },
            ..Options::default()
        };
        let compiled = model::compile(&self.repository, &request, &options).map_err(|error| {
            let names: Vec<&str> = specs.iter().map(|spec| spec.artifact.as_str()).collect();
            let parameter = match &error {
                model::Error::Parameter { parameter, .. } => Some(parameter.clone()),
                _ => None,
            };
            CompileError {
                artifact: names.join(", "),
                parameter,
                message: error.to_string(),
            }
        })?;
        Ok(Compiled {
            requests: compiled.requests,
            max_rows: compiled.max_rows,
            max_upload_bytes: compiled.max_upload_bytes,
        })
    }
}

impl RepositoryArtifacts {
    /// Checks that every parameter exists and that its text can become its type.
    fn check(&self, spec: &Spec) -> Result<(), CompileError> {
        let fault = |parameter: Option<&str>, message: String| CompileError {
            artifact: spec.artifact.clone(),
            parameter: parameter.map(str::to_owned),
            message,
        };
        let artifact = self
            .repository
            .resolve(&spec.artifact)
            .map_err(|error| fault(None, error.to_string()))?;
        for (name, value) in &spec.parameters {
            let Some(parameter) = artifact.parameter(name) else {
                let message = format!("artifact `{}` has no parameter `{name}`", spec.artifact);
                return Err(fault(Some(name), message));
            };
            if let Some(wanted) = mismatch(parameter, value) {
                return Err(fault(
                    Some(name),
                    format!("parameter `{name}` needs {wanted}, not `{value}`"),
                ));
            }
        }
        Ok(())
    }
}

/// What the text should have been, if it is not that. An empty text means: not given.
fn mismatch(parameter: &Parameter, value: &str) -> Option<String> {
    let value = value.trim();
    if value.is_empty() {
        return None;
    }
    let is = |fits: bool, wanted: &str| (!fits).then(|| wanted.to_owned());
    match parameter.parameter_type() {
        ParameterType::Int => {
            let digits = value.strip_prefix("0x").map_or_else(
                || value.parse::<i64>().is_ok(),
                |hex| i64::from_str_radix(hex, 16).is_ok(),
            );
            is(digits, "a whole number")
        }
        ParameterType::Float => is(value.parse::<f64>().is_ok(), "a number"),
        ParameterType::Json => is(serde_json::from_str::<serde_json::Value>(value).is_ok(), "JSON"),
        ParameterType::JsonArray => is(
            serde_json::from_str::<Vec<serde_json::Value>>(value).is_ok(),
            "a JSON list",
        ),
        _ if parameter.kind.eq_ignore_ascii_case("choices") && !parameter.choices.is_empty() => is(
            parameter.choices.iter().any(|choice| choice == value),
            &format!("one of {}", parameter.choices.join(", ")),
        ),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use peregrine_artifacts::Origin;

    fn service() -> RepositoryArtifacts {
        let repository = Repository::with_compiled_in();
        let raw =
            "name: Test.One\nparameters: [{name: N, type: int}]\nsources: [{query: SELECT N FROM scope()}]";
        repository.load(raw, Origin::Custom).unwrap();
        RepositoryArtifacts::new(repository)
    }

    fn compile(artifact: &str, parameters: &[(&str, &str)]) -> Result<Compiled, CompileError> {
        let parameters = parameters
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()))
            .collect();
        let limits = Limits {
            timeout: 7,
            ..Default::default()
        };
        service().compile(
            &[Spec {
                artifact: artifact.into(),
                parameters,
            }],
            &limits,
        )
    }

    #[test]
    fn shipped_artifacts_compile() {
        for name in ["Generic.Client.Info", "Linux.Events.TrackProcesses"] {
            let compiled = compile(name, &[]).unwrap();
            assert!(
                !compiled.requests.is_empty() && compiled.requests[0].timeout > 0,
                "{name}"
            );
        }
        let basic = compile("Generic.Client.Info", &[]).unwrap();
        let names: Vec<&str> = basic
            .requests
            .iter()
            .flat_map(|request| &request.query)
            .map(|query| query.name.as_str())
            .collect();
        assert!(
            names.contains(&"Generic.Client.Info/BasicInformation"),
            "{names:?}"
        );
    }

    #[test]
    fn rows_of_collections_leave_soon_and_event_rows_when_the_configuration_says() {
        let wait = |name: &str| compile(name, &[]).unwrap().requests[0].max_wait;
        assert_eq!(wait("Generic.Client.Info"), 1);
        assert_eq!(
            wait("Linux.Events.TrackProcesses"),
            0,
            "left to the monitoring table"
        );
    }

    #[test]
    fn parameters_are_checked() {
        assert_eq!(
            compile("Test.One", &[("N", "12")]).unwrap().requests[0].env[0].value,
            "12"
        );
        let error = compile("Test.One", &[("N", "twelve")]).unwrap_err();
        assert_eq!(
            (error.parameter.as_deref(), error.artifact.as_str()),
            (Some("N"), "Test.One")
        );
        assert!(
            compile("Test.One", &[("M", "1")])
                .unwrap_err()
                .message
                .contains("no parameter `M`")
        );
        assert!(compile("Test.Two", &[]).unwrap_err().message.contains("Test.Two"));
    }
}
