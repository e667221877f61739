//! What ruff complains about.

use serde::Deserialize;

use super::doubt::Doubts;
use super::{imports, unused};
use crate::model::finding::Finding;
use crate::process::{Command, Error, Exit, Finished};
use crate::toolchain::catalogue::PYTHON;
use crate::toolchain::job::broken;
use crate::toolchain::{Job, Lints, Outcome};

#[derive(Deserialize)]
struct Entry {
    code: Option<String>,
    filename: String,
    location: Location,
    message: String,
    fix: Option<Fix>,
}

#[derive(Deserialize)]
struct Location {
    row: u32,
    column: u32,
}

#[derive(Deserialize)]
struct Fix {
    applicability: String,
}

/// Runs ruff with the project's own configuration; a fix that is not safe here is not called one.
pub(super) async fn lint(job: &Job<'_>) -> Result<Outcome<Vec<Finding>>, Error> {
    let mut outcome = match as_told(job).await? {
        // Ruff knows more; what needs no linter to be certain is told without one.
        Outcome::Missing(_) => Outcome::Measured(imports::findings(job)),
        told => told,
    };
    if let Outcome::Measured(found) = &mut outcome {
        let doubts = Doubts::of(job);
        for it in found.iter_mut().filter(|it| it.fixable) {
            it.fixable = !doubts.about(it);
        }
        if matches!(job.lints, Lints::AsDeclared) {
            found.extend(unused::findings(job).await?);
            found.sort();
        }
    }
    Ok(outcome)
}

/// Returns the findings with ruff's own word on their fixes.
pub(super) async fn as_told(job: &Job<'_>) -> Result<Outcome<Vec<Finding>>, Error> {
    let Some(command) = ruff(
        job,
        &[
            "check",
            "--output-format",
            "json",
            "--no-cache",
            "--no-fix",
            ".",
        ],
    ) else {
        return Ok(Outcome::Missing(PYTHON.install("ruff")));
    };
    let finished = job.run(&command).await?;
    Ok(findings(job, &finished))
}

/// Returns a ruff command that keeps nothing in the tree.
pub(super) fn ruff(job: &Job<'_>, args: &[&str]) -> Option<Command> {
    let mut command = job
        .command(job.tool("ruff")?)
        .env("NO_COLOR", "1")
        .args(args.iter().copied());
    command.output_cap = 256 << 20;
    Some(command)
}

fn findings(job: &Job<'_>, finished: &Finished) -> Outcome<Vec<Finding>> {
    if !matches!(finished.exit, Exit::Code(0 | 1)) {
        return broken("ruff check", finished);
    }
    let entries: Vec<Entry> = match serde_json::from_slice(&finished.stdout) {
        Ok(entries) => entries,
        Err(error) => {
            return Outcome::Failed(format!("ruff check: its answer cannot be read: {error}"));
        }
    };
    if finished.success() != entries.is_empty() {
        let n = entries.len();
        return Outcome::Failed(format!(
            "ruff check: {n} findings, but {}",
            finished.explain()
        ));
    }
    let mut found: Vec<Finding> = entries
        .into_iter()
        .filter_map(|it| finding(job, it))
        .collect();
    found.sort();
    found.dedup();
    Outcome::Measured(found)
}

fn finding(job: &Job<'_>, entry: Entry) -> Option<Finding> {
    Some(Finding {
        path: job.in_tree(&entry.filename)?,
        line: entry.location.row,
        column: entry.location.column,
        tool: "ruff".into(),
        // A file that does not parse has no rule.
        rule: entry.code.unwrap_or_else(|| "invalid-syntax".into()),
        message: entry.message.lines().next().unwrap_or_default().to_owned(),
        fixable: entry.fix.is_some_and(|it| it.applicability == "safe"),
    })
}
