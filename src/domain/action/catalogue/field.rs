//! One part of typed details: where it is, how it is shown, how far "always" may go.

use serde::{Deserialize, Serialize};

/// One part of typed details.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// What the title and "always" call it.
    pub name: String,
    /// Where it is (RFC 6901).
    pub pointer: String,
    /// What a person reads beside the value.
    pub label: String,
    /// How the value is read and shown.
    pub kind: FieldKind,
    /// Whether a mistake here is the expensive one.
    pub critical: bool,
    /// The widest way in which "always" may compare it; without one it must stay the same.
    pub bound: Option<Bound>,
    /// Whether a person may lower it while answering.
    pub narrowable: bool,
}

/// How a field's value is read and shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FieldKind {
    /// A string.
    #[default]
    Text,
    /// An object with `amount` and `currency`.
    Money,
    /// A number.
    Number,
    /// A string with a date or a date and time (RFC 3339).
    Date,
    /// An array of strings, numbers and flags.
    List,
    /// True or false.
    Flag,
}

/// How "always" compares a field, from narrow to wide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bound {
    /// The same value.
    Same,
    /// One of some values the person picked from those they allowed before.
    Set,
    /// No more than a ceiling, in the same currency.
    AtMost,
    /// A path, or anything below it, segment by segment.
    Path,
    /// Anything that starts the same.
    Prefix,
    /// Any value.
    Any,
}

impl FieldKind {
    /// Every kind.
    pub const ALL: [Self; 6] = [
        Self::Text,
        Self::Money,
        Self::Number,
        Self::Date,
        Self::List,
        Self::Flag,
    ];

    /// The word in the file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Money => "money",
            Self::Number => "number",
            Self::Date => "date",
            Self::List => "list",
            Self::Flag => "flag",
        }
    }
}

impl Bound {
    /// Every bound.
    pub const ALL: [Self; 6] = [
        Self::Same,
        Self::Set,
        Self::AtMost,
        Self::Path,
        Self::Prefix,
        Self::Any,
    ];

    /// The word in the file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Set => "set",
            Self::AtMost => "at-most",
            Self::Path => "path",
            Self::Prefix => "prefix",
            Self::Any => "any",
        }
    }

    /// Whether values of this kind can be compared so.
    pub fn fits(self, kind: FieldKind) -> bool {
        match self {
            Self::Same | Self::Any => true,
            Self::Set => !matches!(kind, FieldKind::Money | FieldKind::Flag),
            Self::AtMost => matches!(kind, FieldKind::Money | FieldKind::Number),
            Self::Path | Self::Prefix => kind == FieldKind::Text,
        }
    }

    /// Whether a person may choose `self` where the catalogue says `widest`.
    pub fn within(self, widest: Self) -> bool {
        self == Self::Same || widest == Self::Any || self == widest
    }
}
