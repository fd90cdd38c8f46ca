//! Items of a request that were not taken, by reason.

use std::borrow::Cow;

use watchroom_store::AppendOutcome;

/// Distinct reasons that are told apart in one answer.
const MAX_REASONS: usize = 8;

/// Counts what was not taken, for the partial success of the answer.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Rejected {
    total: u64,
    reasons: Vec<(Cow<'static, str>, u64)>,
}

impl Rejected {
    /// Counts one item.
    pub(crate) fn one(&mut self, reason: impl Into<Cow<'static, str>>) {
        self.many(1, reason);
    }

    /// Counts `n` items.
    pub(crate) fn many(&mut self, n: u64, reason: impl Into<Cow<'static, str>>) {
        if n == 0 {
            return;
        }
        self.total += n;
        let reason = reason.into();
        if let Some((_, count)) = self.reasons.iter_mut().find(|(known, _)| *known == reason) {
            *count += n;
        } else if self.reasons.len() < MAX_REASONS {
            self.reasons.push((reason, n));
        }
    }

    /// Counts what the store did not take, and returns how many items that is. An item may be many samples: of all no more can be refused
    /// than there are.
    pub(crate) fn by_store(&mut self, outcome: AppendOutcome, n_items: usize) -> usize {
        let reasons = [
            (
                outcome.out_of_order,
                "sample is older than the newest of its series",
            ),
            (outcome.duplicate, "series has another value at that time"),
            (
                outcome.too_far_ahead,
                "sample is more than an hour ahead of the server's clock",
            ),
            (outcome.over_limit, "series would be beyond the store's limit"),
        ];
        let mut left = n_items;
        for (n, reason) in reasons {
            let n = n.min(left);
            left -= n;
            self.many(n as u64, reason);
        }
        n_items - left
    }

    /// How many items were not taken.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// All reasons in one line; empty if all was taken.
    pub(crate) fn message(&self) -> String {
        let reasons: Vec<String> = self
            .reasons
            .iter()
            .map(|(reason, count)| format!("{reason} ({count})"))
            .collect();
        reasons.join("; ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adds_up_by_reason_and_stays_small() {
        let mut rejected = Rejected::default();
        rejected.one("a");
        rejected.many(2, "b");
        rejected.one("a");
        assert_eq!(rejected.message(), "a (2); b (2)");
        for i in 0..100 {
            rejected.one(format!("reason {i}"));
        }
        assert_eq!(rejected.total(), 104);
        assert_eq!(rejected.reasons.len(), MAX_REASONS);
    }
}
