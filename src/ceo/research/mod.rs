//! Research mode: one number to move, until a target, a plateau, or its opponent stops it.

pub(super) mod failures;
pub(super) mod pursuit;
pub(super) mod sides;
pub(super) mod turns;
pub(super) mod withheld;
