//! What a client wants of a refresh, when it wants less than all (RFC 6749 §6, RFC 9396 §6, RFC 8707).
//!
//! It can narrow the access token, never widen it. The next refresh token is as good as this one.

use serde_json::Value;

use super::granted::GrantedItem;
use crate::domain::action::{Catalogue, PermissionKey, read_details};
use crate::domain::ciba::approval::Question;
use crate::domain::ciba::refusal::Refusal;

/// What a client wants of a refresh.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Narrowing<'a> {
    scopes: Option<Vec<&'a str>>,
    details: Option<Vec<Value>>,
    resources: Vec<&'a str>,
}

impl<'a> Narrowing<'a> {
    /// Reads `scope`, `authorization_details` and `resource`; without them it wants all.
    pub fn read(
        scope: Option<&'a str>,
        details: Option<&str>,
        resources: impl Iterator<Item = &'a str>,
        catalogue: &Catalogue,
    ) -> Result<Self, Refusal> {
        let details = match details {
            None => None,
            Some(json) => {
                let details = read_details(json, catalogue)
                    .map_err(|why| Refusal::InvalidAuthorizationDetails(why.to_string().into()))?;
                Some(details.into_iter().map(|detail| detail.value).collect())
            }
        };
        let words = |scope: &'a str| scope.split(' ').filter(|word| !word.is_empty()).collect();
        Ok(Self {
            scopes: scope.map(words),
            details,
            resources: resources.collect(),
        })
    }

    /// Which of the granted items are wanted, in their order; refuses what was never granted.
    pub fn wanted(
        &self,
        granted: &[GrantedItem],
        question: &Question,
    ) -> Result<Vec<bool>, Refusal> {
        let ours = question.asked.resource.as_deref();
        if self.resources.iter().any(|named| Some(*named) != ours) {
            return Err(Refusal::InvalidTarget(
                "a refresh is for the resource of its grant only",
            ));
        }
        let mut wanted: Vec<bool> = granted
            .iter()
            .map(|granted| match &granted.item.key {
                PermissionKey::Scope(_) => self.scopes.is_none(),
                PermissionKey::Type(_) => self.details.is_none(),
            })
            .collect();
        for scope in self.scopes.iter().flatten() {
            let named = |granted: &GrantedItem| match &granted.item.key {
                PermissionKey::Scope(key) => key == scope,
                PermissionKey::Type(_) => false,
            };
            match granted.iter().position(named) {
                Some(at) => wanted[at] = true,
                None if *scope == "openid" => {}
                None => return Err(Refusal::InvalidScope("a refresh cannot widen the scope")),
            }
        }
        for detail in self.details.iter().flatten() {
            // Two equal entries are two: each is found once.
            let same = |(at, granted): &(usize, &GrantedItem)| {
                !wanted[*at] && granted.item.detail.as_ref() == Some(detail)
            };
            let found = granted.iter().enumerate().find(same).map(|(at, _)| at);
            let at = found.ok_or(Refusal::InvalidAuthorizationDetails(
                "a refresh cannot widen authorization_details".into(),
            ))?;
            wanted[at] = true;
        }
        Ok(wanted)
    }

    /// Whether nothing is wanted but to know the person.
    pub fn only_the_person(&self) -> bool {
        self.details.is_none() && self.scopes.as_deref() == Some(&["openid"])
    }

    /// The scopes of these that are wanted.
    pub fn narrow(&self, scope: &str) -> String {
        let wanted = |word: &&str| match &self.scopes {
            None => true,
            Some(scopes) => scopes.contains(word),
        };
        let words: Vec<&str> = scope.split(' ').filter(wanted).collect();
        words.join(" ")
    }
}
