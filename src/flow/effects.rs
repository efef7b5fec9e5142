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
/// the devices that show it.
pub(super) async fn promises(
    app: &App,
    question: &Question,
    effects: &[Effect],
    now: OffsetDateTime,
) -> Result<Vec<Parcel>, Fault> {
    if !effects.contains(&Effect::TellPersonItIsSettled(question.id)) {
        return Ok(Vec::new());
    }
    let shown_on = progress::shown_on(&app.store.parcels_of(question.id).await?);
    settled_notices(app, question, &shown_on, now)
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
            Effect::TellPerson(_) | Effect::TellPersonItIsSettled(_) => app.outbox.ring(),
            Effect::WakePolls(id) => app.signal.settled(*id),
        }
    }
}
