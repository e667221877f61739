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
    let one = run_place(bench, metric, first, place(first)).await?;
    let two = run_place(bench, metric, first.other(), place(first.other())).await?;
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
    run_place(bench, metric, arm, &bench.arm(arm)).await
}

async fn run_place(
    bench: &Workbench,
    metric: &Metric,
    arm: Arm,
    place: &ArmRef<'_>,
) -> Result<Measurement, Error> {
    let run = bench.lab.run_metric(place, metric).await?;
    Ok(Measurement {
        arm,
        tree: place.tree.clone(),
        sample: run.sample,
        seconds: run.seconds,
        tail: run.tail,
    })
}
