//! What the mutants of every language share; knows no language's node kinds.

use tree_sitter::Node;

use super::Mutant;
use super::tree::{line, text};

/// Where mutants are being made.
pub(super) struct Place<'s> {
    /// The qualified name of the item.
    pub(super) item: String,
    /// The whole file.
    pub(super) source: &'s str,
}

impl Place<'_> {
    /// Returns a mutant that replaces a node.
    pub(super) fn mutant(
        &self,
        node: Node<'_>,
        replacement: impl Into<String>,
        what: String,
    ) -> Mutant {
        Mutant {
            item: self.item.clone(),
            line: line(node),
            span: node.byte_range(),
            replacement: replacement.into(),
            description: what,
        }
    }

    /// Returns the mutant that puts another operator in the place of a node's own.
    pub(super) fn swapped(&self, node: Node<'_>, swaps: &[(&str, &str)]) -> Option<Mutant> {
        let operator = node.child_by_field_name("operator")?;
        let now = text(operator, self.source);
        let (_, other) = swaps.iter().find(|(it, _)| *it == now)?;
        Some(self.mutant(operator, *other, format!("replace {now} with {other}")))
    }

    /// Returns the mutants that move a plain decimal by one.
    pub(super) fn shifted(&self, node: Node<'_>) -> Vec<Mutant> {
        let now = text(node, self.source);
        let Ok(value) = now.replace('_', "").parse::<u64>() else {
            return Vec::new();
        };
        neighbours(value)
            .map(|other| {
                let what = format!("replace {now} with {other}");
                self.mutant(node, other.to_string(), what)
            })
            .collect()
    }
}

/// Returns the number after, and the one before where that is not zero.
pub(super) fn neighbours(value: u64) -> impl Iterator<Item = u64> {
    let down = value.checked_sub(1).filter(|it| *it > 0);
    value.checked_add(1).into_iter().chain(down)
}

/// Returns code on one line of at most forty characters.
pub(super) fn shortened(code: &str) -> String {
    let line = code.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= 40 {
        return line;
    }
    let head: String = line.chars().take(39).collect();
    format!("{head}…")
}
