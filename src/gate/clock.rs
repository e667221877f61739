//! Recognises a line of code that puts something else in the place of the process's clock: whatever is timed
//! there by the command that measures looks as fast as the line says.

use std::sync::LazyLock;

use regex::Regex;

/// The clocks of Python and JavaScript, assigned to. What is called through another name passes.
const REPLACED: [&str; 3] = [
    r"(?:^|[^\w.])(_*time\.(?:time|perf_counter|monotonic|process_time|thread_time)(?:_ns)?)\s*=[^=]",
    r"(?:^|[^\w.])setattr\(\s*(_*time)\s*,",
    r"(?:^|[^\w.])(?:(?:globalThis|window|global)\.)?((?:performance|Date)\.now|process\.hrtime(?:\.bigint)?)\s*=[^=>]",
];

/// Returns the clock that a line replaces.
pub(super) fn replaced_clock(line: &str) -> Option<&str> {
    static PATTERNS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
        let compile = |it: &&str| Regex::new(it).expect("a test uses each");
        REPLACED.iter().map(compile).collect()
    });
    let mut found = PATTERNS.iter().filter_map(|it| it.captures(line));
    found.next()?.get(1).map(|it| it.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_assigned_to_is_named() {
        for (line, clock) in [
            ("time.perf_counter = lambda: 0", "time.perf_counter"),
            ("    time.monotonic_ns=fake", "time.monotonic_ns"),
            ("import time; _time.time = f", "_time.time"),
            ("setattr(time, 'perf_counter', f)", "time"),
            ("performance.now = () => 0;", "performance.now"),
            ("globalThis.Date.now = f", "Date.now"),
            ("process.hrtime.bigint = f", "process.hrtime.bigint"),
        ] {
            assert_eq!(replaced_clock(line), Some(clock), "{line}");
        }
    }

    #[test]
    fn a_clock_that_is_read_or_only_sounds_like_one_passes() {
        for line in [
            "start = time.perf_counter()",
            "if time.time == other:",
            "clock = time.monotonic",
            "self.time.time = 3",
            "downtime.time = 3",
            "const now = performance.now();",
            "if (Date.now === undefined) {",
            "setattr(timer, 'x', 1)",
        ] {
            assert_eq!(replaced_clock(line), None, "{line}");
        }
    }
}
