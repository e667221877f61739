//! Puts the tests that live inside source files back as they were; knows no language's node kinds.
//!
//! Tests are compared as token streams, doctests as lines. What a candidate adds stays; what it changed
//! or took away comes back.

use std::collections::BTreeMap;
use std::ops::Range;

use super::{Grammar, parses, tree};

mod docs;

pub(super) use docs::{Doc, DocStyle, indent_of};

/// A candidate's source with the incumbent's inline tests in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spliced {
    /// The whole file.
    pub source: String,
    /// Names of the test items that were changed or gone.
    pub put_back: Vec<String>,
    /// Names of doctests that went with the item they documented.
    pub gone: Vec<String>,
}

/// A piece of test code inside a source file.
#[derive(Clone, Debug)]
pub(super) struct Unit {
    /// Kind and name: what finds it on the other side.
    pub(super) key: String,
    /// What people call it.
    pub(super) name: String,
    /// Of its tokens.
    pub(super) hash: String,
    /// Its place, attributes included.
    pub(super) span: Range<usize>,
    /// The text that makes it anew elsewhere; empty for what stands at `span`.
    pub(super) anew: String,
    /// The key of the module or implementation around it; empty at the top of a file.
    pub(super) home: String,
    /// Only tests compile it; if not, it is there because a test may have become it.
    pub(super) test: bool,
    /// Of a container: the hash of all but its content, and what it holds.
    pub(super) inner: Option<Inner>,
}

/// The content of a container.
#[derive(Clone, Debug)]
pub(super) struct Inner {
    /// Hash of what stands around the content.
    pub(super) head: String,
    /// Where more can be put in.
    pub(super) end: usize,
    /// The content.
    pub(super) units: Vec<Unit>,
}

/// What one language finds in a file.
#[derive(Default)]
pub(super) struct Found {
    /// Test code, with code of the same kind that may once have been a test.
    pub(super) units: Vec<Unit>,
    /// Where the end of each possible home is.
    pub(super) homes: BTreeMap<String, usize>,
    /// Doctests.
    pub(super) docs: Vec<Doc>,
}

/// Returns the candidate's source with every inline test item of the incumbent put back; `None` when
/// all are there, whatever their layout.
///
/// A test is replaced where it stands, and comes back at the end of its module, or of the file, when it
/// is gone. A doctest whose item is gone is only told of. Where the pieces do not fit together the
/// whole file of the incumbent comes back.
pub fn with_tests_of(grammar: Grammar, incumbent: &str, candidate: &str) -> Option<Spliced> {
    let spliced = attempt(grammar, incumbent, candidate)?;
    if spliced.put_back.is_empty() {
        return Some(spliced);
    }
    let is_whole = parses(grammar, &spliced.source)
        || !(parses(grammar, incumbent) && parses(grammar, candidate));
    let is_settled =
        attempt(grammar, incumbent, &spliced.source).is_none_or(|again| again.put_back.is_empty());
    if is_whole && is_settled {
        return Some(spliced);
    }
    Some(Spliced {
        source: incumbent.to_owned(),
        gone: Vec::new(),
        ..spliced
    })
}

fn attempt(grammar: Grammar, incumbent: &str, candidate: &str) -> Option<Spliced> {
    let before = find(grammar, incumbent);
    let after = find(grammar, candidate);
    let mut edits = Edits::default();
    put_units(&before, &after, incumbent, candidate, &mut edits);
    docs::put_docs(&before.docs, &after.docs, &mut edits);
    if edits.put_back.is_empty() && edits.gone.is_empty() {
        return None;
    }
    Some(Spliced {
        source: edits.applied(candidate),
        put_back: edits.put_back,
        gone: edits.gone,
    })
}

fn find(grammar: Grammar, source: &str) -> Found {
    tree::parse(grammar, source)
        .map(|tree| (grammar.language().inline)(tree.root_node(), source))
        .unwrap_or_default()
}

/// Changes to the candidate's source, and what they are for.
#[derive(Default)]
struct Edits {
    changes: Vec<(Range<usize>, String)>,
    put_back: Vec<String>,
    gone: Vec<String>,
}

impl Edits {
    /// Applies all changes, leaving out one that overlaps an earlier one.
    fn applied(&self, source: &str) -> String {
        let mut changes: Vec<&(Range<usize>, String)> = self.changes.iter().collect();
        changes.sort_by_key(|it| (it.0.start, it.0.end));
        let mut result = String::with_capacity(source.len());
        let mut at = 0;
        for (range, text) in changes {
            if range.start < at {
                continue;
            }
            result.push_str(&source[at..range.start]);
            result.push_str(text);
            at = range.end;
        }
        result.push_str(&source[at..]);
        result
    }
}

fn put_units(before: &Found, after: &Found, incumbent: &str, candidate: &str, edits: &mut Edits) {
    let wanted: Vec<&Unit> = before.units.iter().filter(|it| it.test).collect();
    let pairs = pairs(&wanted, &after.units.iter().collect::<Vec<_>>());
    for (unit, found) in wanted.into_iter().zip(pairs) {
        let found = found.map(|it| &after.units[it]);
        let is_taken = |it: &&Unit| {
            let kept = before
                .units
                .iter()
                .any(|old| !old.test && old.key == it.key);
            it.test || !kept
        };
        let Some(now) = found.filter(is_taken) else {
            edits.put_back.extend(names(unit));
            let text = &incumbent[unit.span.clone()];
            edits.changes.push(returned(unit, text, after, candidate));
            continue;
        };
        let missing = missing(unit, now);
        if !missing.is_empty() {
            edits.put_back.extend(missing);
            let text = merged(unit, now, incumbent, candidate);
            edits.changes.push((now.span.clone(), text));
        }
    }
}

/// Returns the change that brings a unit back into its home, or to the end of the file.
fn returned(unit: &Unit, text: &str, after: &Found, candidate: &str) -> (Range<usize>, String) {
    if let Some(end) = after.homes.get(&unit.home) {
        return (*end..*end, format!("\n{text}\n"));
    }
    let wrapped = match unit.home.strip_prefix("impl ") {
        Some(_) => format!("{} {{\n{text}\n}}", unit.home),
        None => text.to_owned(),
    };
    let end = candidate.len();
    let border = match candidate {
        "" => "",
        text if text.ends_with("\n\n") => "",
        text if text.ends_with('\n') => "\n",
        _ => "\n\n",
    };
    (end..end, format!("{border}{wrapped}\n"))
}

/// Finds each wanted unit on the other side: an equal one first, then a test of that name, then
/// anything of that name. None is given twice, but a group of imports holds several.
fn pairs(wanted: &[&Unit], there: &[&Unit]) -> Vec<Option<usize>> {
    let mut by_key: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (idx, unit) in there.iter().enumerate() {
        by_key.entry(unit.key.as_str()).or_default().push(idx);
    }
    let mut taken = vec![false; there.len()];
    let mut found: Vec<Option<usize>> = vec![None; wanted.len()];
    let fits: [fn(&Unit, &Unit) -> bool; 3] = [
        |a, b| a.hash == b.hash && b.test,
        |_, b| b.test,
        |_, _| true,
    ];
    for fits in fits {
        for (unit, slot) in wanted.iter().zip(&mut found) {
            if slot.is_some() {
                continue;
            }
            let same_key = by_key.get(unit.key.as_str()).into_iter().flatten();
            *slot = same_key
                .copied()
                .find(|it| !taken[*it] && fits(unit, there[*it]));
            if let Some(idx) = *slot {
                taken[idx] = true;
            }
        }
    }
    found
}

/// Returns the names of what a unit has and its counterpart lacks.
fn missing(unit: &Unit, now: &Unit) -> Vec<String> {
    if unit.hash == now.hash && unit.test == now.test {
        return Vec::new();
    }
    let (Some(inner), Some(there)) = (&unit.inner, &now.inner) else {
        return names(unit);
    };
    let mut lost = Vec::new();
    if inner.head != there.head {
        lost.push(unit.name.clone());
    }
    for (part, found) in inner.units.iter().zip(part_pairs(inner, there)) {
        match found {
            Some(idx) => lost.extend(missing(part, &there.units[idx])),
            None => lost.extend(names(part)),
        }
    }
    lost
}

fn part_pairs(inner: &Inner, there: &Inner) -> Vec<Option<usize>> {
    let wanted: Vec<&Unit> = inner.units.iter().collect();
    pairs(&wanted, &there.units.iter().collect::<Vec<_>>())
}

/// Returns the names of the items in a unit, or its own.
fn names(unit: &Unit) -> Vec<String> {
    match &unit.inner {
        Some(inner) if !inner.units.is_empty() => inner.units.iter().flat_map(names).collect(),
        _ => vec![unit.name.clone()],
    }
}

/// Returns a unit's text with what its counterpart has beyond it.
fn merged(unit: &Unit, now: &Unit, incumbent: &str, candidate: &str) -> String {
    let text = &incumbent[unit.span.clone()];
    let (Some(inner), Some(there)) = (&unit.inner, &now.inner) else {
        return text.to_owned();
    };
    let mut edits = Edits::default();
    let offset = unit.span.start;
    let pairs = part_pairs(inner, there);
    for (part, found) in inner.units.iter().zip(&pairs) {
        let Some(counterpart) = found.map(|it| &there.units[it]) else {
            continue;
        };
        if part.inner.is_some() && part.hash != counterpart.hash {
            let place = part.span.start - offset..part.span.end - offset;
            let text = merged(part, counterpart, incumbent, candidate);
            edits.changes.push((place, text));
        }
    }
    let end = inner.end - offset;
    let added: String = (0..there.units.len())
        .filter(|it| !pairs.contains(&Some(*it)))
        .map(|it| &there.units[it])
        .map(|it| added(it, inner, incumbent, candidate))
        .collect();
    edits.changes.push((end..end, added));
    edits.applied(text)
}

/// Returns the text of a candidate's new part, indented as its new neighbours are.
fn added(part: &Unit, inner: &Inner, incumbent: &str, candidate: &str) -> String {
    let text = match part.anew.as_str() {
        "" => &candidate[part.span.clone()],
        anew => anew,
    };
    let from = indentation(candidate, part.span.start);
    let to = inner
        .units
        .first()
        .map_or(from, |it| indentation(incumbent, it.span.start));
    format!("\n{to}{}\n", reindented(text, from, to))
}

/// Returns the white space before a place, when there is nothing else on its line.
pub(super) fn indentation(source: &str, at: usize) -> &str {
    let start = source[..at].rfind('\n').map_or(0, |it| it + 1);
    let before = &source[start..at];
    if before.trim().is_empty() { before } else { "" }
}

fn reindented(text: &str, from: &str, to: &str) -> String {
    if from == to {
        return text.to_owned();
    }
    text.replace(&format!("\n{from}"), &format!("\n{to}"))
}

#[cfg(test)]
mod tests;
