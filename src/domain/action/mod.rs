//! What the person is asked to allow, and how it is put to them.
//!
//! * [`catalogue`]: the permissions there are, as the operator wrote them
//! * [`risk`]: how much harm a wrong yes can do
//! * [`details`]: typed details from an agent (RFC 9396), checked against the catalogue
//! * [`asked`]: the scopes and details of one request, belonging to one resource
//! * [`card`]: what the person is shown, and what is hashed and signed
//! * [`match_code`]: the word and number on both screens
//! * [`money`], [`text`], [`json`], [`duration`]: values that mean one thing only
//!
//! What "always" covers is in [`consent`](super::consent).

pub mod catalogue;
pub mod duration;
pub mod json;
pub mod money;
pub mod risk;
pub mod text;

pub use catalogue::{
    Always, Bound, Catalogue, CatalogueError, Change, Consequence, Field, FieldKind, Permission,
    PermissionKey, Resource,
};
pub use risk::Tier;
