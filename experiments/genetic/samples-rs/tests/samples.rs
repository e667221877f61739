use samples::{over_limit, percentile};

#[test]
fn samples_above_a_limit_are_counted() {
    assert_eq!(over_limit(&[5, 1, 9, 5], 4), 3);
    assert_eq!(over_limit(&[5, 1, 9, 5], 5), 1);
    assert_eq!(over_limit(&[], 0), 0);
}

#[test]
fn a_percentile_is_one_of_the_samples() {
    assert_eq!(percentile(&[9, 1, 5], 50), Some(5));
    assert_eq!(percentile(&[9, 1, 5], 100), Some(9));
    assert_eq!(percentile(&[9, 1, 5], 0), Some(1));
    assert_eq!(percentile(&[], 50), None);
}
