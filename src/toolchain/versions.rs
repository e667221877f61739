//! The versions of tools, asked in parallel and remembered.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::time::Duration;

use camino::Utf8Path;
use futures_util::future::join_all;
use tokio_util::sync::CancellationToken;

use super::{Adapter, adapters};
use crate::model::profile::{Detection, Tool};
use crate::process::{self, Command};

const CACHE_FILE: &str = "versions.json";
const PATIENCE: Duration = Duration::from_secs(20);

type Cache = BTreeMap<String, String>;

/// Asks every found tool for its version, in parallel; answers are cached by (path, size, mtime) below `cache`.
///
/// A tool that does not answer keeps `None`; a cache that cannot be read or written is no cache.
pub async fn versions(detection: &mut Detection, cache: &Utf8Path, cancel: &CancellationToken) {
    let file = cache.join(CACHE_FILE);
    let mut known = read(&file);
    let adapters = adapters();
    let root = detection.root.clone();
    let questions = detection.tools.iter_mut().filter_map(|tool| {
        let adapter = adapters.iter().find(|it| it.name() == tool.language)?;
        Some(ask(&root, tool, adapter.as_ref(), &known, cancel))
    });
    let answers: Vec<(String, String)> = join_all(questions).await.into_iter().flatten().collect();
    if !answers.is_empty() {
        known.extend(answers);
        write(&file, &known);
    }
}

/// Fills in a tool's version; returns what is new to the cache.
async fn ask(
    root: &Utf8Path,
    tool: &mut Tool,
    adapter: &dyn Adapter,
    known: &Cache,
    cancel: &CancellationToken,
) -> Option<(String, String)> {
    let words = tool.command.clone()?;
    let version_args = adapter.version_args(&tool.name);
    if version_args.is_empty() {
        return None;
    }
    let key = key(root, tool, &words, adapter)?;
    if let Some(version) = known.get(&key) {
        tool.version = Some(version.clone());
        return None;
    }
    let (program, args) = words.split_first()?;
    let command = Command::new(program, root)
        .args(args)
        .args(version_args)
        .timeout(PATIENCE);
    let finished = process::run(&command, cancel).await.ok()?;
    if !finished.success() {
        return None;
    }
    let version =
        version_in(&finished.stdout_text()).or_else(|| version_in(&finished.stderr_text()))?;
    tool.version = Some(version.clone());
    Some((key, version))
}

fn key(root: &Utf8Path, tool: &Tool, words: &[String], adapter: &dyn Adapter) -> Option<String> {
    let stamp = stamp(Utf8Path::new(words.first()?))?;
    let context = adapter.version_key(root, tool);
    Some(format!("{}|{stamp}|{context}", words.join(" ")))
}

/// Returns size and modification time of a file, links followed.
pub(super) fn stamp(path: &Utf8Path) -> Option<String> {
    let metadata = std::fs::metadata(path).ok()?;
    Some(format!(
        "{}:{}.{:09}",
        metadata.len(),
        metadata.mtime(),
        metadata.mtime_nsec()
    ))
}

/// Returns the first thing in a text that looks like a version.
fn version_in(text: &str) -> Option<String> {
    text.split(|it: char| it.is_whitespace() || it == ',' || it == '(' || it == ')')
        .map(|word| {
            word.strip_prefix("go")
                .unwrap_or(word)
                .trim_start_matches('v')
        })
        .find(|word| word.starts_with(|it: char| it.is_ascii_digit()) && word.contains('.'))
        .map(str::to_owned)
}

fn read(file: &Utf8Path) -> Cache {
    std::fs::read(file)
        .ok()
        .and_then(|it| serde_json::from_slice(&it).ok())
        .unwrap_or_default()
}

fn write(file: &Utf8Path, cache: &Cache) {
    let Some(dir) = file.parent() else { return };
    let written = std::fs::create_dir_all(dir).and_then(|()| {
        let temporary = tempfile::NamedTempFile::new_in(dir)?;
        serde_json::to_writer(&temporary, cache)?;
        temporary.persist(file)?;
        Ok(())
    });
    if let Err(error) = written {
        tracing::debug!(%file, %error, "the versions of tools are not remembered");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Profile;
    use crate::toolchain::detect;
    use crate::toolchain::testing::Tree;

    #[test]
    fn versions_are_found_in_what_tools_print() {
        for (text, version) in [
            ("rustc 1.95.0 (59807616e 2026-04-14)", "1.95.0"),
            ("ruff 0.9.1\n", "0.9.1"),
            ("mypy 1.13.0 (compiled: yes)", "1.13.0"),
            ("black, 24.10.0 (compiled: yes)", "24.10.0"),
            ("Coverage.py, version 7.6.1 with C extension", "7.6.1"),
            ("go1.19.8\n", "1.19.8"),
            ("staticcheck 2023.1 (v0.4.0)", "2023.1"),
        ] {
            assert_eq!(version_in(text).as_deref(), Some(version));
        }
        assert_eq!(version_in("no version here."), None);
    }

    #[tokio::test]
    async fn answers_are_remembered_until_the_program_changes() {
        let tree = Tree::new(&[(
            "Cargo.toml",
            "[package]\nname = \"a\"\nversion = \"0.1.0\"\n",
        )]);
        let mut detection = detect(tree.root(), &tree.files(), &Profile::default());
        let cache = tree.outside("cache");
        versions(&mut detection, &cache, &CancellationToken::new()).await;
        let cargo = detection
            .tools
            .iter()
            .find(|it| it.name == "cargo")
            .unwrap();
        assert!(cargo.version.as_deref().unwrap().starts_with("1."));

        let text = std::fs::read_to_string(cache.join(CACHE_FILE)).unwrap();
        let version = cargo.version.clone().unwrap();
        std::fs::write(cache.join(CACHE_FILE), text.replace(&version, "9.9.9")).unwrap();
        let mut again = detect(tree.root(), &tree.files(), &Profile::default());
        versions(&mut again, &cache, &CancellationToken::new()).await;
        let cargo = again.tools.iter().find(|it| it.name == "cargo").unwrap();
        assert_eq!(
            cargo.version.as_deref(),
            Some("9.9.9"),
            "the cache was not used"
        );
    }
}
