//! The `.factory` folder in the person's checkout, which hides itself from git.

use camino::Utf8PathBuf;
use std::io::Write as _;

use super::{Error, Target, files};

/// Every name that we make there; other tools use the folder too.
const ENTRIES: [&str; 9] = [
    "/.gitignore",
    "/agents/",
    "/archive/",
    "/cache/",
    "/experiments/",
    "/factory.toml",
    "/logs/",
    "/playbooks/",
    "/tmp/",
];
const HEADING: &str = "# Made by factory: these are its own entries; everything else here is not.";

impl Target {
    /// Makes `.factory` with a `.gitignore` that hides our entries and itself; returns its path.
    ///
    /// Lines that are there stay, and a `.gitignore` that git tracks is left as it is.
    pub fn exclude_factory_dir(&self) -> Result<Utf8PathBuf, Error> {
        let dir = self.root.join(".factory");
        fs_err::create_dir_all(&dir).map_err(Error::io("make", &dir))?;
        let metadata = files::look(&dir).map_err(Error::io("read", &dir))?;
        if !metadata.is_some_and(|metadata| metadata.is_dir()) {
            return Err(Error::PathOccupied { path: dir });
        }
        let file = dir.join(".gitignore");
        let metadata = files::look(&file).map_err(Error::io("read", &file))?;
        if metadata.is_some_and(|metadata| !metadata.is_file()) {
            return Err(Error::PathOccupied { path: file });
        }
        let present = std::fs::read_to_string(&file).unwrap_or_default();
        let missing = missing_lines(&present);
        if missing.is_empty() || self.tracks(".factory/.gitignore")? {
            return Ok(dir);
        }
        let mut text = present;
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        text.push_str(&missing);
        let write = || -> std::io::Result<()> {
            let mut temp = tempfile::NamedTempFile::new_in(&dir)?;
            temp.write_all(text.as_bytes())?;
            temp.persist(&file).map_err(|error| error.error)?;
            Ok(())
        };
        write().map_err(Error::io("write", &file))?;
        Ok(dir)
    }

    /// Returns whether the index or HEAD knows the path.
    fn tracks(&self, path: &str) -> Result<bool, Error> {
        let index = self.repo.index().map_err(Error::git("read the index"))?;
        let in_index = index.get_path(std::path::Path::new(path), 0).is_some();
        let tree = self.tree_of(&self.head()?.commit)?;
        Ok(in_index || self.read(&tree, path.into())?.is_some())
    }
}

fn missing_lines(present: &str) -> String {
    let has = |line: &str| present.lines().any(|it| it.trim() == line);
    let missing: Vec<&str> = ENTRIES.into_iter().filter(|entry| !has(entry)).collect();
    if missing.is_empty() {
        return String::new();
    }
    let heading = if has(HEADING) { "" } else { HEADING };
    format!("{heading}\n{}\n", missing.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::super::testing::Fixture;
    use super::*;

    #[test]
    fn our_entries_are_hidden_and_those_of_others_are_not() {
        let fixture = Fixture::with(&[("a.txt", "a")]);
        let exclude = fixture.root.join(".git/info/exclude");
        let before = std::fs::read(&exclude).ok();
        let dir = fixture.target().exclude_factory_dir().unwrap();
        fixture.write_all(&[(".factory/logs/1.txt", "x"), (".factory/factory.toml", "")]);
        assert_eq!(fixture.git(&["status", "--porcelain"]), "");
        fixture.write_all(&[(".factory/other-tool", "x")]);
        assert_eq!(
            fixture.git(&["status", "--porcelain", "-uall"]),
            "?? .factory/other-tool"
        );
        let text = std::fs::read_to_string(dir.join(".gitignore")).unwrap();
        fixture.target().exclude_factory_dir().unwrap();
        assert_eq!(
            std::fs::read_to_string(dir.join(".gitignore")).unwrap(),
            text
        );
        assert_eq!(std::fs::read(&exclude).ok(), before);
    }

    #[test]
    fn lines_that_are_there_stay_and_a_tracked_file_is_left_alone() {
        let fixture = Fixture::with(&[("a.txt", "a")]);
        fixture.write_all(&[(".factory/.gitignore", "theirs")]);
        let dir = fixture.target().exclude_factory_dir().unwrap();
        let text = std::fs::read_to_string(dir.join(".gitignore")).unwrap();
        assert!(text.starts_with("theirs\n") && text.contains("/logs/\n"));
        fixture.git(&["add", "--force", ".factory/.gitignore"]);
        fixture.write_all(&[(".factory/.gitignore", "tracked\n")]);
        fixture.target().exclude_factory_dir().unwrap();
        let text = std::fs::read_to_string(dir.join(".gitignore")).unwrap();
        assert_eq!(text, "tracked\n");
    }

    #[test]
    fn a_link_in_its_place_is_refused() {
        let fixture = Fixture::with(&[("a.txt", "a")]);
        let outside = fixture.dir("outside");
        std::fs::create_dir(&outside).unwrap();
        std::os::unix::fs::symlink(&outside, fixture.root.join(".factory")).unwrap();
        let refused = fixture.target().exclude_factory_dir();
        assert!(matches!(refused, Err(Error::PathOccupied { .. })));
        assert_eq!(outside.read_dir_utf8().unwrap().count(), 0);
    }
}
