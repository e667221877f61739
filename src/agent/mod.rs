//! Roles and their contracts; what plays a role is a backend.
//!
//! A backend proposes and edits files; it never sees the target's git, never scores, never decides.

pub mod contract;

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
    /// The incumbent's tree as a directory, to hash the files a hypothesis names.
    pub tree: &'a Utf8Path,
}

/// What the Builder gets.
pub struct BuildInput<'a> {
    /// What to change.
    pub hypothesis: &'a Hypothesis,
    /// Its own one-commit repository.
    pub dir: &'a Utf8Path,
    /// The lab: tools, sandbox, protected paths.
    pub lab: &'a Lab,
    /// Interruption.
    pub cancel: &'a CancellationToken,
}

/// Called by a builder after each step that deserves a commit of its own, with the commit's subject
/// and body; the harness then takes a snapshot. A step that changed nothing is dropped.
pub type Checkpoint<'a> = dyn FnMut(&str) -> Result<(), Error> + 'a;

/// A backend plays roles; each method is one stage contract.
pub trait Backend: Send + Sync {
    /// Its name in records.
    fn name(&self) -> &str;
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
    fn review(&self, hypothesis: &Hypothesis, candidate: &Candidate, diff: &str) -> Vec<String>;
    /// Archivist: a paragraph on what this experiment taught.
    fn archive(&self, experiment: &Experiment) -> String;
    /// Why there is nothing more to try, and what another backend would add.
    fn closing_remark(&self, observations: &[Observation]) -> String;
}
