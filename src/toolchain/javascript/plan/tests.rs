//! Plans of small manifests.

use super::*;
use crate::toolchain::testing::Tree;

fn plan_of(files: &[(&str, &str)]) -> Plan {
    let tree = Tree::new(files);
    let manifests: Vec<Utf8PathBuf> = tree
        .files()
        .into_iter()
        .filter(|it| it.file_name() == Some("package.json"))
        .collect();
    plan_at(tree.root(), Utf8Path::new(""), &manifests)
}

fn scripts(text: &str) -> String {
    format!("{{\"scripts\": {text}}}")
}

#[test]
fn runners_keep_their_own_options_and_lose_those_that_report() {
    for (script, runner, options, targets) in [
        (
            "mocha -R dot -r ./x --bail test/a.js",
            Runner::Mocha,
            "-r ./x",
            "test/a.js",
        ),
        (
            "jest --coverage --config j.json unit",
            Runner::Jest,
            "--config j.json",
            "unit",
        ),
        (
            "vitest run --coverage --project a",
            Runner::Vitest,
            "--project a",
            "",
        ),
        (
            "nyc --reporter=lcov node node_modules/.bin/_mocha -t 5",
            Runner::Mocha,
            "-t 5",
            "",
        ),
    ] {
        let plan = plan_of(&[(
            "package.json",
            &scripts(&format!("{{\"test\": \"{script}\"}}")),
        )]);
        let run = &plan.runs[0];
        assert_eq!(
            (run.runner, run.options.join(" ").as_str()),
            (runner, options),
            "{script}"
        );
        assert_eq!(run.targets.join(" "), targets, "{script}");
    }
}

#[test]
fn what_tests_load_is_built_before_them_and_nothing_else_is_run() {
    let text = r#"{"pretest": "npm run build", "build": "tsc -p .", "test": "eslint . && tsc --noEmit && tape test/*.js | tap-spec"}"#;
    let plan = plan_of(&[("package.json", &scripts(text)), ("test/a.js", "")]);
    assert_eq!(plan.builds, [(Utf8PathBuf::new(), "tsc -p .".to_owned())]);
    assert_eq!(
        (plan.runs[0].runner, plan.runs[0].targets.join(" ").as_str()),
        (Runner::Files, "test/*.js")
    );
    assert_eq!(plan.runs.len(), 1);
}

#[test]
fn a_main_file_that_is_not_there_is_built() {
    let text = r#"{"main": "./dist/a", "scripts": {"build": "rollup -c", "test": "mocha"}}"#;
    let plan = plan_of(&[("package.json", text)]);
    assert_eq!(
        plan.builds,
        [(Utf8PathBuf::new(), "npm run build".to_owned())]
    );
    assert!(
        plan_of(&[("package.json", text), ("dist/a.js", "")])
            .builds
            .is_empty()
    );
}

#[test]
fn members_run_their_own_tests_where_the_root_has_none() {
    let root = r#"{"workspaces": ["packages/*"], "scripts": {"test": "npm test --workspaces"}}"#;
    let plan = plan_of(&[
        ("package.json", root),
        ("packages/a/package.json", &scripts("{\"test\": \"mocha\"}")),
        (
            "packages/b/package.json",
            &scripts("{\"test\": \"node --test\"}"),
        ),
        ("packages/c/package.json", "{}"),
    ]);
    let runs: Vec<_> = plan
        .runs
        .iter()
        .map(|it| (it.dir.as_str(), it.runner))
        .collect();
    assert_eq!(
        runs,
        [("packages/a", Runner::Mocha), ("packages/b", Runner::Node)]
    );
}

#[test]
fn without_a_script_the_runner_is_the_one_that_is_there() {
    let plan = plan_of(&[("package.json", "{\"devDependencies\": {\"jest\": \"1\"}}")]);
    assert_eq!(plan.runs[0].runner, Runner::Jest);
    let plan = plan_of(&[
        ("package.json", "{}"),
        ("test/a.js", "import test from 'node:test'"),
    ]);
    assert_eq!(plan.runs[0].runner, Runner::Node);
    assert_eq!(plan_of(&[("package.json", "{}")]), Plan::default());
}

#[test]
fn a_program_that_tests_is_run_as_one() {
    let plan = plan_of(&[
        ("package.json", &scripts("{\"test\": \"node test\"}")),
        ("test/index.js", ""),
    ]);
    assert_eq!(
        (plan.runs[0].runner, plan.runs[0].targets.join(" ").as_str()),
        (Runner::Files, "test/index.js")
    );
}
