//! The part of a document that a program writes, between two markers.
//!
//! Invariant: what stands outside the markers stays as it is.

/// The markers are not there, or in the wrong order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarkerError {
    marker: String,
}

impl std::fmt::Display for MarkerError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the document has no line `{}` where one is due", self.marker)
    }
}

impl std::error::Error for MarkerError {}

/// Gives back `document` with `body` between `<!-- name:begin -->` and `<!-- name:end -->`.
///
/// # Errors
/// [`MarkerError`] names the marker that is missing.
pub fn replace_between(document: &str, name: &str, body: &str) -> Result<String, MarkerError> {
    let (begin, end) = (format!("<!-- {name}:begin -->"), format!("<!-- {name}:end -->"));
    let (head, rest) = document.split_once(&begin).ok_or(MarkerError {
        marker: begin.clone(),
    })?;
    let (_, tail) = rest.split_once(&end).ok_or(MarkerError { marker: end.clone() })?;
    Ok(format!("{head}{begin}\n{}\n{end}{tail}", body.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_only_what_stands_between_the_markers() {
        let document = "# Title\n<!-- t:begin -->\nold\n<!-- t:end -->\nrest\n";
        let expected = "# Title\n<!-- t:begin -->\nnew\n<!-- t:end -->\nrest\n";
        assert_eq!(replace_between(document, "t", "new\n").as_deref(), Ok(expected));
        assert_eq!(replace_between(expected, "t", "new").as_deref(), Ok(expected));
    }

    #[test]
    fn names_the_marker_that_is_missing() {
        let error = replace_between("<!-- t:end --> <!-- t:begin -->", "t", "").unwrap_err();
        assert!(error.to_string().contains("t:end"), "{error}");
        let error = replace_between("", "t", "").unwrap_err();
        assert!(error.to_string().contains("t:begin"), "{error}");
    }
}
