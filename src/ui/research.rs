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
    let most = number::duration(noise.most_seconds);
    if noise.deterministic {
        facts.push(("noise", "none: every run gave the same".to_owned()));
        facts.push(("can be seen", "any gain: each arm is run twice".to_owned()));
        facts.push((
            "price",
            format!("{most} for an experiment, beside its build"),
        ));
    } else {
        let sigma = amount(noise.noise, noise);
        facts.push((
            "noise",
            format!("two runs of the same code differ by {sigma} (one standard deviation)"),
        ));
        let gain = amount(noise.smallest_gain, noise);
        facts.push((
            "can be seen",
            format!("gains of {gain} or more; smaller ones are lost in the noise"),
        ));
        if noise.relative && noise.smallest_gain > VISIBLE {
            let words = "most gains are smaller than that: let `run` repeat its work and print the best of it, \
                         leave the machine alone, or count something that does not vary";
            facts.push(("careful", words.to_owned()));
        }
        let pairs = noise.most_pairs;
        facts.push((
            "price",
            format!("at most {pairs} pairs of runs for an experiment, {most}; most end far sooner"),
        ));
    }
    if let Some(instances) = noise.instances {
        facts.push(("instances", instances.to_string()));
    }
    facts.extend(noise.warnings.iter().map(|it| ("careful", it.clone())));
    facts
}

fn amount(value: f64, noise: &Noise) -> String {
    if noise.relative {
        format!("{:.1} %", 100.0 * value)
    } else {
        number::quantity(value, &noise.unit)
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
        page.noise.instances = Some(480);
        page.text.clear();
        let text = render(&page, 80);
        for words in ["every run gave the same", "any gain", "1.2 s", "480"] {
            assert!(text.contains(words), "{words}: {text}");
        }
        let mut other = page.noise.clone();
        other.metric = "caught".into();
        page.opponent = Some(other);
        let text = render(&page, 80);
        assert!(text.contains("caught 12.3 ms"), "{text}");
    }
}
