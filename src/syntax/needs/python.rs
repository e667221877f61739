//! Syntax and standard modules of Python by the interpreter that first had them.

use tree_sitter::Node;

use super::Version;
use crate::syntax::tree::{ancestors, children, field, text};

/// Modules of the standard library that came later.
const MODULES: [(&str, &str, Version); 9] = [
    ("dataclasses", "the module `dataclasses`", (3, 7)),
    ("contextvars", "the module `contextvars`", (3, 7)),
    (
        "importlib.resources",
        "the module `importlib.resources`",
        (3, 7),
    ),
    (
        "importlib.metadata",
        "the module `importlib.metadata`",
        (3, 8),
    ),
    ("graphlib", "the module `graphlib`", (3, 9)),
    ("zoneinfo", "the module `zoneinfo`", (3, 9)),
    ("tomllib", "the module `tomllib`", (3, 11)),
    ("annotationlib", "the module `annotationlib`", (3, 14)),
    (
        "string.templatelib",
        "the module `string.templatelib`",
        (3, 14),
    ),
];

/// Built-in types that could not be asked for their parts before.
const BUILT_IN: [&str; 6] = ["list", "dict", "set", "tuple", "frozenset", "type"];

pub(super) fn needs(node: Node<'_>, source: &str) -> Vec<(&'static str, Version)> {
    let has = |kind: &str| children(node).iter().any(|it| it.kind() == kind);
    let one = |is: bool, name, minor| Vec::from_iter(is.then_some((name, (3, minor))));
    match node.kind() {
        "match_statement" => one(true, "`match`", 10),
        "named_expression" => one(true, "`:=`", 8),
        "positional_separator" => one(true, "positional-only parameters", 8),
        "except_clause" => one(has("*"), "`except*`", 11),
        "type_alias_statement" => one(true, "a `type` statement", 12),
        "function_definition" | "class_definition" => one(
            node.child_by_field_name("type_parameters").is_some(),
            "type parameters in brackets",
            12,
        ),
        "with_clause" => one(is_grouped(node), "`with` in parentheses", 10),
        "string" => format_string(node, source),
        "type" => annotation(node, source),
        "import_statement" | "import_from_statement" => modules(node, source),
        _ => Vec::new(),
    }
}

/// `with (a as b, c as d)`, which some grammars read as one item in parentheses.
fn is_grouped(clause: Node<'_>) -> bool {
    let items = || {
        children(clause)
            .into_iter()
            .filter(|it| it.kind() == "with_item")
    };
    let values: Vec<Node<'_>> = items()
        .filter_map(|it| it.child_by_field_name("value"))
        .collect();
    let is_named = |it: &Node<'_>| it.kind() == "as_pattern";
    let has_parenthesis = children(clause).iter().any(|it| it.kind() == "(");
    if has_parenthesis {
        return values.len() > 1 || values.iter().any(is_named);
    }
    let tuples = values.iter().filter(|it| it.kind() == "tuple");
    tuples.flat_map(|it| children(*it)).any(|it| is_named(&it))
}

fn format_string(node: Node<'_>, source: &str) -> Vec<(&'static str, Version)> {
    let parts = children(node);
    let places = parts.iter().filter(|it| it.kind() == "interpolation");
    let start = parts.first().map_or("", |it| text(*it, source));
    let quotes = start.trim_start_matches(|it: char| it.is_ascii_alphabetic());
    let mut found = Vec::new();
    for place in places {
        if found.is_empty() {
            found.push(("an f-string", (3, 6)));
        }
        if children(*place).iter().any(|it| it.kind() == "=") {
            found.push(("`=` in an f-string", (3, 8)));
        }
        if !quotes.is_empty() && text(*place, source).contains(quotes) {
            found.push(("the quotes of an f-string in it", (3, 12)));
        }
    }
    found
}

/// What stands in an annotation is evaluated, unless the file says that it is not.
fn annotation(node: Node<'_>, source: &str) -> Vec<(&'static str, Version)> {
    let Some(inner) = node.named_child(0) else {
        return Vec::new();
    };
    let is_alternative = inner.kind() == "union_type"
        || (inner.kind() == "binary_operator" && field(inner, "operator", source) == Some("|"));
    let head = match inner.kind() {
        "generic_type" => inner.child(0).map(|it| text(it, source)),
        "subscript" => field(inner, "value", source),
        _ => None,
    };
    let is_built_in = head.is_some_and(|it| BUILT_IN.contains(&it));
    // That of a local variable is never evaluated.
    let is_local = node.parent().is_some_and(|it| it.kind() == "assignment")
        && ancestors(node).any(|it| it.kind() == "function_definition");
    if !(is_alternative || is_built_in) || is_local || is_postponed(node, source) {
        return Vec::new();
    }
    let mut found = Vec::new();
    if is_alternative {
        found.push(("a type with `|`", (3, 10)));
    }
    if is_built_in {
        found.push(("a built-in type with `[…]`", (3, 9)));
    }
    found
}

fn is_postponed(node: Node<'_>, source: &str) -> bool {
    let root = ancestors(node).last().unwrap_or(node);
    children(root).into_iter().any(|it| {
        it.kind() == "future_import_statement" && text(it, source).contains("annotations")
    })
}

/// An import in a `try` has something else to fall back on, and one for types alone is not run.
fn modules(node: Node<'_>, source: &str) -> Vec<(&'static str, Version)> {
    let is_guarded =
        ancestors(node).any(|it| matches!(it.kind(), "try_statement" | "if_statement"));
    if is_guarded {
        return Vec::new();
    }
    let named = if node.kind() == "import_from_statement" {
        Vec::from_iter(field(node, "module_name", source))
    } else {
        let names = children(node).into_iter();
        names
            .filter_map(|it| match it.kind() {
                "dotted_name" => Some(text(it, source)),
                "aliased_import" => field(it, "name", source),
                _ => None,
            })
            .collect()
    };
    let is_named = |module: &str| {
        let inside = |it: &&str| **it == *module || it.starts_with(&format!("{module}."));
        named.iter().any(inside)
    };
    let later = MODULES.iter().filter(|it| is_named(it.0));
    later.map(|(_, name, version)| (*name, *version)).collect()
}
