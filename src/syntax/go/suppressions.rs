//! Go comments and calls that silence a tool or a test.

use tree_sitter::Node;

use crate::syntax::tree::{field, line, text, walk};

/// Returns each silenced rule and each skipped test.
pub(super) fn suppressions(root: Node<'_>, source: &str) -> Vec<(String, u32)> {
    let mut found = Vec::new();
    walk(root, |node| {
        let kinds = match node.kind() {
            "comment" => directives(text(node, source)),
            "call_expression" if is_skip(node, source) => vec!["skip"],
            _ => Vec::new(),
        };
        found.extend(kinds.into_iter().map(|it| (it.to_owned(), line(node))));
        true
    });
    found
}

/// `//nolint:errcheck,gosec // reason`, `//lint:ignore SA1019,ST1000 reason`, `// #nosec G104`.
fn directives(comment: &str) -> Vec<&'static str> {
    let body = comment.trim_start_matches(['/', '*']).trim_start();
    if let Some(rest) = body.strip_prefix("nolint") {
        let is_word = rest.starts_with(|it: char| it.is_alphanumeric() || it == '_');
        let rules = rest.strip_prefix(':').unwrap_or_default();
        return vec!["nolint"; if is_word { 0 } else { n_rules(rules) }];
    }
    let ignored = ["lint:ignore", "lint:file-ignore"];
    if let Some(rest) = ignored.iter().find_map(|it| body.strip_prefix(it)) {
        return vec!["lint_ignore"; n_rules(rest.trim_start())];
    }
    if body.starts_with("revive:disable") {
        return vec!["lint_ignore"];
    }
    if body.starts_with("#nosec") {
        return vec!["nosec"];
    }
    Vec::new()
}

/// Counts the first word's items; none named means every rule, counted once.
fn n_rules(rest: &str) -> usize {
    let list = rest.split_whitespace().next().unwrap_or_default();
    list.split(',').filter(|it| !it.is_empty()).count().max(1)
}

fn is_skip(call: Node<'_>, source: &str) -> bool {
    let Some(function) = field(call, "function", source) else {
        return false;
    };
    matches!(
        function,
        "t.Skip"
            | "t.Skipf"
            | "t.SkipNow"
            | "b.Skip"
            | "b.Skipf"
            | "b.SkipNow"
            | "f.Skip"
            | "f.Skipf"
            | "f.SkipNow"
            | "tb.Skip"
            | "tb.Skipf"
            | "tb.SkipNow"
    )
}
