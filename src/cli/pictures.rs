//! Pictures of a record, as files.

use camino::{Utf8Path, Utf8PathBuf};

use crate::model::id::ExperimentId;
use crate::repo::Target;
use crate::store::{self, Reader};
use crate::ui::pictures::Pictures;

use super::CliError;

/// Experiments that are drawn, the last ones: reading more would make every run wait for its history.
const MOST: u32 = 1_000;

/// Writes the pictures of a target into the readable view that its `.factory/` is.
pub(super) fn keep(root: &Utf8Path) -> Result<(), CliError> {
    let dir = store::hide_view(root)?.join("archive");
    write(&Target::open(root)?, &dir).map(drop)
}

/// Writes the pictures of a target into a folder, which is made; returns their paths.
pub(super) fn write(target: &Target, dir: &Utf8Path) -> Result<Vec<Utf8PathBuf>, CliError> {
    let pictures = read(&Reader::open(target)?)?;
    fs_err::create_dir_all(dir)?;
    let mut written = Vec::new();
    for picture in pictures.draw() {
        let path = dir.join(&picture.name);
        fs_err::write(&path, &picture.svg)?;
        written.push(path);
    }
    Ok(written)
}

fn read(reader: &Reader) -> Result<Pictures, CliError> {
    let last = reader.recent(1)?.first().map_or(0, |it| it.id.0);
    let first = last.saturating_sub(MOST);
    let mut pictures = Pictures::after(first);
    for id in first + 1..=last {
        if let Some(experiment) = reader.experiment(ExperimentId(id))? {
            pictures.add(&experiment);
        }
    }
    for line in reader.audits()? {
        if let Some(audit) = reader.audit(line.id)? {
            pictures.audit(&audit);
        }
    }
    for rejection in reader.rejections()? {
        pictures.reject(&rejection);
    }
    Ok(pictures)
}
