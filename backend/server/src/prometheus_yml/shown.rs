//! A file as it may be shown: whole, but for secrets.

use serde_yaml_ng::Value;

/// What stands in place of a secret.
const HIDDEN: &str = "<secret>";

/// Keys whose values are secrets.
const SECRETS: [&str; 12] = [
    "password",
    "credentials",
    "bearer_token",
    "client_secret",
    "secret_key",
    "key",
    "secrets",
    "token",
    "application_key",
    "application_secret",
    "auth_token",
    "service_account_key",
];

/// The text of a file without secrets.
pub(crate) fn shown(text: &str) -> String {
    let Ok(mut value) = serde_yaml_ng::from_str::<Value>(text) else {
        return String::new();
    };
    hide(&mut value, 0);
    serde_yaml_ng::to_string(&value).unwrap_or_default()
}

fn hide(value: &mut Value, depth: usize) {
    match value {
        _ if depth > 64 => *value = Value::String(HIDDEN.into()),
        Value::Mapping(map) => {
            for (key, value) in map.iter_mut() {
                let is_secret = key.as_str().is_some_and(|key| SECRETS.contains(&key));
                match value {
                    Value::String(_) | Value::Number(_) if is_secret => *value = Value::String(HIDDEN.into()),
                    Value::Sequence(items) if is_secret => {
                        items
                            .iter_mut()
                            .for_each(|item| *item = Value::String(HIDDEN.into()));
                    }
                    other => hide(other, depth + 1),
                }
            }
        }
        Value::Sequence(items) => items.iter_mut().for_each(|item| hide(item, depth + 1)),
        Value::Tagged(tagged) => hide(&mut tagged.value, depth + 1),
        Value::String(text) => {
            // A password in a URL.
            if let Some((scheme, rest)) = text.split_once("://")
                && let Some((user, host)) = rest.split_once('@')
                && !user.contains(['/', '?'])
                && let Some((name, _)) = user.split_once(':')
            {
                *text = format!("{scheme}://{name}:{HIDDEN}@{host}");
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        let text = "a: {basic_auth: {username: u, password: hidden}, authorization: {credentials: hidden}}\n\
                    b: ['http://u:hidden@h/x', 'http://h/a@b:c']\nhttp_headers: {X: {secrets: [hidden]}}\n";
        let shown = shown(text);
        assert!(!shown.contains("hidden"), "{shown}");
        for kept in [
            "username: u",
            "http://u:<secret>@h/x",
            "http://h/a@b:c",
            "password: <secret>",
        ] {
            assert!(shown.contains(kept), "{kept}: {shown}");
        }
    }
}
