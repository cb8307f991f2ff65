//! The thread that seals and writes: a bounded queue in, one transaction for what has gathered.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender};
use std::thread;
use std::time::{Duration, SystemTime};

use weir_audit::Vault;

use crate::error::LastingError;
use crate::lasting::Told;
use crate::sealed::{Held, Kept, Owner, Row, Tied};
use crate::store::Store;

/// Most exchanges whose values are written at once.
const GATHERED: usize = 256;
/// Between two tries of a write that failed.
const AGAIN: Duration = Duration::from_millis(500);
/// A value that was written so recently is not written again.
const FRESH: u64 = 3600;
/// Most values that are known to be written.
const KNOWN: usize = 65_536;

/// What the writer is told.
pub(crate) enum Order {
    /// Values of one exchange.
    Keep(Keep),
    /// Pseudonyms of one exchange, for a later one.
    Tie(Tie),
    /// An owner was erased.
    Forget([u8; 16], Sender<Result<u64, LastingError>>),
    /// Answer once all before it is written.
    Flush(Sender<()>),
    /// End.
    Stop,
}

/// Values of one exchange, and who waits for them.
pub(crate) struct Keep {
    pub(crate) owner: Owner,
    pub(crate) names: Vec<Kept>,
    pub(crate) told: Option<Told>,
}

/// Pseudonyms of one exchange, and those that it took over from an earlier one, by what a later one may name.
pub(crate) struct Tie {
    pub(crate) tie: [u8; 32],
    pub(crate) owner: Owner,
    pub(crate) names: Vec<[u8; 32]>,
    pub(crate) held: Vec<Held>,
}

/// What is written at once.
#[derive(Default)]
struct Batch {
    kept: Vec<Keep>,
    ties: Vec<Tie>,
}

pub(crate) struct Writer {
    pub(crate) vault: Arc<Vault>,
    pub(crate) store: Store,
    pub(crate) orders: Receiver<Order>,
    /// Whether the last write failed.
    pub(crate) failing: Arc<AtomicBool>,
    /// Whether a write that fails is to be given up.
    pub(crate) stopping: Arc<AtomicBool>,
    pub(crate) written: HashMap<([u8; 16], [u8; 32]), u64>,
}

impl Writer {
    /// Works until it is told to stop, or nobody can tell it anything any more.
    pub(crate) fn run(mut self) {
        while let Ok(first) = self.orders.recv() {
            let mut batch = Batch::default();
            let mut next = Some(first);
            while let Some(order) = next.take() {
                match order {
                    Order::Keep(keep) => batch.kept.push(keep),
                    Order::Tie(tie) => batch.ties.push(tie),
                    other => {
                        self.write(std::mem::take(&mut batch));
                        if !self.obey(other) {
                            return;
                        }
                    }
                }
                if batch.kept.len() + batch.ties.len() < GATHERED {
                    next = self.orders.try_recv().ok();
                }
            }
            self.write(batch);
        }
    }

    /// Whether to go on.
    fn obey(&mut self, order: Order) -> bool {
        match order {
            Order::Forget(owner, answer) => {
                self.written.retain(|(known, _), _| *known != owner);
                // Nobody may wait for the answer any more.
                let _gone = answer.send(self.store.forget(owner)).is_err();
                true
            }
            Order::Flush(answer) => {
                let _gone = answer.send(()).is_err();
                true
            }
            Order::Stop | Order::Keep(_) | Order::Tie(_) => false,
        }
    }

    /// Writes, as often as it takes. Who waits is told of the first try: meanwhile the queue fills up, and a call
    /// that must have its values kept is refused.
    fn write(&mut self, mut batch: Batch) {
        if batch.kept.is_empty() && batch.ties.is_empty() {
            return;
        }
        let mut is_told = false;
        loop {
            let tried = self.try_write(&batch);
            self.failing.store(tried.is_err(), Ordering::Release);
            batch.kept.iter_mut().filter_map(|keep| keep.told.take()).for_each(|told| told(tried.is_ok()));
            match tried {
                Ok(()) => return,
                Err(error) => {
                    if !std::mem::replace(&mut is_told, true) {
                        tracing::error!(%error, "pseudonyms can't be kept; it is tried again");
                    }
                    if self.stopping.load(Ordering::Acquire) {
                        return;
                    }
                    // Whoever stops the writer wakes it.
                    thread::park_timeout(AGAIN);
                }
            }
        }
    }

    fn try_write(&mut self, batch: &Batch) -> Result<(), LastingError> {
        let now = now();
        let mut rows: Vec<Row> = Vec::new();
        for Keep { owner, names, .. } in &batch.kept {
            let key = self.vault.subject(&owner.tenant, owner.key_name().as_deref())?;
            for name in names {
                let fresh = self
                    .written
                    .get(&(key.id(), name.blind))
                    .is_some_and(|at| now.saturating_sub(*at) < FRESH);
                if !fresh {
                    rows.push(name.seal(owner, &key)?);
                }
            }
        }
        let mut ties: Vec<Tied> = Vec::new();
        for Tie { tie, owner, names, held } in &batch.ties {
            let key = self.vault.subject(&owner.tenant, owner.key_name().as_deref())?;
            let own = names.iter().map(|name| Held { name: *name, owner: key.id() });
            let tied = |held| Tied { tie: *tie, tenant: owner.tenant_blind, held };
            ties.extend(own.chain(held.iter().copied()).map(tied));
        }
        if rows.is_empty() && ties.is_empty() {
            return Ok(());
        }
        // INVARIANT: no row is durable whose key is not.
        self.vault.sync()?;
        self.store.write((&rows, &ties), i64::try_from(now).unwrap_or(i64::MAX))?;
        if self.written.len() > KNOWN {
            self.written.clear();
        }
        self.written.extend(rows.iter().map(|row| ((row.owner, row.name), now)));
        Ok(())
    }
}

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
