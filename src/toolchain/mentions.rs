//! Which names the files of a folder mention: what is mentioned nowhere is not used.

use std::collections::BTreeMap;

use camino::Utf8Path;

/// Folders that hold nobody's source, or somebody else's.
const FOREIGN: [&str; 9] = [
    ".git",
    ".hg",
    ".venv",
    "venv",
    ".tox",
    ".nox",
    "node_modules",
    "__pycache__",
    ".mypy_cache",
];

/// Removes the entries of which a file below the folder mentions a name, as a word of its own; files for
/// which `skip` holds, relative to the folder, are not looked at.
///
/// A file that cannot be read could mention anything.
pub(super) fn strike_out(
    folder: &Utf8Path,
    names: &mut BTreeMap<String, Vec<String>>,
    skip: &dyn Fn(&Utf8Path) -> bool,
) {
    let mut folders = vec![folder.to_owned()];
    while let Some(dir) = folders.pop() {
        for entry in dir.read_dir_utf8().into_iter().flatten().flatten() {
            if names.is_empty() {
                return;
            }
            let path = entry.path();
            let Ok(kind) = entry.file_type() else {
                continue;
            };
            if kind.is_dir() && !FOREIGN.contains(&entry.file_name()) {
                folders.push(path.to_owned());
            }
            let is_skipped = path.strip_prefix(folder).is_ok_and(skip);
            if !kind.is_file() || is_skipped {
                continue;
            }
            match std::fs::read(path) {
                Ok(bytes) => {
                    let text = String::from_utf8_lossy(&bytes);
                    names.retain(|_, names| !names.iter().any(|it| mentions(&text, it)));
                }
                Err(_) => names.clear(),
            }
        }
    }
}

/// Returns whether a text has the name as a word: nothing that could be part of a longer one beside it.
pub(super) fn mentions(text: &str, name: &str) -> bool {
    let is_part = |it: char| it.is_alphanumeric() || matches!(it, '_' | '-' | '$');
    text.match_indices(name).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + name.len()..].chars().next();
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::toolchain::testing::Tree;

    #[test]
    fn a_name_is_a_word_of_its_own() {
        for (text, is_mentioned) in [
            ("import lodash from 'lodash'", true),
            ("require(\"lodash/fp\")", true),
            ("lodash-es", false),
            ("my_lodash", false),
            ("Lodash", false),
        ] {
            assert_eq!(mentions(text, "lodash"), is_mentioned, "{text}");
        }
    }

    #[test]
    fn every_file_of_the_project_counts_and_no_others_do() {
        let tree = Tree::new(&[
            ("src/a.py", "import one\n"),
            (".github/ci.yml", "run: two\n"),
            ("lock", "three\n"),
            (".venv/lib/x.py", "import four\n"),
        ]);
        let names = ["one", "two", "three", "four"].map(|it| (it.to_owned(), vec![it.to_owned()]));
        let mut names = BTreeMap::from(names);
        strike_out(tree.root(), &mut names, &|it| it == "lock");
        assert_eq!(names.into_keys().collect::<Vec<_>>(), ["four", "three"]);
    }
}
