//! Ledger, journal, locks, registry, retention.
//!
//! What happened is a journal line first and a ledger commit last; the state of anything is a fold.
//! Must not know how anything was measured or decided.

mod audits;
mod changes;
mod control;
#[cfg(test)]
mod crash;
mod error;
mod events;
mod ideas;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod growth;
mod journal;
mod layout;
mod lock;
mod reader;
mod recovery;
mod registry;
mod repair;
#[cfg(test)]
pub(crate) mod sample;
mod view;
mod waiting;
mod writer;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::id::ExperimentId;
use crate::model::verdict::Verdict;

pub use changes::{Changes, Closed};
pub use control::{Activity, Heartbeat, Orders, Running, Stop};
pub use error::Error;
pub use events::RecordEvent;
pub use layout::{LEDGER, summary_of};
pub use lock::Owner;
pub use reader::Reader;
pub use registry::{Registered, Registry};
pub use repair::{Repaired, repair, repair_at};
pub use view::{hide_view, write_view};
pub use waiting::Waiting;
pub use writer::{Joined, Writer};

/// What an open or recovery found to tell the person.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Sentences: torn tail dropped, experiment 7 was interrupted and is recorded as spurious.
    pub notices: Vec<String>,
}

/// What the target's record says as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// All experiments.
    pub experiments: u32,
    /// By verdict, in `Verdict::ALL` order.
    pub by_verdict: Vec<(Verdict, u32)>,
}

/// One wish.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BacklogItem {
    /// Its number, counted from 1.
    pub id: u32,
    /// The person's words.
    pub text: String,
    /// When it was added.
    pub added: Timestamp,
    /// How it was closed: done or dropped, in words; `None` while it is open.
    pub closed: Option<String>,
}

/// One rejection of a keep.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Rejection {
    /// Which experiment.
    pub experiment: ExperimentId,
    /// Why.
    pub because: String,
    /// When.
    pub at: Timestamp,
}
