//! What a JavaScript or TypeScript file offers to others.

use tree_sitter::Node;

use super::exports::{Exports, is_private};
use super::{
    FUNCTIONS, binding, constant_name, hashes, is_item, is_within, qualified, test_items, unquoted,
};
use crate::syntax::tokens::Tokens;
use crate::syntax::tree::{ancestors, children, field, parts, text, walk};

/// Kinds of declarations beside functions, variables and classes.
const TYPES: [&str; 5] = [
    "type_alias_declaration",
    "enum_declaration",
    "interface_declaration",
    "function_signature",
    "internal_module",
];

/// Kinds of a class's or interface's members that have no body.
const MEMBERS: [&str; 7] = [
    "field_definition",
    "public_field_definition",
    "method_signature",
    "abstract_method_signature",
    "property_signature",
    "call_signature",
    "index_signature",
];

/// Returns exported names with signatures.
pub(super) fn surface(root: Node<'_>, source: &str) -> Vec<(String, String)> {
    let exports = Exports::of(root, source);
    let tests = test_items::spans(root, source);
    let mut found = Vec::new();
    walk(root, |node| {
        if is_within(&tests, node) {
            return false;
        }
        found.extend(offered(node, &exports, source));
        !(FUNCTIONS.contains(&node.kind()) && is_item(node, true))
    });
    for name in exports.public() {
        if !found.iter().any(|it| it.0 == name) {
            found.push((name.to_owned(), "export".to_owned()));
        }
    }
    found
}

fn offered(node: Node<'_>, exports: &Exports, source: &str) -> Vec<(String, String)> {
    let kind = node.kind();
    if kind == "export_statement" {
        return handed_on(node, source);
    }
    if FUNCTIONS.contains(&kind) && is_item(node, true) {
        let name = exports.outside(&qualified(node, source));
        let signed = (name, function(node, source));
        return Vec::from_iter(exports.reach(node, source).then_some(signed));
    }
    let is_class = node.is_named()
        && matches!(
            kind,
            "class_declaration" | "abstract_class_declaration" | "class"
        );
    let name = match kind {
        "variable_declarator" if !is_named_otherwise(node) => constant_name(node, source),
        _ if is_class || TYPES.contains(&kind) => Some(qualified(node, source)),
        _ if MEMBERS.contains(&kind) && !is_private(node, source) => member_name(node, source),
        _ => None,
    };
    let Some(name) = name else {
        return Vec::new();
    };
    let root = name.split('.').next().unwrap_or_default();
    let is_open = exports.hold(root) || is_below_export(node);
    let signed = (exports.outside(&name), signature(node, source));
    Vec::from_iter(is_open.then_some(signed))
}

/// A function or class that is bound to a name is told by itself.
fn is_named_otherwise(declarator: Node<'_>) -> bool {
    declarator.child_by_field_name("value").is_some_and(|it| {
        FUNCTIONS.contains(&it.kind()) || it.kind() == "class" || binding(it).is_none()
    })
}

/// Returns the name of a member of a class or interface; `None` for one of a type written in place.
fn member_name(node: Node<'_>, source: &str) -> Option<String> {
    let owner = node.parent()?.parent()?;
    let is_owned = matches!(
        owner.kind(),
        "class_declaration" | "abstract_class_declaration" | "class" | "interface_declaration"
    );
    let value = node.child_by_field_name("value");
    if !is_owned || value.is_some_and(|it| FUNCTIONS.contains(&it.kind())) {
        return None;
    }
    let own = field(node, "name", source)
        .or_else(|| field(node, "property", source))
        .map_or_else(|| node.kind().to_owned(), unquoted);
    Some(format!("{}.{own}", qualified(owner, source)))
}

fn is_below_export(node: Node<'_>) -> bool {
    ancestors(node)
        .take_while(|it| !FUNCTIONS.contains(&it.kind()))
        .any(|it| it.kind() == "export_statement")
}

/// Returns a function's tokens from its type parameters to its result, the same for every way to
/// write one.
fn function(node: Node<'_>, source: &str) -> String {
    let mut tokens = Tokens::default();
    let words = children(node)
        .into_iter()
        .filter(|it| matches!(it.kind(), "async" | "*" | "get" | "set" | "static"));
    for word in words {
        tokens.push(text(word, source));
    }
    if let Some(only) = node.child_by_field_name("parameter") {
        tokens.push("(");
        tokens.push(text(only, source));
        tokens.push(")");
    }
    for part in ["type_parameters", "parameters", "return_type"] {
        if let Some(part) = node.child_by_field_name(part) {
            hashes::collect(part, source, &mut tokens, |_| false);
        }
    }
    tokens.joined()
}

/// Returns a declaration's tokens without its body and value; of types that are nothing but a body,
/// with it.
fn signature(node: Node<'_>, source: &str) -> String {
    let is_all = matches!(node.kind(), "type_alias_declaration" | "enum_declaration");
    let left_out = ["body", "value"].map(|it| node.child_by_field_name(it));
    let mut tokens = Tokens::default();
    hashes::collect(node, source, &mut tokens, |it| {
        (!is_all && left_out.contains(&Some(it))) || it.kind() == "decorator"
    });
    tokens.joined()
}

/// Returns what an `export … from` hands on.
fn handed_on(statement: Node<'_>, source: &str) -> Vec<(String, String)> {
    let Some(from) = field(statement, "source", source).map(unquoted) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for part in parts(statement) {
        match part.kind() {
            "export_clause" => found.extend(parts(part).into_iter().filter_map(|it| {
                let name = field(it, "name", source)?;
                let alias = field(it, "alias", source).unwrap_or(name);
                Some((alias.to_owned(), format!("export {name} from {from}")))
            })),
            "namespace_export" => found.extend(parts(part).first().map(|it| {
                let name = text(*it, source).to_owned();
                (name, format!("export * from {from}"))
            })),
            _ => {}
        }
    }
    if found.is_empty() {
        found.push((format!("* from {from}"), format!("export * from {from}")));
    }
    found
}
