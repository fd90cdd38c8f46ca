//! `line_format` and `label_format`.

use super::template::Source;
use crate::logql::row::Row;
use crate::template::Template;

const TEMPLATE_ERROR: &str = "TemplateFormatErr";

/// `line_format "…"`: a new text for the line.
#[derive(Debug, Clone)]
pub(crate) struct LineFormat(pub Template);

/// One part of `label_format`.
#[derive(Debug, Clone)]
pub(crate) enum LabelFormat {
    /// `to=from`: the value moves.
    Rename {
        to: String,
        from: String,
        fields: [String; 1],
    },
    /// `to="…"`
    Template { to: String, template: Template },
}

impl LineFormat {
    /// Labels that it reads; `None` if it may read any.
    pub(super) fn fields(&self) -> Option<&[String]> {
        self.0.fields()
    }

    pub(super) fn process(&self, row: &mut Row<'_, '_>) {
        match self.0.render(&Source(row)) {
            Ok(text) => row.set_body(text),
            Err(error) => row.fail(TEMPLATE_ERROR, error),
        }
    }
}

impl LabelFormat {
    pub(crate) fn rename(to: &str, from: &str) -> Self {
        Self::Rename {
            to: to.into(),
            from: from.into(),
            fields: [from.into()],
        }
    }

    /// Labels that it reads; `None` if it may read any.
    pub(super) fn fields(&self) -> Option<&[String]> {
        match self {
            Self::Rename { fields, .. } => Some(fields),
            Self::Template { template, .. } => template.fields(),
        }
    }

    pub(super) fn process(&self, row: &mut Row<'_, '_>) {
        match self {
            Self::Rename { to, from, .. } => {
                let value = row.get(from).map(std::borrow::Cow::into_owned);
                if let Some(value) = value {
                    row.set(to, &value);
                    row.remove(from);
                }
            }
            Self::Template { to, template } => match template.render(&Source(row)) {
                Ok(text) => row.set(to, &text),
                Err(error) => row.fail(TEMPLATE_ERROR, error),
            },
        }
    }
}
