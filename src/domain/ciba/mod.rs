//! OpenID CIBA Core 1.0, section by section.
//!
//! | Section | About | File |
//! | --- | --- | --- |
//! | §5, §10 | how an agent learns the answer | [`mode`] |
//! | §7.1, §7.2 | the authentication request, its checks in their order | [`request`] |
//! | §7.1 | exactly one hint of who is asked | [`hint`] |
//! | §7.1 | words the person and the agent can compare | [`binding_message`] |
//! | §7.1 | `requested_expiry`, bounded | [`expiry`] |
//! | §7.1 | `client_notification_token` | [`notification_token`] |
//! | §7.3 | the acknowledgement | [`acknowledgement`] |
//! | §8, §10 | the life of the request | [`approval`] |
//! | §10.1 | the token request | [`token_request`] |
//! | §11, §13 | every error code, once | [`refusal`] |

pub mod acknowledgement;
pub mod approval;
pub mod binding_message;
pub mod expiry;
pub mod hint;
pub mod hint_token;
pub mod mode;
pub mod notification_token;
pub mod refusal;
pub mod request;
pub mod request_context;
pub mod request_object;
pub mod token_request;

/// The grant type of §4, for the token endpoint.
pub const GRANT_TYPE: &str = "urn:openid:params:grant-type:ciba";
