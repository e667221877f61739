//! Which tests a change most likely breaks: the ones that are near to it, or speak of it; where no test is,
//! those that import it through other modules.
//!
//! A guess. It only chooses what runs first; the whole suite runs before anything is kept.

mod imports;

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};

/// Returns the tests near to the changed files; all of them where a file has no telling name.
///
/// `roots` are the folders of sub-projects, `read` gives the text of a file of the tree.
pub(super) fn impacted(
    changed: &[Utf8PathBuf],
    tests: &BTreeSet<String>,
    roots: &[&Utf8Path],
    read: &dyn Fn(&Utf8Path) -> Option<String>,
) -> BTreeSet<String> {
    let subjects: Option<Vec<&str>> = changed.iter().map(|it| subject(it)).collect();
    let Some(subjects) = subjects else {
        return tests.clone();
    };
    let mut known: BTreeMap<&str, bool> = BTreeMap::new();
    let near = tests.iter().filter(|id| {
        id.split("::").any(|part| {
            *known.entry(part).or_insert_with(|| {
                let speaks = |text: &str| subjects.iter().any(|it| has_word(text, it));
                speaks(part) || file_behind(part, roots, read).is_some_and(|it| speaks(&it))
            })
        })
    });
    let near: BTreeSet<String> = near.cloned().collect();
    if near.is_empty() {
        importers(changed, tests, roots, read)
    } else {
        near
    }
}

/// Returns the tests of Python whose file imports a changed module, itself or through others.
fn importers(
    changed: &[Utf8PathBuf],
    tests: &BTreeSet<String>,
    roots: &[&Utf8Path],
    read: &dyn Fn(&Utf8Path) -> Option<String>,
) -> BTreeSet<String> {
    let mut known: BTreeMap<Utf8PathBuf, bool> = BTreeMap::new();
    let mut reaches = |path: Utf8PathBuf| {
        *known
            .entry(path.clone())
            .or_insert_with(|| imports::reaches(&path, changed, roots, read))
    };
    let is_near = |id: &&String| {
        let files = id.split("::").filter(|it| it.ends_with(".py"));
        let mut places = files.flat_map(|it| roots.iter().map(move |root| root.join(it)));
        places.any(&mut reaches)
    };
    tests.iter().filter(is_near).cloned().collect()
}

/// Returns the name by which others speak of a file: its own, or its folder's where that says nothing.
fn subject(path: &Utf8Path) -> Option<&str> {
    let folder = || path.parent().and_then(Utf8Path::file_name);
    let name = match path.file_stem()? {
        "mod" | "__init__" | "index" | "lib" | "main" => folder()?,
        stem => stem,
    };
    let is_telling = !matches!(name, "src" | "lib" | "app" | "" | "Cargo" | "package");
    is_telling.then_some(name)
}

/// Returns the text of the test file that a part of an id names.
fn file_behind(
    part: &str,
    roots: &[&Utf8Path],
    read: &dyn Fn(&Utf8Path) -> Option<String>,
) -> Option<String> {
    let places = [part.to_owned(), format!("tests/{part}.rs")];
    roots
        .iter()
        .flat_map(|root| places.iter().map(move |it| root.join(it)))
        .find_map(|it| read(&it))
}

/// Returns whether a name stands in a text, alone or as a part of a longer one: `test_area.py`.
fn has_word(text: &str, name: &str) -> bool {
    text.match_indices(name).any(|(start, _)| {
        let before = text[..start].chars().next_back();
        let after = text[start + name.len()..].chars().next();
        [before, after]
            .iter()
            .flatten()
            .all(|it| !it.is_alphanumeric())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::testing;

    fn near(changed: &[&str], tests: &[&str]) -> Vec<String> {
        let changed: Vec<Utf8PathBuf> = changed.iter().map(Into::into).collect();
        let tests = tests.iter().map(|it| (*it).to_owned()).collect();
        let read = |path: &Utf8Path| match path.as_str() {
            "api/tests/test_shapes.py" => Some("from api.area import square\n".to_owned()),
            "tests/sums.rs" => Some("use numbers::parse;\n".to_owned()),
            "tests/test_other.py" => Some("import areas\n".to_owned()),
            "src/areas/__init__.py" => Some("from .plane.circle import area\n".to_owned()),
            "src/areas/plane/circle.py" => Some("import math\n".to_owned()),
            _ => None,
        };
        let roots = ["".into(), "api".into()];
        impacted(&changed, &tests, &roots, &read)
            .into_iter()
            .collect()
    }

    #[test]
    fn a_test_is_near_by_its_name_or_by_what_its_file_speaks_of() {
        let tests = [
            "python:api::tests/test_shapes.py::test_square",
            "tests/test_other.py::test_nothing",
            "tests/test_area.py::test_circle",
            "numbers::lib::parse::tests::empty",
            "numbers::sums::add_up",
        ];
        assert_eq!(near(&["api/area.py"], &tests), [tests[0], tests[2]]);
        assert_eq!(near(&["src/parse.rs"], &tests), [tests[3], tests[4]]);
        assert_eq!(near(&["src/parse/mod.rs"], &tests).len(), 2);
    }

    #[test]
    fn where_no_test_speaks_of_a_module_those_that_import_it_are_near() {
        let tests = [
            "tests/test_other.py::test_nothing",
            "api/tests/test_shapes.py::test_square",
        ];
        let near = |changed: &str| near(&[changed], &tests);
        assert_eq!(near("src/areas/plane/circle.py"), [tests[0]]);
        assert!(near("src/areas/plane/line.py").is_empty());
    }

    #[test]
    fn only_a_slow_suite_is_worth_a_first_look() {
        let fixture = crate::eval::testing::Fixture::new();
        let (lab, dir, tree) = (fixture.lab(), fixture.tree(), testing::tree_sha());
        let arm = testing::arm(&dir, &tree, "candidate");
        let tests = ["area", "other", "third"].map(|it| format!("tests/test_{it}.py::test"));
        let near = |changed: &str| {
            let changed = [Utf8PathBuf::from(changed)];
            lab.worth_a_first_look(&arm, &changed, &BTreeSet::from(tests.clone()))
        };
        assert!(near("area.py").is_empty());
        lab.memory.note_suite(60.0);
        assert_eq!(near("area.py"), BTreeSet::from([tests[0].clone()]));
        assert!(near("test.py").is_empty(), "all of them are near to it");
    }

    #[test]
    fn a_file_without_a_telling_name_is_near_to_all() {
        let tests = ["a::lib::one", "a::lib::two"];
        assert_eq!(near(&["src/lib.rs"], &tests), tests);
        assert_eq!(near(&["Cargo.toml"], &tests), tests);
        assert!(near(&["src/parse.rs"], &tests).is_empty());
    }
}
