//! What was prepared for a state of the manifests, so that it is not prepared again.

use camino::{Utf8Path, Utf8PathBuf};

use crate::process::Error;
use crate::toolchain::Job;
use crate::toolchain::job::write;

/// Manifests further down than this are no part of a workspace.
const MAX_DEPTH: usize = 8;
/// What decides which lock file cargo writes, and what it downloads.
const INPUTS: [&str; 3] = ["Cargo.toml", "Cargo.lock", "config.toml"];
/// Folders without manifests of the project's own.
const SKIPPED: [&str; 3] = [".git", "target", "node_modules"];

/// The lock file that was made or found for these manifests, kept in the build folder.
pub(super) struct Prepared {
    kept: Utf8PathBuf,
    lock: Utf8PathBuf,
}

impl Prepared {
    /// Looks at the manifests of a sub-project.
    pub(super) fn of(job: &Job<'_>) -> Self {
        let mut hasher = blake3::Hasher::new();
        for word in job.tool("cargo").unwrap_or_default() {
            hasher.update(word.as_bytes()).update(b"\0");
        }
        let dir = job.dir();
        add(&mut hasher, &dir, MAX_DEPTH);
        let key = hasher.finalize().to_hex();
        Self {
            kept: job.build.join(format!("prepared/{}.lock", &key[..16])),
            lock: dir.join("Cargo.lock"),
        }
    }

    /// Puts the lock file back; returns whether there was one to put back.
    pub(super) fn restore(&self) -> Result<bool, Error> {
        let Ok(text) = std::fs::read_to_string(&self.kept) else {
            return Ok(false);
        };
        if std::fs::read_to_string(&self.lock).ok().as_ref() != Some(&text) {
            write(&self.lock, &text)?;
        }
        Ok(true)
    }

    /// Remembers the lock file, now that all it names is there.
    pub(super) fn keep(&self) -> Result<(), Error> {
        let Ok(text) = std::fs::read_to_string(&self.lock) else {
            return Ok(());
        };
        if let Some(folder) = self.kept.parent() {
            std::fs::create_dir_all(folder).map_err(|source| Error::Io {
                program: folder.to_string(),
                source,
            })?;
        }
        write(&self.kept, &text)
    }
}

fn add(hasher: &mut blake3::Hasher, dir: &Utf8Path, depth: usize) {
    let entries = dir.read_dir_utf8().into_iter().flatten().flatten();
    let mut entries: Vec<_> = entries.collect();
    entries.sort_by(|a, b| a.file_name().cmp(b.file_name()));
    for entry in entries {
        let name = entry.file_name();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() && depth > 0 && !SKIPPED.contains(&name) => {
                add(hasher, entry.path(), depth - 1);
            }
            Ok(kind) if kind.is_file() && INPUTS.contains(&name) => {
                let contents = std::fs::read(entry.path()).unwrap_or_default();
                hasher.update(entry.path().as_str().as_bytes());
                hasher.update(&(contents.len() as u64).to_le_bytes());
                hasher.update(&contents);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Commands;
    use crate::model::profile::LanguageName;
    use crate::toolchain::testing::Bench;

    const MANIFEST: &str = "[package]\nname = \"a\"\nversion = \"0.1.0\"\n";

    #[test]
    fn a_lock_file_is_kept_for_its_manifests_and_no_others() {
        let files = [("Cargo.toml", MANIFEST), ("src/lib.rs", "")];
        let bench = Bench::new(LanguageName::Rust, &files, Commands::default());
        let lock = bench.tree.root().join("Cargo.lock");
        let before = Prepared::of(&bench.job());
        assert!(!before.restore().unwrap());
        std::fs::write(&lock, "# made\n").unwrap();
        before.keep().unwrap();
        std::fs::remove_file(&lock).unwrap();
        assert!(Prepared::of(&bench.job()).restore().unwrap());
        assert_eq!(std::fs::read_to_string(&lock).unwrap(), "# made\n");
        std::fs::remove_file(&lock).unwrap();
        let manifest = bench.tree.root().join("Cargo.toml");
        std::fs::write(manifest, format!("{MANIFEST}edition = \"2021\"\n")).unwrap();
        assert!(!Prepared::of(&bench.job()).restore().unwrap());
    }
}
