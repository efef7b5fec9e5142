//! Keys of instances that share a database.

use time::macros::datetime;

use super::rotation::MARGIN;
use super::*;
use crate::app::Secrets;
use crate::app::open::{OpenError, Options, open};
use crate::channel::email::Mailer;
use crate::channel::sender::SenderOptions;
use crate::channel::web_push::VapidContact;
use crate::config::Settings;
use crate::domain::token::access::PLAIN_LIFETIME;
use crate::domain::token::master_key::MasterKey;

async fn start(database: &str, master: u8) -> Result<App, OpenError> {
    Box::pin(open(Options {
        settings: Settings::default(),
        database_url: database.to_owned().into(),
        master_key: MasterKey::new(&[master; 32]),
        sender: SenderOptions::default(),
        mailer: Mailer::Off,
        vapid_contact: VapidContact::read("mailto:ops@example.com").unwrap(),
        clock: Clock::by_hand(datetime!(2026-11-22 09:00 UTC)),
        entropy: Entropy::system(),
    }))
    .await
}

/// A database of its own, gone at the end.
struct Disk(std::path::PathBuf);

impl Disk {
    fn new(name: &str) -> (Self, String) {
        let dir = std::env::temp_dir().join(format!("cs-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let url = format!("sqlite://{}/db.sqlite", dir.display());
        (Self(dir), url)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[tokio::test]
async fn instances_that_start_together_agree_on_the_keys() {
    let (_disk, url) = Disk::new("keys");
    let store = Store::open(&url).await.unwrap();
    let beside = Store::open(&url).await.unwrap();
    let secrets = Secrets::new(&MasterKey::new(&[1; 32]));
    let (clock, entropy) = (Clock::system(), Entropy::system());
    let tools = |store| Tools {
        store,
        secrets: &secrets,
        clock: &clock,
        entropy: &entropy,
    };
    let (one, other) = tokio::join!(keyring(tools(&store)), keyring(tools(&beside)));
    assert_eq!(one.unwrap().active.public(), other.unwrap().active.public());
    let (one, other) = tokio::join!(vapid_key(tools(&store)), vapid_key(tools(&beside)));
    assert_eq!(
        one.unwrap().public_key_base64url(),
        other.unwrap().public_key_base64url()
    );
    let app = start(&url, 1).await.unwrap();
    assert_eq!(list(&app).await.unwrap().len(), 2);
}

#[tokio::test]
async fn another_master_key_opens_nothing() {
    let (_disk, url) = Disk::new("master");
    start(&url, 1).await.unwrap().store.close().await;
    let refused = start(&url, 2).await.unwrap_err();
    assert!(matches!(
        refused,
        OpenError::Keys(KeysError::DoesNotOpen(_))
    ));
}

#[tokio::test]
async fn a_rotated_key_is_published_until_nothing_it_signed_is_good() {
    let (_disk, url) = Disk::new("rotate");
    let (app, beside) = (start(&url, 1).await.unwrap(), start(&url, 1).await.unwrap());
    let rotated = rotate(&app, Algorithm::Es256).await.unwrap();
    let keyring = app.keyring.get();
    assert_eq!(keyring.active.public().kid, rotated.new);

    let now = app.clock.now();
    let replaced = rotated.replaces.unwrap();
    let published = keyring.published(now).into_iter().map(|key| key.kid);
    assert_eq!(
        published.collect::<Vec<_>>(),
        [rotated.new.clone(), replaced.kid]
    );
    assert_eq!(replaced.published_until, now + PLAIN_LIFETIME + MARGIN);
    assert_eq!(keyring.published(replaced.published_until).len(), 1);

    assert!(reload(&beside).await.unwrap());
    assert!(!reload(&beside).await.unwrap());
    assert_eq!(beside.keyring.get().active.public().kid, rotated.new);
}

#[tokio::test]
async fn instances_that_need_a_key_at_once_agree_on_it_and_others_find_it() {
    let (_disk, url) = Disk::new("needed");
    let (app, beside) = (start(&url, 1).await.unwrap(), start(&url, 1).await.unwrap());
    let third = start(&url, 1).await.unwrap();
    let of = |app: &App| {
        let keyring = app.keyring.get();
        let key = keyring.signer(Algorithm::EdDsa);
        key.map(|key| key.public().kid.clone())
    };
    assert_eq!(of(&app), None);
    assert!(matches!(
        at_hand(&third, Algorithm::EdDsa).await,
        Err(Fault::Key)
    ));
    let (one, other) = tokio::join!(
        ensure(&app, Algorithm::EdDsa),
        ensure(&beside, Algorithm::EdDsa)
    );
    one.unwrap();
    other.unwrap();
    assert!(of(&app).is_some());
    assert_eq!(of(&app), of(&beside));
    at_hand(&third, Algorithm::EdDsa).await.unwrap();
    assert_eq!(of(&third), of(&app));
    assert_eq!(list(&app).await.unwrap().len(), 3);
}

#[tokio::test]
async fn each_algorithm_is_rotated_by_itself() {
    let (_disk, url) = Disk::new("each");
    let app = start(&url, 1).await.unwrap();
    let usual = app.keyring.get().active.public().kid.clone();
    let first = rotate(&app, Algorithm::EdDsa).await.unwrap();
    assert_eq!(first.replaces, None, "there was none");
    let second = rotate(&app, Algorithm::EdDsa).await.unwrap();
    assert_eq!(second.replaces.unwrap().kid, first.new);
    let keyring = app.keyring.get();
    assert_eq!(keyring.active.public().kid, usual);
    let signer = keyring.signer(Algorithm::EdDsa).unwrap();
    assert_eq!(signer.public().kid, second.new);
    assert_eq!(keyring.published(app.clock.now()).len(), 3);
}
