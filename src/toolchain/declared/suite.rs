//! Builds and tests by declared commands, and reads whichever report they leave.

use std::collections::BTreeMap;
use std::time::Instant;

use super::{run, run_with_report, tap, xml};
use crate::config::{Language, Parsed as _, TestParser};
use crate::model::finding::{SuiteState, TestCase, TestOutcome, TestRun};
use crate::process::{Error, Exit, Finished};
use crate::toolchain::{Job, Origin, Suite, go};

/// What a report tells of one test.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Told {
    pub(super) name: String,
    pub(super) outcome: TestOutcome,
    pub(super) seconds: Option<f64>,
    pub(super) reason: Option<String>,
}

impl Told {
    /// Returns a test of which only its name and outcome are known.
    pub(super) fn new(name: impl Into<String>, outcome: TestOutcome) -> Self {
        Self {
            name: name.into(),
            outcome,
            seconds: None,
            reason: None,
        }
    }
}

/// Runs the suite; `only` keeps those of its tests.
pub(super) async fn run_suite(
    language: &Language,
    job: &Job<'_>,
    only: Option<&[String]>,
) -> Result<Suite, Error> {
    let started = Instant::now();
    let (state, told) = match collect(language, job).await? {
        Ok(told) => (SuiteState::Completed, told),
        Err(state) => (state, Vec::new()),
    };
    let mut suite = Suite {
        run: TestRun {
            state,
            ..TestRun::default()
        },
        origin: Origin::Unknown("a declared command does not tell what it tests".into()),
        reasons: BTreeMap::new(),
    };
    for (id, told) in with_ids(told) {
        if only.is_some_and(|it| !it.contains(&id)) {
            continue;
        }
        suite.reasons.extend(told.reason.map(|it| (id.clone(), it)));
        suite.run.cases.push(TestCase {
            id,
            outcome: told.outcome,
            seconds: told.seconds,
        });
    }
    suite.run.cases.sort_by(|a, b| a.id.cmp(&b.id));
    suite.run.seconds = started.elapsed().as_secs_f64();
    Ok(suite)
}

/// Tells tests of the same name apart by number, in the order of the report.
fn with_ids(told: Vec<Told>) -> Vec<(String, Told)> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let number = |told: Told| {
        let count = seen.entry(told.name.clone()).or_default();
        *count += 1;
        let id = match *count {
            1 => told.name.clone(),
            n => format!("{}#{n}", told.name),
        };
        (id, told)
    };
    told.into_iter().map(number).collect()
}

async fn collect(
    language: &Language,
    job: &Job<'_>,
) -> Result<Result<Vec<Told>, SuiteState>, Error> {
    if let Some(line) = &language.build {
        match run(job, line, &[]).await? {
            Ok(finished) if finished.success() => {}
            Ok(finished) => return Ok(Err(does_not_build(line, &finished))),
            Err(reason) => return Ok(Err(SuiteState::DoesNotBuild(reason))),
        }
    }
    let Some(line) = &language.test else {
        return Ok(Err(SuiteState::NoRunner));
    };
    let parser = &language.test_parser;
    let (report, finished) = match run_with_report(job, line, parser.path()).await? {
        Ok(done) => done,
        Err(reason) => return Ok(Err(SuiteState::Broken(reason))),
    };
    if finished.exit == Exit::TimedOut {
        let reason = format!("`{line}` was {}", finished.explain());
        return Ok(Err(SuiteState::TimedOut(reason)));
    }
    if finished.truncated && parser.path().is_none() {
        let reason = format!("`{line}` prints too much to be read");
        return Ok(Err(SuiteState::Broken(reason)));
    }
    let told = read(parser, &report, &finished, job);
    Ok(told
        .and_then(|it| agreed(parser, it, line, &finished))
        .map_err(SuiteState::Broken))
}

fn does_not_build(line: &str, finished: &Finished) -> SuiteState {
    let reason = format!("`{line}`: {}", finished.explain());
    match finished.exit {
        Exit::TimedOut => SuiteState::TimedOut(reason),
        Exit::Code(_) | Exit::Signal(_) => SuiteState::DoesNotBuild(reason),
    }
}

fn read(
    parser: &TestParser,
    report: &str,
    finished: &Finished,
    job: &Job<'_>,
) -> Result<Vec<Told>, String> {
    match parser {
        TestParser::Junit(_) => xml::junit(report),
        TestParser::Tap => tap::parse(&finished.stdout_text()),
        TestParser::GoJson => {
            let cases = go::read_events(&finished.stdout_text(), &job.build.join("tmp"))?;
            Ok(cases
                .into_iter()
                .map(|it| Told {
                    seconds: it.seconds,
                    ..Told::new(it.id, it.outcome)
                })
                .collect())
        }
        TestParser::Exit => Ok(vec![Told::new(
            "suite",
            if finished.success() {
                TestOutcome::Passed
            } else {
                TestOutcome::Failed
            },
        )]),
        TestParser::Regex(pattern) => {
            let found = pattern.get().captures_iter(report);
            Ok(found
                .map(|it| Told::new(it["id"].trim(), outcome(&it["outcome"])))
                .collect())
        }
    }
}

/// Reads the words that runners use; one that is not known is no success.
pub(super) fn outcome(word: &str) -> TestOutcome {
    match word.trim().to_ascii_lowercase().as_str() {
        "ok" | "pass" | "passed" | "success" | "succeeded" | "true" | "." => TestOutcome::Passed,
        "skip" | "skipped" | "ignored" | "pending" | "disabled" => TestOutcome::Skipped,
        _ => TestOutcome::Failed,
    }
}

/// A report counts only if the exit status says the same. A program that prints TAP may leave telling
/// to whoever reads it, and end with 0 all the same.
fn agreed(
    parser: &TestParser,
    told: Vec<Told>,
    line: &str,
    finished: &Finished,
) -> Result<Vec<Told>, String> {
    let failed = told
        .iter()
        .filter(|it| it.outcome == TestOutcome::Failed)
        .count();
    let may_be_silent = matches!(parser, TestParser::Tap);
    if failed == 0 && !finished.success() {
        return Err(format!(
            "`{line}` names no failing test, but {}",
            finished.explain()
        ));
    }
    if failed > 0 && finished.success() && !may_be_silent {
        return Err(format!(
            "`{line}` ended with success, but names {failed} failing tests"
        ));
    }
    Ok(told)
}
