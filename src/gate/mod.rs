//! Facts of a diff, an evaluation or a hypothesis in, violations out; reads no file and runs nothing.
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod clock;
mod diff;
mod duplicate;
mod evaluation;
mod flaky;
mod grant;
mod leakage;
mod maintenance;
mod manifest;
mod minimum;
mod permission;
mod secret;
mod surface;
#[cfg(test)]
mod testing;

pub use diff::{DiffPolicy, FileFacts, Need, judge_diff};
pub use duplicate::{duplicate_of, files_hash, is_words, was_lost};
pub use evaluation::{DeterministicMetric, judge_evaluations, judge_metrics};
pub use flaky::{ReRuns, Suspicion};
pub use grant::Grant;
pub use leakage::{
    HiddenFile, Telltales, answers_on, ids_on, judge_hypothesis, judge_leakage, redacted,
};
pub use maintenance::{Noticed, decide_maintenance, judge_maintenance};
pub use manifest::{ManifestRules, declared_minimums, is_manifest};
pub use minimum::{Minimum, Version};
pub use permission::{Asked, Permission};
