//! Recipes: which function of which inputs with which parameters.
//!
//! Invariant: equal recipes have equal canonical encodings, different ones different. Not here: what functions do.

use std::collections::BTreeMap;

use crate::address::CAddr;

/// Most inputs of a recipe.
pub const MAX_INPUTS: usize = 256;
/// Most parameters of a recipe.
pub const MAX_PARAMS: usize = 64;
/// Most bytes of a function's name, of a parameter's name and of its value.
pub const MAX_TEXT_BYTES: usize = 4_096;

/// A recipe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe {
    /// `name/version`.
    pub function: String,
    /// Addresses of the inputs, in order.
    pub inputs: Vec<CAddr>,
    /// Parameters.
    pub params: BTreeMap<String, String>,
}

/// A recipe that cannot be stored or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecipeError {
    /// More inputs than allowed.
    #[error("a recipe has at most {MAX_INPUTS} inputs; this one has {0}")]
    TooManyInputs(usize),
    /// More parameters than allowed.
    #[error("a recipe has at most {MAX_PARAMS} parameters; this one has {0}")]
    TooManyParams(usize),
    /// A text that is too long.
    #[error("{what} has {len} bytes; at most {MAX_TEXT_BYTES} are allowed")]
    TooLong {
        /// Which text.
        what: &'static str,
        /// Its length.
        len: usize,
    },
    /// Stored bytes that are no recipe.
    #[error("the stored recipe is damaged")]
    Damaged,
}

impl Recipe {
    /// Holds the recipe against the limits.
    ///
    /// # Errors
    /// [`RecipeError`] names the limit and the figure.
    pub fn check(&self) -> Result<(), RecipeError> {
        let bounded = |what, text: &str| match text.len() {
            len if len > MAX_TEXT_BYTES => Err(RecipeError::TooLong { what, len }),
            _ => Ok(()),
        };
        if self.inputs.len() > MAX_INPUTS {
            return Err(RecipeError::TooManyInputs(self.inputs.len()));
        }
        if self.params.len() > MAX_PARAMS {
            return Err(RecipeError::TooManyParams(self.params.len()));
        }
        bounded("the function's name", &self.function)?;
        for (name, value) in &self.params {
            bounded("a parameter's name", name)?;
            bounded("a parameter's value", value)?;
        }
        Ok(())
    }

    /// The address.
    #[must_use]
    pub fn address(&self) -> CAddr {
        CAddr::of_recipe(&self.encode())
    }

    /// The canonical encoding: texts and lists with their length before them (32 bits, little-endian), parameters in order of name.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(64 + self.inputs.len() * 32);
        put_text(&mut out, &self.function);
        put_len(&mut out, self.inputs.len());
        for input in &self.inputs {
            out.extend_from_slice(input.as_bytes());
        }
        put_len(&mut out, self.params.len());
        for (name, value) in &self.params {
            put_text(&mut out, name);
            put_text(&mut out, value);
        }
        out
    }

    /// Reads the canonical encoding.
    ///
    /// # Errors
    /// [`RecipeError::Damaged`].
    pub fn decode(bytes: &[u8]) -> Result<Self, RecipeError> {
        let mut rest = bytes;
        let recipe = take_recipe(&mut rest).ok_or(RecipeError::Damaged)?;
        if rest.is_empty() {
            Ok(recipe)
        } else {
            Err(RecipeError::Damaged)
        }
    }
}

fn put_len(out: &mut Vec<u8>, len: usize) {
    // The limits keep every length far below 2³².
    out.extend_from_slice(&u32::try_from(len).unwrap_or(u32::MAX).to_le_bytes());
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    put_len(out, text.len());
    out.extend_from_slice(text.as_bytes());
}

fn take<'a>(rest: &mut &'a [u8], n: usize) -> Option<&'a [u8]> {
    let (head, tail) = rest.split_at_checked(n)?;
    *rest = tail;
    Some(head)
}

fn take_len(rest: &mut &[u8]) -> Option<usize> {
    let bytes = take(rest, 4)?.try_into().ok()?;
    usize::try_from(u32::from_le_bytes(bytes)).ok()
}

fn take_text(rest: &mut &[u8]) -> Option<String> {
    let len = take_len(rest)?;
    String::from_utf8(take(rest, len)?.to_vec()).ok()
}

fn take_recipe(rest: &mut &[u8]) -> Option<Recipe> {
    let function = take_text(rest)?;
    let n_inputs = take_len(rest)?;
    let mut inputs = Vec::new();
    for _ in 0..n_inputs {
        inputs.push(CAddr::from_bytes(take(rest, 32)?.try_into().ok()?));
    }
    let n_params = take_len(rest)?;
    let mut params = BTreeMap::new();
    for _ in 0..n_params {
        params.insert(take_text(rest)?, take_text(rest)?);
    }
    Some(Recipe {
        function,
        inputs,
        params,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recipe() -> Recipe {
        Recipe {
            function: "concat/v1".into(),
            inputs: vec![CAddr::of_leaf(b"a"), CAddr::of_leaf(b"b")],
            params: BTreeMap::from([("separator".into(), ", ".into())]),
        }
    }

    #[test]
    fn reads_what_it_wrote_and_refuses_anything_cut_or_added() {
        let bytes = recipe().encode();
        assert_eq!(Recipe::decode(&bytes), Ok(recipe()));
        for n in 0..bytes.len() {
            assert_eq!(Recipe::decode(&bytes[..n]), Err(RecipeError::Damaged), "{n}");
        }
        assert_eq!(
            Recipe::decode(&[bytes.as_slice(), b"x"].concat()),
            Err(RecipeError::Damaged)
        );
    }

    #[test]
    fn order_of_inputs_is_part_of_the_identity() {
        let mut swapped = recipe();
        swapped.inputs.reverse();
        assert_ne!(swapped.address(), recipe().address());
    }

    #[test]
    fn names_the_limit_that_was_passed() {
        let too_many = Recipe {
            inputs: vec![CAddr::of_leaf(b"a"); 257],
            ..recipe()
        };
        assert_eq!(
            too_many.check().unwrap_err().to_string(),
            "a recipe has at most 256 inputs; this one has 257"
        );
    }
}
