//! What a run may use up, and whether what is left pays for more.

use std::time::{Duration, Instant};

use super::Error;
use super::session::{Session, count};
use crate::model::budget::Budget;
use crate::model::experiment::Cost;
use crate::model::verdict::{Decision, Verdict};

/// With less than this left, no candidate is searched for once a search ran out of time.
const LEAST: Duration = Duration::from_mins(1);

/// A budget, and since when it is drawn on.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// What may be used up.
    pub budget: Budget,
    /// When the clock began to run.
    pub since: Instant,
}

impl Limits {
    /// Returns a budget that is drawn on from `since`.
    pub fn new(budget: Budget, since: Instant) -> Self {
        Self { budget, since }
    }

    /// Takes what one pass used up off everything but the time, which runs by itself.
    pub fn pay(&mut self, experiments: u32, cost: &Cost) {
        let budget = &mut self.budget;
        let less = |left: Option<u64>, used: u64| left.map(|it| it.saturating_sub(used));
        budget.experiments = budget.experiments.map(|it| it.saturating_sub(experiments));
        budget.tokens = less(budget.tokens, cost.tokens);
        budget.usd_cents = less(budget.usd_cents, cost.usd_cents);
    }

    /// Returns the time that is left, where it is limited.
    pub(super) fn time_left(&self) -> Option<Duration> {
        let time = self.budget.time?;
        Some(time.saturating_sub(self.since.elapsed()))
    }
}

impl Session<'_> {
    /// Returns what of the budget is used up after so many experiments of this pass, if anything is.
    pub(super) fn used_up(&self, n_experiments: usize) -> Option<String> {
        let mut limits = self.request.limits;
        limits.pay(count(n_experiments), &self.cost);
        let left = Budget {
            time: limits.time_left(),
            ..limits.budget
        };
        left.is_zero().then(|| {
            let budget = self.request.limits.budget;
            format!("the budget of {budget} is used up; everything up to here is recorded")
        })
    }

    /// Returns why a run ends before its time does, where what is left is too little to search for a
    /// candidate and to test it.
    pub(super) fn is_nearly_over(&self) -> Option<String> {
        let left = self.request.limits.time_left()?;
        (left < LEAST).then(|| {
            let budget = self.request.limits.budget;
            format!(
                "the budget of {budget} is nearly used up: {} s are too few to find and test another edit; \
                 everything up to here is recorded",
                left.as_secs()
            )
        })
    }

    /// Returns the decision of an experiment that the end of the run's time interrupted: it is not the
    /// person who did.
    pub(super) fn out_of_time(&self, error: &Error) -> Option<Decision> {
        let is_over = self.request.limits.time_left() == Some(Duration::ZERO);
        (is_over && error.is_interruption()).then(|| {
            let reason = "the time budget ended before there was a verdict";
            Decision::plain(Verdict::Spurious, reason)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passes_draw_on_one_budget() {
        let budget = "3 experiments,10tok,1usd".parse().unwrap();
        let mut limits = Limits::new(budget, Instant::now());
        let cost = Cost {
            tokens: 4,
            usd_cents: 30,
            ..Cost::default()
        };
        limits.pay(2, &cost);
        assert_eq!(limits.budget.to_string(), "1 experiment, 0.70usd, 6tok");
        limits.pay(2, &cost);
        assert!(limits.budget.is_zero());
        assert_eq!(limits.time_left(), None);
    }
}
