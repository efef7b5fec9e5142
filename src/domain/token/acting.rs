//! Who acts for the person (`act`, RFC 8693 §4.1): the agent, and whoever it had it from.
//!
//! Only the outermost counts for what a service decides; the inner ones say how it came to be.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::domain::id::ClientId;

/// One who acts, with the one before inside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acting<'a> {
    /// The client's id.
    pub sub: Cow<'a, str>,
    /// Whom it has it from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<Box<Acting<'a>>>,
}

/// Who may act next (`may_act`, RFC 8693 §4.4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MayAct {
    /// The client's id.
    pub sub: ClientId,
}

impl<'a> Acting<'a> {
    /// An agent that was answered itself.
    pub fn first(client: &'a str) -> Self {
        Self {
            sub: Cow::Borrowed(client),
            act: None,
        }
    }

    /// Everyone, from the one who acts now to the one who was answered.
    pub fn everyone(&self) -> impl Iterator<Item = &str> {
        std::iter::successors(Some(self), |one| one.act.as_deref()).map(|one| &*one.sub)
    }

    /// How many there are.
    pub fn depth(&self) -> usize {
        self.everyone().count()
    }
}
