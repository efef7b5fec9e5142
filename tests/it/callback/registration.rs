//! What an agent that is called must register (CIBA §4).

use countersign::channel::sender::SenderOptions;
use countersign::domain::ciba::GRANT_TYPE;
use countersign::domain::ciba::mode::Mode;
use countersign::domain::client::delivery::BadDelivery;
use countersign::flow::register::{NewClient, RegisterError, add_client};

use crate::world::receiver::called;
use crate::world::{Customs, World};

const ENDPOINT: &str = "https://agent.example.com/ciba/told";

async fn refused(world: &World, new: NewClient) -> RegisterError {
    let clients = world.store().clients(100).await.expect("the database");
    let refusal = add_client(&world.app, new).await.expect_err("a refusal");
    let after = world.store().clients(100).await.expect("the database");
    assert_eq!(after.len(), clients.len());
    refusal
}

#[tokio::test]
async fn t01_t02_a_mode_is_one_of_those_that_are_offered() {
    for word in ["pull", "POLL", "ping ", ""] {
        assert_eq!(Mode::from_word(word), None, "{word}");
    }
}

both! {
    async fn t03_t06_mode_endpoint_and_grant_types_fit_together(world: World) {
        let without = NewClient { notification_endpoint: None, ..called("A", Mode::Ping, ENDPOINT) };
        let refusal = refused(&world, without).await;
        assert!(matches!(refusal, RegisterError::Delivery(BadDelivery::EndpointMissing)));
        let refusal = refused(&world, called("A", Mode::Poll, ENDPOINT)).await;
        assert!(matches!(refusal, RegisterError::Delivery(BadDelivery::EndpointUnused)));
        for new in [called("A", Mode::Ping, ENDPOINT), NewClient::agent("A")] {
            let only_refresh = NewClient { grant_types: vec!["refresh_token".to_owned()], ..new };
            let refusal = refused(&world, only_refresh).await;
            assert!(matches!(refusal, RegisterError::Delivery(BadDelivery::GrantTypeMissing)));
        }
        let added = add_client(&world.app, called("A", Mode::Ping, ENDPOINT)).await.expect("a client");
        let stored = world.store().client(&added.client.id).await.expect("the database");
        let stored = stored.expect("a client");
        assert_eq!(stored, added.client);
        assert_eq!(stored.notification_endpoint.as_deref(), Some(ENDPOINT));
        assert!(stored.may_use(GRANT_TYPE));
    }
}

#[tokio::test]
async fn t04_t09_sec_g01_no_url_that_leads_inside_is_registered() {
    // Nothing besides the public internet may be called.
    let customs = Customs {
        sender: Some(SenderOptions::default()),
        ..Customs::default()
    };
    let world = World::sqlite_with(customs).await;
    let mut seen = 0;
    for line in include_str!("../../corpora/urls_refused.txt")
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with("# "))
    {
        let url: String = serde_json::from_str(&format!("\"{line}\"")).expect(line);
        let refusal = refused(&world, called("A", Mode::Ping, &url)).await;
        assert!(matches!(refusal, RegisterError::Endpoint(_)), "{line}");
        seen += 1;
    }
    assert!(seen >= 60, "{seen}");
    for url in [
        "http://agent.example.com/",
        "https://agent.example.com/#here",
        "https://user:password@agent.example.com/",
        "https://agent.example.com:22/",
    ] {
        let refusal = refused(&world, called("A", Mode::Ping, url)).await;
        assert!(matches!(refusal, RegisterError::Endpoint(_)), "{url}");
    }
}
