//! `factory ceo`.

use std::sync::Arc;
use std::time::Instant;

use camino::Utf8Path;
use clap::{Args, ValueEnum};
use tokio_util::sync::CancellationToken;

use crate::agent::Secrets;
use crate::ceo::{self, Limits, Player, Reporter, Request, RunReport, Steer, Stopped};
use crate::config::{HIDDEN_DIR, Options, ProfileSource};
use crate::eval::report::Budget;
use crate::model::budget::Budget as Amounts;
use crate::model::event::RunEvent;
use crate::model::id::ExperimentId;
use crate::repo::Target;
use crate::ui::progress::{JsonLines, Live, Plain, Silent};
use crate::ui::{closing, tools};

use super::context::{self, Context, directory};
use super::heart::{Heart, Recorder};
use super::routing::{Route, route};
use super::{CliError, Exit, JsonKind, detect, discover, interrupt, logging, pictures, research};

/// Improve a codebase: try what is worth trying, keep only what is shown to be better
///
/// Shows the first report, then runs experiments one after another: each is built apart from your
/// checkout, judged by the gates, measured against the unchanged code, and kept on the landing branch
/// only on evidence. Your own branches, files and index stay as they are; `factory land` takes what
/// was kept.
#[derive(Debug, Args)]
pub(super) struct CeoArgs {
    /// Root of the target [default: .].
    #[arg(value_name = "PATH")]
    target: Option<String>,
    #[command(flatten)]
    flags: RunFlags,
}

/// What a run can be told.
#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "flags of a command line are independent switches"
)]
pub(super) struct RunFlags {
    /// What to do; `--focus` alone means `focus`, and a `[research]` section means `research`.
    #[arg(long)]
    mode: Option<Mode>,
    /// Try this one thing and stop, as in "ruff F401" or `clippy::needless_clone`.
    #[arg(long, value_name = "WHAT")]
    focus: Option<String>,
    /// Go on with the inconclusive experiment ID: more pairs at the level that it has, then stop.
    #[arg(long, value_name = "ID", conflicts_with_all = ["focus", "dry_run", "approve"])]
    resume: Option<ExperimentId>,
    /// Who plays the roles.
    #[arg(long, default_value = "mechanic")]
    backend: BackendName,
    /// Run at most so many experiments.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    cycles: Option<u32>,
    /// Have at most so many candidates built at a time; they are measured one by one.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=16))]
    parallel: Option<u32>,
    /// Build so many variants of a hypothesis about a metric; the best on one or two runs each is tested.
    ///
    /// A program builds the same hypothesis so often; the mechanic takes other values for the same knob or
    /// parameter. What is run to choose counts for nothing else, and the test costs what one test costs.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=8))]
    variants: Option<u32>,
    /// Use at most this much, as in "2h" or "2h,40 experiments"; what is under way then is tried again later.
    #[arg(long, value_name = "AMOUNTS")]
    budget: Option<Amounts>,
    /// Draw everything random from this seed, to repeat a run.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Never ask; a profile that was not accepted is used as proposed.
    #[arg(long)]
    headless: bool,
    /// Accept the proposed profile.
    #[arg(short, long)]
    yes: bool,
    /// Show the ranked hypotheses and wait for a yes.
    #[arg(long, conflicts_with_all = ["dry_run", "headless"])]
    approve: bool,
    /// Show the ranked hypotheses and stop.
    #[arg(long)]
    dry_run: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Mode {
    /// Try everything that is worth trying.
    Improve,
    /// Try one thing.
    Focus,
    /// Move the one number of `[research]`.
    Research,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum BackendName {
    /// The embedded one: fixers, knobs and constants, without a model.
    Mechanic,
    /// The program of `[backend.command]`; the mechanic plays what it leaves, and proposes once it has nothing more.
    Command,
}

impl RunFlags {
    /// Returns the same flags with the profile accepted, for a target that is ours.
    pub(super) fn accepted(&self) -> Self {
        Self {
            focus: self.focus.clone(),
            yes: true,
            ..*self
        }
    }

    /// Returns at most how many experiments to run.
    pub(super) fn cycles(&self) -> Option<u32> {
        self.cycles
    }
}

pub(super) fn run(args: &CeoArgs, ctx: &Context) -> Result<Exit, CliError> {
    let root = match args.target.as_deref().map(route).transpose()? {
        None => directory(None)?,
        Some(Route::Directory(path)) => directory(Some(&path))?,
        Some(Route::File(path)) => return Err(no_ideas(&format!("the file `{path}`"))),
        Some(Route::Url(url)) => return Err(no_ideas(&format!("`{url}`"))),
        Some(Route::Words(words)) => return Err(no_ideas(&format!("\"{words}\""))),
    };
    run_on(&root, &args.flags, ctx)
}

/// Runs the loop on a directory.
pub(super) fn run_on(root: &Utf8Path, flags: &RunFlags, ctx: &Context) -> Result<Exit, CliError> {
    let Some((target, mut request)) = prepare(root, flags, ctx)? else {
        return Ok(Exit::Done);
    };
    let heart = Arc::new(Heart::take(&target, request.limits.budget.time, |_| {})?);
    drop(target);
    request.steer = heart.steer();
    let reporter = Recorder::new(Arc::clone(&heart), reporter(ctx));
    let report = interrupt::run(ctx.output, async |cancel| {
        let _watching = heart.watch(&cancel)?;
        pass(&request, &reporter, &heart, &cancel).await
    })??;
    show(&report, flags.dry_run, ctx)?;
    Ok(exit(&report, &heart))
}

/// Settles the profile and starts the logs; `None` where a person said no.
pub(super) fn prepare(
    root: &Utf8Path,
    flags: &RunFlags,
    ctx: &Context,
) -> Result<Option<(Target, Request)>, CliError> {
    check(flags, ctx)?;
    let target = context::target(Some(root))?;
    let options = ctx.options(Some(target.root()))?;
    if flags.mode == Some(Mode::Research) && options.profile.research.is_none() {
        return Err(research::missing());
    }
    if !settle_profile(&target, &options, flags, ctx)? {
        ctx.output.talk("nothing was done\n");
        return Ok(None);
    }
    let log = target.exclude_factory_dir()?.join("logs/debug.log");
    logging::start(ctx.globals.verbose, Some(&log))?;
    let options = with_proposal(options, &target, ctx)?;
    let mode = research::mode(flags.mode, flags.focus.is_some(), &target, &options.profile)?;
    let player = player(&options, flags, ctx)?;
    let request = request(&target, options, mode, player, flags, ctx);
    Ok(Some((target, request)))
}

/// Runs the loop once over everything that is worth trying.
pub(super) async fn pass(
    request: &Request,
    reporter: &Recorder,
    heart: &Heart,
    cancel: &CancellationToken,
) -> Result<RunReport, CliError> {
    // A run's state is large, and whoever awaits it should not carry it about.
    let report = Box::pin(ceo::run(request, reporter, cancel)).await;
    // The view is disposable: a run whose pictures cannot be drawn is a run all the same.
    if report.as_ref().is_ok_and(|it| it.cycles > 0)
        && let Err(error) = pictures::keep(&request.root)
    {
        let text = format!(
            "the pictures of the record could not be drawn: {}",
            error.message()
        );
        reporter.event(&RunEvent::Notice { text });
    }
    heart.settle(report.map_err(CliError::from))
}

/// Prints the document of a run.
fn show(report: &RunReport, is_plan: bool, ctx: &Context) -> Result<(), CliError> {
    let render = if is_plan {
        closing::render_plan
    } else {
        closing::render
    };
    ctx.emit(report, render)
}

/// Returns how a run ends whose report is this.
pub(super) fn exit(report: &RunReport, heart: &Heart) -> Exit {
    if heart.is_spent() || report.stopped == Stopped::Budget {
        Exit::Budget
    } else if report.interrupted {
        Exit::Interrupted
    } else {
        Exit::Done
    }
}

/// Refuses flags that contradict each other in ways that clap cannot see.
fn check(flags: &RunFlags, ctx: &Context) -> Result<(), CliError> {
    if flags.mode == Some(Mode::Focus) && flags.focus.is_none() {
        return Err(
            CliError::new(Exit::Usage, "`--mode focus` needs to know on what")
                .hint("add `--focus \"ruff F401\"`"),
        );
    }
    if let Some(mode @ (Mode::Improve | Mode::Research)) = flags.mode
        && flags.focus.is_some()
    {
        let name = mode.to_possible_value();
        let name = name.map_or_else(String::new, |it| it.get_name().to_owned());
        let message = format!("`--focus` does not go with `--mode {name}`");
        return Err(CliError::new(Exit::Usage, message).hint("leave `--mode` out"));
    }
    if let Some(budget) = flags.budget {
        check_budget(budget, flags.backend)?;
    }
    if flags.approve && (ctx.output.quiet || !ctx.may_ask()) {
        return Err(CliError::new(
            Exit::Usage,
            "`--approve` waits for a person, and nobody is there",
        )
        .hint("`--dry-run` shows the ranked hypotheses and stops"));
    }
    Ok(())
}

/// Refuses a budget that lets nothing be tried, and one that would never end a run.
fn check_budget(budget: Amounts, backend: BackendName) -> Result<(), CliError> {
    if budget.is_zero() {
        let message = format!("the budget of {budget} is nothing, so nothing was tried");
        return Err(
            CliError::new(Exit::Budget, message).hint("give it more than nothing: `--budget 2h`")
        );
    }
    let is_free = backend == BackendName::Mechanic;
    let (money, tokens) = (budget.usd_cents.is_some(), budget.tokens.is_some());
    if is_free && (money || tokens) && budget.time.is_none() && budget.experiments.is_none() {
        let message =
            "the mechanic uses neither money nor tokens, so that neither can be its only limit";
        return Err(CliError::new(Exit::Usage, message)
            .hint("give it a time or a number: `--budget 2h` or `--budget \"40 experiments\"`"));
    }
    Ok(())
}

/// Returns the error of an idea, for which there is no mode yet.
fn no_ideas(what: &str) -> CliError {
    let message = format!(
        "{what} is an idea, and building from an idea is not there yet; the modes are `improve`, `focus` and `research`"
    );
    CliError::new(Exit::Usage, message).hint("give the root folder of a git repository to improve")
}

/// Makes sure that a person or a flag accepted the profile; returns whether to go on.
fn settle_profile(
    target: &Target,
    options: &Options,
    flags: &RunFlags,
    ctx: &Context,
) -> Result<bool, CliError> {
    if options.source != ProfileSource::Proposed {
        return Ok(true);
    }
    let hidden = target.root().join(HIDDEN_DIR).join("factory.toml");
    if flags.headless && !flags.yes {
        ctx.output.talk("note: no profile was accepted yet; the proposed one is used, and not written (`factory discover` shows it)\n");
        return Ok(true);
    }
    if !flags.yes && !ctx.may_ask() {
        return Err(CliError::new(Exit::Usage, "no profile was accepted yet, and nobody is there to be asked")
            .hint("`factory discover` shows the proposed one; `--yes` accepts it, `--headless` uses it without writing it"));
    }
    let found = discover::discover(target.root(), ctx)?;
    if !flags.yes {
        ctx.output
            .complain(&tools::discovery(&found, ctx.output.width()));
        let question = dialoguer::Confirm::new()
            .with_prompt("Use this profile")
            .default(true);
        let answer = question
            .interact()
            .map_err(|error| CliError::new(Exit::Interrupted, error))?;
        if !answer {
            return Ok(false);
        }
    }
    target.exclude_factory_dir()?;
    fs_err::write(&hidden, &found.proposal)?;
    ctx.output.talk(&format!(
        "note: the proposed profile was accepted and written to {hidden}\n"
    ));
    Ok(true)
}

/// Returns the options as they are once the profile is settled: read again where one was written, and
/// with the proposed metrics where none was.
fn with_proposal(options: Options, target: &Target, ctx: &Context) -> Result<Options, CliError> {
    if options.source != ProfileSource::Proposed {
        return Ok(options);
    }
    let mut options = ctx.options(Some(target.root()))?;
    if options.source == ProfileSource::Proposed {
        let detection = detect::detect(target.root(), &options.profile)?;
        let proposed = detect::benchmarks(target.root(), &detection)?;
        options.profile.metrics.extend(proposed.metrics);
    }
    Ok(options)
}

/// Returns who plays the roles, with the variables that a program was promised.
fn player(options: &Options, flags: &RunFlags, ctx: &Context) -> Result<Player, CliError> {
    if flags.backend == BackendName::Mechanic {
        return Ok(Player::Mechanic);
    }
    let Some(command) = &options.profile.backend.command else {
        let message = "`--backend command` needs a `[backend.command]` in factory.toml";
        return Err(CliError::new(Exit::Input, message)
            .hint("add one with `run = \"python3 /path/to/agent.py\"` (docs/backends.md)"));
    };
    let found = command.env.iter().map(|name| match ctx.variable(name) {
        Some(value) => Ok((name.clone(), value.to_owned())),
        None => Err(CliError::new(
            Exit::Input,
            format!("`{name}`, which `[backend.command]` hands over, is not set"),
        )
        .hint(format!("export it, or take `{name}` out of `env`"))),
    });
    Ok(Player::Command(Secrets::new(
        found.collect::<Result<_, _>>()?,
    )))
}

fn request(
    target: &Target,
    options: Options,
    mode: ceo::Mode,
    player: Player,
    flags: &RunFlags,
    ctx: &Context,
) -> Request {
    let of_profile = research::budget(mode, &options.profile);
    let budget = flags.budget.or(of_profile).unwrap_or_default();
    Request {
        mode,
        root: target.root().to_owned(),
        budget: Budget {
            seconds: options.profile.report.seconds,
            mutants: options.profile.report.mutants,
        },
        parallel: flags.parallel.unwrap_or(options.profile.run.parallel),
        variants: flags.variants.unwrap_or(options.profile.run.variants),
        profile: options.profile,
        home: ctx.home.clone(),
        scratch: ctx.scratch.clone(),
        player,
        focus: flags.focus.clone(),
        resume: flags.resume,
        cycles: flags.cycles,
        seed: flags.seed,
        dry_run: flags.dry_run,
        approve: flags.approve,
        limits: Limits::new(budget, Instant::now()),
        steer: Steer::default(),
    }
}

/// Returns the reporter that the flags and the streams ask for.
pub(super) fn reporter(ctx: &Context) -> Box<dyn Reporter> {
    match ctx.globals.json {
        Some(JsonKind::Events) => Box::new(JsonLines::new(ctx.output)),
        _ if ctx.output.quiet => Box::new(Silent),
        // Logs on stderr and a line that is overwritten would fight over the screen.
        _ if ctx.output.talks_to_terminal() && ctx.globals.verbose == 0 => {
            Box::new(Live::new(ctx.output))
        }
        _ => Box::new(Plain::new(ctx.output)),
    }
}
