//! One call and its answer, as values.

use std::fmt;

use http::{HeaderMap, Method, StatusCode};
use time::OffsetDateTime;

use super::resolver::Forbidden;
use super::retry_after;
use super::target::RefusedUrl;
use crate::domain::parcel::Delivery;

/// How much of an answer is read unless the call says otherwise.
pub const READ_AT_MOST: usize = 4 * 1024;

/// No call may read more of an answer than this.
pub const READ_CEILING: usize = 64 * 1024;

/// One call.
#[derive(Clone)]
pub struct Outgoing {
    /// POST, mostly.
    pub method: Method,
    /// Whom to call; checked again before the call.
    pub url: String,
    /// What to say about the body.
    pub headers: HeaderMap,
    /// What to say.
    pub body: Vec<u8>,
    /// How much of the answer to read, up to [`READ_CEILING`]; 0 for nothing after the headers.
    pub read_at_most: usize,
}

impl Outgoing {
    /// A POST that reads little of the answer.
    pub fn post(url: impl Into<String>, headers: HeaderMap, body: Vec<u8>) -> Self {
        Self {
            method: Method::POST,
            url: url.into(),
            headers,
            body,
            read_at_most: READ_AT_MOST,
        }
    }
}

/// What came back, whatever its status.
#[derive(Clone)]
pub struct Answer {
    /// The status. A redirect is one like any other.
    pub status: StatusCode,
    /// The headers, as the other side sent them.
    pub headers: HeaderMap,
    /// The beginning of the body.
    pub body: Vec<u8>,
    /// Whether the body ended within the bounds of size and time. When not, `body` is what came
    /// until then.
    pub whole: bool,
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the rest: it may repeat what was sent.
        write!(f, "Answer({})", self.status.as_u16())
    }
}

impl Answer {
    /// How long the other side asks to be left alone: between a second and an hour.
    pub fn retry_after(&self, now: OffsetDateTime) -> Option<time::Duration> {
        retry_after::read(&self.headers, now)
    }
}

/// Why there was no answer. Says nothing of whom was called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The URL may not be called.
    #[error(transparent)]
    Url(#[from] RefusedUrl),
    /// The name leads where calls may not go.
    #[error("the name leads to an address that is not public")]
    Address,
    /// Too many calls to the same destination are under way.
    #[error("too many calls to this destination are under way")]
    Busy,
    /// It took too long.
    #[error("no answer in time")]
    Timeout,
    /// No connection: no such name, nobody there, or a certificate that is not trusted.
    #[error("could not connect")]
    Connect,
    /// The connection broke, or spoke something else than HTTP.
    #[error("the connection broke")]
    Broken,
}

impl SendError {
    /// What went wrong in the client, without what it says of the URL.
    pub(super) fn of(error: &reqwest::Error) -> Self {
        let mut source = std::error::Error::source(error);
        while let Some(cause) = source {
            if cause.is::<Forbidden>() {
                return Self::Address;
            }
            source = cause.source();
        }
        if error.is_timeout() {
            Self::Timeout
        } else if error.is_connect() {
            Self::Connect
        } else {
            Self::Broken
        }
    }

    /// Whether another attempt may succeed.
    pub fn delivery(self) -> Delivery {
        match self {
            Self::Url(_) | Self::Address => Delivery::refused(self.to_string()),
            Self::Busy | Self::Timeout | Self::Connect | Self::Broken => {
                Delivery::later(self.to_string())
            }
        }
    }
}
