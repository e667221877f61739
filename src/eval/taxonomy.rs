//! Sorts instances that fall short by how they do, without a model: causes are stripped of what tells one
//! case from another, and those that share most of their words are one kind.
//!
//! What is left is what the program did. Numbers, paths and quoted texts are dropped and words that
//! differ within a kind are replaced by `…`, since either may be an answer.

use std::collections::BTreeMap;

use super::instances::{Instance, Instances};
use crate::model::failure::{FailureCount, Kind};

/// Two causes are of one kind if they share this part of the words of the longer one.
const ALIKE: f64 = 0.6;
/// Words of a cause after these are not read.
const WORDS: usize = 24;
/// The most kinds that a taxonomy grows to; what comes after them is counted as unknown.
const KINDS: usize = 200;
/// The most different causes that are looked at in one file.
const CAUSES: usize = 2000;
/// Stands for words that differ.
const GAP: &str = "…";
/// The kind of what is like nothing that is known, once the taxonomy is full.
const UNKNOWN: &str = "f0";

/// What one cause was stripped to: status, stage, words.
type Stripped = (String, String, Vec<String>);

/// Counts what falls short, by kinds that are known and by new ones; most frequent first.
pub fn classify(instances: &Instances, kinds: &mut Vec<Kind>) -> Vec<FailureCount> {
    let mut by_cause: BTreeMap<Stripped, (usize, f64)> = BTreeMap::new();
    for instance in instances.values().filter(|it| it.falls_short()) {
        let mut cause = strip(instance);
        if by_cause.len() >= CAUSES && !by_cause.contains_key(&cause) {
            cause.2.clear();
        }
        let sum = by_cause.entry(cause).or_default();
        sum.0 += 1;
        sum.1 += 1.0 - instance.score;
    }
    let mut causes: Vec<_> = by_cause.into_iter().collect();
    // The most frequent cause founds its kind, whatever the instances are called.
    causes.sort_by(|(left, (more, _)), (right, (less, _))| less.cmp(more).then(left.cmp(right)));
    let mut sums: BTreeMap<usize, (usize, f64)> = BTreeMap::new();
    let mut unknown = (0, 0.0);
    for (cause, (count, lost)) in causes {
        let sum = match kind_of(&cause, kinds) {
            Some(index) => sums.entry(index).or_default(),
            None => &mut unknown,
        };
        sum.0 += count;
        sum.1 += lost;
    }
    let mut counts: Vec<FailureCount> = sums
        .into_iter()
        .map(|(index, sum)| counted(&kinds[index], sum))
        .collect();
    if unknown.0 > 0 {
        counts.push(counted(&nothing_known(), unknown));
    }
    counts.sort_by(|left, right| {
        right
            .count
            .cmp(&left.count)
            .then(left.kind.cmp(&right.kind))
    });
    counts
}

fn counted(kind: &Kind, (count, lost): (usize, f64)) -> FailureCount {
    FailureCount {
        kind: kind.id.clone(),
        status: kind.status.clone(),
        stage: kind.stage.clone(),
        cause: kind.words.join(" "),
        count,
        lost,
    }
}

fn nothing_known() -> Kind {
    Kind {
        id: UNKNOWN.to_owned(),
        status: "in ways too many to tell apart".to_owned(),
        stage: String::new(),
        words: Vec::new(),
    }
}

/// Returns the place of the kind that a cause belongs to, which may be a new one; `None` when there are
/// too many already.
fn kind_of(cause: &Stripped, kinds: &mut Vec<Kind>) -> Option<usize> {
    let (status, stage, words) = cause;
    let nearest = kinds
        .iter()
        .enumerate()
        .filter(|(_, it)| it.status == *status && it.stage == *stage)
        .map(|(index, it)| (likeness(&it.words, words), index))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|left, right| left.0.total_cmp(&right.0).then(right.1.cmp(&left.1)));
    if let Some((_, index)) = nearest {
        kinds[index].words = in_common(&kinds[index].words, words);
        return Some(index);
    }
    if kinds.len() >= KINDS {
        return None;
    }
    kinds.push(Kind {
        id: format!("f{}", kinds.len() + 1),
        status: status.clone(),
        stage: stage.clone(),
        words: words.clone(),
    });
    Some(kinds.len() - 1)
}

/// Returns the share of common words among those of the longer text; 1 where both have none.
fn likeness(kind: &[String], cause: &[String]) -> f64 {
    let is_word = |it: &&String| it.as_str() != GAP;
    let longer = kind.iter().filter(is_word).count().max(cause.len());
    if longer == 0 {
        return 1.0;
    }
    let common = in_common(kind, cause);
    let common = common.iter().filter(is_word).count();
    #[expect(clippy::cast_precision_loss, reason = "at most a few dozen words")]
    let share = common as f64 / longer as f64;
    // A kind that lost words to gaps still takes causes that differ in the gaps alone.
    let n_gaps = kind.iter().filter(|it| it.as_str() == GAP).count();
    let fits = n_gaps > 0 && common > 0 && common == kind.iter().filter(is_word).count();
    if fits { share.max(ALIKE) } else { share }
}

/// Returns the longest common sequence of words, with a gap wherever either text has others.
fn in_common(left: &[String], right: &[String]) -> Vec<String> {
    let mut lengths = vec![vec![0_usize; right.len() + 1]; left.len() + 1];
    for i in (0..left.len()).rev() {
        for j in (0..right.len()).rev() {
            lengths[i][j] = if left[i] == right[j] {
                lengths[i + 1][j + 1] + 1
            } else {
                lengths[i + 1][j].max(lengths[i][j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut common: Vec<String> = Vec::new();
    let gap = |common: &mut Vec<String>| {
        if common.last().is_none_or(|it| it != GAP) {
            common.push(GAP.to_owned());
        }
    };
    while i < left.len() || j < right.len() {
        if i < left.len() && j < right.len() && left[i] == right[j] {
            common.push(left[i].clone());
            (i, j) = (i + 1, j + 1);
            continue;
        }
        gap(&mut common);
        let is_left_longer =
            i < left.len() && (j >= right.len() || lengths[i + 1][j] >= lengths[i][j + 1]);
        if is_left_longer {
            i += 1;
        } else {
            j += 1;
        }
    }
    common
}

fn strip(instance: &Instance) -> Stripped {
    let status = match &instance.status {
        Some(status) => short(status),
        None if instance.score > 0.0 => "partly".to_owned(),
        None => "failed".to_owned(),
    };
    let stage = instance.stage.as_deref().map_or_else(String::new, short);
    let cause = instance.cause.as_deref().unwrap_or_default();
    (status, stage, words_of(cause))
}

fn short(text: &str) -> String {
    words_of(text).join(" ")
}

/// Returns the words of a text without what tells one case from another.
fn words_of(text: &str) -> Vec<String> {
    let unquoted = without_quotes(text).to_lowercase();
    let words = unquoted.split_whitespace().map(|word| {
        let bare = word.trim_matches(|it: char| !it.is_alphanumeric() && it != GAP_CHAR);
        let is_number = bare.chars().any(|it| it.is_ascii_digit());
        let is_path = word.contains(['/', '\\']) || bare.contains("::");
        match bare {
            "" => String::new(),
            _ if is_number => "#".to_owned(),
            _ if is_path => "PATH".to_owned(),
            _ => bare.to_owned(),
        }
    });
    let mut words: Vec<String> = words.filter(|it| !it.is_empty()).take(WORDS).collect();
    words.dedup();
    words
}

/// The one character of a gap.
const GAP_CHAR: char = '…';

/// Replaces quoted texts by a gap; an apostrophe inside a word is no quote.
fn without_quotes(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['"', '`', '\'']) {
        let quote = rest[at..].chars().next().unwrap_or('"');
        let inside = &rest[at + 1..];
        let is_inside_word = quote == '\''
            && rest[..at]
                .chars()
                .next_back()
                .is_some_and(char::is_alphanumeric);
        let end = inside.find(quote).filter(|_| !is_inside_word);
        out.push_str(&rest[..at]);
        match end {
            Some(end) => {
                out.push_str(" … ");
                rest = &inside[end + 1..];
            }
            None => rest = inside,
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::instances::parse;

    fn failures(causes: &[&str]) -> Instances {
        let lines: Vec<String> = causes
            .iter()
            .enumerate()
            .map(|(id, cause)| {
                serde_json::json!({"id": id, "passed": false, "status": "error", "stage": "parse", "cause": cause})
                    .to_string()
            })
            .collect();
        parse(&lines.join("\n")).unwrap()
    }

    fn told(counts: &[FailureCount]) -> Vec<(String, usize)> {
        counts.iter().map(|it| (it.words(), it.count)).collect()
    }

    #[test]
    fn causes_that_differ_in_numbers_paths_and_quotes_are_one_kind() {
        let instances = failures(&[
            "unexpected end of line 12 in /a/b.txt",
            "unexpected end of line 7 in data/c.txt",
            "unknown key \"amber\" in table",
            "unknown key 'kelp' in table",
            "unexpected end of line 0x3f in b/c",
        ]);
        let counts = classify(&instances, &mut Vec::new());
        assert_eq!(
            told(&counts),
            [
                (
                    "error in parse: unexpected end of line # in PATH".to_owned(),
                    3
                ),
                ("error in parse: unknown key … in table".to_owned(), 2),
            ]
        );
    }

    #[test]
    fn words_that_differ_may_be_answers_and_are_not_told() {
        let instances = failures(&[
            "the answer should be apple here",
            "the answer should be birch here",
            "the answer should be cedar here",
        ]);
        let mut kinds = Vec::new();
        let counts = classify(&instances, &mut kinds);
        assert_eq!(
            told(&counts),
            [("error in parse: the answer should be … here".to_owned(), 3)]
        );
        let stored = serde_json::to_string(&kinds).unwrap();
        assert!(
            !["apple", "birch", "cedar"]
                .iter()
                .any(|it| stored.contains(it))
        );
    }

    #[test]
    fn the_taxonomy_grows_and_keeps_its_ids() {
        let mut kinds = Vec::new();
        classify(
            &failures(&["a slow thing happened", "ran out of memory"]),
            &mut kinds,
        );
        let ids: Vec<String> = kinds.iter().map(|it| it.id.clone()).collect();
        assert_eq!(ids, ["f1", "f2"]);
        let counts = classify(
            &failures(&["ran out of memory", "no such column", "ran out of memory"]),
            &mut kinds,
        );
        let old = kinds
            .iter()
            .find(|it| it.words.join(" ") == "ran out of memory");
        assert_eq!(counts[0].kind, old.unwrap().id);
        assert_eq!((counts[0].count, counts[1].kind.as_str()), (2, "f3"));
        assert_eq!(kinds.len(), 3);
    }

    #[test]
    fn the_order_of_the_instances_does_not_matter() {
        let causes = [
            "x went wrong at a",
            "x went wrong at b",
            "y is late",
            "y is late",
            "z",
        ];
        let mut backwards = causes;
        backwards.reverse();
        let one = classify(&failures(&causes), &mut Vec::new());
        let other = classify(&failures(&backwards), &mut Vec::new());
        assert_eq!(one, other);
    }

    #[test]
    fn partial_scores_without_a_cause_are_counted_with_what_they_lack() {
        let text = "{\"id\":1,\"score\":0.25}\n{\"id\":2,\"score\":0.5}\n{\"id\":3,\"score\":1}\n{\"id\":4,\"score\":0}";
        let counts = classify(&parse(text).unwrap(), &mut Vec::new());
        assert_eq!(
            told(&counts),
            [("partly".to_owned(), 2), ("failed".to_owned(), 1)]
        );
        assert!((counts[0].lost - 1.25).abs() < 1e-12);
    }

    #[test]
    fn a_thousand_different_causes_do_not_make_a_thousand_kinds() {
        let causes: Vec<String> = (0..3000)
            .map(|n| {
                format!(
                    "k{} q{} z{}",
                    letters(n),
                    letters(n * 7 + 1),
                    letters(n * 3 + 2)
                )
            })
            .collect();
        let causes: Vec<&str> = causes.iter().map(String::as_str).collect();
        let mut kinds = Vec::new();
        let counts = classify(&failures(&causes), &mut kinds);
        assert!(kinds.len() <= KINDS);
        assert_eq!(counts.iter().map(|it| it.count).sum::<usize>(), 3000);
    }

    fn letters(mut number: usize) -> String {
        let mut text = String::new();
        loop {
            text.push(char::from(b'a' + u8::try_from(number % 26).unwrap()));
            number /= 26;
            if number == 0 {
                return text;
            }
        }
    }
}
