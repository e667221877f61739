//! Proposes which values of declared parameters to try next, from noisy results so far.
//!
//! A proposal is a function of the space, the history and a seed: nothing is remembered between calls,
//! so a search resumes from the record wherever it stopped. Knows nothing of files, metrics or
//! verdicts.
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod matrix;
mod plateau;
mod process;
mod propose;
mod region;
mod space;

pub use plateau::Plateau;
pub use propose::{Trial, best, propose};
pub use space::{Kind, Point, Space, Value};
