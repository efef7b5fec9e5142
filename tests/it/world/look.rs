//! What a story looks at besides the pages: the audit log, tokens, and what its agents ask for.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign::domain::id::RequestId;
use countersign::store::StoredRequest;
use serde_json::{Value, json};

use super::{Asked, Form, World};

impl World {
    /// Every audit record, chain by chain.
    pub async fn history(&self) -> Vec<Value> {
        let store = self.store();
        let mut records = Vec::new();
        for stream in store.audit_streams().await.expect("the database") {
            let rows = store.audit_rows(stream, 0, 1_000_000).await;
            let rows = rows.expect("the database").into_iter();
            records.extend(rows.map(|row| -> Value {
                serde_json::from_str(&row.content).expect("a record is JSON")
            }));
        }
        records
    }

    /// The audit records of one kind.
    pub async fn noted(&self, kind: &str) -> Vec<Value> {
        let mut records = self.history().await;
        records.retain(|record| record["kind"] == kind);
        records
    }

    /// For whoever looks into the database without us.
    pub fn database_url(&self) -> String {
        self.database.url()
    }

    /// A request as it is stored.
    pub async fn stored(&self, asked: &Asked) -> StoredRequest {
        let id: RequestId = asked.approval_id.parse().expect("an id");
        let found = self.store().request(id).await.expect("the database");
        found.expect("a request that is known")
    }

    /// The stored word for a request's state.
    pub async fn state(&self, asked: &Asked) -> &'static str {
        self.stored(asked).await.request.state().as_str()
    }
}

impl Asked {
    /// The path of the request's page.
    pub fn page(&self) -> String {
        format!("/r/{}", self.approval_id)
    }
}

/// The claims of a JWT, unverified: whether it verifies is another story.
pub fn claims(jwt: &str) -> Value {
    let middle = jwt.split('.').nth(1).expect("three parts");
    let json = URL_SAFE_NO_PAD.decode(middle).expect("base64url");
    serde_json::from_slice(&json).expect("JSON")
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes it");
        text
    })
}

/// A payment to somebody who was paid before: tier `normal`, can be allowed always.
pub fn small_payment(amount: &str, creditor: &str) -> String {
    json!([{
        "type": "payment_small",
        "instructedAmount": {"amount": amount, "currency": "EUR"},
        "creditor": creditor,
    }])
    .to_string()
}

/// Any payment: tier `high`, asked each time.
pub fn payment(amount: &str, creditor: &str) -> String {
    json!([{
        "type": "payment_initiation",
        "instructedAmount": {"amount": amount, "currency": "EUR"},
        "creditorName": creditor,
        "creditorAccount": {"iban": "DE02120300000000202051"},
    }])
    .to_string()
}

impl Form {
    /// Its fields as they would be sent.
    pub fn pairs(&self) -> Vec<(&str, &str)> {
        let pairs = self.fields.iter();
        pairs
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect()
    }
}
