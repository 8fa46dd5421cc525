//! All names, in the form the checks need. Functions whose query arguments see other rows are listed here by
//! name; everything else comes from the registry.

use peregrine_artifacts::verify::{self, LanguageCatalogue};
use peregrine_artifacts::{Parameter, Repository};
use peregrine_engine::prelude::{ArgSpec, PluginDef, Registry};
use peregrine_engine::regex::Regex;
use peregrine_vql_ide::{Argument, Artifact, Callable, Catalogue, Column, Pushed, Rows, Surroundings};
use std::collections::BTreeMap;
use std::sync::Arc;

/// LETs that the host of the query, or the GUI, reads.
const READ_BY_HOST: &[&str] = &["ColumnTypes", "NotebookId"];
/// Variables of every query.
const GIVEN: &[(&str, &str)] = &[
    (
        "Artifact",
        "All artifacts: `SELECT * FROM Artifact.Some.Name(Parameter=…)`.",
    ),
    (
        "config",
        "The agent's configuration: `config.version`, `config.labels`.",
    ),
    ("_SessionId", "The id of the collection."),
];
/// Functions that run query arguments in the scope of the call.
const PLAIN_FUNCTIONS: &[&str] = &[
    "array",
    "count",
    "dict",
    "enumerate",
    "filter",
    "format",
    "if",
    "items",
    "join",
    "lazy_dict",
    "len",
    "log",
    "set",
    "str",
    "to_dict",
];

/// The names in this program, then those of the rest of the language, and the artifacts of a repository.
pub(crate) fn catalogue(registry: &Registry, repository: &Repository) -> Catalogue {
    let mut functions: BTreeMap<String, Callable> = LanguageCatalogue::functions()
        .map(|(name, callable)| (name.to_owned(), missing(callable)))
        .collect();
    for def in registry.functions() {
        let is_plain = PLAIN_FUNCTIONS.contains(&def.name);
        let callable = Callable {
            pushed: if is_plain {
                Pushed::Nothing
            } else {
                Pushed::Unknown
            },
            ..callable(def.args, def.doc)
        };
        functions.insert(def.name.to_owned(), callable);
    }
    let mut plugins: BTreeMap<String, Callable> = LanguageCatalogue::plugins()
        .map(|(name, callable)| (name.to_owned(), missing(callable)))
        .collect();
    for def in registry.plugins() {
        let (rows, pushed) = shape(def);
        let callable = Callable {
            rows,
            pushed,
            ..callable(def.args, def.doc)
        };
        plugins.insert(def.name.to_owned(), callable);
    }
    Catalogue {
        functions,
        plugins,
        artifacts: artifacts(repository),
        read_by_host: READ_BY_HOST.iter().map(|name| (*name).to_owned()).collect(),
        regex_complaint: Some(|pattern| Regex::cached_ignoring_case(pattern).err()),
    }
}

/// The artifacts that can be called.
pub(crate) fn artifacts(repository: &Repository) -> BTreeMap<String, Artifact> {
    let described = repository.all().into_iter().map(|artifact| {
        let described = Artifact {
            parameters: artifact.parameters.iter().map(parameter).collect(),
            doc: artifact.description.clone(),
        };
        (artifact.name.clone(), described)
    });
    described.collect()
}

/// The surroundings of a standalone text: the variables of every query, and possibly more.
pub(crate) fn surroundings() -> Surroundings {
    let mut around = Surroundings::open();
    around.variables = given();
    around
}

/// The variables of every query.
pub(crate) fn given() -> Vec<Argument> {
    let given = GIVEN.iter().map(|(name, doc)| Argument {
        name: (*name).to_owned(),
        doc: (*doc).to_owned(),
        ..Argument::default()
    });
    given.collect()
}

/// A parameter of an artifact.
pub(crate) fn parameter(parameter: &Parameter) -> Argument {
    let kind = match parameter.kind.as_str() {
        "" => "string",
        kind => kind,
    };
    Argument {
        name: parameter.name.clone(),
        // Values are text, regardless of their type later.
        type_name: format!("parameter: {kind}"),
        default: Some(format!("`{}`", parameter.default.trim())).filter(|text| text.len() > 2),
        doc: parameter.description.trim().to_owned(),
        ..Argument::default()
    }
}

/// Where the rows of a plugin come from, and what its query arguments see.
fn shape(def: &PluginDef) -> (Rows, Pushed) {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let unless_column = || Some("column".to_owned());
    let rows = match def.name {
        "foreach" => Rows::Of(names(&["query", "row"]), unless_column()),
        "if" => Rows::OfAnyBut(names(&["condition"])),
        "switch" => Rows::OfAnyBut(Vec::new()),
        "chain" | "combine" => Rows::OfAnyBut(names(&["async"])),
        "flatten" => Rows::Of(names(&["query"]), None),
        // Its row is the scope itself, without columns of its own.
        "scope" => Rows::Fixed(Arc::default()),
        _ if def.is_open => Rows::Varying,
        _ => Rows::Fixed(Arc::new(columns(def))),
    };
    let pushed = match def.name {
        "foreach" => Pushed::RowsOf("row".to_owned(), unless_column()),
        "if" | "switch" | "chain" | "combine" | "flatten" | "items" => Pushed::Nothing,
        _ => Pushed::Unknown,
    };
    (rows, pushed)
}

/// The names that rows of a plugin respond to: the columns, their other spellings, members that are not
/// shown.
fn columns(def: &PluginDef) -> Vec<Column> {
    let column = |name: &str, doc: String| Column {
        name: name.to_owned(),
        doc,
    };
    let shown = def
        .columns
        .iter()
        .map(|known| column(known.name, known.doc.trim().to_owned()));
    let aliases = def
        .aliases
        .iter()
        .map(|(alias, name)| column(alias, format!("Another name of `{name}`.")));
    let members = def
        .members
        .iter()
        .map(|name| column(name, "Not shown by `*`.".to_owned()));
    let mut columns: Vec<Column> = shown.chain(aliases).collect();
    let members = members.filter(|member| !columns.iter().any(|known| known.name == member.name));
    let members: Vec<Column> = members.collect();
    columns.extend(members);
    columns
}

fn callable(args: &[ArgSpec], doc: &str) -> Callable {
    let named = args.iter().filter(|arg| !arg.rest);
    Callable {
        args: named
            .map(|arg| Argument {
                name: arg.name.to_owned(),
                type_name: arg.type_name.to_owned(),
                required: arg.required,
                repeated: arg.repeated,
                default: arg.default.map(str::to_owned),
                doc: arg.doc.trim().to_owned(),
            })
            .collect(),
        free_form: args.iter().any(|arg| arg.rest),
        doc: doc.trim().to_owned(),
        ..Callable::default()
    }
}

fn missing(callable: &verify::Callable) -> Callable {
    let args = callable.args.iter();
    Callable {
        args: args
            .map(|(name, required)| Argument {
                name: name.clone(),
                required: *required,
                ..Argument::default()
            })
            .collect(),
        free_form: callable.free_form,
        is_missing: true,
        ..Callable::default()
    }
}
