//! What happened, as records that cannot be changed unseen.
//!
//! Each record is canonical JSON (RFC 8785). Each row holds the hash of the row before and
//! `SHA-256(previous ‖ stream ‖ seq ‖ content)`, so changing, moving or removing any row breaks the
//! chain from there on. The chain starts from thirty-two zero bytes.

use aws_lc_rs::digest;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use crate::domain::id::{ClientId, RequestId, UserId};
use crate::domain::timestamp::milliseconds;

/// What happened. The word is stored; it is never reused for something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words say it")]
pub enum Kind {
    RequestOpened,
    RequestApproved,
    RequestApprovedByRule,
    /// A person took a yes back that nobody had collected.
    RequestUndone,
    /// One of several people has allowed it.
    RequestAllowedByOne,
    RequestDenied,
    /// A person said why, after their no.
    RequestDenialExplained,
    RequestCancelled,
    RequestExpired,
    TokenIssued,
    TokenRefreshed,
    TokenReuseDetected,
    TokenConsumed,
    TokenRevoked,
    /// A person ended what they had granted.
    TokenWithdrawn,
    TokenExchanged,
    RequestPassed,
    TransactionBegun,
    TransactionHeld,
    TransactionReleased,
    TransactionCancelled,
    TokenNotTaken,
    StandingGrantMade,
    StandingGrantStopped,
    ClientAdded,
    ClientDisabled,
    ClientEnabled,
    ClientSecretRotated,
    ClientChanged,
    RegistrationTokenMade,
    UserAdded,
    UserDisabled,
    UserEnabled,
    UserCodeSet,
    UserCodeRemoved,
    UserCodeWrong,
    QuietHoursSet,
    QuietHoursRemoved,
    SignInLinkMade,
    SignedIn,
    SignedOut,
    DeviceAdded,
    DeviceRemoved,
    DeviceGone,
    CatalogueApplied,
    KeyMade,
    KeyRotated,
    AuditExported,
    /// The operator took the receipt of an answer.
    ReceiptExported,
    RequestUnreachable,
    /// It waits on the person's page, and nothing was sent.
    RequestSilent,
    RequestForbidden,
    RequestHeldBack,
    PauseBegun,
    PauseEnded,
    AgentReported,
}

impl Kind {
    /// The stored word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RequestOpened => "request.opened",
            Self::RequestApproved => "request.approved",
            Self::RequestApprovedByRule => "request.allowed_by_your_rule",
            Self::RequestUndone => "request.undone",
            Self::RequestAllowedByOne => "request.allowed_by_one",
            Self::RequestDenied => "request.denied",
            Self::RequestDenialExplained => "request.denial_explained",
            Self::RequestCancelled => "request.cancelled",
            Self::RequestExpired => "request.expired",
            Self::TokenIssued => "token.issued",
            Self::TokenRefreshed => "token.refreshed",
            Self::TokenReuseDetected => "token.reuse_detected",
            Self::TokenConsumed => "token.consumed",
            Self::TokenRevoked => "token.revoked",
            Self::TokenWithdrawn => "token.withdrawn",
            Self::TokenExchanged => "token.exchanged",
            Self::RequestPassed => "request.passed",
            Self::TransactionBegun => "transaction.begun",
            Self::TransactionHeld => "transaction.held",
            Self::TransactionReleased => "transaction.released",
            Self::TransactionCancelled => "transaction.cancelled",
            Self::TokenNotTaken => "token.not_taken",
            Self::StandingGrantMade => "standing_grant.made",
            Self::StandingGrantStopped => "standing_grant.stopped",
            Self::ClientAdded => "client.added",
            Self::ClientDisabled => "client.disabled",
            Self::ClientEnabled => "client.enabled",
            Self::ClientSecretRotated => "client.secret_rotated",
            Self::ClientChanged => "client.changed",
            Self::RegistrationTokenMade => "registration_token.made",
            Self::UserAdded => "person.added",
            Self::UserDisabled => "person.disabled",
            Self::UserEnabled => "person.enabled",
            Self::UserCodeSet => "person.user_code_set",
            Self::UserCodeRemoved => "person.user_code_removed",
            Self::UserCodeWrong => "person.user_code_wrong",
            Self::QuietHoursSet => "person.quiet_hours_set",
            Self::QuietHoursRemoved => "person.quiet_hours_removed",
            Self::SignInLinkMade => "sign_in_link.made",
            Self::SignedIn => "person.signed_in",
            Self::SignedOut => "person.signed_out",
            Self::DeviceAdded => "device.added",
            Self::DeviceRemoved => "device.removed",
            Self::DeviceGone => "device.gone",
            Self::CatalogueApplied => "catalogue.applied",
            Self::KeyMade => "key.made",
            Self::KeyRotated => "key.rotated",
            Self::AuditExported => "audit.exported",
            Self::ReceiptExported => "receipt.exported",
            Self::RequestUnreachable => "request.unreachable",
            Self::RequestSilent => "request.silent",
            Self::RequestForbidden => "request.forbidden",
            Self::RequestHeldBack => "request.held_back",
            Self::PauseBegun => "pause.begun",
            Self::PauseEnded => "pause.ended",
            Self::AgentReported => "agent.reported",
        }
    }
}

/// Who did it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// The client named in the event.
    Client,
    /// The person named in the event, in a browser.
    Person,
    /// Whoever runs the server, at its command line.
    Operator,
    /// The server itself.
    Server,
}

impl Actor {
    fn as_str(&self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Person => "person",
            Self::Operator => "operator",
            Self::Server => "server",
        }
    }
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditEvent {
    /// When.
    pub at: OffsetDateTime,
    /// What.
    pub kind: Kind,
    /// Who did it.
    pub by: Actor,
    /// The request it is about.
    pub request: Option<RequestId>,
    /// The client it is about.
    pub client: Option<ClientId>,
    /// The person it is about.
    pub user: Option<UserId>,
    /// From where: the peer's address.
    pub from: Option<String>,
    /// What else matters: digests, answers, assurance. Never secrets, and of the agent's words only its
    /// `request_context`.
    pub facts: Map<String, Value>,
}

impl AuditEvent {
    /// Something that happened now.
    pub fn new(at: OffsetDateTime, kind: Kind, by: Actor) -> Self {
        Self {
            at,
            kind,
            by,
            request: None,
            client: None,
            user: None,
            from: None,
            facts: Map::new(),
        }
    }

    /// The request it is about, with its client and person.
    #[must_use]
    pub fn about(mut self, request: RequestId, client: &ClientId, user: UserId) -> Self {
        self.request = Some(request);
        self.client = Some(client.clone());
        self.user = Some(user);
        self
    }

    /// The client it is about.
    #[must_use]
    pub fn client(mut self, client: &ClientId) -> Self {
        self.client = Some(client.clone());
        self
    }

    /// The person it is about.
    #[must_use]
    pub fn user(mut self, user: UserId) -> Self {
        self.user = Some(user);
        self
    }

    /// From where.
    #[must_use]
    pub fn from(mut self, from: Option<String>) -> Self {
        self.from = from;
        self
    }

    /// One more fact.
    #[must_use]
    pub fn fact(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.facts.insert(name.to_owned(), value.into());
        self
    }

    /// The canonical record, which is what is hashed and exported.
    pub fn canonical(&self) -> String {
        let mut record = Map::new();
        let mut put = |name: &str, value: Value| {
            record.insert(name.to_owned(), value);
        };
        put("at", json!(milliseconds(self.at)));
        put("kind", json!(self.kind.as_str()));
        put("by", json!(self.by.as_str()));
        if let Some(request) = self.request {
            put("request", json!(request));
        }
        if let Some(client) = &self.client {
            put("client", json!(client));
        }
        if let Some(user) = self.user {
            put("person", json!(user));
        }
        if let Some(from) = &self.from {
            put("from", json!(from));
        }
        if !self.facts.is_empty() {
            put("facts", Value::Object(self.facts.clone()));
        }
        crate::domain::action::json::canonical(&Value::Object(record))
    }
}

/// A place in a chain: a row's number and hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// The row's number; 0 before the first.
    pub seq: i64,
    /// Its hash.
    pub hash: [u8; 32],
}

impl Link {
    /// Before the first row.
    pub const START: Self = Self {
        seq: 0,
        hash: [0; 32],
    };

    /// The place after this one, holding `content`.
    #[must_use]
    pub fn next(&self, stream: i32, content: &str) -> Self {
        let seq = self.seq + 1;
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(&self.hash);
        context.update(&stream.to_be_bytes());
        context.update(&seq.to_be_bytes());
        context.update(content.as_bytes());
        let mut hash = [0; 32];
        hash.copy_from_slice(context.finish().as_ref());
        Self { seq, hash }
    }
}

/// One row as found in the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its number.
    pub seq: i64,
    /// The canonical record.
    pub content: String,
    /// The moment, kind and subjects stored beside the record, to be searched by.
    pub index: Index,
    /// Hash of the row before.
    pub previous: Vec<u8>,
    /// Its own hash.
    pub hash: Vec<u8>,
}

/// The searchable columns beside a record, which must say what the record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index {
    /// `at`.
    pub at: i64,
    /// `kind`.
    pub kind: String,
    /// `request`.
    pub request: Option<String>,
    /// `client`.
    pub client: Option<String>,
    /// `person`.
    pub user: Option<String>,
}

/// The first row that does not fit, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("entry {seq} of stream {stream} {why}")]
pub struct Broken {
    /// The stream.
    pub stream: i32,
    /// The row's number.
    pub seq: i64,
    /// What is wrong with it.
    pub why: &'static str,
}

/// Checks that a row follows the place before it, and returns its own.
pub fn check(stream: i32, before: Link, row: &Row) -> Result<Link, Broken> {
    let broken = |seq, why| Broken { stream, seq, why };
    if row.seq != before.seq + 1 {
        return Err(broken(before.seq + 1, "is missing"));
    }
    if row.previous != before.hash {
        return Err(broken(row.seq, "does not follow the entry before it"));
    }
    let link = before.next(stream, &row.content);
    if row.hash != link.hash {
        return Err(broken(row.seq, "does not match its hash"));
    }
    if !row.index.agrees_with(&row.content) {
        return Err(broken(
            row.seq,
            "says something else in its columns than in its record",
        ));
    }
    Ok(link)
}

impl Index {
    fn agrees_with(&self, content: &str) -> bool {
        let Ok(record) = serde_json::from_str::<Value>(content) else {
            return false;
        };
        let text = |name: &str| record.get(name).and_then(Value::as_str);
        record.get("at").and_then(Value::as_i64) == Some(self.at)
            && text("kind") == Some(self.kind.as_str())
            && text("request") == self.request.as_deref()
            && text("client") == self.client.as_deref()
            && text("person") == self.user.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(length: i64) -> Vec<Row> {
        let mut link = Link::START;
        (1..=length)
            .map(|n| {
                let at = OffsetDateTime::UNIX_EPOCH + time::Duration::seconds(n);
                let event = AuditEvent::new(at, Kind::SignedIn, Actor::Person).fact("n", n);
                let content = event.canonical();
                let next = link.next(0, &content);
                let index = Index {
                    at: n * 1000,
                    kind: "person.signed_in".into(),
                    request: None,
                    client: None,
                    user: None,
                };
                let row = Row {
                    seq: next.seq,
                    content,
                    index,
                    previous: link.hash.to_vec(),
                    hash: next.hash.to_vec(),
                };
                link = next;
                row
            })
            .collect()
    }

    fn verify(rows: &[Row]) -> Result<Link, Broken> {
        rows.iter()
            .try_fold(Link::START, |link, row| check(0, link, row))
    }

    #[test]
    fn an_untouched_chain_holds() {
        assert_eq!(verify(&chain(20)).unwrap().seq, 20);
    }

    #[test]
    fn sec_i05_the_first_broken_row_is_named_whatever_was_done_to_it() {
        let altered = |change: fn(&mut Vec<Row>)| {
            let mut rows = chain(9);
            change(&mut rows);
            verify(&rows).unwrap_err().seq
        };
        assert_eq!(
            altered(|rows| rows[4].content = rows[4].content.replace('5', "6")),
            5
        );
        assert_eq!(altered(|rows| rows[4].hash[0] ^= 1), 5);
        assert_eq!(altered(|rows| rows[4].previous[0] ^= 1), 5);
        assert_eq!(altered(|rows| rows[4].index.at += 1), 5);
        assert_eq!(
            altered(|rows| rows[4].index.kind = "person.signed_out".into()),
            5
        );
        assert_eq!(altered(|rows| drop(rows.remove(4))), 5);
        assert_eq!(altered(|rows| drop(rows.remove(0))), 1);
        assert_eq!(altered(|rows| rows.swap(3, 4)), 4);
    }
}
