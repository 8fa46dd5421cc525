//! The text functions of Sprig and those of VQL, as templates call them.
//!
//! Names, arguments and results are those of Sprig 3.2. Absent: key generation, password hashes, encryption and name
//! look-ups (`genCA`, `bcrypt`, `encryptAES`, `getHostByName` …), which reports have no use for. `set` and `unset` give
//! a changed copy, because values of a template never change.

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

/// A function of templates.
pub(crate) type TemplateFunction = fn(&Bridge, &[Value]) -> Result<Value>;

/// Functions by name.
pub(crate) type Table = &'static [(&'static str, TemplateFunction)];

/// Functions of every template.
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

/// Functions that text templates have in the place of Go's.
pub(crate) const TEXT_ONLY: &[Table] = &[vql::TEXT_ONLY];

/// The function that shows a value where a text template prints it.
pub(crate) use printing::show;
