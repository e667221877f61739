//! What is worth trying: hypotheses from what was observed, and what was tried before.

pub(super) mod history;
mod hypothesise;
pub(super) mod rank;
