//! An anchor in PostgreSQL: one row for each log, changed only by who knows its note.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio_postgres::{Client, Error};

use super::anchor::{Anchor, AnchorError, Swapped};

/// Opens a connection and spawns the task that drives it; the caller decides on TLS. Ran inside a Tokio runtime.
pub type Connect =
    Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Result<Client, AnchorError>> + Send>> + Send + Sync>;

const EXISTS: &str = "SELECT to_regclass('weir_anchor') IS NOT NULL";
const TABLE: &str = "CREATE TABLE IF NOT EXISTS weir_anchor (origin text PRIMARY KEY, note bytea NOT NULL, \
                     kept_at timestamptz NOT NULL DEFAULT now())";
const LOAD: &str = "SELECT note FROM weir_anchor WHERE origin = $1";
const FIRST: &str = "INSERT INTO weir_anchor (origin, note) VALUES ($1, $2) ON CONFLICT (origin) DO NOTHING";
const NEXT: &str = "UPDATE weir_anchor SET note = $2, kept_at = now() WHERE origin = $1 AND note = $3";

/// Keeps notes in the table `weir_anchor` of a database. Works on a thread of its own, so that it may be asked
/// from anywhere, and gives up after a deadline.
pub struct PostgresAnchor {
    ask: Mutex<Sender<Job>>,
    patience: Duration,
}

struct Job {
    ask: Ask,
    reply: SyncSender<Result<Told, AnchorError>>,
}

enum Ask {
    Load(String),
    Swap { origin: String, expected: Option<Vec<u8>>, new: Vec<u8> },
}

enum Told {
    Note(Option<Vec<u8>>),
    Swapped(Swapped),
}

impl PostgresAnchor {
    /// An anchor that connects when it is first asked, and again after a failure. No question takes longer than
    /// `patience`, connecting included.
    ///
    /// # Errors
    /// [`AnchorError`] when the thread can't be started.
    pub fn new(connect: Connect, patience: Duration) -> Result<Self, AnchorError> {
        let (ask, jobs) = channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let worker = Worker { connect, patience, runtime, client: None };
        std::thread::Builder::new().name("weir-anchor".into()).spawn(move || worker.run(&jobs))?;
        Ok(Self { ask: Mutex::new(ask), patience })
    }

    fn ask(&self, ask: Ask) -> Result<Told, AnchorError> {
        let (reply, told) = sync_channel(1);
        let sent = self.ask.lock().unwrap_or_else(PoisonError::into_inner).send(Job { ask, reply });
        sent.map_err(|_| failed("its thread has ended"))?;
        // The worker keeps the deadline itself; twice that means it waits behind another question.
        told.recv_timeout(self.patience * 2).map_err(|error| match error {
            RecvTimeoutError::Timeout => failed("no answer in time"),
            RecvTimeoutError::Disconnected => failed("its thread has ended"),
        })?
    }
}

impl fmt::Debug for PostgresAnchor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresAnchor").field("patience", &self.patience).finish_non_exhaustive()
    }
}

impl Anchor for PostgresAnchor {
    fn load(&self, origin: &str) -> Result<Option<Vec<u8>>, AnchorError> {
        match self.ask(Ask::Load(origin.to_owned()))? {
            Told::Note(note) => Ok(note),
            Told::Swapped(_) => Err(failed("an answer to another question")),
        }
    }

    fn swap(&self, origin: &str, expected: Option<&[u8]>, new: &[u8]) -> Result<Swapped, AnchorError> {
        let (origin, expected) = (origin.to_owned(), expected.map(<[u8]>::to_owned));
        match self.ask(Ask::Swap { origin, expected, new: new.to_owned() })? {
            Told::Swapped(swapped) => Ok(swapped),
            Told::Note(_) => Err(failed("an answer to another question")),
        }
    }
}

struct Worker {
    connect: Connect,
    patience: Duration,
    runtime: Runtime,
    client: Option<Client>,
}

impl Worker {
    fn run(mut self, jobs: &Receiver<Job>) {
        while let Ok(Job { ask, reply }) = jobs.recv() {
            let client = self.client.take();
            let (connect, patience) = (&self.connect, self.patience);
            let answer = async {
                let client = match client.filter(|client| !client.is_closed()) {
                    Some(client) => client,
                    None => begin(connect, patience).await?,
                };
                let told = answer(&client, &ask).await.map_err(from_database)?;
                Ok((client, told))
            };
            let timed = async { tokio::time::timeout(patience, answer).await };
            let answered = self.runtime.block_on(timed).unwrap_or_else(|_| Err(failed("no answer in time")));
            // A connection that failed is not used again: what it still does must not be taken for an answer.
            let told = answered.map(|(client, told)| {
                self.client = Some(client);
                told
            });
            // Who asked may have given up.
            drop(reply.send(told));
        }
    }
}

/// A new connection, with the table in place.
async fn begin(connect: &Connect, patience: Duration) -> Result<Client, AnchorError> {
    let client = connect().await?;
    let millis = patience.as_millis();
    let settings = format!("SET synchronous_commit = on; SET statement_timeout = {millis}");
    client.batch_execute(&settings).await.map_err(from_database)?;
    let row = client.query_one(EXISTS, &[]).await.map_err(from_database)?;
    // A role that may not create tables can use one that is there.
    if !row.try_get::<_, bool>(0).map_err(from_database)? {
        client.batch_execute(TABLE).await.map_err(from_database)?;
    }
    Ok(client)
}

async fn answer(client: &Client, ask: &Ask) -> Result<Told, Error> {
    let changed = match ask {
        Ask::Load(origin) => {
            let row = client.query_opt(LOAD, &[origin]).await?;
            return Ok(Told::Note(row.map(|row| row.try_get(0)).transpose()?));
        }
        Ask::Swap { origin, expected: None, new } => client.execute(FIRST, &[origin, new]).await?,
        Ask::Swap { origin, expected: Some(expected), new } => {
            client.execute(NEXT, &[origin, new, expected]).await?
        }
    };
    Ok(Told::Swapped(if changed == 1 { Swapped::Done } else { Swapped::Conflict }))
}

fn failed(reason: &str) -> AnchorError {
    AnchorError { reason: reason.to_owned() }
}

/// Only the code: a database's words may hold what stands in its rows.
fn from_database(error: Error) -> AnchorError {
    let code = error.code().map_or("no answer", |code| code.code());
    AnchorError { reason: format!("the database failed ({code})") }
}
