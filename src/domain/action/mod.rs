//! What the person is asked to allow, and how it is put to them.
//!
//! * [`catalogue`]: the permissions there are, as the operator wrote them
//! * [`risk`]: how much harm a wrong yes can do
//! * [`details`]: typed details from an agent (RFC 9396), checked against the catalogue
//! * [`asked`]: the scopes and details of one request, belonging to one resource
//! * [`card`]: what the person is shown, and what is hashed and signed
//! * [`difference`]: what is different from what was allowed before
//! * [`match_code`](mod@match_code): the word and number on both screens
//! * [`money`], [`text`], [`json`], [`duration`]: values that mean one thing only
//!
//! What "always" covers is in [`consent`](super::consent).

pub mod asked;
pub mod card;
pub mod catalogue;
mod character;
pub mod details;
pub mod difference;
pub mod duration;
pub(crate) mod facts;
#[cfg(test)]
pub(crate) mod fixture;
pub mod json;
pub mod match_code;
pub mod money;
mod number;
pub mod risk;
pub mod text;
pub(crate) mod value;

pub use asked::{Asked, AskedError, AskedItem};
pub use card::{Card, CardItem, CardResource, Fact, HeldBy, Party};
pub use catalogue::{
    Always, Approvers, Ask, Bound, Catalogue, CatalogueError, Change, Consequence, DifferentPeople,
    Field, FieldKind, Often, Period, Permission, PermissionKey, Rate, Resource, Routed, TokenForm,
};
pub use details::{Detail, DetailsError, read_details};
pub use match_code::match_code;
pub use risk::Tier;
