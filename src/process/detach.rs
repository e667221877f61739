//! A process of our own that outlives the one that started it.

use std::io;
use std::process::{Child, Command, Stdio};

use camino::Utf8Path;

/// A process in the background, for as long as its starter looks after it.
pub struct Detached(Child);

impl Detached {
    /// Returns its process id.
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// Returns its exit code if it has ended; -1 for one that was killed.
    ///
    /// # Errors
    /// A process that cannot be asked.
    pub fn ended(&mut self) -> io::Result<Option<i32>> {
        let status = self.0.try_wait()?;
        Ok(status.map(|it| it.code().unwrap_or(-1)))
    }
}

/// Starts this very program with these arguments; both of its streams are appended to a file.
///
/// It keeps the environment and the working directory. It is to call [`leave_session`] first.
///
/// # Errors
/// A program that cannot be started, or a file that cannot be written.
pub fn detach(args: &[std::ffi::OsString], log: &Utf8Path) -> io::Result<Detached> {
    let out = std::fs::File::options()
        .create(true)
        .append(true)
        .open(log)?;
    let err = out.try_clone()?;
    Command::new(std::env::current_exe()?)
        .args(args)
        .stdin(Stdio::null())
        .stdout(out)
        .stderr(err)
        .spawn()
        .map(Detached)
}

/// Leaves the terminal of the starter: its Ctrl-C and its closing no longer reach this process.
pub fn leave_session() {
    // Refused only to the leader of a group, who has no starter's terminal to leave.
    let _refused = rustix::process::setsid();
}
