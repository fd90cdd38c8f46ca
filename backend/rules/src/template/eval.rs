//! Filling a template in.

use super::Data;
use super::functions::field;
use super::parse::{Command, Expr, Node, Pipeline, Tree};
use super::value::Value;

/// Nodes that may be evaluated, and bytes that may be written, in one go.
const MAX_STEPS: usize = 10_000;
const MAX_BYTES: usize = 64 * 1024;

/// Templates that may be in one another.
const MAX_CALLS: usize = 32;

/// Fills a template in.
pub(super) fn render(tree: &Tree, data: &Data<'_>) -> Result<String, String> {
    let mut renderer = Renderer {
        data,
        tree,
        out: String::new(),
        variables: Vec::new(),
        steps: 0,
        calls: 0,
    };
    for (name, value) in [
        ("", Value::Root),
        ("labels", Value::Labels(data.labels.clone())),
        ("value", Value::from(data.value)),
        ("externalLabels", Value::Labels(data.external_labels.clone())),
        ("externalURL", Value::Text(data.external_url.into())),
    ] {
        renderer.variables.push((name.into(), value));
    }
    renderer.nodes(&tree.nodes, &Value::Root)?;
    Ok(renderer.out)
}

/// What comes after a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    On,
    Break,
    Continue,
}

struct Renderer<'a> {
    data: &'a Data<'a>,
    tree: &'a Tree,
    out: String,
    variables: Vec<(String, Value)>,
    steps: usize,
    calls: usize,
}

impl Renderer<'_> {
    fn nodes(&mut self, nodes: &[Node], dot: &Value) -> Result<Flow, String> {
        let known = self.variables.len();
        let mut flow = Flow::On;
        for node in nodes {
            self.steps += 1;
            if self.steps > MAX_STEPS || self.out.len() > MAX_BYTES {
                return Err("template takes too long or writes too much".into());
            }
            flow = self.node(node, dot)?;
            if flow != Flow::On {
                break;
            }
        }
        self.variables.truncate(known);
        Ok(flow)
    }

    fn node(&mut self, node: &Node, dot: &Value) -> Result<Flow, String> {
        let known = self.variables.len();
        let flow = match node {
            Node::Text(text) => {
                self.out.push_str(text);
                Flow::On
            }
            Node::Print(pipeline) => {
                let value = self.pipeline(pipeline, dot)?;
                if pipeline.into.is_none() {
                    self.out.push_str(&value.to_string());
                }
                // What it declares is known to the nodes after it.
                return Ok(Flow::On);
            }
            Node::If(head, body, otherwise) => {
                let truth = self.pipeline(head, dot)?.is_true();
                self.nodes(if truth { body } else { otherwise }, dot)?
            }
            Node::With(head, body, otherwise) => {
                let value = self.pipeline(head, dot)?;
                if value.is_true() {
                    self.nodes(body, &value)?
                } else {
                    self.nodes(otherwise, dot)?
                }
            }
            Node::Range(names, head, body, otherwise) => self.range(names, head, body, otherwise, dot)?,
            Node::Template(name, argument) => {
                let value = match argument {
                    Some(pipeline) => self.pipeline(pipeline, dot)?,
                    None => Value::Nil,
                };
                self.template(name, value)?;
                Flow::On
            }
            Node::Break => Flow::Break,
            Node::Continue => Flow::Continue,
        };
        self.variables.truncate(known);
        Ok(flow)
    }

    /// Another template; it sees its argument and nothing else.
    fn template(&mut self, name: &str, argument: Value) -> Result<(), String> {
        let tree = self.tree;
        let Some((_, nodes)) = tree.defined.iter().rev().find(|(known, _)| known == name) else {
            return Err(format!("template {name:?} not defined"));
        };
        if self.calls == MAX_CALLS {
            return Err(format!("templates are nested deeper than {MAX_CALLS} levels"));
        }
        self.calls += 1;
        let hidden = std::mem::replace(&mut self.variables, vec![(String::new(), argument.clone())]);
        let done = self.nodes(nodes, &argument);
        self.variables = hidden;
        self.calls -= 1;
        done.map(|_| ())
    }

    fn range(
        &mut self,
        names: &[String],
        head: &Pipeline,
        body: &[Node],
        otherwise: &[Node],
        dot: &Value,
    ) -> Result<Flow, String> {
        let known = self.variables.len();
        let items: Vec<(Value, Value)> = match self.pipeline(head, dot)? {
            Value::Samples(samples) => {
                let items = samples.into_iter().enumerate();
                items
                    .map(|(i, (labels, value))| {
                        (Value::Int(i as i64), Value::Sample(labels, Box::new(value)))
                    })
                    .collect()
            }
            Value::Labels(labels) => labels
                .iter()
                .map(|(name, value)| (Value::Text(name.into()), Value::Text(value.into())))
                .collect(),
            Value::Map(entries) => entries
                .into_iter()
                .map(|(name, value)| (Value::Text(name), value))
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
            let flow = self.nodes(body, &item)?;
            self.variables.truncate(known);
            if flow == Flow::Break {
                break;
            }
        }
        Ok(Flow::On)
    }

    fn pipeline(&mut self, pipeline: &Pipeline, dot: &Value) -> Result<Value, String> {
        let mut result = Value::Nil;
        for (i, command) in pipeline.commands.iter().enumerate() {
            let piped = (i > 0).then(|| std::mem::replace(&mut result, Value::Nil));
            result = self.command(command, piped, dot)?;
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

    fn command(&mut self, command: &Command, piped: Option<Value>, dot: &Value) -> Result<Value, String> {
        match command {
            Command::Value(expr) => self.expr(expr, dot),
            Command::Call(function, args) => {
                // These stop at the first argument that decides.
                let decides = match function.name {
                    "and" => Some(false),
                    "or" => Some(true),
                    _ => None,
                };
                let mut values = Vec::with_capacity(args.len() + 1);
                for arg in args {
                    let value = self.expr(arg, dot)?;
                    if decides == Some(value.is_true()) {
                        return Ok(value);
                    }
                    values.push(value);
                }
                values.extend(piped);
                (function.call)(&values, self.data)
                    .map_err(|error| format!("error calling {}: {error}", function.name))
            }
            Command::Method(of, name, args) => {
                let value = self.expr(of, dot)?;
                let mut values = args
                    .iter()
                    .map(|arg| self.expr(arg, dot))
                    .collect::<Result<Vec<_>, _>>()?;
                values.extend(piped);
                match value {
                    Value::Time(nanos) => super::time::method(nanos, name, &values),
                    other => Err(format!(
                        "{name} has arguments but is not a method of {}",
                        other.kind()
                    )),
                }
            }
        }
    }

    fn expr(&mut self, expr: &Expr, dot: &Value) -> Result<Value, String> {
        match expr {
            Expr::Text(text) => Ok(Value::Text(text.clone())),
            Expr::Number(number, is_float) => {
                let whole = !is_float && number.fract() == 0.0 && number.abs() < 9e18;
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
            Expr::Pipeline(pipeline) => {
                let known = self.variables.len();
                let value = self.pipeline(pipeline, dot)?;
                self.variables.truncate(known);
                Ok(value)
            }
            Expr::Call(function) => {
                if function.min_args > 0 {
                    return Err(format!("wrong number of arguments for {}", function.name));
                }
                (function.call)(&[], self.data)
            }
        }
    }

    fn variable(&self, name: &str) -> Result<Value, String> {
        let found = self.variables.iter().rev().find(|(known, _)| known == name);
        found
            .map(|(_, value)| value.clone())
            .ok_or_else(|| format!("undefined variable ${name}"))
    }
}
