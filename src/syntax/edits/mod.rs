//! Small edits of functions: statements deleted, replaced, inserted, swapped and moved, calls taken
//! away, constants and operators changed. What a search for faster code is made of.
//!
//! An edit is data: byte ranges and what stands there instead. Nothing is edited in tests, nor in a
//! function that holds `unsafe` code or assembly, whose guards an edit could take away unnoticed.

mod expressions;
mod layout;
mod statements;

use std::collections::BTreeSet;
use std::ops::Range;

use tree_sitter::Node;

use super::tree::{any, parse, spanning};
use super::{Grammar, Item, parses_as_before};
use layout::spliced;
use statements::Statements;

/// What an edit does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EditKind {
    /// Takes a statement away.
    Delete,
    /// Puts another statement of the file in the place of one.
    Replace,
    /// Puts a copy of a statement of the file at another place.
    Insert,
    /// Exchanges two statements of a block.
    Swap,
    /// Takes a statement out of a loop, to the place before it.
    Move,
    /// Puts what a call is given in the place of the call.
    Unwrap,
    /// Changes a number.
    Constant,
    /// Changes an operator.
    Operator,
}

impl EditKind {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Delete,
        Self::Replace,
        Self::Insert,
        Self::Swap,
        Self::Move,
        Self::Unwrap,
        Self::Constant,
        Self::Operator,
    ];

    /// Returns its name in keys.
    pub fn name(self) -> &'static str {
        match self {
            Self::Delete => "delete",
            Self::Replace => "replace",
            Self::Insert => "insert",
            Self::Swap => "swap",
            Self::Move => "move",
            Self::Unwrap => "unwrap",
            Self::Constant => "constant",
            Self::Operator => "operator",
        }
    }
}

/// One small edit of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// What it does.
    pub kind: EditKind,
    /// The function it is in, as in [`Item::name`].
    pub item: String,
    /// Of the code that it changes, counted from 1.
    pub line: u32,
    /// Byte ranges with their new text, none of which overlap.
    pub changes: Vec<(Range<usize>, String)>,
    /// In words: ``delete `items.sort()` ``.
    pub words: String,
}

impl Edit {
    /// Returns what tells it from every other edit of the same text.
    pub fn key(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        for (range, text) in &self.changes {
            hasher.update(
                format!("{}..{}={}:{text};", range.start, range.end, text.len()).as_bytes(),
            );
        }
        let hash = hasher.finalize().to_hex();
        format!("{}@{}:{}", self.kind.name(), self.line, &hash[..10])
    }
}

/// What a language's edits are made from.
pub(super) struct Table {
    /// Nodes whose children are statements.
    pub(super) blocks: &'static [&'static str],
    /// Whether a child of those that is of this kind may be taken away or copied.
    pub(super) is_statement: fn(&str) -> bool,
    /// Nodes that are items of their own, or in which nothing is edited.
    pub(super) closed: &'static [&'static str],
    /// Nodes whose body runs again and again.
    pub(super) loops: &'static [&'static str],
    /// Statements that leave a loop early, which every loop may get.
    pub(super) exits: &'static [&'static str],
    /// What stands in a block that would be empty.
    pub(super) empty: &'static str,
    /// A call.
    pub(super) call: &'static str,
    /// What is called with a receiver, and its field that holds the receiver.
    pub(super) receiver: Option<(&'static str, &'static str)>,
    /// Nodes that rule a whole function out.
    pub(super) hazards: &'static [&'static str],
}

/// Returns the edits of the functions that are wanted, in order of place; none of a file that does not
/// parse. An edit may break the code: [`edited`] refuses what does not even parse.
pub fn edits(grammar: Grammar, source: &str, is_wanted: &dyn Fn(&Item) -> bool) -> Vec<Edit> {
    let Some(tree) = parse(grammar, source).filter(|it| !it.root_node().has_error()) else {
        return Vec::new();
    };
    let root = tree.root_node();
    let table = grammar.language().edits;
    let mut items = (grammar.language().items)(root, source);
    items.retain(|it| !it.test && !is_hazardous(root, it, table));
    let mutants = super::mutants(grammar, source);
    let statements: Vec<Statements<'_>> = items
        .iter()
        .map(|it| Statements::of(root, it, source, table))
        .collect();
    let mut found = Vec::new();
    for (idx, item) in items.iter().enumerate().filter(|(_, it)| is_wanted(it)) {
        let elsewhere = statements.iter().enumerate().filter(|(at, _)| *at != idx);
        let elsewhere: Vec<&Statements<'_>> = elsewhere.map(|(_, it)| it).collect();
        found.extend(statements[idx].edits(&elsewhere));
        found.extend(expressions::unwrapped(root, item, source, table));
        found.extend(expressions::changed(item, source, &mutants));
    }
    let mut known = BTreeSet::new();
    found.retain(|it| known.insert(it.key()));
    found.sort_by_key(|it| (it.line, it.kind));
    found
}

fn is_hazardous(root: Node<'_>, item: &Item, table: &Table) -> bool {
    let node = spanning(root, &item.span);
    let is_hazard = |it: Node<'_>| {
        table.hazards.contains(&it.kind()) || (!it.is_named() && it.kind() == "unsafe")
    };
    node.is_none_or(|it| any(it, |_| true, is_hazard))
}

/// Returns the source with the edits in it; `None` where two of them meet at the same place, where
/// nothing would change, and where the result does not parse.
pub fn edited(grammar: Grammar, source: &str, edits: &[&Edit]) -> Option<String> {
    let changes = edits.iter().flat_map(|it| it.changes.iter());
    let text = spliced(source, changes)?;
    (text != source && parses_as_before(grammar, source, &text)).then_some(text)
}

#[cfg(test)]
mod tests;
