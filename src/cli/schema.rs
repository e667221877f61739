//! `factory schema`.

use clap::{Args, Subcommand};
use schemars::{JsonSchema, Schema, schema_for};

use crate::agent::wire;
use crate::ceo::RunReport;
use crate::config::Profile;
use crate::eval::report::FirstReport;
use crate::model::dimension::Evaluation;
use crate::model::profile::Detection;
use crate::store::RecordEvent;
use crate::ui::document as doc;
use crate::ui::insights::Insights;

use super::context::Context;
use super::{CliError, Exit};

/// Print the JSON Schemas of what `--json` prints, and of what a backend is asked and answers
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct SchemaArgs {
    #[command(subcommand)]
    verb: Option<SchemaVerb>,
    /// The name of the one to print, as in `hypotheses`.
    name: Option<String>,
}

#[derive(Debug, Subcommand)]
enum SchemaVerb {
    /// List the documents that have a schema
    List,
    /// Print the schema of one document
    Print {
        /// Its name, as in `factory.eval/1` or `eval`.
        name: String,
    },
}

pub(super) fn run(args: &SchemaArgs, ctx: &Context) -> Result<Exit, CliError> {
    if let Some(name) = &args.name {
        return print(name, ctx);
    }
    match &args.verb {
        None | Some(SchemaVerb::List) => list(ctx),
        Some(SchemaVerb::Print { name }) => print(name, ctx),
    }
}

fn list(ctx: &Context) -> Result<Exit, CliError> {
    let document = doc::Schemas {
        schema: "factory.schema/1".to_owned(),
        schemas: all()
            .into_iter()
            .map(|(name, _)| format!("factory.{name}/1"))
            .collect(),
    };
    ctx.emit(&document, |it, _width| {
        it.schemas.iter().map(|name| format!("{name}\n")).collect()
    })?;
    Ok(Exit::Done)
}

fn print(name: &str, ctx: &Context) -> Result<Exit, CliError> {
    let short = name.trim_start_matches("factory.").trim_end_matches("/1");
    let Some((_, schema)) = all().into_iter().find(|(it, _)| *it == short) else {
        return Err(
            CliError::new(Exit::Input, format!("there is no schema `{name}`"))
                .hint("`factory schema list` names them"),
        );
    };
    ctx.output.data(&text(&schema))?;
    Ok(Exit::Done)
}

/// Returns every document with its schema, by name.
fn all() -> Vec<(&'static str, Schema)> {
    let mut documents = documents();
    documents.extend(
        wire::schemas()
            .into_iter()
            .map(|(name, schema)| named(name, schema)),
    );
    documents.sort_by_key(|(name, _)| *name);
    documents
}

fn documents() -> Vec<(&'static str, Schema)> {
    vec![
        of::<doc::Agents>("agents"),
        of::<doc::Background>("background"),
        of::<doc::Backlog>("backlog"),
        of::<doc::Checkout>("checkout"),
        of::<doc::ConfigReport>("config"),
        of::<doc::Controlled>("control"),
        of::<Detection>("detect"),
        of::<doc::Difference>("diff"),
        of::<doc::Discovery>("discover"),
        of::<doc::Doctor>("doctor"),
        of::<doc::Failure>("error"),
        of::<Evaluation>("eval"),
        of::<doc::EventLine>("event"),
        of::<doc::Changes>("forget"),
        of::<doc::GuardReport>("guard"),
        of::<doc::History>("history"),
        of::<doc::Imported>("import"),
        of::<doc::Init>("init"),
        of::<Insights>("insights"),
        of::<doc::Landed>("land"),
        of::<RecordEvent>("ledger_event"),
        of::<doc::Passes>("passes"),
        of::<Profile>("profile"),
        of::<doc::Pruned>("prune"),
        of::<doc::Rejected>("reject"),
        of::<doc::Repair>("repair"),
        of::<doc::Replay>("replay"),
        of::<doc::ReplayedAudit>("replayed_audit"),
        of::<FirstReport>("report"),
        of::<doc::ResearchPage>("research"),
        of::<RunReport>("run"),
        of::<doc::Schemas>("schema"),
        of::<doc::Shown>("show"),
        of::<doc::StatusReport>("status"),
        of::<doc::Synced>("sync"),
        of::<doc::Targets>("targets"),
    ]
}

fn of<T: JsonSchema>(name: &'static str) -> (&'static str, Schema) {
    named(name, schema_for!(T))
}

fn named(name: &'static str, mut schema: Schema) -> (&'static str, Schema) {
    schema.insert("$id".to_owned(), format!("factory.{name}/1").into());
    (name, schema)
}

fn text(schema: &Schema) -> String {
    let text = serde_json::to_string_pretty(schema).expect("a schema is plain JSON");
    text + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::reference::in_step;

    #[test]
    fn the_committed_schemas_are_in_step_with_the_code() {
        for (name, schema) in all() {
            in_step(&format!("docs/schema/{name}.json"), &text(&schema));
        }
    }

    #[test]
    fn no_committed_schema_is_left_over() {
        let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/schema");
        let mut found: Vec<String> = fs_err::read_dir(dir)
            .unwrap()
            .map(|it| it.unwrap().file_name().into_string().unwrap())
            .collect();
        found.sort();
        let expected: Vec<String> = all()
            .iter()
            .map(|(name, _)| format!("{name}.json"))
            .collect();
        assert_eq!(found, expected);
    }
}
