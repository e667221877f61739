//! A hermetic environment for the binary, repositories made from fixtures, and their fingerprints.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use regex::Regex;
use serde_json::Value;
use tempfile::TempDir;

/// The directory of this package.
pub(crate) const PACKAGE: &str = env!("CARGO_MANIFEST_DIR");

/// A run of the loop that asks nothing, with a first report that samples one mutant.
pub(crate) const CEO: &[&str] = &[
    "ceo",
    "--headless",
    "--yes",
    "--json",
    "--seed",
    "7",
    "--config",
    "report.mutants=1",
];

/// Returns the arguments of [`CEO`] and some more.
pub(crate) fn ceo_with<'a>(more: &[&'a str]) -> Vec<&'a str> {
    CEO.iter().copied().chain(more.iter().copied()).collect()
}

/// A temporary world: home, state, scratch, and a place for repositories.
pub(crate) struct TestEnv {
    dir: TempDir,
    path: String,
    has_all_tools: bool,
}

impl TestEnv {
    /// Makes a world in which every tool of this machine is found.
    pub(crate) fn new() -> Self {
        let path = std::env::var("PATH").unwrap();
        Self::with_path(format!("{}/bin:{path}", python_tools().display()))
    }

    /// Makes a world in which only the named programs are found.
    pub(crate) fn with_only(programs: &[&str]) -> Self {
        let mut env = Self::with_path(String::new());
        let bin = env.root().join("bin");
        fs::create_dir(&bin).unwrap();
        for name in programs {
            let found = which::which(name).unwrap();
            std::os::unix::fs::symlink(fs::canonicalize(found).unwrap(), bin.join(name)).unwrap();
        }
        env.path = bin.to_str().unwrap().to_string();
        env.has_all_tools = false;
        env
    }

    fn with_path(path: String) -> Self {
        let dir = tempfile::Builder::new()
            .prefix("factory-it-")
            .tempdir()
            .unwrap();
        for name in ["home", "tmp", "work"] {
            fs::create_dir(dir.path().join(name)).unwrap();
        }
        Self {
            dir,
            path,
            has_all_tools: true,
        }
    }

    /// Returns the root of the world, links resolved.
    pub(crate) fn root(&self) -> PathBuf {
        fs::canonicalize(self.dir.path()).unwrap()
    }

    /// Returns the folder that repositories and other inputs live in.
    pub(crate) fn work(&self) -> PathBuf {
        self.root().join("work")
    }

    /// Returns a command in this world: a cleared environment but for what finds tools.
    pub(crate) fn command(&self, program: &str, cwd: &Path) -> Command {
        let root = self.root();
        let mut command = Command::new(program);
        command
            .current_dir(cwd)
            .stdin(Stdio::null())
            .env_clear()
            .env("PATH", &self.path)
            .env("HOME", root.join("home"))
            .env("TMPDIR", root.join("tmp"))
            .env("FACTORY_HOME", root.join("factory-home"))
            .env("FACTORY_SCRATCH", root.join("scratch"))
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_OPTIONAL_LOCKS", "0")
            .env("CARGO_NET_OFFLINE", "true")
            .env("LC_ALL", "C.UTF-8");
        if self.has_all_tools {
            for (name, default) in [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")] {
                command.env(name, tool_home(name, default));
            }
        }
        command
    }

    /// Returns a command that runs `factory` in a directory.
    pub(crate) fn factory_in(&self, cwd: &Path, args: &[&str]) -> Command {
        let mut command = self.command(env!("CARGO_BIN_EXE_factory"), cwd);
        command.args(args);
        command
    }

    /// Runs `factory` in a directory to its end.
    pub(crate) fn run_in(&self, cwd: &Path, args: &[&str]) -> Ran {
        Ran::of(&self.factory_in(cwd, args).output().unwrap())
    }

    /// Runs `factory` in the folder that holds the repositories.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        self.run_in(&self.work(), args)
    }

    /// Starts `factory` and leaves it running; its output goes to files that [`Ran`] is read from.
    pub(crate) fn start_in(&self, cwd: &Path, args: &[&str]) -> Running {
        let number = fs::read_dir(self.root()).unwrap().count();
        let [out, err] = ["out", "err"].map(|it| self.root().join(format!("std{it}-{number}")));
        let child = self
            .factory_in(cwd, args)
            .stdout(fs::File::create(&out).unwrap())
            .stderr(fs::File::create(&err).unwrap())
            .spawn()
            .unwrap();
        Running { child, out, err }
    }

    /// Runs git in a directory and returns its standard output; fails the test if git fails.
    pub(crate) fn git(&self, cwd: &Path, args: &[&str]) -> String {
        let output = self.command("git", cwd).args(args).output().unwrap();
        assert!(
            output.status.success(),
            "git {args:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Makes a repository without a commit.
    pub(crate) fn unborn(&self, name: &str) -> Repo<'_> {
        let path = self.work().join(name);
        fs::create_dir_all(&path).unwrap();
        self.git(&path, &["init", "--quiet", "--initial-branch=main"]);
        self.git(&path, &["config", "user.name", "A Person"]);
        self.git(&path, &["config", "user.email", "person@example.org"]);
        Repo { env: self, path }
    }

    /// Makes a repository that holds these files in one commit.
    pub(crate) fn repo(&self, name: &str, files: &[(&str, &str)]) -> Repo<'_> {
        let repo = self.unborn(name);
        for (file, text) in files {
            repo.write(file, text);
        }
        repo.commit("first");
        repo
    }

    /// Makes a repository from a folder of `tests/fixtures`, always a copy.
    pub(crate) fn fixture(&self, name: &str) -> Repo<'_> {
        self.copy_of(&Path::new(PACKAGE).join("tests/fixtures").join(name), name)
    }

    /// Makes a repository from a folder.
    pub(crate) fn copy_of(&self, source: &Path, name: &str) -> Repo<'_> {
        let repo = self.unborn(name);
        copy_tree(source, &repo.path);
        repo.commit("first");
        repo
    }

    /// Returns the processes that were started in this world and still live.
    pub(crate) fn processes(&self) -> Vec<String> {
        let root = self.root().to_str().unwrap().to_string();
        fs::read_dir("/proc")
            .unwrap()
            .filter_map(|entry| {
                let path = entry.unwrap().path();
                let id: u32 = path.file_name()?.to_str()?.parse().ok()?;
                let said =
                    ["environ", "cmdline"].map(|it| fs::read(path.join(it)).unwrap_or_default());
                let cwd = fs::read_link(path.join("cwd")).unwrap_or_default();
                let ours = said
                    .iter()
                    .any(|it| String::from_utf8_lossy(it).contains(&root))
                    || cwd.starts_with(&root);
                (ours && id != std::process::id()).then(|| {
                    format!(
                        "{id} {}",
                        String::from_utf8_lossy(&said[1]).replace('\0', " ")
                    )
                })
            })
            .collect()
    }

    /// Waits until no process of this world lives, for at most ten seconds; returns those left.
    pub(crate) fn settled_processes(&self) -> Vec<String> {
        for _ in 0..100 {
            if self.processes().is_empty() {
                return Vec::new();
            }
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        self.processes()
    }

    /// Returns what lies in `$TMPDIR`.
    pub(crate) fn temporary_files(&self) -> Vec<PathBuf> {
        list(&self.root().join("tmp"))
    }

    /// Replaces what differs between runs: this world's root, ids, times, numbers of seconds.
    pub(crate) fn redact(&self, text: &str) -> String {
        let text = text.replace(self.root().to_str().unwrap(), "[ROOT]");
        [
            (r"\b[0-9a-f]{10}([0-9a-f]{30})?\b", "[SHA]"),
            (
                r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z| UTC)?",
                "[TIME]",
            ),
            (r"\b(\d+ (h|min) )*\d+(\.\d+)? ?(ms|s)\b", "[SECONDS]"),
        ]
        .iter()
        .fold(text, |text, (pattern, with)| {
            Regex::new(pattern)
                .unwrap()
                .replace_all(&text, *with)
                .into_owned()
        })
    }
}

/// Returns the virtual environment with the Python tools that `scripts/test` installs.
pub(crate) fn python_tools() -> PathBuf {
    let cache = || {
        let home = || PathBuf::from(std::env::var_os("HOME").unwrap()).join(".cache");
        std::env::var_os("XDG_CACHE_HOME").map_or_else(home, PathBuf::from)
    };
    let tools = std::env::var_os("FACTORY_TEST_TOOLS")
        .map_or_else(|| cache().join("factory-test-tools"), PathBuf::from);
    assert!(
        tools.join("bin/pytest").exists(),
        "`scripts/test` installs what these tests need"
    );
    tools
}

/// Returns where a Rust tool keeps its files, which a temporary `$HOME` would hide.
fn tool_home(variable: &str, default: &str) -> PathBuf {
    std::env::var_os(variable).map_or_else(
        || PathBuf::from(std::env::var_os("HOME").unwrap()).join(default),
        PathBuf::from,
    )
}

/// A repository in a [`TestEnv`].
pub(crate) struct Repo<'a> {
    env: &'a TestEnv,
    /// Its work tree.
    pub(crate) path: PathBuf,
}

impl Repo<'_> {
    /// Returns the path as text.
    pub(crate) fn str(&self) -> &str {
        self.path.to_str().unwrap()
    }

    /// Writes a file of the checkout, with its folders.
    pub(crate) fn write(&self, file: &str, text: &str) {
        let path = self.path.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Reads a file of the checkout.
    pub(crate) fn read(&self, file: &str) -> String {
        fs::read_to_string(self.path.join(file)).unwrap()
    }

    /// Commits everything.
    pub(crate) fn commit(&self, message: &str) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message", message]);
        self.rev("HEAD")
    }

    /// Runs git here.
    pub(crate) fn git(&self, args: &[&str]) -> String {
        self.env.git(&self.path, args)
    }

    /// Returns the commit that a revision names.
    pub(crate) fn rev(&self, revision: &str) -> String {
        self.git(&["rev-parse", "--verify", revision])
            .trim()
            .to_string()
    }

    /// Returns whether a ref exists.
    pub(crate) fn has_ref(&self, name: &str) -> bool {
        self.git(&["for-each-ref", "--format=%(refname)", name])
            .trim()
            == name
    }

    /// Runs `factory` with this repository as the working directory.
    pub(crate) fn factory(&self, args: &[&str]) -> Ran {
        self.env.run_in(&self.path, args)
    }

    /// What the doctor says about isolation on this machine.
    pub(crate) fn isolation(&self) -> Value {
        let document = self.factory(&["doctor", "--json"]).json();
        let mut checks = document["checks"].as_array().unwrap().iter();
        let isolation = checks.find(|it| it["name"] == "isolation");
        isolation.unwrap().clone()
    }

    /// Starts `factory` here.
    pub(crate) fn start(&self, args: &[&str]) -> Running {
        self.env.start_in(&self.path, args)
    }

    /// Returns everything of the person's that a run must leave as it was, as text by name.
    ///
    /// That is: every file of the checkout with its mode and time, the raw index, `HEAD`, configuration,
    /// hooks, stash, reflogs, every ref but the factory's own, what git says the status is, and which
    /// files git's own directory holds beside its objects.
    pub(crate) fn fingerprint(&self) -> BTreeMap<String, String> {
        let mut facts = BTreeMap::new();
        let git = self
            .path
            .join(self.git(&["rev-parse", "--git-common-dir"]).trim());
        fingerprint_files(
            &self.path,
            &|it| it == ".git" || it == ".factory",
            "checkout",
            &mut facts,
        );
        fingerprint_files(&git, &is_ours_or_objects, "git", &mut facts);
        for line in self
            .git(&["for-each-ref"])
            .lines()
            .filter(|it| !is_our_ref(it))
        {
            let (value, name) = line.split_once('\t').unwrap();
            facts.insert(format!("ref {name}"), value.to_string());
        }
        facts.insert(
            "status".into(),
            self.git(&["status", "--porcelain=v2", "--branch"]),
        );
        facts.insert(
            "worktrees".into(),
            self.git(&["worktree", "list", "--porcelain"]),
        );
        facts
    }
}

/// Paths below the git directory that are the factory's, or that hold objects and packed refs, whose
/// contents are compared by name instead.
fn is_ours_or_objects(relative: &str) -> bool {
    ["factory", "objects", "refs", "packed-refs"].contains(&relative)
        || relative.starts_with("logs/refs/heads/factory")
        || relative.starts_with("logs/refs/factory")
}

fn is_our_ref(line: &str) -> bool {
    [
        "refs/factory/ledger",
        "refs/factory/candidates",
        "refs/heads/factory/best",
    ]
    .iter()
    .any(|it| line.ends_with(it))
}

fn fingerprint_files(
    root: &Path,
    skip: &dyn Fn(&str) -> bool,
    label: &str,
    facts: &mut BTreeMap<String, String>,
) {
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for path in list(&folder) {
            let relative = path
                .strip_prefix(root)
                .unwrap()
                .to_string_lossy()
                .into_owned();
            if skip(&relative) {
                continue;
            }
            let metadata = fs::symlink_metadata(&path).unwrap();
            let fact = if metadata.is_dir() {
                folders.push(path);
                continue;
            } else if metadata.is_symlink() {
                fs::read_link(&path).unwrap().to_string_lossy().into_owned()
            } else {
                blake3::hash(&fs::read(&path).unwrap()).to_hex().to_string()
            };
            let time = (metadata.mtime(), metadata.mtime_nsec());
            facts.insert(
                format!("{label} {relative}"),
                format!("{fact} {:o} {time:?}", metadata.mode()),
            );
        }
    }
}

/// Asserts that two fingerprints are the same, naming only what differs.
#[track_caller]
pub(crate) fn assert_untouched(
    before: &BTreeMap<String, String>,
    after: &BTreeMap<String, String>,
) {
    let names = before.keys().chain(after.keys());
    let mut differing: Vec<String> = names
        .filter(|name| before.get(*name) != after.get(*name))
        .map(|name| format!("{name}: {:?} -> {:?}", before.get(name), after.get(name)))
        .collect();
    differing.dedup();
    assert!(differing.is_empty(), "the run changed: {differing:#?}");
}

/// A finished run of the binary.
#[derive(Debug)]
pub(crate) struct Ran {
    /// The exit code; -1 for a signal.
    pub(crate) code: i32,
    /// What it printed for programs.
    pub(crate) stdout: String,
    /// What it printed for people.
    pub(crate) stderr: String,
}

impl Ran {
    /// Reads a finished process.
    pub(crate) fn of(output: &Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Asserts the exit code, showing everything that was printed if it is another.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(
            self.code, code,
            "stdout:\n{}\nstderr:\n{}",
            self.stdout, self.stderr
        );
        self
    }

    /// Asserts that the person is told something, in these words.
    #[track_caller]
    pub(crate) fn tells(self, words: &str) -> Self {
        assert!(
            self.stderr.contains(words),
            "`{words}` is not in:\n{}",
            self.stderr
        );
        self
    }

    /// Asserts that the person is told something that matches a pattern.
    #[track_caller]
    pub(crate) fn tells_like(self, pattern: &str) -> Self {
        let regex = Regex::new(pattern).unwrap();
        assert!(
            regex.is_match(&self.stderr),
            "`{pattern}` matches nothing in:\n{}",
            self.stderr
        );
        self
    }

    /// Asserts that standard output is empty.
    #[track_caller]
    pub(crate) fn silent(self) -> Self {
        assert_eq!(self.stdout, "");
        self
    }

    /// Returns the one JSON document on standard output.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}:\n{}\nstderr:\n{}", self.stdout, self.stderr))
    }
}

/// A run of the binary that has not ended.
pub(crate) struct Running {
    child: Child,
    out: PathBuf,
    err: PathBuf,
}

impl Running {
    /// Returns its process id.
    pub(crate) fn id(&self) -> rustix::process::Pid {
        rustix::process::Pid::from_child(&self.child)
    }

    /// Returns what it has told the person so far.
    pub(crate) fn told(&self) -> String {
        fs::read_to_string(&self.err).unwrap()
    }

    /// Returns what it has printed so far.
    pub(crate) fn printed(&self) -> String {
        fs::read_to_string(&self.out).unwrap()
    }

    /// Waits until `done` holds of what was told and printed, or the run ends; returns whether it held.
    pub(crate) fn wait_until(&mut self, done: impl Fn(&str) -> bool) -> bool {
        loop {
            let ended = self.child.try_wait().unwrap().is_some();
            if done(&(self.told() + &self.printed())) {
                return true;
            }
            if ended {
                return false;
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }

    /// Returns whether it has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Sends a signal to it, and to nothing else: not at all if it has ended.
    pub(crate) fn signal(&mut self, signal: rustix::process::Signal) {
        if !self.has_ended() {
            rustix::process::kill_process(self.id(), signal).unwrap();
        }
    }

    /// Waits for its end.
    pub(crate) fn end(mut self) -> Ran {
        let status = self.child.wait().unwrap();
        Ran {
            code: status.code().unwrap_or(-1),
            stdout: self.printed(),
            stderr: self.told(),
        }
    }
}

/// Copies a folder's contents, leaving out build products.
pub(crate) fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for path in list(from) {
        let name = path.file_name().unwrap();
        if name == "target" {
            continue;
        }
        if path.is_dir() {
            copy_tree(&path, &to.join(name));
        } else {
            fs::copy(&path, to.join(name)).unwrap();
        }
    }
}

/// Returns the paths in a folder, sorted; none if it is not there.
pub(crate) fn list(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> = entries.map(|it| it.unwrap().path()).collect();
    paths.sort();
    paths
}

/// Returns every file below a folder, whatever else goes on there.
pub(crate) fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for path in list(&folder) {
            // A run goes on meanwhile: what was listed may be gone.
            let Ok(metadata) = fs::symlink_metadata(&path) else {
                continue;
            };
            if metadata.is_dir() {
                folders.push(path.clone());
            }
            found.push(path);
        }
    }
    found
}

/// Sets a path's permission bits.
pub(crate) fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}
