//! `=~`.

use super::expr::eval;
use super::node::{MatchNode, Node};
use crate::regex::Regex;
use crate::scope::Scope;
use crate::value::{Str, Value};

/// Maximum nesting of arrays that are searched.
const MAX_DEPTH: u32 = 50;

/// `a =~ p` of the text; a literal pattern is compiled once.
pub(crate) fn eval_match(node: &MatchNode, scope: &Scope) -> bool {
    let Node::Const(Value::Str(pattern)) = &node.right else {
        let (left, right) = (eval(&node.left, scope), eval(&node.right, scope));
        return matches(scope, &left, &right);
    };
    if matches_all(pattern) {
        // The left side may log messages.
        eval(&node.left, scope);
        return true;
    }
    let left = eval(&node.left, scope);
    let regex = node.regex.get_or_init(|| compile(scope, pattern));
    match regex {
        Some(regex) => matches_regex(scope, &left, regex, 0),
        None => {
            // Another query must log the message again.
            compile(scope, pattern);
            false
        }
    }
}

/// The compiled pattern of a literal that is valid and does not match everything.
pub(super) fn literal_regex(node: &MatchNode) -> Option<Regex> {
    match &node.right {
        Node::Const(Value::Str(pattern)) if !matches_all(pattern) => {
            Regex::cached_ignoring_case(pattern).ok()
        }
        _ => None,
    }
}

/// `a =~ p` of values.
pub(crate) fn matches(scope: &Scope, value: &Value, pattern: &Value) -> bool {
    let Value::Str(pattern) = pattern else {
        return false;
    };
    if matches_all(pattern) {
        return true;
    }
    compile(scope, pattern).is_some_and(|regex| matches_regex(scope, value, &regex, 0))
}

fn matches_all(pattern: &Str) -> bool {
    matches!(pattern.as_bytes(), b"" | b"." | b".*")
}

/// The compiled pattern; logs an invalid one once per query.
fn compile(scope: &Scope, pattern: &Str) -> Option<Regex> {
    match Regex::cached_ignoring_case(pattern) {
        Ok(regex) => Some(regex),
        Err(error) => {
            super::call::log_once(scope, &format!("Compile regexp: {error}"));
            None
        }
    }
}

pub(super) fn matches_regex(scope: &Scope, value: &Value, regex: &Regex, depth: u32) -> bool {
    match value {
        Value::Str(text) => regex.is_match(text),
        Value::Array(items) if depth < MAX_DEPTH => items
            .iter()
            .take_while(|_| !scope.is_over())
            .any(|item| matches_regex(scope, &item.clone().reduce(scope), regex, depth + 1)),
        Value::Bytes(bytes) => bytes
            .iter()
            .any(|byte| regex.is_match(byte.to_string().as_bytes())),
        Value::Int(_) | Value::UInt(_) | Value::Float(_) | Value::Time(_) | Value::Dict(_) => {
            regex.is_match(&value.to_text(scope))
        }
        Value::Query(query) if query.rows_in_memory().is_some() => {
            matches_regex(scope, &query.to_array(scope), regex, depth + 1)
        }
        Value::Object(object) => object.to_text().is_some_and(|text| regex.is_match(&text)),
        _ => false,
    }
}
