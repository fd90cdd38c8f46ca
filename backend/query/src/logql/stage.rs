//! The stages of a pipeline.
//!
//! Adding one is a variant here, its reading in `parse::stage`, and what it does in a file of its own.

mod ansi;
mod format;
mod json;
mod logfmt;
mod path;
mod pattern;
mod pick;
mod regexp;
mod template;
mod unpack;

use std::collections::BTreeSet;

pub(crate) use format::{LabelFormat, LineFormat};
pub(crate) use json::Json;
pub(crate) use logfmt::Logfmt;
pub(crate) use path::Path;
pub(crate) use pattern::{Pattern, PatternFilter};
pub(crate) use pick::Pick;
pub(crate) use regexp::Regexp;
pub(crate) use template::TABLES;

use super::label_filter::LabelFilter;
use super::line_filter::LineFilter;
use super::row::{Needs, Row};

/// One step of a pipeline.
#[derive(Debug, Clone)]
pub(crate) enum Stage {
    Line(LineFilter),
    Label(LabelFilter),
    Json(Json),
    Logfmt(Logfmt),
    Pattern(Pattern),
    Regexp(Regexp),
    Unpack,
    Decolorize,
    LineFormat(LineFormat),
    LabelFormat(Vec<LabelFormat>),
    Drop(Vec<Pick>),
    Keep(Vec<Pick>),
}

impl Stage {
    /// Takes a line a step further; false if it is not wanted.
    pub(crate) fn process(&self, row: &mut Row<'_, '_>) -> bool {
        match self {
            Self::Line(filter) => return filter.accepts(row.body()),
            Self::Label(filter) => return filter.accepts(row),
            Self::Json(stage) => stage.process(row),
            Self::Logfmt(stage) => stage.process(row),
            Self::Pattern(stage) => stage.process(row),
            Self::Regexp(stage) => stage.process(row),
            Self::Unpack => unpack::process(row),
            Self::Decolorize => ansi::process(row),
            Self::LineFormat(stage) => stage.process(row),
            Self::LabelFormat(formats) => formats.iter().for_each(|format| format.process(row)),
            Self::Drop(picks) => pick::drop(picks, row),
            Self::Keep(picks) => pick::keep(picks, row),
        }
        true
    }

    /// Adds the names of the labels that it reads; if it may read any, all are needed.
    fn add_needs(&self, mut needs: BTreeSet<String>) -> Needs {
        match self {
            Self::Label(filter) => filter.add_names(&mut needs),
            Self::LineFormat(stage) => needs.extend(stage.fields()?.iter().cloned()),
            Self::LabelFormat(formats) => {
                for format in formats {
                    needs.extend(format.fields()?.iter().cloned());
                }
            }
            Self::Drop(picks) | Self::Keep(picks) => {
                needs.extend(picks.iter().map(|pick| pick.name().to_owned()));
            }
            _ => {}
        }
        Some(needs)
    }

    /// Whether the text of a line is the same after it.
    pub(crate) fn leaves_text(&self) -> bool {
        !matches!(self, Self::Unpack | Self::Decolorize | Self::LineFormat(_))
    }
}

/// What the stages of a pipeline, and whoever comes after them, ask of a parser.
pub(crate) fn needs(stages: &[Stage], after: Needs) -> Needs {
    stages
        .iter()
        .try_fold(after?, |needs, stage| stage.add_needs(needs))
}
