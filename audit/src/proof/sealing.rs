//! How sealing stands, and what the log's handle asks of the thread that does it.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::watch;

use super::checkpoint::SignedCheckpoint;
use super::keyfile::KeyFile;
use super::keys::{SigningKey, VerifierKey};

/// How the sealing of a log stands.
#[derive(Clone, Debug)]
pub struct Sealing {
    /// Name of the log in its checkpoints.
    pub origin: String,
    /// The key that signs now.
    pub key: VerifierKey,
    /// Records that the newest published checkpoint covers.
    pub size: u64,
    /// The newest published checkpoint.
    pub checkpoint: Option<SignedCheckpoint>,
    /// When it was signed, if in this run.
    pub signed_at: Option<SystemTime>,
    /// Where a second copy of the last checkpoint stands.
    pub anchor: Anchoring,
    /// What keeps the newest records from being sealed.
    pub fault: Option<String>,
    /// Whether the thread has ended.
    pub is_over: bool,
}

/// How an anchor stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchoring {
    /// None is configured: who can write to this machine can put the log back unseen.
    Absent,
    /// It was not reached yet in this run.
    Unknown,
    /// It holds the last checkpoint that was signed.
    Held,
    /// It could not be asked, or holds something else: see [`Sealing::fault`].
    Failing,
}

/// What the log's handle and the thread share.
pub(crate) struct Shared {
    pub state: watch::Sender<Sealing>,
    control: Mutex<Control>,
    wake: Condvar,
}

#[derive(Default)]
struct Control {
    stop: bool,
    now: bool,
    rotate: Option<SigningKey>,
}

impl Shared {
    pub(crate) fn new(origin: &str, keys: &KeyFile, published: Option<SignedCheckpoint>) -> Arc<Self> {
        let state = watch::Sender::new(Sealing {
            origin: origin.to_owned(),
            key: keys.current.verifier(),
            size: published.as_ref().map_or(0, |it| it.checkpoint().size),
            checkpoint: published,
            signed_at: None,
            anchor: Anchoring::Unknown,
            fault: None,
            is_over: false,
        });
        Arc::new(Self { state, control: Mutex::default(), wake: Condvar::new() })
    }

    /// Seals soon, and with `key` as soon as its record is durable.
    pub(crate) fn rotate(&self, key: SigningKey) {
        self.change(|control| control.rotate = Some(key));
    }

    /// Seals now, without waiting for the second to pass.
    pub(crate) fn nudge(&self) {
        self.change(|control| control.now = true);
    }

    /// Seals what is left and ends the thread.
    pub(crate) fn stop(&self) {
        self.change(|control| control.stop = true);
    }

    /// The key to change to, once.
    pub(crate) fn take_key(&self) -> Option<SigningKey> {
        self.control.lock().unwrap_or_else(PoisonError::into_inner).rotate.take()
    }

    fn change(&self, change: impl FnOnce(&mut Control)) {
        change(&mut self.control.lock().unwrap_or_else(PoisonError::into_inner));
        self.wake.notify_one();
    }

    /// Waits for the time, a nudge or the end; `true` at the end.
    pub(crate) fn wait(&self, pause: Duration) -> bool {
        let control = self.control.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.wake.wait_timeout_while(control, pause, |it| !it.stop && !it.now);
        let (mut control, _) = waited.unwrap_or_else(PoisonError::into_inner);
        control.now = false;
        control.stop
    }
}
