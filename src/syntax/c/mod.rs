//! C: functions and constants; what each view shares about the grammar.
//!
//! C has no adapter: its commands are declared, and so is what judges it. Only what a search for faster
//! code needs is read here.

use std::ops::Range;

use tree_sitter::Node;

use super::edits::Table;
use super::tree::{children, field, line, text, walk};
use super::{Item, Language};

mod mutants;

/// C's line in the list of languages.
pub(super) const LANGUAGE: Language = Language {
    extensions: &["c"],
    grammar: || tree_sitter_c::LANGUAGE.into(),
    items,
    mutants: mutants::mutants,
    suppressions: |_, _| Vec::new(),
    tests: |_, _| Vec::new(),
    test_spans: |_, _| Vec::new(),
    failure_paths: |_, _| Vec::new(),
    constants,
    surface: |_, _| Vec::new(),
    inline: |_, _| super::inline::Found::default(),
    edits: &EDITS,
};

/// What edits of C are made from.
const EDITS: Table = Table {
    blocks: &["compound_statement"],
    is_statement: |kind| {
        kind == "declaration"
            || kind.ends_with("_statement")
                && !matches!(
                    kind,
                    "case_statement" | "labeled_statement" | "goto_statement"
                )
    },
    closed: &["preproc_if", "preproc_ifdef"],
    loops: &["for_statement", "while_statement", "do_statement"],
    exits: &["break;", "continue;"],
    empty: "",
    call: "call_expression",
    receiver: None,
    hazards: &["gnu_asm_expression"],
};

/// Returns the functions that are defined.
fn items(root: Node<'_>, source: &str) -> Vec<Item> {
    let item = |node: Node<'_>| {
        Some(Item {
            name: name(node, source)?.to_owned(),
            public: !is_static(node, source),
            test: false,
            line: line(node),
            span: node.byte_range(),
            body: node.child_by_field_name("body")?.byte_range(),
        })
    };
    functions(root).into_iter().filter_map(item).collect()
}

fn functions(root: Node<'_>) -> Vec<Node<'_>> {
    let mut found = Vec::new();
    walk(root, |node| {
        let is_function = node.kind() == "function_definition";
        if is_function {
            found.push(node);
        }
        !is_function
    });
    found
}

/// Returns the name inside pointers and parameter lists: `f` of `char *f(void)`.
fn name<'s>(function: Node<'_>, source: &'s str) -> Option<&'s str> {
    let inner = |it: &Node<'_>| it.child_by_field_name("declarator").map(|it| it.id());
    let mut node = function.child_by_field_name("declarator")?;
    while inner(&node).is_some() {
        node = node.child_by_field_name("declarator")?;
    }
    (node.kind() == "identifier").then(|| text(node, source))
}

fn is_static(function: Node<'_>, source: &str) -> bool {
    children(function)
        .into_iter()
        .any(|it| it.kind() == "storage_class_specifier" && text(it, source) == "static")
}

/// Returns the values of `#define NAME value` and of initialised declarations outside functions.
fn constants(root: Node<'_>, source: &str, wanted: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    walk(root, |node| {
        let (of, at) = match node.kind() {
            "preproc_def" => (
                field(node, "name", source),
                node.child_by_field_name("value"),
            ),
            "init_declarator" => (
                field(node, "declarator", source),
                node.child_by_field_name("value"),
            ),
            _ => (None, None),
        };
        if let (true, Some(value)) = (of == Some(wanted), at) {
            let words = text(value, source);
            let start = value.start_byte() + words.len() - words.trim_start().len();
            found.push(start..start + words.trim().len());
        }
        node.kind() != "function_definition"
    });
    found
}

#[cfg(test)]
mod tests;
