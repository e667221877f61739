//! Audits: what was kept in a while, taken together and measured again. A keep whose effect is ruled out is
//! taken out by a new commit; nothing that is written is rewritten.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::ceo::Error;
use crate::ceo::experiment::{is_survivable, is_theirs};
use crate::ceo::measure::parse_name;
use crate::ceo::session::{Incumbent, Session};
use crate::config;
use crate::decision::{self, Claimed};
use crate::model::audit::{Audit, AuditLine, AuditOutcome, Standing};
use crate::model::experiment::{Experiment, Summary};
use crate::model::id::{CommitSha, ExperimentId, MetricName, TreeSha};
use crate::model::measurement::{Arm, Evidence, SignPlan, TestPlan};
use crate::model::verdict::{Decision, Verdict};
use crate::repo::Target;
use crate::store::Writer;

/// What happened on a metric since it was last audited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::ceo) struct Unaudited {
    keeps: usize,
    experiments: usize,
}

/// The keeps that an audit looks back on.
pub(in crate::ceo) struct Window {
    pub(in crate::ceo) keeps: Vec<Kept>,
    /// The last experiment before the audit.
    pub(in crate::ceo) last: ExperimentId,
    pub(in crate::ceo) base: CommitSha,
    pub(super) base_tree: TreeSha,
}

/// What an audit asks of a window and, after an alarm, of each of its keeps.
pub(in crate::ceo) struct Question<'a> {
    /// The stream that the keeps are of.
    pub(in crate::ceo) family: &'a MetricName,
    pub(in crate::ceo) metric: &'a config::Metric,
    /// How the metric would be tested now.
    pub(in crate::ceo) plan: &'a SignPlan,
    pub(in crate::ceo) test: TestPlan,
    pub(in crate::ceo) retest: fn(&SignPlan, &Claimed) -> Option<TestPlan>,
}

pub(in crate::ceo) struct Kept {
    pub(in crate::ceo) experiment: Experiment,
    pub(in crate::ceo) landed: CommitSha,
    pub(in crate::ceo) claimed: Claimed,
}

/// Returns what happened on each noisy metric since it was last audited.
pub(in crate::ceo) fn unaudited(
    audits: &[AuditLine],
    history: &[Summary],
) -> BTreeMap<MetricName, Unaudited> {
    let mut audited: BTreeMap<&MetricName, ExperimentId> = BTreeMap::new();
    for audit in audits {
        audited.insert(&audit.metric, audit.last);
    }
    let mut counts = BTreeMap::new();
    for summary in history {
        if let Some(spent) = &summary.spent
            && audited.get(&spent.metric).is_none_or(|it| summary.id > *it)
        {
            count(&mut counts, &spent.metric, summary);
        }
    }
    counts
}

fn count(counts: &mut BTreeMap<MetricName, Unaudited>, metric: &MetricName, summary: &Summary) {
    let count = counts.entry(metric.clone()).or_default();
    count.experiments += 1;
    count.keeps += usize::from(stands(summary));
}

/// Makes a keep that an audit took out count as one that was not worth having.
pub(in crate::ceo) fn overrule(audits: &[AuditLine], history: &mut [Summary]) {
    for audit in audits {
        let unkept: BTreeSet<ExperimentId> = audit.unkept().collect();
        for summary in history.iter_mut() {
            if unkept.contains(&summary.id) && summary.verdict == Verdict::Keep {
                summary.verdict = Verdict::Revert;
                summary.reason = format!("taken out again by audit {}", audit.id);
            }
        }
    }
}

/// Finishes what an audit began that was killed before it moved the landing branch.
pub(in crate::ceo) fn settle(
    target: &Target,
    writer: &Writer,
    branch: &str,
) -> Result<Option<String>, Error> {
    let audits = writer.reader().audits()?;
    let Some(AuditLine {
        id,
        head,
        tip: Some(tip),
        last,
        ..
    }) = audits.last()
    else {
        return Ok(None);
    };
    // An experiment that followed found the branch where the audit had put it.
    let is_over = *last != ExperimentId(writer.next_id().0.saturating_sub(1));
    if is_over || target.branch(branch)?.as_ref() != Some(head) {
        return Ok(None);
    }
    target.advance(branch, Some(head), tip)?;
    Ok(Some(format!(
        "audit {id} was interrupted; what it had taken out of `{branch}` is out now"
    )))
}

impl Session<'_> {
    /// Counts a closed experiment towards the next audit of its metric.
    pub(in crate::ceo) fn count_unaudited(&mut self, summary: &Summary) {
        if let Some(spent) = &summary.spent {
            count(&mut self.unaudited, &spent.metric, summary);
        }
    }

    /// Audits every metric of which enough was kept or tried since the last time.
    pub(in crate::ceo) async fn audit_if_due(&mut self) -> Result<(), Error> {
        if !self.makes_audits() {
            return Ok(());
        }
        let due = self.unaudited.iter();
        let due = due.filter(|(family, it)| match simplified(family) {
            Some(_) => !decision::may_simplify(it.keeps),
            None => decision::is_audit_due(it.keeps, it.experiments),
        });
        let due: Vec<MetricName> = due.map(|(metric, _)| metric.clone()).collect();
        for family in due {
            self.audit_family(&family).await?;
        }
        Ok(())
    }

    /// Audits what was kept in a turn while the opponent is still the one that it was measured against;
    /// returns whether something was taken out.
    pub(in crate::ceo) async fn audit_turn(&mut self) -> Result<bool, Error> {
        let name = parse_name(&self.pursued_metric().name);
        let has_keeps = self.unaudited.get(&name).is_some_and(|it| it.keeps > 0);
        if !has_keeps || !self.makes_audits() {
            return Ok(false);
        }
        let before = self.incumbent.tree.clone();
        self.audit_family(&name).await?;
        Ok(self.incumbent.tree != before)
    }

    /// One thing is one thing, and a dry run measures nothing.
    fn makes_audits(&self) -> bool {
        let request = self.request;
        let is_one_thing = request.focus.is_some() || request.resume.is_some();
        !request.dry_run && !is_one_thing && request.steer.goes_on()
    }

    async fn audit_family(&mut self, family: &MetricName) -> Result<(), Error> {
        // Whatever comes of it, it is not due again at once.
        self.unaudited.remove(family);
        let audited = match simplified(family) {
            Some(name) => self.audit_simplifications(family, &name).await,
            None => self.audit(family).await,
        };
        match audited {
            Err(error) if is_survivable(&error) => {
                self.notice(format!("`{family}` could not be audited: {error}"));
                Ok(())
            }
            audited => audited,
        }
    }

    async fn audit(&mut self, name: &MetricName) -> Result<(), Error> {
        let Some(metric) = self.metric_named(name.as_str()) else {
            return Ok(());
        };
        let Some(window) = self.window(name)? else {
            return Ok(());
        };
        if self.instances_of(&metric).is_some() {
            // The same instances again would show nothing; the hidden ones were asked about each keep.
            return self.compare_with_hidden(&metric, &window);
        }
        let Some(plan) = self.audit_plan(&metric, &window).await? else {
            return Ok(());
        };
        let claimed: Vec<Claimed> = window.keeps.iter().map(|it| it.claimed).collect();
        let Some(test) = decision::plan_audit(&plan, &claimed) else {
            return Ok(());
        };
        let n = claimed.len();
        let what = format!("{n} keeps of `{name}`, measured together against the code before them");
        let question = Question {
            family: name,
            metric: &metric,
            plan: &plan,
            test,
            retest: decision::plan_retest,
        };
        self.ask_whole(question, window, what).await
    }

    /// Holds the simplifications since the last audit, taken together, to the margin of one of them.
    async fn audit_simplifications(
        &mut self,
        family: &MetricName,
        name: &MetricName,
    ) -> Result<(), Error> {
        let Some(metric) = self.metric_named(name.as_str()) else {
            return Ok(());
        };
        let Some(mut window) = self.window(family)? else {
            return Ok(());
        };
        let Some(plan) = self.audit_plan(&metric, &window).await? else {
            return Ok(());
        };
        // Other work lies between them: they are compared with the branch without them.
        let Some(without) = self.without_all(&window.keeps)? else {
            self.notice(format!(
                "simplifications that were held to `{name}` cannot be told apart from later work, and were not audited"
            ));
            return Ok(());
        };
        window.base = without.commit;
        window.base_tree = without.tree;
        let n = window.keeps.len();
        let question = Question {
            family,
            metric: &metric,
            plan: &plan,
            test: decision::plan_simplifications(&plan),
            retest: |plan, _| Some(decision::plan_simplifications(plan)),
        };
        let what = format!("{n} simplifications, together held to `{name}`");
        self.ask_whole(question, window, what).await
    }

    /// Tests a window as a whole and, after an alarm, each of its keeps; writes down what came out.
    async fn ask_whole(
        &mut self,
        question: Question<'_>,
        window: Window,
        what: String,
    ) -> Result<(), Error> {
        let claimed: Vec<Claimed> = window.keeps.iter().map(|it| it.claimed).collect();
        let since = self.begin_phase("audit", what);
        let trees = [window.base_tree.clone(), self.incumbent.tree.clone()];
        let test = question.test.clone();
        let (evidence, decision) = self
            .paired(window.last, question.metric, test, &trees)
            .await?;
        if decision.verdict == Verdict::Spurious {
            self.end_phase("audit", since, decision.reasons.join("; "));
            return Ok(());
        }
        let found = decision::judge_audit(&decision, &claimed);
        let head = self.incumbent.clone();
        let mut retested = Vec::new();
        let outcome = match found {
            decision::Audit::Confirmed => AuditOutcome::Confirmed,
            decision::Audit::Unconfirmed => AuditOutcome::Unconfirmed,
            decision::Audit::Alarm(suspects) => {
                retested = self.retest(&question, &window, &suspects).await?;
                AuditOutcome::Alarm
            }
        };
        let audit = Audit {
            id: self.audits.last().map_or(0, |it| it.id) + 1,
            run: self.run.clone(),
            at: Timestamp::now(),
            metric: question.family.clone(),
            keeps: claimed.iter().map(|it| it.id).collect(),
            last: window.last,
            base: window.base,
            base_tree: window.base_tree,
            head: head.commit.clone(),
            head_tree: head.tree.clone(),
            claimed: claimed.iter().map(|it| it.gain).sum(),
            measured: decision.statistics.as_ref().map_or(0.0, |it| it.mean),
            evidence,
            outcome,
            retested,
            tip: (self.incumbent.commit != head.commit).then(|| self.incumbent.commit.clone()),
        };
        self.close_audit(&audit, &head)?;
        self.end_phase("audit", since, words(&audit, &decision));
        Ok(())
    }

    /// Returns how the metric would be tested now; `None` where it is not noisy, or where what is left of
    /// the budget decides nothing.
    async fn audit_plan(
        &mut self,
        metric: &config::Metric,
        window: &Window,
    ) -> Result<Option<SignPlan>, Error> {
        if self.calibrate(window.last, metric).await?.is_some() {
            // The run goes on without the audit; the next one makes it.
            self.unaffordable = None;
            return Ok(None);
        }
        let pair_seconds = self.calibrations[&metric.name].pair_seconds;
        let fewest = decision::fewest_pairs(decision::AUDIT_LEVEL);
        if self.affordable(pair_seconds).is_some_and(|it| it < fewest) {
            return Ok(None);
        }
        Ok(match self.freeze_plan(metric, None) {
            TestPlan::SignBetting(plan) => Some(plan),
            _ => None,
        })
    }

    /// Runs a test of two trees from its first pair to its end.
    pub(super) async fn paired(
        &mut self,
        id: ExperimentId,
        metric: &config::Metric,
        plan: TestPlan,
        [incumbent, candidate]: &[TreeSha; 2],
    ) -> Result<(Evidence, Decision), Error> {
        let mut evidence = Evidence {
            metric: parse_name(&metric.name),
            unit: metric.unit.clone(),
            plan,
            pairs: Vec::new(),
        };
        self.lay_out_both(incumbent, candidate)?;
        for arm in [Arm::Incumbent, Arm::Candidate] {
            let place = self.bench.arm(arm);
            if let Err(reason) = self.bench.lab.build_metric(&place, metric).await? {
                let decision = Decision::plain(Verdict::Spurious, reason);
                return Ok((evidence, decision));
            }
        }
        let decision = self.run_pairs(id, metric, &mut evidence).await?;
        Ok((evidence, decision))
    }

    /// Puts the audit on record, and then moves the branch to where it says.
    fn close_audit(&mut self, audit: &Audit, head: &Incumbent) -> Result<(), Error> {
        self.writer.audit(audit)?;
        let line = audit.line();
        for (id, standing) in &line.keeps {
            if let Some(words) = told(*standing) {
                self.notice(format!("audit {}: experiment {id} {words}", audit.id));
            }
        }
        self.history
            .revise(|history| overrule(std::slice::from_ref(&line), history));
        self.audits.push(line);
        self.count_streams();
        let Some(tip) = &audit.tip else {
            return Ok(());
        };
        let branch = self.request.profile.landing.branch.clone();
        match self.target.advance(&branch, head.branch_tip.as_ref(), tip) {
            Ok(()) => self.incumbent.branch_tip = Some(tip.clone()),
            Err(error) if is_theirs(&error) => {
                self.stop = Some(format!(
                    "audit {} could not take out what it ruled out: {error}",
                    audit.id
                ));
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// Returns the keeps of a metric since it was last audited, with nobody else's commits among them.
    fn window(&self, metric: &MetricName) -> Result<Option<Window>, Error> {
        let last_audit = self.audits.iter().rev().find(|it| it.metric == *metric);
        let after = last_audit.map_or(ExperimentId(0), |it| it.last);
        let history = self.history.all();
        let recent = history.iter().rev().take_while(|it| it.id > after);
        // Keeps of earlier turns were measured against another opponent.
        let recent = recent.take_while(|it| self.history.is_of_now(it));
        let recent: Vec<&Summary> = recent.filter(|it| it.landed.is_some()).collect();
        let mut ours = BTreeSet::new();
        for audit in &self.audits {
            if let Some(tip) = &audit.tip {
                ours.extend(self.commits(&audit.head, tip)?);
            }
        }
        let mut keeps: Vec<Kept> = Vec::new();
        for summary in recent {
            let Some(experiment) = self.writer.reader().experiment(summary.id)? else {
                break;
            };
            let Some(landed) = summary.landed.clone() else {
                continue;
            };
            let from = experiment.lands_on().clone();
            ours.extend(self.commits(&from, &landed)?);
            let is_below = self.target.is_ancestor(&from, &self.incumbent.commit)?;
            let since = self.commits(&from, &self.incumbent.commit)?;
            if !is_below || !since.iter().all(|it| ours.contains(it)) {
                break;
            }
            if let Some(claimed) = claimed(summary, metric) {
                keeps.push(Kept {
                    experiment,
                    landed,
                    claimed,
                });
            }
        }
        keeps.reverse();
        let (Some(first), Some(last)) = (keeps.first(), history.last()) else {
            return Ok(None);
        };
        let base = first.experiment.lands_on().clone();
        Ok(Some(Window {
            last: last.id,
            base_tree: self.target.tree_of(&base)?,
            base,
            keeps,
        }))
    }

    fn commits(&self, from: &CommitSha, to: &CommitSha) -> Result<Vec<CommitSha>, Error> {
        let stack = self.target.stack(from, to)?.unwrap_or_default();
        Ok(stack.into_iter().map(|(commit, _)| commit).collect())
    }
}

/// Returns the metric of a family of claims that nothing gets worse.
fn simplified(family: &MetricName) -> Option<MetricName> {
    family.as_str().strip_prefix(decision::KEEPS)?.parse().ok()
}

/// Returns whether a keep is on the landing branch and nobody has taken it back.
fn stands(summary: &Summary) -> bool {
    summary.verdict == Verdict::Keep && summary.landed.is_some()
}

fn claimed(summary: &Summary, metric: &MetricName) -> Option<Claimed> {
    let spent = summary.spent.as_ref().filter(|it| it.metric == *metric)?;
    let seen = spent.seen.filter(|_| stands(summary))?;
    Some(Claimed {
        id: summary.id,
        ln_e: seen.ln_e,
        gain: seen.shrunken.unwrap_or(0.0),
    })
}

fn told(standing: Standing) -> Option<&'static str> {
    match standing {
        Standing::Confirmed => None,
        Standing::Unconfirmed => Some("stays, unconfirmed"),
        Standing::Unkept => {
            Some("was taken out of the landing branch again: its effect is ruled out")
        }
        Standing::InPlace => Some("has no effect any more, and could not be taken out"),
    }
}

fn words(audit: &Audit, decision: &Decision) -> String {
    let found = match audit.outcome {
        AuditOutcome::Confirmed => "what was claimed is there",
        AuditOutcome::Unconfirmed => {
            "what was claimed is neither shown nor ruled out, and everything stays"
        }
        AuditOutcome::Alarm => "what was claimed is ruled out, and each keep was tested again",
    };
    let measured = decision.effect.as_ref().and_then(|it| it.relative);
    let measured = measured.map_or_else(String::new, |it| format!(": {:.1} %", 100.0 * it));
    format!(
        "audit {} of `{}`: {found}{measured}",
        audit.id, audit.metric
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::experiment::{Seen, Spent};
    use crate::model::fixtures;
    use crate::model::hypothesis::Category;
    use crate::model::measurement::Scale;

    fn metric() -> MetricName {
        "parse".parse().unwrap()
    }

    fn tried(id: u32, verdict: Verdict) -> Summary {
        let landed = (verdict == Verdict::Keep).then(|| "1".repeat(40).parse().unwrap());
        Summary {
            key: "knob:a".parse().unwrap(),
            category: Category::Exploit,
            landed,
            spent: Some(Spent {
                metric: metric(),
                level: 0.001,
                seen: Some(Seen {
                    ln_e: 9.0,
                    mean: 0.04,
                    variance: 1e-4,
                    delta: 0.01,
                    scale: Scale::LogRatio,
                    shrunken: Some(0.03),
                }),
            }),
            ..fixtures::summary(id, verdict)
        }
    }

    fn line(last: u32, keeps: &[(u32, Standing)]) -> AuditLine {
        AuditLine {
            id: 1,
            at: jiff::Timestamp::UNIX_EPOCH,
            metric: metric(),
            last: ExperimentId(last),
            outcome: AuditOutcome::Alarm,
            claimed: 0.06,
            measured: 0.0,
            keeps: keeps
                .iter()
                .map(|(id, it)| (ExperimentId(*id), *it))
                .collect(),
            head: "2".repeat(40).parse().unwrap(),
            tip: None,
        }
    }

    #[test]
    fn what_an_audit_took_out_is_no_keep_any_more_and_the_rest_stays_one() {
        let mut history = vec![tried(1, Verdict::Keep), tried(2, Verdict::Keep)];
        let audit = line(2, &[(1, Standing::Unkept), (2, Standing::InPlace)]);
        overrule(&[audit], &mut history);
        let verdicts: Vec<Verdict> = history.iter().map(|it| it.verdict).collect();
        assert_eq!(verdicts, [Verdict::Revert, Verdict::Keep]);
        assert_eq!(history[0].reason, "taken out again by audit 1");
        assert!(claimed(&history[0], &metric()).is_none());
        assert!(claimed(&history[1], &metric()).is_some());
    }

    #[test]
    fn what_came_after_the_last_audit_counts_towards_the_next() {
        let history: Vec<Summary> = [Verdict::Keep, Verdict::Revert, Verdict::Keep, Verdict::Keep]
            .into_iter()
            .zip(1..)
            .map(|(verdict, id)| tried(id, verdict))
            .collect();
        let all = unaudited(&[], &history);
        assert_eq!((all[&metric()].keeps, all[&metric()].experiments), (3, 4));
        let rest = unaudited(&[line(3, &[])], &history);
        assert_eq!((rest[&metric()].keeps, rest[&metric()].experiments), (1, 1));
    }

    #[test]
    fn a_keep_that_was_taken_out_no_longer_pays_for_later_levels() {
        use crate::decision::Streams;
        let fold = |history: &[Summary]| {
            let mut streams = Streams::new(0.05);
            for it in history {
                streams.add_closed(it);
            }
            streams.next(&metric())
        };
        let mut history = vec![tried(1, Verdict::Keep), tried(2, Verdict::Revert)];
        let (rich, place) = fold(&history);
        overrule(&[line(2, &[(1, Standing::Unkept)])], &mut history);
        let (poor, same) = fold(&history);
        assert!(poor < rich);
        assert_eq!(place, same);
    }
}
