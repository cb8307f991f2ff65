//! The anchor of the audit log in the same kind of database: reached as the index is, in a schema of its own.

use std::sync::Arc;
use std::time::Duration;

use tokio_postgres::Client;
use weir_audit::proof::anchor::AnchorError;
use weir_audit::proof::postgres::{Connect, PostgresAnchor};

use super::PostgresSettings;

impl PostgresSettings {
    /// An anchor in this database; no question to it takes longer than `patience`. Its table `weir_anchor` stands in
    /// the schema `public`: it is no part of the index, which may be thrown away.
    ///
    /// # Errors
    /// [`AnchorError`] when its thread can't be started.
    pub fn anchor(&self, patience: Duration) -> Result<PostgresAnchor, AnchorError> {
        let settings = self.clone();
        let connect: Connect = Arc::new(move || {
            let settings = settings.clone();
            Box::pin(async move { open(&settings).await })
        });
        PostgresAnchor::new(connect, patience)
    }
}

async fn open(settings: &PostgresSettings) -> Result<Client, AnchorError> {
    let client = settings.connect().await.map_err(|error| AnchorError { reason: error.to_string() })?;
    let path = client.batch_execute("SET search_path TO public").await;
    path.map_err(|_| AnchorError { reason: "the schema public can't be used".to_owned() })?;
    Ok(client)
}
