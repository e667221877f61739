//! `factory diff`.

use camino::{Utf8Path, Utf8PathBuf};
use clap::Args;

use crate::model::id::ExperimentId;
use crate::repo::Target;
use crate::store::Reader;
use crate::ui::document::Difference;

use super::context::{self, Context};
use super::{CliError, Exit, record};

/// Print the change of an experiment, or of everything kept
///
/// Without an ID it is the difference between the checked-out commit and the landing branch.
#[derive(Debug, Args)]
pub(super) struct DiffArgs {
    /// Number of the experiment; without it, everything kept.
    #[arg(value_name = "ID")]
    id: Option<String>,
    /// Root of the target [default: .].
    #[arg(value_name = "PATH")]
    path: Option<Utf8PathBuf>,
}

pub(super) fn run(args: &DiffArgs, ctx: &Context) -> Result<Exit, CliError> {
    let (id, path) = split(args)?;
    let target = context::target(path)?;
    let document = match id {
        Some(id) => of_experiment(&target, id)?,
        None => of_everything(&target, ctx)?,
    };
    ctx.emit(&document, |it, _width| it.patch.clone())?;
    Ok(Exit::Done)
}

/// Tells `diff 3`, `diff PATH`, `diff 3 PATH` and `diff` apart.
fn split(args: &DiffArgs) -> Result<(Option<ExperimentId>, Option<&Utf8Path>), CliError> {
    let path = args.path.as_deref();
    match (&args.id, path) {
        (None, _) => Ok((None, path)),
        (Some(text), _) => match text.parse() {
            Ok(id) => Ok((Some(id), path)),
            Err(_) if path.is_none() => Ok((None, Some(Utf8Path::new(text)))),
            Err(error) => Err(CliError::new(Exit::Usage, error)),
        },
    }
}

fn of_experiment(target: &Target, id: ExperimentId) -> Result<Difference, CliError> {
    let reader = Reader::open(target)?;
    let experiment = record::find(&reader, id)?;
    let candidate = record::candidate(&reader, &experiment)?;
    Ok(Difference {
        schema: "factory.diff/1".to_owned(),
        id: Some(id),
        patch: target.diff_text(&experiment.incumbent_tree, &candidate.tree)?,
        from: experiment.incumbent.clone(),
        to: candidate.commit.clone(),
    })
}

fn of_everything(target: &Target, ctx: &Context) -> Result<Difference, CliError> {
    let branch = ctx.options(Some(target.root()))?.profile.landing.branch;
    let from = target.head()?.commit;
    let Some(to) = target.branch(&branch)? else {
        return Err(nothing_kept(&branch));
    };
    Ok(Difference {
        schema: "factory.diff/1".to_owned(),
        id: None,
        patch: target.diff_text(&target.tree_of(&from)?, &target.tree_of(&to)?)?,
        from,
        to,
    })
}

/// Returns the error of a verb that needs kept work where there is none.
pub(super) fn nothing_kept(branch: &str) -> CliError {
    CliError::new(
        Exit::Input,
        format!("nothing is kept yet: there is no branch `{branch}`"),
    )
    .hint("`factory ceo` runs experiments; `factory history` lists them")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_an_experiment_and_anything_else_a_path() {
        let args = |id: &str, path: Option<&str>| DiffArgs {
            id: Some(id.to_owned()),
            path: path.map(Utf8PathBuf::from),
        };
        assert_eq!(
            split(&args("3", None)).unwrap(),
            (Some(ExperimentId(3)), None)
        );
        assert_eq!(
            split(&args("../x", None)).unwrap(),
            (None, Some(Utf8Path::new("../x")))
        );
        assert_eq!(split(&args("x", Some("y"))).unwrap_err().kind, Exit::Usage);
    }
}
