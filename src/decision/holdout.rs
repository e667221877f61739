//! What a keep becomes when hidden instances are asked about it.

use crate::model::holdout::{HoldoutCheck, HoldoutOutcome};
use crate::model::verdict::{Decision, Verdict};
use crate::stats::ladder;

/// Returns whether a set that was asked so often has nothing more to say; `n` is how many instances it
/// had when it was last asked.
pub fn is_retired(asked: u32, n: usize) -> bool {
    asked > 0 && ladder::is_worn_out(usize::try_from(asked).unwrap_or(usize::MAX), n)
}

/// Compares losses of the same hidden instances, in the same order.
pub fn holdout_outcome(incumbent: &[f64], candidate: &[f64]) -> HoldoutOutcome {
    if incumbent.len() == candidate.len() && ladder::step(incumbent, candidate).accepted {
        HoldoutOutcome::Passed
    } else {
        HoldoutOutcome::NotPassed
    }
}

/// Returns what a decision becomes. The reasons say nothing of the scores, since agents read them.
#[must_use]
pub fn after_holdout(mut decision: Decision, check: &HoldoutCheck) -> Decision {
    let (verdict, reason) = match check.outcome {
        HoldoutOutcome::Passed => (
            Verdict::Keep,
            "holdout: the gain holds on instances that nobody could see".to_owned(),
        ),
        HoldoutOutcome::NotPassed => (
            Verdict::Revert,
            "holdout: the gain does not hold on instances that nobody could see".to_owned(),
        ),
        HoldoutOutcome::NoResult => (
            Verdict::Revert,
            "holdout: the candidate gave no usable result on instances that nobody could see"
                .to_owned(),
        ),
        HoldoutOutcome::NoBase => (
            Verdict::Spurious,
            "holdout: its command gives no usable result on the unchanged code".to_owned(),
        ),
        HoldoutOutcome::Retired => (
            Verdict::Keep,
            format!(
                "holdout retired: it was asked {} times, so that this keep was not checked on instances \
                 that nobody could see",
                check.query
            ),
        ),
    };
    decision.verdict = verdict;
    if verdict == Verdict::Keep {
        decision.reasons.push(reason);
    } else {
        decision.reasons.insert(0, reason);
    }
    decision
}

/// Recomputes a check from its stored losses, and the decision that it leads to.
#[must_use]
pub fn replay_holdout(decision: Decision, check: &HoldoutCheck) -> Decision {
    if decision.verdict != Verdict::Keep {
        return decision;
    }
    let outcome = match check.outcome {
        HoldoutOutcome::Passed | HoldoutOutcome::NotPassed => {
            holdout_outcome(&check.incumbent, &check.candidate)
        }
        other => other,
    };
    let again = HoldoutCheck {
        outcome,
        ..check.clone()
    };
    after_holdout(decision, &again)
}

/// Returns what a person should know of the size of a holdout, and what it costs; nothing when it is
/// large enough.
pub fn holdout_warning(n: usize, n_visible: usize, needed: f64) -> Option<String> {
    let count = |it: usize| f64::from(u32::try_from(it).unwrap_or(u32::MAX));
    let share = count(n) / count((n + n_visible).max(1));
    if n >= ENOUGH && share >= SHARE {
        return None;
    }
    let with_enough = needed * (count(n) / count(ENOUGH)).sqrt();
    let passes = if n < ENOUGH {
        format!(
            ": a gain must exceed {needed:.3} there to pass, and with {ENOUGH} instances {with_enough:.3} would do"
        )
    } else {
        ": gains that were fitted to the visible instances are found late".to_owned()
    };
    Some(format!(
        "the holdout has {n} instances, {:.0} % of all{passes}; it may be asked {} times (hint: hide at \
         least {ENOUGH} instances and {:.0} % of them)",
        share * 100.0,
        (n / 10).max(1),
        SHARE * 100.0
    ))
}

/// Fewer hidden instances let only large gains pass.
const ENOUGH: usize = 200;
/// A smaller share is soon out of step with what is visible.
const SHARE: f64 = 0.3;

#[cfg(test)]
mod tests {
    use super::*;

    fn check(incumbent: &[f64], candidate: &[f64]) -> HoldoutCheck {
        HoldoutCheck {
            set: "a".to_owned(),
            query: 1,
            outcome: holdout_outcome(incumbent, candidate),
            incumbent: incumbent.to_vec(),
            candidate: candidate.to_vec(),
            failure: None,
        }
    }

    fn keep() -> Decision {
        Decision::plain(Verdict::Keep, "e-value 60 ≥ 40")
    }

    const BAD: [f64; 4] = [1.0, 1.0, 1.0, 0.0];
    const GOOD: [f64; 4] = [0.0, 0.0, 1.0, 0.0];

    #[test]
    fn a_keep_stands_only_where_the_gain_holds_on_the_holdout() {
        let passed = after_holdout(keep(), &check(&BAD, &GOOD));
        assert_eq!(passed.verdict, Verdict::Keep);
        assert!(passed.reasons[1].starts_with("holdout: the gain holds"));
        for (incumbent, candidate) in [(BAD, BAD), (GOOD, BAD)] {
            let failed = after_holdout(keep(), &check(&incumbent, &candidate));
            assert_eq!(failed.verdict, Verdict::Revert);
            assert!(failed.reasons[0].starts_with("holdout: the gain does not hold"));
        }
        let longer = holdout_outcome(&BAD, &[0.0; 5]);
        assert_eq!(longer, HoldoutOutcome::NotPassed);
    }

    #[test]
    fn no_reason_holds_a_number_of_the_holdout() {
        for outcome in [
            HoldoutOutcome::Passed,
            HoldoutOutcome::NotPassed,
            HoldoutOutcome::NoResult,
            HoldoutOutcome::NoBase,
        ] {
            let check = HoldoutCheck {
                outcome,
                failure: Some("instance q17b: expected 0.73172".to_owned()),
                ..check(&BAD, &GOOD)
            };
            let decision = after_holdout(Decision::plain(Verdict::Keep, "kept"), &check);
            let reasons = decision.reasons.concat();
            assert!(
                !reasons.contains(|it: char| it.is_ascii_digit()),
                "{reasons}"
            );
        }
    }

    #[test]
    fn a_replay_comes_to_the_same_end_and_notices_another_answer() {
        let honest = check(&BAD, &GOOD);
        assert_eq!(replay_holdout(keep(), &honest).verdict, Verdict::Keep);
        let forged = HoldoutCheck {
            outcome: HoldoutOutcome::Passed,
            ..check(&GOOD, &BAD)
        };
        assert_eq!(replay_holdout(keep(), &forged).verdict, Verdict::Revert);
        let revert = Decision::plain(Verdict::Revert, "no");
        assert_eq!(replay_holdout(revert.clone(), &forged), revert);
    }

    #[test]
    fn a_set_that_was_asked_too_often_is_retired_and_keeps_say_so() {
        assert!(!is_retired(0, 5) && !is_retired(19, 200) && is_retired(20, 200));
        let retired = HoldoutCheck {
            outcome: HoldoutOutcome::Retired,
            query: 20,
            ..check(&[], &[])
        };
        let decision = after_holdout(keep(), &retired);
        assert_eq!(decision.verdict, Verdict::Keep);
        assert!(decision.reasons[1].starts_with("holdout retired: it was asked 20 times"));
    }

    #[test]
    fn a_small_holdout_is_warned_of_with_what_it_costs() {
        assert_eq!(holdout_warning(200, 400, 0.03), None);
        let few = holdout_warning(50, 50, 0.06).unwrap();
        assert!(
            few.contains(
                "a gain must exceed 0.060 there to pass, and with 200 instances 0.030 would do"
            ),
            "{few}"
        );
        let share = holdout_warning(300, 3000, 0.03).unwrap();
        assert!(share.contains("300 instances, 9 % of all"), "{share}");
    }
}
