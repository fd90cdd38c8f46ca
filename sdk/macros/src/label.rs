//! The derive of `Label`.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote};
use syn::spanned::Spanned;
use syn::{Attribute, Data, DeriveInput, Error, Fields, LitInt, LitStr, Path, Result};

use crate::names;

#[derive(Default)]
struct Attributes {
    krate: Option<Path>,
    name: Option<LitStr>,
    limit: Option<LitInt>,
}

pub(crate) fn derive(input: DeriveInput) -> Result<TokenStream> {
    let attributes = attributes(&input.attrs)?;
    let krate = crate_path(attributes.krate.as_ref());
    if !input.generics.params.is_empty() {
        return Err(Error::new_spanned(
            &input.generics,
            "a label has no generic parameters",
        ));
    }
    let name = label_name(&input.ident, attributes.name.as_ref())?;
    let label = &input.ident;
    let body = match &input.data {
        Data::Enum(data) => {
            if let Some(limit) = &attributes.limit {
                return Err(Error::new_spanned(
                    limit,
                    "an enum is a closed set: its variants are its limit",
                ));
            }
            closed(&krate, label, data)?
        }
        Data::Struct(data) => open(&krate, label, &data.fields, attributes.limit.as_ref())?,
        Data::Union(_) => return Err(Error::new_spanned(label, "a label is an enum or a struct")),
    };
    let wrapper = as_ref(label, &input.data);
    Ok(quote! {
        #[automatically_derived]
        impl #krate::Label for #label {
            const NAME: &'static str = #name;
            #body
        }
        #wrapper
    })
}

/// `#[… (crate = path)]`, or where the façade has the runtime.
pub(crate) fn crate_path(given: Option<&Path>) -> TokenStream {
    match given {
        Some(path) => quote!(#path),
        None => quote!(::watchroom::metrics),
    }
}

fn attributes(attrs: &[Attribute]) -> Result<Attributes> {
    let mut found = Attributes::default();
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("label")) {
        attr.parse_nested_meta(|meta| {
            if meta.path.is_ident("crate") {
                found.krate = Some(meta.value()?.call(Path::parse_mod_style)?);
            } else if meta.path.is_ident("name") {
                found.name = Some(meta.value()?.parse()?);
            } else if meta.path.is_ident("limit") {
                found.limit = Some(meta.value()?.parse()?);
            } else {
                return Err(meta.error("expected `name = \"…\"`, `limit = …` or `crate = …`"));
            }
            Ok(())
        })?;
    }
    Ok(found)
}

fn label_name(label: &Ident, given: Option<&LitStr>) -> Result<String> {
    let (name, span) = match given {
        Some(name) => (name.value(), name.span()),
        None => (names::snake_case(&unraw(label)), label.span()),
    };
    match names::label_problem(&name) {
        Some(problem) => Err(Error::new(span, format!("bad label name `{name}`: {problem}"))),
        None => Ok(name),
    }
}

fn closed(krate: &TokenStream, label: &Ident, data: &syn::DataEnum) -> Result<TokenStream> {
    if data.variants.is_empty() {
        return Err(Error::new_spanned(label, "a closed label has at least one value"));
    }
    let mut values: Vec<String> = Vec::new();
    for variant in &data.variants {
        if !matches!(variant.fields, Fields::Unit) {
            return Err(Error::new_spanned(
                &variant.fields,
                "the values of a closed label carry no data; for values that are not known use \
                 `#[derive(Label)] #[label(limit = …)] struct …;`",
            ));
        }
        let (value, span) = value_of(variant)?;
        if values.contains(&value) {
            return Err(Error::new(span, format!("the value `{value}` is there already")));
        }
        if value.is_empty() || value == "__overflow__" {
            return Err(Error::new(
                span,
                "this value is kept; another word would be right",
            ));
        }
        values.push(value);
    }
    let variants: Vec<_> = data.variants.iter().map(|variant| &variant.ident).collect();
    let indices = 0..values.len();
    Ok(quote! {
        const DOMAIN: #krate::Domain = #krate::Domain::Closed(&[#(#values),*]);
        type In<'a> = #label;
        #[inline(always)]
        fn index(input: &#label) -> usize {
            match input {
                #(#label::#variants => #indices,)*
            }
        }
        #[inline]
        fn text(input: &#label) -> &str {
            match input {
                #(#label::#variants => #values,)*
            }
        }
    })
}

fn value_of(variant: &syn::Variant) -> Result<(String, Span)> {
    let mut value = (names::snake_case(&unraw(&variant.ident)), variant.ident.span());
    for attr in variant.attrs.iter().filter(|attr| attr.path().is_ident("label")) {
        attr.parse_nested_meta(|meta| {
            if !meta.path.is_ident("value") {
                return Err(meta.error("expected `value = \"…\"`"));
            }
            let given: LitStr = meta.value()?.parse()?;
            value = (given.value(), given.span());
            Ok(())
        })?;
    }
    Ok(value)
}

fn open(krate: &TokenStream, label: &Ident, fields: &Fields, limit: Option<&LitInt>) -> Result<TokenStream> {
    if fields.len() > 1 || matches!(fields, Fields::Named(_)) {
        return Err(Error::new(
            fields.span(),
            "an open label is `struct Route;` or wraps one text: `struct Route(String);`",
        ));
    }
    let Some(limit) = limit else {
        return Err(Error::new_spanned(
            label,
            "an open label declares how many values it may have: `#[label(limit = 200)]`; if its values are known, make \
             it an enum",
        ));
    };
    if limit.base10_parse::<usize>()? == 0 {
        return Err(Error::new_spanned(limit, "the limit is at least 1"));
    }
    Ok(quote! {
        const DOMAIN: #krate::Domain = #krate::Domain::Open { limit: #limit };
        type In<'a> = &'a str;
        #[inline(always)]
        fn index(_: &&str) -> usize {
            0
        }
        #[inline(always)]
        fn text<'a>(input: &'a &str) -> &'a str {
            input
        }
    })
}

/// A label that wraps a text lends it: `counter.inc(route.as_ref())`.
fn as_ref(label: &Ident, data: &Data) -> Option<TokenStream> {
    match data {
        Data::Struct(data) if matches!(data.fields, Fields::Unnamed(_)) => Some(quote! {
            #[automatically_derived]
            impl ::core::convert::AsRef<str> for #label {
                fn as_ref(&self) -> &str {
                    ::core::convert::AsRef::<str>::as_ref(&self.0)
                }
            }
        }),
        _ => None,
    }
}

pub(crate) fn unraw(ident: &Ident) -> String {
    let text = format_ident!("{}", ident).to_string();
    text.strip_prefix("r#")
        .map_or_else(|| text.clone(), str::to_owned)
}
