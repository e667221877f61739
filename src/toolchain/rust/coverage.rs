//! Line coverage by `cargo llvm-cov`, else by `cargo tarpaulin`.

use std::ops::RangeInclusive;

use super::cargo;
use super::suite::split_args;
use crate::process::{Command, Error};
use crate::syntax::{self, Grammar};
use crate::toolchain::job::broken;
use crate::toolchain::{Coverage, Job, Outcome, lcov};

/// Runs the suite under whichever coverage tool is there.
pub(super) async fn measure(job: &Job<'_>) -> Result<Outcome<Coverage>, Error> {
    let report = job.fresh_folder("coverage")?;
    let (file, command, tool) = if let Some(words) = job.tool("cargo-llvm-cov") {
        let file = report.join("lcov.info");
        let command = cargo::with_settings(job, job.command(words)).args([
            "--workspace",
            "--ignore-run-fail",
            "--lcov",
            "--output-path",
            file.as_str(),
        ]);
        (file, command, "cargo-llvm-cov")
    } else if let Some(words) = job.tool("cargo-tarpaulin") {
        let command = cargo::with_settings(job, job.command(words)).args([
            "--workspace",
            "--skip-clean",
            "--out",
            "Lcov",
            "--output-dir",
            report.as_str(),
        ]);
        (report.join("lcov.info"), command, "cargo-tarpaulin")
    } else {
        return Ok(cargo::missing("cargo-llvm-cov"));
    };
    let finished = cargo::run(job, &with_test_args(job, command)).await?;
    if !finished.success() {
        return Ok(broken(tool, &finished));
    }
    let text = match std::fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) => return Ok(Outcome::Failed(format!("{tool} wrote no report: {error}"))),
    };
    let text = without_tests(&text, &|it| {
        std::fs::read_to_string(job.tree.join(job.in_tree(it)?)).ok()
    });
    Ok(match lcov::parse(&text, tool, |it| job.in_tree(it)) {
        Ok(coverage) => Outcome::Measured(coverage),
        Err(line) => Outcome::Failed(format!("{tool}: cannot read {line} of its report")),
    })
}

/// Leaves out the lines of inline tests, which always run: they would only make the share look better.
fn without_tests(text: &str, read: &dyn Fn(&str) -> Option<String>) -> String {
    let mut tests: Vec<RangeInclusive<usize>> = Vec::new();
    let mut kept = String::with_capacity(text.len());
    for line in text.lines() {
        if let Some(file) = line.strip_prefix("SF:") {
            let source = read(file).unwrap_or_default();
            let number = |at: usize| source[..at].matches('\n').count() + 1;
            let spans = syntax::test_spans(Grammar::Rust, &source).into_iter();
            tests = spans.map(|it| number(it.start)..=number(it.end)).collect();
        }
        let number = line.strip_prefix("DA:").and_then(|it| it.split(',').next());
        let number = number.and_then(|it| it.parse().ok());
        if number.is_none_or(|it| !tests.iter().any(|test| test.contains(&it))) {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}

fn with_test_args(job: &Job<'_>, command: Command) -> Command {
    let (cargo_args, test_args) = split_args(job);
    command
        .args(cargo_args.iter().cloned())
        .arg("--")
        .args(test_args.iter().cloned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_inline_tests_do_not_count() {
        let source =
            "pub fn f() {\n}\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn t() {\n    }\n}\n";
        let lcov = "SF:/a.rs\nDA:1,1\nDA:2,0\nDA:6,1\nDA:7,1\nend_of_record\nSF:/b.rs\nDA:6,1\n";
        let read = |it: &str| (it == "/a.rs").then(|| source.to_owned());
        assert_eq!(
            without_tests(lcov, &read),
            "SF:/a.rs\nDA:1,1\nDA:2,0\nend_of_record\nSF:/b.rs\nDA:6,1\n"
        );
    }
}
