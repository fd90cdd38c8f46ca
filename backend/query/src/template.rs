//! Templates: the part of Go's `text/template` that people write in queries and rules.
//!
//! Invariant: a template is read once, and all that can be known to be wrong then is said then, with its place; filling it in is bounded in
//! steps and in bytes. Which functions there are, and what the dot is at the outset, is the surroundings' business: they hand in a table of
//! [`Function`]s and a [`Context`].
//! Not here: `define`, `template` and `block`; the functions of a particular language.

mod eval;
mod functions;
mod parse;
mod printf;
mod value;

pub(crate) use functions::COMMON;
pub(crate) use printf::printf;
pub(crate) use value::Value;

use parse::Node;

/// What a template is filled in with.
pub(crate) trait Context {
    /// A field of the dot as it is at the outset.
    fn field(&self, name: &str) -> Value;

    /// Every field of it, sorted by name.
    fn fields(&self) -> Vec<(String, Value)>;

    /// Answers what is not in the arguments of a function, such as the line or the time.
    fn ask(&self, what: &str) -> Value;
}

/// A function; the value that comes through the pipe is its last argument.
pub(crate) struct Function {
    pub name: &'static str,
    pub min_args: usize,
    pub max_args: usize,
    pub call: fn(&[Value], &dyn Context) -> Result<Value, String>,
}

impl std::fmt::Debug for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// A row of a table of functions.
pub(crate) const fn function(
    name: &'static str,
    (min_args, max_args): (usize, usize),
    call: fn(&[Value], &dyn Context) -> Result<Value, String>,
) -> Function {
    Function {
        name,
        min_args,
        max_args,
        call,
    }
}

/// Tables in which a function is looked for, the first first.
pub(crate) type Tables<'a> = &'a [&'static [Function]];

/// A template that has been read.
#[derive(Debug, Clone)]
pub(crate) struct Template {
    nodes: Vec<Node>,
    fields: Option<Vec<String>>,
}

impl Template {
    /// Reads a template. An error has the byte at which it stands.
    pub(crate) fn parse(text: &str, tables: Tables<'_>) -> Result<Self, (usize, String)> {
        let (nodes, fields) = parse::parse(text, tables)?;
        Ok(Self { nodes, fields })
    }

    /// Fields of the outset that it reads; `None` if it may read any.
    pub(crate) fn fields(&self) -> Option<&[String]> {
        self.fields.as_deref()
    }

    /// Fills it in.
    pub(crate) fn render(&self, context: &dyn Context) -> Result<String, String> {
        eval::render(&self.nodes, context)
    }
}

#[cfg(test)]
mod tests;
