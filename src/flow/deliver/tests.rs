//! Promises kept, broken and taken back.

use time::Duration;

use super::*;
use crate::domain::consent::assurance::Assurance;
use crate::domain::id::ParcelId;
use crate::domain::id::SignInLinkId;
use crate::domain::parcel::{ParcelState, Promise};
use crate::flow::fixture::House;
use crate::store::StoredLink;

impl House {
    async fn deliver(&self) -> usize {
        deliver_due(&self.app, self.now()).await.unwrap()
    }

    async fn promises(&self, of: &Question) -> Vec<Promise> {
        self.app.store.parcels_of(of.id).await.unwrap()
    }

    async fn states(&self, of: &Question) -> Vec<ParcelState> {
        let promises = self.promises(of).await;
        promises.iter().map(|promise| promise.state).collect()
    }

    async fn unreachable_noted(&self) -> usize {
        let history = self.history().await;
        let noted = history.iter().filter(|kind| *kind == "request.unreachable");
        noted.count()
    }
}

#[tokio::test]
async fn a_person_is_told_on_every_phone_and_by_letter() {
    let house = House::build().await;
    let phones = [house.phone().await, house.phone().await];
    let question = house.ask(&phones, true).await;
    assert_eq!(house.deliver().await, 2);
    assert_eq!(house.pushes(), 2);
    house.app.clock.advance(Duration::MINUTE);
    assert_eq!(house.deliver().await, 1);
    let letters = house.letters();
    assert_eq!(letters.len(), 1);
    assert!(letters[0].contains(&question.id.to_string()));
    assert_eq!(house.states(&question).await, [ParcelState::Delivered; 3]);
    let device = house.app.store.device(phones[0]).await.unwrap().unwrap().0;
    assert_eq!(device.last_delivered_at, Some(question.opened_at));
    assert_eq!(house.deliver().await, 0);
}

#[tokio::test]
async fn a_busy_push_service_is_asked_again_later_and_not_before() {
    let house = House::build().await;
    let phone = house.phone().await;
    let question = house.ask(&[phone], false).await;
    house.push_service_answers(503);
    assert_eq!(house.deliver().await, 1);
    let promise = house.promises(&question).await.remove(0);
    assert_eq!((promise.state, promise.attempts), (ParcelState::Waiting, 1));
    assert_eq!(
        promise.why.as_deref(),
        Some("the push service answered 503")
    );
    assert_eq!(house.deliver().await, 0);

    house.push_service_answers(201);
    house.app.clock.advance(Duration::SECOND);
    assert_eq!(house.deliver().await, 1);
    assert_eq!(house.states(&question).await, [ParcelState::Delivered]);
    assert_eq!(house.unreachable_noted().await, 0);
}

#[tokio::test]
async fn a_gone_device_is_retired_and_nobody_reached_is_noted_once() {
    let house = House::build().await;
    let phones = [house.phone().await, house.phone().await];
    let question = house.ask(&phones, false).await;
    house.push_service_answers(410);
    assert_eq!(house.deliver().await, 2);
    assert_eq!(house.states(&question).await, [ParcelState::Failed; 2]);
    assert!(
        house
            .app
            .store
            .devices(house.maya)
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(house.unreachable_noted().await, 1);
}

#[tokio::test]
async fn when_no_device_is_left_the_letter_goes_at_once_and_is_enough() {
    let house = House::build().await;
    let phone = house.phone().await;
    house.ask(&[phone], true).await;
    house.push_service_answers(410);
    assert_eq!(house.deliver().await, 1);
    assert_eq!(house.deliver().await, 1);
    assert_eq!(house.letters().len(), 1);
    assert_eq!(house.unreachable_noted().await, 0);
}

#[tokio::test]
async fn nothing_is_delivered_after_the_request_has_run_out() {
    let house = House::build().await;
    let phone = house.phone().await;
    let question = house.ask(&[phone], true).await;
    house.app.clock.advance(Duration::minutes(10));
    assert_eq!(house.deliver().await, 2);
    assert_eq!(house.states(&question).await, [ParcelState::Dropped; 2]);
    assert_eq!((house.pushes(), house.letters().len()), (0, 0));
}

#[tokio::test]
async fn nobody_who_is_disabled_is_told() {
    let house = House::build().await;
    let phone = house.phone().await;
    let question = house.ask(&[phone], true).await;
    house
        .commit(Commit::of(Write::SetUserActive(house.maya, false)))
        .await;
    while house.deliver().await > 0 {}
    assert_eq!(house.states(&question).await, [ParcelState::Failed; 2]);
    assert_eq!((house.pushes(), house.letters().len()), (0, 0));
    assert_eq!(house.unreachable_noted().await, 1);
}

#[tokio::test]
async fn a_notice_that_left_while_the_question_was_settled_is_replaced() {
    let house = House::build().await;
    let phone = house.phone().await;
    let question = house.ask(&[phone], false).await;
    let now = house.now();
    let mut claimed = claim(&house.app, Channel::WebPush, 1, now).await.unwrap();
    let claimed = claimed.remove(0);

    house.app.clock.advance(Duration::minutes(10));
    let drop = Write::DropParcels(question.id, house.now());
    house.commit(Commit::of(drop)).await;
    let (parcel, fate) = (&claimed.parcel, Fate::Delivered);
    take_back(&house.app, parcel, &fate, house.now())
        .await
        .unwrap();

    assert_eq!(house.deliver().await, 1);
    assert_eq!(house.pushes(), 1);
    let promises = house.promises(&question).await;
    let kinds: Vec<_> = promises
        .iter()
        .map(|it| (it.parcel.kind, it.state))
        .collect();
    assert_eq!(
        kinds,
        [
            (ParcelKind::Asked, ParcelState::Dropped),
            (ParcelKind::Settled, ParcelState::Delivered)
        ]
    );
}

#[tokio::test]
async fn a_sign_in_link_goes_by_letter_and_is_not_in_the_outbox() {
    let house = House::build().await;
    let link = SignInLinkId(house.id());
    let stored = StoredLink {
        id: link,
        user: house.maya,
        how: Assurance::EmailLink,
        next: None,
        created_at: house.now(),
        expires_at: house.now() + Duration::minutes(15),
        used_at: None,
    };
    let parcel = Parcel {
        id: ParcelId(house.id()),
        request: None,
        user: house.maya,
        kind: ParcelKind::SignIn(link),
        address: Address::Email,
        created_at: house.now(),
        due_at: house.now(),
        worthless_after: stored.expires_at,
    };
    let commit = Commit::of(Write::AddSignInLink(Box::new(stored)));
    house.commit(commit.parcels([parcel])).await;
    assert_eq!(house.deliver().await, 1);
    let letters = house.letters();
    let plain = letters[0].replace("=\r\n", "");
    let handle = house.app.secrets.sign_in_links.make(link.0);
    assert!(plain.contains(&format!("/signin/{handle}")), "{plain}");
}
