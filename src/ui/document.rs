//! The documents that verbs print with `--json`; the text for people is rendered from the same ones.
//!
//! Documents of the loop itself (`factory.run/1`, `factory.eval/1`, ...) live where they are made.

use std::collections::{BTreeMap, BTreeSet};

use camino::Utf8PathBuf;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ceo::RunReport;
use crate::ceo::noise::Noise;
use crate::config::{Profile, Role, Setting};
use crate::eval::report::FirstReport;
use crate::model::audit::{Audit, Standing};
use crate::model::event::RunEvent;
use crate::model::experiment::{Experiment, Summary};
use crate::model::id::{CommitSha, ExperimentId};
use crate::model::measurement::SandboxTier;
use crate::model::profile::{Detection, OwnCommand};
use crate::model::verdict::{Decision, Verdict};
use crate::model::violation::Violation;
use crate::store::{BacklogItem, Rejection, Running};

/// What was found, and the profile that follows from it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Discovery {
    /// `factory.discover/1`.
    pub schema: String,
    /// Languages and tools, with versions.
    pub detection: Detection,
    /// What the project itself runs to test, lint and format.
    #[serde(default)]
    pub own_commands: Vec<OwnCommand>,
    /// The profile's file; `None` when it is only proposed.
    #[schemars(with = "Option<String>")]
    pub file: Option<Utf8PathBuf>,
    /// The profile in force.
    pub profile: Profile,
    /// The proposed `factory.toml`, with comments.
    pub proposal: String,
}

/// What `init` wrote.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Init {
    /// `factory.init/1`.
    pub schema: String,
    /// The profile's file.
    #[schemars(with = "String")]
    pub path: Utf8PathBuf,
    /// Whether it was written now; `false` with `--dry-run`, or when it was there.
    pub written: bool,
    /// Its text.
    pub text: String,
}

/// What `research init` made, or `research check` found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ResearchPage {
    /// `factory.research/1`.
    pub schema: String,
    /// The profile's file.
    #[schemars(with = "String")]
    pub path: Utf8PathBuf,
    /// Whether the section was written to it now.
    pub written: bool,
    /// The section that was made; empty for `check`.
    pub text: String,
    /// What unchanged code shows about the number.
    pub noise: Noise,
    /// And about the number of the other side, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opponent: Option<Noise>,
}

/// What the gates say about a difference.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GuardReport {
    /// `factory.guard/1`.
    pub schema: String,
    /// The side that is judged by.
    pub from: CommitSha,
    /// The side that is judged: a commit, or `worktree`.
    pub to: String,
    /// Files that differ.
    pub files: usize,
    /// What is forbidden.
    pub violations: Vec<Violation>,
}

/// The last experiments.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct History {
    /// `factory.history/1`.
    pub schema: String,
    /// Experiments in the whole record.
    pub total: u32,
    /// How they ended.
    pub by_verdict: BTreeMap<Verdict, u32>,
    /// Newest first.
    pub experiments: Vec<Summary>,
    /// Keeps that an audit took out again.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub unkept: BTreeSet<ExperimentId>,
}

/// One experiment with everything known about it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Shown {
    /// `factory.show/1`.
    pub schema: String,
    /// The record.
    pub experiment: Experiment,
    /// What people said about it.
    pub rejections: Vec<Rejection>,
    /// The audits that looked back on it, oldest first, and what became of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub audits: Vec<(u32, Standing)>,
}

/// The change of one experiment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Difference {
    /// `factory.diff/1`.
    pub schema: String,
    /// The experiment; `None` for everything on the landing branch.
    pub id: Option<ExperimentId>,
    /// The incumbent.
    pub from: CommitSha,
    /// The candidate, or the landing branch's tip.
    pub to: CommitSha,
    /// A unified diff.
    pub patch: String,
}

/// A branch made of a candidate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Checkout {
    /// `factory.checkout/1`.
    pub schema: String,
    /// The experiment.
    pub id: ExperimentId,
    /// The branch.
    pub branch: String,
    /// Its tip.
    pub commit: CommitSha,
    /// The command that switches to it.
    pub next: String,
}

/// A verdict computed again from the stored samples.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Replay {
    /// `factory.replay/1`.
    pub schema: String,
    /// The experiment.
    pub id: ExperimentId,
    /// The decision in the record.
    pub stored: Decision,
    /// The decision that the samples give now; `None` when no noisy or repeated metric was tested.
    pub recomputed: Option<Decision>,
    /// Whether both have the same verdict and statistics.
    pub agrees: bool,
    /// What was compared, in a sentence.
    pub detail: String,
    /// The decision of the same test on fresh pairs, with `--remeasure`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remeasured: Option<Decision>,
}

/// An audit, and what its samples say now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReplayedAudit {
    /// `factory.replayed_audit/1`.
    pub schema: String,
    /// The audit as it is on record.
    pub audit: Audit,
    /// Whether the samples give what is on record.
    pub agrees: bool,
    /// What was compared, in a sentence.
    pub detail: String,
}

/// A person's rejection, recorded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Rejected {
    /// `factory.reject/1`.
    pub schema: String,
    /// What was recorded.
    pub rejection: Rejection,
    /// The landing branch's tip after the change was taken back; `None` when it was not on it.
    pub taken_back: Option<CommitSha>,
    /// The command that takes it out of the person's own branch, where it had landed.
    pub undo: Option<String>,
}

/// What is going on at a target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StatusReport {
    /// `factory.status/1`.
    pub schema: String,
    /// The target.
    #[schemars(with = "String")]
    pub root: Utf8PathBuf,
    /// The checked-out branch; `None` when detached.
    pub branch: Option<String>,
    /// The checked-out commit.
    pub head: CommitSha,
    /// The landing branch.
    pub landing: String,
    /// Its tip, if it exists.
    pub tip: Option<CommitSha>,
    /// Whether the checked-out commit already holds everything kept.
    pub landed: bool,
    /// Who writes to the record now.
    pub owner: Option<OwnerLine>,
    /// The run that is under way, also while it waits or is paused.
    pub running: Option<Running>,
    /// Experiments in the whole record.
    pub experiments: u32,
    /// How they ended.
    pub by_verdict: BTreeMap<Verdict, u32>,
    /// The newest one.
    pub last: Option<Summary>,
    /// Open wishes.
    pub backlog: usize,
    /// What a person could do next.
    pub next: String,
}

/// What `run` did in all its passes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Passes {
    /// `factory.passes/1`.
    pub schema: String,
    /// How often it looked for what is worth trying.
    pub passes: u32,
    /// Experiments in all of them.
    pub experiments: u32,
    /// How many of those were kept.
    pub kept: u32,
    /// Why it ended.
    pub ended: String,
    /// The report of the last pass that was done.
    pub last: Option<RunReport>,
}

/// A run that was started in the background.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Background {
    /// `factory.background/1`.
    pub schema: String,
    /// Its process id.
    pub pid: u32,
    /// The file that it talks to.
    #[schemars(with = "String")]
    pub log: Utf8PathBuf,
    /// The command that shows what happens.
    pub follow: String,
    /// The command that ends it.
    pub stop: String,
}

/// What was asked of the run that is under way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Controlled {
    /// `factory.control/1`.
    pub schema: String,
    /// `stop`, `pause` or `resume`.
    pub asked: String,
    /// The run; `None` where none was under way.
    pub running: Option<Running>,
    /// What came of it, in a sentence.
    pub outcome: String,
}

/// The process that holds a target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OwnerLine {
    /// Its process id.
    pub pid: u32,
    /// Its host.
    pub host: String,
    /// Since when.
    pub since: Timestamp,
    /// Its run.
    pub run: Option<String>,
}

/// What is there and what is missing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Doctor {
    /// `factory.doctor/1`.
    pub schema: String,
    /// One line each.
    pub checks: Vec<Check>,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Check {
    /// What.
    pub name: String,
    /// How it is.
    pub state: CheckState,
    /// What was found.
    pub detail: String,
    /// What to do about it.
    pub cure: Option<String>,
}

/// How one thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckState {
    /// As it should be.
    Fine,
    /// It works, but something is lost.
    Warning,
    /// Nothing can be done here before it is cured.
    Broken,
}

/// Targets that were used before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Targets {
    /// `factory.targets/1`.
    pub schema: String,
    /// In path order.
    pub targets: Vec<TargetLine>,
}

/// One target, and how it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TargetLine {
    /// Its root.
    #[schemars(with = "String")]
    pub path: Utf8PathBuf,
    /// When it was first used.
    pub first: Timestamp,
    /// When it was last used, within an hour.
    pub last: Timestamp,
    /// Nothing that could be a target is there any more.
    pub gone: bool,
    /// The run that is under way.
    pub running: Option<Running>,
    /// Experiments in its record; `None` where that cannot be read.
    pub experiments: Option<u32>,
    /// How many of those were kept.
    pub kept: Option<u32>,
}

/// What was pruned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Pruned {
    /// `factory.prune/1`.
    pub schema: String,
    /// Whether anything was removed; `false` with `--dry-run`.
    pub done: bool,
    /// Experiments whose candidates went; their records stay.
    pub candidates: Vec<ExperimentId>,
    /// Bytes of git objects that this frees; `None` with `--dry-run`.
    pub object_bytes: Option<u64>,
    /// Folders that went: old logs, and caches of targets that are gone.
    pub folders: Vec<String>,
    /// Bytes in those folders.
    pub folder_bytes: u64,
}

/// Wishes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Backlog {
    /// `factory.backlog/1`.
    pub schema: String,
    /// Oldest first.
    pub items: Vec<BacklogItem>,
}

/// What was landed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Landed {
    /// `factory.land/1`.
    pub schema: String,
    /// The branch that moved.
    pub branch: String,
    /// Where it was.
    pub from: CommitSha,
    /// Where it is.
    pub to: CommitSha,
    /// Whether it moved; `false` when everything was landed already, or with `--dry-run`.
    pub moved: bool,
    /// The command that undoes it.
    pub undo: String,
}

/// What was repaired, and what is lost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Repair {
    /// `factory.repair/1`.
    pub schema: String,
    /// Experiments that are in the record now.
    pub experiments: u32,
    /// What was done, in sentences.
    pub done: Vec<String>,
    /// What could not be read anywhere, in sentences.
    pub lost: Vec<String>,
}

/// What was exchanged with a remote.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Synced {
    /// `factory.sync/1`.
    pub schema: String,
    /// The remote.
    pub remote: String,
    /// Whether anything was moved; `false` with `--dry-run`.
    pub done: bool,
    /// Experiments that came from there.
    pub received: u32,
    /// Experiments that went there.
    pub sent: u32,
    /// Experiments of this clone that got another number: the old one and the new one.
    pub renumbered: Vec<(ExperimentId, ExperimentId)>,
    /// What happened to the landing branch, with `--landing`.
    pub landing: Option<String>,
}

/// What was removed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Changes {
    /// `factory.forget/1`.
    pub schema: String,
    /// Whether anything was changed; `false` with `--dry-run`.
    pub done: bool,
    /// What, one line each.
    pub changes: Vec<String>,
}

/// Where every value comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ConfigReport {
    /// `factory.config/1`.
    pub schema: String,
    /// By key.
    pub settings: Vec<Setting>,
}

/// The backends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Agents {
    /// `factory.agents/1`.
    pub schema: String,
    /// Each of them.
    pub agents: Vec<AgentLine>,
}

/// One backend.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AgentLine {
    /// Its name, as in `--backend`.
    pub name: String,
    /// Whether it could play here, as far as can be told for free.
    pub ready: bool,
    /// What it may be asked for.
    pub roles: Vec<Role>,
    /// Whether it may use the network.
    pub network: bool,
    /// The sandbox tier that it runs under here.
    pub tier: SandboxTier,
    /// What it is, or what it lacks.
    pub detail: String,
    /// How to get what it lacks.
    pub cure: Option<String>,
}

/// What was taken over from another program's record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Imported {
    /// `factory.import/1`.
    pub schema: String,
    /// The file that was read.
    #[schemars(with = "String")]
    pub source: Utf8PathBuf,
    /// Whether anything was written; `false` with `--dry-run`.
    pub done: bool,
    /// Ideas in it.
    pub found: usize,
    /// Ideas that were not known.
    pub new: usize,
    /// Rows that were left out, each with the reason.
    pub left_out: Vec<String>,
    /// A `[research]` section for `factory.toml`; what could not be found is a comment.
    pub proposal: String,
}

/// The documents that have a schema.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Schemas {
    /// `factory.schema/1`.
    pub schema: String,
    /// Their names: `factory.eval/1`.
    pub schemas: Vec<String>,
}

/// Why a verb failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Failure {
    /// `factory.error/1`.
    pub schema: String,
    /// The class that the exit code stands for.
    pub kind: String,
    /// The exit code.
    pub exit: u8,
    /// What went wrong.
    pub message: String,
    /// What to do.
    pub hints: Vec<String>,
}

/// One line of `--json=events`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub struct EventLine {
    /// `factory.event/1`.
    pub schema: String,
    /// When.
    pub at: Timestamp,
    /// What happened.
    pub what: EventBody,
}

/// What a line of `--json=events` tells.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EventBody {
    /// A step of the run.
    Run(Box<RunEvent>),
    /// The first report is there.
    FirstReport(Box<FirstReport>),
}
