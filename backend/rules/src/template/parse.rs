//! From tokens to nodes.

use super::functions::{self, Function};
use super::lex::{Kind, Mistake, Piece, Token, pieces};

/// Blocks and brackets that may be open at one time.
const MAX_DEPTH: usize = 32;

/// A part of a template.
#[derive(Debug, Clone)]
pub(super) enum Node {
    Text(String),
    Print(Pipeline),
    /// `if`, with its `else`.
    If(Pipeline, Vec<Node>, Vec<Node>),
    /// `with`, with its `else`.
    With(Pipeline, Vec<Node>, Vec<Node>),
    /// `range`: names of the variables for index and element, and the `else`.
    Range(Vec<String>, Pipeline, Vec<Node>, Vec<Node>),
    /// Another template, and what it is given.
    Template(String, Option<Pipeline>),
    Break,
    Continue,
}

/// A template with those that are defined in it.
#[derive(Debug, Clone, Default)]
pub(super) struct Tree {
    pub nodes: Vec<Node>,
    pub defined: Vec<(String, Vec<Node>)>,
}

/// `$name := a | f b`
#[derive(Debug, Clone)]
pub(super) struct Pipeline {
    /// Variable that takes the result, and whether it is new.
    pub into: Option<(String, bool)>,
    pub commands: Vec<Command>,
}

/// A function with its arguments, or a lone value.
#[derive(Debug, Clone)]
pub(super) enum Command {
    Value(Expr),
    Call(&'static Function, Vec<Expr>),
    /// A method with arguments.
    Method(Expr, String, Vec<Expr>),
}

#[derive(Debug, Clone)]
pub(super) enum Expr {
    Text(String),
    /// A number, and whether it is written as a float.
    Number(f64, bool),
    Bool(bool),
    Nil,
    Dot,
    Variable(String),
    Field(Box<Expr>, String),
    Pipeline(Pipeline),
    Call(&'static Function),
}

/// Reads a template.
pub(super) fn parse(text: &str) -> Result<Tree, Mistake> {
    let pieces = pieces(text)?;
    let mut parser = Parser {
        pieces: pieces.into_iter(),
        variables: ["", "labels", "value", "externalLabels", "externalURL"]
            .map(String::from)
            .to_vec(),
        defined: Vec::new(),
        loops: 0,
    };
    let (nodes, end) = parser.block(0)?;
    match end {
        End::Text => Ok(Tree {
            nodes,
            defined: parser.defined,
        }),
        End::Else(_, at) => Err((at, "unexpected {{else}}, no block is open".into())),
        End::Closed(at) => Err((at, "unexpected {{end}}, no block is open".into())),
    }
}

struct Parser {
    pieces: std::vec::IntoIter<Piece>,
    variables: Vec<String>,
    defined: Vec<(String, Vec<Node>)>,
    /// Bodies of `range` that are open.
    loops: usize,
}

/// How a block ended.
enum End {
    Text,
    /// `else`, with the tokens after the word.
    Else(Vec<Token>, usize),
    Closed(usize),
}

impl Parser {
    fn block(&mut self, depth: usize) -> Result<(Vec<Node>, End), Mistake> {
        let mut nodes = Vec::new();
        while let Some(piece) = self.pieces.next() {
            let (tokens, at) = match piece {
                Piece::Text(text) => {
                    nodes.push(Node::Text(text));
                    continue;
                }
                Piece::Action(tokens, at) => (tokens, at),
            };
            let word = match tokens.first().map(|t| &t.kind) {
                Some(Kind::Word(word)) => word.as_str(),
                _ => "",
            };
            match word {
                "end" if tokens.len() == 1 => return Ok((nodes, End::Closed(at))),
                "else" => return Ok((nodes, End::Else(tokens[1..].to_vec(), at))),
                "if" | "with" | "range" => {
                    if depth == MAX_DEPTH {
                        return Err((at, format!("blocks are nested deeper than {MAX_DEPTH} levels")));
                    }
                    nodes.push(self.control(word, &tokens[1..], at, depth + 1)?);
                }
                "define" if depth > 0 => return Err((at, "unexpected {{define}} inside a block".into())),
                "define" | "block" => {
                    if depth == MAX_DEPTH {
                        return Err((at, format!("blocks are nested deeper than {MAX_DEPTH} levels")));
                    }
                    nodes.extend(self.define(word, &tokens[1..], at, depth + 1)?);
                }
                "template" => nodes.push(self.template(&tokens[1..], at)?),
                "break" | "continue" if tokens.len() == 1 => {
                    if self.loops == 0 {
                        return Err((at, format!("{{{{{word}}}}} outside {{{{range}}}}")));
                    }
                    nodes.push(if word == "break" {
                        Node::Break
                    } else {
                        Node::Continue
                    });
                }
                _ => nodes.push(Node::Print(self.whole_pipeline(&tokens, at)?)),
            }
        }
        Ok((nodes, End::Text))
    }

    /// `if`, `with` or `range` up to its `end`.
    fn control(&mut self, word: &str, head: &[Token], at: usize, depth: usize) -> Result<Node, Mistake> {
        let known = self.variables.len();
        let (loop_variables, head) = if word == "range" {
            self.loop_variables(head)
        } else {
            (Vec::new(), head)
        };
        let head = self.whole_pipeline(head, at)?;
        self.loops += usize::from(word == "range");
        let (body, end) = self.block(depth)?;
        self.loops -= usize::from(word == "range");
        self.variables.truncate(known);
        let otherwise = match end {
            End::Closed(_) => Vec::new(),
            End::Text => return Err((at, format!("{{{{{word}}}}} is not closed by {{{{end}}}}"))),
            End::Else(tokens, else_at) => self.otherwise(word, &tokens, else_at, depth)?,
        };
        Ok(match word {
            "if" => Node::If(head, body, otherwise),
            "with" => Node::With(head, body, otherwise),
            _ => Node::Range(loop_variables, head, body, otherwise),
        })
    }

    /// What follows `else`: a block, or `if` and so on without an `end` of its own.
    fn otherwise(
        &mut self,
        word: &str,
        tokens: &[Token],
        at: usize,
        depth: usize,
    ) -> Result<Vec<Node>, Mistake> {
        match tokens.first().map(|t| &t.kind) {
            None => match self.block(depth)? {
                (nodes, End::Closed(_)) => Ok(nodes),
                (_, End::Else(_, at)) => Err((at, "a block has only one {{else}}".into())),
                (_, End::Text) => Err((at, format!("{{{{{word}}}}} is not closed by {{{{end}}}}"))),
            },
            Some(Kind::Word(next)) if (next == "if" || next == "with") && depth < MAX_DEPTH => self
                .control(&next.clone(), &tokens[1..], at, depth + 1)
                .map(|node| vec![node]),
            Some(_) => Err((at, "expected {{else}} or {{else if …}}".into())),
        }
    }

    /// A template that is defined; `block` uses it on the spot.
    fn define(
        &mut self,
        word: &str,
        head: &[Token],
        at: usize,
        depth: usize,
    ) -> Result<Option<Node>, Mistake> {
        let Some((
            Token {
                kind: Kind::Text(name),
                ..
            },
            rest,
        )) = head.split_first()
        else {
            return Err((at, format!("expected a name in quotes after {word:?}")));
        };
        let used = match (word, rest) {
            ("define", []) => None,
            ("define", [token, ..]) => return Err((token.at, "unexpected text after the name".into())),
            (_, rest) => Some(Node::Template(name.clone(), Some(self.whole_pipeline(rest, at)?))),
        };
        let (hidden, loops) = (
            std::mem::replace(&mut self.variables, vec![String::new()]),
            std::mem::take(&mut self.loops),
        );
        let (body, end) = self.block(depth)?;
        (self.variables, self.loops) = (hidden, loops);
        let End::Closed(_) = end else {
            return Err((at, format!("{{{{{word}}}}} is not closed by {{{{end}}}}")));
        };
        self.defined.push((name.clone(), body));
        Ok(used)
    }

    /// `template "name"` with or without an argument.
    fn template(&mut self, head: &[Token], at: usize) -> Result<Node, Mistake> {
        let Some((
            Token {
                kind: Kind::Text(name),
                ..
            },
            rest,
        )) = head.split_first()
        else {
            return Err((at, "expected a name in quotes after \"template\"".into()));
        };
        let argument = match rest {
            [] => None,
            rest => Some(self.whole_pipeline(rest, at)?),
        };
        Ok(Node::Template(name.clone(), argument))
    }

    /// `$i, $x :=` before the pipeline of a `range`.
    fn loop_variables<'t>(&mut self, tokens: &'t [Token]) -> (Vec<String>, &'t [Token]) {
        let kinds: Vec<&Kind> = tokens.iter().take(4).map(|t| &t.kind).collect();
        let (names, used) = match kinds[..] {
            [Kind::Variable(a), Kind::Comma, Kind::Variable(b), Kind::Declare] => {
                (vec![a.clone(), b.clone()], 4)
            }
            [Kind::Variable(a), Kind::Declare, ..] => (vec![a.clone()], 2),
            _ => (Vec::new(), 0),
        };
        self.variables.extend(names.iter().cloned());
        (names, &tokens[used..])
    }

    fn whole_pipeline(&mut self, tokens: &[Token], at: usize) -> Result<Pipeline, Mistake> {
        let mut reader = Reader {
            tokens,
            at: 0,
            end: at,
            variables: &mut self.variables,
            depth: 0,
        };
        let pipeline = reader.pipeline()?;
        match reader.tokens.get(reader.at) {
            None => Ok(pipeline),
            Some(token) => Err((token.at, format!("unexpected {}", shown(&token.kind)))),
        }
    }
}

struct Reader<'t> {
    tokens: &'t [Token],
    at: usize,
    /// Position to tell when the tokens have run out.
    end: usize,
    variables: &'t mut Vec<String>,
    depth: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<&Kind> {
        self.tokens.get(self.at).map(|t| &t.kind)
    }

    fn position(&self) -> usize {
        self.tokens.get(self.at).map_or(self.end, |t| t.at)
    }

    fn pipeline(&mut self) -> Result<Pipeline, Mistake> {
        let mut into = None;
        if let (Some(Kind::Variable(name)), Some(sign)) = (self.peek(), self.tokens.get(self.at + 1))
            && matches!(sign.kind, Kind::Declare | Kind::Assign)
        {
            let (name, new) = (name.clone(), sign.kind == Kind::Declare);
            if !new {
                self.known(&name)?;
            }
            into = Some((name, new));
            self.at += 2;
        }
        let mut commands = vec![self.command(true)?];
        while self.peek() == Some(&Kind::Pipe) {
            self.at += 1;
            commands.push(self.command(false)?);
        }
        if let Some((name, true)) = &into {
            self.variables.push(name.clone());
        }
        Ok(Pipeline { into, commands })
    }

    fn known(&self, name: &str) -> Result<(), Mistake> {
        if self.variables.iter().any(|v| v == name) {
            return Ok(());
        }
        Err((self.position(), format!("undefined variable \"${name}\"")))
    }

    fn command(&mut self, first: bool) -> Result<Command, Mistake> {
        let start = self.position();
        let head = self.operand()?;
        let mut args = Vec::new();
        while !matches!(self.peek(), None | Some(Kind::Pipe | Kind::Close)) {
            args.push(self.operand()?);
        }
        let given = args.len() + usize::from(!first);
        match head {
            Expr::Call(function) => {
                if given < function.min_args || given > function.max_args {
                    return Err((
                        start,
                        format!("wrong number of arguments for {:?}: {given}", function.name),
                    ));
                }
                Ok(Command::Call(function, args))
            }
            Expr::Field(of, name) if given > 0 => Ok(Command::Method(*of, name, args)),
            value if args.is_empty() && first => Ok(Command::Value(value)),
            _ if !first => Err((start, "only a function can stand after \"|\"".into())),
            _ => Err((start, "only a function takes arguments".into())),
        }
    }

    fn operand(&mut self) -> Result<Expr, Mistake> {
        let position = self.position();
        let Some(kind) = self.peek().cloned() else {
            return Err((position, "missing value for command".into()));
        };
        self.at += 1;
        let mut expr = match kind {
            Kind::Text(text) => Expr::Text(text),
            Kind::Number(number, is_float) => Expr::Number(number, is_float),
            Kind::Field(name) if name.is_empty() => Expr::Dot,
            Kind::Field(name) => Expr::Field(Box::new(Expr::Dot), name),
            Kind::Variable(name) => {
                self.known(&name).map_err(|(_, message)| (position, message))?;
                Expr::Variable(name)
            }
            Kind::Word(word) => match word.as_str() {
                "true" => Expr::Bool(true),
                "false" => Expr::Bool(false),
                "nil" => Expr::Nil,
                name => Expr::Call(functions::find(name).ok_or_else(|| (position, unknown(name)))?),
            },
            Kind::Open => {
                self.depth += 1;
                if self.depth > MAX_DEPTH {
                    return Err((
                        position,
                        format!("brackets are nested deeper than {MAX_DEPTH} levels"),
                    ));
                }
                let inner = self.pipeline()?;
                self.depth -= 1;
                if self.peek() != Some(&Kind::Close) {
                    return Err((position, "unclosed left parenthesis".into()));
                }
                self.at += 1;
                Expr::Pipeline(inner)
            }
            other => return Err((position, format!("unexpected {}", shown(&other)))),
        };
        // `$labels.instance`: a field that touches what stands before it.
        while let Some(Token {
            kind: Kind::Field(name),
            at,
        }) = self.tokens.get(self.at)
        {
            let touches = match &self.tokens[self.at - 1] {
                Token {
                    kind: Kind::Variable(before),
                    at: start,
                } => *at == start + 1 + before.len(),
                Token {
                    kind: Kind::Field(before),
                    at: start,
                } => *at == start + 1 + before.len(),
                Token {
                    kind: Kind::Close,
                    at: start,
                } => *at == start + 1,
                _ => false,
            };
            if !touches || name.is_empty() {
                break;
            }
            expr = Expr::Field(Box::new(expr), name.clone());
            self.at += 1;
        }
        Ok(expr)
    }
}

/// Says that a function does not exist, and which one may be meant.
fn unknown(name: &str) -> String {
    if name == "tmpl" {
        return "function \"tmpl\" not defined: only console templates have it; use {{template}}".into();
    }
    match functions::like(name) {
        Some(like) => format!("function {name:?} not defined, did you mean {like:?}?"),
        None => format!("function {name:?} not defined"),
    }
}

fn shown(kind: &Kind) -> String {
    match kind {
        Kind::Word(word) => format!("{word:?}"),
        Kind::Variable(name) => format!("\"${name}\""),
        Kind::Field(name) => format!("\".{name}\""),
        Kind::Text(text) => format!("string {text:?}"),
        Kind::Number(number, _) => format!("number {number}"),
        Kind::Pipe => "\"|\"".into(),
        Kind::Open => "\"(\"".into(),
        Kind::Close => "\")\"".into(),
        Kind::Declare => "\":=\"".into(),
        Kind::Assign => "\"=\"".into(),
        Kind::Comma => "\",\"".into(),
    }
}
