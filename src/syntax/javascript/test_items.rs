//! JavaScript test items: calls of `test`, `it` and their kin, and in-source tests of vitest.

use std::ops::Range;

use tree_sitter::Node;

use super::{FUNCTIONS, callee_path, hashes, unquoted};
use crate::syntax::tokens::Tokens;
use crate::syntax::tree::{ancestors, field, parts, text, walk};

/// Names that hold one test.
const TESTS: [&str; 7] = ["test", "it", "specify", "bench", "fit", "xit", "xtest"];

/// Names that hold several.
const SUITES: [&str; 7] = [
    "describe",
    "suite",
    "context",
    "module",
    "fdescribe",
    "xdescribe",
    "xcontext",
];

/// Names of what runs around tests; only beside a test, because other code uses these words too.
const HOOKS: [&str; 8] = [
    "before",
    "after",
    "beforeEach",
    "afterEach",
    "beforeAll",
    "afterAll",
    "setup",
    "teardown",
];

/// Objects whose methods bear the names above.
const RUNNERS: [&str; 7] = ["QUnit", "tap", "t", "vitest", "jest", "Deno", "Bun"];

/// What a call does for tests.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Holds one test.
    Test,
    /// Holds several.
    Suite,
    /// Runs around them.
    Hook,
}

/// Returns test items with hashes: tests and hooks by the titles around them, and the rest of an
/// in-source block as one.
pub(super) fn tests(root: Node<'_>, source: &str) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = leaves(root, source)
        .into_iter()
        .map(|call| (title_path(call, source), hash(call, source)))
        .collect();
    for block in in_source_blocks(root, source) {
        let mut tokens = Tokens::default();
        let is_test = |it: Node<'_>| it.kind() == "call_expression" && role(it, source).is_some();
        hashes::collect(block, source, &mut tokens, is_test);
        found.push(("import.meta.vitest".to_owned(), tokens.hash()));
    }
    found
}

/// Returns the byte ranges of tests, suites, hooks and in-source blocks, outermost only.
pub(super) fn spans(root: Node<'_>, source: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    walk(root, |node| {
        let is_test = match node.kind() {
            "call_expression" => role(node, source).is_some(),
            "if_statement" => is_in_source(node, source),
            _ => false,
        };
        if is_test {
            found.push((node, role(node, source)));
        }
        !is_test
    });
    let has_tests = found.iter().any(|it| it.1 != Some(Role::Hook));
    found
        .into_iter()
        .filter(|it| has_tests || it.1 != Some(Role::Hook))
        .map(|it| it.0.byte_range())
        .collect()
}

/// Returns the calls that hold one test, and the hooks beside them.
fn leaves<'t>(root: Node<'t>, source: &str) -> Vec<Node<'t>> {
    let mut found = Vec::new();
    walk(root, |node| {
        match (node.kind() == "call_expression").then(|| role(node, source)) {
            Some(Some(role @ (Role::Test | Role::Hook))) => {
                found.push((node, role));
                false
            }
            _ => true,
        }
    });
    let has_tests = found.iter().any(|it| it.1 == Role::Test);
    let kept = found.into_iter().filter(|_| has_tests);
    kept.map(|it| it.0).collect()
}

/// Returns what a call does for tests: its name says it, and its arguments look like it.
pub(super) fn role(call: Node<'_>, source: &str) -> Option<Role> {
    let callee = call.child_by_field_name("function")?;
    let path = callee_path(callee, source);
    let own = match path.as_slice() {
        [runner, name, ..] if RUNNERS.contains(runner) => *name,
        [name, ..] => *name,
        [] => return None,
    };
    let role = if TESTS.contains(&own) {
        Role::Test
    } else if SUITES.contains(&own) {
        Role::Suite
    } else if HOOKS.contains(&own) {
        Role::Hook
    } else {
        return None;
    };
    let arguments = call.child_by_field_name("arguments")?;
    (arguments.kind() == "arguments" && fits(role, &path, &parts(arguments))).then_some(role)
}

/// A test has a title or is a named function; what runs has a body. `test.todo("x")` has none.
fn fits(role: Role, path: &[&str], arguments: &[Node<'_>]) -> bool {
    let Some(first) = arguments.first() else {
        return false;
    };
    let is_literal = matches!(first.kind(), "string" | "template_string");
    let has_body = arguments[1..].iter().any(|it| {
        FUNCTIONS.contains(&it.kind())
            || (is_literal && matches!(it.kind(), "identifier" | "call_expression"))
    });
    let has_title = matches!(
        first.kind(),
        "string" | "template_string" | "identifier" | "member_expression" | "binary_expression"
    );
    let is_bodiless = path
        .iter()
        .any(|it| matches!(*it, "todo" | "skip" | "module"));
    match role {
        Role::Hook => FUNCTIONS.contains(&first.kind()),
        _ if FUNCTIONS.contains(&first.kind()) => first.child_by_field_name("name").is_some(),
        _ => has_title && (is_bodiless || has_body),
    }
}

/// Returns `describe > it`, by the titles of the suites around a test and its own.
fn title_path(call: Node<'_>, source: &str) -> String {
    let mut titles: Vec<String> = suites_around(call, source)
        .map(|it| title(it, source))
        .collect();
    titles.reverse();
    titles.push(title(call, source));
    titles.join(" > ")
}

fn suites_around<'t>(call: Node<'t>, source: &str) -> impl Iterator<Item = Node<'t>> {
    ancestors(call)
        .filter(move |it| it.kind() == "call_expression" && role(*it, source) == Some(Role::Suite))
}

/// Returns what a test, suite or hook is called.
pub(super) fn title(call: Node<'_>, source: &str) -> String {
    let arguments = call.child_by_field_name("arguments").map(parts);
    let Some(first) = arguments.and_then(|it| it.first().copied()) else {
        return "_".to_owned();
    };
    let name = match first.kind() {
        "string" | "template_string" => unquoted(text(first, source)),
        kind if FUNCTIONS.contains(&kind) => {
            let callee = field(call, "function", source).unwrap_or("_");
            field(first, "name", source).unwrap_or(callee).to_owned()
        }
        _ => text(first, source).to_owned(),
    };
    name.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Hashes a test with what the suites around it say of it: `describe.skip` skips every test inside.
fn hash(call: Node<'_>, source: &str) -> String {
    let mut tokens = Tokens::default();
    for suite in suites_around(call, source) {
        let is_body = |it: Node<'_>| it.kind() == "statement_block";
        hashes::collect(suite, source, &mut tokens, is_body);
    }
    hashes::collect(call, source, &mut tokens, |_| false);
    tokens.hash()
}

/// Returns the outermost `if (import.meta.vitest) { … }` statements.
pub(super) fn in_source_blocks<'t>(root: Node<'t>, source: &str) -> Vec<Node<'t>> {
    let mut found = Vec::new();
    walk(root, |node| {
        let is_block = is_in_source(node, source);
        if is_block {
            found.push(node);
        }
        !is_block
    });
    found
}

fn is_in_source(node: Node<'_>, source: &str) -> bool {
    node.kind() == "if_statement"
        && field(node, "condition", source).is_some_and(|it| {
            let squeezed: String = it.split_whitespace().collect();
            squeezed.contains("import.meta.vitest")
        })
}
