//! What a project declares that ruff does not read: the oldest Python, and that flake8 is used.

use std::sync::LazyLock;

use camino::Utf8Path;
use regex::Regex;

use crate::toolchain::detect::read_small;

/// A version of Python: major and minor.
type Version = (u32, u32);

/// What ruff writes for when it is told nothing.
const RUFF_DEFAULT: Version = (3, 10);
/// The oldest that ruff can be told.
const RUFF_OLDEST: Version = (3, 7);

/// Fixes of pyupgrade that change syntax or names, by the oldest Python that has the new ones.
const SINCE: &[(&str, Version)] = &[
    ("UP003", (3, 0)),
    ("UP004", (3, 0)),
    ("UP008", (3, 0)),
    ("UP009", (3, 0)),
    ("UP010", (3, 0)),
    ("UP012", (3, 0)),
    ("UP015", (3, 0)),
    ("UP018", (3, 0)),
    ("UP024", (3, 3)),
    ("UP025", (3, 3)),
    ("UP030", (2, 7)),
    ("UP032", (3, 6)),
    ("UP034", (2, 6)),
    ("UP039", (2, 6)),
];
/// Families whose fixes may need a newer Python than the code was written for.
const NEWER: &[&str] = &["UP", "FURB", "FA"];

/// Returns the oldest Python that the project promises to run on, if ruff does not take care of it.
pub(super) fn oldest(dir: &Utf8Path) -> Option<Version> {
    let read = |name: &str| read_small(&dir.join(name)).unwrap_or_default();
    let pyproject = read("pyproject.toml");
    let told = [&pyproject, &read("ruff.toml"), &read(".ruff.toml")]
        .iter()
        .any(|it| {
            it.lines()
                .any(|line| line.trim().starts_with("target-version") && !line.contains('['))
        });
    let version = lowest(&REQUIRES, &pyproject);
    if told || version.is_some_and(|it| it >= RUFF_OLDEST) {
        return None;
    }
    let texts = [pyproject, read("setup.cfg"), read("setup.py")];
    version
        .or_else(|| texts.iter().find_map(|it| lowest(&OTHER_REQUIRES, it)))
        .or_else(|| texts.iter().filter_map(|it| lowest(&CLASSIFIER, it)).min())
}

/// Returns the oldest Python that one manifest declares.
pub(in crate::toolchain) fn minimum(text: &str) -> Option<Version> {
    lowest(&REQUIRES, text)
        .or_else(|| lowest(&OTHER_REQUIRES, text))
        .or_else(|| lowest(&CLASSIFIER, text))
}

/// Returns whether a rule's fix runs on that Python.
pub(super) fn runs_on(rule: &str, oldest: Version) -> bool {
    let is_newer = |family: &&str| {
        let rest = rule.strip_prefix(family);
        rest.is_some_and(|it| it.starts_with(|c: char| c.is_ascii_digit()))
    };
    match SINCE.iter().find(|it| it.0 == rule) {
        Some((_, since)) => oldest >= *since,
        None => oldest >= RUFF_DEFAULT || !NEWER.iter().any(is_newer),
    }
}

/// Returns whether a `noqa` here may be meant for flake8, which the project uses.
pub(super) fn suppresses_for_others(dir: &Utf8Path, root: &Utf8Path) -> bool {
    let says = |dir: &Utf8Path, name: &str| {
        read_small(&dir.join(name)).is_some_and(|it| FLAKE8.is_match(&it))
    };
    [
        ".flake8",
        "setup.cfg",
        "tox.ini",
        "pyproject.toml",
        "noxfile.py",
    ]
    .iter()
    .any(|it| says(dir, it))
        || [".flake8", ".pre-commit-config.yaml", "Makefile"]
            .iter()
            .any(|it| says(root, it))
}

/// Returns whether the project says which order it likes: it configures ruff, or uses isort.
pub(super) fn has_taste(dir: &Utf8Path, root: &Utf8Path) -> bool {
    let has = |name: &str| [dir, root].iter().any(|it| it.join(name).exists());
    let says = |name: &str, word: &str| {
        let texts = [dir, root].map(|it| read_small(&it.join(name)).unwrap_or_default());
        texts.iter().any(|it| it.contains(word))
    };
    has("ruff.toml")
        || has(".ruff.toml")
        || has(".isort.cfg")
        || says("pyproject.toml", "[tool.ruff")
        || [
            "pyproject.toml",
            "setup.cfg",
            "tox.ini",
            ".pre-commit-config.yaml",
            "noxfile.py",
        ]
        .iter()
        .any(|it| says(it, "isort"))
}

static REQUIRES: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r#"(?m)^\s*requires-python\s*=\s*["'][^"']*?(?:>=?|~=|==)\s*(\d+)(?:\.(\d+))?"#)
});
static OTHER_REQUIRES: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"(?m)(?:python_requires\s*=|^python\s*=)\s*["']?[^"'\n]*?(?:>=?|~=|==|\^|~)\s*(\d+)(?:\.(\d+))?"#,
    )
});
static CLASSIFIER: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"Programming Language :: Python :: (\d+)(?:\.(\d+))?"));

/// The program, not one of ruff's tables that are called after its plugins.
static FLAKE8: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?m)\bflake8(?:$|[^-\w])"));

/// Returns a pattern that is a constant of ours.
pub(super) fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the pattern is a constant that the tests use")
}

/// Returns the lowest version that a pattern finds; `3` alone says nothing of the minor version.
fn lowest(pattern: &Regex, text: &str) -> Option<Version> {
    pattern
        .captures_iter(text)
        .filter_map(|it| {
            let major = it[1].parse().ok()?;
            match (major, it.get(2)) {
                (2, None) => Some((2, 7)),
                (_, None) => None,
                (_, Some(minor)) => Some((major, minor.as_str().parse().ok()?)),
            }
        })
        .min()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::toolchain::testing::Tree;

    fn declared(files: &[(&str, &str)]) -> Option<Version> {
        oldest(Tree::new(files).root())
    }

    #[test]
    fn the_oldest_python_is_read_wherever_ruff_does_not_read_it() {
        let setup = "setup(\n    python_requires='>=3.5',\n)";
        assert_eq!(declared(&[("setup.py", setup)]), Some((3, 5)));
        let classifiers = "'Programming Language :: Python :: 3',\n\
                           'Programming Language :: Python :: 3.4',\n\
                           'Programming Language :: Python :: 2.7',";
        assert_eq!(declared(&[("setup.py", classifiers)]), Some((2, 7)));
        let options = "[options]\npython_requires = >=3.8, !=3.9.0\n";
        assert_eq!(declared(&[("setup.cfg", options)]), Some((3, 8)));
        let poetry = "[tool.poetry.dependencies]\npython = \"^3.6\"\n";
        assert_eq!(declared(&[("pyproject.toml", poetry)]), Some((3, 6)));
        let old = "[project]\nrequires-python = \">=3.6\"\n";
        assert_eq!(declared(&[("pyproject.toml", old)]), Some((3, 6)));
        assert_eq!(declared(&[("setup.py", "setup(name='x')")]), None);
    }

    #[test]
    fn what_ruff_reads_itself_is_left_to_ruff() {
        let project = "[project]\nrequires-python = \">=3.9\"\n";
        let setup = "setup(python_requires='>=3.5')";
        assert_eq!(
            declared(&[("pyproject.toml", project), ("setup.py", setup)]),
            None
        );
        let ruff = "target-version = \"py38\"\n";
        assert_eq!(declared(&[("ruff.toml", ruff), ("setup.py", setup)]), None);
        let black = "[tool.black]\ntarget-version = ['py38']\n";
        let declares = declared(&[("pyproject.toml", black), ("setup.py", setup)]);
        assert_eq!(declares, Some((3, 5)));
    }

    #[test]
    fn a_fix_that_needs_a_newer_python_is_told_from_one_that_does_not() {
        assert!(!runs_on("UP032", (3, 5)) && runs_on("UP032", (3, 6)));
        assert!(!runs_on("UP009", (2, 7)) && runs_on("UP025", (3, 5)));
        assert!(!runs_on("UP099", (3, 9)) && runs_on("UP099", (3, 10)));
        assert!(!runs_on("FURB188", (3, 8)));
        assert!(runs_on("F401", (2, 7)) && runs_on("I001", (2, 7)));
    }

    #[test]
    fn an_order_is_liked_only_by_those_who_say_so() {
        let likes = |name: &str, text: &str| {
            let tree = Tree::new(&[(name, text)]);
            has_taste(tree.root(), tree.root())
        };
        assert!(likes("pyproject.toml", "[tool.ruff]\nline-length = 99\n"));
        assert!(likes("setup.cfg", "[isort]\nprofile = black\n"));
        assert!(!likes("pyproject.toml", "[project]\nname = \"a\"\n"));
    }

    #[test]
    fn a_noqa_is_left_alone_where_flake8_reads_it() {
        let others = |name: &str, text: &str| {
            let tree = Tree::new(&[(name, text)]);
            suppresses_for_others(tree.root(), tree.root())
        };
        assert!(others("tox.ini", "[flake8]\nmax-line-length = 99\n"));
        let hook = "-   repo: https://example.org/pycqa/flake8\n    rev: 7.3.0\n";
        assert!(others(".pre-commit-config.yaml", hook));
        assert!(!others(
            "pyproject.toml",
            "[tool.ruff]\nlint.flake8-pytest-style.x = 1\n"
        ));
        assert!(!others(
            "pyproject.toml",
            "select = [\"C4\"] # flake8-comprehensions\n"
        ));
    }
}
