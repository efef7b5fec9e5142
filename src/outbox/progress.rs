//! How far telling the person has come, and telling the agent, as the agent that asked may know it.
//!
//! An agent that waits for somebody who cannot be reached must learn so at once, not when the answer
//! window closes. Which devices a person has is not told: one line a channel.

use serde::Serialize;
use time::OffsetDateTime;

use crate::domain::ciba::approval::{ApprovalRequest, State};
use crate::domain::consent::attention::Silence;
use crate::domain::id::{DeviceId, UserId};
use crate::domain::parcel::{Address, Channel, ParcelKind, ParcelState, Promise};
use crate::domain::retention::KEPT;

/// How far telling the person has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// One line for each channel that was promised something.
    pub channels: Vec<ChannelProgress>,
    /// Nobody was reached and nothing is left to try.
    pub unreachable: bool,
}

/// How far one channel has come: as far as the luckiest of its addresses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChannelProgress {
    /// Which; `inbox` for the person's page, when nothing else was promised.
    pub channel: &'static str,
    /// How far; `silent` on the person's page.
    pub state: &'static str,
    /// How often it was tried.
    pub attempts: u32,
    /// What went wrong last; absent once it was delivered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// When it was delivered or given up.
    #[serde(
        with = "time::serde::rfc3339::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub at: Option<OffsetDateTime>,
}

impl Progress {
    /// Of a request and what was promised for it. Somebody who has answered was reached, what is dropped
    /// was not needed any more, and of what is forgotten nothing is said.
    pub fn of(
        request: &ApprovalRequest,
        promises: &[Promise],
        silence: Option<Silence>,
        now: OffsetDateTime,
    ) -> Self {
        let forgotten = promises.is_empty() && now - request.question().answer_by >= KEPT;
        let unanswered = match request.state() {
            State::Pending | State::Cancelled => true,
            State::Expired => request.decision().is_none(),
            State::Approved | State::Denied | State::Redeemed => false,
        };
        Self {
            channels: silence
                .map(|why| ChannelProgress::silent(why, request.question().opened_at))
                .into_iter()
                .chain(
                    Channel::ALL
                        .into_iter()
                        .filter_map(|channel| ChannelProgress::of(channel, promises)),
                )
                .collect(),
            unreachable: unanswered
                && !forgotten
                && (silence.is_none() || !promises.is_empty())
                && nobody_reached(promises),
        }
    }
}

impl ChannelProgress {
    fn silent(why: Silence, at: OffsetDateTime) -> Self {
        Self {
            channel: "inbox",
            state: "silent",
            attempts: 0,
            why: Some(why.as_str().to_owned()),
            at: Some(at),
        }
    }

    fn of(channel: Channel, promises: &[Promise]) -> Option<Self> {
        let luckiest = promises
            .iter()
            .filter(|promise| is_shown(promise.parcel.kind))
            .filter(|promise| promise.parcel.address.way() == channel)
            .max_by_key(|promise| luck(promise.state))?;
        Some(Self {
            channel: channel.as_str(),
            state: luckiest.state.as_str(),
            attempts: luckiest.attempts,
            why: luckiest.why.clone(),
            at: luckiest.settled_at,
        })
    }
}

/// Whether nobody was reached and nothing is left to try.
pub fn nobody_reached(promises: &[Promise]) -> bool {
    asked(promises).all(|promise| promise.state == ParcelState::Failed)
}

/// Whether the letter is all that is left to try, and was not tried yet.
pub fn only_letter_left(promises: &[Promise]) -> bool {
    let mut left = asked(promises).filter(|promise| promise.state != ParcelState::Failed);
    left.next().is_some_and(|promise| {
        promise.parcel.address == Address::Email
            && promise.state == ParcelState::Waiting
            && promise.attempts == 0
    }) && left.next().is_none()
}

/// The devices that may show the question, each with its person.
pub fn shown_on(promises: &[Promise]) -> Vec<(UserId, DeviceId)> {
    asked(promises)
        .filter(|promise| promise.state == ParcelState::Delivered)
        .filter_map(|promise| match promise.parcel.address {
            Address::WebPush(device) => Some((promise.parcel.user, device)),
            Address::Email | Address::Callback => None,
        })
        .collect()
}

/// Whether the agent may know of it: it is about the question, or the answer to it.
fn is_shown(kind: ParcelKind) -> bool {
    match kind {
        ParcelKind::Asked | ParcelKind::Ping | ParcelKind::Outcome => true,
        ParcelKind::Settled
        | ParcelKind::RuleUsed
        | ParcelKind::SignIn(_)
        | ParcelKind::Webhook => false,
    }
}

fn asked(promises: &[Promise]) -> impl Iterator<Item = &Promise> {
    promises
        .iter()
        .filter(|promise| promise.parcel.kind == ParcelKind::Asked)
}

fn luck(state: ParcelState) -> u8 {
    match state {
        ParcelState::Failed => 0,
        ParcelState::Dropped => 1,
        ParcelState::Waiting => 2,
        ParcelState::Delivered => 3,
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::domain::id::{ParcelId, RequestId};
    use crate::domain::parcel::Parcel;

    const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    fn promise(id: u128, address: Address, state: ParcelState) -> Promise {
        let settled = state != ParcelState::Waiting;
        Promise {
            parcel: Parcel {
                id: ParcelId(Uuid::from_u128(id)),
                request: Some(RequestId(Uuid::from_u128(1))),
                user: UserId(Uuid::from_u128(1)),
                kind: ParcelKind::Asked,
                address,
                created_at: NOW,
                due_at: NOW,
                worthless_after: NOW,
            },
            state,
            attempts: u32::try_from(id).unwrap(),
            why: (state == ParcelState::Failed).then(|| "no".to_owned()),
            settled_at: settled.then_some(NOW),
        }
    }

    fn phone(id: u128) -> Address {
        Address::WebPush(DeviceId(Uuid::from_u128(id)))
    }

    #[test]
    fn a_channel_has_come_as_far_as_its_luckiest_address() {
        let promises = [
            promise(1, phone(1), ParcelState::Failed),
            promise(2, phone(2), ParcelState::Delivered),
            promise(3, Address::Email, ParcelState::Waiting),
        ];
        let line = |channel| ChannelProgress::of(channel, &promises).unwrap();
        assert_eq!(
            serde_json::to_value(line(Channel::WebPush)).unwrap(),
            serde_json::json!({
                "channel": "web_push", "state": "delivered", "attempts": 2,
                "at": "1970-01-01T00:00:00Z",
            })
        );
        assert_eq!(
            serde_json::to_value(line(Channel::Email)).unwrap(),
            serde_json::json!({"channel": "email", "state": "waiting", "attempts": 3})
        );
        let maya = UserId(Uuid::from_u128(1));
        assert_eq!(shown_on(&promises), [(maya, DeviceId(Uuid::from_u128(2)))]);
    }

    #[test]
    fn nobody_is_reached_when_everything_has_failed_or_there_was_nothing() {
        let mut promises = vec![
            promise(1, phone(1), ParcelState::Failed),
            promise(2, Address::Email, ParcelState::Failed),
        ];
        assert!(nobody_reached(&[]) && nobody_reached(&promises));
        for state in [
            ParcelState::Waiting,
            ParcelState::Delivered,
            ParcelState::Dropped,
        ] {
            promises.push(promise(3, phone(3), state));
            assert!(!nobody_reached(&promises), "{state:?}");
            promises.pop();
        }
    }
}
