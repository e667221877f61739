//! Roles and their contracts; what plays a role is a backend.
//!
//! A backend proposes and edits files; it never sees the target's git, never scores, never decides.

pub mod autoresearch;
mod command;
pub mod contract;
mod pair;
pub mod wire;

pub use command::{Program, ProgramSpec, Secrets};
pub use pair::Pair;

use std::collections::BTreeSet;
use std::time::Duration;

use camino::Utf8Path;
use futures_util::future::{BoxFuture, LocalBoxFuture};
use tokio_util::sync::CancellationToken;

use crate::config::Profile;
use crate::eval::Lab;
use crate::eval::report::FirstReport;
use crate::model::dimension::Evaluation;
use crate::model::experiment::{Candidate, Experiment, Summary};
use crate::model::hypothesis::Hypothesis;
use crate::model::id::StructuralKey;
use crate::model::idea::Idea;
use crate::model::observation::Observation;

/// Why a role could not be played.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A child process could not be run.
    #[error(transparent)]
    Process(#[from] crate::process::Error),
    /// The backend delivered nothing usable; the experiment is vetoed as `no_candidate`.
    #[error("{0}")]
    NothingDelivered(String),
    /// What is left of the run's time was too little to build it; another run may.
    #[error("{0}")]
    OutOfTime(String),
    /// A file could not be read or written.
    #[error("cannot use `{path}`")]
    Io {
        /// The file.
        path: String,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// The harness could not take the snapshot of a checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] crate::repo::Error),
}

/// What the Researcher may look at.
pub struct ResearchInput<'a> {
    /// The lab: profile, tools, sandbox.
    pub lab: &'a Lab,
    /// The incumbent's tree as a directory; read-only by contract.
    pub tree: &'a Utf8Path,
    /// The same tree as a repository of its own, for a backend that is not ours.
    pub copy: &'a Utf8Path,
    /// The incumbent's evaluation.
    pub evaluation: &'a Evaluation,
    /// The first report, in modes that make one.
    pub report: Option<&'a FirstReport>,
    /// What people asked for: (`focus` or `backlog`, words).
    pub wishes: &'a [(String, String)],
}

/// What the Strategist gets.
pub struct StrategyInput<'a> {
    /// What the Researcher saw.
    pub observations: &'a [Observation],
    /// The incumbent's evaluation.
    pub evaluation: &'a Evaluation,
    /// The profile.
    pub profile: &'a Profile,
    /// Everything that was tried before, oldest first.
    pub history: &'a [Summary],
    /// What others say they tried elsewhere, oldest first.
    pub ideas: &'a [Idea],
    /// What this run began, whether it is in the history by now or not.
    pub tried: &'a BTreeSet<StructuralKey>,
    /// The incumbent's tree as a directory, to hash the files a hypothesis names.
    pub tree: &'a Utf8Path,
    /// The same tree as a repository of its own, for a backend that is not ours.
    pub copy: &'a Utf8Path,
}

/// What the Builder gets.
pub struct BuildInput<'a> {
    /// What to change.
    pub hypothesis: &'a Hypothesis,
    /// Which of several builds of it this is, where there are several.
    pub variant: Option<wire::VariantOf>,
    /// Its own one-commit repository.
    pub dir: &'a Utf8Path,
    /// The incumbent as evaluations see it, fixed files included; for our own tools, which run it and
    /// show nothing of it to anybody. Not to be changed.
    pub incumbent: &'a Utf8Path,
    /// The lab: tools, sandbox, protected paths.
    pub lab: &'a Lab,
    /// Interruption.
    pub cancel: &'a CancellationToken,
    /// What is left of the run's time, where it is limited: what is built must still be tested.
    pub time_left: Option<Duration>,
    /// Hears what is being done, where that takes long.
    pub progress: &'a dyn Fn(String),
}

/// What the Reviewer gets.
pub struct ReviewInput<'a> {
    /// What the diff is for.
    pub hypothesis: &'a Hypothesis,
    /// What was built.
    pub candidate: &'a Candidate,
    /// The diff.
    pub diff: &'a str,
    /// The incumbent's tree as a repository of its own, for a backend that is not ours.
    pub copy: &'a Utf8Path,
}

/// What playing roles has cost, as a backend that is not ours reports it; trusted for no decision.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Played {
    /// Tokens of a model.
    pub tokens: u64,
    /// US dollars.
    pub usd: f64,
    /// What a person should know.
    pub notices: Vec<String>,
}

impl Played {
    fn add(&mut self, other: Self) {
        self.tokens = self.tokens.saturating_add(other.tokens);
        self.usd += other.usd;
        self.notices.extend(other.notices);
    }
}

/// Called by a builder after each step that deserves a commit of its own, with the commit's subject
/// and body; the harness then takes a snapshot. A step that changed nothing is dropped.
pub type Checkpoint<'a> = dyn FnMut(&str) -> Result<(), Error> + 'a;

/// A backend plays roles; each method is one stage contract.
pub trait Backend: Send + Sync {
    /// Its name in records.
    fn name(&self) -> &str;
    /// Returns the name of what builds this hypothesis, where there is more than one.
    fn builder_of(&self, _hypothesis: &Hypothesis) -> &str {
        self.name()
    }
    /// Whether this hypothesis may be built while others are.
    fn builds_beside_others(&self, _hypothesis: &Hypothesis) -> bool {
        false
    }
    /// Whether programs that are not ours take part.
    fn is_foreign(&self) -> bool {
        false
    }
    /// Researcher: what is there to be improved?
    fn research<'a>(
        &'a self,
        input: &'a ResearchInput<'a>,
    ) -> BoxFuture<'a, Result<Vec<Observation>, Error>>;
    /// Strategist: which bets follow from that? The ceo ranks and filters them.
    fn strategise<'a>(
        &'a self,
        input: &'a StrategyInput<'a>,
    ) -> BoxFuture<'a, Result<Vec<Hypothesis>, Error>>;
    /// Returns the key of the hypothesis that answers a person's words, as `strategise` would make it.
    fn answer(&self, input: &StrategyInput<'_>, words: &str) -> StructuralKey;
    /// Builder: edit files in `dir`, calling `checkpoint` after each commit's worth.
    fn build<'a>(
        &'a self,
        input: &'a BuildInput<'a>,
        checkpoint: &'a mut Checkpoint<'_>,
    ) -> LocalBoxFuture<'a, Result<(), Error>>;
    /// Reviewer: objections to the diff; an empty list lets it pass. Can only object.
    fn review<'a>(
        &'a self,
        input: &'a ReviewInput<'a>,
    ) -> BoxFuture<'a, Result<Vec<String>, Error>>;
    /// Archivist: a paragraph on what this experiment taught.
    fn archive(&self, experiment: &Experiment) -> String;
    /// Why there is nothing more to try, and what another backend would add.
    fn closing_remark(&self, observations: &[Observation]) -> String;
    /// Returns what playing has cost since the last call, in one folder or in all, and what a person
    /// should know.
    fn take_played(&self, _dir: Option<&Utf8Path>) -> Played {
        Played::default()
    }
}
