//! The values, sealed, and what they are found by.

use super::database::{Database, Schema};
use crate::error::LastingError;
use crate::sealed::{Row, Tied};
use crate::store::{MOST_NAMED, MOST_RECALLED, STALE};

mod migrations {
    refinery::embed_migrations!("../migrations/vault");
}

pub(super) const SCHEMA: Schema = Schema { name: "weir_vault", migrations: migrations::migrations::runner };
const COLUMNS: &str = "p.tenant, p.name, p.owner, p.conversation, p.sealed FROM pseudonym p";

/// Where the values are.
pub(super) struct Values(pub(super) Database);

impl Values {
    /// Writes rows, and ties to rows that are there; of what is known, when it was last used. No pseudonym of an owner
    /// may stand there twice, and no tie to one.
    pub(super) async fn write(&self, rows: &[Row], ties: &[Tied], now: i64) -> Result<(), LastingError> {
        let column = |of: fn(&Row) -> &[u8]| rows.iter().map(|row| of(row).to_vec()).collect::<Vec<_>>();
        let (tenants, names, owners) =
            (column(|row| &row.tenant), column(|row| &row.name), column(|row| &row.owner));
        let conversations: Vec<_> = rows.iter().map(|row| row.conversation.map(|it| it.to_vec())).collect();
        let sealed: Vec<_> = rows.iter().map(|row| row.sealed.clone()).collect();
        let tied = |of: fn(&Tied) -> &[u8]| ties.iter().map(|tied| of(tied).to_vec()).collect::<Vec<_>>();
        let held = (tied(|it| &it.tenant), tied(|it| &it.held.name), tied(|it| &it.held.owner));
        let tie = tied(|it| &it.tie);
        self.0
            .with("writing", async |client| {
                let transaction = client.transaction().await?;
                let put = "INSERT INTO pseudonym (tenant, name, owner, conversation, sealed, seen)
                           SELECT u.*, $6::bigint FROM unnest($1::bytea[], $2::bytea[], $3::bytea[], $4::bytea[], $5::bytea[]) u
                           ORDER BY 1, 2, 3
                           ON CONFLICT (tenant, name, owner) DO UPDATE SET seen = excluded.seen,
                           conversation = coalesce(excluded.conversation, pseudonym.conversation)
                           WHERE pseudonym.sealed IS NOT NULL";
                transaction.execute(put, &[&tenants, &names, &owners, &conversations, &sealed, &now]).await?;
                let touch = "UPDATE pseudonym p SET seen = $4
                             FROM unnest($1::bytea[], $2::bytea[], $3::bytea[]) u (tenant, name, owner)
                             WHERE p.tenant = u.tenant AND p.name = u.name AND p.owner = u.owner AND p.seen < $5";
                transaction.execute(touch, &[&held.0, &held.1, &held.2, &now, &(now - STALE)]).await?;
                let put = "INSERT INTO tie (tie, name, owner, seen)
                           SELECT u.tie, u.name, u.owner, $5::bigint
                           FROM unnest($1::bytea[], $2::bytea[], $3::bytea[], $4::bytea[]) u (tie, tenant, name, owner)
                           JOIN pseudonym p ON p.tenant = u.tenant AND p.name = u.name AND p.owner = u.owner
                           WHERE p.sealed IS NOT NULL ORDER BY 1, 2, 3
                           ON CONFLICT (tie, name, owner) DO UPDATE SET seen = excluded.seen";
                transaction.execute(put, &[&tie, &held.0, &held.1, &held.2, &now]).await?;
                transaction.commit().await
            })
            .await
    }

    /// The rows of an owner, and those of a conversation; the last used ones first.
    pub(super) async fn of(
        &self,
        tenant: [u8; 32],
        owner: Option<[u8; 16]>,
        conversation: Option<[u8; 32]>,
    ) -> Result<Vec<Row>, LastingError> {
        let mut rows = Vec::new();
        if let Some(owner) = owner {
            let sql = format!(
                "SELECT {COLUMNS} WHERE p.tenant = $1 AND p.owner = $2 ORDER BY p.seen DESC LIMIT {MOST_RECALLED}"
            );
            rows.extend(self.read(&sql, (&tenant, &owner)).await?);
        }
        if let Some(conversation) = conversation {
            let sql = format!(
                "SELECT {COLUMNS} WHERE p.tenant = $1 AND p.conversation = $2 ORDER BY p.seen DESC LIMIT {MOST_RECALLED}"
            );
            rows.extend(self.read(&sql, (&tenant, &conversation)).await?);
        }
        Ok(rows)
    }

    /// The rows that were tied, the last used ones first.
    pub(super) async fn tied(&self, tenant: [u8; 32], tie: [u8; 32]) -> Result<Vec<Row>, LastingError> {
        let sql = format!(
            "SELECT {COLUMNS} JOIN tie t ON p.name = t.name AND p.owner = t.owner
             WHERE p.tenant = $1 AND t.tie = $2 ORDER BY t.seen DESC LIMIT {MOST_RECALLED}"
        );
        self.read(&sql, (&tenant, &tie)).await
    }

    /// The rows of a pseudonym.
    pub(super) async fn named(&self, tenant: [u8; 32], name: [u8; 32]) -> Result<Vec<Row>, LastingError> {
        let sql = format!(
            "SELECT {COLUMNS} WHERE p.tenant = $1 AND p.name = $2 ORDER BY p.seen DESC LIMIT {MOST_NAMED}"
        );
        self.read(&sql, (&tenant, &name)).await
    }

    /// Deletes the values under keys, and whose they were: that there was one is all that stays.
    pub(super) async fn forget(&self, owners: &[Vec<u8>]) -> Result<u64, LastingError> {
        self.0
            .with("erasing", async |client| {
                let transaction = client.transaction().await?;
                let bury = "INSERT INTO pseudonym (tenant, name, owner, sealed, seen)
                            SELECT tenant, name, $2::bytea, NULL, max(seen) FROM pseudonym
                            WHERE owner = ANY($1) AND sealed IS NOT NULL GROUP BY tenant, name
                            ON CONFLICT (tenant, name, owner) DO UPDATE
                            SET seen = greatest(pseudonym.seen, excluded.seen)";
                let buried = transaction.execute(bury, &[&owners, &vec![0_u8; 16]]).await?;
                transaction.execute("DELETE FROM pseudonym WHERE owner = ANY($1)", &[&owners]).await?;
                transaction.execute("DELETE FROM tie WHERE owner = ANY($1)", &[&owners]).await?;
                transaction.commit().await?;
                Ok(buried)
            })
            .await
    }

    /// Deletes what was last used before a time.
    pub(super) async fn prune(&self, before: i64) -> Result<u64, LastingError> {
        self.0
            .with("pruning", async |client| {
                client.execute("DELETE FROM tie WHERE seen < $1", &[&before]).await?;
                client.execute("DELETE FROM pseudonym WHERE seen < $1", &[&before]).await
            })
            .await
    }

    async fn read(&self, sql: &str, by: (&[u8], &[u8])) -> Result<Vec<Row>, LastingError> {
        let rows = self.0.with("reading", async |client| client.query(sql, &[&by.0, &by.1]).await).await?;
        rows.iter().map(|row| cells(row).ok_or(LastingError::Damaged)).collect()
    }
}

fn cells(row: &tokio_postgres::Row) -> Option<Row> {
    let bytes = |at: usize| row.try_get::<_, Option<Vec<u8>>>(at).ok();
    let conversation = match bytes(3)? {
        Some(bytes) => Some(bytes.try_into().ok()?),
        None => None,
    };
    let (tenant, name, owner) =
        (bytes(0)??.try_into().ok()?, bytes(1)??.try_into().ok()?, bytes(2)??.try_into().ok()?);
    Some(Row { tenant, name, owner, conversation, sealed: bytes(4)? })
}
