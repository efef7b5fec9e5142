//! Claims: who has a parcel, and until when.

use time::macros::datetime;
use uuid::Uuid;

use super::*;
use crate::domain::id::{ParcelId, UserId};
use crate::domain::parcel::{Address, Channel, Fate, Parcel, ParcelKind};
use crate::domain::user::User;

const NOW: time::OffsetDateTime = datetime!(2026-11-22 09:00 UTC);

/// A database of its own, gone at the end.
struct Disk(std::path::PathBuf);

impl Disk {
    async fn with_parcels(name: &str, how_many: u128) -> (Self, Store) {
        let dir = std::env::temp_dir().join(format!("cs-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let store = Store::open(&format!("sqlite://{}/db.sqlite", dir.display()))
            .await
            .unwrap();
        let user = User {
            id: UserId(Uuid::from_u128(1)),
            email: "maya@example.com".into(),
            username: None,
            name: "Maya".into(),
            active: true,
            created_at: NOW,
        };
        let parcels = (0..how_many).map(|n| Parcel {
            id: ParcelId(Uuid::from_u128(n)),
            request: None,
            user: user.id,
            kind: ParcelKind::Asked,
            address: Address::Email,
            created_at: NOW,
            due_at: NOW,
            worthless_after: NOW + time::Duration::HOUR,
        });
        let commit = Commit::default().parcels(parcels.collect::<Vec<_>>());
        let add = Commit::of(Write::AddUser(Box::new(user)));
        store.commit(add).await.unwrap();
        store.commit(commit).await.unwrap();
        (Self(dir), store)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

async fn claim(
    store: &Store,
    by: u8,
    now: time::OffsetDateTime,
    at_most: u64,
) -> Vec<ClaimedParcel> {
    let claim = ClaimParcels {
        channel: Channel::Email,
        lease: [by; 16],
        now,
        at_most,
    };
    store.claim_parcels(claim).await.unwrap()
}

fn settle(parcel: &ClaimedParcel) -> Commit {
    Commit::of(Write::SettleParcel(Box::new(SettledParcel {
        id: parcel.parcel.id,
        lease: parcel.lease,
        fate: Fate::Delivered,
        at: NOW,
    })))
}

#[tokio::test]
async fn two_claimers_never_get_the_same_parcel() {
    let (_disk, store) = Disk::with_parcels("claims", 50).await;
    let rounds = (0..10).map(|by| {
        let store = store.clone();
        async move { claim(&store, by, NOW, 7).await }
    });
    let mut claimers = tokio::task::JoinSet::new();
    rounds.for_each(|round| drop(claimers.spawn(round)));
    let mut got: Vec<_> = claimers
        .join_all()
        .await
        .into_iter()
        .inspect(|claimed| assert!(claimed.len() <= 7))
        .flatten()
        .map(|claimed| claimed.parcel.id)
        .collect();
    assert_eq!(got.len(), 50);
    got.sort();
    got.dedup();
    assert_eq!(got.len(), 50);
    assert!(claim(&store, 99, NOW, 7).await.is_empty());
}

#[tokio::test]
async fn a_parcel_of_a_lost_lease_is_settled_by_its_new_owner_only() {
    let (_disk, store) = Disk::with_parcels("lease", 1).await;
    let lost = claim(&store, 1, NOW, 1).await.remove(0);
    let later = NOW + time::Duration::seconds(60);
    assert!(
        claim(&store, 2, later - time::Duration::SECOND, 1)
            .await
            .is_empty()
    );
    let owned = claim(&store, 2, later, 1).await.remove(0);
    let refused = store.commit(settle(&lost)).await;
    assert!(matches!(refused, Err(StoreError::Overtaken)));
    store.commit(settle(&owned)).await.unwrap();
    let again = store.commit(settle(&owned)).await;
    assert!(matches!(again, Err(StoreError::Overtaken)));
}

#[tokio::test]
async fn a_claim_takes_what_is_due_on_its_channel() {
    let (_disk, store) = Disk::with_parcels("due", 1).await;
    let due = |channel, by| store.next_parcel_due(channel, by);
    assert_eq!(due(Channel::Email, NOW).await.unwrap(), Some(NOW));
    assert_eq!(due(Channel::WebPush, NOW).await.unwrap(), None);
    let before = NOW - time::Duration::SECOND;
    assert_eq!(due(Channel::Email, before).await.unwrap(), None);
    assert!(claim(&store, 1, before, 1).await.is_empty());
    let mut push = ClaimParcels {
        channel: Channel::WebPush,
        lease: [2; 16],
        now: NOW,
        at_most: 1,
    };
    assert!(store.claim_parcels(push).await.unwrap().is_empty());
    push.channel = Channel::Email;
    assert_eq!(store.claim_parcels(push).await.unwrap().len(), 1);
}
