//! Command lines that people write in configuration, as words.

use super::Error;

/// Characters that mean something to a shell beyond separating words.
const SHELL_SYNTAX: &[char] = &['|', '&', ';', '<', '>', '$', '`', '*', '~', '\n'];

/// Returns the words to execute; a line with shell syntax becomes `sh -c LINE`.
pub(super) fn split(line: &str) -> Result<Vec<String>, Error> {
    let words = shell_words::split(line).map_err(|error| Error::Syntax {
        line: line.into(),
        reason: error.to_string(),
    })?;
    if line.contains(SHELL_SYNTAX) || words.first().is_some_and(|word| is_assignment(word)) {
        return Ok(vec!["sh".into(), "-c".into(), line.into()]);
    }
    Ok(words)
}

/// `NAME=value` in front of a command sets a variable, which only a shell understands.
fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty()
            && !name.starts_with(|it: char| it.is_ascii_digit())
            && name
                .chars()
                .all(|it| it.is_ascii_alphanumeric() || it == '_')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_words_need_no_shell() {
        assert_eq!(split("make check").unwrap(), ["make", "check"]);
        assert_eq!(
            split("python -c 'print(1)'").unwrap(),
            ["python", "-c", "print(1)"]
        );
    }

    #[test]
    fn shell_syntax_goes_through_a_shell() {
        for line in [
            "a | b",
            "a && b",
            "ls *.rs",
            "echo $HOME",
            "cd ~",
            "A=1 make",
        ] {
            assert_eq!(split(line).unwrap(), ["sh", "-c", line]);
        }
    }

    #[test]
    fn an_unclosed_quote_is_refused_with_the_line() {
        let error = split("echo 'oops").unwrap_err().to_string();
        assert!(error.contains("echo 'oops"), "{error}");
    }
}
