//! Canonical ids: the same for the same test, whatever pointers, places and paths its name holds.
//!
//! Tests whose names are the same without those are told apart by number, the passed ones first, so
//! that the ids say how many of them pass.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use camino::Utf8Path;
use regex::Regex;

use super::events::Ended;
use crate::model::finding::TestOutcome;

static POINTER: LazyLock<Regex> = LazyLock::new(|| pattern(r"0x[0-9a-f]{6,}"));
static LINE: LazyLock<Regex> = LazyLock::new(|| pattern(r"\.go:\d+"));
/// Seconds since 1970, or a thousandth, millionth or billionth of them, of these decades.
static TIME: LazyLock<Regex> = LazyLock::new(|| pattern(r"\b1[6-9]\d{8}(?:\d{3}|\d{6}|\d{9})?\b"));
/// What go adds to a name that was there before, or that is empty.
static AGAIN: LazyLock<Regex> = LazyLock::new(|| pattern(r"^(.*)#\d{2,}$"));

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the pattern is a constant that the tests use")
}

/// One test of a package by its canonical id.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Named {
    pub(super) id: String,
    /// As the runner calls it.
    pub(super) raw: String,
    pub(super) ended: Ended,
}

/// Names the tests of a package; temporary files lie below `temporary`.
pub(super) fn named(
    package: &str,
    tests: BTreeMap<String, Ended>,
    temporary: &Utf8Path,
) -> Vec<Named> {
    let raw: BTreeSet<String> = tests.keys().cloned().collect();
    let mut groups: BTreeMap<String, Vec<(String, Ended)>> = BTreeMap::new();
    for (name, ended) in tests {
        let canonical = canonical(&name, &raw, temporary);
        groups.entry(canonical).or_default().push((name, ended));
    }
    let groups = groups.into_iter();
    groups
        .flat_map(|(name, group)| numbered(&full(package, &name), group))
        .collect()
}

/// Returns a test's id: its package's place in the module, then its name.
fn full(package: &str, name: &str) -> String {
    if package.is_empty() {
        name.to_owned()
    } else {
        format!("{package}.{name}")
    }
}

/// Returns the function of a test within a package, from its id.
pub(super) fn function<'a>(package: &str, id: &'a str) -> Option<&'a str> {
    let name = match package {
        "" => id,
        package => id.strip_prefix(package)?.strip_prefix('.')?,
    };
    let name = name.split(['/', '#']).next()?;
    let is_function = ["Test", "Example", "Fuzz"]
        .iter()
        .any(|it| name.starts_with(it));
    (is_function && !name.contains('.')).then_some(name)
}

fn numbered(id: &str, mut group: Vec<(String, Ended)>) -> Vec<Named> {
    let rank = |outcome| match outcome {
        TestOutcome::Passed => 0,
        TestOutcome::Skipped => 1,
        TestOutcome::Failed => 2,
    };
    group.sort_by_key(|it| rank(it.1.outcome));
    let number = |(idx, (raw, ended))| Named {
        id: match idx {
            0 => id.to_owned(),
            n => format!("{id}#{}", n + 1),
        },
        raw,
        ended,
    };
    group.into_iter().enumerate().map(number).collect()
}

fn canonical(name: &str, all: &BTreeSet<String>, temporary: &Utf8Path) -> String {
    let name = without_number(name, all);
    // The rest of such a name may be anything that was made up for this run.
    let name = match name.find(temporary.as_str()) {
        Some(at) => format!("{}TMP", &name[..at]),
        None => name,
    };
    let name = POINTER.replace_all(&name, "0x");
    let name = LINE.replace_all(&name, ".go");
    TIME.replace_all(&name, "TIME").into_owned()
}

/// Takes off the numbers that go adds: in every part of the name whose plain form is there too.
fn without_number(name: &str, all: &BTreeSet<String>) -> String {
    let mut whole = String::new();
    let mut clean = String::new();
    for (idx, part) in name.split('/').enumerate() {
        let slash = if idx == 0 { "" } else { "/" };
        let plain = AGAIN
            .captures(part)
            .and_then(|it| it.get(1))
            .map(|it| it.as_str());
        let plain =
            plain.filter(|it| it.is_empty() || all.contains(&format!("{whole}{slash}{it}")));
        clean = format!("{clean}{slash}{}", plain.unwrap_or(part));
        whole = format!("{whole}{slash}{part}");
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(tests: &[(&str, TestOutcome)]) -> Vec<String> {
        let ended = |outcome| Ended {
            outcome,
            seconds: None,
        };
        let tests = tests
            .iter()
            .map(|it| (it.0.to_owned(), ended(it.1)))
            .collect();
        let named = named("a/b", tests, Utf8Path::new("/build/tmp"));
        named
            .into_iter()
            .map(|it| format!("{} {:?}", it.id, it.ended.outcome))
            .collect()
    }

    #[test]
    fn names_without_what_changes_are_kept() {
        let passed = TestOutcome::Passed;
        assert_eq!(
            ids(&[
                ("TestX", passed),
                ("TestX/issue#12", passed),
                ("TestX/1.5", passed)
            ]),
            [
                "a/b.TestX Passed",
                "a/b.TestX/1.5 Passed",
                "a/b.TestX/issue#12 Passed"
            ]
        );
    }

    #[test]
    fn the_same_name_again_is_counted_passed_ones_first() {
        let (passed, failed) = (TestOutcome::Passed, TestOutcome::Failed);
        assert_eq!(
            ids(&[
                ("T/a", failed),
                ("T/a#01", passed),
                ("T/a#01/in", passed),
                ("T/#00", passed)
            ]),
            [
                "a/b.T/ Passed",
                "a/b.T/a Passed",
                "a/b.T/a#2 Failed",
                "a/b.T/a/in Passed"
            ]
        );
    }

    #[test]
    fn pointers_lines_times_and_temporary_paths_are_no_part_of_an_id() {
        let passed = TestOutcome::Passed;
        let found = ids(&[
            ("T/&{0xc000012038}", passed),
            ("T/a_test.go:17", passed),
            ("T/at 1763733439", passed),
            ("T/in_/build/tmp/x1/y", passed),
        ]);
        assert_eq!(
            found,
            [
                "a/b.T/&{0x} Passed",
                "a/b.T/a_test.go Passed",
                "a/b.T/at TIME Passed",
                "a/b.T/in_TMP Passed"
            ]
        );
    }

    #[test]
    fn the_function_of_an_id_is_found_in_its_own_package_only() {
        assert_eq!(function("", "TestX/a.b"), Some("TestX"));
        assert_eq!(function("v1.2/p", "v1.2/p.TestX#2"), Some("TestX"));
        assert_eq!(function("", "p.TestX"), None);
        assert_eq!(function("p", "p.q.TestX"), None);
        assert_eq!(function("q", "p.TestX"), None);
    }
}
