//! Tests inside JavaScript files: `if (import.meta.vitest) { … }`.

use tree_sitter::Node;

use super::hashes::collect;
use super::test_items::{Role, in_source_blocks, role, title};
use super::{FUNCTIONS, qualified};
use crate::syntax::inline::{Found, Inner, Unit};
use crate::syntax::tokens::Tokens;
use crate::syntax::tree::{field, parts};

/// Suites nested deeper are compared as a whole.
const DEEPEST: usize = 6;

/// Returns the inline tests of a file.
pub(super) fn found(root: Node<'_>, source: &str) -> Found {
    let block = |node: Node<'_>| {
        let body = node.child_by_field_name("consequence");
        container(node, body, "import.meta.vitest".to_owned(), source, 0)
    };
    Found {
        units: in_source_blocks(root, source)
            .into_iter()
            .map(block)
            .collect(),
        ..Found::default()
    }
}

fn container(
    node: Node<'_>,
    body: Option<Node<'_>>,
    name: String,
    source: &str,
    depth: usize,
) -> Unit {
    let body = body.filter(|it| it.kind() == "statement_block" && depth < DEEPEST);
    let inner = body.map(|body| Inner {
        head: hash(node, source, Some(body)),
        end: body.end_byte() - 1,
        units: parts(body)
            .into_iter()
            .map(|it| statement(it, &name, source, depth + 1))
            .collect(),
    });
    Unit {
        key: name.clone(),
        name,
        hash: hash(node, source, None),
        span: node.byte_range(),
        anew: String::new(),
        home: String::new(),
        test: true,
        inner,
    }
}

/// A test or suite is called by its titles, a declaration by its name, anything else by what it says.
fn statement(node: Node<'_>, around: &str, source: &str, depth: usize) -> Unit {
    let call = (node.kind() == "expression_statement")
        .then(|| node.named_child(0))
        .flatten()
        .filter(|it| it.kind() == "call_expression");
    let known = call.and_then(|it| Some((it, role(it, source)?)));
    if let Some((call, role)) = known {
        let prefix = around.strip_prefix("import.meta.vitest").unwrap_or(around);
        let border = if prefix.is_empty() { "" } else { " > " };
        let name = format!("{prefix}{border}{}", title(call, source));
        let body = call
            .child_by_field_name("arguments")
            .filter(|_| role == Role::Suite)
            .and_then(|it| {
                parts(it)
                    .into_iter()
                    .find(|it| FUNCTIONS.contains(&it.kind()))
            })
            .and_then(|it| it.child_by_field_name("body"));
        return container(node, body, name, source, depth);
    }
    let name = match field(node, "name", source) {
        Some(_) => qualified(node, source),
        None => declared(node, source).unwrap_or_else(|| hash(node, source, None)),
    };
    container(node, None, name, source, depth)
}

fn declared(node: Node<'_>, source: &str) -> Option<String> {
    let declarator = parts(node).into_iter().next()?;
    (declarator.kind() == "variable_declarator")
        .then(|| field(declarator, "name", source))
        .flatten()
        .map(str::to_owned)
}

fn hash(node: Node<'_>, source: &str, without: Option<Node<'_>>) -> String {
    let mut tokens = Tokens::default();
    collect(node, source, &mut tokens, |it| Some(it) == without);
    tokens.hash()
}
