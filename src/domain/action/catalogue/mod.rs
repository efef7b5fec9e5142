//! The permissions there are: what an operator says about each service.
//!
//! * [`Title`]: the sentence a permission makes, with the fields it names
//! * [`Schema`]: what the typed details of a permission must look like, and nothing besides
//! * `read`: the TOML file, refused whole with every fault in it
//! * `print`: the same file written back
//! * [`lint()`]: what a person could not judge, though it can be read
//! * [`Change`]: what differs between two catalogues
//!
//! A catalogue that exists is a good one: it comes from a file that was read without a fault, or
//! from the database, where such a one was put.

mod approvers;
mod change;
mod document;
mod field;
mod key;
mod lint;
mod often;
mod print;
mod problem;
mod read;
mod read_field;
mod read_permission;
mod read_route;
mod read_schema;
mod route;
pub(crate) mod rules;
mod schema;
#[cfg(test)]
mod tests;
mod title;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::Duration;

pub use approvers::{Approvers, DifferentPeople};
pub use change::Change;
pub use field::{Bound, Field, FieldKind};
pub use key::{MalformedKey, PermissionKey};
pub use lint::lint;
pub use often::{Often, Period, Rate};
pub use problem::{CatalogueError, Problem};
pub use route::{Pattern, PatternError, Route, Routed};
pub use schema::{Schema, SchemaError};
pub use title::{Part, Title, TitleError};

use super::Tier;
use super::{duration, json};

/// What a person can be asked for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Catalogue {
    /// The services, in the order of the file.
    pub resources: Vec<Resource>,
}

/// A protected service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Resource {
    /// Its RFC 8707 identifier: the audience of its tokens.
    pub identifier: String,
    /// What people call it.
    pub name: String,
    /// What its access tokens look like.
    #[serde(default)]
    pub access_token: TokenForm,
    /// What can be allowed there, in the order of the file.
    pub permissions: Vec<Permission>,
    /// Hosts whose requests are its, when they come through a proxy; none: that of the identifier.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<String>,
    /// What requests through a proxy need, in the order of the file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<Route>,
}

/// What an access token looks like to the service it is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TokenForm {
    /// A JWT (RFC 9068), which a service can check by itself.
    #[default]
    Jwt,
    /// A word that says nothing: whoever wants to know asks here (RFC 7662).
    Opaque,
}

/// One thing that can be allowed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Permission {
    /// What an agent asks for it by.
    pub key: PermissionKey,
    /// The sentence a person reads.
    pub title: Title,
    /// How much harm a wrong yes can do.
    pub tier: Tier,
    /// Whether it may be asked for at all.
    #[serde(default)]
    pub ask: Ask,
    /// Who has to allow it, when one person is not enough or it is not for the one who is asked to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approvers: Option<Approvers>,
    /// How long one approval may be refreshed.
    #[serde(with = "duration::text")]
    pub access_for: Duration,
    /// How long one token lives.
    #[serde(with = "duration::text")]
    pub token_lifetime: Duration,
    /// Whether a person may say "always", and for how long at most.
    pub always: Always,
    /// How often it may answer for the person at most.
    #[serde(default)]
    pub often: Often,
    /// Whether a token is good for one use only.
    pub single_use: bool,
    /// What happens if the yes was wrong.
    pub consequence: Option<Consequence>,
    /// What typed details must look like; scopes have none.
    pub schema: Option<Schema>,
    /// The parts of the details that a person is shown and may bound.
    pub fields: Vec<Field>,
}

/// Whether a permission may be asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ask {
    /// A person, who decides.
    #[default]
    Person,
    /// Nobody: policy has decided.
    Forbidden,
}

/// Whether a person may say "always".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Always {
    /// Each time is asked.
    Never,
    /// For at most so long.
    Within(#[serde(with = "duration::text")] Duration),
}

/// What happens if the yes was wrong: fixed words, so that people learn them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Consequence {
    /// It can be taken back.
    CanBeUndone,
    /// Other people notice.
    OthersWillSee,
    /// It is final.
    CannotBeUndone,
}

impl Catalogue {
    /// The service and permission of a scope.
    pub fn scope(&self, scope: &str) -> Option<(&Resource, &Permission)> {
        self.find(|key| matches!(key, PermissionKey::Scope(name) if name == scope))
    }

    /// The service and permission of a type of details.
    pub fn detail_type(&self, name: &str) -> Option<(&Resource, &Permission)> {
        self.find(|key| matches!(key, PermissionKey::Type(known) if known == name))
    }

    /// The service and permission of a key.
    pub fn permission(&self, key: &PermissionKey) -> Option<(&Resource, &Permission)> {
        self.find(|known| known == key)
    }

    /// The service with this identifier.
    pub fn resource(&self, identifier: &str) -> Option<&Resource> {
        self.resources
            .iter()
            .find(|resource| resource.identifier == identifier)
    }

    /// Every permission with its service.
    pub fn permissions(&self) -> impl Iterator<Item = (&Resource, &Permission)> {
        self.resources.iter().flat_map(|resource| {
            resource
                .permissions
                .iter()
                .map(move |permission| (resource, permission))
        })
    }

    fn find(&self, wanted: impl Fn(&PermissionKey) -> bool) -> Option<(&Resource, &Permission)> {
        self.permissions()
            .find(|(_, permission)| wanted(&permission.key))
    }

    /// The catalogue as the database keeps it.
    pub fn to_json(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    /// The catalogue as the database kept it.
    pub fn from_json(kept: Value) -> Result<Self, serde_json::Error> {
        serde_json::from_value(kept)
    }

    /// What tells this catalogue from every other.
    pub fn digest(&self) -> [u8; 32] {
        json::digest(&json::canonical(&self.to_json()))
    }
}

impl TokenForm {
    /// Every form.
    pub const ALL: [Self; 2] = [Self::Jwt, Self::Opaque];

    /// The word in the file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Jwt => "jwt",
            Self::Opaque => "opaque",
        }
    }
}

impl Permission {
    /// The field of this name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// Whether a person may say "always" to this.
    pub fn offers_always(&self) -> bool {
        self.always != Always::Never
            && self.tier != Tier::Critical
            && self.approvers.is_none()
            && self.may_be_asked()
    }

    /// Whether an agent may ask for this.
    pub fn may_be_asked(&self) -> bool {
        match self.ask {
            Ask::Person => true,
            Ask::Forbidden => false,
        }
    }
}

impl Ask {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Person, Self::Forbidden];

    /// The word in the file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Forbidden => "forbidden",
        }
    }
}

impl Consequence {
    /// Every consequence, from mild to final.
    pub const ALL: [Self; 3] = [Self::CanBeUndone, Self::OthersWillSee, Self::CannotBeUndone];

    /// The word in the file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CanBeUndone => "can-be-undone",
            Self::OthersWillSee => "others-will-see",
            Self::CannotBeUndone => "cannot-be-undone",
        }
    }

    /// The words on the page.
    pub fn words(self) -> &'static str {
        match self {
            Self::CanBeUndone => "Can be undone",
            Self::OthersWillSee => "Others will see it",
            Self::CannotBeUndone => "Cannot be undone",
        }
    }
}
