//! Which names a JavaScript module hands out, as ES modules and as `CommonJS` do.

use std::collections::BTreeMap;

use tree_sitter::Node;

use super::{FUNCTIONS, binding, is_item, own_name, qualified};
use crate::syntax::tree::{ancestors, children, field, parts, text, walk};

/// The exported names of one file: as they are called inside it, and outside.
pub(super) struct Exports {
    names: BTreeMap<String, String>,
}

impl Exports {
    /// Reads the export statements and the assignments to `module.exports` and `exports`.
    pub(super) fn of(root: Node<'_>, source: &str) -> Self {
        let mut names = BTreeMap::new();
        walk(root, |node| {
            match node.kind() {
                "export_statement" => names.extend(by_statement(node, source)),
                "assignment_expression" if is_exports(node, source) => {
                    names.extend(by_assignment(node, source));
                }
                _ => {}
            }
            true
        });
        Self { names }
    }

    /// Returns whether a local name is exported.
    pub(super) fn hold(&self, name: &str) -> bool {
        self.names.contains_key(name)
    }

    /// Returns a qualified local name as others call it.
    pub(super) fn outside(&self, name: &str) -> String {
        let (root, rest) = name.find('.').map_or((name, ""), |at| name.split_at(at));
        match self.names.get(root) {
            Some(public) => format!("{public}{rest}"),
            None => name.to_owned(),
        }
    }

    /// Returns the public names.
    pub(super) fn public(&self) -> impl Iterator<Item = &str> {
        self.names.values().map(String::as_str)
    }

    /// Returns whether a function can be called from outside: exported, or an open member of what is.
    pub(super) fn reach(&self, function: Node<'_>, source: &str) -> bool {
        let is_open = std::iter::once(function)
            .chain(ancestors(function))
            .all(|it| !is_private(it, source));
        let is_nested = ancestors(function).any(|it| {
            FUNCTIONS.contains(&it.kind())
                && (is_item(it, true) || it.kind() == "method_definition")
        });
        let name = qualified(function, source);
        let root = name.split('.').next().unwrap_or_default();
        is_open && !is_nested && (self.hold(root) || is_exported_in_place(function, source))
    }
}

/// Returns the local names that an export statement lists.
fn by_statement(statement: Node<'_>, source: &str) -> Vec<(String, String)> {
    if statement.child_by_field_name("source").is_some() {
        return Vec::new();
    }
    let mut names = Vec::new();
    for part in parts(statement) {
        match part.kind() {
            "export_clause" => {
                names.extend(
                    parts(part)
                        .into_iter()
                        .filter_map(|it| specified(it, source)),
                );
            }
            "identifier" => names.push((text(part, source), "default")),
            _ => {}
        }
    }
    owned(names)
}

/// Returns `a` and `b` of `a as b`.
fn specified<'s>(specifier: Node<'_>, source: &'s str) -> Option<(&'s str, &'s str)> {
    let name = field(specifier, "name", source)?;
    Some((name, field(specifier, "alias", source).unwrap_or(name)))
}

fn owned(names: Vec<(&str, &str)>) -> Vec<(String, String)> {
    let owned = |(a, b): (&str, &str)| (a.to_owned(), b.to_owned());
    names.into_iter().map(owned).collect()
}

/// Returns whether the left side of an assignment is `exports`, `module.exports`, or a name in it.
pub(super) fn is_exports(assignment: Node<'_>, source: &str) -> bool {
    field(assignment, "left", source).is_some_and(|left| {
        let rest = left.strip_prefix("module.").unwrap_or(left);
        rest.strip_prefix("exports")
            .is_some_and(|it| it.is_empty() || it.starts_with(['.', '[']))
    })
}

/// Returns the local names that an assignment hands out: the value, the members of an object, and
/// `app` of `var app = module.exports = {}`.
fn by_assignment(assignment: Node<'_>, source: &str) -> Vec<(String, String)> {
    let mut names = Vec::new();
    if let Some(value) = assignment.child_by_field_name("right") {
        match value.kind() {
            "identifier" => names.push((text(value, source), text(value, source))),
            "object" => names.extend(parts(value).into_iter().filter_map(|it| handed(it, source))),
            _ => {}
        }
    }
    let outer = std::iter::successors(assignment.parent(), Node::parent)
        .find(|it| it.kind() != "assignment_expression")
        .filter(|it| it.kind() == "variable_declarator");
    names.extend(
        outer
            .and_then(|it| field(it, "name", source))
            .map(|it| (it, it)),
    );
    owned(names)
}

fn handed<'s>(member: Node<'_>, source: &'s str) -> Option<(&'s str, &'s str)> {
    match member.kind() {
        "shorthand_property_identifier" => Some((text(member, source), text(member, source))),
        "pair" => {
            let value = member.child_by_field_name("value")?;
            let key = field(member, "key", source)?;
            match value.kind() {
                "identifier" => Some((text(value, source), key)),
                kind => (!FUNCTIONS.contains(&kind)).then_some((key, key)),
            }
        }
        _ => None,
    }
}

/// `export function …`, `export default …`, `module.exports = { member() {} }`, `exports.x = …`.
fn is_exported_in_place(function: Node<'_>, source: &str) -> bool {
    std::iter::once(function)
        .chain(ancestors(function))
        .take_while(|it| *it == function || !FUNCTIONS.contains(&it.kind()))
        .any(|it| match it.kind() {
            "export_statement" => true,
            "assignment_expression" => is_exports(it, source),
            _ => false,
        })
}

/// A member is private by `#`, by `private` or `protected`, or, by custom, by an underscore.
pub(super) fn is_private(node: Node<'_>, source: &str) -> bool {
    let by_word = children(node).into_iter().any(|it| {
        it.kind() == "accessibility_modifier" && matches!(text(it, source), "private" | "protected")
    });
    let is_member = matches!(
        node.kind(),
        "method_definition" | "field_definition" | "public_field_definition"
    ) || binding(node)
        .is_some_and(|it| matches!(it.kind(), "pair" | "assignment_expression"));
    let by_name = || {
        let name = own_name(node, source)
            .or_else(|| field(node, "property", source).map(str::to_owned))
            .unwrap_or_default();
        let last = name.rsplit('.').next().unwrap_or_default().to_owned();
        last.starts_with(['#', '_'])
    };
    by_word || (is_member && by_name())
}
