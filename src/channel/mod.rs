//! How things leave: one way out, one file or folder.
//!
//! * [`sender`]: the guarded HTTP client. Nothing else here or anywhere opens an HTTP connection
//!   to somebody else.
//! * [`web_push`]: a notice to a person's browser or phone.
//! * [`email`]: a letter to a person's mailbox.
//! * [`callback`]: a call to an agent's endpoint.
//! * [`webhook`]: a call to a service that has parked an action.
//! * [`asked`]: what a letter or a notice may say about a request.
//!
//! Each way ends in a [`Delivery`](crate::domain::parcel::Delivery). What must leave, to whom and
//! how often it is tried is not known here: that is promised in `outbox` and kept by `flow`.
//! Nothing here reads the clock; the moment is an argument.

pub mod asked;
pub mod callback;
pub mod email;
pub mod sender;
pub mod web_push;
pub mod webhook;
