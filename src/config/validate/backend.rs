//! What `[backend]` and `[run]` cannot say by their types.

use super::{Problem, command_line, report};
use crate::config::Profile;

/// The most candidates that are built at a time.
const PARALLEL: u32 = 16;
/// The most variants of one hypothesis: two pairs tell hardly more of them apart.
const VARIANTS: u32 = 8;

/// Reports a backend that cannot be run as it is declared.
pub(super) fn backend(profile: &Profile, found: &mut Vec<Problem>) {
    let run = &profile.run;
    for (key, value, most) in [
        ("run.parallel", run.parallel, PARALLEL),
        ("run.variants", run.variants, VARIANTS),
    ] {
        if !(1..=most).contains(&value) {
            report(found, key, format!("`{value}` is not between 1 and {most}"));
        }
    }
    let Some(command) = &profile.backend.command else {
        return;
    };
    command_line(&command.run, "backend.command.run", found);
    if command.timeout == 0 {
        let message = "a time limit of 0 lets nothing run; use at least 1";
        report(found, "backend.command.timeout", message);
    }
    for name in &command.env {
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if name.is_empty() || !name.chars().all(is_name) {
            let message =
                format!("`{name}` is not the name of a variable; values stay out of here");
            report(found, "backend.command.env", message);
        }
    }
    for path in &command.read {
        if !path.starts_with('/') {
            let message = format!("`{path}` is not an absolute path");
            report(found, "backend.command.read", message);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints(text: &str) -> Vec<String> {
        let profile: Profile = toml::from_str(text).unwrap();
        let mut found = Vec::new();
        backend(&profile, &mut found);
        found.into_iter().map(|it| it.key).collect()
    }

    #[test]
    fn a_backend_that_cannot_run_is_refused_by_its_key() {
        assert_eq!(
            complaints("[backend.command]\nrun = 'python3 agent.py'\n"),
            Vec::<String>::new()
        );
        assert_eq!(
            complaints(
                "[run]\nparallel = 0\nvariants = 9\n[backend.command]\nrun = ''\ntimeout = 0\nenv = ['KEY=secret']\nread = ['agents']\n"
            ),
            [
                "run.parallel",
                "run.variants",
                "backend.command.run",
                "backend.command.timeout",
                "backend.command.env",
                "backend.command.read",
            ]
        );
    }
}
