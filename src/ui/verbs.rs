//! Short texts: status, targets, backlog, gates, configuration.

use crate::model::verdict::Verdict;
use crate::store::{Activity, Running};

use super::document::{
    Agents, Backlog, ConfigReport, GuardReport, Imported, StatusReport, Targets,
};
use super::text::{Cell, Tint};
use super::{lines, number, style, text};

/// Returns what is going on at a target.
pub fn status(status: &StatusReport, width: usize) -> String {
    let branch = status.branch.as_deref().unwrap_or("no branch (detached)");
    let mut out = format!("{}\n", style::heading(status.root.as_str()));
    let mut field = |label: &str, value: &str| {
        out.push_str(&text::labelled(label, &text::harmless(value), width));
    };
    field("checkout", &format!("{branch} at {}", status.head.short()));
    field("kept work", &kept(status));
    field("running", &running(status));
    if let Some(run) = &status.running {
        field("doing", &doing(run));
    }
    let counts: Vec<(Verdict, usize)> = status
        .by_verdict
        .iter()
        .map(|(verdict, n)| (*verdict, *n as usize))
        .collect();
    let tally = if status.experiments == 0 {
        "none yet".to_owned()
    } else {
        format!("{}: {}", status.experiments, lines::tally(&counts))
    };
    out.push_str(&text::labelled("experiments", &tally, width));
    let mut field = |label: &str, value: &str| {
        out.push_str(&text::labelled(label, &text::harmless(value), width));
    };
    if let Some(last) = &status.last {
        field(
            "last",
            &format!(
                "#{} {}: {}",
                last.id,
                style::verdict_word(last.verdict),
                last.title
            ),
        );
    }
    field("backlog", &format!("{} open", status.backlog));
    field("next", &status.next);
    out
}

fn running(status: &StatusReport) -> String {
    if let Some(run) = &status.running {
        let place = if run.detached {
            ", in the background"
        } else {
            ""
        };
        return format!(
            "process {} on {} since {}{place}",
            run.pid,
            run.host,
            minute(run.since)
        );
    }
    let Some(owner) = &status.owner else {
        return "nothing".to_owned();
    };
    let run = owner.run.as_ref();
    let run = run.map_or_else(String::new, |run| format!(", run {run}"));
    format!(
        "process {} on {} since {}{run}",
        owner.pid,
        owner.host,
        minute(owner.since)
    )
}

fn doing(run: &Running) -> String {
    let next = run.next_look.map_or_else(String::new, |at| {
        format!("; it looks again at {} at the latest", minute(at))
    });
    match run.activity {
        Activity::Working => run.doing.clone(),
        Activity::Waiting | Activity::Paused => format!("{}{next}", run.doing),
    }
}

fn minute(at: jiff::Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

fn kept(status: &StatusReport) -> String {
    match (&status.tip, status.landed) {
        (None, _) => format!("none yet on `{}`", status.landing),
        (Some(tip), true) => format!("`{}` at {}, all of it landed", status.landing, tip.short()),
        (Some(tip), false) => format!("`{}` at {}, not landed", status.landing, tip.short()),
    }
}

/// Returns the registered targets.
pub fn targets(targets: &Targets, width: usize) -> String {
    if targets.targets.is_empty() {
        return "no targets yet; `factory ceo PATH` makes one\n".to_owned();
    }
    let day = |at: jiff::Timestamp| at.strftime("%Y-%m-%d").to_string();
    let rows: Vec<Vec<Cell>> = targets
        .targets
        .iter()
        .map(|it| {
            let count = |n: Option<u32>| n.map_or_else(String::new, |n| n.to_string());
            let state = match (&it.running, it.gone) {
                (_, true) => "gone",
                (Some(run), _) => run.activity.name(),
                (None, _) => "",
            };
            vec![
                text::harmless(it.path.as_str()).into(),
                day(it.first).into(),
                day(it.last).into(),
                count(it.experiments).into(),
                count(it.kept).into(),
                state.into(),
            ]
        })
        .collect();
    let columns = ["target", "first", "last", "tried", "kept", "now"];
    text::table(&columns, &rows, &[1, 2, 3, 4], width)
}

/// Returns the wishes.
pub fn backlog(backlog: &Backlog, width: usize) -> String {
    if backlog.items.is_empty() {
        return "no wishes; `factory backlog add \"ruff F401\"` adds one\n".to_owned();
    }
    let rows: Vec<Vec<Cell>> = backlog
        .items
        .iter()
        .map(|it| {
            let state = match &it.closed {
                None => Cell::from("open"),
                Some(how) => Cell::tinted(text::harmless(how), Tint::Faint),
            };
            vec![
                it.id.to_string().into(),
                text::harmless(&it.text).into(),
                state,
            ]
        })
        .collect();
    text::table(&["id", "wish", "state"], &rows, &[0], width)
}

/// Returns what the gates say.
pub fn guard(report: &GuardReport, width: usize) -> String {
    let what = format!(
        "{} → {} ({})",
        report.from.short(),
        report.to.get(..10).unwrap_or(&report.to),
        number::count(report.files, "files")
    );
    if report.violations.is_empty() {
        return format!("{what}: {}\n", style::good("nothing is forbidden"));
    }
    let mut out = format!(
        "{what}: {}\n",
        style::bad(&number::count(report.violations.len(), "violations"))
    );
    for violation in &report.violations {
        out.push_str(&text::bullet(
            &text::harmless(&violation.to_string()),
            width,
        ));
    }
    out
}

/// Returns every value with its origin.
pub fn config(report: &ConfigReport, width: usize) -> String {
    let rows: Vec<Vec<Cell>> = report
        .settings
        .iter()
        .map(|it| {
            let tint = match it.origin {
                crate::config::Origin::BuiltIn => Tint::Faint,
                _ => Tint::Plain,
            };
            vec![
                it.key.as_str().into(),
                text::harmless(&it.value).into(),
                Cell::tinted(it.origin.to_string(), tint),
            ]
        })
        .collect();
    text::table(&["key", "value", "from"], &rows, &[0], width)
}

/// Returns the backends, and what keeps one from playing.
pub fn agents(agents: &Agents, width: usize) -> String {
    let mut out = String::new();
    for agent in &agents.agents {
        let mark = if agent.ready {
            style::good("✓")
        } else {
            style::careful("!")
        };
        let detail = text::harmless(&agent.detail);
        out.push_str(&text::labelled(
            &format!("{mark} {}", agent.name),
            &detail,
            width,
        ));
        let roles: Vec<&str> = agent.roles.iter().map(|it| it.name()).collect();
        if !roles.is_empty() {
            let network = if agent.network { "with" } else { "without" };
            let tier = format!(
                "{}; {network} network, tier {:?}",
                roles.join(", "),
                agent.tier
            );
            out.push_str(&text::labelled("", &tier, width));
        }
        if let Some(cure) = &agent.cure {
            out.push_str(&text::labelled("", &text::harmless(cure), width));
        }
    }
    out
}

/// Returns what was taken over, what was not, and the proposed section.
pub fn imported(imported: &Imported, _width: usize) -> String {
    let verb = if imported.done {
        "took over"
    } else {
        "would take over"
    };
    let mut out = format!(
        "{verb} ideas of {}: {} found, {} new; they are no measurements of ours\n",
        text::harmless(imported.source.as_str()),
        imported.found,
        imported.new
    );
    for row in imported.left_out.iter().take(LEFT_OUT) {
        out.push_str(&format!("left out: {}\n", text::harmless(row)));
    }
    if let Some(more) = imported.left_out.len().checked_sub(LEFT_OUT + 1) {
        out.push_str(&format!("and {} more\n", more + 1));
    }
    let title = style::heading("Proposed for factory.toml");
    out.push_str(&format!(
        "\n{title}\n{}",
        super::tools::profile(&imported.proposal)
    ));
    out
}

/// Rows that are named when they are left out.
const LEFT_OUT: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::document::OwnerLine;

    #[test]
    fn the_status_says_what_to_do_next() {
        let report = StatusReport {
            schema: "factory.status/1".into(),
            root: "/srv/project".into(),
            branch: Some("main".into()),
            head: "0123456789abcdef0123456789abcdef01234567".parse().unwrap(),
            landing: "factory/best".into(),
            tip: Some("1123456789abcdef0123456789abcdef01234567".parse().unwrap()),
            landed: false,
            owner: Some(OwnerLine {
                pid: 7,
                host: "box".into(),
                since: "2026-03-01T10:00:00Z".parse().unwrap(),
                run: None,
            }),
            running: None,
            experiments: 3,
            by_verdict: [(Verdict::Keep, 1), (Verdict::Revert, 2)].into(),
            last: None,
            backlog: 1,
            next: "see what was kept with `factory diff`, take it with `factory land`".into(),
        };
        let text = anstream::adapter::strip_str(&status(&report, 80)).to_string();
        insta::assert_snapshot!(text, @r#"
        /srv/project
        checkout     main at 0123456789
        kept work    `factory/best` at 1123456789, not landed
        running      process 7 on box since 2026-03-01 10:00 UTC
        experiments  3: 1 kept · 2 reverted
        backlog      1 open
        next         see what was kept with `factory diff`, take it with `factory land`
        "#);
    }
}
