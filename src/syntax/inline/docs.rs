//! Doctests: examples in documentation, which belong to the item they document.

use std::ops::Range;

use super::{Edits, indentation};

/// How documentation is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::syntax) enum DocStyle {
    /// Lines that each begin with this, one block being one test.
    Lines(&'static str),
    /// One text, all of it being one test.
    Text,
}

/// An example as lines without indentation, and its place.
pub(in crate::syntax) type Block = (Vec<String>, Range<usize>);

/// The documentation of one item.
#[derive(Clone, Debug)]
pub(in crate::syntax) struct Doc {
    /// What is documented.
    pub(in crate::syntax) owner: String,
    /// How.
    pub(in crate::syntax) style: DocStyle,
    /// Its examples.
    pub(in crate::syntax) blocks: Vec<Block>,
    /// Where another example can be put.
    pub(in crate::syntax) end: usize,
    /// What stands before and behind an example that is put there.
    pub(in crate::syntax) around: (String, String),
    /// Of a text: the whole of it.
    pub(in crate::syntax) whole: String,
}

/// Puts back the examples that an item's documentation lost.
pub(super) fn put_docs(before: &[Doc], after: &[Doc], edits: &mut Edits) {
    let mut taken = vec![false; after.len()];
    let has_examples = |it: &&Doc| it.blocks.iter().any(|block| !block.0.is_empty());
    for doc in before.iter().filter(has_examples) {
        let name = match doc.owner.as_str() {
            "" => "doctest".to_owned(),
            owner => format!("{owner} (doctest)"),
        };
        let is_free = |it: &usize| !taken[*it] && after[*it].owner == doc.owner;
        let free: Vec<usize> = (0..after.len()).filter(is_free).collect();
        let now = free
            .iter()
            .find(|it| lost(doc, &after[**it]).0.is_empty())
            .or(free.first())
            .copied();
        match now {
            None => edits.gone.push(name),
            Some(idx) => {
                taken[idx] = true;
                if put_doc(doc, &after[idx], edits) {
                    edits.put_back.push(name);
                }
            }
        }
    }
}

/// Returns whether anything was missing.
fn put_doc(doc: &Doc, now: &Doc, edits: &mut Edits) -> bool {
    let (lost, spare) = lost(doc, now);
    if lost.is_empty() {
        return false;
    }
    if let DocStyle::Text = doc.style {
        edits
            .changes
            .push(if let Some((_, place)) = now.blocks.first() {
                (place.clone(), doc.whole.clone())
            } else {
                let text = format!("{}{}{}", now.around.0, doc.whole, now.around.1);
                (now.end..now.end, text)
            });
        return true;
    }
    let DocStyle::Lines(prefix) = now.style else {
        return true;
    };
    let mut spare = spare.into_iter().filter(|it| !it.1.is_empty());
    for (lines, _) in lost {
        let text = shown(lines, prefix, &now.around.0);
        edits.changes.push(if let Some((_, place)) = spare.next() {
            (place.clone(), text)
        } else {
            (now.end..now.end, format!("{text}\n{}", now.around.0))
        });
    }
    true
}

/// Returns the blocks that are not there any more, and those there that nothing matches.
fn lost<'d>(doc: &'d Doc, now: &'d Doc) -> (Vec<&'d Block>, Vec<&'d Block>) {
    let mut spare: Vec<&Block> = now.blocks.iter().collect();
    let mut lost = Vec::new();
    for block in &doc.blocks {
        let is_there = |it: &&Block| match doc.style {
            DocStyle::Lines(_) => it.0 == block.0,
            DocStyle::Text => it.0.starts_with(&block.0),
        };
        match spare.iter().position(is_there) {
            Some(idx) => drop(spare.remove(idx)),
            None => lost.push(block),
        }
    }
    (lost, spare)
}

/// Writes a block as comment lines; the first one stands where the place begins.
fn shown(lines: &[String], prefix: &str, indent: &str) -> String {
    let lines: Vec<String> = lines
        .iter()
        .map(|it| format!("{prefix} {it}").trim_end().to_owned())
        .collect();
    lines.join(&format!("\n{indent}"))
}

/// Returns the indentation of the line a place is on, as text of its own.
pub(in crate::syntax) fn indent_of(source: &str, at: usize) -> String {
    indentation(source, at).to_owned()
}
