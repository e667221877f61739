//! JavaScript comments and calls that silence a tool or a test.

use tree_sitter::Node;

use super::{callee_path, test_items};
use crate::syntax::tree::{field, line, parts, text, walk};

/// Comment directives: the kind, the word, and whether a list of rules follows.
const DIRECTIVES: [(&str, &str, bool); 16] = [
    ("eslint_disable", "eslint-disable-next-line", true),
    ("eslint_disable", "eslint-disable-line", true),
    ("eslint_disable", "eslint-disable", true),
    ("eslint_disable", "oxlint-disable-next-line", true),
    ("eslint_disable", "oxlint-disable", true),
    ("eslint_disable", "tslint:disable", false),
    ("eslint_disable", "deno-lint-ignore-file", false),
    ("eslint_disable", "deno-lint-ignore", false),
    ("type_ignore", "@ts-ignore", false),
    ("type_ignore", "@ts-expect-error", false),
    ("type_ignore", "@ts-nocheck", false),
    ("biome_ignore", "biome-ignore", false),
    ("format_ignore", "prettier-ignore", false),
    ("no_coverage", "c8 ignore", false),
    ("no_coverage", "istanbul ignore", false),
    ("no_coverage", "v8 ignore", false),
];

/// Words on a test that keep it, or every other one, from counting.
const SKIPS: [&str; 9] = [
    "skip", "skipIf", "runIf", "only", "todo", "fails", "failing", "fixme", "if",
];

/// Returns each silenced rule and each skipped test.
pub(super) fn suppressions(root: Node<'_>, source: &str) -> Vec<(String, u32)> {
    let mut found = Vec::new();
    walk(root, |node| {
        let kinds = match node.kind() {
            "comment" | "html_comment" => directives(text(node, source)),
            "call_expression" if is_skip(node, source) => vec!["skip"],
            _ => Vec::new(),
        };
        found.extend(kinds.into_iter().map(|it| (it.to_owned(), line(node))));
        true
    });
    found
}

/// Returns the kind of a comment's directive, once per rule it names. The end of a disabled stretch
/// (`c8 ignore stop`) silences nothing by itself.
fn directives(comment: &str) -> Vec<&'static str> {
    let body = comment
        .trim_start_matches(['/', '*', '!'])
        .trim_end_matches('/')
        .trim_end_matches('*')
        .trim();
    let Some((kind, word, lists)) = DIRECTIVES.iter().find(|(_, it, _)| body.starts_with(it))
    else {
        return Vec::new();
    };
    let rest = body[word.len()..].trim();
    let is_end = matches!(rest.split_whitespace().next(), Some("stop" | "end"));
    let n_rules = match () {
        () if is_end => 0,
        () if *lists => n_listed(rest),
        () => 1,
    };
    vec![*kind; n_rules]
}

/// Counts `no-console, no-alert -- reason`; nothing named means every rule, counted once.
fn n_listed(rest: &str) -> usize {
    let list = rest.split("--").next().unwrap_or_default();
    list.split(',')
        .filter(|it| !it.trim().is_empty())
        .count()
        .max(1)
}

/// `it.skip(…)`, `xdescribe(…)`, `test('x', { skip: true }, …)`, `t.skip()`, `this.skip()`.
fn is_skip(call: Node<'_>, source: &str) -> bool {
    let Some(callee) = call.child_by_field_name("function") else {
        return false;
    };
    let path = callee_path(callee, source);
    if matches!(
        path.as_slice(),
        ["t" | "this" | "context" | "ctx", "skip" | "todo"]
    ) {
        return true;
    }
    let is_inner = call
        .parent()
        .is_some_and(|it| it.kind() == "call_expression");
    if is_inner || test_items::role(call, source).is_none() {
        return false;
    }
    let is_marked = path.iter().skip(1).any(|it| SKIPS.contains(it));
    let is_renamed = path.first().is_some_and(|it| {
        matches!(
            *it,
            "xit" | "xtest" | "xdescribe" | "xcontext" | "fit" | "fdescribe"
        )
    });
    is_marked || is_renamed || has_skip_option(call, source)
}

fn has_skip_option(call: Node<'_>, source: &str) -> bool {
    let arguments = call.child_by_field_name("arguments").map(parts);
    arguments
        .unwrap_or_default()
        .into_iter()
        .filter(|it| it.kind() == "object")
        .flat_map(parts)
        .any(|it| {
            let is_off = matches!(field(it, "value", source), None | Some("false"));
            !is_off && field(it, "key", source).is_some_and(|key| SKIPS.contains(&key))
        })
}
