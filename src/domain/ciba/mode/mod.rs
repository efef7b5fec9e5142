//! How an agent learns the answer (CIBA §5): one file a mode.
//!
//! | Mode | The agent | File |
//! | --- | --- | --- |
//! | poll | asks the token endpoint until there is an answer (§10.1) | [`poll`] |
//! | ping | is told that there is one, and then collects it (§10.2) | [`ping`] |
//! | push | is handed its tokens (§10.3) | [`push`] |
//!
//! A ping agent may poll all the same; a push agent may not.

pub mod ping;
pub mod poll;
pub mod push;

use serde::{Deserialize, Serialize};

/// `backchannel_token_delivery_mode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// The agent asks the token endpoint until there is an answer.
    Poll,
    /// The agent is called when there is an answer, and collects it.
    Ping,
    /// The agent is called with its tokens.
    Push,
}

impl Mode {
    /// Every mode this server delivers in.
    pub const SUPPORTED: [Self; 3] = [Self::Poll, Self::Ping, Self::Push];

    /// The word as registered and stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Poll => "poll",
            Self::Ping => "ping",
            Self::Push => "push",
        }
    }

    /// Reads the word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::SUPPORTED
            .into_iter()
            .find(|mode| mode.as_str() == word)
    }

    /// Whether the agent is called at the endpoint it registered.
    pub fn calls(self) -> bool {
        match self {
            Self::Poll => false,
            Self::Ping | Self::Push => true,
        }
    }

    /// Whether the agent collects its tokens at the token endpoint.
    pub fn collects(self) -> bool {
        match self {
            Self::Poll | Self::Ping => true,
            Self::Push => false,
        }
    }
}
