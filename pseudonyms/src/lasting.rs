//! The values that are kept: what a gateway holds of them, and may ask.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use weir_audit::Vault;

use crate::error::LastingError;
use crate::sealed::{Found, Kept, Owner};
use crate::store::Store;
use crate::writer::{self, Keep, Order, Writer};

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
        self.order(Keep { owner, names, told: None })
    }

    /// As [`Lasting::keep`], and tells when they are durable, or that a write of them failed. Those of many exchanges
    /// are made durable together.
    ///
    /// # Errors
    /// As [`Lasting::keep`]; nobody is told then.
    pub fn keep_surely(&self, owner: Owner, names: Vec<Kept>, told: Told) -> Result<(), LastingError> {
        self.order(Keep { owner, names, told: Some(told) })
    }

    fn order(&self, keep: Keep) -> Result<(), LastingError> {
        if self.failing.load(Ordering::Acquire) {
            return Err(LastingError::Failing);
        }
        self.orders.try_send(Order::Keep(keep)).map_err(|error| match error {
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
        let mut kept: Vec<Kept> = Vec::with_capacity(rows.len());
        for row in rows {
            if let Found::Value(value) = row.open(&self.vault, &owner.tenant)?
                && !kept.iter().any(|known| known.blind == value.blind)
            {
                kept.push(value);
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
