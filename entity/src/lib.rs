//! What is on disk: one file per table, no behaviour.
