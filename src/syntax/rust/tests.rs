//! What the views say of Rust sources.

use crate::syntax::{
    Grammar, constant, failure_paths, items, mutants, suppressions, surface, test_spans, tests,
    touches,
};
use std::collections::BTreeMap;

const RUST: Grammar = Grammar::Rust;

fn names(source: &str) -> Vec<String> {
    items(RUST, source).into_iter().map(|it| it.name).collect()
}

fn descriptions(source: &str) -> Vec<String> {
    mutants(RUST, source)
        .into_iter()
        .map(|it| it.description)
        .collect()
}

fn silent(source: &str) -> Vec<u32> {
    failure_paths(RUST, source)
        .into_iter()
        .filter(|it| !it.reports)
        .map(|it| it.line)
        .collect()
}

fn kinds(source: &str) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for (kind, _) in suppressions(RUST, source) {
        *counts.entry(kind).or_insert(0) += 1;
    }
    counts
}

fn only_hash(source: &str) -> String {
    let found = tests(RUST, source);
    assert_eq!(found.len(), 1, "{found:?}");
    found.into_values().next().unwrap()
}

#[test]
fn names_are_qualified_by_types_traits_modules_and_functions() {
    let source = "
        fn free() {}
        impl<T> a::Parser<T> { fn parse(&self) { fn inner() {} } }
        impl fmt::Display for &Error { fn fmt(&self) {} }
        trait Shape { fn area(&self) -> f64 { 0.5 } fn name(&self); }
        mod deep { pub mod er { fn x() {} } }
    ";
    assert_eq!(
        names(source),
        [
            "free",
            "Parser::parse",
            "Parser::parse::inner",
            "Error::fmt",
            "Shape::area",
            "deep::er::x"
        ]
    );
}

#[test]
fn public_is_plain_pub_and_what_traits_make_reachable() {
    let source = "
        pub fn a() {}
        pub(crate) fn b() {}
        fn c() {}
        impl Clone for X { fn clone(&self) -> X { X } }
        impl X { pub fn d() { fn e() {} } fn f() {} }
        pub trait T { fn g() {} }
        trait U { fn h() {} }
    ";
    let public: Vec<String> = items(RUST, source)
        .into_iter()
        .filter(|it| it.public)
        .map(|it| it.name)
        .collect();
    assert_eq!(public, ["a", "X::clone", "X::d", "T::g"]);
}

#[test]
fn tests_are_known_by_attribute_by_module_and_by_file() {
    let source = "
        #[test] fn a() {}
        #[tokio::test(flavor = \"current_thread\")] async fn b() {}
        #[rstest] #[case(1)] fn c(x: u8) {}
        #[cfg(test)] mod tests { fn helper() {} mod deeper { fn d() {} } }
        #[cfg(all(test, unix))] fn e() {}
        #[cfg(not(test))] fn real() {}
        #[cfg(feature = \"test\")] fn also_real() {}
        /// doc
        #[inline] fn plain() {}
    ";
    let found: Vec<String> = items(RUST, source)
        .into_iter()
        .filter(|it| it.test)
        .map(|it| it.name)
        .collect();
    assert_eq!(
        found,
        ["a", "b", "c", "tests::helper", "tests::deeper::d", "e"]
    );
    assert!(items(RUST, "#![cfg(test)]\nfn x() {}")[0].test);
}

#[test]
fn test_spans_hold_tests_with_their_attributes_and_leave_imports_out() {
    let source = "fn real() {}\n#[cfg(test)]\nmod tests {\n    use super::*;\n    #[test]\n    fn a() {}\n    const N: u8 = 1;\n}\n";
    let found: Vec<&str> = test_spans(RUST, source)
        .into_iter()
        .map(|it| &source[it])
        .collect();
    assert_eq!(found, ["#[test]\n    fn a() {}", "const N: u8 = 1;"]);
    let span = std::array::from_fn::<_, 1, _>(|_| 2..5);
    assert!(touches(&span, &(3..3)) && touches(&span, &(4..9)));
    assert!(!touches(&span, &(5..9)) && !touches(&span, &(2..2)));
}

#[test]
fn lines_and_spans_point_at_the_item() {
    let source = "\n\npub fn f() -> u8 {\n    1\n}\n";
    let found = &items(RUST, source)[0];
    assert_eq!(found.line, 3);
    assert_eq!(&source[found.body.clone()], "{\n    1\n}");
    assert!(source[found.span.clone()].starts_with("pub fn f"));
}

#[test]
fn a_test_hash_ignores_layout_comments_and_formatting() {
    let plain =
        only_hash("#[test] fn t() { assert_eq!(f(1, 2), 3); match x { 1 => { a() } _ => b(), } }");
    let formatted = only_hash(
        "#[test]\nfn t() {\n    // why\n    assert_eq!(f(1, 2,), 3);\n    match x {\n        1 => a(),\n        _ => b(),\n    }\n}\n",
    );
    assert_eq!(plain, formatted);
}

#[test]
fn a_test_hash_notices_every_weakening() {
    let strong = only_hash("#[test] fn t() { assert_eq!(f((1,)), \"a b\"); }");
    for weaker in [
        "#[test] fn t() { assert_eq!(f((1)), \"a b\"); }",
        "#[test] fn t() { assert_eq!(f((1,)), \"a  b\"); }",
        "#[test] #[ignore] fn t() { assert_eq!(f((1,)), \"a b\"); }",
        "#[test] #[should_panic] fn t() { assert_eq!(f((1,)), \"a b\"); }",
        "#[test] fn t() { assert_ne!(f((1,)), \"a b\"); }",
        "#[test] fn t() { return; assert_eq!(f((1,)), \"a b\"); }",
        "#[test] fn t() { }",
    ] {
        assert_ne!(strong, only_hash(weaker), "{weaker}");
    }
}

#[test]
fn helpers_and_constants_of_a_test_module_are_test_items() {
    let source = "#[cfg(test)] mod tests { const N: u8 = 3; fn helper() { go() } #[test] fn t() { helper() } }";
    let found = tests(RUST, source);
    let names: Vec<&str> = found.keys().map(String::as_str).collect();
    assert_eq!(names, ["tests::N", "tests::helper", "tests::t"]);
}

#[test]
fn functions_in_a_test_macro_are_hashed_one_by_one() {
    let two = "#[cfg(test)] mod tests { proptest! { #[test] fn a(x in 0..3) { f(x) } #[test] fn b(x in 0..9) { g(x) } } }";
    let three = two.replace(
        "#[test] fn b",
        "#[test] fn c(y in 1..2) { h(y) } #[test] fn b",
    );
    let before = tests(RUST, two);
    let after = tests(RUST, &three);
    assert_eq!(before.len(), 2);
    assert_eq!(after.len(), 3);
    assert!(before.iter().all(|(name, hash)| after[name] == *hash));
    let weaker = tests(RUST, &two.replace("0..9", "0..1"));
    assert_ne!(weaker["tests::b"], before["tests::b"]);
    assert_eq!(weaker["tests::a"], before["tests::a"]);
}

#[test]
fn code_outside_tests_is_no_test_item() {
    assert!(
        tests(
            RUST,
            "const N: u8 = 1; fn f() { g() } macro_rules! m { () => {} }"
        )
        .is_empty()
    );
}

#[test]
fn each_silenced_lint_counts_once() {
    let source = "
        #![allow(dead_code, clippy::all)]
        #[expect(unused, reason = \"a, b\")] fn a() {}
        #[cfg_attr(feature = \"x\", allow(unused_mut, unused_variables))] fn b() {}
        #[deny(warnings)] fn c() {}
        fn d() { #[allow(clippy::unwrap_used)] let x = y.unwrap(); }
        // #[allow(not_code)]
        const S: &str = \"#[allow(text)]\";
    ";
    let found = kinds(source);
    assert_eq!(found["allow"], 5);
    assert_eq!(found["expect"], 1);
    assert_eq!(found.len(), 2);
}

#[test]
fn skipped_tests_and_uncovered_code_are_suppressions() {
    let source = "
        #[test] #[ignore = \"slow\"] fn a() {}
        #[test] #[cfg_attr(miri, ignore)] fn b() {}
        #[coverage(off)] fn c() {}
        #[cfg_attr(test, mutants::skip)] fn d() {}
        proptest! { #[ignore] fn e() {} #[allow(x)] fn f() {} }
        #[serde(ignore_unknown)] struct S;
    ";
    let found = kinds(source);
    assert_eq!(found["skip"], 3);
    assert_eq!(found["no_coverage"], 1);
    assert_eq!(found["no_mutants"], 1);
    assert_eq!(found["allow"], 1);
    assert_eq!(
        suppressions(RUST, "\n\n#[ignore]\nfn a() {}"),
        [("skip".to_owned(), 3)]
    );
}

#[test]
fn ninety_six_empty_functions_have_no_mutant() {
    let junk = (0..96)
        .map(|it| format!("pub fn junk_{it}() {{}}\n"))
        .collect::<Vec<_>>()
        .concat();
    assert!(mutants(RUST, &junk).is_empty());
    let commented = (0..96)
        .map(|it| format!("pub fn junk_{it}() {{ /* nothing */ }}\n"))
        .collect::<Vec<_>>()
        .concat();
    assert!(mutants(RUST, &commented).is_empty());
}

#[test]
fn a_log_line_in_every_function_is_no_failure_path() {
    let junk = (0..96)
        .map(|it| format!("pub fn junk_{it}() {{ log::error!(\"{it}\"); }}\n"))
        .collect::<Vec<_>>()
        .concat();
    assert!(failure_paths(RUST, &junk).is_empty());
}

#[test]
fn a_body_is_replaced_by_values_of_its_type() {
    let cases: [(&str, &[&str]); 12] = [
        ("bool", &["{ true }", "{ false }"]),
        ("usize", &["{ 0 }", "{ 1 }"]),
        ("String", &["{ String::new() }", "{ \"xyzzy\".into() }"]),
        ("&'static str", &["{ \"\" }", "{ \"xyzzy\" }"]),
        ("Option<u8>", &["{ None }", "{ Some(0) }"]),
        ("Result<bool, Error>", &["{ Ok(true) }", "{ Ok(false) }"]),
        ("io::Result<()>", &["{ Ok(()) }"]),
        ("Vec<String>", &["{ vec![] }", "{ vec![String::new()] }"]),
        ("(u8, bool)", &["{ (0, true) }"]),
        ("Self", &["{ Default::default() }"]),
        ("HashMap<String, u8>", &["{ Default::default() }"]),
        ("impl Iterator<Item = u8>", &["{ ::std::iter::empty() }"]),
    ];
    for (ty, expected) in cases {
        let source = format!("fn f(x: T) -> {ty} {{ compute(x) }}");
        let mut found: Vec<String> = mutants(RUST, &source)
            .into_iter()
            .map(|it| it.replacement)
            .collect();
        found.sort();
        let mut expected: Vec<String> = expected.iter().map(|it| (*it).to_owned()).collect();
        expected.sort();
        assert_eq!(found, expected, "{ty}");
    }
}

#[test]
fn a_unit_function_loses_its_effects() {
    let source = "fn f() { go(); }";
    let found = mutants(RUST, source);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].apply(source), "fn f() {}");
    assert_eq!(found[0].description, "replace f with ()");
}

#[test]
fn types_without_a_known_value_get_no_body_mutant() {
    for ty in ["&mut u8", "T", "&T", "!", "Box<dyn Shape>", "Parser"] {
        let source = format!("struct Parser {{ x: u8 }} fn f<T>(x: T) -> {ty} {{ compute(x) }}");
        assert!(descriptions(&source).is_empty(), "{ty}");
    }
    let derived = "#[derive(Default)] struct Parser; fn f() -> Parser { compute() }";
    assert_eq!(descriptions(derived), ["replace f with Default::default()"]);
}

#[test]
fn operators_are_swapped_conditions_negated_and_integers_moved() {
    let source = "fn f(a: T) -> T { if a.ready() && !b { return x + 1; } x == y }";
    let found = descriptions(source);
    for wanted in [
        "replace && with ||",
        "delete !",
        "replace + with -",
        "replace 1 with 2",
        "replace == with !=",
    ] {
        assert!(found.iter().any(|it| it == wanted), "{wanted} in {found:?}");
    }
    let negated = "fn f() -> T { if ready() { a } else { b } }";
    assert_eq!(descriptions(negated), ["negate condition `ready()`"]);
}

#[test]
fn every_mutant_still_parses_and_differs() {
    let source = "
        pub fn f(a: i64, s: &str) -> Result<i64, E> {
            let mut n = 10_u8; n += 2;
            if s.is_empty() { return Err(E::Empty); }
            let k = match a { 0 => 1, 1 | 2 => 2, _ => 3 };
            let v = xs.iter().filter(|it| **it > 3 && !it.odd()).count();
            if let Some(x) = y { g(x << 1); }
            Ok(a % 7 - k)
        }
        impl P { pub async fn next(&mut self) -> Option<Token> { self.at += 1; self.peek() } }
    ";
    let found = mutants(RUST, source);
    assert!(found.len() > 15, "{}", found.len());
    for mutant in &found {
        let mutated = mutant.apply(source);
        assert_ne!(mutated, source, "{}", mutant.description);
        assert!(crate::syntax::parses(RUST, &mutated), "{mutated}");
    }
    assert_eq!(found, mutants(RUST, source));
}

#[test]
fn match_arms_are_deleted_only_beside_a_wildcard() {
    let with = "fn f() -> T { match x { A => a(), _ => b() } }";
    assert_eq!(descriptions(with), ["delete match arm `A`"]);
    let without = "fn f() -> T { match x { A => a(), B => b() } }";
    assert!(descriptions(without).is_empty());
}

#[test]
fn code_that_no_test_should_notice_has_no_mutant() {
    for source in [
        "#[test] fn t() { assert!(1 + 1 == 2); go(); }",
        "#[cfg(test)] mod tests { fn helper() -> bool { a == b } }",
        "impl fmt::Display for X { fn fmt(&self) -> fmt::Result { write(1 + 2) } }",
        "impl Debug for X { fn fmt(&self) -> fmt::Result { write(1 + 2) } }",
        "fn main() { run() }",
        "fn f() -> u8 { todo!() }",
        "unsafe fn f() -> u8 { *p + 1 }",
        "#[cfg(windows)] fn f() -> bool { a == b }",
        "#[mutants::skip] fn f() -> bool { a == b }",
        "impl Default for X { fn default() -> Self { X::new() } }",
        "const N: usize = 3;",
        "fn f() -> T { println!(\"{}\", 1 + 1) }",
    ] {
        assert!(mutants(RUST, source).is_empty(), "{source}");
    }
}

#[test]
fn a_replacement_that_is_already_there_is_no_mutant() {
    assert_eq!(
        mutants(RUST, "fn f() -> bool { true }")
            .iter()
            .map(|it| it.replacement.as_str())
            .collect::<Vec<_>>(),
        ["{ false }"]
    );
}

#[test]
fn string_joins_and_buffer_sizes_are_left_alone() {
    let source = "fn f() -> T { a + \"b\" + &c; Vec::with_capacity(16); s.reserve(8) }";
    assert!(
        descriptions(source).is_empty(),
        "{:?}",
        descriptions(source)
    );
}

#[test]
fn nested_functions_own_their_mutants() {
    let source = "fn outer() -> T { fn inner() -> T { a == b } inner() }";
    let found = mutants(RUST, source);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].item, "outer::inner");
}

#[test]
fn swallowed_errors_are_silent_failure_paths() {
    let source = "fn f() -> T {
        let _ = fallible();
        x.parse().ok();
        match g() { Ok(v) => v, Err(_) => 0 };
        if let Err(_) = h() {}
        if let Ok(v) = h() { use_it(v) }
        match g() { Ok(v) => v, Err(e) => 0 };
    }";
    assert_eq!(silent(source), [2, 3, 4, 5, 6, 7]);
}

#[test]
fn errors_that_someone_hears_of_are_reported() {
    let source = "fn f() -> Result<T, E> {
        g()?;
        x.unwrap();
        if bad { return Err(E::Bad); }
        match g() { Ok(v) => v, Err(e) => return Err(e.into()) };
        match g() { Ok(v) => v, Err(_) => { log::warn!(\"no g\"); 0 } };
        match g() { Ok(v) => v, Err(E::NotFound) => 0 };
        if let Err(error) = h() { errors.push(error); }
        let v = x.ok()?;
        let _ = unused;
        let _guard = lock();
    }";
    let found = failure_paths(RUST, source);
    assert!(found.iter().all(|it| it.reports), "{found:?}");
    assert!(found.len() >= 8);
}

#[test]
fn failure_paths_of_tests_do_not_count() {
    assert!(failure_paths(RUST, "#[test] fn t() { let _ = f(); g().unwrap(); }").is_empty());
    assert!(failure_paths(RUST, "#[cfg(test)] mod tests { fn h() { let _ = f(); } }").is_empty());
}

#[test]
fn an_entry_point_reports_when_it_returns_its_failure() {
    assert_eq!(
        failure_paths(RUST, "fn main() -> Result<(), E> { run() }").len(),
        1
    );
    assert!(failure_paths(RUST, "fn main() { run() }").is_empty());
}

#[test]
fn constants_are_found_at_the_top_in_modules_and_in_impls() {
    let source = "
        const CHUNK: usize = 4 * 1024;
        pub static NAME: &str = \"x\";
        mod m { pub const DEEP: u8 = 1; }
        impl P { const LIMIT: u32 = 7; }
        impl Q { const LIMIT: u32 = 8; }
        fn f() { const LOCAL: u8 = 2; }
    ";
    let value = |name: &str| constant(RUST, source, name).map(|it| &source[it]);
    assert_eq!(value("CHUNK"), Some("4 * 1024"));
    assert_eq!(value("NAME"), Some("\"x\""));
    assert_eq!(value("DEEP"), Some("1"));
    assert_eq!(value("P::LIMIT"), Some("7"));
    assert_eq!(value("LIMIT"), None);
    assert_eq!(value("LOCAL"), None);
    assert_eq!(value("HUNK"), None);
}

#[test]
fn the_surface_is_what_others_may_use() {
    let source = "
        pub const fn f<T: Copy>(mut x: T, /* why */ y: &[u8],) -> Option<T> where T: Ord { body() }
        pub(crate) fn hidden() {}
        #[derive(Clone, Debug)] #[non_exhaustive] pub struct Config { pub limit: u32, secret: u8 }
        pub struct Pair(pub u8, u16);
        pub enum Shape { Dot, Line { to: u8 } }
        pub trait Area { const N: u8; fn area(&self) -> f64; fn name(&self) -> &str { \"\" } }
        impl Config { pub fn open(&self) {} fn shut(&self) {} }
        impl From<u8> for Config { fn from(_: u8) -> Self { x() } }
        struct Inner; impl Clone for Inner { fn clone(&self) -> Self { Inner } }
        pub const LIMIT: usize = 4;
        pub use a::{b, c as d, e::*};
        mod deep { pub fn g() {} }
        #[macro_export] macro_rules! m { ($x:expr) => { $x } }
        #[cfg(test)] mod tests { pub fn helper() {} }
    ";
    let found = surface(RUST, source);
    let names: Vec<&str> = found.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "Area",
            "Area::N",
            "Area::area",
            "Area::name",
            "Config",
            "Config::limit",
            "Config::open",
            "LIMIT",
            "Pair",
            "Pair::0",
            "Shape",
            "Shape::Dot",
            "Shape::Line",
            "a::e::*",
            "b",
            "d",
            "deep::g",
            "f",
            "impl Clone for Config",
            "impl Debug for Config",
            "impl From<u8> for Config",
            "m!"
        ]
    );
    assert!(found["f"].ends_with("( : T , : & [ u8 ] ) -> Option < T > where T : Ord"));
    assert!(found["Area::name"].ends_with("= .."));
    assert_eq!(found["d"], "pub use a::c");
    let tidied = source
        .replace("LIMIT: usize = 4", "LIMIT: usize = 5")
        .replace("mut x", "z");
    assert_eq!(surface(RUST, &tidied.replace("body()", "other()")), found);
}
