//! The source files of a tree, with what a glob says about each.

use camino::{Utf8Path, Utf8PathBuf};
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use super::bench::Bench;
use crate::model::profile::LanguageName;
use crate::syntax::Grammar;

/// Larger files were not written by hand.
const LARGEST: u64 = 1 << 20;

/// Folders that tools drop into a tree, and ours; never part of what is evaluated.
const DROPPINGS: [&str; 14] = [
    ".git",
    ".factory",
    ".hg",
    "target",
    "node_modules",
    "__pycache__",
    ".venv",
    "venv",
    ".tox",
    ".nox",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    ".eggs",
];

/// One source file of a detected language.
#[derive(Clone, Debug)]
pub(super) struct SourceFile {
    /// Relative to the root of the tree.
    pub(super) path: Utf8PathBuf,
    /// Its language.
    pub(super) grammar: Grammar,
    /// Its text.
    pub(super) text: String,
    /// It judges code (tests, configuration of tools) or is fixed by the profile.
    /// A test module in a file of its own counts too.
    pub(super) protected: bool,
    /// The place of its sub-project in the detection.
    pub(super) project: usize,
}

/// Returns the source files of a tree in path order, without generated and vendored ones.
pub(super) fn source_files(bench: &Bench<'_>) -> Vec<SourceFile> {
    let policy = bench.lab.policy();
    let (protected, excluded) = (policy.fixed, policy.excluded);
    paths(&bench.dir)
        .into_iter()
        .filter(|it| !excluded.is_match(it))
        .filter_map(|path| {
            let grammar = Grammar::of(&path)?;
            let project = project_of(bench, &path, grammar)?;
            let text = read(&bench.dir.join(&path))?;
            if is_generated(&text) {
                return None;
            }
            Some(SourceFile {
                protected: protected.is_match(&path) || is_test_module(&path),
                path,
                grammar,
                text,
                project,
            })
        })
        .collect()
}

/// Lines at the top of a file in which a generator may say that it wrote it.
const HEADER: usize = 10;

/// Returns whether a file says at its top that no person wrote it. The wording of Go's tools is a
/// convention far beyond Go, and so is the marker that review tools look for.
pub(super) fn is_generated(text: &str) -> bool {
    text.lines().take(HEADER).any(|line| {
        let is_comment = line
            .trim_start()
            .starts_with(['#', '/', '*', ';', '-', '<', '"', '\'']);
        let says_so = line.contains("Code generated") || line.contains("enerated by");
        let is_final = line.to_uppercase().contains("DO NOT EDIT");
        is_comment && (line.contains("@generated") || (says_so && is_final))
    })
}

/// What of a tree counts: nothing that judges the code, and nothing that nobody writes by hand.
pub(super) struct Borders<'b> {
    dir: &'b Utf8Path,
    protected: GlobSet,
    excluded: GlobSet,
}

impl<'b> Borders<'b> {
    /// Returns the borders of the tree on a bench.
    pub(super) fn of(bench: &'b Bench<'_>) -> Self {
        let policy = bench.lab.policy();
        Self {
            dir: &bench.dir,
            protected: policy.fixed,
            excluded: policy.excluded,
        }
    }

    /// Returns whether what is found in that file counts for nothing.
    pub(super) fn is_out(&self, path: &Utf8Path) -> bool {
        self.protected.is_match(path)
            || self.excluded.is_match(path)
            || read(&self.dir.join(path)).is_some_and(|it| is_generated(&it))
    }
}

/// A Rust test module in a file of its own is marked where it is declared, not where it is: by custom it
/// is told by its name.
pub(super) fn is_test_module(path: &Utf8Path) -> bool {
    path.extension() == Some("rs")
        && path
            .file_stem()
            .is_some_and(|it| matches!(it, "tests" | "test") || it.ends_with("_tests"))
}

/// Returns the innermost sub-project of that language around a path.
fn project_of(bench: &Bench<'_>, path: &Utf8Path, grammar: Grammar) -> Option<usize> {
    let language = match grammar {
        Grammar::Rust => LanguageName::Rust,
        Grammar::Python => LanguageName::Python,
        Grammar::JavaScript | Grammar::TypeScript | Grammar::Tsx => LanguageName::JavaScript,
        Grammar::Go => LanguageName::Go,
        // Declared by its commands: what its dimensions are made of is declared too.
        Grammar::C => return None,
    };
    bench
        .lab
        .detection
        .languages
        .iter()
        .enumerate()
        .filter(|(_, it)| it.language == language && path.starts_with(&it.root))
        .max_by_key(|(_, it)| it.root.components().count())
        .map(|(idx, _)| idx)
}

/// Returns the paths of all files below a directory, relative to it and sorted.
pub(super) fn paths(root: &Utf8Path) -> Vec<Utf8PathBuf> {
    let walk = ignore::WalkBuilder::new(root)
        .standard_filters(false)
        .follow_links(false)
        .filter_entry(|it| {
            let is_dir = it.file_type().is_some_and(|it| it.is_dir());
            let name = it.file_name().to_str().unwrap_or_default();
            it.depth() == 0 || !(is_dir && DROPPINGS.contains(&name))
        })
        .build();
    let mut found: Vec<Utf8PathBuf> = walk
        .filter_map(Result::ok)
        .filter(|it| it.file_type().is_some_and(|it| it.is_file()))
        .filter_map(|it| Utf8PathBuf::from_path_buf(it.into_path()).ok())
        .filter_map(|it| it.strip_prefix(root).map(Utf8Path::to_owned).ok())
        .collect();
    found.sort();
    found
}

/// Returns a file's text; `None` when it is no text, too large, or gone.
pub(super) fn read(path: &Utf8Path) -> Option<String> {
    let size = fs_err::metadata(path).ok()?.len();
    (size <= LARGEST)
        .then(|| fs_err::read_to_string(path).ok())
        .flatten()
}

/// Builds a set of globs in which `*` stays within a folder; a broken glob matches nothing.
pub(super) fn glob_set<'a>(globs: impl IntoIterator<Item = &'a str>) -> GlobSet {
    let mut builder = GlobSetBuilder::new();
    for glob in globs {
        if let Ok(glob) = GlobBuilder::new(glob).literal_separator(true).build() {
            builder.add(glob);
        } else {
            tracing::warn!(glob, "not a valid glob: it matches nothing");
        }
    }
    builder.build().unwrap_or_else(|_| GlobSet::empty())
}

/// Joins up to `most` texts and says how many more there are.
pub(super) fn joined(texts: &[String], most: usize) -> String {
    let shown = texts.iter().take(most).cloned().collect::<Vec<_>>();
    match texts.len().saturating_sub(most) {
        0 => shown.join("; "),
        more => format!("{}; {more} more", shown.join("; ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::testing::Fixture;

    #[test]
    fn droppings_and_our_own_folder_are_no_part_of_a_tree() {
        let fixture = Fixture::new();
        for path in [
            "src/lib.rs",
            ".factory/junk.rs",
            "target/debug/x.rs",
            "a/__pycache__/y.py",
            ".git/config",
        ] {
            fixture.write(path, "fn f() {}");
        }
        assert_eq!(paths(&fixture.tree()), ["src/lib.rs"]);
    }

    #[test]
    fn a_test_module_in_its_own_file_is_told_by_its_name() {
        assert!(is_test_module("src/parse/tests.rs".into()));
        assert!(is_test_module("src/parse_tests.rs".into()));
        assert!(!is_test_module("src/attests.rs".into()));
        assert!(!is_test_module("src/tests.py".into()));
    }

    #[test]
    fn a_file_that_says_so_was_generated() {
        for header in [
            "// Code generated by protoc-gen-go. DO NOT EDIT.\npackage a\n",
            "#!/bin/sh\n# @generated by a script\n",
            "# Generated by the protocol buffer compiler.  DO NOT EDIT!\n",
            "/*\n * This file is @generated.\n */\n",
        ] {
            assert!(is_generated(header), "{header}");
        }
        let late = format!("{}# @generated\n", "x = 1\n".repeat(HEADER));
        for own in [
            "MARKER = \"@generated\"\n",
            "# Generated by hand, edit freely\n",
            &late,
        ] {
            assert!(!is_generated(own), "{own}");
        }
    }

    #[test]
    fn a_star_stays_within_its_folder() {
        let set = glob_set(["*.toml", "tests/**", "[broken"]);
        assert!(set.is_match("a.toml"));
        assert!(!set.is_match("a/b.toml"));
        assert!(set.is_match("tests/deep/x.rs"));
    }

    #[test]
    fn long_lists_say_how_many_more() {
        let texts = ["a", "b", "c"].map(str::to_owned);
        assert_eq!(joined(&texts, 2), "a; b; 1 more");
        assert_eq!(joined(&texts, 3), "a; b; c");
    }
}
