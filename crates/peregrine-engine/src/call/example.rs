//! Examples: tests, documentation and completion hints in one.

/// One example of a function or plugin.
#[derive(Debug, Clone, Copy)]
pub struct Example {
    /// What it shows.
    pub title: &'static str,
    /// For a function an expression; for a plugin a source (`range(end=2)`) or a whole query.
    pub vql: &'static str,
    /// What comes out.
    pub expect: Expect,
}

/// What an example promises.
#[derive(Debug, Clone, Copy)]
pub enum Expect {
    /// This JSON: the value of the expression, or the array of rows.
    Json(&'static str),
    /// A message containing this text is logged.
    Fails(&'static str),
    /// A value of this shape.
    Shape(Shape),
    /// It parses; it is not run.
    NotRun,
}

/// The shape of a result that differs from run to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// NULL.
    Null,
    /// TRUE or FALSE.
    Bool,
    /// A whole number.
    Int,
    /// Any number.
    Number,
    /// A string.
    Text,
    /// A time.
    Timestamp,
    /// An array.
    Array,
    /// A dict; an object.
    Dict,
    /// At least one row (plugins).
    Rows,
    /// Anything, without a message above DEBUG.
    Any,
}

/// The expression has this JSON value, or the plugin these rows.
#[must_use]
pub const fn example(title: &'static str, vql: &'static str, json: &'static str) -> Example {
    Example {
        title,
        vql,
        expect: Expect::Json(json),
    }
}

/// A message containing `message` is logged.
#[must_use]
pub const fn fails(title: &'static str, vql: &'static str, message: &'static str) -> Example {
    Example {
        title,
        vql,
        expect: Expect::Fails(message),
    }
}

/// The value has this shape.
#[must_use]
pub const fn example_shape(title: &'static str, vql: &'static str, shape: Shape) -> Example {
    Example {
        title,
        vql,
        expect: Expect::Shape(shape),
    }
}

/// Needs a network, a privilege or another machine: parsed only.
#[must_use]
pub const fn not_run(title: &'static str, vql: &'static str) -> Example {
    Example {
        title,
        vql,
        expect: Expect::NotRun,
    }
}
