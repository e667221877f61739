//! What a Rust file offers to others.

use tree_sitter::Node;

use super::test_items::collect;
use super::{attributes, base_name, has_plain_pub, is_marked_test, qualified};
use crate::syntax::tokens::Tokens;
use crate::syntax::tree::{ancestors, children, field, parts, text, walk};

/// Returns public items with signatures. Parameter names are no part of one.
pub(super) fn surface(root: Node<'_>, source: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    walk(root, |node| {
        let is_test = node.kind().ends_with("_item") && is_marked_test(node, source);
        !is_test && visit(node, source, &mut found)
    });
    found
}

/// Adds what a node offers; returns whether there may be more inside it.
fn visit(node: Node<'_>, source: &str, found: &mut Vec<(String, String)>) -> bool {
    match node.kind() {
        "impl_item" if node.child_by_field_name("trait").is_some() => {
            found.extend(implemented(node, source));
            false
        }
        "trait_item" => {
            if has_plain_pub(node, source) {
                trait_of(node, source, found);
            }
            false
        }
        "macro_definition" => {
            let is_exported = attributes(node, source)
                .iter()
                .any(|it| it.path == "macro_export");
            if is_exported {
                let name = field(node, "name", source).unwrap_or("_");
                found.push((format!("{name}!"), patterns(node, source)));
            }
            false
        }
        "use_declaration" => {
            if has_plain_pub(node, source) {
                found.extend(used(node, source));
            }
            false
        }
        _ if has_plain_pub(node, source) => open(node, source, found),
        "function_item" | "block" => false,
        _ => true,
    }
}

/// Adds an item that is `pub` itself.
fn open(node: Node<'_>, source: &str, found: &mut Vec<(String, String)>) -> bool {
    match node.kind() {
        "mod_item" => {
            found.push((qualified(node, source), "pub mod".to_owned()));
            return true;
        }
        "function_item"
        | "function_signature_item"
        | "type_item"
        | "const_item"
        | "static_item" => found.push((qualified(node, source), signature(node, source))),
        "struct_item" | "union_item" | "enum_item" => type_of(node, source, found),
        _ => return true,
    }
    false
}

/// Returns the tokens of an item without its body, value, attributes and names of parameters.
fn signature(node: Node<'_>, source: &str) -> String {
    let mut tokens = Tokens::default();
    let left_out = ["body", "value"].map(|it| node.child_by_field_name(it));
    collect(node, source, &mut tokens, |it| {
        left_out.contains(&Some(it)) || it.kind() == "attribute_item" || is_parameter_name(it)
    });
    tokens.joined()
}

fn is_parameter_name(node: Node<'_>) -> bool {
    node.parent().is_some_and(|it| {
        let is_name = it.child_by_field_name("pattern") == Some(node);
        it.kind() == "parameter" && (is_name || node.kind() == "mutable_specifier")
    })
}

/// Adds a type with its derives, and its public fields or its variants one by one.
fn type_of(node: Node<'_>, source: &str, found: &mut Vec<(String, String)>) {
    let name = qualified(node, source);
    let attributes = attributes(node, source);
    let derived = attributes.iter().filter(|it| it.path == "derive");
    for list in derived.map(|it| it.arguments.trim_matches(['(', ')'])) {
        for path in list.split(',').filter(|it| !it.is_empty()) {
            let implemented = format!("impl {path} for {name}");
            found.push((implemented.clone(), implemented));
        }
    }
    let mut head = signature(node, source);
    if attributes.iter().any(|it| it.path == "non_exhaustive") {
        head.insert_str(0, "#[non_exhaustive] ");
    }
    let members = node
        .child_by_field_name("body")
        .map(parts)
        .unwrap_or_default();
    let is_tuple = node
        .child_by_field_name("body")
        .is_some_and(|it| it.kind() == "ordered_field_declaration_list");
    let members = if is_tuple {
        tuple_members(node, source)
    } else {
        named_members(&members, source)
    };
    if members.iter().any(Option::is_none) {
        head.push_str(" ..");
    }
    found.push((name.clone(), head));
    let members = members.into_iter().flatten();
    found.extend(members.map(|(member, signature)| (format!("{name}::{member}"), signature)));
}

/// Returns fields and variants; `None` for a private field, whose being there shows outside too.
fn named_members(members: &[Node<'_>], source: &str) -> Vec<Option<(String, String)>> {
    members
        .iter()
        .filter(|it| matches!(it.kind(), "field_declaration" | "enum_variant"))
        .map(|it| {
            let is_open = it.kind() == "enum_variant" || has_plain_pub(*it, source);
            let name = field(*it, "name", source).unwrap_or("_").to_owned();
            let mut tokens = Tokens::default();
            let is_attribute = |it: Node<'_>| it.kind() == "attribute_item";
            collect(*it, source, &mut tokens, is_attribute);
            is_open.then(|| (name, tokens.joined()))
        })
        .collect()
}

/// Returns the fields of a tuple struct by number.
fn tuple_members(node: Node<'_>, source: &str) -> Vec<Option<(String, String)>> {
    let Some(list) = node.child_by_field_name("body") else {
        return Vec::new();
    };
    let mut members = Vec::new();
    let mut is_open = false;
    for child in children(list).into_iter().filter(Node::is_named) {
        match child.kind() {
            "visibility_modifier" => is_open = text(child, source) == "pub",
            "attribute_item" | "line_comment" | "block_comment" => {}
            _ => {
                let mut tokens = Tokens::default();
                collect(child, source, &mut tokens, |_| false);
                let name = members.len().to_string();
                members.push(is_open.then(|| (name, tokens.joined())));
                is_open = false;
            }
        }
    }
    members
}

/// Adds a trait and its members; whether one has a default decides if implementors must write it.
fn trait_of(node: Node<'_>, source: &str, found: &mut Vec<(String, String)>) {
    let name = qualified(node, source);
    found.push((name.clone(), signature(node, source)));
    for member in node
        .child_by_field_name("body")
        .map(parts)
        .unwrap_or_default()
    {
        let Some(own) = field(member, "name", source) else {
            continue;
        };
        let has_default = ["body", "value"]
            .iter()
            .any(|it| member.child_by_field_name(it).is_some());
        let default = if has_default { " = .." } else { "" };
        let signature = format!("{}{default}", signature(member, source));
        found.push((format!("{name}::{own}"), signature));
    }
}

/// A trait's implementation counts, except for a type that this file keeps to itself.
fn implemented(node: Node<'_>, source: &str) -> Option<(String, String)> {
    let ty = base_name(node.child_by_field_name("type")?, source);
    let mut tokens = Tokens::default();
    collect(
        node.child_by_field_name("trait")?,
        source,
        &mut tokens,
        |_| false,
    );
    let modules: Vec<&str> = ancestors(node)
        .filter(|it| it.kind() == "mod_item")
        .filter_map(|it| field(it, "name", source))
        .collect();
    let path: Vec<&str> = modules.into_iter().rev().chain([ty]).collect();
    let squeezed: String = tokens.joined().split(' ').collect();
    let name = format!("impl {squeezed} for {}", path.join("::"));
    (!is_private_here(node, ty, source)).then(|| (name.clone(), name))
}

fn is_private_here(node: Node<'_>, ty: &str, source: &str) -> bool {
    let Some(list) = node.parent() else {
        return false;
    };
    parts(list).into_iter().any(|it| {
        matches!(
            it.kind(),
            "struct_item" | "enum_item" | "union_item" | "type_item"
        ) && field(it, "name", source) == Some(ty)
            && !has_plain_pub(it, source)
    })
}

/// Returns what a macro accepts, not what it becomes.
fn patterns(node: Node<'_>, source: &str) -> String {
    let mut tokens = Tokens::default();
    for rule in parts(node) {
        if let Some(left) = rule.child_by_field_name("left") {
            collect(left, source, &mut tokens, |_| false);
        }
    }
    tokens.joined()
}

/// Returns each name that a `pub use` hands on, with where it comes from.
fn used(node: Node<'_>, source: &str) -> Vec<(String, String)> {
    let module: Vec<&str> = ancestors(node)
        .filter(|it| it.kind() == "mod_item")
        .filter_map(|it| field(it, "name", source))
        .collect();
    let module: Vec<&str> = module.into_iter().rev().collect();
    use_leaves(node, source)
        .into_iter()
        .map(|(name, path)| {
            let full: Vec<&str> = module.iter().copied().chain([name.as_str()]).collect();
            (full.join("::"), format!("pub use {path}"))
        })
        .collect()
}

/// Splits `a::{b, c as d, e::*}` into `b` from `a::b`, `d` from `a::c`, `a::e::*` from itself.
pub(super) fn use_leaves(node: Node<'_>, source: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut open: Vec<(String, Node<'_>)> = Vec::new();
    open.extend(
        node.child_by_field_name("argument")
            .map(|it| (String::new(), it)),
    );
    while let Some((prefix, at)) = open.pop() {
        let own = |it: Node<'_>| {
            let squeezed: String = text(it, source).split_whitespace().collect();
            format!("{prefix}{squeezed}")
        };
        match at.kind() {
            "scoped_use_list" => {
                let path = at
                    .child_by_field_name("path")
                    .map_or_else(|| prefix.clone(), |it| format!("{}::", own(it)));
                open.extend(at.child_by_field_name("list").map(|it| (path, it)));
            }
            "use_list" => {
                let inner = parts(at).into_iter().rev();
                open.extend(inner.map(|it| (prefix.clone(), it)));
            }
            "use_as_clause" => {
                let path = at.child_by_field_name("path").map(own).unwrap_or_default();
                let alias = field(at, "alias", source).unwrap_or("_");
                found.push((alias.to_owned(), path));
            }
            "use_wildcard" => found.push((own(at), own(at))),
            _ => {
                let path = own(at);
                let path = path.strip_suffix("::self").unwrap_or(&path).to_owned();
                let name = path.rsplit("::").next().unwrap_or(&path).to_owned();
                found.push((name, path));
            }
        }
    }
    found
}
