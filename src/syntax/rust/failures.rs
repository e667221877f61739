//! Rust failure paths: where an error is passed on, and where it is swallowed.

use tree_sitter::Node;

use super::{functions, in_test, qualified};
use crate::syntax::FailurePath;
use crate::syntax::tree::{any, children, field, line, parts, text, walk};

/// Macros that tell someone: logging, printing to people, and panics.
const TELLING_MACROS: [&str; 21] = [
    "error",
    "warn",
    "info",
    "debug",
    "trace",
    "log",
    "event",
    "eprintln",
    "eprint",
    "println",
    "panic",
    "unreachable",
    "todo",
    "unimplemented",
    "bail",
    "ensure",
    "anyhow",
    "assert",
    "assert_eq",
    "assert_ne",
    "debug_assert",
];

/// Methods that end the program loudly when there was an error.
const LOUD_METHODS: [&str; 4] = ["unwrap", "expect", "unwrap_err", "expect_err"];

/// Returns where errors are made, passed on or swallowed; code without failure has no such place, so
/// logging in it counts for nothing.
pub(super) fn failure_paths(root: Node<'_>, source: &str) -> Vec<FailurePath> {
    let mut found = Vec::new();
    for function in functions(root) {
        if !in_test(function, source) {
            found.extend(in_function(function, source));
        }
    }
    found
}

fn in_function(function: Node<'_>, source: &str) -> Vec<FailurePath> {
    let mut found = Vec::new();
    if is_reporting_entry(function, source) {
        found.push(path(function, true));
    }
    walk(function, |node| {
        if node != function && node.kind() == "function_item" {
            return false;
        }
        found.extend(classify(node, source));
        true
    });
    found
}

/// An entry point is a failure path where it hands its failure to whoever started the program.
fn is_reporting_entry(function: Node<'_>, source: &str) -> bool {
    qualified(function, source) == "main"
        && field(function, "return_type", source)
            .is_some_and(|it| it.contains("Result") || it.contains("ExitCode"))
}

fn path(node: Node<'_>, reports: bool) -> FailurePath {
    FailurePath {
        line: line(node),
        reports,
    }
}

fn classify(node: Node<'_>, source: &str) -> Option<FailurePath> {
    match node.kind() {
        "try_expression" => Some(path(node, true)),
        "call_expression" => call(node, source),
        "macro_invocation" => is_panic(node, source).then(|| path(node, true)),
        "let_declaration" => discarded(node, source),
        "match_arm" => error_arm(node, source),
        "if_expression" => if_let(node, source),
        _ => None,
    }
}

fn is_panic(node: Node<'_>, source: &str) -> bool {
    field(node, "macro", source).is_some_and(|it| matches!(it, "panic" | "bail" | "anyhow::bail"))
}

/// `Err(..)`, `.unwrap()`, `.expect(..)` report; `.ok()` swallows unless a loud method follows.
fn call(node: Node<'_>, source: &str) -> Option<FailurePath> {
    let function = node.child_by_field_name("function")?;
    if matches!(text(function, source), "Err" | "Result::Err") {
        return Some(path(node, true));
    }
    let method = method_name(node, source)?;
    if LOUD_METHODS.contains(&method) {
        return Some(path(node, true));
    }
    let has_arguments = node
        .child_by_field_name("arguments")
        .is_some_and(|it| !parts(it).is_empty());
    (method == "ok" && !has_arguments).then(|| path(node, is_followed_loudly(node, source)))
}

fn method_name<'s>(call: Node<'_>, source: &'s str) -> Option<&'s str> {
    let function = call.child_by_field_name("function")?;
    (function.kind() == "field_expression")
        .then(|| field(function, "field", source))
        .flatten()
}

fn is_followed_loudly(node: Node<'_>, source: &str) -> bool {
    let Some(parent) = node.parent() else {
        return false;
    };
    parent.kind() == "try_expression"
        || parent
            .parent()
            .and_then(|it| method_name(it, source))
            .is_some_and(|it| LOUD_METHODS.contains(&it) && parent.kind() == "field_expression")
}

/// `let _ = fallible();` throws the outcome away.
fn discarded(node: Node<'_>, source: &str) -> Option<FailurePath> {
    let is_wildcard = field(node, "pattern", source) == Some("_");
    let value = node.child_by_field_name("value")?;
    let runs_something = match value.kind() {
        "call_expression" => {
            !method_name(value, source).is_some_and(|it| LOUD_METHODS.contains(&it))
        }
        "await_expression" => true,
        "macro_invocation" => {
            matches!(field(value, "macro", source), Some("write" | "writeln"))
        }
        _ => false,
    };
    (is_wildcard && runs_something).then(|| path(node, false))
}

/// `Err(_) => …` reports when its value tells someone; a named error when it is used.
fn error_arm(node: Node<'_>, source: &str) -> Option<FailurePath> {
    let pattern = node.child_by_field_name("pattern")?;
    let value = node.child_by_field_name("value")?;
    let bound = error_binding(pattern, source)?;
    Some(path(node, tells(value, bound, source)))
}

/// `if let Err(_) = …` like an arm; `if let Ok(_) = …` without an `else` drops the error.
fn if_let(node: Node<'_>, source: &str) -> Option<FailurePath> {
    let condition = node.child_by_field_name("condition")?;
    let pattern = condition.child_by_field_name("pattern")?;
    let body = node.child_by_field_name("consequence")?;
    if let Some(bound) = error_binding(pattern, source) {
        return Some(path(node, tells(body, bound, source)));
    }
    let is_ok = text(pattern, source).starts_with("Ok(");
    let is_swallowed = is_ok && node.child_by_field_name("alternative").is_none();
    is_swallowed.then(|| path(node, false))
}

/// Returns the name that `Err(name)` binds, empty for `Err(_)`; `None` for any other pattern, a
/// particular error (`Err(Error::NotFound)`) included, which is handled on purpose.
fn error_binding<'s>(pattern: Node<'_>, source: &'s str) -> Option<&'s str> {
    let inner = text(pattern, source)
        .strip_prefix("Err(")?
        .strip_suffix(')')?
        .trim();
    let is_name = inner
        .chars()
        .all(|it| it.is_lowercase() || it.is_ascii_digit() || it == '_');
    match inner {
        "_" | ".." => Some(""),
        _ if is_name => Some(inner),
        _ => None,
    }
}

/// Returns whether a handler logs, panics, passes an error on, or uses the error it was given.
fn tells(body: Node<'_>, bound: &str, source: &str) -> bool {
    let same_function = |it: Node<'_>| it.kind() != "function_item";
    any(body, same_function, |it| match it.kind() {
        "try_expression" => true,
        "macro_invocation" => field(it, "macro", source)
            .and_then(|name| name.rsplit("::").next())
            .is_some_and(|name| TELLING_MACROS.contains(&name)),
        "call_expression" => {
            let function = field(it, "function", source).unwrap_or_default();
            matches!(function, "Err" | "Result::Err")
                || function.ends_with("process::exit")
                || function.ends_with("process::abort")
                || method_name(it, source).is_some_and(|name| LOUD_METHODS.contains(&name))
        }
        "identifier" => !bound.is_empty() && text(it, source) == bound,
        "shorthand_field_initializer" => children(it)
            .iter()
            .any(|child| !bound.is_empty() && text(*child, source) == bound),
        _ => false,
    })
}
