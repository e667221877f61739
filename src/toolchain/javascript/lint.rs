//! What the linters that a project uses complain about: eslint, biome, or both.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use camino::{Utf8Path, Utf8PathBuf};
use regex::Regex;
use serde::Deserialize;

use super::manifest::Manifest;
use super::script::{self, split_options, without};
use super::{modules, programs, unused};
use crate::model::finding::Finding;
use crate::process::{Error, Exit, Finished};
use crate::toolchain::catalogue::JAVASCRIPT;
use crate::toolchain::job::broken;
use crate::toolchain::{Job, Lints, Outcome};

/// Runs every linter of the project with its own configuration.
pub(super) async fn lint(job: &Job<'_>) -> Result<Outcome<Vec<Finding>>, Error> {
    modules::link(job)?;
    let mut found = Vec::new();
    let mut ran = false;
    for (dir, tool) in linters(job.tree, modules::packages(job)) {
        let outcome = match tool {
            "eslint" => eslint_findings(job, &dir).await?,
            _ => biome_findings(job, &dir).await?,
        };
        match outcome {
            Outcome::Measured(findings) => found.extend(findings),
            other => return Ok(other),
        }
        ran = true;
    }
    if !ran {
        let reason = "not used here: no configuration of eslint or biome";
        return Ok(Outcome::Missing(reason.into()));
    }
    if matches!(job.lints, Lints::AsDeclared) {
        found.extend(unused::findings(job));
    }
    found.sort();
    found.dedup();
    Ok(Outcome::Measured(found))
}

/// Returns the folders that have a linter of their own, and which; the first is the project's.
pub(super) fn linters<'a>(
    tree: &Utf8Path,
    packages: impl Iterator<Item = &'a Utf8Path>,
) -> Vec<(Utf8PathBuf, &'static str)> {
    let mut found: Vec<(Utf8PathBuf, &'static str)> = Vec::new();
    for dir in packages {
        let manifest = Manifest::read(&tree.join(dir));
        for (tool, starts, key) in [
            (
                "eslint",
                &[".eslintrc", "eslint.config."][..],
                "eslintConfig",
            ),
            ("biome", &["biome.json", ".biome.json"][..], ""),
        ] {
            let entries = tree
                .join(dir)
                .read_dir_utf8()
                .into_iter()
                .flatten()
                .flatten();
            let mut names = entries.map(|it| it.file_name().to_owned());
            let is_configured = manifest.get(key).is_some()
                || names.any(|name| starts.iter().any(|it| name.starts_with(it)));
            // The linter of the root looks at the packages below it too.
            let is_covered = found
                .iter()
                .any(|it| it.1 == tool && dir.starts_with(&it.0));
            if is_configured && !is_covered {
                found.push((dir.to_owned(), tool));
            }
        }
    }
    found
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    file_path: String,
    messages: Vec<Message>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Message {
    pub(super) rule_id: Option<String>,
    #[serde(rename = "message")]
    text: String,
    #[serde(default)]
    line: u32,
    #[serde(default)]
    column: u32,
    #[serde(default)]
    fatal: bool,
    pub(super) fix: Option<Fix>,
}

/// A replacement; places are counted in UTF-16 units, without a byte order mark.
#[derive(Clone, Deserialize)]
pub(super) struct Fix {
    pub(super) range: (i64, i64),
    pub(super) text: String,
}

async fn eslint_findings(job: &Job<'_>, dir: &Utf8Path) -> Result<Outcome<Vec<Finding>>, Error> {
    let told = match eslint(job, dir, None).await? {
        Outcome::Measured(told) => told,
        Outcome::Missing(hint) => return Ok(Outcome::Missing(hint)),
        Outcome::Failed(why) => return Ok(Outcome::Failed(why)),
        Outcome::TimedOut(why) => return Ok(Outcome::TimedOut(why)),
    };
    let findings = told.into_iter().flat_map(|(path, messages)| {
        messages
            .into_iter()
            .filter_map(move |it| finding(path.clone(), it))
    });
    Ok(Outcome::Measured(findings.collect()))
}

fn finding(path: Utf8PathBuf, message: Message) -> Option<Finding> {
    let rule = match message.rule_id {
        Some(rule) => rule,
        None if message.fatal => "invalid-syntax".to_owned(),
        None if message.line == 0 => return None,
        None => "unused-directive".to_owned(),
    };
    Some(Finding {
        path,
        line: message.line.max(1),
        column: message.column.max(1),
        tool: "eslint".into(),
        fixable: message.fix.is_some() && rule != "unused-directive",
        rule,
        message: message.text.lines().next().unwrap_or_default().to_owned(),
    })
}

/// What eslint says of each file of the tree.
pub(super) type Told = Vec<(Utf8PathBuf, Vec<Message>)>;

/// Runs eslint as often as the project's own script does, or once on those files of the tree.
pub(super) async fn eslint(
    job: &Job<'_>,
    dir: &Utf8Path,
    files: Option<&BTreeSet<Utf8PathBuf>>,
) -> Result<Outcome<Told>, Error> {
    let Some(words) = programs::words(job, dir, "eslint", "eslint") else {
        return Ok(Outcome::Missing(JAVASCRIPT.install("eslint")));
    };
    let mut all = Vec::new();
    for (options, targets) in eslint_arguments(&job.tree.join(dir)) {
        let mut command = programs::command(job, dir, &words)
            .args(options)
            .args(["--format", "json"]);
        if knows_unmatched(job, dir) {
            command = command.arg("--no-error-on-unmatched-pattern");
        }
        command = match files {
            Some(files) => command
                .arg("--")
                .args(files.iter().map(|it| job.tree.join(it).into_string())),
            None => command.args(targets),
        };
        let finished = job.run(&command).await?;
        match read_eslint(job, &finished) {
            Outcome::Measured(told) => all.extend(told),
            other => return Ok(other),
        }
        if files.is_some() {
            break;
        }
    }
    // A file that two uses look at has each complaint twice.
    let mut seen = BTreeSet::new();
    all.retain(|(path, _)| seen.insert(path.clone()));
    Ok(Outcome::Measured(all))
}

fn read_eslint(job: &Job<'_>, finished: &Finished) -> Outcome<Told> {
    if !matches!(finished.exit, Exit::Code(0 | 1)) {
        return broken("eslint", finished);
    }
    if finished.success() && finished.stdout.trim_ascii().is_empty() {
        return Outcome::Measured(Vec::new());
    }
    let read: Result<Vec<File>, _> = serde_json::from_slice(json_of(finished));
    let files = match read {
        Ok(files) => files,
        Err(error) => {
            return Outcome::Failed(format!(
                "eslint: its answer cannot be read: {error} ({})",
                finished.explain()
            ));
        }
    };
    let n: usize = files.iter().map(|it| it.messages.len()).sum();
    if !finished.success() && n == 0 {
        return Outcome::Failed(format!("eslint: no findings, but {}", finished.explain()));
    }
    let told = files
        .into_iter()
        .filter_map(|it| Some((job.in_tree(&it.file_path)?, it.messages)));
    Outcome::Measured(told.collect())
}

/// Older versions say nothing where no file matches, and know no option for it.
fn knows_unmatched(job: &Job<'_>, dir: &Utf8Path) -> bool {
    let version = programs::version(job.tree, &job.tree.join(dir), "eslint");
    let major = version.and_then(|it| it.split('.').next()?.parse::<u32>().ok());
    major.is_some_and(|it| it >= 7)
}

/// A configuration may print before the answer, which is the last line.
fn json_of(finished: &Finished) -> &[u8] {
    let text = finished.stdout.trim_ascii_end();
    let start = text
        .iter()
        .rposition(|it| *it == b'\n')
        .map_or(0, |it| it + 1);
    &text[start..]
}

/// Returns the options and targets of the project's own use of eslint.
fn eslint_arguments(at: &Utf8Path) -> Vec<(Vec<String>, Vec<String>)> {
    let ours = [
        "--fix*",
        "--format",
        "-f",
        "--cache*",
        "--max-warnings",
        "-o",
        "--output-file",
        "--color",
        "--no-color",
        "--report-unused-disable-directives*",
        "--no-error-on-unmatched-pattern",
    ];
    let values = [
        "--format",
        "-f",
        "--cache-location",
        "--cache-strategy",
        "--max-warnings",
        "-o",
        "--output-file",
        "--fix-type",
        "--report-unused-disable-directives-severity",
        "--cache-file",
    ];
    let with_value = [
        "-c",
        "--config",
        "--ext",
        "--ignore-path",
        "--ignore-pattern",
        "--parser",
        "--parser-options",
        "--plugin",
        "--rule",
        "--rulesdir",
        "--env",
        "--resolve-plugins-relative-to",
        "--concurrency",
        "--flag",
    ];
    let everything = || vec![".".to_owned()];
    let split = |args: &Vec<String>| {
        let (options, targets) = split_options(&without(args, &ours, &values), &with_value);
        let targets = if targets.is_empty() {
            everything()
        } else {
            targets
        };
        (options, targets)
    };
    let uses: Vec<_> = arguments(at, "eslint").iter().map(split).collect();
    if uses.is_empty() {
        return vec![(Vec::new(), everything())];
    }
    uses
}

/// Returns the arguments that the project's own scripts give to a program, the plainest script first.
pub(super) fn arguments(at: &Utf8Path, program: &str) -> Vec<Vec<String>> {
    let manifest = Manifest::read(at);
    let mut names: Vec<&str> = manifest.scripts().into_keys().collect();
    names.sort_by_key(|it| {
        let place = [
            "lint",
            "format:check",
            "fmt:check",
            "format",
            "test",
            "pretest",
            "posttest",
        ]
        .iter()
        .position(|wanted| wanted == it);
        (place.unwrap_or(99), it.contains("fix"), it.len())
    });
    let uses = |script: &&str| -> Vec<Vec<String>> {
        let steps = script::steps(&manifest, script).into_iter();
        let own = steps.filter(|it| it.program() == program);
        own.map(|it| it.words[1..].to_vec()).collect()
    };
    let mut all = names.iter().map(uses);
    all.find(|it| !it.is_empty()).unwrap_or_default()
}

#[derive(Deserialize)]
struct Biome {
    diagnostics: Vec<Diagnostic>,
}

#[derive(Deserialize)]
struct Diagnostic {
    category: String,
    message: String,
    location: Location,
}

#[derive(Deserialize)]
struct Location {
    path: String,
    start: Position,
}

#[derive(Deserialize)]
struct Position {
    line: u32,
    column: u32,
}

async fn biome_findings(job: &Job<'_>, dir: &Utf8Path) -> Result<Outcome<Vec<Finding>>, Error> {
    let Some(words) = programs::words(job, dir, "@biomejs/biome", "biome") else {
        return Ok(Outcome::Missing(JAVASCRIPT.install("biome")));
    };
    let command = |reporter: &str| {
        programs::command(job, dir, &words).args([
            "lint",
            "--colors=off",
            "--no-errors-on-unmatched",
            "--max-diagnostics=none",
            reporter,
        ])
    };
    let finished = job.run(&command("--reporter=json")).await?;
    if !matches!(finished.exit, Exit::Code(0 | 1)) {
        return Ok(broken("biome lint", &finished));
    }
    let told: Biome = match serde_json::from_slice(json_of(&finished)) {
        Ok(told) => told,
        Err(error) => {
            return Ok(Outcome::Failed(format!(
                "biome lint: its answer cannot be read: {error} ({})",
                finished.explain()
            )));
        }
    };
    if !finished.success() && told.diagnostics.is_empty() {
        return Ok(Outcome::Failed(format!(
            "biome lint: no findings, but {}",
            finished.explain()
        )));
    }
    // Only the words for people tell a safe fix from another.
    let finished = job.run(&command("--reporter=default")).await?;
    let safe = safe_places(&format!(
        "{}{}",
        finished.stdout_text(),
        finished.stderr_text()
    ));
    let finding = |it: Diagnostic| {
        let rule = it
            .category
            .strip_prefix("lint/")
            .unwrap_or(&it.category)
            .to_owned();
        let place = (
            it.location.path.clone(),
            it.location.start.line,
            it.location.start.column,
            rule.clone(),
        );
        Some(Finding {
            path: job.in_tree(job.tree.join(dir).join(&it.location.path).as_str())?,
            line: it.location.start.line.max(1),
            column: it.location.start.column.max(1),
            tool: "biome".into(),
            fixable: safe.contains(&place),
            rule,
            message: it.message.lines().next().unwrap_or_default().to_owned(),
        })
    };
    Ok(Outcome::Measured(
        told.diagnostics.into_iter().filter_map(finding).collect(),
    ))
}

/// `path:line:column lint/group/rule  FIXABLE  ━━━`
static HEADING: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(\S.*?):(\d+):(\d+) lint/(\S+)(?: .*)?━+\s*$").expect("the pattern is valid")
});

fn safe_places(text: &str) -> BTreeSet<(String, u32, u32, String)> {
    let mut safe = BTreeSet::new();
    let mut place = None;
    for line in text.lines() {
        if let Some(it) = HEADING.captures(line) {
            let number = |idx: usize| it[idx].parse().unwrap_or_default();
            place = Some((it[1].to_owned(), number(2), number(3), it[4].to_owned()));
        } else if line.contains(" Safe fix:") {
            safe.extend(place.clone());
        }
    }
    safe
}
