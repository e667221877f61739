//! A copy of a tree to run mutants in, with a build folder that starts warm.

use std::fs::FileTimes;

use camino::{Utf8Path, Utf8PathBuf};

use super::bench::{Bench, io_error};
use super::sources;
use crate::process::Error;
use crate::syntax::Grammar;

/// A throw-away copy of an arm's tree.
pub(super) struct Scratch<'a> {
    /// The bench that stands on the copy.
    pub(super) bench: Bench<'a>,
}

impl<'a> Scratch<'a> {
    /// Copies the tree of a bench, file times included; what an interrupted run left is replaced.
    ///
    /// Where something was built from an earlier copy, the last of it may be a mutant's. So the code of the
    /// new copy is newer than all of it: by its own times it would pass for what was built.
    pub(super) fn copy_of(bench: &Bench<'a>) -> Result<Self, Error> {
        let build = bench.build.file_name().unwrap_or("arm");
        let name = format!("{build}-mutants");
        let dir = bench.lab.builds.join(format!("{name}.tree"));
        remove_tree(&dir).map_err(|source| io_error(&dir, source))?;
        let was_built = bench.lab.builds.join(&name).exists();
        for path in sources::paths(&bench.dir) {
            let is_stale = was_built && Grammar::of(&path).is_some();
            let copy = if is_stale { copy_as_new } else { copy_file };
            copy(&bench.dir.join(&path), &dir.join(&path))
                .map_err(|source| io_error(&dir.join(&path), source))?;
        }
        let bench = Bench::at(bench.lab, dir, &name)?;
        Ok(Self { bench })
    }

    /// Removes the copied tree; the build folder stays warm for the next one.
    pub(super) fn remove(self) {
        if let Err(error) = remove_tree(&self.bench.dir) {
            tracing::warn!(%error, dir = %self.bench.dir, "a copy of a tree is left behind");
        }
    }
}

/// What compilers keep for the next build, below the build folder of an arm.
const CACHES: [&str; 2] = ["cargo", "go-cache"];

/// Copies the caches of compilers where there are none yet: the dependencies need not be built again.
/// They are never shared, since cargo tells two copies of a workspace apart by file times alone.
pub(super) fn warm(from: &Utf8Path, to: &Utf8Path) -> std::io::Result<()> {
    for name in CACHES {
        let (from, to) = (from.join(name), to.join(name));
        if to.exists() || !from.exists() || from == to {
            continue;
        }
        let partial = to.with_extension("partial");
        remove_tree(&partial)?;
        copy_tree(&from, &partial)?;
        fs_err::rename(&partial, &to)?;
    }
    Ok(())
}

fn copy_tree(from: &Utf8Path, to: &Utf8Path) -> std::io::Result<()> {
    fs_err::create_dir_all(to)?;
    for entry in from.read_dir_utf8()? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        let kind = entry.file_type()?;
        if kind.is_dir() {
            copy_tree(entry.path(), &target)?;
        } else if kind.is_file() {
            copy_file(entry.path(), &target)?;
        }
    }
    Ok(())
}

fn copy_as_new(from: &Utf8Path, to: &Utf8Path) -> std::io::Result<()> {
    if let Some(folder) = to.parent() {
        fs_err::create_dir_all(folder)?;
    }
    fs_err::copy(from, to)?;
    Ok(())
}

fn copy_file(from: &Utf8Path, to: &Utf8Path) -> std::io::Result<()> {
    copy_as_new(from, to)?;
    let modified = fs_err::metadata(from)?.modified()?;
    set_modified(to, modified)
}

/// Sets a file's modification time, also of a file that is read-only to everybody.
pub(super) fn set_modified(path: &Utf8Path, at: std::time::SystemTime) -> std::io::Result<()> {
    let file = fs_err::File::open(path)?;
    file.file().set_times(FileTimes::new().set_modified(at))
}

pub(super) fn remove_tree(dir: &Utf8PathBuf) -> std::io::Result<()> {
    match fs_err::remove_dir_all(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::testing::Fixture;

    #[test]
    fn a_copy_has_the_same_files_and_times_and_goes_away() {
        let fixture = Fixture::new();
        fixture.write("src/a.py", "x = 1\n");
        let then = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000);
        set_modified(&fixture.tree().join("src/a.py"), then).unwrap();
        let lab = fixture.lab();
        let bench = Bench::at(&lab, fixture.tree(), "incumbent").unwrap();
        let scratch = Scratch::copy_of(&bench).unwrap();
        let copy = scratch.bench.dir.join("src/a.py");
        assert_eq!(fs_err::read_to_string(&copy).unwrap(), "x = 1\n");
        assert_eq!(fs_err::metadata(&copy).unwrap().modified().unwrap(), then);
        scratch.remove();
        assert!(!copy.exists());
        assert!(fixture.tree().join("src/a.py").exists());
    }

    #[test]
    fn code_is_newer_than_what_was_built_from_an_earlier_copy() {
        let fixture = Fixture::new();
        let then = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000);
        for path in ["src/a.c", "data.bin"] {
            fixture.write(path, "int one(void) { return 1; }\n");
            set_modified(&fixture.tree().join(path), then).unwrap();
        }
        let lab = fixture.lab();
        let bench = Bench::at(&lab, fixture.tree(), "incumbent").unwrap();
        let first = Scratch::copy_of(&bench).unwrap();
        let product = first.bench.build.join("one");
        fs_err::write(&product, "of a mutant").unwrap();
        first.remove();
        let modified = |path: &Utf8Path| fs_err::metadata(path).unwrap().modified().unwrap();
        let second = Scratch::copy_of(&bench).unwrap();
        assert!(modified(&second.bench.dir.join("src/a.c")) >= modified(&product));
        assert_eq!(modified(&second.bench.dir.join("data.bin")), then);
    }

    #[test]
    fn a_build_folder_is_warmed_once_and_never_shared() {
        let fixture = Fixture::new();
        let (from, to) = (fixture.root().join("b1"), fixture.root().join("b2"));
        let kept = ["cargo/debug/lib", "go-cache/00/lib"];
        for path in kept {
            fs_err::create_dir_all(from.join(path).parent().unwrap()).unwrap();
            fs_err::write(from.join(path), "one").unwrap();
        }
        warm(&from, &to).unwrap();
        for path in kept {
            fs_err::write(from.join(path), "two").unwrap();
        }
        warm(&from, &to).unwrap();
        for path in kept {
            let copied = fs_err::read_to_string(to.join(path)).unwrap();
            assert_eq!(copied, "one", "{path}");
        }
    }
}
