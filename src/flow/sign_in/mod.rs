//! A person signs in: by a link that works once, into a session that ends.
//!
//! A link proves that somebody reads the person's mailbox, or runs the server's host, and no more; the
//! session says which ([`Assurance`](crate::domain::consent::assurance::Assurance)). What that may
//! decide is left to those who ask for [`Present`].

mod links;
mod sessions;

pub use links::{
    Link, LinkError, SAME_TIME, can_send, look_at_link, make_link, send_link, url_of, use_link,
};
pub use sessions::{Present, Session, SignedIn, session, sign_out};

use crate::domain::token::master_key::DoesNotOpen;
use crate::entropy::NoEntropy;
use crate::store::StoreError;

/// Why nobody was signed in or out, though nobody did anything wrong.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// Nothing could be remembered.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Nothing could be made up.
    #[error(transparent)]
    Entropy(#[from] NoEntropy),
    /// Nothing could be sealed.
    #[error(transparent)]
    Seal(#[from] DoesNotOpen),
}
