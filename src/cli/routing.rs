//! What the first word of `factory ceo` is: a directory, an idea, or a typo.

use camino::{Utf8Path, Utf8PathBuf};

use super::{CliError, Exit};

/// What a person pointed at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// A directory: improve it.
    Directory(Utf8PathBuf),
    /// A file that describes an idea.
    File(Utf8PathBuf),
    /// An address that describes an idea.
    Url(String),
    /// An idea in words.
    Words(String),
}

/// Decides what a text means; a path that is not there is never an idea.
pub(super) fn route(text: &str) -> Result<Route, CliError> {
    let path = Utf8Path::new(text);
    if text.starts_with("http://") || text.starts_with("https://") {
        return Ok(Route::Url(text.to_owned()));
    }
    if path.is_dir() {
        return Ok(Route::Directory(path.to_owned()));
    }
    if path.exists() {
        return Ok(Route::File(path.to_owned()));
    }
    let looks_like_a_path = ["/", "./", "../", "~/"]
        .iter()
        .any(|it| text.starts_with(it));
    if text.trim().contains(char::is_whitespace) && !looks_like_a_path {
        return Ok(Route::Words(text.to_owned()));
    }
    Err(CliError::new(Exit::Input, format!("`{text}` is not there"))
        .hint("check the spelling of the path"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_a_file_a_url_and_words_are_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(dir.path()).unwrap();
        let file = root.join("idea.md");
        fs_err::write(&file, "a weather service").unwrap();
        assert_eq!(
            route(root.as_str()).unwrap(),
            Route::Directory(root.to_owned())
        );
        assert_eq!(route(file.as_str()).unwrap(), Route::File(file));
        assert_eq!(
            route("https://example.org/x").unwrap(),
            Route::Url("https://example.org/x".into())
        );
        assert_eq!(
            route("a weather service").unwrap(),
            Route::Words("a weather service".into())
        );
    }

    #[test]
    fn a_mistyped_path_is_never_an_idea() {
        for text in [
            "my-projcet",
            "./my projcet",
            "/no/such dir",
            "~/nothing here",
            "",
        ] {
            assert_eq!(route(text).unwrap_err().kind, Exit::Input, "{text}");
        }
    }
}
