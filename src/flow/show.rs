//! A person looks: what waits for them, one request, what was, what they always allow.
//!
//! Nothing here changes anything, and nothing here shows anyone what is somebody else's: what is not
//! theirs is the same as what there is not.

use time::{Duration, OffsetDateTime};

use super::always::Before;
use super::answer;
use super::sign_in::{Present, Session};
use crate::app::App;
use crate::domain::action::card::{Card, draw_item};
use crate::domain::action::{Asked, AskedItem, Catalogue, PermissionKey, Tier};
use crate::domain::ciba::approval::{ApprovalRequest, DecidedBy};
use crate::domain::consent::attention::{Arrival, Likeness, Silence};
use crate::domain::consent::bounds::Bounds;
use crate::domain::consent::choice::FieldChoices;
use crate::domain::consent::ending::{EndChoice, end_choices};
use crate::domain::consent::partial::Remainder;
use crate::domain::consent::pause::Shape;
use crate::domain::consent::standing::StandingGrant;
use crate::domain::id::{ClientId, RequestId};
use crate::domain::user::Device;
use crate::store::{StoreError, StoredRequest};

/// Requests shown as waiting.
const MOST_WAITING: u64 = 100;

/// Standing grants shown.
const MOST_STANDING: u64 = 500;

/// Requests of a day in which uses are counted.
const MOST_USES_COUNTED: u64 = 500;

/// A request as its person sees it.
#[derive(Clone, Debug)]
pub struct Seen {
    /// What became of it, as of now.
    pub request: ApprovalRequest,
    /// What it says.
    pub card: Card,
    /// When it was settled.
    pub settled_at: Option<OffsetDateTime>,
    /// What it is to its person, if it can be asked again.
    pub likeness: Option<Likeness>,
    /// Why nothing was sent about it, if nothing was.
    pub silence: Option<Silence>,
}

/// The same question of one agent, as often as it waits.
#[derive(Clone, Debug)]
pub struct Asking {
    /// The one that waits longest.
    pub seen: Seen,
    /// How often it was asked.
    pub times: usize,
}

/// A card that cannot be read back: a fault of ours, and nothing a person could answer.
#[derive(Debug, thiserror::Error)]
pub enum ShowError {
    /// Nothing was found out.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The card cannot be read.
    #[error("the card of request {0} cannot be read")]
    Card(RequestId),
}

impl Seen {
    /// Whether both are one question of one agent, asked twice.
    pub fn is_same_as(&self, other: &Self) -> bool {
        self.likeness.is_some()
            && self.likeness == other.likeness
            && self.request.question().client == other.request.question().client
    }

    /// As stored, seen at a moment.
    pub fn of(stored: StoredRequest, now: OffsetDateTime) -> Result<Self, ShowError> {
        let id = stored.request.question().id;
        let card = serde_json::from_str(&stored.card).map_err(|_| ShowError::Card(id))?;
        Ok(Self {
            request: stored.request.at(now),
            card,
            settled_at: stored.settled_at,
            likeness: stored.likeness,
            silence: stored.arrival.and_then(Arrival::silence),
        })
    }
}

/// One request, if it is theirs.
pub async fn request(app: &App, id: RequestId, by: &Present) -> Result<Option<Seen>, ShowError> {
    let stored = app.store.request(id).await?;
    stored
        .filter(|stored| stored.request.question().is_put_to(by.user.id))
        .map(|stored| Seen::of(stored, app.clock.now()))
        .transpose()
}

/// The session this person's answer was given in, to say on which device that was.
pub async fn answered_in(
    app: &App,
    seen: &Seen,
    by: &Present,
) -> Result<Option<Session>, ShowError> {
    let session = match seen.request.decision().map(|decision| &decision.by) {
        Some(DecidedBy::Person { session, .. }) => Some(*session),
        Some(people @ DecidedBy::People { .. }) => {
            let mine = people.people().filter(|one| one.user == by.user.id);
            mine.last().map(|one| one.session)
        }
        Some(DecidedBy::StandingGrants { .. }) | None => None,
    };
    match session {
        Some(session) => Ok(app.store.session(session).await?),
        None => Ok(None),
    }
}

/// What waits for a person: the gravest first, then the most pressing.
pub async fn waiting(app: &App, by: &Present) -> Result<Vec<Seen>, ShowError> {
    let now = app.clock.now();
    let store = &app.store;
    let mut stored = store
        .waiting_requests(by.user.id, now, MOST_WAITING)
        .await?;
    stored.append(
        &mut store
            .waiting_together(by.user.id, now, MOST_WAITING)
            .await?,
    );
    let mut seen = seen_all(stored, now)?;
    let deadline = |seen: &Seen| seen.request.question().answer_by;
    seen.sort_by_key(|seen| (std::cmp::Reverse(seen.card.tier), deadline(seen)));
    Ok(seen)
}

/// What waits for a person, what is the same put together: the gravest first, then the most pressing.
pub async fn asked(app: &App, by: &Present) -> Result<Vec<Asking>, ShowError> {
    let mut together: Vec<Asking> = Vec::new();
    for seen in waiting(app, by).await? {
        let known = together.iter_mut().find(|it| it.seen.is_same_as(&seen));
        match known {
            Some(known) => {
                known.times += 1;
                if seen.request.question().opened_at < known.seen.request.question().opened_at {
                    known.seen = seen;
                }
            }
            None => together.push(Asking { seen, times: 1 }),
        }
    }
    Ok(together)
}

/// What was, the newest first; `before` continues after the last one shown.
pub async fn history(
    app: &App,
    by: &Present,
    before: Option<RequestId>,
    at_most: u64,
) -> Result<Vec<Seen>, ShowError> {
    let now = app.clock.now();
    let stored = app
        .store
        .settled_requests(by.user.id, before, now, at_most)
        .await?;
    seen_all(stored, now)
}

fn seen_all(stored: Vec<StoredRequest>, now: OffsetDateTime) -> Result<Vec<Seen>, ShowError> {
    stored
        .into_iter()
        .map(|stored| Seen::of(stored, now))
        .collect()
}

/// The devices that notices go to.
pub async fn devices(app: &App, by: &Present) -> Result<Vec<Device>, StoreError> {
    app.store.devices(by.user.id).await
}

/// An "always" a person has given.
#[derive(Clone, Debug)]
pub struct Standing {
    /// The grant.
    pub grant: StandingGrant,
    /// What they read when they gave it.
    pub sentence: String,
    /// Who it is for.
    pub agent: String,
    /// The service it is about.
    pub service: String,
    /// How often it was used within a day, as far as was looked.
    pub today: u64,
    /// Today's catalogue does not let it answer.
    pub asks_again: bool,
}

/// Everything a person has always allowed, the newest first.
pub async fn allowed(app: &App, by: &Present) -> Result<Vec<Standing>, StoreError> {
    let grants = app
        .store
        .standing_grants_of(by.user.id, MOST_STANDING)
        .await?;
    let catalogue = app.catalogue.get();
    let now = app.clock.now();
    let since = now - Duration::DAY;
    let used = app.store.rules_used(by.user.id, since, MOST_USES_COUNTED);
    let used = if grants.is_empty() {
        Vec::new()
    } else {
        used.await?
    };
    let mut all = Vec::with_capacity(grants.len());
    for (grant, sentence) in grants {
        let client = app.clients.find(&app.store, &grant.client).await?;
        let service = catalogue.catalogue.resource(&grant.resource);
        all.push(Standing {
            agent: client.map_or_else(|| grant.client.0.clone(), |client| client.name.clone()),
            service: service.map_or_else(|| grant.resource.clone(), |it| it.name.clone()),
            sentence,
            today: used.iter().filter(|id| **id == grant.id).count() as u64,
            asks_again: !grant.is_allowed_by(&catalogue.catalogue, now),
            grant,
        });
    }
    Ok(all)
}

/// What was allowed, when it was less than what was asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Granted {
    /// How much of it, in words.
    pub of: String,
    /// Each thing that was allowed, in its sentence.
    pub headings: Vec<String>,
}

/// What was allowed of a request; empty if that was all of it, or nothing.
pub fn granted(app: &App, seen: &Seen) -> Granted {
    let asked = &seen.request.question().asked;
    let decision = seen.request.decision();
    let Some(decision) = decision.filter(|decision| decision.is_in_part(asked)) else {
        return Granted::default();
    };
    let catalogue = app.catalogue.get();
    let sentence = |item| sentence_of(item, asked, &seen.card, &catalogue.catalogue);
    let who = match decision.by {
        DecidedBy::People { .. } => "Allowed:",
        DecidedBy::Person { .. } | DecidedBy::StandingGrants { .. } => "You allowed",
    };
    let (some, all) = (decision.granted.len(), asked.items.len());
    Granted {
        of: if some < all {
            format!("{who} {some} of {all}")
        } else {
            format!("{who} less than was asked")
        },
        headings: decision.granted.iter().map(sentence).collect(),
    }
}

/// The sentence of an item: as it was shown, if it is as it was asked.
fn sentence_of(item: &AskedItem, asked: &Asked, card: &Card, catalogue: &Catalogue) -> String {
    let shown = asked.items.iter().zip(&card.items);
    let shown = shown.into_iter().find(|(one, _)| *one == item);
    shown.map_or_else(
        || draw_item(item, catalogue).heading,
        |(_, shown)| shown.heading.clone(),
    )
}

/// What people call an agent.
pub async fn agent_name(app: &App, client: &ClientId) -> Result<String, StoreError> {
    let found = app.clients.find(&app.store, client).await?;
    Ok(found.map_or_else(|| client.0.clone(), |client| client.name.clone()))
}

/// What a kind of question is about, in the catalogue's words.
pub fn titles(app: &App, shape: &Shape) -> Vec<String> {
    let catalogue = app.catalogue.get();
    if shape.0.is_empty() {
        return vec!["Whether it is you".to_owned()];
    }
    let title = |key: &PermissionKey| match catalogue.catalogue.permission(key) {
        Some((_, permission)) => permission.title.without_values(),
        None => key.to_string(),
    };
    shape.0.iter().map(title).collect()
}

/// What a person may choose when they say "always".
#[derive(Clone, Debug)]
pub struct AlwaysOffer {
    /// Until when.
    pub ends: Vec<EndChoice>,
    /// For each thing asked, what may differ next time.
    pub items: Vec<OfferedItem>,
    /// The agent was never allowed anything before: it gets a day at most.
    pub first_contact: bool,
}

/// One thing asked, and what may differ next time.
#[derive(Clone, Debug)]
pub struct OfferedItem {
    /// Its sentence on the card.
    pub heading: String,
    /// Field by field.
    pub choices: Vec<FieldChoices>,
}

/// Why there is no "always" for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoAlways {
    /// It only asks whether the person is there.
    OnlyPresence,
    /// It is critical.
    Critical,
    /// Its service wants a person to look each time.
    Held,
    /// Others have a say in it.
    NotAlone,
    /// The catalogue does not have it.
    NotOffered,
}

/// Whether policy has forbidden it since it was asked.
pub fn forbidden(app: &App, seen: &Seen) -> bool {
    answer::forbidden(seen.request.question(), &app.catalogue.get().catalogue)
}

/// What "always" would offer for a request, by today's catalogue.
pub fn always(app: &App, seen: &Seen) -> Result<AlwaysOffer, NoAlways> {
    let whole = Remainder::whole(&seen.request.question().asked);
    always_of(app, seen, &whole, &Before::default())
}

/// The same, around what remains of it, after what was asked before.
pub fn always_of(
    app: &App,
    seen: &Seen,
    rest: &Remainder,
    before: &Before,
) -> Result<AlwaysOffer, NoAlways> {
    let catalogue = app.catalogue.get();
    offer(&catalogue.catalogue, seen, rest, before, app.clock.now())
}

fn offer(
    catalogue: &Catalogue,
    seen: &Seen,
    rest: &Remainder,
    before: &Before,
    now: OffsetDateTime,
) -> Result<AlwaysOffer, NoAlways> {
    let asked = &seen.request.question().asked;
    if asked.items.is_empty() {
        return Err(NoAlways::OnlyPresence);
    }
    if seen.card.tier == Tier::Critical {
        return Err(NoAlways::Critical);
    }
    if asked.transaction.is_some() {
        return Err(NoAlways::Held);
    }
    let first_contact = before.is_first_contact();
    if seen.request.question().quorum.is_some() {
        return Err(NoAlways::NotAlone);
    }
    let mut ends: Option<Vec<EndChoice>> = None;
    let mut items = Vec::with_capacity(asked.items.len());
    for (at, item) in asked.items.iter().enumerate() {
        let (_, permission) = catalogue
            .permission(&item.key)
            .filter(|(_, permission)| permission.offers_always())
            .ok_or(NoAlways::NotOffered)?;
        let theirs = end_choices(permission.always, first_contact, now);
        // One end for all of it: only what each of them can have.
        ends = Some(match ends {
            None => theirs,
            Some(mut both) => {
                both.retain(|end| {
                    theirs
                        .iter()
                        .any(|other| (other.key, other.ends_at) == (end.key, end.ends_at))
                });
                both
            }
        });
        let left = rest.at(at).unwrap_or(item);
        items.push(OfferedItem {
            heading: sentence_of(left, asked, &seen.card, catalogue),
            choices: Bounds::choices(left, permission, &before.allowed),
        });
    }
    let ends = ends
        .filter(|ends| !ends.is_empty())
        .ok_or(NoAlways::NotOffered)?;
    Ok(AlwaysOffer {
        ends,
        items,
        first_contact,
    })
}
