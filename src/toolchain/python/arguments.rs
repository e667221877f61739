//! The arguments with which a project itself starts pytest, as far as they choose which tests run.

use camino::Utf8Path;

use super::metadata::section;
use crate::model::profile::OwnCommand;
use crate::toolchain::detect::read_small;
use crate::toolchain::{Job, own_commands};

/// Options that choose tests, and take a value of their own.
const VALUED: &[&str] = &[
    "-m",
    "-k",
    "--ignore",
    "--ignore-glob",
    "--deselect",
    "--doctest-glob",
];
/// Options that choose tests, and take none.
const PLAIN: &[&str] = &["--doctest-modules", "--pyargs"];

/// Returns what is added to pytest's arguments; nothing where its configuration says it, or a person.
pub(super) fn chosen(job: &Job<'_>) -> Vec<String> {
    let dir = job.dir();
    if !job.test_args().is_empty() || says_where(&dir) {
        return Vec::new();
    }
    let commands = own_commands(job.tree, &job.project.root);
    commands
        .iter()
        .find_map(|it| of_command(it, &dir))
        .unwrap_or_default()
}

/// The configuration of pytest may say itself where the tests are.
fn says_where(dir: &Utf8Path) -> bool {
    let read = |name: &str| read_small(&dir.join(name)).unwrap_or_default();
    let says = |text: &str| {
        text.lines()
            .any(|it| it.trim_start().starts_with("testpaths"))
    };
    says(section(&read("pyproject.toml"), "tool.pytest.ini_options"))
        || says(section(&read("pyproject.toml"), "tool.pytest"))
        || says(section(&read("setup.cfg"), "tool:pytest"))
        || says(section(&read("tox.ini"), "pytest"))
        || says(&read("pytest.ini"))
}

/// Returns what a command that starts pytest chooses; `None` if it starts something else.
fn of_command(command: &OwnCommand, dir: &Utf8Path) -> Option<Vec<String>> {
    let words = shell_words::split(&command.line).ok()?;
    let at = words
        .iter()
        .position(|it| matches!(it.rsplit('/').next(), Some("pytest" | "py.test")))?;
    let mut chosen = Vec::new();
    let mut rest = words[at + 1..].iter().peekable();
    while let Some(word) = rest.next() {
        let is_open = word.contains(['{', '$', '<', '|', ';', '&']);
        if is_open {
            continue;
        }
        let name = word.split('=').next().unwrap_or(word);
        if VALUED.contains(&name) {
            let value = if word.contains('=') {
                None
            } else {
                rest.next()
            };
            if value.is_none_or(|it| !it.contains(['{', '$'])) {
                chosen.push(word.clone());
                chosen.extend(value.cloned());
            }
        } else if PLAIN.contains(&word.as_str()) || is_inside(word, dir) {
            chosen.push(word.clone());
        }
    }
    // A single file or test is somebody's shortcut, and benchmarks are not the suite.
    let is_shortcut = command.line.contains("bench") || chosen.iter().any(|it| it.contains("::"));
    (!is_shortcut).then_some(chosen)
}

fn is_inside(word: &str, dir: &Utf8Path) -> bool {
    let path = Utf8Path::new(word);
    let is_plain = !word.starts_with('-') && path.is_relative() && !word.contains("..");
    is_plain && word != "." && dir.join(path).is_dir()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::toolchain::testing::Tree;

    fn of(line: &str) -> Option<String> {
        let tree = Tree::new(&[("tests/unit/test_a.py", ""), ("src/a.py", "")]);
        let command = OwnCommand {
            source: "tox.ini".into(),
            line: line.to_owned(),
        };
        of_command(&command, tree.root()).map(|it| it.join(" "))
    }

    #[test]
    fn what_chooses_tests_is_taken_and_what_reports_is_not() {
        let told = of("python -m pytest -v --cov=a -n auto tests/unit -m 'not slow' {posargs}");
        assert_eq!(told.as_deref(), Some("tests/unit -m not slow"));
        let told = of("coverage run -m pytest --doctest-modules src --ignore=tests/unit");
        assert_eq!(
            told.as_deref(),
            Some("--doctest-modules src --ignore=tests/unit")
        );
        assert_eq!(of("pytest {posargs}").as_deref(), Some(""));
    }

    #[test]
    fn a_shortcut_and_another_program_choose_nothing() {
        assert_eq!(of("pytest tests/unit/test_a.py"), Some(String::new()));
        assert_eq!(
            of("pytest tests/unit --deselect tests/unit/test_a.py::test_b"),
            None
        );
        assert_eq!(of("ruff check src"), None);
    }
}
