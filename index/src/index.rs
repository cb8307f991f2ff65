//! One handle for whoever asks, whichever database answers, and one for where the index is.

use std::path::PathBuf;
use std::time::Duration;

use uuid::Uuid;

use crate::error::IndexError;
use crate::postgres::{PostgresIndex, PostgresSettings, PostgresStore};
use crate::query::{CallPage, Completeness, EventPage, EventQuery, Query, Scope, Totals};
use crate::row::CallRow;
use crate::sqlite::{SqliteIndex, SqliteStore};
use crate::store::Store;

/// Longest time for one question to a SQLite file.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where the index is.
#[derive(Clone, Debug)]
pub enum Place {
    /// A SQLite file.
    Sqlite(PathBuf),
    /// A PostgreSQL database.
    Postgres(PostgresSettings),
}

impl Place {
    /// The side that an [`crate::Indexer`] writes to. A SQLite file is opened, or made; PostgreSQL is connected to
    /// when the first batch is at hand, so that a gateway starts without it.
    ///
    /// # Errors
    /// [`IndexError::Sqlite`], [`IndexError::Setting`].
    pub fn store(&self) -> Result<Box<dyn Store>, IndexError> {
        Ok(match self {
            Self::Sqlite(path) => Box::new(SqliteStore::open(path)?),
            Self::Postgres(settings) => Box::new(PostgresStore::new(settings.clone())?),
        })
    }

    /// The side that answers.
    ///
    /// # Errors
    /// [`IndexError::Setting`].
    pub fn index(&self) -> Result<Index, IndexError> {
        Ok(match self {
            Self::Sqlite(path) => Index::Sqlite(SqliteIndex::new(path, PATIENCE)),
            Self::Postgres(settings) => Index::Postgres(PostgresIndex::new(settings)?),
        })
    }
}

/// The index, to be asked from asynchronous code. Cheap to clone.
#[derive(Clone)]
pub enum Index {
    /// In a SQLite file; its answers are looked up on a thread for blocking work.
    Sqlite(SqliteIndex),
    /// In PostgreSQL.
    Postgres(PostgresIndex),
}

impl Index {
    /// A page of calls, newest first.
    ///
    /// # Errors
    /// [`IndexError::NotACursor`] and [`IndexError::TooManyIds`] for a question that is none; [`IndexError::Late`];
    /// otherwise when the database fails.
    pub async fn calls(&self, query: &Query) -> Result<CallPage, IndexError> {
        match self {
            Self::Sqlite(index) => {
                let (index, query) = (index.clone(), query.clone());
                blocking(move || index.calls(&query)).await
            }
            Self::Postgres(index) => index.calls(query).await,
        }
    }

    /// The call with this id, if there is one within the scope.
    ///
    /// # Errors
    /// As [`Index::calls`].
    pub async fn call(&self, scope: Scope, id: Uuid) -> Result<Option<CallRow>, IndexError> {
        let query = Query { scope, ids: Some(vec![id]), limit: 1, ..Query::default() };
        Ok(self.calls(&query).await?.rows.pop())
    }

    /// Counts and sums of the calls that match.
    ///
    /// # Errors
    /// As [`Index::calls`].
    pub async fn totals(&self, query: &Query) -> Result<Totals, IndexError> {
        match self {
            Self::Sqlite(index) => {
                let (index, query) = (index.clone(), query.clone());
                blocking(move || index.totals(&query)).await
            }
            Self::Postgres(index) => index.totals(query).await,
        }
    }

    /// A page of the records that belong to no call, newest first.
    ///
    /// # Errors
    /// As [`Index::calls`].
    pub async fn events(&self, query: &EventQuery) -> Result<EventPage, IndexError> {
        match self {
            Self::Sqlite(index) => {
                let (index, query) = (index.clone(), query.clone());
                blocking(move || index.events(&query)).await
            }
            Self::Postgres(index) => index.events(query).await,
        }
    }

    /// For each lane, whether every call is where it must be. Counts rows, which takes a while in a large index.
    ///
    /// # Errors
    /// As [`Index::calls`].
    pub async fn completeness(&self) -> Result<Vec<Completeness>, IndexError> {
        match self {
            Self::Sqlite(index) => {
                let index = index.clone();
                blocking(move || index.completeness()).await
            }
            Self::Postgres(index) => index.completeness().await,
        }
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, IndexError> + Send + 'static,
) -> Result<T, IndexError> {
    // It fails only while the runtime shuts down, when nobody waits for the answer.
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(IndexError::Late { action: "reading" }))
}
