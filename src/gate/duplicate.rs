//! Whether a hypothesis was tried before, on the same files.

use similar::TextDiff;

use crate::model::experiment::Summary;
use crate::model::hypothesis::Hypothesis;
use crate::model::id::StructuralKey;
use crate::model::verdict::Verdict;

/// Keys of hypotheses that are free text begin so; two texts are compared, not their keys.
const WORDS: &str = "words:";
/// Two texts that agree this much ask for the same thing.
const SAME_IDEA: f32 = 0.6;

/// Returns the latest earlier experiment that makes this hypothesis a duplicate.
///
/// A structural key must be equal; free text must be similar. Either way the files that the hypothesis
/// touches must be unchanged since. What ended as spurious says nothing, nor does a keep that never got
/// onto the landing branch.
pub fn duplicate_of<'a>(
    hypothesis: &Hypothesis,
    history: impl IntoIterator<Item = &'a Summary, IntoIter: DoubleEndedIterator>,
) -> Option<&'a Summary> {
    let files = files_hash(hypothesis);
    history
        .into_iter()
        .rev()
        .filter(|earlier| earlier.verdict != Verdict::Spurious && !was_lost(earlier))
        .filter(|earlier| earlier.files_hash == files)
        .find(|earlier| is_same_idea(hypothesis, earlier))
}

/// Returns whether a key stands for a person's words, which are compared by what they say.
pub fn is_words(key: &StructuralKey) -> bool {
    key.as_str().starts_with(WORDS)
}

/// Returns whether an experiment passed, and its change was not landed.
pub fn was_lost(earlier: &Summary) -> bool {
    earlier.verdict == Verdict::Keep && earlier.landed.is_none()
}

fn is_same_idea(hypothesis: &Hypothesis, earlier: &Summary) -> bool {
    if hypothesis.key == earlier.key {
        return true;
    }
    let texts = (
        hypothesis.key.as_str().strip_prefix(WORDS),
        earlier.key.as_str().strip_prefix(WORDS),
    );
    match texts {
        (Some(new), Some(old)) => {
            is_similar(new, old) || is_similar(&hypothesis.title, &earlier.title)
        }
        _ => false,
    }
}

/// Compares words, not characters: case, punctuation and spacing do not count.
fn is_similar(new: &str, old: &str) -> bool {
    let (new, old) = (words(new), words(old));
    if new.is_empty() || old.is_empty() {
        return new == old;
    }
    TextDiff::from_slices(&borrowed(&new), &borrowed(&old)).ratio() >= SAME_IDEA
}

fn words(text: &str) -> Vec<String> {
    text.split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

fn borrowed(words: &[String]) -> Vec<&str> {
    words.iter().map(String::as_str).collect()
}

/// Returns one short hash of the files that a hypothesis expects to touch, as they were when it was
/// proposed; the record stores it.
pub fn files_hash(hypothesis: &Hypothesis) -> String {
    let mut hasher = blake3::Hasher::new();
    for (path, contents) in &hypothesis.files {
        for part in [path.as_str(), contents.as_str()] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
    }
    hasher.finalize().to_hex()[..20].to_owned()
}

#[cfg(test)]
mod tests {
    use camino::Utf8PathBuf;

    use super::*;
    use crate::model::fixtures;
    use crate::model::hypothesis::{Category, Change, Claim};

    fn hypothesis(key: &str, title: &str, files: &[(&str, &str)]) -> Hypothesis {
        Hypothesis {
            key: key.parse().unwrap(),
            title: title.to_owned(),
            why: String::new(),
            category: Category::Fix,
            claim: Claim::Keeps,
            success: Vec::new(),
            change: Change::Words {
                text: title.to_owned(),
            },
            files: files
                .iter()
                .map(|(path, hash)| (Utf8PathBuf::from(*path), (*hash).to_owned()))
                .collect(),
            expected_gain: 0.0,
        }
    }

    fn tried(id: u32, hypothesis: &Hypothesis, verdict: Verdict) -> Summary {
        Summary {
            key: hypothesis.key.clone(),
            title: hypothesis.title.clone(),
            category: hypothesis.category,
            claim: "keeps".to_owned(),
            files_hash: files_hash(hypothesis),
            ..fixtures::summary(id, verdict)
        }
    }

    fn found(new: &Hypothesis, history: &[Summary]) -> Option<u32> {
        duplicate_of(new, history).map(|it| it.id.0)
    }

    #[test]
    fn the_same_key_on_the_same_files_is_a_duplicate() {
        let fix = hypothesis("ruff:F401", "Remove unused imports", &[("a.py", "1")]);
        let history = [
            tried(1, &fix, Verdict::Revert),
            tried(2, &fix, Verdict::Vetoed),
        ];
        assert_eq!(found(&fix, &history), Some(2));
    }

    #[test]
    fn changed_files_make_it_worth_another_try() {
        let before = hypothesis("ruff:F401", "Remove unused imports", &[("a.py", "1")]);
        let after = hypothesis("ruff:F401", "Remove unused imports", &[("a.py", "2")]);
        assert_eq!(found(&after, &[tried(1, &before, Verdict::Revert)]), None);
    }

    #[test]
    fn another_key_is_another_idea_however_similar_its_title() {
        let one = hypothesis("ruff:F401", "Fix F401 findings", &[]);
        let other = hypothesis("ruff:F402", "Fix F401 findings", &[]);
        assert_eq!(found(&other, &[tried(1, &one, Verdict::Revert)]), None);
    }

    #[test]
    fn what_the_infrastructure_spoiled_may_be_tried_again() {
        let fix = hypothesis("ruff:F401", "Remove unused imports", &[("a.py", "1")]);
        assert_eq!(found(&fix, &[tried(1, &fix, Verdict::Spurious)]), None);
    }

    #[test]
    fn a_keep_that_was_never_landed_may_be_tried_again() {
        let fix = hypothesis("ruff:F401", "Remove unused imports", &[("a.py", "1")]);
        let mut kept = tried(1, &fix, Verdict::Keep);
        assert_eq!(found(&fix, std::slice::from_ref(&kept)), None);
        kept.landed = Some("0123456789012345678901234567890123456789".parse().unwrap());
        assert_eq!(found(&fix, &[kept]), Some(1));
    }

    #[test]
    fn free_text_that_says_the_same_is_a_duplicate() {
        let old = hypothesis(
            "words:Add retries to the HTTP client",
            "Add retries to the HTTP client",
            &[],
        );
        let new = hypothesis("words:add retries to the http client please", "Retry", &[]);
        assert_eq!(found(&new, &[tried(1, &old, Verdict::Revert)]), Some(1));
    }

    #[test]
    fn free_text_about_something_else_is_not() {
        let old = hypothesis(
            "words:Add retries to the HTTP client",
            "Add retries to the HTTP client",
            &[],
        );
        let new = hypothesis(
            "words:Add a cache to the parser",
            "Add a cache to the parser",
            &[],
        );
        assert_eq!(found(&new, &[tried(1, &old, Verdict::Revert)]), None);
    }

    #[test]
    fn free_text_is_tried_again_when_its_files_changed() {
        let old = hypothesis("words:Add retries", "Add retries", &[("a.rs", "1")]);
        let new = hypothesis("words:Add retries", "Add retries", &[("a.rs", "2")]);
        assert_eq!(found(&new, &[tried(1, &old, Verdict::Revert)]), None);
    }

    #[test]
    fn the_hash_of_files_sees_paths_and_contents() {
        let hash = |files: &[(&str, &str)]| files_hash(&hypothesis("k", "t", files));
        assert_eq!(
            hash(&[("a", "1"), ("b", "2")]),
            hash(&[("b", "2"), ("a", "1")])
        );
        assert_ne!(hash(&[("a", "1")]), hash(&[("a", "2")]));
        assert_ne!(hash(&[("a", "1")]), hash(&[("b", "1")]));
        assert_ne!(hash(&[("ab", "c")]), hash(&[("a", "bc")]));
        assert_ne!(hash(&[]), hash(&[("", "")]));
    }
}
