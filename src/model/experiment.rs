//! An experiment's life: a fold over its events, with illegal steps refused.

use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::holdout::HoldoutCheck;
use super::hypothesis::Hypothesis;
use super::id::{CommitSha, ExperimentId, MetricName, RunId, TreeSha};
use super::landing::LandingCheck;
use super::measurement::{Binding, Evidence, Pair, SandboxReport, Scale};
use super::screening::Screening;
use super::turn::Turn;
use super::verdict::Decision;

/// What the builder delivered, as stored in the target's object database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Candidate {
    /// The tip of the candidate's commits, on top of the incumbent.
    pub commit: CommitSha,
    /// The tree that is evaluated and, if kept, landed.
    pub tree: TreeSha,
    /// Subjects of its commits, oldest first.
    pub subjects: Vec<String>,
    /// Files changed, lines added, lines removed.
    pub size: DiffSize,
    /// What was put back before anything was measured: protected paths, and inline tests as
    /// "path: `test`".
    pub neutralised: Vec<String>,
}

/// How large a diff is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DiffSize {
    /// Files that differ.
    pub files: u32,
    /// Lines that were added.
    pub added: u32,
    /// Lines that were removed.
    pub removed: u32,
}

/// One deterministic dimension on both arms.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DimensionPair {
    /// The dimension.
    pub name: String,
    /// The unit of the native values.
    pub unit: String,
    /// The incumbent's native value.
    pub before: Option<f64>,
    /// The candidate's native value.
    pub after: Option<f64>,
    /// The incumbent's score.
    pub score_before: Option<f64>,
    /// The candidate's score.
    pub score_after: Option<f64>,
}

/// What an experiment used up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Cost {
    /// Wall time from hypothesis to record, in seconds.
    pub seconds: f64,
    /// Evaluations of a whole tree.
    pub evals: u32,
    /// Runs of a metric's command.
    pub metric_runs: u32,
    /// Model tokens; the mechanic uses none.
    pub tokens: u64,
    /// Money in US cents; the mechanic costs none.
    pub usd_cents: u64,
}

/// Something that happened to one experiment, in the order it is written to the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "event")]
pub enum ExperimentEvent {
    /// A hypothesis was chosen and got its number.
    Started {
        /// Its number.
        id: ExperimentId,
        /// The run it belongs to.
        run: RunId,
        /// When.
        at: Timestamp,
        /// What is tried.
        hypothesis: Box<Hypothesis>,
        /// The incumbent's commit.
        incumbent: CommitSha,
        /// The incumbent's tree.
        incumbent_tree: TreeSha,
        /// Who plays the roles.
        backend: String,
        /// The inconclusive experiment whose test goes on here, with its pairs and its level.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        resumes: Option<ExperimentId>,
        /// The turn it belongs to, where two sides improve in turns.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        turn: Option<Turn>,
    },
    /// Several variants were built, and one of them was chosen to be tested.
    Screened {
        /// How.
        screening: Box<Screening>,
        /// The hypothesis that it makes, where that is another than was begun with.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        hypothesis: Option<Box<Hypothesis>>,
    },
    /// The builder delivered a candidate.
    Built {
        /// The candidate.
        candidate: Candidate,
    },
    /// The gates on the diff let it through.
    Gated,
    /// A test of a noisy metric begins, or goes on: its plan, and the pairs that it has already.
    Testing {
        /// What it rests on so far.
        evidence: Box<Evidence>,
        /// What the numbers are bound to.
        binding: Binding,
        /// How isolated the arms are.
        sandbox: SandboxReport,
    },
    /// Both arms ran once more.
    Paired {
        /// What came out.
        pair: Box<Pair>,
    },
    /// Both arms were measured.
    Measured {
        /// Every deterministic dimension on both arms.
        dimensions: Vec<DimensionPair>,
        /// The raw samples of the claimed metric.
        evidence: Option<Box<Evidence>>,
        /// The raw samples of other noisy metrics that it was held to, in the order they were tested.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        others: Vec<Evidence>,
        /// What the numbers are bound to.
        binding: Binding,
        /// How isolated the arms were.
        sandbox: SandboxReport,
        /// How the candidate was held to an incumbent that had moved on meanwhile.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        landing: Option<Box<LandingCheck>>,
    },
    /// Hidden instances were asked about a keep.
    Checked {
        /// What they said.
        holdout: Box<HoldoutCheck>,
    },
    /// The verdict, from any stage.
    Decided {
        /// The verdict with its reasons.
        decision: Decision,
    },
    /// A kept candidate became the new incumbent on the landing branch.
    Landed {
        /// The branch's new tip.
        commit: CommitSha,
    },
    /// The archivist wrote its note; nothing follows.
    Noted {
        /// When.
        at: Timestamp,
        /// A paragraph for people.
        note: String,
        /// What it used up.
        cost: Cost,
    },
}

impl ExperimentEvent {
    /// Returns its snake-case name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Started { .. } => "started",
            Self::Screened { .. } => "screened",
            Self::Built { .. } => "built",
            Self::Gated => "gated",
            Self::Testing { .. } => "testing",
            Self::Paired { .. } => "paired",
            Self::Measured { .. } => "measured",
            Self::Checked { .. } => "checked",
            Self::Decided { .. } => "decided",
            Self::Landed { .. } => "landed",
            Self::Noted { .. } => "noted",
        }
    }
}

/// The durable record of one experiment: the fold of its events.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Experiment {
    /// Its number.
    pub id: ExperimentId,
    /// The run it belongs to.
    pub run: RunId,
    /// When it began.
    pub started: Timestamp,
    /// When its record was closed.
    pub finished: Option<Timestamp>,
    /// What was tried.
    pub hypothesis: Hypothesis,
    /// The incumbent's commit.
    pub incumbent: CommitSha,
    /// The incumbent's tree.
    pub incumbent_tree: TreeSha,
    /// Who played the roles.
    pub backend: String,
    /// The inconclusive experiment whose test goes on here, with its pairs and its level.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resumes: Option<ExperimentId>,
    /// How the candidate was chosen among variants, on pairs that are no part of the evidence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub screening: Option<Screening>,
    /// The turn it belongs to, where two sides improve in turns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<Turn>,
    /// How far it got.
    pub stage: Stage,
    /// What the builder delivered.
    pub candidate: Option<Candidate>,
    /// Every deterministic dimension on both arms.
    pub dimensions: Vec<DimensionPair>,
    /// The raw samples of the claimed metric.
    pub evidence: Option<Evidence>,
    /// The raw samples of other noisy metrics that the candidate was held to, in the order they were tested.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<Evidence>,
    /// What the numbers are bound to.
    pub binding: Option<Binding>,
    /// How isolated the arms were.
    pub sandbox: Option<SandboxReport>,
    /// What hidden instances said of a keep.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holdout: Option<HoldoutCheck>,
    /// How the candidate was held to an incumbent that had moved on meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub landing: Option<LandingCheck>,
    /// The verdict.
    pub decision: Option<Decision>,
    /// The landing branch's tip after a keep.
    pub landed: Option<CommitSha>,
    /// The archivist's note.
    pub note: String,
    /// What it used up.
    pub cost: Cost,
}

/// How far an experiment got.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// A hypothesis has a number; nothing is built.
    Started,
    /// There is a candidate.
    Built,
    /// The gates let it through.
    Gated,
    /// Both arms were measured.
    Measured,
    /// There is a verdict.
    Decided,
    /// A kept candidate is on the landing branch.
    Landed,
    /// The record is closed.
    Noted,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Started => "started",
            Self::Built => "built",
            Self::Gated => "gated",
            Self::Measured => "measured",
            Self::Decided => "decided",
            Self::Landed => "landed",
            Self::Noted => "noted",
        })
    }
}

/// An event that cannot follow the state it met.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{event}` cannot follow `{stage}`")]
pub struct IllegalTransition {
    /// The event's name.
    pub event: &'static str,
    /// Where the experiment was.
    pub stage: String,
}

impl Experiment {
    /// Returns the state that the first event makes.
    ///
    /// # Errors
    /// Anything but [`ExperimentEvent::Started`].
    pub fn begin(event: &ExperimentEvent) -> Result<Self, IllegalTransition> {
        let ExperimentEvent::Started {
            id,
            run,
            at,
            hypothesis,
            incumbent,
            incumbent_tree,
            backend,
            resumes,
            turn,
        } = event
        else {
            return Err(IllegalTransition {
                event: event.name(),
                stage: "nothing".to_owned(),
            });
        };
        Ok(Self {
            id: *id,
            run: run.clone(),
            started: *at,
            finished: None,
            hypothesis: (**hypothesis).clone(),
            incumbent: incumbent.clone(),
            incumbent_tree: incumbent_tree.clone(),
            backend: backend.clone(),
            resumes: *resumes,
            screening: None,
            turn: turn.clone(),
            stage: Stage::Started,
            candidate: None,
            dimensions: Vec::new(),
            evidence: None,
            others: Vec::new(),
            binding: None,
            sandbox: None,
            holdout: None,
            landing: None,
            decision: None,
            landed: None,
            note: String::new(),
            cost: Cost::default(),
        })
    }

    /// Returns the state after one more event.
    ///
    /// # Errors
    /// An event that cannot follow the present stage.
    pub fn step(mut self, event: &ExperimentEvent) -> Result<Self, IllegalTransition> {
        self.stage = self.next_stage(event)?;
        match event {
            ExperimentEvent::Started { .. } | ExperimentEvent::Gated => {}
            ExperimentEvent::Screened {
                screening,
                hypothesis,
            } => {
                self.screening = Some((**screening).clone());
                if let Some(hypothesis) = hypothesis {
                    self.hypothesis = (**hypothesis).clone();
                }
            }
            ExperimentEvent::Built { candidate } => self.candidate = Some(candidate.clone()),
            ExperimentEvent::Testing {
                evidence,
                binding,
                sandbox,
            } => {
                self.begin_test(evidence);
                self.binding = Some(binding.clone());
                self.sandbox = Some(sandbox.clone());
            }
            ExperimentEvent::Paired { pair } => {
                let last = self.others.last_mut().or(self.evidence.as_mut());
                if let Some(evidence) = last {
                    evidence.pairs.push((**pair).clone());
                }
            }
            ExperimentEvent::Measured {
                dimensions,
                evidence,
                others,
                binding,
                sandbox,
                landing,
            } => {
                self.dimensions.clone_from(dimensions);
                self.evidence = evidence.as_deref().cloned();
                self.others.clone_from(others);
                self.binding = Some(binding.clone());
                self.sandbox = Some(sandbox.clone());
                self.landing = landing.as_deref().cloned();
            }
            ExperimentEvent::Checked { holdout } => self.holdout = Some((**holdout).clone()),
            ExperimentEvent::Decided { decision } => self.decision = Some(decision.clone()),
            ExperimentEvent::Landed { commit } => self.landed = Some(commit.clone()),
            ExperimentEvent::Noted { at, note, cost } => {
                self.finished = Some(*at);
                self.note.clone_from(note);
                self.cost = *cost;
            }
        }
        Ok(self)
    }

    /// Returns what lands if it is kept: the candidate as it was measured, or as it was put on an
    /// incumbent that had moved on.
    pub fn to_land(&self) -> Option<&Candidate> {
        match &self.landing {
            Some(check) => check.rebased.as_ref(),
            None => self.candidate.as_ref(),
        }
    }

    /// Takes in that a test begins, or begins anew: the claim's own is the first, and other metrics follow.
    fn begin_test(&mut self, evidence: &Evidence) {
        let test = |it: &Evidence| it.metric == evidence.metric;
        if self.evidence.as_ref().is_none_or(test) {
            self.evidence = Some(evidence.clone());
        } else if let Some(again) = self.others.iter_mut().find(|it| test(it)) {
            *again = evidence.clone();
        } else {
            self.others.push(evidence.clone());
        }
    }

    /// Returns the test of that metric, the claim's own or another.
    pub fn test_of(&self, metric: &MetricName) -> Option<&Evidence> {
        let mut tests = self.evidence.iter().chain(&self.others);
        tests.find(|it| it.metric == *metric)
    }

    /// Returns the samples of the claim, and of what else it was held to, where that was cut off while it was
    /// measured. What went on from another experiment is not among them: it is taken up where that one goes on
    /// again.
    pub fn cut_off(&self) -> Option<(&Evidence, &[Evidence])> {
        let is_testing = self.stage == Stage::Gated && self.resumes.is_none();
        let claim = self.evidence.as_ref().filter(|_| is_testing)?;
        Some((claim, &self.others))
    }

    /// Returns the commit that it lands on top of.
    pub fn lands_on(&self) -> &CommitSha {
        self.landing.as_ref().map_or(&self.incumbent, |it| &it.onto)
    }

    /// Returns the stage that `event` leads to, if it may follow the present one.
    fn next_stage(&self, event: &ExperimentEvent) -> Result<Stage, IllegalTransition> {
        use super::verdict::Verdict;
        let kept = self
            .decision
            .as_ref()
            .is_some_and(|it| it.verdict == Verdict::Keep);
        let next = match (self.stage, event) {
            (Stage::Started, ExperimentEvent::Screened { .. }) if self.screening.is_none() => {
                Stage::Started
            }
            (Stage::Started, ExperimentEvent::Built { .. }) => Stage::Built,
            (Stage::Built, ExperimentEvent::Gated)
            | (Stage::Gated, ExperimentEvent::Testing { .. }) => Stage::Gated,
            (Stage::Gated, ExperimentEvent::Paired { .. }) if self.evidence.is_some() => {
                Stage::Gated
            }
            (Stage::Gated, ExperimentEvent::Measured { .. })
            | (Stage::Measured, ExperimentEvent::Checked { .. }) => Stage::Measured,
            (
                Stage::Started | Stage::Built | Stage::Gated | Stage::Measured,
                ExperimentEvent::Decided { decision },
            ) if decision.verdict != Verdict::Keep || self.stage == Stage::Measured => {
                Stage::Decided
            }
            (Stage::Decided, ExperimentEvent::Landed { .. }) if kept => Stage::Landed,
            (Stage::Decided | Stage::Landed, ExperimentEvent::Noted { .. }) => Stage::Noted,
            (stage, event) => {
                return Err(IllegalTransition {
                    event: event.name(),
                    stage: stage.to_string(),
                });
            }
        };
        Ok(next)
    }
}

/// Returns the fold of an experiment's events.
///
/// # Errors
/// The first event that cannot follow what came before it.
pub fn fold<'a>(
    events: impl IntoIterator<Item = &'a ExperimentEvent>,
) -> Result<Option<Experiment>, IllegalTransition> {
    events
        .into_iter()
        .try_fold(None, |state: Option<Experiment>, event| match state {
            None => Experiment::begin(event).map(Some),
            Some(experiment) => experiment.step(event).map(Some),
        })
}

/// One line of the history: what lists, rankings and duplicates need, and nothing more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// Its number.
    pub id: ExperimentId,
    /// When its record was closed.
    pub finished: Timestamp,
    /// The hypothesis's structural key.
    pub key: super::id::StructuralKey,
    /// The hypothesis's title.
    pub title: String,
    /// FEEC.
    pub category: super::hypothesis::Category,
    /// `moves`, `meets`, `keeps` or `maintains`.
    pub claim: String,
    /// How it ended.
    pub verdict: super::verdict::Verdict,
    /// The first reason.
    pub reason: String,
    /// What moved.
    pub effect: Option<super::verdict::Effect>,
    /// What it used up.
    pub cost: Cost,
    /// Hash of the contents of the files that the hypothesis named.
    pub files_hash: String,
    /// The landing branch's tip after a keep.
    pub landed: Option<CommitSha>,
    /// What a test of a noisy metric took from the budget of its stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spent: Option<Spent>,
    /// What tests of other noisy metrics took from theirs, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<Spent>,
    /// The inconclusive experiment whose test it continued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resumes: Option<ExperimentId>,
    /// The turn it belongs to, where two sides improve in turns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<Turn>,
}

/// What one test took from the error budget of its stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Spent {
    /// The metric that was tested.
    pub metric: MetricName,
    /// The level that the test was given.
    pub level: f64,
    /// What the test saw; none on records from before it was kept here, and where nothing could be seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<Seen>,
}

/// What a test of a noisy metric saw, in units of the pair difference.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Seen {
    /// The natural logarithm of the e-value when it stopped.
    pub ln_e: f64,
    /// The mean of the clipped differences.
    pub mean: f64,
    /// The variance of that mean.
    pub variance: f64,
    /// The smallest effect that was worth keeping.
    pub delta: f64,
    /// How a pair became one number.
    pub scale: Scale,
    /// The effect that is to be believed, given all that was ever measured of the metric.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shrunken: Option<f64>,
}
