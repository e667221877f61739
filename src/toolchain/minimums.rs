//! The oldest version of a language that a project promises: what its manifests declare, and where they
//! say nothing, the oldest that its own checks run with. Files are read as text; nothing is run.

use std::sync::LazyLock;

use camino::{Utf8Path, Utf8PathBuf};
use regex::Regex;
use toml::{Table, Value};

use super::detect::read_small;
use super::discovery::workflows;
use super::python::declared;
use crate::gate::{Minimum, Version};
use crate::model::profile::{LanguageName, Project};

/// Files in the folder of a project that may say which versions it works with.
const BESIDE: [&str; 7] = [
    "clippy.toml",
    ".clippy.toml",
    "pyproject.toml",
    "setup.py",
    "setup.cfg",
    "tox.ini",
    "noxfile.py",
];

/// Returns the text of a file of a tree.
type ReadText<'a> = &'a dyn Fn(&Utf8Path) -> Option<String>;

/// Returns whether a file may say which versions a project works with.
pub fn says_versions(path: &Utf8Path) -> bool {
    let name = path.file_name().unwrap_or_default();
    let is_yaml = matches!(path.extension(), Some("yml" | "yaml"));
    name == "Cargo.toml"
        || BESIDE.contains(&name)
        || matches!(path.as_str(), ".gitlab-ci.yml" | ".travis.yml")
        || (is_yaml && path.parent() == Some(Utf8Path::new(".github/workflows")))
}

/// Returns what the files of a tree promise, a folder and language at a time.
pub fn minimums(paths: &[Utf8PathBuf], read: ReadText<'_>) -> Vec<Minimum> {
    let mut found = Vec::new();
    for path in paths.iter().filter(|it| says_versions(it)) {
        let Some(text) = read(path) else { continue };
        let name = path.file_name().unwrap_or_default();
        let folder = path.parent().unwrap_or(Utf8Path::new(""));
        let mut add = |language, declared, version: Option<Version>| {
            found.extend(version.map(|version| Minimum {
                language,
                folder: folder.to_owned(),
                declared,
                version,
                file: path.clone(),
            }));
        };
        match name {
            "Cargo.toml" => add(LanguageName::Rust, true, of_crate(path, &text, read)),
            "clippy.toml" | ".clippy.toml" => add(LanguageName::Rust, true, of_clippy(&text)),
            "pyproject.toml" | "setup.py" | "setup.cfg" => {
                add(LanguageName::Python, true, declared::minimum(&text));
                let environments = (name != "setup.py").then(|| of_tox(&text)).flatten();
                add(LanguageName::Python, false, environments);
            }
            "tox.ini" => add(LanguageName::Python, false, of_tox(&text)),
            "noxfile.py" => add(LanguageName::Python, false, of_nox(&text)),
            _ => found.extend(of_checks(path, &text)),
        }
    }
    found.sort();
    found
}

/// Returns the oldest version that a sub-project's checks run with, where no manifest of it declares one.
pub(super) fn of_checks_alone(root: &Utf8Path, project: &Project) -> Option<Version> {
    let mut paths = project.manifests.clone();
    paths.extend(BESIDE.iter().map(|it| project.root.join(it)));
    paths.extend(workflows(root));
    paths.extend([".gitlab-ci.yml", ".travis.yml"].map(Utf8PathBuf::from));
    paths.sort();
    paths.dedup();
    let read = |path: &Utf8Path| read_small(&root.join(path));
    let all = minimums(&paths, &read).into_iter();
    let all: Vec<Minimum> = all.filter(|it| it.language == project.language).collect();
    if all.iter().any(|it| it.declared) {
        return None;
    }
    all.into_iter().map(|it| it.version).min()
}

fn of_crate(path: &Utf8Path, text: &str, read: ReadText<'_>) -> Option<Version> {
    let manifest: Table = text.parse().ok()?;
    let version = |it: &Value| release(it.as_str()?);
    let shared = |it: &Table| {
        let package = it.get("workspace")?.get("package")?;
        version(package.get("rust-version")?)
    };
    match manifest
        .get("package")
        .and_then(|it| it.get("rust-version"))
    {
        Some(Value::Table(_)) => path.ancestors().skip(1).find_map(|folder| {
            let text = read(&folder.join("Cargo.toml"))?;
            shared(&text.parse().ok()?)
        }),
        Some(own) => version(own),
        None => None,
    }
}

fn of_clippy(text: &str) -> Option<Version> {
    release(text.parse::<Table>().ok()?.get("msrv")?.as_str()?)
}

/// Reads `1.70` and `1.70.0`.
fn release(text: &str) -> Option<Version> {
    let mut parts = text.trim().split('.');
    let major = parts.next()?.parse().ok()?;
    let minor = parts.next()?.parse().ok()?;
    Some((major, minor))
}

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the pattern is a constant that the tests use")
}

/// A key of a matrix, an action or a variable, with what stands behind it on the line.
static KEY: LazyLock<Regex> =
    LazyLock::new(|| pattern(r#"(?i)^\s*(?:-\s+)?["']?([\w.-]+)["']?\s*:\s*(.*)$"#));
static RUST_KEY: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)^(?:rust|toolchain|channel|msrv|(?:rust|toolchain|rust_toolchain|rust-toolchain|msrv)[-_]?versions?|rust[-_]?toolchains?|toolchains)$",
    )
});
static PYTHON_KEY: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?i)^(?:python|py|pyver|python[-_]?versions?|py[-_]?versions?)$"));
static RUST_VERSION: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?:^|[^\w.])1\.(\d{1,3})(?:\.\d+)?\b"));
static PYTHON_VERSION: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?:^|[^\w.]|pypy-?|cpython-?)([23])\.(\d{1,2})\b"));
/// Where a version of the compiler stands without a key.
static RUST_SAID: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?:rust-toolchain@|cargo \+|rustc \+|toolchain install |rustup default |override set |rustup update |image:\s*.?rust:)v?1\.(\d{1,3})\b",
    )
});
static PYTHON_SAID: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?:image:\s*.?python:|--python[= ])([23])\.(\d{1,2})\b"));
static TOX_NAME: LazyLock<Regex> = LazyLock::new(|| pattern(r"\b(?:py|pypy)([23])\.?(\d{1,2})\b"));
static TOX_BRACES: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"\b(?:py|pypy)([23]?)\.?\{([^}]*)\}"));
static NOX: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r#"(?is)\bpythons?(?:_versions?)?\s*=\s*(\[[^\]]*\]|\([^)]*\)|["'][^"']*["'])"#)
});

/// Returns the oldest versions of each language in a file of checks.
fn of_checks(path: &Utf8Path, text: &str) -> Vec<Minimum> {
    let mut rust: Vec<Version> = Vec::new();
    let mut python: Vec<Version> = Vec::new();
    let mut key = String::new();
    for line in text.lines() {
        let line = line.split(" #").next().unwrap_or_default();
        if line.trim_start().starts_with('#') {
            continue;
        }
        let value = match KEY.captures(line) {
            Some(found) => {
                found[1].clone_into(&mut key);
                found.get(2).map_or("", |it| it.as_str())
            }
            None => line.trim(),
        };
        if RUST_KEY.is_match(&key) {
            rust.extend(minors(&RUST_VERSION, value).map(|it| (1, it)));
        }
        if PYTHON_KEY.is_match(&key) {
            python.extend(versions(&PYTHON_VERSION, value));
        }
        rust.extend(minors(&RUST_SAID, line).map(|it| (1, it)));
        python.extend(versions(&PYTHON_SAID, line));
    }
    let oldest = [(LanguageName::Rust, rust), (LanguageName::Python, python)].into_iter();
    let minimum = |(language, versions): (LanguageName, Vec<Version>)| {
        Some(Minimum {
            language,
            folder: Utf8PathBuf::new(),
            declared: false,
            version: versions.into_iter().min()?,
            file: path.to_owned(),
        })
    };
    oldest.filter_map(minimum).collect()
}

fn minors<'t>(pattern: &'t Regex, text: &'t str) -> impl Iterator<Item = u32> {
    let found = pattern.captures_iter(text);
    found.filter_map(|it| it[1].parse().ok())
}

fn versions<'t>(pattern: &'t Regex, text: &'t str) -> impl Iterator<Item = Version> {
    let found = pattern.captures_iter(text);
    found.filter_map(|it| Some((it[1].parse().ok()?, it[2].parse().ok()?)))
}

/// The names of the environments that run by themselves: `py38`, `py3{8,9}`, `3.8`.
fn of_tox(text: &str) -> Option<Version> {
    let mut lines = Vec::new();
    let mut in_list = false;
    for line in text.lines() {
        let key = line.split('=').next().unwrap_or_default().trim();
        let is_indented = line.starts_with(char::is_whitespace) || line.trim() == "]";
        if matches!(key, "envlist" | "env_list") {
            in_list = true;
            lines.push(line.split_once('=').map_or("", |it| it.1));
        } else if in_list && is_indented {
            lines.push(line);
        } else if !line.trim().is_empty() {
            in_list = false;
        }
    }
    let text = lines.join("\n");
    let plain = versions(&TOX_NAME, &text).chain(versions(&PYTHON_VERSION, &text));
    let in_braces = TOX_BRACES.captures_iter(&text).flat_map(|found| {
        let major = found[1].to_owned();
        let parts: Vec<String> = found[2]
            .split(',')
            .map(|it| it.trim().replace('.', ""))
            .collect();
        parts.into_iter().filter_map(move |it| {
            let digits = format!("{major}{it}");
            let (major, minor) = digits.split_at_checked(1)?;
            Some((major.parse().ok()?, minor.parse().ok()?))
        })
    });
    plain.chain(in_braces).min()
}

fn of_nox(text: &str) -> Option<Version> {
    let lists = NOX.captures_iter(text).map(|it| it[1].to_owned());
    let found = lists.flat_map(|it| versions(&PYTHON_VERSION, &it).collect::<Vec<_>>());
    found.min()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(files: &[(&str, &str)]) -> Vec<String> {
        let paths: Vec<Utf8PathBuf> = files.iter().map(|it| it.0.into()).collect();
        let read = |path: &Utf8Path| {
            let file = files.iter().find(|it| it.0 == path.as_str());
            file.map(|it| it.1.to_owned())
        };
        let found = minimums(&paths, &read).into_iter();
        let told = found.map(|it| {
            let how = if it.declared { "declared" } else { "checked" };
            format!(
                "{how} {} {}.{} {}",
                it.language.key(),
                it.version.0,
                it.version.1,
                it.file
            )
        });
        told.collect()
    }

    #[test]
    fn manifests_declare_also_through_a_workspace() {
        let files = [
            (
                "Cargo.toml",
                "[workspace.package]\nrust-version = \"1.70\"\n",
            ),
            ("a/Cargo.toml", "[package]\nrust-version.workspace = true\n"),
            ("b/Cargo.toml", "[package]\nrust-version = \"1.56.1\"\n"),
            ("c/Cargo.toml", "[package]\nname = \"c\"\n"),
            ("c/clippy.toml", "msrv = \"1.60.0\"\n"),
            (
                "p/pyproject.toml",
                "[project]\nrequires-python = \">=3.8\"\n",
            ),
            ("q/setup.py", "setup(python_requires='>=3.6')"),
        ];
        assert_eq!(
            told(&files),
            [
                "declared rust 1.70 a/Cargo.toml",
                "declared rust 1.56 b/Cargo.toml",
                "declared rust 1.60 c/clippy.toml",
                "declared python 3.8 p/pyproject.toml",
                "declared python 3.6 q/setup.py",
            ]
        );
    }

    #[test]
    fn the_oldest_of_a_matrix_counts() {
        let workflow = "jobs:\n  test:\n    strategy:\n      matrix:\n        rust: [stable, beta, 1.61.0, \"1.56\"]\n\
                        \x20       python-version:\n          - \"3.12\"\n          - '3.9'\n          - pypy-3.8 # slow\n        os: [ubuntu-22.04]\n\
                        \x20   steps:\n      - uses: actions/checkout@v1.2\n        with: {toolchain: 1}\n";
        assert_eq!(
            told(&[(".github/workflows/ci.yml", workflow)]),
            [
                "checked rust 1.56 .github/workflows/ci.yml",
                "checked python 3.8 .github/workflows/ci.yml",
            ]
        );
        let other = "jobs:\n  msrv:\n    steps:\n      - uses: dtolnay/rust-toolchain@1.63.0\n      - run: cargo +1.70 check\n";
        assert_eq!(
            told(&[(".github/workflows/msrv.yaml", other)]),
            ["checked rust 1.63 .github/workflows/msrv.yaml"]
        );
        let lab = "image: python:3.7-slim\nold:\n  image: \"rust:1.48\"\n";
        assert_eq!(
            told(&[(".gitlab-ci.yml", lab)]),
            [
                "checked rust 1.48 .gitlab-ci.yml",
                "checked python 3.7 .gitlab-ci.yml"
            ]
        );
        let travis = "language: python\npython:\n  - \"3.6\"\n  - \"3.9\"\nscript: tox\n";
        assert_eq!(
            told(&[(".travis.yml", travis)]),
            ["checked python 3.6 .travis.yml"]
        );
        assert!(told(&[("docs/ci.yml", "python: 3.6\n")]).is_empty());
    }

    #[test]
    fn tox_and_nox_name_the_versions_they_run() {
        for (text, wanted) in [
            (
                "[tox]\nenvlist = py38, py310\n[testenv]\ndeps = py33\n",
                "3.8",
            ),
            (
                "[tox]\nenvlist =\n    lint\n    py{37,38}-x\n    pypy39\n",
                "3.7",
            ),
            ("[tox]\nenv_list = 3.9, 3.11\n", "3.9"),
            ("[tox]\nenvlist = py3{6,12}\n", "3.6"),
        ] {
            assert_eq!(
                told(&[("tox.ini", text)]),
                [format!("checked python {wanted} tox.ini")]
            );
        }
        let toml = "[tool.tox]\nenv_list = [\n  \"3.10\",\n  \"py39\",\n]\nx = \"3.1\"\n";
        assert_eq!(
            told(&[("pyproject.toml", toml)]),
            ["checked python 3.9 pyproject.toml"]
        );
        let nox = "PYTHON_VERSIONS = [\"3.8\", \"3.12\"]\n@nox.session(python=PYTHON_VERSIONS)\ndef a(s): pass\n@nox.session(python='3.11')\ndef b(s): pass\n";
        assert_eq!(
            told(&[("noxfile.py", nox)]),
            ["checked python 3.8 noxfile.py"]
        );
    }
}
