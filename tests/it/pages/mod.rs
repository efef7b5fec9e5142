//! What every page owes to whoever opens it: that nobody else acts, frames, redirects or speaks in it.
