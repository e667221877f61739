//! Tests inside Python files: test functions and classes at the top, and doctests in docstrings.

use std::ops::Range;

use tree_sitter::Node;

use super::{hash, is_test_class, is_test_function, is_test_setting, qualified, with_decorators};
use crate::syntax::inline::{Doc, DocStyle, Found, Inner, Unit, indent_of};
use crate::syntax::tokens::Tokens;
use crate::syntax::tree::{children, field, parts, text, walk};

/// Returns the inline tests of a file.
pub(super) fn found(root: Node<'_>, source: &str) -> Found {
    let mut found = Found::default();
    for statement in parts(root) {
        found.units.extend(top(statement, source));
    }
    walk(root, |node| {
        match node.kind() {
            "module" => found.docs.push(doc(node, node, source)),
            "class_definition" | "function_definition" => {
                found.docs.extend(
                    node.child_by_field_name("body")
                        .map(|body| doc(node, body, source)),
                );
            }
            _ => {}
        }
        true
    });
    found
}

/// Returns a test at the top of a file, or a class that may once have been one.
fn top(statement: Node<'_>, source: &str) -> Option<Unit> {
    let inner = defined(statement);
    match inner.kind() {
        "function_definition" if is_test_function(inner, source) => {
            Some(leaf(statement, inner, source))
        }
        "class_definition" => Some(class(statement, inner, source)),
        "assignment" if is_test_setting(inner, source) => Some(leaf(statement, inner, source)),
        _ => None,
    }
}

/// Returns the definition in a decorated one, and the assignment in a statement.
fn defined(statement: Node<'_>) -> Node<'_> {
    match statement.kind() {
        "decorated_definition" => statement.child_by_field_name("definition"),
        "expression_statement" => statement.named_child(0),
        _ => None,
    }
    .unwrap_or(statement)
}

fn leaf(statement: Node<'_>, inner: Node<'_>, source: &str) -> Unit {
    let name = match inner.kind() {
        "function_definition" | "class_definition" => qualified(inner, source),
        "assignment" => field(inner, "left", source).unwrap_or("_").to_owned(),
        _ => hash(statement, source),
    };
    Unit {
        key: format!("{} {name}", inner.kind()),
        name,
        hash: hash(statement, source),
        span: statement.byte_range(),
        anew: String::new(),
        home: String::new(),
        test: true,
        inner: None,
    }
}

/// A class is one of tests when it is called so and has one: `TestClient` may be a product.
fn class(statement: Node<'_>, class: Node<'_>, source: &str) -> Unit {
    let body = class.child_by_field_name("body");
    let statements = body.map(parts).unwrap_or_default();
    let has_tests = statements.iter().map(|it| defined(*it)).any(|it| {
        it.kind() == "function_definition"
            && field(it, "name", source).is_some_and(|it| it.starts_with("test"))
    });
    let is_block = body.is_some_and(|it| it.start_position().row > class.start_position().row);
    let mut unit = leaf(statement, class, source);
    unit.test = has_tests && is_test_class(class, source);
    if is_block && unit.test {
        let mut head = Tokens::default();
        super::collect(statement, source, &mut head, |it| Some(it) == body);
        let units = statements.iter();
        unit.inner = Some(Inner {
            head: head.hash(),
            end: statement.end_byte(),
            units: units.map(|it| leaf(*it, defined(*it), source)).collect(),
        });
    }
    unit
}

/// Returns the docstring of a module, class or function. All its examples are one test, because they
/// run one after another.
fn doc(node: Node<'_>, body: Node<'_>, source: &str) -> Doc {
    let first = parts(body).first().copied();
    let string = first
        .filter(|it| it.kind() == "expression_statement")
        .and_then(|it| it.named_child(0))
        .filter(|it| it.kind() == "string");
    let owner = match node.kind() {
        "module" => String::new(),
        _ => qualified(node, source),
    };
    let end = first.map_or(body.start_byte(), |it| with_decorators(it).start_byte());
    let indent = indent_of(source, end);
    let is_own_line = node.kind() == "module" || !indent.is_empty();
    let after = if is_own_line {
        format!("\n{indent}")
    } else {
        "; ".to_owned()
    };
    Doc {
        owner,
        style: DocStyle::Text,
        blocks: string
            .map(|it| (examples(text(it, source)), place(it)))
            .into_iter()
            .collect(),
        end,
        around: (String::new(), after),
        whole: string.map_or("", |it| text(it, source)).to_owned(),
    }
}

fn place(string: Node<'_>) -> Range<usize> {
    debug_assert!(!children(string).is_empty());
    string.byte_range()
}

/// Returns the lines of the examples: what is typed, and what is expected up to the next blank line.
fn examples(docstring: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut indent = None;
    for line in docstring.lines() {
        let start = line.len() - line.trim_start().len();
        let body = line.trim_end().trim_end_matches(['"', '\'']);
        let words = line.trim();
        if words.starts_with(">>>") {
            indent = Some(start);
        } else if words.is_empty() || body.trim().is_empty() {
            indent = None;
        }
        if let Some(indent) = indent {
            found.push(line[indent.min(start)..].trim_end().to_owned());
        }
    }
    found
}
