//! Go mutants: values returned early, operators swapped, conditions negated, calls left out.
//!
//! An unused variable or import does not compile, so no mutant takes code away: a value is returned
//! before the body, and a call is left out by `if false { … }`.

use tree_sitter::Node;

use super::{functions, is_test, is_test_file, qualified};
use crate::syntax::Mutant;
use crate::syntax::mutation::{Place, shortened};
use crate::syntax::tree::{ancestors, field, line, parts, text, walk};

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

/// Kinds whose inside is no expression that runs, or where another value does not compile.
const CLOSED: [&str; 8] = [
    "array_type",
    "type_arguments",
    "type_declaration",
    "const_declaration",
    "generic_type",
    "interpreted_string_literal",
    "raw_string_literal",
    "parameter_list",
];

/// Packages and methods that only tell a person something, and calls that end a function.
const TALK: [&str; 10] = [
    "log", "slog", "logger", "panic", "Print", "Println", "Printf", "Debug", "Debugf", "Log",
];

/// Types of numbers.
const NUMBERS: [&str; 15] = [
    "int", "int8", "int16", "int32", "int64", "rune", "byte", "uint", "uint8", "uint16", "uint32",
    "uint64", "uintptr", "float32", "float64",
];

/// Kinds of types whose zero value is nil.
const NILS: [&str; 6] = [
    "pointer_type",
    "slice_type",
    "map_type",
    "channel_type",
    "function_type",
    "interface_type",
];

/// Returns the mutants of every function that tests could and should notice.
pub(super) fn mutants(root: Node<'_>, source: &str) -> Vec<Mutant> {
    if is_test_file(root, source) {
        return Vec::new();
    }
    let mut found = Vec::new();
    for function in functions(root) {
        if let Some(body) = mutable_body(function, source) {
            let place = Place {
                item: qualified(function, source),
                source,
            };
            let texts = texts(function, source);
            found.extend(early_returns(function, body, &place));
            found.extend(inner_mutants(body, &texts, &place));
        }
    }
    found
}

fn mutable_body<'t>(function: Node<'t>, source: &str) -> Option<Node<'t>> {
    let body = function.child_by_field_name("body")?;
    let statements = statements(body);
    let is_placeholder =
        matches!(statements.as_slice(), [only] if text(*only, source).starts_with("panic("));
    let name = qualified(function, source);
    let is_trivial_main = name == "main" && statements.len() < 2;
    let is_for_show = matches!(name.rsplit('.').next(), Some("String" | "GoString"));
    let skipped = statements.is_empty()
        || is_placeholder
        || is_trivial_main
        || is_for_show
        || is_test(function, source);
    (!skipped).then_some(body)
}

fn statements(body: Node<'_>) -> Vec<Node<'_>> {
    parts(body).into_iter().flat_map(parts_of_list).collect()
}

fn parts_of_list(node: Node<'_>) -> Vec<Node<'_>> {
    match node.kind() {
        "statement_list" => parts(node),
        _ => vec![node],
    }
}

/// Puts a `return` before the body, which stays: what it uses stays used.
fn early_returns(function: Node<'_>, body: Node<'_>, place: &Place<'_>) -> Vec<Mutant> {
    let now = statements(body);
    let is_now = |code: &str| matches!(now.as_slice(), [only] if text(*only, place.source) == code);
    let Some(first) = now.first() else {
        return Vec::new();
    };
    returned(function.child_by_field_name("result"), place.source)
        .into_iter()
        .map(|value| format!("return {value}").trim_end().to_owned())
        .filter(|code| !is_now(code))
        .map(|code| Mutant {
            item: place.item.clone(),
            line: line(*first),
            span: first.start_byte()..first.start_byte(),
            description: format!("replace body of {} with `{code}`", place.item),
            replacement: format!("{code}; "),
        })
        .collect()
}

/// Returns lists of values for a function's results: each value of the first one, the plainest of the
/// others.
fn returned(result: Option<Node<'_>>, source: &str) -> Vec<String> {
    let Some(result) = result else {
        return vec![String::new()];
    };
    let types: Vec<Node<'_>> = match result.kind() {
        "parameter_list" => parts(result).into_iter().flat_map(types_of).collect(),
        _ => vec![result],
    };
    let Some((first, others)) = types.split_first() else {
        return vec![String::new()];
    };
    let rest: Vec<String> = others
        .iter()
        .flat_map(|it| [", ".to_owned(), values(*it, source)[0].clone()])
        .collect();
    let rest = rest.concat();
    values(*first, source)
        .into_iter()
        .map(|it| format!("{it}{rest}"))
        .collect()
}

/// `a, b int` declares two results of one type.
fn types_of(declaration: Node<'_>) -> Vec<Node<'_>> {
    let Some(ty) = declaration.child_by_field_name("type") else {
        return Vec::new();
    };
    let mut cursor = declaration.walk();
    let n_names = declaration
        .children_by_field_name("name", &mut cursor)
        .filter(Node::is_named)
        .count();
    vec![ty; n_names.max(1)]
}

/// Returns values of a type, the plainest first; `*new(T)` is the zero value of any.
fn values(ty: Node<'_>, source: &str) -> Vec<String> {
    let name = text(ty, source);
    let plain: &[&str] = match (ty.kind(), name) {
        (_, "bool") => &["false", "true"],
        (_, "string") => &["\"\"", "\"xyzzy\""],
        (_, it) if NUMBERS.contains(&it) => &["0", "1"],
        (it, name) if NILS.contains(&it) || matches!(name, "error" | "any") => &["nil"],
        _ => return vec![format!("*new({name})")],
    };
    plain.iter().map(|it| (*it).to_owned()).collect()
}

/// Returns the names that surely hold strings, which have no operator but `+`.
fn texts<'s>(function: Node<'_>, source: &'s str) -> Vec<&'s str> {
    let mut found = Vec::new();
    walk(function, |node| {
        let names = match node.kind() {
            "parameter_declaration" | "var_spec"
                if field(node, "type", source) == Some("string") =>
            {
                let mut cursor = node.walk();
                node.children_by_field_name("name", &mut cursor).collect()
            }
            "short_var_declaration" if is_text_list(node) => node
                .child_by_field_name("left")
                .map(parts)
                .unwrap_or_default(),
            _ => Vec::new(),
        };
        found.extend(names.into_iter().map(|it| text(it, source)));
        true
    });
    found
}

fn is_text_list(declaration: Node<'_>) -> bool {
    declaration.child_by_field_name("right").is_some_and(|it| {
        parts(it)
            .iter()
            .all(|it| it.kind().ends_with("string_literal"))
    })
}

fn inner_mutants(body: Node<'_>, texts: &[&str], place: &Place<'_>) -> Vec<Mutant> {
    let mut found = Vec::new();
    walk(body, |node| {
        if CLOSED.contains(&node.kind()) {
            return false;
        }
        match node.kind() {
            "binary_expression" | "assignment_statement" => {
                found.extend(swapped(node, texts, place));
            }
            "unary_expression" => found.extend(not_removed(node, place)),
            "if_statement" => found.extend(negated(node, place)),
            "int_literal" if !is_fixed(node, place.source) => found.extend(place.shifted(node)),
            "return_statement" => found.extend(turned(node, place)),
            "expression_statement" => found.extend(left_out(node, place)),
            _ => {}
        }
        true
    });
    found
}

fn swapped(node: Node<'_>, texts: &[&str], place: &Place<'_>) -> Option<Mutant> {
    let operator = field(node, "operator", place.source)?;
    if operator.starts_with('+') && joins_text(node, texts, place.source) {
        return None;
    }
    place.swapped(node, &SWAPS)
}

/// Looks for a string at both ends of a chain of `+`, which is as long as its author likes.
fn joins_text(node: Node<'_>, texts: &[&str], source: &str) -> bool {
    let is_text = |it: Node<'_>| {
        let words = text(it, source);
        it.kind().ends_with("string_literal")
            || texts.contains(&words)
            || ["string(", "fmt.Sprint", "strings.", "strconv."]
                .iter()
                .any(|start| words.starts_with(start))
            || ["String()", "Error()", "name", "Name"]
                .iter()
                .any(|end| words.ends_with(end))
    };
    let mut at = Some(node);
    while let Some(it) = at {
        let right = it.child_by_field_name("right");
        if right.is_some_and(|it| is_text(it) || parts(it).into_iter().any(is_text)) {
            return true;
        }
        let left = it.child_by_field_name("left");
        if left.is_some_and(|it| is_text(it) || parts(it).into_iter().any(is_text)) {
            return true;
        }
        at = left.filter(|it| it.kind() == "binary_expression");
    }
    false
}

fn not_removed(node: Node<'_>, place: &Place<'_>) -> Option<Mutant> {
    let operand = node.child_by_field_name("operand")?;
    let is_not = field(node, "operator", place.source) == Some("!");
    is_not.then(|| place.mutant(node, text(operand, place.source), "delete !".to_owned()))
}

/// Negates a condition that no operator swap already turns.
fn negated(node: Node<'_>, place: &Place<'_>) -> Option<Mutant> {
    let condition = node.child_by_field_name("condition")?;
    let is_plain = matches!(
        condition.kind(),
        "identifier" | "selector_expression" | "call_expression" | "index_expression"
    );
    let now = text(condition, place.source);
    is_plain.then(|| {
        let what = format!("negate condition `{}`", shortened(now));
        place.mutant(condition, format!("!({now})"), what)
    })
}

/// A `case`'s value may not be there twice, and a capacity is no behaviour.
fn is_fixed(node: Node<'_>, source: &str) -> bool {
    let is_case = || {
        ancestors(node)
            .take(3)
            .any(|it| matches!(it.kind(), "expression_case" | "keyed_element"))
    };
    let is_capacity = || {
        ancestors(node).take(2).any(|it| {
            it.kind() == "call_expression" && field(it, "function", source) == Some("make")
        })
    };
    is_case() || is_capacity()
}

/// `return true` becomes `return false`; an error that was just looked at is no longer passed on.
fn turned(node: Node<'_>, place: &Place<'_>) -> Vec<Mutant> {
    let values = parts(node).into_iter().flat_map(values_of_list);
    values
        .filter_map(|value| {
            let other = match value.kind() {
                "true" => "false",
                "false" => "true",
                "identifier" if was_looked_at(value, place.source) => "nil",
                _ => return None,
            };
            let what = format!("replace {} with {other}", text(value, place.source));
            Some(place.mutant(value, other, what))
        })
        .collect()
}

fn values_of_list(node: Node<'_>) -> Vec<Node<'_>> {
    match node.kind() {
        "expression_list" => parts(node),
        _ => vec![node],
    }
}

/// Returns whether the nearest `if` around asks whether this name is not nil.
fn was_looked_at(name: Node<'_>, source: &str) -> bool {
    let wanted = format!("{} != nil", text(name, source));
    ancestors(name)
        .take_while(|it| it.kind() != "func_literal")
        .find(|it| it.kind() == "if_statement")
        .and_then(|it| field(it, "condition", source))
        .is_some_and(|it| it == wanted)
}

/// A call whose value nobody uses is made for its effect, which a test should notice.
fn left_out(node: Node<'_>, place: &Place<'_>) -> Option<Mutant> {
    let call = parts(node).first().copied()?;
    let function = call.child_by_field_name("function")?;
    let now = text(node, place.source);
    let name = text(function, place.source);
    let is_plain = matches!(function.kind(), "identifier" | "selector_expression");
    let is_talk = name.split('.').any(|it| TALK.contains(&it)) || name == "os.Exit";
    let in_block = node
        .parent()
        .is_some_and(|it| it.kind() == "statement_list");
    (is_plain && in_block && !is_talk).then(|| {
        let what = format!("delete call `{}`", shortened(now));
        place.mutant(node, format!("if false {{ {now} }}"), what)
    })
}
