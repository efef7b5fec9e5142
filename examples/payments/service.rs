//! The service. `POST /payments` pays, if a person has approved exactly this payment:
//!
//! 1. Without a token it parks the payment at Countersign and answers 401 with the challenge it got for it.
//! 2. The agent asks a person with the transaction in the challenge, and comes again with a token.
//! 3. The token is checked here, offline: whose, for whom, how long, and for which payment. Another amount is another
//!    payment, and is refused.
//! 4. The transaction is released, which Countersign says yes to once, and the payment is made.
//!
//! `POST /orders` is for callers who cannot come again: the person is asked in the service's own name, and the payment
//! is made when they say yes. `GET /payments` lists what was paid.

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio_util::task::TaskTracker;

/// Longest description of a payment that is read.
const MOST_BYTES: usize = 16 * 1024;

/// Where people are asked, and who we are there.
#[derive(Clone)]
pub(crate) struct Countersign {
    pub(crate) issuer: String,
    pub(crate) client_id: String,
    pub(crate) client_secret: String,
    pub(crate) http: reqwest::Client,
}

/// The service, and what it has paid. (A real one keeps that in its database.)
#[derive(Clone)]
pub(crate) struct Service {
    countersign: Countersign,
    resource: Arc<str>,
    paid: Arc<Mutex<Vec<Value>>>,
    waiting: TaskTracker,
}

/// The claims of a token that count here.
#[derive(Deserialize)]
struct Claims {
    txn: Option<String>,
    #[serde(default)]
    authorization_details: Vec<Value>,
    cnf: Option<Value>,
}

/// Why nothing was paid.
enum Unpaid {
    /// With this challenge: ask a person, and come again.
    Challenged(Value),
    /// What was sent is no payment.
    NoPayment(String),
    /// The token is not for this.
    Token(&'static str),
    /// The transaction is over, or nobody has approved it.
    NotReleased,
    /// Countersign does not answer: nothing is paid.
    Unavailable,
}

impl Service {
    pub(crate) fn new(countersign: Countersign, resource: String) -> Self {
        Self {
            countersign,
            resource: resource.into(),
            paid: Arc::default(),
            waiting: TaskTracker::new(),
        }
    }

    pub(crate) fn router(self) -> Router {
        Router::new()
            .route("/payments", get(list).post(pay))
            .route("/orders", post(order))
            .with_state(self)
    }

    fn paid(&self, payment: Value) -> Response {
        let mut paid = self.paid.lock().unwrap_or_else(PoisonError::into_inner);
        paid.push(payment);
        json_response(StatusCode::CREATED, &json!({"paid": true}))
    }
}

async fn list(State(service): State<Service>) -> Response {
    let paid = service.paid.lock().unwrap_or_else(PoisonError::into_inner);
    json_response(StatusCode::OK, &json!({"payments": *paid}))
}

async fn pay(State(service): State<Service>, headers: HeaderMap, body: Bytes) -> Response {
    match try_to_pay(&service, &headers, &body).await {
        Ok(response) => response,
        Err(why) => why.into_response(),
    }
}

async fn try_to_pay(
    service: &Service,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Response, Unpaid> {
    let payment = read(body)?;
    let authorization = headers.get(header::AUTHORIZATION);
    let token = authorization.and_then(|it| it.to_str().ok()?.strip_prefix("Bearer "));
    let Some(token) = token else {
        let parked = service
            .countersign
            .park(&service.resource, &payment, None)
            .await?;
        return Err(Unpaid::Challenged(parked));
    };
    let claims = service.countersign.check(token, &service.resource).await?;
    // What was approved is what runs, to the cent.
    if claims.authorization_details != [payment.clone()] {
        return Err(Unpaid::Token("it was approved for another payment"));
    }
    let transaction = claims.txn;
    let transaction =
        transaction.ok_or(Unpaid::Token("it was not approved for a parked payment"))?;
    if service.countersign.release(&transaction).await? {
        Ok(service.paid(payment))
    } else {
        Err(Unpaid::NotReleased)
    }
}

/// The same, where nobody comes again: `{"person": "maya@acme.example", "payment": {…}}`.
async fn order(State(service): State<Service>, body: Bytes) -> Response {
    let Ok(Value::Object(mut order)) = serde_json::from_slice(&body) else {
        return Unpaid::NoPayment("an order is a JSON object".to_owned()).into_response();
    };
    let person = order.remove("person").unwrap_or_default();
    let payment = read(
        order
            .remove("payment")
            .unwrap_or_default()
            .to_string()
            .as_bytes(),
    );
    let parked = match payment {
        Ok(payment) => {
            let parked = service
                .countersign
                .park(&service.resource, &payment, Some(person));
            parked.await.map(|parked| (payment, parked))
        }
        Err(why) => Err(why),
    };
    match parked {
        Ok((payment, parked)) => {
            let id = parked["id"].as_str().unwrap_or_default().to_owned();
            let told = json_response(StatusCode::ACCEPTED, &json!({"order": id}));
            let this = service.clone();
            let paying = async move { this.pay_when_approved(&id, payment).await };
            service.waiting.spawn(paying);
            told
        }
        Err(why) => why.into_response(),
    }
}

impl Service {
    /// Waits for the answer. (A real service writes the order down first, and looks again after a restart:
    /// Countersign still knows.)
    async fn pay_when_approved(&self, id: &str, payment: Value) {
        loop {
            match self.countersign.wait(id).await {
                Ok(state) if state == "held" || state == "pending" => {}
                Ok(state) if state == "approved" => {
                    if matches!(self.countersign.release(id).await, Ok(true)) {
                        self.paid(payment);
                    }
                    return;
                }
                Ok(_) => return,
                Err(_) => tokio::time::sleep(std::time::Duration::from_secs(1)).await,
            }
        }
    }
}

/// A payment as the catalogue's type describes it. Countersign checks it against the schema.
fn read(body: &[u8]) -> Result<Value, Unpaid> {
    let read = serde_json::from_slice::<Map<String, Value>>(body);
    let mut payment = match read {
        Ok(payment) if body.len() <= MOST_BYTES => payment,
        Ok(_) | Err(_) => return Err(Unpaid::NoPayment("a payment is a JSON object".to_owned())),
    };
    payment.insert("type".to_owned(), json!("payment_initiation"));
    Ok(Value::Object(payment))
}

impl Countersign {
    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.issuer)
    }

    /// Parks a payment. Whoever is named is asked at once, in our name.
    async fn park(
        &self,
        resource: &str,
        payment: &Value,
        person: Option<Value>,
    ) -> Result<Value, Unpaid> {
        let mut body = json!({"resource": resource, "authorization_details": [payment]});
        if let Some(person) = person {
            body["person"] = person;
            body["ask"] = json!(true);
        }
        let request = self.http.post(self.url("/api/v1/transactions")).json(&body);
        let (status, answer) = self.send(request).await?;
        match status {
            StatusCode::CREATED => Ok(answer),
            status if status.is_client_error() => {
                let why = answer["error_description"]
                    .as_str()
                    .unwrap_or("it was refused");
                Err(Unpaid::NoPayment(why.to_owned()))
            }
            _ => Err(Unpaid::Unavailable),
        }
    }

    /// Checks a token by itself. (The keys may be kept for as long as `Cache-Control` says.)
    async fn check(&self, token: &str, resource: &str) -> Result<Claims, Unpaid> {
        let not_ours = Unpaid::Token("it is not a token of ours for this service, or is over");
        let (_, keys) = self.send(self.http.get(self.url("/oauth/jwks"))).await?;
        let keys: JwkSet = serde_json::from_value(keys).map_err(|_| Unpaid::Unavailable)?;
        let header = decode_header(token).ok();
        let header = header.filter(|it| it.typ.as_deref() == Some("at+jwt"));
        let key = header.and_then(|it| keys.find(&it.kid?).cloned());
        let key = key.and_then(|key| DecodingKey::from_jwk(&key).ok());
        let Some(key) = key else {
            return Err(not_ours);
        };
        let mut validation = Validation::new(Algorithm::ES256);
        validation.leeway = 0;
        validation.set_audience(&[resource]);
        validation.set_issuer(&[&self.issuer]);
        validation.set_required_spec_claims(&["iss", "aud", "exp"]);
        let decoded = decode::<Claims>(token, &key, &validation).map_err(|_| not_ours)?;
        match decoded.claims.cnf {
            None => Ok(decoded.claims),
            // Without the proof anybody could show it.
            Some(_) => Err(Unpaid::Token(
                "it is bound to a key, and this service takes no proofs",
            )),
        }
    }

    /// Whether the payment may be made now: Countersign says yes once.
    async fn release(&self, transaction: &str) -> Result<bool, Unpaid> {
        let path = format!("/api/v1/transactions/{transaction}/release");
        let (status, _) = self.send(self.http.post(self.url(&path))).await?;
        match status {
            StatusCode::OK => Ok(true),
            status if status.is_client_error() => Ok(false),
            _ => Err(Unpaid::Unavailable),
        }
    }

    /// How it stands, when that changes or after half a minute.
    async fn wait(&self, transaction: &str) -> Result<String, Unpaid> {
        let path = format!("/api/v1/transactions/{transaction}?wait=30");
        let (_, answer) = self.send(self.http.get(self.url(&path))).await?;
        Ok(answer["state"].as_str().unwrap_or_default().to_owned())
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<(StatusCode, Value), Unpaid> {
        let request = request.basic_auth(&self.client_id, Some(&self.client_secret));
        let answer = request.send().await.map_err(|_| Unpaid::Unavailable)?;
        let status = answer.status();
        if status == StatusCode::UNAUTHORIZED || status == StatusCode::TOO_MANY_REQUESTS {
            return Err(Unpaid::Unavailable);
        }
        let body = answer.bytes().await.map_err(|_| Unpaid::Unavailable)?;
        let body = serde_json::from_slice(&body).map_err(|_| Unpaid::Unavailable)?;
        Ok((status, body))
    }
}

impl IntoResponse for Unpaid {
    fn into_response(self) -> Response {
        let say = |status, error: &str, why: &str| {
            json_response(status, &json!({"error": error, "error_description": why}))
        };
        match self {
            Self::Challenged(parked) => {
                let told =
                    json!({"error": "insufficient_authorization", "transaction": parked["id"]});
                let mut response = json_response(StatusCode::UNAUTHORIZED, &told);
                let challenge = parked["www_authenticate"].as_str().unwrap_or("Bearer");
                if let Ok(challenge) = HeaderValue::from_str(challenge) {
                    response
                        .headers_mut()
                        .insert(header::WWW_AUTHENTICATE, challenge);
                }
                response
            }
            Self::NoPayment(why) => say(StatusCode::BAD_REQUEST, "invalid_request", &why),
            Self::Token(why) => {
                let mut response = say(StatusCode::FORBIDDEN, "invalid_token", why);
                let challenge = HeaderValue::from_static("Bearer error=\"invalid_token\"");
                response
                    .headers_mut()
                    .insert(header::WWW_AUTHENTICATE, challenge);
                response
            }
            Self::NotReleased => say(
                StatusCode::CONFLICT,
                "not_released",
                "it was paid before, or nobody approved it",
            ),
            Self::Unavailable => say(
                StatusCode::SERVICE_UNAVAILABLE,
                "unavailable",
                "approvals cannot be checked now",
            ),
        }
    }
}

fn json_response(status: StatusCode, body: &Value) -> Response {
    let json = (
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    (status, [json], body.to_string()).into_response()
}
