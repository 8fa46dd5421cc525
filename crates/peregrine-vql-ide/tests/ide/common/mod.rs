//! A small catalogue, such as tests want.

use peregrine_vql_ide::{Argument, Artifact, Callable, Catalogue, Column, Pushed, Rows};
use std::sync::Arc;

fn callable(args: &[(&str, &str, bool)]) -> Callable {
    let args = args.iter().map(|(name, type_name, required)| Argument {
        name: (*name).to_owned(),
        type_name: (*type_name).to_owned(),
        required: *required,
        ..Argument::default()
    });
    Callable {
        args: args.collect(),
        ..Callable::default()
    }
}

fn plugin(args: &[(&str, &str, bool)], columns: &[&str]) -> Callable {
    let columns = columns.iter().map(|name| Column {
        name: (*name).to_owned(),
        doc: format!("What {name} holds."),
    });
    Callable {
        rows: Rows::Fixed(Arc::new(columns.collect())),
        ..callable(args)
    }
}

pub(crate) fn small() -> Catalogue {
    let functions = [
        (
            "substr",
            Callable {
                doc: "Cuts a string.".to_owned(),
                ..callable(&[("str", "string", true), ("start", "int64", false)])
            },
        ),
        (
            "filter",
            callable(&[
                ("list", "Any", true),
                ("condition", "Lambda", false),
                ("regex", "regex", false),
            ]),
        ),
        ("count", callable(&[])),
        (
            "upload",
            callable(&[("file", "string", true), ("again", "bool", false)]),
        ),
        (
            "dict",
            Callable {
                free_form: true,
                pushed: Pushed::Nothing,
                ..Callable::default()
            },
        ),
        (
            "pe",
            Callable {
                is_missing: true,
                ..callable(&[("file", "string", true)])
            },
        ),
    ];
    let plugins = [
        ("range", plugin(&[("end", "int64", true)], &["_value"])),
        ("scope", plugin(&[], &[])),
        ("info", plugin(&[], &["Hostname", "Uptime", "OS"])),
        ("users", plugin(&[], &["User", "Uid"])),
        ("pslist", callable(&[])),
        (
            "foreach",
            Callable {
                rows: Rows::Of(
                    vec!["query".to_owned(), "row".to_owned()],
                    Some("column".to_owned()),
                ),
                pushed: Pushed::RowsOf("row".to_owned(), Some("column".to_owned())),
                ..callable(&[
                    ("row", "Any", true),
                    ("query", "StoredQuery", false),
                    ("column", "string", false),
                ])
            },
        ),
        (
            "if",
            Callable {
                rows: Rows::OfAnyBut(vec!["condition".to_owned()]),
                pushed: Pushed::Nothing,
                ..callable(&[
                    ("condition", "Any", true),
                    ("then", "StoredQuery", true),
                    ("else", "StoredQuery", false),
                ])
            },
        ),
    ];
    let parameters = ["Path", "Depth"].map(|name| Argument {
        name: name.to_owned(),
        ..Argument::default()
    });
    let artifact = Artifact {
        parameters: parameters.to_vec(),
        doc: String::new(),
    };
    Catalogue {
        functions: functions
            .map(|(name, callable)| (name.to_owned(), callable))
            .into(),
        plugins: plugins.map(|(name, callable)| (name.to_owned(), callable)).into(),
        artifacts: [("Linux.Files".to_owned(), artifact)].into(),
        regex_complaint: Some(|pattern| pattern.contains("((").then(|| "unclosed group".to_owned())),
        ..Catalogue::default()
    }
}
