//! What was found and what is missing: detect, discover, doctor.

use crate::model::profile::{Detection, DirectoryState, OwnCommand, Tool};

use super::document::{Check, CheckState, Discovery, Doctor};
use super::text::{Cell, Tint};
use super::{number, style, text};

/// How many of a project's own commands are shown.
const OWN_COMMANDS: usize = 20;

/// Returns what was found as text.
pub fn detection(detection: &Detection, width: usize) -> String {
    let mut out = format!(
        "{} ({})\n",
        style::heading(detection.root.as_str()),
        state(detection.state)
    );
    for project in &detection.languages {
        let place = if project.root.as_str().is_empty() {
            "."
        } else {
            project.root.as_str()
        };
        let manifests: Vec<&str> = project.manifests.iter().map(|it| it.as_str()).collect();
        let uses: Vec<String> = project
            .uses
            .iter()
            .map(|(purpose, name)| format!("{} {name}", purpose_name(*purpose)))
            .collect();
        out.push_str(&text::labelled(
            project.language.display(),
            &text::harmless(&format!(
                "{place}: {} ({})",
                uses.join(", "),
                manifests.join(", ")
            )),
            width,
        ));
    }
    if detection.languages.is_empty() {
        out.push_str("  no language that factory knows was found\n");
        out.push_str(&extensions(detection, width));
    }
    if !detection.tools.is_empty() {
        let rows: Vec<Vec<Cell>> = detection.tools.iter().map(tool).collect();
        out.push_str(&format!(
            "\n{}",
            text::table(
                &[
                    "tool",
                    "for",
                    "state",
                    "how it is started, or how to get it"
                ],
                &rows,
                &[0, 1, 2],
                width
            )
        ));
    }
    out
}

/// Returns the proposed or accepted profile, below what was found.
pub fn discovery(discovery: &Discovery, width: usize) -> String {
    let mut out = detection(&discovery.detection, width);
    out.push_str(&own_commands(&discovery.own_commands, width));
    if let Some(path) = &discovery.file {
        out.push_str(&format!("\nthe profile is {path}\n"));
    } else {
        let title = style::heading("Proposed profile (`factory init` writes it)");
        out.push_str(&format!("\n{title}\n{}", profile(&discovery.proposal)));
    }
    out
}

/// Returns what the project itself runs, the first few of each file.
fn own_commands(commands: &[OwnCommand], width: usize) -> String {
    if commands.is_empty() {
        return String::new();
    }
    let rows: Vec<Vec<Cell>> = commands
        .iter()
        .take(OWN_COMMANDS)
        .map(|it| {
            let line: String = text::harmless(&it.line);
            vec![text::harmless(it.source.as_str()).into(), line.into()]
        })
        .collect();
    let title = style::heading("What the project itself runs");
    let table = text::table(&["file", "command"], &rows, &[0], width);
    let more = match commands.len().saturating_sub(OWN_COMMANDS) {
        0 => String::new(),
        more => format!("and {more} more\n"),
    };
    format!("\n{title}\n{table}{more}")
}

/// Returns a profile's text, its comments stepping back.
pub fn profile(text: &str) -> String {
    let paint = |line: &str| {
        if line.starts_with('#') {
            style::faint(line)
        } else {
            line.to_owned()
        }
    };
    text.lines()
        .map(|line| match line {
            "" => "\n".to_owned(),
            line => format!("  {}\n", paint(&text::harmless(line))),
        })
        .collect()
}

/// Returns what is missing and how to get it.
pub fn doctor(doctor: &Doctor, width: usize) -> String {
    let mut out: String = doctor.checks.iter().map(|it| check(it, width)).collect();
    let count = |state: CheckState| doctor.checks.iter().filter(|it| it.state == state).count();
    let (warnings, broken) = (count(CheckState::Warning), count(CheckState::Broken));
    out.push_str(&match (warnings, broken) {
        (0, 0) => style::good("everything is there\n"),
        (warnings, 0) => format!(
            "it works; {} could be better\n",
            number::count(warnings, "things")
        ),
        (_, broken) => style::bad(&format!(
            "{} must be cured first\n",
            number::count(broken, "things")
        )),
    });
    out
}

fn check(check: &Check, width: usize) -> String {
    let mark = match check.state {
        CheckState::Fine => style::good("✓"),
        CheckState::Warning => style::careful("!"),
        CheckState::Broken => style::bad("✗"),
    };
    let body = text::wrap(&text::harmless(&check.detail), width.saturating_sub(19), 0)
        .replace('\n', &format!("\n{}", " ".repeat(19)));
    let mut out = format!("{mark} {:<16} {body}\n", check.name);
    if let Some(cure) = &check.cure {
        out.push_str(&format!(
            "{}{}\n",
            " ".repeat(19),
            style::command(&text::harmless(cure))
        ));
    }
    out
}

fn tool(tool: &Tool) -> Vec<Cell> {
    let (state, tint, how) = match (&tool.command, &tool.version) {
        (Some(command), Some(version)) => (version.clone(), Tint::Good, command.join(" ")),
        (Some(command), None) => ("found".to_owned(), Tint::Good, command.join(" ")),
        (None, _) => ("missing".to_owned(), Tint::Careful, tool.install.clone()),
    };
    vec![
        tool.name.as_str().into(),
        purpose_name(tool.purpose).into(),
        Cell::tinted(text::harmless(&state), tint),
        text::harmless(&how).into(),
    ]
}

fn extensions(detection: &Detection, width: usize) -> String {
    let mut all: Vec<(&String, &usize)> = detection.extensions.iter().collect();
    all.sort_by_key(|(name, n)| (std::cmp::Reverse(**n), *name));
    let parts: Vec<String> = all
        .iter()
        .take(8)
        .map(|(name, n)| format!("{n} .{name}"))
        .collect();
    text::labelled("files", &text::harmless(&parts.join(", ")), width)
}

fn state(state: DirectoryState) -> &'static str {
    match state {
        DirectoryState::Codebase => "a codebase",
        DirectoryState::UnknownLanguage => "a repository, in no language that factory knows",
        DirectoryState::NoGit => "no git repository",
        DirectoryState::Unborn => "a repository without a commit",
    }
}

fn purpose_name(purpose: crate::model::profile::Purpose) -> &'static str {
    use crate::model::profile::Purpose;
    match purpose {
        Purpose::Build => "build",
        Purpose::Test => "test",
        Purpose::Lint => "lint",
        Purpose::Types => "types",
        Purpose::Coverage => "coverage",
        Purpose::Format => "format",
        Purpose::Benchmark => "benchmark",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_doctor_ends_with_a_plain_answer() {
        let check = |state, cure: Option<&str>| Check {
            name: "git".into(),
            state,
            detail: "2.47.0".into(),
            cure: cure.map(str::to_owned),
        };
        let text = |checks| {
            anstream::adapter::strip_str(&doctor(
                &Doctor {
                    schema: String::new(),
                    checks,
                },
                80,
            ))
            .to_string()
        };
        assert!(text(vec![check(CheckState::Fine, None)]).ends_with("everything is there\n"));
        insta::assert_snapshot!(text(vec![check(CheckState::Warning, Some("apt install git"))]), @r#"
        ! git              2.47.0
                           apt install git
        it works; 1 thing could be better
        "#);
    }
}
