//! Derives for `peregrine-engine`: `VqlArgs` (arguments of functions and plugins) and `IntoRow` (rows of plugins).
#![forbid(unsafe_code)]

mod args;
mod doc;
mod row;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Derives typed arguments from a struct with named fields.
///
/// The doc comment of the struct is the manual page, and those of the fields document the arguments. Fields
/// are converted in declaration order. `Option<T>` may be missing, other types are required, unless
/// * `#[arg(default = expr)]`: used when the argument is missing;
/// * `#[arg(name = "type")]`: the argument's name, if it differs from the field's;
/// * `#[arg(rest)]` on a last field `Vec<(Str, Lazy)>`: takes all names not listed;
/// * `#[arg(flatten)]` on a field whose type derives `VqlArgs`: its arguments are inserted here, as if they were
///   written out. Its own doc comment is not shown.
#[proc_macro_derive(VqlArgs, attributes(arg))]
pub fn derive_args(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    args::expand(&input)
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}

/// Derives a row from a struct with named fields: `used_by` becomes the column `UsedBy`.
///
/// Doc comments document the columns. Field types are `Into<Value>`. Attributes:
/// * `#[column(name = "OSPath")]` gives the column another name;
/// * `#[column(alias = "ModTime")]`: queries also find the column by this name, which is not shown. May be
///   repeated;
/// * `#[column(behind = NAMES)]`: no column, but an object with the members `NAMES` (a `&'static [&'static str]`), which
///   queries find in the row without being shown them;
/// * `#[row(silent)]` on the struct: unknown names give NULL without a message.
///
/// A struct-like value inside a row is made in the same way: its fields are the printed keys, and their
/// aliases the other spellings.
#[proc_macro_derive(IntoRow, attributes(column, row))]
pub fn derive_row(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    row::expand(&input)
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}
