//! The thread that writes: a bounded queue in, one transaction for what has gathered.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender};
use std::thread;
use std::time::{Duration, SystemTime};

use crate::backend::{Backend, Batch, Keep, Tie};
use crate::error::LastingError;
use crate::sealed::Owner;

/// Most exchanges whose values are written at once.
const GATHERED: usize = 256;
/// Between two tries of a write that failed.
const AGAIN: Duration = Duration::from_millis(500);

/// What the writer is told.
pub(crate) enum Order {
    /// Values of one exchange.
    Keep(Keep),
    /// Pseudonyms of one exchange, for a later one.
    Tie(Tie),
    /// A subject whose values were read is to be known by this node's reference too.
    Meet(Owner),
    /// A subject was erased, by the reference of this node's records, and by name where that is known.
    Forget([u8; 16], Option<Owner>, Sender<Result<u64, LastingError>>),
    /// Answer once all before it is written.
    Flush(Sender<()>),
    /// End.
    Stop,
}

pub(crate) struct Writer {
    pub(crate) backend: Arc<dyn Backend>,
    pub(crate) orders: Receiver<Order>,
    /// Whether the last write failed.
    pub(crate) failing: Arc<AtomicBool>,
    /// Whether a write that fails is to be given up.
    pub(crate) stopping: Arc<AtomicBool>,
}

impl Writer {
    /// Works until it is told to stop, or nobody can tell it anything any more.
    pub(crate) fn run(self) {
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
                if batch.len() < GATHERED {
                    next = self.orders.try_recv().ok();
                }
            }
            self.write(batch);
        }
    }

    /// Whether to go on.
    fn obey(&self, order: Order) -> bool {
        match order {
            Order::Meet(owner) => {
                if let Err(error) = self.backend.meet(&owner) {
                    tracing::error!(%error, "a subject of the pseudonyms can't be noted; it is tried at its next call");
                }
                true
            }
            Order::Forget(reference, owner, answer) => {
                // Nobody may wait for the answer any more.
                let _gone = answer.send(self.backend.forget(reference, owner.as_ref())).is_err();
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
    fn write(&self, mut batch: Batch) {
        if batch.len() == 0 {
            return;
        }
        let mut is_told = false;
        loop {
            let tried = self.backend.write(&batch, now());
            self.failing.store(tried.is_err(), Ordering::Release);
            let is_kept = |index: usize| tried.as_ref().is_ok_and(|refused| !refused.contains(&index));
            for (index, keep) in batch.kept.iter_mut().enumerate() {
                if let Some(told) = keep.told.take() {
                    told(is_kept(index));
                }
            }
            let Err(error) = tried else { return };
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

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
