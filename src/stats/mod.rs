//! Estimators and e-processes: slices in, numbers out. Knows nothing of experiments, metrics or verdicts.
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

pub mod bounded_betting;
pub mod estimate;
pub mod futility;
pub mod interval;
pub mod ladder;
pub mod lord;
pub mod loss;
pub mod numeric;
pub mod population;
pub mod rank;
pub mod shrinkage;
pub mod sign_betting;

#[cfg(test)]
mod reference;
