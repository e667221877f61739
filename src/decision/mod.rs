//! Calibration, the sequential test, and its verdict, as pure functions of samples; nothing here runs,
//! reads or draws anything.
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod audit;
mod bounded;
mod calibration;
mod composite;
mod deterministic;
mod difference;
mod effect;
mod guard;
mod keeps;
mod holdout;
mod landing;
mod oddity;
mod others;
mod planning;
mod position;
mod price;
mod reasons;
mod resumption;
mod rows;
mod screening;
mod seen;
mod sequential;
mod stream;
mod unit;
mod watch;
mod wording;

#[cfg(test)]
mod laws;
#[cfg(test)]
mod sample;
#[cfg(test)]
mod simulation;

pub use audit::{
    AUDIT_LEVEL, Audit, Claimed, Retest, is_audit_due, judge_audit, judge_retest, may_simplify,
    plan_audit, plan_retest, plan_simplifications,
};
pub use bounded::{BoundedState, InstanceAsk, plan_instances, shared_noise};
pub use calibration::{calibrate, pool};
pub use composite::{deterministic_gain, weigh, weigh_scores};
pub use guard::guard_tail;
pub use holdout::{
    Asked, Gains, after_holdout, hidden_gain, holdout_outcome, holdout_warning, is_retired,
    replay_holdout,
};
pub use keeps::plan_keeps;
pub use landing::{Landing, after_landing, landing_evidence, look_at_landing};
pub use oddity::{despite_oddity, oddity};
pub use others::{cut_short, held_to, lets_pass};
pub use planning::{Ask, between_builds, plan};
pub use position::Positions;
pub use price::{Price, fewest_pairs, plan_notes, price};
pub use resumption::{prolonged, resumable};
pub use rows::{Preset, calibration_pairs};
pub use screening::{Screen, misscreened, screen, screening_pairs};
pub use seen::{add_shrunken, seen, shrunken, total};
pub use sequential::{Look, State};
pub use stream::{KEEPS, StreamState, Streams, family, survivors_bound};
pub use watch::{found_at, plan_watch};
pub use wording::is_time;

use crate::model::measurement::{Evidence, TestPlan};
use crate::model::verdict::{Decision, Verdict};

/// What to do after a look at the evidence.
#[expect(
    clippy::large_enum_variant,
    reason = "one lives at a time, and every caller takes the decision out of it at once"
)]
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// Run one more randomised pair.
    Continue,
    /// Stop: this is the verdict.
    Stop(Decision),
}

/// Looks at the evidence so far.
///
/// Kernel S looks after every pair, kernel B after every few. Kernel D wants a second pair, its
/// confirmation, when the first shows a gain. The verdict is that of the first look that stops: pairs behind it change nothing.
pub fn decide(evidence: &Evidence) -> Next {
    match &evidence.plan {
        TestPlan::Deterministic {
            direction,
            delta,
            n_rep,
        } => deterministic::decide(evidence, *direction, *delta, *n_rep),
        TestPlan::SignBetting(plan) => sequential::decide(evidence, plan),
        TestPlan::Bounded(plan) => bounded::decide(evidence, plan),
        TestPlan::Watch(plan) => watch::decide(evidence, plan),
    }
}

/// Recomputes the decision of stored evidence, from its raw samples and frozen plan alone.
///
/// Evidence that ends before any look stopped, as after an interruption, is inconclusive.
pub fn replay(evidence: &Evidence) -> Decision {
    match decide(evidence) {
        Next::Stop(decision) => decision,
        Next::Continue => unfinished(evidence),
    }
}

/// Returns pairs so far, `ln e` and the logarithm of the ratio that gives up, for progress lines.
pub fn progress(evidence: &Evidence) -> (u32, f64, f64) {
    match &evidence.plan {
        TestPlan::Deterministic { .. } => (deterministic::n_pairs(evidence), 0.0, 0.0),
        TestPlan::SignBetting(plan) => {
            let state = sequential::run(plan, &evidence.pairs).0;
            (state.n(), state.ln_e(), state.ln_futility())
        }
        TestPlan::Bounded(plan) => {
            let state = bounded::run(plan, &evidence.pairs).0;
            (state.n(), state.ln_e(), state.ln_futility())
        }
        TestPlan::Watch(plan) => {
            let (n, ln_ratio) = watch::progress(evidence, plan);
            (n, 0.0, ln_ratio)
        }
    }
}

fn unfinished(evidence: &Evidence) -> Decision {
    let n_pairs = wording::pairs(u32::try_from(evidence.pairs.len()).unwrap_or(u32::MAX));
    let reason = format!("stopped before a verdict, after {n_pairs}");
    match &evidence.plan {
        TestPlan::Deterministic { .. } | TestPlan::Watch(_) => {
            Decision::plain(Verdict::Inconclusive, reason)
        }
        TestPlan::SignBetting(plan) => {
            let state = sequential::run(plan, &evidence.pairs).0;
            sequential::conclude(evidence, plan, &state, Verdict::Inconclusive, vec![reason])
        }
        TestPlan::Bounded(plan) => {
            let state = bounded::run(plan, &evidence.pairs).0;
            bounded::conclude(evidence, plan, &state, Verdict::Inconclusive, vec![reason])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::sample::{evidence, pairs_of, sign_plan};
    use super::*;

    #[test]
    fn evidence_without_a_stop_is_inconclusive() {
        let evidence = evidence(
            TestPlan::SignBetting(sign_plan()),
            pairs_of(&[(100.0, 95.0)]),
        );
        assert_eq!(decide(&evidence), Next::Continue);
        let decision = replay(&evidence);
        assert_eq!(decision.verdict, Verdict::Inconclusive);
        assert_eq!(
            decision.reasons[0],
            "stopped before a verdict, after 1 pair"
        );
        assert_eq!(decision.statistics.unwrap().n_pairs, 1);
    }

    #[test]
    fn a_test_that_was_cut_short_is_undecided_and_one_that_had_ended_is_not_touched() {
        let cut = |n: usize, after: f64| {
            let plan = TestPlan::SignBetting(sign_plan());
            let pairs = pairs_of(&[(100.0, 99.5), (100.0, after)][..n]);
            cut_short(&evidence(plan, pairs), &[])
        };
        assert_eq!(cut(0, 99.0), None);
        let decision = cut(2, 99.5).unwrap();
        assert_eq!(decision.verdict, Verdict::Inconclusive);
        assert!(decision.statistics.unwrap().ln_e > 0.0);
        assert_eq!(cut(2, 120.0), None, "it was given up");
        let plan = TestPlan::SignBetting(sign_plan());
        let passed = evidence(plan.clone(), pairs_of(&[(100.0, 94.0); 60]));
        assert_eq!(cut_short(&passed, &[]), None, "it had passed");
        let other = evidence(plan, pairs_of(&[(100.0, 99.5); 2]));
        let decision = cut_short(&passed, &[other]).unwrap();
        assert_eq!(decision.verdict, Verdict::Inconclusive);
        assert!(decision.reasons[0].starts_with("the claim holds, and `parse` is not shown"));
    }

    #[test]
    fn progress_counts_pairs_and_evidence() {
        let evidence = evidence(
            TestPlan::SignBetting(sign_plan()),
            pairs_of(&[(100.0, 99.0), (100.0, 99.0)]),
        );
        let (n, ln_e, ln_futility) = progress(&evidence);
        assert_eq!(n, 2);
        assert!(ln_e > 0.0);
        assert!(ln_futility < 0.0);
    }
}
