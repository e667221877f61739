//! Python projects of a tree, and the tools for them.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};

use super::interpreter::Interpreter;
use super::needs::tests_import_pytest;
use crate::config::Commands;
use crate::model::profile::{LanguageName, Project, Purpose, Tool};
use crate::process::find_program;
use crate::toolchain::catalogue::{PYTHON, command};
use crate::toolchain::detect::{project_roots, read_small};

const MANIFESTS: &[&str] = &["pyproject.toml", "setup.py", "setup.cfg"];
/// Files beside a manifest that say what a project depends on or how it is checked.
const COMPANIONS: &[&str] = &[
    "uv.lock",
    "poetry.lock",
    "pdm.lock",
    "Pipfile",
    "Pipfile.lock",
    "requirements.txt",
    "tox.ini",
    "tox.toml",
    "noxfile.py",
];

/// Returns the packages, and the tools, found or not.
pub(super) fn detect(
    root: &Utf8Path,
    files: &[Utf8PathBuf],
    commands: &Commands,
) -> (Vec<Project>, Vec<Tool>) {
    let roots = roots(root, files);
    if roots.is_empty() {
        return (Vec::new(), Vec::new());
    }
    let tools = tools(root, commands);
    let projects = roots
        .into_iter()
        .map(|it| project(root, files, it, &tools))
        .collect();
    (projects, tools)
}

/// Folders with a manifest and Python beside it; else the root, if it has modules and tests.
fn roots(root: &Utf8Path, files: &[Utf8PathBuf]) -> Vec<Utf8PathBuf> {
    let is_python = |it: &&Utf8PathBuf| it.extension() == Some("py");
    let roots: Vec<Utf8PathBuf> = project_roots(files, |it| MANIFESTS.contains(&it))
        .into_iter()
        .filter(|dir| describes_a_package(root, dir))
        .filter(|dir| {
            let sources = files.iter().filter(is_python);
            sources
                .filter(|it| it.starts_with(dir))
                .any(|it| it.file_name() != Some("setup.py"))
                || dir.join("setup.py").exists()
                || root.join(dir).join("pyproject.toml").exists()
        })
        .map(Utf8Path::to_owned)
        .collect();
    if !roots.is_empty() {
        return roots;
    }
    let has_tests = files.iter().filter(is_python).any(|it| is_test(it));
    let has_modules = files.iter().filter(is_python).any(|it| !is_test(it));
    if has_tests && has_modules {
        return vec![Utf8PathBuf::new()];
    }
    Vec::new()
}

/// A `setup.cfg` or `pyproject.toml` that only configures tools of another language describes none.
fn describes_a_package(root: &Utf8Path, dir: &Utf8Path) -> bool {
    let read = |name: &str| read_small(&root.join(dir).join(name));
    root.join(dir).join("setup.py").exists()
        || read("setup.cfg").is_some_and(|it| it.contains("[metadata]") || it.contains("[options]"))
        || read("pyproject.toml").is_some_and(|it| {
            it.contains("[project]")
                || it.contains("[tool.poetry]")
                || it.contains("[build-system]")
        })
}

fn is_test(path: &Utf8Path) -> bool {
    let name = path.file_name().unwrap_or_default();
    name.starts_with("test_") || name.ends_with("_test.py") || path.starts_with("tests")
}

/// The texts in which a project says how it is checked.
struct Words {
    pyproject: String,
    setup: String,
    checks: String,
    names: Vec<String>,
}

impl Words {
    fn read(root: &Utf8Path, dir: &Utf8Path) -> Self {
        let read = |name: &str| read_small(&root.join(dir).join(name)).unwrap_or_default();
        let at_root = |name: &str| read_small(&root.join(name)).unwrap_or_default();
        let configurations = ["mypy.ini", ".mypy.ini", "pyrightconfig.json"];
        Self {
            pyproject: read("pyproject.toml"),
            setup: read("setup.cfg"),
            checks: [
                at_root(".pre-commit-config.yaml"),
                read("tox.ini"),
                read("noxfile.py"),
                at_root("Makefile"),
                at_root("justfile"),
            ]
            .concat(),
            names: configurations
                .iter()
                .filter(|it| root.join(dir).join(it).exists())
                .map(|it| (*it).to_owned())
                .collect(),
        }
    }

    fn uses_mypy(&self) -> bool {
        self.names.iter().any(|it| it.ends_with("mypy.ini"))
            || self.pyproject.contains("[tool.mypy]")
            || self.setup.contains("[mypy]")
            || self.checks.contains("mypy")
    }

    fn uses_pyright(&self) -> bool {
        self.names.iter().any(|it| it == "pyrightconfig.json")
            || self.pyproject.contains("[tool.pyright]")
            || self.checks.contains("pyright")
    }

    /// Only a formatter that the project itself names.
    fn formatter(&self) -> Option<&'static str> {
        let runs_ruff = ["ruff-format", "ruff format"]
            .iter()
            .any(|it| self.checks.contains(it));
        if self.pyproject.contains("[tool.ruff.format]") || runs_ruff {
            return Some("ruff");
        }
        let runs_black = ["id: black", "black .", "black --check", "psf/black"]
            .iter()
            .any(|it| self.checks.contains(it));
        (self.pyproject.contains("[tool.black]") || runs_black).then_some("black")
    }
}

fn project(root: &Utf8Path, files: &[Utf8PathBuf], dir: Utf8PathBuf, tools: &[Tool]) -> Project {
    let is_found = |name: &&str| {
        tools
            .iter()
            .any(|it| it.name == **name && it.command.is_some())
    };
    let words = Words::read(root, &dir);
    let mut uses = BTreeMap::new();
    let mut choose = |purpose, name: Option<&str>| {
        if let Some(name) = name.filter(|it| is_found(it)) {
            uses.insert(purpose, name.to_owned());
        }
    };
    choose(Purpose::Build, Some("python"));
    let runners: &[&str] = if tests_import_pytest(&root.join(&dir)) {
        &["pytest"]
    } else {
        &["pytest", "unittest"]
    };
    choose(Purpose::Test, runners.iter().copied().find(is_found));
    choose(Purpose::Lint, Some("ruff"));
    if words.uses_mypy() {
        choose(Purpose::Types, Some("mypy"));
    } else if words.uses_pyright() {
        choose(Purpose::Types, Some("pyright"));
    }
    choose(Purpose::Coverage, Some("coverage"));
    choose(Purpose::Format, words.formatter());
    let named = |it: &&Utf8PathBuf| {
        it.parent() == Some(&dir)
            && it
                .file_name()
                .is_some_and(|name| MANIFESTS.contains(&name) || COMPANIONS.contains(&name))
    };
    Project {
        language: LanguageName::Python,
        manifests: files.iter().filter(named).cloned().collect(),
        root: dir,
        uses,
    }
}

fn tools(root: &Utf8Path, commands: &Commands) -> Vec<Tool> {
    let interpreter = Interpreter::find(root, commands);
    let module = |name: &str| {
        let it = interpreter.as_ref().filter(|it| it.has(name))?;
        Some(command(&it.path, &["-m", name]))
    };
    let program = |name: &str| {
        let beside = interpreter.as_ref().and_then(|it| it.beside(name));
        let at_root = || [".venv", "venv"].map(|it| root.join(it).join("bin").join(name));
        beside
            .or_else(|| at_root().into_iter().find(|it| it.exists()))
            .or_else(|| find_program(name).filter(|it| !it.as_str().contains("/shims/")))
            .map(|it| command(&it, &[]))
    };
    let python = interpreter.as_ref().map(|it| command(&it.path, &[]));
    let found = [
        ("python", python.clone()),
        ("pytest", module("pytest")),
        ("unittest", python),
        ("ruff", program("ruff").or_else(|| module("ruff"))),
        ("mypy", module("mypy").or_else(|| program("mypy"))),
        ("pyright", program("pyright")),
        ("coverage", module("coverage")),
        ("black", module("black").or_else(|| program("black"))),
    ];
    found
        .into_iter()
        .map(|(name, command)| PYTHON.tool(name, command))
        .collect()
}
