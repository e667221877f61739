//! One line about how a child ended.

use std::sync::LazyLock;

use regex::Regex;

use super::{Exit, Finished};

const MAX_CHARS: usize = 200;

/// Returns the exit and the last telling line of stderr, else of stdout.
pub(super) fn explain(finished: &Finished) -> String {
    let how = match finished.exit {
        Exit::Code(code) => format!("exit status {code}"),
        Exit::Signal(signal) => format!("killed by signal {signal}"),
        Exit::TimedOut => format!("stopped after {:.0} s", finished.wall.as_secs_f64()),
    };
    let stderr = telling_line(&finished.stderr_text());
    match stderr.or_else(|| telling_line(&finished.stdout_text())) {
        Some(line) => format!("{how}: {line}"),
        None => how,
    }
}

/// Hides the user and password of addresses, as in `https://…@example.org`.
pub fn without_credentials(text: &str) -> String {
    static USER: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"://[^/\s@]+@").expect("a test uses it"));
    USER.replace_all(text, "://…@").into_owned()
}

/// Prefers the last line that names an error; else the last line with letters in it.
fn telling_line(text: &str) -> Option<String> {
    let mut lines = text
        .lines()
        .rev()
        .map(str::trim)
        .filter(|it| says_something(it));
    let last = lines.clone().next()?;
    let line = lines.find(|it| names_an_error(it)).unwrap_or(last);
    Some(without_credentials(line).chars().take(MAX_CHARS).collect())
}

fn says_something(line: &str) -> bool {
    line.chars().filter(|it| it.is_alphanumeric()).count() >= 2
        && !line.starts_with("note:")
        && !line.starts_with("For more information about")
}

fn names_an_error(line: &str) -> bool {
    line.starts_with("error")
        || line.contains(": error: ")
        || line.contains("Error: ")
        || line.contains("panicked at")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn finished(exit: Exit, stdout: &str, stderr: &str) -> Finished {
        Finished {
            exit,
            stdout: stdout.into(),
            stderr: stderr.into(),
            truncated: false,
            wall: Duration::from_secs(3),
        }
    }

    #[test]
    fn an_error_line_is_preferred_to_what_follows_it() {
        let stderr = "warning: x\nerror: no such thing\nnote: see there\nbye now\n";
        assert_eq!(
            finished(Exit::Code(2), "out", stderr).explain(),
            "exit status 2: error: no such thing"
        );
    }

    #[test]
    fn the_password_of_an_index_is_not_told() {
        let stderr = "ERROR: nothing at https://me:s3cret@pypi.example.org/simple for a@b\n";
        assert_eq!(
            finished(Exit::Code(1), "", stderr).explain(),
            "exit status 1: ERROR: nothing at https://…@pypi.example.org/simple for a@b"
        );
    }

    #[test]
    fn a_refused_option_is_told() {
        let stderr =
            "ERROR: usage: pytest\npytest: error: unrecognized arguments: -n\n  rootdir: /x\n";
        assert_eq!(
            finished(Exit::Code(4), "", stderr).explain(),
            "exit status 4: pytest: error: unrecognized arguments: -n"
        );
    }

    #[test]
    fn stdout_is_used_when_stderr_is_silent() {
        assert_eq!(
            finished(Exit::Code(1), "first\nlast line\n---\n", "\n").explain(),
            "exit status 1: last line"
        );
    }

    #[test]
    fn signals_and_time_limits_are_named() {
        assert_eq!(
            finished(Exit::Signal(9), "", "").explain(),
            "killed by signal 9"
        );
        assert_eq!(
            finished(Exit::TimedOut, "", "").explain(),
            "stopped after 3 s"
        );
    }
}
