//! A service parks an action, and may have the person asked at once.

use time::OffsetDateTime;

use super::Held;
use super::status::{Status, describe};
use crate::app::{App, Reachable};
use crate::domain::action::json::digest;
use crate::domain::audit::{Actor, AuditEvent, Kind};
use crate::domain::ciba::refusal::Refusal;
use crate::domain::ciba::request::AuthenticationRequest;
use crate::domain::client::authentication::Authenticated;
use crate::domain::held::HeldTransaction;
use crate::domain::held::parking::{self, Parking, Terms, may_park};
use crate::domain::id::TransactionId;
use crate::flow::ask::{Asked, Envelope, within_rates};
use crate::flow::collect::key_hash;
use crate::flow::{Fault, Unserved, hinted, pause, watch};
use crate::store::{Commit, NewTransaction, StoreError, Write};

/// Actions a service may have parked that nobody has been asked about.
const MOST_HELD: u64 = 1_000;

/// What a service sends.
#[derive(Debug)]
pub struct Sent<'a> {
    /// The body.
    pub body: &'a [u8],
    /// The `Idempotency-Key` header.
    pub idempotency_key: Option<&'a str>,
    /// The peer's address.
    pub from: Option<String>,
}

/// Parks it. With the same key and body, it is the one parked before.
pub async fn park(app: &App, by: &Authenticated, sent: Sent<'_>) -> Result<Status, Unserved> {
    // Boxed: what is asked on the way is large.
    let parking = Box::pin(park_within_rates(app, by, sent));
    within_rates(app, &by.client().id, parking).await
}

async fn park_within_rates(
    app: &App,
    by: &Authenticated,
    sent: Sent<'_>,
) -> Result<Status, Unserved> {
    may_park(by.client())?;
    let key = key_hash(sent.idempotency_key)?;
    let key = key.map(|key| (key, digest(&String::from_utf8_lossy(sent.body))));
    if let Some(earlier) = parked_before(app, by, key).await? {
        return Ok(earlier);
    }
    let parking = read(app, by, sent.body).await?;
    let person = match &parking.person {
        Some(hint) => {
            let hint = hinted::opened(app, hint.clone()).await?;
            let found = app.people.find(&app.store, &hint).await?;
            let found = found.filter(|person| person.user.active);
            Some(found.ok_or(Refusal::UnknownUserId)?)
        }
        None => None,
    };
    let now = app.clock.now();
    let service = &by.client().id;
    if app.store.held_count(service, now, MOST_HELD).await? >= MOST_HELD {
        let retry_after = time::Duration::seconds(60);
        return Err(Refusal::TooMany { retry_after }.into());
    }
    let id = TransactionId(app.entropy.id(now)?);
    let held = HeldTransaction {
        id,
        service: service.clone(),
        asked: crate::domain::action::Asked {
            transaction: Some(id),
            ..parking.asked.clone()
        },
        person: person.as_ref().map(|person| person.user.id),
        agent: parking.agent.clone(),
        webhook: parking.webhook.clone(),
        created_at: now,
        expires_at: now + parking.lifetime,
        request: None,
        ended: None,
    };
    let commit = commit(&held, key, sent.from.clone(), now);
    let committed = match person.filter(|_| parking.ask) {
        Some(person) => ask(app, by, &held, &person, &parking, sent.from, commit).await,
        None => app.store.commit(commit).await.map_err(Unserved::from),
    };
    match committed {
        Ok(()) => {}
        Err(Unserved::Failed(Fault::Store(StoreError::Overtaken))) => {
            let earlier = parked_before(app, by, key).await?;
            return earlier.ok_or(StoreError::Overtaken.into());
        }
        Err(why) => return Err(why),
    }
    let found = super::own(app, service, id).await?;
    let (held, request) = found.ok_or(StoreError::Overtaken)?;
    Ok(describe(app, &held, request.as_ref()))
}

/// Judges what was sent. What this process has not heard of may have been applied a moment ago, by another.
async fn read(app: &App, by: &Authenticated, body: &[u8]) -> Result<Parking, Unserved> {
    let judge = || {
        let current = app.catalogue.get();
        let terms = Terms {
            catalogue: &current.catalogue,
            issuer: &app.settings.public_url,
            windows: app.settings.windows,
        };
        parking::read(body, by.client(), terms)
    };
    match judge() {
        Ok(parking) => Ok(parking),
        Err(_) if watch::catalogue(app).await? => Ok(judge()?),
        Err(refusal) => Err(refusal.into()),
    }
}

/// The transaction that was parked with the same key.
async fn parked_before(
    app: &App,
    by: &Authenticated,
    key: Option<([u8; 32], [u8; 32])>,
) -> Result<Option<Status>, Unserved> {
    let Some((key, body)) = key else {
        return Ok(None);
    };
    let service = &by.client().id;
    let Some((held, sent)) = app.store.held_transaction_by_key(service, &key).await? else {
        return Ok(None);
    };
    if sent != body {
        return Err(Refusal::KeyReused.into());
    }
    let request = super::request(app, &held).await?;
    Ok(Some(describe(app, &held, request.as_ref())))
}

fn commit(
    held: &HeldTransaction,
    idempotency: Option<([u8; 32], [u8; 32])>,
    from: Option<String>,
    now: OffsetDateTime,
) -> Commit {
    let about = serde_json::to_string(&held.asked.items).unwrap_or_default();
    let event = AuditEvent::new(now, Kind::TransactionHeld, Actor::Client)
        .client(&held.service)
        .from(from)
        .fact("transaction", held.id.to_string())
        .fact("items_digest", crate::flow::ask::hex(&digest(&about)))
        .fact("expires_at", held.expires_at.unix_timestamp());
    let event = match held.person {
        Some(person) => event.user(person),
        None => event,
    };
    let new = NewTransaction {
        held: held.clone(),
        idempotency,
    };
    Commit::of(Write::ParkTransaction(Box::new(new))).event(event)
}

/// The person is asked in the service's own name. It is parked and asked about, or neither.
async fn ask(
    app: &App,
    by: &Authenticated,
    held: &HeldTransaction,
    person: &Reachable,
    parking: &Parking,
    from: Option<String>,
    commit: Commit,
) -> Result<(), Unserved> {
    // Whoever wants quiet has it from services, too.
    pause::let_through(
        app,
        &by.client().id,
        person.user.id,
        &held.asked,
        from.as_deref(),
    )
    .await?;
    let catalogue = app.catalogue.get();
    let (whom, asked) = (person.user.id, held.asked.clone());
    let request = AuthenticationRequest::unsent(whom, asked, parking.lifetime);
    let envelope = Envelope {
        from,
        ..Envelope::default()
    };
    let about = Held::new(held.clone(), by.client());
    let asked = Asked {
        by: by.client(),
        mode: by.client().mode,
        request: &request,
        person,
        catalogue: &catalogue,
        envelope: &envelope,
        key: None,
        bound_to: None,
        held: Some(&about),
        proxied: None,
    };
    // Boxed: few ask themselves.
    Box::pin(asked.open(app, None, commit)).await.map(|_| ())
}
