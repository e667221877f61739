//! Token streams of JavaScript code, blind to what prettier may change.

use tree_sitter::Node;

use crate::syntax::tokens::{Tokens, normal_quotes};
use crate::syntax::tree::{Step, text, traverse};

/// Kinds whose named children are statements or members: where one begins is structure, how it ends
/// (a semicolon or a line break) is layout.
const LISTS: [&str; 9] = [
    "program",
    "statement_block",
    "class_body",
    "switch_case",
    "switch_default",
    "interface_body",
    "object_type",
    "enum_body",
    "class_static_block",
];

/// Appends the tokens of a node, without comments, and without what `skip` is true for.
pub(super) fn collect<'t>(
    root: Node<'t>,
    source: &str,
    tokens: &mut Tokens,
    skip: impl Fn(Node<'t>) -> bool,
) {
    let mut around: Vec<&str> = Vec::new();
    traverse(root, &mut |step| {
        let node = match step {
            Step::Enter(node) => node,
            Step::Leave(_) => {
                around.pop();
                return true;
            }
        };
        if node.kind() == "comment" || skip(node) {
            return false;
        }
        let deeper = enter(
            node,
            around.last().copied().unwrap_or_default(),
            source,
            tokens,
        );
        if deeper {
            around.push(node.kind());
        }
        deeper
    });
}

fn enter(node: Node<'_>, parent: &str, source: &str, tokens: &mut Tokens) -> bool {
    if node.is_named() && LISTS.contains(&parent) {
        tokens.push("newline");
    }
    match node.kind() {
        "string" => tokens.push(normal_quotes(text(node, source))),
        "template_string" | "regex" => tokens.push(text(node, source)),
        "jsx_text" => words(text(node, source), tokens),
        "property_identifier" if parent == "pair" => {
            tokens.push(format!("\"{}\"", text(node, source)));
        }
        "identifier" if parent == "arrow_function" => parameter(node, source, tokens),
        ";" if parent != "for_statement" => {}
        "," if matches!(parent, "interface_body" | "object_type") => {}
        _ if node.child_count() == 0 => leaf(text(node, source), tokens),
        _ => return true,
    }
    false
}

/// `x => x` and `(x) => x` are the same function; the body of an arrow can be a name too.
fn parameter(node: Node<'_>, source: &str, tokens: &mut Tokens) {
    let is_parameter = node
        .next_sibling()
        .is_some_and(|it| it.kind() == "=>" || it.kind() == "comment");
    let name = text(node, source);
    if is_parameter {
        tokens.push("(");
        tokens.push(name);
        tokens.push(")");
    } else {
        tokens.push(name);
    }
}

/// Lines of text between tags are joined by a space.
fn words(text: &str, tokens: &mut Tokens) {
    let joined = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if !joined.is_empty() {
        tokens.push(joined);
    }
}

fn leaf(text: &str, tokens: &mut Tokens) {
    if matches!(text, ")" | "]" | "}") {
        tokens.drop_trailing_comma();
    }
    tokens.push(text);
}
