//! `factory config`.

use camino::{Utf8Path, Utf8PathBuf};
use clap::{Args, Subcommand};

use crate::config::{HIDDEN_DIR, Options};
use crate::ui::{document::ConfigReport, verbs};

use super::context::{Context, directory};
use super::{CliError, Exit};

/// Show the configuration, and where each value comes from
///
/// Layers, each winning over the one before: built-in, user (`$FACTORY_HOME/config.toml`), project
/// (`factory.toml` at the root, else `.factory/factory.toml`), environment (`FACTORY_REPORT_SECONDS`,
/// `FACTORY_REPORT_MUTANTS`, `FACTORY_TIMEOUT_SECONDS`, `FACTORY_BRANCH`, `FACTORY_PYTHON`), and the
/// command line (`--config KEY=VALUE`).
#[derive(Debug, Args)]
pub(super) struct ConfigArgs {
    #[command(subcommand)]
    verb: Option<ConfigVerb>,
}

#[derive(Debug, Subcommand)]
enum ConfigVerb {
    /// List every value with its origin
    List {
        /// Root of the target [default: .].
        path: Option<Utf8PathBuf>,
    },
    /// Print one value as TOML
    Get {
        /// Dotted key, as in `decision.alpha`.
        key: String,
        /// Root of the target [default: .].
        path: Option<Utf8PathBuf>,
    },
    /// Print the files that are looked at
    Path {
        /// Root of the target [default: .].
        path: Option<Utf8PathBuf>,
    },
}

pub(super) fn run(args: &ConfigArgs, ctx: &Context) -> Result<Exit, CliError> {
    match &args.verb {
        None => list(None, ctx),
        Some(ConfigVerb::List { path }) => list(path.as_deref(), ctx),
        Some(ConfigVerb::Get { key, path }) => get(key, path.as_deref(), ctx),
        Some(ConfigVerb::Path { path }) => paths(path.as_deref(), ctx),
    }
}

fn options(path: Option<&Utf8Path>, ctx: &Context) -> Result<Options, CliError> {
    ctx.options(Some(&directory(path)?))
}

fn list(path: Option<&Utf8Path>, ctx: &Context) -> Result<Exit, CliError> {
    let document = ConfigReport {
        schema: "factory.config/1".to_owned(),
        settings: options(path, ctx)?.settings,
    };
    ctx.emit(&document, verbs::config)?;
    Ok(Exit::Done)
}

fn get(key: &str, path: Option<&Utf8Path>, ctx: &Context) -> Result<Exit, CliError> {
    let mut settings = options(path, ctx)?.settings;
    settings.retain(|it| it.key == key);
    if settings.is_empty() {
        return Err(CliError::new(Exit::Input, format!("`{key}` has no value"))
            .hint("`factory config list` shows every key that has one"));
    }
    let document = ConfigReport {
        schema: "factory.config/1".to_owned(),
        settings,
    };
    ctx.emit(&document, |it, _width| {
        it.settings
            .iter()
            .map(|setting| format!("{}\n", setting.value))
            .collect()
    })?;
    Ok(Exit::Done)
}

fn paths(path: Option<&Utf8Path>, ctx: &Context) -> Result<Exit, CliError> {
    let root = directory(path)?;
    let files = [
        ctx.home.join("config.toml"),
        root.join("factory.toml"),
        root.join(HIDDEN_DIR).join("factory.toml"),
    ];
    let text: String = files
        .iter()
        .map(|file| {
            format!(
                "{file}{}\n",
                if file.exists() { "" } else { " (not there)" }
            )
        })
        .collect();
    ctx.emit(&files, |_files, _width| text)?;
    Ok(Exit::Done)
}
