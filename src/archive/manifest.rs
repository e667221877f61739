//! Which segments count, and how far they follow each ledger.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Read as _, Seek as _, SeekFrom};

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

use super::Error;
use crate::format::{Format, FormatVersion, NewerMinor};
use crate::model::id::{CommitSha, ExperimentId};

pub(super) const FILE: &str = "manifest.json";
/// What the manifest and the segments hold. 1.0: the first. Any other version is made again.
const FORMAT: Format = Format {
    schema: "factory.archive",
    version: FormatVersion { major: 1, minor: 0 },
    newer_minor: NewerMinor::Refuse,
};
/// What a Parquet file begins and ends with.
const MAGIC: &[u8; 4] = b"PAR1";

/// Which segments count, and how far they follow each ledger.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Manifest {
    /// The number of the next segment.
    pub(super) next: u64,
    /// By root.
    pub(super) targets: BTreeMap<Utf8PathBuf, Seen>,
    /// Oldest first.
    pub(super) segments: Vec<Segment>,
}

/// What was read of a target's ledger.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Seen {
    /// The commit that was read.
    pub(super) tip: Option<CommitSha>,
    /// The highest number that was read.
    pub(super) last: u32,
    /// Experiments that were un-kept by then.
    pub(super) unkept: BTreeSet<ExperimentId>,
}

/// One file of rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Segment {
    /// Its name.
    pub(super) file: String,
    /// Its rows.
    pub(super) rows: u64,
    /// Its size.
    pub(super) bytes: u64,
    /// The lowest and the highest number of each target in it.
    pub(super) spans: BTreeMap<Utf8PathBuf, (u32, u32)>,
}

impl Manifest {
    /// Reads the manifest of an archive; one that cannot be used is named, and an empty one returned.
    pub(super) fn load(dir: &Utf8Path, notices: &mut Vec<String>) -> Result<Self, Error> {
        let path = dir.join(FILE);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self::default());
            }
            Err(source) => return Err(Error::io("read", &path)(source)),
        };
        let manifest = match FORMAT.decode::<Self>(&bytes) {
            Ok((manifest, version)) if version == FORMAT.version => manifest,
            Ok((_, version)) => {
                notices.push(format!(
                    "the archive had version {version} and was made again"
                ));
                return Ok(Self::default());
            }
            Err(error) => {
                notices.push(format!(
                    "`{path}` could not be used ({error}): the archive was made again"
                ));
                return Ok(Self::default());
            }
        };
        let broken = manifest.segments.iter().find(|it| !it.is_whole(dir));
        if let Some(segment) = broken {
            let file = dir.join(&segment.file);
            notices.push(format!(
                "`{file}` is missing or torn: the archive was made again"
            ));
            return Ok(Self {
                next: manifest.next,
                ..Self::default()
            });
        }
        Ok(manifest)
    }

    /// Writes the manifest, which makes its segments count, in one step.
    pub(super) fn save(&self, dir: &Utf8Path) -> Result<(), Error> {
        let path = dir.join(FILE);
        let beside = dir.join(format!(".{FILE}.new"));
        let text = FORMAT.encode(self).map_err(|source| Error::Table {
            action: "write the archive's manifest",
            source: Box::new(source),
        })?;
        fs::write(&beside, text + "\n").map_err(Error::io("write", &beside))?;
        fs::rename(&beside, &path).map_err(Error::io("move", &beside))
    }

    /// Returns all rows.
    pub(super) fn rows(&self) -> u64 {
        self.segments.iter().map(|it| it.rows).sum()
    }
}

impl Segment {
    /// Returns whether the file is as long as it was written, and has both its ends.
    fn is_whole(&self, dir: &Utf8Path) -> bool {
        let check = || -> std::io::Result<bool> {
            let mut file = fs::File::open(dir.join(&self.file))?;
            let (mut head, mut tail) = ([0; 4], [0; 4]);
            file.read_exact(&mut head)?;
            file.seek(SeekFrom::End(-4))?;
            file.read_exact(&mut tail)?;
            let length = file.metadata()?.len();
            Ok(length == self.bytes && head == *MAGIC && tail == *MAGIC)
        };
        check().unwrap_or(false)
    }
}
