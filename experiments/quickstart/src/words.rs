//! Splits text into words: lower-cased runs of letters, digits and inner apostrophes.

/// Characters kept of a word; the rest is cut, so that encoded data cannot fill the table.
pub const WORD_LIMIT: usize = 40;

/// Calls `visit` with each word of the text, in order.
pub fn for_each_word(text: &str, mut visit: impl FnMut(&str)) {
    for run in text.split(|symbol| !belongs(symbol)) {
        let run = run.trim_matches('\'');
        if run.len() > 0 {
            visit(&normal_form(run));
        }
    }
}

/// Returns the words of the text as a list.
pub fn words(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for_each_word(text, |word| found.push(word.to_string()));
    return found;
}

/// Returns whether a character can be part of a word.
fn belongs(symbol: char) -> bool {
    return symbol.is_alphanumeric() || symbol == '\'';
}

/// Returns the word as the index knows it: lower-cased and not too long.
fn normal_form(run: &str) -> String {
    run.chars().flat_map(|symbol| symbol.to_lowercase()).take(WORD_LIMIT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_lower_case_and_free_of_punctuation() {
        assert_eq!(words("The cat; THE Cat!"), ["the", "cat", "the", "cat"]);
    }

    #[test]
    fn an_apostrophe_stays_inside_a_word_and_goes_at_its_ends() {
        assert_eq!(words("'don't' dogs'"), ["don't", "dogs"]);
    }

    #[test]
    fn letters_beyond_ascii_count() {
        assert_eq!(words("Äpfel über Straße"), ["äpfel", "über", "straße"]);
    }

    #[test]
    fn long_words_that_differ_late_stay_apart() {
        let found = words("internationalisation internationalised");
        assert_ne!(found[0], found[1]);
    }

    #[test]
    fn endless_words_are_cut() {
        let found = words(&"x".repeat(1_000));
        assert_eq!(found, ["x".repeat(WORD_LIMIT)]);
    }

    #[test]
    fn an_empty_text_has_no_words() {
        assert!(words("").is_empty());
        assert!(words(" \n -- ").is_empty());
    }
}
