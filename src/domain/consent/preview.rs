//! What an "always" would have done to what was asked before: shown while it is made, so that nobody guesses.

use super::standing::{StandingGrant, covering};
use crate::domain::action::json::short_digest;
use crate::domain::action::{Asked, AskedItem, Catalogue};
use crate::domain::id::RequestId;
use time::OffsetDateTime;

/// Requests that are looked back at.
pub const LOOKED_AT: u64 = 20;

/// Sentences of what would not have been covered that are told.
const MOST_TOLD: usize = 3;

/// A request of the same agent to the same person, before.
#[derive(Clone, Debug)]
pub struct Past {
    /// Its id.
    pub id: RequestId,
    /// What was asked.
    pub asked: Asked,
    /// Its sentence.
    pub heading: String,
    /// When.
    pub at: OffsetDateTime,
    /// What was answered.
    pub answer: PastAnswer,
}

/// What was answered before.
#[derive(Clone, Debug, PartialEq)]
pub enum PastAnswer {
    /// Yes, to these.
    Allowed(Vec<AskedItem>),
    /// No.
    Denied,
    /// Nothing, so far or for good.
    None,
}

/// What rules would have done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preview {
    /// How many they would have answered.
    pub covered: usize,
    /// Of so many.
    pub of: usize,
    /// Some of those they would not have answered.
    pub not: Vec<String>,
    /// What they would have allowed although it was denied.
    pub denied: Vec<(RequestId, String)>,
}

impl Preview {
    /// What rules would have done to these requests, the newest first, asked anew one after the other.
    pub fn of(rules: &[StandingGrant], past: &[Past], catalogue: &Catalogue) -> Self {
        let mut rules = rules.to_vec();
        let mut preview = Self::default();
        for past in past.iter().rev() {
            preview.of += 1;
            if answered(&mut rules, past, catalogue) {
                preview.covered += 1;
                if past.answer == PastAnswer::Denied {
                    preview.denied.push((past.id, past.heading.clone()));
                }
            } else if !preview.not.contains(&past.heading) {
                preview.not.push(past.heading.clone());
            }
        }
        preview.not.reverse();
        preview.not.truncate(MOST_TOLD);
        preview.denied.reverse();
        preview
    }

    /// It may never answer anything: nothing that was asked before would have been covered.
    pub fn is_narrow(&self) -> bool {
        self.of > 0 && self.covered == 0
    }

    /// What a person must agree to once more; none when nothing that was denied would have been allowed. Whoever
    /// agrees to this list has agreed to no other.
    pub fn to_confirm(&self) -> Option<String> {
        if self.denied.is_empty() {
            return None;
        }
        let ids: Vec<String> = self.denied.iter().map(|(id, _)| id.to_string()).collect();
        Some(short_digest(&ids.join(" ")))
    }
}

/// Whether the rules answer a request at its time; if so, they have been used.
fn answered(rules: &mut [StandingGrant], past: &Past, catalogue: &Catalogue) -> bool {
    let Some(first) = rules.first() else {
        return false;
    };
    let (client, user) = (first.client.clone(), first.user);
    let covering = covering(rules, &past.asked, catalogue, &client, user, past.at);
    // What a service parks is answered by nobody but the person.
    let Some(covering) = covering.filter(|_| past.asked.transaction.is_none()) else {
        return false;
    };
    for id in covering {
        if let Some(rule) = rules.iter_mut().find(|rule| rule.id == id)
            && let Some(used) = rule.used(1, past.at)
        {
            *rule = used;
        }
    }
    true
}

/// What was allowed before.
pub fn allowed_before(past: &[Past]) -> Vec<AskedItem> {
    let allowed = past.iter().filter_map(|past| match &past.answer {
        PastAnswer::Allowed(items) => Some(items.clone()),
        PastAnswer::Denied | PastAnswer::None => None,
    });
    allowed.flatten().collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;
    use time::Duration;
    use time::macros::datetime;
    use uuid::Uuid;

    use super::*;
    use crate::domain::action::fixture::{asked, catalogue, small_payment};
    use crate::domain::consent::Bounds;
    use crate::domain::id::{ClientId, StandingGrantId, UserId};

    const NOW: OffsetDateTime = datetime!(2026-11-07 12:00 UTC);

    fn past(hours_ago: i64, amount: &str, to: &str, denied: bool) -> Past {
        let asked = asked(&[], &json!([small_payment(amount, "EUR", to)]));
        let answer = if denied {
            PastAnswer::Denied
        } else {
            PastAnswer::Allowed(asked.items.clone())
        };
        Past {
            id: RequestId(Uuid::from_u128(u128::try_from(hours_ago).unwrap())),
            asked,
            heading: format!("Pay {amount} to {to}"),
            at: NOW - Duration::hours(hours_ago),
            answer,
        }
    }

    fn rule(picks: &[(&str, &str)]) -> StandingGrant {
        let asked = asked(&[], &json!([small_payment("240", "EUR", "Hanna")]));
        let (item, catalogue) = (&asked.items[0], catalogue());
        let picks: BTreeMap<_, _> = picks
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        let permission = catalogue.permission(&item.key).unwrap().1;
        StandingGrant {
            id: StandingGrantId(Uuid::from_u128(1)),
            client: ClientId("billing".into()),
            user: UserId(Uuid::from_u128(7)),
            resource: item.resource.clone(),
            key: item.key.clone(),
            bounds: Bounds::choose(item, permission, &picks, &[]).unwrap(),
            created_at: NOW,
            ends_at: NOW + Duration::days(7),
            last_used_at: None,
            uses: 0,
            recent: Vec::new(),
            revoked_at: None,
            revoked_by: None,
            from_request: RequestId(Uuid::from_u128(2)),
        }
    }

    #[test]
    fn it_tells_what_would_have_been_covered_and_what_not() {
        let before = [
            past(1, "250", "Hanna", false),
            past(2, "900", "Mallory", false),
            past(3, "10", "Hanna", false),
        ];
        let upto = rule(&[("amount", "at-most"), ("amount.value", "250")]);
        let preview = Preview::of(&[upto], &before, &catalogue());
        assert_eq!((preview.covered, preview.of), (2, 3));
        assert_eq!(preview.not, ["Pay 900 to Mallory"]);
        assert_eq!(preview.to_confirm(), None);
        let narrow = Preview::of(&[rule(&[])], &before, &catalogue());
        assert!(narrow.is_narrow() && !Preview::default().is_narrow());
    }

    #[test]
    fn how_often_counts_from_the_oldest_on() {
        let before: Vec<Past> = [1, 2, 3, 40]
            .map(|ago| past(ago, "240", "Hanna", false))
            .into();
        let daily = rule(&[("how-often", "per_day"), ("how-often.value", "2")]);
        assert_eq!(Preview::of(&[daily], &before, &catalogue()).covered, 3);
        let once = rule(&[("altogether", "in-all"), ("altogether.value", "1")]);
        assert_eq!(Preview::of(&[once], &before, &catalogue()).covered, 1);
    }

    #[test]
    fn what_was_denied_and_would_be_allowed_is_agreed_to_by_name() {
        let wide = || rule(&[("amount", "at-most"), ("amount.value", "250")]);
        let of = |before: &[Past]| Preview::of(&[wide()], before, &catalogue());
        let one = of(&[past(1, "250", "Hanna", true), past(2, "900", "Hanna", true)]);
        assert_eq!(one.denied.len(), 1);
        let two = of(&[past(1, "250", "Hanna", true), past(2, "9", "Hanna", true)]);
        assert_eq!(two.denied.len(), 2);
        assert!(one.to_confirm().is_some() && one.to_confirm() != two.to_confirm());
    }
}
