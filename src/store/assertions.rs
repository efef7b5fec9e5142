//! Client assertions that had their one effect.

use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue, ConnectionTrait, DbErr, EntityTrait};

use entity::used_assertion::{ActiveModel, Entity};

use super::writer;
use crate::domain::client::assertion::UsedAssertion;
use crate::domain::id::ClientId;
use crate::domain::timestamp::milliseconds;

/// Remembers an assertion; 0 when it was used before.
pub(super) async fn remember<C: ConnectionTrait>(
    conn: &C,
    client: &ClientId,
    used: &UsedAssertion,
) -> Result<u64, DbErr> {
    let row = ActiveModel {
        client_id: ActiveValue::Set(client.0.clone()),
        jti_hash: ActiveValue::Set(used.jti_hash.to_vec()),
        expires_at: ActiveValue::Set(milliseconds(used.expires_at)),
    };
    let insert = Entity::insert_many([row])
        .on_conflict(OnConflict::new().do_nothing().to_owned())
        .exec_without_returning(conn)
        .await;
    writer::rows(insert)
}
