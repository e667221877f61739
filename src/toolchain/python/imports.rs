//! Imports of the standard library that nothing in their file uses, where no linter is there to tell.
//!
//! Only what is certain is told. A name counts as used where the file says it once more, in a comment or
//! a text too; modules of others may be imported for what they do, so that they are left alone, and so
//! are files that another may take the name from.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use camino::{Utf8Path, Utf8PathBuf};

use super::unused::TOOL;
use crate::model::finding::Finding;
use crate::process::Error;
use crate::syntax::{Import, imports};
use crate::toolchain::job::write;
use crate::toolchain::{Job, Outcome};

/// The rule's name.
pub(super) const RULE: &str = "unused-import";
/// Modules that do nothing to anybody by being imported.
const HARMLESS: &[&str] = &[
    "abc",
    "argparse",
    "array",
    "ast",
    "base64",
    "bisect",
    "calendar",
    "cmath",
    "collections",
    "configparser",
    "contextlib",
    "copy",
    "csv",
    "dataclasses",
    "datetime",
    "decimal",
    "difflib",
    "enum",
    "errno",
    "fnmatch",
    "fractions",
    "functools",
    "getpass",
    "glob",
    "gzip",
    "hashlib",
    "heapq",
    "hmac",
    "html",
    "inspect",
    "io",
    "itertools",
    "json",
    "keyword",
    "math",
    "numbers",
    "operator",
    "os",
    "pathlib",
    "pickle",
    "platform",
    "pprint",
    "random",
    "re",
    "secrets",
    "shlex",
    "shutil",
    "statistics",
    "string",
    "struct",
    "subprocess",
    "sys",
    "tempfile",
    "textwrap",
    "threading",
    "time",
    "timeit",
    "token",
    "tokenize",
    "traceback",
    "types",
    "typing",
    "unicodedata",
    "uuid",
    "weakref",
    "zlib",
];
/// Files whose names others take without saying so.
const OPEN: &[&str] = &["__init__.py", "conftest.py", "setup.py"];
/// A file with one of these may use a name that it does not say.
const DYNAMIC: &[&str] = &[
    "eval",
    "exec",
    "globals",
    "locals",
    "vars",
    "__all__",
    "__getattr__",
];

/// Returns a finding for each of them.
pub(super) fn findings(job: &Job<'_>) -> Vec<Finding> {
    let files = files(&job.dir());
    let finding = |path: &Utf8Path, it: &Import| {
        Some(Finding {
            path: job.in_tree(path.as_str())?,
            line: it.line,
            column: 1,
            tool: TOOL.to_owned(),
            rule: RULE.to_owned(),
            message: format!("`{}` is imported and not used", it.bound),
            fixable: true,
        })
    };
    let found = files.iter().flat_map(|(path, text)| {
        let unused = unused(path, text, &files);
        let told = unused.iter().filter_map(|it| finding(path, it));
        told.collect::<Vec<_>>()
    });
    found.collect()
}

/// Removes them from files that may be touched.
pub(super) fn fix(
    job: &Job<'_>,
    may_touch: &(dyn Fn(&Utf8Path) -> bool + Sync),
) -> Result<Outcome<usize>, Error> {
    let files = files(&job.dir());
    let mut changed = 0;
    for (path, text) in &files {
        let unused = unused(path, text, &files);
        let is_ours = job.in_tree(path.as_str()).is_some_and(|it| may_touch(&it));
        if is_ours && !unused.is_empty() {
            write(&job.dir().join(path), &without(text, &unused))?;
            changed += 1;
        }
    }
    Ok(Outcome::Measured(changed))
}

/// Reads every file of Python below a folder.
fn files(dir: &Utf8Path) -> BTreeMap<Utf8PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut waiting = vec![dir.to_owned()];
    while let Some(folder) = waiting.pop() {
        for entry in folder.read_dir_utf8().into_iter().flatten().flatten() {
            let path = entry.path();
            let kind = entry.file_type();
            if kind.as_ref().is_ok_and(std::fs::FileType::is_dir) {
                if !entry.file_name().starts_with('.') {
                    waiting.push(path.to_owned());
                }
            } else if kind.is_ok_and(|it| it.is_file())
                && path.extension() == Some("py")
                && let Ok(relative) = path.strip_prefix(dir)
                && let Ok(text) = std::fs::read_to_string(path)
            {
                found.insert(relative.to_owned(), text);
            }
        }
    }
    found
}

fn unused(path: &Utf8Path, text: &str, files: &BTreeMap<Utf8PathBuf, String>) -> Vec<Import> {
    let is_open = path.file_name().is_none_or(|it| OPEN.contains(&it));
    if is_open || DYNAMIC.iter().any(|it| says(text, it)) {
        return Vec::new();
    }
    let all = imports(text);
    let is_plain = |it: &&Import| {
        it.unconditional
            && it
                .module
                .split('.')
                .next()
                .is_some_and(|it| HARMLESS.contains(&it))
            && it.name.as_deref() != Some("*")
            && !text[it.span.clone()]
                .ends_with(&format!(" as {}", it.name.as_deref().unwrap_or(&it.module)))
            && is_alone(text, &it.statement)
            && !is_said_again(text, it)
    };
    let plain: Vec<Import> = all.iter().filter(is_plain).cloned().collect();
    if plain.is_empty() {
        return plain;
    }
    let module = path.file_stem().unwrap_or_default();
    let others: Vec<&String> = files
        .iter()
        .filter(|(other, text)| *other != path && says(text, module))
        .map(|it| it.1)
        .collect();
    let is_taken = |it: &Import| others.iter().any(|text| says(text, &it.bound));
    plain.into_iter().filter(|it| !is_taken(it)).collect()
}

/// Returns whether a statement fills its lines, with no comment that may speak of it.
fn is_alone(text: &str, statement: &Range<usize>) -> bool {
    let lines = whole_lines(text, statement);
    let around = [
        &text[lines.start..statement.start],
        &text[statement.end..lines.end],
    ];
    around.iter().all(|it| it.trim().is_empty())
        && !text[statement.clone()].contains(['#', '\\'])
        && !text[statement.clone()].contains("\n\n")
}

fn whole_lines(text: &str, span: &Range<usize>) -> Range<usize> {
    let start = text[..span.start].rfind('\n').map_or(0, |it| it + 1);
    let end = text[span.end..]
        .find('\n')
        .map_or(text.len(), |it| span.end + it + 1);
    start..end
}

fn is_said_again(text: &str, import: &Import) -> bool {
    let (before, after) = (&text[..import.span.start], &text[import.span.end..]);
    says(before, &import.bound) || says(after, &import.bound)
}

/// Returns the text without these entries; a statement that is left without any goes with its lines.
fn without(text: &str, unused: &[Import]) -> String {
    let gone: BTreeSet<usize> = unused.iter().map(|it| it.span.start).collect();
    let mut statements: BTreeMap<usize, Vec<Import>> = BTreeMap::new();
    for import in imports(text) {
        statements
            .entry(import.statement.start)
            .or_default()
            .push(import);
    }
    let mut result = text.to_owned();
    for entries in statements.values().rev() {
        let kept: Vec<&Import> = entries
            .iter()
            .filter(|it| !gone.contains(&it.span.start))
            .collect();
        if kept.len() == entries.len() {
            continue;
        }
        let (first, last) = (&entries[0], &entries[entries.len() - 1]);
        if kept.is_empty() {
            result.replace_range(with_blank(text, whole_lines(text, &first.statement)), "");
        } else {
            let names: Vec<&str> = kept.iter().map(|it| &text[it.span.clone()]).collect();
            let between = &text[first.span.end..entries[1].span.start];
            result.replace_range(first.span.start..last.span.end, &names.join(between));
        }
    }
    result
}

/// Returns whether a word stands in a text.
fn says(text: &str, word: &str) -> bool {
    let is_part = |it: char| it.is_alphanumeric() || it == '_';
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + word.len()..].chars().next();
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    })
}

/// Adds the blank line that follows, where one comes before as well.
fn with_blank(text: &str, lines: Range<usize>) -> Range<usize> {
    let before = text[..lines.start].trim_end_matches(' ');
    let is_after_blank = before.is_empty() || before.ends_with("\n\n");
    let is_before_blank = text[lines.end..].starts_with('\n');
    let more = usize::from(is_after_blank && is_before_blank);
    lines.start..lines.end + more
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(files: &[(&str, &str)]) -> Vec<String> {
        let files: BTreeMap<Utf8PathBuf, String> = files
            .iter()
            .map(|(path, text)| ((*path).into(), (*text).to_owned()))
            .collect();
        let of = |(path, text): (&Utf8PathBuf, &String)| unused(path, text, &files);
        files.iter().flat_map(of).map(|it| it.bound).collect()
    }

    #[test]
    fn only_a_name_that_nobody_says_is_told() {
        assert_eq!(
            told(&[("a.py", "import os\nimport re\n\nre.compile('x')\n")]),
            ["os"]
        );
        assert_eq!(
            told(&[("a.py", "from os import path, sep\n\nprint(sep)\n")]),
            ["path"]
        );
        for text in [
            "import os  # noqa\n",
            "import os\n__all__ = []\n",
            "import os as os\n",
            "from os import path as path\n",
            "from os import *\n",
            "import readline\n",
            "from __future__ import annotations\n",
            "from typing import List\n\ndef f(x: 'List[int]'): ...\n",
            "if TYPE_CHECKING:\n    import os\n",
            "try:\n    import json\nexcept ImportError:\n    x = 1\n",
            "import os; x = 1\n",
            "import os\n\nprint(eval('1'))\n",
            "import re as n\n\nx = 1-n\n",
        ] {
            assert!(told(&[("a.py", text)]).is_empty(), "{text}");
        }
        assert!(told(&[("__init__.py", "import os\n")]).is_empty());
    }

    #[test]
    fn a_name_that_another_file_may_take_from_here_is_used() {
        let module = ("shapes.py", "import os\n");
        assert!(told(&[module, ("b.py", "from shapes import os\n")]).is_empty());
        assert!(told(&[module, ("b.py", "patch('pkg.shapes.os')\n")]).is_empty());
        assert_eq!(told(&[module, ("b.py", "import os\nprint(os)\n")]), ["os"]);
    }

    #[test]
    fn what_is_removed_leaves_the_layout() {
        let removed = |text: &str| without(text, &unused("a.py".into(), text, &BTreeMap::new()));
        assert_eq!(
            removed("\"\"\"A.\"\"\"\n\nimport os\n\n\ndef f():\n    pass\n"),
            "\"\"\"A.\"\"\"\n\n\ndef f():\n    pass\n"
        );
        assert_eq!(
            removed("import os\nimport re\n\nx = re\n"),
            "import re\n\nx = re\n"
        );
        assert_eq!(removed("import os, re\nx = re\n"), "import re\nx = re\n");
        assert_eq!(
            removed("from typing import (\n    Any,\n    Dict,\n    List,\n)\nx = Any, List\n"),
            "from typing import (\n    Any,\n    List,\n)\nx = Any, List\n"
        );
    }
}
