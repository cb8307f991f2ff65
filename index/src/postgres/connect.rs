//! Where the database is, how it is reached, and its schema brought up to date.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod, Runtime, Timeouts};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio::time::timeout;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::{Client, Config};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::error::IndexError;

mod migrations {
    refinery::embed_migrations!("../migrations/postgres");
}

/// Held while the schema is brought up to date, so that two nodes don't do it at once.
const MIGRATION_LOCK: i64 = 0x7765_6972;

/// Where the database is and how long it may take. `Debug` hides the URL, which holds the password.
#[derive(Clone)]
pub struct PostgresSettings {
    /// `postgres://user:password@host/database?sslmode=require`. Without an `sslmode`, TLS is demanded of every
    /// host but this one.
    pub url: String,
    /// Certificates to trust, in PEM, instead of the system's.
    pub ca: Option<PathBuf>,
    /// Longest time to connect.
    pub connecting: Duration,
    /// Longest time for one batch or one question.
    pub patience: Duration,
    /// Connections for questions.
    pub readers: usize,
}

impl PostgresSettings {
    /// The defaults, for a database at `url`.
    pub fn new(url: impl Into<String>) -> Self {
        let (connecting, patience) = (Duration::from_secs(10), Duration::from_secs(30));
        Self { url: url.into(), ca: None, connecting, patience, readers: 4 }
    }

    /// How a connection for questions begins: a page is read in the order of an index, and no plan that first reads
    /// all that matches may be chosen for it.
    pub(super) fn asking(&self) -> Result<Config, IndexError> {
        self.begin("-c enable_hashjoin=off -c enable_mergejoin=off -c jit=off")
    }

    /// How a connection for shipping begins.
    pub(super) fn config(&self) -> Result<Config, IndexError> {
        self.begin("-c synchronous_commit=on")
    }

    fn begin(&self, own: &str) -> Result<Config, IndexError> {
        let parsed = Config::from_str(&self.url);
        let mut config =
            parsed.map_err(|_| IndexError::Setting { reason: "the url is not one of postgresql" })?;
        if config.get_ssl_mode() == SslMode::Prefer && !config.get_hosts().iter().all(is_here) {
            config.ssl_mode(SslMode::Require);
        }
        let millis = self.patience.as_millis();
        // A lock that another node's stopped connection holds must not be waited for until the deadline.
        let lock = millis / 2;
        config.options(format!(
            "-c search_path=weir -c statement_timeout={millis} -c lock_timeout={lock} \
             -c idle_in_transaction_session_timeout={millis} {own}"
        ));
        config.application_name("weir").connect_timeout(self.connecting);
        config.tcp_user_timeout(self.patience).keepalives_idle(Duration::from_secs(30));
        Ok(config)
    }

    /// Connections for another store of Weir's in a schema of its own; made when they are first asked for.
    ///
    /// # Errors
    /// [`IndexError::Setting`].
    pub fn pool(&self, schema: &str) -> Result<Pool, IndexError> {
        self.pooled(self.begin(&format!("-c search_path={schema} -c synchronous_commit=on"))?)
    }

    /// Connections that begin so.
    pub(super) fn pooled(&self, begun: Config) -> Result<Pool, IndexError> {
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let connections = Manager::from_config(begun, self.tls()?, recycling);
        let (waiting, connecting) = (Some(self.patience), Some(self.connecting));
        Pool::builder(connections)
            .max_size(self.readers)
            .timeouts(Timeouts { wait: waiting, create: connecting, recycle: connecting })
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|_| IndexError::Setting { reason: "the pool of connections can't be made" })
    }

    /// TLS by the certificates to trust.
    pub(super) fn tls(&self) -> Result<MakeRustlsConnect, IndexError> {
        let mut roots = RootCertStore::empty();
        match &self.ca {
            Some(path) => {
                let unreadable =
                    || IndexError::Setting { reason: "the file of trusted certificates can't be read" };
                for certificate in CertificateDer::pem_file_iter(path).map_err(|_| unreadable())? {
                    roots.add(certificate.map_err(|_| unreadable())?).map_err(|_| unreadable())?;
                }
            }
            None => {
                // A machine without certificates can still reach a database that needs none.
                let found = rustls_native_certs::load_native_certs().unwrap_or_default();
                roots.add_parsable_certificates(found);
            }
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let versions =
            versions.map_err(|_| IndexError::Setting { reason: "no version of TLS is available" })?;
        Ok(MakeRustlsConnect::new(versions.with_root_certificates(roots).with_no_client_auth()))
    }

    /// A new connection, driven by a task of its own on the current runtime.
    pub(super) async fn connect(&self) -> Result<Client, IndexError> {
        let (config, tls) = (self.config()?, self.tls()?);
        let connected = timeout(self.connecting, config.connect(tls)).await;
        let (client, connection) = connected
            .map_err(|_| IndexError::Late { action: "connecting to the index" })?
            .map_err(IndexError::postgres("connecting"))?;
        // It ends with the client, and its failures show there.
        tokio::spawn(async { drop(connection.await) });
        Ok(client)
    }
}

impl fmt::Debug for PostgresSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresSettings")
            .field("ca", &self.ca)
            .field("patience", &self.patience)
            .finish_non_exhaustive()
    }
}

/// Brings the schema up to date, where it isn't; a role without the right to do so can use one that is.
pub(super) async fn migrate(client: &mut Client) -> Result<(), IndexError> {
    let fail = || IndexError::postgres("migrating the index");
    let runner = migrations::migrations::runner().set_abort_divergent(true).set_abort_missing(true);
    let newest = runner.get_migrations().iter().map(refinery::Migration::version).max().unwrap_or_default();
    match version(client).await? {
        Some(version) if version == newest => return Ok(()),
        Some(version) if version > newest => {
            return Err(IndexError::Setting {
                reason: "the database's schema is of a newer version of weir",
            });
        }
        _ => {}
    }
    client.execute("SELECT pg_advisory_lock($1)", &[&MIGRATION_LOCK]).await.map_err(fail())?;
    client.batch_execute("CREATE SCHEMA IF NOT EXISTS weir").await.map_err(fail())?;
    let outcome = runner.run_async(client).await;
    client.execute("SELECT pg_advisory_unlock($1)", &[&MIGRATION_LOCK]).await.map_err(fail())?;
    outcome.map(drop).map_err(|error| match error.kind() {
        refinery::error::Kind::Connection(what, source) => {
            let code = source.downcast_ref::<tokio_postgres::Error>().and_then(tokio_postgres::Error::code);
            let code = code.map_or("no answer", tokio_postgres::error::SqlState::code);
            IndexError::Migration { reason: format!("{what} ({code})") }
        }
        other => IndexError::Migration { reason: other.to_string() },
    })
}

async fn version(client: &Client) -> Result<Option<i32>, IndexError> {
    let fail = || IndexError::postgres("reading the version of the index");
    let exists =
        client.query_one("SELECT to_regclass('weir.refinery_schema_history') IS NOT NULL", &[]).await;
    if !exists.map_err(fail())?.try_get::<_, bool>(0).map_err(fail())? {
        return Ok(None);
    }
    let newest = client.query_one("SELECT max(version) FROM weir.refinery_schema_history", &[]).await;
    newest.map_err(fail())?.try_get(0).map_err(fail())
}

/// Whether a host is this machine: then nobody can listen in between.
fn is_here(host: &Host) -> bool {
    match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => name == "localhost" || name.parse().is_ok_and(|it: IpAddr| it.is_loopback()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tls_is_demanded_of_every_other_host() {
        let check = |url: &str, expect: Option<SslMode>| {
            let mode = PostgresSettings::new(url).config().ok().map(|it| it.get_ssl_mode());
            assert_eq!(mode, expect, "{url}");
        };
        check("postgres://weir@db.example/weir", Some(SslMode::Require));
        check("postgres://weir@192.0.2.1/weir", Some(SslMode::Require));
        check("postgres://weir@db.example/weir?sslmode=disable", Some(SslMode::Disable));
        check("postgres://weir@db.example/weir?sslmode=require", Some(SslMode::Require));
        check("postgres://weir@localhost/weir", Some(SslMode::Prefer));
        check("postgres://weir@127.0.0.1,db.example/weir", Some(SslMode::Require));
        check("postgres://weir@[::1]/weir", Some(SslMode::Prefer));
        check("mysql://weir@db.example/weir", None);
    }

    #[test]
    fn debug_hides_the_password() {
        let shown = format!("{:?}", PostgresSettings::new("postgres://weir:secret@db.example/weir"));
        assert!(!shown.contains("secret") && !shown.contains("example"), "{shown}");
    }
}
