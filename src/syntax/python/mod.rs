//! Python: items, test items, constants; what each view shares about the grammar.

use std::ops::Range;

use tree_sitter::Node;

pub use imports::{Import, imports};

use super::edits::Table;
use super::tokens::{Tokens, normal_quotes};
use super::tree::{Step, ancestors, children, field, line, parts, text, traverse, walk};
use super::{Item, Language};

mod failures;
mod imports;
mod inline;
mod mutants;
mod suppressions;
mod surface;

/// Python's line in the list of languages.
pub(super) const LANGUAGE: Language = Language {
    extensions: &["py"],
    grammar: || tree_sitter_python::LANGUAGE.into(),
    items,
    mutants: mutants::mutants,
    suppressions: suppressions::suppressions,
    tests: test_items,
    test_spans,
    failure_paths: failures::failure_paths,
    constants,
    surface: surface::surface,
    inline: inline::found,
    edits: &EDITS,
};

/// What edits of Python are made from.
const EDITS: Table = Table {
    blocks: &["block"],
    is_statement: |kind| {
        kind.ends_with("_statement")
            && !matches!(
                kind,
                "import_statement"
                    | "import_from_statement"
                    | "future_import_statement"
                    | "pass_statement"
                    | "global_statement"
                    | "nonlocal_statement"
            )
    },
    closed: &[
        "function_definition",
        "class_definition",
        "decorator",
        "lambda",
        "string",
    ],
    loops: &["for_statement", "while_statement"],
    exits: &["break", "continue"],
    empty: "pass",
    call: "call",
    receiver: Some(("attribute", "object")),
    hazards: &[],
};

/// Returns functions and methods; a decorated one begins at its first decorator.
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
        if node.kind() == "function_definition" {
            found.push(node);
        }
        true
    });
    found
}

fn item(node: Node<'_>, source: &str) -> Option<Item> {
    let whole = with_decorators(node);
    Some(Item {
        name: qualified(node, source),
        public: is_public(node, source),
        test: in_test(node, source),
        line: line(whole),
        span: whole.byte_range(),
        body: node.child_by_field_name("body")?.byte_range(),
    })
}

fn with_decorators(node: Node<'_>) -> Node<'_> {
    node.parent()
        .filter(|it| it.kind() == "decorated_definition")
        .unwrap_or(node)
}

/// Returns the names of the classes and functions around a definition, and its own.
fn qualified(node: Node<'_>, source: &str) -> String {
    let mut names: Vec<&str> = scopes(node)
        .filter_map(|it| field(it, "name", source))
        .collect();
    names.reverse();
    names.push(field(node, "name", source).unwrap_or("_"));
    names.join(".")
}

fn scopes(node: Node<'_>) -> impl Iterator<Item = Node<'_>> {
    ancestors(node).filter(|it| matches!(it.kind(), "class_definition" | "function_definition"))
}

/// No leading underscore on it or around it (`__init__` and its kind are public), not in a function.
fn is_public(node: Node<'_>, source: &str) -> bool {
    let is_open = |it: Node<'_>| {
        let name = field(it, "name", source).unwrap_or("_");
        !name.starts_with('_') || (name.starts_with("__") && name.ends_with("__"))
    };
    is_open(node) && scopes(node).all(|it| it.kind() == "class_definition" && is_open(it))
}

/// Returns whether a function is, or is in, a test, a test class, or a fixture.
fn in_test(node: Node<'_>, source: &str) -> bool {
    std::iter::once(node)
        .chain(ancestors(node))
        .any(|it| match it.kind() {
            "function_definition" => is_test_function(it, source),
            "class_definition" => is_test_class(it, source),
            _ => false,
        })
}

fn is_test_function(node: Node<'_>, source: &str) -> bool {
    let name = field(node, "name", source).unwrap_or_default();
    name == "test" || name.starts_with("test_") || is_fixture(node, source)
}

fn is_fixture(node: Node<'_>, source: &str) -> bool {
    decorators(node, source).iter().any(|it| {
        it.starts_with("pytest.fixture") || *it == "fixture" || it.starts_with("fixture(")
    })
}

fn is_test_class(node: Node<'_>, source: &str) -> bool {
    let name = field(node, "name", source).unwrap_or_default();
    let follows_name = name
        .strip_prefix("Test")
        .is_some_and(|rest| !rest.starts_with(char::is_lowercase));
    follows_name || field(node, "superclasses", source).is_some_and(|it| it.contains("TestCase"))
}

/// Returns the decorators of a definition without their `@`.
fn decorators<'s>(node: Node<'_>, source: &'s str) -> Vec<&'s str> {
    let whole = with_decorators(node);
    children(whole)
        .into_iter()
        .filter(|it| it.kind() == "decorator")
        .map(|it| text(it, source).trim_start_matches('@').trim())
        .collect()
}

/// Returns test items with hashes: tests and fixtures with their decorators, and what else a test
/// class or a `pytestmark` says.
fn test_items(root: Node<'_>, source: &str) -> Vec<(String, String)> {
    let named = |node: Node<'_>| match node.kind() {
        "assignment" => (setting_name(node, source), hash(node, source)),
        _ => (qualified(node, source), hash(with_decorators(node), source)),
    };
    test_nodes(root, source).into_iter().map(named).collect()
}

/// Returns the byte ranges of those items, decorators included.
fn test_spans(root: Node<'_>, source: &str) -> Vec<Range<usize>> {
    let nodes = test_nodes(root, source).into_iter();
    nodes.map(|it| with_decorators(it).byte_range()).collect()
}

fn test_nodes<'t>(root: Node<'t>, source: &str) -> Vec<Node<'t>> {
    let mut found = Vec::new();
    walk(root, |node| {
        let is_item = match node.kind() {
            "function_definition" => in_test(node, source),
            "assignment" => is_test_setting(node, source),
            _ => false,
        };
        if is_item {
            found.push(node);
        }
        !is_item
    });
    found
}

/// A class-level assignment of a test class, or `pytestmark`.
fn is_test_setting(node: Node<'_>, source: &str) -> bool {
    let owner = scopes(node).next();
    match owner.map(|it| (it.kind(), it)) {
        Some(("class_definition", class)) => is_test_class(class, source),
        None => field(node, "left", source) == Some("pytestmark"),
        _ => false,
    }
}

fn setting_name(node: Node<'_>, source: &str) -> String {
    let mut names: Vec<&str> = scopes(node)
        .filter_map(|it| field(it, "name", source))
        .collect();
    names.reverse();
    names.push(field(node, "left", source).unwrap_or("_"));
    names.join(".")
}

/// Hashes tokens with the borders of statements and blocks: in Python layout is structure there, and
/// only there.
fn hash(root: Node<'_>, source: &str) -> String {
    let mut tokens = Tokens::default();
    collect(root, source, &mut tokens, |_| false);
    tokens.hash()
}

/// Appends the tokens of a node, without what `skip` is true for.
fn collect<'t>(root: Node<'t>, source: &str, tokens: &mut Tokens, skip: impl Fn(Node<'t>) -> bool) {
    traverse(root, &mut |step| match step {
        Step::Enter(node) => !skip(node) && enter(node, source, tokens),
        Step::Leave(node) => {
            if node.kind() == "block" {
                tokens.push("dedent");
            }
            true
        }
    });
}

fn enter(node: Node<'_>, source: &str, tokens: &mut Tokens) -> bool {
    if node.kind() == "comment" {
        return false;
    }
    if node.is_named() && node.parent().is_some_and(|it| it.kind() == "block") {
        tokens.push("newline");
    }
    if node.kind() == "string" {
        tokens.push(normal_quotes(text(node, source)));
        return false;
    }
    if node.child_count() == 0 {
        if matches!(node.kind(), ")" | "]" | "}") && !closes_one_tuple(node) {
            tokens.drop_trailing_comma();
        }
        tokens.push(text(node, source));
    }
    true
}

fn closes_one_tuple(node: Node<'_>) -> bool {
    node.parent()
        .is_some_and(|it| it.kind() == "tuple" && parts(it).len() == 1)
}

/// Returns the value ranges of module-level or class-level constants of that name (`Class.NAME`)
/// whose value is a literal.
fn constants(root: Node<'_>, source: &str, name: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    walk(root, |node| {
        if node.kind() == "assignment" && setting_name(node, source) == name {
            found.extend(
                node.child_by_field_name("right")
                    .filter(|it| is_literal(*it))
                    .map(|it| it.byte_range()),
            );
        }
        node.kind() != "function_definition"
    });
    found
}

fn is_literal(node: Node<'_>) -> bool {
    match node.kind() {
        "integer" | "float" | "string" | "true" | "false" | "none" => true,
        "unary_operator" => node
            .child_by_field_name("argument")
            .is_some_and(|it| matches!(it.kind(), "integer" | "float")),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
