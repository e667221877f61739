//! One pair of runs, in an order that a fair coin chooses: a fixed order would take a machine that slows
//! down for a change of the code.

use rand::{Rng, RngExt as _};

use crate::ceo::{Error, Workbench};
use crate::config::Metric;
use crate::eval::ArmRef;
use crate::model::measurement::{Arm, Measurement, Pair};

/// Runs both arms once.
pub(in crate::ceo) async fn run_pair(
    bench: &Workbench,
    metric: &Metric,
    rng: &mut impl Rng,
) -> Result<Pair, Error> {
    run_pair_of(
        [Arm::Incumbent, Arm::Candidate].map(|it| bench.arm(it)),
        bench,
        metric,
        rng,
    )
    .await
}

/// Runs both of these arms once.
pub(super) async fn run_pair_of(
    places: [ArmRef<'_>; 2],
    bench: &Workbench,
    metric: &Metric,
    rng: &mut impl Rng,
) -> Result<Pair, Error> {
    let first = if rng.random::<bool>() {
        Arm::Incumbent
    } else {
        Arm::Candidate
    };
    let place = |arm| match arm {
        Arm::Incumbent => &places[0],
        Arm::Candidate => &places[1],
    };
    let is_other = places[0].tree != places[1].tree;
    let one = run_place(bench, metric, first, place(first), is_other).await?;
    let two = run_place(bench, metric, first.other(), place(first.other()), is_other).await?;
    let (incumbent, candidate) = match first {
        Arm::Incumbent => (one, two),
        Arm::Candidate => (two, one),
    };
    Ok(Pair {
        first,
        incumbent,
        candidate,
        instance: None,
    })
}

/// Runs one arm once.
pub(super) async fn run_arm(
    bench: &Workbench,
    metric: &Metric,
    arm: Arm,
) -> Result<Measurement, Error> {
    run_place(bench, metric, arm, &bench.arm(arm), arm == Arm::Candidate).await
}

/// Runs one arm once. A candidate that is other code finds nothing that only its own runs left.
async fn run_place(
    bench: &Workbench,
    metric: &Metric,
    arm: Arm,
    place: &ArmRef<'_>,
    is_other: bool,
) -> Result<Measurement, Error> {
    let lab = &bench.lab;
    let before = match arm {
        Arm::Candidate if is_other => Some(lab.traces(place)?),
        _ => None,
    };
    let run = lab.run_metric(place, metric).await?;
    match before {
        Some(before) => lab.erase_traces(place, &before)?,
        None => lab.expect_traces(place)?,
    }
    Ok(Measurement {
        arm,
        tree: place.tree.clone(),
        sample: run.sample,
        seconds: run.seconds,
        tail: run.tail,
    })
}
