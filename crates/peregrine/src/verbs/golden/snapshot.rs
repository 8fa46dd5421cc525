//! The format of results: YAML for people who review changes, JSON for programs.

use super::case::Outcome;
use serde_json::json;
use std::fmt::Write as _;

/// The text of `NAME.out.yaml`: for each query its text, its rows as JSON, one per line, and its messages.
pub(super) fn render(outcomes: &[Outcome]) -> String {
    let mut out = String::from("# Written by `peregrine golden --update`.\n");
    for outcome in outcomes {
        block(&mut out, "- Query", outcome.query.trim());
        if let Some(error) = &outcome.error {
            block(&mut out, "  Error", error);
        }
        list(&mut out, "Rows", outcome.rows.iter().map(String::as_str));
        if !outcome.logs.is_empty() {
            let quoted: Vec<String> = outcome.logs.iter().map(|line| json!(line).to_string()).collect();
            list(&mut out, "Logs", quoted.iter().map(String::as_str));
        }
    }
    out
}

fn block(out: &mut String, key: &str, text: &str) {
    let _ = writeln!(out, "{key}: |-");
    for line in text.lines() {
        let _ = writeln!(out, "{}", format!("    {line}").trim_end());
    }
}

fn list<'a>(out: &mut String, key: &str, lines: impl ExactSizeIterator<Item = &'a str>) {
    let none = if lines.len() == 0 { " []" } else { "" };
    let _ = writeln!(out, "  {key}:{none}");
    for line in lines {
        let _ = writeln!(out, "  - {line}");
    }
}

/// The same as JSON, for programs.
pub(super) fn to_json(outcome: &Outcome) -> serde_json::Value {
    let rows: Vec<serde_json::Value> = outcome
        .rows
        .iter()
        // A transform may have made it invalid JSON.
        .map(|row| serde_json::from_str(row).unwrap_or_else(|_| json!(row)))
        .collect();
    json!({ "query": outcome.query, "output": rows, "error": outcome.error, "logs": outcome.logs })
}
