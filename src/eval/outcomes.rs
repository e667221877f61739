//! What became of mutants before: a disposable cache, one small file per mutant.

use camino::Utf8PathBuf;

use super::bench::Bench;
use super::sample::Spot;
use super::sources::{self, SourceFile};
use crate::model::finding::TestRun;
use crate::syntax;

/// What became of a mutant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// A test noticed.
    Killed,
    /// No test noticed.
    Survived,
    /// It did not compile: says nothing about the tests.
    Unviable,
}

impl Fate {
    const ALL: [Self; 3] = [Self::Killed, Self::Survived, Self::Unviable];

    fn name(self) -> &'static str {
        match self {
            Self::Killed => "killed",
            Self::Survived => "survived",
            Self::Unviable => "unviable",
        }
    }
}

/// Fates by (text of the item, mutant, suite, environment): a change of any makes them unknown.
pub(super) struct Outcomes {
    dir: Utf8PathBuf,
    context: String,
}

impl Outcomes {
    /// Opens the cache for what judges the mutants; the folder need not exist.
    pub(super) fn open(dir: Utf8PathBuf, context: String) -> Self {
        Self { dir, context }
    }

    /// Returns what became of a mutant, if it is known.
    pub(super) fn get(&self, spot: &Spot<'_>) -> Option<Fate> {
        let text = fs_err::read_to_string(self.path(spot)).ok()?;
        Fate::ALL.into_iter().find(|it| it.name() == text)
    }

    /// Remembers what became of a mutant; a failure costs a later run and nothing else.
    pub(super) fn put(&self, spot: &Spot<'_>, fate: Fate) {
        let path = self.path(spot);
        let written =
            fs_err::create_dir_all(&self.dir).and_then(|()| fs_err::write(&path, fate.name()));
        if let Err(error) = written {
            tracing::warn!(%error, "a mutant's outcome is not cached");
        }
    }

    fn path(&self, spot: &Spot<'_>) -> Utf8PathBuf {
        let mutant = &spot.mutant;
        let item = &spot.file.text[spot.item.span.clone()];
        let at = mutant.span.start - spot.item.span.start;
        let mut hasher = blake3::Hasher::new();
        for part in [
            self.context.as_str(),
            spot.file.path.as_str(),
            &mutant.item,
            item,
            &at.to_string(),
            &mutant.replacement,
        ] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        self.dir.join(&hasher.finalize().to_hex()[..40])
    }
}

/// Hashes what decides a mutant's fate beside its item: the environment, the outcomes of the suite
/// without it, every file that judges (data of tests too), and test items inside other files.
pub(super) fn context(bench: &Bench<'_>, files: &[SourceFile], baseline: &TestRun) -> String {
    let mut hasher = blake3::Hasher::new();
    let mut add = |part: &[u8]| {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    };
    add(bench.lab.binding().environment.as_bytes());
    for case in &baseline.cases {
        add(case.id.as_bytes());
        add(format!("{:?}", case.outcome).as_bytes());
    }
    let protected = bench.lab.protected();
    for path in sources::paths(&bench.dir) {
        if protected.is_match(&path) {
            add(path.as_str().as_bytes());
            add(&fs_err::read(bench.dir.join(&path)).unwrap_or_default());
        }
    }
    for file in files {
        if file.protected {
            add(file.text.as_bytes());
        }
        for (name, hash) in syntax::tests(file.grammar, &file.text) {
            add(name.as_bytes());
            add(hash.as_bytes());
        }
    }
    hasher.finalize().to_hex()[..40].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::sample::spots;
    use crate::eval::sources::source_files;
    use crate::eval::testing::Fixture;
    use crate::model::finding::{TestCase, TestOutcome};

    fn outcomes(fixture: &Fixture, baseline: &TestRun, act: impl FnOnce(&Outcomes, &Spot<'_>)) {
        let lab = fixture.lab();
        let bench = Bench::at(&lab, fixture.tree(), "scratch").unwrap();
        let files = source_files(&bench);
        let known = Outcomes::open(lab.cache.clone(), context(&bench, &files, baseline));
        act(&known, &spots(&files)[0]);
    }

    /// Stores a fate, changes the tree, and looks it up again.
    fn fate_after(path: &str, text: &str) -> Option<Fate> {
        let fixture = Fixture::new();
        let baseline = TestRun::default();
        fixture.write("a.py", "def f(a, b):\n    return a == b\n");
        fixture.write("tests/test_a.py", "def test(): pass\n");
        outcomes(&fixture, &baseline, |known, spot| {
            known.put(spot, Fate::Survived);
        });
        fixture.write(path, text);
        let mut found = None;
        outcomes(&fixture, &baseline, |known, spot| found = known.get(spot));
        found
    }

    #[test]
    fn a_fate_is_known_while_item_and_suite_stay_the_same() {
        let moved = "X = 1\n\n\ndef f(a, b):\n    return a == b\n";
        assert_eq!(fate_after("a.py", moved), Some(Fate::Survived));
        assert_eq!(fate_after("README.md", "words"), Some(Fate::Survived));
    }

    #[test]
    fn a_changed_item_test_or_test_data_makes_a_fate_unknown() {
        assert_eq!(
            fate_after("a.py", "def f(a, b):\n    return a != b\n"),
            None
        );
        assert_eq!(fate_after("tests/test_a.py", "def test(): f(1, 2)\n"), None);
        assert_eq!(fate_after("tests/data.json", "{}"), None);
        assert_eq!(fate_after("b.py", "def test_b(): pass\n"), None);
    }

    #[test]
    fn another_outcome_without_the_mutant_makes_a_fate_unknown() {
        let fixture = Fixture::with_code();
        let mut baseline = TestRun::default();
        outcomes(&fixture, &baseline, |known, spot| {
            known.put(spot, Fate::Killed);
        });
        outcomes(&fixture, &baseline, |known, spot| {
            assert_eq!(known.get(spot), Some(Fate::Killed));
        });
        baseline.cases.push(TestCase {
            id: "t".into(),
            outcome: TestOutcome::Failed,
            seconds: None,
        });
        outcomes(&fixture, &baseline, |known, spot| {
            assert_eq!(known.get(spot), None);
        });
    }
}
