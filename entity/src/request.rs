//! One question to one person.

use sea_orm::entity::prelude::*;

/// One question to one person.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "requests")]
pub struct Model {
    /// `approval_id`; `auth_req_id` is derived from it.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Who asks.
    pub client_id: String,
    /// Who is asked.
    pub user_id: Uuid,
    /// `pending`, `approved`, `denied`, `expired`, `cancelled` or `redeemed`.
    pub state: String,
    /// Delivery mode at the time of asking.
    pub mode: String,
    /// When it was asked.
    pub opened_at: i64,
    /// Until when the person may answer.
    pub answer_by: i64,
    /// Until when the agent may collect.
    pub expires_at: i64,
    /// Least seconds between polls.
    pub interval_s: i32,
    /// `scope` as requested.
    #[sea_orm(column_type = "Text")]
    pub scope: String,
    /// What is asked, canonical JSON.
    #[sea_orm(column_type = "Text")]
    pub asked: String,
    /// The resource all of it belongs to.
    #[sea_orm(column_type = "Text", nullable)]
    pub resource: Option<String>,
    /// The risk tier.
    pub tier: String,
    /// What the person is shown, canonical JSON.
    #[sea_orm(column_type = "Text")]
    pub card: String,
    /// SHA-256 of the card.
    pub card_digest: Vec<u8>,
    /// The code also shown where the request began.
    pub match_code: String,
    /// The catalogue the card was drawn from.
    pub catalogue_version: i32,
    /// The agent's own words to itself, sealed.
    pub resume_state: Option<Vec<u8>>,
    /// `client_notification_token`, sealed; none in poll mode.
    pub notification_token: Option<Vec<u8>>,
    /// SHA-256 of the Idempotency-Key.
    pub idempotency_key: Option<Vec<u8>>,
    /// SHA-256 of the request that carried the key.
    pub request_digest: Option<Vec<u8>>,
    /// When it left `pending`.
    pub settled_at: Option<i64>,
    /// `once`, `always` or `deny`.
    pub answer: Option<String>,
    /// Who answered, how surely, and what was granted: JSON.
    #[sea_orm(column_type = "Text", nullable)]
    pub decision: Option<String>,
    /// Why not, in the person's words.
    #[sea_orm(column_type = "Text", nullable)]
    pub reason: Option<String>,
    /// Why it was denied, in one word of ours.
    pub deny_reason: Option<String>,
    /// Who withdrew it.
    pub cancelled_by: Option<String>,
    /// When the token was collected.
    pub redeemed_at: Option<i64>,
    /// The key that was shown when it was asked, as `cnf`: JSON.
    #[sea_orm(column_type = "Text", nullable)]
    pub bound_to: Option<String>,
    /// Whoever has to answer it, when it is several: JSON.
    #[sea_orm(column_type = "Text", nullable)]
    pub quorum: Option<String>,
    /// How many of them must allow it.
    pub needed: Option<i32>,
    /// How many of them have answered.
    pub votes: i32,
    /// What the agent wants of the sign-in behind a yes, if anything: JSON.
    #[sea_orm(column_type = "Text", nullable)]
    pub wanted: Option<String>,
    /// SHA-256 of what it asks, if it can be asked again.
    pub likeness: Option<Vec<u8>>,
    /// How it arrived, if anybody was to be told: `rings`, or why not.
    pub arrival: Option<String>,
    /// The same question that was answered instead.
    pub superseded_by: Option<Uuid>,
}

/// No relations: queries say their joins.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
