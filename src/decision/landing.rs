//! A candidate that passed, held to an incumbent that moved on while it was measured.
//!
//! The pairs of both cannot keep anything: they can only show that the gain is gone.

use super::sequential::{Look, State};
use super::{Next, decide, wording};
use crate::model::landing::LandingCheck;
use crate::model::measurement::{Evidence, SignPlan, TestPlan};
use crate::model::verdict::{Decision, Verdict};

/// The most pairs.
const N_PAIRS: u32 = 5;
/// The chance of turning away a gain that is still there.
const BETA: f64 = 0.05;

/// What a look at the pairs of a landing check shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Landing {
    /// Run one more pair.
    Undecided,
    /// Nothing speaks against it.
    Holds,
    /// The gain is not to be seen there any more, and why.
    Gone(String),
}

/// Returns the test of a candidate on its new base, before its first pair; `None` for scores of instances,
/// all of which were used.
pub fn landing_evidence(measured: &Evidence) -> Option<Evidence> {
    let plan = match &measured.plan {
        TestPlan::SignBetting(plan) => TestPlan::SignBetting(SignPlan {
            beta: BETA,
            n_max: N_PAIRS,
            stream: None,
            ..plan.clone()
        }),
        plan @ TestPlan::Deterministic { .. } => plan.clone(),
        TestPlan::Bounded(_) | TestPlan::Watch(_) => return None,
    };
    Some(Evidence {
        plan,
        pairs: Vec::new(),
        ..measured.clone()
    })
}

/// Looks at the pairs of a candidate on its new base.
pub fn look_at_landing(evidence: &Evidence) -> Landing {
    match &evidence.plan {
        TestPlan::SignBetting(plan) => noisy(plan, evidence),
        _ => match decide(evidence) {
            Next::Continue => Landing::Undecided,
            Next::Stop(decision) if decision.verdict == Verdict::Keep => Landing::Holds,
            Next::Stop(decision) => Landing::Gone(decision.reasons.join("; ")),
        },
    }
}

fn noisy(plan: &SignPlan, evidence: &Evidence) -> Landing {
    let mut state = State::new(plan);
    for pair in &evidence.pairs {
        state.fold(pair);
        if let Look::Refused(reason) | Look::GuardFell(reason) = state.look() {
            return Landing::Gone(reason);
        }
        if state.gives_up() {
            return Landing::Gone(format!(
                "likelihood ratio of no effect {} ≥ {} after {}",
                wording::floored(state.ln_futility()),
                wording::plain(1.0 / plan.beta),
                wording::pairs(state.n())
            ));
        }
    }
    if state.n() < plan.n_max {
        Landing::Undecided
    } else {
        Landing::Holds
    }
}

/// Returns what is left of a keep once it was held to an incumbent that had moved on.
pub fn after_landing(kept: Decision, check: &LandingCheck) -> Decision {
    let gone = match (&check.obstacle, &check.evidence) {
        (Some(obstacle), _) => Some(obstacle.clone()),
        (None, Some(evidence)) => match look_at_landing(evidence) {
            Landing::Gone(reason) => Some(reason),
            Landing::Undecided | Landing::Holds => None,
        },
        (None, None) => None,
    };
    let Some(reason) = gone.filter(|_| kept.verdict == Verdict::Keep) else {
        return kept;
    };
    let mut reasons = vec![format!(
        "landing: it passed against the commit it was measured on, and not on top of {}: {reason}",
        check.onto.short()
    )];
    reasons.extend(kept.reasons);
    Decision {
        verdict: Verdict::Inconclusive,
        reasons,
        ..kept
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{evidence, pairs_of, sign_plan};
    use super::*;

    fn check(pairs: &[(f64, f64)]) -> LandingCheck {
        let measured = evidence(TestPlan::SignBetting(sign_plan()), Vec::new());
        let mut landing = landing_evidence(&measured).unwrap();
        landing.pairs = pairs_of(pairs);
        LandingCheck {
            onto: "1".repeat(40).parse().unwrap(),
            onto_tree: "2".repeat(40).parse().unwrap(),
            rebased: None,
            obstacle: None,
            evidence: Some(landing),
        }
    }

    fn look(pairs: &[(f64, f64)]) -> Landing {
        look_at_landing(check(pairs).evidence.as_ref().unwrap())
    }

    #[test]
    fn a_gain_that_is_still_there_holds_after_five_pairs() {
        assert_eq!(look(&[(100.0, 97.0); 4]), Landing::Undecided);
        assert_eq!(look(&[(100.0, 97.0); 5]), Landing::Holds);
    }

    #[test]
    fn a_gain_that_somebody_else_had_already_is_gone_at_once() {
        assert!(matches!(look(&[(97.0, 99.5); 5]), Landing::Gone(_)));
        let kept = Decision::plain(Verdict::Keep, "e-value 900");
        let decision = after_landing(kept.clone(), &check(&[(97.0, 99.5); 5]));
        assert_eq!(decision.verdict, Verdict::Inconclusive);
        assert!(decision.reasons[0].starts_with("landing: "), "{decision:?}");
        assert_eq!(
            after_landing(kept.clone(), &check(&[(100.0, 97.0); 5])),
            kept
        );
    }

    #[test]
    fn what_cannot_be_put_there_is_inconclusive_and_says_why() {
        let conflict = LandingCheck {
            obstacle: Some("it conflicts in a.txt".to_owned()),
            evidence: None,
            ..check(&[])
        };
        let kept = Decision::plain(Verdict::Keep, "e-value 900");
        let decision = after_landing(kept, &conflict);
        assert_eq!(decision.verdict, Verdict::Inconclusive);
        assert!(decision.reasons[0].ends_with("it conflicts in a.txt"));
        let vetoed = Decision::plain(Verdict::Vetoed, "a test fails");
        assert_eq!(after_landing(vetoed.clone(), &conflict), vetoed);
    }
}
