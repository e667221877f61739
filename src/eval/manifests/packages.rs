//! The manifests and lock files of npm, and the configurations of TypeScript.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::Value;

/// Returns what is wrong with a JSON file of that name.
pub(super) fn check(name: &str, text: &str) -> Result<(), String> {
    if name.starts_with("tsconfig") || name.starts_with("jsconfig") {
        return parse(&without_comments(text)).map(drop);
    }
    let value = parse(text)?;
    match name {
        "package.json" => check_package(&value),
        _ => Ok(()),
    }
}

fn parse(text: &str) -> Result<Value, String> {
    let text = text.trim_start_matches('\u{feff}');
    serde_json::from_str(text).map_err(|it| format!("not valid JSON: {it}"))
}

fn check_package(value: &Value) -> Result<(), String> {
    let table = value.as_object().ok_or("not an object")?;
    for key in DEPENDENCIES.iter().chain(&["scripts"]) {
        let Some(entries) = table.get(*key) else {
            continue;
        };
        let entries = entries
            .as_object()
            .ok_or_else(|| format!("`{key}` is no object"))?;
        if let Some((name, _)) = entries.iter().find(|it| !it.1.is_string()) {
            return Err(format!("`{key}.{name}` is no text"));
        }
    }
    Ok(())
}

const DEPENDENCIES: [&str; 3] = ["dependencies", "devDependencies", "optionalDependencies"];

/// TypeScript allows comments, and a comma before a closing bracket.
fn without_comments(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match (character, characters.peek()) {
            ('"', _) => {
                plain.push(character);
                copy_string(&mut characters, &mut plain);
            }
            ('/', Some('/')) => while characters.next_if(|it| *it != '\n').is_some() {},
            ('/', Some('*')) => {
                characters.next();
                let mut last = ' ';
                for it in characters.by_ref() {
                    if (last, it) == ('*', '/') {
                        break;
                    }
                    last = it;
                }
            }
            ('}' | ']', _) => {
                let end = plain.trim_end().len();
                if plain[..end].ends_with(',') {
                    plain.truncate(end - 1);
                }
                plain.push(character);
            }
            _ => plain.push(character),
        }
    }
    plain
}

fn copy_string(characters: &mut impl Iterator<Item = char>, plain: &mut String) {
    let mut is_escaped = false;
    for it in characters {
        plain.push(it);
        if it == '"' && !is_escaped {
            return;
        }
        is_escaped = it == '\\' && !is_escaped;
    }
}

/// Returns what packages and the lock file beside or above them disagree about.
pub(super) fn out_of_step(root: &Utf8Path, wanted: &BTreeSet<Utf8PathBuf>) -> Vec<String> {
    let read = |path: &Utf8Path| -> Option<Value> {
        serde_json::from_str(&fs_err::read_to_string(root.join(path)).ok()?).ok()
    };
    let named = |name: &'static str| {
        let files = wanted.iter().filter(move |it| it.file_name() == Some(name));
        files.filter_map(|it| Some((it.parent()?, read(it)?)))
    };
    let locks: BTreeMap<&Utf8Path, Value> = named("package-lock.json").collect();
    let mut problems = Vec::new();
    for (dir, manifest) in named("package.json") {
        let Some((above, lock)) = dir.ancestors().find_map(|it| Some((it, locks.get(it)?))) else {
            continue;
        };
        let place = dir.strip_prefix(above).unwrap_or(dir).as_str();
        // The first version of the format does not say what was asked for.
        let Some(locked) = lock.get("packages").and_then(|it| it.get(place)) else {
            continue;
        };
        if let Some(name) = difference(&manifest, locked) {
            let path = dir.join("package.json");
            problems.push(format!("{path}: package-lock.json has another `{name}`"));
        }
    }
    problems
}

/// Returns a dependency that one of them has and the other has not, or asks for differently.
fn difference(manifest: &Value, locked: &Value) -> Option<String> {
    let (asked, known) = (dependencies(manifest), dependencies(locked));
    let names: BTreeSet<&str> = asked.keys().chain(known.keys()).copied().collect();
    let mut different = names
        .into_iter()
        .filter(|it| asked.get(it) != known.get(it));
    different.next().map(str::to_owned)
}

fn dependencies(value: &Value) -> BTreeMap<&str, &str> {
    DEPENDENCIES
        .iter()
        .filter_map(|it| value.get(it)?.as_object())
        .flatten()
        .filter_map(|(name, it)| Some((name.as_str(), it.as_str()?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manifests_are_json_and_configurations_may_have_comments() {
        assert!(check("package.json", "{\"name\": \"a\",}").is_err());
        assert!(check("package.json", "{\"dependencies\": {\"a\": 1}}").is_err());
        assert_eq!(
            check("package.json", "{\"scripts\": {\"test\": \"x\"}}"),
            Ok(())
        );
        let text = "{\n  // why\n  \"paths\": {\"a/*\": [\"./a/*\",],}, /* b, */\n}\n";
        assert_eq!(check("tsconfig.json", text), Ok(()));
        assert!(check("tsconfig.json", "{\"a\": [}").is_err());
    }

    fn step(manifest: &str, lock: &str) -> Vec<String> {
        let dir = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(dir.path()).unwrap();
        fs_err::write(root.join("package.json"), manifest).unwrap();
        fs_err::write(root.join("package-lock.json"), lock).unwrap();
        let wanted = ["package.json", "package-lock.json"].map(Utf8PathBuf::from);
        out_of_step(root, &wanted.into())
    }

    #[test]
    fn a_lock_file_in_step_asks_for_the_same() {
        let manifest = "{\"dependencies\": {\"a\": \"^1\"}, \"devDependencies\": {\"b\": \"2\"}}";
        let lock = |root: &str| format!("{{\"packages\": {{\"\": {root}}}}}");
        assert!(step(manifest, &lock(manifest)).is_empty());
        let problem = "package.json: package-lock.json has another `a`";
        assert_eq!(
            step(manifest, &lock(&manifest.replace("^1", "^0"))),
            [problem]
        );
        assert_eq!(step(manifest, &lock("{}")).len(), 1);
        assert!(step(manifest, "{\"lockfileVersion\": 1}").is_empty());
    }
}
