//! How noisy a number is on unchanged code, outside of any run: what an experiment will cost, and the
//! gain that it can tell from noise.

use camino::Utf8PathBuf;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::pair::run_pair;
use super::{first_failure, parse_name, scale_of};
use crate::ceo::{Error, Workbench};
use crate::config::{DecisionSection, Metric, Research};
use crate::decision::{self, Ask, InstanceAsk, Streams};
use crate::model::id::TreeSha;
use crate::model::measurement::{Arm, Pair, Scale, TestPlan};
use crate::repo::Target;

/// What unchanged code shows about a number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Noise {
    /// The number.
    pub metric: String,
    /// Its unit.
    pub unit: String,
    /// The median of its runs.
    pub value: f64,
    /// Every run.
    pub runs: Vec<f64>,
    /// Seconds that one run takes.
    pub run_seconds: f64,
    /// Whether every run gave the same.
    pub deterministic: bool,
    /// How far two runs of the same code are apart: one standard deviation, as a share of the number
    /// where `relative`, else in its unit. 0 for a number that is always the same.
    pub noise: f64,
    /// The gain that is worth looking for, in the same measure: smaller ones are lost in noise.
    pub smallest_gain: f64,
    /// Whether both are shares.
    pub relative: bool,
    /// The most pairs of runs that an experiment takes.
    pub most_pairs: u32,
    /// Seconds that those take.
    pub most_seconds: f64,
    /// How many instances were written, where `instances` names their file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instances: Option<usize>,
    /// How many hidden ones the holdout's command wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hidden_instances: Option<usize>,
    /// What a person should know.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

impl Noise {
    /// Takes into account that every instance is a pair: one run of each arm is all that a test takes, and
    /// how many there are says which gain it can see.
    fn count_instances(&mut self, metric: &Metric, n: usize) {
        let ask = InstanceAsk {
            direction: metric.direction,
            tolerance: metric.tolerance,
            alpha: 1.0,
            stream: None,
            epsilon: 0.0,
            n_instances: u32::try_from(n).unwrap_or(u32::MAX),
            sigma: 0.0,
        };
        if let TestPlan::Bounded(plan) = decision::plan_instances(&ask) {
            self.smallest_gain = plan.delta;
            if self.relative {
                self.noise *= self.value.abs();
            }
            self.relative = false;
            self.most_pairs = 1;
            self.most_seconds = 2.0 * self.run_seconds;
        }
    }
}

/// Runs the number of `[research]` on two copies of one tree, a few times each.
///
/// # Errors
/// A number that cannot be read, instances that cannot be read, or an interruption.
///
/// # Panics
/// Where the section was not settled into the profile of the workbench.
pub async fn noise(
    bench: &mut Workbench,
    target: &Target,
    tree: &TreeSha,
    research: &Research,
    seed: u64,
) -> Result<Noise, Error> {
    let metrics = &bench.lab.profile.metrics;
    let metric = metrics.iter().find(|it| it.name == research.metric);
    let metric = metric
        .expect("`[research]` is settled into a metric")
        .clone();
    for arm in [Arm::Incumbent, Arm::Candidate] {
        bench.lay_out(target, arm, tree)?;
        let built = bench.lab.build_metric(&bench.arm(arm), &metric).await?;
        built.map_err(|reason| broken(&metric, reason))?;
    }
    let visible = instances(bench, &metric, research.instances.as_ref()).await?;
    let hidden = hidden_instances(bench, target, tree, &metric, research).await?;
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    // The first run of each arm warms caches, and tells how long one takes.
    let warm_up = run_pair(bench, &metric, &mut rng).await?;
    let seconds = warm_up.incumbent.seconds.max(warm_up.candidate.seconds);
    let mut pairs = Vec::new();
    let decided = bench.lab.profile.decision.clone();
    for _ in 0..decision::calibration_pairs(seconds, decided.preset) {
        pairs.push(run_pair(bench, &metric, &mut rng).await?);
    }
    if let Some(reason) = first_failure(&pairs) {
        return Err(broken(&metric, reason));
    }
    let mut found = judge(&metric, &pairs, &decided, visible);
    if let Some(n) = visible {
        found.count_instances(&metric, n);
    }
    found.hidden_instances = hidden;
    found.warnings.extend(reached(research, &found));
    found
        .warnings
        .extend(measured_by_mutable(research, &target.tracked_files()?));
    Ok(found)
}

/// Says that the target is there before anything was tried.
fn reached(research: &Research, found: &Noise) -> Option<String> {
    let target = research.target?;
    research.is_at_target(found.value).then(|| {
        format!("the target {target} is reached already, and nothing would be tried; name a harder one, or none")
    })
}

/// Says which file both measures and may change. A command that is itself what is timed may.
fn measured_by_mutable(research: &Research, files: &[Utf8PathBuf]) -> Option<String> {
    let file = files.iter().find(|it| research.is_open_measure(it))?;
    Some(format!(
        "`{file}` is in `mutable` and `run` starts it: whoever changes it changes what is measured; put it in `fixed`, unless it is what should become better"
    ))
}

fn broken(metric: &Metric, reason: String) -> Error {
    Error::MetricBroken {
        name: metric.name.clone(),
        reason,
    }
}

async fn instances(
    bench: &Workbench,
    metric: &Metric,
    file: Option<&Utf8PathBuf>,
) -> Result<Option<usize>, Error> {
    let Some(file) = file else {
        return Ok(None);
    };
    let place = bench.arm(Arm::Incumbent);
    let run = bench.lab.measure_instances(&place, metric, file).await?;
    let instances = run.written.scores();
    instances.map_or_else(
        |reason| Err(broken(metric, reason)),
        |it| Ok(Some(it.len())),
    )
}

/// Runs the holdout's command once: one that fails would stop every keep much later.
async fn hidden_instances(
    bench: &mut Workbench,
    target: &Target,
    tree: &TreeSha,
    metric: &Metric,
    research: &Research,
) -> Result<Option<usize>, Error> {
    let (Some(holdout), Some(file)) = (&research.holdout, &research.instances) else {
        return Ok(None);
    };
    let hidden = Metric {
        run: holdout.run.clone(),
        ..metric.clone()
    };
    bench.lay_out_with_holdout(target, Arm::Incumbent, tree)?;
    let place = bench.arm(Arm::Incumbent);
    let run = bench.lab.measure_hidden(&place, &hidden, file).await;
    // Whatever happened, no later command finds the hidden files.
    bench.lay_out(target, Arm::Incumbent, tree)?;
    let instances = run?.written.scores();
    let instances = instances.map_err(|why| broken(metric, format!("its holdout: {why}")))?;
    Ok(Some(instances.len()))
}

/// Plans the first experiment from A/A pairs, and says what that one costs and can see.
fn judge(
    metric: &Metric,
    pairs: &[Pair],
    decided: &DecisionSection,
    instances: Option<usize>,
) -> Noise {
    let scale = scale_of(metric.direction, pairs);
    let calibration = decision::calibrate(metric.direction, scale, metric.deterministic, pairs);
    let (alpha, place) = Streams::new(decided.alpha).next(&parse_name(&metric.name));
    let ask = Ask {
        direction: metric.direction,
        tolerance: metric.tolerance,
        alpha,
        stream: Some(place),
        epsilon: 0.0,
        n_rep: 1,
        preset: decided.preset,
        affordable: None,
    };
    let (noise, smallest_gain, most_pairs) = match decision::plan(&ask, scale, &calibration) {
        TestPlan::SignBetting(plan) => (plan.sigma, plan.delta, plan.n_max),
        TestPlan::Bounded(plan) => (plan.sigma, plan.delta, plan.n_max),
        TestPlan::Deterministic { delta, .. } => (0.0, delta, 2),
        TestPlan::Watch(plan) => (plan.sigma, plan.epsilon, plan.n_pairs),
    };
    let relative = scale == Scale::LogRatio;
    let share = |it: f64| if relative { it.exp_m1() } else { it };
    let runs = pairs.iter().flat_map(|it| [&it.incumbent, &it.candidate]);
    Noise {
        metric: metric.name.clone(),
        unit: metric.unit.clone(),
        value: calibration.level,
        runs: runs.filter_map(|it| it.sample.value()).collect(),
        run_seconds: calibration.run_seconds,
        deterministic: calibration.deterministic,
        noise: share(noise),
        smallest_gain: share(smallest_gain),
        relative,
        most_pairs,
        most_seconds: 2.0 * f64::from(most_pairs) * calibration.run_seconds,
        instances,
        hidden_instances: None,
        warnings: calibration.warnings,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::dimension::Direction;
    use crate::model::measurement::{Measurement, Sample};

    fn metric(direction: Direction) -> Metric {
        Metric {
            direction,
            ..Metric::suite_seconds()
        }
    }

    fn pairs(values: &[(f64, f64)]) -> Vec<Pair> {
        let measured = |arm, value| Measurement {
            arm,
            tree: "0123456789abcdef0123456789abcdef01234567".parse().unwrap(),
            sample: Sample::Value { value },
            seconds: 0.5,
            tail: crate::model::tail::Tails::new(),
        };
        let pair = |(one, other): &(f64, f64)| Pair {
            first: Arm::Incumbent,
            incumbent: measured(Arm::Incumbent, *one),
            candidate: measured(Arm::Candidate, *other),
            instance: None,
        };
        values.iter().map(pair).collect()
    }

    #[test]
    fn a_noisy_number_has_a_price_and_a_least_gain() {
        let values = [(10.0, 10.4), (10.2, 9.9), (10.1, 10.3), (9.8, 10.2)];
        let found = judge(
            &metric(Direction::Minimize),
            &pairs(&values),
            &DecisionSection::default(),
            None,
        );
        assert!(!found.deterministic && found.relative);
        assert!(found.noise > 0.02 && found.noise < 0.06, "{found:?}");
        assert!(found.smallest_gain > 0.0 && found.smallest_gain < found.noise);
        assert_eq!(found.runs.len(), 8);
        assert!((found.most_seconds - f64::from(found.most_pairs)).abs() < 1e-9);
    }

    #[test]
    fn a_number_that_never_changes_costs_two_pairs() {
        let found = judge(
            &metric(Direction::Maximize),
            &pairs(&[(0.5, 0.5); 3]),
            &DecisionSection::default(),
            Some(9),
        );
        assert!(found.deterministic);
        assert_eq!(
            (found.most_pairs, found.noise, found.instances),
            (2, 0.0, Some(9))
        );
    }

    #[test]
    fn a_number_over_instances_costs_a_run_of_each_arm_and_sees_what_so_many_can_show() {
        let (metric, decided) = (metric(Direction::Maximize), DecisionSection::default());
        let mut found = judge(&metric, &pairs(&[(0.5, 0.5); 3]), &decided, Some(100));
        found.count_instances(&metric, 100);
        assert_eq!((found.most_pairs, found.relative), (1, false));
        assert!((found.smallest_gain - 0.1).abs() < 1e-12);
        assert!((found.most_seconds - 1.0).abs() < 1e-12);
    }
}
