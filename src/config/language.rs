//! `[[language]]`: a language that has no adapter, by its commands.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

/// `[[language]]`: a language by its commands, which run at the root of the tree.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Language {
    /// Its name in reports and before test ids: `c`, `haskell`.
    pub name: String,
    /// Extensions of its files; it is here if one of them is tracked.
    pub extensions: Vec<String>,
    /// Command line that builds it; must exit 0.
    #[serde(default)]
    pub build: Option<String>,
    /// Command line that runs its tests.
    #[serde(default)]
    pub test: Option<String>,
    /// How outcomes are found: `exit`, `tap`, `go-json`, `junit:PATH`, or `regex:PATTERN` with groups `id` and `outcome`.
    #[serde(default)]
    pub test_parser: TestParser,
    /// Command line of its linter.
    #[serde(default)]
    pub lint: Option<String>,
    /// How findings are found: `sarif:PATH`, or `regex:PATTERN` with groups `path` and, if there are any, `line`, `column`, `rule`, `message`.
    #[serde(default)]
    pub lint_parser: Option<LintParser>,
    /// Command line that measures which lines the tests reach.
    #[serde(default)]
    pub coverage: Option<String>,
    /// How reached lines are found: `lcov:PATH`.
    #[serde(default)]
    pub coverage_parser: Option<CoverageParser>,
    /// Command line that prints the files that are not formatted, one on each line.
    #[serde(default)]
    pub format_check: Option<String>,
    /// Command line that formats the files appended to it.
    #[serde(default)]
    pub format: Option<String>,
    /// Globs of paths that judge the code: tests, settings of linters.
    #[serde(default)]
    pub protected: Vec<String>,
    /// Globs of files that nobody writes by hand.
    #[serde(default)]
    pub excluded: Vec<String>,
}

/// A pattern that is known to be one.
#[derive(Clone, Debug)]
pub struct Pattern(regex::Regex);

impl Pattern {
    /// Returns the compiled pattern, in which `^` and `$` are ends of lines.
    pub fn get(&self) -> &regex::Regex {
        &self.0
    }

    fn parse(text: &str, groups: &[&str]) -> Result<Self, String> {
        let pattern = regex::RegexBuilder::new(text).multi_line(true).build();
        let pattern = pattern.map_err(|error| {
            let reason = error.to_string();
            format!(
                "`{text}` is not a regular expression: {}",
                reason.lines().last().unwrap_or("")
            )
        })?;
        let names: Vec<&str> = pattern.capture_names().flatten().collect();
        match groups.iter().find(|it| !names.contains(it)) {
            Some(group) => Err(format!("`{text}` has no group `(?P<{group}>…)`")),
            None => Ok(Self(pattern)),
        }
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

/// A parser that reads a file, or what the command prints.
pub trait Parsed {
    /// Returns the file that is read, if it is not what the command prints.
    fn path(&self) -> Option<&str>;
}

/// How the outcomes of tests are found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum TestParser {
    /// The whole suite is one test, by its exit status.
    #[default]
    Exit,
    /// The Test Anything Protocol, on standard output.
    Tap,
    /// The events of `go test -json`, on standard output.
    GoJson,
    /// `JUnit`'s XML, in that file.
    Junit(String),
    /// Lines that a pattern reads.
    Regex(Pattern),
}

/// How findings are found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum LintParser {
    /// The Static Analysis Results Interchange Format, in that file.
    Sarif(String),
    /// Lines that a pattern reads.
    Regex(Pattern),
}

/// How reached lines are found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum CoverageParser {
    /// An lcov tracefile.
    Lcov(String),
}

impl Parsed for TestParser {
    fn path(&self) -> Option<&str> {
        match self {
            Self::Junit(path) => Some(path),
            Self::Exit | Self::Tap | Self::GoJson | Self::Regex(_) => None,
        }
    }
}

impl Parsed for LintParser {
    fn path(&self) -> Option<&str> {
        match self {
            Self::Sarif(path) => Some(path),
            Self::Regex(_) => None,
        }
    }
}

impl Parsed for CoverageParser {
    fn path(&self) -> Option<&str> {
        let Self::Lcov(path) = self;
        Some(path)
    }
}

fn split(text: &str) -> (&str, &str) {
    text.split_once(':').unwrap_or((text, ""))
}

fn inside(path: &str) -> Result<String, String> {
    if path.starts_with('/') || path.split('/').any(|it| it == "..") {
        return Err(format!(
            "`{path}` is not below the root or `$FACTORY_BUILD_DIR`"
        ));
    }
    Ok(path.to_owned())
}

impl FromStr for TestParser {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match split(text) {
            ("exit", "") => Ok(Self::Exit),
            ("tap", "") => Ok(Self::Tap),
            ("go-json", "") => Ok(Self::GoJson),
            ("junit", path) if !path.is_empty() => inside(path).map(Self::Junit),
            ("regex", pattern) if !pattern.is_empty() => {
                Pattern::parse(pattern, &["id", "outcome"]).map(Self::Regex)
            }
            _ => Err(format!(
                "`{text}` is no parser of tests; use `exit`, `tap`, `go-json`, `junit:PATH` or `regex:PATTERN`"
            )),
        }
    }
}

impl FromStr for LintParser {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match split(text) {
            ("sarif", path) if !path.is_empty() => inside(path).map(Self::Sarif),
            ("regex", pattern) if !pattern.is_empty() => {
                Pattern::parse(pattern, &["path"]).map(Self::Regex)
            }
            _ => Err(format!(
                "`{text}` is no parser of findings; use `sarif:PATH` or `regex:PATTERN`"
            )),
        }
    }
}

impl FromStr for CoverageParser {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match split(text) {
            ("lcov", path) if !path.is_empty() => inside(path).map(Self::Lcov),
            _ => Err(format!(
                "`{text}` is no parser of coverage; use `lcov:PATH`"
            )),
        }
    }
}

impl fmt::Display for TestParser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exit => f.write_str("exit"),
            Self::Tap => f.write_str("tap"),
            Self::GoJson => f.write_str("go-json"),
            Self::Junit(path) => write!(f, "junit:{path}"),
            Self::Regex(pattern) => write!(f, "regex:{}", pattern.0.as_str()),
        }
    }
}

impl fmt::Display for LintParser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sarif(path) => write!(f, "sarif:{path}"),
            Self::Regex(pattern) => write!(f, "regex:{}", pattern.0.as_str()),
        }
    }
}

impl fmt::Display for CoverageParser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Lcov(path) = self;
        write!(f, "lcov:{path}")
    }
}

/// In files and in the schema a parser is its text.
macro_rules! as_text {
    ($($parser:ident),*) => {$(
        impl TryFrom<String> for $parser {
            type Error = String;

            fn try_from(text: String) -> Result<Self, String> {
                text.parse()
            }
        }

        impl From<$parser> for String {
            fn from(parser: $parser) -> Self {
                parser.to_string()
            }
        }

        impl JsonSchema for $parser {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($parser).into()
            }

            fn json_schema(generator: &mut SchemaGenerator) -> Schema {
                String::json_schema(generator)
            }
        }
    )*};
}
as_text!(TestParser, LintParser, CoverageParser);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parsers_print_as_they_are_written() {
        for text in [
            "exit",
            "tap",
            "go-json",
            "junit:out/report.xml",
            "regex:(?P<id>a) (?P<outcome>b)",
        ] {
            assert_eq!(text.parse::<TestParser>().unwrap().to_string(), text);
        }
        for text in ["sarif:a.sarif", "regex:(?P<path>a):"] {
            assert_eq!(text.parse::<LintParser>().unwrap().to_string(), text);
        }
        let lcov = "lcov:$FACTORY_BUILD_DIR/lcov.info";
        assert_eq!(lcov.parse::<CoverageParser>().unwrap().to_string(), lcov);
    }

    #[test]
    fn a_parser_that_cannot_work_is_refused_with_what_would() {
        let complaint = |text: &str| text.parse::<TestParser>().unwrap_err();
        assert!(complaint("xunit:a").contains("use `exit`"));
        assert!(complaint("junit:../a.xml").contains("not below the root"));
        assert!(complaint("regex:(?P<id>a)").contains("no group `(?P<outcome>…)`"));
        assert!(complaint("regex:(").contains("not a regular expression"));
        assert!("regex:a".parse::<LintParser>().is_err());
        assert!("cobertura:a".parse::<CoverageParser>().is_err());
    }
}
