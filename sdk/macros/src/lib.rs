//! Derives for metrics and labels.
//!
//! Invariant: a name that breaks the conventions does not compile, and the error says, at the word that is wrong, what would be right.
//! Not here: anything at run time; that is `watchroom-metrics`, which re-exports these derives and has their examples.

mod label;
mod metrics;
mod names;

use proc_macro::TokenStream;

/// Declares the metrics of a struct: each field is an instrument, its doc comment is the help.
///
/// On the struct: `#[metrics(prefix = "deriva_rpc")]`, which begins every name, and `crate = path` where the runtime is not
/// `::watchroom::metrics`.
///
/// On a field, in `#[metric(…)]`:
/// - `unit = "seconds"`, a base unit; it is appended to the name
/// - `buckets = [0.001, 0.01]` or the path of a constant, for a `Histogram`
/// - `quantiles = [0.5, 0.99]` or the path of a constant, for a `Reservoir`
/// - `one_in = 64`: of how many recordings one is kept, for a `SampledCounter` or a `SampledHistogram`
/// - `expire = "10m"`: series of open labels end when nothing was recorded for so long
/// - `limit = 500`: how many series the metric may have, below the registry's own limit
/// - `resolution = Resolution::BYTES`, for a `NativeHistogram`
/// - `name = "full_name"`, used as it is
/// - `zero`: every combination of closed labels shows from the start
/// - `legacy_name`: keeps a name that breaks the conventions
#[proc_macro_derive(Metrics, attributes(metrics, metric))]
pub fn derive_metrics(input: TokenStream) -> TokenStream {
    metrics::derive(syn::parse_macro_input!(input))
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}

/// Makes a label of an enum without data (a closed set), or of `struct Route;` with a limit (an open set).
///
/// The label's name is the type's in snake case, or `#[label(name = "status")]`. A value is the variant's name in snake case, or
/// `#[label(value = "2xx")]` on it. An open label has `#[label(limit = 200)]`, and recording takes a `&str` for it.
#[proc_macro_derive(Label, attributes(label))]
pub fn derive_label(input: TokenStream) -> TokenStream {
    label::derive(syn::parse_macro_input!(input))
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}
