//! Findings of a declared linter: SARIF, or lines that a pattern reads.

use serde_json::Value;

use crate::config::LintParser;
use crate::model::finding::Finding;
use crate::process::{Exit, Finished};
use crate::toolchain::job::broken;
use crate::toolchain::{Job, Outcome};

/// Reads a linter's answer; one that ends badly without a finding did not work.
pub(super) fn read(
    job: &Job<'_>,
    tool: &str,
    parser: &LintParser,
    report: &str,
    finished: &Finished,
) -> Outcome<Vec<Finding>> {
    if finished.exit == Exit::TimedOut || finished.truncated {
        return broken(tool, finished);
    }
    let found = match parser {
        LintParser::Sarif(_) => sarif(job, report),
        LintParser::Regex(pattern) => Ok(lines(job, tool, pattern.get(), report)),
    };
    match found {
        Err(reason) => Outcome::Failed(reason),
        Ok(found) if found.is_empty() && !finished.success() => broken(tool, finished),
        Ok(mut found) => {
            found.sort();
            found.dedup();
            Outcome::Measured(found)
        }
    }
}

fn lines(job: &Job<'_>, tool: &str, pattern: &regex::Regex, report: &str) -> Vec<Finding> {
    let found = pattern.captures_iter(report).filter_map(|it| {
        let group = |name: &str| it.name(name).map(|it| it.as_str().trim());
        Some(Finding {
            path: job.in_tree(group("path")?)?,
            line: group("line").and_then(|it| it.parse().ok()).unwrap_or(1),
            column: group("column").and_then(|it| it.parse().ok()).unwrap_or(1),
            tool: tool.to_owned(),
            rule: group("rule").unwrap_or(tool).to_owned(),
            message: group("message").unwrap_or_default().to_owned(),
            fixable: false,
        })
    });
    found.collect()
}

fn sarif(job: &Job<'_>, report: &str) -> Result<Vec<Finding>, String> {
    let log: Value =
        serde_json::from_str(report).map_err(|error| format!("the report is no SARIF: {error}"))?;
    let runs = log["runs"]
        .as_array()
        .ok_or("the report is no SARIF: it has no `runs`")?;
    let mut found = Vec::new();
    for run in runs {
        let tool = run["tool"]["driver"]["name"].as_str().unwrap_or("sarif");
        let results = run["results"].as_array().into_iter().flatten();
        found.extend(results.filter_map(|it| result(job, tool, it)));
    }
    Ok(found)
}

fn result(job: &Job<'_>, tool: &str, result: &Value) -> Option<Finding> {
    let place = &result["locations"][0]["physicalLocation"];
    let uri = place["artifactLocation"]["uri"].as_str()?;
    let number = |it: &Value| {
        it.as_u64()
            .and_then(|it| u32::try_from(it).ok())
            .unwrap_or(1)
    };
    let message = result["message"]["text"].as_str().unwrap_or_default();
    Some(Finding {
        path: job.in_tree(uri.trim_start_matches("file://"))?,
        line: number(&place["region"]["startLine"]),
        column: number(&place["region"]["startColumn"]),
        tool: tool.to_owned(),
        rule: result["ruleId"].as_str().unwrap_or(tool).to_owned(),
        message: message.lines().next().unwrap_or_default().to_owned(),
        fixable: false,
    })
}
