//! A lab over a temporary directory with an adapter that reads its answers from files of the tree.
//!
//! `checks.txt` holds the suite: `ID PATH TEXT` passes while the file contains the text, `ID skip` is
//! skipped, `ID flaky` fails every other run. `state.txt` breaks it: `nobuild`, `broken`, `timeout`,
//! `norunner`. `lint.txt`, `types.txt` (`PATH RULE` per line) and `coverage.txt` (`COVERED LINES`)
//! are what those tools say; without the file they are missing, and `!` makes them fail.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use super::{ArmRef, Depth, Lab, LedgerFacts, Memory};
use crate::config::{Commands, Profile};
use crate::model::dimension::Evaluation;
use crate::model::finding::{Finding, SuiteState, TestCase, TestOutcome, TestRun};
use crate::model::hypothesis::LintRule;
use crate::model::id::TreeSha;
use crate::model::profile::{Detection, DirectoryState, LanguageName, Project, Purpose, Tool};
use crate::process::Error;
use crate::sandbox::Plain;
use crate::toolchain::{Adapter, Coverage, Job, Origin, Outcome, Suite};

/// A tree under a temporary directory.
pub(super) struct Fixture {
    dir: tempfile::TempDir,
    pub(super) suite_runs: Arc<AtomicUsize>,
}

impl Fixture {
    pub(super) fn new() -> Self {
        let fixture = Self {
            dir: tempfile::tempdir().unwrap(),
            suite_runs: Arc::default(),
        };
        fs_err::create_dir_all(fixture.tree()).unwrap();
        fixture
    }

    /// A tree with a function, its mutants, and a test that notices some of them.
    pub(super) fn with_code() -> Self {
        let fixture = Self::new();
        fixture.write(
            "calc.py",
            "def same(a, b):\n    return a == b\n\n\ndef grow(a):\n    return a + 1\n",
        );
        fixture.write("checks.txt", "test_same calc.py return a == b\n");
        fixture
    }

    pub(super) fn root(&self) -> Utf8PathBuf {
        Utf8PathBuf::from_path_buf(self.dir.path().to_owned()).unwrap()
    }

    pub(super) fn tree(&self) -> Utf8PathBuf {
        self.root().join("tree")
    }

    pub(super) fn write(&self, path: &str, text: &str) {
        let path = self.tree().join(path);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, text).unwrap();
    }

    pub(super) fn lab(&self) -> Lab {
        Lab {
            profile: Profile::default(),
            detection: detection(&self.tree()),
            adapters: vec![Box::new(Fake {
                runs: Arc::clone(&self.suite_runs),
            })],
            sandbox: Box::new(Plain::default()),
            builds: self.root().join("builds"),
            cache: self.root().join("cache"),
            logs: self.root().join("logs"),
            cancel: CancellationToken::new(),
            seed: 1,
            memory: Memory::default(),
        }
    }

    /// Evaluates the tree with a changed profile.
    pub(super) async fn evaluate(
        &self,
        depth: Depth,
        change: impl FnOnce(&mut Profile),
    ) -> Evaluation {
        let mut lab = self.lab();
        change(&mut lab.profile);
        let tree = tree_sha();
        let dir = self.tree();
        let arm = arm(&dir, &tree, "incumbent");
        lab.evaluate(&arm, depth, &LedgerFacts::default())
            .await
            .unwrap()
    }

    /// Evaluates what decides, as configured by default.
    pub(super) async fn decisive(&self) -> Evaluation {
        self.evaluate(Depth::Decisive, |_| {}).await
    }
}

pub(super) fn tree_sha() -> TreeSha {
    "a".repeat(40).parse().unwrap()
}

pub(super) fn arm<'a>(dir: &'a Utf8Path, tree: &'a TreeSha, name: &'a str) -> ArmRef<'a> {
    ArmRef { dir, tree, name }
}

fn detection(root: &Utf8Path) -> Detection {
    Detection {
        schema: "factory.detect/1".into(),
        root: root.to_owned(),
        state: DirectoryState::Codebase,
        languages: vec![Project {
            language: LanguageName::Python,
            root: Utf8PathBuf::new(),
            manifests: Vec::new(),
            uses: [(Purpose::Test, "checker".to_owned())].into(),
        }],
        tools: vec![Tool {
            name: "checker".into(),
            language: LanguageName::Python,
            purpose: Purpose::Test,
            command: None,
            version: None,
            install: "pip install checker".into(),
        }],
        extensions: [].into(),
    }
}

struct Fake {
    runs: Arc<AtomicUsize>,
}

fn answer(job: &Job<'_>, name: &str) -> Option<String> {
    fs_err::read_to_string(job.tree.join(name)).ok()
}

impl Fake {
    fn suite(&self, job: &Job<'_>, only: Option<&[String]>) -> Suite {
        let run = self.runs.fetch_add(1, Ordering::Relaxed);
        let why = "as asked".to_owned();
        let state = match answer(job, "state.txt").as_deref().map(str::trim) {
            Some("nobuild") => SuiteState::DoesNotBuild(why),
            Some("broken") => SuiteState::Broken(why),
            Some("timeout") => SuiteState::TimedOut(why),
            Some("norunner") => SuiteState::NoRunner,
            _ => SuiteState::Completed,
        };
        let checks = answer(job, "checks.txt").unwrap_or_default();
        let cases = checks
            .lines()
            .enumerate()
            .map(|(idx, line)| check(job, run, idx, line))
            .filter(|it| only.is_none_or(|ids| ids.contains(&it.id)))
            .collect();
        Suite {
            run: TestRun {
                cases: if state == SuiteState::Completed {
                    cases
                } else {
                    Vec::new()
                },
                state,
                seconds: 0.5,
            },
            origin: Origin::Tree,
            reasons: BTreeMap::new(),
        }
    }
}

fn check(job: &Job<'_>, run: usize, idx: usize, line: &str) -> TestCase {
    let words: Vec<&str> = line.splitn(3, ' ').collect();
    let outcome = match words.as_slice() {
        [_, "skip"] => TestOutcome::Skipped,
        [_, "flaky"] if run % 2 == 1 => TestOutcome::Failed,
        [_, path, text] if !answer(job, path).unwrap_or_default().contains(text) => {
            TestOutcome::Failed
        }
        _ => TestOutcome::Passed,
    };
    TestCase {
        id: words[0].to_owned(),
        outcome,
        seconds: (!words.contains(&"untimed"))
            .then(|| 0.01 * f64::from(u32::try_from(idx).unwrap())),
    }
}

fn findings(job: &Job<'_>, name: &str) -> Outcome<Vec<Finding>> {
    match answer(job, name) {
        None => Outcome::Missing(format!("no {name}")),
        Some(text) if text.starts_with('!') => Outcome::Failed("it crashed".into()),
        Some(text) => Outcome::Measured(
            text.lines()
                .zip(1..)
                .map(|(line, number)| {
                    let (path, rule) = line.split_once(' ').unwrap();
                    Finding {
                        path: path.into(),
                        line: number,
                        column: 1,
                        tool: "checker".into(),
                        rule: rule.into(),
                        message: String::new(),
                        fixable: false,
                    }
                })
                .collect(),
        ),
    }
}

fn covered(job: &Job<'_>) -> Outcome<Coverage> {
    match answer(job, "coverage.txt") {
        None => Outcome::Missing("no coverage.txt".into()),
        Some(text) => {
            let (covered, lines) = text.trim().split_once(' ').unwrap();
            Outcome::Measured(Coverage {
                lines: lines.parse().unwrap(),
                covered: covered.parse().unwrap(),
                tool: "checker".into(),
                ..Coverage::default()
            })
        }
    }
}

type Answer<'a, T> = BoxFuture<'a, Result<T, Error>>;

impl Adapter for Fake {
    fn name(&self) -> LanguageName {
        LanguageName::Python
    }

    fn detect(
        &self,
        _root: &Utf8Path,
        _files: &[Utf8PathBuf],
        _commands: &Commands,
    ) -> (Vec<Project>, Vec<Tool>) {
        (Vec::new(), Vec::new())
    }

    fn version_args(&self, _tool: &str) -> Vec<String> {
        Vec::new()
    }

    fn version_key(&self, _root: &Utf8Path, _tool: &Tool) -> String {
        String::new()
    }

    fn prepare<'a>(&'a self, _job: &'a Job<'a>) -> Answer<'a, Outcome<()>> {
        async { Ok(Outcome::Missing("nothing to prepare with".into())) }.boxed()
    }

    fn test<'a>(&'a self, job: &'a Job<'a>, only: Option<&'a [String]>) -> Answer<'a, Suite> {
        async move {
            if job.cancel.is_cancelled() {
                return Err(Error::Cancelled);
            }
            if answer(job, "hang.txt").is_some() {
                job.cancel.cancelled().await;
                return Err(Error::Cancelled);
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
            Ok(self.suite(job, only))
        }
        .boxed()
    }

    fn test_times<'a>(&'a self, _job: &'a Job<'a>) -> Answer<'a, Vec<(String, f64)>> {
        async { Ok(vec![("timed alone".to_owned(), 0.5)]) }.boxed()
    }

    fn lint<'a>(&'a self, job: &'a Job<'a>) -> Answer<'a, Outcome<Vec<Finding>>> {
        async { Ok(findings(job, "lint.txt")) }.boxed()
    }

    fn types<'a>(&'a self, job: &'a Job<'a>) -> Answer<'a, Outcome<Vec<Finding>>> {
        async { Ok(findings(job, "types.txt")) }.boxed()
    }

    fn coverage<'a>(&'a self, job: &'a Job<'a>) -> Answer<'a, Outcome<Coverage>> {
        async { Ok(covered(job)) }.boxed()
    }

    fn unformatted<'a>(&'a self, _job: &'a Job<'a>) -> Answer<'a, Outcome<Vec<Utf8PathBuf>>> {
        async { Ok(Outcome::Measured(Vec::new())) }.boxed()
    }

    fn fix<'a>(
        &'a self,
        _job: &'a Job<'a>,
        _rule: &'a LintRule,
        _may_touch: &'a (dyn Fn(&Utf8Path) -> bool + Sync),
    ) -> Answer<'a, Outcome<usize>> {
        async { Ok(Outcome::Measured(0)) }.boxed()
    }

    fn format<'a>(
        &'a self,
        _job: &'a Job<'a>,
        _may_touch: &'a (dyn Fn(&Utf8Path) -> bool + Sync),
    ) -> Answer<'a, Outcome<usize>> {
        async { Ok(Outcome::Measured(0)) }.boxed()
    }

    fn protected(&self) -> &'static [&'static str] {
        &["tests/**", "checks.txt"]
    }

    fn excluded(&self) -> &'static [&'static str] {
        &["vendor/**"]
    }
}
