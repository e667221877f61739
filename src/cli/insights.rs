//! `factory insights`.

use camino::{Utf8Path, Utf8PathBuf};
use clap::{Args, ValueEnum};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, civil};

use crate::archive::By;
use crate::model::budget;
use crate::ui::insights::{self, Insights};

use super::context::{self, Context};
use super::{CliError, Exit, pictures};

/// Show what the record of all targets teaches: what is kept, how large effects are, what they cost
///
/// The record of every target that was used before is followed into one archive of Parquet files, which
/// is made from the ledgers alone and may be deleted. Only what is new is read.
#[derive(Debug, Args)]
pub(super) struct InsightsArgs {
    /// Only these targets [default: all that were used before].
    #[arg(value_name = "PATH")]
    paths: Vec<Utf8PathBuf>,
    /// What experiments are grouped by; several, with commas between, give every combination.
    #[arg(
        long,
        value_enum,
        value_delimiter = ',',
        value_name = "WHAT",
        default_value = "category"
    )]
    by: Vec<By>,
    /// Only what was closed within this time or since that date, as in `7d` or `2026-11-01`.
    #[arg(long, value_name = "WHEN", value_parser = parse_since)]
    since: Option<Since>,
    /// How the answer is written; Parquet needs `--output`.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
    /// Write the answer to this file.
    #[arg(short, long, value_name = "FILE")]
    output: Option<Utf8PathBuf>,
    /// Make the archive again from the ledgers alone.
    #[arg(long)]
    rebuild: bool,
    /// Write pictures of one target's record into this folder, and nothing else.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["since", "output", "rebuild", "format"])]
    plots: Option<Utf8PathBuf>,
}

/// How the answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Table,
    /// One document, as with `--json`.
    Json,
    /// One line a group.
    Csv,
    /// For other programs, many groups at once.
    Parquet,
}

/// Where in time the answer begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Since {
    Ago(SignedDuration),
    At(Timestamp),
}

#[cfg(any(test, feature = "archive"))]
impl Since {
    fn from(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Ago(duration) => now.checked_sub(duration).unwrap_or(Timestamp::MIN),
            Self::At(timestamp) => timestamp,
        }
    }
}

pub(super) fn run(args: &InsightsArgs, ctx: &Context) -> Result<Exit, CliError> {
    if let Some(dir) = &args.plots {
        return draw(args, dir, ctx);
    }
    if args.format == Format::Parquet && args.output.is_none() {
        let message = "`--format parquet` writes no text";
        return Err(CliError::new(Exit::Usage, message).hint("say where to: `--output FILE`"));
    }
    let paths: Vec<Utf8PathBuf> = args
        .paths
        .iter()
        .map(|it| Ok(context::target(Some(it))?.root().to_owned()))
        .collect::<Result<_, CliError>>()?;
    archived::run(args, paths, ctx)
}

/// Writes pictures of one target.
fn draw(args: &InsightsArgs, dir: &Utf8Path, ctx: &Context) -> Result<Exit, CliError> {
    if args.paths.len() > 1 {
        let message = "`--plots` draws one target";
        return Err(CliError::new(Exit::Usage, message).hint("give one PATH"));
    }
    let target = context::target(args.paths.first().map(Utf8PathBuf::as_path))?;
    let document = Insights {
        targets: vec![target.root().to_owned()],
        pictures: pictures::write(&target, dir)?,
        ..Insights::default()
    };
    ctx.emit(&document, insights::pictures)?;
    Ok(Exit::Done)
}

fn parse_since(text: &str) -> Result<Since, String> {
    let ago = budget::duration(text).ok();
    let ago = ago.and_then(|it| SignedDuration::try_from(it).ok());
    let day = || {
        text.parse::<civil::Date>()
            .ok()?
            .to_zoned(TimeZone::UTC)
            .ok()
    };
    ago.map(Since::Ago)
        .or_else(|| text.parse().ok().map(Since::At))
        .or_else(|| day().map(|it| Since::At(it.timestamp())))
        .ok_or_else(|| format!("`{text}` is neither a time nor a date; write `7d` or `2026-11-01`"))
}

#[cfg(not(feature = "archive"))]
mod archived {
    //! Says that this program has no archive.

    use super::{CliError, Context, Exit, InsightsArgs, Utf8PathBuf};

    pub(super) fn run(
        _args: &InsightsArgs,
        _paths: Vec<Utf8PathBuf>,
        _ctx: &Context,
    ) -> Result<Exit, CliError> {
        let message = "this factory was built without `archive`, which this needs";
        let hint =
            "build it with `cargo install --path . --features archive`; `--plots` works without";
        Err(CliError::new(Exit::Missing, message).hint(hint))
    }
}

#[cfg(feature = "archive")]
mod archived {
    //! Follows the ledgers, asks, and writes the answer.

    use super::{CliError, Context, Exit, Format, Insights, InsightsArgs, Timestamp, Utf8PathBuf};
    use crate::archive::{self, Archive, Group, Query};
    use crate::store::Registry;
    use crate::ui::insights;

    pub(super) fn run(
        args: &InsightsArgs,
        paths: Vec<Utf8PathBuf>,
        ctx: &Context,
    ) -> Result<Exit, CliError> {
        let registered = Registry::open(&ctx.home)?.targets()?;
        let mut targets: Vec<Utf8PathBuf> = registered.into_iter().map(|it| it.path).collect();
        targets.extend(paths.iter().cloned());
        targets.sort();
        targets.dedup();
        let archive = Archive::at(ctx.scratch.join("archive"));
        let updated = if args.rebuild {
            archive.rebuild(&targets)
        } else {
            archive.follow(&targets)
        }?;
        for notice in &updated.notices {
            ctx.output.talk(&format!("note: {notice}\n"));
        }
        let query = Query {
            by: args.by.clone(),
            targets: paths.clone(),
            since: args.since.map(|it| it.from(Timestamp::now())),
        };
        let groups = ask(&archive, &query, &targets, ctx)?;
        let document = Insights {
            targets: if paths.is_empty() { targets } else { paths },
            by: args.by.clone(),
            since: query.since,
            experiments: groups.iter().map(|it| it.experiments).sum(),
            groups,
            archive: Some(archive.dir().to_owned()),
            ..Insights::default()
        };
        write(args, &document, ctx)?;
        Ok(Exit::Done)
    }

    /// Asks; a segment that is damaged inside is named, and the archive made again, once.
    fn ask(
        archive: &Archive,
        query: &Query,
        targets: &[Utf8PathBuf],
        ctx: &Context,
    ) -> Result<Vec<Group>, CliError> {
        match archive::groups(archive, query) {
            Err(error @ archive::Error::Damaged { .. }) => {
                ctx.output
                    .talk(&format!("note: {error}: the archive was made again\n"));
                archive.rebuild(targets)?;
                Ok(archive::groups(archive, query)?)
            }
            other => Ok(other?),
        }
    }

    fn write(args: &InsightsArgs, document: &Insights, ctx: &Context) -> Result<(), CliError> {
        let json = || {
            let text = serde_json::to_string_pretty(document);
            let text = text.map_err(|error| CliError::new(Exit::Internal, error))?;
            Ok::<_, CliError>((text + "\n").into_bytes())
        };
        let bytes = match args.format {
            Format::Table if ctx.is_json() || args.output.is_none() => None,
            Format::Table => {
                let page = insights::table(document, ctx.output.width());
                Some(crate::ui::text::uncoloured(&page).into_bytes())
            }
            Format::Json => Some(json()?),
            Format::Csv => Some(archive::csv(&document.groups, &document.by)?),
            Format::Parquet => Some(archive::parquet(&document.groups, &document.by)?),
        };
        match (bytes, &args.output) {
            (Some(bytes), Some(path)) => {
                fs_err::write(path, bytes)?;
                ctx.output.talk(&format!("wrote {path}\n"));
                Ok(())
            }
            (Some(bytes), None) => Ok(ctx.output.raw(&bytes)?),
            (None, Some(path)) => {
                fs_err::write(path, json()?)?;
                ctx.output.talk(&format!("wrote {path}\n"));
                Ok(())
            }
            (None, None) => ctx.emit(document, insights::table),
        }
    }

    impl From<archive::Error> for CliError {
        fn from(error: archive::Error) -> Self {
            let kind = match &error {
                archive::Error::Io { .. } => Exit::Input,
                archive::Error::Damaged { .. } => Exit::Damaged,
                archive::Error::Table { .. } => Exit::Internal,
            };
            let hint = error.hint().map(str::to_owned);
            let cause = match &error {
                archive::Error::Io { path, source, .. } => Some((path.clone(), source.kind())),
                _ => None,
            };
            Self::from_source(kind, error, hint).on_disk(cause)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beginning_is_a_time_ago_or_a_date() {
        let now: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
        let since = |text: &str| parse_since(text).map(|it| it.from(now).to_string());
        assert_eq!(since("7d").unwrap(), "2026-11-14T12:00:00Z");
        assert_eq!(since("36h").unwrap(), "2026-11-20T00:00:00Z");
        assert_eq!(since("2026-11-01").unwrap(), "2026-11-01T00:00:00Z");
        assert_eq!(
            since("2026-11-01T06:00:00+02:00").unwrap(),
            "2026-11-01T04:00:00Z"
        );
        assert!(since("last week").unwrap_err().contains("`last week`"));
    }
}
