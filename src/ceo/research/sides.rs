//! Two sides that improve in turns, in a run: one is worked on, the other stays as it is.
//!
//! [`super::turns`] says when a turn ends and what follows; here it is measured and carried out.

use super::pursuit::{Pursuit, short};
use super::turns::{Next, Played, Rules, TurnLine};
use crate::ceo::session::Session;
use crate::ceo::{Error, report::Stopped};
use crate::eval::Depth;
use crate::model::measurement::Arm;
use crate::model::turn::{Side, Turn, TurnEnd};

/// The turn of a run, and what both sides are told.
#[derive(Clone, Debug)]
pub(in crate::ceo) struct Sides {
    rules: Rules,
    /// So many measurements in a row must show that both hold.
    rounds: u32,
    turn: Turn,
    /// Whether nothing is left to try for the side whose turn it is.
    is_exhausted: bool,
    /// How the last turn ended, once the run is over for it.
    ended: Option<TurnEnd>,
}

impl Sides {
    pub(in crate::ceo) fn turn(&self) -> &Turn {
        &self.turn
    }
}

impl Session<'_> {
    /// Turns to the side whose turn it is by the record, before anything is measured.
    pub(in crate::ceo) fn turn_to_side(&mut self) {
        let research = self.request.profile.research.as_ref();
        if let Some(rules) = research.and_then(Rules::of) {
            let played = rules.played(self.history.all(), None);
            self.face(played.last().map_or(Side::First, |it| it.turn.side));
        }
    }

    /// Takes up the turn that is on record, or begins one where the other side is not what it was.
    pub(super) fn take_up_turn(&mut self) -> Result<(), Error> {
        let profile = &self.request.profile;
        let research = profile.research.as_ref();
        let Some((rules, opponent)) =
            research.and_then(|it| Some((Rules::of(it)?, it.opponent.as_ref()?)))
        else {
            return Ok(());
        };
        let Some(number) = self.pursuit.as_ref().map(Pursuit::now) else {
            return Ok(());
        };
        let rounds = opponent.rounds;
        let begun = self.sides.as_ref().map(|it| &it.turn);
        let mut played = rules.played(self.history.all(), begun);
        let last = played.pop().map(|it| it.turn);
        let side = last.as_ref().map_or(Side::First, |it| it.side);
        let against = self.files_of(side.other())?;
        let turn = match last {
            Some(last) if last.against == against => last,
            last => Turn {
                number: last.as_ref().map_or(1, |it| it.number + 1),
                side,
                began: number,
                against,
                after: last.map(|_| TurnEnd::OtherChanged),
                wide: false,
            },
        };
        self.begin_turn(Sides {
            rules,
            rounds,
            turn,
            is_exhausted: false,
            ended: None,
        });
        Ok(())
    }

    fn begin_turn(&mut self, sides: Sides) {
        self.history.begin_turn(sides.turn.number);
        self.sides = Some(sides);
        self.count_plateau();
    }

    /// Counts the plateau from the record, which is where a run that was killed finds it.
    pub(super) fn count_plateau(&mut self) {
        if let Some(last) = self.played().pop()
            && let Some(pursuit) = &mut self.pursuit
        {
            pursuit.plateau = last.plateau;
        }
    }

    /// Returns the turn that an experiment belongs to.
    pub(in crate::ceo) fn turn_now(&self) -> Option<Turn> {
        let wide = self.pursuit.as_ref().is_some_and(|it| it.plateau.is_wide());
        let sides = self.sides.as_ref()?;
        Some(Turn {
            wide,
            ..sides.turn.clone()
        })
    }

    fn played(&self) -> Vec<Played> {
        let history = self.history.all();
        let sides = self.sides.as_ref();
        sides.map_or_else(Vec::new, |it| it.rules.played(history, Some(&it.turn)))
    }

    /// Returns the turns for the closing report.
    pub(in crate::ceo) fn turn_lines(&self) -> Vec<TurnLine> {
        let Some(sides) = &self.sides else {
            return Vec::new();
        };
        let played = self.played();
        let ended = sides.ended;
        let ended = ended.or_else(|| played.last().and_then(|it| sides.rules.end(it)));
        sides.rules.lines(&played, ended)
    }

    /// Notes that nothing is left to try for the side whose turn it is; returns whether that ends a turn.
    pub(in crate::ceo) fn end_turn(&mut self) -> bool {
        let is_one_thing = self.request.resume.is_some() || self.request.focus.is_some();
        let sides = self.sides.as_mut();
        let sides = sides.filter(|it| !is_one_thing && !it.is_exhausted);
        sides.map(|it| it.is_exhausted = true).is_some()
    }

    /// Returns why the run is over, if it is; with two sides, a turn that has ended is handed over first.
    pub(in crate::ceo) async fn is_over(&mut self) -> Result<Option<(Stopped, String)>, Error> {
        if let Some(end) = self.turn_end()
            && let Some(over) = self.hand_over(end).await?
        {
            return Ok(Some(over));
        }
        Ok(self.has_enough())
    }

    fn turn_end(&self) -> Option<TurnEnd> {
        let sides = self.sides.as_ref()?;
        let is_one_thing = self.request.resume.is_some() || self.request.focus.is_some();
        if is_one_thing || self.has_reached_target() {
            return None;
        }
        if sides.is_exhausted {
            return Some(TurnEnd::NothingLeft);
        }
        sides.rules.end(self.played().last()?)
    }

    /// Measures the other side against what is there now, and gives it its turn, unless that would gain
    /// nothing: then the run is over.
    async fn hand_over(&mut self, end: TurnEnd) -> Result<Option<(Stopped, String)>, Error> {
        let Some(sides) = self.sides.clone() else {
            return Ok(None);
        };
        if self.audit_turn().await? {
            // The turn ended on a number that is another one now.
            return Ok(None);
        }
        let (here, there) = (sides.turn.side, sides.turn.side.other());
        let played = self.played();
        let files = self.files_of(here)?;
        let mut n_held = 0;
        loop {
            let runs = match self.measure_side(there).await {
                Err(Error::MetricBroken { name, reason }) => {
                    self.face(here);
                    let words = format!(
                        "`{name}` gives no number against what is kept now, so its side can have no turn: {reason}"
                    );
                    return Ok(Some((Stopped::Blocked, words)));
                }
                runs => runs?,
            };
            let value = Pursuit::middle(&runs);
            let next = sides.rules.next(&played, value, &files);
            if next == Next::Other {
                self.give_turn(there, runs, end).await?;
                return Ok(None);
            }
            n_held += 1;
            if next == Next::Stuck || n_held >= sides.rounds {
                self.face(here);
                let words = converged(&sides, &played, end, next, value);
                if let Some(sides) = &mut self.sides {
                    sides.ended = Some(end);
                }
                return Ok(Some((Stopped::Converged, words)));
            }
            if end == TurnEnd::Enough {
                let runs = self.measure_side(here).await?;
                if !sides.rules.of_side(here).holds(Pursuit::middle(&runs)) {
                    self.give_turn(here, runs, end).await?;
                    return Ok(None);
                }
            }
        }
    }

    /// Measures one side's number on what is kept now.
    async fn measure_side(&mut self, side: Side) -> Result<Vec<f64>, Error> {
        self.face(side);
        let metric = self.pursued_metric();
        let since = self.begin_phase("metric", format!("{} on what is kept now", metric.name));
        let runs = self.first_runs(&metric).await?;
        let value = quantity(Pursuit::middle(&runs), &metric.unit);
        self.end_phase("metric", since, format!("{} {value}", metric.name));
        Ok(runs)
    }

    /// Runs the other side's command once, so that one that is broken is known before anything is tried.
    pub(super) async fn try_other_side(&mut self) -> Result<(), Error> {
        let Some(side) = self.sides.as_ref().map(|it| it.turn.side) else {
            return Ok(());
        };
        self.face(side.other());
        let metric = self.pursued_metric();
        let tried = self.first_run(&metric).await;
        self.face(side);
        tried.map(drop)
    }

    /// Begins a turn: whatever was measured or tried in another is of another opponent.
    async fn give_turn(&mut self, side: Side, runs: Vec<f64>, after: TurnEnd) -> Result<(), Error> {
        let Some(sides) = self.sides.clone() else {
            return Ok(());
        };
        self.face(side);
        let began = Pursuit::middle(&runs);
        let turn = Turn {
            number: sides.turn.number + 1,
            side,
            began,
            against: self.files_of(side.other())?,
            after: Some(after),
            wide: false,
        };
        let metric = self.pursued_metric();
        let since = self.begin_phase(
            "turn",
            format!("turn {}: {} ({})", turn.number, metric.name, words(after)),
        );
        self.calibrations.clear();
        self.instance_bases.clear();
        self.broken.clear();
        self.tried.clear();
        self.halves.clear();
        self.deferred.clear();
        self.ahead.clear();
        if !self.request.dry_run {
            self.keep_queue()?;
        }
        self.observations = None;
        let tree = self.incumbent.tree.clone();
        let evaluation = self
            .evaluate(Arm::Incumbent, &tree, Depth::Decisive)
            .await?;
        self.baseline = Some(evaluation);
        let research = self.bench.lab.profile.research.clone();
        self.pursuit = research.map(|it| Pursuit::new(&it, tree, runs));
        self.end_phase(
            "turn",
            since,
            format!(
                "{} begins at {}",
                metric.name,
                quantity(began, &metric.unit)
            ),
        );
        self.begin_turn(Sides {
            turn,
            is_exhausted: false,
            ended: None,
            ..sides
        });
        self.open_surface();
        self.analyse_failures().await
    }

    /// Writes a side's turn into the profile that everything is measured and judged by.
    fn face(&mut self, side: Side) {
        let profile = self.request.profile.turned_to(side);
        self.bench.take_profile(profile);
        self.withheld.forget();
    }

    /// Returns a hash of a side's files as they are kept now.
    fn files_of(&self, side: Side) -> Result<String, Error> {
        let research = self.request.profile.research.as_ref();
        let surface = research.map(|it| it.surface_of(side));
        let mut hasher = blake3::Hasher::new();
        for (path, blob) in self.target.list(&self.incumbent.tree)? {
            if surface.as_ref().is_some_and(|it| it.has(&path)) {
                hasher.update(path.as_str().as_bytes());
                hasher.update(b"\0");
                hasher.update(blob.as_bytes());
            }
        }
        Ok(hasher.finalize().to_hex()[..16].to_owned())
    }
}

fn quantity(value: f64, unit: &str) -> String {
    format!("{} {unit}", short(value)).trim_end().to_owned()
}

/// Returns how the turn before ended.
fn words(end: TurnEnd) -> &'static str {
    match end {
        TurnEnd::Enough => "the other side has enough",
        TurnEnd::Plateau => "the other side is on a plateau",
        TurnEnd::NothingLeft => "nothing is left to try for the other side",
        TurnEnd::OtherChanged => "the other side was changed meanwhile",
    }
}

/// Returns where both sides stand, and why neither gets another turn.
fn converged(sides: &Sides, played: &[Played], end: TurnEnd, next: Next, value: f64) -> String {
    let (here, there) = (sides.turn.side, sides.turn.side.other());
    let (one, other) = (sides.rules.of_side(here), sides.rules.of_side(there));
    let now = played.last().map_or(sides.turn.began, |it| it.value);
    let one = format!("`{}` {}", one.metric, quantity(now, &one.unit));
    let other = format!("`{}` {}", other.metric, quantity(value, &other.unit));
    let reached = match end {
        TurnEnd::Enough => "has enough",
        TurnEnd::Plateau => "is on a plateau",
        TurnEnd::NothingLeft | TurnEnd::OtherChanged => "has nothing left to try",
    };
    match next {
        Next::Holds => format!(
            "converged: {one} {reached}, and {other} holds, in {} (a closer `switch` in [research.opponent] goes on)",
            match sides.rounds {
                1 => "1 measurement".to_owned(),
                n => format!("{n} measurements in a row"),
            }
        ),
        Next::Stuck | Next::Other => format!(
            "converged: {one} {reached}, and {other} could gain nothing more against it in its last turn (a longer `plateau` goes on)"
        ),
    }
}
