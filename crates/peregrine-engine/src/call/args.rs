//! The arguments of one call.

use std::borrow::Cow;
use std::fmt;

use super::{ArgSpec, FromArg};
use crate::query::{Lazy, Query};
use crate::scope::Scope;
use crate::value::{Dict, Str, Value};

/// Typed arguments of a function or plugin; usually derived.
pub trait VqlArgs: Sized {
    /// The manual page.
    const DOC: &'static str;
    /// The arguments in declaration order.
    const SPECS: &'static [ArgSpec];

    /// Converts the arguments in declaration order; the first error ends the call.
    fn read(args: &CallArgs<'_>) -> Result<Self, ArgError>;

    /// Converts the arguments and refuses unknown ones.
    fn parse(args: &CallArgs<'_>) -> Result<Self, ArgError> {
        let read = Self::read(args)?;
        // `#[arg(rest)]` comes last.
        if !Self::SPECS.last().is_some_and(|spec| spec.rest) {
            args.reject_unknown(Self::SPECS)?;
        }
        Ok(read)
    }
}

/// For derives: the total number of arguments in these lists.
#[must_use]
pub const fn count_specs(parts: &[&[ArgSpec]]) -> usize {
    let (mut part, mut count) = (0, 0);
    while part < parts.len() {
        count += parts[part].len();
        part += 1;
    }
    count
}

/// For derives: these lists of arguments as one of `COUNT` arguments.
#[must_use]
pub const fn joined_specs<const COUNT: usize>(parts: &[&[ArgSpec]]) -> [ArgSpec; COUNT] {
    const NONE: ArgSpec = ArgSpec {
        name: "",
        type_name: "",
        required: false,
        repeated: false,
        rest: false,
        default: None,
        doc: "",
    };
    let mut joined = [NONE; COUNT];
    let (mut part, mut count) = (0, 0);
    while part < parts.len() {
        let mut at = 0;
        while at < parts[part].len() {
            assert!(
                count == 0 || !joined[count - 1].rest,
                "nothing can follow `#[arg(rest)]`"
            );
            joined[count] = parts[part][at];
            (at, count) = (at + 1, count + 1);
        }
        part += 1;
    }
    joined
}

/// Why arguments were refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArgError(pub String);

impl ArgError {
    /// Builds the error `Field x should be an int not string.`
    #[must_use]
    pub fn wrong_type(arg: &str, wanted: &str, got: &str) -> ArgError {
        ArgError(format!("Field {arg} should be {wanted} not {got}."))
    }
}

impl fmt::Display for ArgError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The form in which an argument was given.
#[derive(Debug, Clone)]
pub enum ArgValue {
    /// A value known before the call.
    Value(Value),
    /// An expression, evaluated when the function asks.
    Expr(Lazy),
    /// `{ SELECT … }`.
    Query(Query),
}

/// The arguments of one call, in source order.
#[derive(Debug)]
pub struct CallArgs<'a> {
    scope: &'a Scope,
    args: Cow<'a, [(Str, ArgValue)]>,
}

impl<'a> CallArgs<'a> {
    /// Makes arguments that are evaluated in `scope`.
    #[must_use]
    pub fn new(scope: &'a Scope, args: &'a [(Str, ArgValue)]) -> CallArgs<'a> {
        CallArgs {
            scope,
            args: Cow::Borrowed(args),
        }
    }

    /// Makes arguments from an owned list.
    #[must_use]
    pub fn owned(scope: &'a Scope, args: Vec<(Str, ArgValue)>) -> CallArgs<'a> {
        CallArgs {
            scope,
            args: Cow::Owned(args),
        }
    }

    /// Makes arguments from the entries of a dict.
    #[must_use]
    pub fn from_dict(scope: &'a Scope, dict: &Dict) -> CallArgs<'a> {
        let args = dict
            .entries()
            .into_iter()
            .map(|(name, value)| (name, ArgValue::from(value)))
            .collect();
        CallArgs::owned(scope, args)
    }

    /// The scope of the caller.
    #[must_use]
    pub fn scope(&self) -> &'a Scope {
        self.scope
    }

    /// The number of arguments.
    #[must_use]
    pub fn len(&self) -> usize {
        self.args.len()
    }

    /// True when there are no arguments.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.args.is_empty()
    }

    /// The names in source order.
    pub fn names(&self) -> impl Iterator<Item = &Str> {
        self.args.iter().map(|(name, _)| name)
    }

    /// All arguments in source order.
    pub fn iter(&self) -> impl Iterator<Item = Arg<'_>> {
        self.args.iter().map(|(name, value)| Arg {
            scope: self.scope,
            name,
            value,
        })
    }

    /// An argument by name; the last one if the name is repeated.
    #[must_use]
    pub fn arg(&self, name: &str) -> Option<Arg<'_>> {
        let (name, value) = self.args.iter().rev().find(|(known, _)| known == name)?;
        Some(Arg {
            scope: self.scope,
            name,
            value,
        })
    }

    /// The reduced value of an argument.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Value> {
        self.arg(name).map(|arg| arg.value())
    }

    /// Converts all arguments.
    pub fn parse<T: VqlArgs>(&self) -> Result<T, ArgError> {
        T::parse(self)
    }

    /// For derives: an argument that must be there.
    pub fn required<T: FromArg>(&self, name: &str) -> Result<T, ArgError> {
        match self.arg(name) {
            Some(arg) => T::from_arg(&arg),
            None => Err(ArgError(format!("Field {name} is required"))),
        }
    }

    /// For derives: an argument that may be missing.
    pub fn optional<T: FromArg>(&self, name: &str) -> Result<Option<T>, ArgError> {
        self.arg(name).map(|arg| T::from_arg(&arg)).transpose()
    }

    /// For derives: the arguments not in `specs`, unevaluated and bound to the caller's scope.
    #[must_use]
    pub fn rest(&self, specs: &[ArgSpec]) -> Vec<(Str, Lazy)> {
        let mut rest: Vec<(Str, Lazy)> = Vec::new();
        for arg in self
            .iter()
            .filter(|arg| !specs.iter().any(|spec| !spec.rest && *arg.name == spec.name))
        {
            // A repeated name moves to the end with its last value.
            rest.retain(|(name, _)| name != arg.name);
            rest.push((arg.name.clone(), arg.lazy()));
        }
        rest
    }

    fn reject_unknown(&self, specs: &[ArgSpec]) -> Result<(), ArgError> {
        match self
            .args
            .iter()
            .find(|(name, _)| !specs.iter().any(|spec| *name == spec.name))
        {
            Some((name, _)) => Err(ArgError(format!("Unexpected arg {name}"))),
            None => Ok(()),
        }
    }
}

/// One argument of a call.
#[derive(Debug, Clone, Copy)]
pub struct Arg<'a> {
    scope: &'a Scope,
    name: &'a Str,
    value: &'a ArgValue,
}

impl<'a> Arg<'a> {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'a Str {
        self.name
    }

    /// The scope of the caller.
    #[must_use]
    pub fn scope(&self) -> &'a Scope {
        self.scope
    }

    /// How it was given.
    #[must_use]
    pub fn given(&self) -> &'a ArgValue {
        self.value
    }

    /// Its value: expressions are evaluated, queries stay queries.
    #[must_use]
    pub fn value(&self) -> Value {
        match self.value {
            ArgValue::Value(Value::Lazy(lazy)) | ArgValue::Expr(lazy) => lazy.force(self.scope),
            ArgValue::Value(value) => value.clone(),
            ArgValue::Query(query) => Value::Query(query.clone()),
        }
    }

    /// Its value as parameters of type "any" see it: rows in memory become a list, rows in a file NULL.
    #[must_use]
    pub fn any(&self) -> Value {
        self.value().into_argument()
    }

    /// The expression, bound to the caller's scope and evaluated at most once.
    #[must_use]
    pub fn lazy(&self) -> Lazy {
        match self.value {
            ArgValue::Value(Value::Lazy(lazy)) | ArgValue::Expr(lazy) => lazy.bind(self.scope),
            ArgValue::Value(value) => Lazy::ready(value.clone()),
            ArgValue::Query(query) => Lazy::ready(Value::Query(query.clone())),
        }
    }

    /// An error about this argument's type.
    #[must_use]
    pub fn wrong_type(&self, wanted: &str, got: &Value) -> ArgError {
        let ArgError(mut text) = ArgError::wrong_type(&self.name.as_utf8_lossy(), wanted, got.type_name());
        if let Some(shown) = short_text(self.scope, got) {
            text.push_str(&format!(" It is `{shown}`"));
        }
        ArgError(text)
    }
}

/// The beginning of a plain value, for a message.
fn short_text(scope: &Scope, value: &Value) -> Option<String> {
    const MOST: usize = 60;
    match value {
        Value::Str(_) | Value::Int(_) | Value::UInt(_) | Value::Float(_) | Value::Time(_) => {}
        _ => return None,
    }
    let text = value.to_text(scope);
    let beginning = text.get(..MOST * 4).unwrap_or(&text);
    let shown = crate::regex::lossy(beginning);
    let mut short: String = shown.chars().take(MOST).collect();
    if short.len() < text.len() && short.chars().count() == MOST {
        short.push('…');
    }
    Some(short)
}

impl From<Value> for ArgValue {
    fn from(value: Value) -> ArgValue {
        match value {
            Value::Lazy(lazy) => ArgValue::Expr(lazy),
            Value::Query(query) => ArgValue::Query(query),
            value => ArgValue::Value(value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ArgError, ArgSpec, CallArgs, VqlArgs};
    use crate::prelude::*;
    use crate::{Context, Scope};

    /// Arguments in common.
    #[derive(VqlArgs)]
    struct Common {
        /// A number.
        number: Option<i64>,
        /// Another.
        #[arg(default = 7)]
        other: i64,
    }

    /// Arguments of a function.
    #[derive(VqlArgs)]
    struct Whole {
        /// The first.
        first: String,
        #[arg(flatten)]
        common: Common,
        /// The last.
        last: Option<String>,
    }

    /// Those of one that takes any.
    #[derive(VqlArgs)]
    struct Open {
        #[arg(flatten)]
        common: Common,
        /// All others.
        #[arg(rest)]
        others: Vec<(Str, Lazy)>,
    }

    fn parse<T: VqlArgs>(given: &[(&'static str, Value)]) -> Result<T, ArgError> {
        let scope = Scope::root(&Context::builder().build(), Dict::new());
        CallArgs::from_dict(&scope, &Dict::from_pairs(given.iter().cloned())).parse()
    }

    #[test]
    fn arguments_of_another_struct_stand_in_their_place() {
        let names: Vec<&str> = Whole::SPECS.iter().map(|spec| spec.name).collect();
        assert_eq!(names, ["first", "number", "other", "last"]);
        let docs: Vec<&str> = Open::SPECS.iter().map(|spec| spec.doc).collect();
        assert_eq!(docs, ["A number.", "Another.", "All others."]);
        let defaults: Vec<&ArgSpec> = Whole::SPECS
            .iter()
            .filter(|spec| spec.default.is_some())
            .collect();
        assert_eq!(defaults, [&Common::SPECS[1]]);
    }

    #[test]
    fn they_are_converted_and_known_like_all_others() {
        let given = [("first", Value::from("a")), ("number", Value::Int(1))];
        let whole: Whole = parse(&given).unwrap();
        assert_eq!(
            (&*whole.first, whole.common.number, whole.common.other, whole.last),
            ("a", Some(1), 7, None)
        );
        let unknown = [("first", Value::from("a")), ("more", Value::Int(1))];
        assert_eq!(
            parse::<Whole>(&unknown).err(),
            Some(ArgError("Unexpected arg more".into()))
        );
        let open: Open = parse(&[("number", Value::Int(1)), ("more", Value::Int(2))]).unwrap();
        assert_eq!((open.common.number, open.others.len()), (Some(1), 1));
        assert_eq!(open.others[0].0, "more");
    }
}
