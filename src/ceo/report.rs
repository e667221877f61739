//! The document that a run ends with.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Error;
pub use super::branch::gain::Gain;
use super::experiment::claim_line;
use super::ideas::rank::{Ranking, TRIED_NOW};
use super::research::pursuit::Pursued;
use super::session::{Session, count};
use crate::decision::{self, StreamState};
use crate::eval::report::FirstReport;
use crate::model::dimension::Status;
use crate::model::event::RunEvent;
use crate::model::experiment::{Cost, Experiment};
use crate::model::finding::TestOutcome;
use crate::model::id::{ExperimentId, RunId};
use crate::model::measurement::SandboxReport;
use crate::model::observation::Observation;
use crate::model::verdict::{Decision, Effect, Verdict};

/// The document that a run ends with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunReport {
    /// `factory.run/1`.
    pub schema: String,
    /// Its id.
    pub run: RunId,
    /// Experiments that were run.
    pub cycles: u32,
    /// One line each, oldest first.
    pub experiments: Vec<Line>,
    /// How many were kept.
    pub kept: u32,
    /// Where kept work is.
    pub landing: Landing,
    /// The incumbent's composite before the run.
    pub score_before: Option<f64>,
    /// The incumbent's composite after it.
    pub score_after: Option<f64>,
    /// Dimensions that were not measured, with the reason and the cure.
    pub not_measured: Vec<String>,
    /// How isolated the evals were.
    pub sandbox: SandboxReport,
    /// How the error budget of each noisy metric stands, over all runs.
    pub streams: Vec<Stream>,
    /// What it used up.
    pub cost: Cost,
    /// Hypotheses that were not tried, with `--dry-run` all of them: (title, why not yet).
    pub untried: Vec<(String, String)>,
    /// Why it stopped, in a word.
    #[serde(default)]
    pub stopped: Stopped,
    /// Why it stopped, and why nothing more.
    pub ended: String,
    /// A person interrupted it; everything up to then is recorded.
    pub interrupted: bool,
    /// The seed, to run it again.
    pub seed: u64,
    /// The first report, in modes that make one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_report: Option<FirstReport>,
    /// The number of `[research]`, in research mode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub research: Option<Pursued>,
}

/// Why a run stopped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stopped {
    /// Nothing is left that is worth trying.
    #[default]
    NothingMore,
    /// The target of `[research]` is reached.
    Target,
    /// Too many experiments in a row were not kept.
    Plateau,
    /// A budget is used up.
    Budget,
    /// As many experiments as were asked for.
    Limit,
    /// A person asked it to.
    Asked,
    /// A person interrupted it.
    Interrupted,
    /// It was only to show what would be tried.
    DryRun,
    /// Neither of two sides that improve in turns gets another one.
    Converged,
    /// Kept work could not be landed, or the other side cannot be measured against it.
    Blocked,
}

/// The error budget of one noisy metric.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Stream {
    /// The metric.
    pub metric: String,
    /// Tests of it that ever started.
    pub tests: u64,
    /// Of those, kept.
    pub kept: u64,
    /// At most this share of what was kept is expected to be flukes.
    pub fluke_share: f64,
    /// Kept, and taken out again by an audit; not among `kept`.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unkept: u64,
    /// At most this share of what still stands is expected to be flukes, where some was taken out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fluke_share_of_survivors: Option<f64>,
    /// What all of it gained together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gain: Option<Gain>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// One experiment in the closing report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Line {
    /// Its number.
    pub id: ExperimentId,
    /// The hypothesis's title.
    pub hypothesis: String,
    /// FEEC.
    pub category: crate::model::hypothesis::Category,
    /// `moves lint`, `keeps`.
    pub claim: String,
    /// How it ended.
    pub verdict: Verdict,
    /// Why.
    pub reasons: Vec<String>,
    /// What moved.
    pub effect: Option<Effect>,
    /// The e-value when it stopped, for noisy claims.
    pub e_value: Option<f64>,
    /// Evaluations of a tree and runs of a metric.
    pub evals: u32,
    /// What it used up.
    pub cost: Cost,
}

/// Where kept work is, and how to take it or leave it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Landing {
    /// The branch.
    pub branch: String,
    /// Its tip, if it exists.
    pub tip: Option<String>,
    /// Commits on it that the base lacks.
    pub ahead: u32,
    /// The command that shows the diff.
    pub diff: String,
    /// The command that lands it.
    pub land: String,
    /// The command that undoes it.
    pub undo: String,
}

/// Dimensions of the ledger, not of the code.
const LEDGER_ONLY: [&str; 3] = ["diversity", "research", "effectiveness"];

/// Why a run stopped, and what it left untried.
pub(super) struct Ended {
    stopped: Stopped,
    reason: String,
    interrupted: bool,
    untried: Vec<(String, String)>,
}

impl Ended {
    pub(super) fn interrupted(ranking: Ranking) -> Self {
        Self {
            interrupted: true,
            ..Self::because(
                Stopped::Interrupted,
                "interrupted; everything up to here is recorded".to_owned(),
                ranking,
            )
        }
    }

    pub(super) fn because(stopped: Stopped, reason: String, ranking: Ranking) -> Self {
        let ranked = ranking.ranked.into_iter();
        let set_aside = ranking.set_aside.into_iter();
        // What this run tried is listed with its verdict already.
        let set_aside = set_aside.filter(|(_, why)| why != TRIED_NOW);
        Self {
            stopped,
            reason,
            interrupted: false,
            untried: ranked
                .map(|it| (it.title, it.why))
                .chain(set_aside.map(|(it, why)| (it.title, why)))
                .collect(),
        }
    }
}

/// Returns an experiment's line in the closing report.
pub(super) fn line(experiment: &Experiment) -> Line {
    let decision = experiment.decision.clone().unwrap_or_else(|| {
        Decision::plain(Verdict::Spurious, "the record was closed without a verdict")
    });
    let statistics = decision.statistics.as_ref();
    let mut reasons = decision.reasons;
    if decision.verdict == Verdict::Keep && experiment.landed.is_none() {
        reasons.insert(0, "passed, and could not be landed".to_owned());
    }
    Line {
        id: experiment.id,
        hypothesis: experiment.hypothesis.title.clone(),
        category: experiment.hypothesis.category,
        claim: claim_line(&experiment.hypothesis.claim),
        verdict: decision.verdict,
        e_value: statistics.map(|it| it.ln_e.exp()),
        reasons,
        effect: decision.effect,
        evals: experiment.cost.evals + experiment.cost.metric_runs,
        cost: experiment.cost,
    }
}

impl Session<'_> {
    /// Closes the run and returns its document.
    pub(super) fn finish(
        mut self,
        lines: Vec<Line>,
        score_before: Option<f64>,
        ended: Ended,
    ) -> Result<RunReport, Error> {
        if let Err(error) = self.tell_of_a_moved_base() {
            self.notice(format!("the checked-out commit could not be read: {error}"));
        }
        self.cost.seconds = self.started.elapsed().as_secs_f64();
        self.tell(&RunEvent::RunFinished {
            counts: counts(&lines),
            reason: ended.reason.clone(),
            seconds: self.cost.seconds,
        });
        // What cannot be removed now is removed by the next run: no reason to lose the report.
        let cleared = self.bench.clear_builder().map_err(|it| it.to_string());
        let scratch = self.target.clear_scratch().map_err(|it| it.to_string());
        for error in [cleared.err(), scratch.err()].into_iter().flatten() {
            self.notice(format!("not everything was cleared away: {error}"));
        }
        let turns = self.turn_lines();
        let states = self.streams.states();
        let streams = states.iter().map(|it| self.stream(it));
        let streams = streams.collect::<Result<_, _>>()?;
        Ok(RunReport {
            schema: "factory.run/1".to_owned(),
            run: self.run.clone(),
            cycles: count(lines.len()),
            kept: count(of(&lines, Verdict::Keep)),
            landing: self.landing(&lines)?,
            experiments: lines,
            score_before,
            score_after: self.baseline().score,
            not_measured: self.not_measured(),
            sandbox: self.bench.lab.sandbox.report(),
            streams,
            cost: self.cost,
            untried: ended.untried,
            stopped: ended.stopped,
            ended: ended.reason,
            interrupted: ended.interrupted,
            seed: self.seed,
            first_report: self.first_report,
            research: self.pursuit.map(|it| it.into_report(turns)),
        })
    }

    fn stream(&self, state: &StreamState) -> Result<Stream, Error> {
        let (kept, unkept) = (state.kept as u64, self.n_unkept(&state.metric));
        let alpha = self.request.profile.decision.alpha;
        let survivors = decision::survivors_bound(alpha, kept, unkept);
        Ok(Stream {
            metric: state.metric.to_string(),
            tests: state.tests,
            kept,
            fluke_share: state.bound,
            unkept,
            fluke_share_of_survivors: survivors.filter(|_| unkept > 0),
            gain: self.gain(&state.metric)?,
        })
    }

    /// Returns why there is nothing more, and what another backend would add.
    pub(super) fn closing_remark(&self) -> String {
        if let Some(id) = self.request.resume {
            return format!("experiment {id} went on, as you asked");
        }
        if let Some(pursuit) = &self.pursuit {
            let passed = self.baseline().tests.ids(TestOutcome::Passed);
            return pursuit.exhausted(passed.len());
        }
        let mut observations = self.observations.clone().unwrap_or_default();
        observations.retain(|it| !self.was_answered(it));
        self.backend.closing_remark(&observations)
    }

    /// Returns whether an observation is a wish that this run has tried.
    fn was_answered(&self, observation: &Observation) -> bool {
        let Observation::Wish { text, .. } = observation else {
            return false;
        };
        // What stays words was not done: that takes another backend.
        let mut asked = self
            .asked
            .iter()
            .filter(|it| !it.key.as_str().starts_with("words:"));
        asked.any(|it| it.text == *text && self.tried.contains(&it.key))
    }

    /// Tells a person whose branch went on meanwhile that kept work cannot be landed as it is.
    fn tell_of_a_moved_base(&self) -> Result<(), Error> {
        let branch = &self.request.profile.landing.branch;
        let (head, tip) = (self.target.head()?.commit, self.target.branch(branch)?);
        if head == self.base {
            return Ok(());
        }
        if let Some(tip) = tip
            && !self.target.is_ancestor(&head, &tip)?
            && !self.target.is_ancestor(&tip, &head)?
        {
            self.notice(format!(
                "another commit is checked out than when the run began: the next run makes the work on `{branch}` again on top of it, and then it can be landed"
            ));
        }
        Ok(())
    }

    fn landing(&self, lines: &[Line]) -> Result<Landing, Error> {
        let last = lines.iter().rfind(|it| it.verdict == Verdict::Keep);
        let last = last.map_or_else(|| "ID".to_owned(), |it| it.id.0.to_string());
        let branch = &self.request.profile.landing.branch;
        let tip = self.target.branch(branch)?;
        let ahead = match &tip {
            Some(tip) => self.target.ahead(&self.base, tip)?,
            None => 0,
        };
        Ok(Landing {
            diff: format!("git diff {}...{branch}", self.base.short()),
            land: "factory land".to_owned(),
            undo: format!("factory reject {last} --because \"…\""),
            tip: tip.map(|it| it.to_string()),
            branch: branch.clone(),
            ahead,
        })
    }

    fn not_measured(&self) -> Vec<String> {
        let dimensions = self.baseline().dimensions.iter();
        dimensions
            .filter(|it| it.status == Status::NotMeasured)
            // What is known from the ledger alone decides nothing, and a first run has none.
            .filter(|it| !LEDGER_ONLY.contains(&it.name.as_str()))
            .map(|it| format!("{}: {}", it.name, it.detail))
            .collect()
    }
}

fn of(lines: &[Line], verdict: Verdict) -> usize {
    lines.iter().filter(|it| it.verdict == verdict).count()
}

fn counts(lines: &[Line]) -> Vec<(Verdict, usize)> {
    Verdict::ALL
        .into_iter()
        .map(|verdict| (verdict, of(lines, verdict)))
        .filter(|(_, count)| *count > 0)
        .collect()
}
