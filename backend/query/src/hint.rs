//! Guesses at what was meant.

/// The candidate that a misspelt word is closest to, if it is close.
pub(crate) fn closest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let lower = word.to_ascii_lowercase();
    let (distance, best) = candidates
        .map(|known| (distance(&lower, &known.to_ascii_lowercase()), known))
        .min()?;
    (distance <= (word.len() / 3).clamp(1, 3)).then_some(best)
}

/// Single-character edits between two words (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().take(64).enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, cb) in b.iter().enumerate() {
            let replace = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = replace.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guesses_what_is_close_and_nothing_else() {
        let known = || ["rate", "rate_counter", "count_over_time"].into_iter();
        assert_eq!(closest("ratte", known()), Some("rate"));
        assert_eq!(closest("count_overtime", known()), Some("count_over_time"));
        assert_eq!(closest("xyz", known()), None);
    }
}
