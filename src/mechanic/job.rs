//! Where the mechanic lets a language's tools run: in a given tree, with their products beside it.

use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use tokio_util::sync::CancellationToken;

use crate::agent::Error;
use crate::eval::Lab;
use crate::model::profile::Project;
use crate::toolchain::{Job, Lints};

/// A tree, and the folders of the lab that its tools may fill.
pub(crate) struct Place<'a> {
    lab: &'a Lab,
    tree: &'a Utf8Path,
    build: Utf8PathBuf,
    log: Utf8PathBuf,
    cancel: &'a CancellationToken,
}

impl<'a> Place<'a> {
    /// Returns the place of a tree in a lab, whose folders are made.
    pub(crate) fn new(
        lab: &'a Lab,
        tree: &'a Utf8Path,
        cancel: &'a CancellationToken,
    ) -> Result<Self, Error> {
        let build = lab.builds.join("builder");
        for folder in [&build, &lab.logs] {
            fs_err::create_dir_all(folder).map_err(|source| Error::Io {
                path: folder.to_string(),
                source,
            })?;
        }
        Ok(Self {
            lab,
            tree,
            build,
            log: lab.logs.join("builder.log"),
            cancel,
        })
    }

    /// Returns the job of one sub-project.
    pub(crate) fn job<'b>(&'b self, project: &'b Project) -> Job<'b> {
        Job {
            tree: self.tree,
            project,
            tools: &self.lab.detection.tools,
            build: &self.build,
            commands: &self.lab.profile.commands,
            lints: Lints::AsDeclared,
            timeout: Duration::from_secs(self.lab.profile.eval.timeout_seconds),
            log: &self.log,
            sandbox: &*self.lab.sandbox,
            cancel: self.cancel,
            until: None,
        }
    }
}
