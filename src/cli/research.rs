//! `factory research`, and what `[research]` means for a run.

mod answers;

use camino::{Utf8Path, Utf8PathBuf};
use clap::{Args, Subcommand};
use fs_err as fs;

use crate::ceo;
use crate::ceo::noise::{Noise, noise};
use crate::config::{self, FILE_NAME, Profile, Research};
use crate::model::budget::Budget;
use crate::model::turn::Side;
use crate::repo::Target;
use crate::ui::document::ResearchPage;
use crate::ui::research as page;

use super::ceo::Mode;
use super::context::{self, Context};
use super::{CliError, Exit, interrupt, lab};
use answers::Answers;

/// Say which number `--mode research` moves, and check that it can be measured
///
/// The number, the command that prints it and the files that may change for it stand in `[research]`
/// of factory.toml. Nothing is written before the globs match and keep apart, the command runs, the
/// number can be read, and its noise is known.
#[derive(Debug, Args)]
pub(super) struct ResearchArgs {
    #[command(subcommand)]
    verb: ResearchVerb,
}

#[derive(Debug, Subcommand)]
enum ResearchVerb {
    /// Make the section from questions or flags, and check it
    Init(Box<InitArgs>),
    /// Check the section that is there: globs, command, number, noise
    Check {
        /// Root of the target [default: .].
        path: Option<Utf8PathBuf>,
    },
}

#[derive(Debug, Args)]
struct InitArgs {
    /// Root of the target [default: .].
    path: Option<Utf8PathBuf>,
    #[command(flatten)]
    answers: Answers,
    /// Write it without asking whether it is right.
    #[arg(short, long)]
    yes: bool,
    /// Check it, show it, and write nothing.
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn run(args: &ResearchArgs, ctx: &Context) -> Result<Exit, CliError> {
    match &args.verb {
        ResearchVerb::Init(args) => init(args, ctx),
        ResearchVerb::Check { path } => check(path.as_deref(), ctx),
    }
}

fn init(args: &InitArgs, ctx: &Context) -> Result<Exit, CliError> {
    let target = context::target(args.path.as_deref())?;
    let file = config::find(target.root());
    let file = file.path().map(Utf8Path::to_owned);
    let path = file
        .clone()
        .unwrap_or_else(|| target.root().join(FILE_NAME));
    let before = file
        .map(fs::read_to_string)
        .transpose()?
        .unwrap_or_default();
    if ctx.options(Some(target.root()))?.profile.research.is_some() {
        let message = format!("`{path}` has a `[research]` section already");
        return Err(
            CliError::new(Exit::Input, message).hint("edit it, then `factory research check`")
        );
    }
    let answers = args.answers.complete(ctx)?;
    let section = answers.section();
    let text = match before.trim_end() {
        "" => section.clone(),
        above => format!("{above}\n\n{section}"),
    };
    let options = ctx.options_with(&path, &text);
    let found = options.and_then(|it| measure(&target, it.profile, ctx));
    let found = found.map_err(|error| {
        if answers == args.answers {
            error
        } else {
            error.hint(format!(
                "your answers, to go on from: {}",
                answers.command()
            ))
        }
    })?;
    let mut document = ResearchPage {
        schema: "factory.research/1".to_owned(),
        path: path.clone(),
        written: false,
        text: section,
        noise: found.0,
        opponent: found.1,
    };
    if args.dry_run {
        ctx.emit(&document, page::render)?;
        return Ok(Exit::Done);
    }
    if !args.yes && ctx.may_ask() {
        ctx.output
            .complain(&page::render(&document, ctx.output.width()));
        let question = dialoguer::Confirm::new().with_prompt(format!("Write this to {path}"));
        let answer = question.default(true).interact();
        if !answer.map_err(|error| CliError::new(Exit::Interrupted, error))? {
            ctx.output.talk("nothing was written\n");
            return Ok(Exit::Done);
        }
        fs::write(&path, &text)?;
        ctx.output.talk(&format!(
            "wrote {path}\nnext: factory ceo --mode research\n"
        ));
        return Ok(Exit::Done);
    }
    fs::write(&path, &text)?;
    document.written = true;
    ctx.emit(&document, page::render)?;
    Ok(Exit::Done)
}

fn check(path: Option<&Utf8Path>, ctx: &Context) -> Result<Exit, CliError> {
    let target = context::target(path)?;
    let options = ctx.options(Some(target.root()))?;
    if options.profile.research.is_none() {
        return Err(missing());
    }
    let path = options.source.path().map(Utf8Path::to_owned);
    let (noise, opponent) = measure(&target, options.profile, ctx)?;
    let document = ResearchPage {
        schema: "factory.research/1".to_owned(),
        path: path.unwrap_or_else(|| target.root().join(FILE_NAME)),
        written: false,
        text: String::new(),
        noise,
        opponent,
    };
    ctx.emit(&document, page::render)?;
    Ok(Exit::Done)
}

/// Checks the surfaces, then runs the number on what is committed, and that of the other side.
fn measure(
    target: &Target,
    profile: Profile,
    ctx: &Context,
) -> Result<(Noise, Option<Noise>), CliError> {
    let research = profile.research.clone().ok_or_else(missing)?;
    refuse_faults(&research, target)?;
    let other = research.opponent.is_some();
    let other = other.then(|| research.in_turn_of(Side::Opponent));
    let runs = [Some(&research), other.as_ref()].into_iter().flatten();
    let mut runs: Vec<String> = runs.map(|it| format!("`{}`", it.run)).collect();
    runs.dedup();
    ctx.output.talk(&format!(
        "running {} on what is committed, a few times\n",
        runs.join(" and ")
    ));
    let tree = target.tree_of(&target.head()?.commit)?;
    let is_dirty = target.is_dirty()?;
    let found = interrupt::run(ctx.output, async |cancel| {
        let mut bench = lab::open_with(target, profile, ctx, &cancel).await?;
        for notice in bench.prepare(target, &tree).await? {
            ctx.output.talk(&format!("note: {notice}\n"));
        }
        let first = noise(&mut bench, target, &tree, &research, 0).await?;
        let second = match &other {
            Some(other) => Some(noise(&mut bench, target, &tree, other, 0).await?),
            None => None,
        };
        Ok((first, second))
    })?;
    found.map_err(|error: CliError| {
        if is_dirty && error.kind == Exit::NothingBuilds {
            let hint = "the checkout has changes that are not committed, and they are not seen here: commit them";
            error.hint(hint)
        } else {
            error
        }
    })
}

/// Returns what a run is for: what the flags say, else what the profile is made for.
pub(super) fn mode(
    asked: Option<Mode>,
    has_focus: bool,
    target: &Target,
    profile: &Profile,
) -> Result<ceo::Mode, CliError> {
    let research = match (asked, &profile.research) {
        (Some(Mode::Improve | Mode::Focus), _) | (None, None) => return Ok(ceo::Mode::Improve),
        (None, Some(_)) if has_focus => return Ok(ceo::Mode::Improve),
        (Some(Mode::Research), None) => return Err(missing()),
        (Some(Mode::Research) | None, Some(research)) => research,
    };
    refuse_faults(research, target)?;
    Ok(ceo::Mode::Research)
}

/// Returns what a run of that mode may use up by the profile.
pub(super) fn budget(mode: ceo::Mode, profile: &Profile) -> Option<Budget> {
    let research = profile.research.as_ref();
    let research = research.filter(|_| mode == ceo::Mode::Research)?;
    // It was validated with the profile.
    research.budget.as_ref()?.parse().ok()
}

/// Returns the error of research without its section.
pub(super) fn missing() -> CliError {
    let message = "there is no `[research]` section that says which number to move";
    let hint = "`factory research init` makes one, from questions or from flags";
    CliError::new(Exit::Input, message).hint(hint)
}

/// Refuses surfaces that match nothing or overlap.
fn refuse_faults(research: &Research, target: &Target) -> Result<(), CliError> {
    let faults = research.faults(&target.tracked_files()?);
    let Some(first) = faults.first() else {
        return Ok(());
    };
    let (what, cure) = first.rsplit_once("; ").unwrap_or((first, ""));
    let error = CliError::new(Exit::Input, format!("[research]: {what}")).hint(cure);
    let others = faults.iter().skip(1);
    Err(others.fold(error, |error, other| error.hint(format!("also: {other}"))))
}
