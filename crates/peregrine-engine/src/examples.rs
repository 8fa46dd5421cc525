//! Runs the examples of functions and plugins. Every crate that defines some calls [`check_all`] in a test.

use std::sync::Arc;

use crate::call::{Example, Expect, Registry, Shape};
use crate::context::{Context, ContextBuilder};
use crate::log::MemoryLog;
use crate::program::Program;
use crate::query::RowSink;
use crate::scope::Scope;
use crate::value::{Dict, Row, Value};

/// Runs all examples in the registry; the failures, one line or more each.
#[must_use]
pub fn check_all(registry: &Arc<Registry>) -> Vec<String> {
    check_all_with(registry, |builder| builder)
}

/// The same in the caller's context (extensions, clock …).
#[must_use]
pub fn check_all_with(
    registry: &Arc<Registry>,
    configure: impl Fn(ContextBuilder) -> ContextBuilder,
) -> Vec<String> {
    let mut failures = Vec::new();
    let mut run = |kind: Kind, name: &str, examples: &[Example]| {
        if examples.is_empty() {
            failures.push(format!("{name}: no example"));
        }
        for example in examples {
            let log = Arc::new(MemoryLog::default());
            let builder = Context::builder().registry(Arc::clone(registry)).log(log.clone());
            let scope = Scope::root(&configure(builder).build(), Dict::new());
            if let Err(problem) = check(kind, example, &scope, &log) {
                failures.push(format!(
                    "{name}, {}: `{}`\n  {problem}",
                    example.title, example.vql
                ));
            }
            scope.close();
        }
    };
    for def in registry.functions() {
        run(Kind::Function, def.name, def.examples);
    }
    for def in registry.plugins() {
        run(Kind::Plugin, def.name, def.examples);
    }
    failures
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Function,
    Plugin,
}

/// The query for an example: expressions and sources are wrapped, whole statements run as they are.
fn query_text(kind: Kind, vql: &str) -> (String, bool) {
    let first = vql.split_whitespace().next().unwrap_or_default();
    if ["SELECT", "LET", "EXPLAIN"]
        .iter()
        .any(|word| first.eq_ignore_ascii_case(word))
    {
        return (vql.to_owned(), true);
    }
    match kind {
        Kind::Function => (format!("SELECT {vql} AS Value FROM scope()"), false),
        Kind::Plugin => (format!("SELECT * FROM {vql}"), true),
    }
}

fn check(kind: Kind, example: &Example, scope: &Scope, log: &MemoryLog) -> Result<(), String> {
    let (text, as_rows) = query_text(kind, example.vql);
    let program = Program::compile(&text).map_err(|diagnostics| {
        diagnostics
            .iter()
            .map(|diagnostic| diagnostic.render(&text))
            .collect::<Vec<_>>()
            .join("\n")
    })?;
    if matches!(example.expect, Expect::NotRun) {
        return Ok(());
    }
    let mut rows = Vec::new();
    let _ = program.run(scope, &mut rows as &mut dyn RowSink);
    let lines = log.lines();
    match example.expect {
        Expect::NotRun => Ok(()),
        Expect::Fails(part) if lines.iter().any(|line| line.contains(part)) => Ok(()),
        Expect::Fails(part) => Err(format!("no message contains `{part}`: {lines:?}")),
        Expect::Json(json) => {
            let mut shown = Vec::new();
            let encoder = crate::json::Encoder::new(scope);
            if as_rows {
                encoder.value(&rows.iter().cloned().map(Row::into_value).collect(), &mut shown);
            } else {
                let value = rows.first().and_then(|row| row.get("Value")).unwrap_or_default();
                encoder.value(&value, &mut shown);
            }
            let shown = String::from_utf8_lossy(&shown).into_owned();
            if same_json(&shown, json) {
                Ok(())
            } else {
                Err(format!("is {shown}, should be {json}; log {lines:?}"))
            }
        }
        Expect::Shape(shape) => {
            let complaints: Vec<&String> = lines.iter().filter(|line| !line.starts_with("DEBUG:")).collect();
            let value = rows.first().and_then(|row| row.get("Value")).unwrap_or_default();
            let fits = if as_rows && kind == Kind::Plugin {
                shape == Shape::Any || !rows.is_empty()
            } else {
                fits(shape, &value)
            };
            if !complaints.is_empty() {
                Err(format!("logs {complaints:?}"))
            } else if fits {
                Ok(())
            } else {
                Err(format!("is {value:?}, should be {shape:?}"))
            }
        }
    }
}

/// Equal values, including the order of keys.
fn same_json(a: &str, b: &str) -> bool {
    if a == b {
        return true;
    }
    let normal = |text: &str| {
        let value = crate::json::parse(text.as_bytes()).ok()?;
        let scope = Scope::root(&Context::builder().build(), Dict::new());
        let mut out = Vec::new();
        crate::json::write_value(&scope, &value, &mut out);
        Some(out)
    };
    normal(a).is_some_and(|a| Some(a) == normal(b))
}

fn fits(shape: Shape, value: &Value) -> bool {
    match shape {
        Shape::Null => value.is_null(),
        Shape::Bool => matches!(value, Value::Bool(_)),
        Shape::Int => matches!(value, Value::Int(_) | Value::UInt(_)),
        Shape::Number => matches!(value, Value::Int(_) | Value::UInt(_) | Value::Float(_)),
        Shape::Text => matches!(value, Value::Str(_)),
        Shape::Timestamp => matches!(value, Value::Time(_)),
        Shape::Array => matches!(value, Value::Array(_)),
        Shape::Dict => matches!(value, Value::Dict(_) | Value::Object(_)),
        Shape::Rows | Shape::Any => true,
    }
}
