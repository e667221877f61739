//! What rustc and clippy complain about, from cargo's JSON messages.

use std::collections::BTreeMap;
use std::ops::Range;

use camino::{Utf8Path, Utf8PathBuf};
use serde::Deserialize;

use super::{cargo, fix, unused};
use crate::model::finding::Finding;
use crate::process::{Command, Error, Finished};
use crate::syntax::{self, Grammar};
use crate::toolchain::detect::read_small;
use crate::toolchain::job::{broken, write};
use crate::toolchain::{Job, Outcome, minimums};

/// One line of `cargo --message-format json`.
#[derive(Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
pub(super) enum Message {
    #[serde(rename = "compiler-message")]
    Complaint {
        message: Diagnostic,
    },
    CompilerArtifact(Artifact),
    BuildFinished {
        success: bool,
    },
    #[serde(skip)]
    Garbled,
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
pub(super) struct Diagnostic {
    message: String,
    code: Option<Code>,
    level: String,
    spans: Vec<Span>,
    children: Vec<Diagnostic>,
}

#[derive(Deserialize)]
struct Code {
    code: String,
}

#[derive(Deserialize)]
struct Span {
    file_name: String,
    line_start: u32,
    column_start: u32,
    byte_start: u32,
    byte_end: u32,
    is_primary: bool,
    suggested_replacement: Option<String>,
    suggestion_applicability: Option<String>,
    expansion: Option<Box<Expansion>>,
}

#[derive(Deserialize)]
struct Expansion {
    span: Span,
}

/// What cargo built.
#[derive(Deserialize)]
pub(super) struct Artifact {
    pub(super) manifest_path: String,
    pub(super) target: Target,
    pub(super) executable: Option<String>,
    pub(super) profile: ArtifactProfile,
}

#[derive(Deserialize)]
pub(super) struct Target {
    pub(super) kind: Vec<String>,
    pub(super) name: String,
    #[serde(default)]
    pub(super) doctest: bool,
}

#[derive(Deserialize)]
pub(super) struct ArtifactProfile {
    pub(super) test: bool,
}

/// Runs clippy over the workspace; only its own lints count here, and dependencies without a use.
pub(super) async fn lint(job: &Job<'_>) -> Result<Outcome<Vec<Finding>>, Error> {
    let Some(finished) = clippy(job).await? else {
        return Ok(cargo::missing("clippy"));
    };
    let mut outcome = findings("cargo clippy", &finished, job, |it| it.tool == "clippy");
    if let Outcome::Measured(found) = &mut outcome {
        found.extend(unused::findings(job).await?);
    }
    Ok(outcome)
}

/// Runs the compiler's own checks over the workspace; its warnings are the findings.
pub(super) async fn types(job: &Job<'_>) -> Result<Outcome<Vec<Finding>>, Error> {
    let Some(finished) = check(job).await? else {
        return Ok(cargo::missing("cargo"));
    };
    Ok(findings("cargo check", &finished, job, |it| {
        it.tool == "rustc"
    }))
}

/// Runs `cargo clippy`; lints that a project denies are warnings here, so that all crates are seen.
pub(super) async fn clippy(job: &Job<'_>) -> Result<Option<Finished>, Error> {
    let Some(words) = job.tool("clippy") else {
        return Ok(None);
    };
    let command = cargo::with_settings(job, job.command(words));
    let command = with_minimum(job, everywhere(job, command))?;
    let command = command.args(["--", "--cap-lints", "warn"]);
    cargo::run(job, &command).await.map(Some)
}

/// Tells clippy the oldest compiler of the project's checks, where no manifest of it declares one.
fn with_minimum(job: &Job<'_>, command: Command) -> Result<Command, Error> {
    let Some((major, minor)) = minimums::of_checks_alone(job.tree, job.project) else {
        return Ok(command);
    };
    let settings = ["clippy.toml", ".clippy.toml"].map(|it| job.dir().join(it));
    let own = settings.iter().find_map(|it| read_small(it));
    let dir = job.build.join("clippy");
    std::fs::create_dir_all(&dir).map_err(|source| Error::Io {
        program: dir.to_string(),
        source,
    })?;
    let text = format!("msrv = \"{major}.{minor}\"\n{}", own.unwrap_or_default());
    write(&dir.join("clippy.toml"), &text)?;
    Ok(command.env("CLIPPY_CONF_DIR", dir))
}

/// Runs `cargo check`.
pub(super) async fn check(job: &Job<'_>) -> Result<Option<Finished>, Error> {
    let Some(command) = cargo::command(job) else {
        return Ok(None);
    };
    cargo::run(job, &everywhere(job, command.arg("check")))
        .await
        .map(Some)
}

fn everywhere(job: &Job<'_>, command: Command) -> Command {
    let mut command = command.args(["--workspace", "--message-format", "json"]);
    // The whole output is needed: a message that is cut off would be a finding that is gone.
    command.output_cap = 256 << 20;
    if !has_nightly_benches(job) {
        return command.arg("--all-targets");
    }
    let command = command.args(["--bins", "--tests", "--examples"]);
    if job.dir().join("src/lib.rs").exists() {
        return command.arg("--lib");
    }
    command
}

/// Benchmarks of the unstable harness cannot be compiled by a stable toolchain.
fn has_nightly_benches(job: &Job<'_>) -> bool {
    let benches = job.dir().join("benches");
    let files = benches.read_dir_utf8().into_iter().flatten().flatten();
    files
        .filter_map(|it| std::fs::read_to_string(it.path()).ok())
        .any(|it| it.contains("#![feature("))
}

/// Returns the messages of a run; lines that are no JSON object are a build script's own words.
pub(super) fn messages(finished: &Finished) -> impl Iterator<Item = Message> {
    finished
        .stdout
        .split(|it| *it == b'\n')
        .filter(|it| it.starts_with(b"{"))
        .filter_map(|it| match serde_json::from_slice(it) {
            Ok(message) => Some(message),
            // A complaint that cannot be read must not look like one that is not there.
            Err(_) if it.starts_with(b"{\"reason\":\"compiler-message\"") => Some(Message::Garbled),
            Err(_) => None,
        })
}

fn findings(
    what: &str,
    finished: &Finished,
    job: &Job<'_>,
    wanted: impl Fn(&Finding) -> bool,
) -> Outcome<Vec<Finding>> {
    if finished.truncated {
        return Outcome::Failed(format!("{what}: its output is too long to be read"));
    }
    let mut found: BTreeMap<Place, Finding> = BTreeMap::new();
    let mut tests = TestSpans::default();
    let mut built = None;
    let mut error = None;
    for message in messages(finished) {
        match message {
            Message::Complaint { message } => {
                if message.is_compile_error() {
                    error.get_or_insert_with(|| message.headline());
                } else if let Some((place, mut finding)) = finding(&message, job) {
                    finding.fixable &= !message.fixes_within(tests.of(job, &finding.path));
                    finding.fixable &=
                        !(message.writes_std() && fix::may_lack_std(job, &finding.path));
                    found.insert(place, finding);
                }
            }
            Message::BuildFinished { success } => built = Some(success),
            Message::Garbled => {
                return Outcome::Failed(format!("{what}: one of its messages cannot be read"));
            }
            Message::CompilerArtifact(_) | Message::Other => {}
        }
    }
    match (error, built) {
        (Some(error), _) => Outcome::Failed(format!("{what}: does not compile: {error}")),
        (None, Some(success)) if success == finished.success() => {
            Outcome::Measured(found.into_values().filter(wanted).collect())
        }
        (None, _) => broken(what, finished),
    }
}

/// What makes two messages the same finding: a file is compiled for several targets.
type Place = (Utf8PathBuf, u32, u32, String);

fn finding(diagnostic: &Diagnostic, job: &Job<'_>) -> Option<(Place, Finding)> {
    let rule = diagnostic.code.as_ref()?.code.clone();
    let span = diagnostic
        .spans
        .iter()
        .find(|it| it.is_primary)?
        .in_source();
    let path = job.in_tree(&span.file_name)?;
    // What a build script wrote is not in the tree, unless the build folder is.
    if !job.tree.join(&path).exists() {
        return None;
    }
    let place = (path.clone(), span.byte_start, span.byte_end, rule.clone());
    let tool = if rule.starts_with("clippy::") {
        "clippy"
    } else {
        "rustc"
    };
    let finding = Finding {
        path,
        line: span.line_start,
        column: span.column_start,
        tool: tool.into(),
        rule,
        message: diagnostic.headline(),
        fixable: diagnostic.is_fixable(),
    };
    Some((place, finding))
}

/// Where the tests are in each file, read when first asked for.
#[derive(Default)]
struct TestSpans(BTreeMap<Utf8PathBuf, Vec<Range<usize>>>);

impl TestSpans {
    fn of(&mut self, job: &Job<'_>, path: &Utf8Path) -> &[Range<usize>] {
        self.0.entry(path.to_owned()).or_insert_with(|| {
            let source = std::fs::read_to_string(job.tree.join(path)).unwrap_or_default();
            syntax::test_spans(Grammar::Rust, &source)
        })
    }
}

impl Diagnostic {
    /// A denied lint is an error too, but has a lint's name; the compiler's own errors are `E0308` or bare.
    pub(super) fn is_compile_error(&self) -> bool {
        let is_lint = |it: &Code| !it.code.starts_with('E') || it.code.contains(['_', ':']);
        self.is_error() && !self.code.as_ref().is_some_and(is_lint)
    }

    pub(super) fn is_error(&self) -> bool {
        self.level.starts_with("error")
    }

    /// Returns the first line, with the place.
    pub(super) fn headline(&self) -> String {
        self.message.lines().next().unwrap_or_default().to_owned()
    }

    /// Returns the first line with file and line.
    pub(super) fn with_place(&self) -> String {
        let headline = self.headline();
        match self.spans.iter().find(|it| it.is_primary) {
            Some(span) => format!("{headline} ({}:{})", span.file_name, span.line_start),
            None => headline,
        }
    }

    fn is_fixable(&self) -> bool {
        self.spans.iter().any(Span::is_safe_fix) || self.children.iter().any(Self::is_fixable)
    }

    /// Returns whether its safe fix names the standard library.
    fn writes_std(&self) -> bool {
        let mut fixes = self.spans.iter().filter(|it| it.is_safe_fix());
        fixes.any(|it| {
            it.suggested_replacement
                .as_ref()
                .is_some_and(|it| it.contains("std::"))
        }) || self.children.iter().any(Self::writes_std)
    }

    /// Returns whether its safe fix changes any of those places.
    fn fixes_within(&self, places: &[Range<usize>]) -> bool {
        let mut fixes = self.spans.iter().filter(|it| it.is_safe_fix());
        fixes.any(|it| syntax::touches(places, &it.bytes()))
            || self.children.iter().any(|it| it.fixes_within(places))
    }
}

impl Span {
    fn is_safe_fix(&self) -> bool {
        self.suggestion_applicability.as_deref() == Some("MachineApplicable")
    }

    fn bytes(&self) -> Range<usize> {
        let at = |it| usize::try_from(it).unwrap_or(usize::MAX);
        at(self.byte_start)..at(self.byte_end)
    }

    /// Returns where in the tree's own source a macro was called.
    fn in_source(&self) -> &Self {
        match &self.expansion {
            Some(expansion)
                if self.file_name.starts_with('<') || self.file_name.starts_with('/') =>
            {
                expansion.span.in_source()
            }
            _ => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn diagnostic(level: &str, code: Option<&str>) -> Diagnostic {
        let code = code.map_or("null".into(), |it| format!(r#"{{"code":"{it}"}}"#));
        let json = format!(
            r#"{{"message":"first\nsecond","code":{code},"level":"{level}","spans":[],"children":[]}}"#
        );
        serde_json::from_str(&json).unwrap()
    }

    #[test]
    fn denied_lints_are_no_compile_errors() {
        assert!(diagnostic("error", Some("E0308")).is_compile_error());
        assert!(diagnostic("error", None).is_compile_error());
        assert!(!diagnostic("error", Some("unused_imports")).is_compile_error());
        assert!(!diagnostic("error", Some("clippy::all")).is_compile_error());
        assert!(!diagnostic("warning", None).is_compile_error());
        assert_eq!(diagnostic("warning", None).headline(), "first");
    }

    #[test]
    fn a_garbled_complaint_is_seen_and_other_output_is_not() {
        let finished = Finished {
            exit: crate::process::Exit::Code(0),
            stdout: b"{\"reason\":\"compiler-message\",\"message\":7}\n{\"x\":1}\nhello\n".to_vec(),
            stderr: Vec::new(),
            truncated: false,
            wall: std::time::Duration::ZERO,
        };
        let found: Vec<Message> = messages(&finished).collect();
        assert!(matches!(found[..], [Message::Garbled]));
    }
}
