//! The adapter on small real trees, with real tools.

use super::Python;
use crate::config::Commands;
use crate::model::finding::{SuiteState, TestOutcome};
use crate::model::hypothesis::LintRule;
use crate::model::profile::{LanguageName, Purpose};
use crate::toolchain::testing::{Bench, Tree, python_tools};
use crate::toolchain::{Adapter as _, Origin, Outcome};

const MANIFEST: (&str, &str) = (
    "pyproject.toml",
    "[project]\nname = \"sample\"\nversion = \"1\"\n",
);
const MODULE: (&str, &str) = (
    "src/sample/__init__.py",
    "def one():\n    return 1\n\n\ndef two():\n    return 2\n",
);

/// A tree with the tools of `FACTORY_TEST_TOOLS`; `None` skips.
fn bench(files: &[(&str, &str)]) -> Option<Bench> {
    Some(Bench::new(LanguageName::Python, files, python_tools()?))
}

/// A tree with the interpreter on the PATH and no pytest.
fn bare_bench(files: &[(&str, &str)]) -> Bench {
    let mut bench = Bench::new(LanguageName::Python, files, Commands::default());
    bench.project.uses.insert(Purpose::Test, "unittest".into());
    for tool in bench.tools.iter_mut().filter(|it| it.name == "pytest") {
        tool.command = None;
    }
    bench
}

fn cases(run: &crate::model::finding::TestRun) -> Vec<(&str, TestOutcome)> {
    run.cases
        .iter()
        .map(|it| (it.id.as_str(), it.outcome))
        .collect()
}

#[tokio::test]
async fn every_kind_of_outcome_is_reported() {
    let Some(bench) = bench(&[
        MANIFEST,
        MODULE,
        (
            "tests/test_a.py",
            "import pytest, sample\n\n\
             def test_holds():\n    assert sample.one() == 1\n\n\
             def test_fails():\n    assert sample.one() == 2\n\n\
             @pytest.mark.skip\ndef test_skipped():\n    pass\n\n\
             @pytest.mark.xfail\ndef test_expected():\n    assert False\n\n\
             @pytest.mark.xfail(strict=True)\ndef test_unexpected():\n    pass\n\n\
             @pytest.fixture\ndef broken():\n    raise RuntimeError\n\n\
             def test_setup(broken):\n    pass\n\n\
             @pytest.fixture\ndef leaky():\n    yield\n    raise RuntimeError\n\n\
             def test_teardown(leaky):\n    pass\n\n\
             @pytest.mark.parametrize('x', [object(), object(), 'a b'], ids=lambda x: repr(x))\ndef test_param(x):\n    pass\n\n\
             class TestX:\n    def test_method(self, tmp_path):\n        assert tmp_path.exists()\n",
        ),
    ]) else {
        return;
    };
    let suite = Python.test(&bench.job(), None).await.unwrap();
    assert_eq!(suite.run.state, SuiteState::Completed);
    assert_eq!(suite.origin, Origin::Tree);
    assert_eq!(
        cases(&suite.run),
        [
            ("tests/test_a.py::TestX::test_method", TestOutcome::Passed),
            ("tests/test_a.py::test_expected", TestOutcome::Skipped),
            ("tests/test_a.py::test_fails", TestOutcome::Failed),
            ("tests/test_a.py::test_holds", TestOutcome::Passed),
            ("tests/test_a.py::test_param['a b']", TestOutcome::Passed),
            (
                "tests/test_a.py::test_param[<object object at 0x>]",
                TestOutcome::Passed
            ),
            (
                "tests/test_a.py::test_param[<object object at 0x>]#2",
                TestOutcome::Passed
            ),
            ("tests/test_a.py::test_setup", TestOutcome::Failed),
            ("tests/test_a.py::test_skipped", TestOutcome::Skipped),
            ("tests/test_a.py::test_teardown", TestOutcome::Failed),
            ("tests/test_a.py::test_unexpected", TestOutcome::Failed),
        ]
    );
    assert_eq!(
        bench.tree.files().len(),
        3,
        "the run left something in the tree"
    );

    let only = ["tests/test_a.py::test_param[<object object at 0x>]#2".to_owned()];
    let suite = Python.test(&bench.job(), Some(&only)).await.unwrap();
    assert_eq!(cases(&suite.run), [(only[0].as_str(), TestOutcome::Passed)]);
    assert!(suite.run.cases[0].seconds.is_some());
}

#[tokio::test]
async fn an_import_error_breaks_the_suite_and_names_the_file() {
    let Some(bench) = bench(&[
        MANIFEST,
        MODULE,
        (
            "tests/test_a.py",
            "import no_such_module\n\ndef test_a():\n    pass\n",
        ),
    ]) else {
        return;
    };
    let suite = Python.test(&bench.job(), None).await.unwrap();
    let SuiteState::Broken(reason) = suite.run.state else {
        panic!("{:?}", suite.run.state);
    };
    assert!(
        reason.contains("tests/test_a.py") && reason.contains("no_such_module"),
        "{reason}"
    );
}

#[tokio::test]
async fn no_tests_is_a_completed_suite_without_cases() {
    let Some(bench) = bench(&[MANIFEST, MODULE]) else {
        return;
    };
    let suite = Python.test(&bench.job(), None).await.unwrap();
    assert_eq!(suite.run.state, SuiteState::Completed);
    assert!(suite.run.cases.is_empty());
}

#[tokio::test]
async fn a_test_that_kills_the_interpreter_breaks_the_suite() {
    let Some(bench) = bench(&[
        MANIFEST,
        MODULE,
        (
            "tests/test_a.py",
            "import os\n\ndef test_quits():\n    os._exit(0)\n",
        ),
    ]) else {
        return;
    };
    let suite = Python.test(&bench.job(), None).await.unwrap();
    let SuiteState::Broken(reason) = suite.run.state else {
        panic!("{:?}", suite.run.state);
    };
    assert!(reason.contains("tests/test_a.py::test_quits"), "{reason}");
}

#[tokio::test]
async fn an_installed_copy_is_not_taken_for_the_tree() {
    let Some(bench) = bench(&[
        MANIFEST,
        MODULE,
        (
            "tests/conftest.py",
            "import sys, tempfile, pathlib\nd = pathlib.Path(tempfile.mkdtemp())\n(d / 'sample.py').write_text('')\nsys.path.insert(0, str(d))\n",
        ),
        (
            "tests/test_a.py",
            "import sample\n\ndef test_a():\n    pass\n",
        ),
    ]) else {
        return;
    };
    let suite = Python.test(&bench.job(), None).await.unwrap();
    assert!(
        matches!(suite.origin, Origin::Elsewhere(ref it) if it.ends_with("sample.py")),
        "{:?}",
        suite.origin
    );
}

#[tokio::test]
async fn plugins_that_a_conftest_loads_keep_working() {
    let Some(bench) = bench(&[
        MANIFEST,
        MODULE,
        ("conftest.py", "pytest_plugins = ['numbers_for_tests']\n"),
        (
            "numbers_for_tests.py",
            "import pytest\n\n@pytest.fixture\ndef seven():\n    return 7\n\ndef pytest_collection_modifyitems(items):\n    items[:] = [it for it in items if it.name != 'test_left_out']\n",
        ),
        (
            "tests/test_a.py",
            "def test_a(seven):\n    assert seven == 7\n\ndef test_left_out():\n    assert False\n",
        ),
    ]) else {
        return;
    };
    let run = Python.test(&bench.job(), None).await.unwrap().run;
    assert_eq!(run.state, SuiteState::Completed);
    let passed: Vec<&str> = run.ids(TestOutcome::Passed).into_iter().collect();
    assert_eq!(passed, ["tests/test_a.py::test_a"]);
    assert_eq!(run.cases.len(), 1);
}

#[tokio::test]
async fn options_of_a_coverage_plugin_that_is_not_there_are_accepted() {
    let Some(bench) = bench(&[
        (
            "pyproject.toml",
            "[project]\nname = \"sample\"\nversion = \"1\"\n[tool.pytest.ini_options]\naddopts = \"--cov=sample --cov-report term --strict-markers\"\n",
        ),
        MODULE,
        ("tests/test_a.py", "def test_a():\n    pass\n"),
    ]) else {
        return;
    };
    let suite = Python.test(&bench.job(), None).await.unwrap();
    assert_eq!(suite.run.state, SuiteState::Completed);
    assert_eq!(suite.run.cases.len(), 1);
}

#[tokio::test]
async fn the_standard_library_runs_a_suite_where_pytest_is_missing() {
    let bench = bare_bench(&[
        MANIFEST,
        MODULE,
        (
            "tests/test_a.py",
            "import unittest, sample\n\nclass T(unittest.TestCase):\n    def test_holds(self):\n        self.assertEqual(sample.one(), 1)\n\
             \n    def test_fails(self):\n        self.fail()\n\n    @unittest.skip('x')\n    def test_skipped(self):\n        pass\n\
             \n    @unittest.expectedFailure\n    def test_expected(self):\n        self.fail()\n\
             \n    def test_sub(self):\n        for i in range(3):\n            with self.subTest(i=i):\n                self.assertNotEqual(i, 1)\n",
        ),
    ]);
    let suite = Python.test(&bench.job(), None).await.unwrap();
    assert_eq!(suite.run.state, SuiteState::Completed);
    assert_eq!(
        cases(&suite.run),
        [
            ("tests/test_a.py::T::test_expected", TestOutcome::Skipped),
            ("tests/test_a.py::T::test_fails", TestOutcome::Failed),
            ("tests/test_a.py::T::test_holds", TestOutcome::Passed),
            ("tests/test_a.py::T::test_skipped", TestOutcome::Skipped),
            ("tests/test_a.py::T::test_sub", TestOutcome::Failed),
        ]
    );
    assert_eq!(suite.origin, Origin::Tree);
    let only = ["tests/test_a.py::T::test_holds".to_owned()];
    let suite = Python.test(&bench.job(), Some(&only)).await.unwrap();
    assert_eq!(cases(&suite.run), [(only[0].as_str(), TestOutcome::Passed)]);
}

#[tokio::test]
async fn the_standard_library_reports_import_errors_and_missing_pytest() {
    let bench = bare_bench(&[
        MANIFEST,
        MODULE,
        ("tests/test_a.py", "import no_such_module\n"),
    ]);
    let suite = Python.test(&bench.job(), None).await.unwrap();
    assert!(
        matches!(suite.run.state, SuiteState::Broken(ref it) if it.contains("no_such_module")),
        "{:?}",
        suite.run.state
    );

    let bench = bare_bench(&[
        MANIFEST,
        MODULE,
        ("tests/test_a.py", "def test_a():\n    pass\n"),
    ]);
    let suite = Python.test(&bench.job(), None).await.unwrap();
    assert_eq!(suite.run.state, SuiteState::NoRunner);
}

#[tokio::test]
async fn a_suite_that_hangs_is_stopped_and_the_test_named() {
    let mut bench = bare_bench(&[
        MANIFEST,
        (
            "tests/test_a.py",
            "import time, unittest\n\nclass T(unittest.TestCase):\n    def test_hangs(self):\n        time.sleep(600)\n",
        ),
    ]);
    bench.timeout = std::time::Duration::from_secs(3);
    let suite = Python.test(&bench.job(), None).await.unwrap();
    assert!(
        matches!(suite.run.state, SuiteState::TimedOut(ref it) if it.contains("test_hangs")),
        "{:?}",
        suite.run.state
    );
}

#[tokio::test]
async fn only_the_named_rule_is_fixed_and_only_where_allowed() {
    let Some(bench) = bench(&[
        MANIFEST,
        (
            "src/sample/__init__.py",
            "import os\nimport sys\n\nx = f\"a\"\n",
        ),
        ("src/sample/b.py", "import os\n"),
    ]) else {
        return;
    };
    let Outcome::Measured(findings) = Python.lint(&bench.job()).await.unwrap() else {
        panic!("ruff answers");
    };
    let rules: Vec<_> = findings
        .iter()
        .map(|it| (it.path.as_str(), it.line, it.rule.as_str(), it.fixable))
        .collect();
    assert_eq!(
        rules,
        [
            ("src/sample/__init__.py", 1, "F401", false),
            ("src/sample/__init__.py", 2, "F401", false),
            ("src/sample/__init__.py", 4, "F541", true),
            ("src/sample/b.py", 1, "F401", true),
        ]
    );
    let rule = LintRule {
        tool: "ruff".into(),
        rule: "F541".into(),
    };
    let allowed = |path: &camino::Utf8Path| path == "src/sample/__init__.py";
    let outcome = Python.fix(&bench.job(), &rule, &allowed).await.unwrap();
    assert_eq!(outcome, Outcome::Measured(1));
    assert!(
        bench
            .tree
            .read("src/sample/__init__.py")
            .contains("x = \"a\"\n")
    );
    let rule = LintRule {
        tool: "ruff".into(),
        rule: "F401".into(),
    };
    assert_eq!(
        Python.fix(&bench.job(), &rule, &allowed).await.unwrap(),
        Outcome::Measured(0)
    );
    assert_eq!(
        Python.fix(&bench.job(), &rule, &|_| true).await.unwrap(),
        Outcome::Measured(1)
    );
    assert!(!bench.tree.root().join(".ruff_cache").exists());
}

#[tokio::test]
async fn a_broken_configuration_fails_the_linter() {
    let Some(bench) = bench(&[MANIFEST, MODULE, ("ruff.toml", "nonsense = [")]) else {
        return;
    };
    assert!(matches!(
        Python.lint(&bench.job()).await.unwrap(),
        Outcome::Failed(_)
    ));
}

#[tokio::test]
async fn types_are_checked_only_where_the_project_does() {
    let source = (
        "src/sample/__init__.py",
        "def one() -> int:\n    return 'x'\n",
    );
    let Some(unused) = bench(&[MANIFEST, source]) else {
        return;
    };
    let outcome = Python.types(&unused.job()).await.unwrap();
    assert!(matches!(outcome, Outcome::Missing(ref it) if it.contains("not used here")));

    let manifest = format!("{}[tool.mypy]\nstrict = true\n", MANIFEST.1);
    let used = bench(&[("pyproject.toml", &manifest), source]).unwrap();
    let Outcome::Measured(findings) = Python.types(&used.job()).await.unwrap() else {
        panic!("mypy answers");
    };
    assert_eq!(findings.len(), 1);
    assert_eq!(
        (
            findings[0].path.as_str(),
            findings[0].line,
            findings[0].column
        ),
        ("src/sample/__init__.py", 2, 12)
    );
    assert_eq!(findings[0].rule, "return-value");
    assert!(!used.tree.root().join(".mypy_cache").exists());
}

#[tokio::test]
async fn coverage_counts_the_lines_that_tests_reach() {
    let Some(bench) = bench(&[
        MANIFEST,
        MODULE,
        ("src/sample/unused.py", "x = 1\n"),
        (
            "tests/test_a.py",
            "import sample\n\ndef test_a():\n    assert sample.one() == 1\n",
        ),
    ]) else {
        return;
    };
    let Outcome::Measured(coverage) = Python.coverage(&bench.job()).await.unwrap() else {
        panic!("coverage answers");
    };
    assert_eq!((coverage.lines, coverage.covered), (5, 3));
    assert_eq!(
        coverage.reached[camino::Utf8Path::new("src/sample/__init__.py")],
        [1, 2, 5]
    );
    assert_eq!(
        bench.tree.files().len(),
        4,
        "the run left something in the tree"
    );
}

#[tokio::test]
async fn both_formatters_touch_only_what_they_may() {
    for (tool, section) in [
        ("ruff", "[tool.ruff.format]\n"),
        ("black", "[tool.black]\n"),
    ] {
        let manifest = format!("{}{section}", MANIFEST.1);
        let Some(bench) = bench(&[
            ("pyproject.toml", &manifest),
            ("a.py", "x = {  'a':1 }\n"),
            ("b.py", "x = {  'a':1 }\n"),
        ]) else {
            return;
        };
        assert_eq!(bench.project.uses[&Purpose::Format], tool);
        let Outcome::Measured(files) = Python.unformatted(&bench.job()).await.unwrap() else {
            panic!("{tool} answers");
        };
        assert_eq!(files, ["a.py", "b.py"]);
        let allowed = |path: &camino::Utf8Path| path == "a.py";
        let outcome = Python.format(&bench.job(), &allowed).await.unwrap();
        assert_eq!(outcome, Outcome::Measured(1));
        assert_eq!(bench.tree.read("a.py"), "x = {\"a\": 1}\n");
        assert_eq!(bench.tree.read("b.py"), "x = {  'a':1 }\n");
    }
}

#[test]
fn modules_with_tests_are_a_project_without_any_manifest() {
    let tree = Tree::new(&[("calc.py", ""), ("test_calc.py", ""), ("notes.txt", "")]);
    let (projects, _) = Python.detect(tree.root(), &tree.files(), &Commands::default());
    assert_eq!(projects.len(), 1);
    assert!(projects[0].manifests.is_empty());
    let tree = Tree::new(&[("script.py", "")]);
    assert!(
        Python
            .detect(tree.root(), &tree.files(), &Commands::default())
            .0
            .is_empty()
    );
}

#[tokio::test]
async fn a_requirement_that_nothing_mentions_is_found_and_removed() {
    let manifest = "[project]\nname = \"sample\"\nversion = \"1\"\ndependencies = [\n    \"spare-part>=1\",\n    \"used\",\n    \"told\",\n    \"runs\",\n    \"inner\",\n    \"absent\",\n]\n";
    let bench = bare_bench(&[
        ("pyproject.toml", manifest),
        ("sample.py", "import used_module\n"),
        ("README.md", "It works better with told.\n"),
    ]);
    // Distributions beside the program that asks are installed ones to the interpreter.
    let build = bench.job().build.to_owned();
    let install = |name: &str, requires: &str, files: &str, entries: &str| {
        let info = build.join(format!("{name}-1.0.dist-info"));
        std::fs::create_dir_all(&info).unwrap();
        let metadata = format!("Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{requires}");
        std::fs::write(info.join("METADATA"), metadata).unwrap();
        std::fs::write(info.join("RECORD"), files).unwrap();
        std::fs::write(info.join("entry_points.txt"), entries).unwrap();
    };
    install("spare_part", "", "sparepart/__init__.py,,\n", "");
    install(
        "used",
        "Requires-Dist: inner ; extra == 'x'\n",
        "used_module.py,,\n",
        "",
    );
    install("told", "", "told_of.py,,\n", "");
    install(
        "runs",
        "",
        "runs_it.py,,\n",
        "[console_scripts]\nruns = runs_it:main\n",
    );
    install("inner", "", "inner_part.py,,\n", "");
    let found = super::unused::findings(&bench.job()).await.unwrap();
    let found: Vec<(u32, &str, bool)> = found
        .iter()
        .map(|it| (it.line, it.message.as_str(), it.fixable))
        .collect();
    let message = "nothing in the project mentions the dependency `spare-part`";
    assert_eq!(found, [(5, message, true)]);
    let rule = LintRule {
        tool: "python".to_owned(),
        rule: "unused-dependency".to_owned(),
    };
    let kept = Python.fix(&bench.job(), &rule, &|_| false).await.unwrap();
    assert_eq!(kept, Outcome::Measured(0));
    let fixed = Python.fix(&bench.job(), &rule, &|_| true).await.unwrap();
    assert_eq!(fixed, Outcome::Measured(1));
    let shorter = manifest.replace("    \"spare-part>=1\",\n", "");
    assert_eq!(bench.tree.read("pyproject.toml"), shorter);
    bench.tree.write("pyproject.toml", manifest);
    bench.tree.write("uv.lock", "");
    let found = super::unused::findings(&bench.job()).await.unwrap();
    assert!(!found[0].fixable, "the lock file would be out of step");
}
