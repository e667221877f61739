//! The suite of a lone package by one `cargo test`, the way a person runs it.
//!
//! Elsewhere cargo is first asked what it builds, and documentation tests are run package by package.
//! Each time cargo looks at everything anew, which is much of a small suite. Where a manifest alone tells
//! that every program is a plain libtest harness, all of that is one command.

use camino::Utf8Path;

use super::diagnostics::{Message, messages};
use super::suite::{
    Build, Manifest, disagreement, does_not_build, has_own_runner, read_program, runner_words,
    split_args, timed_out,
};
use super::{cargo, doctests};
use crate::model::finding::{SuiteState, TestCase, TestOutcome};
use crate::process::{Error, Exit, Finished};
use crate::toolchain::detect::read_small;
use crate::toolchain::{Job, Lints};

type Told = Result<Vec<TestCase>, SuiteState>;

/// Runs the whole suite of a lone package; `None` where it takes more than one command.
pub(super) async fn run(job: &Job<'_>, reports: &str) -> Result<Option<Told>, Error> {
    let (Some(command), true) = (cargo::command(job), is_one_command(job)) else {
        return Ok(None);
    };
    if job.lints == Lints::Warn {
        cargo::write_wrapper(job)?;
    }
    let reports = job.fresh_folder(reports)?;
    let command = command
        .args(["test", "--workspace", "--no-fail-fast"])
        .args(["--message-format", "json", "--config"])
        .arg(runner_words(job, &reports, "outcomes")?);
    let finished = cargo::run(job, &command).await?;
    Ok(Some(read(job, &finished, &reports)))
}

fn is_one_command(job: &Job<'_>) -> bool {
    let (cargo_args, test_args) = split_args(job);
    job.until.is_none()
        && cargo_args.is_empty()
        && test_args.is_empty()
        && !has_own_runner(job)
        && is_plain(&job.dir())
}

/// Whether a manifest has one package, whose test programs are all libtest's own.
fn is_plain(dir: &Utf8Path) -> bool {
    let path = dir.join("Cargo.toml");
    let table: Option<toml::Table> = read_small(&path).and_then(|it| it.parse().ok());
    let has_one =
        table.is_some_and(|it| it.contains_key("package") && !it.contains_key("workspace"));
    has_one && Manifest::read(&path).is_some_and(|it| !it.has_own_programs() && !it.reads_arguments)
}

fn read(job: &Job<'_>, finished: &Finished, reports: &Utf8Path) -> Told {
    let is_built =
        messages(finished).any(|it| matches!(it, Message::BuildFinished { success: true }));
    match (is_built, finished.exit) {
        (false, _) => return Err(does_not_build(finished)),
        (true, Exit::TimedOut) => return Err(timed_out(finished)),
        (true, Exit::Code(_) | Exit::Signal(_)) => {}
    }
    let broken = |reason: String| SuiteState::Broken(reason);
    if finished.truncated {
        return Err(broken(
            "cargo test: its output is too long to be read".into(),
        ));
    }
    let build = Build::of(job, finished);
    let mut cases = Vec::new();
    for program in &build.programs {
        cases.extend(read_program(reports, program).map_err(broken)?);
    }
    let text = finished.stdout_text();
    let printed = after_build(&text);
    for package in &build.documented {
        let prefix = format!("{package}::doc::");
        let told = doctests::told(printed, &prefix);
        cases.extend(told.ok_or_else(|| broken(doctests::contradiction(&prefix, finished)))?);
    }
    let held = cases.iter().all(|it| it.outcome != TestOutcome::Failed);
    if held == finished.success() {
        Ok(cases)
    } else {
        Err(disagreement(finished))
    }
}

/// Returns what was printed after cargo's last message: documentation tests alone, as test programs
/// print into files.
fn after_build(text: &str) -> &str {
    let end = text.find("{\"reason\":\"build-finished\"").unwrap_or(0);
    let rest = &text[end..];
    rest.find('\n').map_or("", |it| &rest[it + 1..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::toolchain::testing::Tree;

    fn is_plain_with(manifest: &str) -> bool {
        let tree = Tree::new(&[("Cargo.toml", manifest), ("src/lib.rs", "")]);
        is_plain(tree.root())
    }

    #[test]
    fn a_lone_package_of_libtest_programs_is_one_command() {
        let package = "[package]\nname = \"a\"\nversion = \"0.1.0\"\n";
        assert!(is_plain_with(package));
        let bench = "[[bench]]\nname = \"b\"\nharness = false\n";
        assert!(is_plain_with(&format!("{package}{bench}")));
        for more in [
            "[workspace]\n".to_owned(),
            "[[test]]\nname = \"t\"\nharness = false\n".to_owned(),
            format!("{bench}test = true\n"),
        ] {
            assert!(!is_plain_with(&format!("{package}{more}")), "{more}");
        }
        assert!(!is_plain_with("[workspace]\nmembers = [\"a\"]\n"));
    }

    #[test]
    fn a_package_that_reads_its_arguments_is_asked_first() {
        let tree = Tree::new(&[
            (
                "Cargo.toml",
                "[package]\nname = \"a\"\nversion = \"0.1.0\"\n",
            ),
            (
                "src/lib.rs",
                "pub fn n() -> usize { std::env::args().count() }\n",
            ),
        ]);
        assert!(!is_plain(tree.root()));
    }

    #[test]
    fn what_follows_the_messages_is_of_the_documentation_tests() {
        let text = "{\"reason\":\"compiler-artifact\"}\n{\"reason\":\"build-finished\",\"success\":true}\n\nrunning 0 tests\n";
        assert_eq!(after_build(text), "\nrunning 0 tests\n");
        assert_eq!(after_build("{\"reason\":\"build-finished\"}"), "");
    }
}
