//! How long a search may take: what is declared, or less where the run ends soon.

use std::time::Duration;

/// A search takes at most this share of what is left of the run's time: the rest tests what it finds.
const SHARE: f64 = 0.5;

/// The time of one search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    /// The search ends after so long.
    pub(super) time: Duration,
    /// Whether the run's time made it shorter than was declared.
    pub(super) is_cut: bool,
}

impl Span {
    /// Returns the time for a search that may take `most`, in a run that has so much left.
    pub(super) fn of(most: Duration, left: Option<Duration>) -> Self {
        let time = left.map_or(most, |it| most.min(it.mul_f64(SHARE)));
        Self {
            time,
            is_cut: time < most,
        }
    }

    /// Returns why a search that was cut short found nothing, and what to do.
    pub(super) fn in_words(&self, why: &str) -> String {
        format!(
            "{why} This search had no more than {} s, half of what was left of the time budget (hint: what it \
             tried is remembered, and the next search goes on from there)",
            self.time.as_secs()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_leaves_half_of_what_is_left_for_the_test_of_what_it_finds() {
        let most = Duration::from_mins(5);
        let of = |left: Option<u64>| Span::of(most, left.map(Duration::from_secs));
        let whole = Span {
            time: most,
            is_cut: false,
        };
        assert_eq!(of(None), whole);
        assert_eq!(of(Some(600)), whole);
        let cut = of(Some(120));
        assert_eq!((cut.time, cut.is_cut), (Duration::from_mins(1), true));
        assert!(of(Some(0)).time.is_zero());
        let words = cut.in_words("no patch looks better.");
        assert!(
            words.contains("than 60 s") && words.contains("hint: "),
            "{words}"
        );
    }
}
