//! Runs a suite with pytest, or with the standard library where pytest is not installed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use camino::{Utf8Path, Utf8PathBuf};

use super::interpreter::{Interpreter, environment_of, has_module};
use super::layout::Layout;
use super::metadata::Metadata;
use super::report::Report;
use super::{arguments, extension};
use crate::model::finding::{SuiteState, TestRun};
use crate::model::profile::Purpose;
use crate::process::{Command, Error, variable};
use crate::toolchain::catalogue::PYTHON;
use crate::toolchain::detect::read_small;
use crate::toolchain::job::write;
use crate::toolchain::{Job, Origin, Suite};

/// Our helper programs, written beside the build folder before each run.
const HELPERS: &[(&str, &str)] = &[
    (
        "factory_report.py",
        include_str!("../../../evals/languages/python/factory_report.py"),
    ),
    (
        "factory_reporter.py",
        include_str!("../../../evals/languages/python/factory_reporter.py"),
    ),
    (
        "factory_unittest.py",
        include_str!("../../../evals/languages/python/factory_unittest.py"),
    ),
];
/// Runs first in every interpreter of a run; what it needs to know is written into it.
const FIRST: &str = include_str!("../../../evals/languages/python/sitecustomize.py");
/// What one run of the suite needs and leaves.
pub(super) struct Harness {
    dir: Utf8PathBuf,
    report: Utf8PathBuf,
    origins: Utf8PathBuf,
    /// Whether it is for the suite, not for a command of the project's own.
    runs_tests: bool,
    /// Where the tree keeps what it ships.
    pub(super) layout: Layout,
}

impl Harness {
    /// Writes the helper programs into a clean folder outside the tree.
    pub(super) fn new(job: &Job<'_>) -> Result<Self, Error> {
        let mut harness = Self::at(job, job.fresh_folder("python")?);
        harness.runs_tests = true;
        for (name, text) in HELPERS {
            write(&harness.dir.join(name), text)?;
        }
        write(&harness.dir.join("sitecustomize.py"), &harness.first(job))?;
        harness.write_metadata(job)?;
        harness.complete(job)?;
        Ok(harness)
    }

    /// Prepares for the project's own commands, which need none of the helpers. One may run beside another:
    /// what is there and the same is left alone.
    pub(super) fn of_commands(job: &Job<'_>) -> Result<Self, Error> {
        let harness = Self::at(
            job,
            job.build.join("python_commands").join(&job.project.root),
        );
        let first = harness.first(job);
        let mark = harness.dir.join("made");
        let mut hasher = blake3::Hasher::new();
        hasher.update(first.as_bytes());
        for name in ["pyproject.toml", "setup.cfg", "setup.py", "PKG-INFO"] {
            let text = read_small(&job.dir().join(name)).unwrap_or_default();
            hasher.update(&[0]).update(text.as_bytes());
        }
        let made = hasher.finalize().to_hex().to_string();
        if read_small(&mark).as_deref() != Some(made.as_str()) {
            std::fs::create_dir_all(&harness.dir).map_err(|it| harness.broken(it))?;
            write(&harness.dir.join("sitecustomize.py"), &first)?;
            harness.write_metadata(job)?;
            write(&mark, &made)?;
        }
        // A tree that was laid out anew lacks what its build would write into it.
        harness.complete(job)?;
        Ok(harness)
    }

    fn at(job: &Job<'_>, dir: Utf8PathBuf) -> Self {
        Self {
            report: dir.join("report.jsonl"),
            origins: dir.join("origins.jsonl"),
            layout: Layout::of(&job.dir()),
            dir,
            runs_tests: false,
        }
    }

    /// Builds the extension modules of the tree; the inner error is the project's.
    pub(super) async fn build(&self, job: &Job<'_>) -> Result<Result<(), String>, Error> {
        extension::build(job, &self.layout, |it| self.environment(job, it)).await
    }

    /// Returns the program that keeps other checkouts out.
    fn first(&self, job: &Job<'_>) -> String {
        let tree = serde_json::json!(seen(job)).to_string();
        let names = serde_json::json!(self.layout.packages).to_string();
        FIRST
            .replace("\"@TREE@\"", &tree)
            .replace("[\"@NAMES@\"]", &names)
    }

    fn write_metadata(&self, job: &Job<'_>) -> Result<(), Error> {
        let Some(python) = job.tool("python").and_then(|it| it.first()) else {
            return Ok(());
        };
        let written = self.metadata(job).map(|it| it.write(&self.dir, python));
        written.unwrap_or(Ok(())).map_err(|it| self.broken(it))
    }

    /// Writes the module that tells the version, where the build would.
    fn complete(&self, job: &Job<'_>) -> Result<(), Error> {
        let written = self.metadata(job).map(|it| it.complete(&job.dir()));
        written.unwrap_or(Ok(())).map_err(|it| self.broken(it))
    }

    fn metadata(&self, job: &Job<'_>) -> Option<Metadata> {
        let python = job.tool("python")?.first()?;
        let packages = Interpreter::at(python.into()).packages;
        Metadata::of(&job.dir(), &self.layout, &packages)
    }

    fn broken(&self, source: std::io::Error) -> Error {
        Error::Io {
            program: self.dir.to_string(),
            source,
        }
    }

    /// Adds the environment in which the tree's own code is what the tests import.
    pub(super) fn environment(&self, job: &Job<'_>, command: Command) -> Command {
        let prefix = match job.project.root.as_str() {
            "" => String::new(),
            root => format!("{root}/"),
        };
        self.found(job, command)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("PYTHONHASHSEED", "0")
            .env("PYTHONUTF8", "1")
            .env("COVERAGE_FILE", self.dir.join("coverage.data"))
            .env("HYPOTHESIS_STORAGE_DIRECTORY", self.dir.join("hypothesis"))
            .env("FACTORY_REPORT", self.report.as_str())
            .env("FACTORY_TREE", job.tree.as_str())
            .env("FACTORY_PREFIX", prefix)
            .env("FACTORY_PACKAGES", self.layout.packages.join(","))
    }

    /// Adds where the tree's code and its programs are found.
    pub(super) fn found(&self, job: &Job<'_>, command: Command) -> Command {
        let dir = job.dir();
        let mut path = vec![self.dir.clone()];
        // A trailing slash would be another folder to those who compare.
        let roots = self.layout.roots.iter();
        path.extend(roots.map(|it| if it == "" { dir.clone() } else { dir.join(it) }));
        let path: Vec<&str> = path.iter().map(|it| it.as_str()).collect();
        self.programs(job, command)
            .env("PYTHONPATH", path.join(":"))
    }

    /// The tree's own console scripts come first, then what is installed beside the interpreter; commands
    /// of other languages keep their programs where that is the whole system.
    fn programs(&self, job: &Job<'_>, command: Command) -> Command {
        let python = job.tool("python").and_then(|it| it.first());
        let environment = python.and_then(|it| environment_of(Utf8Path::new(it)));
        let beside = python.and_then(|it| Utf8Path::new(it).parent());
        let beside = beside.filter(|_| self.runs_tests || environment.is_some());
        let mut folders = vec![self.dir.join("bin").into_string()];
        folders.extend(beside.map(Utf8Path::to_string));
        folders.extend(variable("PATH").map(str::to_owned));
        let command = command.env("PATH", folders.join(":"));
        match environment {
            Some(environment) => command.env("VIRTUAL_ENV", environment.as_str()),
            None => command,
        }
    }

    /// Reads what the run reported.
    pub(super) fn read(&self) -> Result<Report, String> {
        let text = std::fs::read_to_string(&self.report).unwrap_or_default();
        let origins = std::fs::read_to_string(&self.origins).unwrap_or_default();
        Ok(Report::parse(&text)?.with_origins(&origins))
    }

    /// Returns the arguments of `python` that run the suite.
    pub(super) fn arguments(&self, job: &Job<'_>, only: Option<&[String]>) -> Vec<String> {
        if job.uses(Purpose::Test) != Some("pytest") {
            return vec![self.dir.join("factory_unittest.py").into_string()];
        }
        let mut words: Vec<String> = [
            "-m",
            "pytest",
            "-p",
            "factory_reporter",
            "-q",
            "--color=no",
            "-o",
        ]
        .map(str::to_owned)
        .to_vec();
        words.push(format!("cache_dir={}", self.dir.join("pytest_cache")));
        if job
            .tool("pytest")
            .is_some_and(|it| has_module(it, "pytest_cov"))
        {
            // Measuring coverage here would slow the suite down, and a floor on it is no test.
            words.push("--no-cov".into());
        }
        words.extend(job.test_args().iter().cloned());
        words.extend(match only {
            Some(only) => test_files(job, only),
            None => arguments::chosen(job),
        });
        words
    }
}

/// Returns where the processes of a run see the tree.
fn seen(job: &Job<'_>) -> Utf8PathBuf {
    let real = || job.tree.canonicalize_utf8();
    match job.sandbox.shown_at() {
        Some(place) => place.to_owned(),
        None => real().unwrap_or_else(|_| job.tree.to_owned()),
    }
}

/// Runs the suite, or those of its tests that `only` names.
pub(super) async fn run(job: &Job<'_>, only: Option<&[String]>) -> Result<Suite, Error> {
    let started = Instant::now();
    let Some(python) = job.tool("python") else {
        return Ok(no_runner(PYTHON.install("python")));
    };
    if only.is_some_and(<[String]>::is_empty) {
        return Ok(completed_empty());
    }
    if job.uses(Purpose::Test).is_none() {
        return Ok(no_runner(PYTHON.install("pytest")));
    }
    let harness = Harness::new(job)?;
    if let Err(reason) = harness.build(job).await? {
        return Ok(does_not_build(reason));
    }
    let mut command = harness
        .environment(job, job.command(python))
        .args(harness.arguments(job, only));
    if let Some(only) = only {
        let file = harness.dir.join("only.json");
        write(&file, &serde_json::json!(only).to_string())?;
        command = command.env("FACTORY_ONLY", file);
    }
    if let Some(expected) = job.until {
        let file = harness.dir.join("stop.json");
        write(&file, &serde_json::json!(expected).to_string())?;
        command = command.env("FACTORY_STOP", file);
    }
    let finished = job.run(&command).await?;
    let report = match harness.read() {
        Ok(report) => report,
        Err(reason) => return Ok(broken_report(&reason)),
    };
    let origin = report.origin(&harness.layout.packages, &seen(job));
    let mut run = TestRun {
        state: report.state(&finished),
        cases: report.cases,
        seconds: started.elapsed().as_secs_f64(),
    };
    if run.state == SuiteState::Completed && run.cases.is_empty() && lacks_pytest(job) {
        run.state = SuiteState::NoRunner;
    }
    Ok(Suite {
        run,
        origin,
        reasons: report.reasons,
    })
}

/// Returns the seconds of each test, which every run reports.
pub(super) async fn times(job: &Job<'_>) -> Result<Vec<(String, f64)>, Error> {
    let suite = run(job, None).await?;
    let cases = suite.run.cases.into_iter();
    Ok(cases.filter_map(|it| Some((it.id, it.seconds?))).collect())
}

fn no_runner(reason: String) -> Suite {
    Suite {
        run: TestRun::default(),
        origin: Origin::Unknown(reason),
        reasons: BTreeMap::new(),
    }
}

fn completed_empty() -> Suite {
    Suite {
        run: TestRun {
            state: SuiteState::Completed,
            ..TestRun::default()
        },
        origin: Origin::Unknown("no test was asked for".into()),
        reasons: BTreeMap::new(),
    }
}

fn does_not_build(reason: String) -> Suite {
    Suite {
        run: TestRun {
            state: SuiteState::DoesNotBuild(reason),
            ..TestRun::default()
        },
        origin: Origin::Unknown("it does not build".into()),
        reasons: BTreeMap::new(),
    }
}

fn broken_report(reason: &str) -> Suite {
    Suite {
        run: TestRun {
            state: SuiteState::Broken(format!("the runner's report cannot be read: {reason}")),
            ..TestRun::default()
        },
        origin: Origin::Unknown("the runner's report cannot be read".into()),
        reasons: BTreeMap::new(),
    }
}

/// The project writes its tests for pytest, which is not installed: the standard library finds none.
fn lacks_pytest(job: &Job<'_>) -> bool {
    let dir = job.dir();
    let names = [
        "pyproject.toml",
        "setup.cfg",
        "tox.ini",
        "requirements-dev.txt",
        "requirements.txt",
    ];
    let mentions =
        |name: &&str| read_small(&dir.join(name)).is_some_and(|it| it.contains("pytest"));
    job.tool("pytest").is_none()
        && (names.iter().any(mentions)
            || ["pytest.ini", "conftest.py", "tests/conftest.py"]
                .iter()
                .any(|it| dir.join(it).exists())
            || dir.join("tests").is_dir())
}

/// Returns the files of those tests, so that pytest need not import the others.
fn test_files(job: &Job<'_>, ids: &[String]) -> Vec<String> {
    let files: Option<BTreeSet<String>> = ids
        .iter()
        .map(|id| {
            let path = Utf8Path::new(id.split("::").next()?);
            let path = path.strip_prefix(&job.project.root).ok()?;
            job.dir().join(path).is_file().then(|| path.to_string())
        })
        .collect();
    // An id that names no file asks for everything; the reporter drops what is not wanted.
    files.unwrap_or_default().into_iter().collect()
}
