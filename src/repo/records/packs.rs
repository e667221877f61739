//! Packs of our own: one for each commit, merged so that there are few; loose objects swept into them.
//!
//! Ours are named `pack-factory-HASH`, which git treats like any other pack, so that no list of them
//! can be lost. An object is removed from one place only after it is on disk in another.

use std::collections::BTreeSet;
use std::fs::File;
use std::time::{Duration, SystemTime};

use camino::{Utf8Path, Utf8PathBuf};
use git2::{ObjectType, Oid, Repository};

use super::{Deltas, Error, RecordRef, io};

/// More packs of ours than this are merged.
const MAX_PACKS: usize = 8;
/// A pack with more objects than this, some five thousand experiments, is never merged again: the
/// longest merge stays at seconds, and a hundred thousand experiments at some twenty packs.
const FULL_PACK: usize = 50_000;
/// A merge of fewer objects than this does not search for deltas.
const MIN_FOR_DELTAS: usize = 5_000;
/// Fewer loose objects of ours than this stay where they are.
const MIN_LOOSE: usize = 300;
/// How long the data of a retired pack stays for processes that have its index open.
const GRACE: Duration = Duration::from_hours(24);
/// At most so many retired packs stay, so that a fast loop leaves no heap of them.
const MAX_RETIRED: usize = 64;
pub(super) const PREFIX: &str = "pack-factory-";

impl RecordRef {
    /// Packs our loose objects when there are many, so that the person's git never has to.
    ///
    /// Safe against being killed at any point: a pack is complete on disk before it gets its name,
    /// and what it replaces is removed last.
    pub fn pack(&self) -> Result<(), Error> {
        self.sweep_loose()?;
        self.merge_packs()
    }

    /// Writes these objects into a new pack, durably.
    pub(super) fn write_pack(
        &self,
        repository: &Repository,
        objects: &BTreeSet<Oid>,
    ) -> Result<Utf8PathBuf, Error> {
        let staging = self.private_dir()?.join("pack");
        std::fs::create_dir_all(&staging).map_err(|source| io("make", &staging, source))?;
        let build = || -> Result<String, git2::Error> {
            let mut builder = repository.packbuilder()?;
            builder.set_threads(1);
            for oid in objects {
                builder.insert_object(*oid, None)?;
            }
            builder.write(staging.as_std_path(), 0)?;
            Ok(builder.name()?.unwrap_or_default().to_owned())
        };
        let hash = build().map_err(|source| self.git("write a pack", source))?;
        self.publish_pack(&staging, &hash)
    }

    /// Gives a finished pack its final name; the index goes last, because it makes the pack seen.
    fn publish_pack(&self, staging: &Utf8Path, hash: &str) -> Result<Utf8PathBuf, Error> {
        let dir = self.common_dir.join("objects/pack");
        let target = dir.join(format!("{PREFIX}{hash}.idx"));
        for extension in ["pack", "idx"] {
            let from = staging.join(format!("pack-{hash}.{extension}"));
            let to = target.with_extension(extension);
            std::fs::rename(&from, &to).map_err(|source| io("move", &from, source))?;
        }
        super::sync_dir(&dir)?;
        Ok(target)
    }

    /// Removes packs that a killed writer did not finish; they are nobody's, so that it may fail.
    pub(super) fn clear_staging(&self) {
        let Ok(entries) = self.common_dir.join("factory/pack").read_dir_utf8() else {
            return;
        };
        for entry in entries.filter_map(Result::ok) {
            drop(std::fs::remove_file(entry.path()));
        }
    }

    /// Merges the smallest packs of ours when there are more than a few.
    fn merge_packs(&self) -> Result<(), Error> {
        let mut packs = self.our_packs()?;
        if packs.len() <= MAX_PACKS {
            return Ok(());
        }
        packs.sort_by_key(|pack| pack.objects);
        let n = merge_width(&packs.iter().map(|pack| pack.objects).collect::<Vec<_>>());
        let merged = &packs[..n];
        let mut objects = BTreeSet::new();
        for pack in merged {
            objects.extend(read_index(&pack.index)?);
        }
        // An object is merged a dozen times; only the late, large merges are worth the search.
        let deltas = if objects.len() < MIN_FOR_DELTAS {
            Deltas::Skip
        } else {
            Deltas::Search
        };
        let durable = self.durable_repository(deltas)?;
        let written = self.write_pack(&durable, &objects)?;
        for pack in merged.iter().filter(|pack| pack.index != written) {
            retire_pack(&pack.index)?;
        }
        Ok(())
    }

    /// Returns our packs, without those that are full, and removes what is left of retired ones.
    fn our_packs(&self) -> Result<Vec<Pack>, Error> {
        let dir = self.common_dir.join("objects/pack");
        let entries = match dir.read_dir_utf8() {
            Ok(entries) => entries,
            Err(source) if source.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(io("list", &dir, source)),
        };
        let (mut packs, mut retired) = (Vec::new(), Vec::new());
        for entry in entries.filter_map(Result::ok) {
            let name = entry.file_name();
            let index = entry.path().with_extension("idx");
            if !name.starts_with(PREFIX) || entry.path().extension() != Some("pack") {
                continue;
            }
            if !index.exists() {
                retired.push(entry.path().to_owned());
                continue;
            }
            let objects = count_in_index(&index)?;
            if objects <= FULL_PACK && !index.with_extension("keep").exists() {
                packs.push(Pack { index, objects });
            }
        }
        remove_retired(retired)?;
        Ok(packs)
    }

    /// Moves loose objects that only `refs/factory/*` reach into a pack, when there are many.
    fn sweep_loose(&self) -> Result<(), Error> {
        let estimate = self.loose_estimate();
        if estimate < self.not_ours.get() + MIN_LOOSE {
            return Ok(());
        }
        let ours = self
            .our_loose()
            .map_err(|source| self.git("find loose objects", source))?;
        self.not_ours.set(estimate.saturating_sub(ours.len()));
        if ours.len() < MIN_LOOSE {
            return Ok(());
        }
        let durable = self.durable_repository(Deltas::Skip)?;
        self.write_pack(&durable, &ours)?;
        for oid in &ours {
            remove(&self.loose_path(*oid))?;
        }
        Ok(())
    }

    /// Estimates the number of loose objects from eight of the 256 directories, like `git gc` does from one.
    fn loose_estimate(&self) -> usize {
        let sampled: usize = (0..256)
            .step_by(32)
            .map(|fan| {
                let dir = self.common_dir.join(format!("objects/{fan:02x}"));
                dir.read_dir_utf8().map_or(0, Iterator::count)
            })
            .sum();
        sampled * 32
    }

    /// Returns loose objects reachable from `refs/factory/*` and from no other ref.
    ///
    /// Follows loose objects only: what a packed commit or tree names was packed before it or with
    /// it, so the walk costs as much as there is to pack, not as much as there is history.
    fn our_loose(&self) -> Result<BTreeSet<Oid>, git2::Error> {
        let (mut ours, mut others) = (Vec::new(), Vec::new());
        for reference in self.repository.references()? {
            let reference = reference?;
            let factory = reference.name_bytes().starts_with(b"refs/factory/");
            if let Some(target) = reference.target() {
                if factory { &mut ours } else { &mut others }.push(target);
            }
        }
        others.extend(self.repository.head().ok().and_then(|head| head.target()));
        let not_ours = self.loose_closure(others, &BTreeSet::new())?;
        self.loose_closure(ours, &not_ours)
    }

    fn loose_closure(
        &self,
        mut stack: Vec<Oid>,
        excluded: &BTreeSet<Oid>,
    ) -> Result<BTreeSet<Oid>, git2::Error> {
        let mut seen = BTreeSet::new();
        while let Some(oid) = stack.pop() {
            if excluded.contains(&oid) || seen.contains(&oid) || !self.loose_path(oid).exists() {
                continue;
            }
            seen.insert(oid);
            stack.extend(self.names_of(oid)?);
        }
        Ok(seen)
    }

    /// Returns the objects that an object names.
    fn names_of(&self, oid: Oid) -> Result<Vec<Oid>, git2::Error> {
        let (_, kind) = self.repository.odb()?.read_header(oid)?;
        Ok(match kind {
            ObjectType::Commit => {
                let commit = self.repository.find_commit(oid)?;
                commit.parent_ids().chain([commit.tree_id()]).collect()
            }
            ObjectType::Tree => {
                let tree = self.repository.find_tree(oid)?;
                tree.iter().map(|entry| entry.id()).collect()
            }
            ObjectType::Tag => vec![self.repository.find_tag(oid)?.target_id()],
            _ => Vec::new(),
        })
    }

    fn loose_path(&self, oid: Oid) -> Utf8PathBuf {
        let hex = oid.to_string();
        self.common_dir
            .join("objects")
            .join(&hex[..2])
            .join(&hex[2..])
    }
}

/// One pack of ours.
struct Pack {
    index: Utf8PathBuf,
    objects: usize,
}

/// Returns how many of the ascending sizes to merge: at least two, and on until the next is larger
/// than the sum, so that an object is rewritten a logarithmic number of times.
pub(super) fn merge_width(sizes: &[usize]) -> usize {
    let mut sum = 0;
    for (idx, size) in sizes.iter().enumerate() {
        if idx >= 2 && *size > sum {
            return idx;
        }
        sum += size;
    }
    sizes.len()
}

/// Reads the object count of a version-2 pack index: the last entry of its fan-out table.
fn count_in_index(path: &Utf8Path) -> Result<usize, Error> {
    use std::io::Read as _;
    let mut head = [0u8; 8 + 4 * 256];
    File::open(path)
        .and_then(|mut file| file.read_exact(&mut head))
        .map_err(|source| io("read", path, source))?;
    Ok(be_u32(&head[8 + 4 * 255..]))
}

/// Reads the object ids of a version-2 pack index.
pub(super) fn read_index(path: &Utf8Path) -> Result<Vec<Oid>, Error> {
    let bytes = std::fs::read(path).map_err(|source| io("read", path, source))?;
    let table = 8 + 4 * 256;
    let invalid = || {
        let reason = "not a version-2 pack index";
        io(
            "read",
            path,
            std::io::Error::new(std::io::ErrorKind::InvalidData, reason),
        )
    };
    if !bytes.starts_with(&[0xff, b't', b'O', b'c', 0, 0, 0, 2]) || bytes.len() < table {
        return Err(invalid());
    }
    let n = be_u32(&bytes[table - 4..]);
    let ids = bytes.get(table..table + 20 * n).ok_or_else(invalid)?;
    ids.chunks_exact(20)
        .map(|id| Oid::from_bytes(id).map_err(|_| invalid()))
        .collect()
}

fn be_u32(bytes: &[u8]) -> usize {
    bytes[..4]
        .iter()
        .fold(0, |number, byte| (number << 8) | usize::from(*byte))
}

/// Hides a pack from git by removing its index, and keeps its data for readers that have the index open.
///
/// A process that found an object through the index opens the data only when it reads the object.
pub(super) fn retire_pack(index: &Utf8Path) -> Result<(), Error> {
    let data = index.with_extension("pack");
    // Marks the beginning of the grace; without the mark it ends too early, at worst.
    drop(File::open(&data).and_then(|file| file.set_modified(SystemTime::now())));
    for extension in ["idx", "rev", "bitmap"] {
        remove(&index.with_extension(extension))?;
    }
    Ok(())
}

/// Removes the data of retired packs but for the newest, which stay for a while.
fn remove_retired(retired: Vec<Utf8PathBuf>) -> Result<(), Error> {
    let mut aged: Vec<_> = retired.into_iter().map(|data| (age(&data), data)).collect();
    aged.sort();
    for (idx, (age, data)) in aged.iter().enumerate() {
        if idx >= MAX_RETIRED || *age > GRACE {
            remove(data)?;
        }
    }
    Ok(())
}

/// Returns how long ago a file was marked; a clock that went back makes it young.
fn age(path: &Utf8Path) -> Duration {
    path.metadata()
        .and_then(|metadata| metadata.modified())
        .ok()
        .and_then(|modified| modified.elapsed().ok())
        .unwrap_or_default()
}

/// Removes a file, which may be gone already.
pub(super) fn remove(path: &Utf8Path) -> Result<(), Error> {
    match std::fs::remove_file(path) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
            Err(io("remove", path, source))
        }
        _ => Ok(()),
    }
}
