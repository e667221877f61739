//! Tests inside Rust files: `#[cfg(test)]` items, `#[test]` functions, and doctests.

use std::ops::Range;

use tree_sitter::Node;

use super::surface::use_leaves;
use super::test_items::{collect, item_hash};
use super::{attribute_items, has_inner_cfg_test, is_marked_test, qualified};
use crate::syntax::inline::{Doc, DocStyle, Found, Inner, Unit, indent_of};
use crate::syntax::tokens::Tokens;
use crate::syntax::tree::{Step, ancestors, children, field, parts, text, traverse, walk};

/// Modules nested deeper are compared as a whole.
const DEEPEST: usize = 6;

/// A file with modules nested deeper is one unit: names of such depth cost too much to make.
const DEEPEST_FILE: usize = 24;

/// Words that leave a code block a doctest.
const RUST_WORDS: [&str; 7] = [
    "rust",
    "ignore",
    "should_panic",
    "no_run",
    "compile_fail",
    "test_harness",
    "standalone_crate",
];

/// Returns the inline tests of a file.
pub(super) fn found(root: Node<'_>, source: &str) -> Found {
    let mut found = Found::default();
    if nesting(root) > DEEPEST_FILE {
        found.units.push(file(root, source));
        return found;
    }
    let all_test = has_inner_cfg_test(root, source);
    let mut open = vec![(root, String::new())];
    while let Some((list, home)) = open.pop() {
        for node in parts(list) {
            let test = all_test || is_marked_test(node, source);
            if is_item(node) && test {
                let mut unit = unit(node, source, 0);
                unit.home.clone_from(&home);
                found.units.push(unit);
                continue;
            }
            found.units.extend(namesake(node, source));
            let body = node.child_by_field_name("body");
            if let (Some(body), Some(own)) = (body, home_of(node, source)) {
                found.homes.insert(own.clone(), body.end_byte() - 1);
                open.push((body, own));
            }
        }
    }
    docs(root, source, &mut found);
    found
}

/// Returns how deep modules are nested.
fn nesting(root: Node<'_>) -> usize {
    let (mut now, mut most) = (0_usize, 0);
    traverse(root, &mut |step| {
        match step {
            Step::Enter(node) if node.kind() == "mod_item" => now += 1,
            Step::Leave(node) if node.kind() == "mod_item" => now -= 1,
            _ => {}
        }
        most = most.max(now);
        true
    });
    most
}

fn file(root: Node<'_>, source: &str) -> Unit {
    let mut tokens = Tokens::default();
    collect(root, source, &mut tokens, |_| false);
    Unit {
        key: "file".to_owned(),
        name: "file".to_owned(),
        hash: tokens.hash(),
        span: 0..source.len(),
        anew: String::new(),
        home: String::new(),
        test: true,
        inner: None,
    }
}

fn is_item(node: Node<'_>) -> bool {
    let kind = node.kind();
    !matches!(kind, "attribute_item" | "inner_attribute_item")
        && (kind.ends_with("_item")
            || matches!(
                kind,
                "macro_definition"
                    | "macro_invocation"
                    | "expression_statement"
                    | "use_declaration"
            ))
}

/// A function or module that is no test, which one of the same name may have become.
fn namesake(node: Node<'_>, source: &str) -> Option<Unit> {
    let is_named = matches!(node.kind(), "function_item" | "mod_item");
    is_named.then(|| Unit {
        key: key(node, source),
        name: qualified(node, source),
        hash: String::new(),
        span: whole(node),
        anew: String::new(),
        home: String::new(),
        test: false,
        inner: None,
    })
}

/// Returns the text that begins a module or an implementation.
fn home_of(node: Node<'_>, source: &str) -> Option<String> {
    match node.kind() {
        "mod_item" => Some(format!("mod {}", qualified(node, source))),
        "impl_item" => Some(header(node, source)),
        _ => None,
    }
}

fn header(node: Node<'_>, source: &str) -> String {
    let body = node.child_by_field_name("body");
    let mut tokens = Tokens::default();
    collect(node, source, &mut tokens, |it| Some(it) == body);
    tokens.joined()
}

fn whole(node: Node<'_>) -> Range<usize> {
    let start = attribute_items(node)
        .first()
        .map_or(node.start_byte(), Node::start_byte);
    start..node.end_byte()
}

fn unit(node: Node<'_>, source: &str, depth: usize) -> Unit {
    let inner = node
        .child_by_field_name("body")
        .filter(|_| node.kind() == "mod_item" && depth < DEEPEST)
        .map(|body| Inner {
            head: head(node, body, source),
            end: body.end_byte() - 1,
            units: units_in(body, source, depth + 1),
        });
    let name = match node.kind() {
        "impl_item" => header(node, source),
        _ if node.child_by_field_name("name").is_some() => qualified(node, source),
        _ => key(node, source),
    };
    Unit {
        key: key(node, source),
        name,
        hash: item_hash(node, source),
        span: whole(node),
        anew: String::new(),
        home: String::new(),
        test: true,
        inner,
    }
}

fn units_in(body: Node<'_>, source: &str, depth: usize) -> Vec<Unit> {
    parts(body)
        .into_iter()
        .filter(|it| is_item(*it))
        .flat_map(|it| match it.kind() {
            "use_declaration" => imports(it, source),
            _ => vec![unit(it, source, depth)],
        })
        .collect()
}

/// Each imported name is one unit: how they are grouped is layout.
fn imports(node: Node<'_>, source: &str) -> Vec<Unit> {
    let import = |(name, path): (String, String)| {
        let is_renamed = name != path && path.rsplit("::").next() != Some(name.as_str());
        let alias = if is_renamed {
            format!(" as {name}")
        } else {
            String::new()
        };
        let line = format!("use {path}{alias};");
        Unit {
            key: line.clone(),
            name: line.trim_end_matches(';').to_owned(),
            hash: line.clone(),
            span: whole(node),
            anew: line,
            home: String::new(),
            test: true,
            inner: None,
        }
    };
    use_leaves(node, source).into_iter().map(import).collect()
}

/// Hashes what decides whether a module's tests are built at all.
fn head(node: Node<'_>, body: Node<'_>, source: &str) -> String {
    let mut tokens = Tokens::default();
    let inner = children(body).into_iter();
    let inner = inner.filter(|it| it.kind() == "inner_attribute_item");
    for attribute in attribute_items(node).into_iter().chain(inner) {
        collect(attribute, source, &mut tokens, |_| false);
    }
    collect(node, source, &mut tokens, |it| it == body);
    tokens.hash()
}

fn key(node: Node<'_>, source: &str) -> String {
    match (node.kind(), field(node, "name", source)) {
        ("impl_item", _) => header(node, source),
        ("macro_invocation", _) => format!("{}!", field(node, "macro", source).unwrap_or("_")),
        ("expression_statement", _) => {
            let inner = node
                .named_child(0)
                .and_then(|it| field(it, "macro", source));
            format!("{}!", inner.unwrap_or("_"))
        }
        (kind, Some(_)) => format!("{kind} {}", qualified(node, source)),
        _ => header(node, source),
    }
}

/// Adds the documentation of every item outside tests.
fn docs(root: Node<'_>, source: &str, found: &mut Found) {
    found.docs.push(inner_doc(root, 0, source));
    walk(root, |node| {
        if is_item(node) && is_marked_test(node, source) {
            return false;
        }
        if let Some(owner) = owner(node, source) {
            found.docs.push(outer_doc(node, owner, source));
        }
        if let ("mod_item", Some(body)) = (node.kind(), node.child_by_field_name("body")) {
            found
                .docs
                .push(inner_doc(body, body.start_byte() + 1, source));
        }
        node.kind() != "block"
    });
}

/// Returns the path of what can be documented: items, fields and variants.
fn owner(node: Node<'_>, source: &str) -> Option<String> {
    match node.kind() {
        "impl_item" => Some(header(node, source)),
        "field_declaration" | "enum_variant" => {
            let owner = ancestors(node).find(|it| it.kind().ends_with("_item"))?;
            let own = field(node, "name", source)?;
            Some(format!("{}::{own}", qualified(owner, source)))
        }
        "macro_definition" | "function_signature_item" => Some(qualified(node, source)),
        kind if kind.ends_with("_item") => {
            field(node, "name", source).map(|_| qualified(node, source))
        }
        _ => None,
    }
}

fn outer_doc(node: Node<'_>, owner: String, source: &str) -> Doc {
    let mut comments: Vec<Node<'_>> =
        std::iter::successors(node.prev_sibling(), Node::prev_sibling)
            .take_while(|it| {
                matches!(
                    it.kind(),
                    "attribute_item" | "line_comment" | "block_comment"
                )
            })
            .filter(|it| it.kind() != "attribute_item")
            .collect();
    comments.reverse();
    let end = whole(node).start;
    Doc {
        owner,
        style: DocStyle::Lines("///"),
        blocks: blocks(&comments, "///", "/**", source),
        end,
        around: (indent_of(source, end), String::new()),
        whole: String::new(),
    }
}

/// Returns `//!` documentation of a file or a module.
fn inner_doc(list: Node<'_>, first: usize, source: &str) -> Doc {
    let comments: Vec<Node<'_>> = children(list)
        .into_iter()
        .filter(|it| text(*it, source).starts_with("//!") || text(*it, source).starts_with("/*!"))
        .filter(|it| it.kind().ends_with("comment"))
        .collect();
    let owner = match list.parent() {
        Some(module) => format!("{} (inner)", qualified(module, source)),
        None => String::new(),
    };
    let is_script = source.starts_with("#!") && !source.starts_with("#![");
    let first = match source.find('\n') {
        Some(at) if is_script && first == 0 => at + 1,
        _ => first,
    };
    let end = comments.first().map_or(first, Node::start_byte);
    Doc {
        owner,
        style: DocStyle::Lines("//!"),
        blocks: blocks(&comments, "//!", "/*!", source),
        end,
        around: (indent_of(source, end), String::new()),
        whole: String::new(),
    }
}

/// Returns the code blocks that are tests. One in a block comment has no place of its own.
fn blocks(
    comments: &[Node<'_>],
    prefix: &str,
    opening: &str,
    source: &str,
) -> Vec<(Vec<String>, Range<usize>)> {
    let mut lines: Vec<(String, Range<usize>)> = Vec::new();
    for comment in comments {
        let whole = text(*comment, source).trim_end();
        let start = comment.start_byte();
        let is_ruler = whole.starts_with("////");
        if let Some(line) = whole.strip_prefix(prefix).filter(|_| !is_ruler) {
            lines.push((line.trim().to_owned(), start..start + whole.len()));
        } else if let Some(inner) = whole.strip_prefix(opening) {
            let inner = inner.trim_end_matches("*/").lines();
            lines.extend(
                inner.map(|it| (it.trim().trim_start_matches('*').trim().to_owned(), 0..0)),
            );
        }
    }
    fenced(lines)
}

fn fenced(lines: Vec<(String, Range<usize>)>) -> Vec<(Vec<String>, Range<usize>)> {
    let mut found = Vec::new();
    let mut open: Option<(Vec<String>, Range<usize>, String)> = None;
    for (line, place) in lines {
        let n_ticks = line.len() - line.trim_start_matches('`').len();
        match &mut open {
            None if n_ticks >= 3 => {
                let fence = line[..n_ticks].to_owned();
                open = Some((vec![line], place, fence));
            }
            None => {}
            Some((block, whole, fence)) => {
                let is_end = n_ticks >= fence.len() && line.len() == n_ticks;
                block.push(line);
                whole.end = place.end;
                if is_end {
                    found.extend(open.take());
                }
            }
        }
    }
    found.extend(open);
    found
        .into_iter()
        .filter(|(block, _, fence)| is_doctest(&block[0][fence.len()..]))
        .map(|(block, place, _)| (block, place))
        .collect()
}

fn is_doctest(info: &str) -> bool {
    info.split([',', ' ', '{', '}'])
        .filter(|it| !it.is_empty())
        .all(|it| {
            RUST_WORDS.contains(&it)
                || it.starts_with("ignore-")
                || it.starts_with("edition")
                || (it.starts_with('E') && it.len() == 5)
        })
}
