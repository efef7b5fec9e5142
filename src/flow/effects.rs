//! What a step obliges us to do, carried out: promises go into the commit, wake-ups follow it.

use time::OffsetDateTime;

use crate::app::App;
use crate::domain::ciba::approval::Question;
use crate::domain::effect::Effect;
use crate::domain::id::{DeviceId, ParcelId};
use crate::domain::parcel::Parcel;
use crate::flow::Fault;
use crate::outbox::{fan_out, progress};

/// The promises that belong in the commit of a step that settles a question: its notice is replaced on
/// the devices that show it, and the agent is called if its mode has it so.
pub(super) async fn promises(
    app: &App,
    question: &Question,
    effects: &[Effect],
    now: OffsetDateTime,
) -> Result<Vec<Parcel>, Fault> {
    let mut parcels = Vec::new();
    for effect in effects {
        match effect {
            Effect::TellPersonItIsSettled(id) => {
                let shown_on = progress::shown_on(&app.store.parcels_of(*id).await?);
                parcels.append(&mut settled_notices(app, question, &shown_on, now)?);
            }
            Effect::TellAgent(_) => parcels.extend(callback(app, question, now, now)?),
            Effect::TellPerson(_) | Effect::WakePolls(_) => {}
        }
    }
    Ok(parcels)
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

/// One notice for each device that shows a question: it is settled.
pub(super) fn settled_notices(
    app: &App,
    question: &Question,
    devices: &[DeviceId],
    now: OffsetDateTime,
) -> Result<Vec<Parcel>, Fault> {
    let ids = devices
        .iter()
        .map(|_| app.entropy.id(now).map(ParcelId))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(fan_out::tell_settled(question, devices, now, ids))
}

/// What a committed step sets in motion in this process.
pub(super) fn carry_out(app: &App, effects: &[Effect]) {
    for effect in effects {
        match effect {
            Effect::TellPerson(_) | Effect::TellPersonItIsSettled(_) | Effect::TellAgent(_) => {
                app.outbox.ring();
            }
            Effect::WakePolls(id) => app.signal.settled(*id),
        }
    }
}
