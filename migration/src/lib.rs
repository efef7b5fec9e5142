//! How the disk got there: one file per change, never edited after a release.
