//! Functions over numbers.

use gotmpl::{Result, Value};

use super::args::{arg, exactly, float, float_text, int, int_at, new_list, text};
use super::bridge::{Bridge, MAX_ITEMS, fail, string};

pub(super) const ALL: super::Table = &[
    ("add", |_, args| Ok(fold(args, 0, i64::wrapping_add))),
    ("mul", |_, args| {
        let first = int_at(args, 0)?;
        Ok(fold(args.get(1..).unwrap_or_default(), first, i64::wrapping_mul))
    }),
    ("add1", |_, args| Ok(Value::Int(int_at(args, 0)?.wrapping_add(1)))),
    ("sub", |_, args| pair(args, |a, b| Some(a.wrapping_sub(b)))),
    ("div", |_, args| pair(args, i64::checked_div)),
    ("mod", |_, args| pair(args, i64::checked_rem)),
    ("max", |_, args| {
        let first = int_at(args, 0)?;
        Ok(fold(args, first, i64::max))
    }),
    ("biggest", |_, args| {
        let first = int_at(args, 0)?;
        Ok(fold(args, first, i64::max))
    }),
    ("min", |_, args| {
        let first = int_at(args, 0)?;
        Ok(fold(args, first, i64::min))
    }),
    ("add1f", |_, args| Ok(Value::Float(float(arg(args, 0)?) + 1.0))),
    ("addf", |_, args| fold_floats(args, |a, b| a + b)),
    ("subf", |_, args| fold_floats(args, |a, b| a - b)),
    ("mulf", |_, args| fold_floats(args, |a, b| a * b)),
    ("divf", |_, args| fold_floats(args, |a, b| a / b)),
    ("maxf", |_, args| fold_floats(args, f64::max)),
    ("minf", |_, args| fold_floats(args, f64::min)),
    ("ceil", |_, args| Ok(Value::Float(float(arg(args, 0)?).ceil()))),
    ("floor", |_, args| Ok(Value::Float(float(arg(args, 0)?).floor()))),
    ("round", round),
    ("int", |_, args| Ok(Value::Int(int_at(args, 0)?))),
    ("int64", |_, args| Ok(Value::Int(int_at(args, 0)?))),
    ("atoi", |_, args| {
        Ok(Value::Int(text(arg(args, 0)?).parse().unwrap_or(0)))
    }),
    ("float64", |_, args| Ok(Value::Float(float(arg(args, 0)?)))),
    ("toDecimal", |_, args| {
        let digits = text(arg(args, 0)?);
        Ok(Value::Int(i64::from_str_radix(&digits, 8).unwrap_or(0)))
    }),
    ("until", |_, args| {
        let end = int_at(args, 0)?;
        steps(0, end, if end < 0 { -1 } else { 1 })
    }),
    ("untilStep", |_, args| {
        let [start, end, step] = exactly(args)?;
        steps(int(start), int(end), int(step))
    }),
    ("seq", |_, args| {
        let (start, end, step) = match args {
            [end] => (1, int(end), if int(end) < 1 { -1 } else { 1 }),
            [start, end] => {
                let (start, end) = (int(start), int(end));
                (start, end, if end < start { -1 } else { 1 })
            }
            [start, step, end] => (int(start), int(end), int(step)),
            _ => return Ok(string("")),
        };
        let beyond = end.saturating_add(step.signum());
        let Value::List(numbers) = steps(start, beyond, step)? else {
            return Ok(string(""));
        };
        let shown: Vec<String> = numbers.iter().map(text).collect();
        Ok(string(shown.join(" ")))
    }),
];

fn fold(args: &[Value], start: i64, join: fn(i64, i64) -> i64) -> Value {
    Value::Int(args.iter().map(int).fold(start, join))
}

fn pair(args: &[Value], join: fn(i64, i64) -> Option<i64>) -> Result<Value> {
    let [first, second] = exactly(args)?;
    join(int(first), int(second))
        .map(Value::Int)
        .ok_or_else(|| fail("division by zero"))
}

/// Sums of decimal fractions come out as expected: 0.1 + 0.2 is 0.3.
fn fold_floats(args: &[Value], join: fn(f64, f64) -> f64) -> Result<Value> {
    let first = float(arg(args, 0)?);
    let rest = args.get(1..).unwrap_or_default();
    let result = rest.iter().map(float).fold(first, join);
    Ok(Value::Float(format!("{result:.14e}").parse().unwrap_or(result)))
}

fn round(_: &Bridge, args: &[Value]) -> Result<Value> {
    let value = float(arg(args, 0)?);
    let places = i32::try_from(args.get(1).map_or(0, int))
        .unwrap_or(0)
        .clamp(-300, 300);
    let edge = args.get(2).map_or(0.5, float);
    let scale = 10f64.powi(places);
    let scaled = scale * value;
    let rounded = if scaled.fract().abs() >= edge {
        scaled.abs().ceil().copysign(scaled)
    } else {
        scaled.trunc()
    };
    let result = rounded / scale;
    Ok(Value::Float(if result.is_finite() { result } else { value }))
}

fn steps(start: i64, end: i64, step: i64) -> Result<Value> {
    let mut numbers = Vec::new();
    let mut at = start;
    while (step > 0 && at < end) || (step < 0 && at > end) {
        if numbers.len() >= MAX_ITEMS {
            return Err(fail(format!(
                "more than {MAX_ITEMS} numbers from {start} to {end}"
            )));
        }
        numbers.push(Value::Int(at));
        let Some(next) = at.checked_add(step) else { break };
        at = next;
    }
    new_list(numbers)
}

/// The number format that templates print.
pub(super) fn shown_float(value: f64) -> Value {
    string(float_text(value))
}
