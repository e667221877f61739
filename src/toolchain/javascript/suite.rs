//! Runs a suite with the runner that the project's own scripts use, and a reporter of ours.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use camino::{Utf8Path, Utf8PathBuf};

use super::plan::{Invocation, Plan, Runner, plan};
use super::report::Report;
use super::start::{Start, name_pattern};
use super::{modules, origin, programs};
use crate::model::finding::{SuiteState, TestCase, TestOutcome, TestRun};
use crate::process::{Command, Error, Exit};
use crate::toolchain::catalogue::JAVASCRIPT;
use crate::toolchain::job::write;
use crate::toolchain::{Job, Origin, Suite};

/// Our helper programs, written beside the build folder before each run.
const HELPERS: &[(&str, &str)] = &[
    (
        "factory_report.cjs",
        include_str!("../../../evals/languages/javascript/factory_report.cjs"),
    ),
    (
        "factory_mocha.cjs",
        include_str!("../../../evals/languages/javascript/factory_mocha.cjs"),
    ),
    (
        "factory_jest.cjs",
        include_str!("../../../evals/languages/javascript/factory_jest.cjs"),
    ),
    (
        "factory_vitest.mjs",
        include_str!("../../../evals/languages/javascript/factory_vitest.mjs"),
    ),
    (
        "factory_node.mjs",
        include_str!("../../../evals/languages/javascript/factory_node.mjs"),
    ),
    (
        "factory_files.cjs",
        include_str!("../../../evals/languages/javascript/factory_files.cjs"),
    ),
    (
        "factory_preload.cjs",
        include_str!("../../../evals/languages/javascript/factory_preload.cjs"),
    ),
    (
        "factory_origin.cjs",
        include_str!("../../../evals/languages/javascript/factory_origin.cjs"),
    ),
];

/// What the runs of a suite need and leave.
pub(super) struct Harness {
    pub(super) dir: Utf8PathBuf,
    pub(super) plan: Plan,
}

/// One run of a runner, ready to be started.
pub(super) struct Ready {
    pub(super) command: Command,
    report: Utf8PathBuf,
    early: Utf8PathBuf,
}

impl Harness {
    /// Writes the helper programs into a clean folder outside the tree, and links what is installed.
    pub(super) fn new(job: &Job<'_>) -> Result<Self, Error> {
        modules::link(job)?;
        let dir = job.fresh_folder("javascript")?;
        for (name, text) in HELPERS {
            write(&dir.join(name), text)?;
        }
        Ok(Self {
            dir,
            plan: plan(job),
        })
    }

    /// Builds what the tests load.
    pub(super) async fn build(&self, job: &Job<'_>) -> Result<Result<(), SuiteState>, Error> {
        for (dir, line) in &self.plan.builds {
            let words = ["sh", "-c", line].map(str::to_owned);
            let finished = job.run(&programs::command(job, dir, &words)).await?;
            if finished.exit == Exit::TimedOut {
                let why = format!("`{line}` was {}", finished.explain());
                return Ok(Err(SuiteState::TimedOut(why)));
            }
            if !finished.success() {
                let why = format!("`{line}` failed: {}", finished.explain());
                return Ok(Err(SuiteState::DoesNotBuild(why)));
            }
        }
        Ok(Ok(()))
    }

    /// Makes a run ready; `None` where none of the wanted tests is part of it. The inner error is how
    /// to get a runner that is not there.
    pub(super) fn ready(
        &self,
        job: &Job<'_>,
        number: usize,
        only: Option<&[String]>,
    ) -> Result<Result<Option<Ready>, String>, Error> {
        let run = &self.plan.runs[number];
        let files = only.map(|it| own_files(job, run, it));
        if files.as_ref().is_some_and(BTreeSet::is_empty) {
            return Ok(Ok(None));
        }
        let start = Start {
            job,
            run,
            helpers: &self.dir,
            at: job.tree.join(&run.dir),
            files,
            pattern: only.and_then(name_pattern),
        };
        let Some(words) = start.words()? else {
            return Ok(Err(JAVASCRIPT.install(run.runner.tool())));
        };
        let report = self.dir.join(format!("report-{number}.jsonl"));
        let early = self.dir.join(format!("early-{number}."));
        let mut command = programs::command(job, &run.dir, &words)
            .env("NODE_ENV", "test")
            .env("FACTORY_REPORT", report.as_str())
            .env("FACTORY_TREE", job.tree.as_str())
            .env("FACTORY_EARLY", early.as_str());
        command.env.extend(run.env.iter().cloned());
        if let Some(only) = only {
            let file = self.dir.join("only.json");
            write(&file, &serde_json::json!(only).to_string())?;
            command = command.env("FACTORY_ONLY", file);
        }
        if let Some(expected) = job.until {
            let file = self.dir.join("stop.json");
            write(&file, &serde_json::json!(expected).to_string())?;
            command = command.env("FACTORY_STOP", file);
        }
        Ok(Ok(Some(Ready {
            command,
            report,
            early,
        })))
    }
}

impl Runner {
    /// Returns the name of its package, and of its entry in the catalogue.
    pub(super) fn tool(self) -> &'static str {
        match self {
            Self::Vitest => "vitest",
            Self::Jest => "jest",
            Self::Mocha => "mocha",
            Self::Node | Self::Files => "node",
        }
    }
}

impl Ready {
    /// Reads what the run reported.
    pub(super) fn read(&self) -> Result<Report, String> {
        let read = |it: &Utf8Path| std::fs::read_to_string(it).unwrap_or_default();
        Report::parse(&format!("{}{}", read(&self.report), read(&self.early)))
    }
}

/// Runs the suite, or those of its tests that `only` names.
pub(super) async fn run(job: &Job<'_>, only: Option<&[String]>) -> Result<Suite, Error> {
    let started = Instant::now();
    if job.tool("node").is_none() {
        return Ok(without_outcome(
            SuiteState::NoRunner,
            JAVASCRIPT.install("node"),
        ));
    }
    if only.is_some_and(<[String]>::is_empty) {
        return Ok(without_outcome(
            SuiteState::Completed,
            "no test was asked for".into(),
        ));
    }
    let harness = Harness::new(job)?;
    if harness.plan.runs.is_empty() {
        let hint = "no script of `package.json` runs a test runner that is known here".to_owned();
        return Ok(without_outcome(SuiteState::NoRunner, hint));
    }
    if let Err(state) = harness.build(job).await? {
        return Ok(without_outcome(state, "the suite did not run".into()));
    }
    let mut all = Gathered::default();
    for number in 0..harness.plan.runs.len() {
        let ready = match harness.ready(job, number, only)? {
            Ok(Some(ready)) => ready,
            Ok(None) => continue,
            Err(hint) => return Ok(without_outcome(SuiteState::NoRunner, hint)),
        };
        let finished = job.run(&ready.command).await?;
        match ready.read() {
            Ok(report) => {
                let stopped = report.is_stopped();
                all.add(report.state(&finished), report);
                if stopped {
                    break;
                }
            }
            Err(reason) => {
                let why = format!("the runner's report cannot be read: {reason}");
                all.state = Some(SuiteState::Broken(why));
            }
        }
    }
    let origin = origin::of(job, &harness.dir, all.cases.keys()).await?;
    Ok(all.suite(origin, started.elapsed().as_secs_f64()))
}

/// The outcomes of all runs of a suite.
#[derive(Default)]
struct Gathered {
    state: Option<SuiteState>,
    cases: BTreeMap<String, TestCase>,
    reasons: BTreeMap<String, String>,
}

impl Gathered {
    /// Adds a run; a test that two runs have, in two settings, ended as in the worse of them.
    fn add(&mut self, state: SuiteState, report: Report) {
        if self
            .state
            .as_ref()
            .is_none_or(|it| *it == SuiteState::Completed)
        {
            self.state = Some(state);
        }
        self.reasons.extend(report.reasons);
        for case in report.cases {
            let rank = |it: &TestCase| match it.outcome {
                TestOutcome::Skipped => 0,
                TestOutcome::Passed => 1,
                TestOutcome::Failed => 2,
            };
            match self.cases.get(&case.id) {
                Some(known) if rank(known) >= rank(&case) => {}
                _ => drop(self.cases.insert(case.id.clone(), case)),
            }
        }
    }

    fn suite(self, origin: Origin, seconds: f64) -> Suite {
        Suite {
            run: TestRun {
                state: self.state.unwrap_or(SuiteState::Completed),
                cases: self.cases.into_values().collect(),
                seconds,
            },
            origin,
            reasons: self.reasons,
        }
    }
}

/// Returns the seconds of each test, which every run reports.
pub(super) async fn times(job: &Job<'_>) -> Result<Vec<(String, f64)>, Error> {
    let suite = run(job, None).await?;
    let cases = suite.run.cases.into_iter();
    Ok(cases.filter_map(|it| Some((it.id, it.seconds?))).collect())
}

fn without_outcome(state: SuiteState, reason: String) -> Suite {
    Suite {
        run: TestRun {
            state,
            ..TestRun::default()
        },
        origin: Origin::Unknown(reason),
        reasons: BTreeMap::new(),
    }
}

/// Returns the file of a test, relative to the tree.
pub(super) fn file_of(id: &str) -> &str {
    id.split(" > ").next().unwrap_or_default()
}

/// Returns the files of those tests that lie in the folder of a run, relative to it.
fn own_files(job: &Job<'_>, run: &Invocation, ids: &[String]) -> BTreeSet<String> {
    ids.iter()
        .map(|it| Utf8Path::new(file_of(it)))
        .filter(|it| job.tree.join(it).is_file())
        .filter_map(|it| it.strip_prefix(&run.dir).ok())
        .map(Utf8Path::to_string)
        .collect()
}
