//! Formatting by gofmt, which every Go project uses, and the simplifications that it knows.

use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};

use super::command::missing;
use super::sources;
use crate::model::finding::Finding;
use crate::model::hypothesis::LintRule;
use crate::process::{Error, Finished};
use crate::toolchain::job::{FILES_AT_ONCE, broken};
use crate::toolchain::{Job, Outcome};

/// The name under which simplifications are offered as a rule of gofmt.
const SIMPLIFY: &str = "simplify";

/// Returns the files that gofmt would change.
pub(super) async fn unformatted(job: &Job<'_>) -> Result<Outcome<Vec<Utf8PathBuf>>, Error> {
    list(job, &["-l"], &sources::written(job)).await
}

/// Runs gofmt on accepted files that it would change.
pub(super) async fn format(
    job: &Job<'_>,
    may_touch: &(dyn Fn(&Utf8Path) -> bool + Sync),
) -> Result<Outcome<usize>, Error> {
    rewrite(job, unformatted(job).await?, &["-w"], may_touch).await
}

/// Applies gofmt's simplifications; vet has no fixes of its own.
pub(super) async fn fix(
    job: &Job<'_>,
    rule: &LintRule,
    may_touch: &(dyn Fn(&Utf8Path) -> bool + Sync),
) -> Result<Outcome<usize>, Error> {
    if rule.tool != "gofmt" || rule.rule != SIMPLIFY {
        return Ok(Outcome::Measured(0));
    }
    rewrite(job, complicated(job).await?, &["-s", "-w"], may_touch).await
}

/// Returns the lines that gofmt would write shorter, in files that are formatted otherwise.
pub(super) async fn simplifications(job: &Job<'_>) -> Result<Outcome<Vec<Finding>>, Error> {
    let files = match complicated(job).await? {
        Outcome::Measured(files) => files,
        Outcome::Missing(hint) => return Ok(Outcome::Missing(hint)),
        Outcome::Failed(reason) => return Ok(Outcome::Failed(reason)),
        Outcome::TimedOut(reason) => return Ok(Outcome::TimedOut(reason)),
    };
    let mut found = Vec::new();
    for file in files {
        let Some(finished) = gofmt(job, &["-s", "-d"], std::slice::from_ref(&file)).await? else {
            return Ok(missing("gofmt"));
        };
        found.extend(
            removed_lines(&finished.stdout_text())
                .into_iter()
                .map(|line| Finding {
                    path: file.clone(),
                    line,
                    column: 1,
                    tool: "gofmt".into(),
                    rule: SIMPLIFY.into(),
                    message: "can be written shorter".into(),
                    fixable: true,
                }),
        );
    }
    Ok(Outcome::Measured(found))
}

/// Returns formatted files that could be simpler.
async fn complicated(job: &Job<'_>) -> Result<Outcome<Vec<Utf8PathBuf>>, Error> {
    let files = sources::written(job);
    let unformatted: BTreeSet<Utf8PathBuf> = match list(job, &["-l"], &files).await? {
        Outcome::Measured(files) => files.into_iter().collect(),
        other => return Ok(other),
    };
    Ok(match list(job, &["-s", "-l"], &files).await? {
        Outcome::Measured(mut files) => {
            files.retain(|it| !unformatted.contains(it));
            Outcome::Measured(files)
        }
        other => other,
    })
}

async fn list(
    job: &Job<'_>,
    args: &[&str],
    files: &[Utf8PathBuf],
) -> Result<Outcome<Vec<Utf8PathBuf>>, Error> {
    let mut found = Vec::new();
    for files in files.chunks(FILES_AT_ONCE) {
        let Some(finished) = gofmt(job, args, files).await? else {
            return Ok(missing("gofmt"));
        };
        if !finished.success() {
            return Ok(broken("gofmt", &finished));
        }
        let text = finished.stdout_text();
        found.extend(text.lines().filter_map(|it| job.in_tree(it)));
    }
    Ok(Outcome::Measured(found))
}

async fn rewrite(
    job: &Job<'_>,
    files: Outcome<Vec<Utf8PathBuf>>,
    args: &[&str],
    may_touch: &(dyn Fn(&Utf8Path) -> bool + Sync),
) -> Result<Outcome<usize>, Error> {
    let mut files = match files {
        Outcome::Measured(files) => files,
        Outcome::Missing(hint) => return Ok(Outcome::Missing(hint)),
        Outcome::Failed(reason) => return Ok(Outcome::Failed(reason)),
        Outcome::TimedOut(reason) => return Ok(Outcome::TimedOut(reason)),
    };
    files.retain(|it| may_touch(it));
    for files in files.chunks(FILES_AT_ONCE) {
        match gofmt(job, args, files).await? {
            Some(finished) if finished.success() => {}
            Some(finished) => return Ok(broken("gofmt", &finished)),
            None => return Ok(missing("gofmt")),
        }
    }
    Ok(Outcome::Measured(files.len()))
}

async fn gofmt(
    job: &Job<'_>,
    args: &[&str],
    files: &[Utf8PathBuf],
) -> Result<Option<Finished>, Error> {
    let Some(words) = job.tool("gofmt") else {
        return Ok(None);
    };
    let paths = files.iter().map(|it| job.tree.join(it).into_string());
    let command = job.command(words).args(args.iter().copied()).args(paths);
    job.run(&command).await.map(Some)
}

/// Returns the numbers of the old lines that a unified diff takes away.
fn removed_lines(diff: &str) -> Vec<u32> {
    let mut found = Vec::new();
    let mut number = 0;
    for line in diff.lines() {
        if let Some(hunk) = line.strip_prefix("@@ -") {
            let start = hunk.split([',', ' ']).next().and_then(|it| it.parse().ok());
            number = start.unwrap_or(0);
        } else if number > 0 && line.starts_with('-') {
            found.push(number);
            number += 1;
        } else if number > 0 && line.starts_with(' ') {
            number += 1;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_diff_are_numbered_by_the_old_file() {
        let diff =
            "diff a b\n--- a\n+++ b\n@@ -3,4 +3,3 @@\n x\n-y\n+z\n w\n-v\n@@ -20 +19 @@\n-q\n";
        assert_eq!(removed_lines(diff), [4, 6, 20]);
    }
}
