//! `#[derive(VqlArgs)]`.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{DeriveInput, Expr, Field, LitStr, Type};

use crate::doc::{doc_text, field_name, named_fields};

/// The options in `#[arg(…)]`.
#[derive(Default)]
struct Options {
    name: Option<String>,
    default: Option<Expr>,
    rest: bool,
    /// The arguments of the field's type become arguments of the struct.
    flatten: bool,
}

pub(crate) fn expand(input: &DeriveInput) -> syn::Result<TokenStream> {
    let fields = named_fields(input, "VqlArgs")?;
    let mut specs = Vec::new();
    let mut reads = Vec::new();
    let mut names = Vec::new();
    let mut takes_rest = false;
    for field in fields {
        let options = options(field)?;
        if takes_rest {
            return Err(syn::Error::new_spanned(
                field,
                "no field can follow the one with `#[arg(rest)]`",
            ));
        }
        takes_rest = options.rest;
        let local = format_ident!("field_{}", names.len());
        reads.push(read(field, &options, &local));
        specs.push((options.flatten, spec(field, &options)));
        names.push((&field.ident, local));
    }
    let specs = if specs.iter().any(|(is_list, _)| *is_list) {
        let parts = specs
            .iter()
            .map(|(is_list, spec)| if *is_list { spec.clone() } else { quote!(&[#spec]) });
        quote! {{
            const PARTS: &[&[::peregrine_engine::call::ArgSpec]] = &[#(#parts),*];
            &::peregrine_engine::call::joined_specs::<{ ::peregrine_engine::call::count_specs(PARTS) }>(PARTS)
        }}
    } else {
        let specs = specs.iter().map(|(_, spec)| spec);
        quote!(&[#(#specs),*])
    };
    let fields = names.iter().map(|(name, local)| quote!(#name: #local));
    let doc = doc_text(&input.attrs);
    let ident = &input.ident;
    Ok(quote! {
        #[automatically_derived]
        impl ::peregrine_engine::call::VqlArgs for #ident {
            const DOC: &'static str = #doc;
            const SPECS: &'static [::peregrine_engine::call::ArgSpec] = #specs;

            fn read(
                args: &::peregrine_engine::call::CallArgs<'_>,
            ) -> ::core::result::Result<Self, ::peregrine_engine::call::ArgError> {
                #(#reads)*
                ::core::result::Result::Ok(Self { #(#fields),* })
            }
        }
    })
}

fn options(field: &Field) -> syn::Result<Options> {
    let mut options = Options::default();
    for attribute in field
        .attrs
        .iter()
        .filter(|attribute| attribute.path().is_ident("arg"))
    {
        attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("name") {
                options.name = Some(meta.value()?.parse::<LitStr>()?.value());
            } else if meta.path.is_ident("default") {
                options.default = Some(meta.value()?.parse()?);
            } else if meta.path.is_ident("rest") {
                options.rest = true;
            } else if meta.path.is_ident("flatten") {
                options.flatten = true;
            } else {
                let message = "unknown option; `#[arg]` knows `name`, `default`, `rest` and `flatten`";
                return Err(meta.error(message));
            }
            Ok(())
        })?;
    }
    if options.flatten && (options.name.is_some() || options.default.is_some() || options.rest) {
        let message = "`flatten` stands alone; names and defaults are those of the inner struct";
        return Err(syn::Error::new_spanned(field, message));
    }
    if options.default.is_some() && is_option(&field.ty) {
        let message = "an `Option` needs no default; use the type itself, or leave the default out";
        return Err(syn::Error::new_spanned(&field.ty, message));
    }
    Ok(options)
}

fn read(field: &Field, options: &Options, local: &syn::Ident) -> TokenStream {
    let name = arg_name(field, options);
    let ty = &field.ty;
    if options.flatten {
        quote!(let #local = <#ty as ::peregrine_engine::call::VqlArgs>::read(args)?;)
    } else if options.rest {
        quote!(let #local: #ty = args.rest(Self::SPECS);)
    } else if let Some(inner) = option_inner(ty) {
        quote!(let #local: #ty = args.optional::<#inner>(#name)?;)
    } else if let Some(default) = &options.default {
        quote! {
            let #local: #ty = match args.optional::<#ty>(#name)? {
                ::core::option::Option::Some(given) => given,
                ::core::option::Option::None => ::core::convert::Into::into(#default),
            };
        }
    } else {
        quote!(let #local: #ty = args.required::<#ty>(#name)?;)
    }
}

/// The argument, or with `flatten` the arguments of the inner struct.
fn spec(field: &Field, options: &Options) -> TokenStream {
    if options.flatten {
        let ty = &field.ty;
        return quote!(<#ty as ::peregrine_engine::call::VqlArgs>::SPECS);
    }
    let name = arg_name(field, options);
    let doc = doc_text(&field.attrs);
    let rest = options.rest;
    let required = !rest && options.default.is_none() && !is_option(&field.ty);
    let default = match &options.default {
        Some(default) => {
            let source = quote!(#default).to_string();
            quote!(::core::option::Option::Some(#source))
        }
        None => quote!(::core::option::Option::None),
    };
    let ty = &field.ty;
    let (type_name, repeated) = if rest {
        (quote!("Any"), quote!(true))
    } else {
        (
            quote!(<#ty as ::peregrine_engine::call::FromArg>::TYPE),
            quote!(<#ty as ::peregrine_engine::call::FromArg>::REPEATED),
        )
    };
    quote! {
        ::peregrine_engine::call::ArgSpec {
            name: #name,
            type_name: #type_name,
            required: #required,
            repeated: #repeated,
            rest: #rest,
            default: #default,
            doc: #doc,
        }
    }
}

fn arg_name(field: &Field, options: &Options) -> String {
    options.name.clone().unwrap_or_else(|| field_name(field))
}

fn is_option(ty: &Type) -> bool {
    option_inner(ty).is_some()
}

/// `T` of `Option<T>`.
fn option_inner(ty: &Type) -> Option<&Type> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last()?;
    if last.ident != "Option" {
        return None;
    }
    match &last.arguments {
        syn::PathArguments::AngleBracketed(arguments) => match arguments.args.first()? {
            syn::GenericArgument::Type(inner) => Some(inner),
            _ => None,
        },
        _ => None,
    }
}
