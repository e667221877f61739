//! What untrusted code does not get to see: a machine that can only be read, without the person's files.
//!
//! Works on a root that is being put together, before anything enters it.

use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use rustix::mount::{MountFlags, mount, mount_bind_recursive, mount_remount};

use super::inside::{Step, step};
use super::stage::Privacy;

/// Folders that hold other programs' sockets and temporary files.
const SHARED: [&str; 3] = ["/tmp", "/var/tmp", "/run"];

/// What of `/run` tells how names are resolved.
const RESOLVERS: [&str; 3] = [
    "/run/systemd/resolve",
    "/run/resolvconf",
    "/run/NetworkManager/resolv.conf",
];

/// Devices that every program may expect; no disk is among them.
const DEVICES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];

/// Makes the machine's folders in `root` read-only, and takes out of them what is private.
pub(super) fn hide(root: &Path, privacy: &Privacy) -> Step<()> {
    make_read_only(root, Some(root))?;
    devices(root)?;
    let shared = SHARED.iter().map(PathBuf::from);
    let hidden: Vec<PathBuf> = privacy
        .hidden
        .iter()
        .map(|it| it.as_std_path().to_owned())
        .chain(shared)
        .filter_map(|it| fs::canonicalize(it).ok())
        .filter(|it| it != Path::new("/"))
        .collect();
    for path in outermost(&hidden) {
        step("hide private files", cover(root, path))?;
    }
    let resolvers = RESOLVERS.iter().map(Path::new);
    let shown = privacy.shown.iter().map(|it| it.as_std_path());
    for path in resolvers.chain(shown) {
        reveal(root, path, &hidden)?;
    }
    for path in &privacy.secrets {
        if let Ok(path) = fs::canonicalize(path) {
            step("hide private files", cover(root, &path))?;
        }
    }
    Ok(())
}

/// Ends the work on a root: nothing can be added at its top any more.
pub(super) fn close(root: &Path) -> Step<()> {
    let flags = MountFlags::BIND | MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NODEV;
    step("close the root", mount_remount(root, flags, ""))
}

/// Makes every mount at or below a folder read-only, but the one at `except`.
pub(super) fn make_read_only(folder: &Path, except: Option<&Path>) -> Step<()> {
    let mounts = step("list mounts", fs::read_to_string("/proc/self/mountinfo"))?;
    let folder = step("find a folder", fs::canonicalize(folder))?;
    for (place, flags) in mounts.lines().filter_map(parse) {
        if !place.starts_with(&folder) || except.is_some_and(|it| it == place) {
            continue;
        }
        let flags = flags | MountFlags::BIND | MountFlags::RDONLY;
        step(
            "make the machine read-only",
            mount_remount(&place, flags, ""),
        )?;
    }
    Ok(())
}

/// Reads one line of `mountinfo`: where, and the flags that must stay; none for what mounts by itself.
fn parse(line: &str) -> Option<(PathBuf, MountFlags)> {
    let (fields, filesystem) = line.split_once(" - ")?;
    if filesystem.starts_with("autofs ") {
        return None;
    }
    let mut fields = fields.split(' ').skip(4);
    let (place, options) = (fields.next()?, fields.next()?);
    let flags = options.split(',').map(|it| match it {
        "nosuid" => MountFlags::NOSUID,
        "nodev" => MountFlags::NODEV,
        "noexec" => MountFlags::NOEXEC,
        "noatime" => MountFlags::NOATIME,
        "nodiratime" => MountFlags::NODIRATIME,
        "relatime" => MountFlags::RELATIME,
        _ => MountFlags::empty(),
    });
    let flags = flags.fold(MountFlags::empty(), |all, it| all | it);
    Some((PathBuf::from(unescape(place)), flags))
}

/// Undoes the octal escapes of `mountinfo`.
fn unescape(text: &str) -> String {
    let escapes = [
        ("\\040", " "),
        ("\\011", "\t"),
        ("\\012", "\n"),
        ("\\134", "\\"),
    ];
    let mut plain = text.to_owned();
    for (escape, meant) in escapes {
        plain = plain.replace(escape, meant);
    }
    plain
}

/// Returns those paths that lie in no other of them.
fn outermost(paths: &[PathBuf]) -> impl Iterator<Item = &PathBuf> {
    let is_below = |it: &Path| {
        let mut above = paths.iter();
        above.any(|other| it != other && it.starts_with(other))
    };
    let mut seen: Vec<&PathBuf> = Vec::new();
    for path in paths.iter().filter(|it| !is_below(it)) {
        if !seen.contains(&path) {
            seen.push(path);
        }
    }
    seen.into_iter()
}

/// Returns where an absolute path of the machine lies in the new root.
fn in_root(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

/// Puts an empty folder over a folder, and nothing over a file.
fn cover(root: &Path, path: &Path) -> io::Result<()> {
    let place = in_root(root, path);
    let Ok(metadata) = fs::symlink_metadata(&place) else {
        return Ok(());
    };
    if !metadata.is_dir() {
        return Ok(mount_bind_recursive("/dev/null", &place)?);
    }
    let flags = MountFlags::NOSUID | MountFlags::NODEV;
    let options = c"mode=1777,size=512m";
    Ok(mount("tmpfs", &place, "tmpfs", flags, Some(options))?)
}

/// Shows what was hidden, read-only, where it was and under the name by which it was asked for.
fn reveal(root: &Path, path: &Path, hidden: &[PathBuf]) -> Step<()> {
    let Ok(real) = fs::canonicalize(path) else {
        return Ok(());
    };
    let named = path.parent().and_then(|it| fs::canonicalize(it).ok());
    let named = named.zip(path.file_name()).map(|(it, name)| it.join(name));
    let mut places = vec![real.clone()];
    places.extend(named.filter(|it| *it != real));
    for at in places {
        let is_hidden = hidden.iter().any(|it| at.starts_with(it) && at != *it);
        if is_hidden {
            let place = in_root(root, &at);
            step("show a program's folder", bind(&real, &place))?;
            make_read_only(&place, None)?;
        }
    }
    Ok(())
}

fn bind(real: &Path, place: &Path) -> io::Result<()> {
    if real.is_dir() {
        fs::create_dir_all(place)?;
    } else {
        if let Some(parent) = place.parent() {
            fs::create_dir_all(parent)?;
        }
        if !place.exists() {
            fs::write(place, "")?;
        }
    }
    Ok(mount_bind_recursive(real, place)?)
}

/// Leaves the devices that hold nobody's data.
fn devices(root: &Path) -> Step<()> {
    let dev = root.join("dev");
    let flags = MountFlags::NOSUID;
    let options = Some(c"mode=0755,size=64m");
    step(
        "mount a folder of devices",
        mount("tmpfs", &dev, "tmpfs", flags, options),
    )?;
    let made = DEVICES.iter().try_for_each(|name| -> io::Result<()> {
        let device = Path::new("/dev").join(name);
        if device.exists() {
            fs::write(dev.join(name), "")?;
            mount_bind_recursive(&device, dev.join(name))?;
        }
        Ok(())
    });
    step("show a device", made)?;
    step("make shared memory", shared_memory(&dev))
}

fn shared_memory(dev: &Path) -> io::Result<()> {
    fs::create_dir(dev.join("shm"))?;
    fs::set_permissions(dev.join("shm"), fs::Permissions::from_mode(0o1777))?;
    if Path::new("/dev/pts").is_dir() {
        fs::create_dir(dev.join("pts"))?;
        mount_bind_recursive("/dev/pts", dev.join("pts"))?;
        symlink("pts/ptmx", dev.join("ptmx"))?;
    }
    for (name, to) in [
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
    ] {
        symlink(to, dev.join(name))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_mountinfo_gives_the_place_and_the_flags_that_must_stay() {
        let line = r"36 35 98:0 /mnt1 /my\040disk rw,nosuid,noatime master:1 - ext3 /dev/root rw";
        let (place, flags) = parse(line).unwrap();
        assert_eq!(place, Path::new("/my disk"));
        assert_eq!(flags, MountFlags::NOSUID | MountFlags::NOATIME);
        assert!(parse("1 2 0:3 / /proc/sys/fs rw - autofs systemd-1 rw").is_none());
        assert!(parse("nonsense").is_none());
    }

    #[test]
    fn what_lies_in_a_hidden_folder_is_hidden_with_it() {
        let paths = ["/homes/me", "/homes/me/work", "/opt", "/homes/me"].map(PathBuf::from);
        let found: Vec<_> = outermost(&paths).collect();
        assert_eq!(found, [Path::new("/homes/me"), Path::new("/opt")]);
    }
}
