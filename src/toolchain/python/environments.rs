//! What the environments of hatch, tox and nox install for the tests.

use std::sync::LazyLock;

use regex::Regex;
use toml::{Table, Value};

use super::declared::pattern;
use super::layout::dig;

/// Names of hatch's environments for those who run the tests, the closest fit first.
const HATCH: &[&str] = &["test", "tests", "testing", "hatch-test", "dev"];

static SESSION: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?m)^def +\w+\("));
static INSTALL: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"\.install\(\s*((?:[^()]|\([^()]*\))*)\)"));
static QUOTED: LazyLock<Regex> = LazyLock::new(|| pattern(r#"["']([^"']*)["']"#));

/// Returns what hatch's environment for the tests adds; any other inherits from `default`.
pub(super) fn hatch(document: &Value) -> Option<(Vec<String>, String)> {
    let environments = dig(document, &["tool", "hatch", "envs"])?.as_table()?;
    let own = HATCH.iter().find(|it| environments.contains_key(**it));
    let names = ["default"].into_iter().chain(own.copied());
    let mut lines = Vec::new();
    for environment in names.filter_map(|it| environments.get(it)) {
        for key in ["dependencies", "extra-dependencies"] {
            lines.extend(texts(environment.get(key)));
        }
    }
    let name = own.unwrap_or(&"default");
    (!lines.is_empty()).then(|| (lines, format!("hatch's `{name}` environment")))
}

/// Returns what tox installs, as its own TOML says it: in `tox.toml`, or below `[tool.tox]`.
pub(super) fn tox(document: &Value, file: &str) -> Option<(Vec<String>, String)> {
    let of = |table: &Value| {
        let lines = texts(dig(table, &["env_run_base", "deps"]));
        (!lines.is_empty()).then_some(lines)
    };
    let own = Value::Table(file.parse::<Table>().unwrap_or_default());
    let in_file = || Some((of(&own)?, "`tox.toml`".to_owned()));
    let in_project = || Some((of(dig(document, &["tool", "tox"])?)?, "tox".to_owned()));
    in_file().or_else(in_project)
}

/// Returns what the sessions of nox that run tests install, in words of pip; options come with what
/// follows them.
pub(super) fn nox(text: &str) -> Option<(Vec<String>, String)> {
    let mut starts: Vec<usize> = SESSION.find_iter(text).map(|it| it.start()).collect();
    starts.push(text.len());
    let sessions = starts.windows(2).map(|it| &text[it[0]..it[1]]);
    let runs_tests = |it: &&str| it.contains("pytest") || it.contains("unittest");
    let mut lines: Vec<String> = Vec::new();
    for session in sessions.filter(runs_tests) {
        for call in INSTALL.captures_iter(session) {
            let mut words = QUOTED.captures_iter(&call[1]).map(|it| it[1].to_owned());
            while let Some(word) = words.next() {
                match word.as_str() {
                    "-r" | "-c" | "-e" | "--requirement" | "--constraint" | "--editable" => {
                        lines.push(format!("{word} {}", words.next().unwrap_or_default()));
                    }
                    _ => lines.push(word),
                }
            }
        }
    }
    (!lines.is_empty()).then(|| (lines, "`noxfile.py`".to_owned()))
}

fn texts(value: Option<&Value>) -> Vec<String> {
    let list = value.and_then(Value::as_array).into_iter().flatten();
    list.filter_map(|it| Some(it.as_str()?.to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(text: &str) -> Value {
        Value::Table(text.parse().unwrap())
    }

    #[test]
    fn an_environment_of_hatch_adds_to_the_default_one() {
        let text = "[tool.hatch.envs.default]\ndependencies = [\"pytest>=8\"]\n[tool.hatch.envs.test]\nextra-dependencies = [\"mock\"]\n\
                    [tool.hatch.envs.docs]\ndependencies = [\"mkdocs\"]\n";
        let (lines, source) = hatch(&document(text)).unwrap();
        assert_eq!(lines, ["pytest>=8", "mock"]);
        assert_eq!(source, "hatch's `test` environment");
        assert!(hatch(&document("[tool.hatch.version]\npath = \"a\"\n")).is_none());
    }

    #[test]
    fn tox_says_it_in_a_file_of_its_own_or_in_the_manifest() {
        let text = "[env_run_base]\ndeps = [\"pytest\", \"mock\"]\n";
        let nothing = document("");
        assert_eq!(tox(&nothing, text).unwrap().0, ["pytest", "mock"]);
        let below = document("[tool.tox.env_run_base]\ndeps = [\"pytest\"]\n");
        assert_eq!(tox(&below, "").unwrap().0, ["pytest"]);
        assert!(tox(&nothing, "").is_none());
    }

    #[test]
    fn sessions_of_nox_that_run_tests_tell_what_they_install() {
        let text = "@nox.session\ndef tests(session):\n    session.install('-r', 'requirements/tests.txt')\n    \
                    session.install(\".\", \"mock>=4\",\n        \"pytest[x]\")\n    session.run('pytest')\n\n\
                    @nox.session\ndef lint(session):\n    session.install('ruff')\n";
        assert_eq!(
            nox(text).unwrap().0,
            ["-r requirements/tests.txt", ".", "mock>=4", "pytest[x]"]
        );
    }
}
