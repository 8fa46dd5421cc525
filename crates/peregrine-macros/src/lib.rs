//! Derives for `peregrine-engine`: `VqlArgs` (arguments of functions and plugins) and `IntoRow` (rows of plugins).
#![forbid(unsafe_code)]

mod args;
mod doc;
mod row;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Typed arguments out of a struct with named fields.
///
/// The doc comment of the struct is the manual page, that of a field documents the argument. Fields are converted in
/// declaration order. `Option<T>` may be missing, other types are required, unless
/// * `#[arg(default = expr)]`: used when the argument is missing;
/// * `#[arg(name = "type")]`: the argument's name, when it is no Rust identifier;
/// * `#[arg(rest)]` on a last field `Vec<(Str, Lazy)>`: takes all names not listed.
#[proc_macro_derive(VqlArgs, attributes(arg))]
pub fn derive_args(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    args::expand(&input)
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}

/// A row out of a struct with named fields: `used_by` becomes the column `UsedBy`.
///
/// `#[column(name = "OSPath")]` names a column otherwise; doc comments document the columns. Field types are
/// `Into<Value>`.
#[proc_macro_derive(IntoRow, attributes(column))]
pub fn derive_row(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    row::expand(&input)
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}
