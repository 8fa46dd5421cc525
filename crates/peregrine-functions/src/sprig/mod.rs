//! The text functions of Sprig and of VQL for templates.
//!
//! Names, arguments and results are those of Sprig 3.2. Absent: key generation, password hashes, encryption
//! and name look-ups (`genCA`, `bcrypt`, `encryptAES`, `getHostByName` …), which reports do not need. `set`
//! and `unset` return a changed copy, because values of a template never change.

mod args;
mod bridge;
mod codes;
mod dates;
mod dicts;
mod flow;
mod lists;
mod math;
mod names;
mod patterns;
mod printing;
mod randoms;
mod versions;
mod vql;
mod words;

use gotmpl::{Result, Value};

pub(crate) use bridge::{Bridge, MAX_TEXT};

pub(crate) type TemplateFunction = fn(&Bridge, &[Value]) -> Result<Value>;

/// Functions by name.
pub(crate) type Table = &'static [(&'static str, TemplateFunction)];

/// The functions available in every template.
pub(crate) const EVERYWHERE: &[Table] = &[
    codes::ALL,
    dates::ALL,
    dicts::ALL,
    flow::ALL,
    lists::ALL,
    math::ALL,
    names::ALL,
    patterns::ALL,
    printing::ALL,
    randoms::ALL,
    versions::ALL,
    vql::ALL,
    words::ALL,
];

/// Functions that replace Go's in text templates.
pub(crate) const TEXT_ONLY: &[Table] = &[vql::TEXT_ONLY];

/// Shows a value where a text template prints it.
pub(crate) use printing::show;
