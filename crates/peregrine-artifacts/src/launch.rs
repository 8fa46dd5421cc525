//! Launching: an artifact is resolved once, checked, and then compiled exactly as it was checked.

use crate::error::Error;
use crate::kind::Kind;
use crate::model::Artifact;
use crate::parameter::{MARKER, ParameterType};
use crate::repository::Repository;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// An artifact requested by a user, with parameters and limits.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Spec {
    /// `Name`, or `Name/Source` for one of its sources.
    pub artifact: String,
    /// Parameters that differ from their defaults, as text.
    #[serde(default)]
    pub parameters: BTreeMap<String, String>,
    /// Per cent of one processor; here and below, zero means not set.
    #[serde(default, skip_serializing_if = "is_unset")]
    pub cpu_limit: f32,
    /// Seconds.
    #[serde(default, skip_serializing_if = "is_unset")]
    pub timeout: u64,
    /// Seconds to wait before a batch is sent.
    #[serde(default, skip_serializing_if = "is_unset")]
    pub max_batch_wait: u64,
    /// Maximum number of rows in a batch.
    #[serde(default, skip_serializing_if = "is_unset")]
    pub max_batch_rows: u64,
    /// Maximum number of bytes in a batch.
    #[serde(default, skip_serializing_if = "is_unset")]
    pub max_batch_rows_buffer: u64,
}

fn is_unset<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Spec {
    /// An artifact with default parameters.
    #[must_use]
    pub fn of(artifact: &str) -> Spec {
        Spec {
            artifact: artifact.to_owned(),
            ..Spec::default()
        }
    }
}

/// Where an artifact is to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// On an agent, once.
    Client,
    /// On agents, continuously.
    ClientEvents,
    /// On the server, once.
    Server,
    /// On the server, continuously.
    ServerEvents,
}

/// The definition a [`Spec`] refers to, reduced to the requested source. Only this can be compiled, so what
/// is checked is what runs.
#[derive(Debug, Clone)]
pub struct ResolvedSpec {
    pub(crate) artifact: Arc<Artifact>,
    pub(crate) spec: Spec,
    is_basic: bool,
}

impl Repository {
    /// Finds the artifact of a spec; with `allow_custom`, its `Custom.` version if there is one.
    pub fn resolve_spec(&self, spec: &Spec, allow_custom: bool) -> Result<ResolvedSpec, Error> {
        let mut spec = spec.clone();
        let custom = format!("Custom.{}", spec.artifact);
        let artifact = match allow_custom.then(|| self.resolve(&custom)) {
            Some(Ok(artifact)) => {
                spec.artifact = custom;
                artifact
            }
            _ => self.resolve(&spec.artifact)?,
        };
        Ok(ResolvedSpec {
            is_basic: self.metadata(&artifact.name).basic,
            artifact,
            spec,
        })
    }
}

impl ResolvedSpec {
    /// The definition.
    #[must_use]
    pub fn artifact(&self) -> &Artifact {
        &self.artifact
    }

    /// Refuses artifacts that cannot run at this target.
    pub fn check_target(&self, target: Target) -> Result<(), Error> {
        let (name, kind) = (&self.artifact.name, self.artifact.kind);
        let fits = match target {
            Target::Client => kind == Kind::Client,
            Target::ClientEvents => kind == Kind::ClientEvent,
            Target::Server => kind == Kind::Server,
            Target::ServerEvents => kind == Kind::ServerEvent,
        };
        if fits {
            return Ok(());
        }
        let shown = kind.as_str().to_uppercase();
        Err(Error::WrongKind(match target {
            Target::Client => format!(
                "`{name}` is of type {shown}; only artifacts of type CLIENT can be collected from a client"
            ),
            Target::ClientEvents => {
                format!("`{name}` is of type {shown}, not CLIENT_EVENT, so it cannot run all the time")
            }
            Target::ServerEvents => format!(
                "`{name}` is of type {shown}, not SERVER_EVENT, so it cannot run all the time on the server"
            ),
            Target::Server => {
                format!(
                    "`{name}` is of type {shown}; only artifacts of type SERVER can be collected on the server"
                )
            }
        }))
    }

    /// Refuses artifacts the user may not launch; `has` tells whether the user has a permission, by name. An
    /// unknown permission is one that nobody has.
    ///
    /// `COLLECT_BASIC` is enough for an artifact that an administrator has marked as basic, regardless of the
    /// permissions its author requires: the mark gives access to users who have no other permission.
    /// Collecting continuously from many machines is more than that, so the mark applies only to single
    /// collections.
    pub fn check_launch(&self, target: Target, has: &dyn Fn(&str) -> bool) -> Result<(), Error> {
        let is_continuous = matches!(target, Target::ClientEvents | Target::ServerEvents);
        if self.is_basic && !is_continuous && has("COLLECT_BASIC") {
            return Ok(());
        }
        let collect = match target {
            Target::Client | Target::ClientEvents => "COLLECT_CLIENT",
            Target::Server | Target::ServerEvents => "COLLECT_SERVER",
        };
        let required = self.artifact.required_permissions.iter().map(String::as_str);
        match std::iter::once(collect).chain(required).find(|name| !has(name)) {
            None => Ok(()),
            Some(missing) => Err(Error::Denied {
                permission: missing.to_owned(),
                artifact: self.artifact.name.clone(),
            }),
        }
    }

    /// Checks that every parameter exists and that its text can be converted to its type.
    pub fn check_parameters(&self) -> Result<(), Error> {
        for (name, value) in &self.spec.parameters {
            let fault = |message: String| {
                Err(Error::Parameter {
                    parameter: name.clone(),
                    message,
                })
            };
            let Some(parameter) = self.artifact.parameter(name) else {
                return fault(format!("artifact `{}` has no such parameter", self.artifact.name));
            };
            if parameter.parameter_type() == ParameterType::Redacted && value == MARKER {
                return fault("its value was hidden when it was stored; type it again".to_owned());
            }
            if let Some(wanted) = parameter.mismatch(value) {
                return fault(format!("needs {wanted}, not `{value}`"));
            }
        }
        Ok(())
    }

    /// The spec for storing and showing: values of redacted parameters are replaced by [`MARKER`].
    #[must_use]
    pub fn shown(&self) -> Spec {
        let mut spec = self.spec.clone();
        for (name, value) in &mut spec.parameters {
            if self.is_redacted(name) {
                MARKER.clone_into(value);
            }
        }
        spec
    }

    /// Whether it contains a value that must not be stored or shown.
    #[must_use]
    pub fn has_secrets(&self) -> bool {
        self.spec.parameters.keys().any(|name| self.is_redacted(name))
    }

    /// Restores redacted parameters that contain [`MARKER`] from `known`, for a spec that was shown, changed
    /// and sent back.
    pub fn restore(&mut self, known: &Spec) {
        let hidden: Vec<String> = self
            .spec
            .parameters
            .iter()
            .filter(|(name, value)| *value == MARKER && self.is_redacted(name))
            .map(|(name, _)| name.clone())
            .collect();
        for name in hidden {
            if let Some(value) = known.parameters.get(&name) {
                self.spec.parameters.insert(name, value.clone());
            }
        }
    }

    /// The complete spec: only for agents and for sealed storage.
    #[must_use]
    pub fn in_clear(&self) -> &Spec {
        &self.spec
    }

    fn is_redacted(&self, parameter: &str) -> bool {
        self.artifact
            .parameter(parameter)
            .is_some_and(|parameter| parameter.parameter_type() == ParameterType::Redacted)
    }
}
