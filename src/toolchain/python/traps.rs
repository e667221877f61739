//! What a naive run of a suite gets wrong, on a fixture for each.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use camino::{Utf8Path, Utf8PathBuf};

use super::Python;
use crate::config::Commands;
use crate::model::finding::{SuiteState, TestOutcome};
use crate::model::hypothesis::LintRule;
use crate::model::profile::LanguageName;
use crate::toolchain::testing::{Bench, Tree, python_tools};
use crate::toolchain::{Adapter as _, Environment, Origin, Outcome, Place, Suite};

/// Another checkout of the package, and an environment in which it is installed editable.
struct Installed {
    _dir: tempfile::TempDir,
    environment: Utf8PathBuf,
    site: Utf8PathBuf,
    checkout: Utf8PathBuf,
}

impl Installed {
    fn new(tools: &Commands) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = Utf8PathBuf::from_path_buf(dir.path().canonicalize().unwrap()).unwrap();
        let tools = Utf8Path::new(tools.python.as_deref().unwrap());
        let environment = root.join("environment");
        let made = Command::new(tools)
            .args(["-m", "venv", "--without-pip", environment.as_str()])
            .status();
        assert!(made.unwrap().success());
        let site = site_of(&environment);
        let theirs = site_of(tools.parent().unwrap().parent().unwrap());
        std::fs::write(site.join("tools.pth"), theirs.as_str()).unwrap();
        let checkout = root.join("checkout");
        let package = checkout.join("sample");
        std::fs::create_dir_all(&package).unwrap();
        std::fs::write(
            package.join("__init__.py"),
            "def value():\n    return 'copy'\n",
        )
        .unwrap();
        std::fs::write(package.join("__main__.py"), "print('copy')\n").unwrap();
        let program = environment.join("bin/sample-value");
        std::fs::write(&program, "#!/bin/sh\necho copy\n").unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        Self {
            _dir: dir,
            environment,
            site,
            checkout,
        }
    }

    fn commands(&self) -> Commands {
        Commands {
            python: Some(self.environment.join("bin/python").into_string()),
            ..Commands::default()
        }
    }
}

fn site_of(environment: &Utf8Path) -> Utf8PathBuf {
    let mut folders = environment.join("lib").read_dir_utf8().unwrap();
    folders
        .next()
        .unwrap()
        .unwrap()
        .path()
        .join("site-packages")
}

async fn run(name: &str, commands: Commands) -> Suite {
    let bench = Bench::on(LanguageName::Python, Tree::of_fixture(name), commands);
    Python.test(&bench.job(), None).await.unwrap()
}

fn assert_of_the_tree(suite: &Suite) {
    assert_eq!(suite.run.state, SuiteState::Completed);
    assert_eq!(
        suite.run.count(TestOutcome::Passed),
        4,
        "{:?}",
        suite.reasons
    );
    assert_eq!(suite.origin, Origin::Tree);
}

#[tokio::test]
async fn an_installed_copy_behind_a_pth_file_is_kept_out() {
    let Some(tools) = python_tools() else { return };
    let installed = Installed::new(&tools);
    std::fs::write(
        installed.site.join("sample.pth"),
        installed.checkout.as_str(),
    )
    .unwrap();
    assert_of_the_tree(&run("installed_copy", installed.commands()).await);
}

#[tokio::test]
async fn an_installed_copy_behind_a_finder_that_comes_first_is_kept_out() {
    let Some(tools) = python_tools() else { return };
    let installed = Installed::new(&tools);
    let finder = format!(
        "import sys\nfrom importlib.machinery import PathFinder\n\nclass Finder:\n    @staticmethod\n    def find_spec(name, path=None, target=None):\n        \
         if name.split('.')[0] == 'sample':\n            return PathFinder.find_spec(name, path or ['{}'])\n\nsys.meta_path.insert(0, Finder)\n",
        installed.checkout
    );
    std::fs::write(installed.site.join("sample_finder.py"), finder).unwrap();
    std::fs::write(installed.site.join("sample.pth"), "import sample_finder\n").unwrap();
    assert_of_the_tree(&run("installed_copy", installed.commands()).await);
}

#[tokio::test]
async fn an_installed_copy_that_only_a_child_process_imports_is_seen() {
    let Some(tools) = python_tools() else { return };
    let installed = Installed::new(&tools);
    let tree = Tree::of_fixture("installed_copy");
    let test = format!(
        "import subprocess, sys\n\ndef test_it():\n    code = 'import sys; sys.path.insert(0, {:?}); import sample'\n    subprocess.run([sys.executable, '-c', code], check=True)\n",
        installed.checkout
    );
    tree.write("tests/test_value.py", &test.replace('"', "\\\""));
    let bench = Bench::on(LanguageName::Python, tree, installed.commands());
    let suite = Python.test(&bench.job(), None).await.unwrap();
    assert!(
        matches!(suite.origin, Origin::Elsewhere(ref it) if it.contains("checkout")),
        "{:?} {:?}",
        suite.origin,
        suite.reasons
    );
}

#[tokio::test]
async fn unstable_ids_are_the_same_in_two_runs_and_in_any_order() {
    let Some(tools) = python_tools() else { return };
    let first = run("unstable_ids", tools.clone()).await;
    let ids =
        |suite: &Suite| -> Vec<String> { suite.run.cases.iter().map(|it| it.id.clone()).collect() };
    assert_eq!(
        first.run.state,
        SuiteState::Completed,
        "{:?}",
        first.run.state
    );
    assert_eq!(first.run.count(TestOutcome::Failed), 1);
    assert_eq!(first.run.count(TestOutcome::Passed), 11);
    assert!(
        ids(&first)
            .iter()
            .any(|it| it.ends_with("test_value[2001-02-03]"))
    );
    let second = run("unstable_ids", tools.clone()).await;
    assert_eq!(ids(&first), ids(&second));
    let in_order = Commands {
        test_args: [(
            "python".to_owned(),
            ["-p", "no:randomly"].map(str::to_owned).to_vec(),
        )]
        .into(),
        ..tools
    };
    assert_eq!(ids(&first), ids(&run("unstable_ids", in_order).await));
}

#[tokio::test]
async fn workers_report_the_same_ids_as_one_process() {
    let Some(tools) = python_tools() else { return };
    let alone = run("installed_copy", tools.clone()).await;
    let workers = Commands {
        test_args: [("python".to_owned(), vec!["-n2".to_owned()])].into(),
        ..tools
    };
    let shared = run("installed_copy", workers).await;
    assert_eq!(shared.run.state, SuiteState::Completed);
    let ids =
        |suite: &Suite| -> Vec<String> { suite.run.cases.iter().map(|it| it.id.clone()).collect() };
    assert_eq!(ids(&alone), ids(&shared));
    assert_eq!(shared.origin, Origin::Tree);
}

#[tokio::test]
async fn an_environment_that_has_what_the_tests_need_is_left_as_it_is() {
    let Some(tools) = python_tools() else { return };
    let tree = Tree::new(&[
        (
            "pyproject.toml",
            "[project]\nname = \"a\"\ndependencies = [\"pluggy>=1\"]\n[dependency-groups]\ntest = [\"pytest>=8\", \"absent; python_version < '3'\"]\n",
        ),
        ("a.py", ""),
    ]);
    let cache = tree.outside("cache");
    let bench = Bench::on(LanguageName::Python, tree, tools);
    let place = Place {
        checkout: bench.tree.root(),
        cache: &cache,
    };
    let environment = Python.environment(&bench.job(), &place).await.unwrap();
    assert_eq!(environment, Environment::default());
    bench.tree.write(
        "pyproject.toml",
        "[project]\nname = \"a\"\ndependencies = [\"no-such-package-at-all>=1\"]\n",
    );
    let environment = Python.environment(&bench.job(), &place).await.unwrap();
    assert_eq!(
        environment.python, None,
        "a person's own choice is respected"
    );
    assert!(
        environment.notes[0].contains("lacks no-such-package-at-all"),
        "{environment:?}"
    );
    assert!(!cache.exists());
}

#[tokio::test]
async fn another_environment_of_the_checkout_that_has_it_all_is_used() {
    let Some(tools) = python_tools() else { return };
    let installed = Installed::new(&tools);
    let tree = Tree::new(&[
        (
            "pyproject.toml",
            "[project]\nname = \"a\"\n[dependency-groups]\ntest = [\"pytest\", \"only-there\"]\n",
        ),
        ("a.py", ""),
        (".venv/bin/python", ""),
    ]);
    let information = installed.site.join("only_there-1.dist-info");
    std::fs::create_dir_all(&information).unwrap();
    std::fs::write(
        information.join("METADATA"),
        "Metadata-Version: 2.1\nName: only-there\nVersion: 1\n",
    )
    .unwrap();
    let python = std::fs::read_link(installed.environment.join("bin/python")).unwrap();
    for name in [".venv/bin/python", ".tox/py3/bin/python"] {
        let path = tree.root().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let _absent = std::fs::remove_file(&path);
        let target = if name.starts_with(".venv") {
            python.clone()
        } else {
            installed.environment.join("bin/python").into()
        };
        std::os::unix::fs::symlink(target, &path).unwrap();
    }
    let folder = installed.environment.join("pyvenv.cfg");
    std::fs::copy(folder, tree.root().join(".tox/py3/pyvenv.cfg")).unwrap();
    let library = tree.root().join(".tox/py3/lib");
    std::os::unix::fs::symlink(installed.environment.join("lib"), library).unwrap();
    let cache = tree.outside("cache");
    let bench = Bench::on(LanguageName::Python, tree, Commands::default());
    let place = Place {
        checkout: bench.tree.root(),
        cache: &cache,
    };
    let environment = Python.environment(&bench.job(), &place).await.unwrap();
    let expected = bench.tree.root().join(".tox/py3/bin/python");
    assert_eq!(
        environment.python,
        Some(expected),
        "{:?}",
        environment.notes
    );
}

#[tokio::test]
async fn an_extension_module_is_built_into_the_tree_and_again_when_its_source_changes() {
    let Some(tools) = python_tools() else { return };
    let source = |value: u8| {
        format!(
            "#include <Python.h>\nstatic struct PyModuleDef m = {{PyModuleDef_HEAD_INIT, \"_fast\", 0, -1, 0}};\n\
                 PyMODINIT_FUNC PyInit__fast(void) {{ PyObject *it = PyModule_Create(&m); PyModule_AddIntConstant(it, \"VALUE\", {value}); return it; }}\n"
        )
    };
    let test = "from pkg import _fast\n\ndef test_value():\n    assert _fast.VALUE == 1\n";
    let setup = "from setuptools import Extension, setup\nsetup(name='pkg', ext_modules=[Extension('pkg._fast', ['pkg/fast.c'])])\n";
    let tree = Tree::new(&[
        ("setup.py", setup),
        ("pkg/__init__.py", ""),
        ("pkg/fast.c", &source(1)),
        ("tests/test_a.py", test),
    ]);
    let bench = Bench::on(LanguageName::Python, tree, tools);
    let suite = Python.test(&bench.job(), None).await.unwrap();
    if let SuiteState::DoesNotBuild(why) = &suite.run.state {
        // Without a compiler or headers there is nothing to see, and it says so.
        assert!(why.contains("building the extension modules"), "{why}");
        return;
    }
    assert_eq!(
        suite.run.count(TestOutcome::Passed),
        1,
        "{:?}",
        suite.reasons
    );
    bench.tree.write("pkg/fast.c", &source(2));
    let suite = Python.test(&bench.job(), None).await.unwrap();
    assert_eq!(suite.run.count(TestOutcome::Failed), 1);
}

/// Runs a command of the project's own the way that the harness does.
fn command(bench: &Bench, code: &str) -> String {
    let job = bench.job();
    let python = job.tool("python").unwrap();
    let run = Command::new(&python[0])
        .args(["-c", code])
        .envs(Python.variables(&job).unwrap())
        .current_dir(job.tree)
        .output();
    let output = run.unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn a_benchmark_runs_the_tree_and_not_an_installed_copy() {
    let Some(tools) = python_tools() else { return };
    let installed = Installed::new(&tools);
    let path = installed.checkout.as_str();
    std::fs::write(installed.site.join("sample.pth"), path).unwrap();
    let files = [
        (
            "pyproject.toml",
            "[project]\nname = \"sample\"\nversion = \"1.5\"\n",
        ),
        (
            "src/sample/__init__.py",
            "def value():\n    return 'tree'\n",
        ),
    ];
    let bench = Bench::new(LanguageName::Python, &files, installed.commands());
    assert_eq!(
        command(&bench, "import sample; print(sample.value())"),
        "tree"
    );
    let version = "from importlib.metadata import version as v; print(v('sample'))";
    assert_eq!(command(&bench, version), "1.5");
    bench.tree.write(
        "src/sample/__init__.py",
        "def value():\n    return 'edit'\n",
    );
    assert_eq!(
        command(&bench, "import sample; print(sample.value())"),
        "edit"
    );
}

/// Stands for a backend that compiles: what its module says is what a source file said when it was built.
const BACKEND: &str = r#"
import os
import zipfile


def build_wheel(folder, settings=None):
    build = settings["build-dir"]
    os.makedirs(build, exist_ok=True)
    os.makedirs(".log", exist_ok=True)
    with open(".log/built", "a") as log:
        log.write("once\n")
    with open("source.c") as source, zipfile.ZipFile(os.path.join(folder, "a-1.whl"), "w") as wheel:
        text = source.read().strip()
        wheel.writestr("sample/_built.so", text)
        wheel.writestr("sample/_version.py", "version = %r" % text)
        wheel.writestr("sample/__init__.py", "the tree has this")
        wheel.writestr("a-1.dist-info/METADATA", "Name: a")
    return "a-1.whl"
"#;

#[tokio::test]
async fn a_module_that_is_built_is_of_the_sources_as_they_are() {
    let Some(tools) = python_tools() else { return };
    let files = [
        (
            "pyproject.toml",
            "[build-system]\nbuild-backend = \"mesonpy\"\nbackend-path = [\"backend\"]\n[project]\nname = \"a\"\n",
        ),
        ("backend/mesonpy.py", BACKEND),
        ("src/sample/__init__.py", ""),
        ("source.c", "one\n"),
    ];
    let bench = Bench::new(LanguageName::Python, &files, tools);
    let build = async || Python.build(&bench.job()).await.unwrap().unwrap();
    build().await;
    assert_eq!(bench.tree.read("src/sample/_built.so"), "one");
    assert_eq!(bench.tree.read("src/sample/__init__.py"), "");
    bench.tree.write("source.c", "two\n");
    build().await;
    assert_eq!(bench.tree.read("src/sample/_built.so"), "two");
    assert_eq!(bench.tree.read("src/sample/_version.py"), "version = 'two'");
    // A tree that is laid out anew, with the same sources, gets what was built from them.
    std::fs::remove_file(bench.tree.root().join("src/sample/_built.so")).unwrap();
    let n_builds = bench.tree.read(".log/built").lines().count();
    build().await;
    assert_eq!(bench.tree.read("src/sample/_built.so"), "two");
    assert_eq!(bench.tree.read(".log/built").lines().count(), n_builds);
    bench.tree.write(
        "backend/mesonpy.py",
        "def build_wheel(folder, settings):\n    raise OSError('no compiler')\n",
    );
    let broken = Python.build(&bench.job()).await.unwrap().unwrap_err();
    assert!(broken.contains("no compiler"), "{broken}");
}

#[tokio::test]
async fn an_unused_import_is_told_and_removed_without_a_linter() {
    let Some(tools) = python_tools() else { return };
    let files = [
        ("pyproject.toml", "[project]\nname = \"a\"\n"),
        (
            "src/sample/shapes.py",
            "import os\nimport math\n\nPI = math.pi\n",
        ),
        ("tests/test_a.py", "import json\n"),
    ];
    let mut bench = Bench::new(LanguageName::Python, &files, tools);
    bench.tools.retain(|it| it.name != "ruff");
    let Outcome::Measured(found) = Python.lint(&bench.job()).await.unwrap() else {
        panic!("not measured");
    };
    let told: Vec<String> = found
        .iter()
        .map(|it| format!("{} {}", it.path, it.message))
        .collect();
    assert_eq!(
        told,
        [
            "src/sample/shapes.py `os` is imported and not used",
            "tests/test_a.py `json` is imported and not used",
        ]
    );
    let rule = LintRule {
        tool: found[0].tool.clone(),
        rule: found[0].rule.clone(),
    };
    let may_touch = |it: &Utf8Path| it.starts_with("src");
    let fixed = Python.fix(&bench.job(), &rule, &may_touch).await.unwrap();
    assert_eq!(fixed, Outcome::Measured(1));
    assert_eq!(
        bench.tree.read("src/sample/shapes.py"),
        "import math\n\nPI = math.pi\n"
    );
    assert_eq!(bench.tree.read("tests/test_a.py"), "import json\n");
}
