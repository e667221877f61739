//! A search in words: what its patch does, place by place, and how it was found.

use super::ground::Ground;
use crate::mechanic::message;
use crate::search::genetic::Patch;

/// What there is to tell of a search.
pub(super) struct Report<'a> {
    /// The metric's name.
    pub(super) metric: &'a str,
    /// Where it searched.
    pub(super) ground: &'a Ground,
    /// Patches that were tried.
    pub(super) n_tried: usize,
    /// How long that took.
    pub(super) seconds: f64,
}

impl Report<'_> {
    /// Returns subject and body of the commit for a patch.
    pub(super) fn of(&self, patch: &Patch, gain: f64) -> (String, String) {
        let edits = self.ground.edits(patch);
        let subject = match edits.as_slice() {
            [(_, edit)] => of_one(&edit.words, &edit.item),
            [(_, first), rest @ ..] if rest.iter().all(|it| it.1.item == first.item) => {
                format!("Make {} small edits of {}", edits.len(), first.item)
            }
            _ => format!("Make {} small edits", edits.len()),
        };
        let places: Vec<String> = edits
            .iter()
            .map(|(path, edit)| format!("{} at {path}:{} in {}", edit.words, edit.line, edit.item))
            .collect();
        let body = format!(
            "{}. {} Every test that passed still passes with it. A quick look at `{}` saw a gain of \
             {:.1} %; that look counts for nothing, the experiment measures anew.",
            capitalised(&places.join("; ")),
            self.told(),
            self.metric,
            100.0 * gain
        );
        (message::shortened(&subject), body)
    }

    /// Returns why a search ended with nothing.
    pub(super) fn of_nothing(&self) -> String {
        format!(
            "no patch passes the tests and looks better by `{}`. {}",
            self.metric,
            self.told()
        )
    }

    fn told(&self) -> String {
        let n_functions = self.ground.n_functions();
        let functions = if n_functions == 1 {
            "function"
        } else {
            "functions"
        };
        let by = match self.ground.told_by.as_slice() {
            [] => "no profiler told where the time goes".to_owned(),
            tools => format!("where the time goes by {}", tools.join(" and ")),
        };
        let unwatched = match self.ground.unwatched.as_slice() {
            [] => String::new(),
            names => format!(
                " Left alone, as no test notices a mutant: {}.",
                names.join(", ")
            ),
        };
        format!(
            "{} patches of {n_functions} {functions} were tried in {:.0} s ({by}).{unwatched}",
            self.n_tried, self.seconds
        )
    }
}

/// Returns the subject for one edit: half a sentence says less than its verb and where it was.
fn of_one(words: &str, item: &str) -> String {
    let whole = format!("{} in {item}", capitalised(words));
    if message::shortened(&whole) == whole {
        return whole;
    }
    let verb = words.split_whitespace().next().unwrap_or("change");
    format!("{} code in {item}, by a small edit", capitalised(verb))
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|it| it.to_uppercase().to_string());
    first.unwrap_or_default() + chars.as_str()
}
