//! The planning table: how many pairs, and how small an effect, by how long one run takes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::measurement::GiveUp;

/// How small an effect is worth how many runs. Whichever it is, what a keep claims is the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Preset {
    /// Fewer runs, and only larger effects are seen: the row of slower runs.
    Fast,
    /// The row of the metric's own run time.
    #[default]
    Balanced,
    /// More runs, for smaller effects: the row of faster runs.
    Thorough,
}

/// One row of the table: slower runs buy fewer pairs, and so can see only larger effects.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Row {
    /// δ in units of the standard deviation of a pair difference.
    pub(super) rho: f64,
    /// The most pairs.
    pub(super) n_max: u32,
    /// A/A pairs for the calibration.
    pub(super) n_calibration: u32,
    /// When an effect is given up: where pairs are cheap, not after a single one that was disturbed.
    pub(super) give_up: GiveUp,
}

const ROWS: [Row; 4] = [
    row(0.7, 60, 10, PATIENT),
    row(1.0, 40, 3, PATIENT),
    row(1.5, 24, 2, AT_ONCE),
    row(2.0, 16, 2, AT_ONCE),
];

const PATIENT: GiveUp = GiveUp {
    least_pairs: 2,
    clip: 2.0,
};

const AT_ONCE: GiveUp = GiveUp {
    least_pairs: 1,
    clip: 3.0,
};

const fn row(rho: f64, n_max: u32, n_calibration: u32, give_up: GiveUp) -> Row {
    Row {
        rho,
        n_max,
        n_calibration,
        give_up,
    }
}

impl Row {
    /// Returns the row of a run time.
    pub(super) fn of(run_seconds: f64, preset: Preset) -> Self {
        let own: usize = match run_seconds {
            seconds if seconds <= 5.0 => 0,
            seconds if seconds <= 120.0 => 1,
            seconds if seconds <= 1800.0 => 2,
            _ => 3,
        };
        let chosen = match preset {
            Preset::Fast => (own + 1).min(ROWS.len() - 1),
            Preset::Balanced => own,
            Preset::Thorough => own.saturating_sub(1),
        };
        ROWS[chosen]
    }
}

/// Returns how many A/A pairs a metric of that run time needs.
pub fn calibration_pairs(run_seconds: f64, preset: Preset) -> u32 {
    Row::of(run_seconds, preset).n_calibration
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slower_runs_buy_fewer_pairs() {
        let pairs: Vec<u32> = [0.1, 5.0, 5.1, 120.0, 600.0, 1800.0, 7200.0, f64::NAN]
            .map(|seconds| calibration_pairs(seconds, Preset::Balanced))
            .to_vec();
        assert_eq!(pairs, [10, 10, 3, 3, 2, 2, 2, 2]);
    }

    #[test]
    fn a_preset_chooses_a_row_beside_ones_own() {
        let longest = |preset| [1.0, 60.0, 1e4].map(|it| Row::of(it, preset).n_max);
        assert_eq!(longest(Preset::Fast), [40, 24, 16]);
        assert_eq!(longest(Preset::Balanced), [60, 40, 16]);
        assert_eq!(longest(Preset::Thorough), [60, 60, 24]);
    }
}
