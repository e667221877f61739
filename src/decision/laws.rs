//! What must hold of every verdict, whatever the samples.

use proptest::prelude::*;

use super::sample::{
    bounded_plan, calibration, evidence, failed, pair, pair_of, sign_plan, swapped,
};
use super::{Look, Next, State, decide, replay};
use crate::model::dimension::Direction;
use crate::model::measurement::{BoundedPlan, Evidence, Pair, Sample, Scale, SignPlan, TestPlan};
use crate::model::verdict::Verdict;

/// A metric around 100 with noise of 1, on a plain scale.
fn plan() -> SignPlan {
    SignPlan {
        direction: Direction::Maximize,
        scale: Scale::Difference,
        sigma: 1.4,
        delta: 1.0,
        floor: 0.25,
        calibration: calibration(&[1.5, -1.2, 0.8, -1.7, 1.4]),
        ..sign_plan()
    }
}

fn any_pair() -> impl Strategy<Value = Pair> {
    prop_oneof![
        8 => (95.0f64..105.0, 94.0f64..110.0).prop_map(|(a, b)| pair_of(a, b)),
        1 => (95.0f64..105.0).prop_map(|value| pair(Sample::Value { value }, failed("crashed"))),
        1 => (95.0f64..105.0).prop_map(|value| pair(failed("timed out"), Sample::Value { value })),
        1 => Just(pair(failed("crashed"), failed("crashed"))),
    ]
}

fn any_pairs() -> impl Strategy<Value = Vec<Pair>> {
    prop::collection::vec(any_pair(), 0..70)
}

/// Scores of 0, a half or 1, or none.
fn any_score_pair() -> impl Strategy<Value = Pair> {
    let score = || prop_oneof![Just(0.0), Just(0.5), Just(1.0)];
    prop_oneof![
        8 => (score(), score()).prop_map(|(a, b)| pair_of(a, b)),
        1 => score().prop_map(|value| pair(Sample::Value { value }, failed("crashed"))),
        1 => Just(pair(failed("crashed"), failed("crashed"))),
        4 => Just(pair_of(0.0, 1.0)),
    ]
}

fn of(plan: &TestPlan, pairs: &[Pair]) -> Evidence {
    evidence(plan.clone(), pairs.to_vec())
}

fn kernels() -> [TestPlan; 3] {
    [
        TestPlan::Bounded(bounded_plan()),
        TestPlan::SignBetting(plan()),
        TestPlan::Deterministic {
            direction: Direction::Maximize,
            delta: 0.5,
            n_rep: 1,
        },
    ]
}

/// Asks after every pair, as the loop does; returns where it stopped.
fn first_stop(plan: &TestPlan, pairs: &[Pair]) -> Option<(usize, Next)> {
    (0..=pairs.len())
        .map(|n| (n, decide(&of(plan, &pairs[..n]))))
        .find(|(_, next)| *next != Next::Continue)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn replay_is_the_sequence_of_looks(pairs in any_pairs(), extra in any_pairs()) {
        for plan in kernels() {
            let Some((n, next)) = first_stop(&plan, &pairs) else { continue };
            let prefix = replay(&of(&plan, &pairs[..n]));
            prop_assert_eq!(&next, &Next::Stop(prefix.clone()));
            let mut longer = pairs.clone();
            longer.extend(extra.iter().cloned());
            prop_assert_eq!(replay(&of(&plan, &longer)), prefix);
        }
    }

    #[test]
    fn scores_too_are_judged_by_the_first_look_that_stops(
        pairs in prop::collection::vec(any_score_pair(), 0..120),
        extra in prop::collection::vec(any_score_pair(), 0..40),
        epsilon in prop_oneof![Just(0.0), 0.0f64..0.3],
    ) {
        let plan = TestPlan::Bounded(BoundedPlan { epsilon, ..bounded_plan() });
        let kept = |pairs: &[Pair]| replay(&of(&plan, pairs)).verdict == Verdict::Keep;
        if epsilon <= 0.0 {
            let other: Vec<Pair> = pairs.iter().map(swapped).collect();
            prop_assert!(!(kept(&pairs) && kept(&other)));
        }
        if let Some((n, next)) = first_stop(&plan, &pairs) {
            let prefix = replay(&of(&plan, &pairs[..n]));
            prop_assert_eq!(&next, &Next::Stop(prefix.clone()));
            let mut longer = pairs.clone();
            longer.extend(extra.iter().cloned());
            prop_assert_eq!(replay(&of(&plan, &longer)), prefix);
        }
    }

    #[test]
    fn swapping_the_arms_never_turns_a_keep_into_a_keep(
        pairs in prop::collection::vec(
            prop_oneof![3 => any_pair(), 1 => Just(pair_of(100.0, 103.0))],
            0..70,
        ),
        shift in -4.0f64..4.0,
    ) {
        let shifted: Vec<Pair> = pairs.iter().map(|it| shifted(it, shift)).collect();
        let other: Vec<Pair> = shifted.iter().map(swapped).collect();
        for plan in kernels() {
            let kept = |pairs: &[Pair]| replay(&of(&plan, pairs)).verdict == Verdict::Keep;
            prop_assert!(!(kept(&shifted) && kept(&other)));
        }
    }

    #[test]
    fn at_no_look_do_both_arms_win(pairs in any_pairs(), sigma in 0.01f64..100.0) {
        let plan = SignPlan { sigma, floor: sigma / 4.0, ..plan() };
        let (mut state, mut mirror) = (State::new(&plan), State::new(&plan));
        for pair in &pairs {
            state.fold(pair);
            mirror.fold(&swapped(pair));
            prop_assert!(!(state.look() == Look::Keep && mirror.look() == Look::Keep));
        }
    }

    #[test]
    fn the_unit_of_the_metric_does_not_matter(pairs in any_pairs(), unit in 1e-3f64..1e3) {
        let rescaled: Vec<Pair> = pairs.iter().map(|it| mapped(it, |value| value * unit)).collect();
        let plain = plan();
        let other = SignPlan {
            sigma: plain.sigma * unit,
            delta: plain.delta * unit,
            floor: plain.floor * unit,
            calibration: calibration(
                &plain.calibration.differences.iter().map(|it| it * unit).collect::<Vec<_>>(),
            ),
            ..plain.clone()
        };
        let one = replay(&of(&TestPlan::SignBetting(plain), &pairs));
        let two = replay(&of(&TestPlan::SignBetting(other), &rescaled));
        prop_assert_eq!(one.verdict, two.verdict);
        let (one, two) = (one.statistics.unwrap(), two.statistics.unwrap());
        prop_assert!((one.ln_e - two.ln_e).abs() < 1e-6);
        prop_assert!((one.ln_futility - two.ln_futility).abs() < 1e-6);
    }

    #[test]
    fn a_stored_verdict_survives_json(pairs in any_pairs()) {
        for plan in kernels() {
            let stored = of(&plan, &pairs);
            let text = serde_json::to_string(&stored).unwrap();
            let read: Evidence = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(replay(&read), replay(&stored));
        }
    }

    #[test]
    fn a_decision_is_made_of_finite_numbers(pairs in any_pairs()) {
        for plan in kernels() {
            let decision = replay(&of(&plan, &pairs));
            let text = serde_json::to_string(&decision).unwrap();
            let read = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(decision, read);
        }
    }
}

fn mapped(pair: &Pair, change: impl Fn(f64) -> f64) -> Pair {
    let sample = |sample: &Sample| match sample {
        Sample::Value { value } => Sample::Value {
            value: change(*value),
        },
        Sample::Failed { reason } => failed(reason),
    };
    super::sample::pair(
        sample(&pair.incumbent.sample),
        sample(&pair.candidate.sample),
    )
}

fn shifted(pair: &Pair, shift: f64) -> Pair {
    let mut pair = pair.clone();
    if let Sample::Value { value } = &mut pair.candidate.sample {
        *value += shift;
    }
    pair
}
