//! One file changed for as long as a mutant runs, and put back whatever happens.

use std::time::{Duration, SystemTime};

use camino::{Utf8Path, Utf8PathBuf};

use super::scratch::set_modified;

/// A changed file that returns to its bytes; dropping it is the backstop of an interruption.
pub(super) struct Edit {
    path: Utf8PathBuf,
    original: Vec<u8>,
    modified: SystemTime,
    restored: bool,
}

impl Edit {
    /// Writes `text` into a file; `serial` is a number that no other edit of the file shares.
    pub(super) fn make(path: &Utf8Path, text: &str, serial: u32) -> std::io::Result<Self> {
        let edit = Self {
            original: fs_err::read(path)?,
            modified: fs_err::metadata(path)?.modified()?,
            path: path.to_owned(),
            restored: false,
        };
        fs_err::write(path, text)?;
        if edit.is_python() {
            // Bytecode is told stale by whole seconds and size alone: two edits within one second
            // that keep the size would run each other's code.
            let step = Duration::from_secs(2 * (u64::from(serial) + 1));
            set_modified(path, edit.modified + step)?;
        }
        Ok(edit)
    }

    /// Puts the file back.
    pub(super) fn restore(mut self) -> std::io::Result<()> {
        self.put_back()
    }

    fn put_back(&mut self) -> std::io::Result<()> {
        fs_err::write(&self.path, &self.original)?;
        self.restored = true;
        if self.is_python() {
            set_modified(&self.path, self.modified)?;
        }
        // Any other file keeps the present time: cargo rebuilds what is newer than its last build,
        // and an old time would let it keep the mutant's.
        Ok(())
    }

    fn is_python(&self) -> bool {
        self.path.extension() == Some("py")
    }
}

impl Drop for Edit {
    fn drop(&mut self) {
        if !self.restored
            && let Err(error) = self.put_back()
        {
            tracing::warn!(%error, path = %self.path, "a mutant is left in a scratch tree");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str) -> (tempfile::TempDir, Utf8PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = Utf8Path::from_path(dir.path()).unwrap().join(name);
        fs_err::write(&path, "a == b\r\n").unwrap();
        (dir, path)
    }

    fn seconds(path: &Utf8Path) -> u64 {
        let modified = fs_err::metadata(path).unwrap().modified().unwrap();
        modified
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap()
            .as_secs()
    }

    #[test]
    fn a_file_returns_to_its_bytes() {
        let (_dir, path) = file("a.rs");
        let edit = Edit::make(&path, "a != b\r\n", 0).unwrap();
        assert_eq!(fs_err::read_to_string(&path).unwrap(), "a != b\r\n");
        edit.restore().unwrap();
        assert_eq!(fs_err::read_to_string(&path).unwrap(), "a == b\r\n");
    }

    #[test]
    fn an_interruption_puts_the_file_back_too() {
        let (_dir, path) = file("a.rs");
        drop(Edit::make(&path, "mutant", 0).unwrap());
        assert_eq!(fs_err::read_to_string(&path).unwrap(), "a == b\r\n");
    }

    #[test]
    fn no_two_edits_of_python_share_a_second() {
        let (_dir, path) = file("a.py");
        let before = seconds(&path);
        let first = Edit::make(&path, "a != b\r\n", 0).unwrap();
        let at_first = seconds(&path);
        first.restore().unwrap();
        assert_eq!(seconds(&path), before);
        let second = Edit::make(&path, "a <= b\r\n", 1).unwrap();
        assert_ne!(seconds(&path), before);
        assert_ne!(seconds(&path), at_first);
        second.restore().unwrap();
    }

    #[test]
    fn a_restored_rust_file_is_newer_than_the_mutants_build() {
        let (_dir, path) = file("a.rs");
        let old = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        set_modified(&path, old).unwrap();
        Edit::make(&path, "mutant", 0).unwrap().restore().unwrap();
        assert!(seconds(&path) > 1_000_000);
    }
}
