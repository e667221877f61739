//! Hashes of token streams, blind to what a formatter may change.

/// A token stream under construction.
#[derive(Default)]
pub(super) struct Tokens {
    texts: Vec<String>,
}

impl Tokens {
    /// Appends a token.
    pub(super) fn push(&mut self, text: impl Into<String>) {
        self.texts.push(text.into());
    }

    /// Drops a comma at the end, which formatters add and remove before a closing bracket.
    pub(super) fn drop_trailing_comma(&mut self) {
        if self.texts.last().is_some_and(|it| it == ",") {
            self.texts.pop();
        }
    }

    /// Returns the tokens on one line, borders of statements as semicolons.
    pub(super) fn joined(&self) -> String {
        let shown = self.texts.iter().map(|it| match it.as_str() {
            "newline" | "dedent" => ";",
            text => text,
        });
        shown.collect::<Vec<_>>().join(" ")
    }

    /// Returns the hash; token borders count.
    pub(super) fn hash(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        for text in &self.texts {
            hasher.update(&(text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        }
        hasher.finalize().to_hex()[..32].to_owned()
    }
}

/// `'a'` and `"a"` are the same string, where nothing inside depends on the quotes.
pub(super) fn normal_quotes(literal: &str) -> String {
    let body = literal.trim_start_matches(|it: char| it.is_ascii_alphabetic());
    let prefix = &literal[..literal.len() - body.len()];
    match body.strip_prefix('\'').and_then(|it| it.strip_suffix('\'')) {
        Some(inner) if !inner.contains(['\'', '"', '\\']) => format!("{prefix}\"{inner}\""),
        _ => literal.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn borders_between_tokens_count() {
        let hash = |texts: &[&str]| {
            let mut tokens = Tokens::default();
            for text in texts {
                tokens.push(*text);
            }
            tokens.hash()
        };
        assert_eq!(hash(&["ab", "c"]), hash(&["ab", "c"]));
        assert_ne!(hash(&["ab", "c"]), hash(&["a", "bc"]));
    }
}
