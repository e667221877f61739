//! The landing branch: what goes on it, what is put on top of a base that moved, and what is taken out again.

pub(super) mod audit;
pub(super) mod gain;
pub(super) mod landing;
pub(super) mod reject;
pub mod restack;
mod retest;
