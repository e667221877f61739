//! The commands that a project itself runs to test, lint and format: what tox, nox, hatch, make, hooks
//! and CI files say. Files are read as text; nothing is run.

use std::sync::LazyLock;

use camino::{Utf8Path, Utf8PathBuf};
use regex::Regex;
use toml::{Table, Value};

use super::detect::read_small;
use crate::model::profile::OwnCommand;

/// Names of targets, tasks and scripts that check a project.
const CHECKS: &[&str] = &[
    "test", "tests", "unit", "check", "lint", "format", "fmt", "style", "type", "typing", "mypy",
    "cov", "coverage", "bench", "ci",
];
/// Programs that only get things ready; what they do is no check.
const SETUP: &[&str] = &[
    "pip",
    "pip3",
    "python -m pip",
    "python3 -m pip",
    "uv pip",
    "uv sync",
    "apt",
    "apt-get",
    "sudo",
    "git",
    "echo",
    "cd",
    "export",
    "set",
    "curl",
    "wget",
    "mkdir",
    "cp",
    "rm",
    "mv",
    "ls",
    "cat",
    "npm ci",
    "npm install",
    "yarn install",
    "pnpm install",
    "rustup",
    "brew",
    "choco",
    "if",
    "fi",
    "for",
    "done",
    "then",
    "else",
    "source",
    "[",
    "printf",
];

static NOX: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"session\.run\(\s*((?:["'][^"']*["']\s*,?\s*)+)"#).expect("a constant pattern")
});
static QUOTED: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"["']([^"']*)["']"#).expect("a constant pattern"));
static RUN: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^(\s*)(?:- )?run:\s*(.*)$").expect("a constant pattern"));
static HOOK: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?m)^\s*-?\s*id:\s*([\w.-]+)").expect("a constant pattern"));

/// Returns what a sub-project's files run, the most specific first, each command once.
pub fn own_commands(root: &Utf8Path, project: &Utf8Path) -> Vec<OwnCommand> {
    let mut found = Vec::new();
    let read = |name: &str| {
        let path = project.join(name);
        Some((read_small(&root.join(&path))?, path))
    };
    for (name, reader) in [
        ("tox.ini", tox as fn(&str) -> Vec<String>),
        ("setup.cfg", tox),
        ("tox.toml", tox_toml),
        ("noxfile.py", nox),
        ("pyproject.toml", pyproject),
        ("package.json", scripts),
        ("Makefile", targets),
        ("makefile", targets),
        ("GNUmakefile", targets),
        ("justfile", targets),
        ("Justfile", targets),
    ] {
        if let Some((text, path)) = read(name) {
            add(&mut found, &path, reader(&text));
        }
    }
    for path in workflows(root) {
        let text = read_small(&root.join(&path)).unwrap_or_default();
        add(&mut found, &path, steps(&text));
    }
    for name in [".gitlab-ci.yml", ".travis.yml"] {
        let text = read_small(&root.join(name)).unwrap_or_default();
        add(&mut found, Utf8Path::new(name), list_items(&text));
    }
    let hooks = read_small(&root.join(".pre-commit-config.yaml")).unwrap_or_default();
    let ids = HOOK.captures_iter(&hooks).map(|it| it[1].to_owned());
    add(
        &mut found,
        Utf8Path::new(".pre-commit-config.yaml"),
        ids.collect(),
    );
    found
}

fn add(found: &mut Vec<OwnCommand>, source: &Utf8Path, lines: Vec<String>) {
    for line in lines {
        let line = line.trim().trim_start_matches(['@', '-']).trim().to_owned();
        let starts = |it: &str| line == it || line.starts_with(&format!("{it} "));
        let is_check =
            !line.is_empty() && !line.starts_with('#') && !SETUP.iter().any(|it| starts(it));
        if is_check && !found.iter().any(|it| it.line == line) {
            found.push(OwnCommand {
                source: source.to_owned(),
                line,
            });
        }
    }
}

/// Returns the files of a checkout's workflows.
pub(super) fn workflows(root: &Utf8Path) -> Vec<Utf8PathBuf> {
    let folder = Utf8Path::new(".github/workflows");
    let entries = root
        .join(folder)
        .read_dir_utf8()
        .into_iter()
        .flatten()
        .flatten();
    let mut paths: Vec<Utf8PathBuf> = entries.map(|it| folder.join(it.file_name())).collect();
    paths.retain(|it| matches!(it.extension(), Some("yml" | "yaml")));
    paths.sort();
    paths
}

/// The `commands` of each section of an ini file that is an environment of tox.
fn tox(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let (mut in_environment, mut in_commands) = (false, false);
    for line in text.lines() {
        let is_indented = line.starts_with(char::is_whitespace);
        if let Some(name) = line.strip_prefix('[') {
            in_environment = name.starts_with("testenv") || name.starts_with("tox:testenv");
            in_commands = false;
        } else if !is_indented && !line.trim().is_empty() {
            let (key, value) = line.split_once('=').unwrap_or((line, ""));
            in_commands = in_environment && key.trim() == "commands";
            if in_commands {
                lines.push(value.to_owned());
            }
        } else if in_commands {
            match lines.last_mut().filter(|it| it.ends_with('\\')) {
                Some(last) => *last = format!("{}{}", last.trim_end_matches('\\'), line.trim()),
                None => lines.push(line.to_owned()),
            }
        }
    }
    lines
}

fn nox(text: &str) -> Vec<String> {
    let words = |list: &str| {
        let words: Vec<String> = QUOTED
            .captures_iter(list)
            .map(|it| it[1].to_owned())
            .collect();
        words.join(" ")
    };
    NOX.captures_iter(text).map(|it| words(&it[1])).collect()
}

/// Scripts of hatch and pdm, tasks of poe, and environments of tox.
fn pyproject(text: &str) -> Vec<String> {
    let Ok(table) = text.parse::<Table>() else {
        return Vec::new();
    };
    let tool = table.get("tool");
    let at = |path: &[&str]| {
        let first = tool?.get(path[0]);
        path[1..].iter().fold(first, |it, key| it?.get(*key))
    };
    let mut lines = Vec::new();
    let environments = at(&["hatch", "envs"]).and_then(Value::as_table);
    for environment in environments.into_iter().flatten().map(|it| it.1) {
        lines.extend(environment.get("scripts").into_iter().flat_map(commands));
    }
    for path in [
        &["pdm", "scripts"][..],
        &["poe", "tasks"],
        &["taskipy", "tasks"],
    ] {
        lines.extend(at(path).into_iter().flat_map(commands));
    }
    let legacy = at(&["tox", "legacy_tox_ini"]).and_then(Value::as_str);
    lines.extend(legacy.map(tox).unwrap_or_default());
    lines.extend(at(&["tox"]).into_iter().flat_map(tox_tables));
    lines
}

fn tox_toml(text: &str) -> Vec<String> {
    let table = text.parse::<Table>().map(Value::Table);
    table.map(|it| tox_tables(&it)).unwrap_or_default()
}

/// The commands of tox's own tables: of the base of all environments, and of each.
fn tox_tables(table: &Value) -> Vec<String> {
    let own = table.get("env").and_then(Value::as_table);
    let all = table.get("env_run_base").into_iter();
    let all = all.chain(own.into_iter().flatten().map(|it| it.1));
    let commands = all.filter_map(|it| it.get("commands")?.as_array());
    // What is no word is put in by tox: `{ replace = "posargs" }`.
    let line = |words: &Vec<Value>| {
        let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
        words.join(" ")
    };
    commands
        .flatten()
        .filter_map(Value::as_array)
        .map(line)
        .collect()
}

/// The commands of a table of scripts: `name = "line"`, a list of lines, or a table with `cmd`.
fn commands(table: &Value) -> Vec<String> {
    let entries = table.as_table().into_iter().flatten();
    let checks = entries.filter(|(name, _)| is_check(name)).map(|it| it.1);
    checks
        .flat_map(|it| match it {
            Value::String(line) => vec![line.clone()],
            Value::Array(lines) => lines
                .iter()
                .filter_map(|it| Some(it.as_str()?.to_owned()))
                .collect(),
            other => ["cmd", "shell"]
                .iter()
                .filter_map(|key| Some(other.get(key)?.as_str()?.to_owned()))
                .collect(),
        })
        .collect()
}

fn is_check(name: &str) -> bool {
    name.split(['-', '_', ':', '.'])
        .any(|part| CHECKS.contains(&part))
}

fn scripts(text: &str) -> Vec<String> {
    let document: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    let scripts = document.get("scripts").and_then(|it| it.as_object());
    let checks = scripts
        .into_iter()
        .flatten()
        .filter(|(name, _)| is_check(name));
    checks
        .filter_map(|(_, line)| Some(line.as_str()?.to_owned()))
        .collect()
}

/// The recipes of make's and just's targets that are called after a check.
fn targets(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut in_check = false;
    for line in text.lines() {
        if line.starts_with(char::is_whitespace) {
            if in_check {
                lines.push(line.trim().to_owned());
            }
        } else if let Some((name, _)) = line.split_once(':') {
            let name = name.split_whitespace().next().unwrap_or_default();
            in_check = is_check(name.trim_start_matches('@'));
        }
    }
    lines
}

/// The `run` steps of a workflow.
fn steps(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut block: Option<usize> = None;
    for line in text.lines() {
        let indent = line.len() - line.trim_start().len();
        if let Some(found) = RUN.captures(line) {
            block = match found[2].trim() {
                "|" | ">" | "|-" | ">-" | "" => Some(found[1].len()),
                command => {
                    lines.push(command.trim_matches(['"', '\'']).to_owned());
                    None
                }
            };
        } else if let Some(outer) = block.filter(|_| !line.trim().is_empty()) {
            if indent > outer {
                lines.push(line.trim().to_owned());
            } else {
                block = None;
            }
        }
    }
    lines
}

/// The items of `script` lists.
fn list_items(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut in_script = false;
    for line in text.lines() {
        match line.trim().strip_prefix("- ") {
            Some(item) if in_script => lines.push(item.trim_matches(['"', '\'']).to_owned()),
            _ if line.trim().is_empty() => {}
            _ => in_script = line.trim() == "script:",
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::toolchain::testing::Tree;

    fn lines(files: &[(&str, &str)]) -> Vec<String> {
        let tree = Tree::new(files);
        let found = own_commands(tree.root(), Utf8Path::new(""));
        found
            .into_iter()
            .map(|it| format!("{}: {}", it.source, it.line))
            .collect()
    }

    #[test]
    fn tox_and_nox_tell_how_tests_are_run() {
        let ini = "[tox]\nenvlist = py\n[testenv]\ndeps = pytest\ncommands =\n    pip install .\n    pytest -x tests \\\n      --strict\n[testenv:lint]\ncommands = ruff check src\n";
        assert_eq!(
            lines(&[("tox.ini", ini)]),
            [
                "tox.ini: pytest -x tests --strict",
                "tox.ini: ruff check src"
            ]
        );
        let file = "@nox.session\ndef tests(session):\n    session.install('.')\n    session.run('pytest', \"-q\", *session.posargs)\n";
        assert_eq!(lines(&[("noxfile.py", file)]), ["noxfile.py: pytest -q"]);
    }

    #[test]
    fn tox_in_its_own_toml_tells_as_much() {
        let base = "env_run_base]\ncommands = [[\"pytest\", \"-q\", { replace = \"posargs\" }]]\n";
        let lint = "env.lint]\ncommands = [[\"ruff\", \"check\"]]\n";
        assert_eq!(
            lines(&[("tox.toml", &format!("[{base}[{lint}"))]),
            ["tox.toml: pytest -q", "tox.toml: ruff check"]
        );
        let below = format!("[tool.tox.{base}[tool.tox.{lint}");
        assert_eq!(lines(&[("pyproject.toml", &below)]).len(), 2);
    }

    #[test]
    fn scripts_tasks_and_targets_that_check_are_read() {
        let toml = "[tool.hatch.envs.default.scripts]\ntest = \"pytest {args}\"\ndocs = \"mkdocs\"\n[tool.poe.tasks.lint]\ncmd = \"ruff check\"\n";
        assert_eq!(
            lines(&[("pyproject.toml", toml)]),
            [
                "pyproject.toml: pytest {args}",
                "pyproject.toml: ruff check"
            ]
        );
        let make = ".PHONY: test\nall: build\n\tcc x.c\ntest: all\n\t@python -m pytest tests\n";
        assert_eq!(
            lines(&[("Makefile", make)]),
            ["Makefile: python -m pytest tests"]
        );
        let json = r#"{"scripts": {"test": "vitest run", "build": "tsc"}}"#;
        assert_eq!(
            lines(&[("package.json", json)]),
            ["package.json: vitest run"]
        );
    }

    #[test]
    fn hooks_and_steps_of_ci_are_read_and_installing_is_left_out() {
        let workflow = "jobs:\n  test:\n    steps:\n      - run: pip install tox\n      - run: tox -e py\n      - name: all\n        run: |\n          python -m pip install .\n          pytest -m 'not slow'\n      - uses: x/y\n";
        let hooks = "repos:\n- repo: https://example.org/x\n  hooks:\n  - id: ruff\n  - id: mypy\n";
        assert_eq!(
            lines(&[
                (".github/workflows/ci.yml", workflow),
                (".pre-commit-config.yaml", hooks)
            ]),
            [
                ".github/workflows/ci.yml: tox -e py",
                ".github/workflows/ci.yml: pytest -m 'not slow'",
                ".pre-commit-config.yaml: ruff",
                ".pre-commit-config.yaml: mypy",
            ]
        );
    }
}
