//! JavaScript mutants: bodies replaced by plain values, operators swapped, conditions negated, calls
//! left out.

use tree_sitter::Node;

use super::test_items;
use super::{FUNCTIONS, callee_path, functions, is_within, own_name, qualified};
use crate::syntax::Mutant;
use crate::syntax::mutation::{Place, shortened};
use crate::syntax::tree::{any, children, field, parts, text, walk};

/// What each operator is replaced with.
const SWAPS: [(&str, &str); 27] = [
    ("===", "!=="),
    ("!==", "==="),
    ("==", "!="),
    ("!=", "=="),
    ("<", "<="),
    ("<=", "<"),
    (">", ">="),
    (">=", ">"),
    ("&&", "||"),
    ("||", "&&"),
    ("??", "&&"),
    ("+", "-"),
    ("-", "+"),
    ("*", "/"),
    ("/", "*"),
    ("%", "*"),
    ("**", "*"),
    ("&", "|"),
    ("|", "&"),
    ("^", "&"),
    ("<<", ">>"),
    (">>", "<<"),
    (">>>", "<<"),
    ("+=", "-="),
    ("-=", "+="),
    ("*=", "/="),
    ("/=", "*="),
];

/// Kinds whose inside is no expression that runs.
const CLOSED: [&str; 8] = [
    "type_annotation",
    "type_arguments",
    "type_parameters",
    "literal_type",
    "object_type",
    "decorator",
    "regex",
    "interface_declaration",
];

/// Calls that only tell a person something: few suites check them, and few should.
const TALK: [&str; 7] = [
    "console",
    "logger",
    "log",
    "debug",
    "warn",
    "deprecate",
    "assert",
];

/// Whether a compiler looks at the types of what is put in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Types {
    /// JavaScript.
    Absent,
    /// TypeScript.
    Checked,
}

/// Returns the mutants of every function that tests could and should notice.
pub(super) fn mutants(root: Node<'_>, source: &str, types: Types) -> Vec<Mutant> {
    let tests = test_items::spans(root, source);
    let functions = functions(root);
    let inner: Vec<usize> = functions.iter().map(Node::id).collect();
    let mut found = Vec::new();
    for function in functions {
        let Some(body) = function.child_by_field_name("body") else {
            continue;
        };
        if is_within(&tests, function) || !is_mutable(function, body, source) {
            continue;
        }
        let place = Place {
            item: qualified(function, source),
            source,
        };
        found.extend(body_mutants(function, body, types, &place));
        found.extend(inner_mutants(body, &inner, &tests, &place));
    }
    found
}

fn is_mutable(function: Node<'_>, body: Node<'_>, source: &str) -> bool {
    let is_for_show = own_name(function, source)
        .is_some_and(|it| matches!(it.rsplit('.').next(), Some("toString" | "inspect")));
    let statements = parts(body);
    let is_empty = body.kind() == "statement_block" && statements.is_empty();
    let is_placeholder =
        matches!(statements.as_slice(), [only] if only.kind() == "throw_statement");
    !is_for_show && !is_empty && !is_placeholder
}

fn body_mutants(
    function: Node<'_>,
    body: Node<'_>,
    types: Types,
    place: &Place<'_>,
) -> Vec<Mutant> {
    if calls_super(body) {
        return Vec::new();
    }
    let is_block = body.kind() == "statement_block";
    let now = text(body, place.source);
    values(function, body, types, place.source)
        .into_iter()
        .map(|value| match (is_block, value.as_str()) {
            (true, "") => (String::from("{}"), value),
            (true, _) => (format!("{{ return {value}; }}"), value),
            (false, "") => (String::from("undefined"), value),
            (false, _) => (value.clone(), value),
        })
        .filter(|(code, value)| code != now && !returns_only(body, value, place.source))
        .map(|(code, _)| {
            let what = format!("replace body of {} with `{code}`", place.item);
            place.mutant(body, code, what)
        })
        .collect()
}

/// A constructor that does not call `super` fails always: such a mutant tells nothing.
fn calls_super(body: Node<'_>) -> bool {
    any(
        body,
        |it| !FUNCTIONS.contains(&it.kind()),
        |it| it.kind() == "super" && it.parent().is_some_and(|it| it.kind() == "call_expression"),
    )
}

fn returns_only(body: Node<'_>, value: &str, source: &str) -> bool {
    match parts(body).as_slice() {
        [only] if only.kind() == "return_statement" => {
            only.named_child(0).map_or("", |it| text(it, source)) == value
        }
        _ => false,
    }
}

/// Returns what the function could wrongly return; empty text for nothing at all.
fn values(function: Node<'_>, body: Node<'_>, types: Types, source: &str) -> Vec<String> {
    let is_async = children(function).iter().any(|it| it.kind() == "async");
    let is_generator = children(function).iter().any(|it| it.kind() == "*")
        || function.kind().starts_with("generator");
    if is_generator {
        return vec![String::new()];
    }
    let annotation = field(function, "return_type", source).unwrap_or_default();
    let annotation = annotation.trim_start_matches(':').trim();
    let promised = annotation
        .strip_prefix("Promise<")
        .and_then(|it| it.strip_suffix('>'));
    match (annotation, promised) {
        ("never", _) => Vec::new(),
        ("", _) => owned(by_returns(&returned_kinds(function, body), types)),
        (_, Some(inner)) if is_async => owned(by_annotation(inner)),
        (_, Some(inner)) => by_annotation(inner)
            .iter()
            .map(|it| format!("Promise.resolve({it})"))
            .collect(),
        _ => owned(by_annotation(annotation)),
    }
}

fn owned(values: &[&str]) -> Vec<String> {
    values.iter().map(|it| (*it).to_owned()).collect()
}

/// Any type that is not plain gets a value that every compiler accepts and few callers can use.
fn by_annotation(annotation: &str) -> &'static [&'static str] {
    match annotation.trim() {
        "boolean" => &["true", "false"],
        it if it.contains(" is ") => &["true", "false"],
        "number" => &["0", "1"],
        "string" => &["\"\"", "\"xyzzy\""],
        "void" | "undefined" => &[""],
        it if it.ends_with("[]") || it.starts_with("Array<") => &["[]"],
        it if it.starts_with("asserts ") => &[""],
        _ => &["undefined as any"],
    }
}

/// Returns the kinds of the expressions that a function itself returns.
fn returned_kinds<'t>(function: Node<'t>, body: Node<'t>) -> Vec<&'t str> {
    if body.kind() != "statement_block" {
        return vec![kind_of(body)];
    }
    let mut kinds = Vec::new();
    walk(function, |node| {
        if node.kind() == "return_statement" {
            kinds.extend(parts(node).first().map(|it| kind_of(*it)));
        }
        node == function || !FUNCTIONS.contains(&node.kind())
    });
    kinds
}

/// Returns a coarse kind of an expression: what it surely gives.
fn kind_of(value: Node<'_>) -> &str {
    let operator = value
        .child_by_field_name("operator")
        .map_or("", |it| it.kind());
    match value.kind() {
        "parenthesized_expression" => value.named_child(0).map_or("", |it| it.kind()),
        "unary_expression" if operator == "!" => "true",
        "binary_expression" => match operator {
            "===" | "!==" | "==" | "!=" | "<" | "<=" | ">" | ">=" | "instanceof" | "in" => "true",
            "-" | "*" | "/" | "%" | "**" => "number",
            _ => "",
        },
        _ => value.kind(),
    }
}

fn by_returns(kinds: &[&str], types: Types) -> &'static [&'static str] {
    let has = |wanted: &[&str]| kinds.iter().any(|it| wanted.contains(it));
    if kinds.is_empty() {
        &[""]
    } else if has(&["true", "false"]) {
        &["true", "false"]
    } else if has(&["number"]) {
        &["0", "1"]
    } else if has(&["string", "template_string"]) {
        &["\"\"", "\"xyzzy\""]
    } else if has(&["array"]) {
        &["[]"]
    } else if types == Types::Checked {
        &["undefined as any"]
    } else {
        &["undefined"]
    }
}

fn inner_mutants(
    body: Node<'_>,
    items: &[usize],
    tests: &[std::ops::Range<usize>],
    place: &Place<'_>,
) -> Vec<Mutant> {
    let mut found = Vec::new();
    walk(body, |node| {
        let is_closed = CLOSED.contains(&node.kind())
            || (node != body && items.contains(&node.id()))
            || tests.contains(&node.byte_range());
        if !is_closed {
            found.extend(at(node, place));
        }
        !is_closed
    });
    found
}

fn at(node: Node<'_>, place: &Place<'_>) -> Vec<Mutant> {
    match node.kind() {
        "binary_expression" | "augmented_assignment_expression" => {
            swapped(node, place).into_iter().collect()
        }
        "unary_expression" => not_removed(node, place).into_iter().collect(),
        "if_statement" | "ternary_expression" => negated(node, place).into_iter().collect(),
        "return_statement" => turned(node, place).into_iter().collect(),
        "expression_statement" => left_out(node, place).into_iter().collect(),
        "number" => place.shifted(node),
        _ => Vec::new(),
    }
}

fn swapped(node: Node<'_>, place: &Place<'_>) -> Option<Mutant> {
    let operator = field(node, "operator", place.source)?;
    if operator.starts_with('+') && joins_text(node) {
        return None;
    }
    place.swapped(node, &SWAPS)
}

/// `+` on strings has no `-`; a chain of them is as long as its author likes.
fn joins_text(node: Node<'_>) -> bool {
    let is_text = |it: Node<'_>| matches!(it.kind(), "string" | "template_string");
    let mut at = Some(node);
    while let Some(it) = at {
        let right = it.child_by_field_name("right");
        if is_text(it) || right.is_some_and(is_text) {
            return true;
        }
        at = it.child_by_field_name("left");
    }
    false
}

fn not_removed(node: Node<'_>, place: &Place<'_>) -> Option<Mutant> {
    let argument = node.child_by_field_name("argument")?;
    let is_not = field(node, "operator", place.source) == Some("!");
    is_not.then(|| place.mutant(node, text(argument, place.source), "delete !".to_owned()))
}

/// Negates a condition that no operator swap already turns.
fn negated(node: Node<'_>, place: &Place<'_>) -> Option<Mutant> {
    let mut condition = node.child_by_field_name("condition")?;
    while condition.kind() == "parenthesized_expression" {
        condition = parts(condition).first().copied()?;
    }
    let is_plain = matches!(
        condition.kind(),
        "identifier" | "member_expression" | "call_expression" | "subscript_expression"
    );
    let now = text(condition, place.source);
    is_plain.then(|| {
        let what = format!("negate condition `{}`", shortened(now));
        place.mutant(condition, format!("!({now})"), what)
    })
}

/// `return true` becomes `return false`.
fn turned(node: Node<'_>, place: &Place<'_>) -> Option<Mutant> {
    let value = parts(node).first().copied()?;
    let other = match value.kind() {
        "true" => "false",
        "false" => "true",
        _ => return None,
    };
    let what = format!("replace {} with {other}", value.kind());
    Some(place.mutant(value, other, what))
}

/// A call whose value nobody uses is made for its effect, which a test should notice.
fn left_out(node: Node<'_>, place: &Place<'_>) -> Option<Mutant> {
    let mut call = parts(node).first().copied()?;
    if call.kind() == "await_expression" {
        call = parts(call).first().copied()?;
    }
    let function = call.child_by_field_name("function")?;
    let path = callee_path(function, place.source);
    let is_plain = matches!(function.kind(), "identifier" | "member_expression");
    let is_talk = path.iter().any(|it| TALK.contains(it)) || path == ["super"];
    (is_plain && !is_talk).then(|| {
        let what = format!("delete call `{}`", shortened(text(call, place.source)));
        place.mutant(node, ";", what)
    })
}
