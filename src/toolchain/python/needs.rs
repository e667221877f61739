//! What a project's tests need to have installed, as its files declare it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use camino::{Utf8Path, Utf8PathBuf};
use regex::Regex;
use serde::Deserialize;
use toml::{Table, Value};

use super::declared::pattern;
use super::environments;
use super::layout::dig;
use super::metadata::section;
use crate::toolchain::detect::read_small;

/// Names of extras and groups for those who run the tests, the closest fit first.
const GROUPS: &[&[&str]] = &[
    &["test", "tests", "testing", "pytest", "unit", "unittest"],
    &["dev", "develop", "development", "all"],
];
/// Files of requirements for those who run the tests, the closest fit first.
const FILES: &[&[&str]] = &[
    &[
        "requirements-test.txt",
        "requirements-tests.txt",
        "requirements-testing.txt",
        "requirements_test.txt",
        "requirements_tests.txt",
        "test-requirements.txt",
        "test_requirements.txt",
        "tests-requirements.txt",
        "requirements/test.txt",
        "requirements/tests.txt",
        "requirements/testing.txt",
        "tests/requirements.txt",
        "test/requirements.txt",
    ],
    &[
        "requirements-dev.txt",
        "requirements_dev.txt",
        "dev-requirements.txt",
        "dev_requirements.txt",
        "requirements/dev.txt",
        "requirements/development.txt",
    ],
];
/// How deep files of requirements may include each other.
const DEEPEST: usize = 5;

static HASH: LazyLock<Regex> = LazyLock::new(|| pattern(r"\s*--hash[= ]\S+"));
static ITSELF: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"^(?:-e\s+|--editable[= ])?(?:file:)?\.(?:/|\[.*\])?\s*(?:[;#].*)?$")
});
static PYTEST: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?m)^(?:import|from) +pytest\b"));
static CARET: LazyLock<Regex> = LazyLock::new(|| pattern(r"^[\^~]\s*(\d[\w.]*)$"));

/// What a `setup.py` asks for, as far as it is written out.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Setup {
    install: Vec<String>,
    tests: Vec<String>,
    extras: BTreeMap<String, Vec<String>>,
}

/// Requirements, and where they were found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Needs {
    /// Requirements, a line of pip's each.
    pub(super) lines: Vec<String>,
    /// Where those of the tests stand: `the "test" extra`; empty if nothing says.
    pub(super) source: String,
    /// Names of groups and of extras, for tools that know them.
    pub(super) group: Option<String>,
    pub(super) extra: Option<String>,
}

impl Needs {
    /// Reads what is declared; `setup` is what `setup.py` says.
    pub(super) fn of(dir: &Utf8Path, setup: &Setup) -> Self {
        let read = |name: &str| read_small(&dir.join(name)).unwrap_or_default();
        let document = Value::Table(read("pyproject.toml").parse::<Table>().unwrap_or_default());
        let cfg = read("setup.cfg");
        let mut needs = Self::default();
        needs
            .lines
            .extend(texts(dig(&document, &["project", "dependencies"])));
        needs
            .lines
            .extend(poetry(dig(&document, &["tool", "poetry", "dependencies"])));
        needs
            .lines
            .extend(ini_list(section(&cfg, "options"), "install_requires"));
        needs.lines.extend(setup.install.iter().cloned());
        needs
            .lines
            .extend(ini_list(section(&cfg, "options"), "tests_require"));
        needs.lines.extend(setup.tests.iter().cloned());
        for place in 0..GROUPS.len() {
            let found = needs.add_groups(&document, GROUPS[place])
                || needs.add_extras(&document, &cfg, setup, GROUPS[place])
                || needs.add_files(dir, FILES[place]);
            if found {
                break;
            }
        }
        if needs.source.is_empty() {
            needs.add_tox(dir, &read("tox.ini"));
        }
        if needs.source.is_empty() {
            needs.add_environments(dir, &document);
        }
        if needs.source.is_empty() {
            needs.add_files(dir, &["requirements.txt"]);
        }
        if needs.lines.is_empty() {
            return Self::default();
        }
        let own = dig(&document, &["project", "name"]).and_then(Value::as_str);
        needs.lines.retain(|it| !is_itself(it, own));
        let mut seen = BTreeSet::new();
        needs.lines.retain(|it| seen.insert(it.clone()));
        needs
    }

    /// Returns the lines that are requirements, not options of pip.
    pub(super) fn requirements(&self) -> impl Iterator<Item = &String> {
        self.lines.iter().filter(|it| !it.starts_with('-'))
    }

    fn add_groups(&mut self, document: &Value, names: &[&str]) -> bool {
        let groups = dig(document, &["dependency-groups"]).and_then(Value::as_table);
        let pdm = dig(document, &["tool", "pdm", "dev-dependencies"]).and_then(Value::as_table);
        for table in [groups, pdm].into_iter().flatten() {
            if let Some(name) = named(table.keys(), names) {
                self.lines.extend(group(table, name, DEEPEST));
                self.source = format!("the `{name}` dependency group");
                self.group = Some(name.clone());
                return true;
            }
        }
        let poetry_groups = dig(document, &["tool", "poetry", "group"]).and_then(Value::as_table);
        if let Some((table, name)) =
            poetry_groups.and_then(|it| Some((it, named(it.keys(), names)?)))
        {
            self.lines.extend(poetry(table[name].get("dependencies")));
            self.source = format!("poetry's `{name}` group");
            return true;
        }
        let of_uv = dig(document, &["tool", "uv", "dev-dependencies"]);
        if names.contains(&"dev") && of_uv.is_some() {
            self.lines.extend(texts(of_uv));
            "uv's dev-dependencies".clone_into(&mut self.source);
            return true;
        }
        let old = dig(document, &["tool", "poetry", "dev-dependencies"]);
        if names.contains(&"dev") && old.is_some() {
            self.lines.extend(poetry(old));
            "poetry's dev-dependencies".clone_into(&mut self.source);
            return true;
        }
        false
    }

    fn add_extras(&mut self, document: &Value, cfg: &str, setup: &Setup, names: &[&str]) -> bool {
        let mut extras = setup.extras.clone();
        let table = dig(document, &["project", "optional-dependencies"]).and_then(Value::as_table);
        for (name, list) in table.into_iter().flatten() {
            extras.insert(name.clone(), texts(Some(list)));
        }
        let text = section(cfg, "options.extras_require");
        let keys = text
            .lines()
            .filter(|it| !it.starts_with(char::is_whitespace));
        for name in keys.filter_map(|it| Some(it.split_once('=')?.0.trim().to_owned())) {
            let list = ini_list(text, &name);
            extras.insert(name, list);
        }
        let Some(name) = named(extras.keys(), names).cloned() else {
            return false;
        };
        let own = dig(document, &["project", "name"]).and_then(Value::as_str);
        self.lines.extend(extra(&extras, &name, own, DEEPEST));
        self.source = format!("the `{name}` extra");
        self.extra = Some(name);
        true
    }

    fn add_files(&mut self, dir: &Utf8Path, names: &[&str]) -> bool {
        let Some(name) = names.iter().find(|it| dir.join(it).is_file()) else {
            return false;
        };
        self.lines.extend(file(&dir.join(name), DEEPEST));
        self.source = format!("`{name}`");
        true
    }

    fn add_tox(&mut self, dir: &Utf8Path, text: &str) {
        let lines = ini_list(section(text, "testenv"), "deps");
        self.add_lines(dir, &lines);
        if !lines.is_empty() {
            "`tox.ini`".clone_into(&mut self.source);
        }
    }

    fn add_environments(&mut self, dir: &Utf8Path, document: &Value) {
        let read = |name: &str| read_small(&dir.join(name)).unwrap_or_default();
        let found = environments::hatch(document)
            .or_else(|| environments::tox(document, &read("tox.toml")))
            .or_else(|| environments::nox(&read("noxfile.py")));
        if let Some((lines, source)) = found {
            self.add_lines(dir, &lines);
            self.source = source;
        }
    }

    fn add_lines(&mut self, dir: &Utf8Path, lines: &[String]) {
        for line in lines {
            // `py38: name` is for one of its environments.
            let line = line
                .split_once(": ")
                .map_or(line.as_str(), |it| it.1)
                .trim();
            if let Some(name) = included(line) {
                self.lines.extend(file(&dir.join(name), DEEPEST));
            } else if !line.contains(['{', '#']) && !line.starts_with('-') {
                self.lines.push(line.to_owned());
            }
        }
    }
}

/// Returns whether a test beside the manifest or in a folder of tests imports pytest: then the standard
/// library cannot run the suite, though no file of the project says so.
pub(super) fn tests_import_pytest(dir: &Utf8Path) -> bool {
    let folders = [dir.to_owned(), dir.join("tests"), dir.join("test")];
    let entries = folders.iter().filter_map(|it| it.read_dir_utf8().ok());
    entries
        .flatten()
        .flatten()
        .map(camino::Utf8DirEntry::into_path)
        .filter(|it| it.extension() == Some("py"))
        .filter(|it| {
            it.file_stem()
                .is_some_and(|it| it.starts_with("test_") || it.ends_with("_test"))
        })
        .any(|it| read_small(&it).is_some_and(|text| PYTEST.is_match(&text)))
}

/// Returns the first of these names that is among the keys, whatever its case and hyphens.
fn named<'a>(keys: impl Iterator<Item = &'a String>, names: &[&str]) -> Option<&'a String> {
    let plain = |it: &str| it.to_ascii_lowercase().replace('_', "-");
    let keys: Vec<&String> = keys.collect();
    let find = |name: &&str| keys.iter().find(|it| plain(it) == **name).copied();
    names.iter().find_map(find)
}

fn texts(value: Option<&Value>) -> Vec<String> {
    let list = value.and_then(Value::as_array).into_iter().flatten();
    list.filter_map(|it| Some(it.as_str()?.to_owned()))
        .collect()
}

/// Returns a dependency group with those that it includes.
fn group(groups: &Table, name: &str, depth: usize) -> Vec<String> {
    let list = groups.get(name).and_then(Value::as_array);
    list.into_iter()
        .flatten()
        .flat_map(|it| match it.get("include-group").and_then(Value::as_str) {
            Some(inner) if depth > 0 => group(groups, inner, depth - 1),
            _ => it.as_str().map(str::to_owned).into_iter().collect(),
        })
        .collect()
}

/// Returns an extra, with those of the same project that it names.
fn extra(
    extras: &BTreeMap<String, Vec<String>>,
    name: &str,
    own: Option<&str>,
    depth: usize,
) -> Vec<String> {
    let list = extras.get(name).into_iter().flatten();
    list.flat_map(|it| {
        let inner = own.and_then(|own| it.strip_prefix(own)?.strip_prefix('[')?.strip_suffix(']'));
        match inner {
            Some(inner) if depth > 0 => inner
                .split(',')
                .flat_map(|it| extra(extras, it.trim(), own, depth - 1))
                .collect(),
            _ => vec![it.clone()],
        }
    })
    .collect()
}

/// Returns poetry's table of requirements in the words of pip.
fn poetry(table: Option<&Value>) -> Vec<String> {
    let entries = table.and_then(Value::as_table).into_iter().flatten();
    entries
        .filter(|(name, _)| *name != "python")
        .filter_map(|(name, value)| {
            let version = value.as_str().or_else(|| value.get("version")?.as_str());
            let is_optional = value.get("optional").and_then(Value::as_bool) == Some(true);
            let elsewhere = ["path", "git", "url"]
                .iter()
                .any(|it| value.get(it).is_some());
            (!is_optional && !elsewhere).then(|| match version {
                None | Some("*") => name.clone(),
                Some(version) => format!("{name}{}", of_caret(version)),
            })
        })
        .collect()
}

/// Turns `^1.2.3` and `~1.2` into a range that pip knows.
fn of_caret(version: &str) -> String {
    let Some(found) = CARET.captures(version) else {
        let is_plain = version.starts_with(|it: char| it.is_ascii_digit());
        return if is_plain {
            format!("=={version}")
        } else {
            version.to_owned()
        };
    };
    let parts: Vec<u64> = found[1]
        .split('.')
        .filter_map(|it| it.parse().ok())
        .collect();
    let place = match parts.iter().position(|it| *it > 0) {
        _ if version.starts_with('~') => parts.len().clamp(1, 2) - 1,
        Some(place) => place,
        None => parts.len().saturating_sub(1),
    };
    let mut next = parts[..=place.min(parts.len().saturating_sub(1))].to_vec();
    if let Some(last) = next.last_mut() {
        *last += 1;
    }
    let next: Vec<String> = next.iter().map(u64::to_string).collect();
    format!(">={},<{}", &found[1], next.join("."))
}

/// Returns the value of a key of an ini section, a line each.
fn ini_list(section: &str, key: &str) -> Vec<String> {
    let mut lines = section.lines();
    let first = lines.find_map(|it| {
        let (name, value) = it.split_once('=')?;
        (name.trim() == key && !it.starts_with(char::is_whitespace)).then_some(value)
    });
    let Some(first) = first else {
        return Vec::new();
    };
    let rest = lines.take_while(|it| it.is_empty() || it.starts_with(char::is_whitespace));
    std::iter::once(first)
        .chain(rest)
        .map(str::trim)
        .filter(|it| !it.is_empty() && !it.starts_with('#'))
        .map(str::to_owned)
        .collect()
}

/// Returns the lines of a file of requirements, with those that it includes.
fn file(path: &Utf8Path, depth: usize) -> Vec<String> {
    let text = read_small(path).unwrap_or_default().replace("\\\n", " ");
    let dir = path.parent().unwrap_or(Utf8Path::new(""));
    let mut lines = Vec::new();
    for line in text.lines() {
        let line = line.split(" #").next().unwrap_or_default().trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match included(line) {
            Some(name) if depth > 0 => lines.extend(file(&dir.join(name), depth - 1)),
            Some(_) => {}
            None => lines.push(HASH.replace_all(line, "").into_owned()),
        }
    }
    // What a file constrains or installs from its own folder is not looked for elsewhere.
    lines.retain(|it| !it.starts_with("-c") && !it.starts_with("--constraint"));
    lines
}

fn included(line: &str) -> Option<Utf8PathBuf> {
    let rest = line
        .strip_prefix("--requirement")
        .or_else(|| line.strip_prefix("-r"))?;
    Some(rest.trim_start_matches(['=', ' ']).trim().into())
}

/// The project itself comes from the tree, never from an installation.
fn is_itself(line: &str, own: Option<&str>) -> bool {
    let plain = |it: &str| it.to_ascii_lowercase().replace(['_', '.'], "-");
    let end = line.find(|it: char| !it.is_ascii_alphanumeric() && !"-_.".contains(it));
    let name = &line[..end.unwrap_or(line.len())];
    ITSELF.is_match(line)
        || line.starts_with("-e")
        || own.is_some_and(|own| plain(own) == plain(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::toolchain::testing::Tree;

    fn needs(files: &[(&str, &str)]) -> Needs {
        Needs::of(Tree::new(files).root(), &Setup::default())
    }

    #[test]
    fn the_extra_or_group_closest_to_tests_is_taken() {
        let found = needs(&[(
            "pyproject.toml",
            "[project]\nname = \"a\"\ndependencies = [\"six\"]\n[project.optional-dependencies]\ndocs = [\"sphinx\"]\ndev = [\"a[test]\", \"tox\"]\ntest = [\"pytest>=8\", \"a[extra]\"]\nextra = [\"attrs\"]\n",
        )]);
        assert_eq!(found.lines, ["six", "pytest>=8", "attrs"]);
        assert_eq!(found.source, "the `test` extra");
        let found = needs(&[(
            "pyproject.toml",
            "[dependency-groups]\nbase = [\"pytest\"]\ntests = [{include-group = \"base\"}, \"hypothesis\"]\n",
        )]);
        assert_eq!(found.lines, ["pytest", "hypothesis"]);
        assert_eq!(found.group.as_deref(), Some("tests"));
    }

    #[test]
    fn older_ways_to_say_it_are_read_too() {
        let found = needs(&[(
            "setup.cfg",
            "[options]\ninstall_requires =\n    six>=1\n[options.extras_require]\ntesting =\n    pytest\n    mock; python_version < \"3\"\n",
        )]);
        assert_eq!(
            found.lines,
            ["six>=1", "pytest", "mock; python_version < \"3\""]
        );
        let found = needs(&[
            ("setup.py", ""),
            (
                "requirements/tests.txt",
                "-r base.txt\npytest==8.0 \\\n    --hash=sha256:00\n-e .\n.[x]\n",
            ),
            ("requirements/base.txt", "six # why\n"),
        ]);
        assert_eq!(found.lines, ["six", "pytest==8.0"]);
        let found = needs(&[
            ("setup.py", ""),
            (
                "tox.ini",
                "[testenv]\ndeps =\n    pytest\n    py38: mock\n    {env:X}\ncommands = pytest\n",
            ),
        ]);
        assert_eq!(found.lines, ["pytest", "mock"]);
        let poetry = "[tool.poetry.dependencies]\npython = \"^3.9\"\nsix = \"^1.2\"\n[tool.poetry.group.test.dependencies]\npytest = \"*\"\nmock = {version = \"~0.3.1\"}\n";
        assert_eq!(
            needs(&[("pyproject.toml", poetry)]).lines,
            ["six>=1.2,<2", "mock>=0.3.1,<0.4", "pytest"]
        );
    }

    #[test]
    fn tests_that_import_pytest_need_it_though_nothing_says_so() {
        let asks = |source: &str| tests_import_pytest(Tree::new(&[("test_a.py", source)]).root());
        assert!(asks("import pytest\n"));
        assert!(asks("from pytest import mark\n"));
        assert!(!asks("import unittest  # not pytest\n"));
    }

    #[test]
    fn a_project_that_says_nothing_needs_nothing() {
        assert_eq!(
            needs(&[("pyproject.toml", "[project]\nname = \"a\"\n")]),
            Needs::default()
        );
    }
}
