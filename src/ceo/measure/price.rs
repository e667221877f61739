//! What a noisy test costs, told before it is paid, and held to what is left of the budget.

use std::time::Duration;

use super::{larger, parse_name};
use crate::ceo::session::Session;
use crate::config;
use crate::decision::{self, Ask};
use crate::model::event::RunEvent;
use crate::model::id::ExperimentId;
use crate::model::measurement::{SignPlan, TestPlan};
use crate::model::verdict::{Decision, Verdict};

/// A metric that shows only effects above this share of its level decides next to nothing.
const VISIBLE: f64 = 0.3;

impl Session<'_> {
    /// Fixes every parameter of the test before the candidate's first run.
    pub(in crate::ceo) fn freeze_plan(
        &mut self,
        metric: &config::Metric,
        claimed_delta: Option<f64>,
    ) -> TestPlan {
        let n_rep = self.n_replicates(&metric.name);
        let calibrated = &self.calibrations[&metric.name];
        let (alpha, place) = self.streams.next(&parse_name(&metric.name));
        let ask = Ask {
            direction: metric.direction,
            tolerance: larger(metric.tolerance, claimed_delta),
            alpha,
            stream: Some(place),
            epsilon: 0.0,
            n_rep,
            preset: self.request.profile.decision.preset,
            affordable: self.affordable(calibrated.pair_seconds),
        };
        let mut plan = decision::plan(&ask, calibrated.scale, &calibrated.calibration);
        decision::guard_tail(&mut plan, &metric.tail);
        plan
    }

    /// Returns how many pairs of that length what is left of the time pays for, where it is limited.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a cast saturates, and so many pairs are never run"
    )]
    pub(in crate::ceo) fn affordable(&self, pair_seconds: f64) -> Option<u32> {
        let left = self.request.limits.time_left()?.as_secs_f64();
        Some((left / pair_seconds.max(1e-3)) as u32)
    }

    /// Tells what the test will cost, and writes it into the record; returns the verdict of one that the
    /// budget does not pay for.
    pub(super) fn tell_price(
        &mut self,
        id: ExperimentId,
        metric: &config::Metric,
        plan: &SignPlan,
        pair_seconds: f64,
    ) -> Option<Decision> {
        let too_dear = self.too_dear(metric, 0, decision::fewest_pairs(plan.alpha), pair_seconds);
        if too_dear.is_some() {
            return too_dear;
        }
        let price = decision::price(plan);
        let calibrated = self.calibrations.get_mut(&metric.name);
        let is_news = calibrated.is_none_or(|it| !std::mem::replace(&mut it.told_noisy, true));
        if let Some(share) = price.delta_share.filter(|it| is_news && *it > VISIBLE) {
            self.notice(format!(
                "the noise of `{}` is so large that only changes of {:.0} % or more can be seen; measure more in each run, leave the machine alone, or count something that does not vary",
                metric.name,
                100.0 * share
            ));
        }
        let seconds = |pairs: u32| f64::from(pairs) * pair_seconds;
        self.tell(&RunEvent::TestPlanned {
            id,
            metric: metric.name.clone(),
            unit: metric.unit.clone(),
            n_max: price.n_max,
            shortened: self.affordable(pair_seconds) == Some(price.n_max),
            delta: price.delta,
            delta_share: price.delta_share,
            seconds_null: seconds(price.null_pairs),
            seconds_keep: seconds(price.keep_pairs),
            seconds_most: seconds(price.n_max),
            notes: decision::plan_notes(plan),
        });
        let round = |pairs| Duration::from_secs(Duration::from_secs_f64(seconds(pairs)).as_secs());
        let words = |pairs| crate::model::budget::words(round(pairs));
        self.remarks.push(format!(
            "The price as it was told before: at most {} pairs of runs in {}, about {} to find no effect and {} to a keep.",
            price.n_max,
            words(price.n_max),
            words(price.null_pairs),
            words(price.keep_pairs),
        ));
        self.remarks.extend(decision::plan_notes(plan));
        None
    }

    /// Returns the verdict of a test that what is left of the budget cannot decide, and ends the run: after
    /// `n_before` pairs that decide nothing, none comes before `n_fewest` more.
    pub(in crate::ceo) fn too_dear(
        &mut self,
        metric: &config::Metric,
        n_before: u32,
        n_fewest: u32,
        pair_seconds: f64,
    ) -> Option<Decision> {
        let affordable = self.affordable(pair_seconds)?;
        let needed = n_before.saturating_add(n_fewest);
        if affordable >= needed {
            return None;
        }
        self.unaffordable = Some(format!(
            "what is left of the budget of {} pays for {affordable} pairs of `{}`, and no verdict on it comes before {needed}; everything up to here is recorded",
            self.request.limits.budget, metric.name
        ));
        let reason = format!(
            "not tested: what is left of the budget pays for {affordable} pairs of `{}`, and no verdict comes before {needed}",
            metric.name
        );
        Some(Decision::plain(Verdict::Spurious, reason))
    }
}
