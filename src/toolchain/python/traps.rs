//! What a naive run of a suite gets wrong, on a fixture for each.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use camino::{Utf8Path, Utf8PathBuf};

use super::Python;
use crate::config::Commands;
use crate::model::finding::{SuiteState, TestOutcome};
use crate::model::profile::LanguageName;
use crate::toolchain::testing::{Bench, Tree, python_tools};
use crate::toolchain::{Adapter as _, Environment, Origin, Place, Suite};

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
