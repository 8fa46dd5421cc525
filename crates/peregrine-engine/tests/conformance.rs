//! Runs `tests/vql/language-cases.yaml`, each case as a test of its own: `cargo test --test conformance group-by` runs those
//! whose name contains `group-by`. The head of that file explains its keys.
#![allow(clippy::unwrap_used)]

use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Failed, Trial};
use peregrine_engine::context::ContextBuilder;
use peregrine_engine::log::MemoryLog;
use peregrine_engine::{Context, Dict, Program, Row, Scope, builtin, json};
use regex::Regex;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value as Json;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    section: String,
    vql: String,
    rows: Option<Vec<Vec<Json>>>,
    jsonl: Option<Vec<Vec<String>>>,
    error: Option<String>,
    reformat: Option<String>,
    reformat_error: Option<String>,
    log: Option<Vec<String>>,
    log_exact: Option<Vec<String>>,
    log_exact_re: Option<Vec<String>>,
    #[serde(default)]
    unordered: bool,
    // For readers of the file. They are listed here so that a misspelt key is detected instead of leaving its
    // rows unchecked.
    #[serde(rename = "deps")]
    _deps: Option<IgnoredAny>,
    #[serde(rename = "note")]
    _note: Option<IgnoredAny>,
    #[serde(rename = "quirk")]
    _quirk: Option<IgnoredAny>,
    #[serde(rename = "verified")]
    _verified: Option<IgnoredAny>,
}

fn main() -> ExitCode {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vql/language-cases.yaml");
    let text = std::fs::read_to_string(path).unwrap();
    let cases: Vec<Case> = serde_saphyr::from_str(&text).unwrap();
    // The formatter has its own runner, next to the parser.
    let is_of_engine = |case: &Case| case.reformat.is_none() && case.reformat_error.is_none();
    let tests = cases.into_iter().filter(is_of_engine).map(|case| {
        let (name, section) = (case.name.clone(), case.section.clone());
        Trial::test(name, move || check_each_way(&case)).with_kind(section)
    });
    libtest_mimic::run(&Arguments::from_args(), tests.collect()).exit_code()
}

fn check_each_way(case: &Case) -> Result<(), Failed> {
    for (way, settings) in WAYS {
        check(case, settings).map_err(|problem| {
            let query = case.vql.replace('\n', " ");
            Failed::from(format!("{way}: {query}\n    {problem}"))
        })?;
    }
    Ok(())
}

type Settings = fn(ContextBuilder) -> ContextBuilder;

/// Ways of the engine to come to the same answer: as it does for a few rows, bound to their columns from the first row
/// on as for many, and with every sort through files.
const WAYS: [(&str, Settings); 3] = [
    ("as it comes", |context| context),
    ("bound at once", |context| context.bind_after(0_u32)),
    ("sorted in files", |context| context.sort_memory(4096_usize)),
];

fn check(case: &Case, settings: Settings) -> Result<(), String> {
    let program = match (Program::compile(&case.vql), &case.error) {
        (Err(_), Some(_)) => return Ok(()),
        (Ok(_), Some(_)) => return Err("should be refused".into()),
        (Err(diagnostics), None) => return Err(format!("{diagnostics:?}")),
        (Ok(program), None) => program,
    };
    let log = Arc::new(MemoryLog::default());
    let context = settings(Context::builder())
        .registry(builtin::shared_registry())
        .log(log.clone())
        .build();
    let scope = Scope::root(&context, Dict::from_pairs([("_SessionId", "F.TEST")]));
    let mut outputs: Vec<Vec<String>> = Vec::new();
    for statement in program.statements() {
        let mut rows: Vec<Row> = Vec::new();
        statement.run(&scope, &mut rows).map_err(|_| "stopped")?;
        if statement.is_select() {
            outputs.push(rows.iter().map(|row| encode(&scope, row)).collect());
        }
    }
    let lines = log.lines();
    scope.close();
    let checks_rows = case.rows.is_some() || case.jsonl.is_some();
    if !checks_rows && !outputs.is_empty() {
        return Err("neither `rows` nor `jsonl` is there for its rows".into());
    }
    check_rows(case, &outputs)?;
    check_log(case, &lines)
}

fn encode(scope: &Scope, row: &Row) -> String {
    let mut out = Vec::new();
    json::write_row(scope, row, &mut out);
    String::from_utf8(out).unwrap()
}

fn check_rows(case: &Case, outputs: &[Vec<String>]) -> Result<(), String> {
    if let Some(expected) = &case.jsonl
        && outputs != expected
    {
        return Err(format!("rows {outputs:?}, should be {expected:?}"));
    }
    let Some(expected) = &case.rows else { return Ok(()) };
    let sorted = |mut rows: Vec<String>| {
        if case.unordered {
            rows.sort();
        }
        rows
    };
    let normal = |row: &Json| normalise(row).to_string();
    let expected: Vec<Vec<String>> = expected
        .iter()
        .map(|rows| sorted(rows.iter().map(normal).collect()))
        .collect();
    let actual: Vec<Vec<String>> = outputs
        .iter()
        .map(|rows| {
            sorted(
                rows.iter()
                    .map(|row| normal(&serde_json::from_str(row).unwrap()))
                    .collect(),
            )
        })
        .collect();
    if actual == expected {
        Ok(())
    } else {
        Err(format!("rows {actual:?}\n    want {expected:?}"))
    }
}

/// Numbers compare by value.
fn normalise(value: &Json) -> Json {
    match value {
        Json::Number(number) => match number.as_f64() {
            Some(float)
                if !number.is_i64() && !number.is_u64() && float.fract() == 0.0 && float.abs() < 9e15 =>
            {
                Json::from(float as i64)
            }
            _ => value.clone(),
        },
        Json::Array(items) => items.iter().map(normalise).collect(),
        Json::Object(entries) => Json::Object(
            entries
                .iter()
                .map(|(key, value)| (key.clone(), normalise(value)))
                .collect(),
        ),
        other => other.clone(),
    }
}

fn check_log(case: &Case, lines: &[String]) -> Result<(), String> {
    let shown: Vec<&String> = lines.iter().filter(|line| !line.starts_with("DEBUG:")).collect();
    if let Some(expected) = &case.log_exact
        && shown != expected.iter().collect::<Vec<_>>()
    {
        return Err(format!("log {shown:?}\n    want {expected:?}"));
    }
    if let Some(expected) = &case.log_exact_re {
        let fits = expected.len() == shown.len()
            && expected
                .iter()
                .zip(&shown)
                .all(|(pattern, line)| Regex::new(&format!("^(?:{pattern})")).unwrap().is_match(line));
        if !fits {
            return Err(format!("log {shown:?}\n    want {expected:?}"));
        }
    }
    for pattern in case.log.iter().flatten() {
        if !lines
            .iter()
            .any(|line| Regex::new(pattern).unwrap().is_match(line))
        {
            return Err(format!("log {lines:?}\n    lacks {pattern}"));
        }
    }
    if case.log.is_none() && case.log_exact.is_none() && case.log_exact_re.is_none() && !shown.is_empty() {
        return Err(format!("log {shown:?} should be empty"));
    }
    Ok(())
}
