//! What an operator may change.

pub mod settings;

pub use settings::Settings;
