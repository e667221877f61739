//! A place to evaluate trees in: two arms at fixed paths, their build folders, and the lab.
//!
//! Used by the loop and by the verbs that only look. Knows nothing of hypotheses or verdicts.

pub(super) mod disk;
pub(super) mod scratch;

use std::fs::File;

use camino::{Utf8Path, Utf8PathBuf};
use fs_err as fs;
use tokio_util::sync::CancellationToken;

use self::scratch::{claim_slot, scratch_of};
use crate::ceo::{Error, io_error};
use crate::config::{Commands, Profile};
use crate::eval::hidden::Hidden;
use crate::eval::{ArmRef, Depth, Lab, LedgerFacts, Memory};
use crate::gate::Permission;
use crate::model::dimension::Evaluation;
use crate::model::id::TreeSha;
use crate::model::measurement::Arm;
use crate::model::profile::Detection;
use crate::process;
use crate::repo::{self, ArmDir, Snapshot, Target, VersionRepository, builder_repository};
use crate::sandbox::{self, Launcher, LauncherSpec, Places, Plain, Privacy, Sandbox};
use crate::toolchain;

/// What a workbench is made from.
#[derive(Clone, Debug)]
pub struct WorkbenchSpec {
    /// The accepted profile.
    pub profile: Profile,
    /// Trees and builds live below this folder.
    pub scratch: Utf8PathBuf,
    /// Logs of this run go here; beside the trees where nothing is said.
    pub logs: Option<Utf8PathBuf>,
    /// Which workbench of the target: the loop has its own, so that looking never disturbs it.
    pub slot: &'static str,
    /// The seed of everything drawn at random.
    pub seed: u64,
    /// The home of factory, where code that others wrote is to be kept from it and from the person's.
    pub foreign: Option<Utf8PathBuf>,
}

/// Two arms, their builds, and the lab that measures them.
pub struct Workbench {
    /// Everything an evaluation needs beside the tree.
    pub lab: Lab,
    /// Where the builder's repository is laid out.
    pub builder: Utf8PathBuf,
    /// Where the incumbent is laid out for programs that are not ours to read.
    pub reading: Utf8PathBuf,
    /// Homes of programs that are not ours are made below this.
    pub agents: Utf8PathBuf,
    incumbent: Slot,
    candidate: Slot,
    support: Vec<SupportFile>,
    hidden: Hidden,
    version: VersionRepository,
    _lock: File,
}

/// One arm and the tree that it holds.
struct Slot {
    dir: ArmDir,
    tree: Option<TreeSha>,
    name: &'static str,
}

/// A file that the evals need and the tree lacks, such as a lock file.
struct SupportFile {
    path: Utf8PathBuf,
    contents: Vec<u8>,
}

impl Workbench {
    /// Opens the first free workbench of that slot, with tools as they are found in the checkout.
    ///
    /// # Errors
    /// A scratch folder that cannot be written.
    pub async fn open(
        target: &Target,
        spec: WorkbenchSpec,
        cancel: &CancellationToken,
    ) -> Result<Self, Error> {
        let home = scratch_of(&spec.scratch, target.root());
        let (place, lock) = claim_slot(&home, spec.slot)?;
        let files = target.tracked_files()?;
        let cache = home.join("cache");
        let mut detection = toolchain::detect(target.root(), &files, &spec.profile);
        toolchain::versions(&mut detection, &cache, cancel).await;
        let base = target.head()?.commit;
        let hidden = Hidden::of(&spec.profile);
        let shown = shown_to_evaluations(target, &target.tree_of(&base)?, &hidden)?;
        let version = VersionRepository::make(target, &base, &shown, &place.join("git"))?;
        let privacy = privacy_of(target, &spec, &detection, &cache);
        let sandbox = sandbox_at(&place, &spec, &version, privacy, cancel).await?;
        let lab = Lab {
            detection,
            adapters: toolchain::adapters_of(&spec.profile),
            profile: spec.profile,
            memory: Memory::default(),
            sandbox,
            builds: place.join("builds"),
            cache,
            logs: spec.logs.unwrap_or_else(|| place.join("logs")),
            cancel: cancel.clone(),
            seed: spec.seed,
        };
        let bench = Self {
            lab,
            builder: place.join("builder"),
            reading: place.join("reading"),
            agents: place.join("agents"),
            incumbent: Slot::open(&place, INCUMBENT)?,
            candidate: Slot::open(&place, CANDIDATE)?,
            support: Vec::new(),
            hidden,
            version,
            _lock: lock,
        };
        // A killed run may have left half a repository, which nobody would take for a builder's.
        bench.clear_builder()?;
        Ok(bench)
    }

    /// Measures by another profile of the same languages from now on, and hides what that one hides.
    pub(super) fn take_profile(&mut self, profile: Profile) {
        self.hidden = Hidden::of(&profile);
        self.lab.profile = profile;
    }

    /// Lays a tree out in an arm, without the holdout; files that are already right keep their times.
    ///
    /// # Errors
    /// A tree that cannot be read, or a disk that cannot be written.
    pub fn lay_out(&mut self, target: &Target, arm: Arm, tree: &TreeSha) -> Result<(), Error> {
        let shown = shown_to_evaluations(target, tree, &self.hidden)?;
        self.lay_out_as(target, arm, tree, &shown)
    }

    /// Lays a whole tree out in an arm, for the holdout's own run.
    ///
    /// # Errors
    /// A tree that cannot be read, or a disk that cannot be written.
    pub fn lay_out_with_holdout(
        &mut self,
        target: &Target,
        arm: Arm,
        tree: &TreeSha,
    ) -> Result<(), Error> {
        self.lay_out_as(target, arm, tree, tree)
    }

    fn lay_out_as(
        &mut self,
        target: &Target,
        arm: Arm,
        tree: &TreeSha,
        shown: &TreeSha,
    ) -> Result<(), Error> {
        let support = self.support.iter().map(|it| it.path.as_str());
        let keep: Vec<&str> = support.chain(self.has_copies().then_some(".git")).collect();
        let copied = self.has_copies().then(|| self.version.clone());
        let slot = match arm {
            Arm::Incumbent => &mut self.incumbent,
            Arm::Candidate => &mut self.candidate,
        };
        slot.tree = None;
        slot.dir.sync(target, shown, &keep)?;
        let dir = slot.dir.path();
        let renewed = self.lab.sandbox.renew(dir);
        renewed.map_err(|source| io_error(dir, source))?;
        if let Some(version) = copied {
            version.copy_into(dir)?;
        }
        for file in &self.support {
            file.write_into(slot.dir.path())?;
        }
        slot.tree = Some(tree.clone());
        Ok(())
    }

    /// Whether commands see the arms as they are on disk.
    fn has_copies(&self) -> bool {
        !self.lab.sandbox.has_layers()
    }

    /// Returns the arm with the tree it holds.
    ///
    /// # Panics
    /// When nothing was laid out in it.
    pub fn arm(&self, arm: Arm) -> ArmRef<'_> {
        let slot = match arm {
            Arm::Incumbent => &self.incumbent,
            Arm::Candidate => &self.candidate,
        };
        ArmRef {
            dir: slot.dir.path(),
            tree: slot
                .tree
                .as_ref()
                .expect("an arm is laid out before it is used"),
            name: slot.name,
        }
    }

    /// Makes what the evals need and the tree lacks, on the incumbent only, and remembers it for
    /// every tree that is laid out later. Returns what a person should know.
    ///
    /// # Errors
    /// A tree that cannot be read, or an interruption.
    pub async fn prepare(&mut self, target: &Target, tree: &TreeSha) -> Result<Vec<String>, Error> {
        self.lay_out(target, Arm::Incumbent, tree)?;
        let (commands, mut notices) = self.lab.environment(&self.arm(Arm::Incumbent)).await?;
        if commands != self.lab.profile.commands {
            self.use_commands(target, &commands).await?;
        }
        notices.extend(self.lab.prepare(&self.arm(Arm::Incumbent)).await?);
        self.support = self.find_support_files(target, tree)?;
        Ok(notices)
    }

    /// Looks for tools again, now in the environment that the tests run in.
    async fn use_commands(&mut self, target: &Target, commands: &Commands) -> Result<(), Error> {
        let files = target.tracked_files()?;
        let mut profile = self.lab.profile.clone();
        profile.commands = commands.clone();
        let mut detection = toolchain::detect(target.root(), &files, &profile);
        toolchain::versions(&mut detection, &self.lab.cache, &self.lab.cancel).await;
        self.lab.detection = detection;
        Ok(())
    }

    /// Removes support files from a directory that is about to be snapshot, where the tree itself
    /// does not hold them.
    ///
    /// # Errors
    /// A file that cannot be removed.
    fn strip_support_files(&self, dir: &Utf8Path) -> Result<(), crate::agent::Error> {
        for file in &self.support {
            let path = dir.join(&file.path);
            if has_folder(dir, &file.path) && fs::symlink_metadata(&path).is_ok() {
                fs::remove_file(&path).map_err(|source| file_error(&path, source))?;
            }
        }
        Ok(())
    }

    /// Takes a snapshot of the builder's directory as data, without the support files in it.
    ///
    /// # Errors
    /// A file that cannot be read or written.
    pub fn snapshot(
        &self,
        target: &Target,
        dir: &Utf8Path,
        base: &TreeSha,
    ) -> Result<Snapshot, crate::agent::Error> {
        self.strip_support_files(dir)?;
        let shown = self.shown_to_builders(target, base)?;
        let mut snapshot = target.snapshot(dir, &shown)?;
        if shown != *base {
            let is_hidden = |it: &Utf8Path| self.hidden.from_builders(it);
            snapshot.tree = target.restored(&snapshot.tree, base, &is_hidden)?;
        }
        self.support.iter().try_for_each(|it| it.write_into(dir))?;
        Ok(snapshot)
    }

    /// Copies the support files into a directory that tools will run in.
    ///
    /// # Errors
    /// A file that cannot be written.
    fn add_support_files(&self, dir: &Utf8Path) -> Result<(), Error> {
        let written = self.support.iter().try_for_each(|it| it.write_into(dir));
        Ok(written?)
    }

    /// Lays out and evaluates one tree.
    ///
    /// # Errors
    /// An interruption, or a disk that cannot be written; never what is wrong with the code.
    pub async fn evaluate(
        &mut self,
        target: &Target,
        arm: Arm,
        tree: &TreeSha,
        depth: Depth,
        facts: &LedgerFacts,
    ) -> Result<Evaluation, Error> {
        self.lay_out(target, arm, tree)?;
        let usual = self.use_own_environment(target, arm).await?;
        let evaluated = self.lab.evaluate(&self.arm(arm), depth, facts).await;
        if let Some(usual) = usual {
            self.lab.detection = usual;
        }
        disk::check_evaluations(&self.lab.builds)?;
        Ok(evaluated?)
    }

    /// Gives a candidate that may bring dependencies the environment that its own manifests ask for;
    /// returns the tools to go back to.
    ///
    /// Its manifests are only read. A person's own command would run the candidate's code with network,
    /// and is left to the incumbent.
    async fn use_own_environment(
        &mut self,
        target: &Target,
        arm: Arm,
    ) -> Result<Option<Detection>, Error> {
        let profile = &self.lab.profile;
        let may_bring = profile.scope.may_change.contains(&Permission::Deps)
            && profile.commands.prepare.is_none();
        if arm == Arm::Incumbent || !may_bring {
            return Ok(None);
        }
        let usual = self.lab.detection.clone();
        let (commands, _told_before) = self.lab.environment(&self.arm(arm)).await?;
        self.use_commands(target, &commands).await?;
        Ok(Some(usual))
    }

    /// Makes the builder's repository, with one commit that holds what builders may read of the tree.
    ///
    /// # Errors
    /// A tree that cannot be read, or a disk that cannot be written.
    pub fn lay_out_builder(&self, target: &Target, tree: &TreeSha) -> Result<(), Error> {
        self.lay_out_repository(target, tree, &self.builder)
    }

    /// Makes a repository of one commit that holds what builders may read of the tree, at a place of
    /// this workbench.
    ///
    /// # Errors
    /// A tree that cannot be read, or a disk that cannot be written.
    pub fn lay_out_repository(
        &self,
        target: &Target,
        tree: &TreeSha,
        dir: &Utf8Path,
    ) -> Result<(), Error> {
        let shown = self.shown_to_builders(target, tree)?;
        match builder_repository(target, &shown, dir) {
            // Half a repository of a killed run; the place is this workbench's, by its lock.
            Err(repo::Error::PathOccupied { .. }) => {
                remove_folder(dir)?;
                builder_repository(target, &shown, dir)?;
            }
            made => made?,
        }
        self.add_support_files(dir)
    }

    /// Returns a directory with what backends may read of the tree that the incumbent's arm holds: the
    /// arm itself where nothing is hidden, else a copy.
    ///
    /// # Errors
    /// A tree that cannot be read, or a disk that cannot be written.
    pub fn lay_out_for_reading(&self, target: &Target) -> Result<&Utf8Path, Error> {
        let arm = self.arm(Arm::Incumbent);
        if self.hidden.is_empty() {
            return Ok(arm.dir);
        }
        self.lay_out_repository(target, arm.tree, &self.reading)?;
        Ok(&self.reading)
    }

    fn shown_to_builders(&self, target: &Target, tree: &TreeSha) -> Result<TreeSha, repo::Error> {
        if self.hidden.is_empty() {
            return Ok(tree.clone());
        }
        target.without(tree, &|it| self.hidden.from_builders(it))
    }

    /// Returns places for so many builders at a time.
    pub fn builders(&self, n_builders: usize) -> Vec<Utf8PathBuf> {
        let others =
            (2..=n_builders).map(|it| self.builder.with_file_name(format!("builder-{it}")));
        std::iter::once(self.builder.clone())
            .chain(others)
            .collect()
    }

    /// Removes the repositories of builders and readers.
    ///
    /// # Errors
    /// A folder that cannot be removed.
    pub fn clear_builder(&self) -> Result<(), Error> {
        let builders = self.builders(MOST_BUILDERS);
        for dir in builders.iter().chain([&self.reading, &self.agents]) {
            remove_folder(dir)?;
        }
        Ok(())
    }

    fn find_support_files(
        &self,
        target: &Target,
        tree: &TreeSha,
    ) -> Result<Vec<SupportFile>, Error> {
        let tracked = target.list(tree)?;
        let mut found = Vec::new();
        for project in &self.lab.detection.languages {
            for name in SUPPORT_NAMES {
                let path = project.root.join(name);
                let file = self.incumbent.dir.path().join(&path);
                if !tracked.contains_key(&path) && file.is_file() {
                    let contents = fs::read(&file).map_err(|source| io_error(&file, source))?;
                    found.push(SupportFile { path, contents });
                }
            }
        }
        Ok(found)
    }
}

/// More than are ever built at a time.
const MOST_BUILDERS: usize = 16;

const INCUMBENT: &str = "incumbent";
const CANDIDATE: &str = "candidate";

/// Files that a prepare step may leave beside a manifest.
const SUPPORT_NAMES: [&str; 1] = ["Cargo.lock"];

impl Slot {
    fn open(place: &Utf8Path, name: &'static str) -> Result<Self, Error> {
        let dir = ArmDir::open(&tree_of(place, name))?;
        Ok(Self {
            dir,
            tree: None,
            name,
        })
    }
}

/// Returns a tree as every evaluation but the holdout's sees it.
fn shown_to_evaluations(
    target: &Target,
    tree: &TreeSha,
    hidden: &Hidden,
) -> Result<TreeSha, repo::Error> {
    if hidden.is_empty() {
        return Ok(tree.clone());
    }
    target.without(tree, &|it| hidden.is_holdout(it))
}

fn tree_of(place: &Utf8Path, name: &str) -> Utf8PathBuf {
    place.join(name).join("tree")
}

/// Returns the best sandbox that this machine allows.
async fn sandbox_at(
    place: &Utf8Path,
    spec: &WorkbenchSpec,
    version: &VersionRepository,
    privacy: Option<Privacy>,
    cancel: &CancellationToken,
) -> Result<Box<dyn Sandbox>, Error> {
    let allowed = sandbox::probe(sandbox::OURSELVES, &spec.scratch, cancel).await?;
    if !allowed.namespaces {
        let cargo_home = process::variable("CARGO_HOME").map(Utf8PathBuf::from);
        let of_home = || process::variable("HOME").map(|it| Utf8Path::new(it).join(".cargo"));
        let cargo_home = cargo_home.or_else(of_home);
        if let Some(leak) = sandbox::leak_above(place, cargo_home.as_deref()) {
            return Err(Error::Leak {
                path: leak.into_string(),
            });
        }
        let refused = allowed.refused.unwrap_or_default();
        return Ok(Box::new(Plain::instead_of(refused)));
    }
    let arms = [tree_of(place, INCUMBENT), tree_of(place, CANDIDATE)];
    let arms = [arms[0].as_path(), arms[1].as_path()];
    let launcher = Launcher::new(LauncherSpec {
        program: sandbox::OURSELVES,
        place,
        arms: &arms,
        git: Some(version.layer()),
        network: spec.profile.eval.network,
        allowed,
        privacy,
    });
    let launcher = launcher.map_err(|source| io_error(place, source))?;
    Ok(Box::new(launcher))
}

/// Returns what is kept from code that others wrote, where any takes part.
fn privacy_of(
    target: &Target,
    spec: &WorkbenchSpec,
    detection: &Detection,
    cache: &Utf8Path,
) -> Option<Privacy> {
    let home = spec.foreign.as_deref()?;
    let programs = detection.tools.iter().filter_map(|it| it.command.as_ref());
    let mut needed: Vec<Utf8PathBuf> = programs
        .filter_map(|it| it.first())
        .map(Utf8PathBuf::from)
        .collect();
    if let Some(command) = &spec.profile.backend.command {
        let words = process::Command::from_line(&command.run, "/").ok();
        let words = words.into_iter().flat_map(|it| {
            let program = std::iter::once(it.program);
            program.chain(it.args).collect::<Vec<_>>()
        });
        needed.extend(words.map(Utf8PathBuf::from));
        needed.extend(command.read.iter().map(Utf8PathBuf::from));
    }
    let languages = detection.languages.iter();
    Some(sandbox::privacy(&Places {
        checkout: target.root(),
        others: &target.checkouts(),
        common_dir: target.common_dir(),
        ours: &[home, &spec.scratch],
        cache,
        needed,
        parts: languages.map(|it| it.root.clone()).collect(),
    }))
}

/// Removes a folder, or whatever a program put in its place.
fn remove_folder(dir: &Utf8Path) -> Result<(), Error> {
    let removed = match fs::symlink_metadata(dir) {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(dir),
        Ok(_) => fs::remove_file(dir),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    };
    removed.map_err(|source| io_error(dir, source))
}

impl SupportFile {
    fn write_into(&self, dir: &Utf8Path) -> Result<(), crate::agent::Error> {
        let path = dir.join(&self.path);
        if !has_folder(dir, &self.path) {
            return Ok(());
        }
        let there = fs::symlink_metadata(&path);
        if there.is_ok_and(|it| it.is_symlink()) {
            fs::remove_file(&path).map_err(|source| file_error(&path, source))?;
        }
        if fs::read(&path).is_ok_and(|present| present == self.contents) {
            return Ok(());
        }
        fs::write(&path, &self.contents).map_err(|source| file_error(&path, source))
    }
}

/// Returns whether every folder above a file is a folder of this directory: a builder may have put a link
/// in place of one, and nothing is written or removed behind it.
fn has_folder(dir: &Utf8Path, file: &Utf8Path) -> bool {
    let mut path = dir.to_owned();
    let above = file.parent().into_iter().flat_map(Utf8Path::components);
    above.into_iter().all(|it| {
        path.push(it);
        fs::symlink_metadata(&path).is_ok_and(|it| it.is_dir())
    })
}

/// A disk that fails says nothing about what was delivered.
fn file_error(path: &Utf8Path, source: std::io::Error) -> crate::agent::Error {
    crate::agent::Error::Io {
        path: path.to_string(),
        source,
    }
}
