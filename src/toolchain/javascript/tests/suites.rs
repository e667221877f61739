//! Suites of every runner.

use std::collections::BTreeSet;

use super::{JavaScript, LIBRARY, bench, cases, left_behind, manifest};
use crate::model::finding::{SuiteState, TestOutcome};
use crate::toolchain::{Adapter as _, Origin};

const MOCHA: &str = "const assert = require('assert');\nconst s = require('..');\n\
    it('holds', () => assert.equal(s.one(), 1));\nit('fails', () => assert.equal(s.one(), 2));\n\
    it.skip('is skipped', () => {});\n\
    describe('group', () => {\n  it('twice', () => {});\n  it('twice', () => {});\n});\n\
    describe('hook', () => {\n  before(() => { throw new Error('no') });\n  it('never', () => {});\n});\n";

#[tokio::test]
async fn mocha_tells_every_kind_of_outcome() {
    let manifest = manifest("mocha --reporter dot test/*.js");
    let Some(bench) = bench(&[("package.json", &manifest), LIBRARY, ("test/a.js", MOCHA)]) else {
        return;
    };
    let suite = JavaScript.test(&bench.job(), None).await.unwrap();
    assert_eq!(suite.run.state, SuiteState::Completed);
    assert_eq!(
        cases(&suite.run),
        [
            ("test/a.js > fails", TestOutcome::Failed),
            ("test/a.js > group > twice", TestOutcome::Passed),
            ("test/a.js > group > twice #2", TestOutcome::Passed),
            ("test/a.js > holds", TestOutcome::Passed),
            (
                "test/a.js > hook > \"before all\" hook for \"never\"",
                TestOutcome::Failed
            ),
            ("test/a.js > is skipped", TestOutcome::Skipped),
        ]
    );
    assert_eq!(suite.origin, Origin::Tree);
    assert!(
        suite.reasons["test/a.js > fails"].contains("1 == 2"),
        "{:?}",
        suite.reasons
    );
    assert_eq!(
        left_behind(&bench),
        ["lib/index.js", "package.json", "test/a.js"]
    );

    let only = ["test/a.js > group > twice #2".to_owned()];
    let suite = JavaScript.test(&bench.job(), Some(&only)).await.unwrap();
    assert_eq!(suite.run.state, SuiteState::Completed);
    assert_eq!(cases(&suite.run), [(only[0].as_str(), TestOutcome::Passed)]);
}

#[tokio::test]
async fn node_itself_tells_every_kind_of_outcome() {
    let manifest = manifest("node --test");
    let test = "const { test, describe, it } = require('node:test');\nconst s = require('..');\n\
        const assert = require('assert');\ntest('fails', () => assert.equal(s.one(), 2));\n\
        test('later', { todo: true }, () => { throw new Error('x') });\ntest('skipped', { skip: true }, () => {});\n\
        describe('group', () => { it('inner', () => {}); it('inner', () => {}); });\n\
        test('parent', async (t) => { await t.test('sub', () => {}); });\n";
    let Some(bench) = bench(&[
        ("package.json", &manifest),
        LIBRARY,
        ("test/a.js", test),
        ("test/b.js", "throw new Error('cannot be loaded')\n"),
        ("test/c.js", "require('assert').ok(true)\n"),
    ]) else {
        return;
    };
    let suite = JavaScript.test(&bench.job(), None).await.unwrap();
    assert_eq!(suite.run.state, SuiteState::Completed);
    assert_eq!(
        cases(&suite.run),
        [
            ("test/a.js > fails", TestOutcome::Failed),
            ("test/a.js > group > inner", TestOutcome::Passed),
            ("test/a.js > group > inner #2", TestOutcome::Passed),
            ("test/a.js > later", TestOutcome::Skipped),
            ("test/a.js > parent", TestOutcome::Passed),
            ("test/a.js > parent > sub", TestOutcome::Passed),
            ("test/a.js > skipped", TestOutcome::Skipped),
            ("test/b.js", TestOutcome::Failed),
            ("test/c.js", TestOutcome::Passed),
        ]
    );
    let only = ["test/a.js > group > inner".to_owned()];
    let suite = JavaScript.test(&bench.job(), Some(&only)).await.unwrap();
    assert_eq!(cases(&suite.run), [(only[0].as_str(), TestOutcome::Passed)]);
}

const EXPECTATIONS: &str = "const s = require('../lib');\n\
    test('holds', () => expect(s.one()).toBe(1));\ntest('fails', () => expect(s.one()).toBe(2));\n\
    test.skip('is skipped', () => {});\ndescribe('group', () => { test.each([[{}], [{}]])('of %s', () => {}); });\n";

#[tokio::test]
async fn jest_tells_every_kind_of_outcome() {
    let manifest = manifest("jest --coverage");
    let Some(bench) = bench(&[
        ("package.json", &manifest),
        LIBRARY,
        ("__tests__/a.test.js", EXPECTATIONS),
        ("__tests__/b.test.js", "import nonsense from (\n"),
    ]) else {
        return;
    };
    let suite = JavaScript.test(&bench.job(), None).await.unwrap();
    assert_eq!(suite.run.state, SuiteState::Completed);
    assert_eq!(
        cases(&suite.run),
        [
            ("__tests__/a.test.js > fails", TestOutcome::Failed),
            ("__tests__/a.test.js > group > of {}", TestOutcome::Passed),
            (
                "__tests__/a.test.js > group > of {} #2",
                TestOutcome::Passed
            ),
            ("__tests__/a.test.js > holds", TestOutcome::Passed),
            ("__tests__/a.test.js > is skipped", TestOutcome::Skipped),
            ("__tests__/b.test.js", TestOutcome::Failed),
        ]
    );
    assert_eq!(left_behind(&bench).len(), 4);
    let only = ["__tests__/a.test.js > group > of {} #2".to_owned()];
    let suite = JavaScript.test(&bench.job(), Some(&only)).await.unwrap();
    assert_eq!(suite.run.state, SuiteState::Completed);
    assert_eq!(cases(&suite.run), [(only[0].as_str(), TestOutcome::Passed)]);
}

#[tokio::test]
async fn vitest_tells_every_kind_of_outcome() {
    let manifest = manifest("vitest");
    let test = "import { describe, expect, test, beforeAll } from 'vitest';\nimport s from '../lib/index.js';\n\
        test('holds', () => expect(s.one()).toBe(1));\ntest('fails', () => expect(s.one()).toBe(2));\n\
        test.skip('is skipped', () => {});\n\
        describe('hook', () => { beforeAll(() => { throw new Error('no') }); test('never', () => {}); });\n";
    let Some(bench) = bench(&[
        ("package.json", &manifest),
        LIBRARY,
        ("tests/a.test.ts", test),
        ("tests/b.test.js", "import './nowhere.js'\n"),
    ]) else {
        return;
    };
    let suite = JavaScript.test(&bench.job(), None).await.unwrap();
    assert_eq!(suite.run.state, SuiteState::Completed);
    assert_eq!(
        cases(&suite.run)[..4],
        [
            ("tests/a.test.ts > fails", TestOutcome::Failed),
            ("tests/a.test.ts > holds", TestOutcome::Passed),
            ("tests/a.test.ts > hook", TestOutcome::Failed),
            ("tests/a.test.ts > hook > never", TestOutcome::Skipped),
        ]
    );
    assert_eq!(
        cases(&suite.run).last(),
        Some(&("tests/b.test.js", TestOutcome::Failed))
    );
    assert_eq!(left_behind(&bench).len(), 4);
    let only = ["tests/a.test.ts > holds".to_owned()];
    let suite = JavaScript.test(&bench.job(), Some(&only)).await.unwrap();
    assert_eq!(cases(&suite.run), [(only[0].as_str(), TestOutcome::Passed)]);
}

#[tokio::test]
async fn programs_that_print_tap_are_tests() {
    let manifest = manifest("tape 'test/*.js' '**/*.test.cjs' | cat");
    let test = "const test = require('tape');\nconst s = require('..');\n\
        test('holds', (t) => { t.equal(s.one(), 1); t.end(); });\n\
        test('fails', (t) => { t.equal(s.one(), 2); t.ok(true); t.end(); });\n\
        test('twice', (t) => { t.pass(); t.end(); });\ntest('twice', (t) => { t.pass(); t.end(); });\n";
    let Some(bench) = bench(&[
        ("package.json", &manifest),
        LIBRARY,
        ("test/a.js", test),
        (
            "test/plain.js",
            "require('assert').equal(require('..').two(), 2)\n",
        ),
        ("tap-snapshots/test/a.js.test.cjs", "exports.x = 1\n"),
    ]) else {
        return;
    };
    let suite = JavaScript.test(&bench.job(), None).await.unwrap();
    assert_eq!(suite.run.state, SuiteState::Completed);
    assert_eq!(
        cases(&suite.run),
        [
            ("test/a.js", TestOutcome::Failed),
            ("test/a.js > fails", TestOutcome::Failed),
            ("test/a.js > holds", TestOutcome::Passed),
            ("test/a.js > twice", TestOutcome::Passed),
            ("test/a.js > twice #2", TestOutcome::Passed),
            ("test/plain.js", TestOutcome::Passed),
        ]
    );
    let list = bench.job().build.join("javascript/files.json");
    let list = std::fs::read_to_string(list).unwrap();
    assert_eq!(
        list, r#"["test/a.js","test/plain.js"]"#,
        "no name of the tree"
    );
}

#[tokio::test]
async fn a_run_that_ends_early_is_broken_with_every_runner() {
    let library = "exports.quit = () => process.exit(0);\n";
    for (script, test) in [
        (
            "node --test",
            "const { test } = require('node:test');\ntest('quits', () => require('..').quit());\ntest('never', () => { throw 1 });\n",
        ),
        (
            "mocha test/a.test.js",
            "it('quits', () => require('..').quit());\nit('never', () => { throw 1 });\n",
        ),
        (
            "jest",
            "test('quits', () => require('..').quit());\ntest('never', () => { throw 1 });\n",
        ),
        (
            "vitest run",
            "import { test } from 'vitest';\nimport s from '../lib/index.js';\ntest('quits', () => s.quit());\ntest('never', () => {});\n",
        ),
        (
            "tape test/*.js",
            "const test = require('tape');\ntest('quits', () => require('..').quit());\ntest('never', (t) => t.fail());\n",
        ),
        (
            "node test/a.test.js",
            "require('..').quit();\nrequire('assert').fail();\n",
        ),
    ] {
        let manifest = manifest(script);
        let files = [
            ("package.json", manifest.as_str()),
            ("lib/index.js", library),
            ("test/a.test.js", test),
        ];
        let Some(bench) = bench(&files) else {
            return;
        };
        let suite = JavaScript.test(&bench.job(), None).await.unwrap();
        let is_broken = matches!(suite.run.state, SuiteState::Broken(_));
        // vitest makes a failing test of it.
        let is_failure =
            cases(&suite.run).contains(&("test/a.test.js > quits", TestOutcome::Failed));
        assert!(is_broken || is_failure, "{script}: {:?}", suite.run);
    }
}

#[tokio::test]
async fn names_that_differ_in_every_run_get_the_same_ids() {
    let unstable = "const name = require('crypto').randomUUID;\nconst os = require('os');\nconst fs = require('fs');\n\
        const dir = fs.mkdtempSync(os.tmpdir() + '/x-');\n\
        for (const it of [`in ${dir}/a`, `of ${name()}`, `of ${name()}`, `at ${new Date().toISOString()}`, `in ${__dirname}`, `took ${Math.random() * 9 + 1}`]) NAME(it, () => {});\n";
    for (script, start) in [
        ("mocha test/a.test.js", "const NAME = it;\n"),
        (
            "node --test test/a.test.js",
            "const NAME = require('node:test');\n",
        ),
        ("jest", "const NAME = test;\n"),
    ] {
        let (manifest, test) = (
            manifest(script),
            format!("{start}{unstable}").replace("const NAME = it;\n", "const NAME = global.it;\n"),
        );
        let Some(bench) = bench(&[
            ("package.json", &manifest),
            LIBRARY,
            ("test/a.test.js", &test),
        ]) else {
            return;
        };
        let suite = JavaScript.test(&bench.job(), None).await.unwrap();
        let ids: Vec<&str> = cases(&suite.run).into_iter().map(|it| it.0).collect();
        assert_eq!(
            ids,
            [
                "test/a.test.js > at <time>",
                "test/a.test.js > in <temporary>",
                "test/a.test.js > in <tree>/test",
                "test/a.test.js > of <uuid>",
                "test/a.test.js > of <uuid> #2",
                "test/a.test.js > took <number>",
            ],
            "{script}: {:?}",
            suite.run.state
        );
    }
}

#[tokio::test]
async fn a_suite_that_hangs_is_stopped_and_the_test_named() {
    let manifest = manifest("mocha --timeout 0 test/a.js");
    let files = [
        ("package.json", manifest.as_str()),
        LIBRARY,
        (
            "test/a.js",
            "it('hangs', () => new Promise(() => setInterval(() => {}, 1000)));\n",
        ),
    ];
    let Some(mut bench) = bench(&files) else {
        return;
    };
    bench.timeout = std::time::Duration::from_secs(5);
    let suite = JavaScript.test(&bench.job(), None).await.unwrap();
    assert!(
        matches!(suite.run.state, SuiteState::TimedOut(ref it) if it.contains("test/a.js > hangs")),
        "{:?}",
        suite.run.state
    );
}

#[tokio::test]
async fn a_run_may_stop_at_the_first_failure_that_nobody_expected() {
    let expected = BTreeSet::from(["test/a.test.js > known".to_owned()]);
    for (script, start) in [
        ("mocha test/a.test.js", "const test = it;\n"),
        ("node --test", "const test = require('node:test');\n"),
    ] {
        let manifest = manifest(script);
        let text = format!(
            "{start}for (const it of ['known', 'new', 'later']) test(it, () => {{ throw new Error(it) }});\n"
        );
        let Some(bench) = bench(&[
            ("package.json", &manifest),
            LIBRARY,
            ("test/a.test.js", &text),
        ]) else {
            return;
        };
        let mut job = bench.job();
        job.until = Some(&expected);
        let suite = JavaScript.test(&job, None).await.unwrap();
        assert_eq!(suite.run.state, SuiteState::Completed, "{script}");
        let ids: Vec<&str> = cases(&suite.run).into_iter().map(|it| it.0).collect();
        assert_eq!(
            ids,
            ["test/a.test.js > known", "test/a.test.js > new"],
            "{script}"
        );
    }
}

#[tokio::test]
async fn what_is_tested_is_built_first_and_a_build_that_fails_is_told() {
    let manifest_of = |build: &str| {
        format!(
            "{{\"name\": \"sample\", \"main\": \"dist/index.js\", \"scripts\": {{\"build\": \"{build}\", \"pretest\": \"npm run build\", \"test\": \"node --test test\"}}}}"
        )
    };
    let test =
        "require('node:test')('holds', () => require('assert').equal(require('..').one(), 1));\n";
    let good = manifest_of("node scripts/build.js");
    let script = "const fs = require('fs');\nfs.mkdirSync('dist', { recursive: true });\nfs.copyFileSync('lib/index.js', 'dist/index.js');\n";
    let files = [
        ("package.json", good.as_str()),
        LIBRARY,
        ("scripts/build.js", script),
        ("test/a.js", test),
    ];
    let Some(bench) = bench(&files) else {
        return;
    };
    let suite = JavaScript.test(&bench.job(), None).await.unwrap();
    assert_eq!(
        cases(&suite.run),
        [("test/a.js > holds", TestOutcome::Passed)],
        "{:?}",
        suite.run.state
    );
    bench.tree.write("lib/index.js", "exports.one = () => 3;\n");
    let suite = JavaScript.test(&bench.job(), None).await.unwrap();
    assert_eq!(
        cases(&suite.run),
        [("test/a.js > holds", TestOutcome::Failed)],
        "the old build was tested"
    );
    bench
        .tree
        .write("scripts/build.js", "throw new Error('no build today')\n");
    let suite = JavaScript.test(&bench.job(), None).await.unwrap();
    assert!(
        matches!(suite.run.state, SuiteState::DoesNotBuild(ref it) if it.contains("no build today")),
        "{:?}",
        suite.run.state
    );
}

#[tokio::test]
async fn an_installed_copy_of_the_package_is_not_taken_for_the_tree() {
    let manifest = manifest("node --test test");
    let test = "require('node:test')('holds', () => require('assert').equal(require('sample').one(), 1));\n";
    let Some(mut bench) = bench(&[("package.json", &manifest), LIBRARY, ("test/a.js", test)])
    else {
        return;
    };
    let installed = bench.tree.outside("checkout/node_modules");
    std::fs::create_dir_all(installed.join("sample")).unwrap();
    std::fs::write(
        installed.join("sample/package.json"),
        "{\"name\": \"sample\"}",
    )
    .unwrap();
    std::fs::write(installed.join("sample/index.js"), "exports.one = () => 1;").unwrap();
    for tool in bench
        .tools
        .iter_mut()
        .filter(|it| it.name == "node_modules")
    {
        tool.command = Some(vec![installed.to_string()]);
    }
    let suite = JavaScript.test(&bench.job(), None).await.unwrap();
    assert!(
        matches!(suite.origin, Origin::Elsewhere(ref it) if it.ends_with("checkout/node_modules/sample/index.js")),
        "{:?}",
        suite.origin
    );
}

#[tokio::test]
async fn the_packages_of_a_workspace_are_those_of_the_tree() {
    let root = "{\"name\": \"all\", \"private\": true, \"workspaces\": [\"packages/*\"], \"scripts\": {\"test\": \"npm test --workspaces\"}}";
    let one = "{\"name\": \"one\", \"scripts\": {\"test\": \"node --test\"}}";
    let two = "{\"name\": \"two\", \"dependencies\": {\"one\": \"*\"}, \"scripts\": {\"test\": \"mocha test.js\"}}";
    let Some(mut bench) = bench(&[
        ("package.json", root),
        ("packages/one/package.json", one),
        ("packages/one/index.js", "exports.one = () => 1;\n"),
        (
            "packages/one/test.js",
            "require('node:test')('of one', () => {});\n",
        ),
        ("packages/two/package.json", two),
        (
            "packages/two/test.js",
            "it('of two', () => require('assert').equal(require('one').one(), 1));\n",
        ),
    ]) else {
        return;
    };
    // The person's checkout, whose links lead to its own packages.
    let tools = bench
        .tools
        .iter()
        .find(|it| it.name == "node_modules")
        .unwrap()
        .command
        .clone()
        .unwrap();
    let checkout = bench.tree.outside("checkout");
    std::fs::create_dir_all(checkout.join("packages/one")).unwrap();
    std::fs::create_dir_all(checkout.join("node_modules")).unwrap();
    std::fs::write(
        checkout.join("packages/one/index.js"),
        "exports.one = () => 9;\n",
    )
    .unwrap();
    std::os::unix::fs::symlink("../packages/one", checkout.join("node_modules/one")).unwrap();
    std::os::unix::fs::symlink(
        format!("{}/mocha", tools[0]),
        checkout.join("node_modules/mocha"),
    )
    .unwrap();
    for tool in bench
        .tools
        .iter_mut()
        .filter(|it| it.name == "node_modules")
    {
        tool.command = Some(vec![checkout.join("node_modules").into_string()]);
    }
    let suite = JavaScript.test(&bench.job(), None).await.unwrap();
    assert_eq!(
        cases(&suite.run),
        [
            ("packages/one/test.js > of one", TestOutcome::Passed),
            ("packages/two/test.js > of two", TestOutcome::Passed),
        ],
        "{:?}",
        suite.run.state
    );
    assert_eq!(suite.origin, Origin::Tree);
}
