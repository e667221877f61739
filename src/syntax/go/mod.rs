//! Go: items, test items, constants; what each view shares about the grammar.
//!
//! A function literal belongs to the function around it. A file is one of tests when it says so itself:
//! by its package (`parse_test`) or by a function that takes a `*testing.T`; then all in it is test.

use std::ops::Range;

use tree_sitter::Node;

use super::edits::Table;
use super::tokens::Tokens;
use super::tree::{Step, children, field, line, parts, text, traverse, walk};
use super::{Item, Language};

mod failures;
mod mutants;
mod suppressions;
mod surface;

/// Go's line in the list of languages.
pub(super) const LANGUAGE: Language = Language {
    extensions: &["go"],
    grammar: || tree_sitter_go::LANGUAGE.into(),
    items,
    mutants: mutants::mutants,
    suppressions: suppressions::suppressions,
    tests,
    test_spans,
    failure_paths: failures::failure_paths,
    constants,
    surface: surface::surface,
    inline: |_, _| super::inline::Found::default(),
    edits: &EDITS,
};

/// What edits of Go are made from.
const EDITS: Table = Table {
    blocks: &["statement_list"],
    is_statement: |kind| {
        let is_declaration = matches!(kind, "short_var_declaration" | "var_declaration");
        is_declaration
            || kind.ends_with("_statement")
                && !matches!(kind, "labeled_statement" | "empty_statement")
    },
    closed: &["type_declaration", "const_declaration"],
    loops: &["for_statement"],
    exits: &["break", "continue"],
    empty: "",
    call: "call_expression",
    receiver: Some(("selector_expression", "operand")),
    hazards: &[],
};

/// Beginnings of the names that the go tool runs.
const TEST_WORDS: [&str; 4] = ["Test", "Benchmark", "Fuzz", "Example"];

/// Kinds of definitions at the top of a file.
const DEFINITIONS: [&str; 5] = [
    "function_declaration",
    "method_declaration",
    "const_spec",
    "var_spec",
    "type_spec",
];

fn items(root: Node<'_>, source: &str) -> Vec<Item> {
    let is_test_file = is_test_file(root, source);
    let item = |node: Node<'_>| {
        Some(Item {
            name: qualified(node, source),
            public: is_public(node, source),
            test: is_test_file || is_test(node, source),
            line: line(node),
            span: node.byte_range(),
            body: node.child_by_field_name("body")?.byte_range(),
        })
    };
    functions(root).into_iter().filter_map(item).collect()
}

/// Returns the functions and methods of a file.
fn functions(root: Node<'_>) -> Vec<Node<'_>> {
    let mut found = definitions(root);
    found.retain(|it| matches!(it.kind(), "function_declaration" | "method_declaration"));
    found
}

/// Returns what a file defines at its top; groups of constants, variables and types one by one.
fn definitions(root: Node<'_>) -> Vec<Node<'_>> {
    let mut found = Vec::new();
    walk(root, |node| {
        let is_definition = DEFINITIONS.contains(&node.kind()) || node.kind() == "type_alias";
        if is_definition {
            found.push(node);
        }
        !is_definition
    });
    found
}

/// Returns `Parser.Next` for `func (p *Parser) Next()`.
fn qualified(node: Node<'_>, source: &str) -> String {
    let name = field(node, "name", source).unwrap_or("_");
    match receiver(node, source) {
        Some(owner) => format!("{owner}.{name}"),
        None => name.to_owned(),
    }
}

/// Returns the bare name of a method's receiver type.
fn receiver<'s>(node: Node<'_>, source: &'s str) -> Option<&'s str> {
    let mut found = None;
    walk(node.child_by_field_name("receiver")?, |it| {
        if found.is_none() && it.kind() == "type_identifier" {
            found = Some(text(it, source));
        }
        found.is_none()
    });
    found
}

/// A capital letter, on the receiver's type too.
fn is_public(node: Node<'_>, source: &str) -> bool {
    let name = field(node, "name", source).unwrap_or_default();
    is_exported(name) && receiver(node, source).is_none_or(is_exported)
}

fn is_exported(name: &str) -> bool {
    name.starts_with(char::is_uppercase)
}

/// Returns whether the go tool would run a function of a test file: by name and parameters.
fn is_test(node: Node<'_>, source: &str) -> bool {
    let name = field(node, "name", source).unwrap_or_default();
    let Some((word, rest)) = TEST_WORDS
        .iter()
        .find_map(|it| name.strip_prefix(it).map(|rest| (*it, rest)))
    else {
        return false;
    };
    let parameters = field(node, "parameters", source).unwrap_or_default();
    let fits = match word {
        "Example" => parameters == "()" && node.child_by_field_name("result").is_none(),
        _ => parameters.contains("*testing."),
    };
    node.kind() == "function_declaration" && fits && !rest.starts_with(char::is_lowercase)
}

fn is_test_file(root: Node<'_>, source: &str) -> bool {
    let is_of_tests = children(root)
        .into_iter()
        .find(|it| it.kind() == "package_clause")
        .is_some_and(|it| text(it, source).trim_end().ends_with("_test"));
    let takes_a_test = |it: &Node<'_>| {
        is_test(*it, source) && field(*it, "parameters", source).is_some_and(|it| it != "()")
    };
    is_of_tests || functions(root).iter().any(takes_a_test)
}

/// Returns test items with hashes: in a test file every definition, because helpers and tables decide
/// what a test means.
fn tests(root: Node<'_>, source: &str) -> Vec<(String, String)> {
    test_nodes(root, source)
        .into_iter()
        .map(|it| (qualified(it, source), hash(it, source)))
        .collect()
}

fn test_spans(root: Node<'_>, source: &str) -> Vec<Range<usize>> {
    let nodes = test_nodes(root, source).into_iter();
    nodes.map(|it| it.byte_range()).collect()
}

fn test_nodes<'t>(root: Node<'t>, source: &str) -> Vec<Node<'t>> {
    let is_test_file = is_test_file(root, source);
    let mut found = definitions(root);
    found.retain(|it| is_test_file || is_test(*it, source));
    found
}

fn hash(root: Node<'_>, source: &str) -> String {
    let mut tokens = Tokens::default();
    collect(root, source, &mut tokens, |_| false);
    tokens.hash()
}

/// Appends the tokens of a node, without comments and without what gofmt may change. An example's
/// `// Output:` is what it promises and counts.
fn collect<'t>(root: Node<'t>, source: &str, tokens: &mut Tokens, skip: impl Fn(Node<'t>) -> bool) {
    let mut around: Vec<&str> = Vec::new();
    let mut promised = false;
    traverse(root, &mut |step| {
        let node = match step {
            Step::Enter(node) => node,
            Step::Leave(_) => {
                around.pop();
                return true;
            }
        };
        if node.kind() == "comment" {
            promised = promised || is_promise(text(node, source));
            if promised {
                tokens.push(words(text(node, source)));
            }
            return false;
        }
        if skip(node) {
            return false;
        }
        promised = false;
        let parent = around.last().copied().unwrap_or_default();
        let deeper = enter(node, parent, source, tokens);
        if deeper {
            around.push(node.kind());
        }
        deeper
    });
}

fn is_promise(comment: &str) -> bool {
    let comment = words(comment).to_lowercase();
    comment.starts_with("// output:") || comment.starts_with("// unordered output:")
}

fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Where a statement begins is structure; whether a semicolon or a line break ends it is layout.
fn enter(node: Node<'_>, parent: &str, source: &str, tokens: &mut Tokens) -> bool {
    if node.is_named() && matches!(parent, "statement_list" | "field_declaration_list") {
        tokens.push("newline");
    }
    match node.kind() {
        "interpreted_string_literal" | "raw_string_literal" | "rune_literal" => {
            tokens.push(text(node, source));
            return false;
        }
        "\n" => return false,
        ";" if parent != "for_clause" => return false,
        _ => {}
    }
    if node.child_count() > 0 {
        return true;
    }
    let leaf = text(node, source);
    if matches!(leaf, ")" | "]" | "}") {
        tokens.drop_trailing_comma();
    }
    if !leaf.is_empty() {
        tokens.push(leaf);
    }
    false
}

/// Returns the value ranges of the package's constants and variables of that name whose value is a
/// literal or computed from literals.
fn constants(root: Node<'_>, source: &str, name: &str) -> Vec<Range<usize>> {
    let value = |spec: Node<'_>| {
        let values = spec.child_by_field_name("value").map(parts)?;
        match values.as_slice() {
            [only] if is_literal(*only) => Some(only.byte_range()),
            _ => None,
        }
    };
    let is_named = |it: &Node<'_>| {
        matches!(it.kind(), "const_spec" | "var_spec") && field(*it, "name", source) == Some(name)
    };
    let specs = definitions(root).into_iter().filter(is_named);
    specs.filter_map(value).collect()
}

/// Kinds of which a value of literals alone consists, beside strings.
const COMPUTED: [&str; 8] = [
    "int_literal",
    "float_literal",
    "rune_literal",
    "true",
    "false",
    "unary_expression",
    "binary_expression",
    "parenthesized_expression",
];

fn is_literal(value: Node<'_>) -> bool {
    let mut only_literals = true;
    walk(value, |node| {
        match node.kind() {
            "interpreted_string_literal" | "raw_string_literal" => return false,
            kind if node.is_named() && !COMPUTED.contains(&kind) => only_literals = false,
            _ => {}
        }
        only_literals
    });
    only_literals
}

#[cfg(test)]
mod tests;
