//! Filling a template in.

use super::Data;
use super::functions::field;
use super::parse::{Command, Expr, Node, Pipeline};
use super::value::Value;

/// Nodes that may be evaluated, and bytes that may be written, in one go.
const MAX_STEPS: usize = 10_000;
const MAX_BYTES: usize = 64 * 1024;

/// Fills nodes in.
pub(super) fn render(nodes: &[Node], data: &Data<'_>) -> Result<String, String> {
    let mut renderer = Renderer {
        data,
        out: String::new(),
        variables: Vec::new(),
        steps: 0,
    };
    renderer.nodes(nodes, &Value::Root)?;
    Ok(renderer.out)
}

struct Renderer<'a> {
    data: &'a Data<'a>,
    out: String,
    variables: Vec<(String, Value)>,
    steps: usize,
}

impl Renderer<'_> {
    fn nodes(&mut self, nodes: &[Node], dot: &Value) -> Result<(), String> {
        let known = self.variables.len();
        for node in nodes {
            self.steps += 1;
            if self.steps > MAX_STEPS || self.out.len() > MAX_BYTES {
                return Err("template takes too long or writes too much".into());
            }
            self.node(node, dot)?;
        }
        self.variables.truncate(known);
        Ok(())
    }

    fn node(&mut self, node: &Node, dot: &Value) -> Result<(), String> {
        match node {
            Node::Text(text) => self.out.push_str(text),
            Node::Print(pipeline) => {
                let value = self.pipeline(pipeline, dot)?;
                if pipeline.into.is_none() {
                    self.out.push_str(&value.to_string());
                }
            }
            Node::If(head, body, otherwise) => {
                let known = self.variables.len();
                let truth = self.pipeline(head, dot)?.is_true();
                self.nodes(if truth { body } else { otherwise }, dot)?;
                self.variables.truncate(known);
            }
            Node::With(head, body, otherwise) => {
                let known = self.variables.len();
                let value = self.pipeline(head, dot)?;
                if value.is_true() {
                    self.nodes(body, &value)?;
                } else {
                    self.nodes(otherwise, dot)?;
                }
                self.variables.truncate(known);
            }
            Node::Range(names, head, body, otherwise) => self.range(names, head, body, otherwise, dot)?,
        }
        Ok(())
    }

    fn range(
        &mut self,
        names: &[String],
        head: &Pipeline,
        body: &[Node],
        otherwise: &[Node],
        dot: &Value,
    ) -> Result<(), String> {
        let known = self.variables.len();
        let items: Vec<(Value, Value)> = match self.pipeline(head, dot)? {
            Value::Samples(samples) => {
                let items = samples.into_iter().enumerate();
                items
                    .map(|(i, (labels, value))| (Value::Int(i as i64), Value::Sample(labels, value)))
                    .collect()
            }
            Value::Labels(labels) => labels
                .iter()
                .map(|(name, value)| (Value::Text(name.into()), Value::Text(value.into())))
                .collect(),
            Value::Nil => Vec::new(),
            other => return Err(format!("range can't iterate over {other}")),
        };
        if items.is_empty() {
            return self.nodes(otherwise, dot);
        }
        for (key, item) in items {
            match names {
                [element] => self.variables.push((element.clone(), item.clone())),
                [index, element] => {
                    self.variables.push((index.clone(), key));
                    self.variables.push((element.clone(), item.clone()));
                }
                _ => {}
            }
            self.nodes(body, &item)?;
            self.variables.truncate(known);
        }
        Ok(())
    }

    fn pipeline(&mut self, pipeline: &Pipeline, dot: &Value) -> Result<Value, String> {
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
                    (function.call)(&values, self.data)
                        .map_err(|error| format!("error calling {}: {error}", function.name))?
                }
            };
        }
        match &pipeline.into {
            Some((name, true)) => self.variables.push((name.clone(), result.clone())),
            Some((name, false)) => {
                if let Some((_, value)) = self.variables.iter_mut().rev().find(|(known, _)| known == name) {
                    *value = result.clone();
                }
            }
            None => {}
        }
        Ok(result)
    }

    fn expr(&mut self, expr: &Expr, dot: &Value) -> Result<Value, String> {
        match expr {
            Expr::Text(text) => Ok(Value::Text(text.clone())),
            Expr::Number(number) => {
                let whole = number.fract() == 0.0 && number.abs() < 1e15;
                Ok(if whole {
                    Value::Int(*number as i64)
                } else {
                    Value::Number(*number)
                })
            }
            Expr::Bool(truth) => Ok(Value::Bool(*truth)),
            Expr::Nil => Ok(Value::Nil),
            Expr::Dot => Ok(dot.clone()),
            Expr::Variable(name) => self.variable(name),
            Expr::Field(of, name) => {
                let value = self.expr(of, dot)?;
                field(&value, name, self.data)
            }
            Expr::Pipeline(pipeline) => self.pipeline(pipeline, dot),
            Expr::Call(function) => {
                if function.min_args > 0 {
                    return Err(format!("wrong number of arguments for {}", function.name));
                }
                (function.call)(&[], self.data)
            }
        }
    }

    fn variable(&self, name: &str) -> Result<Value, String> {
        if let Some((_, value)) = self.variables.iter().rev().find(|(known, _)| known == name) {
            return Ok(value.clone());
        }
        Ok(match name {
            "" => Value::Root,
            "labels" => Value::Labels(self.data.labels.clone()),
            "value" => Value::Number(self.data.value),
            "externalLabels" => Value::Labels(self.data.external_labels.clone()),
            "externalURL" => Value::Text(self.data.external_url.into()),
            other => return Err(format!("undefined variable ${other}")),
        })
    }
}
