//! Generated files that are committed, and the test that they are in step.

use super::command;

/// Fails if a committed file differs from what the code generates; with `BLESS=1` it is written.
pub(super) fn in_step(path: &str, text: &str) {
    let file = format!("{}/{path}", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("BLESS").is_some() {
        fs_err::write(&file, text).unwrap();
    }
    let committed = fs_err::read_to_string(&file).unwrap_or_default();
    assert!(
        committed == text,
        "{path} is stale: `BLESS=1 cargo test --lib cli::` writes it"
    );
}

/// Returns `docs/cli.md`: the help of every verb.
fn reference() -> String {
    let mut text =
        String::from("# Command line reference\n\nGenerated from the program's own help.\n\n");
    let mut root = command().term_width(100);
    root.build();
    text.push_str(&section("factory", &mut root.clone()));
    for verb in root
        .get_subcommands_mut()
        .filter(|it| it.get_name() != "help")
    {
        let name = format!("factory {}", verb.get_name());
        text.push_str(&section(&name, &mut verb.clone()));
        for inner in verb
            .get_subcommands_mut()
            .filter(|it| it.get_name() != "help")
        {
            let name = format!("{name} {}", inner.get_name());
            text.push_str(&section(&name, &mut inner.clone()));
        }
    }
    text.trim_end().to_owned() + "\n"
}

fn section(name: &str, command: &mut clap::Command) -> String {
    let is_root = name == "factory";
    let mut command = command.clone().term_width(100);
    if !is_root {
        // The global options stand once, at the top.
        let hide = |arg: clap::Arg| {
            if arg.is_global_set() {
                arg.hide(true)
            } else {
                arg
            }
        };
        command = command.mut_args(hide);
    }
    let help = command.render_long_help().to_string();
    let lines: Vec<&str> = help.lines().map(str::trim_end).collect();
    format!(
        "## `{name}`\n\n```text\n{}\n```\n\n",
        lines.join("\n").trim_end()
    )
}

#[test]
fn the_reference_is_in_step_with_the_help() {
    in_step("docs/cli.md", &reference());
}
