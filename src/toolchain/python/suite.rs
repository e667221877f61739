//! Runs a suite with pytest, or with the standard library where pytest is not installed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use camino::{Utf8Path, Utf8PathBuf};

use super::interpreter::has_module;
use super::report::Report;
use crate::model::finding::{SuiteState, TestRun};
use crate::model::profile::Purpose;
use crate::process::{Command, Error};
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
/// Folders at the root of a project that hold no importable package of it.
const NO_PACKAGES: &[&str] = &[
    "tests",
    "test",
    "testing",
    "docs",
    "doc",
    "examples",
    "benchmarks",
    "scripts",
];
/// Modules at the root of a project that are tools of it, not what it ships.
const NO_MODULES: &[&str] = &[
    "setup", "conftest", "noxfile", "tasks", "fabfile", "manage", "dodo",
];

/// What one run of the suite needs and leaves.
pub(super) struct Harness {
    dir: Utf8PathBuf,
    report: Utf8PathBuf,
    /// Importable names that the tree itself has.
    pub(super) packages: Vec<String>,
}

impl Harness {
    /// Writes the helper programs into a clean folder outside the tree.
    pub(super) fn new(job: &Job<'_>) -> Result<Self, Error> {
        let dir = job.fresh_folder("python")?;
        for (name, text) in HELPERS {
            write(&dir.join(name), text)?;
        }
        Ok(Self {
            report: dir.join("report.jsonl"),
            packages: packages(&job.dir()),
            dir,
        })
    }

    /// Adds the environment in which the tree's own code is what the tests import.
    pub(super) fn environment(&self, job: &Job<'_>, command: Command) -> Command {
        let dir = job.dir();
        let sources = dir.join("src");
        let mut path = vec![self.dir.as_str()];
        if sources.is_dir() {
            path.push(sources.as_str());
        }
        path.push(dir.as_str());
        let prefix = match job.project.root.as_str() {
            "" => String::new(),
            root => format!("{root}/"),
        };
        command
            .env("PYTHONPATH", path.join(":"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("PYTHONHASHSEED", "0")
            .env("PYTHONUTF8", "1")
            .env("COVERAGE_FILE", self.dir.join("coverage.data"))
            .env("HYPOTHESIS_STORAGE_DIRECTORY", self.dir.join("hypothesis"))
            .env("FACTORY_REPORT", self.report.as_str())
            .env("FACTORY_TREE", job.tree.as_str())
            .env("FACTORY_PREFIX", prefix)
            .env("FACTORY_PACKAGES", self.packages.join(","))
    }

    /// Returns the importable names that a project's folder has.
    pub(super) fn packages_of(dir: &Utf8Path) -> Vec<String> {
        packages(dir)
    }

    /// Reads what the run reported.
    pub(super) fn read(&self) -> Result<Report, String> {
        let text = std::fs::read_to_string(&self.report).unwrap_or_default();
        Report::parse(&text)
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
        words.extend(only.map(|it| test_files(job, it)).unwrap_or_default());
        words
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
    let harness = Harness::new(job)?;
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
    let origin = report.origin(&harness.packages);
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

/// Returns the importable names that a project's folder has.
fn packages(dir: &Utf8Path) -> Vec<String> {
    let sources = dir.join("src");
    let mut names = BTreeSet::new();
    for folder in [sources.as_path(), dir] {
        if folder == dir && sources.is_dir() && !names.is_empty() {
            break;
        }
        let entries = folder.read_dir_utf8().into_iter().flatten().flatten();
        names.extend(entries.filter_map(|it| importable(it.path())));
    }
    names.into_iter().collect()
}

fn importable(path: &Utf8Path) -> Option<String> {
    if path.join("__init__.py").exists() {
        let name = path.file_name()?;
        return (!NO_PACKAGES.contains(&name)).then(|| name.to_owned());
    }
    let name = path
        .file_stem()
        .filter(|_| path.extension() == Some("py"))?;
    let is_test = name.starts_with("test_") || name.ends_with("_test") || name.starts_with('_');
    (!NO_MODULES.contains(&name) && !is_test).then(|| name.to_owned())
}
