//! The derive of `Metrics`.

mod field;

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Attribute, Data, DeriveInput, Error, Fields, LitStr, Path, Result};

use self::field::Field;
use crate::label::crate_path;
use crate::names;

pub(crate) fn derive(input: DeriveInput) -> Result<TokenStream> {
    let (krate, prefix) = attributes(&input.attrs)?;
    let krate = crate_path(krate.as_ref());
    if !input.generics.params.is_empty() {
        return Err(Error::new_spanned(
            &input.generics,
            "a struct of metrics has no generic parameters",
        ));
    }
    let Data::Struct(syn::DataStruct {
        fields: Fields::Named(fields),
        ..
    }) = &input.data
    else {
        return Err(Error::new_spanned(
            &input.ident,
            "metrics are the named fields of a struct",
        ));
    };
    let mut parsed: Vec<Field> = Vec::new();
    let mut problems: Option<Error> = None;
    for field in &fields.named {
        match Field::parse(field, prefix.as_deref()) {
            Ok(field) => {
                if let Some(other) = parsed.iter().find(|other| other.name == field.name) {
                    let text = format!("`{}` is already the name of `{}`", field.name, other.ident);
                    combine(&mut problems, Error::new(field.name_span, text));
                }
                parsed.push(field);
            }
            Err(error) => combine(&mut problems, error),
        }
    }
    match problems {
        Some(problems) => Err(problems),
        None => Ok(emit(&krate, &input, &parsed)),
    }
}

fn combine(all: &mut Option<Error>, error: Error) {
    match all {
        Some(all) => all.combine(error),
        None => *all = Some(error),
    }
}

fn attributes(attrs: &[Attribute]) -> Result<(Option<Path>, Option<String>)> {
    let (mut krate, mut prefix) = (None, None);
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("metrics")) {
        attr.parse_nested_meta(|meta| {
            if meta.path.is_ident("crate") {
                krate = Some(meta.value()?.call(Path::parse_mod_style)?);
            } else if meta.path.is_ident("prefix") {
                let given: LitStr = meta.value()?.parse()?;
                if let Some(problem) = names::snake_problem(&given.value()) {
                    return Err(Error::new(
                        given.span(),
                        format!("bad prefix `{}`: {problem}", given.value()),
                    ));
                }
                prefix = Some(given.value());
            } else {
                return Err(meta.error("expected `prefix = \"…\"` or `crate = …`"));
            }
            Ok(())
        })?;
    }
    Ok((krate, prefix))
}

/// The same tokens at another place, so that an error of the compiler points there.
fn respanned(tokens: &TokenStream, span: Span) -> TokenStream {
    let respan = |mut token: TokenTree| {
        token.set_span(span);
        token
    };
    tokens.clone().into_iter().map(respan).collect()
}

fn emit(krate: &TokenStream, input: &DeriveInput, fields: &[Field]) -> TokenStream {
    let (metrics, vis) = (&input.ident, &input.vis);
    let idents: Vec<_> = fields.iter().map(|field| &field.ident).collect();
    let types: Vec<_> = fields.iter().map(|field| &field.ty).collect();
    let declarations: Vec<_> = fields.iter().map(|field| field.declaration(krate)).collect();
    let checks = fields.iter().map(|field| {
        let ty = &field.ty;
        let buckets = field.buckets.as_ref().map(|buckets| {
            let bounds = &buckets.tokens;
            let krate = respanned(krate, buckets.span);
            quote_spanned! {buckets.span=>
                const _: () = {
                    const __WATCHROOM_BOUNDS: &[f64] = &#bounds;
                    #krate::__private::valid_buckets(__WATCHROOM_BOUNDS);
                };
            }
        });
        let krate = respanned(krate, ty.span());
        let distinct = quote_spanned! {ty.span()=>
            const _: () = #krate::__private::distinct(<#ty as #krate::Instrument>::LABELS);
        };
        let quantiles = field.quantiles.as_ref().map(|quantiles| {
            let values = &quantiles.tokens;
            let krate = respanned(&krate, quantiles.span);
            quote_spanned! {quantiles.span=>
                const _: () = {
                    const __WATCHROOM_QUANTILES: &[f64] = &#values;
                    #krate::__private::valid_quantiles(__WATCHROOM_QUANTILES);
                };
            }
        });
        let expire = field.expire.map(|span| {
            let krate = respanned(&krate, span);
            let ty = respanned(&quote!(#ty), span);
            quote_spanned! {span=>
                const _: () = #krate::__private::can_expire(<#ty as #krate::Instrument>::LABELS);
            }
        });
        quote!(#distinct #buckets #quantiles #expire)
    });
    quote! {
        #(#checks)*

        #[automatically_derived]
        impl #krate::Metrics for #metrics {
            fn register(
                registry: &#krate::Registry,
            ) -> ::core::result::Result<Self, #krate::RegisterError> {
                ::core::result::Result::Ok(Self {
                    #(#idents: <#types as #krate::Instrument>::register(registry, #declarations)?,)*
                })
            }

            fn noop() -> Self {
                Self {
                    #(#idents: <#types as #krate::Instrument>::noop(),)*
                }
            }

            fn declarations() -> ::std::vec::Vec<#krate::Declaration> {
                ::std::vec![#(<#types as #krate::Instrument>::declare(#declarations)),*]
            }
        }

        #[automatically_derived]
        impl #metrics {
            /// Registers every metric, or finds those that were registered before.
            ///
            /// # Errors
            /// The first metric that clashes with another one.
            #vis fn register(
                registry: &#krate::Registry,
            ) -> ::core::result::Result<Self, #krate::RegisterError> {
                <Self as #krate::Metrics>::register(registry)
            }
        }
    }
}
