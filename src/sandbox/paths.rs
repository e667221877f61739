//! One name for another in command lines, variables and output.

use camino::Utf8Path;

use crate::process::Command;

/// Which folder is shown where, both ways.
pub(super) struct Names<'a> {
    pairs: Vec<(&'a Utf8Path, &'a Utf8Path)>,
}

impl<'a> Names<'a> {
    /// Names of folders as they are, and as they are shown.
    pub(super) fn new(pairs: impl IntoIterator<Item = (&'a Utf8Path, &'a Utf8Path)>) -> Self {
        Self {
            pairs: pairs.into_iter().collect(),
        }
    }

    /// Rewrites a command to what it will see.
    pub(super) fn show(&self, command: &mut Command) {
        command.program = self.shown(&command.program);
        command.cwd = self.shown(command.cwd.as_str()).into();
        for arg in &mut command.args {
            *arg = self.shown(arg);
        }
        for (_, value) in &mut command.env {
            *value = self.shown(value);
        }
    }

    /// Rewrites what a command printed to what there is.
    pub(super) fn tell(&self, printed: Vec<u8>) -> Vec<u8> {
        let mut text = printed;
        for (real, shown) in &self.pairs {
            if let Some(told) = replace(&text, shown.as_str(), real.as_str(), is_name) {
                text = told;
            }
        }
        text
    }

    fn shown(&self, text: &str) -> String {
        let mut bytes = text.as_bytes().to_vec();
        for (real, shown) in &self.pairs {
            // Such a path is in no other: what stands before it (`-I`, say) does not matter.
            let replaced = replace(&bytes, real.as_str(), shown.as_str(), |_| false);
            if let Some(changed) = replaced {
                bytes = changed;
            }
        }
        String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
    }
}

/// Replaces a path wherever it stands as a whole or as the beginning of a longer one, but not behind a
/// byte that makes it the end of another.
fn replace(text: &[u8], from: &str, to: &str, joins: fn(u8) -> bool) -> Option<Vec<u8>> {
    let from = from.as_bytes();
    let mut out = Vec::new();
    let mut rest = text;
    let mut done = false;
    while let Some(at) = find(rest, from) {
        let end = at + from.len();
        let goes_on = rest.get(end).is_some_and(|it| is_name(*it));
        let began = at.checked_sub(1).map(|it| rest[it]).is_some_and(joins);
        out.extend_from_slice(&rest[..at]);
        if goes_on || began {
            out.extend_from_slice(from);
        } else {
            out.extend_from_slice(to.as_bytes());
            done = true;
        }
        rest = &rest[end..];
    }
    out.extend_from_slice(rest);
    done.then_some(out)
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    let first = *wanted.first()?;
    let mut from = 0;
    while let Some(at) = text[from..].iter().position(|it| *it == first) {
        if text[from + at..].starts_with(wanted) {
            return Some(from + at);
        }
        from += at + 1;
    }
    None
}

/// Whether a byte beside a path makes it the path of something else.
fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names<'a>() -> Names<'a> {
        Names::new([
            (
                Utf8Path::new("/c/loop/one/tree"),
                Utf8Path::new("/factory/tree"),
            ),
            (
                Utf8Path::new("/c/loop/builds/one"),
                Utf8Path::new("/factory/build"),
            ),
        ])
    }

    #[test]
    fn a_command_sees_its_folders_under_their_shown_names() {
        let mut command = Command::new("/c/loop/one/tree/run.sh", "/c/loop/one/tree/sub")
            .arg("--config=[\"/c/loop/builds/one/runner.sh\"]")
            .arg("/c/loop/builds/one-more/x")
            .arg("-I/c/loop/one/tree/include")
            .arg("/c/loop/one/tree.lock")
            .env("P", "/c/loop/one/tree:/c/loop/one/tree/src");
        names().show(&mut command);
        assert_eq!(command.program, "/factory/tree/run.sh");
        assert_eq!(command.cwd, "/factory/tree/sub");
        assert_eq!(command.args[0], "--config=[\"/factory/build/runner.sh\"]");
        assert_eq!(command.args[1], "/c/loop/builds/one-more/x");
        assert_eq!(command.args[2], "-I/factory/tree/include");
        assert_eq!(command.args[3], "/c/loop/one/tree.lock");
        assert_eq!(command.env[0].1, "/factory/tree:/factory/tree/src");
    }

    #[test]
    fn output_names_what_there_is() {
        let told = names().tell(b"/factory/tree/a.py:1: bad\n\xff /old/factory/tree".to_vec());
        assert_eq!(
            told,
            b"/c/loop/one/tree/a.py:1: bad\n\xff /old/factory/tree"
        );
    }
}
