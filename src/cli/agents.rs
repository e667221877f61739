//! `factory agents`.

use clap::Args;

use crate::config::{CommandBackend, Role};
use crate::model::measurement::SandboxTier;
use crate::process::{self, Command};
use crate::sandbox;
use crate::ui::document::{AgentLine, Agents};
use crate::ui::verbs;

use super::context::{Context, directory};
use super::record::PathArg;
use super::{CliError, Exit, interrupt};

/// List the backends, and whether each could play here
///
/// Nothing is asked of a model and nothing is run but what this machine allows is tried: it is free.
#[derive(Debug, Args)]
pub(super) struct AgentsArgs {
    #[command(flatten)]
    target: PathArg,
}

pub(super) fn run(args: &AgentsArgs, ctx: &Context) -> Result<Exit, CliError> {
    let root = directory(args.target.path.as_deref())?;
    let profile = ctx.options(Some(&root))?.profile;
    let allowed = interrupt::run(ctx.output, async |cancel| {
        sandbox::probe(sandbox::OURSELVES, &ctx.scratch, &cancel).await
    })??;
    let tier = if allowed.namespaces {
        SandboxTier::T2
    } else {
        SandboxTier::T0
    };
    let mechanic = AgentLine {
        name: "mechanic".to_owned(),
        ready: true,
        roles: Role::ALL.to_vec(),
        network: false,
        tier: SandboxTier::T0,
        detail: "the embedded one: needs no model, no network and no money".to_owned(),
        cure: None,
    };
    let command = match &profile.backend.command {
        None => AgentLine {
            name: "command".to_owned(),
            ready: false,
            roles: Vec::new(),
            network: false,
            tier,
            detail: "no program is declared".to_owned(),
            cure: Some("add `[backend.command]` to factory.toml (docs/backends.md)".to_owned()),
        },
        Some(config) => {
            let fault = fault(config, ctx).or_else(|| {
                (tier < profile.sandbox.min_tier).then(|| {
                    let why = allowed.refused.clone().unwrap_or_default();
                    (
                        format!("this machine gives no namespaces: {why}"),
                        "`factory doctor` says how to get them".to_owned(),
                    )
                })
            });
            line(config, tier, fault)
        }
    };
    let document = Agents {
        schema: "factory.agents/1".to_owned(),
        agents: vec![mechanic, command],
    };
    ctx.emit(&document, verbs::agents)?;
    Ok(Exit::Done)
}

fn line(config: &CommandBackend, tier: SandboxTier, fault: Option<(String, String)>) -> AgentLine {
    let roles = if config.roles.is_empty() {
        Role::ALL.to_vec()
    } else {
        config.roles.clone()
    };
    let (detail, cure) = match fault {
        Some((detail, cure)) => (detail, Some(cure)),
        None => (config.run.clone(), None),
    };
    AgentLine {
        name: "command".to_owned(),
        ready: cure.is_none(),
        roles,
        network: config.network,
        tier,
        detail,
        cure,
    }
}

/// Returns what keeps a program from being started, with what to do.
fn fault(config: &CommandBackend, ctx: &Context) -> Option<(String, String)> {
    let command = match Command::from_line(&config.run, "/") {
        Ok(command) => command,
        Err(error) => return Some((error.to_string(), "correct `run`".to_owned())),
    };
    let is_there = if command.program.contains('/') {
        // A relative one lies in the tree that it is given.
        !command.program.starts_with('/') || camino::Utf8Path::new(&command.program).is_file()
    } else {
        process::find_program(&command.program).is_some()
    };
    if !is_there {
        let detail = format!("`{}` was not found", command.program);
        return Some((detail, "install it, or correct `run`".to_owned()));
    }
    let missing = config.env.iter().find(|it| ctx.variable(it).is_none());
    missing.map(|name| (format!("`{name}` is not set"), format!("export `{name}`")))
}
