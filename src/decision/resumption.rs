//! Tests that ended undecided, and how they go on.
//!
//! A test that goes on has its pairs, its scale and its level: the e-value runs on where it was, which it
//! may at any stopping time. It takes no other index of its stream.

use std::collections::BTreeSet;

use super::{Next, decide};
use crate::model::experiment::Summary;
use crate::model::id::ExperimentId;
use crate::model::measurement::{Evidence, SignPlan, TestPlan};
use crate::model::verdict::Verdict;

/// Returns the experiments whose test may go on, the one with the most evidence first.
///
/// Each goes on once; a continuation that the infrastructure spoiled does not count.
pub fn resumable(history: &[Summary]) -> Vec<ExperimentId> {
    let resumed: BTreeSet<ExperimentId> = history
        .iter()
        .filter(|it| it.verdict != Verdict::Spurious)
        .filter_map(|it| it.resumes)
        .collect();
    let mut found: Vec<(f64, ExperimentId)> = history
        .iter()
        .filter(|it| it.verdict == Verdict::Inconclusive && it.resumes.is_none())
        .filter(|it| !resumed.contains(&it.id))
        .filter_map(|it| {
            // Tests stop at the first that is not passed.
            let spent = it.others.last().or(it.spent.as_ref())?;
            let seen = spent.seen.as_ref()?;
            // One that reached its mark was turned away for another reason.
            (seen.ln_e < -spent.level.ln()).then_some((seen.ln_e, it.id))
        })
        .collect();
    found.sort_by(|(one, a), (other, b)| other.total_cmp(one).then(a.cmp(b)));
    found.into_iter().map(|(_, id)| id).collect()
}

/// Returns the evidence with room for as many pairs again; `None` where more of them cannot decide
/// anything.
pub fn prolonged(evidence: &Evidence, further: u32) -> Option<Evidence> {
    let TestPlan::SignBetting(plan) = &evidence.plan else {
        return None;
    };
    let so_far = u32::try_from(evidence.pairs.len()).unwrap_or(u32::MAX);
    let longer = Evidence {
        plan: TestPlan::SignBetting(SignPlan {
            n_max: so_far.saturating_add(further),
            ..plan.clone()
        }),
        ..evidence.clone()
    };
    (decide(&longer) == Next::Continue).then_some(longer)
}

#[cfg(test)]
mod tests {
    use super::super::sample::{evidence, pairs_of, sign_plan};
    use super::super::{Look, State, replay};
    use super::*;
    use crate::model::experiment::{Cost, Seen, Spent};
    use crate::model::hypothesis::Category;
    use crate::model::measurement::Scale;
    use proptest::prelude::*;

    fn tried(id: u32, verdict: Verdict, ln_e: f64) -> Summary {
        Summary {
            id: ExperimentId(id),
            finished: jiff::Timestamp::UNIX_EPOCH,
            key: "knob:a".parse().unwrap(),
            title: String::new(),
            category: Category::Exploit,
            claim: "moves".to_owned(),
            verdict,
            reason: String::new(),
            effect: None,
            cost: Cost::default(),
            files_hash: String::new(),
            landed: None,
            spent: Some(Spent {
                metric: "parse".parse().unwrap(),
                level: 0.001,
                seen: Some(Seen {
                    ln_e,
                    mean: 0.0,
                    variance: 1.0,
                    delta: 1.0,
                    scale: Scale::LogRatio,
                    shrunken: None,
                }),
            }),
            others: Vec::new(),
            resumes: None,
            turn: None,
        }
    }

    fn numbers(history: &[Summary]) -> Vec<u32> {
        resumable(history).into_iter().map(|it| it.0).collect()
    }

    #[test]
    fn the_most_evidence_goes_on_first_and_each_once() {
        let mut history = vec![
            tried(1, Verdict::Inconclusive, 2.0),
            tried(2, Verdict::Inconclusive, 4.0),
            tried(3, Verdict::Revert, 5.0),
            tried(4, Verdict::Inconclusive, 9.0),
        ];
        assert_eq!(numbers(&history), [2, 1]);
        let mut again = tried(5, Verdict::Inconclusive, 6.0);
        again.resumes = Some(ExperimentId(2));
        history.push(again);
        assert_eq!(numbers(&history), [1]);
    }

    #[test]
    fn a_spoiled_continuation_may_be_begun_again() {
        let mut spoiled = tried(2, Verdict::Spurious, 0.0);
        spoiled.resumes = Some(ExperimentId(1));
        let history = [tried(1, Verdict::Inconclusive, 2.0), spoiled];
        assert_eq!(numbers(&history), [1]);
    }

    #[test]
    fn what_more_pairs_cannot_decide_is_not_prolonged() {
        let mut plan = sign_plan();
        plan.alpha = 1e-9;
        plan.n_max = 2;
        let short = evidence(TestPlan::SignBetting(plan), pairs_of(&[(100.0, 99.0); 2]));
        assert_eq!(prolonged(&short, 5), None);
        let longer = prolonged(&short, 60).unwrap();
        assert_eq!(longer.pairs.len(), 2);
        assert_eq!(decide(&longer), Next::Continue);
    }

    proptest! {
        /// Stopping for want of pairs and going on gives the verdict of a test that never stopped.
        #[test]
        fn going_on_is_the_same_as_never_having_stopped(
            values in prop::collection::vec(96.0f64..103.0, 20..60), n_first in 4u32..20,
        ) {
            let pairs = pairs_of(&values.iter().map(|it| (100.0, *it)).collect::<Vec<_>>());
            let n_all = u32::try_from(pairs.len()).unwrap();
            let whole = SignPlan { n_max: n_all, ..sign_plan() };
            let first = SignPlan { n_max: n_first, ..sign_plan() };
            let mut state = State::new(&first);
            let mut n = 0;
            while state.look() == Look::Undecided {
                state.fold(&pairs[n]);
                n += 1;
            }
            let begun = evidence(TestPlan::SignBetting(first), pairs[..n].to_vec());
            let further = n_all - u32::try_from(n).unwrap();
            let uninterrupted = replay(&evidence(TestPlan::SignBetting(whole), pairs.clone()));
            match prolonged(&begun, further) {
                Some(mut resumed) => {
                    resumed.pairs.extend_from_slice(&pairs[n..]);
                    prop_assert_eq!(replay(&resumed), uninterrupted);
                }
                // It was decided, or nothing could decide it any more.
                None => prop_assert!(
                    matches!(state.look(), Look::Keep | Look::NoWorthwhileEffect)
                        || uninterrupted.verdict == Verdict::Inconclusive
                ),
            }
        }
    }
}
