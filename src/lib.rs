//! Runs experiments on a codebase until it is better, and can prove that it is.
//!
//! A hypothesis flows to a verdict like this: [`ceo`] observes the incumbent through [`eval`], asks a
//! backend for ranked hypotheses, has one built in a repository of its own, lets [`gate`] judge the
//! diff, measures both arms side by side, and hands the samples to [`decision`], whose verdict
//! [`store`] writes to a ledger in the target's own git.
//!
//! A module uses only those listed above it; a test reads this list. The first group is pure: no
//! files, clocks, environment, async, logging, or randomness of its own.

// pure
pub mod model;
pub mod stats;
pub mod score;
pub mod decision;
pub mod gate;
pub mod search;

// data
pub mod format;
pub mod config;

// outside
pub mod process;
pub mod syntax;
pub mod repo;
pub mod store;
pub mod sandbox;
pub mod archive;

// the work
pub mod toolchain;
pub mod eval;
pub mod agent;
pub mod mechanic;
pub mod ceo;

// faces
pub mod ui;
pub mod cli;
