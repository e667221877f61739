//! Evidence that tests build by hand.

use crate::model::dimension::Direction;
use crate::model::measurement::{
    Arm, BoundedPlan, Calibration, Evidence, GiveUp, Measurement, Pair, Sample, Scale, SignPlan,
    TestPlan,
};
use crate::model::screening::{Screening, Variant};
use crate::model::tail::Tails;

pub(super) fn failed(reason: &str) -> Sample {
    Sample::Failed {
        reason: reason.to_owned(),
    }
}

pub(super) fn run(arm: Arm, sample: Sample) -> Measurement {
    Measurement {
        arm,
        tree: "a".repeat(40).parse().unwrap(),
        sample,
        seconds: 0.1,
        tail: Tails::new(),
    }
}

pub(super) fn pair(incumbent: Sample, candidate: Sample) -> Pair {
    Pair {
        first: Arm::Incumbent,
        incumbent: run(Arm::Incumbent, incumbent),
        candidate: run(Arm::Candidate, candidate),
        instance: None,
    }
}

pub(super) fn pair_of(incumbent: f64, candidate: f64) -> Pair {
    pair(
        Sample::Value { value: incumbent },
        Sample::Value { value: candidate },
    )
}

pub(super) fn pairs_of(values: &[(f64, f64)]) -> Vec<Pair> {
    values.iter().map(|(a, b)| pair_of(*a, *b)).collect()
}

pub(super) fn calibration(differences: &[f64]) -> Calibration {
    Calibration {
        differences: differences.to_vec(),
        level: 100.0,
        run_seconds: 0.1,
        ..Calibration::default()
    }
}

/// A timing in `ms`, noise 1 %, smallest effect worth keeping 0.7 %.
pub(super) fn sign_plan() -> SignPlan {
    SignPlan {
        direction: Direction::Minimize,
        scale: Scale::LogRatio,
        alpha: 0.01,
        stream: None,
        beta: 0.2,
        delta: 0.007,
        epsilon: 0.0,
        shift: 0.0,
        sigma: 0.01,
        floor: 0.002,
        n_max: 60,
        give_up: GiveUp::default(),
        guards: Vec::new(),
        calibration: calibration(&[
            0.01, -0.01, 0.01, -0.01, 0.01, -0.01, 0.01, -0.01, 0.01, -0.01,
        ]),
    }
}

/// An accuracy over 400 instances, of which 5 points count.
pub(super) fn bounded_plan() -> BoundedPlan {
    BoundedPlan {
        direction: Direction::Maximize,
        alpha: 0.01,
        stream: None,
        beta: 0.2,
        delta: 0.05,
        epsilon: 0.0,
        shift: 0.0,
        sigma: 0.0,
        n_max: 400,
        look_every: 10,
    }
}

pub(super) fn evidence(plan: TestPlan, pairs: Vec<Pair>) -> Evidence {
    Evidence {
        metric: "parse".parse().unwrap(),
        unit: "ms".to_owned(),
        plan,
        pairs,
    }
}

/// So many variants of one tree that nothing stopped, before their first pair.
pub(super) fn screening_of(n_variants: usize) -> Screening {
    let plan = sign_plan();
    let variant = |number: u32| Variant {
        number,
        key: format!("constant:a:CHUNK=1->{number}@parse")
            .parse()
            .unwrap(),
        title: format!("Set CHUNK to {number}"),
        tree: Some("a".repeat(40).parse().unwrap()),
        out: None,
        pairs: Vec::new(),
    };
    Screening {
        metric: "parse".parse().unwrap(),
        unit: "ms".to_owned(),
        direction: plan.direction,
        scale: plan.scale,
        most_pairs: super::screening_pairs(false),
        variants: (1..).take(n_variants).map(variant).collect(),
        winner: None,
    }
}

/// Exchanges the arms of a pair, values and order.
pub(super) fn swapped(pair: &Pair) -> Pair {
    Pair {
        first: pair.first.other(),
        incumbent: run(Arm::Incumbent, pair.candidate.sample.clone()),
        candidate: run(Arm::Candidate, pair.incumbent.sample.clone()),
        instance: pair.instance.clone(),
    }
}
