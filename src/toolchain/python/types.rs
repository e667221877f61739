//! What the type checker that a project uses complains about.

use std::sync::LazyLock;

use regex::Regex;
use serde::Deserialize;

use super::interpreter::has_module;
use super::layout::Layout;
use crate::model::finding::Finding;
use crate::model::profile::Purpose;
use crate::process::{Error, Exit, Finished};
use crate::toolchain::catalogue::PYTHON;
use crate::toolchain::detect::read_small;
use crate::toolchain::job::broken;
use crate::toolchain::{Job, Outcome};

/// `path:line:column: error: message  [rule]`
static LINE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(.+?\.pyi?):(\d+):(?:(\d+):)? error: (.*?)(?:  \[([a-z0-9-]+)\])?$")
        .expect("the pattern is valid")
});

/// Runs mypy or pyright, whichever the project itself uses.
pub(super) async fn types(job: &Job<'_>) -> Result<Outcome<Vec<Finding>>, Error> {
    match job.uses(Purpose::Types) {
        Some("mypy") => mypy(job).await,
        Some("pyright") => pyright(job).await,
        _ => Ok(Outcome::Missing(
            "not used here: no configuration of mypy or pyright".into(),
        )),
    }
}

async fn mypy(job: &Job<'_>) -> Result<Outcome<Vec<Finding>>, Error> {
    let Some(words) = job.tool("mypy") else {
        return Ok(Outcome::Missing(PYTHON.install("mypy")));
    };
    let cache = job.build.join("mypy_cache");
    let mut command = job.command(words).args([
        "--no-error-summary",
        "--show-column-numbers",
        "--no-color-output",
        "--no-pretty",
        "--hide-error-context",
        "--show-error-codes",
        "--cache-dir",
        cache.as_str(),
    ]);
    if let Some(python) = job.tool("python").and_then(|it| it.first())
        && !has_module(words, "mypy")
    {
        command = command.args(["--python-executable", python.as_str()]);
    }
    if !names_its_files(job) {
        command = command.args(default_files(job));
    }
    Ok(read_mypy(job, &job.run(&command).await?))
}

/// A configuration may say itself what is checked.
fn names_its_files(job: &Job<'_>) -> bool {
    let dir = job.dir();
    let read = |name: &str| read_small(&dir.join(name)).unwrap_or_default();
    let table: toml::Table = read("pyproject.toml").parse().unwrap_or_default();
    let mypy = table.get("tool").and_then(|it| it.get("mypy"));
    let in_ini = ["mypy.ini", ".mypy.ini", "setup.cfg"].iter().any(|name| {
        read(name)
            .split("[mypy]")
            .nth(1)
            .is_some_and(|it| it.split("\n[").next().is_some_and(|it| FILES.is_match(it)))
    });
    in_ini
        || ["files", "packages", "modules"]
            .iter()
            .any(|it| mypy.is_some_and(|mypy| mypy.get(it).is_some()))
}

static FILES: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?m)^\s*(files|packages|modules)\s*=").expect("the pattern is valid")
});

/// Returns what is checked where nothing says so: the packages that the project ships.
fn default_files(job: &Job<'_>) -> Vec<String> {
    match Layout::of(&job.dir()).places(&job.dir()).as_slice() {
        [] => vec![".".into()],
        places => places.iter().map(ToString::to_string).collect(),
    }
}

/// Exit status 0 is no error, 1 is errors, anything else a run that means nothing.
fn read_mypy(job: &Job<'_>, finished: &Finished) -> Outcome<Vec<Finding>> {
    if !matches!(finished.exit, Exit::Code(0 | 1)) {
        return broken("mypy", finished);
    }
    let text = finished.stdout_text();
    let errors: Vec<_> = text.lines().filter(|it| it.contains(" error: ")).collect();
    let read: Option<Vec<_>> = errors.iter().map(|it| LINE.captures(it)).collect();
    let Some(read) = read else {
        return Outcome::Failed("mypy: a line of its answer cannot be read".into());
    };
    if read.is_empty() != finished.success() {
        return Outcome::Failed(format!(
            "mypy: {} errors, but {}",
            read.len(),
            finished.explain()
        ));
    }
    let number =
        |it: Option<regex::Match<'_>>| it.and_then(|it| it.as_str().parse().ok()).unwrap_or(1);
    let mut found: Vec<Finding> = read
        .into_iter()
        .filter_map(|it| {
            Some(Finding {
                path: job.in_tree(&it[1])?,
                line: number(it.get(2)),
                column: number(it.get(3)),
                tool: "mypy".into(),
                rule: it.get(5).map_or("misc", |it| it.as_str()).to_owned(),
                message: it[4].to_owned(),
                fixable: false,
            })
        })
        .collect();
    found.sort();
    found.dedup();
    Outcome::Measured(found)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PyrightReport {
    general_diagnostics: Vec<PyrightDiagnostic>,
    summary: PyrightSummary,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PyrightSummary {
    error_count: usize,
}

#[derive(Deserialize)]
struct PyrightDiagnostic {
    file: String,
    severity: String,
    message: String,
    range: Option<PyrightRange>,
    rule: Option<String>,
}

#[derive(Deserialize)]
struct PyrightRange {
    start: PyrightPosition,
}

#[derive(Deserialize)]
struct PyrightPosition {
    line: u32,
    character: u32,
}

async fn pyright(job: &Job<'_>) -> Result<Outcome<Vec<Finding>>, Error> {
    let Some(words) = job.tool("pyright") else {
        return Ok(Outcome::Missing(PYTHON.install("pyright")));
    };
    let mut command = job.command(words).arg("--outputjson");
    if let Some(python) = job.tool("python").and_then(|it| it.first()) {
        command = command.args(["--pythonpath", python.as_str()]);
    }
    Ok(read_pyright(job, &job.run(&command).await?))
}

fn read_pyright(job: &Job<'_>, finished: &Finished) -> Outcome<Vec<Finding>> {
    if !matches!(finished.exit, Exit::Code(0 | 1)) {
        return broken("pyright", finished);
    }
    let report: PyrightReport = match serde_json::from_slice(&finished.stdout) {
        Ok(report) => report,
        Err(error) => {
            return Outcome::Failed(format!("pyright: its answer cannot be read: {error}"));
        }
    };
    let errors = report
        .general_diagnostics
        .into_iter()
        .filter(|it| it.severity == "error");
    let errors: Vec<_> = errors.collect();
    if errors.len() != report.summary.error_count || errors.is_empty() != finished.success() {
        return Outcome::Failed(format!(
            "pyright: {} errors, but {}",
            errors.len(),
            finished.explain()
        ));
    }
    let mut found: Vec<Finding> = errors
        .into_iter()
        .filter_map(|it| pyright_finding(job, it))
        .collect();
    found.sort();
    found.dedup();
    Outcome::Measured(found)
}

fn pyright_finding(job: &Job<'_>, diagnostic: PyrightDiagnostic) -> Option<Finding> {
    let start = diagnostic.range.map(|it| it.start);
    Some(Finding {
        path: job.in_tree(&diagnostic.file)?,
        line: start.as_ref().map_or(1, |it| it.line + 1),
        column: start.as_ref().map_or(1, |it| it.character + 1),
        tool: "pyright".into(),
        rule: diagnostic.rule.unwrap_or_else(|| "general".into()),
        message: diagnostic
            .message
            .lines()
            .next()
            .unwrap_or_default()
            .to_owned(),
        fixable: false,
    })
}
