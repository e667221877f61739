//! What `benches/proofs` shows at full size, at a size that takes seconds.

#[path = "../../benches/proofs/draw.rs"]
mod draw;
#[path = "../../benches/proofs/giving_up.rs"]
mod giving_up;
#[path = "../../benches/proofs/kernels.rs"]
mod kernels;
#[path = "../../benches/proofs/no_loss.rs"]
mod no_loss;
#[path = "../../benches/proofs/planned.rs"]
mod planned;
#[expect(dead_code, reason = "only the whole programs print their tables")]
#[path = "../../benches/proofs/report.rs"]
mod report;
#[path = "../../benches/proofs/reuse.rs"]
mod reuse;
#[path = "../../benches/proofs/streams.rs"]
mod streams;
#[path = "../../benches/proofs/tails.rs"]
mod tails;

use report::Proof;

#[track_caller]
fn assert_holds(proof: &Proof) {
    let failures = proof.failures();
    assert!(failures.is_empty(), "{failures:#?}\n{:#?}", proof.rows);
}

#[test]
fn streams_keep_few_flukes_and_find_effects() {
    assert_holds(&streams::prove(4));
}

#[test]
fn a_thousand_changes_of_nothing_are_not_kept() {
    assert_holds(&streams::prove_null(1));
}

#[test]
fn single_experiments_cost_and_find_what_the_table_says() {
    assert_holds(&kernels::prove_planning(60));
}

#[test]
fn giving_up_later_finds_no_less() {
    assert_holds(&giving_up::prove(60));
    assert_holds(&giving_up::prove_streams(2));
}

#[test]
fn what_costs_nothing_passes_and_losses_do_not() {
    assert_holds(&no_loss::prove_margin(60));
    assert_holds(&no_loss::prove_watch(300));
}

#[test]
fn levels_hold_for_every_kernel() {
    assert_holds(&kernels::prove_levels(1_000));
    assert_holds(&kernels::prove_edge(300));
    assert_holds(&kernels::prove_flakes(10_000));
    assert_holds(&tails::prove_skewed(1_000));
}

#[test]
fn audits_confirm_what_is_there_and_notice_what_is_not() {
    assert_holds(&kernels::prove_audits(200));
}

#[test]
fn scores_of_instances_are_judged_at_the_level_of_their_stream() {
    assert_holds(&kernels::prove_scores(2));
}

#[test]
fn a_test_set_that_is_asked_often_reports_little_beyond_the_truth() {
    assert_holds(&reuse::prove(2, 100));
}
