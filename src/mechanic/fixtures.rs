//! Handmade inputs for the tests of this module, and a language whose tools are a few lines of code.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use crate::config::{Commands, Metric, Parameter, Profile};
use crate::eval::{Lab, Memory};
use crate::model::dimension::{Dimension, Direction, Evaluation, Native, Status, Tier};
use crate::model::finding::{Finding, TestRun};
use crate::model::hypothesis::LintRule;
use crate::model::measurement::{Binding, SandboxReport, SandboxTier};
use crate::model::profile::{Detection, DirectoryState, LanguageName, Project, Purpose, Tool};
use crate::process;
use crate::toolchain::{Adapter, Coverage, Job, Outcome, Suite};

pub(crate) fn rule(tool: &str, rule: &str) -> LintRule {
    LintRule {
        tool: tool.to_owned(),
        rule: rule.to_owned(),
    }
}

pub(crate) fn finding(place: (&str, u32), tool: &str, rule: &str, fixable: bool) -> Finding {
    Finding {
        path: place.0.into(),
        line: place.1,
        column: 1,
        tool: tool.to_owned(),
        rule: rule.to_owned(),
        message: String::new(),
        fixable,
    }
}

pub(crate) fn metric(name: &str, unit: &str, run: &str) -> Metric {
    Metric {
        name: name.to_owned(),
        build: None,
        run: run.to_owned(),
        parser: "metric".to_owned(),
        direction: Direction::Minimize,
        unit: unit.to_owned(),
        tolerance: None,
        deterministic: false,
        timeout_seconds: None,
        only_claimed: false,
        tail: Vec::new(),
        reads: Vec::new(),
        before: None,
    }
}

/// Returns a profile with a benchmark and a parameter.
pub(crate) fn profile() -> Profile {
    Profile {
        metrics: vec![metric("parse_ns", "ns", "cargo bench --bench parse")],
        parameters: vec![Parameter {
            file: "src/lib.rs".into(),
            name: "CHUNK".to_owned(),
            choices: vec!["16".to_owned(), "64".to_owned(), "256".to_owned()],
            low: None,
            high: None,
            log: false,
            trials: 12,
            metric: "parse_ns".to_owned(),
            why: "larger chunks are fewer.".to_owned(),
        }],
        ..Profile::default()
    }
}

/// Returns an evaluation with these findings, a lint score of 0.6 and one more hygiene dimension.
pub(crate) fn evaluation(findings: Vec<Finding>) -> Evaluation {
    let dimension = |name: &str, score: f64, value: usize| Dimension {
        name: name.parse().unwrap(),
        tier: Tier::Hygiene,
        weight: 1.0,
        score: Some(score),
        native: Some(Native {
            value: f64::from(u32::try_from(value).unwrap()),
            unit: "findings".to_owned(),
            direction: Direction::Minimize,
        }),
        status: Status::Measured,
        detail: String::new(),
    };
    Evaluation {
        schema: "factory.eval/1".to_owned(),
        commit: None,
        tree: "2".repeat(40).parse().unwrap(),
        score: Some(0.8),
        threshold: 0.0,
        tiers: BTreeMap::from([(Tier::Hygiene, 0.8)]),
        dimensions: vec![
            dimension("lint", 0.6, findings.len()),
            dimension("tests", 1.0, 0),
        ],
        vetoes: Vec::new(),
        tests: TestRun::default(),
        findings,
        binding: Binding {
            harness: "test".to_owned(),
            eval_hash: "test".to_owned(),
            environment: "test".to_owned(),
            seed: 1,
        },
        sandbox: SandboxReport {
            tier: SandboxTier::T0,
            network: true,
            note: String::new(),
        },
        seconds: 1.0,
    }
}

pub(crate) fn detection(language: LanguageName, formatter: Option<&str>) -> Detection {
    let uses = formatter.map(|it| (Purpose::Format, it.to_owned()));
    Detection {
        schema: "factory.detect/1".to_owned(),
        root: Utf8PathBuf::new(),
        state: DirectoryState::Codebase,
        languages: vec![Project {
            language,
            root: Utf8PathBuf::new(),
            manifests: Vec::new(),
            uses: uses.into_iter().collect(),
        }],
        tools: Vec::new(),
        extensions: BTreeMap::new(),
    }
}

/// Returns a lab that keeps its folders below `base`.
pub(crate) fn lab(base: &Utf8Path, detection: Detection, adapters: Vec<Box<dyn Adapter>>) -> Lab {
    Lab {
        profile: profile(),
        detection,
        adapters,
        sandbox: Box::new(crate::sandbox::Plain::default()),
        builds: base.join("builds"),
        cache: base.join("cache"),
        logs: base.join("logs"),
        cancel: CancellationToken::new(),
        seed: 1,
        memory: Memory::default(),
    }
}

/// Returns a reader of files that are only in memory.
pub(crate) fn reader<'a>(
    files: &'a [(&'a str, &'a str)],
) -> impl Fn(&Utf8Path) -> Option<String> + 'a {
    |path| {
        let file = files.iter().find(|(name, _)| *name == path.as_str());
        file.map(|(_, text)| (*text).to_owned())
    }
}

/// A directory with files, and a place beside it.
pub(crate) struct Dir {
    _temp: tempfile::TempDir,
    pub(crate) base: Utf8PathBuf,
    pub(crate) tree: Utf8PathBuf,
}

impl Dir {
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let temp = tempfile::tempdir().unwrap();
        let base = Utf8PathBuf::try_from(temp.path().to_owned()).unwrap();
        let dir = Self {
            _temp: temp,
            tree: base.join("tree"),
            base,
        };
        for (path, text) in files {
            let file = dir.tree.join(path);
            fs_err::create_dir_all(file.parent().unwrap()).unwrap();
            fs_err::write(file, text).unwrap();
        }
        dir
    }

    pub(crate) fn read(&self, path: &str) -> String {
        fs_err::read_to_string(self.tree.join(path)).unwrap()
    }
}

/// A language in which a lint rule is a word that its fix deletes from `.py` files at the root, and
/// in which files are formatted that hold no two spaces in a row.
pub(crate) struct Words;

impl Words {
    fn edit(
        job: &Job<'_>,
        may_touch: &dyn Fn(&Utf8Path) -> bool,
        edit: impl Fn(&str) -> String,
    ) -> Vec<Utf8PathBuf> {
        let mut changed = Vec::new();
        for entry in job.tree.read_dir_utf8().unwrap() {
            let path: Utf8PathBuf = entry.unwrap().file_name().into();
            let file = job.tree.join(&path);
            if path.extension() == Some("py") && may_touch(&path) {
                let old = fs_err::read_to_string(&file).unwrap();
                let new = edit(&old);
                if new != old {
                    fs_err::write(&file, new).unwrap();
                    changed.push(path);
                }
            }
        }
        changed
    }
}

impl Adapter for Words {
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

    fn prepare<'a>(
        &'a self,
        _job: &'a Job<'a>,
    ) -> BoxFuture<'a, Result<Outcome<()>, process::Error>> {
        async { Ok(Outcome::Measured(())) }.boxed()
    }

    fn test<'a>(
        &'a self,
        _job: &'a Job<'a>,
        _only: Option<&'a [String]>,
    ) -> BoxFuture<'a, Result<Suite, process::Error>> {
        unreachable!("the mechanic runs no tests")
    }

    fn test_times<'a>(
        &'a self,
        _job: &'a Job<'a>,
    ) -> BoxFuture<'a, Result<Vec<(String, f64)>, process::Error>> {
        unreachable!("the mechanic runs no tests")
    }

    fn lint<'a>(
        &'a self,
        _job: &'a Job<'a>,
    ) -> BoxFuture<'a, Result<Outcome<Vec<Finding>>, process::Error>> {
        unreachable!("the mechanic measures nothing")
    }

    fn types<'a>(
        &'a self,
        _job: &'a Job<'a>,
    ) -> BoxFuture<'a, Result<Outcome<Vec<Finding>>, process::Error>> {
        unreachable!("the mechanic measures nothing")
    }

    fn coverage<'a>(
        &'a self,
        _job: &'a Job<'a>,
    ) -> BoxFuture<'a, Result<Outcome<Coverage>, process::Error>> {
        unreachable!("the mechanic measures nothing")
    }

    fn unformatted<'a>(
        &'a self,
        job: &'a Job<'a>,
    ) -> BoxFuture<'a, Result<Outcome<Vec<Utf8PathBuf>>, process::Error>> {
        let files = job.tree.read_dir_utf8().unwrap();
        let loose = files
            .map(|it| it.unwrap().into_path())
            .filter(|it| fs_err::read_to_string(it).is_ok_and(|it| it.contains("  ")))
            .map(|it| it.file_name().unwrap().into())
            .collect();
        async { Ok(Outcome::Measured(loose)) }.boxed()
    }

    fn fix<'a>(
        &'a self,
        job: &'a Job<'a>,
        rule: &'a LintRule,
        may_touch: &'a (dyn Fn(&Utf8Path) -> bool + Sync),
    ) -> BoxFuture<'a, Result<Outcome<usize>, process::Error>> {
        if rule.rule == "BROKEN" {
            return async { Ok(Outcome::Failed("exit status 2".to_owned())) }.boxed();
        }
        let changed = Self::edit(job, may_touch, |it| it.replace(&rule.rule, ""));
        if rule.rule == "HALFWAY" {
            return async { Ok(Outcome::Failed("killed by signal 9".to_owned())) }.boxed();
        }
        async move { Ok(Outcome::Measured(changed.len())) }.boxed()
    }

    fn format<'a>(
        &'a self,
        job: &'a Job<'a>,
        may_touch: &'a (dyn Fn(&Utf8Path) -> bool + Sync),
    ) -> BoxFuture<'a, Result<Outcome<usize>, process::Error>> {
        let changed = Self::edit(job, may_touch, |it| it.replace("  ", " "));
        async move { Ok(Outcome::Measured(changed.len())) }.boxed()
    }

    fn protected(&self) -> &'static [&'static str] {
        &["test_*"]
    }

    fn excluded(&self) -> &'static [&'static str] {
        &["*_pb2.py"]
    }
}
