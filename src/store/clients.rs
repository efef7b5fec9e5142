//! Clients.

use sea_orm::sea_query::{Expr, ExprTrait as _, OnConflict};
use sea_orm::{
    ActiveValue, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, PaginatorTrait as _,
    QueryFilter, QueryOrder, QuerySelect,
};

use entity::client::{ActiveModel, Column, Entity, Model};

use super::commit::RotatedSecret;
use super::error::{StoreError, inconsistent};
use super::only::Only as _;
use super::{Store, writer};
use crate::domain::ciba::mode::Mode;
use crate::domain::client::assertion::Audience;
use crate::domain::client::key_source::KeySource;
use crate::domain::client::keys::PublicKeys;
use crate::domain::client::profile::Profile;
use crate::domain::client::request_signing::RequestSigning;
use crate::domain::client::secret::SecretHashes;
use crate::domain::client::{AuthMethod, Client, Credentials, ProofTerms, Role};
use crate::domain::id::ClientId;
use crate::domain::timestamp::{from_milliseconds, milliseconds};
use crate::domain::token::algorithm::Algorithm;

impl Store {
    /// The client of that id.
    pub async fn client(&self, id: &ClientId) -> Result<Option<Client>, StoreError> {
        Entity::find_by_id(id.0.as_str())
            .only(&self.readers)
            .await?
            .map(read)
            .transpose()
    }

    /// Whether every one of these may take part.
    pub async fn all_active(&self, ids: &[&str]) -> Result<bool, StoreError> {
        let different: std::collections::BTreeSet<&str> = ids.iter().copied().collect();
        let active: Vec<String> = Entity::find()
            .select_only()
            .column(Column::Id)
            .filter(Column::Id.is_in(different.iter().copied()))
            .filter(Column::Status.eq(status(true)))
            .into_tuple()
            .all(&self.readers)
            .await?;
        Ok(active.len() == different.len())
    }

    /// How many clients there are whose id begins so.
    pub async fn clients_below(&self, front: &str) -> Result<u64, StoreError> {
        let below = Entity::find().filter(Column::Id.starts_with(front));
        Ok(below.count(&self.readers).await?)
    }

    /// All clients, by id.
    pub async fn clients(&self, at_most: u64) -> Result<Vec<Client>, StoreError> {
        let rows = Entity::find()
            .order_by_asc(Column::Id)
            .limit(at_most)
            .all(&self.readers)
            .await?;
        rows.into_iter().map(read).collect()
    }
}

fn json(list: &[String]) -> String {
    serde_json::to_string(list).unwrap_or_default()
}

/// Adds a client; 0 when the id is taken.
pub(super) async fn add<C: ConnectionTrait>(conn: &C, client: &Client) -> Result<u64, DbErr> {
    let insert = Entity::insert_many([row(client)])
        .on_conflict(OnConflict::new().do_nothing().to_owned())
        .exec_without_returning(conn)
        .await;
    writer::rows(insert)
}

/// Changes what a client is registered as; 0 when it was changed or disabled since it was read.
pub(super) async fn change<C: ConnectionTrait>(conn: &C, to: &Client) -> Result<u64, DbErr> {
    let columns = ActiveModel {
        id: ActiveValue::NotSet,
        status: ActiveValue::NotSet,
        created_at: ActiveValue::NotSet,
        ..row(to)
    };
    let update = Entity::update_many()
        .set(columns)
        .filter(Column::Id.eq(to.id.0.as_str()))
        .filter(Column::Status.eq(status(true)))
        .filter(Column::Revision.eq(to.revision - 1));
    Ok(update.exec(conn).await?.rows_affected)
}

fn row(client: &Client) -> ActiveModel {
    let secret = client.credentials.secret();
    let (jwks, jwks_uri) = match client.keys() {
        Some(KeySource::Registered(keys)) => (Some(keys.document().to_owned()), None),
        Some(KeySource::At(url)) => (None, Some(url.clone())),
        None => (None, None),
    };
    let previous = secret.and_then(|it| it.previous);
    ActiveModel {
        id: ActiveValue::Set(client.id.0.clone()),
        name: ActiveValue::Set(client.name.clone()),
        role: ActiveValue::Set(client.role.as_str().to_owned()),
        status: ActiveValue::Set(status(client.active).to_owned()),
        profile: ActiveValue::Set(client.profile.as_str().to_owned()),
        auth_method: ActiveValue::Set(client.credentials.method().as_str().to_owned()),
        secret_hash: ActiveValue::Set(secret.map(|it| it.current.to_vec())),
        previous_secret_hash: ActiveValue::Set(previous.map(|(hash, _)| hash.to_vec())),
        previous_secret_until: ActiveValue::Set(previous.map(|(_, until)| milliseconds(until))),
        jwks: ActiveValue::Set(jwks),
        jwks_uri: ActiveValue::Set(jwks_uri),
        delivery_mode: ActiveValue::Set(client.mode.as_str().to_owned()),
        notification_endpoint: ActiveValue::Set(client.notification_endpoint.clone()),
        scopes: ActiveValue::Set(json(&client.scopes)),
        types: ActiveValue::Set(json(&client.types)),
        resources: ActiveValue::Set(json(&client.resources)),
        grant_types: ActiveValue::Set(json(&client.grant_types)),
        dpop_bound: ActiveValue::Set(client.proof.dpop_bound),
        user_code: ActiveValue::Set(client.proof.user_code),
        certificate_bound: ActiveValue::Set(client.proof.certificate_bound),
        tls_subject: ActiveValue::Set(
            (client.credentials.tls_subject()).and_then(|it| serde_json::to_string(it).ok()),
        ),
        assertion_audience: ActiveValue::Set(client.proof.audience.as_str().to_owned()),
        request_signing_alg: ActiveValue::Set(
            (client.request_signing.as_ref()).map(|it| it.algorithm().to_owned()),
        ),
        id_token_alg: ActiveValue::Set(client.id_token_alg.as_str().to_owned()),
        created_at: ActiveValue::Set(milliseconds(client.created_at)),
        revision: ActiveValue::Set(client.revision),
        document_until: ActiveValue::Set(client.document_until.map(milliseconds)),
    }
}

/// Disables or enables a client; 0 when it already is.
pub(super) async fn set_active<C: ConnectionTrait>(
    conn: &C,
    id: &ClientId,
    active: bool,
) -> Result<u64, DbErr> {
    let update = Entity::update_many()
        .filter(Column::Id.eq(id.0.as_str()))
        .filter(Column::Status.eq(status(!active)))
        .col_expr(Column::Status, Expr::value(status(active)));
    Ok(update.exec(conn).await?.rows_affected)
}

/// Gives a client another secret; 0 when it has another already.
pub(super) async fn rotate_secret<C: ConnectionTrait>(
    conn: &C,
    rotated: &RotatedSecret,
) -> Result<u64, DbErr> {
    let kept = rotated.keep_until.map(|_| rotated.from.to_vec());
    let update = Entity::update_many()
        .filter(Column::Id.eq(rotated.client.0.as_str()))
        .filter(Column::SecretHash.eq(rotated.from.to_vec()))
        .col_expr(Column::Revision, Expr::col(Column::Revision).add(1))
        .col_expr(Column::SecretHash, Expr::value(rotated.to.to_vec()))
        .col_expr(Column::PreviousSecretHash, Expr::value(kept))
        .col_expr(
            Column::PreviousSecretUntil,
            Expr::value(rotated.keep_until.map(milliseconds)),
        );
    Ok(update.exec(conn).await?.rows_affected)
}

pub(super) fn status(active: bool) -> &'static str {
    if active { "active" } else { "disabled" }
}

fn read(row: Model) -> Result<Client, StoreError> {
    let odd = |column| inconsistent("clients", &row.id, column);
    let list = |json: &str, column| serde_json::from_str(json).map_err(|_| odd(column));
    let secret = || read_secret(&row).ok_or_else(|| odd("secret_hash"));
    let credentials =
        match AuthMethod::from_word(&row.auth_method).ok_or_else(|| odd("auth_method"))? {
            AuthMethod::ClientSecretBasic => Credentials::SecretBasic(secret()?),
            AuthMethod::ClientSecretPost => Credentials::SecretPost(secret()?),
            AuthMethod::PrivateKeyJwt => {
                Credentials::PrivateKeyJwt(read_keys(&row).ok_or_else(|| odd("jwks"))?)
            }
            AuthMethod::SelfSignedTlsClientAuth => {
                Credentials::SelfSignedTls(read_keys(&row).ok_or_else(|| odd("jwks"))?)
            }
            AuthMethod::TlsClientAuth => {
                let subject = row.tls_subject.as_deref().map(serde_json::from_str);
                let subject = subject.and_then(Result::ok);
                Credentials::Tls(subject.ok_or_else(|| odd("tls_subject"))?)
            }
        };
    let signing = row.request_signing_alg.as_deref().map(|algorithm| {
        let own = credentials.keys();
        let other = if own.is_none() { read_keys(&row) } else { None };
        RequestSigning::read(algorithm, own, other).map_err(|_| odd("request_signing_alg"))
    });
    let request_signing = signing.transpose()?;
    Ok(Client {
        name: row.name.clone(),
        role: Role::from_word(&row.role).ok_or_else(|| odd("role"))?,
        active: row.status == "active",
        profile: Profile::from_word(&row.profile).ok_or_else(|| odd("profile"))?,
        credentials,
        proof: ProofTerms {
            dpop_bound: row.dpop_bound,
            user_code: row.user_code,
            certificate_bound: row.certificate_bound,
            audience: Audience::from_word(&row.assertion_audience)
                .ok_or_else(|| odd("assertion_audience"))?,
        },
        request_signing,
        id_token_alg: Algorithm::from_word(&row.id_token_alg).ok_or_else(|| odd("id_token_alg"))?,
        mode: Mode::from_word(&row.delivery_mode).ok_or_else(|| odd("delivery_mode"))?,
        notification_endpoint: row.notification_endpoint.clone(),
        scopes: list(&row.scopes, "scopes")?,
        types: list(&row.types, "types")?,
        resources: list(&row.resources, "resources")?,
        grant_types: list(&row.grant_types, "grant_types")?,
        created_at: from_milliseconds(row.created_at),
        revision: row.revision,
        document_until: row.document_until.map(from_milliseconds),
        id: ClientId(row.id),
    })
}

fn read_secret(row: &Model) -> Option<SecretHashes> {
    let hash = |bytes: &Option<Vec<u8>>| <[u8; 32]>::try_from(bytes.as_deref()?).ok();
    let until = row.previous_secret_until.map(from_milliseconds);
    Some(SecretHashes {
        current: hash(&row.secret_hash)?,
        previous: hash(&row.previous_secret_hash).zip(until),
    })
}

fn read_keys(row: &Model) -> Option<KeySource> {
    match (&row.jwks, &row.jwks_uri) {
        (Some(jwks), None) => PublicKeys::read(jwks).ok().map(KeySource::Registered),
        (None, Some(url)) => Some(KeySource::At(url.clone())),
        (Some(_), Some(_)) | (None, None) => None,
    }
}
