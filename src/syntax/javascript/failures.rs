//! JavaScript failure paths: handlers that tell, and handlers that swallow.

use tree_sitter::Node;

use super::{FUNCTIONS, callee_path, is_within, test_items};
use crate::syntax::FailurePath;
use crate::syntax::tree::{any, children, line, parts, text, walk};

/// Calls that tell someone, by the last part of their name.
const TELLING: [&str; 24] = [
    "log",
    "debug",
    "info",
    "warn",
    "warning",
    "error",
    "fatal",
    "trace",
    "critical",
    "exception",
    "captureException",
    "reportError",
    "emitWarning",
    "reject",
    "next",
    "done",
    "callback",
    "cb",
    "fail",
    "abort",
    "destroy",
    "exit",
    "assert",
    "invariant",
];

/// Returns handlers, throws and rejections; code without failure has no such place, so logging in it
/// counts for nothing.
pub(super) fn failure_paths(root: Node<'_>, source: &str) -> Vec<FailurePath> {
    let tests = test_items::spans(root, source);
    let mut found = Vec::new();
    walk(root, |node| {
        if matches!(node.kind(), "call_expression" | "if_statement") && is_within(&tests, node) {
            return false;
        }
        found.extend(classify(node, source).map(|reports| FailurePath {
            line: line(node),
            reports,
        }));
        true
    });
    found
}

fn classify(node: Node<'_>, source: &str) -> Option<bool> {
    match node.kind() {
        "throw_statement" => Some(true),
        "catch_clause" => {
            let bound = node.child_by_field_name("parameter");
            Some(tells(node.child_by_field_name("body")?, bound, source))
        }
        "call_expression" => call(node, source),
        "if_statement" => error_check(node, source),
        _ => None,
    }
}

/// `.catch(handler)` and `.then(done, handler)` as their handler does; `reject(error)` reports.
fn call(node: Node<'_>, source: &str) -> Option<bool> {
    let function = node.child_by_field_name("function")?;
    let path = callee_path(function, source);
    let arguments = parts(node.child_by_field_name("arguments")?);
    let handler = match (path.last().copied(), arguments.as_slice()) {
        (Some("reject"), _) if path == ["reject"] || path == ["Promise", "reject"] => {
            return Some(true);
        }
        (Some("catch"), [handler]) if path.len() > 1 => *handler,
        (Some("then"), [_, handler]) if path.len() > 1 => *handler,
        _ => return None,
    };
    Some(handler_tells(handler, source))
}

/// A handler by name is taken at its word, unless the word is that it does nothing.
fn handler_tells(handler: Node<'_>, source: &str) -> bool {
    if !FUNCTIONS.contains(&handler.kind()) {
        let name = text(handler, source);
        return !["noop", "undefined", "null", "_.noop"].contains(&name);
    }
    let bound = handler.child_by_field_name("parameter").or_else(|| {
        let parameters = handler.child_by_field_name("parameters")?;
        parts(parameters).first().copied()
    });
    handler
        .child_by_field_name("body")
        .is_some_and(|it| tells(it, bound, source))
}

/// `if (err) { … }` and `if (err != null) { … }` as a callback of Node.js begins.
fn error_check(node: Node<'_>, source: &str) -> Option<bool> {
    let mut condition = node.child_by_field_name("condition")?;
    while condition.kind() == "parenthesized_expression" {
        condition = parts(condition).first().copied()?;
    }
    if condition.kind() == "binary_expression" {
        let is_there = condition
            .child_by_field_name("operator")
            .is_some_and(|it| it.kind().starts_with("!="));
        condition = condition.child_by_field_name("left").filter(|_| is_there)?;
    }
    let is_error = condition.kind() == "identifier"
        && matches!(text(condition, source), "err" | "error" | "er");
    let body = node.child_by_field_name("consequence")?;
    is_error.then(|| tells(body, Some(condition), source))
}

/// Returns whether a handler throws, logs, rejects, exits, or uses the error it was given.
fn tells(body: Node<'_>, bound: Option<Node<'_>>, source: &str) -> bool {
    let names = bound.map(|it| names_in(it, source)).unwrap_or_default();
    any(
        body,
        |_| true,
        |it| match it.kind() {
            "throw_statement" => true,
            "identifier" | "shorthand_property_identifier" => names.contains(&text(it, source)),
            "call_expression" => it
                .child_by_field_name("function")
                .and_then(|function| callee_path(function, source).last().copied())
                .is_some_and(|name| TELLING.contains(&name)),
            _ => false,
        },
    )
}

/// Returns the names a parameter binds: `error`, or `code` and `message` of `{ code, message }`.
fn names_in<'s>(parameter: Node<'_>, source: &'s str) -> Vec<&'s str> {
    let mut names = Vec::new();
    walk(parameter, |node| {
        if matches!(
            node.kind(),
            "identifier" | "shorthand_property_identifier_pattern"
        ) && children(node).is_empty()
        {
            names.push(text(node, source));
        }
        node.kind() != "type_annotation"
    });
    names
}
