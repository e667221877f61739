//! The closing report: what was tried, kept and rejected and why, and what to do next.

use crate::ceo::report::Stream;
use crate::ceo::{Line, RunReport};
use crate::model::verdict::Verdict;

use super::{lines, number, pursued, style, text};

/// Returns the report as text.
pub fn render(report: &RunReport, width: usize) -> String {
    let mut out = format!("\n{}\n", style::heading("What was tried"));
    if report.experiments.is_empty() {
        out.push_str("  nothing\n");
    }
    let (shown, n_left_out) = pursued::shown(report);
    for line in shown {
        out.push_str(&experiment(
            line,
            pursued::is_only_claim(report, line),
            width,
        ));
    }
    if n_left_out > 0 {
        let words = format!("and {n_left_out} that were not kept: `factory history` lists them");
        out.push_str(&format!("  {}\n", style::faint(&words)));
    }
    out.push_str(&untried(report, width));
    if let Some(it) = &report.research {
        out.push_str(&pursued::render(it, width));
    }
    out.push_str(&summary(report, width));
    out.push_str(&landing(report, width));
    out.push_str(&honesty(report, width));
    out
}

/// Returns the ranked list of a dry run.
pub fn render_plan(report: &RunReport, width: usize) -> String {
    let mut out = format!("{}\n", style::heading("What would be tried, in this order"));
    if report.untried.is_empty() {
        out.push_str("  nothing\n");
    }
    for (index, (title, why)) in report.untried.iter().enumerate() {
        let line = format!("{}. {}", index + 1, text::harmless(title));
        out.push_str(&format!(
            "  {}\n",
            text::wrap(&line, width.saturating_sub(2), 5)
        ));
        if !why.is_empty() {
            let why = text::wrap(&text::harmless(why), width.saturating_sub(5), 5);
            out.push_str(&format!("     {}\n", style::faint(&why)));
        }
    }
    out.push_str(&format!(
        "{}\n",
        text::wrap(&text::harmless(&report.ended), width, 0)
    ));
    out
}

fn experiment(line: &Line, is_only_claim: bool, width: usize) -> String {
    let mut head = format!("#{} {}", line.id, text::harmless(&line.hypothesis));
    if !is_only_claim {
        head.push_str(&format!(" ({})", line.claim));
    }
    let word = style::verdict(line.verdict);
    let room = width.saturating_sub(15);
    let head = text::wrap(&head, room, 0).replace('\n', &format!("\n{}", " ".repeat(15)));
    let padding = " ".repeat(12_usize.saturating_sub(text::visible(&word)));
    let mut out = format!("  {word}{padding} {head}\n");
    let mut add = |words: &str| {
        let body = text::wrap(words, room, 0).replace('\n', &format!("\n{}", " ".repeat(15)));
        out.push_str(&format!("{}{body}\n", " ".repeat(15)));
    };
    match &line.effect {
        // The reasons of a noisy test tell the difference but not the values themselves.
        Some(effect) if line.e_value.is_some() => add(&number::values(effect)),
        Some(effect) if line.reasons.is_empty() => add(&number::effect(effect)),
        _ => {}
    }
    // The first reason of a keep is its evidence; the conditions of that are on the page of `show`.
    let shown = if line.verdict == Verdict::Keep { 1 } else { 3 };
    for reason in line.reasons.iter().take(shown) {
        add(&text::harmless(reason));
    }
    if line.verdict != Verdict::Keep && line.reasons.len() > shown {
        let more = line.reasons.len() - shown;
        add(&format!("and {more} more: factory show {}", line.id));
    }
    out
}

fn untried(report: &RunReport, width: usize) -> String {
    let was_tried = |title: &str| report.experiments.iter().any(|it| it.hypothesis == title);
    let left: Vec<_> = report
        .untried
        .iter()
        .filter(|(title, _)| !was_tried(title))
        .collect();
    if left.is_empty() {
        return String::new();
    }
    let mut out = format!("{}\n", style::heading("Not tried"));
    // What a search proposes next is of little interest, unless it was asked for.
    let is_search = report.research.is_some();
    let most = if is_search { 2 } else { 10 };
    for (title, why) in left.iter().take(most) {
        let words = if is_search {
            title.clone()
        } else {
            format!("{title}: {why}")
        };
        out.push_str(&text::bullet(&text::harmless(&words), width));
    }
    if left.len() > most {
        out.push_str(&format!("  and {} more\n", left.len() - most));
    }
    out
}

fn summary(report: &RunReport, width: usize) -> String {
    let counts: Vec<(Verdict, usize)> = Verdict::ALL
        .iter()
        .map(|verdict| {
            (
                *verdict,
                report
                    .experiments
                    .iter()
                    .filter(|it| it.verdict == *verdict)
                    .count(),
            )
        })
        .collect();
    let cost = &report.cost;
    let mut out = format!("{}\n", style::heading("Summary"));
    out.push_str(&format!("  {}\n", lines::tally(&counts)));
    let is_composite = report.research.is_none();
    if is_composite && (report.score_before.is_some() || report.score_after.is_some()) {
        out.push_str(&format!(
            "  composite {} → {}\n",
            number::score(report.score_before),
            number::score(report.score_after)
        ));
    }
    let mut price = format!(
        "cost: {}, {}, {}",
        number::duration(cost.seconds),
        number::count(cost.evals as usize, "evaluations"),
        number::count(cost.metric_runs as usize, "metric runs"),
    );
    price.push_str(&match (cost.tokens, cost.usd_cents) {
        (0, 0) => ", no model and no money".to_owned(),
        (tokens, cents) => format!(", {tokens} tokens, {}.{:02} USD", cents / 100, cents % 100),
    });
    out.push_str(&format!(
        "  {}\n",
        text::wrap(&price, width.saturating_sub(2), 2)
    ));
    let ended = text::wrap(&text::harmless(&report.ended), width.saturating_sub(2), 2);
    out.push_str(&format!("  {ended}\n"));
    out
}

fn landing(report: &RunReport, width: usize) -> String {
    let landing = &report.landing;
    let Some(tip) = landing.tip.as_ref().filter(|_| landing.ahead > 0) else {
        return String::new();
    };
    let short = tip.get(..10).unwrap_or(tip);
    let ahead = number::count(landing.ahead as usize, "commits");
    let words = format!(
        "{ahead} on `{}` ({short}); your branch, index and files are untouched",
        landing.branch
    );
    let words = text::wrap(&words, width.saturating_sub(2), 2);
    let mut out = format!("{}\n  {words}\n", style::heading("What was kept"));
    for (what, line) in [
        ("see it", &landing.diff),
        ("take it", &landing.land),
        ("undo it", &landing.undo),
    ] {
        out.push_str(&format!("  {what:<8} {}\n", style::command(line)));
    }
    out
}

fn was_tested(report: &RunReport, stream: &Stream) -> bool {
    let claim = format!("moves {}", stream.metric);
    report.experiments.iter().any(|it| it.claim == claim)
}

/// Returns what the budget of a noisy metric's stream says about what was kept on it.
fn error_rate(stream: &Stream) -> String {
    let tests = number::count(usize::try_from(stream.tests).unwrap_or(usize::MAX), "tests");
    match stream.kept {
        0 => format!(
            "error rate: {tests} of `{}` so far, nothing kept",
            stream.metric
        ),
        kept => format!(
            "error rate: {tests} of `{}` so far, {kept} kept; at most {:.1} % of those are expected to be flukes",
            stream.metric,
            100.0 * stream.fluke_share
        ),
    }
}

/// Returns what was gained on a metric, as measured, as believed and as audited, and what was taken out.
fn gain(stream: &Stream) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(gain) = &stream.gain {
        let value = |it| number::quantity(it, &gain.unit);
        let audited = match (gain.audited, gain.unaudited) {
            (None, _) => "not audited yet".to_owned(),
            (Some(audited), 0) => format!("{} when it was audited", value(audited)),
            (Some(audited), n) => format!(
                "{} when it was audited, without the last {}",
                value(audited),
                number::count(usize::try_from(n).unwrap_or(usize::MAX), "keeps")
            ),
        };
        lines.push(format!(
            "gain of `{}` over all that is kept: {} as measured, {} to be believed, {audited}",
            stream.metric,
            value(gain.raw),
            value(gain.shrunken)
        ));
    }
    if let Some(share) = stream.fluke_share_of_survivors {
        lines.push(format!(
            "audits took {} of `{}` out again; at most {:.1} % of the {} left are expected to be flukes",
            number::count(usize::try_from(stream.unkept).unwrap_or(usize::MAX), "keeps"),
            stream.metric,
            100.0 * share,
            stream.kept
        ));
    }
    lines
}

fn honesty(report: &RunReport, width: usize) -> String {
    let mut out = format!("{}\n", style::heading("Good to know"));
    // Research looks at one number; what else could be measured is a matter of other modes.
    let not_measured: &[String] = match &report.research {
        Some(_) => &[],
        None => &report.not_measured,
    };
    for reason in by_reason(not_measured) {
        out.push_str(&text::bullet(
            &format!("not measured: {}", text::harmless(&reason)),
            width,
        ));
    }
    let tests = report.first_report.as_ref().map(|it| it.tests);
    if report.kept > 0 && tests == Some(0) {
        let words = "no test ran: nothing here can tell whether the code still does what it did; \
                     read the diff before you land it";
        out.push_str(&text::bullet(words, width));
    }
    let isolation = format!(
        "isolation {:?}: {}",
        report.sandbox.tier, report.sandbox.note
    );
    out.push_str(&text::bullet(&isolation, width));
    for stream in report.streams.iter().filter(|it| was_tested(report, it)) {
        out.push_str(&text::bullet(&error_rate(stream), width));
        for line in gain(stream) {
            out.push_str(&text::bullet(&line, width));
        }
    }
    out.push_str(&text::bullet(
        &format!(
            "seed {}: `--seed {}` draws the same again",
            report.seed, report.seed
        ),
        width,
    ));
    out
}

/// Puts dimensions that were left out for the same reason on one line, in order of the first.
fn by_reason(not_measured: &[String]) -> Vec<String> {
    let mut reasons: Vec<(Vec<&str>, &str)> = Vec::new();
    for line in not_measured {
        let (name, reason) = line.split_once(": ").unwrap_or((line, ""));
        match reasons.iter_mut().find(|it| it.1 == reason) {
            Some((names, _)) => names.push(name),
            None => reasons.push((vec![name], reason)),
        }
    }
    let line = |(names, reason): (Vec<&str>, &str)| match reason {
        "" => names.join(", "),
        _ => format!("{}: {reason}", names.join(", ")),
    };
    reasons.into_iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ceo::Landing;
    use crate::model::experiment::Cost;
    use crate::model::hypothesis::Category;
    use crate::model::id::ExperimentId;
    use crate::model::measurement::{SandboxReport, SandboxTier};
    use crate::model::verdict::Effect;

    fn line(id: u32, verdict: Verdict) -> Line {
        Line {
            id: ExperimentId(id),
            hypothesis: "Remove unused imports".into(),
            category: Category::Fix,
            claim: "moves lint".into(),
            verdict,
            reasons: vec!["lint improved, and nothing else got worse".into()],
            effect: None,
            e_value: None,
            evals: 2,
            cost: Cost::default(),
        }
    }

    fn sample() -> RunReport {
        let mut noisy = line(2, Verdict::Keep);
        noisy.hypothesis = "Set `BUFFER_SIZE` in src/parse.py to 65536, which is a title that needs more than one line".into();
        noisy.effect = Some(Effect {
            metric: "parse".into(),
            unit: "ms".into(),
            before: 312.0,
            after: 293.0,
            relative: Some(0.061),
            interval: Some((0.03, 0.092)),
            shrunken: None,
        });
        noisy.claim = "moves parse".into();
        noisy.e_value = Some(131.7);
        noisy.cost.metric_runs = 24;
        RunReport {
            schema: "factory.run/1".into(),
            run: "r1".parse().unwrap(),
            cycles: 3,
            experiments: vec![line(1, Verdict::Keep), noisy, line(3, Verdict::Vetoed)],
            kept: 2,
            landing: Landing {
                branch: "factory/best".into(),
                tip: Some("0123456789abcdef0123456789abcdef01234567".into()),
                ahead: 2,
                diff: "git diff HEAD...factory/best".into(),
                land: "factory land".into(),
                undo: "git branch -D factory/best".into(),
            },
            score_before: Some(0.71),
            score_after: Some(0.784),
            not_measured: vec!["types: mypy is not installed (pip install mypy)".into()],
            sandbox: SandboxReport {
                tier: SandboxTier::T0,
                network: true,
                note: "plain child processes: the evaluated code could reach the network".into(),
            },
            streams: vec![Stream {
                metric: "parse".to_owned(),
                tests: 3,
                kept: 1,
                fluke_share: 0.0124,
                unkept: 0,
                fluke_share_of_survivors: None,
                gain: None,
            }],
            cost: Cost {
                seconds: 93.0,
                evals: 7,
                metric_runs: 24,
                tokens: 0,
                usd_cents: 0,
            },
            untried: vec![],
            ended:
                "nothing more to try without a model: every safe fix, knob and parameter was tried"
                    .into(),
            interrupted: false,
            seed: 7,
            stopped: crate::ceo::Stopped::NothingMore,
            research: None,
            first_report: Some(crate::ui::first_report::tests::sample()),
        }
    }

    #[test]
    fn the_report_fits_eighty_columns_and_answers_every_question() {
        let text = anstream::adapter::strip_str(&render(&sample(), 80)).to_string();
        assert!(text.lines().all(|it| it.chars().count() <= 80), "{text}");
        insta::assert_snapshot!(text, @r#"
        What was tried
          kept         #1 Remove unused imports (moves lint)
                       lint improved, and nothing else got worse
          kept         #2 Set `BUFFER_SIZE` in src/parse.py to 65536, which is a title
                       that needs more than one line (moves parse)
                       parse 312 → 293 ms
                       lint improved, and nothing else got worse
          vetoed       #3 Remove unused imports (moves lint)
                       lint improved, and nothing else got worse
        Summary
          2 kept · 1 vetoed
          composite 0.710 → 0.784
          cost: 93.0 s, 7 evaluations, 24 metric runs, no model and no money
          nothing more to try without a model: every safe fix, knob and parameter was
          tried
        What was kept
          2 commits on `factory/best` (0123456789); your branch, index and files are
          untouched
          see it   git diff HEAD...factory/best
          take it  factory land
          undo it  git branch -D factory/best
        Good to know
          · not measured: types: mypy is not installed (pip install mypy)
          · isolation T0: plain child processes: the evaluated code could reach the
            network
          · error rate: 3 tests of `parse` so far, 1 kept; at most 1.2 % of those are
            expected to be flukes
          · seed 7: `--seed 7` draws the same again
        "#);
    }

    #[test]
    fn what_was_left_out_for_one_reason_is_told_once() {
        let lines = [
            "research: no experiment",
            "types: no tool",
            "diversity: no experiment",
        ];
        assert_eq!(
            by_reason(&lines.map(str::to_owned)),
            ["research, diversity: no experiment", "types: no tool"]
        );
    }

    #[test]
    fn a_keep_without_any_test_is_not_praised() {
        let mut report = sample();
        assert!(!render(&report, 80).contains("no test ran"));
        report.first_report.as_mut().unwrap().tests = 0;
        assert!(render(&report, 80).contains("no test ran"));
    }

    #[test]
    fn nothing_kept_names_no_branch() {
        let mut report = sample();
        report.landing.ahead = 0;
        assert!(!render(&report, 80).contains("factory land"));
    }

    #[test]
    fn the_gain_is_told_raw_believed_and_audited() {
        let mut stream = sample().streams.remove(0);
        stream.kept = 10;
        stream.unkept = 2;
        stream.fluke_share_of_survivors = Some(0.06);
        stream.gain = Some(crate::ceo::report::Gain {
            unit: "%".to_owned(),
            raw: 12.34,
            shrunken: 9.8,
            audited: Some(9.1),
            unaudited: 3,
        });
        assert_eq!(
            gain(&stream),
            [
                "gain of `parse` over all that is kept: 12.3 % as measured, 9.8 % to be believed, 9.1 % when it was audited, without the last 3 keeps",
                "audits took 2 keeps of `parse` out again; at most 6.0 % of the 10 left are expected to be flukes",
            ]
        );
    }
}
