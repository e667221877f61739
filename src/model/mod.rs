//! The vocabulary of the loop: identifiers, units, records, events.
//!
//! Plain data and total functions. Knows nothing of files, clocks, processes, git or terminals.
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

pub mod audit;
pub mod budget;
pub mod dimension;
pub mod event;
pub mod experiment;
pub mod failure;
pub mod finding;
#[cfg(test)]
pub(crate) mod fixtures;
pub mod holdout;
pub mod hypothesis;
pub mod id;
pub mod idea;
pub mod landing;
pub mod measurement;
pub mod observation;
pub mod profile;
pub mod screening;
pub mod tail;
pub mod turn;
pub mod verdict;
pub mod violation;
