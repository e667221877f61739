//! The values of `[[research.parameter]]`, which are one space: a hypothesis is a point of it.

use super::dial::Dial;
use super::{Outcome, Search, Step, add};
use crate::config::{Research, ResearchParameter};
use crate::model::experiment::Summary;
use crate::model::hypothesis::{Assignment, Place};
use crate::model::id::StructuralKey;
use crate::model::observation::Setting;
use crate::model::verdict::Verdict;
use crate::search::Point;

/// The longest that a key may be.
const KEY: usize = 200;
/// Digits of a digest: few enough for a key, enough for the searches of one project.
const DIGEST: usize = 8;
/// What keys say of a value that cannot be searched now.
const FIXED: &str = "_";

/// A point to try, and the key of the experiment that tries it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Next {
    /// What makes it the same experiment as another.
    pub(crate) key: String,
    /// The values that change, with what is written there now.
    pub(crate) changes: Vec<(Assignment, String)>,
    /// How many points were tried before.
    pub(crate) n_tried: usize,
}

/// Returns where a declared parameter is.
pub(crate) fn place_of(parameter: &ResearchParameter) -> Place {
    Place {
        file: parameter.file.clone(),
        key: parameter.key.clone(),
        pattern: parameter.pattern.clone(),
    }
}

/// Returns why a value cannot be searched as it is; nothing where it can.
pub(crate) fn reason_against(parameter: &ResearchParameter, current: &str) -> Option<String> {
    Dial::of(parameter, current).err()
}

/// Returns the next points, most promising first.
pub(crate) fn next(
    research: &Research,
    settings: &[Setting],
    history: &[Summary],
    tried: &mut dyn Iterator<Item = &StructuralKey>,
) -> Vec<Next> {
    let Some(panel) = Panel::of(research, settings) else {
        return Vec::new();
    };
    let steps = panel.steps(history, tried);
    let search = panel.search(research);
    let points = search.next(&steps, &panel.here(), &|it| panel.point(it));
    points
        .into_iter()
        .map(|literals| panel.next(&literals, steps.len()))
        .collect()
}

/// All declared values with what is written there now; those without a dial stay as they are.
struct Panel<'a> {
    settings: &'a [Setting],
    dials: Vec<Option<Dial>>,
    /// How the keys of all its experiments begin and end.
    prefix: String,
    suffix: String,
}

impl<'a> Panel<'a> {
    /// Returns `None` where nothing can be searched, or the observation is of other parameters.
    fn of(research: &Research, settings: &'a [Setting]) -> Option<Self> {
        let parameters = &research.parameters;
        let is_same = parameters.len() == settings.len()
            && parameters
                .iter()
                .zip(settings)
                .all(|(parameter, setting)| place_of(parameter) == setting.place);
        let dial = |(parameter, setting): (&ResearchParameter, &Setting)| {
            Dial::of(parameter, setting.current.as_deref()?).ok()
        };
        let dials: Vec<Option<Dial>> = parameters.iter().zip(settings).map(dial).collect();
        let can_search = is_same && dials.iter().any(Option::is_some);
        can_search.then(|| Self {
            settings,
            dials,
            prefix: format!("settings:{}:", digest(&space(parameters))),
            suffix: format!("@{}", research.metric),
        })
    }

    fn search(&self, research: &Research) -> Search {
        Search {
            dials: self.dials.iter().flatten().cloned().collect(),
            here: self.turned().map(|(_, _, now)| now.to_owned()).collect(),
            most: research.most_trials(),
        }
    }

    /// Returns the values that are searched: index, dial and what is written now.
    fn turned(&self) -> impl Iterator<Item = (usize, &Dial, &str)> {
        let all = self.dials.iter().zip(self.settings).enumerate();
        all.filter_map(|(idx, (dial, setting))| {
            Some((idx, dial.as_ref()?, setting.current.as_deref()?))
        })
    }

    /// Returns how keys write the present point.
    fn here(&self) -> String {
        let now: Vec<&str> = self.turned().map(|(_, _, now)| now).collect();
        self.code(&now)
    }

    /// Returns how keys write a point of the searched values.
    fn code(&self, literals: &[&str]) -> String {
        let mut literals = literals.iter();
        let codes = self.dials.iter().map(|dial| match dial {
            Some(dial) => dial.code(literals.next().copied().unwrap_or_default()),
            None => FIXED.to_owned(),
        });
        codes.collect::<Vec<_>>().join(",")
    }

    /// Returns the point that a key writes; `None` for a digest, or where a value is none of ours.
    fn point(&self, text: &str) -> Option<Point> {
        let codes: Vec<&str> = text.split(',').collect();
        if codes.len() != self.dials.len() {
            return None;
        }
        let turned = self.dials.iter().zip(codes);
        turned
            .filter_map(|(dial, code)| dial.as_ref().map(|it| it.decode(code)))
            .collect()
    }

    /// Returns every experiment of this search, oldest first, those under way last.
    fn steps(
        &self,
        history: &[Summary],
        tried: &mut dyn Iterator<Item = &StructuralKey>,
    ) -> Vec<Step> {
        let mut steps: Vec<Step> = Vec::new();
        // What was cut off or spoiled says nothing of its point, which may be tried again: in the run that
        // spoiled it, it is among `tried`.
        for summary in history.iter().filter(|it| it.verdict != Verdict::Spurious) {
            if let Some(step) = self.step(&summary.key, Outcome::of(summary), &steps) {
                add(&mut steps, step);
            }
        }
        for key in tried {
            let step = self.step(key, Outcome::Unknown, &steps);
            let is_known = |step: &Step| steps.iter().any(|it| it.to == step.to);
            if let Some(step) = step.filter(|it| !is_known(it)) {
                steps.push(step);
            }
        }
        steps
    }

    fn step(&self, key: &StructuralKey, outcome: Outcome, before: &[Step]) -> Option<Step> {
        let text = key.as_str().strip_prefix(&self.prefix)?;
        let (from, to) = text.strip_suffix(&self.suffix)?.split_once("->")?;
        // A point that was too long for the key is one that a step led to, or the present one.
        let points = before.iter().map(|it| it.to.clone()).chain([self.here()]);
        let named = points
            .into_iter()
            .find(|it| from.strip_prefix('#') == Some(digest(it).as_str()));
        Some(Step {
            from: named.unwrap_or_else(|| from.to_owned()),
            to: to.to_owned(),
            outcome,
        })
    }

    fn next(&self, literals: &[String], n_tried: usize) -> Next {
        let borrowed: Vec<&str> = literals.iter().map(String::as_str).collect();
        let (from, to) = (self.here(), self.code(&borrowed));
        let key = |from: &str| format!("{}{from}->{to}{}", self.prefix, self.suffix);
        let whole = key(&from);
        let changes = self
            .turned()
            .zip(literals)
            .filter(|((.., now), it)| now != it);
        Next {
            key: if whole.len() <= KEY {
                whole
            } else {
                key(&format!("#{}", digest(&from)))
            },
            changes: changes
                .map(|((idx, _, now), value)| {
                    let assignment = Assignment {
                        place: self.settings[idx].place.clone(),
                        value: value.clone(),
                    };
                    (assignment, now.to_owned())
                })
                .collect(),
            n_tried,
        }
    }
}

/// Returns what makes two searches the same one: places and alternatives, but not the ends of ranges.
fn space(parameters: &[ResearchParameter]) -> String {
    let one = |it: &ResearchParameter| {
        let place = it.key.as_ref().or(it.pattern.as_ref());
        let (place, choices) = (place.map_or("", String::as_str), it.choices.join("\t"));
        format!("{}\n{place}\n{choices}\n", it.file)
    };
    parameters.iter().map(one).collect()
}

fn digest(text: &str) -> String {
    blake3::hash(text.as_bytes()).to_hex()[..DIGEST].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fixtures;
    use crate::model::verdict::{Effect, Verdict};

    const SECTION: &str = "\
objective = 'o'
metric = 't'
direction = 'minimize'
run = 'x'
mutable = ['**']
trials = 24
[[parameter]]
file = 'a.toml'
key = 'rate'
type = 'float'
low = 0.001
high = 10
log = true
[[parameter]]
file = 'b.json'
key = 'size'
type = 'int'
low = 1
high = 64
[[parameter]]
file = 'c.yml'
key = 'codec'
type = 'choice'
choices = ['lz4', 'zstd', 'none']
[[parameter]]
file = 'gone.yml'
key = 'x'
type = 'bool'
";

    fn research() -> Research {
        toml::from_str(SECTION).unwrap()
    }

    fn settings(values: [&str; 3]) -> Vec<Setting> {
        let research = research();
        let values = values.iter().map(|it| Some((*it).to_owned())).chain([None]);
        let parameters = research.parameters.iter().zip(values);
        parameters
            .map(|(parameter, current)| Setting {
                place: place_of(parameter),
                reason: current
                    .is_none()
                    .then(|| "there is no such file".to_owned()),
                current,
            })
            .collect()
    }

    fn summary(key: &str, verdict: Verdict, gain: Option<f64>) -> Summary {
        Summary {
            key: key.parse().unwrap(),
            effect: gain.map(|relative| Effect {
                metric: "t".to_owned(),
                unit: String::new(),
                before: 1.0,
                after: 1.0 - relative,
                relative: Some(relative),
                interval: None,
                shrunken: None,
            }),
            ..fixtures::summary(1, verdict)
        }
    }

    /// Best, and 0, at 0.1, 20 and the second codec.
    fn cost(values: &[String]) -> f64 {
        let (rate, size): (f64, f64) = (values[0].parse().unwrap(), values[1].parse().unwrap());
        let codec = if values[2] == "zstd" { 0.0 } else { 0.3 };
        0.05 * (rate.ln() - 0.1f64.ln()).powi(2) + ((size - 20.0) / 60.0).powi(2) + codec
    }

    /// Searches from a point, keeping what is better by 5 %; returns the last point and all keys.
    fn searched(n: usize) -> (Vec<String>, Vec<String>) {
        let mut now: Vec<String> = ["5.0", "64", "none"].map(str::to_owned).to_vec();
        let (mut history, mut keys) = (Vec::new(), Vec::new());
        for idx in 0..n {
            let at = settings([&now[0], &now[1], &now[2]]);
            let next = next(&research(), &at, &history, &mut [].iter());
            let Some(next) = next.into_iter().next() else {
                break;
            };
            let mut to = now.clone();
            for (assignment, was) in &next.changes {
                let idx = now.iter().position(|it| it == was).unwrap();
                to[idx].clone_from(&assignment.value);
            }
            let gain = cost(&now) - cost(&to);
            let verdict = match (idx % 7, gain > 0.05) {
                (3, _) => Verdict::Vetoed,
                (_, true) => Verdict::Keep,
                (_, false) => Verdict::Revert,
            };
            history.push(summary(&next.key, verdict, Some(gain)));
            if verdict == Verdict::Keep {
                now = to;
            }
            keys.push(next.key);
        }
        (now, keys)
    }

    #[test]
    fn three_values_of_three_files_are_searched_together() {
        let (found, mut keys) = searched(99);
        assert!(cost(&found) < 0.2, "{found:?}");
        let n_tried = keys.len();
        assert!(n_tried <= 24, "the budget ends it: {n_tried}");
        keys.sort();
        keys.dedup();
        assert_eq!(
            keys.len(),
            n_tried,
            "no point is tried twice from one place"
        );
    }

    #[test]
    fn a_key_says_where_it_began_and_where_it_ends() {
        let at = settings(["5.0", "64", "none"]);
        let next = next(&research(), &at, &[], &mut [].iter());
        assert_eq!(next.len(), 4);
        let key = next[0].key.as_str();
        assert!(key.starts_with("settings:"), "{key}");
        assert!(key.contains(":5.0,64,2,_->"), "{key}");
        assert!(key.ends_with(",_@t"), "{key}");
        let other = settings(["5.00", "6_4", "none"]);
        let again = super::next(&research(), &other, &[], &mut [].iter());
        assert_eq!(again[0].key, key, "spelling makes no other experiment");
    }

    #[test]
    fn what_is_under_way_is_not_proposed_again() {
        let at = settings(["5.0", "64", "none"]);
        let proposed = next(&research(), &at, &[], &mut [].iter());
        let begun: Vec<StructuralKey> = proposed[..2]
            .iter()
            .map(|it| it.key.parse().unwrap())
            .collect();
        let later = next(&research(), &at, &[], &mut begun.iter());
        assert_eq!(later[0].key, proposed[2].key);
        assert!(
            later
                .iter()
                .all(|it| it.key != proposed[0].key && it.key != proposed[1].key)
        );
    }

    #[test]
    fn a_point_whose_run_was_cut_off_is_proposed_again_by_the_next_run() {
        let at = settings(["5.0", "64", "none"]);
        let proposed = next(&research(), &at, &[], &mut [].iter());
        let cut_off = [summary(&proposed[0].key, Verdict::Spurious, None)];
        let again = next(&research(), &at, &cut_off, &mut [].iter());
        assert_eq!(again[0].key, proposed[0].key);
    }

    #[test]
    fn a_long_point_is_named_by_its_digest_and_found_again() {
        let panel_of = |settings: &[Setting]| {
            let panel = Panel::of(&research(), settings).unwrap();
            (panel.here(), panel.prefix, panel.suffix)
        };
        let kept = settings(["0.1", "20", "zstd"]);
        let (here, prefix, suffix) = panel_of(&kept);
        let history = [
            summary(
                &format!("{prefix}5.0,64,2,_->{here}{suffix}"),
                Verdict::Keep,
                Some(0.4),
            ),
            summary(
                &format!("{prefix}#{}->0.2,20,1,_{suffix}", digest(&here)),
                Verdict::Revert,
                Some(-0.1),
            ),
            summary(
                &format!("{prefix}{here}->0.3,20,1,_{suffix}"),
                Verdict::Spurious,
                None,
            ),
            summary(
                &format!("{prefix}{here}->0.4,20,1,_{suffix}"),
                Verdict::Vetoed,
                Some(0.3),
            ),
            summary("settings:00000000:1->2@t", Verdict::Keep, Some(0.4)),
        ];
        let panel = Panel::of(&research(), &kept).unwrap();
        let steps = panel.steps(&history, &mut [].iter());
        assert_eq!(steps.len(), 3);
        let costs = crate::mechanic::tune::costs(&steps, &here);
        assert!((costs[&here].unwrap() + 0.4).abs() < 1e-12);
        assert!((costs["0.2,20,1,_"].unwrap() + 0.3).abs() < 1e-12);
        assert!(!costs.contains_key("0.3,20,1,_"), "it says nothing");
        assert_eq!(costs["0.4,20,1,_"], None, "it cannot be used");
    }

    #[test]
    fn other_parameters_than_were_seen_are_not_searched() {
        let mut other = research();
        other.parameters.swap(0, 1);
        let at = settings(["5.0", "64", "none"]);
        assert!(next(&other, &at, &[], &mut [].iter()).is_empty());
    }
}
