//! Where to look next: the inner surface first, the wider one where that gives nothing more, and back
//! after a keep.

/// Which surface is open, and how long nothing was kept on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plateau {
    limit: u32,
    has_outer: bool,
    is_wide: bool,
    without_keep: u32,
}

impl Plateau {
    /// Starts on the inner surface; so many experiments in a row without a keep are a plateau.
    pub fn new(limit: u32, has_outer: bool) -> Self {
        Self {
            limit,
            has_outer,
            is_wide: false,
            without_keep: 0,
        }
    }

    /// Returns whether the wider surface is open.
    pub fn is_wide(&self) -> bool {
        self.is_wide
    }

    /// Returns how many experiments in a row were not kept on the open surface.
    pub fn without_keep(&self) -> u32 {
        self.without_keep
    }

    /// Takes the end of an experiment: a keep opens the inner surface again.
    pub fn closed(&mut self, kept: bool) {
        if kept {
            self.is_wide = false;
            self.without_keep = 0;
        } else {
            self.without_keep = self.without_keep.saturating_add(1);
        }
    }

    /// Returns whether nothing was kept for so long that the open surface is done with.
    pub fn is_reached(&self) -> bool {
        self.without_keep >= self.limit
    }

    /// Opens the wider surface, if there is one that is not open; returns whether it did.
    pub fn widen(&mut self) -> bool {
        let may = self.has_outer && !self.is_wide;
        if may {
            self.is_wide = true;
            self.without_keep = 0;
        }
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lose(plateau: &mut Plateau, times: u32) {
        for _ in 0..times {
            plateau.closed(false);
        }
    }

    #[test]
    fn a_plateau_widens_once_and_then_ends() {
        let mut plateau = Plateau::new(3, true);
        lose(&mut plateau, 2);
        assert!(!plateau.is_reached());
        lose(&mut plateau, 1);
        assert!(plateau.is_reached() && plateau.widen());
        assert!(plateau.is_wide() && !plateau.is_reached());
        lose(&mut plateau, 3);
        assert!(plateau.is_reached() && !plateau.widen());
    }

    #[test]
    fn a_keep_counts_anew_and_goes_back_to_the_inner_surface() {
        let mut plateau = Plateau::new(3, true);
        lose(&mut plateau, 2);
        plateau.closed(true);
        assert_eq!(plateau.without_keep(), 0);
        lose(&mut plateau, 3);
        assert!(plateau.widen());
        lose(&mut plateau, 2);
        plateau.closed(true);
        assert!(!plateau.is_wide() && plateau.without_keep() == 0);
        assert!(plateau.widen(), "it may widen again");
    }

    #[test]
    fn without_an_outer_surface_a_plateau_is_the_end() {
        let mut plateau = Plateau::new(1, false);
        lose(&mut plateau, 1);
        assert!(plateau.is_reached() && !plateau.widen() && !plateau.is_wide());
    }
}
