//! Line coverage by `cargo llvm-cov`, else by `cargo tarpaulin`.

use super::cargo;
use super::suite::split_args;
use crate::process::{Command, Error};
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
    Ok(match lcov::parse(&text, tool, |it| job.in_tree(it)) {
        Ok(coverage) => Outcome::Measured(coverage),
        Err(line) => Outcome::Failed(format!("{tool}: cannot read {line} of its report")),
    })
}

fn with_test_args(job: &Job<'_>, command: Command) -> Command {
    let (cargo_args, test_args) = split_args(job);
    command
        .args(cargo_args.iter().cloned())
        .arg("--")
        .args(test_args.iter().cloned())
}
