//! Reading the one row that a unique key finds.

use sea_orm::{ConnectionTrait, DbErr, EntityTrait, Select, SelectTwo};

/// A query that can find no more than one row.
///
/// `one()` of SeaORM adds a `LIMIT` whose number is a parameter. SQLite looks at that number while it
/// prepares, and so prepares the statement anew each time it is used, which costs more than running it.
pub(super) trait Only {
    type Row;

    /// The row, if there is one.
    async fn only<C: ConnectionTrait>(self, conn: &C) -> Result<Option<Self::Row>, DbErr>;
}

impl<E: EntityTrait> Only for Select<E> {
    type Row = E::Model;

    async fn only<C: ConnectionTrait>(self, conn: &C) -> Result<Option<E::Model>, DbErr> {
        Ok(self.all(conn).await?.pop())
    }
}

impl<E: EntityTrait, F: EntityTrait> Only for SelectTwo<E, F> {
    type Row = (E::Model, Option<F::Model>);

    async fn only<C: ConnectionTrait>(self, conn: &C) -> Result<Option<Self::Row>, DbErr> {
        Ok(self.all(conn).await?.pop())
    }
}
