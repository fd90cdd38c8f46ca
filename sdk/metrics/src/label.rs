//! Labels as types: closed sets with a dense index, open sets with a declared limit.
//!
//! Invariant: `index` of a closed set is below `N`, and the label names of one metric are distinct (checked by the derives).
//! Not here: the text of a series; it is made once, when the series is.

use crate::hash::KeyedHasher;

/// What values a label can take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Domain {
    /// One of these.
    Closed(&'static [&'static str]),
    /// Any text, but at most `limit` different ones in one metric.
    Open {
        /// How many different values there may be.
        limit: usize,
    },
}

/// Name and values of a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LabelDeclaration {
    /// Name of the label.
    pub name: &'static str,
    /// Its values.
    pub domain: Domain,
}

/// A label. Derive it: for an enum without data (a closed set), or for `struct Route;` with a limit (an open set).
///
/// An open label can also be a wrapper of a text, `struct Route(String)`; recording takes a `&str` in both cases.
pub trait Label: 'static {
    /// Name of the label.
    const NAME: &'static str;
    /// Its values.
    const DOMAIN: Domain;
    /// What a recording call takes: the enum itself, or `&str`.
    type In<'a>;
    #[doc(hidden)]
    fn index(input: &Self::In<'_>) -> usize;
    /// The value as it is shown (before redaction, if the set is open).
    fn text<'a>(input: &'a Self::In<'_>) -> &'a str;
}

/// The labels of a metric: nothing, one [`Label`], or a tuple of up to six.
pub trait LabelSet: 'static {
    /// Names and values.
    const DECLARATIONS: &'static [LabelDeclaration];
    /// Combinations of the closed labels' values.
    const N: usize;
    /// Whether there is an open label.
    const OPEN: bool;
    /// What a recording call takes.
    type In<'a>;
    #[doc(hidden)]
    fn place(input: &Self::In<'_>) -> usize;
    #[doc(hidden)]
    fn hash(input: &Self::In<'_>, hasher: &mut KeyedHasher);
    #[doc(hidden)]
    fn texts(input: &Self::In<'_>, each: &mut dyn FnMut(&str));
}

/// A [`LabelSet`] that is not empty.
pub trait Labels: LabelSet {}

const fn n_of(domain: Domain) -> usize {
    match domain {
        Domain::Closed(values) => values.len(),
        Domain::Open { .. } => 1,
    }
}

const fn is_open(domain: Domain) -> bool {
    matches!(domain, Domain::Open { .. })
}

#[inline(always)]
fn hash_one<A: Label>(input: &A::In<'_>, hasher: &mut KeyedHasher) {
    if is_open(A::DOMAIN) {
        hasher.text(A::text(input));
    } else {
        hasher.index(A::index(input));
    }
}

impl LabelSet for () {
    const DECLARATIONS: &'static [LabelDeclaration] = &[];
    const N: usize = 1;
    const OPEN: bool = false;
    type In<'a> = ();
    #[inline(always)]
    fn place((): &()) -> usize {
        0
    }
    fn hash((): &(), _: &mut KeyedHasher) {}
    fn texts((): &(), _: &mut dyn FnMut(&str)) {}
}

impl<A: Label> LabelSet for A {
    const DECLARATIONS: &'static [LabelDeclaration] = &[LabelDeclaration {
        name: A::NAME,
        domain: A::DOMAIN,
    }];
    const N: usize = n_of(A::DOMAIN);
    const OPEN: bool = is_open(A::DOMAIN);
    type In<'a> = A::In<'a>;
    #[inline(always)]
    fn place(input: &A::In<'_>) -> usize {
        A::index(input)
    }
    #[inline]
    fn hash(input: &A::In<'_>, hasher: &mut KeyedHasher) {
        hash_one::<A>(input, hasher);
    }
    fn texts(input: &A::In<'_>, each: &mut dyn FnMut(&str)) {
        each(A::text(input));
    }
}

impl<A: Label> Labels for A {}

macro_rules! tuple {
    ($($label:ident $field:tt),+) => {
        impl<$($label: Label),+> LabelSet for ($($label,)+) {
            const DECLARATIONS: &'static [LabelDeclaration] =
                &[$(LabelDeclaration { name: $label::NAME, domain: $label::DOMAIN }),+];
            const N: usize = 1_usize$(.saturating_mul(n_of($label::DOMAIN)))+;
            const OPEN: bool = false $(|| is_open($label::DOMAIN))+;
            type In<'a> = ($($label::In<'a>,)+);
            #[inline(always)]
            fn place(input: &Self::In<'_>) -> usize {
                let mut index = 0;
                $(index = index * const { n_of($label::DOMAIN) } + $label::index(&input.$field);)+
                index
            }
            #[inline]
            fn hash(input: &Self::In<'_>, hasher: &mut KeyedHasher) {
                $(hash_one::<$label>(&input.$field, hasher);)+
            }
            fn texts(input: &Self::In<'_>, each: &mut dyn FnMut(&str)) {
                $(each($label::text(&input.$field));)+
            }
        }
        impl<$($label: Label),+> Labels for ($($label,)+) {}
    };
}

tuple!(A 0);
tuple!(A 0, B 1);
tuple!(A 0, B 1, C 2);
tuple!(A 0, B 1, C 2, D 3);
tuple!(A 0, B 1, C 2, D 3, E 4);
tuple!(A 0, B 1, C 2, D 3, E 4, F 5);

/// The values of the combination at `index` of a closed set.
pub(crate) fn values_at(declarations: &[LabelDeclaration], mut index: usize) -> Vec<&'static str> {
    let mut values: Vec<_> = declarations
        .iter()
        .rev()
        .map(|label| {
            let Domain::Closed(values) = label.domain else {
                return "";
            };
            let n = values.len().max(1);
            let value = values.get(index % n).copied().unwrap_or_default();
            index /= n;
            value
        })
        .collect();
    values.reverse();
    values
}

const fn same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    let mut i = 0;
    while i < a.len() {
        if a[i] != b[i] {
            return false;
        }
        i += 1;
    }
    true
}

/// Fails to compile if two labels of a metric have one name.
pub const fn distinct(labels: &[LabelDeclaration]) {
    let mut i = 0;
    while i < labels.len() {
        let mut j = i + 1;
        while j < labels.len() {
            assert!(
                !same(labels[i].name, labels[j].name),
                "two labels of this metric have the same name; rename one with #[label(name = \"…\")]"
            );
            j += 1;
        }
        i += 1;
    }
}

/// Fails to compile if no label is open: series of closed labels are bounded by their types and stay.
pub const fn can_expire(labels: &[LabelDeclaration]) {
    let mut i = 0;
    while i < labels.len() {
        if is_open(labels[i].domain) {
            return;
        }
        i += 1;
    }
    panic!("only series of open labels expire; this metric has none, so leave `expire` out");
}

/// Fails to compile if quantiles are not between 0 and 1 and increasing.
pub const fn valid_quantiles(quantiles: &[f64]) {
    assert!(!quantiles.is_empty(), "a reservoir shows at least one quantile");
    let mut i = 0;
    while i < quantiles.len() {
        assert!(
            quantiles[i] >= 0.0 && quantiles[i] <= 1.0,
            "a quantile is between 0 and 1"
        );
        assert!(
            i == 0 || quantiles[i - 1] < quantiles[i],
            "quantiles increase from each to the next"
        );
        i += 1;
    }
}

/// Fails to compile if bucket bounds are not finite and increasing.
pub const fn valid_buckets(bounds: &[f64]) {
    assert!(!bounds.is_empty(), "a histogram needs at least one bucket bound");
    let mut i = 0;
    while i < bounds.len() {
        assert!(
            bounds[i].is_finite(),
            "bucket bounds are finite; the last bucket, +Inf, is implied"
        );
        assert!(
            i == 0 || bounds[i - 1] < bounds[i],
            "bucket bounds increase from each to the next"
        );
        i += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    enum A {
        X,
        Y,
    }
    impl Label for A {
        const NAME: &'static str = "a";
        const DOMAIN: Domain = Domain::Closed(&["x", "y"]);
        type In<'a> = Self;
        fn index(input: &Self) -> usize {
            match input {
                Self::X => 0,
                Self::Y => 1,
            }
        }
        fn text(input: &Self) -> &str {
            ["x", "y"][A::index(input)]
        }
    }
    struct O;
    impl Label for O {
        const NAME: &'static str = "o";
        const DOMAIN: Domain = Domain::Open { limit: 5 };
        type In<'a> = &'a str;
        fn index(_: &&str) -> usize {
            0
        }
        fn text<'a>(input: &'a &str) -> &'a str {
            input
        }
    }

    #[test]
    fn an_index_names_its_combination() {
        type L = (A, A, A);
        assert_eq!(L::N, 8);
        let index = L::place(&(A::Y, A::X, A::Y));
        assert_eq!(index, 5);
        assert_eq!(values_at(L::DECLARATIONS, index), ["y", "x", "y"]);
    }

    #[test]
    fn one_open_label_makes_the_set_open() {
        const { assert!(<(A, O)>::OPEN && !<(A, A)>::OPEN && <(A, O)>::N == 2) };
        let mut texts = Vec::new();
        <(A, O)>::texts(&(A::X, "/"), &mut |text| texts.push(text.to_owned()));
        assert_eq!(texts, ["x", "/"]);
    }
}
