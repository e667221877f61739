//! Runs a workspace's tests the way `cargo test` does, and reads what each test program reports.
//!
//! Cargo builds, then starts each program through a small runner of ours, with the environment that
//! cargo itself gives it. Outcomes come from libtest's own list, which the tests' output cannot
//! disturb; list, summary and exit status must agree.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use camino::{Utf8Path, Utf8PathBuf};

use super::diagnostics::{Message, Target, messages};
use super::{arguments, cargo, doctests, libtest, whole};
use crate::model::finding::{SuiteState, TestCase, TestOutcome, TestRun};
use crate::process::{Command, Error, Exit, Finished};
use crate::toolchain::detect::read_small;
use crate::toolchain::job::write;
use crate::toolchain::{Job, Lints, Origin, Suite};

const RUNNER: &str = include_str!("../../../evals/languages/rust/runner.sh");
const REPORTS: &str = "libtest";

/// A test program that cargo built.
pub(super) struct Program {
    /// `package::lib`, `package::test/name`: what its tests' ids start with.
    prefix: String,
    file: Utf8PathBuf,
    /// It brings its own `main`: one test, by exit status.
    custom: bool,
    /// Its code reads its arguments, so it is started without ours and its outcomes are read from
    /// what it prints.
    plain: bool,
}

/// What a build gave.
pub(super) struct Build {
    pub(super) programs: Vec<Program>,
    /// Packages whose library has documentation tests.
    pub(super) documented: BTreeSet<String>,
}

/// What the runner is asked for.
#[derive(Clone, Copy)]
enum Mode {
    Outcomes,
    Times,
}

/// Runs the suite, or those of its tests that `only` names.
pub(super) async fn run(job: &Job<'_>, only: Option<&[String]>) -> Result<Suite, Error> {
    let started = Instant::now();
    let mut run = collect(job, only).await?;
    run.seconds = started.elapsed().as_secs_f64();
    run.cases.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(Suite {
        run,
        // Cargo compiles tests against the packages of the workspace, which lies in the tree.
        origin: Origin::Tree,
        reasons: BTreeMap::new(),
    })
}

async fn collect(job: &Job<'_>, only: Option<&[String]>) -> Result<TestRun, Error> {
    if only.is_none()
        && let Some(told) = whole::run(job, REPORTS).await?
    {
        return Ok(match told {
            Ok(cases) => completed(cases),
            Err(state) => failed(state),
        });
    }
    let build = match build(job).await? {
        Ok(build) => build,
        Err(state) => return Ok(failed(state)),
    };
    let mut cases = match run_programs(job, &build, only, Mode::Outcomes).await? {
        Ok(cases) => cases,
        Err(state) => return Ok(failed(state)),
    };
    // Documentation tests are compiled one by one: the slowest part by far, and the last.
    if !is_answered(job, &cases) {
        match doctests::run(job, &build.documented, only).await? {
            Ok(documented) => cases.extend(documented),
            Err(state) => return Ok(failed(state)),
        }
    }
    if let Some(only) = only {
        cases.retain(|it| only.contains(&it.id));
    }
    Ok(completed(cases))
}

fn completed(cases: Vec<TestCase>) -> TestRun {
    TestRun {
        state: SuiteState::Completed,
        cases,
        seconds: 0.0,
    }
}

/// Returns whether the outcomes so far leave nothing to ask.
fn is_answered(job: &Job<'_>, cases: &[TestCase]) -> bool {
    let Some(known) = job.until else {
        return false;
    };
    let mut failed = cases.iter().filter(|it| it.outcome == TestOutcome::Failed);
    failed.any(|it| !known.contains(&it.id))
}

fn failed(state: SuiteState) -> TestRun {
    TestRun {
        state,
        ..TestRun::default()
    }
}

/// Returns the seconds of each test, by libtest's own clock.
pub(super) async fn times(job: &Job<'_>) -> Result<Vec<(String, f64)>, Error> {
    let Ok(build) = build(job).await? else {
        return Ok(Vec::new());
    };
    if run_programs(job, &build, None, Mode::Times).await?.is_err() {
        return Ok(Vec::new());
    }
    let reports = job.build.join(REPORTS);
    let mut times = Vec::new();
    for program in build.programs.iter().filter(|it| !it.custom) {
        let text = tail(&report(&reports, program, "out"), 4 << 20).unwrap_or_default();
        let of_program = libtest::times(&text).into_iter();
        times.extend(
            of_program.map(|(name, seconds)| (format!("{}::{name}", program.prefix), seconds)),
        );
    }
    Ok(times)
}

async fn build(job: &Job<'_>) -> Result<Result<Build, SuiteState>, Error> {
    let Some(command) = cargo::command(job) else {
        return Ok(Err(SuiteState::NoRunner));
    };
    if job.lints == Lints::Warn {
        cargo::write_wrapper(job)?;
    }
    let (cargo_args, _) = split_args(job);
    let command = command
        .args([
            "test",
            "--workspace",
            "--no-run",
            "--message-format",
            "json",
        ])
        .args(cargo_args.iter().cloned());
    let finished = cargo::run(job, &command).await?;
    if !finished.success() {
        return Ok(Err(does_not_build(&finished)));
    }
    Ok(Ok(Build::of(job, &finished)))
}

impl Build {
    /// Reads cargo's messages.
    pub(super) fn of(job: &Job<'_>, finished: &Finished) -> Self {
        let mut build = Self {
            programs: Vec::new(),
            documented: BTreeSet::new(),
        };
        let mut manifests = Manifests::default();
        for message in messages(finished) {
            let Message::CompilerArtifact(artifact) = message else {
                continue;
            };
            let manifest = Utf8PathBuf::from(&artifact.manifest_path);
            if job.in_tree(manifest.as_str()).is_none() {
                continue;
            }
            let manifest = manifests.read(&manifest);
            if artifact.target.doctest && is_library(&artifact.target) {
                build.documented.insert(manifest.package.clone());
            }
            if let (Some(file), true) = (artifact.executable, artifact.profile.test) {
                build.programs.push(Program {
                    prefix: format!("{}::{}", manifest.package, target_name(&artifact.target)),
                    custom: manifest.has_custom_harness(&artifact.target),
                    plain: manifest.reads_arguments,
                    file: file.into(),
                });
            }
        }
        build
    }
}

pub(super) fn does_not_build(finished: &Finished) -> SuiteState {
    if finished.exit == Exit::TimedOut {
        return SuiteState::TimedOut(format!("building the tests: {}", finished.explain()));
    }
    let mut denied_lint = None;
    let error = messages(finished).find_map(|message| match message {
        Message::Complaint { message } if message.is_compile_error() => Some(message.with_place()),
        Message::Complaint { message } if message.is_error() => {
            denied_lint.get_or_insert_with(|| message.with_place());
            None
        }
        _ => None,
    });
    let reason = error.or(denied_lint);
    SuiteState::DoesNotBuild(reason.unwrap_or_else(|| finished.explain()))
}

fn is_library(target: &Target) -> bool {
    let library = ["lib", "rlib", "dylib", "cdylib", "staticlib", "proc-macro"];
    target.kind.iter().any(|it| library.contains(&it.as_str()))
}

fn target_name(target: &Target) -> String {
    if is_library(target) {
        return "lib".into();
    }
    let kind = target.kind.first().map_or("target", String::as_str);
    format!("{kind}/{}", target.name)
}

/// Manifests of the packages of a workspace, each read once.
#[derive(Default)]
struct Manifests {
    read: BTreeMap<Utf8PathBuf, Manifest>,
}

#[derive(Default)]
pub(super) struct Manifest {
    package: String,
    /// `("test", "name")` of the targets with `harness = false`.
    custom: BTreeSet<(String, String)>,
    /// One of those is a benchmark that `cargo test` runs too.
    tests_benchmarks: bool,
    pub(super) reads_arguments: bool,
}

impl Manifests {
    fn read(&mut self, path: &Utf8Path) -> &Manifest {
        self.read
            .entry(path.to_owned())
            .or_insert_with(|| Manifest::read(path).unwrap_or_default())
    }
}

impl Manifest {
    /// Reads the manifest of a package.
    pub(super) fn read(path: &Utf8Path) -> Option<Self> {
        let table: toml::Table = read_small(path)?.parse().ok()?;
        let package = table.get("package")?.get("name")?.as_str()?.to_owned();
        let mut custom = BTreeSet::new();
        let mut tests_benchmarks = false;
        for kind in ["lib", "bin", "test", "example", "bench"] {
            let targets = match table.get(kind) {
                Some(toml::Value::Array(targets)) => targets.clone(),
                Some(target) => vec![target.clone()],
                None => Vec::new(),
            };
            for target in targets {
                if target.get("harness").and_then(toml::Value::as_bool) == Some(false) {
                    let name = target
                        .get("name")
                        .and_then(toml::Value::as_str)
                        .unwrap_or_default();
                    custom.insert((kind.to_owned(), name.to_owned()));
                    tests_benchmarks |= kind == "bench"
                        && target.get("test").and_then(toml::Value::as_bool) == Some(true);
                }
            }
        }
        Some(Self {
            package,
            custom,
            tests_benchmarks,
            reads_arguments: path.parent().is_some_and(arguments::are_read_in),
        })
    }

    /// Returns whether `cargo test` starts a program with a `main` of its own.
    pub(super) fn has_own_programs(&self) -> bool {
        self.tests_benchmarks || self.custom.iter().any(|it| it.0 != "bench")
    }

    fn has_custom_harness(&self, target: &Target) -> bool {
        let (kind, name) = if is_library(target) {
            return self.custom.iter().any(|it| it.0 == "lib");
        } else {
            (
                target.kind.first().cloned().unwrap_or_default(),
                target.name.clone(),
            )
        };
        self.custom.contains(&(kind, name))
    }
}

async fn run_programs(
    job: &Job<'_>,
    build: &Build,
    only: Option<&[String]>,
    mode: Mode,
) -> Result<Result<Vec<TestCase>, SuiteState>, Error> {
    if has_own_runner(job) {
        let reason = "the project starts its test programs through a runner of its own, which is not supported";
        return Ok(Err(SuiteState::Broken(reason.into())));
    }
    let reports = job.fresh_folder(REPORTS)?;
    let Some(command) = runner_command(job, build, only, mode, &reports)? else {
        return Ok(Ok(Vec::new()));
    };
    let finished = cargo::run(job, &command).await?;
    if finished.exit == Exit::TimedOut {
        return Ok(Err(timed_out(&finished)));
    }
    let programs = build
        .programs
        .iter()
        .filter(|it| only.is_none() || !wanted(it, only).is_empty());
    let cases: Result<Vec<Vec<TestCase>>, String> =
        programs.map(|it| read_program(&reports, it)).collect();
    Ok(match cases.map(|it| it.concat()) {
        Err(reason) => Err(SuiteState::Broken(reason)),
        Ok(cases) => {
            let held = cases.iter().all(|it| it.outcome != TestOutcome::Failed);
            if held == finished.success() {
                Ok(cases)
            } else {
                Err(disagreement(&finished))
            }
        }
    })
}

pub(super) fn timed_out(finished: &Finished) -> SuiteState {
    SuiteState::TimedOut(format!("the tests were {}", finished.explain()))
}

pub(super) fn disagreement(finished: &Finished) -> SuiteState {
    SuiteState::Broken(format!(
        "cargo test disagrees with its tests: {}",
        finished.explain()
    ))
}

/// Writes what the runner reads, and returns the command; `None` if nothing is to be run.
fn runner_command(
    job: &Job<'_>,
    build: &Build,
    only: Option<&[String]>,
    mode: Mode,
    reports: &Utf8Path,
) -> Result<Option<Command>, Error> {
    let mut n_wanted = build.programs.len();
    for program in &build.programs {
        for (is_so, kind) in [(program.custom, "custom"), (program.plain, "plain")] {
            if is_so {
                write(&report(reports, program, kind), "")?;
            }
        }
    }
    if only.is_some() {
        write(&reports.join("ONLY"), "")?;
        n_wanted = 0;
        for program in &build.programs {
            let names = wanted(program, only);
            if !names.is_empty() {
                n_wanted += 1;
                write(
                    &report(reports, program, "only"),
                    &(names.join("\n") + "\n"),
                )?;
            }
        }
    }
    let (Some(command), true) = (cargo::command(job), n_wanted > 0) else {
        return Ok(None);
    };
    let mode = match mode {
        Mode::Outcomes => "outcomes",
        Mode::Times => "times",
    };
    let (cargo_args, test_args) = split_args(job);
    Ok(Some(
        command
            .args([
                "test",
                "--workspace",
                "--no-fail-fast",
                "--tests",
                "--config",
            ])
            .arg(runner_words(job, reports, mode)?)
            .args(cargo_args.iter().cloned())
            .arg("--")
            .args(test_args.iter().cloned()),
    ))
}

/// Writes the runner, and returns the setting that makes cargo start test programs through it.
pub(super) fn runner_words(job: &Job<'_>, reports: &Utf8Path, mode: &str) -> Result<String, Error> {
    let runner = job.build.join("runner.sh");
    write(&runner, RUNNER)?;
    let words = ["sh", runner.as_str(), reports.as_str(), mode];
    let words = words.map(|it| toml::Value::from(it).to_string());
    Ok(format!(
        "target.'cfg(all())'.runner = [{}]",
        words.join(", ")
    ))
}

/// Returns the tests of a program that `only` names, as the program itself calls them.
fn wanted(program: &Program, only: Option<&[String]>) -> Vec<String> {
    let prefix = format!("{}::", program.prefix);
    let ids = only.unwrap_or_default().iter();
    ids.filter_map(|it| {
        if program.custom && *it == program.prefix {
            return Some(it.clone());
        }
        Some(it.strip_prefix(&prefix)?.to_owned())
    })
    .collect()
}

pub(super) fn read_program(reports: &Utf8Path, program: &Program) -> Result<Vec<TestCase>, String> {
    let name = &program.prefix;
    let read = |kind: &str| std::fs::read_to_string(report(reports, program, kind));
    let status: i32 = read("status")
        .ok()
        .and_then(|it| it.trim().parse().ok())
        .ok_or_else(|| format!("`{name}` was not run"))?;
    if program.custom {
        let outcome = if status == 0 {
            TestOutcome::Passed
        } else {
            TestOutcome::Failed
        };
        return Ok(vec![case(name.clone(), outcome)]);
    }
    let out = tail(&report(reports, program, "out"), 4 << 20).unwrap_or_default();
    let summary = libtest::summaries(&out)
        .pop()
        .ok_or_else(|| format!("`{name}` ended without a summary, with exit status {status}"))?;
    let outcomes = if program.plain {
        libtest::printed(&out)
    } else {
        libtest::outcomes(&read("log").unwrap_or_default())
    };
    if let Some(reason) = libtest::contradiction(&outcomes, summary, status) {
        return Err(format!("`{name}` contradicts itself: {reason}"));
    }
    let cases = outcomes
        .into_iter()
        .map(|(test, outcome)| case(format!("{name}::{test}"), outcome));
    Ok(cases.collect())
}

/// Returns a case without a time, which stable libtest does not tell.
pub(super) fn case(id: String, outcome: TestOutcome) -> TestCase {
    TestCase {
        id,
        outcome,
        seconds: None,
    }
}

fn report(reports: &Utf8Path, program: &Program, kind: &str) -> Utf8PathBuf {
    reports.join(format!(
        "{}.{kind}",
        program.file.file_name().unwrap_or_default()
    ))
}

/// Reads the end of a file: a suite may print without measure.
fn tail(path: &Utf8Path, bytes: u64) -> std::io::Result<String> {
    use std::io::{Read as _, Seek as _, SeekFrom};
    let mut file = std::fs::File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(bytes)))?;
    let mut end = Vec::new();
    file.read_to_end(&mut end)?;
    Ok(String::from_utf8_lossy(&end).into_owned())
}

/// A person's arguments: before `--` for cargo, after it for the test programs.
pub(super) fn split_args<'a>(job: &Job<'a>) -> (&'a [String], &'a [String]) {
    let args = job
        .commands
        .test_args
        .get("rust")
        .map_or(&[][..], Vec::as_slice);
    match args.iter().position(|it| it == "--") {
        Some(at) => (&args[..at], &args[at + 1..]),
        None => (args, &[]),
    }
}

pub(super) fn has_own_runner(job: &Job<'_>) -> bool {
    let dirs = job.dir();
    dirs.ancestors()
        .take_while(|it| it.starts_with(job.tree))
        .flat_map(|it| [it.join(".cargo/config.toml"), it.join(".cargo/config")])
        .filter_map(|it| read_small(&it)?.parse::<toml::Table>().ok())
        .filter_map(|it| it.get("target")?.as_table().cloned())
        .any(|it| it.values().any(|target| target.get("runner").is_some()))
}
