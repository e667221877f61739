//! What vet, staticcheck or golangci-lint, gofmt and the manifest itself have to complain about.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};
use serde::Deserialize;

use super::command::{build_args, first_error, go, missing, with_settings};
use super::{format, requirements, sources, staticcheck};
use crate::model::finding::Finding;
use crate::process::{Error, Exit, Finished};
use crate::toolchain::job::broken;
use crate::toolchain::{Job, Outcome};

/// What `go vet -json` prints of each package: findings or an error, by analyzer.
type Vetted = BTreeMap<String, BTreeMap<String, serde_json::Value>>;

#[derive(Deserialize)]
struct Diagnostic {
    posn: String,
    message: String,
}

/// Runs every linter that is there. Vet comes with go; what another one says of the same place again
/// is counted once.
pub(super) async fn lint(job: &Job<'_>) -> Result<Outcome<Vec<Finding>>, Error> {
    let mut found = match vet(job).await? {
        Outcome::Measured(found) => found,
        other => return Ok(other),
    };
    let second = match second_linter(job).await? {
        None => Vec::new(),
        Some(Outcome::Measured(second)) => second,
        Some(other) => return Ok(other),
    };
    let place = |it: &Finding| (it.path.clone(), it.line, it.column);
    let seen: BTreeSet<_> = found.iter().map(place).collect();
    found.extend(second.into_iter().filter(|it| !seen.contains(&place(it))));
    found.extend(requirements::unused(job));
    match format::simplifications(job).await? {
        Outcome::Measured(simpler) => found.extend(simpler),
        Outcome::Missing(_) => {}
        other => return Ok(other),
    }
    found.retain(|it| !sources::is_generated(&job.tree.join(&it.path)));
    found.sort();
    found.dedup();
    Ok(Outcome::Measured(found))
}

/// Lets the compiler look at everything, tests included. It has no warnings: what it refuses is an
/// error, so code that it takes has no finding.
pub(super) async fn types(job: &Job<'_>) -> Result<Outcome<Vec<Finding>>, Error> {
    Ok(match vet(job).await? {
        Outcome::Measured(_) => Outcome::Measured(Vec::new()),
        other => other,
    })
}

async fn vet(job: &Job<'_>) -> Result<Outcome<Vec<Finding>>, Error> {
    let Some(command) = go(job, "vet") else {
        return Ok(missing("vet"));
    };
    let command = command.arg("-json").args(build_args(job)).arg("./...");
    let finished = job.run(&command).await?;
    Ok(read_vet(job, &finished))
}

fn read_vet(job: &Job<'_>, finished: &Finished) -> Outcome<Vec<Finding>> {
    if finished.truncated {
        return Outcome::Failed("go vet: its output is too long to be read".into());
    }
    // Older versions write their answer to standard error, between the names of packages.
    let text = finished.stdout_text() + &finished.stderr_text();
    let (answers, talk) = split(&text);
    let mut found = Vec::new();
    for answer in &answers {
        let vetted: Vetted = match serde_json::from_str(answer) {
            Ok(vetted) => vetted,
            Err(error) => {
                return Outcome::Failed(format!("go vet: cannot read its answer: {error}"));
            }
        };
        for (analyzer, value) in vetted.into_values().flatten() {
            match serde_json::from_value::<Vec<Diagnostic>>(value.clone()) {
                Ok(diagnostics) => {
                    found.extend(
                        diagnostics
                            .iter()
                            .filter_map(|it| vet_finding(job, &analyzer, it)),
                    );
                }
                Err(_) => return Outcome::Failed(format!("go vet: `{analyzer}` failed: {value}")),
            }
        }
    }
    if !finished.success() {
        let reason = first_error(&talk).filter(|_| finished.exit != Exit::TimedOut);
        return match reason {
            Some(reason) => Outcome::Failed(format!("does not compile: {reason}")),
            None => broken("go vet", finished),
        };
    }
    Outcome::Measured(found)
}

/// Splits vet's output into its answers, one JSON object each, and everything else.
fn split(text: &str) -> (Vec<String>, String) {
    let mut answers: Vec<String> = Vec::new();
    let mut talk = String::new();
    let mut is_open = false;
    for line in text.lines() {
        if is_open || line.starts_with('{') {
            if !is_open {
                answers.push(String::new());
            }
            answers
                .last_mut()
                .expect("one was just pushed")
                .push_str(line);
            is_open = !line.ends_with('}') || line.starts_with(['\t', ' ']);
        } else {
            talk.push_str(line);
            talk.push('\n');
        }
    }
    (answers, talk)
}

fn vet_finding(job: &Job<'_>, analyzer: &str, diagnostic: &Diagnostic) -> Option<Finding> {
    let mut fields = diagnostic.posn.rsplitn(3, ':');
    let column = fields.next()?.parse().ok()?;
    let line = fields.next()?.parse().ok()?;
    let path = job.in_tree(fields.next()?)?;
    Some(finding(
        path,
        (line, column),
        "vet",
        analyzer,
        &diagnostic.message,
    ))
}

pub(super) fn finding(
    path: Utf8PathBuf,
    (line, column): (u32, u32),
    tool: &str,
    rule: &str,
    message: &str,
) -> Finding {
    Finding {
        path,
        line,
        column,
        tool: tool.into(),
        rule: rule.into(),
        message: message.lines().next().unwrap_or_default().to_owned(),
        fixable: false,
    }
}

/// Runs golangci-lint where the project configures it, else staticcheck where it is installed.
async fn second_linter(job: &Job<'_>) -> Result<Option<Outcome<Vec<Finding>>>, Error> {
    let configured = [
        ".golangci.yml",
        ".golangci.yaml",
        ".golangci.toml",
        ".golangci.json",
    ];
    let is_configured = |dir: &Utf8Path| configured.iter().any(|it| dir.join(it).exists());
    if (is_configured(&job.dir()) || is_configured(job.tree))
        && let Some(words) = job.tool("golangci-lint")
    {
        return golangci(job, words).await.map(Some);
    }
    match job.tool("staticcheck") {
        Some(words) => staticcheck::lint(job, words).await.map(Some),
        None => Ok(None),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Report {
    issues: Option<Vec<Issue>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Issue {
    from_linter: String,
    text: String,
    pos: Position,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Position {
    filename: String,
    line: u32,
    #[serde(default)]
    column: u32,
}

async fn golangci(job: &Job<'_>, words: &[String]) -> Result<Outcome<Vec<Finding>>, Error> {
    let mut tools = job.tools.iter().filter(|it| it.name == "golangci-lint");
    let version = tools
        .find_map(|it| it.version.as_deref())
        .unwrap_or_default();
    // The second version took the first one's way to ask for JSON away.
    let format: &[&str] = if version.starts_with("1.") {
        &["--out-format=json"]
    } else {
        &[
            "--output.json.path=stdout",
            "--show-stats=false",
            "--path-mode=abs",
        ]
    };
    let command = with_settings(job, job.command(words))
        .env("GOLANGCI_LINT_CACHE", job.build.join("golangci-lint"))
        .args([
            "run",
            "--issues-exit-code=0",
            "--max-issues-per-linter=0",
            "--max-same-issues=0",
        ])
        .args(format.iter().copied());
    let finished = job.run(&command).await?;
    if finished.truncated || !finished.success() {
        return Ok(broken("golangci-lint", &finished));
    }
    Ok(read_golangci(job, &finished.stdout_text()))
}

fn read_golangci(job: &Job<'_>, text: &str) -> Outcome<Vec<Finding>> {
    let first = text.lines().next().unwrap_or_default();
    let report: Report = match serde_json::from_str(first) {
        Ok(report) => report,
        Err(error) => {
            return Outcome::Failed(format!("golangci-lint: cannot read its answer: {error}"));
        }
    };
    let issues = report.issues.unwrap_or_default();
    let found = issues.iter().filter_map(|it| {
        let at = (it.pos.line, it.pos.column.max(1));
        let path = job.in_tree(&it.pos.filename)?;
        Some(finding(
            path,
            at,
            "golangci-lint",
            &it.from_linter,
            &it.text,
        ))
    });
    Outcome::Measured(found.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_told_from_talk() {
        let text = "# m\n{}\n# m/a\n{\n\t\"m/a\": {\n\t}\n}\nvet: ./b.go:2:25: no\n";
        let (answers, talk) = split(text);
        assert_eq!(answers, ["{}", "{\t\"m/a\": {\t}}"]);
        assert_eq!(first_error(&talk).unwrap(), "b.go:2:25: no");
    }

    #[test]
    fn issues_of_golangci_lint_are_read() {
        let bench = crate::toolchain::testing::Bench::new(
            crate::model::profile::LanguageName::Go,
            &[("go.mod", "module m\n"), ("a.go", "package m\n")],
            crate::config::Commands::default(),
        );
        // As its first version documents it, and its second still writes it.
        let text = r#"{"Issues":[{"FromLinter":"errcheck","Text":"unchecked\nmore","Severity":"","SourceLines":["\tf()"],"Replacement":null,"Pos":{"Filename":"a.go","Offset":9,"Line":3,"Column":2},"ExpectNoLint":false,"ExpectedNoLintLinter":""},{"FromLinter":"gofmt","Text":"not formatted","SourceLines":[""],"Replacement":{"NeedOnlyDelete":false,"NewLines":["}"],"Inline":null},"LineRange":{"From":5,"To":7},"Pos":{"Filename":"a.go","Offset":0,"Line":5,"Column":0}}],"Report":{"Linters":[{"Name":"errcheck","Enabled":true}]}}"#;
        let Outcome::Measured(found) = read_golangci(&bench.job(), text) else {
            panic!("it can be read");
        };
        let expected =
            |at, rule, message| finding("a.go".into(), at, "golangci-lint", rule, message);
        assert_eq!(
            found,
            [
                expected((3, 2), "errcheck", "unchecked"),
                expected((5, 1), "gofmt", "not formatted")
            ]
        );
        let none = read_golangci(&bench.job(), r#"{"Issues":null}"#);
        assert_eq!(none, Outcome::Measured(Vec::new()));
    }
}
