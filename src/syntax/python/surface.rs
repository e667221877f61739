//! What a Python file offers to others.

use std::collections::BTreeSet;

use tree_sitter::Node;

use super::{collect, decorators, qualified, scopes};
use crate::syntax::tokens::Tokens;
use crate::syntax::tree::{any, children, field, parts, text, walk};

/// Decorators that change how a name is used; what others do is a matter of the body.
const TELLING: [&str; 10] = [
    "property",
    "cached_property",
    "functools.cached_property",
    "staticmethod",
    "classmethod",
    "abstractmethod",
    "abc.abstractmethod",
    "overload",
    "typing.overload",
    "contextmanager",
];

/// Returns public names with signatures: those in `__all__` where it is a literal, else those
/// without a leading underscore.
pub(super) fn surface(root: Node<'_>, source: &str) -> Vec<(String, String)> {
    let listed = listed(root, source);
    let mut found = Vec::new();
    walk(root, |node| {
        visit(node, source, listed.as_ref(), &mut found)
    });
    found
}

/// Adds what a node offers; returns whether there may be more inside it.
fn visit(
    node: Node<'_>,
    source: &str,
    listed: Option<&BTreeSet<String>>,
    found: &mut Vec<(String, String)>,
) -> bool {
    let offer = |name: String| is_open(&name, listed).then_some(name);
    match node.kind() {
        "function_definition" => {
            if let Some(name) = offer(qualified(node, source)) {
                found.push((name, signature(node, source)));
                if field(node, "name", source) == Some("__init__") {
                    found.extend(instance_fields(node, source));
                }
            }
            false
        }
        "class_definition" => match offer(qualified(node, source)) {
            Some(name) => {
                found.push((name, signature(node, source)));
                true
            }
            None => false,
        },
        "assignment" => {
            let names = assigned(node, source).into_iter().filter_map(offer);
            let signature = annotation(node, source);
            found.extend(names.map(|it| (it, signature.clone())));
            false
        }
        "import_from_statement" | "import_statement" => {
            found.extend(imported(node, source, listed));
            false
        }
        _ => true,
    }
}

/// Every part of a public name is open; `__init__` and its kind are.
fn is_open(name: &str, listed: Option<&BTreeSet<String>>) -> bool {
    let is_plain = |it: &str| !it.starts_with('_') || (it.starts_with("__") && it.ends_with("__"));
    let mut parts = name.split('.');
    let first = parts.next().unwrap_or_default();
    let is_offered = match listed {
        Some(listed) => listed.contains(first),
        None => is_plain(first) && !first.starts_with("__"),
    };
    is_offered && parts.all(is_plain)
}

/// Returns the names of a literal `__all__`, additions included.
fn listed(root: Node<'_>, source: &str) -> Option<BTreeSet<String>> {
    let mut names: Option<BTreeSet<String>> = None;
    let mut is_literal = true;
    walk(root, |node| {
        let is_all = matches!(node.kind(), "assignment" | "augmented_assignment")
            && field(node, "left", source) == Some("__all__");
        if let (true, Some(value)) = (is_all, node.child_by_field_name("right")) {
            let strings = parts(value);
            is_literal &= matches!(value.kind(), "list" | "tuple")
                && strings.iter().all(|it| it.kind() == "string");
            let unquoted = |it: &Node<'_>| text(*it, source).trim_matches(['"', '\'']).to_owned();
            names
                .get_or_insert_default()
                .extend(strings.iter().map(unquoted));
        }
        !matches!(node.kind(), "function_definition" | "class_definition")
    });
    names.filter(|_| is_literal)
}

/// Returns a definition's tokens without its body, led by the decorators that change its use.
fn signature(node: Node<'_>, source: &str) -> String {
    let mut tokens = Tokens::default();
    for decorator in decorators(node, source) {
        let is_telling = TELLING.contains(&decorator)
            || decorator.ends_with(".setter")
            || decorator.ends_with(".deleter")
            || decorator.contains("dataclass")
            || decorator.starts_with("attr");
        if is_telling {
            tokens.push(format!("@{decorator}"));
        }
    }
    let body = node.child_by_field_name("body");
    collect(node, source, &mut tokens, |it| Some(it) == body);
    tokens.joined()
}

fn annotation(assignment: Node<'_>, source: &str) -> String {
    match field(assignment, "type", source) {
        Some(ty) => ty.split_whitespace().collect::<Vec<_>>().join(" "),
        None => "=".to_owned(),
    }
}

/// Returns the qualified names that a statement of a module or class assigns.
fn assigned(node: Node<'_>, source: &str) -> Vec<String> {
    let mut prefix: Vec<&str> = scopes(node)
        .filter_map(|it| field(it, "name", source))
        .collect();
    prefix.reverse();
    let Some(left) = node.child_by_field_name("left") else {
        return Vec::new();
    };
    let names = match left.kind() {
        "identifier" => vec![left],
        "pattern_list" | "tuple_pattern" => parts(left),
        _ => Vec::new(),
    };
    names
        .into_iter()
        .filter(|it| it.kind() == "identifier")
        .map(|it| {
            let path: Vec<&str> = prefix.iter().copied().chain([text(it, source)]).collect();
            path.join(".")
        })
        .collect()
}

/// Returns what a constructor puts on `self`, each once.
fn instance_fields(init: Node<'_>, source: &str) -> Vec<(String, String)> {
    let constructor = qualified(init, source);
    let class = constructor.trim_end_matches("__init__");
    let mut found: Vec<(String, String)> = Vec::new();
    walk(init, |node| {
        let name = (node.kind() == "assignment")
            .then(|| field(node, "left", source)?.strip_prefix("self."))
            .flatten()
            .filter(|it| {
                !it.starts_with('_') && it.chars().all(|it| it.is_alphanumeric() || it == '_')
            });
        if let Some(name) = name {
            let name = format!("{class}{name}");
            if !found.iter().any(|it| it.0 == name) {
                found.push((name, annotation(node, source)));
            }
        }
        !matches!(node.kind(), "class_definition" | "lambda")
    });
    found
}

/// Returns the imports that `__all__` names, and `import x as x`, which says the same.
fn imported(
    node: Node<'_>,
    source: &str,
    listed: Option<&BTreeSet<String>>,
) -> Vec<(String, String)> {
    let is_nested = scopes(node).next().is_some();
    let from = field(node, "module_name", source);
    let mut cursor = node.walk();
    let names: Vec<Node<'_>> = node.children_by_field_name("name", &mut cursor).collect();
    let mut found = Vec::new();
    for name in names.into_iter().filter(|_| !is_nested) {
        let alias = field(name, "alias", source);
        let own = field(name, "name", source).unwrap_or_else(|| text(name, source));
        let local = alias.unwrap_or(own);
        let is_offered = match listed {
            Some(listed) => listed.contains(local),
            None => alias == Some(own),
        };
        if is_offered {
            found.push((
                local.to_owned(),
                format!("from {} import {own}", from.unwrap_or(".")),
            ));
        }
    }
    let is_everything = any(node, |_| true, |it| it.kind() == "wildcard_import");
    if is_everything && listed.is_none() && !children(node).is_empty() {
        let from = from.unwrap_or(".");
        found.push((format!("{from}.*"), format!("from {from} import *")));
    }
    found
}
