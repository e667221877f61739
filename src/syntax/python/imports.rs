//! What a module imports, entry by entry.

use std::ops::Range;

use tree_sitter::Node;

use crate::syntax::Grammar;
use crate::syntax::tree::{children, line, parse, text, walk};

/// One name that an import statement binds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// The module as it is written, with the dots of a relative one.
    pub module: String,
    /// What is taken from it, `*` for everything; `None` where the module itself is bound.
    pub name: Option<String>,
    /// The name that the file can use from then on.
    pub bound: String,
    /// It stands at the top level of the file, under no condition.
    pub unconditional: bool,
    /// First line of the statement, counted from 1.
    pub line: u32,
    /// Byte range of this entry.
    pub span: Range<usize>,
    /// Byte range of the whole statement.
    pub statement: Range<usize>,
}

/// Returns every import of a file of Python; those of the future bind nothing.
pub fn imports(source: &str) -> Vec<Import> {
    let Some(tree) = parse(Grammar::Python, source) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    walk(tree.root_node(), |node| {
        match node.kind() {
            "import_statement" => found.extend(entries(node, None, source)),
            "import_from_statement" => {
                let module = node.child_by_field_name("module_name");
                found.extend(entries(node, module, source));
            }
            _ => return true,
        }
        false
    });
    found
}

fn entries(statement: Node<'_>, module: Option<Node<'_>>, source: &str) -> Vec<Import> {
    let is_entry = |it: &Node<'_>| {
        Some(*it) != module
            && matches!(
                it.kind(),
                "dotted_name" | "aliased_import" | "wildcard_import"
            )
    };
    let entry = |node: Node<'_>| {
        let named = node.child_by_field_name("name").unwrap_or(node);
        let name = text(named, source);
        let alias = node.child_by_field_name("alias");
        let bound = match (alias, module) {
            (Some(alias), _) => text(alias, source),
            (None, Some(_)) => name,
            // `import a.b` binds `a`.
            (None, None) => name.split('.').next().unwrap_or(name),
        };
        Import {
            module: text(module.unwrap_or(named), source).replace(' ', ""),
            name: module.map(|_| name.to_owned()),
            bound: bound.to_owned(),
            unconditional: statement.parent().is_some_and(|it| it.kind() == "module"),
            line: line(statement),
            span: node.byte_range(),
            statement: statement.byte_range(),
        }
    };
    let nodes = children(statement).into_iter();
    nodes.filter(is_entry).map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_of_an_import_is_told() {
        let source = "from __future__ import annotations\nimport os, a.b as c, d.e\nfrom ..x import (y, z as w)\n\
                      from . import *\nif T:\n    from p.q import r\n";
        let told: Vec<String> = imports(source)
            .iter()
            .map(|it| {
                let name = it.name.as_deref().unwrap_or("-");
                format!("{} {name} {} {}", it.module, it.bound, it.unconditional)
            })
            .collect();
        assert_eq!(
            told,
            [
                "os - os true",
                "a.b - c true",
                "d.e - d true",
                "..x y y true",
                "..x z w true",
                ". * * true",
                "p.q r r false",
            ]
        );
        assert_eq!(&source[imports(source)[1].span.clone()], "a.b as c");
    }
}
