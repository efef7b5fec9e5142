//! What one answer granted: items, each with its own end, and the life of the token that carries them.
//!
//! `token_lifetime` in the catalogue is how long one token lives, `access_for` how long one answer may
//! be refreshed. What is good for a single use is in the first token or in none.

use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use super::access::PLAIN_LIFETIME;
use crate::domain::action::{AskedItem, Catalogue};

/// One granted item and its own end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GrantedItem {
    /// What.
    pub item: AskedItem,
    /// When access to it ends, refreshed or not.
    #[serde(with = "crate::domain::timestamp")]
    pub ends_at: OffsetDateTime,
    /// Whether a refresh may carry it on until then.
    pub refreshable: bool,
}

/// What one answer granted.
#[derive(Clone, Debug, PartialEq)]
pub struct Granted {
    /// Each item with its end.
    pub items: Vec<GrantedItem>,
    /// When the first access token ends.
    pub token_ends_at: OffsetDateTime,
}

impl Granted {
    /// Gives each item its end.
    pub fn new(items: &[AskedItem], catalogue: &Catalogue, now: OffsetDateTime) -> Self {
        let token_ends_at = now + token_lifetime(items, catalogue);
        let granted = |item: &AskedItem| {
            let until = refreshable_until(item, catalogue, now);
            GrantedItem {
                item: item.clone(),
                ends_at: until.max(token_ends_at),
                refreshable: until > token_ends_at,
            }
        };
        Self {
            items: items.iter().map(granted).collect(),
            token_ends_at,
        }
    }

    /// When the last of it ends.
    pub fn ends_at(&self) -> OffsetDateTime {
        let ends = self.items.iter().map(|granted| granted.ends_at);
        ends.max().unwrap_or(self.token_ends_at)
    }

    /// Until when there is something to refresh: nothing if all of it ends with the first token.
    pub fn refreshable_until(&self) -> Option<OffsetDateTime> {
        let refreshable = self.items.iter().filter(|granted| granted.refreshable);
        refreshable.map(|granted| granted.ends_at).max()
    }
}

/// How long one token for all of these lives: as long as the shortest of them.
pub fn token_lifetime(items: &[AskedItem], catalogue: &Catalogue) -> Duration {
    let of_one = |item: &AskedItem| match catalogue.permission(&item.key) {
        Some((_, permission)) => permission.token_lifetime,
        None => PLAIN_LIFETIME,
    };
    items.iter().map(of_one).min().unwrap_or(PLAIN_LIFETIME)
}

/// Until when this catalogue lets access be refreshed that was granted at `granted_at`.
pub fn refreshable_until(
    item: &AskedItem,
    catalogue: &Catalogue,
    granted_at: OffsetDateTime,
) -> OffsetDateTime {
    match catalogue.permission(&item.key) {
        Some((resource, permission))
            if !permission.single_use
                && permission.may_be_asked()
                && resource.identifier == item.resource =>
        {
            granted_at + permission.access_for
        }
        Some(_) | None => granted_at,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::action::fixture::{asked, catalogue, small_payment};

    const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    fn granted(scopes: &[&str], details: &Value) -> Granted {
        Granted::new(&asked(scopes, details).items, &catalogue(), NOW)
    }

    #[test]
    fn each_item_has_its_own_end_and_the_token_that_of_the_shortest() {
        let granted = granted(&["calendar.read", "calendar.write"], &Value::Null);
        let ends: Vec<_> = granted.items.iter().map(|it| it.ends_at - NOW).collect();
        assert_eq!(ends, [Duration::days(30), Duration::hours(1)]);
        assert_eq!(granted.token_ends_at - NOW, Duration::minutes(5));
        assert_eq!(granted.ends_at() - NOW, Duration::days(30));
        assert_eq!(granted.refreshable_until(), Some(NOW + Duration::days(30)));
    }

    #[test]
    fn what_is_good_for_one_use_is_never_refreshed() {
        let pay = json!([small_payment("1", "EUR", "A")]);
        assert_eq!(granted(&[], &pay).refreshable_until(), None);
        let mixed = granted(&["payments.read"], &pay);
        assert!(mixed.items[0].refreshable && !mixed.items[1].refreshable);
        assert_eq!(mixed.items[1].ends_at, mixed.token_ends_at);

        let mut generous = catalogue();
        for resource in &mut generous.resources {
            for permission in &mut resource.permissions {
                permission.access_for = Duration::days(1);
            }
        }
        let items = asked(&[], &pay).items;
        assert_eq!(
            Granted::new(&items, &generous, NOW).refreshable_until(),
            None
        );
    }

    #[test]
    fn nothing_but_the_person_is_not_refreshed() {
        let granted = granted(&[], &Value::Null);
        assert_eq!(granted.refreshable_until(), None);
        assert_eq!(granted.ends_at(), NOW + PLAIN_LIFETIME);
    }

    #[test]
    fn access_that_ends_with_the_first_token_is_not_refreshed() {
        let mut catalogue = catalogue();
        for permission in &mut catalogue.resources[0].permissions {
            permission.access_for = permission.token_lifetime;
        }
        let items = asked(&["payments.read"], &Value::Null).items;
        assert_eq!(
            Granted::new(&items, &catalogue, NOW).refreshable_until(),
            None
        );
    }
}
