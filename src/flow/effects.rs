//! What a step obliges us to do, carried out: promises go into the commit, wake-ups follow it.

use time::OffsetDateTime;

use crate::app::App;
use crate::domain::ciba::approval::Question;
use crate::domain::effect::Effect;
use crate::domain::id::{DeviceId, ParcelId, UserId};
use crate::domain::parcel::Parcel;
use crate::flow::Fault;
use crate::outbox::{fan_out, progress};
use crate::store::{Commit, StoredRequest, Write};

/// What belongs in the commit that settles a question: what still waits to be told is dropped, the notice
/// is replaced on the devices that show it, and the agent is called if its mode has it so.
pub(super) async fn settling(
    app: &App,
    mut commit: Commit,
    stored: &StoredRequest,
    effects: &[Effect],
    now: OffsetDateTime,
) -> Result<Commit, Fault> {
    let question = stored.request.question();
    for effect in effects {
        commit = match effect {
            Effect::TellPersonItIsSettled(_) if stored.nobody_told => commit,
            Effect::TellPersonItIsSettled(id) => {
                let shown_on = progress::shown_on(&app.store.parcels_of(*id).await?);
                let notices = settled_notices(app, question, &shown_on, now)?;
                commit.and(Write::DropParcels(*id, now)).parcels(notices)
            }
            Effect::TellAgent(_) => commit.parcels(callback(app, question, now, now)?),
            Effect::TellService(_) => commit.parcels(webhook(app, question, now).await?),
            Effect::TellPerson(_) | Effect::WakePolls(_) => commit,
        };
    }
    Ok(commit)
}

/// The call that tells the agent, from `due_at` on.
pub(super) fn callback(
    app: &App,
    question: &Question,
    now: OffsetDateTime,
    due_at: OffsetDateTime,
) -> Result<Option<Parcel>, Fault> {
    let id = ParcelId(app.entropy.id(now)?);
    Ok(fan_out::tell_agent(question, now, due_at, id))
}

/// One notice for each device of a person: a rule of theirs was used for the first time.
pub(super) fn rule_used_notices(
    app: &App,
    question: &Question,
    devices: &[DeviceId],
    now: OffsetDateTime,
) -> Result<Vec<Parcel>, Fault> {
    let ids = one_each(app, devices, now)?;
    Ok(fan_out::tell_rule_used(question, devices, now, ids))
}

fn one_each<T>(app: &App, devices: &[T], now: OffsetDateTime) -> Result<Vec<ParcelId>, Fault> {
    let ids = devices
        .iter()
        .map(|_| app.entropy.id(now).map(ParcelId))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(ids)
}

/// The call that tells the service whose parked action it is about, if it wants to be called.
pub(super) async fn webhook(
    app: &App,
    question: &Question,
    now: OffsetDateTime,
) -> Result<Option<Parcel>, Fault> {
    let held = match question.asked.transaction {
        Some(id) => app.store.held_transaction(id).await?,
        None => None,
    };
    if held.is_none_or(|held| held.webhook.is_none()) {
        return Ok(None);
    }
    let id = ParcelId(app.entropy.id(now)?);
    Ok(Some(fan_out::tell_service(question, now, id)))
}

/// One notice for each device that shows a question: it is settled.
pub(super) fn settled_notices(
    app: &App,
    question: &Question,
    devices: &[(UserId, DeviceId)],
    now: OffsetDateTime,
) -> Result<Vec<Parcel>, Fault> {
    let ids = one_each(app, devices, now)?;
    Ok(fan_out::tell_settled(question, devices, now, ids))
}

/// What a committed step sets in motion in this process.
pub(super) fn carry_out(app: &App, effects: &[Effect]) {
    for effect in effects {
        match effect {
            // Promised in the commit.
            Effect::TellPerson(_)
            | Effect::TellPersonItIsSettled(_)
            | Effect::TellAgent(_)
            | Effect::TellService(_) => {}
            Effect::WakePolls(id) => app.signal.settled(*id),
        }
    }
}
