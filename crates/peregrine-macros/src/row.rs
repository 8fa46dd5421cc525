//! `#[derive(IntoRow)]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{DeriveInput, Expr, Field, LitStr};

use crate::doc::{doc_text, field_name, named_fields};

/// The options in `#[column(…)]`.
#[derive(Default)]
struct Options {
    name: Option<String>,
    aliases: Vec<String>,
    /// The field is the object behind the row rather than a column; these are the names it responds to.
    behind: Option<Expr>,
}

pub(crate) fn expand(input: &DeriveInput) -> syn::Result<TokenStream> {
    let is_silent = is_silent(input)?;
    let mut idents = Vec::new();
    let mut names = Vec::new();
    let mut docs = Vec::new();
    let mut aliases = Vec::new();
    let mut behind = None;
    for field in named_fields(input, "IntoRow")? {
        let options = options(field)?;
        if let Some(members) = options.behind {
            if behind.replace((&field.ident, members)).is_some() {
                let message = "a row has one object behind it at most";
                return Err(syn::Error::new_spanned(field, message));
            }
            continue;
        }
        let name = options.name.unwrap_or_else(|| camel_case(&field_name(field)));
        for alias in options.aliases {
            aliases.push(quote!((#alias, #name)));
        }
        idents.push(&field.ident);
        names.push(name);
        docs.push(doc_text(&field.attrs));
    }
    let ident = &input.ident;
    let members = match &behind {
        Some((_, members)) => quote!(#members),
        None => quote!(&[]),
    };
    let row = match (&behind, idents.as_slice()) {
        (None, [only]) => quote!(fixed_single(&COLUMNS, ::core::convert::Into::into(self.#only))),
        (None, _) => quote!(fixed(
            &COLUMNS,
            ::std::vec![#(::core::convert::Into::into(self.#idents)),*]
        )),
        (Some((behind, _)), _) => quote!(fixed_over(
            &COLUMNS,
            ::std::vec![
                #(::core::convert::Into::into(self.#idents),)*
                ::core::convert::Into::into(self.#behind)
            ]
        )),
    };
    Ok(quote! {
        #[automatically_derived]
        impl ::peregrine_engine::call::IntoRow for #ident {
            const COLUMNS: &'static [::peregrine_engine::call::ColumnSpec] =
                &[#(::peregrine_engine::call::ColumnSpec { name: #names, doc: #docs }),*];
            const ALIASES: &'static [(&'static str, &'static str)] = &[#(#aliases),*];
            const MEMBERS: &'static [&'static str] = #members;

            fn into_row(self) -> ::peregrine_engine::value::Row {
                static COLUMNS: ::std::sync::LazyLock<::std::sync::Arc<::peregrine_engine::value::Columns>> =
                    ::std::sync::LazyLock::new(|| ::peregrine_engine::value::Columns::with_beyond(
                        &[#(#names),*],
                        <#ident as ::peregrine_engine::call::IntoRow>::ALIASES,
                        <#ident as ::peregrine_engine::call::IntoRow>::MEMBERS,
                        #is_silent,
                    ));
                ::peregrine_engine::value::Row::#row
            }
        }
    })
}

fn is_silent(input: &DeriveInput) -> syn::Result<bool> {
    let mut is_silent = false;
    for attribute in input
        .attrs
        .iter()
        .filter(|attribute| attribute.path().is_ident("row"))
    {
        attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("silent") {
                is_silent = true;
                return Ok(());
            }
            Err(meta.error("unknown option; `#[row]` knows `silent`"))
        })?;
    }
    Ok(is_silent)
}

fn options(field: &Field) -> syn::Result<Options> {
    let mut options = Options::default();
    for attribute in field
        .attrs
        .iter()
        .filter(|attribute| attribute.path().is_ident("column"))
    {
        attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("name") {
                options.name = Some(meta.value()?.parse::<LitStr>()?.value());
            } else if meta.path.is_ident("alias") {
                options.aliases.push(meta.value()?.parse::<LitStr>()?.value());
            } else if meta.path.is_ident("behind") {
                options.behind = Some(meta.value()?.parse()?);
            } else {
                return Err(meta.error("unknown option; `#[column]` knows `name`, `alias` and `behind`"));
            }
            Ok(())
        })?;
    }
    Ok(options)
}

/// `used_by` → `UsedBy`.
fn camel_case(name: &str) -> String {
    name.split('_')
        .map(|word| {
            let mut chars = word.chars();
            chars
                .next()
                .map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
        })
        .collect()
}
