//! What the views say of JavaScript and TypeScript sources.

use crate::syntax::{
    Grammar, constant, failure_paths, items, mutants, parses, suppressions, surface, test_spans,
    tests,
};
use std::collections::BTreeMap;

const JS: Grammar = Grammar::JavaScript;
const TS: Grammar = Grammar::TypeScript;

fn names(grammar: Grammar, source: &str) -> Vec<String> {
    let found = items(grammar, source).into_iter();
    found.map(|it| it.name).collect()
}

fn public(grammar: Grammar, source: &str) -> Vec<String> {
    let found = items(grammar, source).into_iter().filter(|it| it.public);
    found.map(|it| it.name).collect()
}

fn replacements(grammar: Grammar, source: &str) -> Vec<String> {
    let found = mutants(grammar, source).into_iter();
    found.map(|it| it.replacement).collect()
}

fn descriptions(source: &str) -> Vec<String> {
    let found = mutants(JS, source).into_iter();
    found.map(|it| it.description).collect()
}

fn silent(source: &str) -> Vec<u32> {
    failure_paths(JS, source)
        .into_iter()
        .filter(|it| !it.reports)
        .map(|it| it.line)
        .collect()
}

fn kinds(grammar: Grammar, source: &str) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for (kind, _) in suppressions(grammar, source) {
        *counts.entry(kind).or_insert(0) += 1;
    }
    counts
}

fn only_hash(source: &str) -> String {
    let found = tests(JS, source);
    assert_eq!(found.len(), 1, "{found:?}");
    found.into_values().next().unwrap()
}

#[test]
fn names_are_qualified_by_classes_objects_and_functions() {
    let source = "
        function free() { function inner() {} const bound = () => 1; run(function () {}); }
        class A { constructor() {} static make() {} get x() { return 1; } #hidden() {} field = () => 2; }
        const api = { open() {}, close: function () {}, deep: { er: () => 1 } };
        Foo.prototype.bar = function bar() {};
        const memo = memoize((x) => x + 1);
        (function () { function wrapped() {} })();
        export default () => 3;
    ";
    assert_eq!(
        names(JS, source),
        [
            "free",
            "free.inner",
            "A.constructor",
            "A.make",
            "A.x",
            "A.#hidden",
            "A.field",
            "api.open",
            "api.close",
            "api.deep.er",
            "Foo.bar",
            "memo",
            "wrapped",
            "default"
        ]
    );
}

#[test]
fn public_is_what_a_module_exports() {
    let source = "
        export function a() { function b() {} }
        function c() {}
        function d() {}
        export { d as e };
        export class F { open() {} _custom() {} #secret() {} private shut() {} protected sub() {} }
        class G { m() {} }
        export default G;
        export const h = () => 1, i = { j() {} };
        const k = () => 2;
        export { k } from './other';
    ";
    assert_eq!(public(TS, source), ["a", "d", "F.open", "G.m", "h", "i.j"]);
}

#[test]
fn public_is_what_common_js_hands_out() {
    let source = "
        var app = exports = module.exports = {};
        app.init = function init() {};
        exports.make = function () {};
        module.exports.take = () => 1;
        function listed() {}
        function kept() {}
        module.exports = { listed, inline() {}, renamed: other };
        function other() {}
        Router.prototype.use = function use() {};
        module.exports = Router;
    ";
    assert_eq!(
        public(JS, source),
        [
            "app.init",
            "make",
            "take",
            "listed",
            "inline",
            "other",
            "Router.use"
        ]
    );
    assert_eq!(public(JS, "module.exports = function main() {};"), ["main"]);
}

#[test]
fn tests_have_the_titles_of_their_suites() {
    let source = "
        import { test, describe, it } from 'vitest';
        describe('parser', () => {
          beforeEach(() => { reset(); });
          it('reads', () => { expect(1).toBe(1); });
          describe.each([1, 2])('of %s', (n) => { it.skip('fails', async () => {}); });
          it.todo('writes');
        });
        test.each`a | b ${1} | ${2}`('adds $a', ({ a }) => {});
        test('given', { timeout: 3 }, function () {});
        QUnit.test('old', function (assert) {});
        regex.test('nothing');
        test(value, pattern);
    ";
    let found = tests(JS, source);
    let names: Vec<&str> = found.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "adds $a",
            "given",
            "old",
            "parser > beforeEach",
            "parser > of %s > fails",
            "parser > reads",
            "parser > writes"
        ]
    );
    assert!(tests(JS, "before(() => {}); context.module('x');").is_empty());
}

#[test]
fn in_source_tests_are_tests_as_a_whole() {
    let source = "export const add = (a, b) => a + b;
if (import.meta.vitest) {
  const { it, expect } = import.meta.vitest;
  function twice(x) { return x * 2; }
  it('adds', () => { expect(add(1, 2)).toBe(3); });
}
";
    let found = tests(JS, source);
    let names: Vec<&str> = found.keys().map(String::as_str).collect();
    assert_eq!(names, ["adds", "import.meta.vitest"]);
    let spans = test_spans(JS, source);
    assert_eq!(spans.len(), 1);
    assert!(source[spans[0].clone()].starts_with("if (import"));
    assert!(
        items(JS, source)
            .iter()
            .any(|it| it.name == "twice" && it.test)
    );
    assert!(mutants(JS, source).iter().all(|it| it.item == "add"));
    let weaker = tests(JS, &source.replace("x * 2", "x"));
    assert_eq!(weaker["adds"], found["adds"]);
    assert_ne!(weaker["import.meta.vitest"], found["import.meta.vitest"]);
}

#[test]
fn a_test_hash_ignores_layout_comments_and_formatting() {
    let plain = only_hash("test('a', x => { go({ b: 'c', d }); f(1, 2) })");
    let formatted = only_hash(
        "test(\"a\", (x) => {\r\n  // why\r\n  go({\r\n    'b': \"c\",\r\n    d,\r\n  });\r\n  f(\r\n    1,\r\n    2,\r\n  );\r\n});\r\n",
    );
    assert_eq!(plain, formatted);
}

#[test]
fn a_test_hash_notices_every_weakening() {
    let strong =
        only_hash("describe('s', () => { it('a', () => { f(); (g)(1); expect(x).toBe('a b') }) })");
    for weaker in [
        "describe('s', () => { it('a', () => { f()(g)(1); expect(x).toBe('a b') }) })",
        "describe('s', () => { it('a', () => { f(); (g)(1); expect(x).toBe('a  b') }) })",
        "describe('s', () => { it.skip('a', () => { f(); (g)(1); expect(x).toBe('a b') }) })",
        "describe.skip('s', () => { it('a', () => { f(); (g)(1); expect(x).toBe('a b') }) })",
        "describe('s', () => { it('a', () => { return; f(); (g)(1); expect(x).toBe('a b') }) })",
        "describe('s', () => { it('a', () => { f(); (g)(1); expect(x).not.toBe('a b') }) })",
        "describe('s', () => { it('a', { skip: true }, () => { f(); (g)(1); expect(x).toBe('a b') }) })",
        "describe('s', () => { it('a', () => {}) })",
    ] {
        assert_ne!(strong, only_hash(weaker), "{weaker}");
    }
}

#[test]
fn comment_directives_count_per_rule() {
    let source = "
/* eslint-disable */
/* eslint-disable no-console, no-alert -- they talk, a lot */
let a = 1; // eslint-disable-line no-var
// eslint-disable-next-line
// @ts-ignore
// @ts-expect-error: later
/* @ts-nocheck */
// biome-ignore lint/suspicious/noExplicitAny: legacy
// prettier-ignore
/* c8 ignore next 3 */
/* istanbul ignore else */
/* v8 ignore start */ /* v8 ignore stop */
const s = '// eslint-disable-line'; // not an eslint-disable
";
    let found = kinds(TS, source);
    assert_eq!(found["eslint_disable"], 5);
    assert_eq!(found["type_ignore"], 3);
    assert_eq!(found["biome_ignore"], 1);
    assert_eq!(found["format_ignore"], 1);
    assert_eq!(found["no_coverage"], 3);
    assert_eq!(found.len(), 5);
}

#[test]
fn skipped_forgiven_and_only_tests_are_suppressions() {
    let source = "
        it.skip('a', () => {});
        describe.only('b', () => {});
        xit('c', () => {});
        test.failing('d', () => {});
        test.skip.each([1])('e', () => {});
        test('f', { skip: true }, () => {});
        test('g', { skip: false }, (t) => { t.skip(); });
        it('h', function () { this.skip(); });
        reader.skip(); only(); iterator.only('x', () => {});
    ";
    assert_eq!(kinds(JS, source)["skip"], 8);
    assert_eq!(
        suppressions(JS, "\n\nit.skip('a', () => {});"),
        [("skip".to_owned(), 3)]
    );
}

#[test]
fn ninety_six_empty_functions_have_no_mutant() {
    let bodies = ["", "/* nothing */", "throw new Error('not implemented');"];
    let junk = (0..96)
        .map(|it| format!("export function junk{it}() {{ {} }}\n", bodies[it % 3]))
        .collect::<Vec<_>>()
        .concat();
    assert!(mutants(JS, &junk).is_empty());
}

#[test]
fn a_log_line_in_every_function_is_no_failure_path() {
    let junk = (0..96)
        .map(|it| format!("export function junk{it}() {{ console.error('{it}'); }}\n"))
        .collect::<Vec<_>>()
        .concat();
    assert!(failure_paths(JS, &junk).is_empty());
}

#[test]
fn a_body_is_replaced_by_what_its_annotation_or_returns_suggest() {
    let cases: [(Grammar, &str, &[&str]); 11] = [
        (
            TS,
            "function f(x): boolean { return g(x) }",
            &["{ return false; }", "{ return true; }"],
        ),
        (
            TS,
            "async function f(x): Promise<string> { return g(x) }",
            &["{ return \"\"; }", "{ return \"xyzzy\"; }"],
        ),
        (
            TS,
            "const f = (x): Promise<void> => g(x)",
            &["Promise.resolve()"],
        ),
        (
            TS,
            "function f(x): Shape { return g(x) }",
            &["{ return undefined as any; }"],
        ),
        (
            TS,
            "function f(x): x is Shape { return g(x) }",
            &["{ return false; }", "{ return true; }"],
        ),
        (
            TS,
            "function f(x: A): B[] { return g(x) }",
            &["{ return []; }"],
        ),
        (
            JS,
            "function f(x) { return `${x}` }",
            &["{ return \"\"; }", "{ return \"xyzzy\"; }"],
        ),
        (JS, "const f = x => g(x)", &["undefined"]),
        (JS, "const f = x => x === g(x)", &["!==", "false", "true"]),
        (
            JS,
            "function f(x) { return g(x) }",
            &["{ return undefined; }"],
        ),
        (JS, "function* f(x) { yield x }", &["{}"]),
    ];
    for (grammar, source, expected) in cases {
        let mut found = replacements(grammar, source);
        found.sort();
        assert_eq!(found, expected, "{source}");
    }
}

#[test]
fn operators_are_swapped_conditions_negated_and_calls_left_out() {
    let source = "function f(a, b) {
        if (a.ready) { b += 3; }
        if (!a) return true;
        save(b);
        await a.send(b ?? 1);
        return a === b && a !== c || b < 2 ? x : y;
    }";
    let found = descriptions(source);
    for wanted in [
        "negate condition `a.ready`",
        "replace += with -=",
        "replace 3 with 4",
        "replace 3 with 2",
        "delete !",
        "replace true with false",
        "delete call `save(b)`",
        "delete call `a.send(b ?? 1)`",
        "replace ?? with &&",
        "replace === with !==",
        "replace && with ||",
        "replace < with <=",
    ] {
        assert!(found.iter().any(|it| it == wanted), "{wanted} in {found:?}");
    }
}

#[test]
fn every_mutant_still_parses_and_differs() {
    let source = "
        export class A<T extends string = 'a'> extends B {
          constructor(private x = 1) { super(); this.y = x + 2; }
          get z(): number { return this.#q!.n * 2 % 7; }
          async *walk(xs: T[]): AsyncGenerator<T> { for (let i = 0; i < xs.length; i++) if (ok(i)) yield xs[i]; }
          run(): Promise<number[]> { if (a) go(); else stop(); return Promise.all([1, 2]); }
        }
        export const f = async (n: number, m: Map<string, 3>) => n ** 2 - (m.size as number) || 0;
        export const g = (a = 1) => ({ a, b: `x ${a + 1}` });
        namespace N { export function h(): boolean { return !k(); } }
    ";
    let found = mutants(TS, source);
    assert!(found.len() > 15, "{}", found.len());
    for mutant in &found {
        let mutated = mutant.apply(source);
        assert_ne!(mutated, source, "{}", mutant.description);
        assert!(parses(TS, &mutated), "{mutated}");
    }
    assert_eq!(found, mutants(TS, source));
}

#[test]
fn every_mutant_is_in_its_item() {
    let source = "export const api = { add: (a, b) => { save(a); return a - b; } };\nfunction f() { const g = () => { if (x) y(); }; return g; }\n";
    let items = items(JS, source);
    let found = mutants(JS, source);
    assert!(found.len() > 4);
    for mutant in found {
        let item = items.iter().find(|it| it.name == mutant.item).unwrap();
        assert!(item.body.start <= mutant.span.start && mutant.span.end <= item.body.end);
        assert!(item.span.start <= item.body.start && item.body.end <= item.span.end);
    }
}

#[test]
fn code_that_no_test_should_notice_has_no_mutant() {
    for source in [
        "test('x', () => { expect(1 + 1).toBe(2); save(); });",
        "describe('x', () => { function helper() { return a === b; } it('y', () => {}); });",
        "class A { toString() { return `${1 + 1}`; } }",
        "const N = 1 + 1; run(N);",
        "type F = (a: 1) => 2; interface G { h(): 3 }",
        "declare function f(a: number): number;",
    ] {
        assert!(mutants(TS, source).is_empty(), "{source}");
    }
    let talk = "function f() { console.log(x); logger.warn(y); }";
    assert_eq!(replacements(JS, talk), ["{}"]);
}

#[test]
fn string_joins_types_and_patterns_are_left_alone() {
    let source = "function f(x: 1 | 2): any { s += 'a'; return g<3>(a + 'b' + c, /4/, x as 5); }";
    assert_eq!(replacements(TS, source), ["{ return undefined as any; }"]);
}

#[test]
fn swallowed_errors_are_silent_failure_paths() {
    let source = "try { f() } catch {}
try { f() } catch (e) { x = null }
p.catch(() => {})
p.then(done, () => null)
p.catch(noop)
function g(err, data) { if (err) { return } }
try { f() } catch (e) { console.log('hm') }
";
    assert_eq!(silent(source), [1, 2, 3, 4, 5, 6]);
}

#[test]
fn errors_that_someone_hears_of_are_reported() {
    let source = "try { f() } catch (e) { throw e }
try { f() } catch (e) { errors.push(e) }
try { f() } catch ({ message }) { show(message) }
try { f() } catch { logger.warn('f') }
p.catch((e) => { report(e) })
p.catch(handle)
p.catch(e => console.error(e))
function g(err, data) { if (err) return next(err) }
if (bad) reject(new Error('bad'))
if (bad) throw new Error('bad')
";
    let found = failure_paths(JS, source);
    assert!(found.iter().all(|it| it.reports), "{found:?}");
    assert!(found.len() >= 10);
}

#[test]
fn failure_paths_of_tests_do_not_count() {
    assert!(failure_paths(JS, "it('a', () => { try { f() } catch {} })").is_empty());
}

#[test]
fn constants_are_literals_of_modules_and_classes() {
    let source = "
        const CHUNK = 4 * 1024;
        export const RATE = -0.5;
        exports.LIMIT = 'x';
        const COMPUTED = f();
        let TWICE = 1; TWICE = 2; { const TWICE = 3; }
        class A { static MOST = 7; }
        function f() { const LOCAL = 1; }
    ";
    let value = |name: &str| constant(JS, source, name).map(|it| &source[it]);
    assert_eq!(value("CHUNK"), Some("4 * 1024"));
    assert_eq!(value("RATE"), Some("-0.5"));
    assert_eq!(value("LIMIT"), Some("'x'"));
    assert_eq!(value("A.MOST"), Some("7"));
    for absent in ["COMPUTED", "TWICE", "MOST", "LOCAL", "HUNK"] {
        assert_eq!(value(absent), None, "{absent}");
    }
}

#[test]
fn tsx_and_jsx_are_read() {
    let source = "export const App = (p: P) => <div a={p.b && 1}>hi {p.c + 1}</div>;";
    assert!(parses(Grammar::Tsx, source));
    assert_eq!(public(Grammar::Tsx, source), ["App"]);
    assert!(parses(JS, "const a = <b>text</b>;"));
}

#[test]
fn the_surface_is_what_others_may_use() {
    let source = "
        export function f(a: string, b = 1): number { return g(); }
        export const h = async <T>(x: T) => x, limit: number = 3;
        export class C extends B { size: number = 1; private y = 2; open(a?: string): void {} get z() { return 1 } _shut() {} }
        export interface I { a: string; m(x: number): void }
        export type U = 'a' | 'b';
        export enum E { A = 1, B }
        function local(q) {}
        export { local as outside };
        export { x as y } from './z';
        export * from './q';
        export default function main() {}
        class Hidden { m() {} }
        if (import.meta.vitest) { it('x', () => {}); }
    ";
    let found = surface(TS, source);
    let names: Vec<&str> = found.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "* from ./q",
            "C",
            "C.open",
            "C.size",
            "C.z",
            "E",
            "I",
            "I.a",
            "I.m",
            "U",
            "f",
            "h",
            "limit",
            "main",
            "outside",
            "y"
        ]
    );
    assert_eq!(found["f"], "( a : string , b = 1 ) : number");
    assert_eq!(found["outside"], "( q )");
    assert_eq!(found["y"], "export x from ./z");
    let tidied = source
        .replace("return g();", "return k()")
        .replace("number = 3", "number = 4");
    assert_eq!(surface(TS, &tidied), found);
}

#[test]
fn the_surface_of_common_js_is_what_is_handed_out() {
    let source = "function a(x) {}\nclass B { m(y) {} }\nmodule.exports = { a, C: B, d: 1, e(z) {} };\nexports.f = x => x;\nfunction g() {}\n";
    let found = surface(JS, source);
    let names: Vec<&str> = found.keys().map(String::as_str).collect();
    assert_eq!(names, ["C", "C.m", "a", "d", "e", "f"]);
    assert_eq!(found["e"], "( z )");
}
