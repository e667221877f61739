//! The cycle and its modes; one dispatcher owns all run state.
//!
//! [`run`] is the page to read: baseline, first report, then one experiment after another until
//! nothing is left that is worth trying. Knows nothing of terminals.

mod branch;
mod building;
mod experiment;
mod ideas;
mod limits;
mod measure;
mod mode;
mod promise;
pub mod report;
mod research;
mod session;
mod steer;
mod workbench;

use std::fmt::Write as _;
use std::ops::ControlFlow;

use camino::{Utf8Path, Utf8PathBuf};
use tokio_util::sync::CancellationToken;

pub use self::branch::restack;
pub use self::building::backend::Player;
pub use self::ideas::history::History;
pub use self::limits::Limits;
pub use self::measure::noise;
pub use self::measure::remeasure::remeasure;
pub use self::mode::Mode;
pub use self::report::{Landing, Line, RunReport, Stopped};
pub use self::research::failures::FailureChange;
pub use self::research::pursuit::Pursued;
pub use self::research::turns::TurnLine;
use self::session::Session;
pub use self::steer::{Course, PAUSED, Steer};
pub use self::workbench::disk::disk_of;
pub use self::workbench::scratch::scratch_of;
pub use self::workbench::{Workbench, WorkbenchSpec};

use self::ideas::rank::Ranking;
use self::measure::resume::Step;
use self::report::Ended;
use self::workbench::disk;
use crate::config::Profile;
use crate::eval::report::FirstReport;
use crate::model::dimension::Evaluation;
use crate::model::event::RunEvent;
use crate::model::hypothesis::Hypothesis;
use crate::model::id::ExperimentId;
use crate::model::measurement::SandboxTier;

/// What a person asked for; made by `cli`, never read from the environment here.
#[derive(Clone, Debug)]
pub struct Request {
    /// The target's root.
    pub root: Utf8PathBuf,
    /// The accepted profile.
    pub profile: Profile,
    /// `$FACTORY_HOME` or `~/.factory`.
    pub home: Utf8PathBuf,
    /// `$FACTORY_SCRATCH` or `~/.cache/factory`.
    pub scratch: Utf8PathBuf,
    /// What the run is for.
    pub mode: Mode,
    /// Who plays the roles.
    pub player: Player,
    /// One thing, then stop.
    pub focus: Option<String>,
    /// Go on with this inconclusive experiment, then stop.
    pub resume: Option<ExperimentId>,
    /// At most so many experiments.
    pub cycles: Option<u32>,
    /// The seed of everything drawn at random; `None` draws one and records it.
    pub seed: Option<u64>,
    /// How many candidates are built at a time.
    pub parallel: u32,
    /// How many variants of one hypothesis compete for its test.
    pub variants: u32,
    /// Show the ranked hypotheses and stop.
    pub dry_run: bool,
    /// Ask the reporter before each experiment.
    pub approve: bool,
    /// What it may use up.
    pub limits: Limits,
    /// A person's hand on it.
    pub steer: Steer,
    /// Limits of the first report.
    pub budget: crate::eval::report::Budget,
}

/// Consumes the events of a run; console and JSON lines are two of them.
pub trait Reporter: Send + Sync {
    /// Takes one event.
    fn event(&self, event: &RunEvent);
    /// Shows the first report before the first experiment.
    fn first_report(&self, report: &FirstReport);
    /// Asks a person about the best of the ranked hypotheses, with `--approve`.
    fn approve(&self, _ranked: &[Hypothesis]) -> Approval {
        Approval::Try
    }
}

/// A person's answer about the next experiment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Approval {
    /// Try it.
    Try,
    /// Leave it out of this run.
    Skip,
    /// End the run here.
    Stop,
}

/// Why a run could not be done; `cli` maps it to an exit code.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The target's git.
    #[error(transparent)]
    Repo(#[from] crate::repo::Error),
    /// The record.
    #[error(transparent)]
    Store(#[from] crate::store::Error),
    /// A child process.
    #[error(transparent)]
    Process(#[from] crate::process::Error),
    /// A role.
    #[error(transparent)]
    Agent(#[from] crate::agent::Error),
    /// The baseline does not build or cannot be collected: nothing is tried.
    #[error("nothing can be measured: {0}")]
    NothingBuilds(String),
    /// A language was found, and nothing that could build or run it.
    #[error("`{name}` was not found, and nothing here can be built without it")]
    ToolMissing {
        /// The program.
        name: String,
        /// How to get it.
        install: String,
    },
    /// A backend that the profile does not declare.
    #[error("there is no `[backend.{name}]` in the profile")]
    NoSuchBackend {
        /// Its name.
        name: String,
    },
    /// A program that is not ours, and what it builds, would run with too little protection.
    #[error(
        "a backend that is not ours needs sandbox tier {needed:?}, and this is {found:?}: {note}"
    )]
    TierTooLow {
        /// What there is.
        found: SandboxTier,
        /// What the profile demands.
        needed: SandboxTier,
        /// What that means, or what was refused.
        note: String,
    },
    /// The landing branch and the base went different ways.
    #[error("`{branch}` (at {tip}) and the checked-out commit have diverged")]
    Diverged {
        /// The landing branch.
        branch: String,
        /// Its tip, short.
        tip: String,
    },
    /// The landing branch is checked out, and is never moved under a person.
    #[error("`{branch}` is checked out in `{worktree}`, and kept work would have to move it")]
    LandingCheckedOut {
        /// The landing branch.
        branch: String,
        /// Where.
        worktree: String,
    },
    /// Tools would find a configuration above the evaluated trees, and nothing can hide it.
    #[error(
        "`{path}` lies above the folder in which trees are evaluated, and would change what is measured"
    )]
    Leak {
        /// The file.
        path: String,
    },
    /// A metric's command gives no number on the unchanged code.
    #[error("metric `{name}` gives no number on the unchanged code: {reason}")]
    MetricBroken {
        /// The metric.
        name: String,
        /// Why.
        reason: String,
    },
    /// An experiment that a person wants to go on with cannot go on.
    #[error("experiment {id} cannot go on: {reason}")]
    NotResumable {
        /// The experiment.
        id: ExperimentId,
        /// Why.
        reason: String,
    },
    /// The test of an experiment cannot be run again.
    #[error("experiment {id} cannot be measured again: {reason}")]
    NotRemeasurable {
        /// The experiment.
        id: ExperimentId,
        /// Why.
        reason: String,
    },
    /// Too little is left on a disk for anything that fails there to tell something.
    #[error("the disk at `{disk}` is full: {}", workbench::disk::what_is_left(*free))]
    DiskFull {
        /// Where it is mounted.
        disk: camino::Utf8PathBuf,
        /// Bytes that are left.
        free: u64,
    },
    /// A file of ours.
    #[error("cannot use `{path}`")]
    Io {
        /// The file.
        path: String,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
}

impl Error {
    /// Returns whether a person interrupted the run.
    pub fn is_interruption(&self) -> bool {
        use crate::process::Error as Process;
        matches!(
            self,
            Self::Process(Process::Cancelled)
                | Self::Agent(crate::agent::Error::Process(Process::Cancelled))
        )
    }
}

/// Runs the loop once over everything that is worth trying.
///
/// # Errors
/// See [`Error`]; an interruption is a cancelled process, after the state was saved.
pub async fn run(
    request: &Request,
    reporter: &dyn Reporter,
    cancel: &CancellationToken,
) -> Result<RunReport, Error> {
    let mut session = Session::open(request, reporter, cancel).await?;
    session.open_stages().await?;
    let score_before = session.baseline().score;
    let mut lines = Vec::new();
    let ended = loop {
        let mut ranking = Ranking::default();
        match cycle(&mut session, &mut ranking, &mut lines).await {
            Ok(ControlFlow::Continue(())) => {}
            Ok(ControlFlow::Break((stopped, reason))) => {
                break Ended::because(stopped, reason, ranking);
            }
            // What was tried until then is in the record, and is reported.
            Err(error) if error.is_interruption() && !lines.is_empty() => {
                break Ended::interrupted(ranking);
            }
            Err(error) => return Err(error),
        }
    };
    session.finish(lines, score_before, ended)
}

/// Whether the run goes on, or why it is over.
type Going = ControlFlow<(Stopped, String)>;

/// Tries the best of what is worth trying; the ranking and the line of the experiment are left behind.
async fn cycle(
    session: &mut Session<'_>,
    ranking: &mut Ranking,
    lines: &mut Vec<Line>,
) -> Result<Going, Error> {
    if let Some(over) = session.is_over().await? {
        return Ok(Going::Break(over));
    }
    session.audit_if_due().await?;
    *ranking = session.hypothesise().await?;
    let Some(step) = session.choose(ranking)? else {
        let goes_on = session.widen("nothing is left to try on the `inner` surface");
        return Ok(if goes_on || session.end_turn() {
            Going::Continue(())
        } else {
            Going::Break((Stopped::NothingMore, session.closing_remark()))
        });
    };
    if let Some(over) = is_enough(session, lines.len()).await? {
        return Ok(Going::Break(over));
    }
    match approval(session, &step, ranking) {
        Approval::Try => {}
        Approval::Skip => return Ok(Going::Continue(())),
        Approval::Stop => {
            let reason = "you asked to stop here".to_owned();
            return Ok(Going::Break((Stopped::Asked, reason)));
        }
    }
    let most = session.request.cycles;
    let left = most.map(|most| most as usize - lines.len());
    let tried = match step {
        Step::Try(hypothesis) => {
            session
                .take_turn(*hypothesis, &ranking.ranked, left)
                .await?
        }
        Step::Resume(unfinished) => {
            session.waiting = ranking.ranked.len();
            Some(Box::pin(session.resume(*unfinished)).await?)
        }
    };
    let Some((experiment, failure)) = tried else {
        return Ok(Going::Continue(()));
    };
    lines.push(report::line(&experiment));
    session.renew_handles()?;
    if let Some(error) = failure {
        return Err(error);
    }
    session.note_progress(&experiment).await?;
    if let Some(reason) = session.unaffordable.take() {
        return Ok(Going::Break((Stopped::Budget, reason)));
    }
    let blocked = session.stop.take();
    Ok(blocked.map_or(Going::Continue(()), |it| {
        Going::Break((Stopped::Blocked, it))
    }))
}

/// Looks whether what was asked for is done, or used up, or a person's hand is on the run.
async fn is_enough(
    session: &mut Session<'_>,
    n_tried: usize,
) -> Result<Option<(Stopped, String)>, Error> {
    let request = session.request;
    if request.dry_run {
        let reason = "a dry run tries nothing".to_owned();
        return Ok(Some((Stopped::DryRun, reason)));
    }
    if request.cycles.is_some_and(|most| n_tried >= most as usize) {
        let reason = match n_tried {
            1 => "the limit of 1 experiment is reached".to_owned(),
            n => format!("the limit of {n} experiments is reached"),
        };
        return Ok(Some((Stopped::Limit, reason)));
    }
    if let Some(reason) = session.used_up(n_tried) {
        return Ok(Some((Stopped::Budget, reason)));
    }
    let ordered = session.obey().await?;
    Ok(ordered.map(|reason| (Stopped::Asked, reason)))
}

/// Asks a person about the next experiment, where that was wished for; what is skipped is left out of
/// this run.
fn approval(session: &mut Session<'_>, step: &Step, ranking: &Ranking) -> Approval {
    let (true, Step::Try(hypothesis)) = (session.request.approve, step) else {
        return Approval::Try;
    };
    let answer = session.reporter.approve(&ranking.ranked);
    if answer == Approval::Skip {
        session.skip(hypothesis.key.clone());
    }
    answer
}

/// Returns the evaluation in one line: the score and what holds it down.
fn evaluation_line(evaluation: &Evaluation) -> String {
    let mut line = match evaluation.score {
        Some(score) => format!("score {score:.3}"),
        None => "nothing could be scored".to_owned(),
    };
    for dimension in evaluation.dimensions.iter().filter(|it| it.weight > 0.0) {
        if let Some(native) = &dimension.native {
            let _ = write!(
                line,
                ", {} {} {}",
                dimension.name, native.value, native.unit
            );
        }
    }
    line
}

fn io_error(path: &Utf8Path, source: std::io::Error) -> Error {
    Error::Io {
        path: path.to_string(),
        source,
    }
}
