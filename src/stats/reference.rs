//! Reference values of the statistics, computed independently with numpy and scipy.

use serde_json::Value;

/// Returns the reference case of that name.
pub(crate) fn unit(name: &str) -> Value {
    let all: Value = serde_json::from_str(include_str!("reference.json")).unwrap();
    all[name].clone()
}

/// Returns an array's numbers.
pub(crate) fn numbers(value: &Value) -> Vec<f64> {
    let array = value.as_array().unwrap();
    array.iter().map(|it| it.as_f64().unwrap()).collect()
}

/// Asserts agreement to 1e-9.
#[track_caller]
pub(crate) fn close(found: f64, expected: &Value) {
    let expected = expected.as_f64().unwrap();
    assert!(
        (found - expected).abs() <= 1e-9,
        "{found} is not {expected}"
    );
}
