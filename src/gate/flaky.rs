//! Tells a test that a candidate broke from one that fails now and then whatever anybody changes.

/// How a test that failed in a candidate's suite did in runs of its own, on both arms in turn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReRuns {
    /// Runs of each arm.
    pub runs: u32,
    /// Runs of the incumbent in which it failed.
    pub incumbent_failed: u32,
    /// Runs of the candidate in which it did not pass.
    pub candidate_failed: u32,
}

/// What runs of its own say about a test that failed in a candidate's suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suspicion {
    /// It fails on the unchanged code too, now and then: it decides nothing.
    Flaky,
    /// It fails on the candidate, and never on the unchanged code.
    Broken,
    /// Alone it says nothing: it passes on the candidate, or needs what other tests leave behind.
    NeedsTheSuite,
}

impl ReRuns {
    /// Returns what the runs say.
    pub fn suspicion(&self) -> Suspicion {
        if self.incumbent_failed > 0 && self.incumbent_failed == self.runs {
            Suspicion::NeedsTheSuite
        } else if self.incumbent_failed > 0 {
            Suspicion::Flaky
        } else if self.candidate_failed > 0 {
            Suspicion::Broken
        } else {
            Suspicion::NeedsTheSuite
        }
    }

    /// Returns what the runs of a broken test showed, for the record.
    pub fn told(&self) -> String {
        let of = if self.candidate_failed == self.runs {
            "every one"
        } else {
            "some"
        };
        format!(
            "run alone {} times on each arm it fails in {of} of the candidate's runs ({}), and in none of the incumbent's",
            self.runs, self.candidate_failed
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(incumbent_failed: u32, candidate_failed: u32) -> ReRuns {
        ReRuns {
            runs: 5,
            incumbent_failed,
            candidate_failed,
        }
    }

    #[test]
    fn what_fails_on_the_unchanged_code_too_is_flaky_however_often_the_candidate_fails() {
        assert_eq!(runs(1, 5).suspicion(), Suspicion::Flaky);
        assert_eq!(runs(4, 0).suspicion(), Suspicion::Flaky);
    }

    #[test]
    fn what_fails_on_the_candidate_alone_is_broken_even_if_only_sometimes() {
        assert_eq!(runs(0, 5).suspicion(), Suspicion::Broken);
        assert_eq!(runs(0, 1).suspicion(), Suspicion::Broken);
        assert!(
            runs(0, 2)
                .told()
                .contains("fails in some of the candidate's runs (2)")
        );
    }

    #[test]
    fn a_test_that_depends_on_others_is_told_by_whole_suites_alone() {
        assert_eq!(runs(0, 0).suspicion(), Suspicion::NeedsTheSuite);
        assert_eq!(runs(5, 5).suspicion(), Suspicion::NeedsTheSuite);
    }
}
