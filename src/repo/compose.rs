//! The tree that is evaluated: the candidate, with the incumbent's protected paths.

use camino::{Utf8Path, Utf8PathBuf};
use std::collections::BTreeMap;

use super::tree::Edit;
use super::{Error, Target};
use crate::model::id::TreeSha;

impl Target {
    /// Returns the candidate's tree with the incumbent's protected paths, and every path at which
    /// it differs from what the candidate asked for.
    ///
    /// Changed and deleted protected files come back, added ones go, on tree objects alone, so that
    /// no link in a work tree can redirect a write.
    pub fn compose(
        &self,
        candidate: &TreeSha,
        incumbent: &TreeSha,
        protected: &dyn Fn(&Utf8Path) -> bool,
    ) -> Result<(TreeSha, Vec<Utf8PathBuf>), Error> {
        let mut edits = BTreeMap::new();
        for change in self.changes(incumbent, candidate)? {
            if protected(&change.path) {
                let edit = change.old.map_or(Edit::Remove, Edit::Put);
                edits.insert(change.path, edit);
            }
        }
        let composed = self.edited(candidate, &edits)?;
        let put_back = self.changes(candidate, &composed)?.into_iter();
        let mut put_back: Vec<_> = put_back.map(|change| change.path).collect();
        put_back.dedup();
        Ok((composed, put_back))
    }
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

    fn paths(put_back: &[Utf8PathBuf]) -> Vec<&str> {
        put_back.iter().map(|path| path.as_str()).collect()
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
            .compose(&candidate, &incumbent, &|it| protected.is_match(it))
            .unwrap();
        assert_eq!(
            paths(&put_back),
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
            .compose(&candidate, &incumbent, &|it| it.starts_with("tests"))
            .unwrap();
        assert_eq!(tree, incumbent);
        assert_eq!(paths(&put_back), ["tests", "tests/test_a.py"]);
    }

    #[test]
    fn an_untouched_candidate_is_its_own_composition() {
        let fixture = Fixture::with(&[("a.py", "a"), ("tests/t.py", "t")]);
        let target = fixture.target();
        let incumbent = target.head_tree();
        let candidate = target.changed(&incumbent, &[("a.py", Some("b"))]);
        let (tree, put_back) = target
            .compose(&candidate, &incumbent, &|it| it.starts_with("tests"))
            .unwrap();
        assert_eq!((tree, put_back), (candidate, Vec::new()));
    }
}
