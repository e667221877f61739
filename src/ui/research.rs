//! What is known of a number before anything is tried: its value, its noise, and what that costs.

use crate::ceo::noise::Noise;

use super::document::ResearchPage;
use super::{number, style, text, tools};

/// A number that shows only gains above this share of itself decides next to nothing.
const VISIBLE: f64 = 0.3;

/// Returns the section that was made, if one was, and what its number shows.
pub fn render(page: &ResearchPage, width: usize) -> String {
    let mut out = String::new();
    if !page.text.is_empty() {
        let verb = if page.written { "wrote" } else { "for" };
        out.push_str(&format!(
            "{verb} {}\n{}\n",
            page.path,
            tools::profile(&page.text)
        ));
    }
    for noise in [Some(&page.noise), page.opponent.as_ref()]
        .into_iter()
        .flatten()
    {
        for (label, words) in facts(noise) {
            out.push_str(&text::labelled(label, &text::harmless(&words), width));
        }
    }
    if page.written || page.text.is_empty() {
        let next = style::command("factory ceo --mode research");
        out.push_str(&text::labelled("next", &next, width));
    }
    out
}

fn facts(noise: &Noise) -> Vec<(&'static str, String)> {
    let value = number::quantity(noise.value, &noise.unit);
    let runs = number::count(noise.runs.len(), "runs");
    let each = number::duration(noise.run_seconds);
    let mut facts = vec![(
        "number",
        format!("{} {value} (median of {runs}, {each} each)", noise.metric),
    )];
    let sigma = amount(noise.noise, noise.relative, &noise.unit);
    let words = if noise.deterministic {
        "none: every run gave the same".to_owned()
    } else {
        format!("two runs of the same code differ by {sigma} (one standard deviation)")
    };
    facts.push(("noise", words));
    facts.extend(match noise.instances {
        Some(n) => over_instances(noise, n),
        None => over_runs(noise),
    });
    facts.extend(noise.warnings.iter().map(|it| ("careful", it.clone())));
    facts
}

/// Says what a number that is one for all of a run can show, and what that costs.
fn over_runs(noise: &Noise) -> Vec<(&'static str, String)> {
    let most = number::duration(noise.most_seconds);
    if noise.deterministic {
        let price = format!("{most} for an experiment, beside its build");
        let seen = "any gain: each arm is run twice".to_owned();
        return vec![("can be seen", seen), ("price", price)];
    }
    let gain = amount(noise.smallest_gain, noise.relative, &noise.unit);
    let pairs = noise.most_pairs;
    let seen = format!("gains of {gain} or more; smaller ones are lost in the noise");
    let price =
        format!("at most {pairs} pairs of runs for an experiment, {most}; most end far sooner");
    let mut facts = vec![("can be seen", seen), ("price", price)];
    if noise.relative && noise.smallest_gain > VISIBLE {
        let words = "most gains are smaller than that: let `run` repeat its work and print the best of it, \
                     leave the machine alone, or count something that does not vary";
        facts.push(("careful", words.to_owned()));
    }
    facts
}

/// Says what a mean over instances can show, each of which is a pair of its own.
fn over_instances(noise: &Noise, n: usize) -> Vec<(&'static str, String)> {
    let gain = number::quantity(noise.smallest_gain, &noise.unit);
    let most = number::duration(noise.most_seconds);
    let hidden = noise.hidden_instances;
    let hidden = hidden.map_or_else(String::new, |it| format!(", and {it} hidden ones"));
    vec![
        ("instances", format!("{n}{hidden}")),
        (
            "can be seen",
            format!("gains of about {gain} or more: what {n} instances can show"),
        ),
        (
            "price",
            format!("one run of each arm for an experiment, {most}, beside its build"),
        ),
    ]
}

fn amount(value: f64, is_relative: bool, unit: &str) -> String {
    if is_relative {
        format!("{:.1} %", 100.0 * value)
    } else {
        number::quantity(value, unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page() -> ResearchPage {
        ResearchPage {
            schema: "factory.research/1".into(),
            path: "/x/factory.toml".into(),
            written: true,
            text: "[research]\nmetric = \"latency\"\n".into(),
            noise: Noise {
                hidden_instances: None,
                metric: "latency".into(),
                unit: "ms".into(),
                value: 12.3,
                runs: vec![12.3; 20],
                run_seconds: 0.31,
                deterministic: false,
                noise: 0.041,
                smallest_gain: 0.029,
                relative: true,
                most_pairs: 60,
                most_seconds: 37.2,
                instances: None,
                warnings: vec![
                    "heavy tails: standard deviation 5.0e-2, robust estimate 2.0e-2".into(),
                ],
            },
            opponent: None,
        }
    }

    #[test]
    fn a_noisy_number_says_what_can_be_seen_at_which_price() {
        let text = anstream::adapter::strip_str(&render(&page(), 80)).to_string();
        insta::assert_snapshot!(text, @r#"
        wrote /x/factory.toml
          [research]
          metric = "latency"

        number       latency 12.3 ms (median of 20 runs, 0.3 s each)
        noise        two runs of the same code differ by 4.1 % (one standard deviation)
        can be seen  gains of 2.9 % or more; smaller ones are lost in the noise
        price        at most 60 pairs of runs for an experiment, 37.2 s; most end far
                     sooner
        careful      heavy tails: standard deviation 5.0e-2, robust estimate 2.0e-2
        next         factory ceo --mode research
        "#);
    }

    #[test]
    fn a_number_over_instances_says_what_so_many_can_show() {
        let mut page = page();
        let noise = &mut page.noise;
        (noise.metric, noise.unit, noise.value) = ("accuracy".into(), String::new(), 0.606);
        (noise.deterministic, noise.relative) = (true, false);
        (noise.instances, noise.hidden_instances) = (Some(480), Some(240));
        (noise.smallest_gain, noise.most_seconds) = (0.0456, 0.6);
        noise.warnings.clear();
        page.text.clear();
        let text = anstream::adapter::strip_str(&render(&page, 80)).to_string();
        insta::assert_snapshot!(text, @r#"
        number       accuracy 0.606 (median of 20 runs, 0.3 s each)
        noise        none: every run gave the same
        instances    480, and 240 hidden ones
        can be seen  gains of about 0.046 or more: what 480 instances can show
        price        one run of each arm for an experiment, 0.6 s, beside its build
        next         factory ceo --mode research
        "#);
    }

    #[test]
    fn noise_that_hides_most_gains_is_warned_of() {
        let mut page = page();
        assert!(!render(&page, 80).contains("repeat its work"));
        page.noise.smallest_gain = 0.49;
        assert!(render(&page, 80).contains("repeat its work"));
    }

    #[test]
    fn a_number_without_noise_costs_two_runs_of_each_arm() {
        let mut page = page();
        page.noise.deterministic = true;
        page.noise.most_seconds = 1.2;
        page.text.clear();
        let text = render(&page, 80);
        for words in ["every run gave the same", "any gain", "1.2 s"] {
            assert!(text.contains(words), "{words}: {text}");
        }
        let mut other = page.noise.clone();
        other.metric = "caught".into();
        page.opponent = Some(other);
        let text = render(&page, 80);
        assert!(text.contains("caught 12.3 ms"), "{text}");
    }
}
