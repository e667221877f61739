//! The values that may be tried, and their place in the unit cube.

#![expect(
    clippy::cast_precision_loss,
    reason = "a place in the unit cube needs no more digits than a float has"
)]

use rand::Rng;
use rand::RngExt as _;

/// What values a parameter may have.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// Real numbers from `low` to `high`.
    Float {
        /// Least.
        low: f64,
        /// Most.
        high: f64,
        /// Steps are ratios, not differences; needs `low` > 0.
        log: bool,
    },
    /// Whole numbers from `low` to `high`.
    Int {
        /// Least.
        low: i64,
        /// Most.
        high: i64,
        /// Steps are ratios, not differences; needs `low` > 0.
        log: bool,
    },
    /// One of so many alternatives without an order.
    Choice {
        /// How many, at least one.
        n: usize,
    },
}

/// One value of a parameter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// Of [`Kind::Float`].
    Float(f64),
    /// Of [`Kind::Int`].
    Int(i64),
    /// The index of an alternative of [`Kind::Choice`].
    Choice(usize),
}

/// A value for each parameter, in the order of the space.
pub type Point = Vec<Value>;

/// All parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct Space {
    /// In the order of every point.
    pub kinds: Vec<Kind>,
}

impl Space {
    /// Returns how many coordinates a point has in the unit cube: an alternative each for choices.
    pub(super) fn width(&self) -> usize {
        self.kinds.iter().map(Kind::width).sum()
    }

    /// Returns a point drawn evenly.
    pub(super) fn draw(&self, rng: &mut impl Rng) -> Point {
        self.kinds
            .iter()
            .map(|kind| kind.at(rng.random(), rng))
            .collect()
    }

    /// Returns the point's place in the unit cube.
    pub(super) fn encode(&self, point: &[Value]) -> Vec<f64> {
        let mut place = Vec::with_capacity(self.width());
        for (kind, value) in self.kinds.iter().zip(point) {
            kind.encode(*value, &mut place);
        }
        place
    }
}

impl Kind {
    fn width(&self) -> usize {
        match self {
            Self::Float { .. } | Self::Int { .. } => 1,
            Self::Choice { n } => *n,
        }
    }

    /// Returns the value at a share of the way through; alternatives are drawn instead.
    pub(super) fn at(&self, share: f64, rng: &mut impl Rng) -> Value {
        let share = share.clamp(0.0, 1.0);
        match *self {
            Self::Float { low, high, log } => Value::Float(between(low, high, log, share)),
            Self::Int { low, high, log } => {
                // Every whole number owns an equal part, the outermost ones too.
                let value = between(low as f64 - 0.5, high as f64 + 0.5, false, share);
                let value = if log {
                    between(low as f64, high as f64, true, share)
                } else {
                    value
                };
                Value::Int(whole(value).clamp(low, high))
            }
            Self::Choice { n } => Value::Choice(rng.random_range(0..n.max(1))),
        }
    }

    /// Returns where a value is between the least and the most; 0 for alternatives.
    pub(super) fn share(&self, value: Value) -> f64 {
        let share = match (self, value) {
            (Self::Float { low, high, log }, Value::Float(value)) => {
                share_of(*low, *high, *log, value)
            }
            (Self::Int { low, high, log }, Value::Int(value)) => {
                share_of(*low as f64, *high as f64, *log, value as f64)
            }
            _ => 0.0,
        };
        share.clamp(0.0, 1.0)
    }

    fn encode(&self, value: Value, place: &mut Vec<f64>) {
        if let (Self::Choice { n }, Value::Choice(chosen)) = (self, value) {
            place.extend((0..*n).map(|idx| if idx == chosen { 1.0 } else { 0.0 }));
        } else {
            place.push(self.share(value));
        }
    }
}

fn between(low: f64, high: f64, log: bool, share: f64) -> f64 {
    if log {
        (low.ln() + share * (high.ln() - low.ln())).exp()
    } else {
        low + share * (high - low)
    }
}

fn share_of(low: f64, high: f64, log: bool, value: f64) -> f64 {
    if high <= low {
        return 0.5;
    }
    if log {
        (value.ln() - low.ln()) / (high.ln() - low.ln())
    } else {
        (value - low) / (high - low)
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "declared bounds are whole numbers that a double holds"
)]
fn whole(value: f64) -> i64 {
    value.round() as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand::SeedableRng as _;
    use rand_chacha::ChaCha8Rng;

    fn any_kind() -> impl Strategy<Value = Kind> {
        prop_oneof![
            (-100.0f64..100.0, 0.1f64..100.0).prop_map(|(low, width)| Kind::Float {
                low,
                high: low + width,
                log: false
            }),
            (1e-6f64..1.0, 1.5f64..1e6).prop_map(|(low, ratio)| Kind::Float {
                low,
                high: low * ratio,
                log: true
            }),
            (1i64..50, 0i64..1000, any::<bool>()).prop_map(|(low, width, log)| Kind::Int {
                low,
                high: low + width,
                log
            }),
            (1usize..6).prop_map(|n| Kind::Choice { n }),
        ]
    }

    proptest! {
        #[test]
        fn what_is_drawn_lies_within_its_bounds_and_keeps_its_place(kind in any_kind(), share in 0.0f64..=1.0, seed: u64) {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let value = kind.at(share, &mut rng);
            match (&kind, value) {
                (Kind::Float { low, high, .. }, Value::Float(value)) => {
                    prop_assert!(value >= low - 1e-9 * low.abs() && value <= high + 1e-9 * high.abs());
                    prop_assert!((kind.share(Value::Float(value)) - share).abs() < 1e-6);
                }
                (Kind::Int { low, high, .. }, Value::Int(value)) => {
                    prop_assert!(value >= *low && value <= *high);
                }
                (Kind::Choice { n }, Value::Choice(idx)) => prop_assert!(idx < *n),
                (kind, value) => prop_assert!(false, "{kind:?} gave {value:?}"),
            }
            let space = Space { kinds: vec![kind] };
            let place = space.encode(&[value]);
            prop_assert_eq!(place.len(), space.width());
            prop_assert!(place.iter().all(|it| (0.0..=1.0).contains(it)));
        }
    }
}
