//! Packages of `dependencies` in a `package.json` that nothing in the tree mentions.
//!
//! Only what is certain is told: a package that is not installed, that brings a program or runs something
//! when it is installed, that others ask for as a peer, and whose name says that a tool finds it by itself
//! is left alone. `devDependencies` are tools. A name in a comment or a document counts as a use.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use camino::{Utf8Path, Utf8PathBuf};
use jsonc_parser::ast::{Object, Value};
use jsonc_parser::common::Ranged as _;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};
use serde_json::Value as Json;

use super::manifest::Manifest;
use super::{modules, programs};
use crate::model::finding::Finding;
use crate::process::Error;
use crate::toolchain::detect::read_small;
use crate::toolchain::job::{broken, write};
use crate::toolchain::mentions::{mentions, strike_out};
use crate::toolchain::{Job, Outcome};

/// What says so, in names of rules.
pub(super) const TOOL: &str = "npm";
const RULE: &str = "unused-dependency";
const MANIFEST: &str = "package.json";
const TABLE: &str = "dependencies";
/// The lock file that npm keeps in step.
const LOCK: &str = "package-lock.json";
/// Files that say which versions are installed.
const LOCKS: [&str; 6] = [
    LOCK,
    "npm-shrinkwrap.json",
    "yarn.lock",
    "pnpm-lock.yaml",
    "bun.lock",
    "bun.lockb",
];
/// Parts of names of packages that tools find without being told the whole name.
const FOUND_BY_TOOLS: [&str; 9] = [
    "plugin",
    "preset",
    "config",
    "loader",
    "transform",
    "reporter",
    "adapter",
    "polyfill",
    "@types/",
];

/// A package that nothing uses.
struct Unused {
    /// The folder of its manifest, relative to the tree.
    dir: Utf8PathBuf,
    name: String,
}

/// Returns a finding for each package that is not used; the tree's links must be made.
pub(super) fn findings(job: &Job<'_>) -> Vec<Finding> {
    let unused = find(job);
    let finding = |it: &Unused| {
        let path = it.dir.join(MANIFEST);
        let text = read_small(&job.tree.join(&path))?;
        let at = place(&text, &it.name)?;
        let line = text[..at.start].matches('\n').count() + 1;
        Some(Finding {
            path,
            line: u32::try_from(line).ok()?,
            column: 1,
            tool: TOOL.to_owned(),
            rule: RULE.to_owned(),
            message: format!("nothing mentions the dependency `{}`", it.name),
            fixable: other_lock(job).is_none(),
        })
    };
    unused.iter().filter_map(finding).collect()
}

/// Removes every unused package from the manifests that may be touched; npm's lock file follows, and a
/// project with another one is left alone.
pub(super) async fn fix(
    job: &Job<'_>,
    may_touch: &(dyn Fn(&Utf8Path) -> bool + Sync),
) -> Result<Outcome<usize>, Error> {
    if let Some(lock) = other_lock(job) {
        let why = format!("only the tool that wrote `{lock}` can keep it in step");
        return Ok(Outcome::Failed(why));
    }
    let mut changed = BTreeSet::new();
    for Unused { dir, name } in find(job) {
        let manifest = dir.join(MANIFEST);
        if !may_touch(&manifest) {
            continue;
        }
        let text = read_small(&job.tree.join(&manifest)).unwrap_or_default();
        if let Some(text) = without(&text, &name) {
            write(&job.tree.join(&manifest), &text)?;
            changed.insert(manifest);
        }
    }
    if changed.is_empty() || lock_of(job, LOCK).is_none() {
        return Ok(Outcome::Measured(changed.len()));
    }
    relock(job, &changed).await
}

/// Lets npm write its lock file anew from what it knows already.
async fn relock(job: &Job<'_>, changed: &BTreeSet<Utf8PathBuf>) -> Result<Outcome<usize>, Error> {
    let (Some(lock), Some(npm)) = (lock_of(job, LOCK), npm(job)) else {
        return Ok(Outcome::Missing("npm keeps the lock file in step".into()));
    };
    // npm looks into installed packages that are there; the lock file alone knows what was locked.
    modules::unlink(job);
    let manifests: Vec<String> = changed
        .iter()
        .map(|it| read_small(&job.tree.join(it)).unwrap_or_default())
        .collect();
    let dir = lock.parent().unwrap_or(Utf8Path::new("")).to_owned();
    let before = read_small(&job.tree.join(&lock)).unwrap_or_default();
    // A person's own settings may say to leave addresses out, or to add them.
    let omits = !before.contains("\"resolved\": \"http");
    let command = programs::command(job, &dir, &npm)
        .args(["install", "--package-lock-only", "--offline"])
        .args(["--ignore-scripts", "--no-audit", "--no-fund"])
        .arg(format!("--omit-lockfile-registry-resolved={omits}"))
        .env("npm_config_cache", job.build.join("npm-cache"));
    let finished = job.run(&command).await?;
    // Manifests are ours to write: npm may lay them out anew.
    for (manifest, text) in changed.iter().zip(&manifests) {
        write(&job.tree.join(manifest), text)?;
    }
    if !finished.success() {
        return Ok(broken("npm install --package-lock-only", &finished));
    }
    let after = read_small(&job.tree.join(&lock)).unwrap_or_default();
    let packages: BTreeMap<&str, Option<Json>> = changed
        .iter()
        .map(|it| {
            let package = it.parent().unwrap_or(Utf8Path::new(""));
            let key = package.strip_prefix(&dir).map_or("", Utf8Path::as_str);
            (
                key,
                Manifest::read(&job.tree.join(package)).get(TABLE).cloned(),
            )
        })
        .collect();
    if !follows(&before, &after, &packages) {
        let why = format!("npm would change more of `{lock}` than what is gone");
        return Ok(Outcome::Failed(why));
    }
    Ok(Outcome::Measured(changed.len()))
}

/// Returns whether a lock file has the new dependencies of these packages, and of all others what it had
/// before or nothing.
fn follows(before: &str, after: &str, packages: &BTreeMap<&str, Option<Json>>) -> bool {
    let read = |text: &str| serde_json::from_str::<Json>(text).unwrap_or_default();
    let (before, after) = (read(before), read(after));
    let all = |lock: &Json| lock.get("packages").and_then(Json::as_object).cloned();
    let (Some(old), Some(new)) = (all(&before), all(&after)) else {
        return false;
    };
    let is_new = |(key, table): (&&str, &Option<Json>)| {
        new.get(*key)
            .is_some_and(|it| it.get(TABLE) == table.as_ref())
    };
    packages.iter().all(is_new)
        && before["lockfileVersion"] == after["lockfileVersion"]
        && new
            .iter()
            .filter(|(key, _)| !packages.contains_key(key.as_str()))
            .all(|(key, entry)| old.get(key) == Some(entry))
}

fn npm(job: &Job<'_>) -> Option<Vec<String>> {
    let named = job.tool("npm").map(<[String]>::to_vec);
    let beside = || {
        let node = job.tool("node")?.first()?;
        let npm = Utf8Path::new(node).parent()?.join("npm");
        npm.exists().then(|| vec![npm.into_string()])
    };
    let on_path = || Some(vec![crate::process::find_program("npm")?.into_string()]);
    named.or_else(beside).or_else(on_path)
}

/// Returns the nearest lock file of that name, at the project or above it.
fn lock_of(job: &Job<'_>, name: &str) -> Option<Utf8PathBuf> {
    let levels = job.project.root.ancestors().map(|it| it.join(name));
    levels.into_iter().find(|it| job.tree.join(it).exists())
}

fn other_lock(job: &Job<'_>) -> Option<Utf8PathBuf> {
    LOCKS[1..].iter().find_map(|it| lock_of(job, it))
}

fn find(job: &Job<'_>) -> Vec<Unused> {
    let dirs: Vec<&Utf8Path> = modules::packages(job).collect();
    let peers = peers(job, &dirs);
    let mut found = Vec::new();
    for dir in dirs {
        let text = read_small(&job.tree.join(dir).join(MANIFEST)).unwrap_or_default();
        let Some(names) = declared(&text) else {
            continue;
        };
        let is_certain = |it: &String| {
            !FOUND_BY_TOOLS.iter().any(|part| it.contains(part))
                && !peers.contains(it)
                && acts_by_import_alone(job, dir, it)
        };
        let rest = rest_of(&text);
        let mut names: BTreeMap<String, Vec<String>> = names
            .into_iter()
            .filter(|it| is_certain(it) && !mentions(&rest, it))
            .map(|it| (it.clone(), vec![it]))
            .collect();
        // Packages of a workspace find what is installed for each other.
        let is_ours = |it: &Utf8Path| {
            it == dir.join(MANIFEST) || it.file_name().is_some_and(|it| LOCKS.contains(&it))
        };
        strike_out(job.tree, &mut names, &is_ours);
        found.extend(names.into_keys().map(|name| Unused {
            dir: dir.to_owned(),
            name,
        }));
    }
    found
}

/// Returns whether an installed package does nothing unless it is imported.
fn acts_by_import_alone(job: &Job<'_>, dir: &Utf8Path, name: &str) -> bool {
    let Some(home) = programs::home(job.tree, &job.tree.join(dir), name) else {
        return false;
    };
    let manifest = Manifest::read(&home);
    let runs = ["preinstall", "install", "postinstall"];
    manifest.get("bin").is_none() && runs.iter().all(|it| manifest.script(it).is_none())
}

/// Returns what the packages that are asked for expect beside themselves.
fn peers(job: &Job<'_>, dirs: &[&Utf8Path]) -> BTreeSet<String> {
    let mut peers = BTreeSet::new();
    for dir in dirs {
        let manifest = Manifest::read(&job.tree.join(dir));
        for name in manifest.dependencies() {
            if let Some(home) = programs::home(job.tree, &job.tree.join(dir), name) {
                let theirs = Manifest::read(&home);
                let table = theirs.get("peerDependencies").and_then(|it| it.as_object());
                peers.extend(table.into_iter().flatten().map(|(name, _)| name.clone()));
            }
        }
    }
    peers
}

fn declared(text: &str) -> Option<Vec<String>> {
    with_tables(text, |_, table| {
        let names = table?.properties.iter();
        Some(names.map(|it| it.name.as_str().to_owned()).collect())
    })?
}

/// Returns the manifest without its table of dependencies.
fn rest_of(text: &str) -> String {
    let span = with_tables(text, |_, table| table.map(|it| it.start()..it.end())).flatten();
    match span {
        Some(span) => format!("{}{}", &text[..span.start], &text[span.end..]),
        None => text.to_owned(),
    }
}

/// Returns where a dependency is written.
fn place(text: &str, name: &str) -> Option<Range<usize>> {
    with_tables(text, |_, table| {
        let property = table?
            .properties
            .iter()
            .find(|it| it.name.as_str() == name)?;
        Some(property.start()..property.end())
    })?
}

/// Returns a manifest without a dependency, and without the table that it was alone in.
fn without(text: &str, name: &str) -> Option<String> {
    let span = with_tables(text, |root, table| {
        let table = table?;
        let idx = table
            .properties
            .iter()
            .position(|it| it.name.as_str() == name)?;
        if table.properties.len() > 1 {
            return Some(span_of(table, idx));
        }
        let of_table = root
            .properties
            .iter()
            .position(|it| it.name.as_str() == TABLE)?;
        Some(span_of(root, of_table))
    })??;
    Some(format!("{}{}", &text[..span.start], &text[span.end..]))
}

/// Returns a property with the comma and the space that go with it.
fn span_of(object: &Object<'_>, idx: usize) -> Range<usize> {
    let property = &object.properties[idx];
    match (idx.checked_sub(1), object.properties.get(idx + 1)) {
        (Some(before), _) => object.properties[before].end()..property.end(),
        (None, Some(next)) => property.start()..next.start(),
        (None, None) => property.start()..property.end(),
    }
}

/// Looks at the manifest and its table of dependencies, where it is JSON.
fn with_tables<T>(
    text: &str,
    look: impl FnOnce(&Object<'_>, Option<&Object<'_>>) -> T,
) -> Option<T> {
    let parsed = parse_to_ast(text, &CollectOptions::default(), &ParseOptions::default()).ok()?;
    let Some(Value::Object(root)) = parsed.value else {
        return None;
    };
    let table = root.properties.iter().find(|it| it.name.as_str() == TABLE);
    let table = table.and_then(|it| it.value.as_object());
    Some(look(&root, table))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_file_may_lose_what_is_gone_and_nothing_else() {
        let lock =
            |packages: &str| format!("{{\"lockfileVersion\": 3, \"packages\": {{{packages}}}}}");
        let before = lock(
            "\"\": {\"dependencies\": {\"a\": \"1\", \"b\": \"1\"}}, \"node_modules/a\": {\"version\": \"1.0.0\"}, \"node_modules/b\": {}",
        );
        let root = "\"\": {\"dependencies\": {\"a\": \"1\"}}";
        let packages = BTreeMap::from([("", Some(serde_json::json!({"a": "1"})))]);
        for (after, is_in_step) in [
            (
                lock(&format!(
                    "{root}, \"node_modules/a\": {{\"version\": \"1.0.0\"}}"
                )),
                true,
            ),
            (
                lock(&format!(
                    "{root}, \"node_modules/a\": {{\"version\": \"1.0.1\"}}"
                )),
                false,
            ),
            (before.clone(), false),
            ("{}".to_owned(), false),
        ] {
            assert_eq!(follows(&before, &after, &packages), is_in_step, "{after}");
        }
    }

    #[test]
    fn a_dependency_goes_and_the_layout_stays() {
        let of = |list: &str| {
            format!("{{\n  \"name\": \"a\",\n  \"dependencies\": {list},\n  \"x\": 1\n}}\n")
        };
        for (before, name, after) in [
            ("{\"a\": \"1\", \"b\": \"2\"}", "a", "{\"b\": \"2\"}"),
            ("{\"a\": \"1\", \"b\": \"2\"}", "b", "{\"a\": \"1\"}"),
            (
                "{\n    \"a\": \"1\",\n    \"b\": \"2\",\n    \"c\": \"3\"\n  }",
                "b",
                "{\n    \"a\": \"1\",\n    \"c\": \"3\"\n  }",
            ),
        ] {
            assert_eq!(without(&of(before), name), Some(of(after)), "{before}");
        }
        let alone = "{\n  \"name\": \"a\",\n  \"dependencies\": {\n    \"a\": \"1\"\n  }\n}\n";
        assert_eq!(without(alone, "a").unwrap(), "{\n  \"name\": \"a\"\n}\n");
        assert_eq!(without(alone, "b"), None);
        assert_eq!(place(alone, "a").map(|it| &alone[it]), Some("\"a\": \"1\""));
        assert_eq!(
            rest_of(alone),
            "{\n  \"name\": \"a\",\n  \"dependencies\": \n}\n"
        );
    }
}
