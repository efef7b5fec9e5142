//! Held transactions: a service parks an action until a person releases it.

mod asked_by_an_agent;
mod asked_by_the_service;
mod example;
mod parking;
mod webhook;

use countersign::domain::user::User;
use serde_json::{Value, json};

use crate::world::{Agent, Answer, World, small_payment};

pub const PAYMENTS: &str = "https://payments.example.com";
pub const AT: &str = "/api/v1/transactions";

/// What a service parks about ten euros.
pub fn ten_euros(more: Value) -> Value {
    let details: Value = serde_json::from_str(&small_payment("10.00", "Hanna")).expect("JSON");
    let mut body = json!({"resource": PAYMENTS, "authorization_details": details});
    if let (Value::Object(body), Value::Object(more)) = (&mut body, more) {
        body.extend(more);
    }
    body
}

/// A service, an agent and a person.
pub struct Cast {
    pub service: Agent,
    pub agent: Agent,
    pub maya: User,
}

impl Cast {
    pub async fn of(world: &World) -> Self {
        Self {
            service: world.service(PAYMENTS).await,
            agent: world.agent("Billing Agent").await,
            maya: world.person("Maya").await,
        }
    }
}

impl Agent {
    /// Parks, and is told so.
    pub async fn park(&self, body: &Value) -> Value {
        let answer = self.post_json(AT, body, &[]).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.body
    }

    /// A transaction as it is now.
    pub async fn transaction(&self, id: &str) -> Value {
        self.get(&format!("{AT}/{id}")).await.ok().clone()
    }

    pub async fn release(&self, id: &str) -> Answer {
        self.post(&format!("{AT}/{id}/release"), &[], &[]).await
    }
}

pub fn id(transaction: &Value) -> &str {
    transaction["id"].as_str().expect("an id")
}
