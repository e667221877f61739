//! What of a file needs a newer version of its language than the first: Rust and Python.
//!
//! Syntax, and in Python the standard modules that came later. Which functions of a standard library
//! came when is not known here.

use std::collections::BTreeMap;

use tree_sitter::Node;

use super::{Grammar, tree};

mod python;
mod rust;

/// A version of a language: its first two numbers.
type Version = (u32, u32);

/// Something that older versions of the language do not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// The oldest version that has it.
    pub version: Version,
    /// The first line with it.
    pub line: u32,
}

/// Returns what a file needs, by how people call it.
pub fn needs(grammar: Grammar, source: &str) -> BTreeMap<&'static str, Need> {
    let look: fn(Node<'_>, &str) -> Vec<(&'static str, Version)> = match grammar {
        Grammar::Rust => rust::needs,
        Grammar::Python => python::needs,
        _ => return BTreeMap::new(),
    };
    let mut found = BTreeMap::new();
    let Some(parsed) = tree::parse(grammar, source) else {
        return found;
    };
    tree::walk(parsed.root_node(), |node| {
        for (name, version) in look(node, source) {
            let line = tree::line(node);
            found.entry(name).or_insert(Need { version, line });
        }
        true
    });
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needed(grammar: Grammar, source: &str) -> Vec<String> {
        let needs = needs(grammar, source).into_iter();
        let told = needs.map(|(name, it)| format!("{name} {}.{}", it.version.0, it.version.1));
        told.collect()
    }

    #[test]
    fn newer_syntax_of_rust_is_known_with_its_version() {
        for (source, wanted) in [
            (
                "fn f() { let Some(x) = y else { return }; }",
                "`let … else` 1.65",
            ),
            (
                "fn f() { if a && let Some(x) = y {} }",
                "a chain of `let` 1.88",
            ),
            ("fn f() { g(c\"text\"); }", "a literal `c\"…\"` 1.77"),
            ("fn f() { g(async |x| x); }", "an `async` closure 1.85"),
            ("fn f() { g(&raw const x); }", "`&raw` 1.82"),
            (
                "fn f() { println!(\"{x}\"); }",
                "a name in a format text 1.58",
            ),
            (
                "fn f() { (a, b) = (b, a); }",
                "an assignment to a pattern 1.59",
            ),
            (
                "fn f() { match x { ..5 => {} _ => {} } }",
                "an open range as a pattern 1.80",
            ),
            (
                "trait T { type A<'a>; }",
                "an associated type with parameters 1.65",
            ),
            ("trait T { async fn f(); }", "an `async fn` in a trait 1.75"),
            (
                "trait T { fn f() -> impl Clone; }",
                "`impl` returned in a trait 1.75",
            ),
            (
                "struct S<const N: usize>;",
                "a constant as a parameter of a type 1.51",
            ),
            (
                "#[derive(Default)] enum E { #[default] A }",
                "`#[default]` of an enum 1.62",
            ),
            ("#[expect(dead_code)] fn f() {}", "`#[expect]` 1.81"),
            ("fn f() { 'a: { break 'a; } }", "a block with a label 1.65"),
        ] {
            assert_eq!(needed(Grammar::Rust, source), [wanted], "{source}");
        }
        let old = "fn f<T: Clone>(x: &T) -> u8 { println!(\"{} {{x}} {0} {:?}\", 1, 2); match 3 { 1..=4 => 5, _ => 6 } }\n\
                   'a: loop { break 'a } fn g() -> impl Clone { 1 } impl S { async fn f() {} type A = u8; }";
        assert!(
            needed(Grammar::Rust, old).is_empty(),
            "{:?}",
            needed(Grammar::Rust, old)
        );
    }

    #[test]
    fn newer_syntax_of_python_is_known_with_its_version() {
        for (source, wanted) in [
            ("match x:\n    case 1: pass\n", "`match` 3.10"),
            ("if (n := f()): pass\n", "`:=` 3.8"),
            ("def f(a, /): pass\n", "positional-only parameters 3.8"),
            ("x = f'{a}'\n", "an f-string 3.6"),
            ("try: pass\nexcept* E: pass\n", "`except*` 3.11"),
            ("type A = int\n", "a `type` statement 3.12"),
            ("def f[T](x: T): pass\n", "type parameters in brackets 3.12"),
            ("class A[T]: pass\n", "type parameters in brackets 3.12"),
            ("def f(x: int | None): pass\n", "a type with `|` 3.10"),
            (
                "def f(x: list[int]): pass\n",
                "a built-in type with `[…]` 3.9",
            ),
            (
                "with (a as b, c as d): pass\n",
                "`with` in parentheses 3.10",
            ),
            ("import tomllib\n", "the module `tomllib` 3.11"),
            (
                "from zoneinfo import ZoneInfo\n",
                "the module `zoneinfo` 3.9",
            ),
        ] {
            assert_eq!(needed(Grammar::Python, source), [wanted], "{source}");
        }
        assert_eq!(
            needed(Grammar::Python, "x = f'{a=}'\n"),
            ["`=` in an f-string 3.8", "an f-string 3.6"]
        );
        assert_eq!(
            needed(Grammar::Python, "x = f'{a['b']}'\n"),
            ["an f-string 3.6", "the quotes of an f-string in it 3.12"]
        );
        let old = "from __future__ import annotations\n\
                   def f(x: int | None, y: list[int], *, z=1): return x[0] | 1\n\
                   match = 1\nprint(match)\nx = 'a{b}'\n\
                   try:\n    import tomllib\nexcept ImportError:\n    tomllib = None\n\
                   with open(x) as a, open(y) as b: pass\n\
                   with (lock): pass\n";
        assert!(needed(Grammar::Python, "def f():\n    x: list[int] = []\n").is_empty());
        assert!(
            needed(Grammar::Python, old).is_empty(),
            "{:?}",
            needed(Grammar::Python, old)
        );
    }
}
