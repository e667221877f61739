//! Which mutants are run, in which order: round-robin over items, drawn by the seed.

use std::collections::BTreeSet;

use camino::Utf8Path;
use rand::SeedableRng as _;
use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha8Rng;

use super::sources::SourceFile;
use crate::syntax::{Grammar, Item, Mutant, items, mutants};

/// Ends of names that go takes for a system or a processor, those in use.
const SYSTEMS: [&str; 19] = [
    "aix",
    "android",
    "darwin",
    "dragonfly",
    "freebsd",
    "illumos",
    "ios",
    "js",
    "linux",
    "netbsd",
    "openbsd",
    "plan9",
    "solaris",
    "windows",
    "386",
    "amd64",
    "arm",
    "arm64",
    "wasm",
];

/// A mutant with the file and item it is in.
#[derive(Clone, Debug)]
pub(super) struct Spot<'f> {
    /// The file.
    pub(super) file: &'f SourceFile,
    /// The item.
    pub(super) item: Item,
    /// The mutant.
    pub(super) mutant: Mutant,
}

/// Scripts, benchmarks and examples, configuration that is code, and what go builds on request or on
/// other machines only: no suite is expected to notice what happens there.
pub(super) fn is_beside_the_point(path: &Utf8Path, grammar: Grammar, text: &str) -> bool {
    let in_folder = path
        .components()
        .any(|it| matches!(it.as_str(), "benches" | "examples" | "docs" | "scripts"));
    let at_root = path.components().next();
    let is_aside =
        at_root.is_some_and(|it| matches!(it.as_str(), "benchmark" | "benchmarks" | "tools"));
    in_folder || is_aside || is_build_script(path) || has_build_constraint(path, grammar, text)
}

/// Returns whether a file builds, installs or configures, by its name.
fn is_build_script(path: &Utf8Path) -> bool {
    let name = path.file_name().unwrap_or_default();
    let is_script = matches!(
        path.extension(),
        Some("js" | "cjs" | "mjs" | "ts" | "cts" | "mts")
    );
    let stem = path.file_stem().unwrap_or_default().to_lowercase();
    let is_known = matches!(
        name,
        "build.rs" | "setup.py" | "conftest.py" | "magefile.go"
    );
    let configures = stem.starts_with('.') || stem.ends_with(".config");
    let is_at_root = path.components().count() == 1;
    let builds = is_at_root && matches!(&*stem, "build" | "gulpfile" | "gruntfile" | "jakefile");
    is_known || is_script && (configures || builds)
}

/// Returns whether a Go file is built under a condition: `//go:build generate`, `_windows.go`.
fn has_build_constraint(path: &Utf8Path, grammar: Grammar, text: &str) -> bool {
    let stem = path.file_stem().unwrap_or_default();
    let names_a_system = stem
        .rsplit_once('_')
        .is_some_and(|(_, last)| SYSTEMS.contains(&last));
    let above = text.lines().take_while(|it| !it.starts_with("package "));
    grammar == Grammar::Go
        && (names_a_system
            || above
                .into_iter()
                .any(|it| it.starts_with("//go:build ") || it.starts_with("// +build ")))
}

/// Returns every mutant of code that is not test, in order of place.
pub(super) fn spots(files: &[SourceFile]) -> Vec<Spot<'_>> {
    let shipped = with_src(files);
    files
        .iter()
        .filter(|it| !it.protected && !is_beside_the_point(&it.path, it.grammar, &it.text))
        .filter(|it| it.path.starts_with("src") || !shipped.contains(&it.project))
        .flat_map(in_file)
        .collect()
}

/// Returns the sub-projects at the root that ship what lies in `src` and nothing else, as Python has it.
fn with_src(files: &[SourceFile]) -> BTreeSet<usize> {
    files
        .iter()
        .filter(|it| it.grammar == Grammar::Python && it.path.starts_with("src"))
        .map(|it| it.project)
        .collect()
}

/// Splits mutants into those of the public surface and the rest. A sub-project without public items,
/// such as a program, is public as a whole.
pub(super) fn by_surface(spots: Vec<Spot<'_>>) -> (Vec<Spot<'_>>, Vec<Spot<'_>>) {
    let open: BTreeSet<usize> = spots
        .iter()
        .filter(|it| it.item.public)
        .map(|it| it.file.project)
        .collect();
    spots
        .into_iter()
        .partition(|it| it.item.public || !open.contains(&it.file.project))
}

fn in_file(file: &SourceFile) -> Vec<Spot<'_>> {
    let items = items(file.grammar, &file.text);
    mutants(file.grammar, &file.text)
        .into_iter()
        .filter_map(|mutant| {
            let item = innermost(&items, &mutant)?.clone();
            (!item.test).then_some(Spot { file, item, mutant })
        })
        .collect()
}

fn innermost<'i>(items: &'i [Item], mutant: &Mutant) -> Option<&'i Item> {
    items
        .iter()
        .filter(|it| it.name == mutant.item)
        .filter(|it| it.span.start <= mutant.span.start && mutant.span.end <= it.span.end)
        .min_by_key(|it| it.span.len())
}

/// Returns the order in which mutants are tried: a random one of every item before a second of any, so
/// that one long function does not speak for all.
pub(super) fn in_turn<'f>(spots: Vec<Spot<'f>>, seed: u64) -> Vec<Spot<'f>> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut groups: Vec<Vec<Spot<'f>>> = Vec::new();
    for spot in spots {
        match groups.last_mut() {
            Some(group) if is_same_item(&group[0], &spot) => group.push(spot),
            _ => groups.push(vec![spot]),
        }
    }
    groups.shuffle(&mut rng);
    for group in &mut groups {
        group.shuffle(&mut rng);
        group.reverse();
    }
    let mut order = Vec::new();
    while !groups.is_empty() {
        for group in &mut groups {
            order.extend(group.pop());
        }
        groups.retain(|it| !it.is_empty());
    }
    order
}

fn is_same_item(a: &Spot<'_>, b: &Spot<'_>) -> bool {
    a.file.path == b.file.path && a.item.span == b.item.span
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax::Grammar;

    fn rust(path: &str, text: &str) -> SourceFile {
        SourceFile {
            path: path.into(),
            grammar: Grammar::Rust,
            text: text.to_owned(),
            protected: path.starts_with("tests/"),
            project: 0,
        }
    }

    fn go(path: &str, text: &str) -> SourceFile {
        let text = format!("{text}package p\nfunc Open(a, b int) bool {{ return a == b }}\n");
        SourceFile {
            grammar: Grammar::Go,
            ..rust(path, &text)
        }
    }

    fn script(path: &str) -> SourceFile {
        SourceFile {
            grammar: Grammar::JavaScript,
            ..rust(path, "function open(a, b) { return a == b }")
        }
    }

    #[test]
    fn configuration_that_is_code_and_build_scripts_are_not_sampled() {
        for path in [
            "rollup.config.mjs",
            ".releaserc.js",
            "build.js",
            "Gruntfile.js",
        ] {
            assert!(spots(&[script(path)]).is_empty(), "{path}");
        }
        for path in ["index.js", "lib/build.js", "src/config.js"] {
            assert!(!spots(&[script(path)]).is_empty(), "{path}");
        }
    }

    #[test]
    fn what_go_builds_on_a_condition_is_not_sampled() {
        for (path, text) in [
            ("gen.go", "//go:build generate\n\n"),
            ("node.go", "// Copyright\n\n// +build js\n\n"),
            ("file_windows.go", ""),
            ("magefile.go", ""),
        ] {
            assert!(spots(&[go(path, text)]).is_empty(), "{path}");
        }
        for (path, text) in [("lib.go", "// Package p builds.\n"), ("is_valid.go", "")] {
            assert!(!spots(&[go(path, text)]).is_empty(), "{path}");
        }
    }

    fn items_of(spots: &[Spot<'_>]) -> Vec<String> {
        spots.iter().map(|it| it.mutant.item.clone()).collect()
    }

    #[test]
    fn only_code_that_a_suite_should_notice_is_sampled() {
        let body = "{ a == b }";
        let files = [
            rust(
                "src/lib.rs",
                &format!("pub fn open() -> T {body} fn closed() -> T {body} #[test] fn t() {body}"),
            ),
            rust("tests/it.rs", &format!("pub fn helper() -> T {body}")),
            rust("benches/b.rs", &format!("pub fn bench() -> T {body}")),
            rust("tools/check.rs", &format!("pub fn check() -> T {body}")),
            rust("build.rs", &format!("pub fn make() -> T {body}")),
        ];
        let (surface, rest) = by_surface(spots(&files));
        assert_eq!(items_of(&surface), ["open"]);
        assert_eq!(items_of(&rest), ["closed"]);
    }

    #[test]
    fn a_program_without_public_items_is_sampled_whole() {
        let files = [rust("src/main.rs", "fn run() -> T { a == b }")];
        let (surface, rest) = by_surface(spots(&files));
        assert_eq!(items_of(&surface), ["run"]);
        assert!(rest.is_empty());
    }

    #[test]
    fn every_item_has_its_turn_before_any_has_a_second() {
        let long = "pub fn long() -> T { a == b; c == d; e == f; g == h }";
        let files = [rust(
            "src/lib.rs",
            &format!("{long} pub fn x() -> T {{ a == b }} pub fn y() -> T {{ a == b }}"),
        )];
        let order = in_turn(spots(&files), 7);
        let mut first: Vec<String> = items_of(&order[..3]);
        first.sort();
        assert_eq!(first, ["long", "x", "y"]);
        assert_eq!(order.len(), 6);
    }

    #[test]
    fn the_seed_alone_decides_the_order() {
        let text = (0..20).fold(String::new(), |text, it| {
            text + &format!("pub fn f{it}() -> T {{ a == b }} ")
        });
        let files = [rust("src/lib.rs", &text)];
        let order = |seed| items_of(&in_turn(spots(&files), seed));
        assert_eq!(order(1), order(1));
        assert_ne!(order(1), order(2));
    }
}
