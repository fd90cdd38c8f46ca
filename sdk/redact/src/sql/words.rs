//! The few keywords that tell what stands after them.

/// A keyword that matters; all others are [`Word::Other`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    As,
    Delete,
    Distinct,
    False,
    From,
    In,
    Into,
    Is,
    Join,
    Not,
    Select,
    Table,
    True,
    Update,
    Values,
    Other,
}

impl Word {
    pub(super) fn of(text: &[u8]) -> Self {
        const WORDS: &[(&[u8], Word)] = &[
            (b"as", Word::As),
            (b"delete", Word::Delete),
            (b"distinct", Word::Distinct),
            (b"false", Word::False),
            (b"from", Word::From),
            (b"in", Word::In),
            (b"into", Word::Into),
            (b"is", Word::Is),
            (b"join", Word::Join),
            (b"not", Word::Not),
            (b"select", Word::Select),
            (b"table", Word::Table),
            (b"true", Word::True),
            (b"update", Word::Update),
            (b"values", Word::Values),
        ];
        if text.len() > 8 {
            return Self::Other;
        }
        WORDS
            .iter()
            .find(|(word, _)| text.eq_ignore_ascii_case(word))
            .map_or(Self::Other, |(_, word)| *word)
    }
}
