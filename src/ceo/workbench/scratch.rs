//! Where a target's disposable trees and builds are, and which of them nobody uses.

use std::fs::{File, TryLockError};

use camino::{Utf8Path, Utf8PathBuf};
use fs_err as fs;

use crate::ceo::{Error, io_error};

/// Returns the folder that holds a target's trees, builds and caches.
pub fn scratch_of(scratch: &Utf8Path, root: &Utf8Path) -> Utf8PathBuf {
    scratch.join("targets").join(target_key(root))
}

/// Returns the folder name of a target below the scratch folder: readable, and unique by its path.
fn target_key(root: &Utf8Path) -> String {
    let hash = blake3::hash(root.as_str().as_bytes()).to_hex();
    let name: String = root
        .file_name()
        .unwrap_or("root")
        .chars()
        .map(|it| if it.is_ascii_alphanumeric() { it } else { '-' })
        .take(40)
        .collect();
    format!("{name}-{}", &hash[..12])
}

/// Takes the lock of the first workbench of that slot that nobody uses.
pub(super) fn claim_slot(home: &Utf8Path, slot: &str) -> Result<(Utf8PathBuf, File), Error> {
    fs::create_dir_all(home).map_err(|source| io_error(home, source))?;
    for number in 1.. {
        let place = home.join(format!("{slot}-{number}"));
        let path = home.join(format!("{slot}-{number}.lock"));
        let lock = File::options()
            .create(true)
            .append(true)
            .open(&path)
            .map_err(|source| io_error(&path, source))?;
        match lock.try_lock() {
            Ok(()) => {
                fs::create_dir_all(&place).map_err(|source| io_error(&place, source))?;
                return Ok((place, lock));
            }
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(source)) => return Err(io_error(&path, source)),
        }
    }
    unreachable!("the loop above returns")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_targets_of_one_name_get_two_folders() {
        let one = target_key(Utf8Path::new("/a/project"));
        let two = target_key(Utf8Path::new("/b/project"));
        assert_ne!(one, two);
        assert!(one.starts_with("project-"));
    }

    #[test]
    fn a_second_user_of_a_slot_gets_the_next_one() {
        let dir = tempfile::tempdir().unwrap();
        let home = Utf8Path::from_path(dir.path()).unwrap();
        let (first, lock) = claim_slot(home, "loop").unwrap();
        let (second, _other) = claim_slot(home, "loop").unwrap();
        assert_ne!(first, second);
        drop(lock);
        assert_eq!(claim_slot(home, "loop").unwrap().0, first);
    }
}
