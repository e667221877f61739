//! Which of a project's own benchmarks can be metrics, from files alone.
//!
//! Only runners that time each benchmark by a name are proposed, with settings that make a run short:
//! the harness repeats it in pairs, and many short runs tell more than one long one. What is left out
//! is named, with the reason.

mod go;
mod javascript;
mod python;
mod rust;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};

use super::detect::read_small;
use crate::config::{Metric, ProposedMetrics};
use crate::model::dimension::Direction;
use crate::model::profile::{Detection, LanguageName, Project};

/// A project with many benchmarks has an experiment for each knob and each of them: those beyond the
/// first few wait for a person.
const LIVE: usize = 3;

/// Returns the metrics that follow from a project's benchmarks, and why others do not.
pub fn benchmarks(
    root: &Utf8Path,
    files: &[Utf8PathBuf],
    detection: &Detection,
) -> ProposedMetrics {
    let mut proposed = ProposedMetrics::default();
    for project in &detection.languages {
        let place = Place {
            root,
            files,
            project,
            detection,
        };
        let found = match project.language {
            LanguageName::Rust => rust::find(&place),
            LanguageName::Python => python::find(&place),
            LanguageName::JavaScript => javascript::find(&place),
            LanguageName::Go => go::find(&place),
            // A declared language declares its metrics too.
            LanguageName::Declared(_) => continue,
        };
        proposed.metrics.extend(found.metrics);
        proposed.on_request.extend(found.on_request);
        proposed.notes.extend(found.notes);
    }
    let surplus = proposed.metrics.split_off(proposed.metrics.len().min(LIVE));
    proposed.on_request.splice(0..0, surplus);
    name_apart(&mut proposed);
    proposed
}

/// Gives metrics of the same name a number each.
fn name_apart(proposed: &mut ProposedMetrics) {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let all = proposed.metrics.iter_mut();
    for metric in all.chain(&mut proposed.on_request) {
        let n_before = seen.entry(metric.name.clone()).or_default();
        *n_before += 1;
        if *n_before > 1 {
            metric.name = format!("{}_{n_before}", metric.name);
        }
    }
}

/// One sub-project that is looked through.
struct Place<'a> {
    root: &'a Utf8Path,
    files: &'a [Utf8PathBuf],
    project: &'a Project,
    detection: &'a Detection,
}

impl<'a> Place<'a> {
    /// Returns the files of the sub-project that none of those further in has.
    fn own_files(&self) -> impl Iterator<Item = &'a Utf8PathBuf> {
        let (root, language) = (&self.project.root, self.project.language);
        let inner: Vec<&Utf8Path> = self
            .detection
            .languages
            .iter()
            .filter(|it| it.language == language && it.root != *root)
            .map(|it| it.root.as_path())
            .filter(|it| it.starts_with(root))
            .collect();
        self.files
            .iter()
            .filter(move |it| it.starts_with(root) && !inner.iter().any(|dir| it.starts_with(dir)))
    }

    fn read(&self, path: &Utf8Path) -> Option<String> {
        read_small(&self.root.join(path))
    }

    /// Returns the words that start a tool, as a person at the root would type them.
    fn tool_line(&self, name: &str) -> Option<String> {
        let tools = self.detection.tools.iter();
        let mut tools = tools.filter(|it| it.language == self.project.language);
        let words = tools.find(|it| it.name == name)?.command.as_ref()?;
        let word = |it: &String| {
            let below = Utf8Path::new(it).strip_prefix(self.root);
            quoted(below.map_or(it.as_str(), Utf8Path::as_str))
        };
        Some(words.iter().map(word).collect::<Vec<_>>().join(" "))
    }
}

/// Returns the metric of a benchmark run, in nanoseconds.
fn metric(name: &str, build: Option<String>, run: String, parser: &str) -> Metric {
    Metric {
        name: metric_name(name),
        build,
        before: None,
        run,
        parser: parser.to_owned(),
        direction: Direction::Minimize,
        unit: "ns".to_owned(),
        tolerance: None,
        deterministic: false,
        timeout_seconds: None,
        only_claimed: true,
        tail: Vec::new(),
        reads: Vec::new(),
    }
}

/// Returns `bench_` and the name in letters, digits and underscores.
fn metric_name(name: &str) -> String {
    let letter = |it: char| if it.is_ascii_alphanumeric() { it } else { '_' };
    let name: String = name.chars().map(letter).collect();
    format!("bench_{}", name.trim_matches('_').to_lowercase())
}

/// Returns a word as a shell would need it.
fn quoted(word: &str) -> String {
    let plain = |it: char| it.is_ascii_alphanumeric() || "_-./=:,@+".contains(it);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}
