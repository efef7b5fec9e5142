//! An effect becomes one parcel an address.

use time::OffsetDateTime;

use crate::domain::ciba::approval::Question;
use crate::domain::id::{DeviceId, ParcelId};
use crate::domain::parcel::{Address, Parcel, ParcelKind};

/// The person is told on every device at once, and by letter.
///
/// `ids` must hold one id more than there are devices; what has no id is not promised.
pub fn tell_person(
    question: &Question,
    devices: &[DeviceId],
    by_letter: bool,
    ids: impl IntoIterator<Item = ParcelId>,
) -> Vec<Parcel> {
    let addresses = devices
        .iter()
        .map(|device| Address::WebPush(*device))
        .chain(by_letter.then_some(Address::Email));
    let worthless_after = question.answer_by;
    addresses
        .zip(ids)
        .map(|(address, id)| {
            parcel(
                id,
                question,
                ParcelKind::Asked,
                address,
                question.opened_at,
                worthless_after,
            )
        })
        .collect()
}

/// The notification is replaced on every device that may show it.
pub fn tell_settled(
    question: &Question,
    devices: &[DeviceId],
    now: OffsetDateTime,
    ids: impl IntoIterator<Item = ParcelId>,
) -> Vec<Parcel> {
    let worthless_after = now + time::Duration::hours(1);
    devices
        .iter()
        .zip(ids)
        .map(|(device, id)| {
            parcel(
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
