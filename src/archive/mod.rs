//! The record of all targets in one place, as Parquet, and what it shows; alone names polars.
//!
//! Everything here is derived from the ledgers and may be deleted at any time. What is on disk are
//! segments, one Parquet file for each batch of experiments, and a manifest that says which segments
//! count and up to which commit of each ledger they reach. Must not know how anything was measured.

mod insight;
mod row;

#[cfg(feature = "archive")]
mod error;
#[cfg(feature = "archive")]
mod export;
#[cfg(feature = "archive")]
mod frame;
#[cfg(feature = "archive")]
mod manifest;
#[cfg(feature = "archive")]
mod query;
#[cfg(feature = "archive")]
mod segment;
#[cfg(feature = "archive")]
#[cfg(test)]
mod tests;
#[cfg(feature = "archive")]
mod update;

pub use insight::{By, Estimate, Group, Query};
pub use row::Row;

#[cfg(feature = "archive")]
pub use error::Error;
#[cfg(feature = "archive")]
pub use export::{csv, parquet};
#[cfg(feature = "archive")]
pub use query::groups;
#[cfg(feature = "archive")]
pub use update::{Archive, Updated};
