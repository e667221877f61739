//! Follows the output of a child: keeps the first bytes, logs them, and never lets the child wait.

use std::fs::File;
use std::io::{self, Write as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use camino::Utf8Path;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::task::JoinHandle;

const CHUNK: usize = 64 << 10;

/// What was kept of one stream, and how much was not.
#[derive(Default)]
pub(super) struct Captured {
    pub(super) kept: Vec<u8>,
    /// The line that came first, where one was announced.
    pub(super) announcement: Option<String>,
    pub(super) dropped: u64,
    pub(super) error: Option<io::Error>,
}

/// One stream being read in the background.
pub(super) struct Follower {
    captured: Arc<Mutex<Captured>>,
    task: JoinHandle<()>,
}

impl Follower {
    /// Starts to read `stream` to its end; the first `cap` bytes are kept and logged. Where a line is
    /// announced, the first one is set apart.
    pub(super) fn start(
        stream: impl AsyncRead + Unpin + Send + 'static,
        cap: usize,
        log: Option<File>,
        announced: bool,
    ) -> Self {
        let captured = Arc::new(Mutex::new(Captured::default()));
        let task = tokio::spawn(follow(stream, cap, log, announced, Arc::clone(&captured)));
        Self { captured, task }
    }

    /// Waits for the end of the stream.
    pub(super) async fn ended(&mut self) {
        // The task cannot panic except by running out of memory; what it kept stays readable.
        let _end = (&mut self.task).await;
    }

    /// Stops reading, if the stream is still open, and returns what was kept.
    pub(super) fn finish(self) -> Captured {
        self.task.abort();
        std::mem::take(&mut *lock(&self.captured))
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Opens a log for appending, and makes its folder.
pub(super) fn open_log(path: &Utf8Path) -> io::Result<File> {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    File::options().create(true).append(true).open(path)
}

async fn follow(
    mut stream: impl AsyncRead + Unpin,
    cap: usize,
    mut log: Option<File>,
    announced: bool,
    captured: Arc<Mutex<Captured>>,
) {
    let mut chunk = vec![0; CHUNK];
    let mut first_line = announced.then(Vec::new);
    loop {
        match stream.read(&mut chunk).await {
            Ok(0) => return,
            Ok(n) => {
                let mut captured = lock(&captured);
                let rest = set_apart(&chunk[..n], &mut first_line, &mut captured);
                take(rest, cap, &mut log, &mut captured);
            }
            Err(error) => {
                lock(&captured).error = Some(error);
                return;
            }
        }
    }
}

/// Moves the announced line, which may come in pieces, out of what the child prints.
fn set_apart<'a>(
    bytes: &'a [u8],
    first_line: &mut Option<Vec<u8>>,
    captured: &mut Captured,
) -> &'a [u8] {
    let Some(line) = first_line else {
        return bytes;
    };
    let end = bytes.iter().position(|it| *it == b'\n');
    line.extend_from_slice(&bytes[..end.unwrap_or(bytes.len())]);
    let Some(end) = end else {
        return &[];
    };
    captured.announcement = Some(String::from_utf8_lossy(line).into_owned());
    *first_line = None;
    &bytes[end + 1..]
}

fn take(bytes: &[u8], cap: usize, log: &mut Option<File>, captured: &mut Captured) {
    let room = cap.saturating_sub(captured.kept.len()).min(bytes.len());
    let (kept, rest) = bytes.split_at(room);
    captured.kept.extend_from_slice(kept);
    let first_drop = captured.dropped == 0 && !rest.is_empty();
    captured.dropped += rest.len() as u64;
    let Some(file) = log else { return };
    let mut written = file.write_all(kept);
    if first_drop {
        written =
            written.and_then(|()| file.write_all(b"\n[the rest of this output was dropped]\n"));
    }
    if let Err(error) = written {
        // The child must go on; the caller hears of it at the end.
        captured.error = Some(error);
        *log = None;
    }
}

fn lock(captured: &Mutex<Captured>) -> MutexGuard<'_, Captured> {
    captured.lock().unwrap_or_else(PoisonError::into_inner)
}
