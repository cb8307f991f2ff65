//! Answers questions from PostgreSQL over a small pool of connections.

use std::time::Duration;

use deadpool_postgres::Pool;
use tokio::time::timeout;

use super::{PostgresSettings, cells};
use crate::error::IndexError;
use crate::query::{CallPage, Completeness, EventPage, EventQuery, Group, Paged, Query, Totals};
use crate::row::{CallRow, EventRow};
use crate::sql::{self, Dialect, Sql};
use crate::value::{ColumnType, Row, Value};

/// The reading side of the index. Cheap to clone.
#[derive(Clone)]
pub struct PostgresIndex {
    pool: Pool,
    patience: Duration,
}

impl PostgresIndex {
    /// Connects when the first question is asked.
    ///
    /// # Errors
    /// [`IndexError::Setting`].
    pub fn new(settings: &PostgresSettings) -> Result<Self, IndexError> {
        let pool = settings.pooled(settings.asking()?)?;
        Ok(Self { pool, patience: settings.patience })
    }

    /// A page of calls, newest first.
    ///
    /// # Errors
    /// [`IndexError::NotACursor`], [`IndexError::TooManyIds`], [`IndexError::Late`], [`IndexError::Postgres`].
    pub async fn calls(&self, query: &Query) -> Result<CallPage, IndexError> {
        let types: Vec<_> = CallRow::columns().map(|(_, kind)| *kind).collect();
        let rows = self.rows(&sql::page(query, Dialect::Postgres)?, &types).await?;
        let rows: Option<Vec<_>> = rows.into_iter().map(CallRow::from_values).collect();
        Ok(query.page(rows.ok_or(IndexError::Damaged)?))
    }

    /// Counts and sums of the calls that match.
    ///
    /// # Errors
    /// As [`PostgresIndex::calls`].
    pub async fn totals(&self, query: &Query) -> Result<Totals, IndexError> {
        let rows = self.rows(&sql::totals(query, Dialect::Postgres)?, &Group::types()).await?;
        let groups: Option<Vec<_>> = rows.into_iter().map(Group::from_values).collect();
        Ok(Totals { groups: groups.ok_or(IndexError::Damaged)? })
    }

    /// A page of the records that belong to no call, newest first.
    ///
    /// # Errors
    /// As [`PostgresIndex::calls`].
    pub async fn events(&self, query: &EventQuery) -> Result<EventPage, IndexError> {
        let types: Vec<_> = EventRow::COLUMNS.iter().map(|(_, kind)| *kind).collect();
        let rows = self.rows(&sql::events(query, Dialect::Postgres)?, &types).await?;
        let rows: Option<Vec<_>> =
            rows.into_iter().map(|row| EventRow::from_values(&mut row.into_iter())).collect();
        Ok(query.page(rows.ok_or(IndexError::Damaged)?))
    }

    /// For each lane, whether every call is where it must be. Counts rows, which takes a while in a large index.
    ///
    /// # Errors
    /// [`IndexError::Late`], [`IndexError::Postgres`].
    pub async fn completeness(&self) -> Result<Vec<Completeness>, IndexError> {
        let rows = self.rows(&sql::completeness(Dialect::Postgres), &Completeness::types()).await?;
        let lanes: Option<Vec<_>> = rows.into_iter().map(Completeness::from_values).collect();
        lanes.ok_or(IndexError::Damaged)
    }

    async fn rows(&self, sql: &Sql, types: &[ColumnType]) -> Result<Vec<Vec<Value<'static>>>, IndexError> {
        let late = |_| IndexError::Late { action: "reading" };
        timeout(self.patience * 2, self.answer(sql, types)).await.map_err(late)?
    }

    async fn answer(&self, sql: &Sql, types: &[ColumnType]) -> Result<Vec<Vec<Value<'static>>>, IndexError> {
        let client = self.pool.get().await.map_err(|error| match error {
            deadpool_postgres::PoolError::Backend(error) => IndexError::postgres("connecting")(error),
            _ => IndexError::Late { action: "connecting to the index" },
        })?;
        let params: Vec<_> =
            sql.params.iter().map(|it| it as &(dyn tokio_postgres::types::ToSql + Sync)).collect();
        // Not prepared: the best plan depends on how often the values occur.
        let rows = client.query(&sql.text, &params).await.map_err(IndexError::postgres("reading"))?;
        rows.iter().map(|row| cells(row, types)).collect()
    }
}
