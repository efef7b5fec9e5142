//! Whether a row's person and client may still take part, asked in the statement itself.

use sea_orm::sea_query::{Alias, Expr, ExprTrait as _, Query, SelectStatement};

use entity::{client, user};

/// The person in `user_id` of that table is active.
pub(super) fn active_user(table: &'static str) -> SelectStatement {
    Query::select()
        .expr(Expr::value(1))
        .from(user::Entity)
        .and_where(
            Expr::col((user::Entity, user::Column::Id))
                .equals((Alias::new(table), Alias::new("user_id"))),
        )
        .and_where(Expr::col((user::Entity, user::Column::Status)).eq("active"))
        .to_owned()
}

/// The client in `client_id` of that table is active.
pub(super) fn active_client(table: &'static str) -> SelectStatement {
    Query::select()
        .expr(Expr::value(1))
        .from(client::Entity)
        .and_where(
            Expr::col((client::Entity, client::Column::Id))
                .equals((Alias::new(table), Alias::new("client_id"))),
        )
        .and_where(Expr::col((client::Entity, client::Column::Status)).eq("active"))
        .to_owned()
}
