//! What a Go file offers to others.

use tree_sitter::Node;

use super::{collect, definitions, is_exported, is_public, is_test_file, qualified};
use crate::syntax::tokens::Tokens;
use crate::syntax::tree::{children, field, parts, text};

/// Returns exported names with signatures; names of parameters are no part of one.
pub(super) fn surface(root: Node<'_>, source: &str) -> Vec<(String, String)> {
    if is_test_file(root, source) {
        return Vec::new();
    }
    let offered = |it: Node<'_>| offered(it, source);
    definitions(root).into_iter().flat_map(offered).collect()
}

fn offered(node: Node<'_>, source: &str) -> Vec<(String, String)> {
    match node.kind() {
        "function_declaration" | "method_declaration" => {
            let name = is_public(node, source).then(|| qualified(node, source));
            let signed = |it| (it, signature(node, source));
            name.map(signed).into_iter().collect()
        }
        "const_spec" | "var_spec" => values(node, source),
        _ => types(node, source),
    }
}

fn signature(node: Node<'_>, source: &str) -> String {
    let body = node.child_by_field_name("body");
    let mut tokens = Tokens::default();
    collect(node, source, &mut tokens, |it| {
        Some(it) == body || is_parameter_name(it)
    });
    tokens.joined()
}

fn is_parameter_name(node: Node<'_>) -> bool {
    node.kind() == "identifier"
        && node.parent().is_some_and(|it| {
            matches!(
                it.kind(),
                "parameter_declaration" | "variadic_parameter_declaration"
            )
        })
}

fn values(spec: Node<'_>, source: &str) -> Vec<(String, String)> {
    let word = spec.kind().trim_end_matches("_spec");
    let ty = field(spec, "type", source).unwrap_or_default();
    let signature = format!("{word} {ty}").trim_end().to_owned();
    let mut cursor = spec.walk();
    spec.children_by_field_name("name", &mut cursor)
        .map(|it| text(it, source))
        .filter(|it| is_exported(it))
        .map(|it| (it.to_owned(), signature.clone()))
        .collect()
}

/// Returns a type; of a struct the exported fields one by one.
fn types(spec: Node<'_>, source: &str) -> Vec<(String, String)> {
    let name = field(spec, "name", source).unwrap_or_default();
    if !is_exported(name) {
        return Vec::new();
    }
    let fields = spec
        .child_by_field_name("type")
        .filter(|it| it.kind() == "struct_type")
        .and_then(|it| parts(it).first().copied());
    let mut tokens = Tokens::default();
    collect(spec, source, &mut tokens, |it| Some(it) == fields);
    let mut found = vec![(name.to_owned(), format!("type {}", tokens.joined()))];
    for declaration in fields.map(parts).unwrap_or_default() {
        found.extend(
            field_names(declaration, source)
                .into_iter()
                .filter(|(it, _)| is_exported(it))
                .map(|(it, ty)| (format!("{name}.{it}"), ty)),
        );
    }
    found
}

/// Returns the names one line of a struct declares; an embedded type is called as itself.
fn field_names(declaration: Node<'_>, source: &str) -> Vec<(String, String)> {
    let Some(ty) = declaration.child_by_field_name("type") else {
        return Vec::new();
    };
    let mut tokens = Tokens::default();
    collect(ty, source, &mut tokens, |_| false);
    let mut cursor = declaration.walk();
    let mut names: Vec<String> = declaration
        .children_by_field_name("name", &mut cursor)
        .filter(Node::is_named)
        .map(|it| text(it, source).to_owned())
        .collect();
    if names.is_empty() {
        let embedded = text(ty, source).split('[').next().unwrap_or_default();
        let last = embedded.rsplit('.').next().unwrap_or(embedded);
        let pointer = children(declaration).iter().any(|it| it.kind() == "*");
        tokens.push(if pointer {
            "embedded pointer"
        } else {
            "embedded"
        });
        names.push(last.to_owned());
    }
    names.into_iter().map(|it| (it, tokens.joined())).collect()
}
