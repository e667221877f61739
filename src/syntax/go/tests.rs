//! What the views say of Go sources.

use crate::syntax::{
    Grammar, constant, failure_paths, items, mutants, parses, suppressions, surface, test_spans,
    tests,
};
use std::collections::BTreeMap;

const GO: Grammar = Grammar::Go;

fn replacements(source: &str) -> Vec<String> {
    let found = mutants(GO, source).into_iter();
    found.map(|it| it.replacement).collect()
}

fn descriptions(source: &str) -> Vec<String> {
    let found = mutants(GO, source).into_iter();
    found.map(|it| it.description).collect()
}

fn silent(source: &str) -> Vec<u32> {
    failure_paths(GO, source)
        .into_iter()
        .filter(|it| !it.reports)
        .map(|it| it.line)
        .collect()
}

fn kinds(source: &str) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for (kind, _) in suppressions(GO, source) {
        *counts.entry(kind).or_insert(0) += 1;
    }
    counts
}

fn only_hash(source: &str) -> String {
    let found = tests(GO, source);
    assert_eq!(found.len(), 1, "{found:?}");
    found.into_values().next().unwrap()
}

#[test]
fn names_are_qualified_by_receivers_and_public_is_a_capital() {
    let source = "package a
func Free() int { return 1 }
func hidden() { f := func() {}; f() }
func (p *Parser[T]) Next() bool { return p.ok }
func (p Parser[T]) peek() bool { return p.ok }
func (l lexer) Read() {}
func assembly(x int) int
";
    let found = items(GO, source);
    let names: Vec<(&str, bool)> = found
        .iter()
        .map(|it| (it.name.as_str(), it.public))
        .collect();
    assert_eq!(
        names,
        [
            ("Free", true),
            ("hidden", false),
            ("Parser.Next", true),
            ("Parser.peek", false),
            ("lexer.Read", false)
        ]
    );
    assert_eq!(found[0].line, 2);
    assert_eq!(&source[found[0].body.clone()], "{ return 1 }");
}

#[test]
fn tests_are_known_by_name_parameters_and_file() {
    let source = "package a
import \"testing\"
var cases = []int{1, 2}
func helper(t *testing.T) { t.Helper() }
func TestA(t *testing.T) { helper(t) }
func BenchmarkA(b *testing.B) {}
func FuzzA(f *testing.F) {}
func ExampleA() { A() }
";
    assert!(items(GO, source).iter().all(|it| it.test));
    let found = tests(GO, source);
    let names: Vec<&str> = found.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "BenchmarkA",
            "ExampleA",
            "FuzzA",
            "TestA",
            "cases",
            "helper"
        ]
    );
    assert_eq!(test_spans(GO, source).len(), 6);
    let plain = "package a\nfunc Testify(x int) {}\nfunc TestConnection(c Conn) bool { return c.ok }\nfunc Example(a int) {}\n";
    assert!(tests(GO, plain).is_empty());
    assert!(items(GO, "package a_test\nfunc helper() { f() }\n")[0].test);
}

#[test]
fn a_test_hash_ignores_layout_and_comments() {
    let plain = only_hash("package a\nfunc TestA(t *testing.T) { if f(1, 2) { g() }; h() }\n");
    let formatted = only_hash(
        "package a\r\n\r\nfunc TestA(t *testing.T) {\r\n\t// why\r\n\tif f(\r\n\t\t1,\r\n\t\t2,\r\n\t) {\r\n\t\tg()\r\n\t}\r\n\th()\r\n}\r\n",
    );
    assert_eq!(plain, formatted);
}

#[test]
fn a_test_hash_notices_every_weakening() {
    let strong = only_hash("package a\nfunc TestA(t *testing.T) { a(); b(); want(t, \"a b\") }\n");
    for weaker in [
        "package a\nfunc TestA(t *testing.T) { a(); b(); want(t, \"a  b\") }\n",
        "package a\nfunc TestA(t *testing.T) { t.Skip(); a(); b(); want(t, \"a b\") }\n",
        "package a\nfunc TestA(t *testing.T) { a(); b(); _ = \"a b\" }\n",
        "package a\nfunc TestA(t *testing.T) {}\n",
    ] {
        assert_ne!(strong, only_hash(weaker), "{weaker}");
    }
    let promise = "package a_test\nfunc ExampleA() {\n\tfmt.Println(1)\n\t// Output:\n\t// 1\n}\n";
    assert_ne!(
        only_hash(promise),
        only_hash(&promise.replace("// 1", "// 2"))
    );
    assert_ne!(
        only_hash(promise),
        only_hash(&promise.replace("// Output", "// Outcome"))
    );
}

#[test]
fn comment_directives_count_per_rule() {
    let source = "package a
var b = 1 //nolint
var c = 1 //nolint:errcheck,gosec // why
var d = 1 // nolint:all
//lint:ignore SA1019,ST1000 why
//lint:file-ignore U1000 why
var e = 1 // #nosec G104
//nolinting is a word
var f = \"//nolint\"
func TestA(t *testing.T) { t.Skip(\"slow\"); r.Skip() }
";
    let found = kinds(source);
    assert_eq!(found["nolint"], 4);
    assert_eq!(found["lint_ignore"], 3);
    assert_eq!(found["nosec"], 1);
    assert_eq!(found["skip"], 1);
    assert_eq!(found.len(), 4);
    assert_eq!(
        suppressions(GO, "package a\n\nvar b = 1 //nolint\n"),
        [("nolint".to_owned(), 3)]
    );
}

#[test]
fn ninety_six_empty_functions_have_no_mutant() {
    let bodies = ["", "/* nothing */", "panic(\"not implemented\")"];
    let junk = (0..96)
        .map(|it| format!("func Junk{it}() {{ {} }}\n", bodies[it % 3]))
        .collect::<Vec<_>>()
        .concat();
    assert!(mutants(GO, &format!("package a\n{junk}")).is_empty());
}

#[test]
fn a_log_line_in_every_function_is_no_failure_path() {
    let junk = (0..96)
        .map(|it| format!("func Junk{it}() {{ log.Println({it}) }}\n"))
        .collect::<Vec<_>>()
        .concat();
    assert!(failure_paths(GO, &format!("package a\n{junk}")).is_empty());
}

#[test]
fn a_value_of_the_result_type_is_returned_before_the_body() {
    let cases: [(&str, &[&str]); 9] = [
        ("bool", &["return false; ", "return true; "]),
        ("string", &["return \"\"; ", "return \"xyzzy\"; "]),
        ("uint8", &["return 0; ", "return 1; "]),
        ("error", &["return nil; "]),
        ("[]string", &["return nil; "]),
        ("Shape", &["return *new(Shape); "]),
        ("(int, error)", &["return 0, nil; ", "return 1, nil; "]),
        ("(a, b T, ok bool)", &["return *new(T), *new(T), false; "]),
        ("", &["return; "]),
    ];
    for (result, expected) in cases {
        let source = format!("package a\nfunc f(x T) {result} {{ y := g(x); return y }}\n");
        assert_eq!(replacements(&source), expected, "{result}");
    }
    let source = "package a\nfunc F() bool {\n\tx := g()\n\treturn x\n}\n";
    assert_eq!(
        mutants(GO, source)[0].apply(source),
        "package a\nfunc F() bool {\n\treturn false; x := g()\n\treturn x\n}\n"
    );
}

#[test]
fn operators_are_swapped_conditions_negated_and_calls_left_out() {
    let source = "package a
func f(a T, b int) (bool, error) {
	if a.ready() && !b { b += 3 }
	if ok { b++ }
	if err := g(); err != nil { return false, err }
	a.save(b)
	return b < 2, nil
}
";
    let found = descriptions(source);
    for wanted in [
        "replace && with ||",
        "delete !",
        "replace += with -=",
        "replace 3 with 4",
        "negate condition `ok`",
        "replace err with nil",
        "replace false with true",
        "replace != with ==",
        "delete call `a.save(b)`",
        "replace < with <=",
    ] {
        assert!(found.iter().any(|it| it == wanted), "{wanted} in {found:?}");
    }
    assert!(replacements(source).contains(&"if false { a.save(b) }".to_owned()));
}

#[test]
fn every_mutant_still_parses_and_differs() {
    let source = "package a
import \"os\"
func F(xs []int, name string) (total int, err error) {
	for i, x := range xs { if x > 3 || i%2 == 0 { total += x << 1 }; log.Println(x) }
	switch { case total > 10: notify(total - 1); default: reset() }
	defer func() { closed = !closed; release() }()
	go run(name + \"x\")
	if _, err = os.Open(name); err != nil { return 0, err }
	return total, nil
}
func (s *Set[K]) Has(k K) bool { _, ok := s.m[k]; return ok }
";
    let found = mutants(GO, source);
    assert!(found.len() > 15, "{}", found.len());
    for mutant in &found {
        let mutated = mutant.apply(source);
        assert_ne!(mutated, source, "{}", mutant.description);
        assert!(parses(GO, &mutated), "{mutated}");
    }
    assert_eq!(found, mutants(GO, source));
}

#[test]
fn what_would_not_compile_is_left_alone() {
    let source = "package a
func f(name string) T {
	label := \"a\"
	g(name + x, y + label, z + \"b\", [4]int{})
	const n = 3
	m := make([]int, 0, 16)
	switch x { case 1: }
	return h(n, m)
}
";
    assert_eq!(
        replacements(source),
        [
            "return *new(T); ",
            "if false { g(name + x, y + label, z + \"b\", [4]int{}) }"
        ]
    );
}

#[test]
fn code_that_no_test_should_notice_has_no_mutant() {
    for source in [
        "package a\nfunc TestA(t *testing.T) { if 1+1 != 2 { t.Fatal() } }\n",
        "package a_test\nfunc helper() bool { return a == b }\n",
        "package a\nfunc (e E) String() string { return name(1 + 2) }\n",
        "package main\nfunc main() { run() }\n",
        "package a\nconst N = 1 + 2\nvar M = f(3)\n",
        "package a\nfunc f() int { panic(\"todo\") }\n",
    ] {
        assert!(mutants(GO, source).is_empty(), "{source}");
    }
    assert_eq!(
        replacements("package a\nfunc f() { log.Print(1) }\n"),
        ["return; ", "2"]
    );
}

#[test]
fn swallowed_errors_are_silent_failure_paths() {
    let source = "package a
func f() int {
	if err != nil { return 0 }
	if err := g(); err != nil && x { continue }
	if r := recover(); r != nil { x = 1 }
	_ = g()
	if x != nil { return 0 }
	return 0
}
";
    assert_eq!(silent(source), [3, 4, 5, 6]);
}

#[test]
fn errors_that_someone_hears_of_are_reported() {
    let source = "package a
func f() (int, error) {
	if err != nil { return 0, err }
	if err != nil { return 0, fmt.Errorf(\"f: %w\", err) }
	if err != nil { log.Println(\"no\"); return 0, nil }
	if err != nil { panic(\"no\") }
	if err != nil { return 0, ErrNotFound }
	if s.err != nil { t.handle(s.err) }
	if bad { return 0, errors.New(\"bad\") }
	_ = unused
}
func g() (n int, err error) { if err != nil { return }; return }
";
    let found = failure_paths(GO, source);
    assert!(found.iter().all(|it| it.reports), "{found:?}");
    assert!(found.len() >= 8);
}

#[test]
fn failure_paths_of_tests_do_not_count() {
    let source = "package a\nfunc TestA(t *testing.T) { if err != nil { return } }\n";
    assert!(failure_paths(GO, source).is_empty());
}

#[test]
fn constants_are_literals_of_the_package() {
    let source = "package a
const Chunk = 4 * 1024
const ( Rate float64 = -0.5; Name = \"x\" )
var limit = 7
const A, B = 1, 2
var computed = f()
func f() { const local = 1 }
";
    let value = |name: &str| constant(GO, source, name).map(|it| &source[it]);
    assert_eq!(value("Chunk"), Some("4 * 1024"));
    assert_eq!(value("Rate"), Some("-0.5"));
    assert_eq!(value("Name"), Some("\"x\""));
    assert_eq!(value("limit"), Some("7"));
    for absent in ["A", "B", "computed", "hunk"] {
        assert_eq!(value(absent), None, "{absent}");
    }
}

#[test]
fn the_surface_is_what_others_may_use() {
    let source = "package a
const Limit, hidden = 1, 2
var Rate float64 = 0.5
type Config struct {
	Name, Alias string `json:\"x\"`
	secret int
	io.Reader
}
type Reader interface { Read(p []byte) (int, error) }
type inner struct { X int }
func F(a, b int, c ...string) (n int, err error) { return g() }
func (c *Config) Open() {}
func (i inner) Open() {}
func shut() {}
";
    let found = surface(GO, source);
    let names: Vec<&str> = found.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "Config",
            "Config.Alias",
            "Config.Name",
            "Config.Open",
            "Config.Reader",
            "F",
            "Limit",
            "Rate",
            "Reader"
        ]
    );
    assert_eq!(found["F"], "func F ( , int , ... string ) ( int , error )");
    assert_eq!(found["Rate"], "var float64");
    let tidied = source
        .replace("return g()", "return h()")
        .replace("a, b int", "x, y int");
    assert_eq!(surface(GO, &tidied), found);
    assert!(surface(GO, "package a_test\nfunc F() {}\n").is_empty());
}
