//! What becomes of a promise to tell somebody something.

use time::Duration;

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
