//! An OAuth client: an agent or a relying service.

use sea_orm::entity::prelude::*;

/// An OAuth client: an agent or a relying service.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "clients")]
pub struct Model {
    /// What it calls itself on the wire.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// What people read.
    pub name: String,
    /// `agent` or `resource_server`.
    pub role: String,
    /// `active` or `disabled`.
    pub status: String,
    /// How strictly it is held: `ciba-core` or `fapi-ciba`.
    pub profile: String,
    /// `token_endpoint_auth_method`.
    pub auth_method: String,
    /// SHA-256 of the client secret.
    pub secret_hash: Option<Vec<u8>>,
    /// SHA-256 of the secret before.
    pub previous_secret_hash: Option<Vec<u8>>,
    /// Until when the secret before is still taken.
    pub previous_secret_until: Option<i64>,
    /// Where its public keys are.
    #[sea_orm(column_type = "Text", nullable)]
    pub jwks_uri: Option<String>,
    /// Its public keys, a JWK Set.
    #[sea_orm(column_type = "Text", nullable)]
    pub jwks: Option<String>,
    /// `backchannel_token_delivery_mode`.
    pub delivery_mode: String,
    /// `backchannel_client_notification_endpoint`.
    #[sea_orm(column_type = "Text", nullable)]
    pub notification_endpoint: Option<String>,
    /// Scopes it may ask for, a JSON array; empty for all.
    #[sea_orm(column_type = "Text")]
    pub scopes: String,
    /// Types of authorization details it may ask for, a JSON array; empty for all.
    #[sea_orm(column_type = "Text")]
    pub types: String,
    /// Resources it may ask for, or is (role `resource_server`), a JSON array; empty for all.
    #[sea_orm(column_type = "Text")]
    pub resources: String,
    /// `grant_types`, a JSON array.
    #[sea_orm(column_type = "Text")]
    pub grant_types: String,
    /// `dpop_bound_access_tokens`.
    pub dpop_bound: bool,
    /// `backchannel_user_code_parameter`.
    pub user_code: bool,
    /// `tls_client_certificate_bound_access_tokens`.
    pub certificate_bound: bool,
    /// Whom its certificate names: JSON.
    #[sea_orm(column_type = "Text", nullable)]
    pub tls_subject: Option<String>,
    /// Whom its assertions may be addressed to: `strict` or `ciba-compat`.
    pub assertion_audience: String,
    /// `backchannel_authentication_request_signing_alg`.
    pub request_signing_alg: Option<String>,
    /// `id_token_signed_response_alg`.
    pub id_token_alg: String,
    /// When it was registered.
    pub created_at: i64,
    /// How often it was changed.
    pub revision: i32,
    /// Until when its document at its own address need not be read again, if that is where it comes from.
    pub document_until: Option<i64>,
}

/// No relations: queries say their joins.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
