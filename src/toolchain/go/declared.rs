//! Which tests a source file declares, told from its text: no code of the project runs for it.

use std::str::Chars;
use std::sync::LazyLock;

use regex::Regex;

static TEST: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?m)^func ((?:Test|Fuzz)(?:[^a-z\s(][^\s(]*)?)\s*\(\s*\w+\s+\*(?:\w+\.)?[TF]\s*\)")
        .expect("the pattern is a constant that the tests use")
});

/// Returns the names of tests and fuzz tests. Examples are no part: one without output is never run.
pub(super) fn tests(source: &str) -> Vec<String> {
    let code = without_literals(source);
    let found = TEST.captures_iter(&code).map(|it| it[1].to_owned());
    // A package's own `TestMain` takes an `*M`, and is no test.
    found.filter(|it| it != "TestMain").collect()
}

/// Blanks what only looks like code: comments and literals.
fn without_literals(source: &str) -> String {
    let mut code = String::with_capacity(source.len());
    let mut rest = source.chars();
    while let Some(c) = rest.next() {
        match c {
            '`' => skip(&mut rest, '`', false),
            '"' => skip(&mut rest, '"', true),
            '\'' => skip(&mut rest, '\'', true),
            '/' if rest.as_str().starts_with('/') => {
                skip(&mut rest, '\n', false);
                code.push('\n');
            }
            '/' if rest.as_str().starts_with('*') => {
                let end = rest
                    .as_str()
                    .find("*/")
                    .map_or(rest.as_str().len(), |it| it + 2);
                rest = rest.as_str()[end..].chars();
            }
            other => code.push(other),
        }
    }
    code
}

fn skip(rest: &mut Chars<'_>, end: char, escapes: bool) {
    while let Some(c) = rest.next() {
        if c == '\\' && escapes {
            rest.next();
        } else if c == end {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declared_tests_are_found_and_what_looks_like_one_is_not() {
        let source = "package m\n\
            func TestMain(m *testing.M) {}\n\
            func Test(t *testing.T) { x := \"`\"; _ = '\\'' }\n\
            func TestÄ(t *testing.T) {}\n\
            func Testify(t *testing.T) {}\n\
            func FuzzX(f *testing.F) {}\n\
            func (s S) TestMethod(t *testing.T) {}\n\
            // func TestComment(t *testing.T) {}\n\
            /*\nfunc TestBlock(t *testing.T) {}\n*/\n\
            const c = `\nfunc TestRaw(t *testing.T) {}\n`\n\
            func TestDot(t *T) {}\n\
            func ExampleX() {}\n";
        assert_eq!(tests(source), ["Test", "TestÄ", "FuzzX", "TestDot"]);
    }
}
