//! Backend `command`: any program, asked on its standard input and believed in nothing.
//!
//! Every answer is checked against the contract; what does not hold is explained and asked for again.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::wire::{self, Again, Answer, Build, Question, Reading};
use super::{Error, Played};
use crate::config::{CommandBackend, Role};
use crate::process::{self, Exit, Finished};
use crate::sandbox::{Access, Room, Sandbox};

#[cfg(test)]
mod tests;

/// How often one answer is asked for.
const ATTEMPTS: u32 = 3;

/// The most that a program may print, in bytes.
const PRINTED: usize = 4 << 20;

/// What is said of a tree whose folder a program took away.
const GONE: &str = "the folder of the tree is gone";

/// How much of a wrong answer is shown to the program again, in characters.
const SHOWN_AGAIN: usize = 2_000;

/// Variables from a person's environment, with values that are never shown.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secrets(Vec<(String, String)>);

impl Secrets {
    /// Keeps variables.
    pub fn new(variables: Vec<(String, String)>) -> Self {
        Self(variables)
    }

    /// Returns a text in which no value stands.
    pub fn redact(&self, text: &str) -> String {
        let values = self.0.iter().map(|(_, value)| value);
        values
            .filter(|it| it.len() >= 6)
            .fold(text.to_owned(), |text, it| text.replace(it.as_str(), "…"))
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.0.iter().map(|(name, _)| name);
        f.debug_set().entries(names).finish()
    }
}

/// What a program is run with.
pub struct ProgramSpec {
    /// What the profile says of it.
    pub config: CommandBackend,
    /// Variables that it gets.
    pub secrets: Secrets,
    /// Where it runs.
    pub sandbox: Box<dyn Sandbox>,
    /// Its homes are made below this folder.
    pub place: Utf8PathBuf,
    /// Its logs go into this folder.
    pub logs: Utf8PathBuf,
    /// Interruption.
    pub cancel: CancellationToken,
}

/// A program that plays roles.
pub struct Program {
    spec: ProgramSpec,
    words: Vec<String>,
    declined: Mutex<BTreeSet<Role>>,
    /// What was reported, by the folder that it was asked in.
    played: Mutex<BTreeMap<Utf8PathBuf, Played>>,
}

impl Program {
    /// Returns the program that a profile declares.
    ///
    /// # Errors
    /// A command line that is none.
    pub fn new(spec: ProgramSpec) -> Result<Self, Error> {
        let command = process::Command::from_line(&spec.config.run, "/")?;
        let words = std::iter::once(command.program).chain(command.args);
        Ok(Self {
            words: words.collect(),
            spec,
            declined: Mutex::default(),
            played: Mutex::default(),
        })
    }

    /// Returns whether it is asked to play a role.
    pub fn plays(&self, role: Role) -> bool {
        let roles = &self.spec.config.roles;
        let declined = self.declined.lock().unwrap_or_else(PoisonError::into_inner);
        (roles.is_empty() || roles.contains(&role)) && !declined.contains(&role)
    }

    /// Asks for an answer in a directory; `None` where the role is declined.
    ///
    /// # Errors
    /// [`Error::NothingDelivered`] where no answer could be used; an interruption; a program that cannot
    /// be started.
    ///
    /// # Panics
    /// Never: a question is plain data.
    pub async fn ask<I: Serialize, A: Answer>(
        &self,
        role: Role,
        input: I,
        dir: &Utf8Path,
        check: &(dyn Fn(&A) -> Vec<String> + Sync),
    ) -> Result<Option<A>, Error> {
        if !self.plays(role) {
            return Ok(None);
        }
        let mut question = Question {
            schema: wire::SCHEMA.to_owned(),
            role,
            answer_schema: schemars::schema_for!(A),
            again: None,
            input,
        };
        let mut wrong = String::new();
        for attempt in 1..=ATTEMPTS {
            // A program may have put a link in place of its folder, and the next one would work behind it.
            if !is_folder(dir) {
                wrong = GONE.into();
                break;
            }
            let text = serde_json::to_vec(&question).expect("a question is plain data");
            let finished = self.run(role, text, dir).await?;
            let printed = finished.stdout_text();
            wrong = match self.judge(&finished, &printed, dir, check) {
                Reading::Answer(answer) => return Ok(Some(answer)),
                Reading::Declined => {
                    let mut declined = self.declined.lock().unwrap_or_else(PoisonError::into_inner);
                    declined.insert(role);
                    return Ok(None);
                }
                Reading::Wrong(reason) => self.spec.secrets.redact(&reason),
            };
            if finished.exit == Exit::TimedOut {
                break;
            }
            question.again = Some(Again {
                attempt: attempt + 1,
                of: ATTEMPTS,
                wrong: wrong.clone(),
                printed: printed.chars().take(SHOWN_AGAIN).collect(),
            });
        }
        Err(Error::NothingDelivered(format!(
            "the {} gave no usable answer: {wrong}{}",
            role.name(),
            self.hint()
        )))
    }

    /// Has files edited in a directory, and returns the message that the work is committed with.
    ///
    /// # Errors
    /// As [`Self::ask`]; also where the program says that there is nothing to deliver.
    pub async fn build<I: Serialize>(
        &self,
        input: I,
        dir: &Utf8Path,
    ) -> Result<Option<String>, Error> {
        let is_there = |_: &Build| {
            let gone = (!is_folder(dir)).then(|| GONE.into());
            gone.into_iter().collect()
        };
        let answer = self.ask(Role::Builder, input, dir, &is_there).await?;
        match answer {
            None => Ok(None),
            Some(Build {
                message: Some(message),
                ..
            }) => Ok(Some(message)),
            Some(Build { nothing, .. }) => Err(Error::NothingDelivered(format!(
                "the builder says that there is nothing to deliver: {}",
                self.spec.secrets.redact(&nothing.unwrap_or_default())
            ))),
        }
    }

    /// Keeps a sentence for the person, until [`Self::take_played`].
    pub fn note(&self, notice: String) {
        let mut played = self.played.lock().unwrap_or_else(PoisonError::into_inner);
        played
            .entry(Utf8PathBuf::new())
            .or_default()
            .notices
            .push(notice);
    }

    /// Returns what playing has cost since the last call, in one folder or in all, as the program reports
    /// it, and what a person should know.
    pub fn take_played(&self, dir: Option<&Utf8Path>) -> Played {
        let mut played = self.played.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(dir) = dir {
            return played.remove(dir).unwrap_or_default();
        }
        let mut all = Played::default();
        for it in std::mem::take(&mut *played).into_values() {
            all.add(it);
        }
        all
    }

    fn judge<A: Answer>(
        &self,
        finished: &Finished,
        printed: &str,
        dir: &Utf8Path,
        check: &(dyn Fn(&A) -> Vec<String> + Sync),
    ) -> Reading<A> {
        if finished.exit == Exit::TimedOut {
            let limit = self.spec.config.timeout;
            return Reading::Wrong(format!("it ran past its limit of {limit} s"));
        }
        if !finished.success() {
            return Reading::Wrong(finished.explain());
        }
        if finished.stdout.len() >= PRINTED {
            return Reading::Wrong(format!("it printed more than {} MiB", PRINTED >> 20));
        }
        match wire::read::<A>(printed) {
            Reading::Answer(answer) => {
                let mut played = self.played.lock().unwrap_or_else(PoisonError::into_inner);
                let cost = answer.cost();
                played.entry(dir.to_owned()).or_default().add(Played {
                    tokens: cost.tokens,
                    usd: cost.usd,
                    notices: Vec::new(),
                });
                drop(played);
                let faults = check(&answer);
                if faults.is_empty() {
                    Reading::Answer(answer)
                } else {
                    Reading::Wrong(faults.join("; "))
                }
            }
            other => other,
        }
    }

    async fn run(&self, role: Role, question: Vec<u8>, dir: &Utf8Path) -> Result<Finished, Error> {
        let name = dir.file_name().unwrap_or("agent");
        let state = self.spec.place.join(name);
        let home = state.join("home");
        fs_err::create_dir_all(&home).map_err(|source| Error::Io {
            path: home.to_string(),
            source,
        })?;
        let (program, args) = self.words.split_first().expect("a command line has a word");
        let mut command = process::Command::new(program, dir)
            .args(args)
            .timeout(Duration::from_secs(self.spec.config.timeout))
            .log(self.spec.logs.join(format!("agent-{}.log", role.name())));
        command.stdin = Some(question);
        command.output_cap = PRINTED;
        command.env = self.environment(&home);
        let access = Access::Agent {
            network: self.spec.config.network,
            read_only: role != Role::Builder,
        };
        let room = Room {
            tree: dir,
            build: &state,
        };
        let sandbox = self.spec.sandbox.with(access);
        Ok(sandbox.run(&command, room, &self.spec.cancel).await?)
    }

    /// A home of its own, and the tools where they are.
    fn environment(&self, home: &Utf8Path) -> Vec<(String, String)> {
        let own = [
            ("HOME", home.to_owned()),
            ("XDG_CONFIG_HOME", home.join(".config")),
            ("XDG_CACHE_HOME", home.join(".cache")),
            ("XDG_DATA_HOME", home.join(".local/share")),
        ];
        let mut all: Vec<(String, String)> = own
            .map(|(name, path)| (name.to_owned(), path.into_string()))
            .into();
        let persons = process::variable("HOME").map(Utf8Path::new);
        for (name, below) in [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")] {
            let usual = persons.map(|it| it.join(below));
            let usual = usual.filter(|it| process::variable(name).is_none() && it.is_dir());
            all.extend(usual.map(|it| (name.to_owned(), it.into_string())));
        }
        all.extend(self.spec.secrets.0.iter().cloned());
        all
    }

    /// Says what a program that failed may have missed.
    fn hint(&self) -> &'static str {
        if self.spec.config.network {
            ""
        } else {
            " (it ran without network; hint: `network = true` in `[backend.command]`, if it needs one)"
        }
    }
}

/// Returns whether there is a folder at a path, and no link to one.
fn is_folder(dir: &Utf8Path) -> bool {
    fs_err::symlink_metadata(dir).is_ok_and(|it| it.is_dir())
}
