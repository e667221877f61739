//! The tree that is evaluated: the candidate, with the incumbent's protected paths.

use std::collections::{BTreeMap, BTreeSet};

use camino::Utf8Path;

use super::diff::Delta;
use super::patch::{is_binary, is_link};
use super::tree::{Edit, Entry, MODE_SUBMODULE};
use super::{Error, Target};
use crate::model::id::TreeSha;
use crate::syntax::{self, Grammar};

/// What of a candidate is the incumbent's business.
pub struct Protection<'a> {
    /// Whether the whole file at a path is.
    pub paths: &'a dyn Fn(&Utf8Path) -> bool,
    /// Whether the tests inside a file that may change otherwise are.
    pub inline_tests: &'a dyn Fn(&Utf8Path) -> bool,
}

/// A candidate's source with the incumbent's tests in it, and the names of those that were put back.
type Spliced = Option<(String, Vec<String>)>;

/// How tests are put back: by grammar, the incumbent's source and the candidate's.
type Splice<'a> = &'a dyn Fn(Grammar, &str, &str) -> Spliced;

impl Target {
    /// Returns the candidate's tree with the incumbent's protected paths and inline tests, and every
    /// path at which it differs from what the candidate asked for, with the tests that were put back.
    ///
    /// Changed and deleted protected files come back, added ones go, on tree objects alone, so that
    /// no link in a work tree can redirect a write. Tests whose place is gone cannot come back, which
    /// the gates see in the difference of the two trees.
    pub fn compose(
        &self,
        candidate: &TreeSha,
        incumbent: &TreeSha,
        protection: &Protection<'_>,
    ) -> Result<(TreeSha, Vec<String>), Error> {
        self.compose_by(candidate, incumbent, protection, &splice)
    }

    fn compose_by(
        &self,
        candidate: &TreeSha,
        incumbent: &TreeSha,
        protection: &Protection<'_>,
        splice: Splice<'_>,
    ) -> Result<(TreeSha, Vec<String>), Error> {
        let mut edits = BTreeMap::new();
        for change in self.changes(incumbent, candidate)? {
            if (protection.paths)(&change.path) {
                let edit = change.old.map_or(Edit::Remove, Edit::Put);
                edits.insert(change.path, edit);
            }
        }
        let shielded = self.edited(candidate, &edits)?;
        let put_back = self.changes(candidate, &shielded)?.into_iter();
        let mut put_back: Vec<String> = put_back.map(|change| change.path.into()).collect();
        put_back.dedup();
        let (composed, tests) = self.with_inline_tests(&shielded, incumbent, protection, splice)?;
        put_back.extend(tests);
        Ok((composed, put_back))
    }

    /// Puts the incumbent's tests back into the files that hold other ones now.
    fn with_inline_tests(
        &self,
        candidate: &TreeSha,
        incumbent: &TreeSha,
        protection: &Protection<'_>,
        splice: Splice<'_>,
    ) -> Result<(TreeSha, Vec<String>), Error> {
        let mut sources = Vec::new();
        for delta in self.deltas(incumbent, candidate)? {
            if (protection.inline_tests)(&delta.change.path) {
                sources.extend(self.source_of(delta)?);
            }
        }
        let mut moved = Moved::among(&sources);
        let mut edits = BTreeMap::new();
        let mut put_back = Vec::new();
        for source in sources {
            if !moved.has_lost_any(&source) {
                continue;
            }
            let (Some(grammar), Some(entry)) = (source.grammar, source.entry) else {
                continue;
            };
            if let Some((text, names)) = splice(grammar, &source.before, &source.after) {
                let id = self.write_blob(text.as_bytes())?;
                edits.insert(source.path.clone(), Edit::Put(Entry { id, ..entry }));
                put_back.extend(names.iter().map(|it| format!("{}: `{it}`", source.path)));
            }
        }
        Ok((self.edited(candidate, &edits)?, put_back))
    }

    /// Returns both sides of a changed source file; a side that is not there is empty.
    fn source_of(&self, delta: Delta) -> Result<Option<Source>, Error> {
        let grammar = Grammar::of(&delta.change.path);
        let change = delta.change;
        let is_file =
            |it: Option<Entry>| it.is_none_or(|entry| !is_link(it) && entry.mode != MODE_SUBMODULE);
        if grammar.is_none() || !is_file(change.old) || !is_file(change.new) {
            return Ok(None);
        }
        let text = |entry: Option<Entry>| -> Result<Option<String>, Error> {
            let bytes = entry.map_or(Ok(Vec::new()), |it| self.contents(it.id))?;
            let text = (!is_binary(&bytes)).then(|| String::from_utf8(bytes).ok());
            Ok(text.flatten())
        };
        let (Some(before), Some(after)) = (text(change.old)?, text(change.new)?) else {
            return Ok(None);
        };
        Ok(Some(Source {
            path: change.path,
            grammar,
            entry: change.new,
            before,
            after,
        }))
    }
}

/// Both sides of a source file that differs.
struct Source {
    path: camino::Utf8PathBuf,
    grammar: Option<Grammar>,
    /// What it is on the candidate; nothing where it was deleted.
    entry: Option<Entry>,
    before: String,
    after: String,
}

impl Source {
    /// Returns the tests that are only on one side: those that went, and those that came, by their tokens.
    fn difference(&self) -> (Vec<String>, Vec<String>) {
        let tests = |text: &str| -> BTreeSet<(String, String)> {
            let found = self.grammar.map(|it| syntax::tests(it, text));
            found.unwrap_or_default().into_iter().collect()
        };
        let (before, after) = (tests(&self.before), tests(&self.after));
        let hashes = |it: Vec<&(String, String)>| it.into_iter().map(|it| it.1.clone()).collect();
        (
            hashes(before.difference(&after).collect()),
            hashes(after.difference(&before).collect()),
        )
    }
}

/// Tests that came somewhere, each of which may be one that went elsewhere.
struct Moved(BTreeMap<String, usize>);

impl Moved {
    fn among(sources: &[Source]) -> Self {
        let mut counts = BTreeMap::new();
        for hash in sources.iter().flat_map(|it| it.difference().1) {
            *counts.entry(hash).or_default() += 1;
        }
        Self(counts)
    }

    /// Returns whether a test went from this file that did not come up elsewhere, word by word.
    fn has_lost_any(&mut self, source: &Source) -> bool {
        let mut lost = false;
        for hash in source.difference().0 {
            match self.0.get_mut(&hash) {
                Some(count) if *count > 0 => *count -= 1,
                _ => lost = true,
            }
        }
        lost
    }
}

fn splice(grammar: Grammar, incumbent: &str, candidate: &str) -> Spliced {
    let spliced = syntax::with_tests_of(grammar, incumbent, candidate)?;
    Some((spliced.source, spliced.put_back))
}

#[cfg(test)]
mod tests {
    use super::super::testing::Fixture;
    use super::*;
    use globset::{Glob, GlobSet, GlobSetBuilder};

    fn globs(patterns: &[&str]) -> GlobSet {
        let mut builder = GlobSetBuilder::new();
        for pattern in patterns {
            builder.add(Glob::new(pattern).unwrap());
        }
        builder.build().unwrap()
    }

    fn protect(paths: &dyn Fn(&Utf8Path) -> bool) -> Protection<'_> {
        Protection {
            paths,
            inline_tests: &|_| true,
        }
    }

    #[test]
    fn changed_deleted_and_added_protected_files_are_put_back() {
        let fixture = Fixture::with(&[
            ("src/lib.py", "x = 1\n"),
            ("tests/test_a.py", "assert f() == 1\n"),
            ("tests/test_b.py", "assert g() == 2\n"),
        ]);
        let target = fixture.target();
        let incumbent = target.head_tree();
        let candidate = target.changed(
            &incumbent,
            &[
                ("src/lib.py", Some("x = 2\n")),
                ("src/new.py", Some("y = 1\n")),
                ("tests/test_a.py", Some("assert True\n")),
                ("tests/test_b.py", None),
                ("conftest.py", Some("import os; os._exit(0)\n")),
            ],
        );
        let protected = globs(&["tests/**", "**/conftest.py"]);
        let (tree, put_back) = target
            .compose(
                &candidate,
                &incumbent,
                &protect(&|it| protected.is_match(it)),
            )
            .unwrap();
        assert_eq!(
            put_back,
            ["conftest.py", "tests/test_a.py", "tests/test_b.py"]
        );
        let expected = target.changed(
            &incumbent,
            &[
                ("src/lib.py", Some("x = 2\n")),
                ("src/new.py", Some("y = 1\n")),
            ],
        );
        assert_eq!(tree, expected);
    }

    #[test]
    fn a_link_in_place_of_a_protected_folder_gives_way() {
        let fixture = Fixture::with(&[("src/a.py", "a"), ("tests/test_a.py", "t")]);
        let target = fixture.target();
        let incumbent = target.head_tree();
        std::fs::remove_dir_all(fixture.root.join("tests")).unwrap();
        std::os::unix::fs::symlink("src", fixture.root.join("tests")).unwrap();
        fixture.commit("link");
        let candidate = target.head_tree();
        let (tree, put_back) = target
            .compose(
                &candidate,
                &incumbent,
                &protect(&|it| it.starts_with("tests")),
            )
            .unwrap();
        assert_eq!(tree, incumbent);
        assert_eq!(put_back, ["tests", "tests/test_a.py"]);
    }

    #[test]
    fn an_untouched_candidate_is_its_own_composition() {
        let fixture = Fixture::with(&[("a.py", "a"), ("tests/t.py", "t")]);
        let target = fixture.target();
        let incumbent = target.head_tree();
        let candidate = target.changed(&incumbent, &[("a.py", Some("b"))]);
        let (tree, put_back) = target
            .compose(
                &candidate,
                &incumbent,
                &protect(&|it| it.starts_with("tests")),
            )
            .unwrap();
        assert_eq!((tree, put_back), (candidate, Vec::new()));
    }

    const HONEST: &str = "pub fn two() -> i64 { 2 }\n\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn is_two() {\n        assert_eq!(super::two(), 2);\n    }\n}\n";

    fn composed(files: &[(&str, Option<&str>)]) -> (String, Vec<String>) {
        let fixture = Fixture::with(&[("src/lib.rs", HONEST), ("src/other.rs", "fn f() {}\n")]);
        let target = fixture.target();
        let incumbent = target.head_tree();
        let candidate = target.changed(&incumbent, files);
        let (tree, put_back) = target
            .compose(&candidate, &incumbent, &protect(&|_| false))
            .unwrap();
        let source = target.read(&tree, "src/lib.rs".into()).unwrap();
        (
            String::from_utf8(source.unwrap_or_default()).unwrap(),
            put_back,
        )
    }

    #[test]
    fn a_weakened_inline_test_is_put_back_and_the_code_stays() {
        let weak = HONEST
            .replace("{ 2 }", "{ 3 }")
            .replace("assert_eq!(super::two(), 2);", "super::two();");
        let (source, put_back) = composed(&[("src/lib.rs", Some(&weak))]);
        assert_eq!(source, HONEST.replace("{ 2 }", "{ 3 }"));
        assert_eq!(put_back, ["src/lib.rs: `tests::is_two`"]);
    }

    #[test]
    fn a_new_inline_test_stays_and_layout_is_no_change() {
        let more = HONEST
            .replace("        assert_eq!", "            assert_eq!")
            .replace(
                "    #[test]\n",
                "    #[test]\n    fn new() {}\n\n    #[test]\n",
            );
        let (source, put_back) = composed(&[("src/lib.rs", Some(&more))]);
        assert_eq!((source, put_back), (more, Vec::new()));
    }

    #[test]
    fn an_inline_test_that_moved_with_its_code_is_left_there() {
        let moved = composed(&[
            ("src/lib.rs", Some("mod other;\n")),
            ("src/other.rs", Some(HONEST)),
        ]);
        assert_eq!(moved, ("mod other;\n".to_owned(), Vec::new()));
    }
}
