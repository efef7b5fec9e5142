//! What the database holds, as it is.

use entity::{audit_event, grant, refresh_token, request, session, standing_grant};
use sea_orm::prelude::Uuid;
use sea_orm::{Database, DatabaseConnection, EntityTrait, QueryOrder};
use serde_json::Value;

/// The rows that change, after one step.
pub struct Rows {
    pub requests: Vec<request::Model>,
    pub grants: Vec<grant::Model>,
    pub rules: Vec<standing_grant::Model>,
    pub refresh_tokens: Vec<refresh_token::Model>,
}

/// One record of the audit log.
#[derive(Debug)]
pub struct Record {
    pub stream: i32,
    pub seq: i64,
    pub at: i64,
    pub kind: String,
    pub request: Option<Uuid>,
    pub user: Option<Uuid>,
    pub facts: Value,
}

impl Rows {
    pub async fn read(database: &DatabaseConnection) -> Self {
        let requests = request::Entity::find().order_by_asc(request::Column::Id);
        let grants = grant::Entity::find().order_by_asc(grant::Column::Id);
        let rules = standing_grant::Entity::find().order_by_asc(standing_grant::Column::Id);
        let tokens = refresh_token::Entity::find().order_by_asc(refresh_token::Column::Id);
        Self {
            requests: requests.all(database).await.expect("requests"),
            grants: grants.all(database).await.expect("grants"),
            rules: rules.all(database).await.expect("standing grants"),
            refresh_tokens: tokens.all(database).await.expect("refresh tokens"),
        }
    }

    pub fn request(&self, id: Uuid) -> Option<&request::Model> {
        self.requests.iter().find(|row| row.id == id)
    }

    pub fn grant_of(&self, request: Uuid) -> Option<&grant::Model> {
        self.grants.iter().find(|row| row.request_id == request)
    }
}

/// The whole audit log, in the order of time and of each stream.
pub async fn audit(database: &DatabaseConnection) -> Vec<Record> {
    let rows = audit_event::Entity::find()
        .order_by_asc(audit_event::Column::At)
        .order_by_asc(audit_event::Column::Stream)
        .order_by_asc(audit_event::Column::Seq);
    let rows = rows.all(database).await.expect("the audit log");
    let read = |row: audit_event::Model| {
        let content: Value = serde_json::from_str(&row.content).expect("JSON");
        Record {
            stream: row.stream,
            seq: row.seq,
            at: row.at,
            kind: row.kind,
            request: row.request_id,
            user: row.user_id,
            facts: content["facts"].clone(),
        }
    };
    rows.into_iter().map(read).collect()
}

pub async fn sessions(database: &DatabaseConnection) -> Vec<session::Model> {
    let rows = session::Entity::find().all(database).await;
    rows.expect("sessions")
}

pub async fn connect(url: &str) -> DatabaseConnection {
    Database::connect(url).await.expect("the database")
}

impl Record {
    /// A fact that is text.
    pub fn fact(&self, name: &str) -> &str {
        self.facts[name].as_str().unwrap_or_default()
    }

    /// Whether this was written after that, as far as that can be told.
    pub fn is_after(&self, other: &Self) -> bool {
        self.at > other.at || (self.stream == other.stream && self.seq > other.seq)
    }
}

/// Every word of the first is in the second.
pub fn words_within(narrow: &str, wide: &str) -> bool {
    let wide: Vec<&str> = wide.split(' ').collect();
    narrow
        .split(' ')
        .filter(|word| !word.is_empty())
        .all(|word| wide.contains(&word))
}

/// What is stored as JSON.
pub fn json(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

/// The decision of a request, if there is one.
pub fn decision(row: &request::Model) -> Option<Value> {
    row.decision.as_deref().map(json)
}

/// The rules that answered it, if rules did.
pub fn answered_by_rules(row: &request::Model) -> Vec<String> {
    let decision = decision(row).unwrap_or_default();
    let rules = decision["by"]["standing_grants"]["grants"].as_array();
    rules.map_or_else(Vec::new, |rules| {
        let ids = rules.iter().filter_map(Value::as_str);
        ids.map(str::to_owned).collect()
    })
}
