//! What a source file says that could be recognised elsewhere: names it defines, strings, numbers.

use tree_sitter::Node;

use super::Grammar;
use super::tree::{parse, text, walk};

/// The telling parts of a source file, in order; tests and all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// Names that it defines; those that it only uses may be anybody's.
    pub names: Vec<String>,
    /// Contents of strings.
    pub strings: Vec<String>,
    /// Numbers, as they are written.
    pub numbers: Vec<String>,
}

/// Returns what a source file says.
pub fn said(grammar: Grammar, source: &str) -> Said {
    let Some(tree) = parse(grammar, source) else {
        return Said::default();
    };
    let mut said = Said::default();
    walk(tree.root_node(), |node| {
        let kind = node.kind();
        if is_string(node) {
            said.strings.push(contents(text(node, source)).to_owned());
            // What is interpolated into a string is code again.
            return true;
        }
        if is_number(kind) {
            said.numbers.push(text(node, source).to_owned());
        } else if kind.ends_with("identifier") && is_defined(node) {
            said.names.push(text(node, source).to_owned());
        }
        !is_import(kind)
    });
    said
}

fn is_string(node: Node<'_>) -> bool {
    let is_one = |it: Node<'_>| {
        let is_part = matches!(it.kind(), "string_content" | "concatenated_string");
        it.is_named() && it.kind().contains("string") && !is_part
    };
    let inside = node.parent().is_some_and(is_one);
    is_one(node) && !inside
}

/// Strips the quotes of a string, and the letters and hashes before them.
fn contents(literal: &str) -> &str {
    let unmarked = literal.trim_start_matches(|it: char| it.is_ascii_alphabetic() || it == '#');
    let quotes = ['"', '\'', '`', '#'];
    unmarked.trim_matches(|it| quotes.contains(&it))
}

fn is_number(kind: &str) -> bool {
    matches!(
        kind,
        "integer"
            | "float"
            | "number"
            | "integer_literal"
            | "float_literal"
            | "int_literal"
            | "number_literal"
            | "imaginary_literal"
    )
}

fn is_import(kind: &str) -> bool {
    let others = ["use_declaration", "package_clause", "preproc_include"];
    kind.contains("import") || others.contains(&kind)
}

/// Returns whether a name is given here: to a function, a class, a constant, a variable.
fn is_defined(node: Node<'_>) -> bool {
    let Some(parent) = node.parent() else {
        return false;
    };
    let kind = parent.kind();
    let only_uses = kind.starts_with("scoped")
        || kind.starts_with("qualified")
        || kind == "keyword_argument"
        || is_import(kind);
    let fields = ["name", "left", "pattern", "declarator"];
    !only_uses
        && fields
            .iter()
            .any(|it| parent.child_by_field_name(it) == Some(node))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn python_tells_what_it_defines_and_not_what_it_uses() {
        let source = "from heron import crane\nimport numpy as np\n\nLIMIT = 0.7317\n\n\
                      def stork(a, b=3):\n    return np.linalg.norm(a, axis=1) + len('blue egret' 's')\n\n\
                      class Ibis:\n    x: int = 4\n";
        let said = said(Grammar::Python, source);
        assert_eq!(said.names, ["LIMIT", "stork", "b", "Ibis", "x"]);
        assert_eq!(said.strings, ["blue egret", "s"]);
        assert_eq!(said.numbers, ["0.7317", "3", "1", "4"]);
    }

    #[test]
    fn every_grammar_tells_names_strings_and_numbers() {
        let cases = [
            (
                Grammar::Rust,
                "use std::fmt;\nconst LIMIT: f64 = 0.5;\nfn stork() { let x = HashMap::new(); f(r#\"egret\"#); }",
                ["LIMIT", "stork", "x"].as_slice(),
            ),
            (
                Grammar::JavaScript,
                "import a from 'b';\nconst LIMIT = 0.5;\nfunction stork() { return 'egret'; }",
                &["LIMIT", "stork"],
            ),
            (
                Grammar::Go,
                "package birds\nimport \"fmt\"\nconst LIMIT = 0.5\nfunc stork() string { return \"egret\" }",
                &["LIMIT", "stork"],
            ),
            (
                Grammar::C,
                "#include <math.h>\nconst double LIMIT = 0.5;\nconst char *stork(void) { return \"egret\"; }",
                &["LIMIT", "stork"],
            ),
        ];
        for (grammar, source, names) in cases {
            let said = said(grammar, source);
            assert_eq!(said.names, names, "{grammar:?}");
            assert_eq!(said.strings, ["egret"], "{grammar:?}");
            assert_eq!(said.numbers, ["0.5"], "{grammar:?}");
        }
    }
}
