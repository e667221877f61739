//! A value in a source file: that of a named constant, or the first group of a pattern.

use std::ops::Range;

use regex::Regex;

use super::{Error, refused};
use crate::syntax::{self, Grammar};

/// Returns a constant's literal.
pub(super) fn get(grammar: Grammar, text: &str, name: &str) -> Option<String> {
    let span = syntax::constant(grammar, text, name)?;
    Some(text[span].to_owned())
}

/// Returns the text with another literal in a constant.
pub(super) fn set(grammar: Grammar, text: &str, name: &str, value: &str) -> Result<String, Error> {
    let span = syntax::constant(grammar, text, name).ok_or_else(|| {
        refused(
            name,
            "is no constant, or no constant of that name is the only one",
        )
    })?;
    let after = replaced(text, span, value);
    if get(grammar, &after, name).as_deref() != Some(value) {
        return Err(refused(
            value,
            "would no longer be the value of the constant",
        ));
    }
    Ok(after)
}

/// Returns what the pattern's first group holds.
pub(super) fn get_by_pattern(text: &str, pattern: &str) -> Result<String, Error> {
    Ok(text[place(text, pattern)?].to_owned())
}

/// Returns the text with another value in the pattern's first group.
pub(super) fn set_by_pattern(text: &str, pattern: &str, value: &str) -> Result<String, Error> {
    let after = replaced(text, place(text, pattern)?, value);
    if get_by_pattern(&after, pattern).ok().as_deref() != Some(value) {
        let reason = format!("would no longer be found by `{pattern}`");
        return Err(refused(value, reason));
    }
    Ok(after)
}

/// Returns where the first group of the only match is.
fn place(text: &str, pattern: &str) -> Result<Range<usize>, Error> {
    let regex = Regex::new(pattern).map_err(|_| refused(pattern, "is no regular expression"))?;
    let mut matches = regex.captures_iter(text);
    let Some(first) = matches.next() else {
        return Err(refused(pattern, "matches nothing"));
    };
    let others = matches.count();
    if others > 0 {
        let reason = format!("matches {} places (hint: make it match one)", others + 1);
        return Err(refused(pattern, reason));
    }
    match first.get(1) {
        Some(group) => Ok(group.range()),
        None => Err(refused(
            pattern,
            "has no group that matches (hint: put the value in parentheses)",
        )),
    }
}

fn replaced(text: &str, span: Range<usize>, value: &str) -> String {
    let mut after = text.to_owned();
    after.replace_range(span, value);
    after
}
