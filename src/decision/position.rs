//! Whether the run that comes second in a pair wins more often than chance.
//!
//! The order is a coin, so a position cannot bias a verdict, whatever the candidate does; it costs power,
//! and shows that runs disturb each other.

use super::difference::{Orientation, value};
use crate::model::dimension::Direction;
use crate::model::measurement::{Arm, Pair, Scale};
use crate::stats::rank::sign_test;

/// A position effect is reported below this p-value.
const LEVEL: f64 = 0.01;

/// How often each position won, over all pairs of a metric so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Positions {
    first_wins: u32,
    second_wins: u32,
}

impl Positions {
    /// Counts more pairs; one without two comparable values counts for nothing.
    pub fn add(&mut self, direction: Direction, scale: Scale, pairs: &[Pair]) {
        let orientation = Orientation { direction, scale };
        for pair in pairs {
            let (Some(incumbent), Some(candidate)) =
                (value(&pair.incumbent), value(&pair.candidate))
            else {
                continue;
            };
            let Ok(difference) = orientation.values(incumbent, candidate) else {
                continue;
            };
            let second_better = match pair.first {
                Arm::Incumbent => difference,
                Arm::Candidate => -difference,
            };
            self.second_wins += u32::from(second_better > 0.0);
            self.first_wins += u32::from(second_better < 0.0);
        }
    }

    /// Returns what a person should know, if a fair coin would hardly do this.
    pub fn warning(&self) -> Option<String> {
        let p = sign_test(self.second_wins, self.first_wins);
        let favoured = if self.second_wins > self.first_wins {
            "second"
        } else {
            "first"
        };
        (p < LEVEL).then(|| {
            format!(
                "position effect: the {favoured} run of a pair is better too often (p = {p:.4})"
            )
        })
    }
}
