//! Finding one experiment in a target's record.

use camino::Utf8PathBuf;
use clap::Args;

use crate::model::experiment::{Candidate, Experiment};
use crate::model::id::ExperimentId;
use crate::repo::Target;
use crate::store::Reader;

use super::context;
use super::{CliError, Exit};

/// The target of a verb.
#[derive(Debug, Args)]
pub(super) struct PathArg {
    /// Root of the target [default: .].
    #[arg(value_name = "PATH")]
    pub(super) path: Option<Utf8PathBuf>,
}

/// An experiment of a target.
#[derive(Debug, Args)]
pub(super) struct ExperimentArg {
    /// Number of the experiment, as `factory history` shows it.
    #[arg(value_name = "ID")]
    pub(super) id: ExperimentId,
    /// Root of the target [default: .].
    #[arg(value_name = "PATH")]
    pub(super) path: Option<Utf8PathBuf>,
}

impl ExperimentArg {
    /// Opens the target and reads the experiment.
    pub(super) fn open(&self) -> Result<(Target, Reader, Experiment), CliError> {
        let target = context::target(self.path.as_deref())?;
        let reader = Reader::open(&target)?;
        let experiment = find(&reader, self.id)?;
        Ok((target, reader, experiment))
    }
}

/// Returns the experiment of that number.
pub(super) fn find(reader: &Reader, id: ExperimentId) -> Result<Experiment, CliError> {
    reader.experiment(id)?.ok_or_else(|| {
        CliError::new(Exit::Input, format!("there is no experiment #{id}"))
            .hint("`factory history` lists them")
    })
}

/// Returns the candidate of an experiment, if it got that far and was not pruned.
pub(super) fn candidate<'a>(
    reader: &Reader,
    experiment: &'a Experiment,
) -> Result<&'a Candidate, CliError> {
    let id = experiment.id;
    let Some(candidate) = experiment.candidate.as_ref() else {
        let message = format!("experiment #{id} delivered no candidate");
        return Err(
            CliError::new(Exit::Input, message).hint(format!("`factory show {id}` says why"))
        );
    };
    if reader.pruned()?.contains(&id) {
        let message = format!("the candidate of experiment #{id} was pruned");
        return Err(CliError::new(Exit::Input, message).hint(format!(
            "its record is complete: `factory show {id}`, `factory replay {id}`"
        )));
    }
    Ok(candidate)
}
