//! `#[derive(IntoRow)]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{DeriveInput, Field, LitStr};

use crate::doc::{doc_text, field_name, named_fields};

pub(crate) fn expand(input: &DeriveInput) -> syn::Result<TokenStream> {
    let fields = named_fields(input, "IntoRow")?;
    let idents: Vec<_> = fields.iter().map(|field| &field.ident).collect();
    let names = fields
        .iter()
        .map(column_name)
        .collect::<syn::Result<Vec<String>>>()?;
    let docs = fields.iter().map(|field| doc_text(&field.attrs));
    let ident = &input.ident;
    let row = if let [only] = idents.as_slice() {
        quote!(fixed_single(&COLUMNS, ::core::convert::Into::into(self.#only)))
    } else {
        quote!(fixed(
            &COLUMNS,
            ::std::vec![#(::core::convert::Into::into(self.#idents)),*]
        ))
    };
    Ok(quote! {
        #[automatically_derived]
        impl ::peregrine_engine::call::IntoRow for #ident {
            const COLUMNS: &'static [::peregrine_engine::call::ColumnSpec] =
                &[#(::peregrine_engine::call::ColumnSpec { name: #names, doc: #docs }),*];

            fn into_row(self) -> ::peregrine_engine::value::Row {
                static COLUMNS: ::std::sync::LazyLock<::std::sync::Arc<::peregrine_engine::value::Columns>> =
                    ::std::sync::LazyLock::new(|| ::peregrine_engine::value::Columns::new::<&str>([#(#names),*]));
                ::peregrine_engine::value::Row::#row
            }
        }
    })
}

fn column_name(field: &Field) -> syn::Result<String> {
    let mut name = None;
    for attribute in field
        .attrs
        .iter()
        .filter(|attribute| attribute.path().is_ident("column"))
    {
        attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("name") {
                name = Some(meta.value()?.parse::<LitStr>()?.value());
                Ok(())
            } else {
                Err(meta.error("unknown option; `#[column]` knows `name`"))
            }
        })?;
    }
    Ok(name.unwrap_or_else(|| camel_case(&field_name(field))))
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
