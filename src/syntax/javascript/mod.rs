//! JavaScript, TypeScript and TSX: items and constants; what each view shares about the grammars.
//!
//! A function is an item where a name is bound to it: declared, assigned, a class's or an object's
//! member. A callback, and a function bound inside an item, belong to the item around them.

use std::ops::Range;

use tree_sitter::Node;

use super::edits::Table;
use super::tree::{Step, ancestors, field, line, text, traverse, walk};
use super::{Item, Language};

mod exports;
mod failures;
mod hashes;
mod inline;
mod mutants;
mod suppressions;
mod surface;
mod test_items;

use exports::Exports;

/// JavaScript's line in the list of languages.
pub(super) const JAVASCRIPT: Language = Language {
    extensions: &["js", "mjs", "cjs", "jsx"],
    grammar: || tree_sitter_javascript::LANGUAGE.into(),
    items,
    mutants: |root, source| mutants::mutants(root, source, mutants::Types::Absent),
    suppressions: suppressions::suppressions,
    tests: test_items::tests,
    test_spans: test_items::spans,
    failure_paths: failures::failure_paths,
    constants,
    surface: surface::surface,
    inline: inline::found,
    edits: &EDITS,
};

/// What edits of JavaScript are made from.
const EDITS: Table = Table {
    blocks: &["statement_block", "switch_case", "switch_default"],
    is_statement: |kind| {
        let is_declaration = matches!(kind, "lexical_declaration" | "variable_declaration");
        is_declaration
            || kind.ends_with("_statement")
                && !matches!(
                    kind,
                    "import_statement" | "export_statement" | "empty_statement"
                )
    },
    closed: &[
        "function_declaration",
        "generator_function_declaration",
        "class_declaration",
        "method_definition",
        "template_string",
    ],
    loops: &[
        "for_statement",
        "for_in_statement",
        "while_statement",
        "do_statement",
    ],
    exits: &["break;", "continue;"],
    empty: "",
    call: "call_expression",
    receiver: Some(("member_expression", "object")),
    hazards: &[],
};

/// TypeScript's line.
pub(super) const TYPESCRIPT: Language = Language {
    extensions: &["ts", "mts", "cts"],
    grammar: || tree_sitter_typescript::LANGUAGE_TYPESCRIPT.into(),
    mutants: |root, source| mutants::mutants(root, source, mutants::Types::Checked),
    ..JAVASCRIPT
};

/// The line of TypeScript with JSX, which is a grammar of its own: `<T>x` means something else there.
pub(super) const TSX: Language = Language {
    extensions: &["tsx"],
    grammar: || tree_sitter_typescript::LANGUAGE_TSX.into(),
    ..TYPESCRIPT
};

/// Kinds of functions; a signature without a body is none.
const FUNCTIONS: [&str; 6] = [
    "function_declaration",
    "generator_function_declaration",
    "method_definition",
    "function_expression",
    "generator_function",
    "arrow_function",
];

/// Kinds around a value that leave it what it is.
const WRAPPERS: [&str; 4] = [
    "parenthesized_expression",
    "as_expression",
    "satisfies_expression",
    "non_null_expression",
];

fn items(root: Node<'_>, source: &str) -> Vec<Item> {
    let exports = Exports::of(root, source);
    let tests = test_items::spans(root, source);
    let item = |function: Node<'_>| {
        let whole = binding(function).unwrap_or(function);
        Some(Item {
            name: qualified(function, source),
            public: exports.reach(function, source),
            test: is_within(&tests, function),
            line: line(whole),
            span: whole.byte_range(),
            body: function.child_by_field_name("body")?.byte_range(),
        })
    };
    functions(root).into_iter().filter_map(item).collect()
}

fn is_within(spans: &[Range<usize>], node: Node<'_>) -> bool {
    spans
        .iter()
        .any(|it| it.start <= node.start_byte() && node.end_byte() <= it.end)
}

/// Returns the nodes of all functions that are items, nested ones included.
fn functions(root: Node<'_>) -> Vec<Node<'_>> {
    let mut found: Vec<Node<'_>> = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    traverse(root, &mut |step| {
        match step {
            Step::Enter(node) if is_item(node, open.is_empty()) => {
                open.push(node.id());
                found.push(node);
            }
            Step::Leave(node) if open.last() == Some(&node.id()) => {
                open.pop();
            }
            _ => {}
        }
        true
    });
    found
}

fn is_item(node: Node<'_>, outermost: bool) -> bool {
    match node.kind() {
        "function_declaration" | "generator_function_declaration" => true,
        "method_definition" => {
            outermost || node.parent().is_some_and(|it| it.kind() == "class_body")
        }
        kind => outermost && FUNCTIONS.contains(&kind) && binding(node).is_some(),
    }
}

/// Returns what gives an expression its name: a declarator, an assignment, a pair, a field, an export.
fn binding(value: Node<'_>) -> Option<Node<'_>> {
    let mut inner = value;
    let mut outer = value.parent()?;
    while WRAPPERS.contains(&outer.kind()) {
        (inner, outer) = (outer, outer.parent()?);
    }
    let role = match outer.kind() {
        "variable_declarator"
        | "pair"
        | "field_definition"
        | "public_field_definition"
        | "export_statement" => "value",
        "assignment_expression" => "right",
        "arguments" => return wrapped_binding(outer),
        _ => return None,
    };
    (outer.child_by_field_name(role) == Some(inner)).then_some(outer)
}

/// `const f = memoize(function () {})` at the top of a module names the function too.
fn wrapped_binding(arguments: Node<'_>) -> Option<Node<'_>> {
    let declarator = arguments.parent()?.parent()?;
    let outer = declarator.parent()?.parent()?;
    let is_top = matches!(outer.kind(), "program" | "export_statement");
    (declarator.kind() == "variable_declarator" && is_top).then_some(declarator)
}

/// Returns the name of an item with the classes, objects, namespaces and functions around it.
fn qualified(node: Node<'_>, source: &str) -> String {
    let mut names: Vec<String> = ancestors(node)
        .filter_map(|it| scope_name(it, source))
        .collect();
    names.reverse();
    names.push(own_name(node, source).unwrap_or_else(|| "_".to_owned()));
    names.join(".")
}

fn scope_name(node: Node<'_>, source: &str) -> Option<String> {
    match node.kind() {
        "class_declaration" | "abstract_class_declaration" | "class" | "object" => {
            own_name(node, source)
        }
        "internal_module" | "module" => own_name(node, source),
        kind if FUNCTIONS.contains(&kind) => own_name(node, source),
        _ => None,
    }
    .filter(|it| it != "module.exports")
}

/// Returns the name a definition has of itself or of what it is bound to.
fn own_name(node: Node<'_>, source: &str) -> Option<String> {
    let is_expression = matches!(
        node.kind(),
        "function_expression" | "generator_function" | "arrow_function" | "class" | "object"
    );
    if !is_expression {
        return field(node, "name", source).map(unquoted);
    }
    let bound = binding(node)?;
    let name = match bound.kind() {
        "assignment_expression" => assigned_name(field(bound, "left", source)?),
        "pair" => unquoted(field(bound, "key", source)?),
        "export_statement" => "default".to_owned(),
        _ => unquoted(field(bound, "name", source).or_else(|| field(bound, "property", source))?),
    };
    let inner = field(node, "name", source);
    Some(match (name.as_str(), inner) {
        ("module.exports" | "default", Some(inner)) => inner.to_owned(),
        _ => name,
    })
}

/// Returns `Foo.bar` of `Foo.prototype.bar`, and `x` of `module.exports.x` and `this.x`.
fn assigned_name(left: &str) -> String {
    let squeezed: String = left.split_whitespace().collect();
    if matches!(squeezed.as_str(), "module.exports" | "exports") {
        return "module.exports".to_owned();
    }
    ["module.exports.", "exports.", "this."]
        .iter()
        .find_map(|it| squeezed.strip_prefix(it))
        .unwrap_or(&squeezed)
        .replace(".prototype.", ".")
}

fn unquoted(name: &str) -> String {
    name.trim_matches(['"', '\'', '`']).to_owned()
}

/// Returns the value ranges of module-level constants and fields of classes (`Class.NAME`) of that
/// name whose value is a literal or computed from literals.
fn constants(root: Node<'_>, source: &str, name: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    walk(root, |node| {
        let value = match node.kind() {
            "variable_declarator" | "field_definition" | "public_field_definition" => {
                node.child_by_field_name("value")
            }
            "assignment_expression" => node.child_by_field_name("right"),
            kind => return !FUNCTIONS.contains(&kind),
        };
        let is_named = constant_name(node, source).is_some_and(|it| it == name);
        found.extend(value.filter(|it| is_named && is_literal(*it)));
        true
    });
    found.iter().map(Node::byte_range).collect()
}

fn constant_name(node: Node<'_>, source: &str) -> Option<String> {
    let own = match node.kind() {
        "assignment_expression" => {
            let left = field(node, "left", source)?;
            let is_export = left.starts_with("exports.") || left.starts_with("module.exports.");
            is_export.then(|| assigned_name(left))?
        }
        _ => field(node, "name", source)
            .or_else(|| field(node, "property", source))?
            .to_owned(),
    };
    let mut names: Vec<String> = ancestors(node)
        .filter_map(|it| scope_name(it, source))
        .collect();
    names.reverse();
    names.push(own);
    Some(names.join("."))
}

/// Kinds of which a value of literals alone consists, beside strings.
const COMPUTED: [&str; 7] = [
    "number",
    "true",
    "false",
    "null",
    "unary_expression",
    "binary_expression",
    "parenthesized_expression",
];

fn is_literal(value: Node<'_>) -> bool {
    let mut only_literals = true;
    walk(value, |node| {
        match node.kind() {
            "string" => return false,
            kind if node.is_named() && !COMPUTED.contains(&kind) => only_literals = false,
            _ => {}
        }
        only_literals
    });
    only_literals
}

/// Returns the path of a callee without calls and white space: `describe.each` of
/// `describe.each(table)`, `it.skip` of `it.skip`.
fn callee_path<'s>(callee: Node<'_>, source: &'s str) -> Vec<&'s str> {
    let mut path = Vec::new();
    let mut at = Some(callee);
    while let Some(node) = at {
        at = match node.kind() {
            "call_expression" => node.child_by_field_name("function"),
            "member_expression" => {
                path.extend(field(node, "property", source));
                node.child_by_field_name("object")
            }
            kind if WRAPPERS.contains(&kind) || kind == "await_expression" => node.named_child(0),
            "identifier" | "this" | "super" => {
                path.push(text(node, source));
                None
            }
            _ => {
                path.push("");
                None
            }
        };
    }
    path.reverse();
    path
}

#[cfg(test)]
mod tests;
