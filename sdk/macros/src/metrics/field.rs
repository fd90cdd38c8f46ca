//! One field of a struct of metrics: its attributes, its name, its declaration.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;
use syn::parse::{ParseStream, Parser as _};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Attribute, Error, Expr, Lit, LitInt, LitStr, Meta, Path, Result, Token, Type, token};

use crate::label::unraw;
use crate::names;

const INSTRUMENTS: [&str; 10] = [
    "Counter",
    "UpDownCounter",
    "Gauge",
    "Histogram",
    "NativeHistogram",
    "Info",
    "StateSet",
    "Reservoir",
    "SampledCounter",
    "SampledHistogram",
];

pub(crate) struct Field {
    pub(crate) ident: Ident,
    pub(crate) ty: Type,
    pub(crate) name: String,
    pub(crate) name_span: Span,
    pub(crate) buckets: Option<Buckets>,
    pub(crate) quantiles: Option<Buckets>,
    /// Where `expire` stands.
    pub(crate) expire: Option<Span>,
    help: String,
    attributes: Attributes,
}

pub(crate) struct Buckets {
    pub(crate) tokens: TokenStream,
    pub(crate) span: Span,
}

#[derive(Default)]
struct Attributes {
    name: Option<LitStr>,
    unit: Option<LitStr>,
    buckets: Option<Buckets>,
    quantiles: Option<Buckets>,
    resolution: Option<Expr>,
    expire: Option<(u64, Span)>,
    limit: Option<LitInt>,
    one_in: Option<LitInt>,
    zero: Option<Span>,
    legacy_name: bool,
}

impl Field {
    pub(crate) fn parse(field: &syn::Field, prefix: Option<&str>) -> Result<Self> {
        let Some(ident) = field.ident.clone() else {
            return Err(Error::new_spanned(
                field,
                "metrics are the named fields of a struct",
            ));
        };
        let kind = kind_of(&field.ty)?;
        let mut attributes = attributes(&field.attrs)?;
        let help = help(&field.attrs);
        if help.is_empty() {
            return Err(Error::new_spanned(
                &ident,
                format!("`{ident}` has no help; write a doc comment above it: `/// What is measured.`"),
            ));
        }
        check_fit(&ident, &kind, &attributes)?;
        let (name, name_span) = name(&ident, &kind, prefix, &attributes)?;
        let buckets = attributes.buckets.take();
        let quantiles = attributes.quantiles.take();
        Ok(Self {
            quantiles,
            expire: attributes.expire.as_ref().map(|(_, span)| *span),
            ident,
            ty: field.ty.clone(),
            name,
            name_span,
            buckets,
            help,
            attributes,
        })
    }

    /// The expression that makes the declaration.
    pub(crate) fn declaration(&self, krate: &TokenStream) -> TokenStream {
        let Self {
            name,
            help,
            attributes,
            ..
        } = self;
        let unit = attributes.unit.as_ref().map(|unit| quote!(.with_unit(#unit)));
        let buckets = self.buckets.as_ref().map(|buckets| {
            let bounds = &buckets.tokens;
            quote!(.with_buckets({
                const __WATCHROOM_BOUNDS: &[f64] = &#bounds;
                __WATCHROOM_BOUNDS
            }))
        });
        let quantiles = self.quantiles.as_ref().map(|quantiles| {
            let values = &quantiles.tokens;
            quote!(.with_quantiles({
                const __WATCHROOM_QUANTILES: &[f64] = &#values;
                __WATCHROOM_QUANTILES
            }))
        });
        let expire = attributes
            .expire
            .as_ref()
            .map(|(seconds, _)| quote!(.expiring_after(::core::time::Duration::from_secs(#seconds))));
        let limit = attributes.limit.as_ref().map(|limit| quote!(.with_limit(#limit)));
        let one_in = attributes.one_in.as_ref().map(|n| quote!(.recording_one_in(#n)));
        let resolution = attributes
            .resolution
            .as_ref()
            .map(|resolution| quote!(.with_resolution(#resolution)));
        let zero = attributes.zero.map(|_| quote!(.starting_at_zero()));
        let legacy = attributes.legacy_name.then(|| quote!(.with_legacy_name()));
        quote! {
            #krate::Declaration::new(#name, #help)
                .at(::core::concat!(::core::file!(), ":", ::core::line!()))
                #unit #buckets #quantiles #resolution #expire #limit #one_in #zero #legacy
        }
    }
}

/// The instrument's type, as it is written.
fn kind_of(ty: &Type) -> Result<String> {
    let kind = match ty {
        Type::Path(path) => path.path.segments.last().map(|segment| segment.ident.to_string()),
        _ => None,
    };
    match kind {
        Some(kind) if INSTRUMENTS.contains(&kind.as_str()) => Ok(kind),
        _ => Err(Error::new_spanned(
            ty,
            format!(
                "a metric is one of {}; write the type itself, not an alias",
                INSTRUMENTS.join(", ")
            ),
        )),
    }
}

fn attributes(attrs: &[Attribute]) -> Result<Attributes> {
    let mut found = Attributes::default();
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("metric")) {
        attr.parse_nested_meta(|meta| {
            let word = meta.path.get_ident().map(Ident::to_string).unwrap_or_default();
            match word.as_str() {
                "name" => found.name = Some(meta.value()?.parse()?),
                "unit" => found.unit = Some(meta.value()?.parse()?),
                "buckets" => found.buckets = Some(buckets(meta.value()?)?),
                "quantiles" => found.quantiles = Some(buckets(meta.value()?)?),
                "expire" => found.expire = Some(duration(&meta.value()?.parse()?)?),
                "limit" => found.limit = Some(at_least_one(meta.value()?)?),
                "one_in" => found.one_in = Some(at_least_one(meta.value()?)?),
                "resolution" => found.resolution = Some(meta.value()?.parse()?),
                "zero" => found.zero = Some(meta.path.span()),
                "legacy_name" => found.legacy_name = true,
                _ => {
                    return Err(meta.error(
                        "expected `name`, `unit`, `buckets`, `quantiles`, `resolution`, `expire`, `limit`, `one_in`, \
                         `zero` or `legacy_name`",
                    ));
                }
            }
            Ok(())
        })?;
    }
    Ok(found)
}

fn at_least_one(input: ParseStream<'_>) -> Result<LitInt> {
    let number: LitInt = input.parse()?;
    match number.base10_parse::<u32>()? {
        0 => Err(Error::new_spanned(number, "this is at least 1")),
        _ => Ok(number),
    }
}

/// `"90s"`, `"10m"`, `"6h"`, `"2d"`, in seconds.
fn duration(text: &LitStr) -> Result<(u64, Span)> {
    let value = text.value();
    let units = [("s", 1), ("m", 60), ("h", 3_600), ("d", 86_400)];
    let seconds = units.iter().find_map(|(unit, seconds)| {
        let number: u64 = value.strip_suffix(unit)?.trim().parse().ok()?;
        number.checked_mul(*seconds).filter(|seconds| *seconds > 0)
    });
    match seconds {
        Some(seconds) => Ok((seconds, text.span())),
        None => Err(Error::new(
            text.span(),
            format!("`{value}` is no duration; `90s`, `10m`, `6h` and `2d` are"),
        )),
    }
}

/// `[0.1, 1, 10]`, or the path of a constant.
fn buckets(input: ParseStream<'_>) -> Result<Buckets> {
    if !input.peek(token::Bracket) {
        let path: Path = input.parse()?;
        return Ok(Buckets {
            span: path.span(),
            tokens: quote!(#path),
        });
    }
    let content;
    let bracket = syn::bracketed!(content in input);
    let bounds = Punctuated::<Bound, Token![,]>::parse_terminated.parse2(content.parse()?)?;
    let values: Vec<f64> = bounds.iter().map(|bound| bound.value).collect();
    let span = bracket.span.join();
    if values.is_empty() {
        return Err(Error::new(span, "a histogram needs at least one bucket bound"));
    }
    for (bound, pair) in bounds.iter().skip(1).zip(values.windows(2)) {
        if pair[0] >= pair[1] {
            let text = format!("bucket bounds increase; {} comes after {}", pair[1], pair[0]);
            return Err(Error::new(bound.span, text));
        }
    }
    Ok(Buckets {
        tokens: quote!([#(#values),*]),
        span,
    })
}

struct Bound {
    value: f64,
    span: Span,
}

impl syn::parse::Parse for Bound {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let negative = input.parse::<Option<Token![-]>>()?.is_some();
        let lit: Lit = input.parse()?;
        let value: f64 = match &lit {
            Lit::Float(lit) => lit.base10_parse()?,
            Lit::Int(lit) => lit.base10_parse()?,
            other => return Err(Error::new_spanned(other, "a bucket bound is a number")),
        };
        if !value.is_finite() {
            return Err(Error::new_spanned(
                &lit,
                "bucket bounds are finite; the last bucket, +Inf, is implied",
            ));
        }
        Ok(Self {
            value: if negative { -value } else { value },
            span: lit.span(),
        })
    }
}

/// The doc comment, as one line.
fn help(attrs: &[Attribute]) -> String {
    let mut lines = Vec::new();
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("doc")) {
        if let Meta::NameValue(meta) = &attr.meta
            && let Expr::Lit(syn::ExprLit {
                lit: Lit::Str(text), ..
            }) = &meta.value
        {
            lines.push(text.value().trim().to_owned());
        }
    }
    lines.join(" ").trim().to_owned()
}

/// Attributes that do not go with the instrument.
fn check_fit(ident: &Ident, kind: &str, attributes: &Attributes) -> Result<()> {
    match (kind, &attributes.buckets) {
        ("Histogram" | "SampledHistogram", None) => {
            return Err(Error::new_spanned(
                ident,
                "a histogram declares its buckets: `#[metric(buckets = [0.001, 0.01, 0.1, 1.0])]`",
            ));
        }
        ("Histogram" | "SampledHistogram", Some(_)) | (_, None) => {}
        (_, Some(buckets)) => {
            return Err(Error::new(
                buckets.span,
                format!("a {kind} has no buckets; a Histogram has"),
            ));
        }
    }
    match (kind, &attributes.resolution) {
        ("NativeHistogram", _) | (_, None) => {}
        (_, Some(resolution)) => {
            let text = format!("a {kind} has no resolution; a NativeHistogram has");
            return Err(Error::new_spanned(resolution, text));
        }
    }
    match (kind, &attributes.quantiles) {
        ("Reservoir", _) | (_, None) => {}
        (_, Some(quantiles)) => {
            let text = format!("a {kind} has no quantiles; a Reservoir has");
            return Err(Error::new(quantiles.span, text));
        }
    }
    match (kind, &attributes.one_in) {
        ("SampledCounter" | "SampledHistogram", None) => {
            return Err(Error::new_spanned(
                ident,
                format!("a {kind} declares of how many it records one: `#[metric(one_in = 64)]`"),
            ));
        }
        ("SampledCounter" | "SampledHistogram", Some(_)) | (_, None) => {}
        (_, Some(n)) => {
            let text = format!(
                "a {kind} records all; a SampledCounter or a SampledHistogram records one in so many"
            );
            return Err(Error::new_spanned(n, text));
        }
    }
    if let (Some((_, span)), "Info" | "Reservoir") = (&attributes.expire, kind) {
        return Err(Error::new(*span, format!("the series of a {kind} do not expire")));
    }
    if let (Some(span), "Info" | "StateSet") = (attributes.zero, kind) {
        return Err(Error::new(span, format!("a {kind} has no zero")));
    }
    if let Some(unit) = &attributes.unit {
        let value = unit.value();
        let problem = names::unit_problem(&value)
            .or_else(|| names::snake_problem(&value))
            .or_else(|| matches!(kind, "Info" | "StateSet").then(|| format!("a {kind} has no unit")));
        if let Some(problem) = problem {
            return Err(Error::new(unit.span(), problem));
        }
    }
    Ok(())
}

/// The full name, and where to complain of it.
fn name(ident: &Ident, kind: &str, prefix: Option<&str>, attributes: &Attributes) -> Result<(String, Span)> {
    let unit = attributes.unit.as_ref().map(LitStr::value);
    let (name, span) = match &attributes.name {
        Some(name) => (name.value(), name.span()),
        None => {
            let field = unraw(ident);
            let name = match prefix {
                Some(prefix) => format!("{prefix}_{field}"),
                None => field,
            };
            let name = match &unit {
                Some(unit) if !attributes.legacy_name => with_unit(name, unit),
                _ => name,
            };
            (name, ident.span())
        }
    };
    let problem = if attributes.legacy_name {
        let head = |c: char| c.is_ascii_alphabetic() || c == '_' || c == ':';
        let tail = |c: char| head(c) || c.is_ascii_digit();
        let good = name.starts_with(head) && name.chars().all(tail);
        (!good).then(|| "letters, digits and `_` make a name, and it starts with no digit".to_owned())
    } else {
        let kind = if kind == "SampledCounter" { "Counter" } else { kind };
        names::metric_problem(&name, kind, unit.as_deref())
    };
    match problem {
        None => Ok((name, span)),
        Some(problem) => Err(Error::new(span, format!("bad metric name `{name}`: {problem}"))),
    }
}

/// `x` → `x_seconds`, `x_total` → `x_seconds_total`; a name that has its unit stays.
fn with_unit(name: String, unit: &str) -> String {
    let (base, total) = match name.strip_suffix("_total") {
        Some(base) => (base, "_total"),
        None => (name.as_str(), ""),
    };
    if base == unit || base.strip_suffix(unit).is_some_and(|rest| rest.ends_with('_')) {
        return name;
    }
    format!("{base}_{unit}{total}")
}
