//! A person is asked, and told what is different this time: from what they allowed before, and from what else the same
//! agent asks just now.

use crate::app::App;
use crate::domain::action::Card;
use crate::domain::action::difference::{Before, Difference, difference, same_kind};
use crate::flow::show::{self, Seen, ShowError};
use crate::flow::sign_in::Present;

/// How far back is looked.
const LOOKED_AT: u64 = 30;

/// What to say beside a question.
#[derive(Clone, Debug)]
pub struct Compared {
    /// Against what was allowed before; none when nothing is asked but presence.
    pub difference: Option<Difference>,
    /// How many other questions of the same agent about the same things wait now: only the code tells them apart.
    pub look_alikes: usize,
    /// How often the agent asks just this.
    pub times: usize,
}

/// Compares a request that waits.
pub async fn compare(app: &App, seen: &Seen, by: &Present) -> Result<Compared, ShowError> {
    let question = seen.request.question();
    if seen.card.items.is_empty() {
        return Ok(Compared {
            difference: None,
            look_alikes: 0,
            times: 1,
        });
    }
    let before = app
        .store
        .allowed_requests(question.user, &question.client, LOOKED_AT)
        .await?;
    let before = before.into_iter().filter_map(|stored| {
        let at = stored.request.decision()?.at;
        let card = serde_json::from_str(&stored.card).ok()?;
        Some(Before { card, at })
    });
    let before: Vec<Before> = before.collect();
    let alike = |other: &Card| other.agent.id == seen.card.agent.id && same_kind(other, &seen.card);
    let waiting = show::waiting(app, by).await?.into_iter();
    let (again, others): (Vec<Seen>, Vec<Seen>) = waiting
        .filter(|it| it.card.request != seen.card.request)
        .partition(|it| it.is_same_as(seen));
    let look_alikes = others.iter().filter(|it| alike(&it.card)).count();
    Ok(Compared {
        // What others were asked is not what this one has allowed.
        difference: question
            .quorum
            .is_none()
            .then(|| difference(&seen.card, &before)),
        look_alikes,
        times: again.len() + 1,
    })
}
