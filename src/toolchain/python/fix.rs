//! Safe fixes of one rule by ruff, and the formatter that the project itself uses.

use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};

use super::doubt::Doubts;
use super::lint::{as_told, ruff};
use super::{imports, unused};
use crate::model::hypothesis::LintRule;
use crate::model::profile::Purpose;
use crate::process::{Command, Error, Exit};
use crate::toolchain::catalogue::PYTHON;
use crate::toolchain::job::{broken, rewrite};
use crate::toolchain::{Job, Outcome};

/// Lets ruff apply the fixes of a rule that it calls safe, in accepted files only.
pub(super) async fn fix(
    job: &Job<'_>,
    rule: &LintRule,
    may_touch: &(dyn Fn(&Utf8Path) -> bool + Sync),
) -> Result<Outcome<usize>, Error> {
    if rule.tool == unused::TOOL && rule.rule == imports::RULE {
        return imports::fix(job, may_touch);
    }
    if rule.tool == unused::TOOL {
        return unused::fix(job, may_touch).await;
    }
    let findings = match as_told(job).await? {
        Outcome::Measured(findings) => findings,
        Outcome::Missing(hint) => return Ok(Outcome::Missing(hint)),
        Outcome::Failed(reason) => return Ok(Outcome::Failed(reason)),
        Outcome::TimedOut(reason) => return Ok(Outcome::TimedOut(reason)),
    };
    let doubts = Doubts::of(job);
    let (doubtful, safe): (Vec<_>, Vec<_>) = findings
        .into_iter()
        .filter(|it| it.rule == rule.rule && it.fixable && may_touch(&it.path))
        .partition(|it| doubts.about(it));
    // Ruff fixes a whole file or none of it.
    let spared: BTreeSet<Utf8PathBuf> = doubtful.into_iter().map(|it| it.path).collect();
    let files: BTreeSet<Utf8PathBuf> = safe
        .into_iter()
        .map(|it| it.path)
        .filter(|it| !spared.contains(it))
        .collect();
    let args = [
        "check",
        "--no-cache",
        "--fix",
        "--no-unsafe-fixes",
        "--exit-zero",
        "--quiet",
        "--select",
        &rule.rule,
    ];
    let Some(command) = ruff(job, &args) else {
        return Ok(Outcome::Missing(PYTHON.install("ruff")));
    };
    rewrite(
        job,
        &command.arg("--"),
        &files.into_iter().collect::<Vec<_>>(),
        &[0],
        "ruff check --fix",
    )
    .await
}

/// Returns the files that the project's own formatter would change.
pub(super) async fn unformatted(job: &Job<'_>) -> Result<Outcome<Vec<Utf8PathBuf>>, Error> {
    let Some(command) = formatter(job) else {
        return Ok(no_formatter(job));
    };
    // A diff looks the same in every version of both formatters; `--check` does not.
    let finished = job.run(&command.args(["--diff", "--quiet", "."])).await?;
    let mut files: Vec<Utf8PathBuf> = diffed_files(&finished.stdout_text())
        .into_iter()
        .filter_map(|it| job.in_tree(&it))
        .collect();
    files.sort();
    match finished.exit {
        Exit::Code(0 | 1) if !files.is_empty() || finished.success() => {
            Ok(Outcome::Measured(files))
        }
        _ => Ok(broken("the formatter", &finished)),
    }
}

/// Returns the files of a unified diff: `--- a.py` and `+++ a.py`, which black follows with a tab.
fn diffed_files(diff: &str) -> Vec<String> {
    let name = |it: &str| it.split('\t').next().unwrap_or_default().to_owned();
    let lines: Vec<&str> = diff.lines().collect();
    lines
        .windows(3)
        .filter(|it| it[2].starts_with("@@ "))
        .filter_map(|it| {
            let old = name(it[0].strip_prefix("--- ")?);
            (old == name(it[1].strip_prefix("+++ ")?)).then_some(old)
        })
        .collect()
}

/// Runs the project's own formatter on accepted files that it would change.
pub(super) async fn format(
    job: &Job<'_>,
    may_touch: &(dyn Fn(&Utf8Path) -> bool + Sync),
) -> Result<Outcome<usize>, Error> {
    let mut files = match unformatted(job).await? {
        Outcome::Measured(files) => files,
        Outcome::Missing(hint) => return Ok(Outcome::Missing(hint)),
        Outcome::Failed(reason) => return Ok(Outcome::Failed(reason)),
        Outcome::TimedOut(reason) => return Ok(Outcome::TimedOut(reason)),
    };
    files.retain(|it| may_touch(it));
    let Some(command) = formatter(job) else {
        return Ok(no_formatter(job));
    };
    let command = command.args(["--quiet", "--"]);
    rewrite(job, &command, &files, &[0], "the formatter").await
}

fn formatter(job: &Job<'_>) -> Option<Command> {
    match job.uses(Purpose::Format)? {
        "ruff" => ruff(job, &["format", "--no-cache"]),
        name => {
            let cache = job.build.join("black_cache");
            Some(job.command(job.tool(name)?).env("BLACK_CACHE_DIR", cache))
        }
    }
}

fn no_formatter<T>(job: &Job<'_>) -> Outcome<T> {
    Outcome::Missing(match job.uses(Purpose::Format) {
        Some(name) => PYTHON.install(name),
        None => "not used here: no configuration of ruff format or black".into(),
    })
}
