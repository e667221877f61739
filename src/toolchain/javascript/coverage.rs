//! Line coverage of the suite: by the runner itself, by c8, or as node counts.

use camino::{Utf8Path, Utf8PathBuf};
use globset::GlobSet;

use super::manifest::{Manifest, glob_set};
use super::plan::Runner;
use super::programs;
use super::suite::{Harness, Ready};
use crate::model::finding::SuiteState;
use crate::process::Error;
use crate::toolchain::catalogue::JAVASCRIPT;
use crate::toolchain::job::{broken, write};
use crate::toolchain::{Coverage, Job, Outcome, lcov};

const CONVERTER: &str = include_str!("../../../evals/languages/javascript/factory_coverage.cjs");

/// Runs the suite once more, with the lines counted that it reaches.
pub(super) async fn measure(job: &Job<'_>) -> Result<Outcome<Coverage>, Error> {
    let Some(node) = job.tool("node") else {
        return Ok(Outcome::Missing(JAVASCRIPT.install("node")));
    };
    let harness = Harness::new(job)?;
    if harness.plan.runs.is_empty() {
        return Ok(Outcome::Missing("no test runner that is known here".into()));
    }
    if let Err(state) = harness.build(job).await? {
        return Ok(Outcome::Failed(format!(
            "the suite did not run: {}",
            told(&state)
        )));
    }
    let mut traces = String::new();
    let mut tools = Vec::new();
    for number in 0..harness.plan.runs.len() {
        let ready = match harness.ready(job, number, None)? {
            Ok(Some(ready)) => ready,
            Ok(None) => continue,
            Err(hint) => return Ok(Outcome::Missing(hint)),
        };
        let counter = Counter::of(job, &harness, number);
        let mut counter = match counter {
            Ok(counter) => counter,
            Err(hint) => return Ok(Outcome::Missing(hint)),
        };
        if let Some(why) = counter.run(job, ready).await? {
            return Ok(why);
        }
        match counter.trace(job, node, &harness).await? {
            Outcome::Measured(text) => traces.push_str(&text),
            Outcome::Failed(why) => return Ok(Outcome::Failed(why)),
            Outcome::Missing(hint) => return Ok(Outcome::Missing(hint)),
            Outcome::TimedOut(why) => return Ok(Outcome::TimedOut(why)),
        }
        tools.push(counter.tool);
    }
    tools.dedup();
    let left_out = glob_set(
        JAVASCRIPT
            .protected
            .iter()
            .chain(&JAVASCRIPT.excluded)
            .copied(),
    );
    let place = |it: &str| placed(job, &left_out, it);
    Ok(match lcov::parse(&traces, &tools.join(", "), place) {
        Ok(coverage) => Outcome::Measured(coverage),
        Err(line) => Outcome::Failed(format!("the coverage report cannot be read: {line}")),
    })
}

/// Tests, and what nobody writes by hand, are not what is covered.
fn placed(job: &Job<'_>, left_out: &GlobSet, printed: &str) -> Option<Utf8PathBuf> {
    job.in_tree(printed).filter(|it| !left_out.is_match(it))
}

fn told(state: &SuiteState) -> &str {
    match state {
        SuiteState::DoesNotBuild(why) | SuiteState::Broken(why) | SuiteState::TimedOut(why) => why,
        SuiteState::Completed | SuiteState::NoRunner => "it has no runner",
    }
}

/// How the lines of one run are counted.
struct Counter {
    tool: &'static str,
    /// Relative to the tree.
    dir: Utf8PathBuf,
    output: Utf8PathBuf,
    /// What is added to the runner's own words.
    arguments: Vec<String>,
    c8: Option<Vec<String>>,
}

impl Counter {
    fn of(job: &Job<'_>, harness: &Harness, number: usize) -> Result<Self, String> {
        let run = &harness.plan.runs[number];
        let output = harness.dir.join(format!("coverage-{number}"));
        let at = job.tree.join(&run.dir);
        let has = |package: &str| {
            let mut levels = at.ancestors().take_while(|it| it.starts_with(job.tree));
            levels.any(|it| it.join("node_modules").join(package).exists())
        };
        let mut counter = Self {
            tool: "node",
            dir: run.dir.clone(),
            output,
            arguments: Vec::new(),
            c8: None,
        };
        match run.runner {
            Runner::Vitest => {
                let provider = ["v8", "istanbul"]
                    .into_iter()
                    .find(|it| has(&format!("@vitest/coverage-{it}")));
                let provider = provider.ok_or_else(|| JAVASCRIPT.install("@vitest/coverage-v8"))?;
                counter.tool = "vitest";
                counter.arguments = vec![
                    "--coverage.enabled=true".into(),
                    format!("--coverage.provider={provider}"),
                    "--coverage.reporter=lcovonly".into(),
                    format!("--coverage.reportsDirectory={}", counter.output),
                    "--coverage.thresholds.lines=0".into(),
                    "--coverage.thresholds.functions=0".into(),
                    "--coverage.thresholds.branches=0".into(),
                    "--coverage.thresholds.statements=0".into(),
                ];
            }
            Runner::Jest => {
                counter.tool = "jest";
                counter.arguments = vec![
                    "--coverage".into(),
                    "--coverageReporters=lcovonly".into(),
                    format!("--coverageDirectory={}", counter.output),
                    "--coverageThreshold={}".into(),
                ];
            }
            Runner::Mocha | Runner::Node | Runner::Files => {
                let c8 = programs::installed(job.tree, &at, "c8", "c8");
                counter.c8 = c8.map(|it| vec![it.into_string()]);
                if counter.c8.is_some() {
                    counter.tool = "c8";
                }
            }
        }
        Ok(counter)
    }

    /// Runs the tests; `Some` is why there is no number.
    async fn run(
        &mut self,
        job: &Job<'_>,
        mut ready: Ready,
    ) -> Result<Option<Outcome<Coverage>>, Error> {
        let command = &mut ready.command;
        let switched_off = ["--coverage=false", "--coverage.enabled=false"];
        command
            .args
            .retain(|it| !switched_off.contains(&it.as_str()));
        // Options stand before the files, which some runners take to the end of the line.
        let place = if self.tool == "vitest" { 2 } else { 1 };
        let place = place.min(command.args.len());
        if matches!(self.tool, "vitest" | "jest") {
            command.args.splice(place..place, self.arguments.drain(..));
        } else {
            let raw = self.output.join("raw").into_string();
            command.env.push(("NODE_V8_COVERAGE".into(), raw));
        }
        let finished = job.run(command).await?;
        let report = match ready.read() {
            Ok(report) => report,
            Err(why) => return Ok(Some(Outcome::Failed(why))),
        };
        let is_empty = report.cases.is_empty();
        Ok(match report.state(&finished) {
            SuiteState::Completed if is_empty => Some(Outcome::Failed("there are no tests".into())),
            SuiteState::Completed => None,
            SuiteState::TimedOut(why) => Some(Outcome::TimedOut(why)),
            state => Some(Outcome::Failed(format!("with coverage: {}", told(&state)))),
        })
    }

    /// Returns the tracefile of a run, with absolute paths.
    async fn trace(
        &self,
        job: &Job<'_>,
        node: &[String],
        harness: &Harness,
    ) -> Result<Outcome<String>, Error> {
        let raw = self.output.join("raw");
        let file = self.output.join("lcov.info");
        if let Some(c8) = &self.c8 {
            let words = [node, c8].concat();
            let command = programs::command(job, &self.dir, &words).args([
                "report",
                "--reporter=lcovonly",
                "--check-coverage=false",
                &format!("--temp-directory={raw}"),
                &format!("--reports-dir={}", self.output),
            ]);
            let finished = job.run(&command).await?;
            if !finished.success() {
                return Ok(broken("c8 report", &finished));
            }
        } else if self.tool == "node" {
            let converter = harness.dir.join("factory_coverage.cjs");
            write(&converter, CONVERTER)?;
            let words = [
                node,
                &[converter, raw, job.tree.to_owned(), file.clone()].map(Utf8PathBuf::into_string),
            ]
            .concat();
            let finished = job.run(&programs::command(job, &self.dir, &words)).await?;
            if !finished.success() {
                return Ok(broken("reading node's coverage", &finished));
            }
        }
        let Ok(text) = std::fs::read_to_string(&file) else {
            return Ok(Outcome::Failed(format!(
                "{} left no coverage report",
                self.tool
            )));
        };
        Ok(Outcome::Measured(absolute(
            &text,
            &job.tree.join(&self.dir),
        )))
    }
}

fn absolute(text: &str, dir: &Utf8Path) -> String {
    let line = |it: &str| match it.strip_prefix("SF:") {
        Some(path) => format!("SF:{}\n", dir.join(path)),
        None => format!("{it}\n"),
    };
    text.lines().map(line).collect()
}

/// Returns whether the project depends on a tool that counts lines.
pub(super) fn declared(manifest: &Manifest) -> &'static str {
    if manifest.depends_on("c8") {
        "c8"
    } else {
        "node"
    }
}
