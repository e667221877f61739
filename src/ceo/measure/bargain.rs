//! What a change that claims a noisy metric does besides, and whether the one may pay for the other.

use crate::ceo::session::Session;
use crate::config;
use crate::decision;
use crate::model::dimension::Evaluation;
use crate::model::measurement::TestPlan;
use crate::model::violation::{Rule, Violation};
use crate::score::Weights;

/// Dimensions of which nothing is for sale.
const NOT_FOR_SALE: [&str; 3] = ["types", "config", "guards"];

/// The present candidate's side effects.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::ceo) struct Bargain {
    /// Whether the metric may pay for them.
    trade: bool,
    /// What they amount to, as a relative change of the metric.
    gain: f64,
}

impl Session<'_> {
    /// Notes what a candidate does beside its claim.
    pub(in crate::ceo) fn note_side_effects(
        &mut self,
        metric: Option<&config::Metric>,
        candidate: &Evaluation,
    ) {
        let profile = &self.bench.lab.profile;
        let weights = match &profile.eval.weights {
            Some(it) => Weights {
                hygiene: it.hygiene,
                growth: it.growth,
                project: it.project,
            },
            None => Weights::WITH_PROJECT,
        };
        let trade = profile.research.as_ref().is_some_and(|research| {
            research.trade && metric.is_some_and(|it| it.name == research.metric)
        });
        self.bargain = match metric {
            Some(_) => Bargain {
                trade,
                gain: decision::deterministic_gain(
                    &self.baseline().dimensions,
                    &candidate.dimensions,
                    weights,
                ),
            },
            None => Bargain::default(),
        };
    }

    /// Puts the side effects on the scale of the metric's test.
    pub(super) fn weigh_side_effects(&self, plan: &mut TestPlan) {
        decision::weigh(plan, self.bargain.gain, self.bargain.trade);
    }

    /// The same for a test over instances, whose mean score is `level` on the unchanged code.
    pub(super) fn weigh_scores(&self, plan: &mut TestPlan, level: f64) {
        decision::weigh_scores(plan, level, self.bargain.gain, self.bargain.trade);
    }

    /// Returns the violations that no gain of the metric may pay for.
    pub(super) fn beyond_price(&self, mut violations: Vec<Violation>) -> Vec<Violation> {
        let is_for_sale = |it: &Violation| {
            let named = it.detail.split('`').nth(1).unwrap_or_default();
            it.rule == Rule::DimensionFell && !NOT_FOR_SALE.contains(&named)
        };
        violations.retain(|it| !self.bargain.trade || !is_for_sale(it));
        violations
    }
}
