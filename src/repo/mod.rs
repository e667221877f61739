//! The target's git: snapshots, composed trees, commits, refs, diffs; alone names git2.
//!
//! Knows nothing of experiments, verdicts or terminals. Never runs git in a directory that an agent
//! could write to, and never runs hooks or filters but when a person lands in their own checkout.

mod arm;
mod builder;
mod candidates;
mod change;
mod commit;
mod compose;
mod crates;
mod diff;
mod error;
mod files;
mod hide;
mod home;
mod landing;
mod objects;
mod offered;
mod open;
mod patch;
pub mod records;
mod refs;
mod remote;
mod snapshot;
mod stamps;
mod target;
#[cfg(test)]
mod testing;
mod tree;
mod version;
mod walk;

pub use arm::ArmDir;
pub use builder::builder_repository;
pub use candidates::CANDIDATES;
pub use commit::{Identity, Replayed};
pub use compose::Protection;
pub use error::Error;
pub use landing::MINIMUM_GIT;
pub use remote::Push;
pub use snapshot::Snapshot;
pub use target::{Head, InProgress, Target};
pub use version::VersionRepository;
