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

use self::ideas::rank;
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
    #[error("the disk at `{disk}` is full: {}", disk::what_is_left(*free))]
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
#[expect(
    clippy::too_many_lines,
    reason = "the page to read: each way to go on and each way to end is a line of its own"
)]
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
        let ranking = match begin_cycle(&mut session).await {
            Ok(ControlFlow::Continue(ranking)) => ranking,
            Ok(ControlFlow::Break((stopped, reason))) => {
                break Ended::because(stopped, reason, rank::Ranking::default());
            }
            Err(error) if error.is_interruption() && !lines.is_empty() => {
                break Ended::interrupted(rank::Ranking::default());
            }
            Err(error) => return Err(error),
        };
        let Some(step) = session.choose(&ranking)? else {
            if session.widen("nothing is left to try on the `inner` surface") || session.end_turn()
            {
                continue;
            }
            break Ended::because(Stopped::NothingMore, session.closing_remark(), ranking);
        };
        if request.dry_run {
            let reason = "a dry run tries nothing".to_owned();
            break Ended::because(Stopped::DryRun, reason, ranking);
        }
        if request
            .cycles
            .is_some_and(|most| lines.len() >= most as usize)
        {
            let reason = match lines.len() {
                1 => "the limit of 1 experiment is reached".to_owned(),
                n => format!("the limit of {n} experiments is reached"),
            };
            break Ended::because(Stopped::Limit, reason, ranking);
        }
        if let Some(reason) = session.used_up(lines.len()) {
            break Ended::because(Stopped::Budget, reason, ranking);
        }
        match session.obey().await {
            Err(error) if error.is_interruption() && !lines.is_empty() => {
                break Ended::interrupted(ranking);
            }
            ordered => {
                if let Some(reason) = ordered? {
                    break Ended::because(Stopped::Asked, reason, ranking);
                }
            }
        }
        if let (true, Step::Try(hypothesis)) = (request.approve, &step) {
            match reporter.approve(&ranking.ranked) {
                Approval::Try => {}
                Approval::Skip => {
                    session.skip(hypothesis.key.clone());
                    continue;
                }
                Approval::Stop => {
                    let reason = "you asked to stop here".to_owned();
                    break Ended::because(Stopped::Asked, reason, ranking);
                }
            }
        }
        let left = request.cycles.map(|most| most as usize - lines.len());
        let tried = match step {
            Step::Try(hypothesis) => session.take_turn(*hypothesis, &ranking.ranked, left).await,
            Step::Resume(unfinished) => {
                session.waiting = ranking.ranked.len();
                Box::pin(session.resume(*unfinished)).await.map(Some)
            }
        };
        let (experiment, failure) = match tried {
            Ok(Some(tried)) => tried,
            Ok(None) => continue,
            Err(error) if error.is_interruption() && !lines.is_empty() => {
                break Ended::interrupted(ranking);
            }
            Err(error) => return Err(error),
        };
        lines.push(report::line(&experiment));
        session.renew_handles()?;
        // An interruption of what follows a keep is one of the run, whose record is closed by then.
        let failure = match failure {
            None => session.note_progress(&experiment).await.err(),
            failed => failed,
        };
        match failure {
            Some(error) if error.is_interruption() => break Ended::interrupted(ranking),
            Some(error) => return Err(error),
            None => {}
        }
        if let Some(reason) = session.unaffordable.take() {
            break Ended::because(Stopped::Budget, reason, ranking);
        }
        if let Some(reason) = session.stop.take() {
            break Ended::because(Stopped::Blocked, reason, ranking);
        }
    };
    session.finish(lines, score_before, ended)
}

/// Looks whether the run is over, audits where that is due, and returns what could be tried.
async fn begin_cycle(
    session: &mut Session<'_>,
) -> Result<ControlFlow<(Stopped, String), rank::Ranking>, Error> {
    if let Some(over) = session.is_over().await? {
        return Ok(ControlFlow::Break(over));
    }
    session.audit_if_due().await?;
    session.hypothesise().await.map(ControlFlow::Continue)
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
