//! tree-sitter views of one source file: surface, tests, mutants, edits, suppressions, failure paths,
//! constants.
//!
//! Every view is a function of the text alone. A file that does not parse gives what its readable
//! parts give: these views steer and inform, they never decide whether code is valid.

use std::collections::BTreeMap;
use std::ops::Range;

use tree_sitter::Node;

mod c;
mod edits;
mod go;
mod inline;
mod javascript;
mod mutation;
mod needs;
mod python;
mod rust;
mod said;
mod tokens;
mod tree;

pub use edits::{Edit, EditKind, edited, edits};
pub use inline::{Spliced, with_tests_of};
pub use needs::{Need, needs};
pub use python::{Import, imports};
pub use rust::outline::{Module, Outline, Use, outline, words};
pub use said::{Said, said};

/// Languages with a grammar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Grammar {
    /// `.rs`
    Rust,
    /// `.py`
    Python,
    /// `.js` and its kin, JSX included
    JavaScript,
    /// `.ts` and its kin
    TypeScript,
    /// `.tsx`
    Tsx,
    /// `.go`
    Go,
    /// `.c`
    C,
}

impl Grammar {
    /// All of them.
    const ALL: [Self; 7] = [
        Self::Rust,
        Self::Python,
        Self::JavaScript,
        Self::TypeScript,
        Self::Tsx,
        Self::Go,
        Self::C,
    ];

    /// Returns the grammar of a file by its extension.
    pub fn of(path: &camino::Utf8Path) -> Option<Self> {
        let extension = path.extension()?;
        Self::ALL
            .into_iter()
            .find(|it| it.language().extensions.contains(&extension))
    }

    /// Returns what the language's folder offers.
    fn language(self) -> &'static Language {
        match self {
            Self::Rust => &rust::LANGUAGE,
            Self::Python => &python::LANGUAGE,
            Self::JavaScript => &javascript::JAVASCRIPT,
            Self::TypeScript => &javascript::TYPESCRIPT,
            Self::Tsx => &javascript::TSX,
            Self::Go => &go::LANGUAGE,
            Self::C => &c::LANGUAGE,
        }
    }
}

/// The views of one language: each takes the root of a parsed file and its text.
struct Language {
    /// Of its files, without the dot.
    extensions: &'static [&'static str],
    /// The grammar itself.
    grammar: fn() -> tree_sitter::Language,
    /// Functions and methods that have a body.
    items: fn(Node<'_>, &str) -> Vec<Item>,
    /// Of every function that tests could and should notice.
    mutants: fn(Node<'_>, &str) -> Vec<Mutant>,
    /// Kinds with their lines.
    suppressions: fn(Node<'_>, &str) -> Vec<(String, u32)>,
    /// Names of test items with hashes.
    tests: fn(Node<'_>, &str) -> Vec<(String, String)>,
    /// Byte ranges of those items.
    test_spans: fn(Node<'_>, &str) -> Vec<Range<usize>>,
    /// Of code that is not test.
    failure_paths: fn(Node<'_>, &str) -> Vec<FailurePath>,
    /// Values of the constants of a name.
    constants: fn(Node<'_>, &str, &str) -> Vec<Range<usize>>,
    /// Names of what others may use with signatures.
    surface: fn(Node<'_>, &str) -> Vec<(String, String)>,
    /// Tests that live inside source files.
    inline: fn(Node<'_>, &str) -> inline::Found,
    /// What its edits are made from.
    edits: &'static edits::Table,
}

/// A function or method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Qualified within the file: `Parser::parse`, `Class.method`.
    pub name: String,
    /// Reachable from outside the file's package, as far as the file alone tells.
    pub public: bool,
    /// Part of a test.
    pub test: bool,
    /// First line, counted from 1.
    pub line: u32,
    /// Byte range of the whole item.
    pub span: Range<usize>,
    /// Byte range of its body.
    pub body: Range<usize>,
}

/// One small change that a good test would notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mutant {
    /// The item it is in, as in [`Item::name`].
    pub item: String,
    /// Counted from 1.
    pub line: u32,
    /// Byte range that is replaced.
    pub span: Range<usize>,
    /// By this.
    pub replacement: String,
    /// `replace + with -`
    pub description: String,
}

impl Mutant {
    /// Returns the source with the mutant in it.
    pub fn apply(&self, source: &str) -> String {
        let mut mutated = String::with_capacity(source.len() + self.replacement.len());
        mutated.push_str(&source[..self.span.start]);
        mutated.push_str(&self.replacement);
        mutated.push_str(&source[self.span.end..]);
        mutated
    }
}

/// A place where something goes wrong or begins, and whether it tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailurePath {
    /// Counted from 1.
    pub line: u32,
    /// It logs, traces, panics, or returns or raises an error.
    pub reports: bool,
}

/// Returns the functions and methods of a file, in order.
pub fn items(grammar: Grammar, source: &str) -> Vec<Item> {
    let Some(tree) = tree::parse(grammar, source) else {
        return Vec::new();
    };
    (grammar.language().items)(tree.root_node(), source)
}

/// Returns mutants of non-test items, in order of place; an empty body has none.
pub fn mutants(grammar: Grammar, source: &str) -> Vec<Mutant> {
    let Some(tree) = tree::parse(grammar, source) else {
        return Vec::new();
    };
    let mut mutants = (grammar.language().mutants)(tree.root_node(), source);
    mutants.sort_by(|a, b| {
        (a.span.start, a.span.end, &a.replacement).cmp(&(b.span.start, b.span.end, &b.replacement))
    });
    mutants.dedup_by(|a, b| a.span == b.span && a.replacement == b.replacement && a.item == b.item);
    mutants
}

/// Returns suppressions with their lines: (`noqa`, 12). A list of three rules counts three times.
pub fn suppressions(grammar: Grammar, source: &str) -> Vec<(String, u32)> {
    let Some(tree) = tree::parse(grammar, source) else {
        return Vec::new();
    };
    let mut found = (grammar.language().suppressions)(tree.root_node(), source);
    found.sort_by(|a, b| (a.1, &a.0).cmp(&(b.1, &b.0)));
    found
}

/// Returns the test items by name, each with a hash of its token stream in which layout, comments and
/// what a formatter may add or drop do not count.
pub fn tests(grammar: Grammar, source: &str) -> BTreeMap<String, String> {
    let Some(tree) = tree::parse(grammar, source) else {
        return BTreeMap::new();
    };
    let hashed = (grammar.language().tests)(tree.root_node(), source);
    by_unique_name(hashed)
}

/// Returns the byte ranges of the test items.
pub fn test_spans(grammar: Grammar, source: &str) -> Vec<Range<usize>> {
    let Some(tree) = tree::parse(grammar, source) else {
        return Vec::new();
    };
    (grammar.language().test_spans)(tree.root_node(), source)
}

/// Returns whether replacing `range` changes any of the places.
pub fn touches(places: &[Range<usize>], range: &Range<usize>) -> bool {
    places
        .iter()
        .any(|it| range.start < it.end && it.start < range.end)
}

/// Returns the failure paths and reporting entry points of non-test code, in order of line.
pub fn failure_paths(grammar: Grammar, source: &str) -> Vec<FailurePath> {
    let Some(tree) = tree::parse(grammar, source) else {
        return Vec::new();
    };
    let mut paths = (grammar.language().failure_paths)(tree.root_node(), source);
    paths.sort_by_key(|it| (it.line, it.reports));
    paths
}

/// Returns the byte range of the value of a top-level or associated constant; `None` as well when
/// the name is ambiguous, because then nobody can tell which one was meant.
pub fn constant(grammar: Grammar, source: &str, name: &str) -> Option<Range<usize>> {
    let tree = tree::parse(grammar, source)?;
    let found = (grammar.language().constants)(tree.root_node(), source, name);
    match found.as_slice() {
        [only] => Some(only.clone()),
        _ => None,
    }
}

/// Returns what a file offers to others: qualified public names, each with its signature as tokens,
/// without bodies, values of constants, comments and layout.
///
/// The file alone decides: what is public in a private module counts ([`outline`] helps to tell), and what an
/// `__init__.py` re-exports counts where `__all__` names it.
pub fn surface(grammar: Grammar, source: &str) -> BTreeMap<String, String> {
    let Some(tree) = tree::parse(grammar, source) else {
        return BTreeMap::new();
    };
    by_unique_name((grammar.language().surface)(tree.root_node(), source))
}

/// Returns the range of the outermost node of a kind that begins at a byte.
pub fn node_at(grammar: Grammar, source: &str, byte: usize, kind: &str) -> Option<Range<usize>> {
    let tree = tree::parse(grammar, source)?;
    let mut found = None;
    tree::walk(tree.root_node(), |node| {
        if found.is_none() && node.start_byte() == byte && node.kind() == kind {
            found = Some(node.byte_range());
        }
        found.is_none() && node.byte_range().contains(&byte)
    });
    found
}

/// Returns whether a file parses without errors.
pub fn parses(grammar: Grammar, source: &str) -> bool {
    tree::parse(grammar, source).is_some_and(|tree| !tree.root_node().has_error())
}

/// Returns whether a changed file parses no worse than it did. A macro or an `#if` within a signature is more
/// than the grammar of C knows, and no fault of the change; a compiler has the last word.
pub fn parses_as_before(grammar: Grammar, before: &str, after: &str) -> bool {
    let count = |source| tree::parse(grammar, source).map(|tree| errors(tree.root_node()));
    match count(after) {
        Some(0) => true,
        Some(n) => count(before).is_some_and(|before| n <= before),
        None => false,
    }
}

/// Counts what the grammar could not read below a node.
fn errors(node: Node<'_>) -> usize {
    if !node.has_error() {
        return 0;
    }
    let own = usize::from(node.is_error() || node.is_missing());
    let mut cursor = node.walk();
    own + node.children(&mut cursor).map(errors).sum::<usize>()
}

/// Two test items of one name (behind different `cfg`s, say) must not hide each other.
fn by_unique_name(hashed: Vec<(String, String)>) -> BTreeMap<String, String> {
    let mut named = BTreeMap::new();
    for (name, hash) in hashed {
        let mut key = name.clone();
        let mut copy = 1;
        while named.contains_key(&key) {
            copy += 1;
            key = format!("{name}#{copy}");
        }
        named.insert(key, hash);
    }
    named
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grammar_is_known_by_the_extension_alone() {
        assert_eq!(Grammar::of("src/lib.rs".into()), Some(Grammar::Rust));
        assert_eq!(Grammar::of("a/b.py".into()), Some(Grammar::Python));
        for name in ["a.js", "a.mjs", "a.cjs", "a.jsx"] {
            assert_eq!(Grammar::of(name.into()), Some(Grammar::JavaScript));
        }
        for name in ["a.ts", "a.mts", "a.cts", "a.d.ts"] {
            assert_eq!(Grammar::of(name.into()), Some(Grammar::TypeScript));
        }
        assert_eq!(Grammar::of("a.tsx".into()), Some(Grammar::Tsx));
        assert_eq!(Grammar::of("a.go".into()), Some(Grammar::Go));
        assert_eq!(Grammar::of("a.c".into()), Some(Grammar::C));
        assert_eq!(Grammar::of("Makefile".into()), None);
        assert_eq!(Grammar::of("x.rs.bak".into()), None);
    }

    #[test]
    fn broken_source_still_gives_its_readable_parts() {
        let found = items(Grammar::Rust, "pub fn whole() -> u8 { 1 }\nfn broken( { ]");
        assert!(found.iter().any(|it| it.name == "whole"));
        assert!(!parses(Grammar::Rust, "fn broken( {"));
        assert!(parses(Grammar::Python, "x = 1\n"));
        assert!(!parses(Grammar::Python, "def f(:\n"));
        let odd = "int f(int a\n#if X\n, int b\n#endif\n)\n{\n  return a + 1;\n}\n";
        assert!(
            !parses(Grammar::C, odd),
            "a grammar that reads it needs no such test"
        );
        let changed = odd.replace("a + 1", "a - 1");
        assert!(parses_as_before(Grammar::C, odd, &changed));
        let broken = odd.replace("a + 1;", "a + ;");
        assert!(!parses_as_before(Grammar::C, odd, &broken));
    }

    #[test]
    fn a_mutant_replaces_its_span_and_nothing_else() {
        let mutant = Mutant {
            item: "f".into(),
            line: 1,
            span: 2..3,
            replacement: "xyz".into(),
            description: String::new(),
        };
        assert_eq!(mutant.apply("a b c"), "a xyz c");
    }

    #[test]
    fn test_items_of_one_name_do_not_hide_each_other() {
        let named = by_unique_name(vec![
            ("a".into(), "1".into()),
            ("a".into(), "2".into()),
            ("b".into(), "3".into()),
        ]);
        assert_eq!(
            named.keys().map(String::as_str).collect::<Vec<_>>(),
            ["a", "a#2", "b"]
        );
    }

    #[test]
    fn deeply_nested_source_does_not_exhaust_the_stack() {
        let rust = format!(
            "fn f() -> u32 {{ {}1{} }}",
            "(".repeat(1_000),
            ")".repeat(1_000)
        );
        let _unused = mutants(Grammar::Rust, &rust);
        let _unused = tests(Grammar::Rust, &format!("#[test] {rust}"));
        let python = format!("x = {}1{}\n", "[".repeat(1_000), "]".repeat(3_000));
        let _unused = failure_paths(Grammar::Python, &python);
        let calls = format!(
            "function f() {{ {}1{} }}",
            "g(".repeat(1_000),
            ")".repeat(1_000)
        );
        let _unused = mutants(Grammar::JavaScript, &calls);
        let _unused = surface(Grammar::TypeScript, &calls);
        let sum = format!(
            "package a\nfunc F() int {{ return {}1 }}\n",
            "1 + ".repeat(1_000)
        );
        let _unused = mutants(Grammar::Go, &sum);
        assert_eq!(items(Grammar::Rust, "fn f() {}").len(), 1);
    }
}
