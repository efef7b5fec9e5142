//! What a service sends to park an action: read strictly, judged by the catalogue.

use serde_json::{Map, Value};
use time::Duration;

use super::webhook;
use crate::domain::action::json::{Limits, strict};
use crate::domain::action::{Asked, AskedError, Catalogue, read_details};
use crate::domain::ciba::expiry::{Windows, answer_window};
use crate::domain::ciba::hint::{Hint, login_hint};
use crate::domain::ciba::refusal::Refusal;
use crate::domain::client::{Client, Role};
use crate::domain::id::ClientId;
use crate::domain::token::introspection::is_for;

/// The bytes it may have.
pub const MOST_BYTES: usize = Limits::REQUEST.bytes;

/// The members it may have.
const MEMBERS: [&str; 8] = [
    "resource",
    "scope",
    "authorization_details",
    "person",
    "client_id",
    "expires_in",
    "ask",
    "webhook",
];

/// What is to be parked.
#[derive(Clone, Debug, PartialEq)]
pub struct Parking {
    /// What it is about.
    pub asked: Asked,
    /// Who is to release it.
    pub person: Option<Hint>,
    /// The agent that may ask about it.
    pub agent: Option<ClientId>,
    /// How long it is held.
    pub lifetime: Duration,
    /// Whether the person is asked at once, in the service's own name.
    pub ask: bool,
    /// Where the service is called when there is an answer.
    pub webhook: Option<String>,
}

/// What parking is judged by.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a> {
    /// What may be asked for at all.
    pub catalogue: &'a Catalogue,
    /// Our issuer.
    pub issuer: &'a str,
    /// Bounds on how long it is held.
    pub windows: Windows,
}

/// Only services park, look, cancel and release.
pub fn may_park(client: &Client) -> Result<(), Refusal> {
    match client.role {
        Role::ResourceServer => Ok(()),
        Role::Agent => Err(Refusal::UnauthorizedClient(
            "only a service (role resource_server) may hold transactions",
        )),
    }
}

/// Reads what a service sends.
pub fn read(body: &[u8], service: &Client, terms: Terms<'_>) -> Result<Parking, Refusal> {
    let Ok(Value::Object(sent)) = strict(body, Limits::REQUEST) else {
        return Err(Refusal::InvalidRequest(
            "the body must be a JSON object of at most 65536 bytes, with one meaning only",
        ));
    };
    if sent.keys().any(|name| !MEMBERS.contains(&name.as_str())) {
        return Err(Refusal::InvalidRequest("the body has an unknown member"));
    }
    let asked = asked(&sent, service, terms.catalogue)?;
    let person = text(&sent, "person")?;
    let person = person.map(|it| login_hint(it, terms.issuer)).transpose()?;
    let agent = text(&sent, "client_id")?.map(|it| ClientId(it.to_owned()));
    let ask = match sent.get("ask") {
        None | Some(Value::Bool(false)) => false,
        Some(Value::Bool(true)) => true,
        Some(_) => return Err(Refusal::InvalidRequest("ask must be true or false")),
    };
    if ask && person.is_none() {
        return Err(Refusal::InvalidRequest("to ask, a person must be named"));
    }
    if ask && agent.is_some() {
        return Err(Refusal::InvalidRequest(
            "a service that asks itself names no client_id",
        ));
    }
    Ok(Parking {
        asked,
        person,
        agent,
        lifetime: lifetime(&sent, terms.windows)?,
        ask,
        webhook: text(&sent, "webhook")?
            .map(webhook::read_address)
            .transpose()?,
    })
}

fn asked(
    sent: &Map<String, Value>,
    service: &Client,
    catalogue: &Catalogue,
) -> Result<Asked, Refusal> {
    let resource = text(sent, "resource")?;
    let resource = resource.ok_or(Refusal::InvalidRequest("resource is missing"))?;
    if !is_for(resource, service) {
        return Err(Refusal::InvalidTarget("the resource is not this service's"));
    }
    let scope = text(sent, "scope")?;
    let (scopes, details) = match (scope, sent.get("authorization_details")) {
        (Some(scope), None) => (scope.split(' ').collect(), Vec::new()),
        (None, Some(details)) => {
            let read = read_details(&details.to_string(), catalogue)
                .map_err(|why| Refusal::InvalidAuthorizationDetails(why.to_string().into()))?;
            (Vec::new(), read)
        }
        (Some(_), Some(_)) | (None, None) => {
            return Err(Refusal::InvalidRequest(
                "either scope or authorization_details says what it is about",
            ));
        }
    };
    let asked = Asked::read(&scopes, &details, &[resource.to_owned()], catalogue);
    let asked = asked.map_err(|why| match why {
        AskedError::UnknownScope => Refusal::InvalidScope("a scope is not in the catalogue"),
        AskedError::UnknownResource => {
            Refusal::InvalidTarget("the resource is not in the catalogue")
        }
        AskedError::MixedResources => {
            Refusal::InvalidTarget("everything in one transaction must belong to its resource")
        }
    })?;
    match asked.forbidden_by(catalogue) {
        Some(item) => Err(Refusal::Forbidden(item.key.clone())),
        None => Ok(asked),
    }
}

fn lifetime(sent: &Map<String, Value>, windows: Windows) -> Result<Duration, Refusal> {
    let Some(seconds) = sent.get("expires_in") else {
        return Ok(windows.usual);
    };
    match seconds.as_u64() {
        Some(seconds @ 1..) => answer_window(Some(&seconds.to_string()), windows),
        Some(0) | None => Err(Refusal::InvalidRequest(
            "expires_in must be a positive integer",
        )),
    }
}

/// A member that is a string, if it is there.
fn text<'a>(sent: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, Refusal> {
    match sent.get(name) {
        None => Ok(None),
        Some(Value::String(text)) if !text.is_empty() => Ok(Some(text)),
        Some(_) => Err(Refusal::InvalidRequest(
            "resource, scope, person and client_id are strings that are not empty",
        )),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use time::OffsetDateTime;

    use super::*;
    use crate::domain::action::fixture::{catalogue, small_payment};
    use crate::domain::client::Credentials;
    use crate::domain::client::secret::SecretHashes;

    const PAYMENTS: &str = "https://payments.example.com";

    fn service() -> Client {
        let secret = Credentials::SecretBasic(SecretHashes::of([0; 32]));
        let id = ClientId("payments".into());
        Client {
            role: Role::ResourceServer,
            resources: vec![PAYMENTS.into()],
            ..Client::agent(id, secret, OffsetDateTime::UNIX_EPOCH)
        }
    }

    fn park(body: &Value) -> Result<Parking, Refusal> {
        let terms = Terms {
            catalogue: &catalogue(),
            issuer: "https://ask.example",
            windows: Windows::default(),
        };
        read(body.to_string().as_bytes(), &service(), terms)
    }

    #[test]
    fn what_is_parked_is_typed_and_of_the_services_own() {
        let pay = json!([small_payment("10.00", "EUR", "Hanna")]);
        let parked = park(&json!({
            "resource": PAYMENTS, "authorization_details": pay, "person": "maya@acme.example",
            "expires_in": 300, "client_id": "billing",
        }));
        let parked = parked.unwrap();
        assert_eq!(parked.asked.items.len(), 1);
        assert_eq!(parked.lifetime, Duration::minutes(5));
        assert_eq!(parked.agent, Some(ClientId("billing".into())));
        assert!(parked.person.is_some() && !parked.ask);
        let reads = park(&json!({"resource": PAYMENTS, "scope": "payments.read"})).unwrap();
        assert_eq!(reads.asked.scopes(), ["payments.read"]);
        assert_eq!(reads.lifetime, Windows::default().usual);
        let owner = Refusal::UnauthorizedClient(
            "only a service (role resource_server) may hold transactions",
        );
        assert_eq!(
            may_park(&Client {
                role: Role::Agent,
                ..service()
            }),
            Err(owner)
        );
    }

    #[test]
    fn what_is_odd_is_refused() {
        let refused = |body: Value| park(&body).unwrap_err().code();
        let with = |name: &str, value: Value| {
            let mut body = json!({"resource": PAYMENTS, "scope": "payments.read"});
            body[name] = value;
            body
        };
        for (name, value) in [
            ("statement", json!("Everything is fine")),
            ("authorization_details", json!([])),
            ("person", json!("")),
            ("person", json!(7)),
            ("expires_in", json!(0)),
            ("expires_in", json!("60")),
            ("expires_in", json!(1.5)),
            ("ask", json!("yes")),
            ("ask", json!(true)),
            ("client_id", json!(null)),
        ] {
            assert_eq!(
                refused(with(name, value.clone())),
                "invalid_request",
                "{name} {value}"
            );
        }
        let asks = json!({"resource": PAYMENTS, "scope": "payments.read", "person": "maya@acme.example",
            "ask": true, "client_id": "billing"});
        assert_eq!(refused(asks), "invalid_request");
        assert_eq!(refused(json!([])), "invalid_request");
        assert_eq!(refused(json!({"resource": PAYMENTS})), "invalid_request");
        assert_eq!(
            refused(json!({"scope": "payments.read"})),
            "invalid_request"
        );
        let others = "https://files.example.com";
        assert_eq!(refused(with("resource", json!(others))), "invalid_target");
        assert_eq!(
            refused(with("scope", json!("files.read"))),
            "invalid_target"
        );
        assert_eq!(refused(with("scope", json!("nothing"))), "invalid_scope");
        let odd =
            json!({"resource": PAYMENTS, "authorization_details": [{"type": "payment_small"}]});
        assert_eq!(refused(odd), "invalid_authorization_details");
    }
}
