//! A promise is due: keep it, and write down what came of it.
//!
//! A parcel is claimed under a lease, so that no two instances deliver it at once; an instance that
//! dies leaves it to the next when the lease ends. Nothing is delivered about a request that is
//! settled. Somebody whom nothing could reach is noted the moment that is known.

mod attempt;
mod callback;
mod hand_over;
#[cfg(test)]
mod tests;
mod webhook;

use time::OffsetDateTime;
use tokio::task::JoinSet;

use self::attempt::Attempt;
use super::Fault;
use crate::app::App;
use crate::domain::audit::{Actor, AuditEvent, Kind};
use crate::domain::ciba::approval::{ApprovalRequest, Question};
use crate::domain::id::RequestId;
use crate::domain::parcel::{Address, Channel, Delivery, Fate, Parcel, ParcelKind};
use crate::flow::effects::settled_notices;
use crate::outbox::{progress, schedule};
use crate::store::{ClaimParcels, ClaimedParcel, Commit, SettledParcel, StoreError, Write};

/// Parcels on their way at once, by one channel. Whoever does not answer holds up eight of them at most
/// for long, and then one (`channel/sender`). People's push services are few; agents have an endpoint
/// each, and a hundred dead ones leave room for the others.
pub fn at_once(channel: Channel) -> usize {
    match channel {
        Channel::WebPush | Channel::Email => 64,
        Channel::Callback => 256,
    }
}

/// One round: delivers what is due at `now` and waits for the outcomes. Says how many there were.
pub async fn deliver_due(app: &App, now: OffsetDateTime) -> Result<usize, Fault> {
    let mut under_way = JoinSet::new();
    for channel in Channel::ALL {
        if app.store.next_parcel_due(channel, now).await?.is_none() {
            continue;
        }
        for parcel in claim(app, channel, at_once(channel) as u64, now).await? {
            let app = app.clone();
            under_way.spawn(async move { keep(&app, parcel).await });
        }
    }
    let count = under_way.len();
    let kept = under_way.join_all().await;
    kept.into_iter().collect::<Result<(), _>>()?;
    Ok(count)
}

/// Claims what is due on a channel: ours until the lease ends.
pub async fn claim(
    app: &App,
    channel: Channel,
    at_most: u64,
    now: OffsetDateTime,
) -> Result<Vec<ClaimedParcel>, Fault> {
    let claim = ClaimParcels {
        channel,
        lease: app.entropy.bytes()?,
        now,
        at_most,
    };
    Ok(app.store.claim_parcels(claim).await?)
}

/// Keeps one promise, or finds out when to try again.
pub async fn keep(app: &App, mut claimed: ClaimedParcel) -> Result<(), Fault> {
    let attempt = attempt::attempt(app, &mut claimed).await?;
    let parcel = &claimed.parcel;
    let now = app.clock.now();
    let fate = match attempt {
        Attempt::NotNeeded => Fate::Dropped,
        Attempt::TooLate => Fate::TooLate,
        Attempt::Held(until, why) => Fate::Held { until, why },
        Attempt::Made(delivery) => {
            log(parcel, claimed.attempts, &delivery);
            if matches!(delivery, Delivery::Gone { .. }) {
                retire(app, parcel, now).await?;
            }
            let (attempts, random) = (claimed.attempts, app.entropy.bytes()?);
            schedule::after(delivery, attempts, now, parcel.worthless_after, random)
        }
    };
    let (fate, commit) = match parcel.kind {
        ParcelKind::Outcome => hand_over::give_up(app, parcel, fate, now).await?,
        ParcelKind::Asked
        | ParcelKind::Settled
        | ParcelKind::RuleUsed
        | ParcelKind::SignIn(_)
        | ParcelKind::Ping
        | ParcelKind::Webhook => (fate, Commit::default()),
    };
    match app
        .store
        .commit(outcome(commit, &claimed, &fate, now))
        .await
    {
        Ok(()) => lose_hope(app, parcel, &fate, now).await,
        Err(StoreError::Overtaken) => take_back(app, parcel, &fate, now).await,
        Err(error) => Err(error.into()),
    }
}

fn outcome(commit: Commit, claimed: &ClaimedParcel, fate: &Fate, now: OffsetDateTime) -> Commit {
    let commit = commit.and(Write::SettleParcel(Box::new(SettledParcel {
        id: claimed.parcel.id,
        lease: claimed.lease,
        fate: fate.clone(),
        at: now,
    })));
    match (fate, claimed.parcel.address) {
        (Fate::Delivered, Address::WebPush(device)) => {
            commit.and(Write::DeviceReached(device, now))
        }
        _ => commit,
    }
}

/// The browser is no more: nothing is promised to it again.
async fn retire(app: &App, parcel: &Parcel, now: OffsetDateTime) -> Result<(), Fault> {
    let Address::WebPush(device) = parcel.address else {
        return Ok(());
    };
    let event = AuditEvent::new(now, Kind::DeviceGone, Actor::Server)
        .user(parcel.user)
        .fact("device", device.to_string());
    let commit = Commit::of(Write::RetireDevice(device, None, "gone", now)).event(event);
    match app.store.commit(commit).await {
        Ok(()) | Err(StoreError::Overtaken) => {}
        Err(error) => return Err(error.into()),
    }
    app.people.forget(parcel.user);
    Ok(())
}

/// A way to the person came to nothing. When no other device is left, the letter need not wait; when
/// nothing is left, it is noted that nobody could be reached.
async fn lose_hope(
    app: &App,
    parcel: &Parcel,
    fate: &Fate,
    now: OffsetDateTime,
) -> Result<(), Fault> {
    let (ParcelKind::Asked, Some(request), Fate::Failed { .. }) =
        (parcel.kind, parcel.request, fate)
    else {
        return Ok(());
    };
    let promises = app.store.parcels_of(request).await?;
    if progress::only_letter_left(&promises) {
        app.store
            .commit(Commit::of(Write::HurryLetter(request, now)))
            .await?;
        app.outbox.ring();
    } else if progress::nobody_reached(&promises) {
        note_unreachable(app, request, now).await?;
    }
    Ok(())
}

async fn note_unreachable(app: &App, request: RequestId, now: OffsetDateTime) -> Result<(), Fault> {
    let Some((question, true)) = question(app, request, now).await? else {
        return Ok(());
    };
    let event = AuditEvent::new(now, Kind::RequestUnreachable, Actor::Server).about(
        request,
        &question.client,
        question.user,
    );
    let commit = Commit::of(Write::NoteUnreachable(request)).event(event);
    match app.store.commit(commit).await {
        Ok(()) => {
            tracing::warn!(approval = %request, user = %question.user, "nobody could be reached");
            Ok(())
        }
        // Two hopes ended at once, and the other one's end was noted.
        Err(StoreError::Overtaken) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// The question was settled while its notice was leaving: the notice is replaced as on every device.
async fn take_back(
    app: &App,
    parcel: &Parcel,
    fate: &Fate,
    now: OffsetDateTime,
) -> Result<(), Fault> {
    let (ParcelKind::Asked, Some(request), Fate::Delivered, Address::WebPush(device)) =
        (parcel.kind, parcel.request, fate, parcel.address)
    else {
        return Ok(());
    };
    let Some((question, false)) = question(app, request, now).await? else {
        return Ok(());
    };
    let parcels = settled_notices(app, &question, &[(parcel.user, device)], now)?;
    app.commit(Commit::default().parcels(parcels)).await?;
    Ok(())
}

/// What a request asks, and whether it still waits for an answer.
async fn question(
    app: &App,
    id: RequestId,
    now: OffsetDateTime,
) -> Result<Option<(Question, bool)>, StoreError> {
    Ok(app.store.request(id).await?.map(|stored| {
        let request = stored.request.at(now);
        let waits = matches!(request, ApprovalRequest::Pending(_));
        (request.question().clone(), waits)
    }))
}

fn log(parcel: &Parcel, attempts: u32, delivery: &Delivery) {
    let (id, channel, attempt) = (parcel.id, parcel.address.channel(), attempts + 1);
    match delivery {
        Delivery::Delivered => tracing::debug!(parcel = %id, channel, attempt, "delivered"),
        Delivery::Later { why, .. } | Delivery::Gone { why } | Delivery::Refused { why } => {
            tracing::info!(parcel = %id, channel, attempt, error = why.as_str(), "not delivered");
        }
    }
}
