//! Paths into JSON and names of logfmt, as the expressions of the parsers have them: `a.b[0]["c d"]`.

pub(crate) use super::json::Step;

/// A path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Path(Vec<Step>);

impl Path {
    /// Reads a path. An error has the byte at which it stands.
    pub(crate) fn parse(text: &str) -> Result<Self, (usize, String)> {
        let mut steps = Vec::new();
        let mut at = 0;
        while at < text.len() {
            let rest = &text[at..];
            if let Some(inside) = rest.strip_prefix('[') {
                let (step, len) = bracket(inside).map_err(|message| (at, message))?;
                steps.push(step);
                at += 1 + len;
                continue;
            }
            let dot = usize::from(rest.starts_with('.') && !steps.is_empty());
            let name = &rest[dot..];
            let end = name.find(['.', '[', ']', '"']).unwrap_or(name.len());
            if end == 0 || (dot == 0 && !steps.is_empty()) {
                let found: String = name.chars().take(1).collect();
                return Err((at + dot, format!("unexpected {found:?}, expected a name or [")));
            }
            steps.push(Step::Key(name[..end].to_owned()));
            at += dot + end;
        }
        match steps.is_empty() {
            true => Err((0, "path is empty".into())),
            false => Ok(Self(steps)),
        }
    }

    pub(super) fn steps(&self) -> &[Step] {
        &self.0
    }
}

/// What stands after `[`, and how many bytes it takes with its `]`.
fn bracket(inside: &str) -> Result<(Step, usize), String> {
    if inside.starts_with('"') {
        let end = crate::scan::quoted_end(inside, 0).ok_or("text is not closed")?;
        let key = crate::scan::unquote(&inside[..end]).map_err(|(_, message)| message)?;
        return match inside[end..].starts_with(']') {
            true => Ok((Step::Key(key), end + 1)),
            false => Err("expected \"]\"".into()),
        };
    }
    let end = inside.find(']').ok_or("expected \"]\"")?;
    let index = inside[..end].parse().map_err(|_| {
        format!(
            "invalid index {:?}, expected a number or a name in quotes",
            &inside[..end]
        )
    })?;
    Ok((Step::Index(index), end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_paths_and_says_what_is_wrong() {
        let key = |name: &str| Step::Key(name.into());
        for (text, expect) in [
            ("a", vec![key("a")]),
            ("a.b-c[0]", vec![key("a"), key("b-c"), Step::Index(0)]),
            (
                r#"["a b"].c["d"][12]"#,
                vec![key("a b"), key("c"), key("d"), Step::Index(12)],
            ),
        ] {
            assert_eq!(Path::parse(text), Ok(Path(expect)), "{text}");
        }
        for (text, at) in [
            ("", 0),
            ("a..b", 2),
            ("a.", 2),
            ("a[x]", 1),
            ("a[0", 1),
            ("a]", 1),
            (r#"["a"x]"#, 0),
            (r#"["a"]b"#, 5),
        ] {
            assert_eq!(Path::parse(text).map_err(|(at, _)| at), Err(at), "{text}");
        }
    }
}
