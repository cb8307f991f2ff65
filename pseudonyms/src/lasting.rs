//! The values that are kept: what a gateway holds of them, and may ask.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use weir_audit::Vault;

use crate::error::LastingError;
use crate::sealed::{Found, Held, Kept, Owner, Row};
use crate::store::Store;
use crate::writer::{self, Keep, Order, Tie, Writer};

/// Where values are kept.
#[derive(Clone, Debug)]
pub struct LastingOptions {
    /// File of the database.
    pub file: PathBuf,
    /// Most exchanges whose values wait to be written.
    pub queue: usize,
}

impl LastingOptions {
    /// The defaults, for a file.
    pub fn new(file: &Path) -> Self {
        Self { file: file.to_owned(), queue: 4096 }
    }
}

/// Told once whether values are durable. Dropped untold where the writer ends before.
pub type Told = Box<dyn FnOnce(bool) + Send>;

/// Values behind pseudonyms, kept beyond their exchange.
pub struct Lasting {
    vault: Arc<Vault>,
    orders: SyncSender<Order>,
    reader: Mutex<Store>,
    failing: Arc<AtomicBool>,
    stopping: Arc<AtomicBool>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Lasting {
    /// Opens the file and starts the thread that writes. `vault` has the keys.
    ///
    /// # Errors
    /// [`LastingError::Sqlite`], [`LastingError::Schema`].
    pub fn open(options: &LastingOptions, vault: Arc<Vault>) -> Result<Self, LastingError> {
        let (orders, queue) = mpsc::sync_channel(options.queue.max(1));
        let (failing, stopping) = (Arc::<AtomicBool>::default(), Arc::<AtomicBool>::default());
        let writer = Writer {
            vault: Arc::clone(&vault),
            store: Store::open(&options.file)?,
            orders: queue,
            failing: Arc::clone(&failing),
            stopping: Arc::clone(&stopping),
            written: Default::default(),
        };
        let reader = Mutex::new(Store::open(&options.file)?);
        let thread = thread::Builder::new().name("pseudonyms".to_owned()).spawn(move || writer.run());
        let thread = Mutex::new(Some(thread.map_err(|_| LastingError::Stopped)?));
        Ok(Self { vault, orders, reader, failing, stopping, thread })
    }

    /// Takes over the values of one exchange, to be written soon. Returns at once.
    ///
    /// # Errors
    /// [`LastingError::Full`], [`LastingError::Failing`], [`LastingError::Stopped`]: they are not kept then.
    pub fn keep(&self, owner: Owner, names: Vec<Kept>) -> Result<(), LastingError> {
        self.order(Order::Keep(Keep { owner, names, told: None }))
    }

    /// As [`Lasting::keep`], and tells when they are durable, or that a write of them failed. Those of many exchanges
    /// are made durable together.
    ///
    /// # Errors
    /// As [`Lasting::keep`]; nobody is told then.
    pub fn keep_surely(&self, owner: Owner, names: Vec<Kept>, told: Told) -> Result<(), LastingError> {
        self.order(Order::Keep(Keep { owner, names, told: Some(told) }))
    }

    /// Ties pseudonyms that the owner has handed over, and some that are held already, to what a later exchange may
    /// name ([`Lasting::follow`]). A tie is a keyed hash that holds whose it is. Returns at once.
    ///
    /// # Errors
    /// As [`Lasting::keep`].
    pub fn tie(
        &self,
        tie: [u8; 32],
        (owner, names): (Owner, Vec<[u8; 32]>),
        held: Vec<Held>,
    ) -> Result<(), LastingError> {
        self.order(Order::Tie(Tie { tie, owner, names, held }))
    }

    fn order(&self, order: Order) -> Result<(), LastingError> {
        if self.failing.load(Ordering::Acquire) {
            return Err(LastingError::Failing);
        }
        self.orders.try_send(order).map_err(|error| match error {
            TrySendError::Full(_) => LastingError::Full,
            TrySendError::Disconnected(_) => LastingError::Stopped,
        })
    }

    /// What was kept for the same subject, or in the same conversation. Values of a subject are no other subject's,
    /// whatever conversation they state.
    ///
    /// # Errors
    /// [`LastingError::Sqlite`], [`LastingError::Audit`].
    pub fn recall(&self, owner: &Owner) -> Result<Vec<Kept>, LastingError> {
        let Some(name) = owner.key_name() else { return Ok(Vec::new()) };
        let own = self.vault.known_id(&owner.tenant, &name)?;
        let conversation = owner.conversation_blind.filter(|_| owner.subject.is_none());
        let rows = self.reader().of(owner.tenant_blind, own, conversation)?;
        Ok(self.opened(&owner.tenant, &rows)?.into_iter().map(|(value, _)| value).collect())
    }

    /// What was tied, in the tenant of this name and hash, each with what it is held by. What was handed over before
    /// is waited for that long.
    ///
    /// # Errors
    /// As [`Lasting::recall`].
    pub fn follow(
        &self,
        tenant: (&str, [u8; 32]),
        tie: [u8; 32],
        patience: Duration,
    ) -> Result<Vec<(Kept, Held)>, LastingError> {
        if let Err(fault) = self.flush(patience) {
            tracing::debug!(%fault, "the last pseudonyms are not written yet");
        }
        let rows = self.reader().tied(tenant.1, tie)?;
        self.opened(tenant.0, &rows)
    }

    /// The values of rows that can be read, each pseudonym once.
    fn opened(&self, tenant: &str, rows: &[Row]) -> Result<Vec<(Kept, Held)>, LastingError> {
        let mut kept: Vec<(Kept, Held)> = Vec::with_capacity(rows.len());
        for row in rows {
            if let Found::Value(value) = row.open(&self.vault, tenant)?
                && !kept.iter().any(|(known, _)| known.blind == value.blind)
            {
                kept.push((value, Held { name: row.name, owner: row.owner }));
            }
        }
        Ok(kept)
    }

    /// What is known of a pseudonym of a tenant, for whoever it was made: for an authorised person, who has left a
    /// record of it.
    ///
    /// # Errors
    /// As [`Lasting::recall`].
    pub fn look_up(&self, tenant: (&str, [u8; 32]), name: [u8; 32]) -> Result<Vec<Found>, LastingError> {
        let (tenant, blind) = tenant;
        let rows = self.reader().named(blind, name)?;
        rows.iter().map(|row| Ok(row.open(&self.vault, tenant)?)).collect()
    }

    /// Waits until all that was handed over before is written, unless the writes fail.
    ///
    /// # Errors
    /// [`LastingError::Stopped`].
    pub fn flush(&self, patience: Duration) -> Result<(), LastingError> {
        let (answer, written) = mpsc::channel();
        self.orders.send(Order::Flush(answer)).map_err(|_| LastingError::Stopped)?;
        written.recv_timeout(patience).map_err(|_| LastingError::Failing)
    }

    /// Deletes the values sealed by a key, which an erasure has destroyed; how many.
    ///
    /// # Errors
    /// [`LastingError::Sqlite`], [`LastingError::Stopped`].
    pub fn forget(&self, key: [u8; 16]) -> Result<u64, LastingError> {
        let (answer, erased) = mpsc::channel();
        self.orders.send(Order::Forget(key, answer)).map_err(|_| LastingError::Stopped)?;
        erased.recv().map_err(|_| LastingError::Stopped)?
    }

    /// Deletes what was not used for so long; how many.
    ///
    /// # Errors
    /// [`LastingError::Sqlite`].
    pub fn prune(&self, unused: Duration) -> Result<u64, LastingError> {
        let before = writer::now().saturating_sub(unused.as_secs());
        self.reader().prune(i64::try_from(before).unwrap_or(i64::MAX))
    }

    fn reader(&self) -> std::sync::MutexGuard<'_, Store> {
        self.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Lasting {
    /// Writes what has been handed over, unless the writes fail.
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Release);
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(thread) = thread else { return };
        thread.thread().unpark();
        // It may have ended already.
        let _ended = self.orders.send(Order::Stop).is_err();
        let _panicked = thread.join().is_err();
    }
}
