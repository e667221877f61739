//! Edits of whole statements; knows of each language only what its table says.

use std::ops::Range;

use tree_sitter::Node;

use super::layout::{indent, is_alone, line_end, line_start, moved, removal};
use super::{Edit, EditKind, Table};
use crate::syntax::Item;
use crate::syntax::mutation::shortened;
use crate::syntax::tree::{ancestors, any, line, parts, spanning, text, walk};

/// Statements of one function that may stand elsewhere in it.
const DONORS: usize = 32;
/// Statements of the other functions of the file that may stand in a function.
const STRANGERS: usize = 8;
/// Longer statements are not copied.
const LONGEST: usize = 12;

/// The statements of one function.
pub(super) struct Statements<'t> {
    item: &'t Item,
    source: &'t str,
    table: &'t Table,
    all: Vec<Statement<'t>>,
}

/// One statement, and where it stands.
#[derive(Clone, Copy)]
struct Statement<'t> {
    node: Node<'t>,
    /// The node whose child it is.
    block: usize,
    is_only: bool,
    is_last: bool,
    /// The statement that is the nearest loop around it.
    around: Option<Node<'t>>,
    is_in_loop: bool,
}

/// A piece of code that may be copied.
struct Donor<'s> {
    text: &'s str,
    indent: &'s str,
    range: Range<usize>,
}

impl<'t> Statements<'t> {
    /// Collects the statements of an item, those of nested blocks included.
    pub(super) fn of(root: Node<'t>, item: &'t Item, source: &'t str, table: &'t Table) -> Self {
        let mut all = Vec::new();
        if let Some(body) = spanning(root, &item.body) {
            walk(body, |node| {
                if node != body && table.closed.contains(&node.kind()) {
                    return false;
                }
                if table.blocks.contains(&node.kind()) {
                    all.extend(in_block(node, body, table, source));
                }
                true
            });
        }
        Self {
            item,
            source,
            table,
            all,
        }
    }

    /// Returns every edit of these statements; `others` are those of the file's other functions.
    pub(super) fn edits(&self, others: &[&Self]) -> Vec<Edit> {
        let own = thinned(self.donors(), DONORS);
        let strangers: Vec<Donor<'_>> = others.iter().flat_map(|it| it.donors()).collect();
        let short = strangers.into_iter().filter(|it| !it.text.contains('\n'));
        let strangers = thinned(short.collect(), STRANGERS);
        let donors: Vec<&Donor<'_>> = own.iter().chain(&strangers).collect();
        let mut found = Vec::new();
        for (idx, site) in self.all.iter().enumerate() {
            found.push(self.deleted(site));
            found.extend(self.hoisted(site));
            found.extend(donors.iter().filter_map(|it| self.replaced(site, it)));
            found.extend(donors.iter().filter_map(|it| self.inserted(site, it)));
            found.extend(self.left_early(site));
            let behind = self.all[idx + 1..].iter();
            found.extend(behind.filter_map(|it| self.swapped(site, it)));
        }
        found
    }

    /// Returns what may be copied: short, and without a text over several lines, which another depth
    /// would change.
    fn donors(&self) -> Vec<Donor<'t>> {
        let spans_lines = |it: Node<'_>| it.end_position().row > it.start_position().row;
        let has_long_text = |node: Node<'_>| {
            any(
                node,
                |_| true,
                |it| it.kind().contains("string") && spans_lines(it),
            )
        };
        let fits = |it: &&Statement<'_>| {
            let n_lines = it.node.end_position().row - it.node.start_position().row + 1;
            n_lines <= LONGEST && !has_long_text(it.node)
        };
        self.all
            .iter()
            .filter(fits)
            .map(|it| Donor {
                text: text(it.node, self.source),
                indent: indent(self.source, it.node.start_byte()),
                range: it.node.byte_range(),
            })
            .collect()
    }

    fn edit(
        &self,
        kind: EditKind,
        at: Node<'_>,
        changes: Vec<(Range<usize>, String)>,
        words: String,
    ) -> Edit {
        Edit {
            kind,
            item: self.item.name.clone(),
            line: line(at),
            changes,
            words,
        }
    }

    fn name(&self, node: Node<'_>) -> String {
        format!("`{}`", shortened(text(node, self.source)))
    }

    /// Returns the change that takes a statement away.
    fn gone(&self, site: &Statement<'_>) -> (Range<usize>, String) {
        let range = site.node.byte_range();
        if site.is_only && !self.table.empty.is_empty() {
            return (range, self.table.empty.to_owned());
        }
        (removal(self.source, &range, site.is_last), String::new())
    }

    fn deleted(&self, site: &Statement<'_>) -> Edit {
        let words = format!("delete {}", self.name(site.node));
        self.edit(EditKind::Delete, site.node, vec![self.gone(site)], words)
    }

    fn replaced(&self, site: &Statement<'_>, donor: &Donor<'_>) -> Option<Edit> {
        let range = site.node.byte_range();
        let holds_site = donor.range.start <= range.start && range.end <= donor.range.end;
        if holds_site || text(site.node, self.source) == donor.text {
            return None;
        }
        let new = moved(donor.text, donor.indent, indent(self.source, range.start));
        let words = format!(
            "replace {} with `{}`",
            self.name(site.node),
            shortened(donor.text)
        );
        Some(self.edit(EditKind::Replace, site.node, vec![(range, new)], words))
    }

    fn inserted(&self, site: &Statement<'_>, donor: &Donor<'_>) -> Option<Edit> {
        let range = site.node.byte_range();
        let holds_site = donor.range.start < range.start && range.end < donor.range.end;
        if holds_site || donor.range == range || !is_alone(self.source, &range) {
            return None;
        }
        let depth = indent(self.source, range.start);
        let new = moved(donor.text, donor.indent, depth);
        Some(self.put_beside(site, &new, &shortened(donor.text)))
    }

    /// Puts code before a statement, or behind the last one of a block; nothing runs behind one that leaves.
    fn put_beside(&self, site: &Statement<'_>, new: &str, called: &str) -> Edit {
        let range = site.node.byte_range();
        let depth = indent(self.source, range.start);
        let (at, where_to) = if site.is_last && !leaves(site.node) {
            (line_end(self.source, range.end), "behind")
        } else {
            (line_start(self.source, range.start), "before")
        };
        let new = if self.source[..at].ends_with('\n') || at == 0 {
            format!("{depth}{new}\n")
        } else {
            format!("\n{depth}{new}")
        };
        let words = format!("insert `{called}` {where_to} {}", self.name(site.node));
        self.edit(EditKind::Insert, site.node, vec![(at..at, new)], words)
    }

    /// Returns ways to leave a loop behind the last statement of a block in it.
    fn left_early(&self, site: &Statement<'_>) -> Vec<Edit> {
        let is_open = site.is_in_loop && site.is_last && !leaves(site.node);
        let fits = is_open && is_alone(self.source, &site.node.byte_range());
        let exits = self.table.exits.iter().filter(|_| fits);
        exits.map(|it| self.put_beside(site, it, it)).collect()
    }

    /// Moves a statement of a loop's own block to the place before the loop.
    fn hoisted(&self, site: &Statement<'_>) -> Option<Edit> {
        let around = site.around?;
        let range = site.node.byte_range();
        if !is_alone(self.source, &range) || site.is_only {
            return None;
        }
        let at = line_start(self.source, around.start_byte());
        let depth = indent(self.source, around.start_byte());
        let now = indent(self.source, range.start);
        let new = moved(text(site.node, self.source), now, depth);
        let changes = vec![(at..at, format!("{depth}{new}\n")), self.gone(site)];
        let words = format!("move {} out of the loop", self.name(site.node));
        Some(self.edit(EditKind::Move, site.node, changes, words))
    }

    fn swapped(&self, one: &Statement<'_>, other: &Statement<'_>) -> Option<Edit> {
        let (first, second) = (text(one.node, self.source), text(other.node, self.source));
        if one.block != other.block || first == second {
            return None;
        }
        let changes = vec![
            (one.node.byte_range(), second.to_owned()),
            (other.node.byte_range(), first.to_owned()),
        ];
        let words = format!("swap {} and {}", self.name(one.node), self.name(other.node));
        Some(self.edit(EditKind::Swap, one.node, changes, words))
    }
}

/// Returns whether a statement ends its block, so that what stands behind it never runs.
fn leaves(statement: Node<'_>) -> bool {
    const WAYS: [&str; 6] = ["return", "break", "continue", "throw", "raise", "goto"];
    let is_way = |kind: &str| {
        let rest = |way: &str| kind.strip_prefix(way).is_some_and(|it| it.starts_with('_'));
        WAYS.into_iter().any(rest)
    };
    // In Rust each of them is an expression, with a statement around it or without.
    let within = statement.named_child(0);
    let within = within.filter(|_| statement.kind() == "expression_statement");
    is_way(statement.kind()) || within.is_some_and(|it| is_way(it.kind()))
}

/// Returns the statements that are children of one block.
fn in_block<'t>(
    block: Node<'t>,
    body: Node<'t>,
    table: &Table,
    source: &str,
) -> Vec<Statement<'t>> {
    let children = parts(block);
    let within = |it: &Node<'_>| body.start_byte() <= it.start_byte() && *it != body;
    let around = std::iter::once(block)
        .chain(ancestors(block))
        .take_while(within)
        .find(|it| table.loops.contains(&it.kind()));
    // Only what stands in the loop's own block runs on every turn.
    let own = around.filter(|it| is_own_block(block, *it));
    let own = own.and_then(|it| statement_around(it, table));
    let n_children = children.len();
    let statement = |(idx, node): (usize, Node<'t>)| Statement {
        node,
        block: block.id(),
        is_only: n_children == 1,
        is_last: idx + 1 == n_children,
        around: own,
        is_in_loop: around.is_some(),
    };
    children
        .into_iter()
        .enumerate()
        .filter(|(_, it)| (table.is_statement)(it.kind()) && !is_said(*it, source))
        .map(statement)
        .collect()
}

/// Returns whether a block is what a loop itself repeats.
fn is_own_block(block: Node<'_>, around: Node<'_>) -> bool {
    ancestors(block)
        .take_while(|it| *it != around)
        .all(|it| it.kind() == "block")
}

fn statement_around<'t>(node: Node<'t>, table: &Table) -> Option<Node<'t>> {
    let is_in_block = |it: &Node<'_>| {
        it.parent()
            .is_some_and(|it| table.blocks.contains(&it.kind()))
    };
    std::iter::once(node)
        .chain(ancestors(node))
        .find(is_in_block)
}

/// A text that stands alone is documentation, and `pass` is nothing.
fn is_said(node: Node<'_>, source: &str) -> bool {
    let words = text(node, source);
    let is_text = node.kind() == "expression_statement"
        && node
            .named_child(0)
            .is_some_and(|it| it.kind().contains("string") && it.byte_range() == node.byte_range());
    is_text || matches!(words, "pass" | "..." | ";")
}

/// Returns at most so many, evenly spread.
fn thinned<T>(all: Vec<T>, most: usize) -> Vec<T> {
    let n_all = all.len();
    if n_all <= most {
        return all;
    }
    let mut taken = 0;
    let is_taken = |idx: usize| {
        let is_due = (idx + 1) * most / n_all > taken;
        taken += usize::from(is_due);
        is_due
    };
    let chosen: Vec<bool> = (0..n_all).map(is_taken).collect();
    all.into_iter()
        .zip(chosen)
        .filter_map(|(it, is_chosen)| is_chosen.then_some(it))
        .collect()
}
