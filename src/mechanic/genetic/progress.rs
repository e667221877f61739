//! What a search says while it runs: often enough to see that it goes on, and no line for each patch.

use std::time::Duration;

/// So many times in all, a search that takes its whole time is heard of.
const TIMES: u32 = 20;

/// Tells of the search now and then.
pub(super) struct Progress<'a> {
    hears: &'a dyn Fn(String),
    most: Duration,
    next: Duration,
}

impl<'a> Progress<'a> {
    /// Begins a search that takes at most so long.
    pub(super) fn new(hears: &'a dyn Fn(String), most: Duration) -> Self {
        Self {
            hears,
            most,
            next: Duration::ZERO,
        }
    }

    /// Says how far the search is, if it was silent for long.
    pub(super) fn tell(&mut self, elapsed: Duration, n_tried: usize, best: Option<f64>) {
        if elapsed < self.next {
            return;
        }
        self.next = elapsed + self.most / TIMES;
        let (since, most) = (elapsed.as_secs(), self.most.as_secs());
        let s = if n_tried == 1 { "" } else { "es" };
        let best = match best {
            Some(gain) => format!("the best looks {:.0} % better", 100.0 * gain),
            None => "none stands out of the noise yet".to_owned(),
        };
        (self.hears)(format!(
            "{n_tried} patch{s} of edits tried, {best}; {since} s of at most {most} s"
        ));
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn a_search_is_heard_of_now_and_then_and_not_at_every_patch() {
        let heard = RefCell::new(Vec::new());
        let listener = |it| heard.borrow_mut().push(it);
        let mut progress = Progress::new(&listener, Duration::from_secs(100));
        for n in 1..=100 {
            let best = (n > 3).then_some(0.123);
            progress.tell(Duration::from_secs(n as u64), n, best);
        }
        let heard = heard.into_inner();
        assert_eq!(heard.len(), 20, "{heard:?}");
        assert_eq!(
            heard[..2],
            [
                "1 patch of edits tried, none stands out of the noise yet; 1 s of at most 100 s",
                "6 patches of edits tried, the best looks 12 % better; 6 s of at most 100 s"
            ]
        );
    }
}
