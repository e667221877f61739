//! The adapter on small real trees, with real tools.
