//! An agent's request that names a transaction: what is asked comes from the transaction alone.

use super::{HeldTransaction, NotAsked};
use crate::domain::action::{Asked, Catalogue, Detail, read_details};
use crate::domain::ciba::refusal::Refusal;

/// Unknown, malformed, or meant for another agent: one answer for all three.
pub fn unknown() -> Refusal {
    Refusal::InvalidRequest("the transaction is not known")
}

impl From<NotAsked> for Refusal {
    fn from(why: NotAsked) -> Self {
        match why {
            NotAsked::AnotherAgent => unknown(),
            NotAsked::Already => {
                Self::InvalidRequest("somebody is being asked about the transaction already")
            }
            NotAsked::Over => {
                Self::InvalidRequest("the transaction was answered or cancelled, or has run out")
            }
            NotAsked::AnotherPerson => Self::InvalidRequest(
                "the hint names somebody else than the person the transaction is for",
            ),
        }
    }
}

/// What is asked, and as which `scope`. What stands beside the transaction says the same, or nothing.
pub fn asked(
    held: &HeldTransaction,
    scopes: &[&str],
    details: &[Detail],
    catalogue: &Catalogue,
) -> Result<(String, Asked), Refusal> {
    let asked = current(&held.asked, catalogue)?;
    let own = asked.scopes();
    let same = scopes.is_empty()
        || (scopes.len() == own.len() && scopes.iter().all(|scope| own.contains(scope)));
    if !same {
        return Err(Refusal::InvalidRequest(
            "scope is not that of the transaction: leave it out",
        ));
    }
    let theirs = details.iter().map(|detail| &detail.value);
    let own_details = asked.items.iter().filter_map(|item| item.detail.as_ref());
    if !details.is_empty() && !theirs.eq(own_details) {
        return Err(Refusal::InvalidRequest(
            "authorization_details are not those of the transaction: leave them out",
        ));
    }
    let mut scope = vec!["openid"];
    scope.extend(own);
    Ok((scope.join(" "), asked))
}

/// The same, if the catalogue still has all of it as it was parked.
fn current(parked: &Asked, catalogue: &Catalogue) -> Result<Asked, Refusal> {
    let gone = Refusal::InvalidRequest("the catalogue no longer has what the transaction is about");
    let details: Vec<_> = parked
        .items
        .iter()
        .filter_map(|item| item.detail.as_ref())
        .collect();
    let details = if details.is_empty() {
        Vec::new()
    } else {
        let text = serde_json::to_string(&details).unwrap_or_default();
        read_details(&text, catalogue).map_err(|_| gone.clone())?
    };
    let resource: Vec<String> = parked.resource.iter().cloned().collect();
    let again = Asked::read(&parked.scopes(), &details, &resource, catalogue);
    match again {
        Ok(again) if again.items == parked.items => Ok(parked.clone()),
        Ok(_) | Err(_) => Err(gone),
    }
}
