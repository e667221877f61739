//! One arm on the bench: its directory, build folder, log and limit, and how a command runs there.

use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};

use super::{ArmRef, Lab};
use crate::model::profile::Project;
use crate::process::{Command, Error, Exit, Finished, Limits};
use crate::sandbox::{Access, Limited, Room, Sandbox};
use crate::toolchain::{Adapter, Job, Lints};

/// One directory that holds a tree, ready to run things in.
pub(super) struct Bench<'a> {
    /// The lab it stands in.
    pub(super) lab: &'a Lab,
    /// The directory that holds the tree.
    pub(super) dir: Utf8PathBuf,
    /// Build products go here.
    pub(super) build: Utf8PathBuf,
    /// Output of commands is appended here.
    pub(super) log: Utf8PathBuf,
    /// The limit of one command.
    pub(super) limit: Duration,
    /// Where its commands run.
    sandbox: Box<dyn Sandbox>,
}

impl<'a> Bench<'a> {
    /// Makes the build folder and the log's folder of an arm.
    pub(super) fn of(lab: &'a Lab, arm: &ArmRef<'_>) -> Result<Self, Error> {
        Self::at(lab, arm.dir.to_owned(), arm.name)
    }

    /// Makes a bench for a directory under a name of its own.
    pub(super) fn at(lab: &'a Lab, dir: Utf8PathBuf, name: &str) -> Result<Self, Error> {
        let build = lab.builds.join(name);
        for folder in [&build, &lab.logs] {
            fs_err::create_dir_all(folder).map_err(|source| io_error(folder, source))?;
        }
        Ok(Self {
            lab,
            dir,
            build,
            log: lab.logs.join(format!("{name}.log")),
            limit: lab.limit(name),
            sandbox: lab.sandbox.with(Access::Evaluation),
        })
    }

    /// Gives its commands other access.
    pub(super) fn with(self, access: Access) -> Self {
        Self {
            sandbox: self.lab.sandbox.with(access),
            ..self
        }
    }

    /// Returns the same bench, with the network.
    pub(super) fn networked(&self) -> Self {
        Self {
            dir: self.dir.clone(),
            build: self.build.clone(),
            log: self.log.clone(),
            sandbox: self.lab.sandbox.with(Access::Networked),
            ..*self
        }
    }

    /// Limits what each process of its commands may use.
    pub(super) fn within(self, limits: Limits) -> Self {
        Self {
            sandbox: Box::new(Limited::new(self.sandbox, limits)),
            ..self
        }
    }

    /// Returns a path that a program on this bench names, relative to the tree where it is in it.
    pub(super) fn in_tree(&self, named: &Utf8Path) -> Utf8PathBuf {
        let real = self.dir.canonicalize_utf8().ok();
        let roots = [Some(&*self.dir), self.sandbox.shown_at(), real.as_deref()];
        let inside = roots
            .into_iter()
            .flatten()
            .find_map(|it| named.strip_prefix(it).ok());
        inside.unwrap_or(named).to_owned()
    }

    /// Returns whether its commands can reach the network.
    pub(super) fn has_network(&self) -> bool {
        self.sandbox.report().network
    }

    /// Returns the folder in which what its commands write into the tree ends up.
    pub(super) fn written_at(&self) -> Utf8PathBuf {
        self.sandbox.written_at(&self.dir)
    }

    /// Returns whether it holds the unchanged code.
    pub(super) fn is_incumbent(&self) -> bool {
        self.build.file_name() == Some("incumbent")
    }

    /// Returns every sub-project with the adapter of its language.
    pub(super) fn projects(
        &self,
    ) -> impl Iterator<Item = (&'a dyn Adapter, &'a Project)> + use<'a> {
        let lab = self.lab;
        lab.detection.languages.iter().filter_map(|project| {
            let adapter = lab
                .adapters
                .iter()
                .find(|it| it.name() == project.language)?;
            Some((adapter.as_ref(), project))
        })
    }

    /// Returns the job of a sub-project on this bench.
    pub(super) fn job<'b>(&'b self, project: &'b Project) -> Job<'b> {
        Job {
            tree: &self.dir,
            project,
            tools: &self.lab.detection.tools,
            build: &self.build,
            commands: &self.lab.profile.commands,
            lints: Lints::AsDeclared,
            timeout: self.limit,
            log: &self.log,
            sandbox: self.sandbox.as_ref(),
            cancel: &self.lab.cancel,
            until: None,
        }
    }

    /// Runs a command line of the project at the root of the tree. The inner error is a command that
    /// cannot be started: the project's own doing.
    pub(super) async fn run_line(
        &self,
        line: &str,
        limit: Duration,
        env: Vec<(String, String)>,
    ) -> Result<Result<Finished, String>, Error> {
        let mut command = match Command::from_line(line, &self.dir) {
            Ok(command) => command.timeout(limit).log(&self.log),
            Err(error) => return Ok(Err(error.to_string())),
        };
        command.env.extend(self.settings());
        command.env.extend(joined(self.variables()?, env));
        let room = Room {
            tree: &self.dir,
            build: &self.build,
        };
        match self.sandbox.run(&command, room, &self.lab.cancel).await {
            Ok(finished) => Ok(Ok(finished)),
            Err(Error::Spawn {
                program, source, ..
            }) => Ok(Err(cannot_start(&program, &source))),
            Err(error) => Err(error),
        }
    }

    /// Builds what the project's own commands load from the tree; the inner error is the project's.
    pub(super) async fn build_projects(&self) -> Result<Result<(), String>, Error> {
        for (adapter, project) in self.projects() {
            if let Err(why) = adapter.build(&self.job(project)).await? {
                return Ok(Err(why));
            }
        }
        Ok(Ok(()))
    }

    /// Returns what each language adds so that the tree's code is what a command finds.
    fn variables(&self) -> Result<Vec<(String, String)>, Error> {
        let mut all = Vec::new();
        for (adapter, project) in self.projects() {
            let own = adapter.variables(&self.job(project))?;
            all = joined(own, all);
        }
        Ok(all)
    }

    /// Build products stay out of the tree, whatever tool the project's command starts; nothing is
    /// fetched, and a build that is timed or whose product is timed is never half of an earlier one.
    fn settings(&self) -> [(String, String); 6] {
        [
            ("CARGO_INCREMENTAL", "0".to_owned()),
            ("CARGO_NET_OFFLINE", "true".to_owned()),
            ("CARGO_TARGET_DIR", self.build.join("cargo").into_string()),
            ("GOCACHE", self.build.join("go-cache").into_string()),
            ("PYTHONDONTWRITEBYTECODE", "1".to_owned()),
            ("FACTORY_BUILD_DIR", self.build.clone().into_string()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
    }
}

/// Adds variables to others: lists of folders are put before those of the same name, what else is there
/// already is replaced.
fn joined(mut all: Vec<(String, String)>, more: Vec<(String, String)>) -> Vec<(String, String)> {
    for (name, value) in more {
        match all.iter_mut().find(|it| it.0 == name) {
            Some((_, old)) if matches!(&*name, "PYTHONPATH" | "PATH") => {
                *old = format!("{value}:{old}");
            }
            Some((_, old)) => *old = value,
            None => all.push((name, value)),
        }
    }
    all
}

/// Returns why a command that must exit 0 did not hold; `None` when it did.
/// Says why a command never ran: a program that is not there is most often one that is not installed.
fn cannot_start(program: &str, source: &std::io::Error) -> String {
    match source.kind() {
        std::io::ErrorKind::NotFound => {
            format!("the program `{program}` was not found, neither in the tree nor on the `PATH`")
        }
        _ => format!("the program `{program}` cannot be started: {source}"),
    }
}

pub(super) fn complaint(finished: &Result<Finished, String>) -> Option<String> {
    match finished {
        Ok(finished) if finished.exit == Exit::Code(0) => None,
        Ok(finished) => Some(finished.explain()),
        Err(reason) => Some(reason.clone()),
    }
}

/// Returns the error of a file that the harness itself needs.
pub(super) fn io_error(path: &Utf8Path, source: std::io::Error) -> Error {
    Error::Io {
        program: path.to_string(),
        source,
    }
}
