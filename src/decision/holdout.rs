//! What a keep becomes when hidden instances are asked about it.

use std::collections::BTreeMap;

use super::difference::value;
use crate::model::holdout::{HoldoutCheck, HoldoutOutcome};
use crate::model::measurement::{Evidence, TestPlan};
use crate::model::verdict::{Decision, Verdict};
use crate::stats::estimate::mean;
use crate::stats::ladder;

/// Returns whether a set that was asked so often has nothing more to say; `n` is how many instances it
/// has, and 0 while no answer has told.
pub fn is_retired(asked: u32, n: usize) -> bool {
    asked > 0 && n > 0 && ladder::is_worn_out(usize::try_from(asked).unwrap_or(usize::MAX), n)
}

/// How often a set of hidden instances was asked, and how many it has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// The questions.
    pub times: u32,
    /// The instances; 0 while no answer has told.
    pub n: usize,
}

impl Asked {
    /// Counts what is on record of a set. A question that the unchanged code gave no answer to told nothing
    /// about any candidate, and wears nothing out.
    pub fn count(&mut self, set: &str, check: &HoldoutCheck) {
        let told = !matches!(
            check.outcome,
            HoldoutOutcome::Retired | HoldoutOutcome::NoBase
        );
        if told && check.set == set {
            self.times = self.times.max(check.query);
            self.n = self.n.max(check.incumbent.len());
        }
    }
}

/// What keeps gained together, instance by instance: on those that are visible and on those that are hidden.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Gains {
    visible: BTreeMap<String, f64>,
    hidden: Vec<f64>,
}

impl Gains {
    /// Adds what one candidate gained; one that was not measured on both, or on other hidden instances than
    /// those before, adds nothing.
    pub fn add(&mut self, evidence: &Evidence, check: &HoldoutCheck) {
        let TestPlan::Bounded(plan) = &evidence.plan else {
            return;
        };
        let n = check.incumbent.len();
        let is_other = !self.hidden.is_empty() && self.hidden.len() != n;
        if n == 0 || check.candidate.len() != n || is_other {
            return;
        }
        self.hidden.resize(n, 0.0);
        let losses = check.incumbent.iter().zip(&check.candidate);
        for (total, (before, after)) in self.hidden.iter_mut().zip(losses) {
            *total += before - after;
        }
        for pair in &evidence.pairs {
            if let (Some(id), Some(before), Some(after)) = (
                &pair.instance,
                value(&pair.incumbent),
                value(&pair.candidate),
            ) {
                *self.visible.entry(id.clone()).or_default() += plan.direction.gain(before, after);
            }
        }
    }

    /// Returns the mean gains on visible and on hidden instances, where they are further apart than chance
    /// explains: the changes were fitted to what could be seen.
    pub fn fitted(&self) -> Option<(f64, f64)> {
        let visible: Vec<f64> = self.visible.values().copied().collect();
        let means = (mean(&visible)?, mean(&self.hidden)?);
        ladder::is_fitted(&visible, &self.hidden).then_some(means)
    }
}

/// Returns the mean gain on hidden instances of a keep that they agreed to.
pub fn hidden_gain(check: &HoldoutCheck) -> Option<f64> {
    let gains = check.incumbent.iter().zip(&check.candidate);
    let gains: Vec<f64> = gains.map(|(before, after)| before - after).collect();
    mean(&gains).filter(|_| check.outcome == HoldoutOutcome::Passed)
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
    use super::super::sample::{bounded_plan, evidence, pair_of};
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

    /// A test over 200 visible instances, of which the candidate solves so many more.
    fn solves(n_more: usize) -> Evidence {
        let pairs = (0..200usize).map(|n| {
            let mut pair = pair_of(0.0, if n < n_more { 1.0 } else { 0.0 });
            pair.instance = Some(n.to_string());
            pair
        });
        evidence(TestPlan::Bounded(bounded_plan()), pairs.collect())
    }

    #[test]
    fn small_excesses_of_many_keeps_add_up_to_instances_that_are_worn_out() {
        let losses = [1.0; 200];
        let mut gained = losses;
        gained[..4].fill(0.0);
        let passed = check(&losses, &gained);
        assert!((hidden_gain(&passed).unwrap() - 0.02).abs() < 1e-12);
        let mut honest = Gains::default();
        honest.add(&solves(4), &passed);
        assert_eq!(honest.fitted(), None);
        let mut gains = Gains::default();
        gains.add(&solves(10), &passed);
        assert_eq!(gains.fitted(), None, "one alone may be chance");
        for _ in 0..9 {
            gains.add(&solves(30), &passed);
        }
        let (visible, hidden) = gains.fitted().unwrap();
        assert!((visible - 1.4).abs() < 1e-9 && (hidden - 0.2).abs() < 1e-9);
        let before = gains.clone();
        gains.add(&solves(30), &check(&BAD, &GOOD));
        assert_eq!(gains, before, "another set of hidden instances");
        assert_eq!(hidden_gain(&check(&GOOD, &BAD)), None);
    }

    #[test]
    fn a_question_without_an_answer_wears_no_set_out() {
        let broken = HoldoutCheck {
            outcome: HoldoutOutcome::NoBase,
            ..check(&[], &[])
        };
        let mut asked = Asked::default();
        asked.count("a", &broken);
        assert_eq!(asked, Asked::default());
        assert!(!is_retired(asked.times, asked.n) && !is_retired(1, 0));
        asked.count("b", &check(&BAD, &GOOD));
        assert_eq!(asked.times, 0, "another set");
        asked.count("a", &check(&BAD, &GOOD));
        assert_eq!((asked.times, asked.n), (1, 4));
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
