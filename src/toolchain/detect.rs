//! Which languages and tools a tree has, from paths and small manifests alone.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};

use super::adapters_of;
use crate::config::Profile;
use crate::model::profile::{Detection, DirectoryState};

/// Folders whose manifests describe fixtures, copies or build products, never a project of this tree.
const FOREIGN: &[&str] = &[
    "tests",
    "test",
    "testdata",
    "test_data",
    "test-data",
    "fixtures",
    "vendor",
    "vendored",
    "_vendor",
    "third_party",
    "node_modules",
    "target",
    "site-packages",
    ".venv",
    "venv",
];
/// Folders whose manifests accompany a project that has its own above them.
const ACCOMPANYING: &[&str] = &[
    "examples",
    "example",
    "fuzz",
    "benches",
    "benchmarks",
    "docs",
    "doc",
];

/// Detects languages and tools in a tree; paths only, nothing is run.
///
/// `files` are relative to `root`. The state is what files tell; a caller that knows more about the
/// repository (unborn, not a repository) overrides it.
pub fn detect(root: &Utf8Path, files: &[Utf8PathBuf], profile: &Profile) -> Detection {
    let mut languages = Vec::new();
    let mut tools = Vec::new();
    for adapter in adapters_of(profile) {
        let (projects, found) = adapter.detect(root, files, &profile.commands);
        if !projects.is_empty() {
            languages.extend(projects);
            tools.extend(found);
        }
    }
    languages.sort_by(|a, b| (&a.root, a.language).cmp(&(&b.root, b.language)));
    Detection {
        schema: "factory.detect/1".into(),
        root: root.to_owned(),
        state: state(root, languages.is_empty()),
        languages,
        tools,
        extensions: extensions(files),
    }
}

fn state(root: &Utf8Path, no_language: bool) -> DirectoryState {
    if !root.join(".git").exists() {
        DirectoryState::NoGit
    } else if no_language {
        DirectoryState::UnknownLanguage
    } else {
        DirectoryState::Codebase
    }
}

fn extensions(files: &[Utf8PathBuf]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for extension in files.iter().filter_map(|it| it.extension()) {
        *counts.entry(extension.to_ascii_lowercase()).or_default() += 1;
    }
    counts
}

/// Returns the folders of manifests that describe projects of this tree, outermost first.
pub(super) fn project_roots(
    files: &[Utf8PathBuf],
    is_manifest: impl Fn(&str) -> bool,
) -> Vec<&Utf8Path> {
    let mut roots: Vec<&Utf8Path> = files
        .iter()
        .filter(|it| it.file_name().is_some_and(&is_manifest))
        .filter_map(|it| it.parent())
        .filter(|it| !has_part(it, FOREIGN))
        .collect();
    roots.sort_by_key(|it| (it.components().count(), it.as_str()));
    roots.dedup();
    let outer: Vec<&Utf8Path> = roots.clone();
    roots.retain(|it| !has_part(it, ACCOMPANYING) || !has_ancestor(it, &outer));
    roots
}

fn has_part(path: &Utf8Path, names: &[&str]) -> bool {
    path.components().any(|it| names.contains(&it.as_str()))
}

fn has_ancestor(path: &Utf8Path, roots: &[&Utf8Path]) -> bool {
    roots.iter().any(|it| *it != path && path.starts_with(it))
}

/// Returns whether any of these files of the tree mentions one of the words. Big files are not read.
pub(super) fn mentions(root: &Utf8Path, files: &[&Utf8PathBuf], words: &[&str]) -> bool {
    files.iter().any(|it| {
        read_small(&root.join(it)).is_some_and(|text| words.iter().any(|word| text.contains(word)))
    })
}

/// Reads a text file of at most 256 KiB.
pub(super) fn read_small(path: &Utf8Path) -> Option<String> {
    let size = std::fs::metadata(path).ok()?.len();
    (size <= 256 << 10).then(|| std::fs::read_to_string(path).ok())?
}

/// Returns whether a file drives a project's own checks: CI, hooks, make.
pub(super) fn drives_checks(path: &Utf8Path) -> bool {
    let name = path.file_name().unwrap_or_default();
    (path.starts_with(".github") && matches!(path.extension(), Some("yml" | "yaml")))
        || matches!(
            name,
            ".pre-commit-config.yaml"
                | ".gitlab-ci.yml"
                | "Makefile"
                | "makefile"
                | "justfile"
                | "Justfile"
                | "tox.ini"
                | "noxfile.py"
                | "lefthook.yml"
                | "Taskfile.yml"
                | ".travis.yml"
                | "bors.toml"
                | "prek.toml"
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::profile::LanguageName;
    use crate::toolchain::testing::Tree;

    #[test]
    fn fixtures_and_accompanying_packages_are_no_projects() {
        let files: Vec<Utf8PathBuf> = [
            "Cargo.toml",
            "tests/data/Cargo.toml",
            "vendor/x/Cargo.toml",
            "fuzz/Cargo.toml",
            "tools/gen/Cargo.toml",
        ]
        .map(Utf8PathBuf::from)
        .to_vec();
        let roots = project_roots(&files, |it| it == "Cargo.toml");
        assert_eq!(roots, ["", "tools/gen"]);
        let alone = [Utf8PathBuf::from("examples/a/Cargo.toml")];
        assert_eq!(
            project_roots(&alone, |it| it == "Cargo.toml"),
            ["examples/a"]
        );
    }

    #[test]
    fn a_tree_of_two_languages_has_projects_of_both() {
        let tree = Tree::new(&[
            (
                "Cargo.toml",
                "[package]\nname = \"a\"\nversion = \"0.1.0\"\n",
            ),
            ("src/lib.rs", ""),
            ("py/pyproject.toml", "[project]\nname = \"b\"\n"),
            ("README.MD", ""),
        ]);
        let detection = detect(tree.root(), &tree.files(), &Profile::default());
        let found: Vec<_> = detection
            .languages
            .iter()
            .map(|it| (it.language, it.root.as_str()))
            .collect();
        assert_eq!(
            found,
            [(LanguageName::Rust, ""), (LanguageName::Python, "py")]
        );
        assert_eq!(detection.state, DirectoryState::NoGit);
        assert_eq!(detection.extensions["md"], 1);
    }

    #[test]
    fn a_tree_without_a_known_language_has_no_tools() {
        let tree = Tree::new(&[("main.hs", ""), (".git/HEAD", "")]);
        let detection = detect(tree.root(), &tree.files(), &Profile::default());
        assert_eq!(detection.state, DirectoryState::UnknownLanguage);
        assert!(detection.tools.is_empty());
    }
}
