//! The one path from requested artifacts to running queries: resolve, authorize, compile. Collections, the monitoring table and
//! interrogations all go through here, and only [`AuthorizedLaunch`] artifacts are sent to an agent.

use crate::Core;
use crate::clients::metadata;
use crate::users::{Permission, Principal};
use crate::{Error, Result};
use peregrine_api::flows::ArtifactSpec;
use peregrine_artifacts::resources::{Batching, Defaults, Limits};
use peregrine_artifacts::{Compiled, MARKER, Options, ParameterType, ResolvedSpec, Spec, Target};
use std::collections::BTreeMap;

/// Resolved artifacts that fit their target; whether the user may launch them is not checked yet.
#[derive(Debug)]
pub struct ResolvedLaunch {
    specs: Vec<ResolvedSpec>,
    target: Target,
}

/// Artifacts whose launch was authorized.
#[derive(Debug)]
pub struct AuthorizedLaunch(ResolvedLaunch);

/// Resolves artifacts, each given as `Name` or `Name/Source`.
pub(crate) fn find(
    core: &Core,
    specs: &[Spec],
    allow_custom: bool,
    target: Target,
) -> Result<ResolvedLaunch> {
    let find = |spec: &Spec| {
        let found = core.artifacts.resolve_spec(spec, allow_custom);
        found
            .and_then(|found| found.check_target(target).map(|()| found))
            .map_err(|error| Error::artifact(&spec.artifact, error))
    };
    Ok(ResolvedLaunch {
        specs: specs.iter().map(find).collect::<Result<_>>()?,
        target,
    })
}

/// Converts specs of the API.
pub(crate) fn specs(named: &[ArtifactSpec]) -> Vec<Spec> {
    let spec = |named: &ArtifactSpec| Spec {
        artifact: named.artifact.clone(),
        parameters: named.parameters.clone(),
        cpu_limit: named.cpu_limit,
        timeout: named.timeout,
        max_batch_wait: named.max_batch_wait,
        max_batch_rows: named.max_batch_rows,
        max_batch_rows_buffer: named.max_batch_rows_buffer,
    };
    named.iter().map(spec).collect()
}

/// Converts specs, whose secrets must be hidden already, for the API.
pub(crate) fn api_specs(specs: Vec<Spec>) -> Vec<ArtifactSpec> {
    let to_api = |spec: Spec| ArtifactSpec {
        artifact: spec.artifact,
        parameters: spec.parameters,
        cpu_limit: spec.cpu_limit,
        timeout: spec.timeout,
        max_batch_wait: spec.max_batch_wait,
        max_batch_rows: spec.max_batch_rows,
        max_batch_rows_buffer: spec.max_batch_rows_buffer,
    };
    specs.into_iter().map(to_api).collect()
}

/// A spec with secret parameters hidden. If the artifact is gone, nothing says which were secret, so all are hidden.
pub(crate) fn redacted(core: &Core, spec: &Spec) -> Spec {
    match core.artifacts.resolve_spec(spec, false) {
        Ok(found) => found.shown(),
        Err(_) => {
            let mut spec = spec.clone();
            spec.parameters
                .values_mut()
                .for_each(|value| MARKER.clone_into(value));
            spec
        }
    }
}

impl ResolvedLaunch {
    /// Replaces values that the user sent back hidden by the `known` ones.
    pub(crate) fn restore(&mut self, known: &[Spec]) {
        for resolved in &mut self.specs {
            if let Some(known) = known
                .iter()
                .find(|spec| spec.artifact == resolved.in_clear().artifact)
            {
                resolved.restore(known);
            }
        }
    }

    /// Fails on the first artifact that the user may not launch.
    pub(crate) fn authorize(self, principal: &Principal) -> Result<AuthorizedLaunch> {
        let has = |name: &str| {
            Permission::parse(name).is_some_and(|permission| principal.permissions.contains(&permission))
        };
        for spec in &self.specs {
            spec.check_launch(self.target, &has)
                .map_err(|error| Error::artifact(&spec.artifact().name, error))?;
        }
        Ok(AuthorizedLaunch(self))
    }

    /// Skips the check of permissions, for what the server itself launches.
    pub(crate) fn by_the_server(self) -> AuthorizedLaunch {
        AuthorizedLaunch(self)
    }

    /// Checks the parameters and compiles the requests for an agent, with result names obfuscated if configured.
    pub async fn compile(&self, core: &Core, limits: &Limits) -> Result<Compiled> {
        let metadata = match self.wants_metadata() {
            true => metadata::of_server(core).await?,
            false => BTreeMap::new(),
        };
        self.compile_with(core, limits, &metadata)
    }

    /// The same for somebody to look at, who may not be allowed to see the metadata of the server: without it.
    pub fn preview(&self, core: &Core, limits: &Limits) -> Result<Compiled> {
        self.compile_with(core, limits, &BTreeMap::new())
    }

    /// Whether a parameter has its default from the metadata of the server.
    fn wants_metadata(&self) -> bool {
        let mut parameters = self.specs.iter().flat_map(|spec| &spec.artifact().parameters);
        parameters.any(|parameter| parameter.parameter_type() == ParameterType::ServerMetadata)
    }

    fn compile_with(
        &self,
        core: &Core,
        limits: &Limits,
        metadata: &BTreeMap<String, String>,
    ) -> Result<Compiled> {
        for spec in &self.specs {
            spec.check_parameters()
                .map_err(|error| Error::artifact(&spec.artifact().name, error))?;
        }
        let hide = |name: &str| match &core.names {
            // Nobody else sees the names of what runs here.
            _ if matches!(self.target, Target::Server | Target::ServerEvents) => Ok(name.to_owned()),
            None => Ok(name.to_owned()),
            Some(names) => names
                .hide(name)
                .map_err(|error| peregrine_artifacts::Error::Name(error.to_string())),
        };
        let defaults = &core.settings.collection;
        let is_collection = matches!(self.target, Target::Client | Target::Server);
        let kept = |name: &str| metadata.get(name).cloned();
        let options = Options {
            obfuscate: Some(&hide),
            server_metadata: Some(&kept),
            // A person is waiting: rows of a collection wait a second at most before they are sent.
            batching: Batching {
                max_wait: u64::from(is_collection),
                ..Batching::default()
            },
            defaults: Defaults {
                // Event queries run until they are replaced.
                timeout: if is_collection { defaults.timeout } else { 0 },
                ..*defaults
            },
            ..Options::default()
        };
        peregrine_artifacts::compile(&core.artifacts, &self.specs, limits, &options).map_err(|error| {
            let names: Vec<&str> = self.specs.iter().map(|spec| &*spec.artifact().name).collect();
            Error::artifact(&names.join(", "), error)
        })
    }

    /// The specs with secret parameters hidden, as they may be stored and shown.
    pub fn redacted(&self) -> Vec<Spec> {
        self.specs.iter().map(ResolvedSpec::shown).collect()
    }

    /// The specs including secret values.
    pub fn in_clear(&self) -> Vec<Spec> {
        self.specs.iter().map(|spec| spec.in_clear().clone()).collect()
    }

    /// Whether a parameter has a value that must not be stored in clear or shown.
    pub fn has_secrets(&self) -> bool {
        self.specs.iter().any(ResolvedSpec::has_secrets)
    }
}

impl std::ops::Deref for AuthorizedLaunch {
    type Target = ResolvedLaunch;

    fn deref(&self) -> &ResolvedLaunch {
        &self.0
    }
}
