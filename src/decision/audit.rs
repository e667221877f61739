//! The audit: do the keeps of a while, taken together, deliver what they claimed one by one?
//!
//! The landing branch is paired with the code before the first of them. An audit that cannot confirm is no
//! reason to undo anything: only a loud alarm is, and then only for a keep that a test of its own speaks
//! against. Undoing whatever is not confirmed would undo 17–70 % of the true keeps.

use crate::model::id::ExperimentId;
use crate::model::measurement::{SignPlan, TestPlan};
use crate::model::verdict::{Decision, Verdict};

/// An audit is due after so many keeps.
const N_KEEPS: usize = 10;
/// Or after so many experiments, if there was a keep among them.
const N_EXPERIMENTS: usize = 50;
/// Between two audits at most so many simplifications are kept, because each may lose up to δ unseen.
const N_SIMPLIFICATIONS: usize = 3;
/// The level of confirming, and of an alarm.
pub const AUDIT_LEVEL: f64 = 0.05;
/// A scale below this share of δ would let single pairs speak for many.
const LEAST_SCALE: f64 = 0.7;

/// A keep that an audit looks back on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Claimed {
    /// The experiment.
    pub id: ExperimentId,
    /// The natural logarithm of the e-value that it was kept with.
    pub ln_e: f64,
    /// Its shrunken effect, in units of the pair difference.
    pub gain: f64,
}

/// What an audit says of the keeps of one metric, taken together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audit {
    /// The gain is there.
    Confirmed,
    /// Neither shown nor ruled out: all keeps stay, marked as unconfirmed.
    Unconfirmed,
    /// Half the gain is ruled out: each of these is to be tested again, the least certain first.
    Alarm(Vec<ExperimentId>),
}

/// What a keep's own test says after an alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retest {
    /// It is a gain.
    Confirmed,
    /// Neither shown nor ruled out: it stays, marked as unconfirmed.
    Stays,
    /// Its effect is ruled out: it is to be undone, by a new commit.
    Unkeep,
}

/// Returns whether an audit is due, so many keeps and experiments after the last one.
pub fn is_audit_due(n_keeps: usize, n_experiments: usize) -> bool {
    n_keeps >= N_KEEPS || (n_keeps > 0 && n_experiments >= N_EXPERIMENTS)
}

/// Returns whether one more simplification may be kept before the next audit.
pub fn may_simplify(n_since_audit: usize) -> bool {
    n_since_audit < N_SIMPLIFICATIONS
}

/// Plans the audit of keeps of one metric, whose tests are planned like `metric`: the branch against the
/// code before them. `None` where nothing is claimed.
pub fn plan_audit(metric: &SignPlan, keeps: &[Claimed]) -> Option<TestPlan> {
    let claimed: f64 = keeps.iter().map(|it| it.gain).sum();
    plan(metric, claimed / 2.0)
}

/// Plans the test of one keep after an alarm: the branch against the branch without it.
pub fn plan_retest(metric: &SignPlan, keep: &Claimed) -> Option<TestPlan> {
    plan(metric, keep.gain)
}

/// Plans the test of all simplifications since the last audit: the branch against the branch without
/// them, so that together they lose no more than one of them may.
pub fn plan_simplifications(metric: &SignPlan) -> TestPlan {
    TestPlan::SignBetting(SignPlan {
        alpha: AUDIT_LEVEL,
        beta: AUDIT_LEVEL,
        stream: None,
        guards: Vec::new(),
        epsilon: metric.delta,
        ..metric.clone()
    })
}

/// A test of 0 against `delta`, in which both answers need an odds of twenty.
fn plan(metric: &SignPlan, delta: f64) -> Option<TestPlan> {
    if delta <= 0.0 {
        return None;
    }
    let floor = metric.floor.max(LEAST_SCALE * delta);
    Some(TestPlan::SignBetting(SignPlan {
        alpha: AUDIT_LEVEL,
        beta: AUDIT_LEVEL,
        stream: None,
        guards: Vec::new(),
        epsilon: 0.0,
        delta,
        floor,
        sigma: metric.sigma.max(floor),
        ..metric.clone()
    }))
}

/// Reads the decision of an audit's test.
pub fn judge_audit(decision: &Decision, keeps: &[Claimed]) -> Audit {
    match decision.verdict {
        Verdict::Keep => Audit::Confirmed,
        Verdict::Revert => {
            let mut suspects = keeps.to_vec();
            suspects.sort_by(|a, b| a.ln_e.total_cmp(&b.ln_e));
            Audit::Alarm(suspects.into_iter().map(|it| it.id).collect())
        }
        Verdict::Inconclusive | Verdict::Spurious | Verdict::Vetoed => Audit::Unconfirmed,
    }
}

/// Reads the decision of a keep's own test after an alarm.
pub fn judge_retest(decision: &Decision) -> Retest {
    match decision.verdict {
        Verdict::Keep => Retest::Confirmed,
        Verdict::Revert => Retest::Unkeep,
        Verdict::Inconclusive | Verdict::Spurious | Verdict::Vetoed => Retest::Stays,
    }
}

#[cfg(test)]
mod tests {
    use super::super::replay;
    use super::super::sample::{evidence, pair_of, sign_plan};
    use super::*;

    fn keeps() -> Vec<Claimed> {
        [(1, 7.0, 0.03), (2, 5.0, 0.01), (3, 6.0, 0.02)]
            .map(|(id, ln_e, gain)| Claimed {
                id: ExperimentId(id),
                ln_e,
                gain,
            })
            .to_vec()
    }

    fn judged(before: f64, after: f64) -> Audit {
        let plan = plan_audit(&sign_plan(), &keeps()).unwrap();
        let decision = replay(&evidence(plan, vec![pair_of(before, after); 60]));
        judge_audit(&decision, &keeps())
    }

    #[test]
    fn a_gain_that_is_there_is_confirmed() {
        assert_eq!(judged(100.0, 94.0), Audit::Confirmed);
        assert_eq!(judged(100.0, 96.5), Audit::Confirmed);
    }

    #[test]
    fn a_gain_that_is_not_there_raises_the_alarm_with_the_least_certain_first() {
        let expected = Audit::Alarm([2, 3, 1].map(ExperimentId).to_vec());
        assert_eq!(judged(100.0, 100.0), expected);
        assert_eq!(judged(100.0, 101.0), expected);
    }

    #[test]
    fn an_audit_that_was_cut_short_changes_nothing() {
        let plan = plan_audit(&sign_plan(), &keeps()).unwrap();
        let decision = replay(&evidence(plan, vec![pair_of(100.0, 98.0)]));
        assert_eq!(judge_audit(&decision, &keeps()), Audit::Unconfirmed);
        assert_eq!(judge_retest(&decision), Retest::Stays);
    }

    #[test]
    fn only_a_keep_whose_own_effect_is_ruled_out_is_undone() {
        let retested = |after| {
            let plan = plan_retest(&sign_plan(), &keeps()[0]).unwrap();
            judge_retest(&replay(&evidence(plan, vec![pair_of(100.0, after); 60])))
        };
        assert_eq!(retested(100.0), Retest::Unkeep);
        assert_eq!(retested(97.0), Retest::Confirmed);
    }

    #[test]
    fn simplifications_together_may_lose_no_more_than_one_of_them() {
        let verdict = |after| {
            let plan = plan_simplifications(&sign_plan());
            judge_retest(&replay(&evidence(plan, vec![pair_of(100.0, after); 60])))
        };
        assert_eq!(verdict(100.0), Retest::Confirmed);
        assert_eq!(verdict(101.5), Retest::Unkeep);
    }

    #[test]
    fn audits_come_after_keeps_or_after_a_while() {
        assert!(!is_audit_due(9, 49) && is_audit_due(10, 10) && is_audit_due(1, 50));
        assert!(!is_audit_due(0, 1_000));
        assert!(may_simplify(2) && !may_simplify(3));
    }

    #[test]
    fn nothing_claimed_is_nothing_to_audit() {
        assert_eq!(plan_audit(&sign_plan(), &[]), None);
    }
}
