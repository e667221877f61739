//! Proposes what to try next, from noisy results so far: values of declared parameters, patches of
//! small edits.
//!
//! A proposal is a function of the space, the history and a seed: nothing is remembered between calls,
//! so a search resumes from the record wherever it stopped. Knows nothing of files, metrics or
//! verdicts.
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

pub mod genetic;
mod matrix;
mod plateau;
mod process;
mod propose;
mod region;
mod space;

pub use plateau::Plateau;
pub use propose::{Proposal, Trial, best, propose, propose_several};
pub use space::{Kind, Point, Space, Value};
