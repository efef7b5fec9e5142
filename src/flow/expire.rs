//! Time has passed: requests nobody answered, or whose answer nobody collected, are noted as over.
//!
//! Whether a request has run out is decided by the clock at the moment of asking, never by whether
//! this has run; here it is written down, what still asks is dropped, and whoever waits is told.

use time::OffsetDateTime;
use tokio::task::JoinSet;

use super::Fault;
use super::effects::settling;
use crate::app::App;
use crate::domain::audit::{Actor, AuditEvent, Kind};
use crate::domain::ciba::approval::{ApprovalRequest, Expired, State};
use crate::domain::effect::Effect;
use crate::domain::id::ParcelId;
use crate::domain::parcel::{Parcel, ParcelKind, ParcelState};
use crate::outbox::fan_out;
use crate::store::{Commit, StoreError, StoredRequest, Write};

/// Requests of each kind looked at in one round; the writer gathers as many into one transaction.
pub const AT_ONCE: u64 = 64;

/// One round: notes what has run out by `now`. Says how many requests there were; there may be more.
pub async fn expire_due(app: &App, now: OffsetDateTime) -> Result<usize, Fault> {
    let mut under_way = JoinSet::new();
    for stored in app.store.overdue_requests(now, AT_ONCE).await? {
        if let ApprovalRequest::Expired(expired) = stored.request.clone().at(now) {
            let app = app.clone();
            under_way.spawn(async move { note(&app, &stored, expired, now).await });
        }
    }
    let count = under_way.len();
    let noted = under_way.join_all().await;
    noted.into_iter().collect::<Result<(), _>>()?;
    Ok(count)
}

/// The request as the row has it, once time has been given its say: what has run out by the clock is
/// written down before anyone is told so. A decision of the last moment that is still on its way to the
/// disk is then either first, and counts, or too late for everybody alike.
pub(super) async fn noted(app: &App, stored: StoredRequest) -> Result<StoredRequest, Fault> {
    let now = app.clock.now();
    let known = stored.request.state();
    match stored.request.clone().at(now) {
        ApprovalRequest::Expired(expired) if known != State::Expired => {
            let id = expired.question.id;
            note(app, &stored, expired, now).await?;
            Ok(app.store.request(id).await?.unwrap_or(stored))
        }
        ApprovalRequest::Pending(_)
        | ApprovalRequest::Approved(_)
        | ApprovalRequest::Denied(_)
        | ApprovalRequest::Expired(_)
        | ApprovalRequest::Cancelled(_)
        | ApprovalRequest::Redeemed(_) => Ok(stored),
    }
}

async fn note(
    app: &App,
    stored: &StoredRequest,
    expired: Expired,
    now: OffsetDateTime,
) -> Result<(), Fault> {
    let id = expired.question.id;
    let collected_too_late = expired.decision.is_some();
    let event = AuditEvent::new(now, Kind::RequestExpired, Actor::Server)
        .about(id, &expired.question.client, expired.question.user)
        .fact("answered", collected_too_late);
    let callback = callback(app, &expired, now).await?;
    let commit = Commit::of(Write::Expire(Box::new(expired)))
        .event(event)
        .parcels(callback);
    let commit = if collected_too_late {
        commit
    } else {
        let owed = [Effect::TellPersonItIsSettled(id), Effect::TellService(id)];
        settling(app, commit, stored, &owed, now).await?
    };
    match app.commit(commit).await {
        // Another instance was first, or the person was, in the last moment.
        Ok(()) | Err(StoreError::Overtaken) => {}
        Err(error) => return Err(error.into()),
    }
    app.moved_on(id);
    Ok(())
}

/// The call that tells the agent, unless it has been told how this ended.
async fn callback(
    app: &App,
    expired: &Expired,
    now: OffsetDateTime,
) -> Result<Option<Parcel>, Fault> {
    let id = ParcelId(app.entropy.id(now)?);
    let Some(parcel) = fan_out::tell_agent_of_the_end(&expired.question, now, id) else {
        return Ok(None);
    };
    let promises = app.store.parcels_of(expired.question.id).await?;
    let told = promises
        .iter()
        .any(|it| it.parcel.kind == ParcelKind::Outcome && it.state == ParcelState::Delivered);
    Ok((!told).then_some(parcel))
}

#[cfg(test)]
mod tests {
    use time::Duration;

    use super::*;
    use crate::domain::ciba::approval::State;
    use crate::flow::deliver::deliver_due;
    use crate::flow::fixture::House;

    #[tokio::test]
    async fn what_ran_out_is_noted_once_and_taken_off_the_phone_that_shows_it() {
        let house = House::build().await;
        let (shows, does_not) = (house.phone().await, house.phone().await);
        let question = house.ask(&[shows], true).await;
        deliver_due(&house.app, house.now()).await.unwrap();
        house.push_service_answers(503);
        let another = house.ask(&[does_not], false).await;
        deliver_due(&house.app, house.now()).await.unwrap();

        assert_eq!(expire_due(&house.app, house.now()).await.unwrap(), 0);
        house.app.clock.advance(Duration::minutes(10));
        assert_eq!(expire_due(&house.app, house.now()).await.unwrap(), 2);
        assert_eq!(expire_due(&house.app, house.now()).await.unwrap(), 0);

        let stored = house.app.store.request(question.id).await.unwrap().unwrap();
        assert_eq!(stored.request.state(), State::Expired);
        assert_eq!(stored.settled_at, Some(question.answer_by));
        let notices = async |id| {
            let promises = house.app.store.parcels_of(id).await.unwrap();
            let settled = promises
                .iter()
                .filter(|it| it.parcel.kind == ParcelKind::Settled);
            settled.count()
        };
        assert_eq!(notices(question.id).await, 1);
        assert_eq!(notices(another.id).await, 0);
        let dropped = house.app.store.parcels_of(another.id).await.unwrap();
        assert_eq!(dropped[0].state, ParcelState::Dropped);
        let history = house.history().await;
        let noted = history.iter().filter(|kind| *kind == "request.expired");
        assert_eq!(noted.count(), 2);
    }
}
