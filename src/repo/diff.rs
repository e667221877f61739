//! Facts of a difference, for the gates.

use camino::{Utf8Path, Utf8PathBuf};
use git2::{DiffFindOptions, DiffOptions};
use std::collections::BTreeMap;

use super::change::Change;
use super::patch::{Side, for_each_line, is_binary, is_link};
use super::tree::{Entry, MODE_SUBMODULE};
use super::{Error, Target};
use crate::gate::{FileFacts, Need, is_manifest};
use crate::model::id::TreeSha;
use crate::syntax::{self, Grammar};

/// One changed file, with renames paired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Delta {
    pub(super) change: Change,
    pub(super) renamed_from: Option<Utf8PathBuf>,
}

/// What a reader of source files finds in one.
#[derive(Default)]
pub(super) struct View {
    /// How many there are of each kind.
    pub(super) suppressions: BTreeMap<String, usize>,
    /// Test items by name.
    pub(super) tests: BTreeMap<String, String>,
    /// Public items by name.
    pub(super) surface: BTreeMap<String, String>,
    /// What it needs of its language.
    pub(super) needs: BTreeMap<String, Need>,
}

/// A manifest larger than this was not written by hand.
const LARGEST_MANIFEST: usize = 1 << 20;

impl Target {
    /// Returns the facts of the difference, with suppressions and tests counted by [`syntax`].
    pub fn diff_facts(&self, from: &TreeSha, to: &TreeSha) -> Result<Vec<FileFacts>, Error> {
        let mut facts = self.facts_seen_by(from, to, &view)?;
        self.keep_what_is_offered(from, to, &mut facts)?;
        Ok(facts)
    }

    pub(super) fn facts_seen_by(
        &self,
        from: &TreeSha,
        to: &TreeSha,
        view: &dyn Fn(&Utf8Path, &str) -> View,
    ) -> Result<Vec<FileFacts>, Error> {
        let deltas = self.deltas(from, to)?;
        deltas.iter().map(|delta| self.facts(delta, view)).collect()
    }

    fn facts(
        &self,
        delta: &Delta,
        view: &dyn Fn(&Utf8Path, &str) -> View,
    ) -> Result<FileFacts, Error> {
        let Change { path, old, new } = &delta.change;
        let before = self.side(delta, Side::Old)?;
        let after = self.side(delta, Side::New)?;
        let mut facts = FileFacts {
            path: path.clone(),
            renamed_from: delta.renamed_from.clone(),
            added: old.is_none(),
            deleted: new.is_none(),
            size: new.map_or(0, |_| after.len() as u64),
            binary: is_binary(&after) || is_submodule(*old) || is_submodule(*new),
            link: is_link(*new).then(|| String::from_utf8_lossy(&after).into_owned()),
            ..FileFacts::default()
        };
        if !facts.binary {
            facts.added_lines = added_lines(&before, &after)?;
        }
        let old_path = delta.renamed_from.as_ref().unwrap_or(path);
        let seen = |path: &Utf8Path, entry: Option<Entry>, bytes: &[u8]| match entry {
            Some(_) if !is_link(entry) && !is_submodule(entry) && !is_binary(bytes) => {
                view(path, &String::from_utf8_lossy(bytes))
            }
            _ => View::default(),
        };
        let (old_view, new_view) = (seen(old_path, *old, &before), seen(path, *new, &after));
        facts.suppressions_before = old_view.suppressions;
        facts.suppressions_after = new_view.suppressions;
        facts.tests_before = old_view.tests;
        facts.tests_after = new_view.tests;
        facts.surface_before = old_view.surface;
        facts.surface_after = new_view.surface;
        facts.needs_before = old_view.needs;
        facts.needs_after = new_view.needs;
        facts.manifest_before = manifest_text(old_path, &before);
        facts.manifest_after = manifest_text(path, &after);
        Ok(facts)
    }

    /// Returns the changed files with renames paired; looks at contents, never at attributes.
    pub(super) fn deltas(&self, from: &TreeSha, to: &TreeSha) -> Result<Vec<Delta>, Error> {
        let mut changes: BTreeMap<Utf8PathBuf, Change> = self
            .changes(from, to)?
            .into_iter()
            .map(|change| (change.path.clone(), change))
            .collect();
        let mut renames = BTreeMap::new();
        if may_hold_renames(changes.values()) {
            for (old, new) in self.renames(from, to)? {
                let is_pair = changes.get(&old).is_some_and(|change| change.new.is_none())
                    && changes.get(&new).is_some_and(|change| change.old.is_none());
                if !is_pair {
                    continue;
                }
                let source = changes.remove(&old).and_then(|change| change.old);
                if let Some(change) = changes.get_mut(&new) {
                    change.old = source;
                }
                renames.insert(new, old);
            }
        }
        let deltas = changes.into_values().map(|change| Delta {
            renamed_from: renames.remove(&change.path),
            change,
        });
        Ok(deltas.collect())
    }

    /// Returns pairs of old and new path.
    fn renames(
        &self,
        from: &TreeSha,
        to: &TreeSha,
    ) -> Result<Vec<(Utf8PathBuf, Utf8PathBuf)>, Error> {
        let find = || -> Result<Vec<(Utf8PathBuf, Utf8PathBuf)>, git2::Error> {
            let repo = &self.repo;
            let (from, to) = (from.as_str().parse()?, to.as_str().parse()?);
            let (from, to) = (repo.find_tree(from)?, repo.find_tree(to)?);
            let mut options = DiffOptions::new();
            options.context_lines(0).skip_binary_check(true);
            let mut diff = repo.diff_tree_to_tree(Some(&from), Some(&to), Some(&mut options))?;
            let mut similar = DiffFindOptions::new();
            similar.renames(true).rename_limit(400);
            diff.find_similar(Some(&mut similar))?;
            Ok(diff.deltas().filter_map(|delta| rename(&delta)).collect())
        };
        find().map_err(Error::git("find renamed files"))
    }
}

fn may_hold_renames<'a>(changes: impl Iterator<Item = &'a Change> + Clone) -> bool {
    changes.clone().any(|change| change.old.is_none()) && { changes }.any(|it| it.new.is_none())
}

fn rename(delta: &git2::DiffDelta<'_>) -> Option<(Utf8PathBuf, Utf8PathBuf)> {
    if delta.status() != git2::Delta::Renamed {
        return None;
    }
    let old = Utf8Path::from_path(delta.old_file().path()?)?;
    let new = Utf8Path::from_path(delta.new_file().path()?)?;
    Some((old.to_owned(), new.to_owned()))
}

fn is_submodule(entry: Option<Entry>) -> bool {
    entry.is_some_and(|entry| entry.mode == MODE_SUBMODULE)
}

fn added_lines(before: &[u8], after: &[u8]) -> Result<Vec<(u32, String)>, Error> {
    let mut lines = Vec::new();
    for_each_line(before, after, &mut |line| {
        if let ('+', Some(number)) = (line.origin(), line.new_lineno()) {
            let text = String::from_utf8_lossy(line.content());
            let text = text.strip_suffix('\n').unwrap_or(&text);
            lines.push((number, text.strip_suffix('\r').unwrap_or(text).to_owned()));
        }
    })?;
    Ok(lines)
}

fn manifest_text(path: &Utf8Path, bytes: &[u8]) -> String {
    if is_manifest(path) && bytes.len() <= LARGEST_MANIFEST {
        String::from_utf8_lossy(bytes).into_owned()
    } else {
        String::new()
    }
}

fn view(path: &Utf8Path, source: &str) -> View {
    let Some(grammar) = Grammar::of(path) else {
        return View::default();
    };
    let mut suppressions = BTreeMap::new();
    for (kind, _) in syntax::suppressions(grammar, source) {
        *suppressions.entry(kind).or_insert(0) += 1;
    }
    View {
        suppressions,
        tests: syntax::tests(grammar, source),
        surface: syntax::surface(grammar, source),
        needs: needs(grammar, source),
    }
}

fn needs(grammar: Grammar, source: &str) -> BTreeMap<String, Need> {
    let needs = syntax::needs(grammar, source).into_iter();
    let fact = |it: syntax::Need| Need {
        version: it.version,
        line: it.line,
    };
    needs
        .map(|(name, it)| (name.to_owned(), fact(it)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing::Fixture;
    use super::*;

    /// Counts `noqa`, and takes every line that begins with `def test` for a test.
    fn naive(_: &Utf8Path, source: &str) -> View {
        let n_noqa = source.matches("noqa").count();
        let suppressions = (n_noqa > 0).then(|| ("noqa".to_owned(), n_noqa));
        let tests = source.lines().filter(|line| line.starts_with("def test"));
        View {
            suppressions: suppressions.into_iter().collect(),
            tests: tests
                .map(|line| (line.to_owned(), "hash".to_owned()))
                .collect(),
            ..View::default()
        }
    }

    fn facts(target: &Target, files: &[(&str, Option<&str>)]) -> Vec<FileFacts> {
        let from = target.head_tree();
        let to = target.changed(&from, files);
        target.facts_seen_by(&from, &to, &naive).unwrap()
    }

    #[test]
    fn added_lines_have_their_numbers_on_the_candidate() {
        let fixture = Fixture::with(&[("a.py", "one\ntwo\nthree\n")]);
        let facts = facts(
            &fixture.target(),
            &[
                ("a.py", Some("zero\none\nthree\nfour # noqa")),
                ("b.py", Some("x\r\n")),
            ],
        );
        let lines = |index: usize| facts[index].added_lines.clone();
        assert_eq!(
            lines(0),
            [(1, "zero".to_owned()), (4, "four # noqa".to_owned())]
        );
        assert_eq!(lines(1), [(1, "x".to_owned())]);
        assert!(!facts[0].added && facts[1].added);
        assert!(facts[0].suppressions_before.is_empty());
        assert_eq!(facts[0].suppressions_after["noqa"], 1);
    }

    #[test]
    fn a_rename_is_one_change_with_both_sides() {
        let body = (0..40).fold(String::new(), |text, n| text + &format!("line {n}\n"));
        let old = format!("def test_a(): pass\n{body}");
        let new = format!("{body}tail\n");
        let fixture = Fixture::with(&[("old.py", &old), ("other.py", "o")]);
        let facts = facts(
            &fixture.target(),
            &[("old.py", None), ("new.py", Some(&new))],
        );
        assert_eq!(facts.len(), 1);
        assert_eq!(facts[0].path, "new.py");
        assert_eq!(
            facts[0].renamed_from.as_deref(),
            Some(Utf8Path::new("old.py"))
        );
        assert_eq!(facts[0].tests_before.len(), 1);
        assert!(facts[0].tests_after.is_empty());
        assert_eq!(facts[0].added_lines, [(41, "tail".to_owned())]);
    }

    #[test]
    fn a_deleted_file_keeps_what_it_held_before() {
        let fixture = Fixture::with(&[("t.py", "def test_a(): pass\n"), ("a.py", "a")]);
        let facts = facts(&fixture.target(), &[("t.py", None)]);
        assert!(facts[0].deleted && facts[0].added_lines.is_empty());
        assert_eq!((facts[0].tests_before.len(), facts[0].size), (1, 0));
    }

    #[test]
    fn attributes_hide_nothing() {
        let fixture = Fixture::with(&[
            (".gitattributes", "* -diff -text binary\n"),
            ("a.py", "one\n"),
        ]);
        std::fs::write(fixture.root.join(".git/info/attributes"), "* -diff\n").unwrap();
        let target = fixture.target();
        let facts = facts(&target, &[("a.py", Some("one\nassert False # noqa\n"))]);
        assert!(!facts[0].binary);
        assert_eq!(facts[0].added_lines.len(), 1);
        let from = target.head_tree();
        let to = target.changed(&from, &[("a.py", Some("two\n"))]);
        assert!(
            target
                .diff_text(&from, &to)
                .unwrap()
                .contains("\n-one\n+two\n")
        );
    }

    #[test]
    fn binary_files_and_links_are_told_apart_by_content_and_mode() {
        let fixture = Fixture::with(&[("a.txt", "a")]);
        let target = fixture.target();
        let from = target.head_tree();
        std::os::unix::fs::symlink("a.txt", fixture.root.join("link")).unwrap();
        fixture.write_all(&[("blob", "a\0b")]);
        fixture.commit("more");
        let to = target.head_tree();
        let facts = target.facts_seen_by(&from, &to, &naive).unwrap();
        assert!(facts[0].binary && facts[0].link.is_none());
        assert_eq!(
            (facts[1].binary, facts[1].link.as_deref()),
            (false, Some("a.txt"))
        );
        let size = target.diff_size(&from, &to).unwrap();
        assert_eq!((size.files, size.added, size.removed), (2, 1, 0));
    }
}
