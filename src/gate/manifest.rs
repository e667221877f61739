//! Judges what a manifest says beside its data: runners and linters, minimum versions, dependencies.
//!
//! A manifest cannot be protected as a whole, since fixes and settings belong in it; so the keys that
//! judge the code are compared one by one. Which keys those are is data of the languages.

use std::collections::{BTreeMap, BTreeSet};

use camino::Utf8Path;
use serde_json::Value;

use super::diff::{DiffPolicy, FileFacts};
use super::grant::holds_settings;
use super::permission::Permission;
use crate::model::violation::{Rule, Violation};

/// The manifests of one language, and which of their keys an experiment may not change by the way.
///
/// Keys are dotted; `*` stands for one part of any name, and a key stands for all below it.
#[derive(Clone, Debug)]
pub struct ManifestRules {
    /// Globs of the manifests.
    pub files: globset::GlobSet,
    /// What configures test runners, linters and checks.
    pub judging: &'static [&'static str],
    /// What promises a minimum version.
    pub minimum: &'static [&'static str],
    /// Tables and lists of dependencies.
    pub dependencies: &'static [&'static str],
}

/// The values of a manifest by the parts of their keys.
type Entries = BTreeMap<Vec<String>, Value>;

/// Returns whether the gate reads a file of that name: a manifest, or another one with settings.
pub fn is_manifest(path: &Utf8Path) -> bool {
    matches!(path.extension(), Some("toml" | "json" | "mod" | "work"))
        || is_requirements(path)
        || holds_settings(path)
}

fn is_requirements(path: &Utf8Path) -> bool {
    path.extension() == Some("txt")
        && path
            .file_name()
            .is_some_and(|it| it.starts_with("requirements"))
}

/// Judges every changed manifest.
pub(super) fn judge_manifests(policy: &DiffPolicy, files: &[FileFacts]) -> Vec<Violation> {
    let mut violations = Vec::new();
    for file in files {
        for rules in &policy.manifests {
            if file.paths().any(|it| rules.files.is_match(it)) {
                violations.extend(Comparison::of(policy, rules, file).violations());
            }
        }
    }
    violations
}

/// Returns the minimum versions that a manifest declares: key and value.
pub fn declared_minimums(
    rules: &[ManifestRules],
    path: &Utf8Path,
    text: &str,
) -> Vec<(String, String)> {
    let entries = entries(path, text);
    let rules = rules.iter().filter(|it| it.files.is_match(path));
    rules
        .flat_map(|it| below(&entries, it.minimum))
        .map(|(key, value)| (key.join("."), plain(value)))
        .collect()
}

/// Both sides of one manifest.
struct Comparison<'a> {
    policy: &'a DiffPolicy,
    rules: &'a ManifestRules,
    file: &'a FileFacts,
    before: Entries,
    after: Entries,
}

impl<'a> Comparison<'a> {
    fn of(policy: &'a DiffPolicy, rules: &'a ManifestRules, file: &'a FileFacts) -> Self {
        let old_path = file.renamed_from.as_deref().unwrap_or(&file.path);
        Self {
            policy,
            rules,
            file,
            before: entries(old_path, &file.manifest_before),
            after: entries(&file.path, &file.manifest_after),
        }
    }

    fn violations(&self) -> Vec<Violation> {
        let mut violations = self.judging();
        violations.extend(self.minimum());
        violations.extend(self.dependencies());
        violations
    }

    fn judging(&self) -> Vec<Violation> {
        self.changed(self.rules.judging)
            .filter(|key| !self.policy.asked.is_knob(&self.file.path, key))
            .filter(|key| !self.is_inherited(key))
            .map(|key| {
                let key = key.join(".");
                self.violation(
                    Rule::EvalsChanged,
                    format!("`{key}` configures what judges the code, and was changed"),
                )
            })
            .collect()
    }

    /// A new member of a workspace may be judged like all others.
    fn is_inherited(&self, key: &[String]) -> bool {
        let is_workspace = key.last().is_some_and(|it| it == "workspace");
        self.file.added && is_workspace && self.after.get(key) == Some(&Value::Bool(true))
    }

    /// A new manifest promises nothing to anybody yet.
    fn minimum(&self) -> Vec<Violation> {
        if self.file.added || self.may(Permission::MinimumVersion) {
            return Vec::new();
        }
        self.changed(self.rules.minimum)
            .filter(|key| {
                let last = key.last().map_or("", String::as_str);
                let asked = &self.policy.asked;
                !asked.names(Permission::MinimumVersion, last)
                    && !asked.is_knob(&self.file.path, key)
            })
            .map(|key| {
                let side = |it: &Entries| it.get(key).map_or("nothing".to_owned(), plain);
                self.violation(
                    Rule::MinimumVersion,
                    format!(
                        "`{}` goes from {} to {}, and the claim does not say so",
                        key.join("."),
                        side(&self.before),
                        side(&self.after)
                    ),
                )
            })
            .collect()
    }

    /// Removing a dependency or one of its features is free; what is new has to be allowed.
    fn dependencies(&self) -> Vec<Violation> {
        if self.may(Permission::Deps) {
            return Vec::new();
        }
        let before = dependencies(&self.before, self.rules.dependencies);
        let after = dependencies(&self.after, self.rules.dependencies);
        after
            .into_iter()
            .filter(|(name, _)| !self.policy.asked.names(Permission::Deps, name))
            .filter_map(|(name, now)| {
                let how = match before.get(&name) {
                    None => "is a new dependency",
                    Some(was) if now.is_subset(was) => return None,
                    Some(_) => "asks for something else than before",
                };
                Some(self.violation(
                    Rule::Dependency,
                    format!(
                        "`{name}` {how} (hint: `may_change = [\"deps\"]` in [scope] allows it)"
                    ),
                ))
            })
            .collect()
    }

    fn may(&self, permission: Permission) -> bool {
        self.policy.may_change.contains(&permission)
    }

    /// Returns the keys at or below the given ones whose values differ.
    fn changed(&self, keys: &[&str]) -> impl Iterator<Item = &Vec<String>> {
        let all = below(&self.before, keys).chain(below(&self.after, keys));
        let names: BTreeSet<&Vec<String>> = all.map(|(key, _)| key).collect();
        names
            .into_iter()
            .filter(|key| self.before.get(*key) != self.after.get(*key))
    }

    fn violation(&self, rule: Rule, detail: String) -> Violation {
        Violation::at(rule, &self.file.path, detail)
    }
}

/// Returns the entries at or below the given keys.
fn below<'e>(
    entries: &'e Entries,
    keys: &[&str],
) -> impl Iterator<Item = (&'e Vec<String>, &'e Value)> {
    entries
        .iter()
        .filter(move |(path, _)| keys.iter().any(|it| rest_below(path, it).is_some()))
}

/// Returns the parts of a path that come after a key with wildcards.
fn rest_below<'p>(path: &'p [String], key: &str) -> Option<&'p [String]> {
    let parts: Vec<&str> = key.split('.').collect();
    let fits = |(part, name): (&&str, &String)| *part == "*" || part == name;
    (path.len() >= parts.len() && parts.iter().zip(path).all(fits)).then(|| &path[parts.len()..])
}

/// Returns what is asked of each dependency, as a set in which less is less: `version=1`, `+feature`.
fn dependencies(entries: &Entries, keys: &[&str]) -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (path, value) in entries {
        for rest in keys.iter().filter_map(|it| rest_below(path, it)) {
            match (rest, value) {
                ([], Value::Array(texts)) => {
                    for text in texts.iter().filter_map(Value::as_str) {
                        let (name, asked) = requirement(text);
                        found.entry(name).or_default().extend(asked);
                    }
                }
                ([name], value) => {
                    let version = format!("version={}", plain(value));
                    found.entry(name.clone()).or_default().insert(version);
                }
                ([name, .., key], value) => {
                    let asked = asked_of(key, value);
                    found.entry(name.clone()).or_default().extend(asked);
                }
                ([], _) => {}
            }
        }
    }
    found
}

/// `default-features = false` and `optional = true` ask for less than their absence.
fn asked_of(key: &str, value: &Value) -> Vec<String> {
    match (key, value) {
        ("features", Value::Array(features)) => features
            .iter()
            .map(|it| format!("+{}", plain(it)))
            .collect(),
        ("default-features" | "optional", _) => Vec::new(),
        _ => vec![format!("{key}={}", plain(value))],
    }
}

/// Splits `name[extra] >= 1; marker` into the name and what is asked of it.
fn requirement(text: &str) -> (String, Vec<String>) {
    let is_name = |it: char| it.is_alphanumeric() || matches!(it, '-' | '_' | '.');
    let text = text.trim();
    let end = text.find(|it| !is_name(it)).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    // Names of Python packages are equal whatever their case and separators.
    let name = name.to_lowercase().replace(['_', '.'], "-");
    let rest: String = rest.split_whitespace().collect();
    (name, vec![format!("version={rest}")])
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Reads a manifest; one that does not parse has nothing in it, which differs from what it had.
fn entries(path: &Utf8Path, text: &str) -> Entries {
    let value = match path.extension() {
        Some("toml") => toml::from_str::<toml::Table>(text)
            .ok()
            .and_then(|it| serde_json::to_value(it).ok()),
        Some("json") => serde_json::from_str(text).ok(),
        Some("mod" | "work") => return go_entries(text),
        _ if is_requirements(path) => Some(requirement_lines(text)),
        _ => None,
    };
    let mut entries = Entries::new();
    flatten(Vec::new(), value.unwrap_or_default(), &mut entries);
    entries
}

fn requirement_lines(text: &str) -> Value {
    let lines = text
        .lines()
        .map(|it| it.split(" #").next().unwrap_or_default().trim());
    let lines: Vec<&str> = lines
        .filter(|it| !it.is_empty() && !it.starts_with(['#', '-']))
        .collect();
    serde_json::json!({ "requirements": lines })
}

/// Tables of a list go by their name, so that one more moves none of the others.
fn flatten(path: Vec<String>, value: Value, entries: &mut Entries) {
    let child = |name: String| path.iter().cloned().chain([name]).collect::<Vec<_>>();
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (name, value) in fields {
                flatten(child(name), value, entries);
            }
        }
        Value::Array(items) if items.iter().any(Value::is_object) => {
            for (idx, value) in items.into_iter().enumerate() {
                let name = value.get("name").and_then(Value::as_str);
                let name = name.map_or_else(|| idx.to_string(), str::to_owned);
                flatten(child(name), value, entries);
            }
        }
        value => {
            entries.insert(path, value);
        }
    }
}

/// Reads `go.mod` and `go.work`: directives, alone or in a block.
fn go_entries(text: &str) -> Entries {
    let mut entries = Entries::new();
    let mut block = None;
    for line in text.lines() {
        let line = line.split("//").next().unwrap_or_default().trim();
        let words: Vec<&str> = line.split_whitespace().collect();
        let (directive, rest) = match (block, words.as_slice()) {
            (_, []) => continue,
            (_, [directive, "("]) => {
                block = Some(*directive);
                continue;
            }
            (Some(_), [")"]) => {
                block = None;
                continue;
            }
            (Some(directive), rest) => (directive, rest),
            (None, [directive, rest @ ..]) => (*directive, rest),
        };
        let (path, value) = match (directive, rest) {
            ("go" | "toolchain" | "module", rest) => (vec![directive], rest.join(" ")),
            (directive, [name, rest @ ..]) => (vec![directive, name], rest.join(" ")),
            (directive, []) => (vec![directive], String::new()),
        };
        let path = path.into_iter().map(str::to_owned).collect();
        entries.insert(path, Value::String(value));
    }
    entries
}

#[cfg(test)]
mod tests;
