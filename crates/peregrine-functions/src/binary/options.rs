//! The options of a type, consumed one by one.

use peregrine_engine::prelude::{Dict, Lambda, Scope, Str, Value};

use super::kind::{Expr, Number};

/// Options not used yet; [`Options::finish`] refuses unknown ones.
pub(super) struct Options<'a> {
    scope: &'a Scope,
    /// `Struct.field`, for messages.
    pub(super) place: String,
    given: Dict,
}

impl<'a> Options<'a> {
    pub(super) fn new(scope: &'a Scope, place: &str, given: Option<Value>) -> Result<Options<'a>, String> {
        let given = match given {
            None | Some(Value::Null) => Dict::new(),
            Some(Value::Dict(dict)) => dict.copy(),
            Some(_) => return Err(format!("{place}: options are a mapping")),
        };
        Ok(Options {
            scope,
            place: place.to_owned(),
            given,
        })
    }

    pub(super) fn scope(&self) -> &'a Scope {
        self.scope
    }

    pub(super) fn value(&mut self, name: &str) -> Option<Value> {
        self.given.remove(name).filter(|value| !value.is_null())
    }

    pub(super) fn required(&mut self, name: &str) -> Result<Value, String> {
        self.value(name)
            .ok_or_else(|| format!("{}: Field {name} is required", self.place))
    }

    pub(super) fn text(&mut self, name: &str) -> Result<Option<Str>, String> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::Str(text)) => Ok(Some(text)),
            Some(_) => Err(format!("{}: `{name}` is a string", self.place)),
        }
    }

    pub(super) fn flag(&mut self, name: &str) -> bool {
        let scope = self.scope;
        self.value(name).is_some_and(|value| value.truth(scope))
    }

    pub(super) fn integer(&mut self, name: &str, default: i64) -> Result<i64, String> {
        match self.value(name) {
            None => Ok(default),
            Some(value) => integer(&value).ok_or_else(|| format!("{}: `{name}` is a number", self.place)),
        }
    }

    pub(super) fn mapping(&mut self, name: &str) -> Result<Option<Dict>, String> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::Dict(dict)) => Ok(Some(dict)),
            Some(_) => Err(format!("{}: `{name}` is a mapping", self.place)),
        }
    }

    /// A number, or a lambda that computes one.
    pub(super) fn number(&mut self, name: &str) -> Result<Option<Number>, String> {
        let place = format!("{}: `{name}`", self.place);
        self.value(name)
            .map(|value| number(self.scope, &place, &value))
            .transpose()
    }

    pub(super) fn lambda(&mut self, name: &str) -> Result<Option<Expr>, String> {
        let place = format!("{}: `{name}`", self.place);
        self.text(name)?
            .map(|text| expr(self.scope, &place, &text))
            .transpose()
    }

    pub(super) fn finish(self) -> Result<(), String> {
        let unknown: Vec<String> = self.given.keys().iter().map(Str::to_string).collect();
        if unknown.is_empty() {
            return Ok(());
        }
        Err(format!(
            "{}: Unexpected parameters provided: [{}]",
            self.place,
            unknown.join(" ")
        ))
    }
}

pub(super) fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Int(_) | Value::UInt(_) | Value::Float(_) => value.as_i64(),
        Value::Str(text) => parse_integer(&text.as_utf8_lossy()),
        _ => None,
    }
}

/// Decimal, or hexadecimal with `0x`.
pub(super) fn parse_integer(text: &str) -> Option<i64> {
    let (digits, is_negative) = text
        .trim()
        .strip_prefix('-')
        .map_or((text.trim(), false), |rest| (rest, true));
    let hex = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X"));
    let number = match hex {
        Some(hex) => u64::from_str_radix(hex, 16).ok()?,
        None => digits.parse().ok()?,
    };
    Some(if is_negative {
        (number as i64).wrapping_neg()
    } else {
        number as i64
    })
}

pub(super) fn number(scope: &Scope, place: &str, value: &Value) -> Result<Number, String> {
    match value {
        Value::Str(text) if is_lambda(text) => Ok(Number::Computed(expr(scope, place, text)?)),
        Value::Null => Ok(Number::Fixed(0)),
        other => integer(other)
            .map(Number::Fixed)
            .ok_or_else(|| format!("{place} is a number or a lambda such as `x=>x.Length`")),
    }
}

pub(super) fn is_lambda(text: &Str) -> bool {
    text.windows(2).any(|pair| pair == b"=>")
}

pub(super) fn expr(scope: &Scope, place: &str, text: &Str) -> Result<Expr, String> {
    let lambda = Lambda::parse(scope, text).map_err(|reason| format!("{place}: `{text}`: {reason}"))?;
    Ok(Expr {
        lambda,
        uses_this: text.windows(4).any(|part| part == b"this"),
    })
}
