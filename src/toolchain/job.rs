//! What all adapters do with a job: find its tools and folders, run a command, judge how it ended.

use camino::{Utf8Path, Utf8PathBuf};

use super::{Job, Outcome};
use crate::model::profile::Purpose;
use crate::process::{Command, Error, Exit, Finished};
use crate::sandbox::Room;

/// As many files as surely fit on one command line.
pub(super) const FILES_AT_ONCE: usize = 500;

impl Job<'_> {
    /// Returns the folder of the sub-project.
    pub(super) fn dir(&self) -> Utf8PathBuf {
        if self.project.root.as_str().is_empty() {
            self.tree.to_owned()
        } else {
            self.tree.join(&self.project.root)
        }
    }

    /// Returns the words that start a tool, if it was found.
    pub(super) fn tool(&self, name: &str) -> Option<&[String]> {
        self.tools
            .iter()
            .find(|it| it.name == name && it.language == self.project.language)
            .and_then(|it| it.command.as_deref())
    }

    /// Returns the name of the tool that this project uses for a purpose.
    pub(super) fn uses(&self, purpose: Purpose) -> Option<&str> {
        self.project.uses.get(&purpose).map(String::as_str)
    }

    /// Returns a command in the sub-project's folder, with this job's limit and log.
    pub(super) fn command(&self, words: &[String]) -> Command {
        let (program, args) = words.split_first().expect("a found tool has a program");
        Command::new(program, self.dir())
            .args(args)
            .timeout(self.timeout)
            .log(self.log)
    }

    /// Runs a command where code that we did not write runs; its temporary files go with it.
    pub(super) async fn run(&self, command: &Command) -> Result<Finished, Error> {
        let temporary = self.temporary().map_err(|source| Error::Io {
            program: command.program.clone(),
            source,
        })?;
        let path = temporary.path().to_string_lossy();
        let command = command.clone().env("TMPDIR", path);
        let room = Room {
            tree: self.tree,
            build: self.build,
        };
        self.sandbox.run(&command, room, self.cancel).await
    }

    fn temporary(&self) -> std::io::Result<tempfile::TempDir> {
        let dir = self.build.join("tmp");
        std::fs::create_dir_all(&dir)?;
        tempfile::Builder::new().prefix("").tempdir_in(dir)
    }

    /// Returns a clean folder of that name below the build folder.
    pub(super) fn fresh_folder(&self, name: &str) -> Result<Utf8PathBuf, Error> {
        let dir = self.build.join(name);
        let made = match std::fs::remove_dir_all(&dir) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            _ => std::fs::create_dir_all(&dir),
        };
        made.map(|()| dir).map_err(|source| Error::Io {
            program: name.to_owned(),
            source,
        })
    }

    /// Returns the arguments that a person adds to the test runner.
    pub(super) fn test_args(&self) -> &[String] {
        self.commands
            .test_args
            .get(self.project.language.key())
            .map_or(&[], Vec::as_slice)
    }

    /// Returns a path of a tool's output relative to the tree; `None` if it is not in the tree.
    pub(super) fn in_tree(&self, printed: &str) -> Option<Utf8PathBuf> {
        let path = Utf8Path::new(printed);
        let relative = if path.is_absolute() {
            let real = self.tree.canonicalize_utf8().ok();
            let roots = [Some(self.tree), self.sandbox.shown_at(), real.as_deref()];
            let mut roots = roots.into_iter().flatten();
            roots.find_map(|it| path.strip_prefix(it).ok())?.to_owned()
        } else {
            normalize(&self.project.root.join(path))?
        };
        (!relative.as_str().is_empty()).then_some(relative)
    }
}

/// Writes one of our helper files, and never through a link that evaluated code left in its place.
pub(super) fn write(path: &Utf8Path, text: &str) -> Result<(), Error> {
    let is_link = path
        .symlink_metadata()
        .is_ok_and(|it| it.file_type().is_symlink());
    let cleared = if is_link {
        std::fs::remove_file(path)
    } else {
        Ok(())
    };
    cleared
        .and_then(|()| std::fs::write(path, text))
        .map_err(|source| Error::Io {
            program: path.to_string(),
            source,
        })
}

/// Runs a program on files that it rewrites, some at a time; returns how many it changed.
///
/// `good` are the exit codes that mean that it did its work.
pub(super) async fn rewrite(
    job: &Job<'_>,
    command: &Command,
    files: &[Utf8PathBuf],
    good: &[i32],
    what: &str,
) -> Result<Outcome<usize>, Error> {
    let read = |it: &Utf8PathBuf| std::fs::read(job.tree.join(it)).ok();
    let mut changed = 0;
    for files in files.chunks(FILES_AT_ONCE) {
        let before: Vec<_> = files.iter().map(read).collect();
        let paths = files.iter().map(|it| job.tree.join(it).into_string());
        let finished = job.run(&command.clone().args(paths)).await?;
        if !matches!(finished.exit, Exit::Code(code) if good.contains(&code)) {
            return Ok(broken(what, &finished));
        }
        changed += files
            .iter()
            .zip(before)
            .filter(|(file, before)| read(file) != *before)
            .count();
    }
    Ok(Outcome::Measured(changed))
}

/// Removes `.` and `..` from a relative path; `None` if it leaves its root.
fn normalize(path: &Utf8Path) -> Option<Utf8PathBuf> {
    let mut clean = Utf8PathBuf::new();
    for part in path.components() {
        match part {
            camino::Utf8Component::Normal(name) => clean.push(name),
            camino::Utf8Component::CurDir => {}
            camino::Utf8Component::ParentDir if clean.pop() => {}
            _ => return None,
        }
    }
    Some(clean)
}

/// Returns the outcome of a command whose output means nothing.
pub(super) fn broken<T>(what: &str, finished: &Finished) -> Outcome<T> {
    let detail = format!("{what}: {}", finished.explain());
    match finished.exit {
        Exit::TimedOut => Outcome::TimedOut(detail),
        Exit::Code(_) | Exit::Signal(_) => Outcome::Failed(detail),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_relative_and_never_leave_the_tree() {
        let clean = |it: &str| normalize(Utf8Path::new(it));
        assert_eq!(clean("./a/../b/c.py"), Some("b/c.py".into()));
        assert_eq!(clean("../x"), None);
    }
}
