//! The launcher's side: namespaces, a root of its own, fewer privileges, and then the command.

use std::convert::Infallible;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};

use nix::sched::{CloneFlags, unshare};
use rustix::fs::{Access, CWD, access};
use rustix::io::Errno;
use rustix::mount::{
    MountFlags, MountPropagationFlags, MoveMountFlags, OpenTreeFlags, UnmountFlags, mount,
    mount_bind_recursive, mount_change, move_mount, open_tree, unmount,
};
use rustix::process::{
    Signal, chdir, getgid, getppid, getuid, pivot_root, set_parent_process_death_signal,
};
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, remove_capability_from_bounding_set,
    set_capabilities, set_no_new_privs,
};

use super::stage::{Shown, Stage};
use super::{hide, loopback};
use crate::process::{Announcement, announce};

pub(super) type Step<T> = Result<T, (String, io::Error)>;

/// What root keeps: most of what containers give it, so that suites which run as root still find their
/// rights, and nothing with which it could undo the stage or open a device.
const KEPT: CapabilitySet = CapabilitySet::CHOWN
    .union(CapabilitySet::DAC_OVERRIDE)
    .union(CapabilitySet::FOWNER)
    .union(CapabilitySet::FSETID)
    .union(CapabilitySet::KILL)
    .union(CapabilitySet::SETGID)
    .union(CapabilitySet::SETUID)
    .union(CapabilitySet::SETPCAP)
    .union(CapabilitySet::SETFCAP)
    .union(CapabilitySet::NET_BIND_SERVICE)
    .union(CapabilitySet::NET_RAW)
    .union(CapabilitySet::SYS_CHROOT);

/// Sets the stage and becomes the command.
pub(super) fn enter(stage: &Stage, words: &[OsString]) -> Step<Infallible> {
    let Some((program, args)) = words.split_first() else {
        return Err((
            "start nothing".to_owned(),
            io::ErrorKind::InvalidInput.into(),
        ));
    };
    let owns_root = namespaces(stage.network)?;
    if !stage.network {
        step("bring up the loopback device", loopback::up())?;
    }
    assemble(stage, owns_root)?;
    step("enter the root", change_root(stage.root.as_std_path()))?;
    // A working directory that is not there is the command's own fault.
    step("", chdir(stage.cwd.as_std_path()))?;
    // So is a program that is not: once a command is said to begin, only its own words follow.
    step("", can_start(program))?;
    step(
        "drop privileges",
        drop_privileges(stage.parent, kept(stage)),
    )?;
    step("tell that it begins", announce(&Announcement::started()))?;
    let error = std::process::Command::new(program).args(args).exec();
    Err((String::new(), error))
}

/// Looks for a program as the system will: where it says, or in the folders of `PATH`.
fn can_start(program: &OsStr) -> Result<(), Errno> {
    let is_there = |path: &Path| access(path, Access::EXEC_OK);
    if program.as_bytes().contains(&b'/') {
        return is_there(Path::new(program));
    }
    let Some(folders) = crate::process::variable("PATH") else {
        // The system has folders of its own then.
        return Ok(());
    };
    let mut found = folders.split(':').map(|it| Path::new(it).join(program));
    if found.any(|it| it.is_file() && is_there(&it).is_ok()) {
        Ok(())
    } else {
        Err(Errno::NOENT)
    }
}

/// Returns what of [`KEPT`] root keeps on a stage.
///
/// Below `/proc` lie the root and the folder of every process, and root may enter those of a process that
/// has no right which it lacks itself. So who may see less keeps less: agents less than the code that is
/// evaluated, which has the holdout at times, and private commands less than those to whom the whole
/// machine is shown. Ordinary users have a namespace for each command, and none of this.
fn kept(stage: &Stage) -> CapabilitySet {
    let mut kept = KEPT;
    if stage.privacy.is_some() || stage.agent {
        kept.remove(CapabilitySet::SETFCAP);
    }
    if stage.agent {
        kept.remove(CapabilitySet::SYS_CHROOT);
    }
    kept
}

pub(super) fn step<T, E: Into<io::Error>>(what: &str, result: Result<T, E>) -> Step<T> {
    result.map_err(|error| (what.to_owned(), error.into()))
}

/// Leaves the machine's namespaces; returns whether that took no user namespace.
fn namespaces(network: bool) -> Step<bool> {
    let (uid, gid) = (getuid().as_raw(), getgid().as_raw());
    let own = step("read capabilities", capabilities(None))?;
    let owns_root = own.effective.contains(CapabilitySet::SYS_ADMIN);
    let mut flags = CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWIPC | CloneFlags::CLONE_NEWUTS;
    if !network {
        flags |= CloneFlags::CLONE_NEWNET;
    }
    if !owns_root {
        flags |= CloneFlags::CLONE_NEWUSER;
    }
    step("make namespaces", unshare(flags))?;
    if !owns_root {
        // The same numbers inside as outside: files keep their owner, and nobody becomes root.
        let maps = [
            ("setgroups", "deny".to_owned()),
            ("uid_map", format!("{uid} {uid} 1")),
            ("gid_map", format!("{gid} {gid} 1")),
        ];
        for (name, text) in maps {
            let written = fs::write(format!("/proc/self/{name}"), text);
            step("map the user", written)?;
        }
    }
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    step("keep mounts apart", mount_change("/", private))?;
    Ok(owns_root)
}

/// An entry at the top of the machine's root.
enum Entry {
    Folder(OwnedFd),
    Link(PathBuf),
}

/// Puts a root together: the machine's folders, none of its files, and ours with tree and build.
///
/// Nothing above the tree can then be a configuration that some tool finds on its way up.
fn assemble(stage: &Stage, owns_root: bool) -> Step<()> {
    let entries = step("look at the root", entries(&stage.top))?;
    let root = stage.root.as_std_path();
    let flags = MountFlags::NOSUID | MountFlags::NODEV;
    step(
        "mount a root",
        mount("tmpfs", root, "tmpfs", flags, Some(c"mode=0755,size=16m")),
    )?;
    for (name, entry) in entries {
        let place = root.join(name);
        let made = match entry {
            Entry::Link(to) => symlink(to, &place),
            Entry::Folder(tree) => fs::create_dir(&place).and_then(|()| {
                let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH;
                Ok(move_mount(&tree, "", CWD, &place, flags)?)
            }),
        };
        step("show the machine's folders", made)?;
    }
    if let Some(privacy) = &stage.privacy {
        hide::hide(root, privacy)?;
    }
    let top = root.join(&stage.top);
    let (tree, build) = (top.join("tree"), top.join("build"));
    for folder in [&top, &tree, &build] {
        step("show the tree", fs::create_dir(folder))?;
    }
    step(
        "show the build folder",
        mount_bind_recursive(stage.build.as_std_path(), &build),
    )?;
    show(&stage.tree, &tree, owns_root)?;
    if stage.read_only {
        hide::make_read_only(&tree, None)?;
    }
    if stage.privacy.is_some() {
        hide::close(root)?;
    }
    Ok(())
}

fn entries(top: &str) -> io::Result<Vec<(OsString, Entry)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/")? {
        let entry = entry?;
        let (name, kind) = (entry.file_name(), entry.file_type()?);
        if name == top {
            continue;
        }
        if kind.is_symlink() {
            found.push((name, Entry::Link(fs::read_link(entry.path())?)));
        } else if kind.is_dir() {
            let flags = OpenTreeFlags::OPEN_TREE_CLONE
                | OpenTreeFlags::OPEN_TREE_CLOEXEC
                | OpenTreeFlags::AT_NO_AUTOMOUNT
                | OpenTreeFlags::AT_RECURSIVE;
            match open_tree(CWD, entry.path(), flags) {
                Ok(tree) => found.push((name, Entry::Folder(tree))),
                // What this user may not enter is not missed.
                Err(rustix::io::Errno::ACCESS) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(found)
}

fn show(shown: &Shown, place: &Path, owns_root: bool) -> Step<()> {
    let (base, lower, upper, work) = match shown {
        Shown::Folder { path, git } => {
            let shown = mount_bind_recursive(path.as_std_path(), place);
            step("show the tree", shown)?;
            let Some(git) = git.as_ref().filter(|_| needs_git(place)) else {
                return Ok(());
            };
            let place = place.join(".git");
            let made = fs::create_dir_all(&place);
            step("make room for a `.git`", made)?;
            let shown = mount_bind_recursive(git.as_std_path(), &place);
            return step("show a `.git`", shown);
        }
        Shown::Layers {
            base,
            lower,
            upper,
            work,
        } => (base, lower.join(":"), upper, work),
    };
    step("find the layers", chdir(base.as_std_path()))?;
    let own = if owns_root {
        "redirect_dir=on"
    } else {
        "userxattr"
    };
    let options =
        format!("lowerdir={lower},upperdir={upper},workdir={work},index=off,volatile,{own}");
    let options = step("name the layers", std::ffi::CString::new(options))?;
    let mounted = mount(
        "overlay",
        place,
        "overlay",
        MountFlags::NODEV,
        Some(options.as_c_str()),
    );
    step("mount an overlay", mounted)?;
    open_up(&base.as_std_path().join(work));
    Ok(())
}

/// Whether a tree has no `.git`, or the empty folder that was made for one.
fn needs_git(tree: &Path) -> bool {
    match fs::read_dir(tree.join(".git")) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

/// The kernel makes its folders with no rights at all, which nobody but root could remove after a crash.
fn open_up(work: &Path) {
    for name in ["work", "work/incompat", "work/incompat/volatile"] {
        let all = fs::Permissions::from_mode(0o700);
        // Where a kernel does not make one, there is none to open.
        let _absent = fs::set_permissions(work.join(name), all);
    }
}

fn change_root(root: &Path) -> io::Result<()> {
    chdir(root)?;
    pivot_root(".", ".")?;
    Ok(unmount(".", UnmountFlags::DETACH)?)
}

fn drop_privileges(parent: i32, kept: CapabilitySet) -> io::Result<()> {
    let own = capabilities(None)?;
    for capability in own.permitted.difference(kept).iter() {
        remove_capability_from_bounding_set(capability)?;
    }
    let kept = own.permitted.intersection(kept);
    set_capabilities(
        None,
        CapabilitySets {
            effective: kept,
            permitted: kept,
            inheritable: CapabilitySet::empty(),
        },
    )?;
    set_no_new_privs(true)?;
    // Last, because the kernel forgets it with every change of privileges.
    set_parent_process_death_signal(Some(Signal::KILL))?;
    let still_there = getppid().is_some_and(|it| it.as_raw_pid() == parent);
    if still_there {
        Ok(())
    } else {
        Err(io::Error::other("the program that started it is gone"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::stage::{Privacy, Shown};

    fn stage(private: bool, agent: bool) -> Stage {
        Stage {
            parent: 1,
            root: "/r".into(),
            top: "factory".to_owned(),
            tree: Shown::Folder {
                path: "/t".into(),
                git: None,
            },
            build: "/b".into(),
            cwd: "/factory/tree".into(),
            network: false,
            privacy: private.then(Privacy::default),
            read_only: false,
            agent,
        }
    }

    #[test]
    fn a_program_that_is_not_there_is_told_from_one_that_is() {
        assert_eq!(can_start(OsStr::new("sh")), Ok(()));
        assert_eq!(can_start(OsStr::new("/bin/sh")), Ok(()));
        assert_eq!(can_start(OsStr::new("no-such-program")), Err(Errno::NOENT));
        assert_eq!(
            can_start(OsStr::new("./no-such-program")),
            Err(Errno::NOENT)
        );
        assert_eq!(can_start(OsStr::new("/dev/null")), Err(Errno::ACCESS));
    }

    #[test]
    fn who_sees_less_lacks_a_right_of_everyone_who_sees_more() {
        let (open, private) = (kept(&stage(false, false)), kept(&stage(true, false)));
        let agents = [kept(&stage(true, true)), kept(&stage(false, true))];
        assert!(open.contains(private) && !private.contains(open));
        for agent in agents {
            assert!(private.contains(agent) && !agent.contains(private));
        }
    }
}
