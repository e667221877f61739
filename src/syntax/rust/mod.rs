//! Rust: items, attributes, constants; what each view shares about the grammar.

use std::ops::Range;

use tree_sitter::Node;

use super::edits::Table;
use super::tree::{ancestors, children, field, line, text, walk};
use super::{Item, Language};

mod failures;
mod inline;
mod mutants;
pub(super) mod outline;
mod suppressions;
mod surface;
mod test_items;
mod types;

/// Rust's line in the list of languages.
pub(super) const LANGUAGE: Language = Language {
    extensions: &["rs"],
    grammar: || tree_sitter_rust::LANGUAGE.into(),
    items,
    mutants: mutants::mutants,
    suppressions: suppressions::suppressions,
    tests: test_items::tests,
    test_spans: test_items::spans,
    failure_paths: failures::failure_paths,
    constants,
    surface: surface::surface,
    inline: inline::found,
    edits: &EDITS,
};

/// What edits of Rust are made from.
const EDITS: Table = Table {
    blocks: &["block"],
    is_statement: |kind| matches!(kind, "expression_statement" | "let_declaration"),
    closed: &[
        "function_item",
        "macro_invocation",
        "macro_definition",
        "const_block",
        "const_item",
        "attribute_item",
    ],
    loops: &["for_expression", "while_expression", "loop_expression"],
    exits: &["break;", "continue;"],
    empty: "",
    call: "call_expression",
    receiver: Some(("field_expression", "value")),
    hazards: &["unsafe_block"],
};

/// Attributes whose last path segment makes a function a test.
const TEST_ATTRIBUTES: [&str; 10] = [
    "test",
    "rstest",
    "case",
    "test_case",
    "test_matrix",
    "quickcheck",
    "proptest",
    "bench",
    "wasm_bindgen_test",
    "fixture",
];

/// Returns functions and methods that have a body.
fn items(root: Node<'_>, source: &str) -> Vec<Item> {
    functions(root)
        .into_iter()
        .filter_map(|node| item(node, source))
        .collect()
}

/// Returns the nodes of all functions, nested ones included.
fn functions(root: Node<'_>) -> Vec<Node<'_>> {
    let mut found = Vec::new();
    walk(root, |node| {
        if node.kind() == "function_item" {
            found.push(node);
        }
        true
    });
    found
}

fn item(node: Node<'_>, source: &str) -> Option<Item> {
    let body = node.child_by_field_name("body")?;
    Some(Item {
        name: qualified(node, source),
        public: is_public(node, source),
        test: in_test(node, source),
        line: line(node),
        span: node.byte_range(),
        body: body.byte_range(),
    })
}

/// Returns the name of an item with the types, traits, modules and functions around it.
fn qualified(node: Node<'_>, source: &str) -> String {
    let mut names: Vec<&str> = ancestors(node)
        .filter_map(|it| scope_name(it, source))
        .collect();
    names.reverse();
    names.push(field(node, "name", source).unwrap_or("_"));
    names.join("::")
}

fn scope_name<'s>(node: Node<'_>, source: &'s str) -> Option<&'s str> {
    match node.kind() {
        "impl_item" => node
            .child_by_field_name("type")
            .map(|it| base_name(it, source)),
        "trait_item" | "mod_item" | "function_item" => field(node, "name", source),
        _ => None,
    }
}

/// Returns `Foo` of `a::Foo<T>` and of `&Foo`.
fn base_name<'s>(ty: Node<'_>, source: &'s str) -> &'s str {
    let inner = match ty.kind() {
        "generic_type" | "reference_type" => ty.child_by_field_name("type"),
        "scoped_type_identifier" => ty.child_by_field_name("name"),
        _ => None,
    };
    inner.map_or_else(|| text(ty, source), |it| base_name(it, source))
}

/// Plain `pub`, a method of a trait's implementation, or a default method of a `pub` trait.
fn is_public(node: Node<'_>, source: &str) -> bool {
    let owner = ancestors(node)
        .find(|it| !matches!(it.kind(), "declaration_list" | "block"))
        .filter(|it| matches!(it.kind(), "impl_item" | "trait_item" | "function_item"));
    match owner.map(|it| (it.kind(), it)) {
        Some(("impl_item", owner)) if owner.child_by_field_name("trait").is_some() => true,
        Some(("trait_item", owner)) => has_plain_pub(owner, source),
        Some(("function_item", _)) => false,
        _ => has_plain_pub(node, source),
    }
}

fn has_plain_pub(node: Node<'_>, source: &str) -> bool {
    children(node)
        .into_iter()
        .any(|it| it.kind() == "visibility_modifier" && text(it, source) == "pub")
}

/// One attribute: its path, and its arguments without white space and string contents.
struct Attribute {
    path: String,
    arguments: String,
}

impl Attribute {
    /// Reads the `attribute` node of an attribute item.
    fn of(item: Node<'_>, source: &str) -> Option<Self> {
        let attribute = children(item)
            .into_iter()
            .find(|it| it.kind() == "attribute")?;
        let path = attribute.named_child(0)?;
        Some(Self {
            path: squeezed(path, source),
            arguments: attribute
                .child_by_field_name("arguments")
                .map(|it| squeezed(it, source))
                .unwrap_or_default(),
        })
    }

    fn last_segment(&self) -> &str {
        self.path.rsplit("::").next().unwrap_or(&self.path)
    }

    fn is_test(&self) -> bool {
        TEST_ATTRIBUTES.contains(&self.last_segment())
    }

    fn is_cfg_test(&self) -> bool {
        self.path == "cfg"
            && !self.arguments.contains("not(test")
            && self
                .arguments
                .split(|it: char| !(it.is_alphanumeric() || it == '_'))
                .any(|it| it == "test")
    }
}

/// Returns a node's tokens without white space, strings emptied.
fn squeezed(node: Node<'_>, source: &str) -> String {
    let mut joined = String::new();
    walk(node, |it| {
        if matches!(it.kind(), "string_literal" | "raw_string_literal") {
            joined.push_str("\"\"");
            return false;
        }
        if it.child_count() == 0 {
            joined.push_str(text(it, source));
        }
        true
    });
    joined
}

/// Returns the attribute items that stand before an item.
fn attribute_items(node: Node<'_>) -> Vec<Node<'_>> {
    let mut found: Vec<Node<'_>> = std::iter::successors(node.prev_sibling(), Node::prev_sibling)
        .take_while(|it| {
            matches!(
                it.kind(),
                "attribute_item" | "line_comment" | "block_comment"
            )
        })
        .filter(|it| it.kind() == "attribute_item")
        .collect();
    found.reverse();
    found
}

fn attributes(node: Node<'_>, source: &str) -> Vec<Attribute> {
    attribute_items(node)
        .into_iter()
        .filter_map(|it| Attribute::of(it, source))
        .collect()
}

/// Returns whether a node is, or is in, code that only tests compile.
fn in_test(node: Node<'_>, source: &str) -> bool {
    std::iter::once(node)
        .chain(ancestors(node))
        .any(|it| match it.kind() {
            "source_file" => has_inner_cfg_test(it, source),
            "mod_item" => {
                is_marked_test(it, source)
                    || it
                        .child_by_field_name("body")
                        .is_some_and(|body| has_inner_cfg_test(body, source))
            }
            "function_item"
            | "impl_item"
            | "const_item"
            | "static_item"
            | "macro_definition"
            | "macro_invocation"
            | "expression_statement" => is_marked_test(it, source),
            _ => false,
        })
}

fn is_marked_test(node: Node<'_>, source: &str) -> bool {
    attributes(node, source)
        .iter()
        .any(|it| it.is_test() || it.is_cfg_test())
}

fn has_inner_cfg_test(node: Node<'_>, source: &str) -> bool {
    children(node)
        .into_iter()
        .filter(|it| it.kind() == "inner_attribute_item")
        .filter_map(|it| Attribute::of(it, source))
        .any(|it| it.is_cfg_test())
}

/// Returns the value ranges of the constants and statics of that name outside functions; `name` may
/// be qualified (`Parser::LIMIT`).
fn constants(root: Node<'_>, source: &str, name: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    walk(root, |node| {
        if matches!(node.kind(), "const_item" | "static_item") && is_named(node, source, name) {
            found.extend(node.child_by_field_name("value").map(|it| it.byte_range()));
        }
        node.kind() != "function_item"
    });
    found
}

fn is_named(node: Node<'_>, source: &str, name: &str) -> bool {
    let full = qualified(node, source);
    full == name || full.ends_with(&format!("::{name}"))
}

#[cfg(test)]
mod tests;
