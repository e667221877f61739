//! Logs: what `-v` shows on stderr, and everything in a file for runs.

use camino::Utf8Path;
use fs_err as fs;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use super::CliError;

/// Starts logging once; `file` gets everything down to debug.
pub(super) fn start(verbose: u8, file: Option<&Utf8Path>) -> Result<(), CliError> {
    let level = match verbose {
        0 => LevelFilter::OFF,
        1 => LevelFilter::INFO,
        2 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    let stderr = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .with_target(verbose > 1)
        .with_filter(level);
    let file = file.map(open).transpose()?.map(|file| {
        tracing_subscriber::fmt::layer()
            .with_writer(std::sync::Mutex::new(file))
            .with_ansi(false)
            .with_filter(LevelFilter::DEBUG)
    });
    // A second start in one process, as in tests, keeps the first one.
    let _already = tracing_subscriber::registry()
        .with(stderr)
        .with(file)
        .try_init();
    Ok(())
}

fn open(path: &Utf8Path) -> Result<std::fs::File, CliError> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    let file = fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)?;
    Ok(file.into_parts().0)
}
