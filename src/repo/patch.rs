//! Differences as text and as lines, computed from bytes alone: no attribute file has a say.

use git2::{DiffLine, DiffOptions, Oid, Patch};

use super::change::Change;
use super::diff::Delta;
use super::tree::{MODE_LINK, MODE_SUBMODULE};
use super::{Error, Target};
use crate::model::experiment::DiffSize;
use crate::model::id::TreeSha;

/// How many bytes are searched for a NUL, as in git.
const BINARY_PROBE: usize = 8_000;

impl Target {
    /// Returns the difference as a unified diff with three lines of context, which `git apply` takes
    /// where no file is binary.
    pub fn diff_text(&self, from: &TreeSha, to: &TreeSha) -> Result<String, Error> {
        let mut text = Vec::new();
        for delta in self.deltas(from, to)? {
            self.write_patch(&delta, &mut text)?;
        }
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    /// Returns the size of the difference; binary files count as files only.
    pub fn diff_size(&self, from: &TreeSha, to: &TreeSha) -> Result<DiffSize, Error> {
        let mut size = DiffSize::default();
        for delta in self.deltas(from, to)? {
            size.files += 1;
            let (old, new) = (self.side(&delta, Side::Old)?, self.side(&delta, Side::New)?);
            if is_binary(&old) || is_binary(&new) {
                continue;
            }
            for_each_line(&old, &new, &mut |line| match line.origin() {
                '+' => size.added += 1,
                '-' => size.removed += 1,
                _ => {}
            })?;
        }
        Ok(size)
    }

    /// Returns the bytes that git records on one side; a submodule's are its commit.
    pub(super) fn side(&self, delta: &Delta, side: Side) -> Result<Vec<u8>, Error> {
        let entry = match side {
            Side::Old => delta.change.old,
            Side::New => delta.change.new,
        };
        match entry {
            None => Ok(Vec::new()),
            Some(entry) if entry.mode == MODE_SUBMODULE => {
                Ok(format!("Subproject commit {}\n", entry.id).into_bytes())
            }
            Some(entry) => self.contents(entry.id),
        }
    }

    fn write_patch(&self, delta: &Delta, text: &mut Vec<u8>) -> Result<(), Error> {
        let Change { path, old, new } = &delta.change;
        let old_path = delta.renamed_from.as_ref().unwrap_or(path);
        let (a, b) = (quoted("a", old_path.as_str()), quoted("b", path.as_str()));
        text.extend_from_slice(header(delta, &a, &b).as_bytes());
        let before = self.side(delta, Side::Old)?;
        let after = self.side(delta, Side::New)?;
        if before == after {
            return Ok(());
        }
        let a = if old.is_some() { &a } else { "/dev/null" };
        let b = if new.is_some() { &b } else { "/dev/null" };
        if is_binary(&before) || is_binary(&after) {
            text.extend_from_slice(format!("Binary files {a} and {b} differ\n").as_bytes());
            return Ok(());
        }
        text.extend_from_slice(format!("--- {a}\n+++ {b}\n").as_bytes());
        for_each_line(&before, &after, &mut |line| {
            if matches!(line.origin(), ' ' | '+' | '-') {
                text.push(line.origin() as u8);
            }
            if line.origin() != 'F' {
                text.extend_from_slice(line.content());
            }
        })
    }
}

/// The two sides of a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Old,
    New,
}

pub(super) fn is_binary(bytes: &[u8]) -> bool {
    bytes[..bytes.len().min(BINARY_PROBE)].contains(&0)
}

/// Calls back with every line of the difference, headers of hunks included.
pub(super) fn for_each_line(
    old: &[u8],
    new: &[u8],
    tell: &mut dyn FnMut(&DiffLine<'_>),
) -> Result<(), Error> {
    let mut options = DiffOptions::new();
    options
        .context_lines(3)
        .force_text(true)
        .indent_heuristic(true);
    let difference = Error::git("compare two files");
    Patch::from_buffers(old, None, new, None, Some(&mut options))
        .and_then(|mut patch| {
            patch.print(&mut |_, _, line| {
                tell(&line);
                true
            })
        })
        .map_err(difference)
}

fn header(delta: &Delta, a: &str, b: &str) -> String {
    let Change { path, old, new } = &delta.change;
    let mut lines = vec![format!("diff --git {a} {b}")];
    match (old, new) {
        (None, Some(new)) => lines.push(format!("new file mode {:06o}", new.mode)),
        (Some(old), None) => lines.push(format!("deleted file mode {:06o}", old.mode)),
        (Some(old), Some(new)) if old.mode != new.mode => {
            lines.push(format!("old mode {:06o}", old.mode));
            lines.push(format!("new mode {:06o}", new.mode));
        }
        _ => {}
    }
    if let Some(from) = &delta.renamed_from {
        lines.push(format!("rename from {}", quoted("", from.as_str())));
        lines.push(format!("rename to {}", quoted("", path.as_str())));
    }
    let id = |entry: &Option<super::tree::Entry>| entry.map_or(Oid::ZERO_SHA1, |entry| entry.id);
    if id(old) != id(new) {
        lines.push(format!("index {}..{}", id(old), id(new)));
    }
    lines.join("\n") + "\n"
}

/// Returns a path as git prints it: in quotes with escapes where it holds anything special.
fn quoted(prefix: &str, path: &str) -> String {
    let path = if prefix.is_empty() {
        path.to_owned()
    } else {
        format!("{prefix}/{path}")
    };
    let is_special = |c: char| c.is_control() || c == '"' || c == '\\';
    if !path.contains(is_special) {
        return path;
    }
    let escaped: String = path
        .chars()
        .map(|c| match c {
            '"' | '\\' => format!("\\{c}"),
            '\n' => "\\n".to_owned(),
            '\t' => "\\t".to_owned(),
            c if c.is_ascii_control() => format!("\\{:03o}", u32::from(c)),
            c => c.to_string(),
        })
        .collect();
    format!("\"{escaped}\"")
}

/// Returns whether an entry is a link.
pub(super) fn is_link(entry: Option<super::tree::Entry>) -> bool {
    entry.is_some_and(|entry| entry.mode == MODE_LINK)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Fixture, git, write};
    use proptest::prelude::*;

    /// Applies the text with git to the checkout; returns the tree that comes out.
    fn applied(fixture: &Fixture, text: &str) -> String {
        write(&fixture.dir("patch"), text);
        let patch = fixture.dir("patch");
        git(
            &fixture.root,
            &["apply", "--index", "--whitespace=nowarn", patch.as_str()],
        );
        git(&fixture.root, &["write-tree"])
    }

    #[test]
    fn git_applies_what_is_printed() {
        let body = (0..30).fold(String::new(), |text, n| text + &format!("line {n}\n"));
        let fixture = Fixture::with(&[
            ("edit.txt", &body),
            ("gone.txt", "x\ny\n"),
            ("move.txt", &body.replace("line", "row")),
            ("no-newline", "end"),
            ("odd \"name\"\t.txt", "o\n"),
            ("empty", ""),
        ]);
        let target = fixture.target();
        let from = target.head_tree();
        let to = target.changed(
            &from,
            &[
                ("edit.txt", Some(&body.replace("line 15\n", "changed\n"))),
                ("gone.txt", None),
                ("move.txt", None),
                (
                    "moved/there.txt",
                    Some(&(body.replace("line", "row") + "more\n")),
                ),
                ("no-newline", Some("still\nnone")),
                ("odd \"name\"\t.txt", Some("p\n")),
                ("new-empty", Some("")),
                ("naïve.txt", Some("ü\n")),
            ],
        );
        let text = target.diff_text(&from, &to).unwrap();
        assert!(text.contains("rename from move.txt\nrename to moved/there.txt\n"));
        assert_eq!(applied(&fixture, &text), to.as_str());
    }

    #[test]
    fn no_difference_is_no_text() {
        let fixture = Fixture::with(&[("a", "a")]);
        let target = fixture.target();
        let tree = target.head_tree();
        assert_eq!(target.diff_text(&tree, &tree).unwrap(), "");
        assert_eq!(target.diff_size(&tree, &tree).unwrap().files, 0);
    }

    #[test]
    fn any_two_texts_are_told_apart_so_that_git_agrees() {
        let fixture = Fixture::with(&[("f", "x"), ("g", "g")]);
        let target = fixture.target();
        let base = target.head_tree();
        let texts = ("([ab]\n){0,12}[ab]?", "([abc]\n){0,12}[abc]?");
        proptest!(ProptestConfig::with_cases(12), |((old, new) in texts)| {
            let from = target.changed(&base, &[("f", Some(&old))]);
            let to = target.changed(&base, &[("f", Some(&new))]);
            let text = target.diff_text(&from, &to).unwrap();
            if old == new {
                prop_assert_eq!(text, "");
            } else {
                write(&fixture.root.join("f"), &old);
                fixture.git(&["add", "f"]);
                prop_assert_eq!(applied(&fixture, &text), to.as_str());
            }
        });
    }
}
