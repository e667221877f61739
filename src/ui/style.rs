//! The few colours that mean something.

use owo_colors::OwoColorize as _;

use crate::model::verdict::Verdict;

/// Returns a heading.
pub(super) fn heading(text: &str) -> String {
    text.bold().to_string()
}

/// Returns text that steps back.
pub(super) fn faint(text: &str) -> String {
    text.dimmed().to_string()
}

/// Returns good news.
pub(super) fn good(text: &str) -> String {
    text.green().to_string()
}

/// Returns bad news.
pub(super) fn bad(text: &str) -> String {
    text.red().to_string()
}

/// Returns something to look at.
pub(super) fn careful(text: &str) -> String {
    text.yellow().to_string()
}

/// Returns a command that can be copied.
pub(super) fn command(text: &str) -> String {
    text.cyan().to_string()
}

/// Returns the word for a verdict in its colour.
pub(super) fn verdict(verdict: Verdict) -> String {
    let word = verdict_word(verdict);
    match verdict {
        Verdict::Keep => good(word),
        Verdict::Revert | Verdict::Vetoed => bad(word),
        Verdict::Inconclusive | Verdict::Spurious => careful(word),
    }
}

/// Returns the word that people read for a verdict.
pub(super) fn verdict_word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Keep => "kept",
        Verdict::Revert => "reverted",
        Verdict::Inconclusive => "inconclusive",
        Verdict::Spurious => "spurious",
        Verdict::Vetoed => "vetoed",
    }
}
