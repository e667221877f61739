//! An audit: what was kept in a while, taken together and measured again.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::id::{CommitSha, ExperimentId, MetricName, RunId, TreeSha};
use super::measurement::Evidence;

/// What an audit found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuditOutcome {
    /// The gain is there.
    Confirmed,
    /// Neither shown nor ruled out.
    Unconfirmed,
    /// Half of what was claimed is ruled out, so that each keep was tested again.
    Alarm,
}

/// What became of one keep after an alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Its own gain is there.
    Confirmed,
    /// Neither shown nor ruled out: it stays.
    Unconfirmed,
    /// Its effect is ruled out, and it was taken out by a commit that reverts it.
    Unkept,
    /// Its effect is ruled out, and it could not be taken out.
    InPlace,
}

/// The test of one keep after an alarm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Retested {
    /// The keep.
    pub experiment: ExperimentId,
    /// What it had claimed, shrunken, in units of the pair difference.
    pub claimed: f64,
    /// What became of it.
    pub standing: Standing,
    /// Why, in a sentence fragment.
    pub detail: String,
    /// The branch (as candidate) against the branch without it; none where that could not be made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Evidence>,
}

/// The durable record of an audit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Audit {
    /// Its number, counted from 1.
    pub id: u32,
    /// The run that made it.
    pub run: RunId,
    /// When.
    pub at: Timestamp,
    /// The metric.
    pub metric: MetricName,
    /// The keeps that it looked back on, oldest first.
    pub keeps: Vec<ExperimentId>,
    /// The last experiment before it.
    pub last: ExperimentId,
    /// The commit before the first of the keeps.
    pub base: CommitSha,
    /// Its tree.
    pub base_tree: TreeSha,
    /// The landing branch's tip.
    pub head: CommitSha,
    /// Its tree.
    pub head_tree: TreeSha,
    /// The sum of the shrunken effects, in units of the pair difference.
    pub claimed: f64,
    /// The tip (as candidate) against the commit before.
    pub evidence: Evidence,
    /// What it found.
    pub outcome: AuditOutcome,
    /// Mean of the pair differences.
    pub measured: f64,
    /// The keeps that were tested again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub retested: Vec<Retested>,
    /// The landing branch's tip once keeps were taken out, where any were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tip: Option<CommitSha>,
}

/// One line of the list of audits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AuditLine {
    /// Its number.
    pub id: u32,
    /// When.
    pub at: Timestamp,
    /// The metric.
    pub metric: MetricName,
    /// The last experiment before it.
    pub last: ExperimentId,
    /// What it found.
    pub outcome: AuditOutcome,
    /// The sum of the shrunken effects, in units of the pair difference.
    pub claimed: f64,
    /// Mean of the pair differences.
    pub measured: f64,
    /// The keeps that it looked back on, each with what became of it.
    pub keeps: Vec<(ExperimentId, Standing)>,
    /// The landing branch's tip that it looked at.
    pub head: CommitSha,
    /// The tip once keeps were taken out, where any were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tip: Option<CommitSha>,
}

impl Audit {
    /// Returns its line in the list.
    pub fn line(&self) -> AuditLine {
        let own = match self.outcome {
            AuditOutcome::Confirmed => Standing::Confirmed,
            AuditOutcome::Unconfirmed | AuditOutcome::Alarm => Standing::Unconfirmed,
        };
        let standing = |id: ExperimentId| {
            let retested = self.retested.iter().find(|it| it.experiment == id);
            (id, retested.map_or(own, |it| it.standing))
        };
        AuditLine {
            id: self.id,
            at: self.at,
            metric: self.metric.clone(),
            last: self.last,
            outcome: self.outcome,
            claimed: self.claimed,
            measured: self.measured,
            keeps: self.keeps.iter().copied().map(standing).collect(),
            head: self.head.clone(),
            tip: self.tip.clone(),
        }
    }

    /// Gives it another number, and the experiments that it names theirs.
    pub fn renumber(&mut self, id: u32, number: impl Fn(ExperimentId) -> ExperimentId) {
        self.id = id;
        self.last = number(self.last);
        let keeps = self.keeps.iter_mut();
        let retested = self.retested.iter_mut().map(|it| &mut it.experiment);
        for experiment in keeps.chain(retested) {
            *experiment = number(*experiment);
        }
    }
}

impl AuditLine {
    /// Returns the keeps that it took out.
    pub fn unkept(&self) -> impl Iterator<Item = ExperimentId> {
        let unkept = |(id, standing): &(ExperimentId, Standing)| {
            (*standing == Standing::Unkept).then_some(*id)
        };
        self.keeps.iter().filter_map(unkept)
    }
}
