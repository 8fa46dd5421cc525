//! Compiles an artifact and a user's parameters into the requests that the agent or the server executes.

use crate::dependencies;
use crate::error::Error;
use crate::launch::{ResolvedSpec, Spec};
use crate::model::{Artifact, Tool};
use crate::parameter::{MARKER, ParameterType};
use crate::repository::Repository;
use crate::resources::{self, Limits};
use crate::syntax::Statement;
use peregrine_proto::{VqlCollectorArgs, VqlEnv, VqlRequest};
use std::sync::Arc;

/// A request: statements, their variables, their limits, and the definitions they call.
pub type CompiledRequest = VqlCollectorArgs;

/// A collection ready to be sent.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Compiled {
    /// In order, numbered from 1.
    pub requests: Vec<CompiledRequest>,
    /// Rows after which the collection is cancelled; 0: no limit.
    pub max_rows: u64,
    /// Uploaded bytes after which it is cancelled.
    pub max_upload_bytes: u64,
}

/// A tool ready for use, as the inventory knows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ToolInfo {
    /// SHA-256 in hex.
    pub hash: String,
    /// The file's name.
    pub filename: String,
    pub version: String,
    /// Where it is on this machine; then the links are not passed on.
    pub path: Option<String>,
    /// Where to fetch it, best first.
    pub urls: Vec<String>,
}

/// Declares tools and finds their locations.
pub trait Tools {
    /// Adds the tool to the inventory if it is unknown, and fetches it if that has not been done yet.
    fn materialise(&self, tool: &Tool) -> Result<ToolInfo, Error>;
}

/// Looks up a value that the server stores under a name.
pub type MetadataLookup<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// Encrypts the name of a result.
pub type NameCipher<'a> = dyn Fn(&str) -> Result<String, Error> + 'a;

/// All options for making requests.
#[derive(Clone, Default)]
pub struct Options<'a> {
    /// Encrypts result names for agents.
    pub obfuscate: Option<&'a NameCipher<'a>>,
    /// The inventory; without it, artifacts that declare tools do not compile.
    pub tools: Option<&'a dyn Tools>,
    /// The server's values for parameters of type `server_metadata`.
    pub server_metadata: Option<&'a MetadataLookup<'a>>,
    /// Leave out preconditions, as calls from VQL do by default.
    pub without_preconditions: bool,
    /// Leave out the definitions the statements call, for requests that are executed locally and at once.
    pub without_dependencies: bool,
    /// Batching if neither artifact nor user sets it.
    pub batching: resources::Batching,
    /// Limits if neither artifact nor user sets them.
    pub defaults: resources::Defaults,
}

impl std::fmt::Debug for Options<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("without_preconditions", &self.without_preconditions)
            .finish_non_exhaustive()
    }
}

/// Compiles resolved and checked artifacts, with the limits of the whole collection.
pub fn compile(
    repository: &Repository,
    wanted: &[ResolvedSpec],
    limits: &Limits,
    options: &Options<'_>,
) -> Result<Compiled, Error> {
    let mut compiled = Compiled::default();
    for ResolvedSpec { artifact, spec, .. } in wanted {
        compiled.max_rows = compiled.max_rows.max(artifact.resources.max_rows);
        compiled.max_upload_bytes = compiled.max_upload_bytes.max(artifact.resources.max_upload_bytes);
        for mut made in compile_artifact(repository, artifact, spec, options)? {
            resources::apply(&mut made, &artifact.resources, spec, limits, options);
            compiled.requests.push(made);
        }
    }
    resources::apply_to_collection(&mut compiled, limits, &options.defaults);
    let total = i64::try_from(compiled.requests.len()).unwrap_or(i64::MAX);
    for (request, id) in compiled.requests.iter_mut().zip(1..) {
        request.query_id = id;
        request.total_queries = total;
    }
    Ok(compiled)
}

/// The requests of one artifact, without limits and numbers.
pub(crate) fn compile_artifact(
    repository: &Repository,
    artifact: &Artifact,
    spec: &Spec,
    options: &Options<'_>,
) -> Result<Vec<CompiledRequest>, Error> {
    let shared = RequestParts::new(repository, artifact, spec, options)?;
    let parsed = artifact.parsed()?;
    let own_condition = (!options.without_preconditions).then_some(parsed.precondition.as_slice());
    if is_serial(artifact) {
        let all: Vec<usize> = (0..artifact.sources.len()).collect();
        return Ok(vec![shared.request(&all, own_condition.unwrap_or_default())?]);
    }
    let mut requests = Vec::with_capacity(artifact.sources.len());
    for (index, source) in parsed.sources.iter().enumerate() {
        let condition = match own_condition {
            None => &[],
            Some(_) if !source.precondition.is_empty() => source.precondition.as_slice(),
            Some(own) => own,
        };
        requests.push(shared.request(&[index], condition)?);
    }
    Ok(requests)
}

/// True if all sources run one after the other in one scope; otherwise each runs in its own, all in parallel.
#[must_use]
pub fn is_serial(artifact: &Artifact) -> bool {
    !artifact.kind.is_event()
        && artifact
            .sources
            .iter()
            .all(|source| source.precondition.is_none())
}

/// The parts that all requests of an artifact have in common.
struct RequestParts<'a> {
    repository: &'a Repository,
    artifact: &'a Artifact,
    options: &'a Options<'a>,
    env: Vec<VqlEnv>,
    conversions: Vec<String>,
    prelude: Vec<Arc<str>>,
}

impl<'a> RequestParts<'a> {
    fn new(
        repository: &'a Repository,
        artifact: &'a Artifact,
        spec: &Spec,
        options: &'a Options<'a>,
    ) -> Result<RequestParts<'a>, Error> {
        Ok(RequestParts {
            repository,
            artifact,
            options,
            env: environment(artifact, spec, options)?,
            conversions: artifact
                .parameters
                .iter()
                .flat_map(|parameter| parameter.conversion())
                .collect(),
            prelude: exports(repository, artifact)?
                .iter()
                .map(|statement| statement.text.clone())
                .collect(),
        })
    }

    /// The request that runs these sources under this precondition.
    fn request(&self, sources: &[usize], condition: &[Statement]) -> Result<CompiledRequest, Error> {
        let parsed = self.artifact.parsed()?;
        let unnamed = |text: &str| VqlRequest {
            vql: text.to_owned(),
            name: String::new(),
        };
        let mut query: Vec<VqlRequest> = self.conversions.iter().map(|text| unnamed(text)).collect();
        query.extend(self.prelude.iter().map(|text| unnamed(text)));
        for &index in sources {
            let (Some(source), Some(trees)) = (self.artifact.sources.get(index), parsed.sources.get(index))
            else {
                continue;
            };
            query.extend(trees.query.iter().map(|statement| unnamed(&statement.text)));
            if !trees.query.is_empty()
                && let Some(last) = query.last_mut()
            {
                last.name = self.name(self.artifact.result_name(source))?;
            }
        }
        let precondition = self.precondition(condition);
        let mut texts: Vec<&str> = query.iter().map(|request| request.vql.as_str()).collect();
        texts.push(&precondition);
        let artifacts = match self.options.without_dependencies {
            true => Vec::new(),
            false => dependencies::collect(self.repository, &texts, self.options)?,
        };
        Ok(CompiledRequest {
            query,
            precondition,
            env: self.env.clone(),
            artifacts,
            tools: self.artifact.tools.iter().map(|tool| tool.name.clone()).collect(),
            effective_principal: self.artifact.impersonate.clone(),
            ..CompiledRequest::default()
        })
    }

    fn name(&self, name: String) -> Result<String, Error> {
        match self.options.obfuscate {
            Some(obfuscate) => obfuscate(&name),
            None => Ok(name),
        }
    }

    /// The precondition sees the parameters with their types.
    fn precondition(&self, condition: &[Statement]) -> String {
        if condition.is_empty() {
            return String::new();
        }
        let own = condition.iter().map(|statement| &*statement.text);
        self.conversions
            .iter()
            .map(String::as_str)
            .chain(own)
            .collect::<Vec<_>>()
            .join("\n")
    }
}

/// The artifact's own `export`, then those of its imports.
fn exports(repository: &Repository, artifact: &Artifact) -> Result<Vec<Statement>, Error> {
    let mut statements = artifact.parsed()?.export.clone();
    for import in &artifact.imports {
        let imported = repository
            .get(import)
            .ok_or_else(|| repository.not_found(import))?;
        statements.extend(imported.parsed()?.export.iter().cloned());
    }
    Ok(statements)
}

/// Variables: the defaults, then the user's values, then the tools.
fn environment(artifact: &Artifact, spec: &Spec, options: &Options<'_>) -> Result<Vec<VqlEnv>, Error> {
    let mut env = Vec::with_capacity(artifact.parameters.len());
    for parameter in &artifact.parameters {
        let kind = parameter.parameter_type();
        let kept = match kind {
            ParameterType::ServerMetadata => options.server_metadata.and_then(|get| get(&parameter.name)),
            _ => None,
        };
        let value = kept
            .filter(|value| !value.is_empty())
            .unwrap_or_else(|| parameter.default.clone());
        let comment = if kind == ParameterType::Redacted {
            "redacted"
        } else {
            ""
        };
        env.push(VqlEnv {
            key: parameter.name.clone(),
            value,
            comment: comment.to_owned(),
        });
    }
    for (key, value) in &spec.parameters {
        match env.iter_mut().find(|entry| entry.key == *key) {
            Some(entry) => entry.value.clone_from(value),
            None => env.push(VqlEnv {
                key: key.clone(),
                value: value.clone(),
                comment: String::new(),
            }),
        }
    }
    for tool in &artifact.tools {
        let variables = tool_variables(tool, options)?;
        env.extend(variables.into_iter().map(|(key, value)| VqlEnv {
            key,
            value,
            comment: String::new(),
        }));
    }
    Ok(env)
}

/// The variables that tell a query where to find a tool.
pub(crate) fn tool_variables(tool: &Tool, options: &Options<'_>) -> Result<Vec<(String, String)>, Error> {
    let Some(tools) = options.tools else {
        let message = "there is no inventory here; run this artifact through a server";
        return Err(Error::Tool {
            tool: tool.name.clone(),
            message: message.to_owned(),
        });
    };
    let info = tools.materialise(tool)?;
    let mut variables = vec![
        ("HASH", info.hash),
        ("FILENAME", info.filename),
        ("VERSION", info.version),
    ];
    match info.path {
        Some(path) => variables.push(("PATH", path)),
        None => {
            variables.push(("URL", info.urls.first().cloned().unwrap_or_default()));
            variables.push(("URLs", serde_json::Value::from(info.urls).to_string()));
        }
    }
    Ok(variables
        .into_iter()
        .map(|(suffix, value)| (format!("Tool_{}_{suffix}", tool.name), value))
        .collect())
}

/// A copy of a request that may be stored or shown: redacted values are masked.
#[must_use]
pub fn masked(request: &CompiledRequest) -> CompiledRequest {
    let mut copy = request.clone();
    for entry in copy.env.iter_mut().filter(|entry| entry.comment == "redacted") {
        entry.value = MARKER.to_owned();
    }
    copy
}
