//! Safe fixes of one lint rule, and the formatter that the project itself uses.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};

use super::lint::{self, Fix, arguments};
use super::script::{split_options, without};
use super::{modules, programs, unused};
use crate::model::hypothesis::LintRule;
use crate::model::profile::Purpose;
use crate::process::{Command, Error, Exit};
use crate::toolchain::catalogue::JAVASCRIPT;
use crate::toolchain::job::{self, broken};
use crate::toolchain::{Job, Outcome};

/// One fix may reveal another of the same rule; more rounds than this would be a loop.
const MAX_PASSES: usize = 10;

/// Applies the safe fixes of a rule in accepted files; leaves nothing else behind.
pub(super) async fn fix(
    job: &Job<'_>,
    rule: &LintRule,
    may_touch: &(dyn Fn(&Utf8Path) -> bool + Sync),
) -> Result<Outcome<usize>, Error> {
    modules::link(job)?;
    let outcome = if rule.tool == unused::TOOL {
        unused::fix(job, may_touch).await
    } else {
        fix_linked(job, rule, may_touch).await
    };
    modules::unlink(job);
    outcome
}

async fn fix_linked(
    job: &Job<'_>,
    rule: &LintRule,
    may_touch: &(dyn Fn(&Utf8Path) -> bool + Sync),
) -> Result<Outcome<usize>, Error> {
    let mut changed = 0;
    for (dir, tool) in lint::linters(job.tree, modules::packages(job)) {
        if tool != rule.tool {
            continue;
        }
        let outcome = match tool {
            "eslint" => eslint(job, &dir, &rule.rule, may_touch).await?,
            _ => biome(job, &dir, &rule.rule, may_touch).await?,
        };
        match outcome {
            Outcome::Measured(n) => changed += n,
            other => return Ok(other),
        }
    }
    Ok(Outcome::Measured(changed))
}

/// Eslint itself would fix every rule of a file: its answer says what to replace for this one.
async fn eslint(
    job: &Job<'_>,
    dir: &Utf8Path,
    rule: &str,
    may_touch: &(dyn Fn(&Utf8Path) -> bool + Sync),
) -> Result<Outcome<usize>, Error> {
    let mut touched = BTreeSet::new();
    let mut looked_at = None;
    for _ in 0..MAX_PASSES {
        let told = match lint::eslint(job, dir, looked_at.as_ref()).await? {
            Outcome::Measured(told) => told,
            Outcome::Missing(hint) => return Ok(Outcome::Missing(hint)),
            Outcome::Failed(why) => return Ok(Outcome::Failed(why)),
            Outcome::TimedOut(why) => return Ok(Outcome::TimedOut(why)),
        };
        let mut fixes: BTreeMap<Utf8PathBuf, Vec<Fix>> = BTreeMap::new();
        for (path, messages) in told {
            let of_rule = messages
                .into_iter()
                .filter(|it| it.rule_id.as_deref() == Some(rule));
            let of_rule: Vec<Fix> = of_rule.filter_map(|it| it.fix).collect();
            if !of_rule.is_empty() && may_touch(&path) {
                fixes.insert(path, of_rule);
            }
        }
        let mut pass = BTreeSet::new();
        for (path, fixes) in fixes {
            match rewrite(&job.tree.join(&path), fixes) {
                Ok(true) => drop(pass.insert(path)),
                Ok(false) => {}
                Err(error) => return Ok(Outcome::Failed(format!("cannot fix `{path}`: {error}"))),
            }
        }
        if pass.is_empty() {
            break;
        }
        touched.extend(pass.iter().cloned());
        looked_at = Some(pass);
    }
    Ok(Outcome::Measured(touched.len()))
}

fn rewrite(file: &Utf8Path, fixes: Vec<Fix>) -> std::io::Result<bool> {
    let text = std::fs::read_to_string(file)?;
    let rewritten = apply(&text, fixes);
    if rewritten == text {
        return Ok(false);
    }
    std::fs::write(file, rewritten)?;
    Ok(true)
}

/// Replaces what does not overlap, in order; the rest is left for the next pass.
fn apply(text: &str, mut fixes: Vec<Fix>) -> String {
    let (mark, body) = match text.strip_prefix('\u{feff}') {
        Some(body) => ("\u{feff}", body),
        None => ("", text),
    };
    fixes.sort_by_key(|it| it.range);
    let offsets = offsets(body);
    let mut written = mark.to_owned();
    let mut end = 0;
    let mut last: Option<(i64, i64)> = None;
    for fix in fixes {
        let at = |it: i64| {
            usize::try_from(it)
                .ok()
                .and_then(|it| offsets.get(it).copied())
        };
        let (Some(from), Some(to)) = (at(fix.range.0), at(fix.range.1)) else {
            continue;
        };
        // Like eslint itself, which leaves fixes that touch each other for the next pass.
        if last.is_some_and(|it| fix.range.0 <= it.1) || to < from {
            continue;
        }
        written.push_str(&body[end..from]);
        written.push_str(&fix.text);
        end = to;
        last = Some(fix.range);
    }
    written.push_str(&body[end..]);
    written
}

/// Returns the byte at which each UTF-16 unit of a text begins, and the text's end.
fn offsets(text: &str) -> Vec<usize> {
    let units = text
        .char_indices()
        .flat_map(|(at, it)| std::iter::repeat_n(at, it.len_utf16()));
    units.chain([text.len()]).collect()
}

async fn biome(
    job: &Job<'_>,
    dir: &Utf8Path,
    rule: &str,
    may_touch: &(dyn Fn(&Utf8Path) -> bool + Sync),
) -> Result<Outcome<usize>, Error> {
    let findings = match lint::lint(job).await? {
        Outcome::Measured(findings) => findings,
        Outcome::Missing(hint) => return Ok(Outcome::Missing(hint)),
        Outcome::Failed(why) => return Ok(Outcome::Failed(why)),
        Outcome::TimedOut(why) => return Ok(Outcome::TimedOut(why)),
    };
    let files: BTreeSet<Utf8PathBuf> = findings
        .into_iter()
        .filter(|it| it.tool == "biome" && it.rule == rule && it.fixable && may_touch(&it.path))
        .map(|it| it.path)
        .collect();
    let Some(words) = programs::words(job, dir, "@biomejs/biome", "biome") else {
        return Ok(Outcome::Missing(JAVASCRIPT.install("biome")));
    };
    let command = programs::command(job, dir, &words).args(["lint", "--write", "--colors=off"]);
    let command = command.arg(format!("--only={rule}"));
    let files: Vec<Utf8PathBuf> = files.into_iter().collect();
    // What cannot be fixed safely is still found, and makes its exit status 1.
    job::rewrite(job, &command, &files, &[0, 1], "biome lint --write").await
}

/// Returns the files that the project's own formatter would change.
pub(super) async fn unformatted(job: &Job<'_>) -> Result<Outcome<Vec<Utf8PathBuf>>, Error> {
    modules::link(job)?;
    let outcome = match job.uses(Purpose::Format) {
        Some("prettier") => by_prettier(job).await,
        Some("biome") => by_biome(job).await,
        _ => {
            let reason = "not used here: no configuration of prettier or biome";
            Ok(Outcome::Missing(reason.into()))
        }
    };
    outcome.map(|it| match it {
        Outcome::Measured(mut files) => {
            files.sort();
            files.dedup();
            Outcome::Measured(files)
        }
        other => other,
    })
}

async fn by_prettier(job: &Job<'_>) -> Result<Outcome<Vec<Utf8PathBuf>>, Error> {
    let Some(command) = prettier(job) else {
        return Ok(Outcome::Missing(JAVASCRIPT.install("prettier")));
    };
    let ours = [
        "--check",
        "-c",
        "--write",
        "-w",
        "--list-different",
        "-l",
        "--cache*",
        "--log-level",
        "--loglevel",
        "--no-color",
    ];
    let args = arguments(&job.dir(), "prettier")
        .into_iter()
        .next()
        .unwrap_or_default();
    let args = without(
        &args,
        &ours,
        &["--log-level", "--loglevel", "--cache-location"],
    );
    let values = [
        "--config",
        "--ignore-path",
        "--plugin",
        "--parser",
        "--config-precedence",
    ];
    let (options, mut targets) = split_options(&args, &values);
    if targets.is_empty() {
        targets.push(".".into());
    }
    let command = command.arg("--list-different").args(options).args(targets);
    let finished = job.run(&command).await?;
    let text = finished.stdout_text();
    let files: Vec<Utf8PathBuf> = text
        .lines()
        .filter_map(|it| job.in_tree(it.trim()))
        .collect();
    match finished.exit {
        Exit::Code(0) if files.is_empty() => Ok(Outcome::Measured(files)),
        Exit::Code(1) if !files.is_empty() => Ok(Outcome::Measured(files)),
        _ => Ok(broken("prettier", &finished)),
    }
}

fn prettier(job: &Job<'_>) -> Option<Command> {
    let root = &job.project.root;
    let words = programs::words(job, root, "prettier", "prettier")?;
    Some(programs::command(job, root, &words))
}

async fn by_biome(job: &Job<'_>) -> Result<Outcome<Vec<Utf8PathBuf>>, Error> {
    #[derive(serde::Deserialize)]
    struct Answer {
        diagnostics: Vec<Diagnostic>,
    }
    #[derive(serde::Deserialize)]
    struct Diagnostic {
        category: String,
        location: Location,
    }
    #[derive(serde::Deserialize)]
    struct Location {
        path: String,
    }
    let Some(command) = biome_format(job) else {
        return Ok(Outcome::Missing(JAVASCRIPT.install("biome")));
    };
    let command = command.args(["--reporter=json", "--max-diagnostics=none"]);
    let finished = job.run(&command).await?;
    let answer: Answer = match serde_json::from_slice(&finished.stdout) {
        Ok(answer) => answer,
        Err(_) => return Ok(broken("biome format", &finished)),
    };
    let of_format = answer
        .diagnostics
        .into_iter()
        .filter(|it| it.category == "format");
    let files: Vec<Utf8PathBuf> = of_format
        .filter_map(|it| job.in_tree(&it.location.path))
        .collect();
    match finished.exit {
        Exit::Code(0 | 1) if finished.success() || !files.is_empty() => {
            Ok(Outcome::Measured(files))
        }
        _ => Ok(broken("biome format", &finished)),
    }
}

fn biome_format(job: &Job<'_>) -> Option<Command> {
    let root = &job.project.root;
    let words = programs::words(job, root, "@biomejs/biome", "biome")?;
    Some(programs::command(job, root, &words).args([
        "format",
        "--colors=off",
        "--no-errors-on-unmatched",
    ]))
}

/// Runs the project's own formatter on accepted files that it would change.
pub(super) async fn format(
    job: &Job<'_>,
    may_touch: &(dyn Fn(&Utf8Path) -> bool + Sync),
) -> Result<Outcome<usize>, Error> {
    let outcome = unformatted(job).await?;
    let mut files = match outcome {
        Outcome::Measured(files) => files,
        Outcome::Missing(hint) => return Ok(Outcome::Missing(hint)),
        Outcome::Failed(why) => return Ok(Outcome::Failed(why)),
        Outcome::TimedOut(why) => return Ok(Outcome::TimedOut(why)),
    };
    files.retain(|it| may_touch(it));
    let command = match job.uses(Purpose::Format) {
        Some("prettier") => prettier(job),
        _ => biome_format(job),
    };
    let Some(command) = command else {
        return Ok(Outcome::Missing(JAVASCRIPT.install("prettier")));
    };
    let outcome = job::rewrite(job, &command.arg("--write"), &files, &[0], "the formatter").await;
    modules::unlink(job);
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fix(from: i64, to: i64, text: &str) -> Fix {
        Fix {
            range: (from, to),
            text: text.into(),
        }
    }

    #[test]
    fn places_are_counted_like_a_javascript_string_counts() {
        let text = "\u{feff}a = '😀é'; var x";
        assert_eq!(
            apply(text, vec![fix(11, 14, "let")]),
            "\u{feff}a = '😀é'; var x".replace("var", "let")
        );
    }

    #[test]
    fn fixes_that_touch_wait_for_the_next_pass() {
        let fixed = apply(
            "abcdef",
            vec![fix(3, 4, "D"), fix(0, 2, "x"), fix(2, 3, "C")],
        );
        assert_eq!(fixed, "xcDef");
    }
}
