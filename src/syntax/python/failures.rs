//! Python failure paths: handlers that tell, and handlers that swallow.

use tree_sitter::Node;

use super::in_test;
use crate::syntax::FailurePath;
use crate::syntax::tree::{any, children, field, line, parts, text, walk};

/// Calls that tell someone, by the last part of their name.
const TELLING_METHODS: [&str; 14] = [
    "debug",
    "info",
    "warning",
    "warn",
    "error",
    "exception",
    "critical",
    "fatal",
    "log",
    "fail",
    "abort",
    "print_exc",
    "print_exception",
    "capture_exception",
];

/// Whole names of calls that tell someone.
const TELLING_CALLS: [&str; 8] = [
    "sys.exit",
    "exit",
    "os._exit",
    "warnings.warn",
    "sys.stderr.write",
    "pytest.fail",
    "traceback.print_exc",
    "warn",
];

/// Returns handlers, raises and suppressions; code without failure has no such place, so logging in
/// it counts for nothing.
pub(super) fn failure_paths(root: Node<'_>, source: &str) -> Vec<FailurePath> {
    let mut found = Vec::new();
    walk(root, |node| {
        let is_test = matches!(node.kind(), "function_definition" | "class_definition")
            && in_test(node, source);
        if !is_test {
            found.extend(classify(node, source).map(|reports| FailurePath {
                line: line(node),
                reports,
            }));
        }
        !is_test
    });
    found
}

fn classify(node: Node<'_>, source: &str) -> Option<bool> {
    match node.kind() {
        "raise_statement" => Some(true),
        "except_clause" | "except_group_clause" => Some(handler_tells(node, source)),
        "with_item" => text(node, source)
            .trim_start_matches("contextlib.")
            .starts_with("suppress(")
            .then_some(false),
        "if_statement" => is_reporting_entry(node, source).then_some(true),
        _ => None,
    }
}

/// `if __name__ == "__main__":` that hands its outcome to whoever started the program.
fn is_reporting_entry(node: Node<'_>, source: &str) -> bool {
    let is_main = field(node, "condition", source)
        .is_some_and(|it| it.contains("__name__") && it.contains("__main__"));
    is_main
        && any(
            node,
            |_| true,
            |it| it.kind() == "raise_statement" || is_telling_call(it, source),
        )
}

/// A handler tells when it raises, logs, warns, exits, prints to standard error, or hands the error
/// it caught to something.
fn handler_tells(handler: Node<'_>, source: &str) -> bool {
    let Some(body) = parts(handler).into_iter().find(|it| it.kind() == "block") else {
        return false;
    };
    let bound = bound_name(handler, source);
    let same_function = |it: Node<'_>| it.kind() != "function_definition";
    any(body, same_function, |it| {
        it.kind() == "raise_statement"
            || is_telling_call(it, source)
            || (it.kind() == "identifier" && bound == Some(text(it, source)))
    })
}

/// Returns `e` of `except Error as e`.
fn bound_name<'s>(handler: Node<'_>, source: &'s str) -> Option<&'s str> {
    let pattern = parts(handler)
        .into_iter()
        .find(|it| it.kind() == "as_pattern")?;
    field(pattern, "alias", source)
}

fn is_telling_call(node: Node<'_>, source: &str) -> bool {
    if node.kind() != "call" {
        return false;
    }
    let Some(function) = node.child_by_field_name("function") else {
        return false;
    };
    let name = text(function, source);
    let is_method = function.kind() == "attribute"
        && field(function, "attribute", source).is_some_and(|it| TELLING_METHODS.contains(&it));
    let arguments = node.child_by_field_name("arguments");
    is_method
        || TELLING_CALLS.contains(&name)
        || (matches!(name, "print" | "click.echo")
            && arguments.is_some_and(|it| to_stderr(it, source)))
}

fn to_stderr(arguments: Node<'_>, source: &str) -> bool {
    children(arguments)
        .into_iter()
        .filter(|it| it.kind() == "keyword_argument")
        .any(|it| {
            let value = field(it, "value", source).unwrap_or_default();
            match field(it, "name", source) {
                Some("file") => value.ends_with("stderr"),
                Some("err") => value == "True",
                _ => false,
            }
        })
}
