//! Who plays the roles of a run, and what a program that is not ours must run under.

use camino::{Utf8Path, Utf8PathBuf};

use crate::agent::{Backend, Pair, Program, ProgramSpec, Secrets};
use crate::ceo::session::Session;
use crate::ceo::workbench::Workbench;
use crate::ceo::{Error, Request};
use crate::mechanic::Mechanic;
use crate::model::experiment::Cost;
use crate::model::measurement::SandboxTier;
use crate::repo::Target;
use crate::sandbox::{Room, keeps_private};

/// Who plays the roles.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Player {
    /// The embedded backend alone.
    #[default]
    Mechanic,
    /// The program of `[backend.command]`, with the variables that it gets; the mechanic plays what it leaves.
    Command(Secrets),
}

impl Player {
    /// Returns whether code of others takes part.
    pub(in crate::ceo) fn is_foreign(&self) -> bool {
        *self != Self::Mechanic
    }
}

/// Returns the backend that a person asked for.
///
/// # Errors
/// One that is not declared, or that would run with less protection than the profile demands.
pub(in crate::ceo) async fn open(
    request: &Request,
    target: &Target,
    bench: &Workbench,
) -> Result<Box<dyn Backend>, Error> {
    let Player::Command(secrets) = &request.player else {
        return Ok(Box::new(Mechanic));
    };
    let Some(config) = request.profile.backend.command.clone() else {
        return Err(Error::NoSuchBackend {
            name: "command".to_owned(),
        });
    };
    check_tier(request, target, bench).await?;
    let spec = ProgramSpec {
        config,
        secrets: secrets.clone(),
        sandbox: bench.lab.sandbox.with(crate::sandbox::Access::Evaluation),
        place: bench.agents.clone(),
        logs: bench.lab.logs.clone(),
        cancel: bench.lab.cancel.clone(),
    };
    Ok(Box::new(Pair::new(Program::new(spec)?, Box::new(Mechanic))))
}

/// Holds what this machine gives against what the profile demands: by trying it, not by what is configured.
async fn check_tier(request: &Request, target: &Target, bench: &Workbench) -> Result<(), Error> {
    let report = bench.lab.sandbox.report();
    let needed = request.profile.sandbox.min_tier;
    let mut found = (report.tier, report.note);
    if report.tier > SandboxTier::T0 {
        fs_err::create_dir_all(&bench.agents)
            .map_err(|source| crate::ceo::io_error(&bench.agents, source))?;
        let room = Room {
            tree: &bench.agents,
            build: &bench.agents,
        };
        let access = crate::sandbox::Access::Agent {
            network: false,
            read_only: false,
        };
        let sandbox = bench.lab.sandbox.with(access);
        let common_dir = target.common_dir();
        let tried = keeps_private(&*sandbox, room, common_dir, &bench.lab.cancel).await?;
        if let Err(reason) = tried {
            found = (SandboxTier::T0, reason);
        }
    }
    if found.0 < needed {
        return Err(Error::TierTooLow {
            found: found.0,
            needed,
            note: found.1,
        });
    }
    Ok(())
}

impl Session<'_> {
    /// Lays the incumbent out for programs that are not ours to read, where there are any; returns where.
    pub(in crate::ceo) fn copy_for_agents(&self) -> Result<Utf8PathBuf, Error> {
        let copy = self.bench.reading.clone();
        if self.backend.is_foreign() {
            self.bench
                .lay_out_repository(&self.target, &self.incumbent.tree, &copy)?;
        }
        Ok(copy)
    }

    /// Adds what a program reports of its cost, and tells what a person should know.
    pub(in crate::ceo) fn settle_with_backend(&mut self) {
        let played = self.backend.take_played(None);
        self.cost.tokens = self.cost.tokens.saturating_add(played.tokens);
        self.cost.usd_cents = self.cost.usd_cents.saturating_add(cents(played.usd));
        for notice in played.notices {
            self.notice(notice);
        }
    }

    /// Returns what a program reports of its cost in one folder alone.
    pub(super) fn report_of(&self, dir: &Utf8Path) -> Cost {
        let played = self.backend.take_played(Some(dir));
        Cost {
            tokens: played.tokens,
            usd_cents: cents(played.usd),
            ..Cost::default()
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a float that does not fit becomes the nearest number that does"
)]
fn cents(usd: f64) -> u64 {
    (usd * 100.0).round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_counted_in_cents_whatever_is_reported() {
        assert_eq!(cents(0.126), 13);
        assert_eq!(cents(-1.0), 0);
        assert_eq!(cents(f64::MAX), u64::MAX);
    }
}
