//! What a function takes: how many arguments, of which types.

use std::ops::RangeInclusive;

use crate::promql::ValueType;

/// Types of a function's arguments, one letter each: `m` range vector, `v` instant vector, `s` scalar, `t` text. A `?` says that the
/// one before may be left out, a `*` that there may be any number of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Accepts(pub &'static str);

impl Accepts {
    fn letters(self) -> impl DoubleEndedIterator<Item = char> {
        self.0.chars().filter(char::is_ascii_alphabetic)
    }

    /// Numbers of arguments that are allowed.
    pub(crate) fn count(self) -> RangeInclusive<usize> {
        let all = self.letters().count();
        let optional = self.0.matches(['?', '*']).count();
        let most = if self.0.ends_with('*') { usize::MAX } else { all };
        all - optional..=most
    }

    pub(crate) fn count_in_words(self) -> String {
        let count = self.count();
        let noun = |n: usize| if n == 1 { "argument" } else { "arguments" };
        match (*count.start(), *count.end()) {
            (0, 0) => "no arguments".into(),
            (least, usize::MAX) => format!("at least {least} {}", noun(least)),
            (least, most) if least == most => format!("{least} {}", noun(least)),
            (0, most) => format!("at most {most} {}", noun(most)),
            (least, most) => format!("{least} to {most} arguments"),
        }
    }

    /// Type of an argument; the last one stands for all that follow.
    pub(crate) fn type_of(self, i: usize) -> ValueType {
        let letter = self.letters().nth(i).or_else(|| self.letters().next_back());
        match letter {
            Some('m') => ValueType::Matrix,
            Some('s') => ValueType::Scalar,
            Some('t') => ValueType::String,
            _ => ValueType::Vector,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_optional_and_repeated_arguments() {
        for (letters, count, words) in [
            ("", 0..=0, "no arguments"),
            ("vs?", 1..=2, "1 to 2 arguments"),
            ("v?", 0..=1, "at most 1 argument"),
            ("vttt*", 3..=usize::MAX, "at least 3 arguments"),
            ("m", 1..=1, "1 argument"),
        ] {
            assert_eq!(
                (Accepts(letters).count(), &*Accepts(letters).count_in_words()),
                (count, words)
            );
        }
        assert_eq!(Accepts("vt*").type_of(7), ValueType::String);
    }
}
