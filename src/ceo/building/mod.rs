//! Who builds a candidate, of how many, and how far ahead of its turn.

mod ahead;
pub(super) mod backend;
mod grant;
mod variants;
