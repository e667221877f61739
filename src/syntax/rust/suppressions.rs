//! Rust attributes that silence a tool or a test.

use tree_sitter::Node;

use super::squeezed;
use crate::syntax::tree::{line, walk};

/// Returns each silenced lint and skipped test; attributes inside macro bodies count too.
pub(super) fn suppressions(root: Node<'_>, source: &str) -> Vec<(String, u32)> {
    let mut found = Vec::new();
    walk(root, |node| {
        if let Some(attribute) = attribute_text(node, source) {
            found.extend(
                kinds(&attribute)
                    .into_iter()
                    .map(|kind| (kind.to_owned(), line(node))),
            );
        }
        true
    });
    found
}

/// Returns what is between `#[` and `]`, squeezed.
fn attribute_text(node: Node<'_>, source: &str) -> Option<String> {
    let is_attribute = match node.kind() {
        "attribute_item" | "inner_attribute_item" => true,
        "token_tree" => node
            .prev_sibling()
            .is_some_and(|it| matches!(it.kind(), "#" | "!") || is_hash_text(it, source)),
        _ => false,
    };
    let squeezed = is_attribute.then(|| squeezed(node, source))?;
    let inner = squeezed.trim_start_matches(['#', '!']);
    Some(inner.strip_prefix('[')?.strip_suffix(']')?.to_owned())
}

fn is_hash_text(node: Node<'_>, source: &str) -> bool {
    &source[node.byte_range()] == "#"
}

/// Returns the kinds one attribute stands for, a kind once per lint it names.
fn kinds(attribute: &str) -> Vec<&'static str> {
    let mut found = Vec::new();
    for (kind, word) in [("allow", "allow("), ("expect", "expect(")] {
        for at in word_starts(attribute, word) {
            let lints = attribute[at + word.len()..].split(')').next().unwrap_or("");
            let n_lints = lints
                .split(',')
                .filter(|it| !it.is_empty() && !it.starts_with("reason="))
                .count();
            found.extend(std::iter::repeat_n(kind, n_lints));
        }
    }
    let is_conditional = attribute.starts_with("cfg_attr(");
    let mut parts = attribute
        .trim_end_matches(')')
        .split(['(', ',', '='])
        .take(if is_conditional { usize::MAX } else { 1 });
    if parts.any(|it| it == "ignore") {
        found.push("skip");
    }
    if ["coverage(off)", "tarpaulin_include", "tarpaulin::skip"]
        .iter()
        .any(|it| attribute.contains(it))
    {
        found.push("no_coverage");
    }
    if attribute.contains("mutants::skip") {
        found.push("no_mutants");
    }
    found
}

/// Returns where a word begins, not in the middle of another.
fn word_starts<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    text.match_indices(word).map(|(at, _)| at).filter(|at| {
        !text[..*at].ends_with(|it: char| it.is_alphanumeric() || matches!(it, '_' | ':' | '"'))
    })
}
