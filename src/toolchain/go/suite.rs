//! Runs a module's tests with `go test`, and believes it only where its words, its exit status and the
//! tests that the sources declare agree.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use super::command::{first_error, go};
use super::events::{Ended, Events, Reported};
use super::names;
use super::packages::{self, Package, Packages};
use crate::model::finding::{SuiteState, TestCase, TestOutcome, TestRun};
use crate::process::{Error, Exit, Finished};
use crate::toolchain::{Job, Origin, Suite};

/// What a run of the suite told, by canonical id.
#[derive(Default)]
struct Told {
    cases: Vec<TestCase>,
    reasons: BTreeMap<String, String>,
}

/// Runs the suite, or those of its tests that `only` names.
pub(super) async fn run(job: &Job<'_>, only: Option<&[String]>) -> Result<Suite, Error> {
    let started = Instant::now();
    if job.tool("go").is_none() {
        return Ok(suite(
            SuiteState::NoRunner,
            Origin::Unknown("there is no go".into()),
        ));
    }
    let packages = match packages::list(job).await? {
        Ok(packages) => packages,
        Err(reason) => return Ok(suite(SuiteState::DoesNotBuild(reason), Origin::Tree)),
    };
    let mut suite = suite(SuiteState::Completed, packages.origin.clone());
    match collect(job, &packages, only).await? {
        Ok(told) => {
            suite.run.cases = told.cases;
            suite.reasons = told.reasons;
        }
        Err(state) => suite.run.state = state,
    }
    if let Some(only) = only {
        suite.run.cases.retain(|it| only.contains(&it.id));
    }
    suite.run.cases.sort_by(|a, b| a.id.cmp(&b.id));
    suite.run.seconds = started.elapsed().as_secs_f64();
    Ok(suite)
}

/// Returns the seconds of each test, which every run reports.
pub(super) async fn times(job: &Job<'_>) -> Result<Vec<(String, f64)>, Error> {
    let suite = run(job, None).await?;
    let cases = suite.run.cases.into_iter();
    Ok(cases.filter_map(|it| Some((it.id, it.seconds?))).collect())
}

fn suite(state: SuiteState, origin: Origin) -> Suite {
    Suite {
        run: TestRun {
            state,
            ..TestRun::default()
        },
        origin,
        reasons: BTreeMap::new(),
    }
}

async fn collect(
    job: &Job<'_>,
    packages: &Packages,
    only: Option<&[String]>,
) -> Result<Result<Told, SuiteState>, Error> {
    let selection = Selection::of(&packages.all, only);
    let (Some(command), false) = (go(job, "test"), selection.packages.is_empty()) else {
        return Ok(Ok(Told::default()));
    };
    // Go's cache of results knows nothing of the clock, the network or files outside the module.
    let mut command = command.args(["-json", "-vet=off", "-count=1", "-timeout=0"]);
    if let Some(functions) = &selection.functions {
        command = command.arg(format!("-run=^({})$", functions.join("|")));
    }
    if job.until.is_some_and(BTreeSet::is_empty) {
        command = command.arg("-failfast");
    }
    let everything = only.is_none().then(|| "./...".to_owned());
    let named = selection.packages.iter().map(|it| it.import_path.clone());
    command = match everything {
        Some(everything) => command.arg(everything),
        None => command.args(named),
    };
    let command = command.args(job.test_args().iter().cloned());
    let finished = job.run(&command).await?;
    Ok(read(job, &finished, &selection))
}

/// Which packages and functions are asked for.
struct Selection<'a> {
    packages: Vec<&'a Package>,
    /// `None` asks for all.
    functions: Option<Vec<String>>,
}

impl<'a> Selection<'a> {
    fn of(packages: &'a [Package], only: Option<&[String]>) -> Self {
        let Some(only) = only else {
            return Self {
                packages: packages.iter().collect(),
                functions: None,
            };
        };
        let wanted = |package: &Package| -> BTreeSet<String> {
            let functions = only
                .iter()
                .filter_map(|it| names::function(&package.name, it));
            functions.map(str::to_owned).collect()
        };
        let packages: Vec<&Package> = packages
            .iter()
            .filter(|it| !wanted(it).is_empty())
            .collect();
        let functions: BTreeSet<String> = packages.iter().flat_map(|it| wanted(it)).collect();
        Self {
            packages,
            functions: Some(functions.into_iter().collect()),
        }
    }
}

fn read(job: &Job<'_>, finished: &Finished, selection: &Selection<'_>) -> Result<Told, SuiteState> {
    let broken = |reason: String| Err(SuiteState::Broken(reason));
    if finished.truncated {
        return broken("`go test`: its output is too long to be read".into());
    }
    let text = finished.stdout_text();
    // What was being written when the time ran out may be half a line.
    let text = match finished.exit {
        Exit::TimedOut => text.rfind('\n').map_or("", |it| &text[..it]),
        Exit::Code(_) | Exit::Signal(_) => &text,
    };
    let events = match Events::parse(text) {
        Ok(events) => events,
        Err(line) => return broken(format!("`go test`: cannot read its event {line}")),
    };
    if finished.exit == Exit::TimedOut {
        return Err(SuiteState::TimedOut(timed_out(&events, finished)));
    }
    if events.build_failed {
        return Err(SuiteState::DoesNotBuild(build_error(&events, finished)));
    }
    let mut told = Told::default();
    let mut failed = false;
    let is_whole = selection.functions.is_none() && !selects(job.test_args());
    for package in &selection.packages {
        let Some(reported) = events.packages.get(&package.import_path) else {
            // A package without tests has no event of its own where it does not compile.
            let reason = build_error(&events, finished);
            return Err(if finished.success() {
                SuiteState::Broken(format!("`{}` was not run: {reason}", package.import_path))
            } else {
                SuiteState::DoesNotBuild(reason)
            });
        };
        failed |= reported.ended == Some(TestOutcome::Failed);
        let declared = if is_whole {
            package.declared.clone()
        } else {
            BTreeSet::new()
        };
        let tests = match outcomes(package, reported, declared) {
            Ok(tests) => tests,
            Err(reason) => return broken(reason),
        };
        told.add(job, package, reported, tests);
    }
    if failed == finished.success() {
        return broken(format!(
            "`go test` disagrees with its tests: {}",
            finished.explain()
        ));
    }
    Ok(told)
}

/// Whether a person's arguments leave tests out.
fn selects(args: &[String]) -> bool {
    let names = ["run", "skip", "list", "test.run", "test.skip", "test.list"];
    args.iter().any(|it| {
        let name = it
            .trim_start_matches('-')
            .split('=')
            .next()
            .unwrap_or_default();
        it.starts_with('-') && names.contains(&name)
    })
}

fn timed_out(events: &Events, finished: &Finished) -> String {
    let mut packages = events.packages.iter();
    let running = packages.find_map(|(package, it)| Some((package, it.unfinished.last()?)));
    let place = running.map_or(String::new(), |(package, test)| {
        format!(" in `{package}.{test}`")
    });
    format!("the tests were {}{place}", finished.explain())
}

fn build_error(events: &Events, finished: &Finished) -> String {
    first_error(&events.build_output)
        .or_else(|| first_error(&finished.stderr_text()))
        .unwrap_or_else(|| finished.explain())
}

/// Returns how the tests of a package ended. A panic ends the whole test program: what it kept from
/// running has failed with it.
fn outcomes(
    package: &Package,
    reported: &Reported,
    declared: BTreeSet<String>,
) -> Result<BTreeMap<String, Ended>, String> {
    let path = &package.import_path;
    let mut tests = reported.tests.clone();
    let unseen = declared.into_iter().filter(|it| !tests.contains_key(it));
    let unseen: Vec<String> = unseen.chain(reported.unfinished.iter().cloned()).collect();
    let n_failed = tests
        .values()
        .filter(|it| it.outcome == TestOutcome::Failed)
        .count();
    match reported.ended {
        Some(TestOutcome::Failed) => {
            let fail = |tests: &mut BTreeMap<String, Ended>, names: Vec<String>| {
                tests.extend(names.into_iter().map(|it| (it, Ended::failed())));
            };
            let had_unfinished = !reported.unfinished.is_empty();
            fail(&mut tests, unseen);
            if n_failed == 0 && !had_unfinished {
                // Its set-up or tear-down failed, which speaks for every test of it.
                let all = tests.keys().cloned().collect();
                fail(&mut tests, all);
            }
            if tests.is_empty() {
                let reason = reported.last_words().unwrap_or("it says nothing");
                return Err(format!("`{path}` failed without a test: {reason}"));
            }
            Ok(tests)
        }
        Some(TestOutcome::Passed | TestOutcome::Skipped) => match (n_failed, unseen.first()) {
            (0, None) => Ok(tests),
            (0, Some(test)) => Err(format!(
                "`{path}` passed without running `{test}`: its test program was left early"
            )),
            _ => Err(format!(
                "`{path}` passed, but {n_failed} of its tests failed"
            )),
        },
        None => Err(format!("`{path}` did not end")),
    }
}

impl Ended {
    fn failed() -> Self {
        Self {
            outcome: TestOutcome::Failed,
            seconds: None,
        }
    }
}

impl Told {
    fn add(
        &mut self,
        job: &Job<'_>,
        package: &Package,
        reported: &Reported,
        tests: BTreeMap<String, Ended>,
    ) {
        for named in names::named(&package.name, tests, &job.build.join("tmp")) {
            if named.ended.outcome == TestOutcome::Failed {
                let told = reported.tests.get(&named.raw);
                let reason = match told.map(|it| it.outcome) {
                    Some(TestOutcome::Failed) => reported.reason(&named.raw),
                    _ => why_not_run(reported),
                };
                self.reasons.extend(reason.map(|it| (named.id.clone(), it)));
            }
            self.cases.push(TestCase {
                id: named.id,
                outcome: named.ended.outcome,
                seconds: named.ended.seconds,
            });
        }
    }
}

fn why_not_run(reported: &Reported) -> Option<String> {
    let mut tests = reported.tests.iter();
    let culprit = tests.find_map(|(name, it)| {
        let reason = reported.reason(name)?;
        (it.outcome == TestOutcome::Failed && reason.starts_with("panic: ")).then_some(name)
    });
    match culprit.or_else(|| reported.unfinished.first()) {
        Some(test) => Some(format!("not run: the test program ended in `{test}`")),
        None => reported.last_words().map(str::to_owned),
    }
}
