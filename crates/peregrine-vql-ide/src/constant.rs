//! Constants given to arguments of a type they cannot become.

use peregrine_vql::ast::{ArgValue, Expr, ExprKind, Number};
use peregrine_vql::parse_lambda;

/// What is wrong with this value for an argument of this type; `None`: nothing, or not known before it runs.
pub(crate) fn complaint(type_name: &str, value: &ArgValue) -> Option<String> {
    let ArgValue::Expr(value) = value else {
        let is_number = matches!(type_name, "int" | "int64" | "uint64" | "float64");
        let given = match value {
            ArgValue::Query(_) => "a query",
            _ => "a list",
        };
        return is_number.then(|| format!("a number is wanted, {given} is given"));
    };
    let value = bare(value);
    match (type_name, &value.kind) {
        ("int" | "int64" | "uint64" | "float64", ExprKind::Str(text)) => {
            Some(format!("a number is wanted, the string {} is given", text.source))
        }
        ("uint64", ExprKind::Number(number)) if matches!(number.value, Number::Int(i64::MIN..0)) => Some(
            format!("a number from 0 on is wanted, {} is given", number.source),
        ),
        ("Dict", ExprKind::Str(_)) => Some("a dict is wanted, a string is given".to_owned()),
        ("Dict", ExprKind::Number(_) | ExprKind::Bool { .. }) => {
            Some("a dict is wanted, such as `dict(a=1)`".to_owned())
        }
        ("Lambda", ExprKind::Number(_) | ExprKind::Bool { .. }) => {
            Some("a lambda is wanted, such as `'x => x > 1'`".to_owned())
        }
        ("Lambda", ExprKind::Str(text)) => {
            let problems = parse_lambda(std::str::from_utf8(&text.value).ok()?).err()?;
            let problem = problems.first()?;
            Some(format!("the lambda cannot be parsed: {}", problem.message))
        }
        _ => None,
    }
}

/// Without parentheses around a single value.
fn bare(mut value: &Expr) -> &Expr {
    while let ExprKind::Paren(list) = &value.kind {
        match list.items.first() {
            Some(only) if !list.is_array() => value = only,
            _ => break,
        }
    }
    value
}
