//! Python comments, marks and calls that silence a tool or a test.

use tree_sitter::Node;

use crate::syntax::tree::{ancestors, line, text, walk};

/// Comment directives: the kind, and what follows the `#` (lower case, single spaces).
const DIRECTIVES: [(&str, &str); 11] = [
    ("noqa", "noqa"),
    ("noqa", "ruff: noqa"),
    ("noqa", "flake8: noqa"),
    ("type_ignore", "type: ignore"),
    ("type_ignore", "pyright: ignore"),
    ("type_ignore", "mypy: ignore-errors"),
    ("type_ignore", "mypy: disable-error-code"),
    ("pylint_disable", "pylint: disable"),
    ("pylint_disable", "pylint: skip-file"),
    ("no_coverage", "pragma: no cover"),
    ("no_coverage", "pragma: no branch"),
];

/// Names that skip a test or expect it to fail, as attributes or decorators.
const SKIPS: [&str; 12] = [
    "pytest.mark.skip",
    "pytest.mark.skipif",
    "pytest.mark.xfail",
    "mark.skip",
    "mark.skipif",
    "mark.xfail",
    "pytest.skip",
    "pytest.xfail",
    "pytest.importorskip",
    "self.skipTest",
    "unittest.expectedFailure",
    "unittest.SkipTest",
];

/// Returns each silenced rule and each skipped test.
pub(super) fn suppressions(root: Node<'_>, source: &str) -> Vec<(String, u32)> {
    let mut found = Vec::new();
    walk(root, |node| {
        let kinds = match node.kind() {
            "comment" => directives(text(node, source)),
            "attribute" if is_skip(node, source) => vec!["skip"],
            "identifier" if is_bare_skip(node, source) => vec!["skip"],
            _ => Vec::new(),
        };
        found.extend(kinds.into_iter().map(|it| (it.to_owned(), line(node))));
        true
    });
    found
}

/// Returns the kinds of a comment's directives; one comment can hold several, each with its own `#`.
fn directives(comment: &str) -> Vec<&'static str> {
    comment
        .split('#')
        .flat_map(|part| {
            let part = spaced(part);
            DIRECTIVES
                .iter()
                .filter(|(_, word)| starts_with_word(&part, word))
                .flat_map(|(kind, word)| std::iter::repeat_n(*kind, n_rules(&part[word.len()..])))
                .collect::<Vec<_>>()
        })
        .collect()
}

/// Lower case, with one space behind each colon and between words.
fn spaced(part: &str) -> String {
    part.to_lowercase()
        .replace(':', ": ")
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .replace(" :", ":")
}

fn starts_with_word(part: &str, word: &str) -> bool {
    part.strip_prefix(word)
        .is_some_and(|rest| !rest.starts_with(|it: char| it.is_alphanumeric() || it == '_'))
}

/// Counts the rules behind a directive: `: F401, E501` is two, `[attr-defined]` one, nothing one.
fn n_rules(rest: &str) -> usize {
    let list = rest.trim_start_matches([':', '=', ' ', '[']);
    let list = list.split(']').next().unwrap_or_default();
    let list = list.split(" -").next().unwrap_or_default();
    list.split(',')
        .filter(|it| !it.trim().is_empty())
        .count()
        .max(1)
}

fn is_skip(node: Node<'_>, source: &str) -> bool {
    let name = text(node, source);
    SKIPS.contains(&name) || name.starts_with("unittest.skip")
}

/// `@skip`, `@skipIf(…)`, `@expectedFailure`, `raise SkipTest` after a `from unittest import …`.
fn is_bare_skip(node: Node<'_>, source: &str) -> bool {
    let name = text(node, source);
    let place = |kinds: &[&str]| {
        ancestors(node).take(2).any(|it| kinds.contains(&it.kind()))
            && !ancestors(node).take(1).any(|it| it.kind() == "attribute")
    };
    match name {
        "skip" | "skipIf" | "skipUnless" | "expectedFailure" | "xfail" => place(&["decorator"]),
        "SkipTest" => place(&["raise_statement"]),
        _ => false,
    }
}
