//! Genetic improvement: patches of small edits, tried in a copy of the tree until one looks better.
//!
//! An inner loop with a budget of its own: a patch that builds and that no test notices gets a quick
//! look at the metric. Those looks count for nothing. The best patch is made as small as it can be, and
//! is then the candidate of one experiment like any other.

mod ground;
mod offer;
mod progress;
mod record;
mod report;
mod span;
mod trial;

use std::time::{Duration, Instant};

use crate::agent::{BuildInput, Error};
use crate::config::{Genetic, Metric};
use crate::eval::{Texts, Variants};
use crate::search::genetic::{
    Patch, Pool, Settings, Step, best, best_gain, is_settled, minimise, propose,
};
use ground::Ground;
use progress::Progress;
use record::Record;
use report::Report;
use span::Span;
use trial::Trials;

pub(crate) use offer::editable;

/// How many of the best patches are looked at again before a search gives up.
const LOOKS: usize = 6;

/// Among so many of the best, the simplest is looked at first.
const GOOD: usize = 32;

/// A patch that looks better, as the files that it makes.
#[derive(Debug)]
pub(crate) struct Improvement {
    /// Whole texts of the files that change.
    pub(crate) texts: Texts,
    /// What a maintainer would write above it.
    pub(crate) subject: String,
    /// What was done, place by place, and how it was found.
    pub(crate) body: String,
}

/// Searches for a patch that improves a metric, or says why there is none.
pub(crate) async fn improve(
    input: &BuildInput<'_>,
    metric: &Metric,
    seed: u64,
) -> Result<Improvement, Error> {
    let research = input.lab.profile.research.as_ref();
    let budget = research.map_or_else(Genetic::default, |it| it.genetic);
    let mut variants = Variants::open(input.lab, input.incumbent)?;
    let found = search(input, metric, seed, budget, &mut variants).await;
    let undone = variants.take_back();
    variants.close();
    let found = found?;
    undone?;
    found.map_err(Error::NothingDelivered)
}

/// Searches in an open copy; the inner error is why nothing came of it.
async fn search(
    input: &BuildInput<'_>,
    metric: &Metric,
    seed: u64,
    budget: Genetic,
    variants: &mut Variants<'_>,
) -> Result<Result<Improvement, String>, Error> {
    let sources = variants.sources();
    if sources.is_empty() {
        return Ok(Err(
            "no file that may be touched is in a language whose statements can be edited here"
                .to_owned(),
        ));
    }
    let mut trials = match Trials::start(variants, metric).await? {
        Ok(trials) => trials,
        Err(why) => return Ok(Err(why)),
    };
    let started = Instant::now();
    let span = Span::of(Duration::from_secs(budget.seconds), input.time_left);
    let mut record = Record::open(input.lab, metric, &trials.context());
    let mut ground = Ground::survey(&mut trials, sources).await?;
    ground
        .leave_unwatched(&mut trials, &mut record, span.time / 4)
        .await?;
    let pool = ground.pool();
    if pool.genes.is_empty() {
        return Ok(Err(ground.why_empty(&metric.name)));
    }
    let settings = Settings {
        population: budget.population as usize,
        margin: trials.margin(),
        seed,
    };
    let begun = record.begin(seed);
    let mut progress = Progress::new(input.progress, span.time);
    while started.elapsed() < span.time && !is_settled(&record.trials()[begun..], settings) {
        let Some(patch) = propose(&pool, record.trials(), settings) else {
            break;
        };
        let fate = trials.run(ground.texts(&patch).as_ref()).await?;
        record.add(patch, fate);
        let n_tried = record.trials().len() - begun;
        let best = best_gain(record.trials(), trials.margin());
        progress.tell(started.elapsed(), n_tried, best);
    }
    // One that settled, or had nothing left to propose, had time enough.
    let was_cut = span.is_cut && started.elapsed() >= span.time;
    let report = Report {
        metric: &metric.name,
        ground: &ground,
        n_tried: record.trials().len(),
        seconds: started.elapsed().as_secs_f64(),
    };
    let found = deliver(&pool, &mut trials, &mut record, settings, &report).await?;
    if let (Err(why), true) = (&found, was_cut) {
        return Err(Error::OutOfTime(span.in_words(why)));
    }
    Ok(found)
}

/// Delivers the best patch that is as good when it is looked at again.
async fn deliver(
    pool: &Pool,
    trials: &mut Trials<'_, '_>,
    record: &mut Record,
    settings: Settings,
    report: &Report<'_>,
) -> Result<Result<Improvement, String>, Error> {
    let ground = report.ground;
    for _ in 0..LOOKS {
        let open = record.not_delivered();
        let good = best(
            pool,
            &open,
            Settings {
                population: GOOD,
                ..settings
            },
        );
        let Some(first) = ground.simplest(&good, settings.margin) else {
            break;
        };
        let patch = smallest(&first, ground, trials, record).await?;
        let texts = ground.texts(&patch).unwrap_or_default();
        let fate = trials.look_again(&texts).await?;
        record.add(patch.clone(), fate);
        let Some(gain) = trials.convincing(fate) else {
            continue;
        };
        record.deliver(&patch);
        if let Some(texts) = trials.tidied(&texts).await? {
            let (subject, body) = report.of(&patch, gain);
            return Ok(Ok(Improvement {
                texts,
                subject,
                body,
            }));
        }
    }
    Ok(Err(report.of_nothing()))
}

/// Leaves out of a patch what it does not need.
async fn smallest(
    patch: &Patch,
    ground: &Ground,
    trials: &mut Trials<'_, '_>,
    record: &mut Record,
) -> Result<Patch, Error> {
    loop {
        match minimise(patch, record.trials(), trials.margin()) {
            Step::Done(patch) => return Ok(patch),
            Step::Try(part) => {
                let fate = trials.run(ground.texts(&part).as_ref()).await?;
                record.add(part, fate);
            }
        }
    }
}

#[cfg(test)]
mod tests;
