//! Exit codes: a promise to scripts, the same for every verb.

use std::process::{ExitCode, Termination};

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// Done, also when nothing was kept.
    Done,
    /// A fault of ours.
    Internal,
    /// The command line makes no sense.
    Usage,
    /// Configuration or input cannot be used.
    Input,
    /// Nothing builds or can be measured.
    NothingBuilds,
    /// A needed tool or backend is missing.
    Missing,
    /// Another factory holds the target.
    Held,
    /// A budget or usage limit was reached.
    Budget,
    /// The record is damaged.
    Damaged,
    /// A check said no.
    CheckFailed,
    /// Somebody pressed Ctrl-C.
    Interrupted,
}

impl Exit {
    /// Every way to end, by code.
    pub const ALL: [Self; 11] = [
        Self::Done,
        Self::Internal,
        Self::Usage,
        Self::Input,
        Self::NothingBuilds,
        Self::Missing,
        Self::Held,
        Self::Budget,
        Self::Damaged,
        Self::CheckFailed,
        Self::Interrupted,
    ];

    /// Returns the number that the shell sees.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Internal => 1,
            Self::Usage => 2,
            Self::Input => 3,
            Self::NothingBuilds => 4,
            Self::Missing => 5,
            Self::Held => 6,
            Self::Budget => 7,
            Self::Damaged => 8,
            Self::CheckFailed => 9,
            Self::Interrupted => 130,
        }
    }

    /// Returns what it means, as the table in the README says it.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Done => "done, also when nothing was kept",
            Self::Internal => "internal error",
            Self::Usage => "usage",
            Self::Input => "bad configuration or input",
            Self::NothingBuilds => "nothing builds or can be measured",
            Self::Missing => "a needed tool or backend is missing",
            Self::Held => "another factory holds the target",
            Self::Budget => "budget or usage limit reached (state saved)",
            Self::Damaged => "the record is damaged (what was read, what was not)",
            Self::CheckFailed => {
                "a check said no (`guard`, `eval` below threshold, `replay` that disagrees)"
            }
            Self::Interrupted => "interrupted (state saved)",
        }
    }

    /// Returns the name used in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Internal => "internal",
            Self::Usage => "usage",
            Self::Input => "input",
            Self::NothingBuilds => "nothing_builds",
            Self::Missing => "missing",
            Self::Held => "held",
            Self::Budget => "budget",
            Self::Damaged => "damaged",
            Self::CheckFailed => "check_failed",
            Self::Interrupted => "interrupted",
        }
    }
}

impl Termination for Exit {
    fn report(self) -> ExitCode {
        ExitCode::from(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readme_table_names_every_code_in_order() {
        let readme = include_str!("../../README.md");
        let rows: Vec<(String, String)> = readme
            .lines()
            .filter_map(|line| {
                let mut cells = line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ");
                let code: u8 = cells.next()?.parse().ok()?;
                Some((code.to_string(), cells.next()?.to_owned()))
            })
            .collect();
        let expected: Vec<(String, String)> = Exit::ALL
            .iter()
            .map(|exit| (exit.code().to_string(), exit.meaning().to_owned()))
            .collect();
        assert_eq!(rows, expected);
    }
}
