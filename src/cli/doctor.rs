//! `factory doctor`.

use camino::Utf8Path;
use clap::Args;

use crate::model::profile::{Detection, LanguageName, Purpose, Tool};
use crate::sandbox;
use crate::ui::document::{Check, CheckState, Doctor};
use crate::ui::tools;

use super::context::{self, Context, directory};
use super::record::PathArg;
use super::{CliError, Exit, discover, interrupt};

/// Tell what is missing here and how to get it
///
/// Exit code 5 if something must be cured before anything can be tried.
#[derive(Debug, Args)]
pub(super) struct DoctorArgs {
    #[command(flatten)]
    target: PathArg,
}

pub(super) fn run(args: &DoctorArgs, ctx: &Context) -> Result<Exit, CliError> {
    let root = directory(args.target.path.as_deref())?;
    let mut checks = vec![target(&root), profile(&root, ctx)];
    checks.extend(tool_checks(&root, ctx));
    checks.push(writable("home", &ctx.home, "FACTORY_HOME"));
    checks.push(writable("scratch", &ctx.scratch, "FACTORY_SCRATCH"));
    checks.push(isolation(ctx)?);
    let document = Doctor {
        schema: "factory.doctor/1".to_owned(),
        checks,
    };
    ctx.emit(&document, tools::doctor)?;
    let is_broken = document
        .checks
        .iter()
        .any(|it| it.state == CheckState::Broken);
    Ok(if is_broken { Exit::Missing } else { Exit::Done })
}

fn check(name: &str, state: CheckState, detail: impl Into<String>, cure: Option<String>) -> Check {
    Check {
        name: name.to_owned(),
        state,
        detail: detail.into(),
        cure,
    }
}

/// Returns the check that an error makes.
fn broken(name: &str, error: &CliError) -> Check {
    let document = error.document();
    check(
        name,
        CheckState::Broken,
        document.message,
        document.hints.into_iter().next(),
    )
}

fn target(root: &Utf8Path) -> Check {
    let opened = context::target(Some(root)).and_then(|target| {
        let head = target.head()?;
        Ok((head, target.is_dirty()?))
    });
    match opened {
        Err(error) => broken("target", &error),
        Ok((head, is_dirty)) => {
            let branch = head.branch.as_deref().unwrap_or("no branch");
            let dirty = if is_dirty {
                "; changes that are not committed are not looked at"
            } else {
                ""
            };
            check(
                "target",
                CheckState::Fine,
                format!("{root}, {branch} at {}{dirty}", head.commit.short()),
                None,
            )
        }
    }
}

fn profile(root: &Utf8Path, ctx: &Context) -> Check {
    match ctx.options(Some(root)) {
        Err(error) => broken("profile", &error),
        Ok(options) => match options.source.path() {
            Some(path) => check("profile", CheckState::Fine, path.as_str(), None),
            None => check(
                "profile",
                CheckState::Fine,
                "none yet: the defaults hold",
                Some("factory init".to_owned()),
            ),
        },
    }
}

fn tool_checks(root: &Utf8Path, ctx: &Context) -> Vec<Check> {
    let found = ctx.options(Some(root)).and_then(|options| {
        let has_numbers = !options.profile.metrics.is_empty();
        Ok((discover::with_versions(root, &options, ctx)?, has_numbers))
    });
    match found {
        Err(error) => vec![broken("tools", &error)],
        Ok((detection, true)) if detection.languages.is_empty() => vec![check(
            "tools",
            CheckState::Fine,
            "none needed: the numbers of the profile are all that is measured",
            None,
        )],
        Ok((detection, false)) if detection.languages.is_empty() => vec![check(
            "tools",
            CheckState::Broken,
            "no language that factory knows was found",
            Some(
                "Rust, Python, JavaScript, TypeScript and Go are known; declare another by a \
                 `[[language]]` in factory.toml"
                    .to_owned(),
            ),
        )],
        Ok((detection, _)) => detection
            .tools
            .iter()
            .map(|it| tool(it, &detection))
            .collect(),
    }
}

fn tool(tool: &Tool, detection: &Detection) -> Check {
    if let Some(command) = &tool.command {
        let version = tool.version.as_deref().unwrap_or("version unknown");
        let detail = format!("{version} ({})", command.join(" "));
        return check(&tool.name, CheckState::Fine, detail, None);
    }
    if let Some(other) = stand_in(tool, detection) {
        let detail = format!("missing, and not needed: `{}` is there", other.name);
        return check(&tool.name, CheckState::Fine, detail, None);
    }
    if comes_with_the_environment(tool) {
        let detail =
            "missing; where the tests need it, it is installed beside the trees for them alone";
        return check(&tool.name, CheckState::Fine, detail, None);
    }
    if tool.purpose == Purpose::Format {
        let detail = "missing; needed only where the project formats with it";
        return check(&tool.name, CheckState::Fine, detail, None);
    }
    if let Some(first) = first_of_its_kind(tool, detection) {
        let detail = format!("missing; does the same as `{}`", first.name);
        return check(&tool.name, CheckState::Fine, detail, None);
    }
    let state = if tool.purpose == Purpose::Build {
        CheckState::Broken
    } else {
        CheckState::Warning
    };
    let (what, language) = (purpose(tool.purpose), tool.language.display());
    let loses = if tool.purpose == Purpose::Lint && tool.language == LanguageName::Python {
        "missing: of lint, unused imports alone are told for Python".to_owned()
    } else {
        format!("missing: {what} is not measured for {language}")
    };
    check(&tool.name, state, loses, Some(tool.install.clone()))
}

/// Returns whether the environment that is made for a suite in Python brings the tool along.
fn comes_with_the_environment(tool: &Tool) -> bool {
    tool.language == LanguageName::Python
        && matches!(tool.purpose, Purpose::Test | Purpose::Coverage)
}

/// Returns the tool that does the work of one that is missing: one that a project of this tree uses.
fn stand_in<'a>(tool: &Tool, detection: &'a Detection) -> Option<&'a Tool> {
    let is_used = |other: &Tool| {
        let mut projects = detection.languages.iter();
        projects.any(|it| {
            it.language == tool.language && it.uses.get(&tool.purpose) == Some(&other.name)
        })
    };
    alternatives(tool, detection).find(|it| it.command.is_some() && is_used(it))
}

/// Returns the missing tool that was warned of already, where another would do the same.
fn first_of_its_kind<'a>(tool: &Tool, detection: &'a Detection) -> Option<&'a Tool> {
    let first = alternatives(tool, detection).find(|it| it.command.is_none())?;
    (first.name != tool.name).then_some(first)
}

/// Returns the tools of the same language and purpose, itself included.
fn alternatives<'a>(tool: &Tool, detection: &'a Detection) -> impl Iterator<Item = &'a Tool> {
    let (language, purpose) = (tool.language, tool.purpose);
    let tools = detection.tools.iter();
    tools.filter(move |it| it.language == language && it.purpose == purpose)
}

fn purpose(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Build => "anything",
        Purpose::Test => "the suite",
        Purpose::Lint => "lint",
        Purpose::Types => "types",
        Purpose::Coverage => "coverage",
        Purpose::Format => "formatting",
        Purpose::Benchmark => "benchmarks",
    }
}

fn writable(name: &str, dir: &Utf8Path, variable: &str) -> Check {
    let existing = dir.ancestors().find(|it| it.exists()).unwrap_or(dir);
    let is_writable =
        rustix::fs::access(existing.as_std_path(), rustix::fs::Access::WRITE_OK).is_ok();
    if is_writable {
        check(name, CheckState::Fine, dir.as_str(), None)
    } else {
        let cure = format!("set `{variable}` to a folder of yours");
        check(
            name,
            CheckState::Broken,
            format!("{dir} cannot be written"),
            Some(cure),
        )
    }
}

fn isolation(ctx: &Context) -> Result<Check, CliError> {
    let allowed = interrupt::run(ctx.output, async |cancel| {
        sandbox::probe(sandbox::OURSELVES, &ctx.scratch, &cancel).await
    })??;
    let (state, what) = if allowed.layers {
        (
            CheckState::Fine,
            "namespaces of its own for every command: no network, one fixed path, and what it writes into the tree is thrown away",
        )
    } else if allowed.namespaces {
        (
            CheckState::Warning,
            "namespaces without overlays: no network and one fixed path, but trees are copies",
        )
    } else {
        (
            CheckState::Warning,
            "plain child processes: evaluated code reaches the network and its own copy of the tree",
        )
    };
    Ok(check("isolation", state, what, allowed.refused))
}
