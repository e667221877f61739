//! What comes back when a candidate touches the tests inside source files.

use proptest::prelude::*;

use super::Spliced;
use crate::syntax::{Grammar, parses, tests, with_tests_of};

fn put(grammar: Grammar, incumbent: &str, candidate: &str) -> Spliced {
    let spliced = with_tests_of(grammar, incumbent, candidate).expect("something to put back");
    assert!(parses(grammar, &spliced.source), "{}", spliced.source);
    let again = with_tests_of(grammar, incumbent, &spliced.source);
    assert!(
        again.is_none_or(|it| it.put_back.is_empty()),
        "{}",
        spliced.source
    );
    spliced
}

fn nothing(grammar: Grammar, incumbent: &str, candidate: &str) {
    assert_eq!(with_tests_of(grammar, incumbent, candidate), None);
}

const RUST: &str = "pub fn f() -> u8 { 1 }

#[cfg(test)]
mod tests {
    use super::f;

    const ONE: u8 = 1;

    #[test]
    fn a() {
        assert_eq!(f(), ONE);
    }

    #[test]
    fn b() {
        assert!(f() > 0);
    }
}
";

#[test]
fn layout_comments_and_new_tests_are_left_alone() {
    nothing(Grammar::Rust, RUST, RUST);
    nothing(
        Grammar::Rust,
        RUST,
        &RUST.replace("u8 { 1 }", "u8 { 2 - 1 }"),
    );
    nothing(
        Grammar::Rust,
        RUST,
        &RUST.replace("assert!(f() > 0);", "// why\n assert!( f() > 0 );"),
    );
    nothing(
        Grammar::Rust,
        RUST,
        &RUST.replace("use super::f;", "use super::{f, g};"),
    );
    let more = RUST.replace(
        "    #[test]\n    fn b",
        "    #[test]\n    fn c() {}\n\n    #[test]\n    fn b",
    );
    nothing(Grammar::Rust, RUST, &more);
    nothing(Grammar::Rust, RUST, &RUST.replace('\n', "\r\n"));
}

#[test]
fn a_weakened_test_comes_back_and_a_new_one_stays() {
    let weak = RUST
        .replace("assert_eq!(f(), ONE);", "")
        .replace(
            "    #[test]\n    fn b",
            "    #[test]\n    fn c() {}\n\n    #[test]\n    fn b",
        )
        .replace("u8 { 1 }", "u8 { 2 }");
    let spliced = put(Grammar::Rust, RUST, &weak);
    assert_eq!(spliced.put_back, ["tests::a"]);
    assert!(spliced.source.contains("u8 { 2 }"));
    let found = tests(Grammar::Rust, &spliced.source);
    for (name, hash) in tests(Grammar::Rust, RUST) {
        assert_eq!(found[&name], hash);
    }
    assert!(found.contains_key("tests::c"));
}

#[test]
fn a_removed_or_disabled_test_module_comes_back() {
    let gone = RUST.split("#[cfg(test)]").next().unwrap();
    let spliced = put(Grammar::Rust, RUST, gone);
    assert_eq!(spliced.source, RUST);
    assert_eq!(
        spliced.put_back,
        ["use super::f", "tests::ONE", "tests::a", "tests::b"]
    );
    for disabled in ["#[cfg(any())]", "#[cfg(all(test, feature = \"x\"))]", ""] {
        let spliced = put(Grammar::Rust, RUST, &RUST.replace("#[cfg(test)]", disabled));
        assert_eq!(spliced.source.matches("mod tests").count(), 1, "{disabled}");
        assert!(
            spliced.source.contains("#[cfg(test)]\nmod tests"),
            "{}",
            spliced.source
        );
    }
}

#[test]
fn a_test_outside_a_test_module_returns_to_its_module() {
    let incumbent = "mod m {\n    #[test]\n    fn t() { go(); }\n}\nfn last() {}\n";
    let gone = put(Grammar::Rust, incumbent, "mod m {\n}\nfn last() {}\n");
    assert!(gone.source.find("fn t()") < gone.source.find("fn last"));
    let bare = put(Grammar::Rust, incumbent, &incumbent.replace("#[test]", ""));
    assert_eq!(bare.source.matches("fn t()").count(), 1);
    assert_eq!(bare.put_back, ["m::t"]);
}

const DOCS: &str = "//! Top.\n//!\n//! ```\n//! assert!(true);\n//! ```\n\n/// Adds.\n///\n/// ```\n/// assert_eq!(k::f(), 1);\n/// ```\npub fn f() -> u8 {\n    1\n}\n";

#[test]
fn doctests_are_put_back_and_prose_is_not() {
    nothing(Grammar::Rust, DOCS, &DOCS.replace("Adds.", "Adds one."));
    nothing(Grammar::Rust, DOCS, &DOCS.replace("///", "    ///"));
    for weak in [
        DOCS.replace("f(), 1", "f(), 2").replace("Adds.", "More."),
        DOCS.replace("/// ```\n/// assert_eq", "/// ```ignore\n/// assert_eq")
            .replace("Adds.", "More."),
        DOCS.replace(
            "/// Adds.\n///\n/// ```\n/// assert_eq!(k::f(), 1);\n/// ```\n",
            "/// More.\n",
        ),
    ] {
        let spliced = put(Grammar::Rust, DOCS, &weak);
        assert_eq!(spliced.put_back, ["f (doctest)"]);
        assert!(
            spliced
                .source
                .contains("/// ```\n/// assert_eq!(k::f(), 1);\n/// ```\npub fn f"),
            "{}",
            spliced.source
        );
        assert!(spliced.source.contains("More."));
    }
    let bare = DOCS.split("\n\n").nth(1).unwrap();
    assert_eq!(put(Grammar::Rust, DOCS, bare).put_back, ["doctest"]);
}

#[test]
fn a_doctest_goes_with_its_item_and_that_is_told() {
    let gone = DOCS.split("/// Adds").next().unwrap();
    let spliced = with_tests_of(Grammar::Rust, DOCS, gone).unwrap();
    assert_eq!((spliced.source.as_str(), spliced.put_back.len()), (gone, 0));
    assert_eq!(spliced.gone, ["f (doctest)"]);
}

const PYTHON: &str = "def f():
    \"\"\"Adds.

    >>> f()
    1
    \"\"\"
    return 1


class TestF:
    def test_a(self):
        assert f() == 1

    def test_b(self):
        assert f() > 0


def test_c():
    assert f()
";

#[test]
fn python_tests_and_doctests_come_back() {
    nothing(Grammar::Python, PYTHON, PYTHON);
    nothing(Grammar::Python, PYTHON, &PYTHON.replace("Adds.", "More."));
    let weak = PYTHON.replace("== 1", ">= 1").replace(
        "    def test_b",
        "    def test_new(self):\n        pass\n\n    def test_b",
    );
    let spliced = put(Grammar::Python, PYTHON, &weak);
    assert_eq!(spliced.put_back, ["TestF.test_a"]);
    assert!(spliced.source.contains("test_new"));
    let gone = put(Grammar::Python, PYTHON, "def f(): return 1\n");
    assert_eq!(
        gone.put_back,
        ["TestF.test_a", "TestF.test_b", "test_c", "f (doctest)"]
    );
    assert!(gone.source.contains(">>> f()\n    1"));
    let wrong = put(
        Grammar::Python,
        PYTHON,
        &PYTHON.replace("    1\n", "    2\n"),
    );
    assert_eq!(wrong.source, PYTHON);
}

const VITEST: &str = "export const f = () => 1;

if (import.meta.vitest) {
  const { it, expect } = import.meta.vitest;
  describe('f', () => {
    it('adds', () => { expect(f()).toBe(1); });
  });
}
";

#[test]
fn in_source_tests_of_vitest_come_back() {
    nothing(
        Grammar::TypeScript,
        VITEST,
        &VITEST.replace(";\n", "\n").replace("() => 1", "() => 2"),
    );
    let weak = VITEST
        .replace("toBe(1)", "toBe(f())")
        .replace("    it('adds'", "    it('new', () => {});\n    it('adds'");
    let spliced = put(Grammar::TypeScript, VITEST, &weak);
    assert_eq!(spliced.put_back, ["f > adds"]);
    assert!(spliced.source.contains("it('new'") && spliced.source.contains("toBe(1)"));
    let gone = put(Grammar::JavaScript, VITEST, "export const f = () => 1;\n");
    assert_eq!(gone.source, VITEST);
}

#[test]
fn broken_and_deep_sources_do_no_harm() {
    let broken = "#[cfg(test)] mod tests { fn a( {";
    let _any = with_tests_of(Grammar::Rust, RUST, broken);
    let _any = with_tests_of(Grammar::Rust, broken, RUST);
    let deep = |it: &str| format!("{}{it}{}", "mod m { ".repeat(300), " }".repeat(300));
    let test = deep("#[test] fn t() { go(); }");
    let spliced = put(Grammar::Rust, &test, &deep(""));
    assert_eq!(spliced.source, test);
    nothing(Grammar::Go, "package a\n", "package b\n");
}

/// Pieces that make a file together, each of them valid by itself at the top of one.
fn pieces(grammar: Grammar) -> &'static [&'static str] {
    match grammar {
        Grammar::Python => &[
            "def test_a():\n    go()\n",
            "def test_a(): pass\n",
            "class TestA:\n    x = 1\n    def test_b(self):\n        go()\n",
            "class TestA:\n\tdef test_b(self):\n\t\tpass\n\tdef test_c(self): pass\n",
            "class TestA: test_b = 1\n",
            "def f():\n    '''Doc.\n\n    >>> f()\n    1\n    '''\n    return 1\n",
            "def f(): return 1\n",
            "def f():\n    '''Doc.'''\n",
            "'''>>> 1\n1\n'''\n",
            "x = 1; y = 2\n",
            "pytestmark = slow\n",
        ],
        Grammar::TypeScript => &[
            "if (import.meta.vitest) { it('a', () => { go() }) }\n",
            "if (import.meta.vitest) {\n  const x = 1\n  it('a', () => {})\n  it('b', () => {})\n}\n",
            "if (import.meta.vitest) { describe('s', () => { it('a', f) }) }\n",
            "if (import.meta.vitest) it('a', () => {})\n",
            "const x = f()\n",
            "export class A { m() {} }\n",
        ],
        _ => &[
            "#[cfg(test)]\nmod tests {\n    use super::*;\n    #[test]\n    fn a() { go(); }\n}\n",
            "#[cfg(test)] mod tests { #[test] fn a() {} #[test] fn b() {} }\n",
            "mod tests { fn a() {} }\n",
            "#[test]\nfn a() { go(); }\n",
            "#[test] #[ignore] fn a() { go(); }\n",
            "fn a() {}\n",
            "impl X { #[cfg(test)] fn h(&self) {} }\n",
            "impl X {}\n",
            "/// ```\n/// go();\n/// ```\npub fn d() {}\n",
            "/** ```\n * go();\n * ```\n */\npub fn d() {}\n",
            "pub fn d() {}\n",
            "pub struct S { /// ```\n/// x\n/// ```\n pub x: u8 }\n",
            "pub struct S { pub x: u8 }\n",
            "#[cfg(test)] proptest! { #[test] fn p(x in 0..3) { f(x) } }\n",
        ],
    }
}

fn file(grammar: Grammar) -> impl Strategy<Value = String> {
    let pieces = pieces(grammar);
    proptest::collection::vec(0..pieces.len(), 0..6)
        .prop_map(move |it| it.into_iter().map(|idx| pieces[idx]).collect())
}

fn holds(grammar: Grammar, incumbent: &str, candidate: &str) {
    assert!(parses(grammar, incumbent) && parses(grammar, candidate));
    if let Some(spliced) = with_tests_of(grammar, incumbent, candidate) {
        assert!(parses(grammar, &spliced.source), "{}", spliced.source);
        let again = with_tests_of(grammar, incumbent, &spliced.source);
        assert!(
            again.is_none_or(|it| it.put_back.is_empty()),
            "{}",
            spliced.source
        );
    }
    assert_eq!(with_tests_of(grammar, incumbent, incumbent), None);
}

proptest! {
    #[test]
    fn rust_results_parse_and_settle(a in file(Grammar::Rust), b in file(Grammar::Rust)) {
        holds(Grammar::Rust, &a, &b);
    }

    #[test]
    fn python_results_parse_and_settle(a in file(Grammar::Python), b in file(Grammar::Python)) {
        holds(Grammar::Python, &a, &b);
    }

    #[test]
    fn typescript_results_parse_and_settle(
        a in file(Grammar::TypeScript),
        b in file(Grammar::TypeScript),
    ) {
        holds(Grammar::TypeScript, &a, &b);
    }
}
