//! Syntax of Rust by the compiler that first had it.

use std::sync::LazyLock;

use regex::Regex;
use tree_sitter::Node;

use super::Version;
use crate::syntax::tree::{ancestors, children, field, text};

/// Macros of the standard library whose first text is a format.
const FORMATS: [&str; 13] = [
    "format",
    "print",
    "println",
    "eprint",
    "eprintln",
    "write",
    "writeln",
    "panic",
    "assert",
    "assert_eq",
    "todo",
    "unimplemented",
    "unreachable",
];

/// A name between braces, `{{` aside.
static NAMED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?:^|[^{])(?:\{\{)*\{[A-Za-z_][A-Za-z0-9_]*(?::[^}]*)?\}")
        .expect("a constant pattern")
});

pub(super) fn needs(node: Node<'_>, source: &str) -> Vec<(&'static str, Version)> {
    let has = |kind: &str| children(node).iter().any(|it| it.kind() == kind);
    let one = |is: bool, name, minor| Vec::from_iter(is.then_some((name, (1, minor))));
    match node.kind() {
        "let_declaration" => one(
            node.child_by_field_name("alternative").is_some(),
            "`let … else`",
            65,
        ),
        "let_chain" => one(true, "a chain of `let`", 88),
        "string_literal" | "raw_string_literal" => one(
            text(node, source).starts_with('c'),
            "a literal `c\"…\"`",
            77,
        ),
        "closure_expression" => one(has("async"), "an `async` closure", 85),
        "reference_expression" => one(has("raw"), "`&raw`", 82),
        "const_block" => one(true, "a `const` block", 79),
        "const_parameter" => one(true, "a constant as a parameter of a type", 51),
        "use_bounds" => one(true, "`use<…>`", 82),
        "assignment_expression" => {
            let left = node.child_by_field_name("left").map_or("", |it| it.kind());
            let is_pattern = matches!(
                left,
                "tuple_expression" | "array_expression" | "struct_expression"
            );
            one(is_pattern, "an assignment to a pattern", 59)
        }
        "range_pattern" => range(node, source),
        "associated_type" => one(
            has("type_parameters"),
            "an associated type with parameters",
            65,
        ),
        "type_item" => {
            let is_inside = ancestors(node).any(|it| it.kind() == "impl_item");
            one(
                is_inside && has("type_parameters"),
                "an associated type with parameters",
                65,
            )
        }
        "function_item" | "function_signature_item" => in_trait(node, source),
        "attribute" => attribute(node, source),
        "block" => one(has("label"), "a block with a label", 65),
        "macro_invocation" => one(names_in_format(node, source), "a name in a format text", 58),
        _ => Vec::new(),
    }
}

/// `..5` and `1..5` came late, `5..` earlier, `1..=5` is old.
fn range(node: Node<'_>, source: &str) -> Vec<(&'static str, Version)> {
    let text = text(node, source);
    if text.contains("..=") || text.contains("...") {
        let is_open = text.starts_with("..");
        return Vec::from_iter(is_open.then_some(("an open range as a pattern", (1, 55))));
    }
    let version = if text.ends_with("..") {
        (1, 55)
    } else {
        (1, 80)
    };
    vec![("an open range as a pattern", version)]
}

fn in_trait(node: Node<'_>, source: &str) -> Vec<(&'static str, Version)> {
    let list = node.parent().and_then(|it| it.parent());
    let is_in_trait = list.is_some_and(|it| {
        it.kind() == "trait_item"
            || (it.kind() == "impl_item" && it.child_by_field_name("trait").is_some())
    });
    if !is_in_trait {
        return Vec::new();
    }
    let mut found = Vec::new();
    let modifiers = children(node)
        .into_iter()
        .find(|it| it.kind() == "function_modifiers");
    // An attribute on the function itself may rewrite it.
    let is_marked = node
        .prev_sibling()
        .is_some_and(|it| it.kind() == "attribute_item");
    if modifiers.is_some_and(|it| text(it, source).contains("async")) && !is_marked {
        found.push(("an `async fn` in a trait", (1, 75)));
    }
    if field(node, "return_type", source).is_some_and(|it| it.starts_with("impl ")) {
        found.push(("`impl` returned in a trait", (1, 75)));
    }
    found
}

fn attribute(node: Node<'_>, source: &str) -> Vec<(&'static str, Version)> {
    let name = node.named_child(0).map_or("", |it| text(it, source));
    let is_of_variant = || {
        let item = node.parent().and_then(|it| it.parent());
        item.is_some_and(|it| it.kind() == "enum_variant_list")
    };
    match name {
        "expect" => vec![("`#[expect]`", (1, 81))],
        "default" if is_of_variant() => vec![("`#[default]` of an enum", (1, 62))],
        _ => Vec::new(),
    }
}

fn names_in_format(node: Node<'_>, source: &str) -> bool {
    let is_format = field(node, "macro", source).is_some_and(|it| FORMATS.contains(&it));
    let tokens = children(node)
        .into_iter()
        .find(|it| it.kind() == "token_tree");
    let texts = tokens.map(children).unwrap_or_default();
    let mut literals = texts.iter().filter(|it| it.kind() == "string_literal");
    is_format && literals.any(|it| NAMED.is_match(text(*it, source)))
}
