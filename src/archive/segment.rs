//! One Parquet file of rows: written beside and renamed, read in part.

use std::fs::{self, File};

use camino::{Utf8Path, Utf8PathBuf};
use polars::prelude::{BooleanChunked, Column, DataFrame};
use polars_io::SerReader as _;
use polars_io::parquet::read::ParquetReader;
use polars_io::parquet::write::{ParquetCompression, ParquetWriter, StatisticsOptions};

use super::Error;
use super::manifest::Segment;

const SUFFIX: &str = ".parquet";

/// Returns the name of the segment of that number.
fn file_name(number: u64) -> String {
    format!("{number:08}{SUFFIX}")
}

/// Returns whether a segment may have that name.
pub(super) fn is_ours(name: &str) -> bool {
    let number = name.strip_suffix(SUFFIX);
    number.is_some_and(|it| it.len() >= 8 && it.bytes().all(|it| it.is_ascii_digit()))
}

/// Writes a table as the segment of that number.
pub(super) fn write(dir: &Utf8Path, number: u64, table: &mut DataFrame) -> Result<Segment, Error> {
    let name = file_name(number);
    let path = dir.join(&name);
    let beside = dir.join(format!(".{name}.new"));
    // Made in memory first: the library would hide why a disk takes no more.
    let mut bytes = Vec::new();
    write_to(&mut bytes, table)?;
    fs::write(&beside, &bytes).map_err(Error::io("write", &beside))?;
    fs::rename(&beside, &path).map_err(Error::io("move", &beside))?;
    Ok(Segment {
        file: name,
        rows: table.height() as u64,
        bytes: bytes.len() as u64,
        spans: spans(table)?,
    })
}

/// Writes a table as Parquet.
pub(super) fn write_to(to: impl std::io::Write, table: &mut DataFrame) -> Result<(), Error> {
    // Reading is what must be fast: the files are small either way.
    ParquetWriter::new(to)
        .with_compression(ParquetCompression::Lz4Raw)
        .with_statistics(StatisticsOptions::empty())
        .finish(table)
        .map(|_| ())
        .map_err(Error::table("write a table as Parquet"))
}

/// Reads those columns of a segment, or all.
pub(super) fn read(
    dir: &Utf8Path,
    segment: &Segment,
    columns: Option<Vec<String>>,
) -> Result<DataFrame, Error> {
    let path = dir.join(&segment.file);
    let file = File::open(&path).map_err(Error::io("open", &path))?;
    ParquetReader::new(file)
        .with_columns(columns)
        .finish()
        .map_err(Error::damaged(&path))
}

/// Returns the rows of a segment that are not among those of a target, or `None` if all are kept.
pub(super) fn without(
    table: &DataFrame,
    target: &Utf8Path,
    is_dropped: impl Fn(u32) -> bool,
) -> Result<Option<DataFrame>, Error> {
    let action = "leave rows out of a table";
    let targets = table.column("target").and_then(Column::str);
    let ids = table.column("id").and_then(Column::u32);
    let (targets, ids) = (
        targets.map_err(Error::table(action))?,
        ids.map_err(Error::table(action))?,
    );
    let keep: BooleanChunked = targets
        .iter()
        .zip(ids.iter())
        .map(|(root, id)| !(root == Some(target.as_str()) && id.is_some_and(&is_dropped)))
        .collect();
    if keep.all() {
        return Ok(None);
    }
    table.filter(&keep).map(Some).map_err(Error::table(action))
}

fn spans(table: &DataFrame) -> Result<std::collections::BTreeMap<Utf8PathBuf, (u32, u32)>, Error> {
    let action = "look through a table";
    let targets = table.column("target").and_then(Column::str);
    let ids = table.column("id").and_then(Column::u32);
    let (targets, ids) = (
        targets.map_err(Error::table(action))?,
        ids.map_err(Error::table(action))?,
    );
    let mut spans = std::collections::BTreeMap::<&str, (u32, u32)>::new();
    for (root, id) in targets.iter().zip(ids.iter()) {
        if let (Some(root), Some(id)) = (root, id) {
            let span = spans.entry(root).or_insert((id, id));
            *span = (span.0.min(id), span.1.max(id));
        }
    }
    let owned = spans.into_iter().map(|(root, span)| (root.into(), span));
    Ok(owned.collect())
}
