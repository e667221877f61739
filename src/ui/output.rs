//! The two streams: data goes to stdout, talk goes to stderr.

use std::io::{self, IsTerminal as _, Write as _};

/// When text is coloured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum ColorMode {
    /// On a terminal, unless `NO_COLOR` says otherwise.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Sets when text is coloured, for both streams and the rest of the process.
pub fn color_mode(mode: ColorMode) {
    match mode {
        ColorMode::Auto => anstream::ColorChoice::Auto,
        ColorMode::Always => anstream::ColorChoice::AlwaysAnsi,
        ColorMode::Never => anstream::ColorChoice::Never,
    }
    .write_global();
}

/// Writes to the two streams, and knows what is on the other end.
#[derive(Clone, Copy, Debug, Default)]
pub struct Output {
    /// Say only what was asked for.
    pub quiet: bool,
}

impl Output {
    /// Writes what was asked for to stdout.
    ///
    /// # Errors
    /// A stream that cannot be written; a reader that went away (`| head`) is no error.
    pub fn data(self, text: &str) -> io::Result<()> {
        let mut stream = anstream::stdout().lock();
        forgive_broken_pipe(
            stream
                .write_all(text.as_bytes())
                .and_then(|()| stream.flush()),
        )
    }

    /// Writes bytes as they are to stdout.
    ///
    /// # Errors
    /// As [`Output::data`].
    pub fn raw(self, bytes: &[u8]) -> io::Result<()> {
        let mut stream = io::stdout().lock();
        forgive_broken_pipe(stream.write_all(bytes).and_then(|()| stream.flush()))
    }

    /// Writes talk to stderr, unless it is to be quiet; nobody listening is fine.
    pub fn talk(self, text: &str) {
        if !self.quiet {
            self.complain(text);
        }
    }

    /// Writes to stderr even if it is to be quiet.
    pub fn complain(self, text: &str) {
        let mut stream = anstream::stderr().lock();
        // A closed stderr must not end a run that has state to save.
        let _closed: io::Result<()> = stream.write_all(text.as_bytes());
    }

    /// Returns the width for text on stdout: the terminal's, else 100 columns.
    pub fn width(self) -> usize {
        columns().unwrap_or(100).clamp(40, 120)
    }

    /// Returns whether a person is there to be asked.
    pub fn can_ask(self) -> bool {
        io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    /// Returns whether talk goes to a terminal.
    pub fn talks_to_terminal(self) -> bool {
        io::stderr().is_terminal()
    }
}

fn columns() -> Option<usize> {
    comfy_table::Table::new().width().map(usize::from)
}

fn forgive_broken_pipe(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}
