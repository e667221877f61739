//! A claim that nothing gets worse: where the project has a noisy metric, that too is shown.

use super::Error;
use super::measure::parse_name;
use super::session::Session;
use crate::config;
use crate::decision::{self, Ask};
use crate::model::hypothesis::{Change, Hypothesis};
use crate::model::id::{ExperimentId, TreeSha};
use crate::model::measurement::{Evidence, TestPlan};
use crate::model::verdict::{Decision, Verdict};

impl Session<'_> {
    /// Keeps what passed every gate, unless the project's first noisy metric cannot be shown to stay.
    pub(super) async fn test_keeps(
        &mut self,
        id: ExperimentId,
        hypothesis: &Hypothesis,
        candidate: &TreeSha,
    ) -> Result<(Decision, Option<Evidence>), Error> {
        if matches!(hypothesis.change, Change::Format { .. }) {
            return Ok((
                passed("no noisy metric was tested, as a formatter changes layout alone"),
                None,
            ));
        }
        let (metric, plan) = match self.noisy_metric(id).await? {
            Noisy::None => return Ok((passed("no noisy metric was tested"), None)),
            Noisy::TooDear(decision) => return Ok((*decision, None)),
            Noisy::Planned(planned) => *planned,
        };
        let mut evidence = Evidence {
            metric: parse_name(&metric.name),
            unit: metric.unit.clone(),
            plan,
            pairs: Vec::new(),
        };
        if let Some(reason) = self.build_arms(id, &metric, candidate).await? {
            return Ok((Decision::plain(Verdict::Revert, reason), Some(evidence)));
        }
        if let Some(reason) = self.reads_the_same(&metric, &evidence.plan)? {
            return Ok((passed(&reason), None));
        }
        let pair_seconds = self.calibrations[&metric.name].pair_seconds;
        if let TestPlan::SignBetting(plan) = &evidence.plan
            && let Some(too_dear) = self.tell_price(id, &metric, plan, pair_seconds)
        {
            return Ok((too_dear, None));
        }
        let mut decision = self.run_pairs(id, &metric, &mut evidence).await?;
        if decision.verdict == Verdict::Keep {
            let reason = format!("every gate holds, and `{}` is no worse", metric.name);
            decision.reasons.insert(0, reason);
        }
        self.learn(&metric, &evidence);
        Ok((decision, Some(evidence)))
    }

    /// Returns the first metric of the project that is part of every evaluation and turns out noisy, with
    /// the test that nothing about it gets worse.
    async fn noisy_metric(&mut self, id: ExperimentId) -> Result<Noisy, Error> {
        let metrics = self.bench.lab.profile.metrics.clone();
        for metric in metrics.into_iter().filter(|it| !it.only_claimed) {
            let repeats = metric.deterministic && !self.noisy.contains(&metric.name);
            if repeats || self.broken.contains_key(&metric.name) {
                continue;
            }
            if let Some(too_dear) = self.calibrate(id, &metric).await? {
                return Ok(Noisy::TooDear(Box::new(too_dear)));
            }
            if let Some(plan) = self.plan_keeps(&metric) {
                return Ok(Noisy::Planned(Box::new((metric, plan))));
            }
        }
        Ok(Noisy::None)
    }

    fn plan_keeps(&self, metric: &config::Metric) -> Option<TestPlan> {
        let calibrated = self.calibrations.get(&metric.name)?;
        let family = decision::family(&parse_name(&metric.name), 1.0);
        let (alpha, place) = self.streams.next(&family);
        let ask = Ask {
            direction: metric.direction,
            tolerance: metric.tolerance,
            alpha,
            stream: Some(place),
            epsilon: 0.0,
            n_rep: 1,
            preset: self.request.profile.decision.preset,
            affordable: self.affordable(calibrated.pair_seconds),
        };
        let mut plan = decision::plan_keeps(&ask, calibrated.scale, &calibrated.calibration)?;
        decision::guard_tail(&mut plan, &metric.tail);
        Some(plan)
    }
}

/// The noisy metric that a claim of no loss is held to.
enum Noisy {
    /// There is none.
    None,
    /// What is left of the budget does not pay for its test.
    TooDear(Box<Decision>),
    /// The metric and its test.
    Planned(Box<(config::Metric, TestPlan)>),
}

fn passed(about_noise: &str) -> Decision {
    Decision::plain(
        Verdict::Keep,
        format!("every gate holds and no deterministic dimension fell; {about_noise}"),
    )
}
