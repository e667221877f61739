//! Metrics that a claim is not about, watched for a loss while it is decided.
//!
//! Wald's ratio of a loss against none: it can turn a candidate away and never creates a keep, so it takes
//! nothing from the budget of any stream.

use super::difference::{Orientation, Unfit, value};
use super::planning::{Ask, plan};
use super::{Next, effect, wording};
use crate::model::measurement::{Calibration, Evidence, Pair, Scale, TestPlan, WatchPlan};
use crate::model::verdict::{Decision, Verdict};
use crate::stats::loss::LossRatio;

/// The chance that any of the watched metrics turns a candidate away that is no worse.
const ERROR: f64 = 0.05;
/// What repeats its numbers is measured, and a loss confirmed once.
const PAIRS_WITHOUT_NOISE: u32 = 2;

/// Plans to watch a metric on up to `n_pairs` pairs, as one `among` so many; the loss that is looked for is
/// the smallest effect that counts, and at least one standard deviation.
pub fn plan_watch(
    ask: &Ask,
    scale: Scale,
    calibration: &Calibration,
    n_pairs: u32,
    among: u32,
) -> TestPlan {
    let n_calibration = u32::try_from(calibration.differences.len()).unwrap_or(u32::MAX);
    let (epsilon, sigma, most) = match plan(ask, scale, calibration) {
        TestPlan::SignBetting(plan) => (plan.delta.max(plan.sigma), plan.sigma, plan.n_max),
        _ => (ask.tolerance.unwrap_or(0.0), 0.0, PAIRS_WITHOUT_NOISE),
    };
    TestPlan::Watch(WatchPlan {
        direction: ask.direction,
        scale: if sigma > 0.0 {
            scale
        } else {
            Scale::Difference
        },
        epsilon,
        sigma,
        n_calibration,
        among: among.max(1),
        n_pairs: n_pairs.clamp(PAIRS_WITHOUT_NOISE, most.max(PAIRS_WITHOUT_NOISE)),
    })
}

/// Looks at the pairs so far: a loss reverts, and none after all of them lets pass.
pub(super) fn decide(evidence: &Evidence, plan: &WatchPlan) -> Next {
    let mut watch = Watch::new(plan);
    for pair in &evidence.pairs {
        if let Err(unfit) = watch.fold(pair) {
            return Next::Stop(Decision::plain(Verdict::Inconclusive, unfit.to_string()));
        }
        let loss = watch.found();
        if loss || watch.n >= plan.n_pairs || watch.is_spared() {
            return Next::Stop(conclude(evidence, &watch, loss));
        }
    }
    Next::Continue
}

/// Returns pairs so far and the logarithm of the ratio, for progress lines.
pub(super) fn progress(evidence: &Evidence, plan: &WatchPlan) -> (u32, f64) {
    let mut watch = Watch::new(plan);
    for pair in &evidence.pairs {
        if watch.fold(pair).is_err() {
            break;
        }
    }
    (watch.n, watch.ln_ratio())
}

/// Returns the ratio from which a loss counts as found.
pub fn found_at(plan: &WatchPlan) -> f64 {
    f64::from(plan.among) / ERROR
}

/// A watch in progress.
struct Watch<'a> {
    plan: &'a WatchPlan,
    orientation: Orientation,
    ratio: LossRatio,
    n: u32,
    n_losses: u32,
}

impl<'a> Watch<'a> {
    fn new(plan: &'a WatchPlan) -> Self {
        Self {
            plan,
            orientation: Orientation {
                direction: plan.direction,
                scale: plan.scale,
            },
            ratio: LossRatio::new(plan.epsilon, plan.sigma, plan.n_calibration),
            n: 0,
            n_losses: 0,
        }
    }

    fn fold(&mut self, pair: &Pair) -> Result<(), Unfit> {
        let penalty = 3.0 * self.plan.sigma.max(self.plan.epsilon);
        let difference = self.orientation.pair(pair, penalty)?;
        let has_failed = value(&pair.candidate).is_none() && value(&pair.incumbent).is_some();
        self.n += 1;
        self.n_losses += u32::from(has_failed || difference < -self.plan.epsilon);
        self.ratio.push(difference);
        Ok(())
    }

    fn is_noisy(&self) -> bool {
        self.plan.sigma > 0.0
    }

    fn found(&self) -> bool {
        if self.is_noisy() {
            self.ln_ratio() >= found_at(self.plan).ln()
        } else {
            self.n_losses >= PAIRS_WITHOUT_NOISE
        }
    }

    /// Returns whether what repeats its numbers shows no loss: one pair is enough.
    fn is_spared(&self) -> bool {
        !self.is_noisy() && self.n_losses == 0 && self.n > 0
    }

    fn ln_ratio(&self) -> f64 {
        if self.is_noisy() && self.n > 0 {
            self.ratio.ln_ratio()
        } else {
            0.0
        }
    }
}

fn conclude(evidence: &Evidence, watch: &Watch<'_>, loss: bool) -> Decision {
    let plan = watch.plan;
    let n = usize::try_from(watch.n).unwrap_or(usize::MAX);
    let n_pairs = wording::pairs(watch.n);
    let effect = effect::medians(&evidence.pairs[..n.min(evidence.pairs.len())])
        .map(|(before, after)| effect::of_values(evidence, plan.direction, before, after));
    let measured = match &effect {
        Some(effect) => wording::measured(effect, plan.direction),
        None => "its runs give no value".to_owned(),
    };
    let reason = match (loss, watch.is_noisy()) {
        (true, true) => format!(
            "it got worse: {measured}, likelihood ratio {} ≥ {} after {n_pairs}",
            wording::floored(watch.ln_ratio()),
            wording::plain(found_at(plan))
        ),
        (true, false) => format!("it got worse, in each of {n_pairs}: {measured}"),
        (false, _) => format!("no loss was seen in {n_pairs}"),
    };
    Decision {
        effect,
        ..Decision::plain(if loss { Verdict::Revert } else { Verdict::Keep }, reason)
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{calibration, evidence, failed, pair, pair_of};
    use super::super::{Preset, decide, replay};
    use super::*;
    use crate::model::dimension::Direction;

    fn ask() -> Ask {
        Ask {
            direction: Direction::Minimize,
            tolerance: None,
            alpha: 0.05,
            stream: None,
            epsilon: 0.0,
            n_rep: 1,
            preset: Preset::Balanced,
            affordable: None,
        }
    }

    fn noisy(among: u32) -> TestPlan {
        let noise = calibration(&[0.01, -0.01, 0.012, -0.008]);
        plan_watch(&ask(), Scale::LogRatio, &noise, 12, among)
    }

    fn exact(tolerance: Option<f64>) -> TestPlan {
        let same = Calibration {
            deterministic: true,
            ..calibration(&[0.0, 0.0])
        };
        let ask = Ask { tolerance, ..ask() };
        plan_watch(&ask, Scale::LogRatio, &same, 12, 1)
    }

    fn verdict(plan: TestPlan, after: f64) -> Decision {
        replay(&evidence(plan, vec![pair_of(100.0, after); 40]))
    }

    #[test]
    fn the_same_passes_after_as_many_pairs_as_the_claim_took() {
        let decision = verdict(noisy(1), 100.2);
        assert_eq!(decision.verdict, Verdict::Keep);
        assert_eq!(decision.reasons, ["no loss was seen in 12 pairs"]);
        let begun = evidence(noisy(1), vec![pair_of(100.0, 100.0); 11]);
        assert_eq!(decide(&begun), Next::Continue);
    }

    #[test]
    fn a_loss_is_found_and_one_among_many_needs_more_evidence() {
        let pairs_of = |among| {
            let decision = verdict(noisy(among), 102.0);
            assert_eq!(decision.verdict, Verdict::Revert, "{:?}", decision.reasons);
            let n = |n: &usize| {
                let so_far = evidence(noisy(among), vec![pair_of(100.0, 102.0); *n]);
                decide(&so_far) != Next::Continue
            };
            (1..40).find(n).unwrap()
        };
        assert!(pairs_of(1) < pairs_of(50));
    }

    #[test]
    fn a_candidate_whose_runs_fail_is_worse() {
        let fails = pair(
            pair_of(100.0, 1.0).incumbent.sample,
            failed("exit status 1"),
        );
        for plan in [noisy(1), exact(None)] {
            let decision = replay(&evidence(plan, vec![fails.clone(); 12]));
            assert_eq!(decision.verdict, Verdict::Revert);
        }
    }

    #[test]
    fn what_repeats_is_looked_at_once_and_a_loss_confirmed() {
        let once = evidence(exact(None), vec![pair_of(100.0, 100.0)]);
        assert_eq!(replay(&once).verdict, Verdict::Keep);
        let lost = |n| evidence(exact(None), vec![pair_of(100.0, 100.1); n]);
        assert_eq!(decide(&lost(1)), Next::Continue);
        let decision = replay(&lost(2));
        assert_eq!(decision.verdict, Verdict::Revert);
        assert!(decision.reasons[0].starts_with("it got worse, in each of 2 pairs"));
        assert_eq!(verdict(exact(Some(1.0)), 100.1).verdict, Verdict::Keep);
    }
}
