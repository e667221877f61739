//! `factory run`: the heartbeat.

use std::ffi::OsString;
use std::sync::Arc;
use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};
use clap::Args;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::ceo::{Request, RunReport};
use crate::model::budget::{duration, words};
use crate::model::id::CommitSha;
use crate::process::{self, Detached};
use crate::repo::Target;
use crate::store::{Activity, Reader};
use crate::ui::closing;
use crate::ui::document::{Background, Passes};

use super::ceo::{self, RunFlags};
use super::context::{Context, directory};
use super::heart::{Heart, Recorder};
use super::{CliError, Exit, interrupt};

/// How often a waiting run looks whether something moved.
const LOOK: Duration = Duration::from_millis(500);
/// How long a run in the background may take to say that it runs.
const START: Duration = Duration::from_secs(30);

/// Run the loop, again and again with `--loop`, in the background with `--detach`
///
/// With `--loop`, once nothing is left to try, it waits until your branch or the backlog changes, a
/// person asks (`factory resume`), or the interval is over, and looks again. `factory status` says what
/// it does, `factory pause` and `factory stop` are obeyed within a second. After a crash or a reboot,
/// run the same command again: it goes on where it was.
#[derive(Debug, Args)]
pub(super) struct RunArgs {
    /// Root of the target [default: .].
    #[arg(value_name = "PATH")]
    path: Option<Utf8PathBuf>,
    /// Look again after everything was tried, until it is stopped.
    #[arg(long = "loop", conflicts_with_all = ["approve", "dry_run", "focus", "resume"])]
    repeats: bool,
    /// Look again after this time, even if nothing changed.
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = duration)]
    interval: Duration,
    /// Run in the background, and return as soon as it runs.
    #[arg(long, conflicts_with_all = ["approve", "dry_run"])]
    detach: bool,
    /// This is the process in the background.
    #[arg(long, hide = true)]
    detached: bool,
    #[command(flatten)]
    flags: RunFlags,
}

pub(super) fn run(args: &RunArgs, ctx: &Context) -> Result<Exit, CliError> {
    let root = directory(args.path.as_deref())?;
    if args.detach {
        return detach(&root, args, ctx);
    }
    if args.detached {
        process::leave_session();
    }
    let Some((target, mut request)) = ceo::prepare(&root, &args.flags, ctx)? else {
        return Ok(Exit::Done);
    };
    let heart = Arc::new(Heart::take(&target, request.limits.budget.time, |it| {
        it.detached = args.detached;
        it.repeats = args.repeats;
    })?);
    drop(target);
    request.steer = heart.steer();
    let (document, exit) = interrupt::run(ctx.output, async |cancel| {
        let _watching = heart.watch(&cancel)?;
        let mut rounds = Rounds::new(args, ctx, &heart, request);
        rounds.go_round(&cancel).await
    })??;
    ctx.emit(&document, |it, _width| match it.passes {
        // The one report was shown already.
        0 | 1 => String::new(),
        n => format!("{n} passes, {} kept: {}\n", it.kept, it.ended),
    })?;
    Ok(exit)
}

/// Pass after pass, and what came of them.
struct Rounds<'a> {
    args: &'a RunArgs,
    ctx: &'a Context,
    heart: &'a Arc<Heart>,
    request: Request,
    reporter: Recorder,
    done: Passes,
}

/// Why a waiting run looks again, or ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wake {
    Look(&'static str),
    End(Exit, &'static str),
}

impl<'a> Rounds<'a> {
    fn new(args: &'a RunArgs, ctx: &'a Context, heart: &'a Arc<Heart>, request: Request) -> Self {
        Self {
            args,
            ctx,
            heart,
            request,
            reporter: Recorder::new(Arc::clone(heart), ceo::reporter(ctx)),
            done: Passes {
                schema: "factory.passes/1".to_owned(),
                passes: 0,
                experiments: 0,
                kept: 0,
                ended: String::new(),
                last: None,
            },
        }
    }

    /// Goes on until it is stopped, or once round without `--loop`.
    async fn go_round(&mut self, cancel: &CancellationToken) -> Result<(Passes, Exit), CliError> {
        loop {
            let looks = self.heart.orders().looks;
            let seen = Seen::of(&self.request.root)?;
            let exit = self.pass(cancel).await?;
            let is_over = !self.args.repeats || exit != Exit::Done || self.is_at_its_limit();
            if is_over || self.heart.orders().stop.is_some() {
                return Ok((self.done.clone(), exit));
            }
            let seen = Seen {
                head: seen.head,
                ..Seen::of(&self.request.root)?
            };
            match self.wait(&seen, looks, cancel).await? {
                Wake::Look(why) => self.ctx.output.talk(&format!("looking again: {why}\n")),
                Wake::End(exit, why) => {
                    why.clone_into(&mut self.done.ended);
                    return Ok((self.done.clone(), exit));
                }
            }
        }
    }

    /// Runs one pass; what a person can put right while the run waits does not end it.
    async fn pass(&mut self, cancel: &CancellationToken) -> Result<Exit, CliError> {
        self.done.passes += 1;
        let number = self.done.passes;
        self.heart.say(|it| {
            it.activity = Activity::Working;
            it.pass = number;
            it.next_look = None;
        });
        match ceo::pass(&self.request, &self.reporter, self.heart, cancel).await {
            Ok(report) => {
                let exit = ceo::exit(&report, self.heart);
                self.take(report)?;
                Ok(exit)
            }
            Err(error) if self.args.repeats && number > 1 && is_passing(&error) => {
                self.ctx.output.complain(&error.text());
                self.done.ended = error.text();
                Ok(Exit::Done)
            }
            Err(error) => Err(error),
        }
    }

    fn take(&mut self, report: RunReport) -> Result<(), CliError> {
        self.done.experiments += report.cycles;
        self.done.kept += report.kept;
        self.done.ended.clone_from(&report.ended);
        if let Some(left) = &mut self.request.cycles {
            *left = left.saturating_sub(report.cycles);
        }
        self.request.limits.pay(report.cycles, &report.cost);
        let has_news = self.done.passes == 1 || report.cycles > 0;
        if !self.ctx.is_json() && has_news {
            let render = if self.request.dry_run {
                closing::render_plan
            } else {
                closing::render
            };
            let text = render(&report, self.ctx.output.width());
            self.ctx.output.data(&text)?;
        }
        self.done.last = Some(report);
        Ok(())
    }

    fn is_at_its_limit(&self) -> bool {
        self.args.flags.cycles().is_some() && self.request.cycles == Some(0)
    }

    /// Waits for a reason to look again.
    async fn wait(
        &self,
        seen: &Seen,
        looks: u32,
        cancel: &CancellationToken,
    ) -> Result<Wake, CliError> {
        let until = Instant::now() + self.args.interval;
        let next_look = Timestamp::now() + self.args.interval;
        let interval = words(self.args.interval);
        self.ctx.output.talk(&format!(
            "waiting: looking again in {interval}, or when your branch or the backlog changes\n"
        ));
        loop {
            let orders = self.heart.orders();
            let wake = if cancel.is_cancelled() && self.heart.is_spent() {
                Some(Wake::End(Exit::Budget, "the time budget is used up"))
            } else if orders.stop.is_some() {
                Some(Wake::End(
                    Exit::Done,
                    "stopped by `factory stop` while it waited",
                ))
            } else if cancel.is_cancelled() {
                Some(Wake::End(Exit::Interrupted, "interrupted while it waited"))
            } else if orders.paused {
                None
            } else if orders.looks != looks {
                Some(Wake::Look("a person asked"))
            } else if Instant::now() >= until {
                Some(Wake::Look("the interval is over"))
            } else {
                seen.what_moved(&self.request.root)?.map(Wake::Look)
            };
            if let Some(wake) = wake {
                return Ok(wake);
            }
            self.say_waiting(orders.paused, next_look);
            tokio::select! {
                () = cancel.cancelled() => {}
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    fn say_waiting(&self, is_paused: bool, next_look: Timestamp) {
        let (activity, doing) = if is_paused {
            (Activity::Paused, "paused: `factory resume` goes on")
        } else {
            (
                Activity::Waiting,
                "everything was tried; waiting for something new",
            )
        };
        self.heart.say(|it| {
            it.activity = activity;
            doing.clone_into(&mut it.doing);
            it.next_look = (!is_paused).then_some(next_look);
        });
    }
}

/// Returns whether a person can put this right while the run waits.
fn is_passing(error: &CliError) -> bool {
    matches!(
        error.kind,
        Exit::Input | Exit::NothingBuilds | Exit::Missing | Exit::Held
    )
}

/// What a run looks at to know whether there is something new.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    head: CommitSha,
    record: Option<CommitSha>,
}

impl Seen {
    fn of(root: &Utf8Path) -> Result<Self, CliError> {
        let target = Target::open(root)?;
        Ok(Self {
            head: target.head()?.commit,
            record: Reader::open(&target)?.tip()?,
        })
    }

    /// Returns what is no longer as it was.
    ///
    /// A checkout that cannot be read for an instant, as in a rebase, has not moved yet.
    fn what_moved(&self, root: &Utf8Path) -> Result<Option<&'static str>, CliError> {
        let now = match Self::of(root) {
            Ok(now) => now,
            Err(error) if root.exists() && error.kind == Exit::Internal => return Ok(None),
            Err(error) => return Err(error),
        };
        Ok(if now.head != self.head {
            Some("another commit is checked out")
        } else if now.record != self.record {
            Some("the backlog or the record changed")
        } else {
            None
        })
    }
}

/// Starts the same command in the background and waits until it runs.
fn detach(root: &Utf8Path, args: &RunArgs, ctx: &Context) -> Result<Exit, CliError> {
    // Whatever a person must be asked or told is asked and told here, where they are.
    let Some((target, _request)) = ceo::prepare(root, &args.flags, ctx)? else {
        return Ok(Exit::Done);
    };
    drop(Heart::take(&target, None, |_| {})?);
    let log = target.exclude_factory_dir()?.join("logs/run.log");
    let begins_at = std::fs::metadata(&log).map_or(0, |it| it.len());
    let mut child = process::detach(&arguments(std::env::args_os().skip(1)), &log)?;
    await_start(&Reader::open(&target)?, &mut child, &log, begins_at)?;
    let path = args
        .path
        .as_deref()
        .map_or(String::new(), |it| format!(" {it}"));
    let document = Background {
        schema: "factory.background/1".to_owned(),
        pid: child.id(),
        follow: format!("factory events --follow{path}"),
        stop: format!("factory stop{path}"),
        log,
    };
    ctx.emit(&document, |it, _width| {
        format!(
            "running in the background as process {}\n  follow it  {}\n  look at it factory status{path}\n  stop it    {}\n  its words  {}\n",
            it.pid, it.follow, it.stop, it.log
        )
    })?;
    Ok(Exit::Done)
}

/// Returns the same command line for the process in the background, whose words are for people.
fn arguments(args: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let is_json = |it: &OsString| it.to_str().is_some_and(|it| it.starts_with("--json"));
    let args = args.filter(|it| !is_json(it));
    args.map(|it| match it.to_str() {
        Some("--detach") => OsString::from("--detached"),
        _ => it,
    })
    .collect()
}

/// Waits until the process holds the target, or says why it does not.
fn await_start(
    reader: &Reader,
    child: &mut Detached,
    log: &Utf8Path,
    begins_at: u64,
) -> Result<(), CliError> {
    let since = Instant::now();
    loop {
        if reader.running().is_some_and(|it| it.pid == child.id()) {
            return Ok(());
        }
        if let Some(code) = child.ended()? {
            return Err(failed(code, log, begins_at));
        }
        if since.elapsed() > START {
            let message = format!(
                "process {} was started and has not begun to run",
                child.id()
            );
            return Err(CliError::new(Exit::Internal, message).hint(format!("look into `{log}`")));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Returns the error of a process that ended before it ran, in its own words.
fn failed(code: i32, log: &Utf8Path, begins_at: u64) -> CliError {
    let bytes = std::fs::read(log).unwrap_or_default();
    let begins_at = usize::try_from(begins_at).unwrap_or(0).min(bytes.len());
    let said = String::from_utf8_lossy(&bytes[begins_at..]).into_owned();
    let kind = Exit::ALL
        .into_iter()
        .find(|it| i32::from(it.code()) == code);
    let reason = said.lines().find_map(|it| it.strip_prefix("error: "));
    let reason = reason.unwrap_or("it ended before it ran");
    CliError::new(kind.unwrap_or(Exit::Internal), reason).hint(format!("look into `{log}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_failed_process_said_last_is_its_error() {
        let dir = tempfile::tempdir().unwrap();
        let log = Utf8PathBuf::from_path_buf(dir.path().join("run.log")).unwrap();
        std::fs::write(
            &log,
            "error: old\nerror: another factory holds this target\n",
        )
        .unwrap();
        let error = failed(6, &log, 11);
        assert_eq!(error.kind, Exit::Held);
        assert!(error.text().contains("another factory"), "{}", error.text());
    }

    #[test]
    fn only_what_a_person_can_put_right_is_waited_for() {
        assert!(is_passing(&CliError::new(
            Exit::NothingBuilds,
            "it does not build"
        )));
        for kind in [
            Exit::Damaged,
            Exit::Internal,
            Exit::Interrupted,
            Exit::Budget,
        ] {
            assert!(!is_passing(&CliError::new(kind, "x")));
        }
    }
}
