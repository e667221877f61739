//! The harness's side: which stage a command gets, and what of its layers goes when.

use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use super::paths::Names;
use super::probe::Allowed;
use super::stage::{Privacy, Shown, Stage};
use super::{Access, Room, Sandbox};
use crate::model::measurement::{SandboxReport, SandboxTier};
use crate::process::{self, Command, Error, Finished};

/// Runs commands in namespaces of their own, where every tree is seen at the same place.
///
/// The launcher is this program itself, started anew for each command: it leaves the machine's
/// namespaces before it has any thread, and becomes the command.
#[derive(Clone)]
pub struct Launcher {
    shared: Arc<Shared>,
    access: Access,
}

/// What a launcher is made from.
#[derive(Clone, Debug)]
pub struct LauncherSpec<'a> {
    /// This program; [`OURSELVES`](super::OURSELVES), or where it is.
    pub program: &'a str,
    /// Where the roots of commands are put together; trees with layers lie below.
    pub place: &'a Utf8Path,
    /// Trees that are shown through a throw-away layer.
    pub arms: &'a [&'a Utf8Path],
    /// A folder below `place` with a `.git` for trees that have none.
    pub git: Option<&'a Utf8Path>,
    /// The profile declares that evaluations need the network.
    pub network: bool,
    /// What this machine allows.
    pub allowed: Allowed,
    /// What is kept from commands, where they run code that others wrote.
    pub privacy: Option<Privacy>,
}

struct Shared {
    program: String,
    place: Utf8PathBuf,
    arms: Vec<Arm>,
    git: Option<Utf8PathBuf>,
    allowed: Allowed,
    network: bool,
    privacy: Option<Privacy>,
    /// The folder at the top of a command's root, and what is in it.
    top: String,
    tree: Utf8PathBuf,
    build: Utf8PathBuf,
}

/// A tree whose commands write into a layer of their own.
struct Arm {
    tree: Utf8PathBuf,
    /// Two overlays must not share a layer that is written to.
    turn: tokio::sync::Mutex<()>,
}

impl Launcher {
    /// Shows trees at one place, and arms through a throw-away layer where the machine allows it.
    ///
    /// # Errors
    /// A folder that cannot be made.
    pub fn new(spec: LauncherSpec<'_>) -> std::io::Result<Self> {
        let top = free_name();
        let shown = Utf8Path::new("/").join(&top);
        let shared = Shared {
            program: spec.program.to_owned(),
            place: spec.place.to_owned(),
            arms: spec.arms.iter().map(|it| Arm::new(it)).collect(),
            git: spec.git.map(Utf8Path::to_owned),
            allowed: spec.allowed,
            network: spec.network,
            privacy: spec.privacy,
            tree: shown.join("tree"),
            build: shown.join("build"),
            top,
        };
        fs_err::create_dir_all(shared.root())?;
        Ok(Self {
            shared: Arc::new(shared),
            access: Access::Evaluation,
        })
    }

    fn has_network(&self) -> bool {
        match self.access {
            Access::Evaluation => self.shared.network,
            Access::Networked | Access::Preparation => true,
            Access::Agent { network, .. } => network,
        }
    }

    /// Returns what is kept from commands; installing what the evals need is left as it is.
    fn privacy(&self) -> Option<&Privacy> {
        let privacy = self.shared.privacy.as_ref();
        privacy.filter(|_| self.access != Access::Preparation)
    }

    async fn launch(
        &self,
        command: &Command,
        room: Room<'_>,
        cancel: &CancellationToken,
    ) -> Result<Finished, Error> {
        let shared = &*self.shared;
        let arm = shared.arm(room.tree).filter(|_| self.has_layers());
        let _turn = match arm {
            Some(arm) => Some(arm.turn.lock().await),
            None => None,
        };
        let tree = match arm {
            Some(arm) => shared.layers(arm).map_err(|source| Error::Io {
                program: arm.tree.to_string(),
                source,
            })?,
            None => Shown::Folder {
                path: room.tree.to_owned(),
                git: shared.git.as_ref().map(|it| it.join(".git")),
            },
        };
        let names = Names::new([(room.tree, &*shared.tree), (room.build, &*shared.build)]);
        let mut shown = command.clone();
        names.show(&mut shown);
        if self.privacy().is_some() && !shown.env.iter().any(|(name, _)| name == "TMPDIR") {
            shown.env.push(("TMPDIR".to_owned(), "/tmp".to_owned()));
        }
        let stage = Stage {
            parent: rustix::process::getpid().as_raw_pid(),
            root: shared.root(),
            top: shared.top.clone(),
            tree,
            build: room.build.to_owned(),
            cwd: shown.cwd.clone(),
            network: self.has_network(),
            privacy: self.privacy().cloned(),
            agent: matches!(self.access, Access::Agent { .. }),
            read_only: matches!(
                self.access,
                Access::Agent {
                    read_only: true,
                    ..
                }
            ),
        };
        let finished = process::run(&shared.through(shown, &stage), cancel).await;
        if let Some(arm) = arm {
            arm.forget_work();
        }
        let is_own = |it: &Utf8Path| it.starts_with(&shared.tree) || it.starts_with(&shared.build);
        remove_links_out(room.build, &is_own).map_err(|source| Error::Io {
            program: room.build.to_string(),
            source,
        })?;
        let mut finished = finished.map_err(|error| named(error, command))?;
        finished.stdout = names.tell(finished.stdout);
        finished.stderr = names.tell(finished.stderr);
        Ok(finished)
    }
}

impl Sandbox for Launcher {
    fn report(&self) -> SandboxReport {
        let network = if self.has_network() {
            "the network is open, as the profile says"
        } else {
            "no network"
        };
        let tree = if self.has_layers() {
            "what commands write into the tree is thrown away"
        } else {
            "trees are copies"
        };
        let refused = self.shared.allowed.refused.as_deref();
        let refused = refused.map_or_else(String::new, |it| format!(" ({it})"));
        let (tier, rest) = match self.privacy() {
            Some(_) => (
                SandboxTier::T2,
                "the machine can only be read, and your home, this repository, temporary files and what factory keeps are not there but for the programs in them; the evaluated code could still send signals to your processes",
            ),
            // Files of the person can be read and written, so this is no more than the lowest tier.
            None => (
                SandboxTier::T0,
                "the evaluated code could still reach your files",
            ),
        };
        SandboxReport {
            tier,
            network: self.has_network(),
            note: format!("namespaces of its own: {network}; {tree}{refused}; {rest}"),
        }
    }

    fn with(&self, access: Access) -> Box<dyn Sandbox> {
        Box::new(Self {
            shared: Arc::clone(&self.shared),
            access,
        })
    }

    fn run<'a>(
        &'a self,
        command: &'a Command,
        room: Room<'a>,
        cancel: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Finished, Error>> {
        Box::pin(self.launch(command, room, cancel))
    }

    fn renew(&self, tree: &Utf8Path) -> std::io::Result<()> {
        match self.shared.arm(tree) {
            Some(arm) => arm.renew(),
            None => Ok(()),
        }
    }

    fn written_at(&self, tree: &Utf8Path) -> Utf8PathBuf {
        let arm = self.shared.arm(tree).filter(|_| self.has_layers());
        arm.map_or_else(|| tree.to_owned(), Arm::upper)
    }

    fn has_layers(&self) -> bool {
        self.shared.allowed.layers && matches!(self.access, Access::Evaluation | Access::Networked)
    }

    fn shown_at(&self) -> Option<&Utf8Path> {
        Some(&self.shared.tree)
    }
}

impl Shared {
    fn root(&self) -> Utf8PathBuf {
        self.place.join("root")
    }

    fn arm(&self, tree: &Utf8Path) -> Option<&Arm> {
        self.arms.iter().find(|it| it.tree == tree)
    }

    /// Returns the layers for one command: a kernel wants a new folder for its own use each time.
    fn layers(&self, arm: &Arm) -> std::io::Result<Shown> {
        let (upper, work) = (arm.upper(), arm.work());
        if !upper.is_dir() {
            arm.renew()?;
        }
        remove(&work)?;
        fs_err::create_dir_all(&work)?;
        let name = |path: &Utf8Path| path.strip_prefix(&self.place).unwrap_or(path).to_string();
        let lower = self.git.iter().chain([&arm.tree]).map(|it| name(it));
        Ok(Shown::Layers {
            base: self.place.clone(),
            lower: lower.collect(),
            upper: name(&upper),
            work: name(&work),
        })
    }

    /// Returns the command that sets the stage and becomes this one.
    fn through(&self, command: Command, stage: &Stage) -> Command {
        let stage = serde_json::to_string(stage).expect("a stage is plain data");
        let words = ["launch".to_owned(), stage, "--".to_owned(), command.program];
        Command {
            program: self.program.clone(),
            args: words.into_iter().chain(command.args).collect(),
            cwd: "/".into(),
            launched: true,
            ..command
        }
    }
}

impl Arm {
    fn new(tree: &Utf8Path) -> Self {
        Self {
            tree: tree.to_owned(),
            turn: tokio::sync::Mutex::new(()),
        }
    }

    /// What commands wrote since the tree was laid out.
    fn upper(&self) -> Utf8PathBuf {
        self.tree.with_file_name("upper")
    }

    fn work(&self) -> Utf8PathBuf {
        self.tree.with_file_name("work")
    }

    /// Starts an empty layer with the times of the tree, so that its root is not newer than its files.
    fn renew(&self) -> std::io::Result<()> {
        let upper = self.upper();
        remove(&upper)?;
        fs_err::create_dir_all(&upper)?;
        let metadata = fs_err::metadata(&self.tree)?;
        fs_err::set_permissions(&upper, metadata.permissions())?;
        let times = std::fs::FileTimes::new().set_modified(metadata.modified()?);
        fs_err::File::open(&upper)?.file().set_times(times)
    }

    fn forget_work(&self) {
        if let Err(error) = remove(&self.work()) {
            tracing::warn!(%error, "a layer is left behind until the next command");
        }
    }
}

/// Returns an error in the terms of the command that was asked for.
fn named(error: Error, command: &Command) -> Error {
    match error {
        Error::Spawn { source, .. } => Error::Spawn {
            program: command.program.clone(),
            cwd: command.cwd.clone(),
            source,
        },
        other => other,
    }
}

/// Returns a name that nothing at the top of this machine's root has: one of ours may, where a command
/// is itself such a program.
fn free_name() -> String {
    let is_free = |it: &String| !Utf8Path::new("/").join(it).exists();
    let numbered = (2_u32..).map(|number| format!("factory{number}"));
    let mut names = std::iter::once("factory".to_owned()).chain(numbered);
    names
        .find(is_free)
        .expect("a root holds finitely many names")
}

/// Folders of a build folder in which we write by ourselves, without emptying them first.
const WRITTEN: [&str; 2] = ["prepared", "python_commands"];

/// Removes links out of a build folder from its top and from where we write: what we write there later, by
/// names that every command can know, would end up behind them.
fn remove_links_out(build: &Utf8Path, is_own: &dyn Fn(&Utf8Path) -> bool) -> std::io::Result<()> {
    let mut folders = vec![build.to_owned()];
    while let Some(folder) = folders.pop() {
        // Into what is gone, or closed to us, nothing is written either.
        let Ok(entries) = folder.read_dir_utf8() else {
            continue;
        };
        // Nor by a name that is no text.
        for entry in entries.filter_map(Result::ok) {
            let path = entry.path();
            if let Ok(to) = std::fs::read_link(path) {
                if !Utf8Path::from_path(&to).is_some_and(|it| stays_below(it, is_own)) {
                    fs_err::remove_file(path)?;
                }
            } else if entry.file_type()?.is_dir()
                && (folder != build || WRITTEN.contains(&entry.file_name()))
            {
                folders.push(path.to_owned());
            }
        }
    }
    Ok(())
}

fn stays_below(link: &Utf8Path, is_own: &dyn Fn(&Utf8Path) -> bool) -> bool {
    let climbs = link.components().any(|it| it.as_str() == "..");
    !climbs && (link.is_relative() || is_own(link))
}

/// Removes a folder with all that is in it, also where a program took its own rights away.
fn remove(dir: &Utf8Path) -> std::io::Result<()> {
    match fs_err::remove_dir_all(dir) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            open_up(dir)?;
            fs_err::remove_dir_all(dir)
        }
        other => other,
    }
}

fn open_up(dir: &Utf8Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs_err::set_permissions(dir, std::fs::Permissions::from_mode(0o700))?;
    for entry in fs_err::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir()
            && let Some(path) = Utf8Path::from_path(&entry.path())
        {
            open_up(path)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_link_out_of_a_build_folder_is_removed_and_what_it_leads_to_stays() {
        let dir = tempfile::tempdir().unwrap();
        let build = Utf8Path::from_path(dir.path()).unwrap().join("build");
        std::fs::create_dir(&build).unwrap();
        std::fs::write(dir.path().join("mine"), "x").unwrap();
        let outside = dir.path().join("mine");
        for (name, to) in [
            ("runner.sh", outside.to_str().unwrap()),
            ("prepared", "../mine"),
            ("current", "out-7"),
            ("own", "/factory/build/out-7"),
            ("climbs", "/factory/build/../../etc"),
        ] {
            std::os::unix::fs::symlink(to, build.join(name)).unwrap();
        }
        let deep = build.join("python_commands/sub");
        std::fs::create_dir_all(&deep).unwrap();
        std::os::unix::fs::symlink(&outside, deep.join("METADATA")).unwrap();
        let is_own = |it: &Utf8Path| it.starts_with("/factory/build");
        remove_links_out(&build, &is_own).unwrap();
        let mut left: Vec<_> = std::fs::read_dir(&build)
            .unwrap()
            .map(|it| it.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        assert_eq!(left, ["current", "own", "python_commands"]);
        assert!(deep.join("METADATA").symlink_metadata().is_err());
        assert!(outside.exists());
    }

    #[test]
    fn a_layer_without_rights_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        let layer = Utf8Path::from_path(dir.path()).unwrap().join("work");
        std::fs::create_dir_all(layer.join("work/incompat")).unwrap();
        for path in [layer.join("work/incompat"), layer.join("work")] {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o000)).unwrap();
        }
        remove(&layer).unwrap();
        assert!(!layer.exists());
        remove(&layer).unwrap();
    }
}
