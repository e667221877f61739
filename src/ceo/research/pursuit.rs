//! The one number of a research run: where it stood, where it stands, and when that is enough.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::failures::{self, Analysis, FailureChange};
use super::turns::TurnLine;
use crate::ceo::session::Session;
use crate::ceo::{Error, report::Stopped};
use crate::config::{Metric, Research};
use crate::model::dimension::Direction;
use crate::model::experiment::Experiment;
use crate::model::hypothesis::Hypothesis;
use crate::model::id::TreeSha;
use crate::model::measurement::{Arm, Sample};
use crate::model::verdict::{Effect, Verdict};
use crate::search::Plateau;
use crate::stats::estimate::median;

/// The unchanged code is measured so often before anything is tried.
const FIRST_RUNS: usize = 3;
/// A command that takes longer than this, in seconds, is run once.
const LONG: f64 = 60.0;

/// What became of the number of `[research]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Pursued {
    /// What was wanted.
    pub objective: String,
    /// The number.
    pub metric: String,
    /// Its unit.
    pub unit: String,
    /// Which way is better.
    pub direction: Direction,
    /// The value at which the run is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<f64>,
    /// Its value on the unchanged code when the run began: the median of `before_runs`.
    pub before: f64,
    /// Every run of the unchanged code when the run began.
    pub before_runs: Vec<f64>,
    /// Its value on what is kept now: the median in the last kept experiment, raw, as it was measured
    /// beside its incumbent.
    pub after: f64,
    /// The product of the kept relative gains of this run, each measured against the incumbent of its
    /// time; `None` where nothing was kept or a base was 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw_gain: Option<f64>,
    /// Experiments in a row that were not kept, on the surface that was open last.
    pub without_keep: u32,
    /// Whether the wider surface was open at the end.
    pub is_wide: bool,
    /// How many instances there are, where the command writes them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instances: Option<usize>,
    /// How instances fall short, before and after.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<FailureChange>,
    /// Every turn on record, oldest first, where two sides improve in turns: the number above is the one
    /// of the last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub turns: Vec<TurnLine>,
}

/// The state of a research run, owned by its session.
pub(in crate::ceo) struct Pursuit {
    research: Research,
    pursued: Pursued,
    pub(super) plateau: Plateau,
    /// The tree that has the number's latest value.
    of: TreeSha,
    /// The kept relative gains as one; `None` once a base was 0.
    raw_gain: Option<f64>,
    /// The first analysis and the latest one.
    analyses: Option<[Analysis; 2]>,
}

impl Pursuit {
    pub(in crate::ceo) fn new(research: &Research, of: TreeSha, runs: Vec<f64>) -> Self {
        let before = Self::middle(&runs);
        let has_outer = !research.inner.is_empty();
        Self {
            pursued: Pursued {
                objective: research.objective.clone(),
                metric: research.metric.clone(),
                unit: research.unit.clone(),
                direction: research.direction,
                target: research.target,
                before,
                before_runs: runs,
                after: before,
                raw_gain: None,
                without_keep: 0,
                is_wide: false,
                instances: None,
                failures: Vec::new(),
                turns: Vec::new(),
            },
            of,
            raw_gain: Some(0.0),
            analyses: None,
            plateau: Plateau::new(research.plateau, has_outer),
            research: research.clone(),
        }
    }

    /// Returns the value that first runs stand for.
    pub(super) fn middle(runs: &[f64]) -> f64 {
        median(runs).expect("the unchanged code was measured")
    }

    /// Returns the number as it is known now.
    pub(in crate::ceo) fn now(&self) -> f64 {
        self.pursued.after
    }

    /// Returns what the closing report says of it.
    pub(in crate::ceo) fn into_report(self, turns: Vec<TurnLine>) -> Pursued {
        let analyses = self.analyses.as_ref();
        Pursued {
            without_keep: self.plateau.without_keep(),
            is_wide: self.plateau.is_wide(),
            instances: analyses.map(|it| it[1].instances),
            turns,
            failures: analyses
                .map_or_else(Vec::new, |[first, last]| failures::changes(first, last)),
            ..self.pursued
        }
    }

    /// Takes what falls short now.
    pub(super) fn take_failures(&mut self, now: Analysis) {
        let first = self.analyses.take().map(|[first, _]| first);
        self.analyses = Some([first.unwrap_or_else(|| now.clone()), now]);
    }

    /// Returns what falls short now, where the command tells.
    pub(in crate::ceo) fn failures(&self) -> Option<&Analysis> {
        self.analyses.as_ref().map(|[_, now]| now)
    }

    /// Returns the globs that are open now.
    fn surface(&self) -> Vec<String> {
        let Research {
            inner,
            outer,
            mutable,
            ..
        } = &self.research;
        match (inner.is_empty(), self.plateau.is_wide(), outer.is_empty()) {
            (true, ..) | (false, true, true) => mutable.clone(),
            (false, false, _) => inner.clone(),
            (false, true, false) => inner.iter().chain(outer).cloned().collect(),
        }
    }

    /// Returns whether a hypothesis touches only what gave nothing more, now that more is open.
    pub(in crate::ceo) fn is_done_with(&self, hypothesis: &Hypothesis) -> bool {
        let mut files = hypothesis.files.keys();
        self.plateau.is_wide()
            && !hypothesis.files.is_empty()
            && files.all(|it| self.research.is_inner(it))
    }

    fn is_at_target(&self) -> bool {
        self.research.is_at_target(self.pursued.after)
    }

    fn value(&self, value: f64) -> String {
        format!("{} {}", short(value), self.pursued.unit)
            .trim_end()
            .to_owned()
    }

    fn at_target(&self) -> String {
        let Pursued {
            metric,
            target,
            before,
            after,
            ..
        } = &self.pursued;
        let target = self.value(target.unwrap_or_default());
        let is_start = before.to_bits() == after.to_bits();
        let now = self.value(*after);
        if is_start {
            format!(
                "the target is reached already: `{metric}` is {now} on the unchanged code, and {target} was wanted; nothing was tried (a harder `target` in [research] goes on)"
            )
        } else {
            format!("the target is reached: `{metric}` is {now}, and {target} was wanted")
        }
    }

    /// Returns that nothing is left, and what could be added, where so many tests pass.
    pub(in crate::ceo) fn exhausted(&self, n_tests: usize) -> String {
        let metric = &self.pursued.metric;
        let mut more = vec![if self.research.parameters.is_empty() {
            "values that may be searched, declared with `[[research.parameter]]`"
        } else {
            "wider ranges or other values in `[[research.parameter]]`"
        }];
        if n_tests == 0 && self.research.genetic.seconds > 0 {
            more.push(
                "a test that passes (none does here, so no function is edited by trial; where no test \
                 was found, `[[language]]` says how they are run)",
            );
        }
        more.push("a wish (`factory backlog add`), or a backend with a model");
        format!(
            "nothing is left to try that claims to move `{metric}` (hint: what would go on: {})",
            more.join("; ")
        )
    }

    fn on_plateau(&self) -> String {
        let words = match self.plateau.without_keep() {
            1 => "1 experiment".to_owned(),
            n => format!("{n} experiments in a row"),
        };
        format!("a plateau: {words} without a keep (a longer `plateau` in [research] goes on)")
    }

    /// Takes what an experiment showed; what the infrastructure spoiled shows nothing.
    fn closed(&mut self, experiment: &Experiment) {
        let Some(decision) = &experiment.decision else {
            return;
        };
        if decision.verdict == Verdict::Spurious {
            return;
        }
        let is_kept = decision.verdict == Verdict::Keep && experiment.landed.is_some();
        self.plateau.closed(is_kept);
        let effect = decision.effect.as_ref().filter(|_| is_kept);
        if let Some(effect) = effect.filter(|it| it.metric == self.pursued.metric) {
            self.gained(effect);
        }
    }

    /// Takes the number of what is kept now; what its parts had gained says nothing of it.
    fn moved_to(&mut self, of: TreeSha, runs: &[f64]) {
        self.of = of;
        self.pursued.after = median(runs).unwrap_or(self.pursued.after);
        self.raw_gain = None;
        self.pursued.raw_gain = None;
    }

    fn gained(&mut self, effect: &Effect) {
        self.pursued.after = effect.after;
        let both = self.raw_gain.zip(effect.relative);
        self.raw_gain = both.map(|(first, second)| chained(self.pursued.direction, first, second));
        self.pursued.raw_gain = self.raw_gain;
    }
}

/// Returns two relative gains, one after the other, as one.
fn chained(direction: Direction, first: f64, second: f64) -> f64 {
    match direction {
        Direction::Minimize => 1.0 - (1.0 - first) * (1.0 - second),
        Direction::Maximize => (1.0 + first) * (1.0 + second) - 1.0,
    }
}

impl Session<'_> {
    /// Measures the number of `[research]` on the unchanged code: without it there is nothing to try.
    pub(in crate::ceo) async fn read_number(&mut self) -> Result<(), Error> {
        let Some(research) = self.bench.lab.profile.research.clone() else {
            return Ok(());
        };
        let metric = self.number(&research);
        let since = self.begin_phase("metric", format!("{} on the unchanged code", metric.name));
        let runs = self.first_runs(&metric).await?;
        let pursuit = Pursuit::new(&research, self.incumbent.tree.clone(), runs);
        self.end_phase("metric", since, pursuit.first_line());
        self.pursuit = Some(pursuit);
        self.take_up_turn()?;
        self.try_other_side().await?;
        self.open_surface();
        Ok(())
    }

    /// Measures the number again where something else than a keep changed what is kept, as when a keep is
    /// taken out again.
    pub(in crate::ceo) async fn follow_incumbent(&mut self) -> Result<(), Error> {
        let tree = &self.incumbent.tree;
        let Some(pursuit) = self.pursuit.as_ref().filter(|it| it.of != *tree) else {
            return Ok(());
        };
        let metric = self.number(&pursuit.research);
        let since = self.begin_phase("metric", format!("{} on what is kept now", metric.name));
        let runs = self.first_runs(&metric).await?;
        let of = self.incumbent.tree.clone();
        if let Some(pursuit) = &mut self.pursuit {
            pursuit.moved_to(of, &runs);
            let line = format!("{} {}", metric.name, pursuit.value(pursuit.pursued.after));
            self.end_phase("metric", since, line);
        }
        self.take_up_turn()
    }

    /// Returns the metric of the side that is worked on.
    ///
    /// # Panics
    /// Without `[research]`.
    pub(in crate::ceo) fn pursued_metric(&self) -> Metric {
        let research = self.bench.lab.profile.research.as_ref();
        self.number(research.expect("a research run has its section"))
    }

    pub(in crate::ceo) fn number(&self, research: &Research) -> Metric {
        let metrics = &self.bench.lab.profile.metrics;
        let metric = metrics.iter().find(|it| it.name == research.metric);
        metric
            .expect("`[research]` is settled into a metric when the profile is loaded")
            .clone()
    }

    /// Builds what the metric measures, and runs it once.
    pub(super) async fn first_run(&mut self, metric: &Metric) -> Result<(f64, f64), Error> {
        let tree = self.incumbent.tree.clone();
        self.bench.lay_out(&self.target, Arm::Incumbent, &tree)?;
        let place = self.bench.arm(Arm::Incumbent);
        let built = self.bench.lab.build_metric(&place, metric).await?;
        built.map_err(|reason| without_number(metric, reason))?;
        self.another_run(metric).await
    }

    async fn another_run(&mut self, metric: &Metric) -> Result<(f64, f64), Error> {
        let place = self.bench.arm(Arm::Incumbent);
        let (sample, seconds) = self.bench.lab.measure(&place, metric).await?;
        self.cost.metric_runs += 1;
        match sample {
            Sample::Value { value } => Ok((value, seconds)),
            Sample::Failed { reason } => Err(without_number(metric, reason)),
        }
    }

    /// Runs the metric a few times on what is kept now.
    pub(super) async fn first_runs(&mut self, metric: &Metric) -> Result<Vec<f64>, Error> {
        let (value, mut seconds) = self.first_run(metric).await?;
        let mut runs = vec![value];
        while runs.len() < FIRST_RUNS && seconds <= LONG {
            let (value, took) = self.another_run(metric).await?;
            runs.push(value);
            seconds = took;
        }
        Ok(runs)
    }

    /// Lets experiments touch what is open now, and nothing else.
    pub(super) fn open_surface(&mut self) {
        if let Some(pursuit) = &self.pursuit {
            self.bench.lab.profile.scope.mutable = pursuit.surface();
        }
    }

    /// Takes what an experiment showed of the number, and goes back to the inner surface after a keep.
    pub(in crate::ceo) async fn note_progress(
        &mut self,
        experiment: &Experiment,
    ) -> Result<(), Error> {
        let Some(pursuit) = &mut self.pursuit else {
            return Ok(());
        };
        let was_wide = pursuit.plateau.is_wide();
        pursuit.closed(experiment);
        if experiment.landed.is_some() {
            pursuit.of = self.incumbent.tree.clone();
        }
        self.count_plateau();
        let Some(pursuit) = &self.pursuit else {
            return Ok(());
        };
        if was_wide && !pursuit.plateau.is_wide() {
            self.observations = None;
            self.notice("kept: back to the `inner` surface".to_owned());
        }
        self.open_surface();
        if experiment.landed.is_some() {
            self.analyse_failures().await?;
        }
        Ok(())
    }

    pub(super) fn has_reached_target(&self) -> bool {
        let pursuit = self.pursuit.as_ref();
        pursuit.is_some_and(|it| it.of == self.incumbent.tree && it.is_at_target())
    }

    /// Returns why the run has enough, if it has: the target is reached, or a plateau on every surface.
    pub(super) fn has_enough(&mut self) -> Option<(Stopped, String)> {
        let pursuit = self.pursuit.as_ref()?;
        if self.has_reached_target() {
            return Some((Stopped::Target, pursuit.at_target()));
        }
        if !pursuit.plateau.is_reached() {
            return None;
        }
        let words = pursuit.on_plateau();
        (!self.widen(&words)).then_some((Stopped::Plateau, words))
    }

    /// Opens the outer surface, if there is one left to open, and says why.
    pub(in crate::ceo) fn widen(&mut self, why: &str) -> bool {
        let widened = self.pursuit.as_mut().is_some_and(|it| it.plateau.widen());
        if widened {
            // What was set aside as out of reach may be offered now.
            self.observations = None;
            self.notice(format!("{why}; the `outer` surface is open now"));
            self.open_surface();
        }
        widened
    }
}

impl Pursuit {
    /// `latency 12.3 ms (3 runs, 12.1 to 12.9); target 10 ms`.
    fn first_line(&self) -> String {
        let runs = &self.pursued.before_runs;
        let metric = &self.pursued.metric;
        let before = self.value(self.pursued.before);
        let least = runs.iter().copied().fold(f64::INFINITY, f64::min);
        let most = runs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let spread = if runs.len() == 1 {
            "1 run".to_owned()
        } else if least.to_bits() == most.to_bits() {
            format!("{} runs, all the same", runs.len())
        } else {
            format!("{} runs, {} to {}", runs.len(), short(least), short(most))
        };
        let target = self.pursued.target.map(|it| self.value(it));
        let target = target.map_or_else(String::new, |it| format!("; target {it}"));
        format!("{metric} {before} ({spread}){target}")
    }
}

fn without_number(metric: &Metric, reason: String) -> Error {
    Error::MetricBroken {
        name: metric.name.clone(),
        reason,
    }
}

/// Returns a number with four digits that matter.
pub(in crate::ceo) fn short(value: f64) -> String {
    if value.fract().abs() < f64::EPSILON && value.abs() < 1e9 {
        return format!("{value:.0}");
    }
    let digits = value.abs().log10().floor();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to a few digits"
    )]
    let decimals = (3.0 - digits).clamp(0.0, 9.0) as usize;
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pursuit(keys: &str, runs: &[f64]) -> Pursuit {
        let text = format!(
            "objective='x'\nmetric='m'\nrun='x'\nmutable=['a', 'b', 'c']\nunit='ms'\n{keys}"
        );
        let of = "0123456789abcdef0123456789abcdef01234567".parse().unwrap();
        Pursuit::new(&toml::from_str(&text).unwrap(), of, runs.to_vec())
    }

    fn effect(after: f64, relative: Option<f64>) -> Effect {
        serde_json::from_value(serde_json::json!({
            "metric": "m", "unit": "ms", "before": 1.0, "after": after, "relative": relative, "interval": null
        }))
        .unwrap()
    }

    #[test]
    fn surfaces_are_inner_then_both_or_everything() {
        let mut both = pursuit("direction='minimize'\ninner=['a']\nouter=['b']", &[1.0]);
        assert_eq!(both.surface(), ["a"]);
        assert!(both.plateau.widen());
        assert_eq!(both.surface(), ["a", "b"]);
        let touches = |file: &str| -> Hypothesis {
            serde_json::from_value(serde_json::json!({
                "key": "words:x", "title": "x", "why": "x", "category": "explore", "success": [],
                "claim": {"kind": "moves", "metric": "m", "delta": null}, "expected_gain": 0.0,
                "change": {"kind": "words", "text": "x"}, "files": {file: "hash"}
            }))
            .unwrap()
        };
        assert!(both.is_done_with(&touches("a")) && !both.is_done_with(&touches("b")));
        let mut inner = pursuit("direction='minimize'\ninner=['a']", &[1.0]);
        assert!(!inner.is_done_with(&touches("a")));
        assert!(inner.plateau.widen());
        assert_eq!(inner.surface(), ["a", "b", "c"]);
        let mut plain = pursuit("direction='minimize'", &[1.0]);
        assert_eq!(plain.surface(), ["a", "b", "c"]);
        assert!(!plain.plateau.widen());
    }

    #[test]
    fn what_would_go_on_is_said_where_nothing_is_left() {
        let pursuit = pursuit("direction='minimize'", &[1.0]);
        let untested = pursuit.exhausted(0);
        assert!(
            untested.contains("a test that passes (none does here"),
            "{untested}"
        );
        let tested = pursuit.exhausted(3);
        assert!(
            tested.contains("`[[research.parameter]]`; a wish"),
            "{tested}"
        );
    }

    #[test]
    fn a_target_is_reached_from_either_side() {
        let less = pursuit("direction='minimize'\ntarget=10.0", &[12.0, 10.0, 9.0]);
        assert!(less.is_at_target());
        assert!(less.at_target().contains("reached already: `m` is 10 ms"));
        let mut more = pursuit("direction='maximize'\ntarget=10.0", &[9.0]);
        assert!(!more.is_at_target());
        more.gained(&effect(11.5, Some(0.2)));
        assert!(more.is_at_target());
        assert_eq!(
            more.at_target(),
            "the target is reached: `m` is 11.50 ms, and 10 ms was wanted"
        );
        assert!(!pursuit("direction='minimize'", &[0.0]).is_at_target());
    }

    #[test]
    fn gains_are_chained_until_a_base_of_zero() {
        let mut less = pursuit("direction='minimize'", &[100.0]);
        less.gained(&effect(80.0, Some(0.2)));
        less.gained(&effect(40.0, Some(0.5)));
        assert!((less.pursued.raw_gain.unwrap() - 0.6).abs() < 1e-12);
        let mut more = pursuit("direction='maximize'", &[1.0]);
        more.gained(&effect(2.0, Some(1.0)));
        more.gained(&effect(3.0, Some(0.5)));
        assert!((more.pursued.raw_gain.unwrap() - 2.0).abs() < 1e-12);
        more.gained(&effect(4.0, None));
        more.gained(&effect(5.0, Some(0.1)));
        assert_eq!(more.pursued.raw_gain, None);
        less.moved_to(less.of.clone(), &[90.0, 95.0, 94.0]);
        assert_eq!((less.pursued.after, less.pursued.raw_gain), (94.0, None));
    }

    #[test]
    fn the_first_line_says_how_far_runs_were_apart() {
        let line = |runs: &[f64]| pursuit("direction='minimize'\ntarget=10.0", runs).first_line();
        assert_eq!(line(&[12.0]), "m 12 ms (1 run); target 10 ms");
        assert_eq!(
            line(&[12.0; 3]),
            "m 12 ms (3 runs, all the same); target 10 ms"
        );
        assert_eq!(
            line(&[12.34, 0.001_234_56, 1234.56]),
            "m 12.34 ms (3 runs, 0.001235 to 1235); target 10 ms"
        );
    }
}
