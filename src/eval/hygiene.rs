//! The hygiene tier: tests, lint, types, coverage, guards, config; and the smoke test.

use std::collections::BTreeSet;

use camino::Utf8PathBuf;

use super::bench::{Bench, complaint};
use super::dimensions::{
    Draft, HALF_CONFIG, HALF_COVERAGE, HALF_LINT, HALF_TESTS, HALF_TYPES, Kind, as_number, fewer,
};
use super::{manifests, network, origin, sources, suite};
use crate::model::dimension::Dimension;
use crate::model::finding::{Finding, SuiteState, TestOutcome, TestRun};
use crate::model::profile::{Project, Purpose, Tool};
use crate::model::violation::Rule;
use crate::process::Error;
use crate::toolchain::{Coverage, Outcome};

/// The order in which the tier is told.
const ORDER: [&str; 6] = ["tests", "lint", "types", "coverage", "guards", "config"];

/// The dimension that may be slow, since a person may declare any command.
pub const GUARDS: &str = "guards";

/// Measures the tier but for its guards, which come last.
///
/// What only reads the tree comes first: a suite may write into it, and what it wrote is not measured.
pub(super) async fn measure(bench: &Bench<'_>, draft: &mut Draft) -> Result<(), Error> {
    config(bench, draft).await?;
    lint(bench, draft).await?;
    types(bench, draft).await?;
    smoke(bench, draft).await?;
    tests(bench, draft).await?;
    coverage(bench, draft).await
}

/// Puts the dimensions of this tier in the order in which they are told, before all others.
pub(super) fn put_in_order(dimensions: &mut [Dimension]) {
    let place = |it: &Dimension| ORDER.iter().position(|name| *name == it.name.as_str());
    dimensions.sort_by_key(|it| place(it).unwrap_or(ORDER.len()));
}

/// Returns whether the profile leaves this dimension out, and says so in the draft.
pub(super) fn is_skipped(bench: &Bench<'_>, kind: &Kind, draft: &mut Draft) -> bool {
    let skipped = bench.lab.profile.eval.skip.contains(&kind.name);
    if skipped {
        let reason = "left out by `skip` in factory.toml";
        draft.dimensions.push(kind.not_measured(reason));
    }
    skipped
}

async fn smoke(bench: &Bench<'_>, draft: &mut Draft) -> Result<(), Error> {
    if let Some(line) = &bench.lab.profile.eval.smoke {
        let finished = bench.run_line(line, bench.limit, Vec::new()).await?;
        if let Some(reason) = complaint(&finished) {
            draft.veto(
                Rule::Guard,
                format!("the smoke test `{line}` failed: {reason}"),
            );
        }
    }
    Ok(())
}

pub(super) async fn tests(bench: &Bench<'_>, draft: &mut Draft) -> Result<(), Error> {
    let kind = Kind::hygiene("tests", 0.3);
    if is_skipped(bench, &kind, draft) {
        return Ok(());
    }
    let suite = suite::run(bench, None).await?;
    let doubt = origin::doubt(bench, &suite).await?;
    draft.tests = suite.run;
    let hints = install_hints(bench, Purpose::Test);
    let mut dimension = match &doubt {
        Some(why) => kind.failed(why.clone()),
        None => tests_dimension(&kind, &draft.tests, &hints),
    };
    let bound = network::bound(bench).len();
    if bound > 0 {
        let detail = &dimension.detail;
        dimension.detail = format!("{detail}, {bound} of them for want of the network");
    }
    draft.dimensions.push(dimension);
    if let Some(why) = doubt {
        draft.veto(Rule::SuiteBroken, why);
    }
    match draft.tests.state.clone() {
        SuiteState::DoesNotBuild(why) => draft.veto(Rule::DoesNotBuild, why),
        SuiteState::Broken(why) => draft.veto(Rule::SuiteBroken, why),
        SuiteState::TimedOut(why) => draft.veto(Rule::TimedOut, why),
        SuiteState::Completed | SuiteState::NoRunner => {}
    }
    Ok(())
}

/// A suite in which nothing ran scores 0: skipping every test must not look like passing them. It has
/// no native value, since "0 failing" would read like the best one.
fn tests_dimension(kind: &Kind, run: &TestRun, hints: &str) -> Dimension {
    let (passed, failed) = (
        run.count(TestOutcome::Passed),
        run.count(TestOutcome::Failed),
    );
    let skipped = run.count(TestOutcome::Skipped);
    match &run.state {
        SuiteState::Completed if passed + failed == 0 => {
            let detail = format!("no test ran ({skipped} skipped)");
            kind.measured(0.0, None, detail)
        }
        SuiteState::Completed => {
            let detail = format!("{passed} passed, {failed} failed, {skipped} skipped");
            kind.counted(failed, HALF_TESTS, "failing tests", detail)
        }
        SuiteState::DoesNotBuild(why) => kind.failed(format!("does not build: {why}")),
        SuiteState::Broken(why) => kind.failed(format!("the suite is broken: {why}")),
        SuiteState::TimedOut(why) => kind.failed(format!("timed out: {why}")),
        SuiteState::NoRunner => kind.not_measured(format!("no test runner here{hints}")),
    }
}

/// Returns how to get the missing tools of a purpose, in brackets.
fn install_hints(bench: &Bench<'_>, purpose: Purpose) -> String {
    let hints: Vec<&str> = bench
        .lab
        .detection
        .tools
        .iter()
        .filter(|it| it.purpose == purpose && it.command.is_none())
        .map(|it| it.install.as_str())
        .collect();
    if hints.is_empty() {
        String::new()
    } else {
        format!(" (hint: {})", hints.join("; "))
    }
}

pub(super) async fn lint(bench: &Bench<'_>, draft: &mut Draft) -> Result<(), Error> {
    let kind = Kind::hygiene("lint", 0.15);
    if is_skipped(bench, &kind, draft) {
        return Ok(());
    }
    let mut sum = Sum::default();
    for (adapter, project) in bench.projects() {
        let outcome = adapter.lint(&bench.job(project)).await?;
        // What is certain without a linter is only a part of what one would tell.
        let is_part =
            matches!(outcome, Outcome::Measured(_)) && !project.uses.contains_key(&Purpose::Lint);
        sum.missing
            .extend(linter(bench, project).filter(|_| is_part));
        sum.add(outcome);
    }
    finish_findings(bench, &kind, HALF_LINT, sum, draft);
    Ok(())
}

/// Returns how to get the linter of a sub-project's language that is not here.
fn linter(bench: &Bench<'_>, project: &Project) -> Option<String> {
    let mut tools = bench.lab.detection.tools.iter();
    let lacks = |it: &&Tool| {
        it.language == project.language && it.purpose == Purpose::Lint && it.command.is_none()
    };
    tools.find(lacks).map(|it| it.install.clone())
}

pub(super) async fn types(bench: &Bench<'_>, draft: &mut Draft) -> Result<(), Error> {
    let kind = Kind::hygiene("types", 0.15);
    if is_skipped(bench, &kind, draft) {
        return Ok(());
    }
    let mut sum = Sum::default();
    for (adapter, project) in bench.projects() {
        sum.add(adapter.types(&bench.job(project)).await?);
    }
    finish_findings(bench, &kind, HALF_TYPES, sum, draft);
    Ok(())
}

/// What the sub-projects' tools said, added up.
struct Sum<T> {
    measured: Vec<T>,
    missing: Vec<String>,
    failed: Vec<String>,
}

impl<T> Default for Sum<T> {
    fn default() -> Self {
        Self {
            measured: Vec::new(),
            missing: Vec::new(),
            failed: Vec::new(),
        }
    }
}

impl<T> Sum<T> {
    fn add(&mut self, outcome: Outcome<T>) {
        match outcome {
            Outcome::Measured(value) => self.measured.push(value),
            Outcome::Missing(hint) => self.missing.push(hint),
            Outcome::Failed(why) => self.failed.push(why),
            Outcome::TimedOut(why) => self.failed.push(format!("timed out: {why}")),
        }
    }

    /// Returns the dimension that this makes without a number: one broken tool fails the whole, and
    /// nothing measured is not measured.
    fn without_number(&self, kind: &Kind) -> Option<Dimension> {
        if !self.failed.is_empty() {
            Some(kind.failed(self.failed.join("; ")))
        } else if self.measured.is_empty() {
            let reason = if self.missing.is_empty() {
                "no known language here".to_owned()
            } else {
                absent(&self.missing)
            };
            Some(kind.not_measured(reason))
        } else {
            None
        }
    }

    /// Returns what was left out of a sum that has a number.
    fn gaps(&self) -> String {
        if self.missing.is_empty() {
            String::new()
        } else {
            format!("; left out: {}", self.missing.join("; "))
        }
    }
}

/// Counts findings outside of what is protected, excluded or generated: nobody is asked to change that.
fn finish_findings(
    bench: &Bench<'_>,
    kind: &Kind,
    half: f64,
    mut sum: Sum<Vec<Finding>>,
    draft: &mut Draft,
) {
    if let Some(dimension) = sum.without_number(kind) {
        draft.dimensions.push(dimension);
        return;
    }
    let findings = distinct(std::mem::take(&mut sum.measured).concat());
    let findings = countable(&sources::Borders::of(bench), findings);
    let detail = format!("{}{}", by_rule(&findings), sum.gaps());
    draft
        .dimensions
        .push(kind.counted(findings.len(), half, "findings", detail));
    draft.findings.extend(findings);
}

/// Returns each complaint about a place once: a library and its tests hold the same file, and may word
/// it in two ways.
fn distinct(mut findings: Vec<Finding>) -> Vec<Finding> {
    // What one target offers a fix for is fixable; `true` comes first.
    let place = |it: &Finding| (it.path.clone(), it.line, it.column, it.rule.clone());
    findings.sort_by_cached_key(|it| (place(it), !it.fixable, it.message.clone()));
    findings.dedup_by_key(|it| place(it));
    findings
}

/// Returns the findings in files that count.
fn countable(borders: &sources::Borders<'_>, mut findings: Vec<Finding>) -> Vec<Finding> {
    let paths: BTreeSet<Utf8PathBuf> = findings.iter().map(|it| it.path.clone()).collect();
    let out: BTreeSet<Utf8PathBuf> = paths.into_iter().filter(|it| borders.is_out(it)).collect();
    findings.retain(|it| !out.contains(&it.path));
    findings
}

/// Names the most frequent rules: `3 F401, 1 E501`.
fn by_rule(findings: &[Finding]) -> String {
    let mut counts: std::collections::BTreeMap<&str, usize> = std::collections::BTreeMap::new();
    for finding in findings {
        *counts.entry(&finding.rule).or_default() += 1;
    }
    let mut counts: Vec<(&str, usize)> = counts.into_iter().collect();
    counts.sort_by_key(|it| std::cmp::Reverse(it.1));
    let n_rules = counts.len();
    let mut named: Vec<String> = counts
        .into_iter()
        .take(5)
        .map(|(rule, count)| format!("{count} {rule}"))
        .collect();
    if n_rules > 5 {
        named.push(format!("{} more rules", n_rules - 5));
    }
    if named.is_empty() {
        "nothing found".to_owned()
    } else {
        named.join(", ")
    }
}

pub(super) async fn coverage(bench: &Bench<'_>, draft: &mut Draft) -> Result<(), Error> {
    let kind = Kind::hygiene("coverage", 0.2);
    if is_skipped(bench, &kind, draft) {
        return Ok(());
    }
    if let Some(dimension) = suite_stands_in_the_way(&kind, &draft.tests.state) {
        draft.dimensions.push(dimension);
        return Ok(());
    }
    let mut sum = Sum::default();
    for (adapter, project) in bench.projects() {
        sum.add(adapter.coverage(&bench.job(project)).await?);
    }
    let borders = sources::Borders::of(bench);
    for coverage in &mut sum.measured {
        coverage.leave_out(|it| borders.is_out(it));
    }
    let dimension = sum
        .without_number(&kind)
        .unwrap_or_else(|| coverage_dimension(&kind, &sum));
    draft.dimensions.push(dimension);
    Ok(())
}

/// What needs a suite that runs has no number where there is none, and fails where it is broken.
pub(super) fn suite_stands_in_the_way(kind: &Kind, state: &SuiteState) -> Option<Dimension> {
    match state {
        SuiteState::DoesNotBuild(_) => Some(kind.failed("does not build")),
        SuiteState::Broken(_) => Some(kind.failed("the suite is broken")),
        SuiteState::TimedOut(_) => Some(kind.failed("the suite timed out")),
        SuiteState::Completed | SuiteState::NoRunner => None,
    }
}

/// Scored by uncovered lines, not by their share: covered junk must not dilute what is not tested.
fn coverage_dimension(kind: &Kind, sum: &Sum<Coverage>) -> Dimension {
    let lines: u64 = sum.measured.iter().map(|it| it.lines).sum();
    let covered: u64 = sum.measured.iter().map(|it| it.covered.min(it.lines)).sum();
    let tools: Vec<&str> = sum.measured.iter().map(|it| it.tool.as_str()).collect();
    let uncovered = usize::try_from(lines - covered).unwrap_or(usize::MAX);
    let total = usize::try_from(lines).unwrap_or(usize::MAX);
    if total == 0 {
        return kind.not_measured(format!("{} found no executable line", tools.join(", ")));
    }
    let percent = 100.0 * (1.0 - as_number(uncovered) / as_number(total));
    let detail = format!(
        "{percent:.1} % of {lines} lines by {}{}",
        tools.join(", "),
        sum.gaps()
    );
    kind.counted(uncovered, HALF_COVERAGE, "uncovered lines", detail)
}

/// The share of `[[guard]]` commands that exit 0; each that does not is a veto too.
pub(super) async fn guards(bench: &Bench<'_>, draft: &mut Draft) -> Result<(), Error> {
    let kind = Kind::hygiene(GUARDS, 0.1);
    if is_skipped(bench, &kind, draft) {
        return Ok(());
    }
    let guards = &bench.lab.profile.guards;
    if guards.is_empty() {
        let reason = "no [[guard]] is declared in factory.toml";
        draft.dimensions.push(kind.not_measured(reason));
        return Ok(());
    }
    let mut broken = Vec::new();
    for guard in guards {
        let finished = bench.run_line(&guard.run, bench.limit, Vec::new()).await?;
        if let Some(reason) = complaint(&finished) {
            draft.veto(Rule::Guard, format!("`{}` failed: {reason}", guard.name));
            broken.push(guard.name.as_str());
        }
    }
    let (n_broken, n_guards) = (as_number(broken.len()), as_number(guards.len()));
    let detail = match broken.as_slice() {
        [] => format!("all {} hold", guards.len()),
        names => format!("broken: {}", names.join(", ")),
    };
    let native = Some(fewer(n_broken, "broken guards"));
    draft
        .dimensions
        .push(kind.measured(1.0 - n_broken / n_guards, native, detail));
    Ok(())
}

/// Returns why a dimension has no tool: a hint says how to get one, a project that uses none has none to get.
fn absent(missing: &[String]) -> String {
    let reasons = missing.join("; ");
    if missing.iter().all(|it| it.starts_with("not used here")) {
        return reasons;
    }
    format!("no tool for it here (hint: {reasons})")
}

pub(super) async fn config(bench: &Bench<'_>, draft: &mut Draft) -> Result<(), Error> {
    let kind = Kind::hygiene("config", 0.1);
    if is_skipped(bench, &kind, draft) {
        return Ok(());
    }
    let found = manifests::check(bench).await?;
    let dimension = if found.checked == 0 {
        kind.not_measured("no manifest, lock file or factory.toml in this tree")
    } else {
        let detail = match found.problems.as_slice() {
            [] if found.checked == 1 => "1 file is valid and in step".to_owned(),
            [] => format!("{} files are valid and in step", found.checked),
            problems => sources::joined(problems, 5),
        };
        kind.counted(found.problems.len(), HALF_CONFIG, "problems", detail)
    };
    draft.dimensions.push(dimension);
    Ok(())
}

#[cfg(test)]
mod tests;
