//! Go failure paths: where an error is passed on, and where it is swallowed.

use tree_sitter::Node;

use super::{functions, is_test, is_test_file};
use crate::syntax::FailurePath;
use crate::syntax::tree::{any, field, line, parts, text, walk};

/// Functions and methods that tell someone, by the last part of their name.
const TELLING: [&str; 22] = [
    "panic", "Print", "Printf", "Println", "Fatal", "Fatalf", "Fatalln", "Panic", "Panicf",
    "Error", "Errorf", "Warn", "Warnf", "Info", "Infof", "Debug", "Debugf", "Log", "Logf",
    "Fprintf", "Fprintln", "Exit",
];

/// Returns where errors are made, passed on or swallowed; code without failure has no such place.
pub(super) fn failure_paths(root: Node<'_>, source: &str) -> Vec<FailurePath> {
    if is_test_file(root, source) {
        return Vec::new();
    }
    let mut found = Vec::new();
    for function in functions(root) {
        if is_test(function, source) {
            continue;
        }
        walk(function, |node| {
            found.extend(classify(node, source).map(|reports| FailurePath {
                line: line(node),
                reports,
            }));
            true
        });
    }
    found
}

fn classify(node: Node<'_>, source: &str) -> Option<bool> {
    match node.kind() {
        "if_statement" => {
            let error = looked_at(node, source)?;
            Some(tells(
                node.child_by_field_name("consequence")?,
                error,
                source,
            ))
        }
        "return_statement" => makes_error(node, source).then_some(true),
        "call_expression" => (field(node, "function", source) == Some("panic")).then_some(true),
        "assignment_statement" => is_discarded(node, source).then_some(false),
        _ => None,
    }
}

/// Returns `err` of `if err != nil`, also of `if err != nil && more`, and `r` of `r := recover()`.
fn looked_at<'s>(node: Node<'_>, source: &'s str) -> Option<&'s str> {
    let mut condition = node.child_by_field_name("condition")?;
    while field(condition, "operator", source) == Some("&&") {
        condition = condition.child_by_field_name("left")?;
    }
    let is_there = field(condition, "operator", source) == Some("!=")
        && field(condition, "right", source) == Some("nil");
    let name = field(condition, "left", source).filter(|_| is_there)?;
    let last = name.rsplit('.').next().unwrap_or(name);
    let is_recovered = || {
        node.child_by_field_name("initializer")
            .is_some_and(|it| text(it, source).ends_with("recover()"))
    };
    let is_error = last.to_lowercase().starts_with("err") || last.ends_with("Err");
    (is_error || is_recovered()).then_some(name)
}

/// Returns whether a handler uses the error, makes another one, logs, panics or exits.
fn tells(body: Node<'_>, error: &str, source: &str) -> bool {
    any(
        body,
        |_| true,
        |it| match it.kind() {
            "identifier" | "selector_expression" if text(it, source) == error => true,
            "return_statement" => {
                makes_error(it, source) || is_bare(it) || returns_other_error(it, source)
            }
            "call_expression" => field(it, "function", source)
                .and_then(|name| name.rsplit('.').next())
                .is_some_and(|name| TELLING.contains(&name)),
            _ => false,
        },
    )
}

/// `return` alone hands on the named results, the error among them.
fn is_bare(node: Node<'_>) -> bool {
    parts(node).is_empty() && has_named_error(node)
}

fn has_named_error(node: Node<'_>) -> bool {
    std::iter::successors(node.parent(), Node::parent)
        .find(|it| {
            matches!(
                it.kind(),
                "function_declaration" | "method_declaration" | "func_literal"
            )
        })
        .and_then(|it| it.child_by_field_name("result"))
        .is_some_and(|it| {
            let names = parts(it).into_iter();
            it.kind() == "parameter_list" && { names }
                .any(|it| it.child_by_field_name("name").is_some())
        })
}

/// `return nil, errors.New("…")` and `return fmt.Errorf("…")`.
fn makes_error(node: Node<'_>, source: &str) -> bool {
    parts(node)
        .into_iter()
        .flat_map(|it| {
            if it.kind() == "expression_list" {
                parts(it)
            } else {
                vec![it]
            }
        })
        .filter_map(|it| field(it, "function", source))
        .any(|it| matches!(it, "errors.New" | "fmt.Errorf") || it.starts_with("errors.W"))
}

/// `return 0, ErrNotFound`, `return &ParseError{…}`, `return newError(…)`.
fn returns_other_error(node: Node<'_>, source: &str) -> bool {
    let values = text(node, source);
    values.contains("Err") || values.contains("err")
}

/// `_ = fallible()` throws the outcome away.
fn is_discarded(node: Node<'_>, source: &str) -> bool {
    let values = node
        .child_by_field_name("right")
        .map(parts)
        .unwrap_or_default();
    field(node, "left", source) == Some("_")
        && matches!(values.as_slice(), [only] if only.kind() == "call_expression")
}
