//! Estimators and e-processes: slices in, numbers out. Knows nothing of experiments, metrics or verdicts.
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

pub mod estimate;
pub mod futility;
pub mod interval;
pub mod lord;
pub mod numeric;
pub mod rank;
pub mod sign_betting;

#[cfg(test)]
mod reference;
