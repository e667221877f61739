//! Plans of tests by signs, as the program makes them at the default preset.

use factory::decision::{Ask, Preset, plan};
use factory::model::dimension::Direction;
use factory::model::measurement::{Calibration, Scale, SignPlan, TestPlan};
use factory::model::tail::Tail;

/// Plans a test of any difference at that level, which guards those tails.
pub(crate) fn planned(
    direction: Direction,
    scale: Scale,
    alpha: f64,
    calibration: &Calibration,
    guards: &[Tail],
) -> SignPlan {
    let ask = Ask {
        direction,
        tolerance: None,
        alpha,
        stream: None,
        epsilon: 0.0,
        n_rep: 1,
        preset: Preset::Balanced,
        affordable: None,
    };
    let mut plan = plan(&ask, scale, calibration);
    factory::decision::guard_tail(&mut plan, guards);
    match plan {
        TestPlan::SignBetting(plan) => plan,
        other => unreachable!("what is noisy is tested by signs, not by {other:?}"),
    }
}
