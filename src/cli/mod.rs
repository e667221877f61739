//! One file per verb.
//!
//! A verb turns its arguments into calls of the library and a document; it decides nothing about
//! experiments.

#![expect(
    clippy::format_push_string,
    clippy::format_collect,
    reason = "pages are short: building them from texts reads better than `write!` with results to discard"
)]

mod agents;
mod backlog;
mod ceo;
mod checkout;
mod completions;
mod config;
mod context;
mod demo;
mod detect;
mod diff;
mod discover;
mod doctor;
mod error;
mod eval;
mod events;
mod exit;
mod forget;
mod guard;
mod heart;
mod history;
mod import;
mod init;
mod insights;
mod interrupt;
mod lab;
mod land;
mod launch;
mod logging;
mod man;
mod pause;
mod pictures;
mod prune;
mod record;
mod reject;
mod repair;
mod replay;
mod report;
mod research;
mod resume;
mod routing;
mod run;
mod schema;
mod show;
mod status;
mod stop;
mod sync;
mod targets;

#[cfg(test)]
mod reference;

use std::ffi::OsString;

use clap::{Args, CommandFactory as _, Parser, Subcommand, ValueEnum};

pub use error::CliError;
pub use exit::Exit;

use crate::ui::{self, ColorMode, Output};
use context::Context;

/// Runs experiments on a codebase until it is better, and can prove that it is.
///
/// Data goes to stdout, talk goes to stderr. PATH is the root of a git repository and defaults to
/// the current directory. Your checkout, index, stash and branches are never touched, unless you
/// ask for it with `factory land`.
#[derive(Debug, Parser)]
#[command(
    name = "factory",
    version,
    propagate_version = false,
    subcommand_required = true,
    arg_required_else_help = true
)]
pub struct Cli {
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    verb: Verb,
}

/// Flags that every verb takes.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Globals {
    /// Print one JSON document instead of text; `--json=events` prints a line per event of a run.
    #[arg(long, global = true, value_name = "KIND", num_args = 0..=1, require_equals = true, default_missing_value = "document")]
    json: Option<JsonKind>,
    /// Say nothing but what was asked for.
    #[arg(short, long, global = true)]
    quiet: bool,
    /// Say more on stderr; twice for everything.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
    /// When to use colours; `NO_COLOR` is honoured.
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: ColorMode,
    /// Set a key of the configuration for this one call, as in `decision.alpha=0.05`.
    #[arg(long, global = true, value_name = "KEY=VALUE")]
    config: Vec<String>,
}

/// What `--json` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum JsonKind {
    /// One document at the end.
    Document,
    /// A line per event, and the document as the last line.
    Events,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Ceo(ceo::CeoArgs),
    Run(run::RunArgs),
    Stop(stop::StopArgs),
    Pause(pause::PauseArgs),
    Resume(resume::ResumeArgs),
    Demo(demo::DemoArgs),
    Detect(detect::DetectArgs),
    Discover(discover::DiscoverArgs),
    Init(init::InitArgs),
    Report(report::ReportArgs),
    Eval(eval::EvalArgs),
    Guard(guard::GuardArgs),
    History(history::HistoryArgs),
    Show(show::ShowArgs),
    Diff(diff::DiffArgs),
    Checkout(checkout::CheckoutArgs),
    Replay(replay::ReplayArgs),
    Reject(reject::RejectArgs),
    Status(status::StatusArgs),
    Doctor(doctor::DoctorArgs),
    Agents(agents::AgentsArgs),
    Events(events::EventsArgs),
    Targets(targets::TargetsArgs),
    Insights(insights::InsightsArgs),
    Backlog(backlog::BacklogArgs),
    Research(research::ResearchArgs),
    Land(land::LandArgs),
    Prune(prune::PruneArgs),
    Sync(sync::SyncArgs),
    Repair(repair::RepairArgs),
    Forget(forget::ForgetArgs),
    Import(import::ImportArgs),
    Config(config::ConfigArgs),
    Schema(schema::SchemaArgs),
    Completions(completions::CompletionsArgs),
    Man(man::ManArgs),
    #[command(hide = true)]
    Launch(launch::LaunchArgs),
}

/// Parses the command line, runs the verb, and prints what went wrong.
pub fn main(args: impl IntoIterator<Item = OsString>) -> Exit {
    let args: Vec<OsString> = args.into_iter().collect();
    if let Some(exit) = launch::at_once(&args) {
        return exit;
    }
    let cli = match Cli::try_parse_from(&args) {
        Ok(cli) => cli,
        Err(error) => return refuse(&args, &error),
    };
    if let Verb::Launch(args) = &cli.verb {
        // First of all: namespaces can only be left before there is a second thread.
        return launch::run(args);
    }
    ui::color_mode(cli.globals.color);
    let is_json = cli.globals.json.is_some();
    run(cli).unwrap_or_else(|error| fail(&error, is_json))
}

fn run(cli: Cli) -> Result<Exit, CliError> {
    let only_runs = "`--json=events` is for `ceo`, `run` and `demo`";
    let is_run = matches!(cli.verb, Verb::Ceo(_) | Verb::Run(_) | Verb::Demo(_));
    if cli.globals.json == Some(JsonKind::Events) && !is_run {
        return Err(CliError::new(Exit::Usage, only_runs).hint("use `--json`"));
    }
    let ctx = Context::new(cli.globals)?;
    if !is_run {
        logging::start(ctx.globals.verbose, None)?;
    }
    dispatch(&cli.verb, &ctx)
}

fn dispatch(verb: &Verb, ctx: &Context) -> Result<Exit, CliError> {
    match verb {
        Verb::Ceo(args) => ceo::run(args, ctx),
        Verb::Run(args) => run::run(args, ctx),
        Verb::Stop(args) => stop::run(args, ctx),
        Verb::Pause(args) => pause::run(args, ctx),
        Verb::Resume(args) => resume::run(args, ctx),
        Verb::Demo(args) => demo::run(args, ctx),
        Verb::Detect(args) => detect::run(args, ctx),
        Verb::Discover(args) => discover::run(args, ctx),
        Verb::Init(args) => init::run(args, ctx),
        Verb::Report(args) => report::run(args, ctx),
        Verb::Eval(args) => eval::run(args, ctx),
        Verb::Guard(args) => guard::run(args, ctx),
        Verb::History(args) => history::run(args, ctx),
        Verb::Show(args) => show::run(args, ctx),
        Verb::Diff(args) => diff::run(args, ctx),
        Verb::Checkout(args) => checkout::run(args, ctx),
        Verb::Replay(args) => replay::run(args, ctx),
        Verb::Reject(args) => reject::run(args, ctx),
        Verb::Status(args) => status::run(args, ctx),
        Verb::Doctor(args) => doctor::run(args, ctx),
        Verb::Agents(args) => agents::run(args, ctx),
        Verb::Events(args) => events::run(args, ctx),
        Verb::Targets(args) => targets::run(args, ctx),
        Verb::Insights(args) => insights::run(args, ctx),
        Verb::Backlog(args) => backlog::run(args, ctx),
        Verb::Research(args) => research::run(args, ctx),
        Verb::Land(args) => land::run(args, ctx),
        Verb::Prune(args) => prune::run(args, ctx),
        Verb::Sync(args) => sync::run(args, ctx),
        Verb::Repair(args) => repair::run(args, ctx),
        Verb::Forget(args) => forget::run(args, ctx),
        Verb::Import(args) => import::run(args, ctx),
        Verb::Config(args) => config::run(args, ctx),
        Verb::Schema(args) => schema::run(args, ctx),
        Verb::Completions(args) => completions::run(args, ctx),
        Verb::Man(args) => man::run(args, ctx),
        Verb::Launch(args) => Ok(launch::run(args)),
    }
}

/// Returns the whole command line, for help, manual pages and completions.
pub(crate) fn command() -> clap::Command {
    Cli::command()
}

/// Prints help, a version, or why the command line makes no sense.
fn refuse(args: &[OsString], error: &clap::Error) -> Exit {
    if !error.use_stderr() {
        // Help and version are data; a reader that went away is no fault.
        let _closed = error.print();
        return Exit::Done;
    }
    let is_json = args.iter().any(|it| {
        it.to_str()
            .is_some_and(|it| it == "--json" || it.starts_with("--json="))
    });
    if is_json {
        let text = error.render().to_string();
        // The first paragraph; its second line names the values that are possible.
        let message: Vec<&str> = text
            .trim_start_matches("error: ")
            .lines()
            .map(str::trim)
            .take_while(|it| !it.is_empty())
            .collect();
        return fail(
            &CliError::new(Exit::Usage, message.join(" ")).hint("`factory help` lists the verbs"),
            true,
        );
    }
    let _closed = error.print();
    Exit::Usage
}

fn fail(error: &CliError, is_json: bool) -> Exit {
    let output = Output::default();
    if is_json && let Ok(text) = serde_json::to_string(&error.document()) {
        // The exit code tells the same, so a closed stdout loses nothing.
        let _closed = output.data(&format!("{text}\n"));
    }
    output.complain(&error.text());
    error.kind
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        command().debug_assert();
    }

    #[test]
    fn json_takes_its_kind_only_with_an_equals_sign() {
        let kind = |args: &[&str]| Cli::try_parse_from(args).unwrap().globals.json;
        assert_eq!(
            kind(&["factory", "detect", "--json", "."]),
            Some(JsonKind::Document)
        );
        assert_eq!(
            kind(&["factory", "--json=events", "ceo"]),
            Some(JsonKind::Events)
        );
        assert_eq!(kind(&["factory", "detect"]), None);
    }

    #[test]
    fn a_mode_that_is_not_there_yet_is_a_usage_error_that_names_those_that_are() {
        let error = Cli::try_parse_from(["factory", "ceo", "--mode", "meta"]).unwrap_err();
        let text = error.render().to_string();
        assert!(
            text.contains("[possible values: improve, focus, research]"),
            "{text}"
        );
        assert_eq!(
            main(["factory", "ceo", "--mode", "meta"].map(OsString::from)),
            Exit::Usage
        );
    }
}
