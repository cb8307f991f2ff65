//! Answers questions from the file, each on a connection of its own, so that none waits for the writer.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::{Connection, params_from_iter};

use super::{cells, open};
use crate::error::IndexError;
use crate::query::{CallPage, Completeness, EventPage, EventQuery, Group, Paged, Query, Totals};
use crate::row::{CallRow, EventRow};
use crate::sql::{self, Dialect, Sql};
use crate::value::{ColumnType, Row, Value};

/// Steps of SQLite's machine between two looks at the clock.
const STEPS: i32 = 10_000;

/// The reading side of the index. Cheap to clone; calls block, so an asynchronous caller uses a blocking thread.
#[derive(Clone, Debug)]
pub struct SqliteIndex {
    path: PathBuf,
    patience: Duration,
}

impl SqliteIndex {
    /// Reads the file that a [`super::SqliteStore`] writes; no question may take longer than `patience`.
    pub fn new(path: &Path, patience: Duration) -> Self {
        Self { path: path.to_owned(), patience }
    }

    /// A page of calls, newest first.
    ///
    /// # Errors
    /// [`IndexError::NotACursor`], [`IndexError::TooManyIds`], [`IndexError::Late`], [`IndexError::Sqlite`].
    pub fn calls(&self, query: &Query) -> Result<CallPage, IndexError> {
        let types: Vec<_> = CallRow::columns().map(|(_, kind)| *kind).collect();
        let rows = self.rows(&sql::page(query, Dialect::Sqlite)?, &types)?;
        let rows: Option<Vec<_>> = rows.into_iter().map(CallRow::from_values).collect();
        Ok(query.page(rows.ok_or(IndexError::Damaged)?))
    }

    /// Counts and sums of the calls that match.
    ///
    /// # Errors
    /// As [`SqliteIndex::calls`].
    pub fn totals(&self, query: &Query) -> Result<Totals, IndexError> {
        let rows = self.rows(&sql::totals(query, Dialect::Sqlite)?, &Group::types())?;
        let groups: Option<Vec<_>> = rows.into_iter().map(Group::from_values).collect();
        Ok(Totals { groups: groups.ok_or(IndexError::Damaged)? })
    }

    /// A page of the records that belong to no call, newest first.
    ///
    /// # Errors
    /// As [`SqliteIndex::calls`].
    pub fn events(&self, query: &EventQuery) -> Result<EventPage, IndexError> {
        let types: Vec<_> = EventRow::COLUMNS.iter().map(|(_, kind)| *kind).collect();
        let rows = self.rows(&sql::events(query, Dialect::Sqlite)?, &types)?;
        let rows: Option<Vec<_>> =
            rows.into_iter().map(|row| EventRow::from_values(&mut row.into_iter())).collect();
        Ok(query.page(rows.ok_or(IndexError::Damaged)?))
    }

    /// For each lane, whether every call is where it must be. Counts rows, which takes a while in a large index.
    ///
    /// # Errors
    /// [`IndexError::Late`], [`IndexError::Sqlite`].
    pub fn completeness(&self) -> Result<Vec<Completeness>, IndexError> {
        let rows = self.rows(&sql::completeness(Dialect::Sqlite), &Completeness::types())?;
        let lanes: Option<Vec<_>> = rows.into_iter().map(Completeness::from_values).collect();
        lanes.ok_or(IndexError::Damaged)
    }

    fn rows(&self, sql: &Sql, types: &[ColumnType]) -> Result<Vec<Vec<Value<'static>>>, IndexError> {
        let connection = self.connect()?;
        let mut statement = connection.prepare(&sql.text).map_err(IndexError::sqlite("reading"))?;
        let mut rows =
            statement.query(params_from_iter(&sql.params)).map_err(IndexError::sqlite("reading"))?;
        let mut found = Vec::new();
        while let Some(row) = rows.next().map_err(IndexError::sqlite("reading"))? {
            found.push(cells(row, types.iter().copied())?);
        }
        Ok(found)
    }

    fn connect(&self) -> Result<Connection, IndexError> {
        let connection = open::readable(&self.path)?;
        let deadline = Instant::now() + self.patience;
        let is_late = move || Instant::now() > deadline;
        connection.progress_handler(STEPS, Some(is_late)).map_err(IndexError::sqlite("reading"))?;
        Ok(connection)
    }
}
