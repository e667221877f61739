//! What a record looks like: gains over experiments, the evidence of noisy tests, and where work went.
//!
//! Experiments are folded in one by one, oldest first; only what is drawn is kept of them.

mod evidence;
mod progress;
mod work;

#[cfg(test)]
mod tests;

use jiff::Timestamp;

use crate::model::audit::Audit;
use crate::model::experiment::Experiment;
use crate::model::hypothesis::Category;
use crate::model::measurement::{Scale, TestPlan};
use crate::model::verdict::{Effect, Statistics, Verdict};
use crate::store::Rejection;

use super::plot::Colour;

/// One picture and the name of its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// `progress-parse.svg`.
    pub name: String,
    /// Its contents.
    pub svg: String,
}

/// The experiments that are drawn.
#[derive(Clone, Debug, Default)]
pub struct Pictures {
    tried: Vec<Tried>,
    /// Keeps that were un-kept, each with the last experiment before that.
    taken_out: Vec<(u32, u32)>,
    audits: Vec<Audited>,
    /// Experiments of the record that came before them.
    earlier: u32,
}

/// What an audit measured of the keeps of one metric, taken together.
#[derive(Clone, Debug)]
struct Audited {
    metric: String,
    /// The last experiment before it.
    last: u32,
    /// The natural logarithm of the ratio by which the metric got better.
    ln_gain: f64,
}

/// What is drawn of one experiment.
#[derive(Clone, Debug)]
struct Tried {
    id: u32,
    finished: Option<Timestamp>,
    category: Category,
    verdict: Verdict,
    /// Whether it became part of the landing branch.
    landed: bool,
    reached: Reached,
    effect: Option<Effect>,
    /// The effect as it most likely is, where it is an estimate.
    shrunken: Option<f64>,
    statistics: Option<Statistics>,
    evaluations: f64,
    seconds: f64,
}

/// How far an experiment got before its verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reached {
    Built,
    Gates,
    Evaluation,
    Pairs,
}

impl Reached {
    const ALL: [Self; 4] = [Self::Built, Self::Gates, Self::Evaluation, Self::Pairs];

    fn of(experiment: &Experiment) -> Self {
        if experiment.candidate.is_none() {
            Self::Built
        } else if experiment.binding.is_none() {
            Self::Gates
        } else if experiment.evidence.is_none() {
            Self::Evaluation
        } else {
            Self::Pairs
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Built => "ended while it was built",
            Self::Gates => "ended at the gates",
            Self::Evaluation => "ended with the evaluation",
            Self::Pairs => "ended with pairs of runs",
        }
    }
}

impl Pictures {
    /// Returns pictures of nothing yet, with so many experiments left out before the first one.
    pub fn after(earlier: u32) -> Self {
        Self {
            earlier,
            ..Self::default()
        }
    }

    /// Adds a closed experiment; one without a verdict changes nothing.
    pub fn add(&mut self, experiment: &Experiment) {
        let Some(decision) = &experiment.decision else {
            return;
        };
        self.tried.push(Tried {
            id: experiment.id.0,
            finished: experiment.finished,
            category: experiment.hypothesis.category,
            verdict: decision.verdict,
            landed: experiment.landed.is_some(),
            reached: Reached::of(experiment),
            effect: decision.effect.clone(),
            shrunken: decision.effect.as_ref().and_then(|it| it.shrunken),
            statistics: decision.statistics.clone(),
            evaluations: f64::from(experiment.cost.evals + experiment.cost.metric_runs),
            seconds: experiment.cost.seconds,
        });
    }

    /// Takes out a keep that a person rejected.
    pub fn reject(&mut self, rejection: &Rejection) {
        let earlier = |it: &&Tried| it.finished.is_some_and(|it| it <= rejection.at);
        let after = self.tried.iter().rfind(earlier).map_or(0, |it| it.id);
        self.taken_out.push((rejection.experiment.0, after));
    }

    /// Adds an audit: what it measured, and the keeps that it took out.
    pub fn audit(&mut self, audit: &Audit) {
        let unkept = audit.line();
        let unkept = unkept.unkept().map(|it| (it.0, audit.last.0));
        self.taken_out.extend(unkept);
        // A difference has no meaning as a share without the level that it started from.
        if let TestPlan::SignBetting(plan) = &audit.evidence.plan
            && plan.scale == Scale::LogRatio
        {
            self.audits.push(Audited {
                metric: audit.metric.to_string(),
                last: audit.last.0,
                ln_gain: audit.measured,
            });
        }
    }

    /// Returns all pictures.
    pub fn draw(&self) -> Vec<Picture> {
        let mut pictures = progress::draw(self);
        pictures.push(evidence::draw(self));
        pictures.extend(work::draw(self));
        pictures
    }

    /// Returns what every picture says of the experiments in it.
    fn scope(&self) -> String {
        let n = super::number::count(self.tried.len(), "experiments");
        match self.earlier {
            0 => n,
            earlier => format!(
                "{n}, after {} that are not shown",
                super::number::count(earlier as usize, "earlier ones")
            ),
        }
    }
}

/// Returns the colour of a verdict in every picture.
fn colour(verdict: Verdict) -> Colour {
    match verdict {
        Verdict::Keep => Colour::Green,
        Verdict::Revert => Colour::Orange,
        Verdict::Inconclusive => Colour::Purple,
        Verdict::Spurious => Colour::Grey,
        Verdict::Vetoed => Colour::Red,
    }
}
