//! Linters, the type checker, formatters, coverage.

use camino::Utf8Path;

use super::{JavaScript, LIBRARY, bench, manifest};
use crate::config::Commands;
use crate::model::hypothesis::LintRule;
use crate::model::profile::{LanguageName, Purpose};
use crate::toolchain::javascript::unused;
use crate::toolchain::testing::Bench;
use crate::toolchain::{Adapter as _, Outcome};

fn rule(tool: &str, rule: &str) -> LintRule {
    LintRule {
        tool: tool.into(),
        rule: rule.into(),
    }
}

async fn findings(bench: &Bench) -> Vec<(String, u32, String, bool)> {
    let Outcome::Measured(findings) = JavaScript.lint(&bench.job()).await.unwrap() else {
        panic!("the linter answers");
    };
    findings
        .into_iter()
        .map(|it| (it.path.into_string(), it.line, it.rule, it.fixable))
        .collect()
}

const ESLINT: (&str, &str) = (
    "eslint.config.js",
    "module.exports = [{ rules: { 'no-var': 1, 'prefer-const': 2, 'no-debugger': 2, 'no-extra-boolean-cast': 2 } }];\n",
);

#[tokio::test]
async fn only_the_named_rule_of_eslint_is_fixed_and_only_where_allowed() {
    let manifest = manifest("eslint . && mocha");
    let Some(bench) = bench(&[
        ("package.json", &manifest),
        ESLINT,
        (
            "a.js",
            "// 😀 not counted like this\nvar a = '😀'; var b = !!!a;\ndebugger;\nmodule.exports = [a, b];\n",
        ),
        ("b.js", "var c = 1;\nmodule.exports = c;\n"),
    ]) else {
        return;
    };
    let expected =
        |path: &str, line, rule: &str, fixable| (path.to_owned(), line, rule.to_owned(), fixable);
    assert_eq!(
        findings(&bench).await,
        [
            expected("a.js", 2, "no-var", true),
            expected("a.js", 2, "no-var", true),
            expected("a.js", 2, "no-extra-boolean-cast", true),
            expected("a.js", 3, "no-debugger", false),
            expected("b.js", 1, "no-var", true),
        ]
    );
    let allowed = |path: &Utf8Path| path == "a.js";
    let outcome = JavaScript
        .fix(&bench.job(), &rule("eslint", "no-var"), &allowed)
        .await
        .unwrap();
    assert_eq!(outcome, Outcome::Measured(1));
    assert!(
        bench
            .tree
            .read("a.js")
            .contains("let a = '😀'; let b = !!!a;\ndebugger;")
    );
    assert!(bench.tree.read("b.js").starts_with("var"));
    assert!(
        !bench.tree.root().join("node_modules").exists(),
        "links would become part of a candidate"
    );
    let outcome = JavaScript
        .fix(&bench.job(), &rule("eslint", "no-var"), &allowed)
        .await
        .unwrap();
    assert_eq!(outcome, Outcome::Measured(0));
}

#[tokio::test]
async fn safe_fixes_of_biome_are_told_from_others() {
    let manifest = manifest("mocha");
    let source = "function f(a) {\n  if (a == 2) {\n    debugger;\n  }\n  return { a: a };\n}\nlet x = 1;\nmodule.exports = { f, x };\n";
    let Some(bench) = bench(&[
        ("package.json", &manifest),
        (
            "biome.json",
            "{\"linter\": {\"rules\": {\"style\": {\"useConst\": \"warn\"}}}}\n",
        ),
        ("a.js", source),
        ("b.js", source),
    ]) else {
        return;
    };
    let found = findings(&bench).await;
    let of = |path: &str| -> Vec<(u32, &str, bool)> {
        found
            .iter()
            .filter(|it| it.0 == path)
            .map(|it| (it.1, it.2.as_str(), it.3))
            .collect()
    };
    let expected = [
        (2, "suspicious/noDoubleEquals", false),
        (3, "suspicious/noDebugger", false),
        (7, "style/useConst", true),
    ];
    assert_eq!(of("a.js"), expected);
    assert_eq!(of("b.js"), expected);
    let allowed = |path: &Utf8Path| path == "a.js";
    let outcome = JavaScript
        .fix(&bench.job(), &rule("biome", "style/useConst"), &allowed)
        .await
        .unwrap();
    assert_eq!(outcome, Outcome::Measured(1));
    assert_eq!(bench.tree.read("a.js"), source.replace("let x", "const x"));
    assert_eq!(bench.tree.read("b.js"), source);
}

#[tokio::test]
async fn a_broken_configuration_fails_the_linter_and_none_is_no_use_of_one() {
    let manifest = manifest("mocha");
    let Some(broken) = bench(&[
        ("package.json", &manifest),
        LIBRARY,
        ("eslint.config.js", "throw new Error('x')\n"),
    ]) else {
        return;
    };
    assert!(matches!(
        JavaScript.lint(&broken.job()).await.unwrap(),
        Outcome::Failed(_)
    ));
    let Some(plain) = bench(&[("package.json", &manifest), LIBRARY]) else {
        return;
    };
    assert!(matches!(
        JavaScript.lint(&plain.job()).await.unwrap(),
        Outcome::Missing(_)
    ));
    assert!(matches!(
        JavaScript.types(&plain.job()).await.unwrap(),
        Outcome::Missing(_)
    ));
    assert!(matches!(
        JavaScript.unformatted(&plain.job()).await.unwrap(),
        Outcome::Missing(_)
    ));
}

#[tokio::test]
async fn the_compiler_checks_types_and_writes_nothing() {
    let manifest = manifest("vitest");
    let Some(bench) = bench(&[
        ("package.json", &manifest),
        (
            "tsconfig.json",
            "{\n  // strict\n  \"compilerOptions\": {\"strict\": true, \"composite\": true, \"types\": []},\n  \"include\": [\"src\"],\n}\n",
        ),
        (
            "src/a.ts",
            "export const a: number = 'x';\nexport function f(b) {\n  return b;\n}\n",
        ),
    ]) else {
        return;
    };
    let Outcome::Measured(findings) = JavaScript.types(&bench.job()).await.unwrap() else {
        panic!("tsc answers");
    };
    let found: Vec<_> = findings
        .iter()
        .map(|it| (it.path.as_str(), it.line, it.column, it.rule.as_str()))
        .collect();
    assert_eq!(
        found,
        [("src/a.ts", 1, 14, "TS2322"), ("src/a.ts", 2, 19, "TS7006")]
    );
    bench.tree.write("src/a.ts", "export const a = 1;\n");
    let outcome = JavaScript.types(&bench.job()).await.unwrap();
    assert_eq!(outcome, Outcome::Measured(Vec::new()));
    assert_eq!(
        super::left_behind(&bench),
        ["package.json", "src/a.ts", "tsconfig.json"]
    );
    bench
        .tree
        .write("tsconfig.json", "{\"compilerOptions\": {\"nonsense\": 1}}");
    assert!(matches!(
        JavaScript.types(&bench.job()).await.unwrap(),
        Outcome::Failed(_)
    ));
}

#[tokio::test]
async fn the_projects_own_formatter_is_used_and_only_where_allowed() {
    let manifest = format!("{}\n", manifest("mocha").replace("{\"name", "{ \"name"));
    for (tool, file) in [("prettier", ".prettierrc"), ("biome", "biome.json")] {
        let Some(bench) = bench(&[
            ("package.json", &manifest),
            (file, "{}\n"),
            ("a.js", "const x = {  'a':1 }\n"),
            ("b.js", "const x = {  'a':1 }\n"),
        ]) else {
            return;
        };
        assert_eq!(bench.project.uses[&Purpose::Format], tool);
        let Outcome::Measured(files) = JavaScript.unformatted(&bench.job()).await.unwrap() else {
            panic!("{tool} answers");
        };
        let files: Vec<&str> = files
            .iter()
            .map(|it| it.as_str())
            .filter(|it| Utf8Path::new(it).extension() == Some("js"))
            .collect();
        assert_eq!(files, ["a.js", "b.js"]);
        let allowed = |path: &Utf8Path| path == "a.js";
        let outcome = JavaScript.format(&bench.job(), &allowed).await.unwrap();
        assert_eq!(outcome, Outcome::Measured(1));
        assert_eq!(bench.tree.read("a.js"), "const x = { a: 1 };\n");
        assert_eq!(bench.tree.read("b.js"), "const x = {  'a':1 }\n");
    }
}

#[tokio::test]
async fn coverage_names_the_lines_that_tests_reach_with_every_runner() {
    let commonjs = "const s = require('../lib');\nit('holds', () => s.one());\n";
    let vitest = "import { it } from 'vitest';\nimport s from '../lib/index.js';\nit('holds', () => { s.one() });\n";
    let node = "const it = require('node:test');\nconst s = require('../lib');\nit('holds', () => { s.one() });\n";
    let library =
        "exports.one = () => {\n  return 1;\n};\nexports.two = () => {\n  return 2;\n};\n";
    for (script, test, tool) in [
        ("mocha test/a.test.js", commonjs, "c8"),
        ("jest", commonjs, "jest"),
        ("vitest run", vitest, "vitest"),
        ("node --test test", node, "c8"),
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
        let outcome = JavaScript.coverage(&bench.job()).await.unwrap();
        let Outcome::Measured(coverage) = outcome else {
            panic!("{script}: {outcome:?}");
        };
        assert_eq!(coverage.tool, tool);
        let reached = &coverage.reached[Utf8Path::new("lib/index.js")];
        assert!(
            reached.contains(&2) && !reached.contains(&5),
            "{script}: {reached:?}"
        );
        assert_eq!(coverage.reached.len(), 1, "tests are not what is covered");
        assert!(coverage.lines > coverage.covered);
    }
}

#[tokio::test]
async fn node_counts_lines_itself_where_nothing_else_does() {
    let manifest = manifest("node --test test");
    let library = "// about\nexports.one = () => {\n  return 1;\n};\n\nexports.two = () => {\n  return 2;\n};\n";
    let test = "require('node:test')('holds', () => { require('../lib').one() });\n";
    let Some(mut bench) = bench(&[
        ("package.json", &manifest),
        ("lib/index.js", library),
        ("test/a.js", test),
    ]) else {
        return;
    };
    for tool in bench
        .tools
        .iter_mut()
        .filter(|it| it.name == "node_modules")
    {
        tool.command = None;
    }
    let Outcome::Measured(coverage) = JavaScript.coverage(&bench.job()).await.unwrap() else {
        panic!("node answers");
    };
    assert_eq!(
        (coverage.tool.as_str(), coverage.lines, coverage.covered),
        ("node", 4, 3)
    );
    assert_eq!(coverage.reached[Utf8Path::new("lib/index.js")], [2, 3, 6]);
}

#[tokio::test]
async fn a_package_that_nothing_mentions_goes_with_its_entry_in_the_lock_file() {
    let manifest = "{\n  \"name\": \"sample\",\n  \"version\": \"1.0.0\",\n  \"main\": \"lib/index.js\",\n  \"scripts\": { \"test\": \"named-in-script\" },\n  \"dependencies\": {\n    \"absent\": \"^1.0.0\",\n    \"named-in-script\": \"^1.0.0\",\n    \"peer\": \"^1.0.0\",\n    \"program\": \"^1.0.0\",\n    \"some-plugin\": \"^1.0.0\",\n    \"spare\": \"^2.0.0\",\n    \"used\": \"^1.0.0\"\n  }\n}\n";
    let installed = |name: &str, more: &str| {
        let path = format!("node_modules/{name}/package.json");
        (
            path,
            format!("{{\"name\": \"{name}\", \"version\": \"1.0.0\"{more}}}"),
        )
    };
    let packages = [
        installed("named-in-script", ""),
        installed("peer", ""),
        installed("program", ", \"bin\": \"x.js\""),
        installed("some-plugin", ""),
        installed("spare", ""),
        installed("used", ", \"peerDependencies\": {\"peer\": \"1\"}"),
    ];
    let entry = |(path, _): &(String, String)| {
        let path = path.trim_end_matches("/package.json");
        format!(
            "    \"{path}\": {{\n      \"version\": \"1.0.0\",\n      \"integrity\": \"sha512-AAAA\"\n    }}"
        )
    };
    let table = manifest
        .split("\"dependencies\": ")
        .nth(1)
        .unwrap()
        .trim_end();
    let root = format!(
        "    \"\": {{\n      \"name\": \"sample\",\n      \"version\": \"1.0.0\",\n      \"dependencies\": {table}"
    );
    let absent = "    \"node_modules/absent\": {\n      \"version\": \"1.0.0\",\n      \"integrity\": \"sha512-AAAA\"\n    }".to_owned();
    let entries: Vec<String> = [root, absent]
        .into_iter()
        .chain(packages.iter().map(entry))
        .collect();
    let lock = format!(
        "{{\n  \"name\": \"sample\",\n  \"version\": \"1.0.0\",\n  \"lockfileVersion\": 3,\n  \"requires\": true,\n  \"packages\": {{\n{}\n  }}\n}}\n",
        entries.join(",\n")
    );
    let mut files = vec![
        ("package.json", manifest),
        ("package-lock.json", lock.as_str()),
        (
            "lib/index.js",
            "exports.one = () => require('used/deep');\n",
        ),
    ];
    files.extend(
        packages
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_str())),
    );
    let bench = Bench::new(LanguageName::JavaScript, &files, Commands::default());
    let found = unused::findings(&bench.job());
    let found: Vec<(u32, &str, bool)> = found
        .iter()
        .map(|it| (it.line, it.message.as_str(), it.fixable))
        .collect();
    assert_eq!(
        found,
        [(12, "nothing mentions the dependency `spare`", true)]
    );
    let none = unused::fix(&bench.job(), &|_| false).await.unwrap();
    assert_eq!(none, Outcome::Measured(0));
    if crate::process::find_program("npm").is_some() {
        let fixed = unused::fix(&bench.job(), &|_| true).await.unwrap();
        assert_eq!(fixed, Outcome::Measured(1));
        let shorter = manifest.replace("    \"spare\": \"^2.0.0\",\n", "");
        assert_eq!(bench.tree.read("package.json"), shorter);
        let lock = bench.tree.read("package-lock.json");
        assert!(
            !lock.contains("spare") && lock.contains("node_modules/used"),
            "{lock}"
        );
    }
    bench.tree.write("package.json", manifest);
    bench.tree.write("yarn.lock", "");
    assert!(!unused::findings(&bench.job())[0].fixable);
    let refused = unused::fix(&bench.job(), &|_| true).await.unwrap();
    assert!(matches!(refused, Outcome::Failed(_)), "{refused:?}");
}
