//! What became of patches before, one JSON line each: a disposable cache.
//!
//! A search is a function of its record, so one that was killed goes on where it stopped, and a later
//! one on the same contents tries nothing again.

use std::collections::BTreeMap;
use std::io::Write as _;

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};

use crate::config::Metric;
use crate::eval::Lab;
use crate::search::genetic::{Fate, Patch, Trial};

/// One line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    /// A patch was tried.
    Trial(Trial),
    /// Whether some test notices a mutant of that function.
    Watched { name: String, is_watched: bool },
    /// A search with that seed began.
    Begun { seed: u64 },
    /// A patch became a candidate, or would have but for what linters say of it.
    Delivered { patch: Patch },
}

/// The trials on the same contents, metric and environment.
#[derive(Debug, Default)]
pub(super) struct Record {
    path: Utf8PathBuf,
    trials: Vec<Trial>,
    watched: BTreeMap<String, bool>,
    delivered: Vec<Patch>,
    /// The latest search: its seed, and how many trials there were before it.
    begun: Option<(u64, usize)>,
}

impl Record {
    /// Reads what is known; a line that cannot be read is as if it were not there.
    pub(super) fn open(lab: &Lab, metric: &Metric, context: &str) -> Self {
        let mut hasher = blake3::Hasher::new();
        for part in [&*lab.binding().environment, context, &format!("{metric:?}")] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        let name = &hasher.finalize().to_hex()[..40];
        let mut record = Self {
            path: lab.cache.join("variants").join(format!("{name}.jsonl")),
            ..Self::default()
        };
        let text = fs_err::read_to_string(&record.path).unwrap_or_default();
        for line in text.lines().filter_map(|it| serde_json::from_str(it).ok()) {
            record.take(line);
        }
        record
    }

    /// Returns every trial, oldest first.
    pub(super) fn trials(&self) -> &[Trial] {
        &self.trials
    }

    /// Returns the trials of patches that hold nothing which was a candidate already.
    pub(super) fn not_delivered(&self) -> Vec<Trial> {
        let is_new = |it: &&Trial| !self.delivered.iter().any(|old| old.is_subset(&it.patch));
        self.trials.iter().filter(is_new).cloned().collect()
    }

    /// Begins a search, or goes on with it if it is the latest; returns how many trials were before it.
    pub(super) fn begin(&mut self, seed: u64) -> usize {
        match self.begun {
            Some((latest, begun)) if latest == seed => begun,
            _ => {
                self.note(Line::Begun { seed });
                self.trials.len()
            }
        }
    }

    /// Adds a trial.
    pub(super) fn add(&mut self, patch: Patch, fate: Fate) {
        self.note(Line::Trial(Trial { patch, fate }));
    }

    /// Returns whether a function is watched, if it is known.
    pub(super) fn watched(&self, name: &str) -> Option<bool> {
        self.watched.get(name).copied()
    }

    /// Remembers whether a function is watched.
    pub(super) fn add_watched(&mut self, name: &str, is_watched: bool) {
        let name = name.to_owned();
        self.note(Line::Watched { name, is_watched });
    }

    /// Remembers that a patch is not to be a candidate again.
    pub(super) fn deliver(&mut self, patch: &Patch) {
        let patch = patch.clone();
        self.note(Line::Delivered { patch });
    }

    /// Writes a line and takes it in; a failure costs a later search and nothing else.
    fn note(&mut self, line: Line) {
        let text = serde_json::to_string(&line).expect("a line is plain data");
        let folder = self.path.parent().map_or(Ok(()), fs_err::create_dir_all);
        let append = || {
            let mut options = fs_err::OpenOptions::new();
            let mut file = options.create(true).append(true).open(&self.path)?;
            file.write_all(format!("{text}\n").as_bytes())
        };
        if let Err(error) = folder.and_then(|()| append()) {
            tracing::warn!(%error, "what became of a patch is not cached");
        }
        self.take(line);
    }

    fn take(&mut self, line: Line) {
        match line {
            Line::Trial(trial) => self.trials.push(trial),
            Line::Watched { name, is_watched } => {
                self.watched.insert(name, is_watched);
            }
            Line::Begun { seed } => self.begun = Some((seed, self.trials.len())),
            Line::Delivered { patch } => self.delivered.push(patch),
        }
    }
}
