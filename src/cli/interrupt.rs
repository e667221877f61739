//! Ctrl-C: one handler, one token, and a run that saves its state.

use std::future::Future;

use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::ui::Output;

use super::{CliError, Exit};

/// Runs a future to its end; SIGINT, SIGTERM and SIGHUP cancel the token that it was given.
pub(super) fn run<T, F: Future<Output = T>>(
    output: Output,
    work: impl FnOnce(CancellationToken) -> F,
) -> Result<T, CliError> {
    let cancel = CancellationToken::new();
    watch(output, cancel.clone())?;
    Ok(runtime()?.block_on(work(cancel)))
}

/// Listens on a thread of its own, so that long synchronous steps cannot delay it.
fn watch(output: Output, cancel: CancellationToken) -> Result<(), CliError> {
    let runtime = runtime()?;
    let (ready, is_ready) = std::sync::mpsc::channel();
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || runtime.block_on(listen(output, &cancel, &ready)))?;
    match is_ready.recv() {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(error.into()),
        Err(_) => Err(CliError::new(Exit::Internal, "cannot listen for signals")),
    }
}

async fn listen(
    output: Output,
    cancel: &CancellationToken,
    ready: &std::sync::mpsc::Sender<std::io::Result<()>>,
) {
    let kinds = [
        SignalKind::interrupt(),
        SignalKind::terminate(),
        SignalKind::hangup(),
    ];
    let streams: std::io::Result<Vec<_>> = kinds.into_iter().map(signal).collect();
    let mut streams = match streams {
        Ok(streams) => streams,
        Err(error) => {
            // The receiver waits for exactly this message.
            let _gone = ready.send(Err(error));
            return;
        }
    };
    let _gone = ready.send(Ok(()));
    loop {
        let next = streams.iter_mut().map(|it| Box::pin(it.recv()));
        futures_util::future::select_all(next).await;
        // Children are in groups of their own and are ended by the run itself: leaving at once
        // would orphan them, so a second signal only says what is being waited for.
        if cancel.is_cancelled() {
            output.complain("still stopping: commands are being ended and the state is saved\n");
        } else {
            output.complain("\nstopping: commands are being ended and the state is saved\n");
            cancel.cancel();
        }
    }
}

fn runtime() -> Result<Runtime, CliError> {
    Ok(Builder::new_current_thread().enable_all().build()?)
}
