//! Python mutants: bodies replaced by plain values, operators swapped, conditions negated.

use tree_sitter::Node;

use super::{decorators, functions, in_test, qualified};
use crate::syntax::Mutant;
use crate::syntax::mutation::{Place, shortened};
use crate::syntax::tree::{ancestors, any, children, field, line, parts, text, walk};

/// What each operator is replaced with.
const SWAPS: [(&str, &str); 24] = [
    ("==", "!="),
    ("!=", "=="),
    ("<", "<="),
    ("<=", "<"),
    (">", ">="),
    (">=", ">"),
    ("is", "is not"),
    ("is not", "is"),
    ("in", "not in"),
    ("not in", "in"),
    ("and", "or"),
    ("or", "and"),
    ("+", "-"),
    ("-", "+"),
    ("*", "/"),
    ("/", "*"),
    ("//", "/"),
    ("%", "*"),
    ("**", "*"),
    ("&", "|"),
    ("|", "&"),
    ("+=", "-="),
    ("-=", "+="),
    ("*=", "/="),
];

/// Kinds whose inside is another item, or no expression that runs.
const CLOSED: [&str; 5] = [
    "function_definition",
    "class_definition",
    "type",
    "string",
    "decorator",
];

/// Returns the mutants of every function that tests could and should notice.
pub(super) fn mutants(root: Node<'_>, source: &str) -> Vec<Mutant> {
    let mut found = Vec::new();
    for function in functions(root) {
        let statements = statements(function);
        if let (Some(first), true) = (
            statements.first(),
            is_mutable(function, &statements, source),
        ) {
            let place = Place {
                item: qualified(function, source),
                source,
            };
            found.extend(body_mutants(function, *first, &statements, &place));
            for statement in statements {
                found.extend(inner_mutants(statement, &place));
            }
        }
    }
    found
}

/// Returns the statements of a body without its docstring.
fn statements(function: Node<'_>) -> Vec<Node<'_>> {
    let Some(body) = function.child_by_field_name("body") else {
        return Vec::new();
    };
    let mut statements = parts(body);
    if statements.first().is_some_and(|it| is_docstring(*it)) {
        statements.remove(0);
    }
    statements
}

fn is_docstring(node: Node<'_>) -> bool {
    node.kind() == "expression_statement"
        && node.named_child(0).is_some_and(|it| it.kind() == "string")
}

fn is_mutable(function: Node<'_>, statements: &[Node<'_>], source: &str) -> bool {
    let name = field(function, "name", source).unwrap_or_default();
    let is_for_show = matches!(name, "__repr__" | "__str__" | "__del__" | "__format__");
    let is_declaration = decorators(function, source)
        .iter()
        .any(|it| it.ends_with("overload") || it.ends_with("abstractmethod"));
    let is_empty = statements.iter().all(|it| is_empty_statement(*it, source));
    !is_for_show
        && !is_declaration
        && !is_empty
        && !in_test(function, source)
        && !is_type_only(function, source)
}

fn is_empty_statement(node: Node<'_>, source: &str) -> bool {
    let words = text(node, source);
    node.kind() == "pass_statement"
        || words == "..."
        || words.starts_with("raise NotImplementedError")
}

/// Code for type checkers, which never runs.
fn is_type_only(function: Node<'_>, source: &str) -> bool {
    ancestors(function).any(|it| match it.kind() {
        "if_statement" => {
            field(it, "condition", source).is_some_and(|it| it.contains("TYPE_CHECKING"))
        }
        "class_definition" => {
            field(it, "superclasses", source).is_some_and(|it| it.contains("Protocol"))
        }
        _ => false,
    })
}

fn body_mutants(
    function: Node<'_>,
    first: Node<'_>,
    statements: &[Node<'_>],
    place: &Place<'_>,
) -> Vec<Mutant> {
    let end = statements.last().map_or(first.end_byte(), Node::end_byte);
    let span = first.start_byte()..end;
    let now = &place.source[span.clone()];
    replacements(function, place.source)
        .into_iter()
        .filter(|it| it != now && it.strip_prefix("return ").is_none_or(|value| value != now))
        .map(|body| Mutant {
            item: place.item.clone(),
            line: line(first),
            span: span.clone(),
            description: format!("replace body of {} with `{body}`", place.item),
            replacement: body,
        })
        .collect()
}

/// Returns bodies of the kind that the function's annotation or its own returns suggest.
fn replacements(function: Node<'_>, source: &str) -> Vec<String> {
    if is_generator(function) {
        return vec!["yield from ()".to_owned()];
    }
    let annotation = field(function, "return_type", source).unwrap_or_default();
    let kinds = returned_kinds(function);
    let values = by_annotation(annotation).unwrap_or_else(|| by_returns(&kinds));
    match values {
        [] => vec!["pass".to_owned()],
        values => values.iter().map(|it| format!("return {it}")).collect(),
    }
}

fn by_annotation(annotation: &str) -> Option<&'static [&'static str]> {
    let head = annotation
        .trim_matches(['"', '\''])
        .split('[')
        .next()
        .unwrap_or_default();
    match head {
        "bool" => Some(&["True", "False"]),
        "int" => Some(&["0", "1"]),
        "float" => Some(&["0.0", "1.0"]),
        "str" => Some(&["\"\"", "\"xyzzy\""]),
        "bytes" => Some(&["b\"\""]),
        "list" | "List" => Some(&["[]"]),
        "dict" | "Dict" => Some(&["{}"]),
        "set" | "Set" => Some(&["set()"]),
        "tuple" | "Tuple" => Some(&["()"]),
        "None" => Some(&[]),
        _ => None,
    }
}

/// Returns the kinds of the expressions that a function itself returns.
fn returned_kinds(function: Node<'_>) -> Vec<String> {
    let mut kinds = Vec::new();
    walk(function, |node| {
        if node.kind() == "return_statement" {
            kinds.extend(node.named_child(0).map(|it| it.kind().to_owned()));
        }
        node == function || !matches!(node.kind(), "function_definition" | "lambda")
    });
    kinds
}

fn by_returns(kinds: &[String]) -> &'static [&'static str] {
    let has = |wanted: &[&str]| kinds.iter().any(|it| wanted.contains(&it.as_str()));
    if kinds.is_empty() {
        &[]
    } else if has(&["comparison_operator", "not_operator", "true", "false"]) {
        &["True", "False"]
    } else if has(&["integer"]) {
        &["0", "1"]
    } else if has(&["string", "concatenated_string"]) {
        &["\"\"", "\"xyzzy\""]
    } else if has(&["list", "list_comprehension"]) {
        &["[]"]
    } else if has(&["dictionary", "dictionary_comprehension"]) {
        &["{}"]
    } else {
        &["None"]
    }
}

fn is_generator(function: Node<'_>) -> bool {
    any(
        function,
        |it| !matches!(it.kind(), "function_definition" | "lambda"),
        |it| it.kind() == "yield",
    ) && !children(function).iter().any(|it| it.kind() == "async")
}

fn inner_mutants(statement: Node<'_>, place: &Place<'_>) -> Vec<Mutant> {
    let mut found = Vec::new();
    walk(statement, |node| {
        if CLOSED.contains(&node.kind()) {
            return false;
        }
        match node.kind() {
            "comparison_operator" => found.extend(compared(node, place)),
            "boolean_operator" | "binary_operator" | "augmented_assignment" => {
                found.extend(swapped(node, place));
            }
            "not_operator" => found.extend(not_removed(node, place)),
            "if_statement" | "elif_clause" => found.extend(negated(node, place)),
            "integer" => found.extend(place.shifted(node)),
            _ => {}
        }
        true
    });
    found
}

fn swap(operator: Node<'_>, place: &Place<'_>) -> Option<Mutant> {
    let now: Vec<&str> = text(operator, place.source).split_whitespace().collect();
    let now = now.join(" ");
    let (_, other) = SWAPS.iter().find(|(it, _)| *it == now)?;
    Some(place.mutant(operator, *other, format!("replace {now} with {other}")))
}

fn compared(node: Node<'_>, place: &Place<'_>) -> Vec<Mutant> {
    let mut cursor = node.walk();
    let operators: Vec<Node<'_>> = node
        .children_by_field_name("operators", &mut cursor)
        .collect();
    operators
        .into_iter()
        .filter_map(|it| swap(it, place))
        .collect()
}

fn swapped(node: Node<'_>, place: &Place<'_>) -> Option<Mutant> {
    let operator = node.child_by_field_name("operator")?;
    let on_text = ["left", "right"]
        .iter()
        .filter_map(|it| node.child_by_field_name(it))
        .any(|it| matches!(it.kind(), "string" | "concatenated_string"));
    if on_text {
        return None;
    }
    swap(operator, place)
}

fn not_removed(node: Node<'_>, place: &Place<'_>) -> Option<Mutant> {
    let argument = node.child_by_field_name("argument")?;
    Some(place.mutant(node, text(argument, place.source), "delete not".to_owned()))
}

/// Negates a condition that no operator swap already turns.
fn negated(node: Node<'_>, place: &Place<'_>) -> Option<Mutant> {
    let condition = node.child_by_field_name("condition")?;
    let is_plain = matches!(
        condition.kind(),
        "identifier" | "attribute" | "call" | "subscript" | "parenthesized_expression"
    );
    let now = text(condition, place.source);
    is_plain.then(|| {
        let what = format!("negate condition `{}`", shortened(now));
        place.mutant(condition, format!("not ({now})"), what)
    })
}
