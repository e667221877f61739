//! Edits inside statements: calls that give way to what they are given, other numbers and operators.

use tree_sitter::Node;

use super::{Edit, EditKind, Table};
use crate::syntax::mutation::shortened;
use crate::syntax::tree::{line, parts, spanning, text, walk};
use crate::syntax::{Item, Mutant};

/// Kinds that bind at least as tightly as a call, so that they need no parentheses in its place.
const TIGHT: [&str; 14] = [
    "identifier",
    "attribute",
    "field_expression",
    "member_expression",
    "selector_expression",
    "call",
    "call_expression",
    "subscript",
    "subscript_expression",
    "index_expression",
    "parenthesized_expression",
    "list",
    "array",
    "self",
];

/// Returns the edits that put a call's receiver, or its only argument, in the place of the call.
pub(super) fn unwrapped(root: Node<'_>, item: &Item, source: &str, table: &Table) -> Vec<Edit> {
    let mut found = Vec::new();
    let Some(body) = spanning(root, &item.body) else {
        return found;
    };
    walk(body, |node| {
        if node != body && table.closed.contains(&node.kind()) {
            return false;
        }
        // A call that is a whole statement is deleted as such.
        let is_whole = node
            .parent()
            .is_some_and(|it| it.kind() == "expression_statement");
        if node.kind() == table.call && !is_whole {
            let given = given(node, table).into_iter();
            found.extend(given.map(|it| in_place(node, it, item, source)));
        }
        true
    });
    found
}

/// Returns what a call works on.
fn given<'t>(call: Node<'t>, table: &Table) -> Vec<Node<'t>> {
    let called = call.child_by_field_name("function");
    let receiver = table
        .receiver
        .zip(called)
        .filter(|((kind, _), it)| it.kind() == *kind)
        .and_then(|((_, field), it)| it.child_by_field_name(field));
    let arguments = call.child_by_field_name("arguments").map(parts);
    let only = match arguments.as_deref() {
        Some([only]) if !only.kind().contains("keyword") && !only.kind().contains("splat") => {
            Some(*only)
        }
        _ => None,
    };
    receiver.into_iter().chain(only).collect()
}

fn in_place(call: Node<'_>, given: Node<'_>, item: &Item, source: &str) -> Edit {
    let now = text(given, source);
    let is_tight = TIGHT.contains(&given.kind()) || given.kind().contains("literal");
    let new = if is_tight {
        now.to_owned()
    } else {
        format!("({now})")
    };
    Edit {
        kind: EditKind::Unwrap,
        item: item.name.clone(),
        line: line(call),
        words: format!(
            "replace `{}` with `{}`",
            shortened(text(call, source)),
            shortened(now)
        ),
        changes: vec![(call.byte_range(), new)],
    }
}

/// Returns the edits that change one number or one operator of a function.
pub(super) fn changed(item: &Item, source: &str, mutants: &[Mutant]) -> Vec<Edit> {
    let own = mutants.iter().filter(|it| {
        it.item == item.name && item.body.start <= it.span.start && it.span.end <= item.body.end
    });
    let mut found = Vec::new();
    for mutant in own {
        let now = &source[mutant.span.clone()];
        if is_operator(now) && !mutant.replacement.is_empty() {
            found.push(edit(
                EditKind::Operator,
                mutant,
                mutant.replacement.clone(),
                now,
            ));
        } else if let Some((value, suffix)) = number(now) {
            found.push(edit(
                EditKind::Constant,
                mutant,
                mutant.replacement.clone(),
                now,
            ));
            let others = [value.checked_mul(2), Some(value / 2).filter(|it| *it > 0)];
            found.extend(
                others
                    .into_iter()
                    .flatten()
                    .map(|it| edit(EditKind::Constant, mutant, format!("{it}{suffix}"), now)),
            );
        }
    }
    found.retain(|it| it.changes[0].1 != source[it.changes[0].0.clone()]);
    found
}

fn edit(kind: EditKind, mutant: &Mutant, new: String, now: &str) -> Edit {
    Edit {
        kind,
        item: mutant.item.clone(),
        line: mutant.line,
        words: format!("replace `{now}` with `{new}`"),
        changes: vec![(mutant.span.clone(), new)],
    }
}

fn is_operator(now: &str) -> bool {
    let is_word = matches!(now, "and" | "or" | "in" | "is" | "not in" | "is not");
    let is_sign = !now.is_empty() && now.chars().all(|it| "+-*/%<>=!&|^".contains(it));
    is_word || is_sign
}

/// Splits `10_u8` into 10 and `u8`.
fn number(now: &str) -> Option<(u64, &str)> {
    let end = now
        .find(|it: char| !(it.is_ascii_digit() || it == '_'))
        .unwrap_or(now.len());
    let value = now[..end].replace('_', "").parse().ok()?;
    let suffix = &now[end..];
    let is_plain = suffix.is_empty() || suffix.starts_with(['u', 'i', 'f']);
    is_plain.then_some((value, suffix))
}
