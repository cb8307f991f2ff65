//! The values that are kept: what a gateway holds of them, and may ask.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use weir_audit::Vault;

use crate::backend::{Backend, Keep, Tie};
use crate::error::LastingError;
use crate::local::Local;
use crate::postgres::{Shared, SharedOptions};
use crate::sealed::{Found, Held, Kept, Owner};
use crate::writer::{self, Order, Writer};

/// Most exchanges whose values wait to be written.
const QUEUE: usize = 4096;

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
        Self { file: file.to_owned(), queue: QUEUE }
    }
}

/// Told once whether values are durable. Dropped untold where the writer ends before.
pub type Told = Box<dyn FnOnce(bool) + Send>;

/// Values behind pseudonyms, kept beyond their exchange.
pub struct Lasting {
    backend: Arc<dyn Backend>,
    orders: SyncSender<Order>,
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
        Self::begin(Arc::new(Local::open(&options.file, vault)?), options.queue)
    }

    /// Starts the thread that writes to what several nodes share. `vault` knows subjects by their references.
    ///
    /// # Errors
    /// [`LastingError::Setting`]; a database that is away is none.
    pub fn share(options: &SharedOptions, vault: Arc<Vault>) -> Result<Self, LastingError> {
        Self::begin(Arc::new(Shared::open(options, vault)?), QUEUE)
    }

    fn begin(backend: Arc<dyn Backend>, most: usize) -> Result<Self, LastingError> {
        let (orders, queue) = mpsc::sync_channel(most.max(1));
        let (failing, stopping) = (Arc::<AtomicBool>::default(), Arc::<AtomicBool>::default());
        let writer = Writer {
            backend: Arc::clone(&backend),
            orders: queue,
            failing: Arc::clone(&failing),
            stopping: Arc::clone(&stopping),
        };
        let thread = thread::Builder::new().name("pseudonyms".to_owned()).spawn(move || writer.run());
        let thread = Mutex::new(Some(thread.map_err(|_| LastingError::Stopped)?));
        Ok(Self { backend, orders, failing, stopping, thread })
    }

    /// Takes over the values of one exchange, to be written soon. Returns at once.
    ///
    /// # Errors
    /// [`LastingError::Full`], [`LastingError::Failing`], [`LastingError::Stopped`]: they are not kept then.
    pub fn keep(&self, owner: Owner, names: Vec<Kept>) -> Result<(), LastingError> {
        self.order(Order::Keep(Keep { owner, names, told: None, came: Instant::now() }))
    }

    /// As [`Lasting::keep`], and tells when they are durable, or that a write of them failed. Those of many exchanges
    /// are made durable together.
    ///
    /// # Errors
    /// As [`Lasting::keep`]; nobody is told then.
    pub fn keep_surely(&self, owner: Owner, names: Vec<Kept>, told: Told) -> Result<(), LastingError> {
        self.order(Order::Keep(Keep { owner, names, told: Some(told), came: Instant::now() }))
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
        let (kept, is_met) = self.backend.recall(owner)?;
        if !is_met {
            // At the next call again, where there is no room.
            let _full = self.orders.try_send(Order::Meet(owner.clone())).is_err();
        }
        Ok(kept)
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
        self.settle(patience);
        self.backend.follow(tenant, tie)
    }

    /// Waits until what was handed over before is written, where that may be soon. A full queue is not waited for.
    fn settle(&self, patience: Duration) {
        if self.failing.load(Ordering::Acquire) {
            return;
        }
        let (answer, written) = mpsc::channel();
        if self.orders.try_send(Order::Flush(answer)).is_ok() && written.recv_timeout(patience).is_err() {
            tracing::debug!("the last pseudonyms are not written yet");
        }
    }

    /// What is known of a pseudonym of a tenant, for whoever it was made: for an authorised person, who has left a
    /// record of it.
    ///
    /// # Errors
    /// As [`Lasting::recall`].
    pub fn look_up(&self, tenant: (&str, [u8; 32]), name: [u8; 32]) -> Result<Vec<Found>, LastingError> {
        self.backend.look_up(tenant, name)
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

    /// Deletes the values of a subject that was erased: by the reference that this node's records have, and by its name
    /// where that is known; how many.
    ///
    /// # Errors
    /// [`LastingError::Sqlite`], [`LastingError::Postgres`], [`LastingError::Stopped`].
    pub fn forget(&self, reference: [u8; 16], owner: Option<Owner>) -> Result<u64, LastingError> {
        let (answer, erased) = mpsc::channel();
        self.orders.send(Order::Forget(reference, owner, answer)).map_err(|_| LastingError::Stopped)?;
        erased.recv().map_err(|_| LastingError::Stopped)?
    }

    /// Deletes what was not used for so long; how many.
    ///
    /// # Errors
    /// [`LastingError::Sqlite`].
    pub fn prune(&self, unused: Duration) -> Result<u64, LastingError> {
        let before = writer::now().saturating_sub(unused.as_secs());
        self.backend.prune(i64::try_from(before).unwrap_or(i64::MAX))
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
