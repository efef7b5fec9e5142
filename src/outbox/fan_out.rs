//! An effect becomes one parcel an address.

use time::{Duration, OffsetDateTime};

use crate::domain::ciba::approval::Question;
use crate::domain::ciba::mode::Mode;
use crate::domain::id::{DeviceId, ParcelId, UserId};
use crate::domain::parcel::{Address, Parcel, ParcelKind};

/// Someone with a phone has this long before a letter follows.
const LETTER_AFTER: Duration = Duration::seconds(60);

/// For how long a service is called: what it has parked it looks at again after a day.
const SERVICE_IS_CALLED_FOR: Duration = Duration::DAY;

/// For how long at least an agent is called to be told that time ran out.
const TOLD_OF_THE_END: Duration = Duration::minutes(5);

/// The person is told on every device at once; a letter goes at once to who has no device, and to the
/// others when they have not answered within a minute (or half the time they have).
///
/// `ids` must hold one id more than there are devices; what has no id is not promised.
pub fn tell_person(
    question: &Question,
    person: UserId,
    devices: &[DeviceId],
    by_letter: bool,
    ids: impl IntoIterator<Item = ParcelId>,
) -> Vec<Parcel> {
    let now = question.opened_at;
    let letter_at = if devices.is_empty() {
        now
    } else {
        now + LETTER_AFTER.min((question.answer_by - now) / 2)
    };
    let notices = devices
        .iter()
        .map(|device| (Address::WebPush(*device), now));
    notices
        .chain(by_letter.then_some((Address::Email, letter_at)))
        .zip(ids)
        .map(|((address, due_at), id)| Parcel {
            due_at,
            user: person,
            ..parcel(
                id,
                question,
                ParcelKind::Asked,
                address,
                now,
                question.answer_by,
            )
        })
        .collect()
}

/// The notification is replaced on every device that may show it, whosever it is.
pub fn tell_settled(
    question: &Question,
    devices: &[(UserId, DeviceId)],
    now: OffsetDateTime,
    ids: impl IntoIterator<Item = ParcelId>,
) -> Vec<Parcel> {
    let worthless_after = now + Duration::hours(1);
    devices
        .iter()
        .zip(ids)
        .map(|((person, device), id)| Parcel {
            user: *person,
            ..parcel(
                id,
                question,
                ParcelKind::Settled,
                Address::WebPush(*device),
                now,
                worthless_after,
            )
        })
        .collect()
}

/// What they always allow was used for the first time: said on every device, silently.
pub fn tell_rule_used(
    question: &Question,
    devices: &[DeviceId],
    now: OffsetDateTime,
    ids: impl IntoIterator<Item = ParcelId>,
) -> Vec<Parcel> {
    let (kind, worthless_after) = (ParcelKind::RuleUsed, now + Duration::DAY);
    let notice = |(device, id): (&DeviceId, ParcelId)| {
        let address = Address::WebPush(*device);
        parcel(id, question, kind, address, now, worthless_after)
    };
    devices.iter().zip(ids).map(notice).collect()
}

/// The agent is called from `due_at` on, if its mode has it so.
pub fn tell_agent(
    question: &Question,
    now: OffsetDateTime,
    due_at: OffsetDateTime,
    id: ParcelId,
) -> Option<Parcel> {
    let kind = match question.mode {
        Mode::Poll => return None,
        Mode::Ping => ParcelKind::Ping,
        Mode::Push => ParcelKind::Outcome,
    };
    let worthless_after = question.expires_at;
    Some(Parcel {
        due_at,
        ..parcel(id, question, kind, Address::Callback, now, worthless_after)
    })
}

/// The service whose parked action it is about is called.
pub fn tell_service(question: &Question, now: OffsetDateTime, id: ParcelId) -> Parcel {
    let worthless_after = now + SERVICE_IS_CALLED_FOR;
    let kind = ParcelKind::Webhook;
    parcel(id, question, kind, Address::Callback, now, worthless_after)
}

/// An agent that only hears what it is told is told that time ran out. The others know their end.
pub fn tell_agent_of_the_end(
    question: &Question,
    now: OffsetDateTime,
    id: ParcelId,
) -> Option<Parcel> {
    let (kind, to) = match question.mode {
        Mode::Poll | Mode::Ping => return None,
        Mode::Push => (ParcelKind::Outcome, Address::Callback),
    };
    let worthless_after = question.expires_at.max(now + TOLD_OF_THE_END);
    Some(parcel(id, question, kind, to, now, worthless_after))
}

fn parcel(
    id: ParcelId,
    question: &Question,
    kind: ParcelKind,
    address: Address,
    now: OffsetDateTime,
    worthless_after: OffsetDateTime,
) -> Parcel {
    Parcel {
        id,
        request: Some(question.id),
        user: question.user,
        kind,
        address,
        created_at: now,
        due_at: now,
        worthless_after,
    }
}
