//! What one request asks for: scopes and typed details, all of one service.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::catalogue::{Catalogue, PermissionKey};
use super::details::Detail;
use crate::domain::id::TransactionId;

/// What a request asks for. Without items it asks only whether the person is there (`openid`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Asked {
    /// In the order asked: scopes first.
    pub items: Vec<AskedItem>,
    /// The service it is all about, when there is one.
    pub resource: Option<String>,
    /// The action its service has parked here, whose words these are then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transaction: Option<TransactionId>,
}

/// One permission asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AskedItem {
    /// The scope or type.
    pub key: PermissionKey,
    /// The identifier of the service it belongs to.
    pub resource: String,
    /// The typed details, canonical; scopes have none.
    pub detail: Option<Value>,
}

/// Why this cannot be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AskedError {
    /// No such scope: `invalid_scope`.
    #[error("a scope is not known here")]
    UnknownScope,
    /// No such service: `invalid_target`.
    #[error("the resource is not known here")]
    UnknownResource,
    /// More than one service in one request: `invalid_target`.
    #[error("one request can be about one resource only")]
    MixedResources,
}

impl Asked {
    /// The scopes in it.
    pub fn scopes(&self) -> Vec<&str> {
        let scope = |item: &'_ AskedItem| match &item.key {
            PermissionKey::Scope(_) => true,
            PermissionKey::Type(_) => false,
        };
        let scopes = self.items.iter().filter(|item| scope(item));
        scopes.map(|item| item.key.name()).collect()
    }

    /// What policy lets nobody allow, if it is asked.
    pub fn forbidden_by(&self, catalogue: &Catalogue) -> Option<&AskedItem> {
        let forbidden = |item: &&AskedItem| {
            let known = catalogue.permission(&item.key);
            known.is_some_and(|(_, permission)| !permission.may_be_asked())
        };
        self.items.iter().find(forbidden)
    }

    /// Puts together the scopes (without `openid`), details and `resource` parameters of a
    /// request. A scope asked for twice is asked for once.
    pub fn read(
        scopes: &[&str],
        details: &[Detail],
        resource_param: &[String],
        catalogue: &Catalogue,
    ) -> Result<Self, AskedError> {
        let mut items: Vec<AskedItem> = Vec::new();
        for scope in scopes {
            let found = catalogue.scope(scope).ok_or(AskedError::UnknownScope)?;
            let key = found.1.key.clone();
            if !items.iter().any(|item| item.key == key) {
                items.push(AskedItem {
                    key,
                    resource: found.0.identifier.clone(),
                    detail: None,
                });
            }
        }
        for detail in details {
            let found = catalogue
                .detail_type(&detail.kind)
                .ok_or(AskedError::UnknownScope)?;
            items.push(AskedItem {
                key: found.1.key.clone(),
                resource: found.0.identifier.clone(),
                detail: Some(detail.value.clone()),
            });
        }
        if resource_param
            .iter()
            .any(|named| catalogue.resource(named).is_none())
        {
            return Err(AskedError::UnknownResource);
        }
        let named = resource_param.iter().map(String::as_str);
        let mut all = items.iter().map(|item| item.resource.as_str()).chain(named);
        let resource = all.next().map(str::to_owned);
        if all.any(|other| Some(other) != resource.as_deref()) {
            return Err(AskedError::MixedResources);
        }
        Ok(Self {
            items,
            resource,
            transaction: None,
        })
    }

    /// Whether a person may say "always" to all of it.
    pub fn offers_always(&self, catalogue: &Catalogue) -> bool {
        let offers = |item: &AskedItem| {
            catalogue
                .permission(&item.key)
                .is_some_and(|(_, permission)| permission.offers_always())
        };
        // What a service parks is answered each time.
        self.transaction.is_none() && !self.items.is_empty() && self.items.iter().all(offers)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::action::fixture::{catalogue, deploy, details, small_payment};

    const PAYMENTS: &str = "https://payments.example.com";

    fn read(scopes: &[&str], resources: &[&str]) -> Result<Asked, AskedError> {
        let resources: Vec<String> = resources.iter().map(ToString::to_string).collect();
        Asked::read(scopes, &[], &resources, &catalogue())
    }

    #[test]
    fn scopes_and_details_are_merged_and_belong_to_one_resource() {
        let pay = details(&json!([
            small_payment("1", "EUR", "A"),
            small_payment("1", "EUR", "A")
        ]));
        let asked =
            Asked::read(&["payments.read", "payments.read"], &pay, &[], &catalogue()).unwrap();
        assert_eq!(asked.resource.as_deref(), Some(PAYMENTS));
        let keys: Vec<_> = asked
            .items
            .iter()
            .map(|item| item.key.as_stored())
            .collect();
        assert_eq!(
            keys,
            [
                "scope:payments.read",
                "type:payment_small",
                "type:payment_small"
            ]
        );
        let deploy = details(&json!([deploy("1", "staging")]));
        let mixed = Asked::read(&["payments.read"], &deploy, &[], &catalogue());
        assert_eq!(mixed, Err(AskedError::MixedResources));
    }

    #[test]
    fn what_is_not_in_the_catalogue_cannot_be_asked() {
        assert_eq!(
            read(&["payments.write"], &[]),
            Err(AskedError::UnknownScope)
        );
        assert_eq!(read(&["deploy"], &[]), Err(AskedError::UnknownScope));
        assert_eq!(
            read(&[], &["https://nowhere.example"]),
            Err(AskedError::UnknownResource)
        );
    }

    #[test]
    fn a_resource_parameter_must_agree() {
        assert!(read(&["payments.read"], &[PAYMENTS, PAYMENTS]).is_ok());
        let other = "https://files.example.com";
        assert_eq!(
            read(&["payments.read"], &[other]),
            Err(AskedError::MixedResources)
        );
        assert_eq!(
            read(&[], &[PAYMENTS, other]),
            Err(AskedError::MixedResources)
        );
        assert_eq!(
            read(&["payments.read", "files.read"], &[]),
            Err(AskedError::MixedResources)
        );
    }

    #[test]
    fn always_is_offered_for_all_of_it_or_not_at_all() {
        let catalogue = catalogue();
        assert!(
            read(&["payments.read"], &[])
                .unwrap()
                .offers_always(&catalogue)
        );
        assert!(
            !read(&["files.read", "files.delete"], &[])
                .unwrap()
                .offers_always(&catalogue)
        );
        assert!(!Asked::default().offers_always(&catalogue));
    }

    #[test]
    fn nothing_but_the_person_may_be_asked_for() {
        assert_eq!(read(&[], &[]), Ok(Asked::default()));
        assert_eq!(
            read(&[], &[PAYMENTS]).unwrap().resource.as_deref(),
            Some(PAYMENTS)
        );
    }
}
