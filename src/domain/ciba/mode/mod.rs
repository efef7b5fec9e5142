//! How an agent learns the answer (CIBA §5): one file a mode.
//!
//! Ping (`ping.rs`, §10.2) and push (`push.rs`, §10.3) have their places beside [`poll`].

pub mod poll;

use serde::{Deserialize, Serialize};

/// `backchannel_token_delivery_mode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// The agent asks the token endpoint until there is an answer.
    Poll,
}

impl Mode {
    /// Every mode this server delivers in.
    pub const SUPPORTED: [Self; 1] = [Self::Poll];

    /// The word as registered and stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Poll => "poll",
        }
    }

    /// Reads the word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::SUPPORTED
            .into_iter()
            .find(|mode| mode.as_str() == word)
    }
}
