//! C mutants: values returned early, operators swapped, conditions negated, numbers moved by one.

use tree_sitter::Node;

use super::{functions, name};
use crate::syntax::Mutant;
use crate::syntax::mutation::{Place, shortened};
use crate::syntax::tree::{any, field, parts, text, walk};

/// What each operator is replaced with.
const SWAPS: [(&str, &str); 21] = [
    ("==", "!="),
    ("!=", "=="),
    ("<", "<="),
    ("<=", "<"),
    (">", ">="),
    (">=", ">"),
    ("&&", "||"),
    ("||", "&&"),
    ("+", "-"),
    ("-", "+"),
    ("*", "/"),
    ("/", "*"),
    ("%", "*"),
    ("&", "|"),
    ("|", "&"),
    ("^", "&"),
    ("<<", ">>"),
    (">>", "<<"),
    ("+=", "-="),
    ("-=", "+="),
    ("*=", "/="),
];

/// Types of numbers, which a function may return 0 or 1 of.
const NUMBERS: [&str; 12] = [
    "int", "long", "short", "char", "size_t", "unsigned", "bool", "_Bool", "double", "float",
    "uint32_t", "uint64_t",
];

/// Returns the mutants of every function that tests could notice.
pub(super) fn mutants(root: Node<'_>, source: &str) -> Vec<Mutant> {
    let mut found = Vec::new();
    for function in functions(root) {
        let body = function.child_by_field_name("body");
        let (Some(body), Some(name)) = (body, name(function, source)) else {
            continue;
        };
        let n_statements = parts(body).len();
        let is_trivial_main = name == "main" && n_statements < 2;
        let has_assembly = any(body, |_| true, |it| it.kind() == "gnu_asm_expression");
        if n_statements == 0 || is_trivial_main || has_assembly {
            continue;
        }
        let place = Place {
            item: name.to_owned(),
            source,
        };
        found.extend(bodies(function, body, &place));
        found.extend(inner_mutants(body, &place));
    }
    found
}

fn bodies(function: Node<'_>, body: Node<'_>, place: &Place<'_>) -> Vec<Mutant> {
    let ty = field(function, "type", place.source).unwrap_or_default();
    let is_pointer = function
        .child_by_field_name("declarator")
        .is_some_and(|it| it.kind() == "pointer_declarator");
    let is_number = ty.split_whitespace().any(|it| NUMBERS.contains(&it));
    let values: &[&str] = match ty {
        _ if is_pointer => &["return 0;"],
        "void" => &[""],
        _ if is_number => &["return 0;", "return 1;"],
        _ => &[],
    };
    values
        .iter()
        .map(|it| format!("{{ {it} }}"))
        .filter(|it| {
            it.split_whitespace()
                .ne(text(body, place.source).split_whitespace())
        })
        .map(|block| {
            let what = format!("replace body of {} with `{block}`", place.item);
            place.mutant(body, block, what)
        })
        .collect()
}

fn inner_mutants(body: Node<'_>, place: &Place<'_>) -> Vec<Mutant> {
    let mut found = Vec::new();
    walk(body, |node| {
        match node.kind() {
            "binary_expression" | "assignment_expression" => {
                found.extend(place.swapped(node, &SWAPS));
            }
            "if_statement" => found.extend(negated(node, place)),
            "number_literal" => found.extend(place.shifted(node)),
            // The size of an array is a matter of memory, not of what a test could notice.
            "array_declarator" | "sizeof_expression" => return false,
            _ => {}
        }
        true
    });
    found
}

/// Negates a condition that no operator swap already turns.
fn negated(node: Node<'_>, place: &Place<'_>) -> Option<Mutant> {
    let condition = node.child_by_field_name("condition")?;
    let inner = parts(condition).into_iter().next()?;
    let is_plain = matches!(
        inner.kind(),
        "identifier" | "call_expression" | "field_expression" | "subscript_expression"
    );
    let now = text(inner, place.source);
    is_plain.then(|| {
        let what = format!("negate condition `{}`", shortened(now));
        place.mutant(condition, format!("(!({now}))"), what)
    })
}
