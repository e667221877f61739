//! Recognises secrets in a line of text; names their kind and never repeats them.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;

/// Formats that providers give their keys so that scanners can find them.
const KNOWN: [(&str, &str); 9] = [
    (
        "a private key",
        r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----",
    ),
    ("an AWS access key", r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    (
        "a GitHub token",
        r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{60,})\b",
    ),
    ("a Slack token", r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}"),
    (
        "a Slack webhook",
        r"hooks\.slack\.com/services/T[A-Z0-9]{6,}/B[A-Z0-9]{6,}/[A-Za-z0-9]{16,}",
    ),
    (
        "a model provider's key",
        r"\bsk-(?:proj-|ant-|or-)?[A-Za-z0-9_-]{20,}",
    ),
    ("a Google key", r"\bAIza[0-9A-Za-z_-]{35}\b"),
    ("a GitLab token", r"\bglpat-[0-9A-Za-z_-]{20,}"),
    ("a payment key", r"\b[rs]k_live_[0-9A-Za-z]{20,}"),
];

/// An assignment of something to a name that promises a secret, quoted or to the end of the line.
const ASSIGNMENT: &str = r#"(?ix)
    (?P<name> [\w.-]* (?: password | passwd | secret | token | api[_-]?key | access[_-]?key | credential ) [\w.-]* )
    ["']? \s* (?: :\s*&?(?:'static\s+)?\w+\s*= | := | => | [:=] ) \s*
    (?: ["'`] (?P<quoted> [^"'`]+ ) ["'`] | (?P<bare> [A-Za-z0-9+/_.=~-]{20,} ) \s* $ )"#;

/// Names that speak of a secret without holding one: `token_count`, `secret_name`, `password_file`.
const ABOUT: &str = r"(?i)(?:^|[_.-])(?:count|counts|hash|digest|sha256|id|ids|name|names|path|file|files|url|uri|env|var|type|kind|header|field|label|len|length|limit|regex|pattern|prefix|suffix|algorithm|endpoint)s?$";

/// Values that stand for a secret.
const PLACEHOLDER: &str = r"(?i)example|changeme|change[_-]me|placeholder|dummy|fake|sample|redacted|your[_-]|not[_-]?a[_-]|xxxx|\*\*\*|1234567890|abcdef|test|mock|foo|lorem|todo|<|\$\{|\{\{|%\(|\$[A-Z(]";

/// Bits per character above which a text looks drawn at random.
const RANDOM: f64 = 3.5;
/// Shorter values are words, and words are no secrets that a scanner can know.
const LEAST_LENGTH: usize = 16;

static KNOWN_FORMATS: LazyLock<Vec<(&str, Regex)>> = LazyLock::new(|| {
    KNOWN
        .into_iter()
        .map(|(kind, pattern)| (kind, compiled(pattern)))
        .collect()
});
static ASSIGNED: LazyLock<Regex> = LazyLock::new(|| compiled(ASSIGNMENT));
static ABOUT_SECRETS: LazyLock<Regex> = LazyLock::new(|| compiled(ABOUT));
static PLACEHOLDERS: LazyLock<Regex> = LazyLock::new(|| compiled(PLACEHOLDER));

fn compiled(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the pattern is a constant that the tests compile")
}

/// Returns what kind of secret a line seems to hold, if any.
pub(super) fn kind_of_secret(line: &str) -> Option<String> {
    known_format(line).or_else(|| random_assignment(line))
}

fn known_format(line: &str) -> Option<String> {
    KNOWN_FORMATS
        .iter()
        .find(|(_, pattern)| pattern.find_iter(line).any(|it| is_key(it.as_str())))
        .map(|(kind, _)| (*kind).to_owned())
}

/// Tells a key from an example of its format and from words joined by hyphens (`sk-loading-indicator`).
fn is_key(text: &str) -> bool {
    text.starts_with("-----")
        || (!PLACEHOLDERS.is_match(text)
            && text
                .split(|letter: char| !letter.is_ascii_alphanumeric())
                .any(|run| run.len() >= 8 && mixes_letters_and_digits(run)))
}

fn mixes_letters_and_digits(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_digit())
        && text.bytes().any(|byte| byte.is_ascii_alphabetic())
}

fn random_assignment(line: &str) -> Option<String> {
    ASSIGNED.captures_iter(line).find_map(|found| {
        let name = found.name("name")?.as_str();
        let value = found
            .name("quoted")
            .or_else(|| found.name("bare"))?
            .as_str();
        (!ABOUT_SECRETS.is_match(name) && is_random(value))
            .then(|| format!("a random value assigned to `{name}`"))
    })
}

/// Tells a drawn value from words, paths, addresses, code and placeholders.
fn is_random(value: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"+/_=-.~!@#$%^&*".contains(&byte);
    value.len() >= LEAST_LENGTH
        && value.bytes().all(is_plain)
        && mixes_letters_and_digits(value)
        && !is_path_or_name(value)
        && !PLACEHOLDERS.is_match(value)
        && bits_per_character(value) >= RANDOM
}

/// Returns whether a value reads as a path, an address, or words joined by punctuation.
fn is_path_or_name(value: &str) -> bool {
    let parts: Vec<&str> = value.split(['/', '.', '_', '-']).collect();
    value.starts_with(['/', '.', '~']) || (parts.len() > 1 && parts.iter().all(|it| is_word(it)))
}

/// Returns whether a part is a number, a word, or a word with a number behind it (`v2`, `oauth2`).
fn is_word(part: &str) -> bool {
    let stem = part.trim_end_matches(|letter: char| letter.is_ascii_digit());
    part.len() <= 12 && stem.bytes().all(|byte| byte.is_ascii_alphabetic())
}

/// Returns the Shannon entropy of the characters.
fn bits_per_character(text: &str) -> f64 {
    let mut counts: BTreeMap<char, u32> = BTreeMap::new();
    for letter in text.chars() {
        *counts.entry(letter).or_default() += 1;
    }
    let total: f64 = counts.values().map(|count| f64::from(*count)).sum();
    counts
        .values()
        .map(|count| f64::from(*count) / total)
        .map(|share| -share * share.log2())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Joins halves, so that no scanner stumbles over this file.
    fn joined(left: &str, right: &str) -> String {
        format!("{left}{right}")
    }

    #[test]
    fn keys_in_the_formats_of_their_providers_are_found() {
        let body = "aB3dE5gH7jK9mN1pQ3rS5tU7vW9xY1zA3bC5";
        for (kind, line) in [
            (
                "a private key",
                joined("-----BEGIN RSA PRIVATE", " KEY-----"),
            ),
            ("a private key", joined("-----BEGIN PRIVATE", " KEY-----")),
            (
                "a private key",
                joined("-----BEGIN PGP PRIVATE", " KEY BLOCK-----"),
            ),
            (
                "an AWS access key",
                joined("key = AKIA", "Z7QH2M4KX9PLW3RT"),
            ),
            ("a GitHub token", joined("t: ghp_", body)),
            ("a Slack token", joined("xoxb-", "48210937465-aB3dE5gH7jK9")),
            ("a model provider's key", joined("sk-proj-", body)),
            ("a model provider's key", joined("sk-ant-api03-", body)),
            ("a Google key", joined("AIza", &body[..35])),
            ("a GitLab token", joined("glpat-", &body[..20])),
            ("a payment key", joined("sk_live_", &body[..24])),
        ] {
            assert_eq!(kind_of_secret(&line).as_deref(), Some(kind), "{line}");
        }
    }

    #[test]
    fn random_values_of_telling_names_are_found() {
        let value = "k9Xv2Lq8Zr4Tn6Wp1Ys3";
        for line in [
            format!("db_password = \"{value}\""),
            format!("\"apiKey\": \"{value}\","),
            format!("const AUTH_TOKEN: &str = \"{value}\";"),
            format!("export SECRET_KEY={value}"),
            format!("client-secret: {value}"),
            format!("token := `{value}`"),
        ] {
            assert!(kind_of_secret(&line).is_some(), "{line}");
        }
    }

    #[test]
    fn the_secret_is_never_repeated() {
        let value = "k9Xv2Lq8Zr4Tn6Wp1Ys3";
        let kind = kind_of_secret(&format!("password = '{value}'")).unwrap();
        assert_eq!(kind, "a random value assigned to `password`");
    }

    #[test]
    fn innocent_lines_pass() {
        for line in [
            "password = get_password_from_keyring(user)",
            "token = next(tokens)",
            "let token = self.tokens[index + 1].clone();",
            "API_KEY = os.environ[\"SERVICE_API_KEY\"]",
            "password = \"changeme-1234567890\"",
            "secret = \"your-secret-goes-here-42\"",
            "api_key: ${{ secrets.DEPLOY_KEY_2024 }}",
            "token_count = \"k9Xv2Lq8Zr4Tn6Wp1Ys3\"",
            "password_hash = \"9f86d081884c7d659a2feaa0c55ad015\"",
            "SECRET_PATH = \"/run/secrets/database_password_v2\"",
            "token_url = \"https://auth.host.org/oauth2/v2/token\"",
            "assert password == \"hunter2\"",
            "class=\"sk-loading-indicator-fade-circle-2\"",
            "key = AKIAIOSFODNN7EXAMPLE",
            "-----BEGIN CERTIFICATE-----",
            "-----BEGIN PUBLIC KEY-----",
            "sha256 = \"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"",
            "checksum = \"k9Xv2Lq8Zr4Tn6Wp1Ys3\"",
            "access_key_name = \"primary-key-2024-europe\"",
            "secret_santa = \"christmas_party_2024_list\"",
            "let token: Token = tokenizer.next_token_or_default2();",
            "password: 'The password must hold at least 12 characters'",
        ] {
            assert_eq!(kind_of_secret(line), None, "{line}");
        }
    }

    #[test]
    fn entropy_tells_words_from_noise() {
        assert!(bits_per_character("aaaaaaaaaaaaaaaa") < 0.1);
        assert!((bits_per_character("abcd") - 2.0).abs() < 1e-12);
        assert!(bits_per_character("k9Xv2Lq8Zr4Tn6Wp1Ys3") > 4.0);
    }
}
