//! The payment service of the examples, run as it is: it challenges, holds, checks, and pays once.

#[path = "../../../examples/payments/service.rs"]
mod service;

use serde_json::{Value, json};

use self::service::{Countersign, Service};
use super::{Cast, PAYMENTS};
use crate::world::{Answer, World};

fn rent(amount: &str) -> Value {
    json!({
        "instructedAmount": {"amount": amount, "currency": "EUR"},
        "creditorName": "Hanna",
        "creditorAccount": {"iban": "DE02120300000000202051"},
    })
}

/// The service at work, and whoever calls it.
struct Payments<'w> {
    world: &'w World,
    url: String,
}

impl<'w> Payments<'w> {
    async fn of(world: &'w World, cast: &Cast) -> Self {
        let countersign = Countersign {
            issuer: world.url.clone(),
            client_id: cast.service.id.clone(),
            client_secret: cast.service.secret.clone(),
            http: world.http.clone(),
        };
        let service = Service::new(countersign, PAYMENTS.to_owned());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let serving = async move { axum::serve(listener, service.router()).await };
        world.app.tasks.spawn(serving);
        Self { world, url }
    }

    async fn post(&self, path: &str, body: &Value, token: Option<&str>) -> Answer {
        let mut request = self
            .world
            .http
            .post(format!("{}{path}", self.url))
            .json(body);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        Answer::of(request.send().await.expect("an answer")).await
    }

    async fn paid(&self) -> usize {
        let paid = self
            .world
            .http
            .get(format!("{}/payments", self.url))
            .send()
            .await;
        let paid = Answer::of(paid.expect("an answer")).await;
        paid.ok()["payments"].as_array().expect("a list").len()
    }
}

both! {
    async fn sec_b12_the_example_pays_what_was_approved_and_once(world: World) {
        let cast = Cast::of(&world).await;
        let payments = Payments::of(&world, &cast).await;
        let challenged = payments.post("/payments", &rent("240.00"), None).await;
        assert_eq!(challenged.status, 401);
        let challenge = challenged.headers["www-authenticate"].to_str().expect("text");
        let transaction = challenged.body["transaction"].as_str().expect("an id");
        assert!(challenge.contains(&format!("transaction=\"{transaction}\"")), "{challenge}");

        let asked = cast.agent.ask(&cast.maya.email, &[("transaction", transaction)]).await;
        assert!(world.stored(&asked).await.card.contains("Hanna"));
        world.approve(&cast.maya, &asked).await;
        let tokens = cast.agent.poll(&asked.auth_req_id).await;
        let token = tokens.ok()["access_token"].as_str().expect("a token");

        let changed = payments.post("/payments", &rent("2400.00"), Some(token)).await;
        assert_eq!((changed.status.as_u16(), changed.error()), (403, "invalid_token"));
        let id_token = tokens.body["id_token"].as_str().expect("a token");
        for other in ["x", "a.b.c", id_token] {
            let refused = payments.post("/payments", &rent("240.00"), Some(other)).await;
            assert_eq!((refused.status.as_u16(), refused.error()), (403, "invalid_token"), "{other}");
        }
        assert_eq!(payments.paid().await, 0);
        let paid = payments.post("/payments", &rent("240.00"), Some(token)).await;
        assert_eq!(paid.status, 201, "{paid:?}");
        let again = payments.post("/payments", &rent("240.00"), Some(token)).await;
        assert_eq!((again.status.as_u16(), again.error()), (409, "not_released"));
        assert_eq!(payments.paid().await, 1);
        let odd = payments.post("/payments", &json!({"creditorName": "Hanna"}), None).await;
        assert_eq!((odd.status.as_u16(), odd.error()), (400, "invalid_request"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_example_pays_by_itself_when_the_person_says_yes() {
    let world = World::sqlite().await;
    let cast = Cast::of(&world).await;
    let payments = Payments::of(&world, &cast).await;
    for (choice, paid) in [
        (crate::world::deny(""), 0),
        (countersign::flow::answer::Choice::Once, 1),
    ] {
        let order = json!({"person": cast.maya.email, "payment": rent("240.00")});
        let ordered = payments.post("/orders", &order, None).await;
        assert_eq!(ordered.status, 202, "{ordered:?}");
        let id = ordered.body["order"].as_str().expect("an id");
        let held = cast.service.transaction(id).await;
        world
            .answer(
                &cast.maya,
                &super::asked_by_the_service::request(&held),
                choice,
            )
            .await;
        for _ in 0..100 {
            if payments.paid().await == paid {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        assert_eq!(payments.paid().await, paid);
    }
}
