//! One pair of runs, in an order that a fair coin chooses: a fixed order would take a machine that slows
//! down for a change of the code.

use rand::{Rng, RngExt as _};

use super::{Error, Workbench};
use crate::config::Metric;
use crate::model::measurement::{Arm, Measurement, Pair};

/// Runs both arms once.
pub(super) async fn run_pair(
    bench: &Workbench,
    metric: &Metric,
    rng: &mut impl Rng,
) -> Result<Pair, Error> {
    let first = if rng.random::<bool>() {
        Arm::Incumbent
    } else {
        Arm::Candidate
    };
    let one = run_arm(bench, metric, first).await?;
    let two = run_arm(bench, metric, first.other()).await?;
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
    let place = bench.arm(arm);
    let (sample, seconds) = bench.lab.measure(&place, metric).await?;
    Ok(Measurement {
        arm,
        tree: place.tree.clone(),
        sample,
        seconds,
    })
}
