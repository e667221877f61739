//! Line coverage of the suite, by coverage.py.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::suite::Harness;
use crate::model::finding::SuiteState;
use crate::process::Error;
use crate::toolchain::catalogue::PYTHON;
use crate::toolchain::job::broken;
use crate::toolchain::{Coverage, Job, Outcome, lcov};

#[derive(Deserialize)]
struct Report {
    files: BTreeMap<String, File>,
}

#[derive(Deserialize)]
struct File {
    executed_lines: Vec<u32>,
    missing_lines: Vec<u32>,
}

/// Runs the suite once more, under coverage.
pub(super) async fn measure(job: &Job<'_>) -> Result<Outcome<Coverage>, Error> {
    let Some(words) = job.tool("coverage") else {
        return Ok(Outcome::Missing(PYTHON.install("coverage")));
    };
    let harness = Harness::new(job)?;
    let sources = source_folders(job, &harness);
    // The project's own floor and report settings must not decide whether there is a number.
    let command = harness
        .environment(job, job.command(words))
        .args([
            "run",
            "--source",
            sources.as_str(),
            "--omit",
            "*/test_*.py,*/tests/*,*/conftest.py",
        ])
        .args(harness.arguments(job, None));
    let finished = job.run(&command).await?;
    let report = match harness.read() {
        Ok(report) => report,
        Err(reason) => return Ok(Outcome::Failed(format!("coverage run: {reason}"))),
    };
    match report.state(&finished) {
        SuiteState::Completed if report.cases.is_empty() => {
            return Ok(Outcome::Failed("there are no tests".into()));
        }
        SuiteState::Completed => {}
        SuiteState::TimedOut(reason) => return Ok(Outcome::TimedOut(reason)),
        SuiteState::DoesNotBuild(reason) | SuiteState::Broken(reason) => {
            return Ok(Outcome::Failed(format!("coverage run: {reason}")));
        }
        SuiteState::NoRunner => return Ok(Outcome::Missing(PYTHON.install("pytest"))),
    }
    let file = job.build.join("python/coverage.json");
    let command = harness.environment(job, job.command(words)).args([
        "json",
        "--fail-under=0",
        "-q",
        "-o",
        file.as_str(),
    ]);
    let finished = job.run(&command).await?;
    if !finished.success() {
        return Ok(broken("coverage json", &finished));
    }
    Ok(read(job, &std::fs::read(&file).unwrap_or_default()))
}

/// Returns the folders whose files count, imported or not.
fn source_folders(job: &Job<'_>, harness: &Harness) -> String {
    let dir = job.dir();
    let places = harness.layout.places(&dir);
    if places.is_empty() || places.iter().any(|it| !dir.join(it).is_dir()) {
        return ".".into();
    }
    let places: Vec<&str> = places.iter().map(|it| it.as_str()).collect();
    places.join(",")
}

fn read(job: &Job<'_>, json: &[u8]) -> Outcome<Coverage> {
    let report: Report = match serde_json::from_slice(json) {
        Ok(report) => report,
        Err(error) => {
            return Outcome::Failed(format!("coverage json: its answer cannot be read: {error}"));
        }
    };
    let mut files = BTreeMap::new();
    for (path, file) in report.files {
        let Some(path) = job.in_tree(&path) else {
            continue;
        };
        let missing = file.missing_lines.into_iter().map(|it| (it, false));
        let reached = file.executed_lines.into_iter().map(|it| (it, true));
        files.insert(path, missing.chain(reached).collect());
    }
    Outcome::Measured(lcov::count(files, "coverage"))
}
