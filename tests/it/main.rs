//! Whole-program tests: the real binary, on real repositories, in an environment of their own.
#![expect(
    clippy::unwrap_used,
    reason = "a helper that cannot do its work fails the test that called it"
)]

mod support;

mod backends;
mod bad_input;
mod clean;
mod day_two;
mod demo;
mod disk;
mod gaming;
mod genetic;
mod interrupt;
mod keeps;
mod landing;
mod leakage;
mod messages;
mod other_languages;
mod others;
mod proofs;
mod research;
mod retention;
mod run_control;
mod runs;
mod sides;
mod sync;
mod tails;
mod tidy;
mod truth_traps;
mod variants;
mod verdicts;
mod sandbox;
mod verbs;
