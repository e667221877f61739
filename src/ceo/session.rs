//! One run's state, owned by one dispatcher: the target, the record, the workbench, the incumbent.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Instant;

use jiff::Timestamp;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use tokio_util::sync::CancellationToken;

use super::branch::audit::{self, Unaudited};
use super::branch::reject::Rejections;
use super::branch::restack::stands_on_dropped_work;
use super::building::backend;
use super::ideas::history::{self, History};
use super::measure::Calibrated;
use super::measure::bargain::Bargain;
use super::measure::instances::InstanceBase;
use super::research::pursuit::Pursuit;
use super::research::sides::Sides;
use super::research::withheld::Withheld;
use super::workbench::{Workbench, WorkbenchSpec};
use super::{Error, Reporter, Request, io_error};
use crate::agent::Backend;
use crate::config::{FILE_NAME, HIDDEN_DIR};
use crate::decision::Streams;
use crate::eval::report::FirstReport;
use crate::model::audit::AuditLine;
use crate::model::dimension::Evaluation;
use crate::model::event::RunEvent;
use crate::model::experiment::{Cost, ExperimentEvent, Summary};
use crate::model::hypothesis::Hypothesis;
use crate::model::id::{CommitSha, ExperimentId, MetricName, RunId, StructuralKey, TreeSha};
use crate::model::observation::Observation;
use crate::process;
use crate::repo::Target;
use crate::store::{Registry, Waiting, Writer};

/// After how many experiments the handles on git are opened anew.
const RENEWAL: u32 = 16;

/// The unchanged code that candidates are measured against.
#[derive(Clone, Debug)]
pub(super) struct Incumbent {
    pub(super) commit: CommitSha,
    pub(super) tree: TreeSha,
    /// The landing branch's tip, if the branch exists.
    pub(super) branch_tip: Option<CommitSha>,
}

/// What a person asked for, and the hypothesis that answers it.
#[derive(Clone, Debug)]
pub(super) struct Wish {
    /// Its number in the backlog; none for a focus, or once it is closed.
    pub(super) item: Option<u32>,
    pub(super) text: String,
    pub(super) key: StructuralKey,
}

/// Everything a run changes while it goes on.
pub(super) struct Session<'a> {
    pub(super) request: &'a Request,
    pub(super) reporter: &'a dyn Reporter,
    pub(super) cancel: &'a CancellationToken,
    pub(super) run: RunId,
    pub(super) seed: u64,
    pub(super) rng: ChaCha8Rng,
    pub(super) backend: Box<dyn Backend>,
    pub(super) target: Target,
    pub(super) base: CommitSha,
    pub(super) writer: Writer,
    pub(super) history: History,
    /// The error budget of every noisy metric.
    pub(super) streams: Streams,
    /// Every audit ever made, oldest first.
    pub(super) audits: Vec<AuditLine>,
    /// What happened on each noisy metric since it was last audited.
    pub(super) unaudited: BTreeMap<MetricName, Unaudited>,
    pub(super) bench: Workbench,
    pub(super) incumbent: Incumbent,
    /// The landing branch's tip where it lacks commits of the base: it is to be made again.
    pub(super) outgrown: Option<CommitSha>,
    pub(super) baseline: Option<Evaluation>,
    /// What is known of the suite, in modes that look at it first.
    pub(super) first_report: Option<FirstReport>,
    /// The number of a research run.
    pub(super) pursuit: Option<Pursuit>,
    /// The turn that is played, where two sides improve in turns.
    pub(super) sides: Option<Sides>,
    /// Tests that both passed and failed on the incumbent; they decide nothing.
    pub(super) quarantined: BTreeSet<String>,
    /// What was seen on the present incumbent; empty after a keep.
    pub(super) observations: Option<Vec<Observation>>,
    /// Halves of a vetoed candidate, tried before anything else.
    pub(super) halves: VecDeque<Hypothesis>,
    /// Candidates that were built beside others, and wait for their turn.
    pub(super) ahead: Vec<Waiting>,
    /// Hypotheses whose candidate no longer fitted, to be built again.
    pub(super) deferred: Vec<Hypothesis>,
    pub(super) tried: BTreeSet<StructuralKey>,
    /// Inconclusive experiments that went on in this run, or cannot.
    pub(super) not_resumed: BTreeSet<ExperimentId>,
    /// Experiments since one went on.
    pub(super) since_resume: u32,
    pub(super) calibrations: BTreeMap<String, Calibrated>,
    /// What the present candidate does beside its claim.
    pub(super) bargain: Bargain,
    /// Decisions on what is taken for deterministic, over the whole record.
    pub(super) d_decisions: u32,
    /// What is known of metrics over instances.
    pub(super) instance_bases: BTreeMap<String, InstanceBase>,
    /// What people said about kept work, by experiment.
    pub(super) rejections: Rejections,
    /// What people ask for, as of the last look at it.
    pub(super) asked: Vec<Wish>,
    /// Metrics that give no number on the unchanged code, and why.
    pub(super) broken: BTreeMap<String, String>,
    /// Metrics that were taken for deterministic and are not.
    pub(super) noisy: BTreeSet<String>,
    /// How many ranked hypotheses wait behind the present one.
    pub(super) waiting: usize,
    /// The evaluation of the candidate that is being decided.
    pub(super) candidate_evaluation: Option<Evaluation>,
    /// What a person should know of the present experiment beside its verdict; ends up in its note.
    pub(super) remarks: Vec<String>,
    /// What agents must not learn.
    pub(super) withheld: Withheld,
    /// Why the run cannot go on, although nothing failed.
    pub(super) stop: Option<String>,
    /// Why what is left of the budget pays for nothing more.
    pub(super) unaffordable: Option<String>,
    pub(super) cost: Cost,
    /// Experiments since the handles on git were opened.
    pub(super) since_renewal: u32,
    pub(super) started: Instant,
}

impl<'a> Session<'a> {
    /// Opens the target and its record, takes the lock, and finds the incumbent.
    pub(super) async fn open(
        request: &'a Request,
        reporter: &'a dyn Reporter,
        cancel: &'a CancellationToken,
    ) -> Result<Self, Error> {
        let now = Timestamp::now();
        let Record {
            target,
            mut writer,
            rejections,
            notices,
        } = Record::open(request, now)?;
        let branch = &request.profile.landing.branch;
        let base = target.head()?.commit;
        let (incumbent, outgrown) = find_incumbent(&target, &writer, &base, branch)?;
        let seed = request.seed.unwrap_or_else(rand::random);
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let run = run_id(now, &mut rng);
        writer.set_run(run.clone())?;
        seal_profile(&target, &mut writer, now)?;
        let spec = bench_of(request, &target, &run, seed);
        let bench = Workbench::open(&target, spec, cancel).await?;
        let backend = backend::open(request, &target, &bench).await?;
        let (audits, summaries) = standing(&writer, &rejections)?;
        let mut session = Self {
            streams: streams_of(request.profile.decision.alpha, &summaries),
            unaudited: audit::unaudited(&audits, &summaries),
            d_decisions: history::d_decisions(&summaries),
            history: History::of(summaries),
            audits,
            backend,
            observations: None,
            baseline: None,
            first_report: None,
            pursuit: None,
            sides: None,
            quarantined: BTreeSet::new(),
            halves: VecDeque::new(),
            ahead: Vec::new(),
            deferred: Vec::new(),
            tried: BTreeSet::new(),
            not_resumed: BTreeSet::new(),
            since_resume: 0,
            calibrations: BTreeMap::new(),
            bargain: Bargain::default(),
            instance_bases: BTreeMap::new(),
            rejections,
            asked: Vec::new(),
            broken: BTreeMap::new(),
            noisy: BTreeSet::new(),
            waiting: 0,
            candidate_evaluation: None,
            remarks: Vec::new(),
            withheld: Withheld::default(),
            stop: None,
            unaffordable: None,
            cost: Cost::default(),
            since_renewal: 0,
            started: Instant::now(),
            request,
            reporter,
            cancel,
            run,
            seed,
            rng,
            target,
            base,
            writer,
            bench,
            incumbent,
            outgrown,
        };
        session.announce(&notices)?;
        session.recall()?;
        session.recall_queue();
        Ok(session)
    }

    fn announce(&self, recovered: &[String]) -> Result<(), Error> {
        self.tell(&RunEvent::RunStarted {
            run: self.run.clone(),
            target: self.target.root().to_string(),
            incumbent: self.incumbent.commit.clone(),
        });
        for notice in recovered {
            self.notice(notice.clone());
        }
        if self.target.is_dirty()? {
            self.notice(
                "the checkout has changes that are not committed; they are not part of this run"
                    .to_owned(),
            );
        }
        Ok(())
    }

    /// Opens the target and the record anew, now and then.
    ///
    /// Packs that were merged stay for a day and for some dozens of merges; a handle that is older than
    /// that could look for an object in a file that is gone.
    pub(super) fn renew_handles(&mut self) -> Result<(), Error> {
        self.since_renewal += 1;
        if self.since_renewal < RENEWAL {
            return Ok(());
        }
        self.since_renewal = 0;
        self.target = Target::open(&self.request.root)?;
        Ok(self.writer.renew()?)
    }

    /// Leaves a hypothesis out of this run.
    pub(super) fn skip(&mut self, key: StructuralKey) {
        self.tried.insert(key);
    }

    /// Sends an event to the reporter.
    pub(super) fn tell(&self, event: &RunEvent) {
        self.reporter.event(event);
    }

    /// Tells the person something they can do something about.
    pub(super) fn notice(&self, text: String) {
        self.tell(&RunEvent::Notice { text });
    }

    /// Announces a phase and returns when it began.
    pub(super) fn begin_phase(&self, phase: &str, detail: impl Into<String>) -> Instant {
        self.tell(&RunEvent::PhaseStarted {
            phase: phase.to_owned(),
            detail: detail.into(),
        });
        Instant::now()
    }

    /// Announces the end of a phase.
    pub(super) fn end_phase(&self, phase: &str, since: Instant, detail: impl Into<String>) {
        self.tell(&RunEvent::PhaseFinished {
            phase: phase.to_owned(),
            detail: detail.into(),
            seconds: since.elapsed().as_secs_f64(),
        });
    }

    /// Writes an event to the journal, before the act it announces.
    pub(super) fn journal(&mut self, event: &ExperimentEvent) -> Result<(), Error> {
        Ok(self.writer.append(event)?)
    }

    /// Counts the streams anew, once former experiments count for something else.
    pub(super) fn count_streams(&mut self) {
        let alpha = self.request.profile.decision.alpha;
        self.streams = streams_of(alpha, self.history.all());
    }

    /// Returns the incumbent's evaluation.
    ///
    /// # Panics
    /// Before the baseline was measured.
    pub(super) fn baseline(&self) -> &Evaluation {
        self.baseline
            .as_ref()
            .expect("the baseline is measured before the first experiment")
    }
}

/// Returns every audit, and all experiments as they stand after audits and what people rejected.
fn standing(
    writer: &Writer,
    rejections: &Rejections,
) -> Result<(Vec<AuditLine>, Vec<Summary>), Error> {
    let mut summaries = writer.reader().summaries()?;
    rejections.overrule(&mut summaries);
    let audits = writer.reader().audits()?;
    audit::overrule(&audits, &mut summaries);
    Ok((audits, summaries))
}

/// Returns where the run evaluates, and with what.
fn bench_of(request: &Request, target: &Target, run: &RunId, seed: u64) -> WorkbenchSpec {
    WorkbenchSpec {
        profile: request.profile.clone(),
        scratch: request.scratch.clone(),
        logs: Some(target.root().join(".factory/logs").join(run.as_str())),
        slot: "loop",
        seed,
        foreign: request.player.is_foreign().then(|| request.home.clone()),
    }
}

/// Returns how the streams stand after all these experiments, oldest first.
fn streams_of(alpha: f64, history: &[Summary]) -> Streams {
    let mut streams = Streams::new(alpha);
    for it in history {
        streams.add_closed(it);
    }
    streams
}

/// A target whose record is open for writing and in order.
struct Record {
    target: Target,
    writer: Writer,
    rejections: Rejections,
    /// What a person should know of what a killed run left, and of what they rejected.
    notices: Vec<String>,
}

impl Record {
    /// Opens the target, takes the lock, and puts in order what a killed run left.
    fn open(request: &Request, now: Timestamp) -> Result<Self, Error> {
        let target = Target::open(&request.root)?;
        let branch = &request.profile.landing.branch;
        target.can_create_branch(branch)?;
        if let Some(worktree) = target.worktree_of(branch)? {
            return Err(Error::LandingCheckedOut {
                branch: branch.clone(),
                worktree: worktree.into_string(),
            });
        }
        let (mut writer, recovery) = Writer::open(&target, now)?;
        let mut notices = recovery.notices;
        let rejections = Rejections::read(&writer)?;
        notices.extend(rejections.notice());
        target.remove_stale_locks()?;
        let n_left = process::end_orphans();
        if n_left > 0 {
            notices.push(format!(
                "ended {n_left} processes that a killed run had left running"
            ));
        }
        notices.extend(settle_landing(&target, &mut writer, branch, now)?);
        notices.extend(audit::settle(&target, &writer, branch)?);
        target.exclude_factory_dir()?;
        Registry::open(&request.home)?.register(target.root(), now)?;
        Ok(Self {
            target,
            writer,
            rejections,
            notices,
        })
    }
}

/// Seals the profile that a person accepted into the record; one at the root has git for that.
fn seal_profile(target: &Target, writer: &mut Writer, now: Timestamp) -> Result<(), Error> {
    let path = target.root().join(HIDDEN_DIR).join(FILE_NAME);
    if target.root().join(FILE_NAME).exists() {
        return Ok(());
    }
    match fs_err::read_to_string(&path) {
        Ok(text) => Ok(writer.note(FILE_NAME, &text, now)?),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(io_error(&path, source)),
    }
}

/// Finishes the landing of a keep that a killed run had decided: the branch tells whether it moved,
/// and where it still stands at the incumbent, it is moved now.
fn settle_landing(
    target: &Target,
    writer: &mut Writer,
    branch: &str,
    now: Timestamp,
) -> Result<Option<String>, Error> {
    let Some(pending) = writer.pending() else {
        return Ok(None);
    };
    let (id, incumbent) = (pending.id, pending.lands_on().clone());
    let Some(kept) = pending.to_land().map(|it| it.commit.clone()) else {
        writer.settle(None, now)?;
        return Ok(None);
    };
    let tip = target.branch(branch)?;
    let has_moved = match &tip {
        Some(tip) => target.is_ancestor(&kept, tip)?,
        None => false,
    };
    let may_move = match &tip {
        Some(tip) => *tip == incumbent || target.is_ancestor(tip, &incumbent)?,
        None => true,
    };
    if !has_moved && may_move {
        target.advance(branch, tip.as_ref(), &kept)?;
    }
    let landed = (has_moved || may_move).then_some(kept);
    let how = if landed.is_some() {
        "is on"
    } else {
        "did not get on"
    };
    writer.settle(landed, now)?;
    Ok(Some(format!(
        "experiment {id} was kept when a run was killed; it {how} `{branch}`"
    )))
}

/// Returns the landing branch's tip where it contains the base, else the base itself, with the tip of
/// a branch that went another way.
fn find_incumbent(
    target: &Target,
    writer: &Writer,
    base: &CommitSha,
    branch: &str,
) -> Result<(Incumbent, Option<CommitSha>), Error> {
    let branch_tip = target.branch(branch)?;
    let mut outgrown = None;
    let commit = match &branch_tip {
        Some(tip)
            if target.is_ancestor(base, tip)?
                && !stands_on_dropped_work(target, writer.reader(), base, tip)? =>
        {
            tip.clone()
        }
        Some(tip) => {
            if !target.is_ancestor(tip, base)? {
                outgrown = Some(tip.clone());
            }
            base.clone()
        }
        None => base.clone(),
    };
    let incumbent = Incumbent {
        tree: target.tree_of(&commit)?,
        commit,
        branch_tip,
    };
    Ok((incumbent, outgrown))
}

/// Returns an id that sorts by the time the run began.
fn run_id(now: Timestamp, rng: &mut ChaCha8Rng) -> RunId {
    let salt: u32 = rng.random();
    let text = format!("{}-{salt:08x}", now.strftime("%Y%m%dT%H%M%SZ"));
    text.parse().expect("digits and letters make a run id")
}

/// Returns a count as the ledger stores it; more than `u32` holds reads as its maximum.
pub(super) fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
