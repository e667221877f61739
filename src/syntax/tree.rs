//! Parsing and walking, the same for every grammar; knows no language's node kinds.

use std::ops::Range;

use tree_sitter::{Node, Parser, Tree};

use super::Grammar;

/// Parses a file; broken parts become error nodes.
pub(super) fn parse(grammar: Grammar, source: &str) -> Option<Tree> {
    let mut parser = Parser::new();
    parser
        .set_language(&(grammar.language().grammar)())
        .expect("the grammar crates are built for this tree-sitter");
    parser.parse(source, None)
}

/// Returns the text that a node covers.
pub(super) fn text<'s>(node: Node<'_>, source: &'s str) -> &'s str {
    &source[node.byte_range()]
}

/// Returns the line a node starts on, counted from 1.
pub(super) fn line(node: Node<'_>) -> u32 {
    u32::try_from(node.start_position().row + 1).unwrap_or(u32::MAX)
}

/// Visits a node and everything below it, parents first; `enter` says whether to go deeper.
pub(super) fn walk<'t>(root: Node<'t>, mut enter: impl FnMut(Node<'t>) -> bool) {
    traverse(root, &mut |step| match step {
        Step::Enter(node) => enter(node),
        Step::Leave(_) => true,
    });
}

/// One step of a traversal.
pub(super) enum Step<'t> {
    /// Before the node's children.
    Enter(Node<'t>),
    /// After them; not told for a node whose children were left out.
    Leave(Node<'t>),
}

/// Visits like [`walk`], telling the way back too. Iterative: nesting depth is the author's choice.
pub(super) fn traverse<'t>(root: Node<'t>, visit: &mut impl FnMut(Step<'t>) -> bool) {
    let mut cursor = root.walk();
    loop {
        let deeper = visit(Step::Enter(cursor.node()));
        if deeper && cursor.goto_first_child() {
            continue;
        }
        if deeper {
            visit(Step::Leave(cursor.node()));
        }
        loop {
            if cursor.node() == root {
                return;
            }
            if cursor.goto_next_sibling() {
                break;
            }
            if !cursor.goto_parent() {
                return;
            }
            visit(Step::Leave(cursor.node()));
        }
    }
}

/// Returns a node's ancestors, nearest first.
pub(super) fn ancestors(node: Node<'_>) -> impl Iterator<Item = Node<'_>> {
    std::iter::successors(node.parent(), Node::parent)
}

/// Returns the outermost node of that very range.
pub(super) fn spanning<'t>(root: Node<'t>, range: &Range<usize>) -> Option<Node<'t>> {
    let inner = root.descendant_for_byte_range(range.start, range.end)?;
    let outer = ancestors(inner).take_while(|it| it.byte_range() == inner.byte_range());
    Some(outer.last().unwrap_or(inner))
}

/// Returns all children of a node.
pub(super) fn children(node: Node<'_>) -> Vec<Node<'_>> {
    let mut cursor = node.walk();
    node.children(&mut cursor).collect()
}

/// Returns the named children of a node that are no comments.
pub(super) fn parts(node: Node<'_>) -> Vec<Node<'_>> {
    let mut cursor = node.walk();
    node.named_children(&mut cursor)
        .filter(|it| !it.kind().ends_with("comment"))
        .collect()
}

/// Returns whether a node or anything below it satisfies `found`; `enter` limits the search.
pub(super) fn any<'t>(
    root: Node<'t>,
    enter: impl Fn(Node<'t>) -> bool,
    found: impl Fn(Node<'t>) -> bool,
) -> bool {
    let mut hit = false;
    walk(root, |node| {
        hit = hit || found(node);
        !hit && (node == root || enter(node))
    });
    hit
}

/// Returns the text of a node's field.
pub(super) fn field<'s>(node: Node<'_>, name: &str, source: &'s str) -> Option<&'s str> {
    node.child_by_field_name(name).map(|it| text(it, source))
}
