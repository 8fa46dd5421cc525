//! `artifact_definitions()`: the artifacts a server knows.

use std::collections::BTreeMap;
use std::sync::Arc;

use peregrine_artifacts::{
    Artifact, Metadata, Namespace, Origin, Parameter, ParameterType, Report, Repository, Resources, Section,
    Source, dependencies,
};
use peregrine_engine::json;
use peregrine_engine::prelude::*;
use serde::Serialize;

use crate::Live;

/// Lists the definitions of artifacts, sorted by name.
#[derive(VqlArgs)]
pub struct Args {
    /// The artifacts; by default all.
    names: Option<Vec<String>>,
    /// Also list what these call or import.
    #[arg(default = false)]
    deps: bool,
    /// Leave out what is not needed to run them: descriptions, authors, references, reports, metadata and the definition as written.
    #[arg(default = false)]
    sanitize: bool,
}

/// Columns that only people read.
const FOR_PEOPLE: [&str; 7] = [
    "description",
    "author",
    "reference",
    "references",
    "reports",
    "metadata",
    "raw",
];

/// The plugin.
pub struct ArtifactDefinitions;

impl Plugin for ArtifactDefinitions {
    type Args = Args;
    type Row = DynRow;
    const NAME: &'static str = "artifact_definitions";
    const CATEGORY: Category = Category::Server;
    const PERMISSIONS: &'static [Permission] = &[Permission::ReadResults];
    const COLUMNS: &'static [ColumnSpec] = &[
        shown("name", "The artifact's name."),
        shown("aliases", "Its other names."),
        shown("description", "What it does; not if sanitized."),
        shown("author", "Who wrote it; not if sanitized."),
        shown(
            "reference",
            "Always empty: what definitions give under this name is in `references`; not if sanitized.",
        ),
        shown("references", "Where to read more; not if sanitized."),
        shown("required_permissions", "Permissions needed to launch it."),
        shown("implied_permissions", "Permissions its author vouches for."),
        shown("impersonate", "The user it runs as."),
        shown("resources", "Limits it sets; 0 is not set."),
        shown("tools", "Programs it needs."),
        shown("precondition", "It runs only where this query has a row."),
        shown(
            "parameters",
            "Its parameters; default values of secret ones are hidden.",
        ),
        shown("type", "Where it runs, such as `client` or `client_event`."),
        shown(
            "sources",
            "Its sources: `name`, `description`, `precondition`, `query`, `queries` with that query, and cells of a `notebook`.",
        ),
        shown("imports", "Artifacts whose exports it uses."),
        shown("export", "VQL that other artifacts can import."),
        shown("reports", "Templates of reports; not if sanitized."),
        shown("column_types", "How its columns are shown."),
        shown("raw", "The definition as written; not if sanitized."),
        shown("built_in", "Whether it is part of the product."),
        shown("compiled_in", "Whether it is part of the program."),
        shown("is_alias", "Whether this is a copy under another name."),
        shown(
            "is_inherited",
            "Always false: there is one organisation to define artifacts.",
        ),
        shown(
            "metadata",
            "What administrators set: `hidden`, `basic` and `tags`; not if sanitized.",
        ),
    ];
    const EXAMPLES: &'static [Example] = &[
        example(
            "the parameters of an artifact",
            "SELECT name, type, parameters.name AS Parameters FROM artifact_definitions(names='Generic.Client.Stats')",
            r#"[{"name":"Generic.Client.Stats","type":"client_event","Parameters":["Frequency"]}]"#,
        ),
        fails(
            "a misspelt name",
            "artifact_definitions(names='Generic.Client.Stat')",
            "artifact `Generic.Client.Stat` not found; did you mean `Generic.Client.Stats`?",
        ),
    ];

    fn run(scope: &Scope, args: Args, rows: &mut Rows<'_, DynRow>) -> VqlResult<()> {
        let repository = repository(scope)?;
        for artifact in selected(scope, &repository, args.names, args.deps)?.values() {
            scope.checkpoint()?;
            let record = record(artifact, &repository.metadata(&artifact.name));
            if args.sanitize {
                for name in FOR_PEOPLE {
                    record.remove(name);
                }
            }
            rows.push(record.to_row())?;
        }
        Ok(())
    }
}

/// The server's artifacts, or without a running server those of the query.
fn repository(scope: &Scope) -> VqlResult<Repository> {
    scope.check_access(Permission::ReadResults)?;
    match Live::of(scope) {
        Ok(live) => {
            live.authorize(Permission::ReadResults)?;
            Ok(live.core.artifacts.clone())
        }
        Err(error) => Namespace::repository_of(scope).ok_or(error),
    }
}

fn selected(
    scope: &Scope,
    repository: &Repository,
    names: Option<Vec<String>>,
    with_dependencies: bool,
) -> VqlResult<BTreeMap<String, Arc<Artifact>>> {
    let names = names.unwrap_or_default();
    let mut found = BTreeMap::new();
    if names.is_empty() {
        let all = repository.all().into_iter();
        return Ok(all.map(|artifact| (artifact.name.clone(), artifact)).collect());
    }
    for name in &names {
        let Some(artifact) = repository.get(name) else {
            // The others are listed nevertheless.
            let text = format!("artifact_definitions: {}", repository.not_found(name));
            scope.log(Level::Error, &text);
            continue;
        };
        if with_dependencies {
            let called = dependencies(repository, &artifact).map_err(|error| error.to_string())?;
            found.extend(
                called
                    .into_iter()
                    .map(|artifact| (artifact.name.clone(), artifact)),
            );
        }
        found.insert(artifact.name.clone(), artifact);
    }
    Ok(found)
}

fn record(artifact: &Artifact, metadata: &Metadata) -> Dict {
    let none = || Value::from(Vec::<Value>::new());
    Dict::from_pairs([
        ("name", Value::from(artifact.name.as_str())),
        ("aliases", Value::from(artifact.aliases.clone())),
        ("description", Value::from(artifact.description.as_str())),
        ("author", Value::from(artifact.author.as_str())),
        ("reference", none()),
        ("references", Value::from(artifact.references.clone())),
        (
            "required_permissions",
            Value::from(artifact.required_permissions.clone()),
        ),
        (
            "implied_permissions",
            Value::from(artifact.implied_permissions.clone()),
        ),
        ("impersonate", Value::from(artifact.impersonate.as_str())),
        ("resources", resources(&artifact.resources)),
        ("tools", plain(&artifact.tools)),
        ("precondition", text(&artifact.precondition)),
        ("parameters", parameters(&artifact.parameters)),
        ("type", Value::from(artifact.kind.as_str())),
        ("sources", artifact.sources.iter().map(source).collect()),
        ("imports", Value::from(artifact.imports.clone())),
        ("export", text(&artifact.export)),
        ("reports", artifact.reports.iter().map(report).collect()),
        ("column_types", plain(&artifact.column_types)),
        ("raw", Value::from(&*artifact.raw)),
        ("built_in", Value::Bool(artifact.is_built_in())),
        ("compiled_in", Value::Bool(artifact.origin == Origin::CompiledIn)),
        ("is_alias", Value::Bool(artifact.alias_of.is_some())),
        ("is_inherited", Value::Bool(false)),
        ("metadata", plain(metadata)),
    ])
}

fn source(source: &Source) -> Value {
    let query = text(&source.query);
    let cells = source.notebook.iter().map(|cell| {
        Value::Dict(Dict::from_pairs([
            ("template", Value::from(cell.template.as_str())),
            ("type", Value::from(cell.kind.as_str())),
            ("name", Value::from(cell.name.as_str())),
            ("output", Value::from(cell.output.as_str())),
            ("env", plain(&cell.env)),
        ]))
    });
    Value::Dict(Dict::from_pairs([
        ("name", Value::from(source.name.as_str())),
        ("description", Value::from(source.description.as_str())),
        ("precondition", text(&source.precondition)),
        ("query", query.clone()),
        ("queries", source.query.iter().map(|_| query.clone()).collect()),
        ("notebook", cells.collect::<Value>()),
    ]))
}

fn resources(resources: &Resources) -> Value {
    Value::Dict(Dict::from_pairs([
        ("timeout", Value::from(resources.timeout)),
        ("ops_per_second", Value::from(resources.ops_per_second)),
        ("cpu_limit", Value::from(resources.cpu_limit)),
        ("iops_limit", Value::from(resources.iops_limit)),
        ("max_rows", Value::from(resources.max_rows)),
        ("max_upload_bytes", Value::from(resources.max_upload_bytes)),
        ("max_batch_wait", Value::from(resources.max_batch_wait)),
        ("max_batch_rows", Value::from(resources.max_batch_rows)),
        (
            "max_batch_rows_buffer",
            Value::from(resources.max_batch_rows_buffer),
        ),
    ]))
}

fn report(report: &Report) -> Value {
    Value::Dict(Dict::from_pairs([
        ("type", Value::from(report.kind.as_str())),
        ("timeout", Value::from(report.timeout)),
        ("name", Value::from(report.name.as_str())),
        ("template", Value::from(report.template.as_str())),
        ("parameters", parameters(&report.parameters)),
    ]))
}

fn parameters(parameters: &[Parameter]) -> Value {
    parameters.iter().map(parameter).collect()
}

fn parameter(parameter: &Parameter) -> Value {
    let default = match parameter.parameter_type() {
        ParameterType::Redacted => "",
        _ => parameter.default.as_str(),
    };
    Value::Dict(Dict::from_pairs([
        ("name", Value::from(parameter.name.as_str())),
        ("default", Value::from(default)),
        ("description", Value::from(parameter.description.as_str())),
        ("type", Value::from(parameter.kind.as_str())),
        ("choices", Value::from(parameter.choices.clone())),
        ("friendly_name", Value::from(parameter.friendly_name.as_str())),
        (
            "validating_regex",
            Value::from(parameter.validating_regex.as_str()),
        ),
        ("artifact_type", Value::from(parameter.artifact_type.as_str())),
        ("sources", Value::Bool(parameter.sources)),
    ]))
}

fn text(section: &Option<Section>) -> Value {
    Value::from(section.as_ref().map_or("", |section| section.text.as_str()))
}

fn plain(value: &impl Serialize) -> Value {
    let text = serde_json::to_vec(value).unwrap_or_default();
    json::parse(&text).unwrap_or_default()
}
