//! A claim that holds, held to the other noisy metrics of the project: all must let it pass.

use super::{Next, decide, despite_oddity, oddity, replay};
use crate::model::measurement::{Evidence, TestPlan};
use crate::model::verdict::{Decision, Verdict};

/// Returns the decision on a claim once other metrics were tested, in their order; the first that does not
/// let it pass has its verdict.
pub fn held_to(claim: Decision, others: &[Evidence]) -> Decision {
    others.iter().fold(claim, |claim, evidence| {
        if claim.verdict == Verdict::Keep {
            hold(claim, evidence)
        } else {
            claim
        }
    })
}

/// Returns what becomes of a claim, and of what else it was held to, where the last test of these was cut off
/// before a look stopped it: it is undecided, and may go on from there. `None` where no pair of it was run, or
/// where a look had ended it.
pub fn cut_short(claim: &Evidence, others: &[Evidence]) -> Option<Decision> {
    let last = others.last().unwrap_or(claim);
    let may_go_on = matches!(last.plan, TestPlan::SignBetting(_))
        && !last.pairs.is_empty()
        && oddity(last).is_none()
        && decide(last) == Next::Continue;
    may_go_on.then(|| held_to(replay(claim), others))
}

/// Returns whether a test lets a candidate pass.
pub fn lets_pass(evidence: &Evidence) -> bool {
    judged(evidence).verdict == Verdict::Keep
}

fn hold(mut claim: Decision, evidence: &Evidence) -> Decision {
    let other = judged(evidence);
    let metric = &evidence.metric;
    let why = other.reasons.first().cloned().unwrap_or_default();
    if other.verdict == Verdict::Keep {
        claim.reasons.push(format!("`{metric}` is no worse: {why}"));
        return claim;
    }
    claim.verdict = other.verdict;
    let reason = format!("the claim holds, and `{metric}` is not shown to be no worse: {why}");
    claim.reasons.insert(0, reason);
    claim.violations.extend(other.violations);
    claim
}

fn judged(evidence: &Evidence) -> Decision {
    let decision = replay(evidence);
    match oddity(evidence) {
        Some(reason) => despite_oddity(decision, reason),
        None => decision,
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{evidence, pair_of, sign_plan};
    use super::*;
    use crate::model::measurement::SignPlan;

    fn other(after: f64, n: usize) -> Evidence {
        let plan = SignPlan {
            epsilon: 0.01,
            delta: 0.01,
            ..sign_plan()
        };
        evidence(TestPlan::SignBetting(plan), vec![pair_of(100.0, after); n])
    }

    fn claim(verdict: Verdict) -> Decision {
        Decision::plain(verdict, "lint: 3 → 0 findings")
    }

    #[test]
    fn what_costs_nothing_elsewhere_stays_kept_and_says_so() {
        let decision = held_to(claim(Verdict::Keep), &[other(100.0, 60)]);
        assert_eq!(decision.verdict, Verdict::Keep);
        assert_eq!(decision.reasons[0], "lint: 3 → 0 findings");
        assert!(decision.reasons[1].starts_with("`parse` is no worse: e-value"));
    }

    #[test]
    fn the_first_metric_that_is_not_shown_to_stay_decides() {
        let decision = held_to(
            claim(Verdict::Keep),
            &[other(100.0, 60), other(102.0, 60), other(100.0, 60)],
        );
        assert_eq!(decision.verdict, Verdict::Revert);
        assert!(decision.reasons[0].starts_with("the claim holds, and `parse`"));
        let undecided = held_to(claim(Verdict::Keep), &[other(100.0, 2)]);
        assert_eq!(undecided.verdict, Verdict::Inconclusive);
    }

    #[test]
    fn a_test_that_was_cut_off_goes_on_and_one_that_was_not_begun_does_not() {
        let claim = other(100.0, 60);
        let cut = cut_short(&claim, &[other(100.0, 2)]).unwrap();
        assert_eq!(cut.verdict, Verdict::Inconclusive);
        assert!(cut.reasons[0].contains("stopped before a verdict, after 2 pairs"));
        assert_eq!(cut_short(&claim, &[other(100.0, 0)]), None);
        assert_eq!(cut_short(&claim, &[]), None);
    }

    #[test]
    fn a_claim_that_does_not_hold_is_held_to_nothing() {
        let decision = held_to(claim(Verdict::Revert), &[other(100.0, 60)]);
        assert_eq!(decision, claim(Verdict::Revert));
    }
}
