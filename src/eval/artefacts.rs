//! What a metric's command reads or executes, where a person declared it: the same bytes in both arms give
//! the same number, and nothing is to be measured.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use globset::{Glob, GlobMatcher};

use super::bench::{Bench, io_error};
use crate::config::Metric;
use crate::process::Error;

/// What a path starts with that is below the build folder.
const BUILD: &str = "$FACTORY_BUILD_DIR/";

/// The files that a metric reads, by path, with the hash of their bytes.
pub type Artefacts = BTreeMap<String, String>;

/// Returns what the metric is declared to read, as it lies in an arm; `None` where nothing is declared, a
/// pattern matches no file, or what it matches is no plain file.
pub(super) fn read(bench: &Bench<'_>, metric: &Metric) -> Result<Option<Artefacts>, Error> {
    let mut found = Artefacts::new();
    for pattern in &metric.reads {
        let (roots, glob, prefix) = match pattern.strip_prefix(BUILD) {
            Some(glob) => (vec![bench.build.clone()], glob, BUILD),
            // What was written into the tree hides what it holds.
            None => (vec![bench.dir.clone(), bench.written_at()], &**pattern, ""),
        };
        let Ok(glob) = Glob::new(glob) else {
            return Ok(None);
        };
        let glob = glob.compile_matcher();
        let before = found.len();
        for root in roots {
            let mut collector = Collector {
                root: &root,
                prefix,
                glob: &glob,
                found: &mut found,
            };
            let is_plain = collector
                .below(Utf8Path::new(""))
                .map_err(|source| io_error(&root, source))?;
            if !is_plain {
                return Ok(None);
            }
        }
        if found.len() == before {
            return Ok(None);
        }
    }
    Ok((!found.is_empty()).then_some(found))
}

/// A walk through one folder.
struct Collector<'a> {
    root: &'a Utf8Path,
    prefix: &'a str,
    glob: &'a GlobMatcher,
    found: &'a mut Artefacts,
}

impl Collector<'_> {
    /// Adds what matches below a folder; returns whether all of it are plain files.
    fn below(&mut self, folder: &Utf8Path) -> std::io::Result<bool> {
        for entry in fs_err::read_dir(self.root.join(folder))? {
            let entry = entry?;
            let Ok(name) = Utf8PathBuf::from_path_buf(entry.file_name().into()) else {
                return Ok(false);
            };
            let path = folder.join(name);
            let kind = entry.file_type()?;
            if kind.is_dir() {
                if path != ".git" && !self.below(&path)? {
                    return Ok(false);
                }
            } else if self.glob.is_match(&path) {
                if !kind.is_file() {
                    return Ok(false);
                }
                let bytes = fs_err::read(self.root.join(&path))?;
                let hash = blake3::hash(&bytes).to_hex().to_string();
                self.found.insert(format!("{}{path}", self.prefix), hash);
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::testing::{Fixture, arm, tree_sha};

    fn found(fixture: &Fixture, reads: &[&str]) -> Option<Artefacts> {
        let lab = fixture.lab();
        let (dir, tree) = (fixture.tree(), tree_sha());
        let metric = Metric {
            reads: reads.iter().map(|it| (*it).to_owned()).collect(),
            ..Metric::suite_seconds()
        };
        lab.artefacts(&arm(&dir, &tree, "candidate"), &metric)
            .unwrap()
    }

    #[test]
    fn what_is_declared_is_hashed_and_a_changed_byte_shows() {
        let fixture = Fixture::new();
        fixture.write("bin/app", "one");
        fixture.write("src/app.c", "int main;");
        let before = found(&fixture, &["bin/*"]).unwrap();
        assert_eq!(before.keys().collect::<Vec<_>>(), ["bin/app"]);
        fixture.write("src/app.c", "int main; // more");
        assert_eq!(found(&fixture, &["bin/*"]), Some(before.clone()));
        fixture.write("bin/app", "two");
        assert_ne!(found(&fixture, &["bin/*"]), Some(before));
    }

    #[test]
    fn what_is_not_there_or_is_a_link_is_not_known() {
        let fixture = Fixture::new();
        fixture.write("bin/app", "one");
        assert_eq!(found(&fixture, &[]), None);
        assert_eq!(found(&fixture, &["bin/*", "data/*"]), None);
        assert_eq!(found(&fixture, &["$FACTORY_BUILD_DIR/app"]), None);
        std::os::unix::fs::symlink("app", fixture.tree().join("bin/link")).unwrap();
        assert_eq!(found(&fixture, &["bin/*"]), None);
    }
}
