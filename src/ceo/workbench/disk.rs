//! A full disk: told from everything else that fails, since tools fail there in ways of their own.

use std::error::Error as _;
use std::io::ErrorKind;

use camino::{Utf8Path, Utf8PathBuf};
use fs_err as fs;

use crate::ceo::session::Session;
use crate::ceo::{Error, io_error};

/// With less than this left, nothing that failed tells anything about the code.
const LEAST: u64 = 1 << 20;

/// Enough to fill a page of every file system, and what a quota still allows.
const PROBE: usize = 256 << 10;

impl Session<'_> {
    /// Returns the error that names the disk, where what failed may have failed for want of space.
    ///
    /// `failure` is the error, if there was one.
    pub(in crate::ceo) fn full_disk(&self, failure: Option<&Error>) -> Option<Error> {
        if failure.is_some_and(Error::is_interruption) {
            return None;
        }
        check(&[&self.bench.lab.builds, self.target.common_dir()]).err()
    }
}

/// Refuses to believe what was measured on a full disk.
///
/// # Errors
/// One of these folders is on a disk that is full or cannot be written.
pub(super) fn check_evaluations(builds: &Utf8Path) -> Result<(), Error> {
    let probe = builds.join("probe");
    let written = fs::write(&probe, vec![1; PROBE]);
    let removed = fs::remove_file(&probe);
    written
        .and(removed)
        .map_err(|source| io_error(&probe, source))?;
    check(&[builds])
}

fn check(places: &[&Utf8Path]) -> Result<(), Error> {
    for place in places {
        // A disk that says nothing about itself is not known to be full.
        let Ok(room) = rustix::fs::statvfs(place.as_std_path()) else {
            continue;
        };
        let free = room.f_bavail.saturating_mul(room.f_frsize);
        let may_make_files = room.f_files == 0 || room.f_favail > 0;
        if free < LEAST || !may_make_files {
            let disk = disk_of(place).unwrap_or_else(|| (*place).to_owned());
            return Err(Error::DiskFull { disk, free });
        }
    }
    Ok(())
}

/// Says what keeps a disk from taking more.
pub(in crate::ceo) fn what_is_left(free: u64) -> String {
    if free < LEAST {
        format!("{} KiB are free", free / 1024)
    } else {
        "it can hold no further file, however small".to_owned()
    }
}

/// Returns whether a full disk is what an error says, itself or by its cause.
pub(in crate::ceo) fn is_full(error: &Error) -> bool {
    if matches!(error, Error::DiskFull { .. }) {
        return true;
    }
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<std::io::Error>() {
            return matches!(
                error.kind(),
                ErrorKind::StorageFull | ErrorKind::QuotaExceeded
            );
        }
        cause = error.source();
    }
    false
}

/// Returns where the disk of a path is mounted: the highest folder on the same device.
pub fn disk_of(path: &Utf8Path) -> Option<Utf8PathBuf> {
    use std::os::unix::fs::MetadataExt as _;
    let mut above = path.ancestors().skip_while(|it| !it.exists());
    let mut disk = above.next()?;
    let device = disk.metadata().ok()?.dev();
    for folder in above {
        if folder.metadata().ok()?.dev() != device {
            break;
        }
        disk = folder;
    }
    Some(disk.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_from_other_failures_at_any_depth() {
        let failed = |kind: ErrorKind| {
            Error::Agent(crate::agent::Error::Process(crate::process::Error::Io {
                program: "cc".to_owned(),
                source: std::io::Error::from(kind),
            }))
        };
        assert!(is_full(&failed(ErrorKind::StorageFull)));
        assert!(is_full(&failed(ErrorKind::QuotaExceeded)));
        assert!(!is_full(&failed(ErrorKind::PermissionDenied)));
        assert!(!is_full(&Error::NothingBuilds("no".to_owned())));
    }

    #[test]
    fn a_disk_without_room_for_a_name_is_told_from_one_without_room_for_contents() {
        assert_eq!(what_is_left(300 << 10), "300 KiB are free");
        assert!(what_is_left(64 << 20).contains("no further file"));
    }

    #[test]
    fn a_disk_is_named_by_where_it_is_mounted() {
        assert_eq!(disk_of("/proc/self/no-such".into()).unwrap(), "/proc");
        assert!(check(&["/nowhere/at/all".into()]).is_ok());
    }
}
