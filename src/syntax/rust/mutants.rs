//! Rust mutants: bodies replaced by typed defaults, operators swapped, conditions negated.

use tree_sitter::Node;

use super::{Attribute, attributes, functions, in_test, qualified, types};
use crate::syntax::Mutant;
use crate::syntax::mutation::{Place, neighbours, shortened};
use crate::syntax::tree::{ancestors, children, field, parts, text, walk};

/// What each binary operator is replaced with.
const SWAPS: [(&str, &str); 20] = [
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
    ("%", "/"),
    ("&", "|"),
    ("|", "&"),
    ("<<", ">>"),
    (">>", "<<"),
    ("+=", "-="),
    ("-=", "+="),
    ("*=", "/="),
];

/// Kinds whose inside is not an expression that runs, or whose breakage would be dangerous.
const CLOSED: [&str; 10] = [
    "function_item",
    "attribute_item",
    "macro_invocation",
    "type_arguments",
    "array_type",
    "match_pattern",
    "unsafe_block",
    "const_block",
    "range_pattern",
    "enum_item",
];

/// Returns the mutants of every function that tests could and should notice.
pub(super) fn mutants(root: Node<'_>, source: &str) -> Vec<Mutant> {
    let mut found = Vec::new();
    for function in functions(root) {
        if let Some(body) = mutable_body(function, source) {
            let place = Place {
                item: qualified(function, source),
                source,
            };
            found.extend(body_mutants(function, body, &place));
            found.extend(inner_mutants(body, &place));
        }
    }
    found
}

/// Returns the body of a function whose mutants would tell something.
fn mutable_body<'t>(function: Node<'t>, source: &str) -> Option<Node<'t>> {
    let body = function.child_by_field_name("body")?;
    let statements = parts(body);
    let is_trivial_main = qualified(function, source) == "main" && statements.len() < 2;
    let skipped = statements.is_empty()
        || is_placeholder(&statements, source)
        || is_trivial_main
        || in_test(function, source)
        || is_unsafe(function)
        || is_for_show(function, source)
        || is_conditional(function, source);
    (!skipped).then_some(body)
}

fn is_placeholder(statements: &[Node<'_>], source: &str) -> bool {
    let [only] = statements else { return false };
    ["todo!", "unimplemented!", "unreachable!", "panic!"]
        .iter()
        .any(|it| text(*only, source).starts_with(it))
}

fn is_unsafe(function: Node<'_>) -> bool {
    children(function)
        .into_iter()
        .filter(|it| it.kind() == "function_modifiers")
        .flat_map(children)
        .any(|it| it.kind() == "unsafe")
}

/// Code that only formats for people: few suites check it, and few should.
fn is_for_show(function: Node<'_>, source: &str) -> bool {
    ancestors(function)
        .find(|it| it.kind() == "impl_item")
        .and_then(|it| field(it, "trait", source))
        .and_then(|it| it.rsplit("::").next())
        .is_some_and(|it| matches!(it, "Debug" | "Display"))
}

/// Code behind a `cfg` may not be in the build at all: a mutant there survives and means nothing.
fn is_conditional(function: Node<'_>, source: &str) -> bool {
    let is_excluded =
        |it: &Attribute| it.path == "cfg" || it.path == "mutants::skip" || it.path == "proc_macro";
    std::iter::once(function)
        .chain(ancestors(function))
        .filter(|it| matches!(it.kind(), "function_item" | "mod_item" | "impl_item"))
        .any(|it| attributes(it, source).iter().any(is_excluded))
}

fn body_mutants(function: Node<'_>, body: Node<'_>, place: &Place<'_>) -> Vec<Mutant> {
    let return_type = function.child_by_field_name("return_type");
    let now = inner_text(body, place.source);
    let is_default = field(function, "name", place.source) == Some("default");
    let is_const = children(function)
        .iter()
        .any(|it| it.kind() == "function_modifiers" && text(*it, place.source).contains("const"));
    types::values(return_type, place.source)
        .into_iter()
        .filter(|it| *it != now)
        .filter(|it| !(it.contains("Default::default()") && (is_default || is_const)))
        .map(|value| {
            let what = format!("replace {} with {value}", place.item);
            let block = if value == "()" {
                "{}".to_owned()
            } else {
                format!("{{ {value} }}")
            };
            place.mutant(body, block, what)
        })
        .collect()
}

fn inner_text<'s>(body: Node<'_>, source: &'s str) -> &'s str {
    text(body, source)
        .trim_start_matches('{')
        .trim_end_matches('}')
        .trim()
}

fn inner_mutants(body: Node<'_>, place: &Place<'_>) -> Vec<Mutant> {
    let mut found = Vec::new();
    walk(body, |node| {
        if CLOSED.contains(&node.kind()) {
            return false;
        }
        match node.kind() {
            "binary_expression" | "compound_assignment_expr" => {
                found.extend(swapped(node, place));
            }
            "unary_expression" => found.extend(not_removed(node, place)),
            "if_expression" => found.extend(negated(node, place)),
            "integer_literal" => found.extend(shifted(node, place)),
            "match_expression" => found.extend(arms_removed(node, place)),
            _ => {}
        }
        true
    });
    found
}

fn swapped(node: Node<'_>, place: &Place<'_>) -> Option<Mutant> {
    let operator = field(node, "operator", place.source)?;
    if operator.starts_with('+') && joins_text(node, place.source) {
        return None;
    }
    place.swapped(node, &SWAPS)
}

/// `+` on strings has no `-`: such a mutant cannot compile.
fn joins_text(node: Node<'_>, source: &str) -> bool {
    ["left", "right"]
        .iter()
        .filter_map(|it| node.child_by_field_name(it))
        .any(|it| {
            matches!(it.kind(), "string_literal" | "reference_expression")
                || text(it, source).ends_with(".to_string()")
                || text(it, source).ends_with(".to_owned()")
                || text(it, source).starts_with("format!")
        })
}

fn not_removed(node: Node<'_>, place: &Place<'_>) -> Option<Mutant> {
    let operand = node.named_child(0)?;
    let is_not = text(node, place.source).starts_with('!');
    let what = "delete !".to_owned();
    is_not.then(|| place.mutant(node, text(operand, place.source), what))
}

/// Negates a condition that no operator swap already turns.
fn negated(node: Node<'_>, place: &Place<'_>) -> Option<Mutant> {
    let condition = node.child_by_field_name("condition")?;
    let is_plain = matches!(
        condition.kind(),
        "call_expression" | "identifier" | "field_expression" | "parenthesized_expression"
    );
    let now = text(condition, place.source);
    is_plain.then(|| {
        let what = format!("negate condition `{}`", shortened(now));
        place.mutant(condition, format!("!({now})"), what)
    })
}

/// Moves an integer by one, except where it only sizes a buffer.
fn shifted(node: Node<'_>, place: &Place<'_>) -> Vec<Mutant> {
    let now = text(node, place.source);
    let Some((value, suffix)) = decimal(now) else {
        return Vec::new();
    };
    if is_capacity(node, place.source) {
        return Vec::new();
    }
    neighbours(value)
        .map(|other| {
            let what = format!("replace {now} with {other}{suffix}");
            place.mutant(node, format!("{other}{suffix}"), what)
        })
        .collect()
}

/// Splits `10_u8` into 10 and `u8`; `None` for anything but plain decimals.
fn decimal(literal: &str) -> Option<(u64, &str)> {
    let end = literal
        .find(|it: char| !(it.is_ascii_digit() || it == '_'))
        .unwrap_or(literal.len());
    let (digits, suffix) = literal.split_at(end);
    let is_decimal = suffix.is_empty() || suffix.starts_with(['u', 'i', 'f']);
    let value = digits.replace('_', "").parse().ok()?;
    is_decimal.then_some((value, suffix))
}

fn is_capacity(node: Node<'_>, source: &str) -> bool {
    ancestors(node)
        .take(2)
        .find(|it| it.kind() == "call_expression")
        .and_then(|it| field(it, "function", source))
        .is_some_and(|it| it.ends_with("with_capacity") || it.ends_with("reserve"))
}

/// Where a wildcard arm catches the rest, each other arm can be left out.
fn arms_removed(node: Node<'_>, place: &Place<'_>) -> Vec<Mutant> {
    let Some(block) = node.child_by_field_name("body") else {
        return Vec::new();
    };
    let arms: Vec<Node<'_>> = parts(block)
        .into_iter()
        .filter(|it| it.kind() == "match_arm")
        .collect();
    let pattern = |arm: &Node<'_>| field(*arm, "pattern", place.source).unwrap_or_default();
    if !arms.iter().any(|it| pattern(it) == "_") {
        return Vec::new();
    }
    arms.iter()
        .filter(|it| pattern(it) != "_")
        .map(|arm| {
            let what = format!("delete match arm `{}`", shortened(pattern(arm)));
            place.mutant(*arm, "", what)
        })
        .collect()
}
