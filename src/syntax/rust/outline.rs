//! What a Rust file says of modules: which it has, which names it hands on, and what its types are called.
//!
//! It does not know other files: who follows modules and paths over a crate puts outlines together.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use regex::Regex;
use tree_sitter::Node;

use super::surface::{surface, use_leaves};
use super::{attribute_items, has_plain_pub, is_marked_test};
use crate::syntax::tree::{ancestors, field, parse, text, walk};
use crate::syntax::{Grammar, by_unique_name};

/// Modules, re-exports and names of one Rust file.
#[derive(Clone, Debug, Default)]
pub struct Outline {
    /// Every module that is declared, in the file or in one of its own.
    pub modules: Vec<Module>,
    /// Every name that a `use` brings or hands on.
    pub uses: Vec<Use>,
    /// What is `pub` by itself, with its signature: [`surface`](super::super::surface).
    pub surface: BTreeMap<String, String>,
    /// Names of all types and traits, `pub` or not.
    pub types: BTreeSet<String>,
    /// Words in macros, and in the types that implementations of traits name: a path through those is
    /// not followed.
    pub mentioned: BTreeSet<String>,
    /// Other names of the crate itself: `extern crate self as name`.
    pub own_names: BTreeSet<String>,
}

/// A module's declaration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Module {
    /// The modules around it in this file.
    pub inside: Vec<String>,
    /// Its name.
    pub name: String,
    /// It is plainly `pub`, and not for tests alone.
    pub open: bool,
    /// Its body is here.
    pub inline: bool,
    /// Files that an attribute names for it.
    pub paths: Vec<String>,
    /// Such an attribute holds always, so that its usual places are not looked at.
    pub only_paths: bool,
}

/// A name that a `use` brings into a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// The modules around it in this file.
    pub inside: Vec<String>,
    /// It is plainly `pub`.
    pub open: bool,
    /// What it is called there; nothing for a glob.
    pub name: Option<String>,
    /// Where it is from.
    pub path: Vec<String>,
}

static PATH: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"path\s*=\s*"([^"]+)""#).expect("a constant pattern"));
static WORD: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"[A-Za-z_][A-Za-z0-9_]*").expect("a constant pattern"));
/// Declarations that a macro may expand to as they stand.
static DECLARED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?:\bpub(?:\s*\([^)]*\))?\s+)?\b(?:mod\s+\w+|use\s+[^;]+);")
        .expect("a constant pattern")
});

/// Returns the outline of a file.
pub fn outline(source: &str) -> Outline {
    let mut outline = Outline::default();
    let Some(tree) = parse(Grammar::Rust, source) else {
        return outline;
    };
    let root = tree.root_node();
    outline.surface = by_unique_name(surface(root, source));
    walk(root, |node| visit(node, source, &mut outline));
    outline
}

/// Returns the words of a text that could be names.
pub fn words(text: &str) -> impl Iterator<Item = &str> {
    WORD.find_iter(text).map(|it| it.as_str())
}

/// Adds what a node says; returns whether there may be more inside it.
fn visit(node: Node<'_>, source: &str, outline: &mut Outline) -> bool {
    match node.kind() {
        "mod_item" => {
            outline.modules.extend(module(node, source));
            true
        }
        "use_declaration" => {
            if !is_marked_test(node, source) {
                outline.uses.extend(used(node, source));
            }
            false
        }
        "extern_crate_declaration" => {
            let alias = field(node, "alias", source)
                .filter(|_| field(node, "name", source) == Some("self"));
            outline.own_names.extend(alias.map(str::to_owned));
            false
        }
        "macro_definition" => {
            mention(text(node, source), outline);
            false
        }
        "macro_invocation" => {
            expanded(node, source, outline);
            false
        }
        "struct_item" | "enum_item" | "union_item" | "trait_item" | "type_item" => {
            if ancestors(node).any(|it| it.kind() == "impl_item") {
                mention(text(node, source), outline);
            } else {
                let name = field(node, "name", source);
                outline.types.extend(name.map(str::to_owned));
            }
            false
        }
        "function_item" | "block" => false,
        _ => true,
    }
}

fn mention(text: &str, outline: &mut Outline) {
    outline.mentioned.extend(words(text).map(str::to_owned));
}

/// Reads what stands in a macro as if it stood there by itself.
fn expanded(node: Node<'_>, source: &str, outline: &mut Outline) {
    let text = text(node, source);
    mention(text, outline);
    let declared: Vec<&str> = DECLARED.find_iter(text).map(|it| it.as_str()).collect();
    if declared.is_empty() {
        return;
    }
    let around = inside(node, source);
    let inner = self::outline(&declared.join("\n"));
    let modules = inner.modules.into_iter().map(|it| Module {
        inside: around.clone(),
        ..it
    });
    outline.modules.extend(modules);
    let uses = inner.uses.into_iter().map(|it| Use {
        inside: around.clone(),
        ..it
    });
    outline.uses.extend(uses);
}

fn inside(node: Node<'_>, source: &str) -> Vec<String> {
    let modules = ancestors(node).filter(|it| it.kind() == "mod_item");
    let mut names: Vec<String> = modules
        .filter_map(|it| field(it, "name", source).map(str::to_owned))
        .collect();
    names.reverse();
    names
}

fn module(node: Node<'_>, source: &str) -> Option<Module> {
    let attributes: Vec<&str> = attribute_items(node)
        .into_iter()
        .map(|it| text(it, source))
        .collect();
    let paths: Vec<String> = attributes
        .iter()
        .filter_map(|it| Some(PATH.captures(it)?[1].to_owned()))
        .collect();
    Some(Module {
        inside: inside(node, source),
        name: field(node, "name", source)?.to_owned(),
        open: has_plain_pub(node, source) && !is_marked_test(node, source),
        inline: node.child_by_field_name("body").is_some(),
        only_paths: attributes
            .iter()
            .any(|it| PATH.is_match(it) && !it.contains("cfg_attr")),
        paths,
    })
}

fn used(node: Node<'_>, source: &str) -> Vec<Use> {
    let open = has_plain_pub(node, source);
    let around = inside(node, source);
    use_leaves(node, source)
        .into_iter()
        .map(|(name, path)| {
            let is_glob = path.ends_with('*');
            let segments = path.split("::").map(|it| it.trim_start_matches("r#"));
            let segments = segments.filter(|it| !it.is_empty() && *it != "*");
            let mut path: Vec<String> = segments.map(str::to_owned).collect();
            if path.len() > 1 && path.last().is_some_and(|it| it == "self") {
                path.pop();
            }
            Use {
                inside: around.clone(),
                open,
                name: (!is_glob).then(|| name.trim_start_matches("r#").to_owned()),
                path,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_told_with_where_they_are_and_what_names_their_file() {
        let source = "mod a; pub mod b { pub(crate) mod c; } #[path = \"x/y.rs\"] pub mod d;\n\
                      #[cfg(test)] pub mod tests; #[cfg_attr(unix, path = \"u.rs\")] mod os;";
        let found = outline(source).modules;
        let told: Vec<String> = found
            .iter()
            .map(|it| {
                let inside = it.inside.join("::");
                let paths = it.paths.join(",");
                format!(
                    "{inside}>{} {} {} {paths} {}",
                    it.name, it.open, it.inline, it.only_paths
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                ">a false false  false",
                ">b true true  false",
                "b>c false false  false",
                ">d true false x/y.rs true",
                ">tests false false  false",
                ">os false false u.rs false",
            ]
        );
    }

    #[test]
    fn uses_are_told_one_by_one_also_in_macros() {
        let source = "use a::b; pub use c::{d as e, f::*};\n\
                      cfg_if! { if #[cfg(unix)] { mod imp; pub use imp::Thing; } }\n\
                      extern crate self as me;";
        let outline = outline(source);
        let told: Vec<String> = outline
            .uses
            .iter()
            .map(|it| format!("{} {:?} {}", it.open, it.name, it.path.join("::")))
            .collect();
        assert_eq!(
            told,
            [
                "false Some(\"b\") a::b",
                "true Some(\"e\") c::d",
                "true None c::f",
                "true Some(\"Thing\") imp::Thing",
            ]
        );
        assert_eq!(outline.modules[0].name, "imp");
        assert!(outline.mentioned.contains("Thing") && outline.own_names.contains("me"));
    }

    #[test]
    fn types_are_known_wherever_they_are_and_associated_ones_mention_others() {
        let source = "struct A; mod m { pub enum B { C } } trait D {}\n\
                      impl Iterator for A { type Item = m::B; fn next(&mut self) -> Option<m::B> { None } }\n\
                      fn f() { struct Local; }";
        let outline = outline(source);
        let types: Vec<&str> = outline.types.iter().map(String::as_str).collect();
        assert_eq!(types, ["A", "B", "D"]);
        assert!(outline.mentioned.contains("B") && !outline.mentioned.contains("next"));
    }
}
