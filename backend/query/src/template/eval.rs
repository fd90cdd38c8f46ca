//! Filling a template in.

use std::ops::ControlFlow;

use super::parse::{Command, Expr, Node, Pipeline};
use super::{Context, Value};

/// Nodes that may be evaluated, and bytes that may be written, in one go.
const MAX_STEPS: usize = 10_000;
const MAX_BYTES: usize = 256 * 1024;

/// Whether a `range` goes on: broken with `true` by `break`, with `false` by `continue`.
type Flow = ControlFlow<bool>;

/// Fills nodes in.
pub(super) fn render(nodes: &[Node], context: &dyn Context) -> Result<String, String> {
    let mut renderer = Renderer {
        context,
        out: String::new(),
        variables: Vec::new(),
        steps: 0,
    };
    let _ = renderer.nodes(nodes, &Value::Root)?;
    Ok(renderer.out)
}

struct Renderer<'a> {
    context: &'a dyn Context,
    out: String,
    variables: Vec<(&'a str, Value)>,
    steps: usize,
}

impl<'a> Renderer<'a> {
    fn nodes(&mut self, nodes: &'a [Node], dot: &Value) -> Result<Flow, String> {
        let known = self.variables.len();
        for node in nodes {
            self.steps += 1;
            if self.steps > MAX_STEPS || self.out.len() > MAX_BYTES {
                return Err("template takes too long or writes too much".into());
            }
            let flow = self.node(node, dot)?;
            if flow.is_break() {
                self.variables.truncate(known);
                return Ok(flow);
            }
        }
        self.variables.truncate(known);
        Ok(Flow::Continue(()))
    }

    fn node(&mut self, node: &'a Node, dot: &Value) -> Result<Flow, String> {
        match node {
            Node::Text(text) => self.out.push_str(text),
            Node::Print(pipeline) => {
                let value = self.pipeline(pipeline, dot)?;
                match (&pipeline.into, value) {
                    (Some(_), _) => {}
                    (None, Value::Text(text)) => self.out.push_str(&text),
                    (None, Value::Root) => {
                        let fields = Value::Map(self.context.fields());
                        self.out.push_str(&fields.to_string());
                    }
                    (None, value) => self.out.push_str(&value.to_string()),
                }
            }
            Node::If(head, body, otherwise) => {
                let known = self.variables.len();
                let truth = self.pipeline(head, dot)?.is_true();
                let flow = self.nodes(if truth { body } else { otherwise }, dot)?;
                self.variables.truncate(known);
                return Ok(flow);
            }
            Node::With(head, body, otherwise) => {
                let known = self.variables.len();
                let value = self.pipeline(head, dot)?;
                let flow = match value.is_true() {
                    true => self.nodes(body, &value)?,
                    false => self.nodes(otherwise, dot)?,
                };
                self.variables.truncate(known);
                return Ok(flow);
            }
            Node::Range(names, head, body, otherwise) => {
                return self.range(names, head, (body, otherwise), dot);
            }
            Node::Break => return Ok(Flow::Break(true)),
            Node::Continue => return Ok(Flow::Break(false)),
        }
        Ok(Flow::Continue(()))
    }

    fn range(
        &mut self,
        names: &'a [String],
        head: &'a Pipeline,
        (body, otherwise): (&'a [Node], &'a [Node]),
        dot: &Value,
    ) -> Result<Flow, String> {
        let by_key = |entries: Vec<(String, Value)>| -> Vec<(Value, Value)> {
            entries
                .into_iter()
                .map(|(key, value)| (key.into(), value))
                .collect()
        };
        let items = match self.pipeline(head, dot)? {
            Value::List(items) => (0..).map(Value::Int).zip(items).collect(),
            Value::Map(entries) => by_key(entries),
            Value::Root => by_key(self.context.fields()),
            Value::Int(n) => (0..n.min(MAX_STEPS as i64))
                .map(|i| (Value::Int(i), Value::Int(i)))
                .collect(),
            Value::Nil => Vec::new(),
            other => return Err(format!("cannot range over {other}")),
        };
        if items.is_empty() {
            return self.nodes(otherwise, dot);
        }
        let known = self.variables.len();
        for (key, item) in items {
            match names {
                [element] => self.variables.push((element, item.clone())),
                [index, element] => {
                    self.variables.push((index, key));
                    self.variables.push((element, item.clone()));
                }
                _ => {}
            }
            let flow = self.nodes(body, &item)?;
            self.variables.truncate(known);
            if flow == Flow::Break(true) {
                break;
            }
        }
        Ok(Flow::Continue(()))
    }

    fn pipeline(&mut self, pipeline: &'a Pipeline, dot: &Value) -> Result<Value, String> {
        self.steps += 1;
        let mut result = Value::Nil;
        for (i, command) in pipeline.commands.iter().enumerate() {
            result = match command {
                Command::Value(expr) => self.expr(expr, dot)?,
                Command::Call(function, args) => {
                    let mut values = args
                        .iter()
                        .map(|arg| self.expr(arg, dot))
                        .collect::<Result<Vec<_>, _>>()?;
                    if i > 0 {
                        values.push(result);
                    }
                    (function.call)(&values, self.context)
                        .map_err(|error| format!("{}: {error}", function.name))?
                }
            };
        }
        match &pipeline.into {
            Some((name, true)) => self.variables.push((name, result.clone())),
            Some((name, false)) => {
                if let Some((_, value)) = self.variables.iter_mut().rev().find(|(known, _)| known == name) {
                    *value = result.clone();
                }
            }
            None => {}
        }
        Ok(result)
    }

    fn expr(&mut self, expr: &'a Expr, dot: &Value) -> Result<Value, String> {
        match expr {
            Expr::Constant(value) => Ok(value.clone()),
            Expr::Dot => Ok(dot.clone()),
            Expr::Variable(name) if name.is_empty() => Ok(Value::Root),
            Expr::Variable(name) => {
                let found = self.variables.iter().rev().find(|(known, _)| known == name);
                found
                    .map(|(_, value)| value.clone())
                    .ok_or_else(|| format!("undefined variable ${name}"))
            }
            Expr::Field(of, name) => match self.expr(of, dot)? {
                Value::Root => Ok(self.context.field(name)),
                Value::Map(entries) => {
                    let found = entries.into_iter().find(|(key, _)| key == name);
                    Ok(found.map_or(Value::Nil, |(_, value)| value))
                }
                Value::Nil => Ok(Value::Nil),
                other => Err(format!("{other} has no field {name:?}")),
            },
            Expr::Pipeline(pipeline) => self.pipeline(pipeline, dot),
        }
    }
}
