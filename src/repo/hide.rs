//! Trees without files that somebody may not read, and those files put back afterwards.

use camino::Utf8Path;
use std::collections::BTreeMap;

use super::tree::Edit;
use super::{Error, Target};
use crate::model::id::TreeSha;

impl Target {
    /// Returns a tree without the files at certain paths.
    pub fn without(
        &self,
        tree: &TreeSha,
        hidden: &dyn Fn(&Utf8Path) -> bool,
    ) -> Result<TreeSha, Error> {
        let paths = self.entries(tree)?.into_keys();
        let edits = paths
            .filter(|path| hidden(path.as_str().into()))
            .map(|path| (path.into(), Edit::Remove))
            .collect();
        self.edited(tree, &edits)
    }

    /// Returns a tree with the files of `source` at certain paths, where it has none there.
    ///
    /// A file that stands at such a path stays: whoever made it could not know what is hidden.
    pub fn restored(
        &self,
        tree: &TreeSha,
        source: &TreeSha,
        hidden: &dyn Fn(&Utf8Path) -> bool,
    ) -> Result<TreeSha, Error> {
        let present = self.entries(tree)?;
        let mut edits = BTreeMap::new();
        for (path, entry) in self.entries(source)? {
            if hidden(path.as_str().into()) && !present.contains_key(&path) {
                edits.insert(path.into(), Edit::Put(entry));
            }
        }
        self.edited(tree, &edits)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Fixture, git};
    use super::super::{ArmDir, VersionRepository, builder_repository};
    use super::*;

    const FILES: [(&str, &str); 4] = [
        ("src/model.py", "x = 1\n"),
        ("eval/score.py", "# SECRET-SCORER\n"),
        ("eval/holdout/a.jsonl", "SECRET-ANSWER\n"),
        ("README.md", "read me\n"),
    ];

    fn is_hidden(path: &Utf8Path) -> bool {
        path.starts_with("eval")
    }

    #[test]
    fn what_is_taken_out_comes_back_as_it_was() {
        let fixture = Fixture::with(&FILES);
        let target = fixture.target();
        let tree = target.head_tree();
        let shown = target.without(&tree, &is_hidden).unwrap();
        let paths: Vec<_> = target.list(&shown).unwrap().into_keys().collect();
        assert_eq!(paths, ["README.md", "src/model.py"]);
        assert_eq!(target.restored(&shown, &tree, &is_hidden).unwrap(), tree);
        let none = |_: &Utf8Path| false;
        assert_eq!(target.without(&tree, &none).unwrap(), tree);
    }

    #[test]
    fn what_a_builder_puts_at_a_hidden_path_is_left_for_the_composition_to_undo() {
        let fixture = Fixture::with(&FILES);
        let target = fixture.target();
        let tree = target.head_tree();
        let shown = target.without(&tree, &is_hidden).unwrap();
        let forged = target.changed(&shown, &[("eval/score.py", Some("print('METRIC a=1')\n"))]);
        let restored = target.restored(&forged, &tree, &is_hidden).unwrap();
        let said = target.text(&restored, "eval/score.py").unwrap();
        assert!(said.contains("METRIC"));
        let holdout = target.text(&restored, "eval/holdout/a.jsonl");
        assert_eq!(holdout.as_deref(), Some("SECRET-ANSWER\n"));
    }

    /// Whether the git of a directory can give out a file of the whole tree.
    fn has(dir: &Utf8Path, target: &Target, path: &str) -> bool {
        let blob = &target.list(&target.head_tree()).unwrap()[Utf8Path::new(path)];
        let all = [
            "cat-file",
            "--batch-all-objects",
            "--batch-check=%(objectname)",
        ];
        git(dir, &all).contains(blob.as_str())
    }

    #[test]
    fn neither_files_nor_git_objects_of_a_builder_hold_what_is_hidden() {
        let fixture = Fixture::with(&FILES);
        let target = fixture.target();
        let tree = target.head_tree();
        let shown = target.without(&tree, &is_hidden).unwrap();
        let dir = fixture.dir("builder");
        // A builder had the whole tree in the same place before it was hidden.
        builder_repository(&target, &tree, &dir).unwrap();
        builder_repository(&target, &shown, &dir).unwrap();
        assert!(!dir.join("eval").exists());
        assert!(dir.join("src/model.py").exists());
        for hidden in ["eval/score.py", "eval/holdout/a.jsonl"] {
            assert!(!has(&dir, &target, hidden), "{hidden}");
        }
        assert!(has(&dir, &target, "README.md"));
        let untouched = target.snapshot(&dir, &shown).unwrap().tree;
        assert_eq!(
            target.restored(&untouched, &tree, &is_hidden).unwrap(),
            tree
        );
    }

    #[test]
    fn the_git_directory_of_an_evaluated_tree_holds_no_hidden_object() {
        let fixture = Fixture::with(&FILES);
        let target = fixture.target();
        let base = target.head().unwrap().commit;
        let tree = target.head_tree();
        let is_holdout = |path: &Utf8Path| path.starts_with("eval/holdout");
        let shown = target.without(&tree, &is_holdout).unwrap();
        let layer = fixture.dir("layer");
        VersionRepository::make(&target, &base, &tree, &layer).unwrap();
        let version = VersionRepository::make(&target, &base, &shown, &layer).unwrap();
        let arm = fixture.dir("arm");
        ArmDir::open(&arm)
            .unwrap()
            .sync(&target, &shown, &[])
            .unwrap();
        version.copy_into(&arm).unwrap();
        assert!(!arm.join("eval/holdout").exists());
        assert!(has(&arm, &target, "eval/score.py"));
        assert!(!has(&arm, &target, "eval/holdout/a.jsonl"));
        assert_eq!(git(&arm, &["rev-list", "--all", "--count"]), "1");
        assert_eq!(git(&arm, &["status", "--porcelain"]), "");
    }
}
