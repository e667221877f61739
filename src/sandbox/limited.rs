//! A sandbox whose commands may use only so much: code that nobody wrote may do anything.

use camino::{Utf8Path, Utf8PathBuf};
use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use super::{Access, Room, Sandbox};
use crate::model::measurement::SandboxReport;
use crate::process::{Command, Error, Finished, Limits};

/// Another sandbox, with limits on memory and files.
pub struct Limited {
    inner: Box<dyn Sandbox>,
    limits: Limits,
}

impl Limited {
    /// Puts limits on the commands of a sandbox.
    pub fn new(inner: Box<dyn Sandbox>, limits: Limits) -> Self {
        Self { inner, limits }
    }
}

impl Sandbox for Limited {
    fn report(&self) -> SandboxReport {
        self.inner.report()
    }

    fn with(&self, access: Access) -> Box<dyn Sandbox> {
        Box::new(Self::new(self.inner.with(access), self.limits))
    }

    fn run<'a>(
        &'a self,
        command: &'a Command,
        room: Room<'a>,
        cancel: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Finished, Error>> {
        let command = command.clone().limits(self.limits);
        Box::pin(async move { self.inner.run(&command, room, cancel).await })
    }

    fn renew(&self, tree: &Utf8Path) -> std::io::Result<()> {
        self.inner.renew(tree)
    }

    fn has_layers(&self) -> bool {
        self.inner.has_layers()
    }

    fn written_at(&self, tree: &Utf8Path) -> Utf8PathBuf {
        self.inner.written_at(tree)
    }

    fn shown_at(&self) -> Option<&Utf8Path> {
        self.inner.shown_at()
    }
}
