//! A promise to tell somebody something: to which address, about what, worthless after when; and what
//! became of it.

use serde::Serialize;
use time::{Duration, OffsetDateTime};

use crate::domain::id::{DeviceId, ParcelId, RequestId, SignInLinkId, UserId};

/// One promise. It holds names only: what it says is looked up when it is delivered, so that nothing
/// secret waits in the outbox. (What an agent is handed is kept beside it, sealed, while it is tried.)
#[derive(Clone, Debug, PartialEq)]
pub struct Parcel {
    /// Its id.
    pub id: ParcelId,
    /// The request it is about.
    pub request: Option<RequestId>,
    /// Who is to be told, or who it is about.
    pub user: UserId,
    /// What it says.
    pub kind: ParcelKind,
    /// Where it goes.
    pub address: Address,
    /// When it was promised.
    pub created_at: OffsetDateTime,
    /// When to try.
    pub due_at: OffsetDateTime,
    /// When trying makes no sense any more.
    pub worthless_after: OffsetDateTime,
}

/// What a parcel says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ParcelKind {
    /// You are asked.
    Asked,
    /// What you were asked is settled: replaces the notification on the other devices.
    Settled,
    /// What you always allow was used for the first time.
    RuleUsed,
    /// The sign-in link you wanted.
    SignIn(SignInLinkId),
    /// To the agent that asked: there is an answer (CIBA §10.2).
    Ping,
    /// To the agent that asked: the answer, with its tokens or without (CIBA §10.3, §12).
    Outcome,
    /// To the service whose parked action it is about: there is an answer.
    Webhook,
}

/// Where a parcel goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Address {
    /// A browser, by web push.
    WebPush(DeviceId),
    /// The person's mailbox.
    Email,
    /// The endpoint that the agent registered, or that a service named when it parked an action.
    Callback,
}

/// By which way a parcel leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// To browsers.
    WebPush,
    /// To mailboxes.
    Email,
    /// To agents and services.
    Callback,
}

/// How far a parcel has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ParcelState {
    /// Not delivered yet.
    Waiting,
    /// Taken by the other side.
    Delivered,
    /// Given up.
    Failed,
    /// Not needed any more.
    Dropped,
}

/// A parcel and how far it has come.
#[derive(Clone, Debug, PartialEq)]
pub struct Promise {
    /// What was promised.
    pub parcel: Parcel,
    /// How far it has come.
    pub state: ParcelState,
    /// How often it was tried.
    pub attempts: u32,
    /// What went wrong last.
    pub why: Option<String>,
    /// When it was delivered or given up.
    pub settled_at: Option<OffsetDateTime>,
}

impl ParcelKind {
    /// The stored word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Settled => "settled",
            Self::RuleUsed => "rule_used",
            Self::SignIn(_) => "sign_in",
            Self::Ping => "ping",
            Self::Outcome => "outcome",
            Self::Webhook => "webhook",
        }
    }

    /// Reads the stored word.
    pub fn from_stored(word: &str, link: Option<SignInLinkId>) -> Option<Self> {
        match (word, link) {
            ("asked", None) => Some(Self::Asked),
            ("settled", None) => Some(Self::Settled),
            ("rule_used", None) => Some(Self::RuleUsed),
            ("sign_in", Some(link)) => Some(Self::SignIn(link)),
            ("ping", None) => Some(Self::Ping),
            ("outcome", None) => Some(Self::Outcome),
            ("webhook", None) => Some(Self::Webhook),
            _ => None,
        }
    }
}

impl Address {
    /// By which way a parcel for this address leaves.
    pub fn way(self) -> Channel {
        match self {
            Self::WebPush(_) => Channel::WebPush,
            Self::Email => Channel::Email,
            Self::Callback => Channel::Callback,
        }
    }

    /// The channel's word.
    pub fn channel(self) -> &'static str {
        self.way().as_str()
    }
}

impl Channel {
    /// Every way there is.
    pub const ALL: [Self; 3] = [Self::WebPush, Self::Email, Self::Callback];

    /// The word as stored and shown to agents.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::WebPush => "web_push",
            Self::Email => "email",
            Self::Callback => "callback",
        }
    }
}

impl ParcelState {
    /// The word as stored and shown to agents.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Dropped => "dropped",
        }
    }

    /// Reads the stored word.
    pub fn from_stored(word: &str) -> Option<Self> {
        [Self::Waiting, Self::Delivered, Self::Failed, Self::Dropped]
            .into_iter()
            .find(|state| state.as_str() == word)
    }
}

/// What came of one attempt to deliver.
///
/// Every `why` is a short clause for operators and the status page. It never holds a secret, an
/// address or a URL: those who read it need not be those the message was for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// The other side has taken it. (Taken is not shown: nothing that leaves can promise that.)
    Delivered,
    /// Not now; another attempt may succeed.
    Later {
        /// How long the other side asks us to wait, when it does.
        after: Option<Duration>,
        /// What stood in the way.
        why: String,
    },
    /// The address is no more, and never will be again: forget it.
    Gone {
        /// How the other side said so.
        why: String,
    },
    /// Trying again would change nothing: somebody must mend something first.
    Refused {
        /// What must be mended.
        why: String,
    },
}

impl Delivery {
    /// Another attempt may succeed, and nobody said when.
    pub fn later(why: impl Into<String>) -> Self {
        Self::Later {
            after: None,
            why: why.into(),
        }
    }

    /// Trying again would change nothing.
    pub fn refused(why: impl Into<String>) -> Self {
        Self::Refused { why: why.into() }
    }

    /// The address is no more.
    pub fn gone(why: impl Into<String>) -> Self {
        Self::Gone { why: why.into() }
    }
}

/// What becomes of a parcel after an attempt, or instead of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It arrived.
    Delivered,
    /// Again, later.
    Retry {
        /// When.
        at: OffsetDateTime,
        /// What went wrong.
        why: String,
    },
    /// Not tried, because nobody is to be disturbed; later.
    Held {
        /// When.
        until: OffsetDateTime,
        /// Why, in a word or two.
        why: &'static str,
    },
    /// Given up.
    Failed {
        /// What went wrong.
        why: String,
    },
    /// Given up without another attempt: its time has passed. What went wrong last is kept.
    TooLate,
    /// Nobody needs it any more.
    Dropped,
}
