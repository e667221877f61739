//! Which files of Python a file imports, itself or through others, as far as statements tell.

use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};

use crate::syntax::{Import, imports};

/// Where packages lie below a project.
const HOMES: [&str; 3] = ["", "src", "python"];
/// A first look is not worth reading more files than this for one test file.
const MOST: usize = 500;

/// Returns whether the file imports one of these.
pub(super) fn reaches(
    file: &Utf8Path,
    wanted: &[Utf8PathBuf],
    roots: &[&Utf8Path],
    read: &dyn Fn(&Utf8Path) -> Option<String>,
) -> bool {
    let mut seen = BTreeSet::from([file.to_owned()]);
    let mut waiting = vec![file.to_owned()];
    while let Some(path) = waiting.pop() {
        let Some(text) = read(&path) else {
            continue;
        };
        for import in imports(&text) {
            for place in places(&import, &path, roots) {
                if wanted.contains(&place) {
                    return true;
                }
                if seen.len() < MOST && seen.insert(place.clone()) {
                    waiting.push(place);
                }
            }
        }
    }
    false
}

/// Returns where the files of an import may be: the packages on the way run too, and the name may be a
/// module itself.
fn places(import: &Import, from: &Utf8Path, roots: &[&Utf8Path]) -> Vec<Utf8PathBuf> {
    let n_dots = import.module.chars().take_while(|it| *it == '.').count();
    let homes: Vec<Utf8PathBuf> = match n_dots {
        0 => roots
            .iter()
            .flat_map(|root| HOMES.map(|home| root.join(home)))
            .collect(),
        up => from
            .ancestors()
            .nth(up)
            .map(Utf8Path::to_owned)
            .into_iter()
            .collect(),
    };
    let steps = import.module[n_dots..]
        .split('.')
        .filter(|it| !it.is_empty());
    let steps: Vec<&str> = steps.chain(import.name.as_deref()).collect();
    let mut found = Vec::new();
    for mut place in homes {
        if n_dots > 0 {
            found.push(place.join("__init__.py"));
        }
        for step in &steps {
            place.push(step);
            found.push(place.with_extension("py"));
            found.push(place.join("__init__.py"));
        }
    }
    found
}
