//! Alone prints: progress, reports.
//!
//! Renderers return text with colours in it; [`Output`] writes it, and takes the colours out again
//! where nobody would see them. Nothing here decides anything.

#![expect(
    clippy::format_push_string,
    reason = "pages are short: building them from texts reads better than `write!` with results to discard"
)]

pub mod closing;
pub mod document;
pub mod evaluation;
pub mod first_report;
pub mod insights;
mod lines;
pub mod number;
mod output;
pub mod pictures;
pub mod plot;
pub mod progress;
mod pursued;
pub mod record;
pub mod research;
mod style;
pub mod text;
pub mod tools;
pub mod verbs;
mod variants;
mod withheld;

pub use output::{ColorMode, Output, color_mode};
