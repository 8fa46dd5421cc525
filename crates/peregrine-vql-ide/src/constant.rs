//! Constants that cannot be converted to the type of their argument.

use crate::catalogue::Argument;
use peregrine_vql::ast::{ArgValue, Expr, ExprKind, Number, StrLit};
use peregrine_vql::{Severity, parse_lambda};

/// What is wrong with a value.
pub(crate) struct Complaint {
    pub(crate) severity: Severity,
    pub(crate) text: String,
}

/// What is wrong with this value for this argument; `None` if nothing is, or if it is unknown before it runs.
pub(crate) fn complaint(
    argument: &Argument,
    value: &ArgValue,
    regex_complaint: Option<fn(&str) -> Option<String>>,
) -> Option<Complaint> {
    let type_name = argument.type_name.as_str();
    let is_pattern = type_name == "regex";
    if argument.repeated && !is_pattern {
        // Lists convert each element in their own way.
        return None;
    }
    let error = |text: String| {
        Some(Complaint {
            severity: Severity::Error,
            text,
        })
    };
    let ArgValue::Expr(value) = value else {
        let is_number = matches!(type_name, "int" | "int64" | "uint64" | "float64");
        let given = match value {
            ArgValue::Query(_) => "a query",
            _ => "a list",
        };
        return error(format!("a number is wanted, {given} is given")).filter(|_| is_number);
    };
    let value = bare(value);
    match (type_name, &value.kind) {
        ("int" | "int64" | "uint64" | "float64", ExprKind::Str(text)) => {
            error(format!("a number is wanted, the string {} is given", text.source))
        }
        ("uint64", ExprKind::Number(number)) if matches!(number.value, Number::Int(i64::MIN..0)) => error(
            format!("a number from 0 on is wanted, {} is given", number.source),
        ),
        ("Dict", ExprKind::Str(_)) => error("a dict is wanted, a string is given".to_owned()),
        ("Dict", ExprKind::Number(_) | ExprKind::Bool { .. }) => {
            error("a dict is wanted, such as `dict(a=1)`".to_owned())
        }
        ("Lambda", ExprKind::Number(_) | ExprKind::Bool { .. }) => {
            error("a lambda is wanted, such as `'x => x > 1'`".to_owned())
        }
        ("Lambda", ExprKind::Str(text)) => {
            let problems = parse_lambda(std::str::from_utf8(&text.value).ok()?).err()?;
            let problem = problems.first()?;
            error(format!("the lambda cannot be parsed: {}", problem.message))
        }
        ("regex", ExprKind::Str(text)) => {
            let problem = regex_complaint?(std::str::from_utf8(&text.value).ok()?)?;
            error(format!("the pattern cannot be read: {problem}"))
        }
        ("bool", ExprKind::Str(text)) if says_no(text) => Some(Complaint {
            severity: Severity::Warning,
            text: format!("{} is true, as any text is; write `FALSE`", text.source),
        }),
        _ => None,
    }
}

/// A text that a reader would take for false.
fn says_no(text: &StrLit) -> bool {
    let text = String::from_utf8_lossy(&text.value).to_lowercase();
    matches!(text.as_str(), "n" | "no" | "false" | "off")
}

/// Removes parentheses around a single value.
fn bare(mut value: &Expr) -> &Expr {
    while let ExprKind::Paren(list) = &value.kind {
        match list.items.first() {
            Some(only) if !list.is_array() => value = only,
            _ => break,
        }
    }
    value
}
