//! What one request asks for: scopes and typed details, all of one service.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::catalogue::{Catalogue, PermissionKey};
use super::details::Detail;

/// What a request asks for. Without items it asks only whether the person is there (`openid`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Asked {
    /// In the order asked: scopes first.
    pub items: Vec<AskedItem>,
    /// The service it is all about, when there is one.
    pub resource: Option<String>,
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
        Ok(Self { items, resource })
    }
}
