//! One database: its connections, its schema brought up to date, and its failures without the rows they quote.

use std::time::Duration;

use deadpool_postgres::{Object, Pool, PoolError};
use tokio::sync::OnceCell;
use tokio::time::timeout;
use tokio_postgres::Client;
use weir_index::PostgresSettings;

use crate::error::LastingError;

/// Held while a schema is brought up to date, so that two nodes don't do it at once.
const MIGRATION_LOCK: i64 = 0x7765_6976;

/// A schema: its name, and how it is brought up to date.
pub(super) struct Schema {
    pub(super) name: &'static str,
    pub(super) migrations: fn() -> refinery::Runner,
}

pub(super) struct Database {
    pool: Pool,
    schema: Schema,
    patience: Duration,
    is_ready: OnceCell<()>,
}

impl Database {
    /// Connects when it is first asked.
    pub(super) fn new(settings: &PostgresSettings, schema: Schema) -> Result<Self, LastingError> {
        let pool = settings.pool(schema.name)?;
        Ok(Self { pool, schema, patience: settings.patience, is_ready: OnceCell::new() })
    }

    /// Works on a connection within the deadline.
    pub(super) async fn with<T>(
        &self,
        action: &'static str,
        work: impl AsyncFnOnce(&mut Object) -> Result<T, tokio_postgres::Error>,
    ) -> Result<T, LastingError> {
        let done = timeout(self.patience, async {
            let mut client = self.pool.get().await.map_err(|error| match error {
                PoolError::Backend(error) => failed("connecting")(error),
                _ => LastingError::Postgres { action: "connecting", code: "no connection".to_owned() },
            })?;
            self.is_ready.get_or_try_init(async || self.migrate(&mut client).await).await?;
            work(&mut client).await.map_err(failed(action))
        });
        done.await.unwrap_or(Err(LastingError::Postgres { action, code: "no answer in time".to_owned() }))
    }

    /// Brings the schema up to date, where it isn't; a role without the right to do so can use one that is.
    async fn migrate(&self, client: &mut Client) -> Result<(), LastingError> {
        let Schema { name, migrations } = &self.schema;
        let fail = || failed("migrating");
        let runner = migrations().set_abort_divergent(true).set_abort_missing(true);
        let newest = runner.get_migrations().iter().map(refinery::Migration::version).max();
        if newest == self.version(client).await.map_err(fail())? {
            return Ok(());
        }
        client.execute("SELECT pg_advisory_lock($1)", &[&MIGRATION_LOCK]).await.map_err(fail())?;
        let outcome = async {
            client.batch_execute(&format!("CREATE SCHEMA IF NOT EXISTS {name}")).await.map_err(fail())?;
            let run = runner.run_async(client).await;
            run.map(drop).map_err(|error| match error.kind() {
                refinery::error::Kind::Connection(..) => {
                    LastingError::Postgres { action: "migrating", code: "refused".to_owned() }
                }
                other => LastingError::Version { reason: other.to_string() },
            })
        };
        let outcome = outcome.await;
        client.execute("SELECT pg_advisory_unlock($1)", &[&MIGRATION_LOCK]).await.map_err(fail())?;
        outcome
    }

    async fn version(&self, client: &Client) -> Result<Option<i32>, tokio_postgres::Error> {
        let table = format!("{}.refinery_schema_history", self.schema.name);
        let exists = client.query_one("SELECT to_regclass($1) IS NOT NULL", &[&table]).await?;
        if !exists.try_get::<_, bool>(0)? {
            return Ok(None);
        }
        client.query_one(&format!("SELECT max(version) FROM {table}"), &[]).await?.try_get(0)
    }
}

/// What failed, without the database's own words, which may quote a row.
fn failed(action: &'static str) -> impl FnOnce(tokio_postgres::Error) -> LastingError {
    move |error| {
        let code = error.code().map(|code| code.code().to_owned());
        let lost = if error.is_closed() { "connection lost" } else { "no answer" };
        LastingError::Postgres { action, code: code.unwrap_or_else(|| lost.to_owned()) }
    }
}
