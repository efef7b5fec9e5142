//! One attempt: what the parcel is about is looked up, put into words, and handed to its channel.
//!
//! All of it is read now and not when it was promised, so that a request that is settled, a link that
//! is used and a person who is disabled stop what is already on its way here.

use time::{Duration, OffsetDateTime};

use super::{callback, hand_over, webhook};
use crate::app::App;
use crate::channel::asked::Asked;
use crate::channel::email::{Envelope, Letter, LetterError, approval_requested, sign_in};
use crate::channel::web_push::{Notice, Subscription, Urgency};
use crate::domain::action::{Card, Tier};
use crate::domain::ciba::approval::{ApprovalRequest, Question, State};
use crate::domain::id::{DeviceId, SignInLinkId, UserId};
use crate::domain::parcel::{Address, Delivery, Parcel, ParcelKind};
use crate::domain::user::User;
use crate::flow::sign_in::url_of;
use crate::flow::{Fault, pause, quiet_hours, together};
use crate::paths;
use crate::store::{ClaimedParcel, StoreError, StoredRequest};

/// How soon a notice that a pause holds back is looked at again.
const LOOK_AGAIN: Duration = Duration::seconds(30);

/// What came of looking a parcel up.
pub(super) enum Attempt {
    /// It was handed over, or could not be.
    Made(Delivery),
    /// Its time has passed.
    TooLate,
    /// Nothing is said before then, and why.
    Held(OffsetDateTime, &'static str),
    /// What it is about is over.
    NotNeeded,
}

impl Attempt {
    pub(super) fn refused(why: &str) -> Self {
        Self::Made(Delivery::refused(why))
    }
}

/// Tries once.
pub(super) async fn attempt(app: &App, claimed: &mut ClaimedParcel) -> Result<Attempt, Fault> {
    let now = app.clock.now();
    let parcel = &claimed.parcel;
    let attempt = match parcel.kind {
        ParcelKind::Outcome => return hand_over::hand_over(app, claimed, now).await,
        ParcelKind::Asked => match request(app, parcel).await? {
            Some(stored) => asked(app, parcel, &stored, now).await,
            None => Ok(Attempt::NotNeeded),
        },
        ParcelKind::Settled => match request(app, parcel).await? {
            Some(stored) if now < parcel.worthless_after => {
                settled(app, parcel, stored.request.at(now), now).await
            }
            Some(_) | None => Ok(Attempt::NotNeeded),
        },
        ParcelKind::RuleUsed => match request(app, parcel).await? {
            Some(stored) => rule_used(app, parcel, &stored, now).await,
            None => Ok(Attempt::NotNeeded),
        },
        ParcelKind::SignIn(link) => signing_in(app, parcel, link, now).await,
        ParcelKind::Ping => callback::ping(app, parcel, now).await,
        ParcelKind::Webhook => return webhook::webhook(app, parcel, now).await,
    };
    Ok(attempt?)
}

/// The request a parcel is about.
pub(super) async fn request(
    app: &App,
    parcel: &Parcel,
) -> Result<Option<StoredRequest>, StoreError> {
    match parcel.request {
        Some(id) => app.store.request(id).await,
        None => Ok(None),
    }
}

async fn asked(
    app: &App,
    parcel: &Parcel,
    stored: &StoredRequest,
    now: OffsetDateTime,
) -> Result<Attempt, StoreError> {
    let question = stored.request.question();
    let waits = stored.request.state() == State::Pending && now < question.answer_by;
    if !waits {
        return Ok(Attempt::NotNeeded);
    }
    if now >= parcel.worthless_after {
        return Ok(Attempt::TooLate);
    }
    if together::has_answered(app, question, parcel.user).await? {
        return Ok(Attempt::NotNeeded);
    }
    let Some(user) = active_user(app, parcel).await? else {
        return Ok(Attempt::refused("the person is disabled"));
    };
    let client = app.clients.find(&app.store, &question.client).await?;
    if !client.is_some_and(|client| client.active) {
        return Ok(Attempt::refused("the agent is disabled"));
    }
    if let Some(pause) = pause::keeping_quiet(app, question, parcel.user, now).await? {
        // It may be ended at any moment.
        let soon = now + LOOK_AGAIN;
        let until = pause.ends_at.map_or(soon, |end| end.min(soon));
        return Ok(Attempt::Held(until, "paused"));
    }
    let hours = quiet_hours::of(app, parcel.user).await?;
    if let Some(until) = quiet_hours::hold(app, hours.as_ref(), question, now) {
        return Ok(if until < parcel.worthless_after {
            Attempt::Held(until, "quiet hours")
        } else {
            Attempt::NotNeeded
        });
    }
    if quiet_hours::is_told_of_already(app, stored, now).await? {
        return Ok(Attempt::NotNeeded);
    }
    let Some(words) = words(app, stored, question) else {
        return Ok(Attempt::refused("what is asked cannot be read"));
    };
    match parcel.address {
        Address::WebPush(device) => {
            let badge = waiting(app, question, parcel.user, now).await?;
            let urgency = urgency(question.tier);
            let notice = Notice::asking(&words, tag(question), urgency, badge, now);
            push(app, device, &notice, question.answer_by - now, now).await
        }
        Address::Email => {
            let id = parcel.id.to_string();
            let letter = approval_requested(&words, envelope(parcel, &user, &id));
            Ok(post(app, letter).await)
        }
        Address::Callback => Ok(Attempt::refused("an agent is not asked what it asks")),
    }
}

/// The notice of something that is over takes the place of the question.
async fn settled(
    app: &App,
    parcel: &Parcel,
    request: ApprovalRequest,
    now: OffsetDateTime,
) -> Result<Attempt, StoreError> {
    let how = match (request.state(), request.decision()) {
        (State::Pending, _) => {
            if !together::has_answered(app, request.question(), parcel.user).await? {
                return Ok(Attempt::NotNeeded);
            }
            "Answered"
        }
        (State::Cancelled, _) if superseded(&request) => "Answered",
        (State::Cancelled, _) => "Withdrawn by the agent",
        (State::Expired, None) => "Ended without an answer",
        (State::Approved | State::Denied | State::Redeemed, _) | (State::Expired, Some(_)) => {
            "Answered"
        }
    };
    let Address::WebPush(device) = parcel.address else {
        return Ok(Attempt::NotNeeded);
    };
    let question = request.question();
    let badge = waiting(app, question, parcel.user, now).await?;
    let notice = Notice::settled(how, tag(question), page(app, question), badge);
    push(app, device, &notice, parcel.worthless_after - now, now).await
}

/// A rule has answered for the first time: said once, and silently.
async fn rule_used(
    app: &App,
    parcel: &Parcel,
    stored: &StoredRequest,
    now: OffsetDateTime,
) -> Result<Attempt, StoreError> {
    if now >= parcel.worthless_after {
        return Ok(Attempt::TooLate);
    }
    let Address::WebPush(device) = parcel.address else {
        return Ok(Attempt::NotNeeded);
    };
    if active_user(app, parcel).await?.is_none() {
        return Ok(Attempt::refused("the person is disabled"));
    }
    let question = stored.request.question();
    let hours = quiet_hours::of(app, parcel.user).await?;
    if let Some(until) = hours.and_then(|it| it.until(now)) {
        return Ok(Attempt::Held(until, "quiet hours"));
    }
    let Some(words) = words(app, stored, question) else {
        return Ok(Attempt::refused("what is asked cannot be read"));
    };
    let badge = waiting(app, question, parcel.user, now).await?;
    let notice = Notice::rule_used(&words, tag(question), badge);
    push(app, device, &notice, parcel.worthless_after - now, now).await
}

/// Whether the same question was answered where it was asked another time.
fn superseded(request: &ApprovalRequest) -> bool {
    matches!(request, ApprovalRequest::Cancelled(it) if it.by.superseded_by().is_some())
}

async fn signing_in(
    app: &App,
    parcel: &Parcel,
    link: SignInLinkId,
    now: OffsetDateTime,
) -> Result<Attempt, StoreError> {
    let stored = app.store.sign_in_link(link).await?;
    let Some(stored) = stored.filter(|stored| stored.used_at.is_none()) else {
        return Ok(Attempt::NotNeeded);
    };
    if now >= stored.expires_at || now >= parcel.worthless_after {
        return Ok(Attempt::TooLate);
    }
    let Some(user) = active_user(app, parcel).await? else {
        return Ok(Attempt::NotNeeded);
    };
    if parcel.address != Address::Email {
        return Ok(Attempt::refused("a sign-in link goes by letter only"));
    }
    let url = url_of(app, link);
    let id = parcel.id.to_string();
    let letter = sign_in(
        &app.settings.name,
        &url,
        stored.expires_at,
        envelope(parcel, &user, &id),
    );
    Ok(post(app, letter).await)
}

pub(super) async fn active_user(app: &App, parcel: &Parcel) -> Result<Option<User>, StoreError> {
    let user = app.store.user(parcel.user).await?;
    Ok(user.filter(|user| user.active))
}

/// How many requests wait for the person.
async fn waiting(
    app: &App,
    question: &Question,
    person: UserId,
    now: OffsetDateTime,
) -> Result<u32, StoreError> {
    let store = &app.store;
    let (alone, _) = store.waiting_count(person, &question.client, now).await?;
    let together = store.waiting_together_count(person, now).await?;
    Ok(u32::try_from(alone + together).unwrap_or(u32::MAX))
}

/// What a bystander may know of it; none if the stored card is no card.
fn words(app: &App, stored: &StoredRequest, question: &Question) -> Option<Asked> {
    let card: Card = serde_json::from_str(&stored.card).ok()?;
    Some(Asked {
        server: app.settings.name.clone(),
        agent: card.agent.called(),
        heading: (question.tier < Tier::High).then_some(card.heading),
        answer_by: question.answer_by,
        match_code: stored.match_code.clone(),
        link: page(app, question),
    })
}

fn page(app: &App, question: &Question) -> String {
    format!("{}{}", app.settings.public_url, paths::request(question.id))
}

/// By which a notification replaces an earlier one about the same request.
fn tag(question: &Question) -> String {
    format!("r-{}", question.id)
}

fn urgency(tier: Tier) -> Urgency {
    match tier {
        Tier::Trace | Tier::Low => Urgency::Normal,
        Tier::Normal | Tier::High | Tier::Critical => Urgency::High,
    }
}

async fn push(
    app: &App,
    to: DeviceId,
    notice: &Notice,
    ttl: Duration,
    now: OffsetDateTime,
) -> Result<Attempt, StoreError> {
    let found = app.store.device(to).await?;
    let Some((device, sealed)) = found.filter(|(device, _)| device.retired_at.is_none()) else {
        return Ok(Attempt::refused("the device was removed"));
    };
    let opened = app
        .secrets
        .subscriptions
        .open(&sealed, device.id.0.as_bytes());
    let Ok(subscription) = opened.map(|json| Subscription::from_stored(&json)) else {
        return Ok(Attempt::refused(
            "the device's subscription does not open with this master key",
        ));
    };
    let Ok(subscription) = subscription else {
        return Ok(Attempt::refused("the device's subscription cannot be read"));
    };
    let web_push = &app.channels.web_push;
    Ok(Attempt::Made(
        web_push.deliver(&subscription, notice, ttl, now).await,
    ))
}

fn envelope<'a>(parcel: &Parcel, user: &'a User, id: &'a str) -> Envelope<'a> {
    Envelope {
        to: &user.email,
        date: parcel.created_at,
        id,
    }
}

async fn post(app: &App, letter: Result<Letter, LetterError>) -> Attempt {
    match letter {
        Ok(letter) => Attempt::Made(app.channels.mailer.send(&letter).await),
        Err(error) => Attempt::Made(Delivery::refused(error.to_string())),
    }
}
