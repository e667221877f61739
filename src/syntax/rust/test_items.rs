//! Rust test items and the hashes of their token streams.

use std::ops::Range;

use tree_sitter::Node;

use super::{attribute_items, in_test, qualified};
use crate::syntax::tokens::Tokens;
use crate::syntax::tree::{Step, ancestors, children, parts, text, traverse, walk};

/// Kinds whose wording can decide whether a test still means something.
const ITEM_KINDS: [&str; 6] = [
    "function_item",
    "const_item",
    "static_item",
    "macro_definition",
    "macro_invocation",
    "impl_item",
];

/// Returns test items with hashes: functions, constants and macros of test code, and each `fn` in a
/// macro such as `proptest!`.
pub(super) fn tests(root: Node<'_>, source: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for node in test_nodes(root, source) {
        match node.kind() {
            "macro_invocation" => found.extend(macro_tests(node, source)),
            _ => found.push((qualified(node, source), item_hash(node, source))),
        }
    }
    found
}

/// Returns the byte ranges of those items, attributes included.
pub(super) fn spans(root: Node<'_>, source: &str) -> Vec<Range<usize>> {
    let whole = |node: Node<'_>| {
        let start = attribute_items(node)
            .first()
            .map_or(node.start_byte(), Node::start_byte);
        start..node.end_byte()
    };
    test_nodes(root, source).into_iter().map(whole).collect()
}

fn test_nodes<'t>(root: Node<'t>, source: &str) -> Vec<Node<'t>> {
    let mut found = Vec::new();
    walk(root, |node| {
        let is_item = ITEM_KINDS.contains(&node.kind()) && in_test(node, source);
        if !is_item || node.kind() == "impl_item" {
            return true;
        }
        found.push(node);
        false
    });
    found
}

/// Hashes an item with its attributes: `#[ignore]` and `#[should_panic]` change what it means.
pub(super) fn item_hash(node: Node<'_>, source: &str) -> String {
    let mut tokens = Tokens::default();
    for attribute in attribute_items(node) {
        collect(attribute, source, &mut tokens, |_| false);
    }
    collect(node, source, &mut tokens, |_| false);
    tokens.hash()
}

/// Splits a macro's body at its functions, so that one more function leaves the others' hashes alone.
fn macro_tests(node: Node<'_>, source: &str) -> Vec<(String, String)> {
    let prefix: Vec<String> = ancestors(node)
        .filter(|it| it.kind() == "mod_item")
        .map(|it| qualified(it, source))
        .take(1)
        .collect();
    let Some(body) = parts(node).into_iter().find(|it| it.kind() == "token_tree") else {
        return Vec::new();
    };
    let mut found = Vec::new();
    let mut tokens = Tokens::default();
    let mut name = None;
    let inner = children(body);
    for (idx, child) in inner.iter().enumerate() {
        collect(*child, source, &mut tokens, |_| false);
        if child.kind() == "identifier" && idx > 0 && text(inner[idx - 1], source) == "fn" {
            name = Some(text(*child, source));
        }
        let is_body = child.kind() == "token_tree" && text(*child, source).starts_with('{');
        if let (true, Some(function)) = (is_body, name) {
            let path: Vec<&str> = prefix
                .iter()
                .map(String::as_str)
                .chain([function])
                .collect();
            found.push((path.join("::"), std::mem::take(&mut tokens).hash()));
            name = None;
        }
    }
    found
}

/// Appends the tokens of a node, without comments, without what rustfmt adds or drops, and without
/// what `skip` is true for.
pub(super) fn collect<'t>(
    root: Node<'t>,
    source: &str,
    tokens: &mut Tokens,
    skip: impl Fn(Node<'t>) -> bool,
) {
    traverse(root, &mut |step| {
        let Step::Enter(node) = step else {
            return true;
        };
        if skip(node) {
            return false;
        }
        match node.kind() {
            "line_comment" | "block_comment" => return false,
            "string_literal" | "raw_string_literal" | "char_literal" => {
                tokens.push(text(node, source));
                return false;
            }
            _ => {}
        }
        if node.child_count() == 0 && !is_formatting(node) {
            if matches!(node.kind(), ")" | "]" | "}") && !closes_one_tuple(node) {
                tokens.drop_trailing_comma();
            }
            tokens.push(text(node, source));
        }
        true
    });
}

/// `(a,)` is a tuple and `(a)` is not: there the comma is no layout. Inside a macro nothing but what
/// stands before the bracket tells a tuple from a call.
fn closes_one_tuple(node: Node<'_>) -> bool {
    node.parent().is_some_and(|it| match it.kind() {
        "tuple_expression" => parts(it).len() == 1,
        "token_tree" => {
            let is_call = it.prev_sibling().is_some_and(|before| {
                matches!(before.kind(), "identifier" | "token_tree" | "!" | ">")
            });
            let n_commas = children(it).iter().filter(|it| it.kind() == ",").count();
            node.kind() == ")" && !is_call && n_commas == 1
        }
        _ => false,
    })
}

/// The comma behind a match arm, and braces around an arm's or closure's only expression.
fn is_formatting(node: Node<'_>) -> bool {
    let Some(parent) = node.parent() else {
        return false;
    };
    match node.kind() {
        "," => parent.kind() == "match_arm",
        "{" | "}" => parent.kind() == "block" && wraps_one_expression(parent),
        _ => false,
    }
}

fn wraps_one_expression(block: Node<'_>) -> bool {
    let in_arm = block
        .parent()
        .is_some_and(|it| matches!(it.kind(), "match_arm" | "closure_expression"));
    let inner = parts(block);
    let [only] = inner.as_slice() else {
        return false;
    };
    let is_statement = match only.kind() {
        "expression_statement" => children(*only).iter().any(|it| it.kind() == ";"),
        kind => kind.ends_with("_item") || matches!(kind, "let_declaration" | "label"),
    };
    in_arm && !is_statement
}
