//! Filters: a JSON list of `{column, op, value}`, all of which must hold.

use super::cells;
use super::moment::{Moment, of_cell, of_text};
use crate::{Error, Result};
use peregrine_api::table::Condition;
use peregrine_store::chunk::Line;
use regex::{Regex, RegexBuilder};
use serde_json::Value;
use std::cmp::Ordering;

/// Conditions in one request.
const MAX_FILTERS: usize = 50;

/// Checked conditions. Their text is part of the key under which views are cached.
#[derive(Debug, Clone, Default)]
pub struct Filters {
    text: String,
    all: Vec<Filter>,
}

#[derive(Debug, Clone)]
struct Filter {
    /// `None`: any column.
    column: Option<String>,
    test: Test,
    is_negated: bool,
}

#[derive(Debug, Clone)]
enum Test {
    Contains(String),
    Equals(Operand),
    Matches(Regex),
    Order(fn(Ordering) -> bool, Operand),
    IsNull,
    In(Vec<Operand>),
}

/// What a cell is compared with.
#[derive(Debug, Clone)]
struct Operand {
    value: Value,
    /// Set if the value is a time: then it is compared with cells as a time, however they write it.
    moment: Option<Moment>,
}

impl From<Value> for Operand {
    fn from(value: Value) -> Operand {
        let moment = value.as_str().and_then(of_text);
        Operand { value, moment }
    }
}

impl Filters {
    /// Parses the JSON list; empty text means no filter.
    pub fn parse(text: &str) -> Result<Filters> {
        if text.trim().is_empty() {
            return Ok(Filters::default());
        }
        let bad = |message: String| Error::BadRequest(format!("`filter`: {message}"));
        let typed: Vec<Condition> = serde_json::from_str(text).map_err(|error| bad(error.to_string()))?;
        if typed.len() > MAX_FILTERS {
            return Err(bad(format!("at most {MAX_FILTERS} conditions")));
        }
        let all = typed
            .into_iter()
            .map(|typed| check(typed).map_err(bad))
            .collect::<Result<Vec<_>>>()?;
        Ok(Filters {
            text: if all.is_empty() {
                String::new()
            } else {
                text.to_owned()
            },
            all,
        })
    }

    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The JSON text as it was given; empty if there are no conditions.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether a row passes. A line for unreadable rows always does, as any of them might have matched.
    pub fn pass(&self, line: Line<'_>) -> bool {
        line.missing > 0 || self.accept(line.text)
    }

    fn accept(&self, line: &[u8]) -> bool {
        self.all.iter().all(|filter| filter.accept(line))
    }
}

fn check(typed: Condition) -> Result<Filter, String> {
    let text = cells::text(&typed.value).into_owned();
    let (positive, is_negated) = match typed.op.strip_prefix("not_") {
        Some("null") => ("is_null", true),
        Some(rest) => (rest, true),
        None if typed.op == "ne" => ("eq", true),
        None => (typed.op.as_str(), false),
    };
    let test = match positive {
        "contains" => Test::Contains(text.to_lowercase()),
        "eq" => Test::Equals(typed.value.into()),
        "regex" => {
            // Matching takes time linear in the text; the limit bounds the memory to compile a pattern.
            let pattern = RegexBuilder::new(&text)
                .case_insensitive(true)
                .size_limit(1 << 20)
                .build();
            Test::Matches(pattern.map_err(|error| error.to_string())?)
        }
        "lt" => Test::Order(Ordering::is_lt, typed.value.into()),
        "le" => Test::Order(Ordering::is_le, typed.value.into()),
        "gt" => Test::Order(Ordering::is_gt, typed.value.into()),
        "ge" => Test::Order(Ordering::is_ge, typed.value.into()),
        "is_null" => Test::IsNull,
        "in" => match typed.value {
            Value::Array(values) => Test::In(values.into_iter().map(Operand::from).collect()),
            _ => return Err("`in` needs a list".into()),
        },
        other => return Err(format!("unknown op `{other}`")),
    };
    Ok(Filter {
        column: (typed.column != "*").then_some(typed.column),
        test,
        is_negated,
    })
}

impl Filter {
    fn accept(&self, line: &[u8]) -> bool {
        let holds = match &self.column {
            Some(column) => self.test.holds(&cells::cell(line, column)),
            None => cells::row(line).values().any(|cell| self.test.holds(cell)),
        };
        holds != self.is_negated
    }
}

impl Test {
    fn holds(&self, cell: &Value) -> bool {
        match self {
            Test::Contains(part) => cells::text(cell).to_lowercase().contains(part),
            Test::Equals(operand) => operand.equals(cell),
            Test::Matches(pattern) => pattern.is_match(&cells::text(cell)),
            Test::Order(test, operand) => operand.compare(cell).is_some_and(test),
            Test::IsNull => cell.is_null(),
            Test::In(operands) => operands.iter().any(|operand| operand.equals(cell)),
        }
    }
}

/// A number, or text that reads as one.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

impl Operand {
    fn equals(&self, cell: &Value) -> bool {
        let value = &self.value;
        if let Some(moment) = self.moment
            && of_cell(cell).is_some_and(|other| moment.is_same(other))
        {
            return true;
        }
        if cell.is_number() || value.is_number() {
            return cell == value || (number(cell).is_some() && number(cell) == number(value));
        }
        cell == value || (!cell.is_null() && cells::text(cell) == cells::text(value))
    }

    /// The order of the cell relative to the value; `None` if they cannot be compared.
    fn compare(&self, cell: &Value) -> Option<Ordering> {
        if cell.is_null() {
            return None;
        }
        if let Some(moment) = self.moment {
            return Some(of_cell(cell)?.cmp(&moment));
        }
        if cell.is_number() {
            return number(cell)?.partial_cmp(&number(&self.value)?);
        }
        Some(cells::text(cell).as_ref().cmp(cells::text(&self.value).as_ref()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(line: &str, filter: Value, expected: bool) {
        let filters = Filters::parse(&json!([filter]).to_string()).unwrap();
        assert_eq!(filters.accept(line.as_bytes()), expected, "{filter} on {line}");
    }

    #[test]
    fn operators() {
        let row = r#"{"Name":"SSHD","Pid":12,"Args":["a","-D"],"Gone":null}"#;
        check(
            row,
            json!({"column": "Name", "op": "contains", "value": "shd"}),
            true,
        );
        check(
            row,
            json!({"column": "Name", "op": "not_contains", "value": "shd"}),
            false,
        );
        check(row, json!({"column": "Name", "op": "eq", "value": "SSHD"}), true);
        check(row, json!({"column": "Name", "op": "ne", "value": "SSHD"}), false);
        check(row, json!({"column": "Pid", "op": "eq", "value": "12"}), true);
        check(row, json!({"column": "Pid", "op": "gt", "value": 9}), true);
        check(row, json!({"column": "Pid", "op": "lt", "value": "9"}), false);
        check(row, json!({"column": "Args", "op": "regex", "value": "-d"}), true);
        check(row, json!({"column": "Missing", "op": "is_null"}), true);
        check(row, json!({"column": "Gone", "op": "not_null"}), false);
        check(row, json!({"column": "Pid", "op": "in", "value": [1, 12]}), true);
        check(row, json!({"column": "*", "op": "contains", "value": "12"}), true);
        check(
            row,
            json!({"column": "*", "op": "not_contains", "value": "12"}),
            false,
        );
        check("damaged", json!({"column": "Pid", "op": "eq", "value": 1}), false);
    }

    #[test]
    fn a_moment_is_compared_however_the_cell_writes_it() {
        // 2026-11-21T09:30:00Z in every unit and notation that tables show as a time.
        let cells = [
            json!(1_795_253_400),
            json!(1_795_253_400.0),
            json!(1_795_253_400_000_i64),
            json!(1_795_253_400_000_000_i64),
            json!(1_795_253_400_000_000_000_i64),
            json!("1795253400"),
            json!("2026-11-21T09:30:00Z"),
            json!("2026-11-21T09:30:00.000000Z"),
            json!("2026-11-21T10:30:00+01:00"),
            json!("2026-11-21 09:30:00"),
        ];
        for cell in cells {
            let row = json!({ "When": cell }).to_string();
            for (op, second, expected) in [
                ("eq", "00.000", true),
                ("eq", "01.000", false),
                ("ne", "00.000", false),
                ("ge", "00.000", true),
                ("le", "00.000", true),
                ("gt", "00.000", false),
                ("lt", "00.000", false),
                ("lt", "00.001", true),
                ("gt", "00.001", false),
            ] {
                let value = format!("2026-11-21T09:30:{second}Z");
                check(
                    &row,
                    json!({"column": "When", "op": op, "value": value}),
                    expected,
                );
            }
            let list = json!(["2026-11-21T09:30:00.000Z", "2020-01-01T00:00:00Z"]);
            check(&row, json!({"column": "When", "op": "in", "value": list}), true);
        }
        let filter = json!({"column": "When", "op": "ge", "value": "1990-01-01T00:00:00.000Z"});
        for no_time in [
            json!(0),
            json!(-5),
            json!("soon"),
            json!(null),
            json!([1]),
            json!(true),
        ] {
            check(&json!({ "When": no_time }).to_string(), filter.clone(), false);
        }
        // Floats are less precise than their digits suggest, so numbers match by the millisecond that is shown.
        let row = r#"{"When":1795253400.123456}"#;
        let typed = json!({"column": "When", "op": "eq", "value": "2026-11-21T09:30:00.123Z"});
        check(row, typed, true);
        // Text is exact.
        let row = r#"{"When":"2026-11-21T09:30:00.123456Z"}"#;
        let typed = json!({"column": "When", "op": "eq", "value": "2026-11-21T09:30:00.123Z"});
        check(row, typed, false);
    }

    #[test]
    fn faults_are_told() {
        for (text, part) in [
            ("{", "filter"),
            (r#"[{"column":"a","op":"x"}]"#, "unknown op `x`"),
        ] {
            let error = Filters::parse(text).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
        assert!(Filters::parse(r#"[{"column":"a","op":"regex","value":"("}]"#).is_err());
    }
}
