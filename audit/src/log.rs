//! The handle callers hold: open a log, announce a call, report its end.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::oneshot;
use uuid::Uuid;

use crate::disk::make_folder;
use crate::encode::Body;
use crate::error::AuditError;
use crate::event::Event;
use crate::exchange::{Completion, Intent};
use crate::folder::{lock, node_id};
use crate::options::{Ambient, Mode, Options, new_id};
use crate::proof::{Sealer, Shared, origin};
use crate::queue::{Admission, Entry, Queue};
use crate::read::{LANES, lane};
use crate::record::Reason;
use crate::recover::{OpenCall, Recovery, recover};
use crate::sealed::announce;
use crate::ticket::{Call, Ticket};
use crate::vault::{Bodies, Kept};
use crate::writer::{Boot, Counters, Writer};

/// An open log. Cloning is cheap; the log is closed by [`Log::close`], or when the last clone and the last
/// [`Ticket`] are gone.
#[derive(Clone)]
pub struct Log {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    dir: PathBuf,
    mode: Mode,
    pub ambient: Arc<dyn Ambient>,
    pub queue: Arc<Queue>,
    counters: Arc<Counters>,
    thread: Mutex<Option<JoinHandle<()>>>,
    pub sealing: Option<Arc<Shared>>,
    sealer: Mutex<Option<JoinHandle<()>>>,
}

/// What the log has done since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Records written and synced.
    pub records: u64,
    /// Syncs.
    pub groups: u64,
    /// Bytes written.
    pub bytes: u64,
    /// Time spent in syncs.
    pub syncing: Duration,
    /// Records queued now, or reserved for the ends of open calls.
    pub queued: u64,
    /// Ends of calls that came after the log had stopped.
    pub lost: u64,
}

impl Log {
    /// Opens the log in the folder `dir`, makes it if there is none, and starts the writer thread.
    ///
    /// # Errors
    /// [`AuditError::Locked`] while another writer has it open; [`AuditError::Corrupt`] when it is damaged in a
    /// way that no crash explains; [`AuditError::Io`].
    pub fn open(dir: &Path, options: Options) -> Result<(Self, Recovery), AuditError> {
        Self::open_lane(dir, 0, options)
    }

    fn open_lane(dir: &Path, index: usize, options: Options) -> Result<(Self, Recovery), AuditError> {
        make_folder(dir)?;
        let lock = Arc::new(lock(dir)?);
        let (head, mut recovery, calls) = recover(dir, &options)?;
        let ambient = Arc::clone(&options.ambient);
        let boot = Boot {
            id: new_id(&*ambient),
            node_id: node_id(dir, &options)?,
            wall: ambient.wall(),
            monotonic: ambient.monotonic(),
        };
        let name = options.seal.as_ref().map(|seal| origin(seal, &boot.node_id, index));
        let mut sealer = name.map(|name| Sealer::open(dir, name, index, &options)).transpose()?.flatten();
        // A log that begins says by which key, also if the key is older.
        sealer.iter_mut().for_each(|it| it.is_new_key |= head.next_seq == 1);
        recovery.boot_id = boot.id;
        recovery.abandoned = calls.len() as u64;
        let mode = options.mode;
        let mut writer = Writer::new(dir, options, boot, head)?;
        let mut first: Vec<_> = calls.into_iter().map(|call| abandon(call, &*ambient)).collect();
        first.extend(sealer.iter().filter(|it| it.is_new_key).map(|it| announce(&it.key(), &*ambient)));
        writer.commit(&mut first, None)?;
        sealer.iter().try_for_each(Sealer::save_key)?;

        let counters = Arc::clone(&writer.counters);
        let queue = Arc::new(Queue::new(&writer.options, Arc::clone(&counters)));
        queue.set_level(writer.level());
        let start = |name: &str, run: Box<dyn FnOnce() + Send>| {
            let lock = Arc::clone(&lock);
            let thread = std::thread::Builder::new().name(name.into()).spawn(move || {
                run();
                drop(lock);
            });
            thread.map(Some).map(Mutex::new).map_err(AuditError::io("starting a thread of", dir))
        };
        let thread = start("weir-audit", {
            let queue = Arc::clone(&queue);
            Box::new(move || writer.run(&queue))
        })?;
        let sealing = sealer.as_ref().map(|sealer| Arc::clone(&sealer.shared));
        let sealer = match sealer {
            Some(sealer) => {
                let counters = Arc::clone(&counters);
                start("weir-seal", Box::new(move || sealer.run(&counters)))?
            }
            None => Mutex::default(),
        };
        let inner = Inner { dir: dir.to_owned(), mode, ambient, queue, counters, thread, sealing, sealer };
        Ok((Self { inner: Arc::new(inner) }, recovery))
    }

    /// Opens the log beside a writer that still ends its calls, in the lane that is free.
    ///
    /// # Errors
    /// As [`Log::open`]; [`AuditError::Locked`] while every lane has a writer.
    pub fn open_beside(dir: &Path, options: Options) -> Result<(Self, Recovery), AuditError> {
        let mut last = Self::open(dir, options.clone());
        for index in 1..LANES {
            if !matches!(last, Err(AuditError::Locked { .. })) {
                break;
            }
            last = Self::open_lane(&lane(dir, index), index, options.clone());
        }
        last
    }

    /// Opens the log alone: no lane may have a writer. Calls that a writer of another lane left open are ended
    /// as `abandoned`.
    ///
    /// # Errors
    /// As [`Log::open`].
    pub fn open_alone(dir: &Path, options: Options) -> Result<(Self, Recovery), AuditError> {
        let (log, mut recovery) = Self::open(dir, options.clone())?;
        let lanes = (1..LANES).map(|index| (index, lane(dir, index)));
        for (index, folder) in lanes.filter(|(_, folder)| folder.is_dir()) {
            // Dropping it closes it.
            let (_, found) = Self::open_lane(&folder, index, options.clone())?;
            recovery.records += found.records;
            recovery.torn_bytes += found.torn_bytes;
            recovery.abandoned += found.abandoned;
        }
        Ok((log, recovery))
    }

    /// A new record id (UUIDv7), to give to [`Intent::record_id`] and to the caller.
    pub fn new_id(&self) -> Uuid {
        new_id(&*self.inner.ambient)
    }

    /// Announces a call; resolves when the announcement is durable. An intent without a `record_id` gets one.
    ///
    /// # Errors
    /// The call must not be made when this fails: [`AuditError::Full`], [`AuditError::DiskLow`],
    /// [`AuditError::Dead`], [`AuditError::Closed`].
    pub async fn intent(&self, intent: Intent) -> Result<Ticket, AuditError> {
        self.intent_in(self.inner.mode, intent).await
    }

    /// [`Log::intent`] for a route that has a mode of its own.
    ///
    /// # Errors
    /// As [`Log::intent`]; in [`Mode::Observe`] only [`AuditError::Closed`].
    pub async fn intent_in(&self, mode: Mode, mut intent: Intent) -> Result<Ticket, AuditError> {
        self.identify(&mut intent);
        self.announce(mode, intent, Kept::default()).await
    }

    /// [`Log::intent_in`] with the bodies of the request, which are on disk before the record is. The call gets the
    /// id that its bodies were sealed for.
    ///
    /// # Errors
    /// As [`Log::intent_in`]; [`AuditError::Full`] also when the bodies find no room in the queue.
    pub async fn intent_with(
        &self,
        mode: Mode,
        mut intent: Intent,
        bodies: Bodies,
    ) -> Result<Ticket, AuditError> {
        intent.record_id = bodies.call();
        self.announce(mode, intent, bodies.into_kept()).await
    }

    async fn announce(&self, mode: Mode, intent: Intent, kept: Kept) -> Result<Ticket, AuditError> {
        let call = Call { intent_id: intent.record_id, tenant: intent.tenant.clone() };
        let (ack, durable) = oneshot::channel();
        let ack = (mode != Mode::Observe).then_some(ack);
        let entry = Entry { kept, ..self.inner.entry(Body::Intent(intent), ack) };
        let admission = self.inner.queue.admit(mode, entry, None)?;
        let record_id = call.intent_id;
        let call = (admission == Admission::Queued).then_some(call);
        // From here on a dropped future leaves a ticket behind, which closes the call.
        let mut ticket = Ticket { inner: Arc::clone(&self.inner), record_id, call };
        if mode != Mode::Observe && durable.await.is_err() {
            ticket.call = None;
            return Err(AuditError::Dead);
        }
        Ok(ticket)
    }

    /// Records a call that is already over, for example a refused one; resolves when both its records are
    /// durable.
    ///
    /// # Errors
    /// As [`Log::intent`].
    pub async fn settled(&self, mut intent: Intent, completion: Completion) -> Result<Uuid, AuditError> {
        self.identify(&mut intent);
        self.settle(intent, completion, Default::default()).await
    }

    /// [`Log::settled`] with bodies, which are on disk before the records are. The call gets the id that its bodies
    /// were sealed for.
    ///
    /// # Errors
    /// As [`Log::intent_with`].
    pub async fn settled_with(
        &self,
        mut intent: Intent,
        completion: Completion,
        bodies: Bodies,
    ) -> Result<Uuid, AuditError> {
        intent.record_id = bodies.call();
        self.settle(intent, completion, bodies.split()).await
    }

    async fn settle(
        &self,
        intent: Intent,
        completion: Completion,
        (request, reply): (Kept, Kept),
    ) -> Result<Uuid, AuditError> {
        let record_id = intent.record_id;
        let end = Body::Completion { intent_id: record_id, tenant: intent.tenant.clone(), completion };
        let (ack, durable) = oneshot::channel();
        let ack = (self.inner.mode != Mode::Observe).then_some(ack);
        let intent = Entry { kept: request, ..self.inner.entry(Body::Intent(intent), None) };
        let end = Entry { kept: reply, ..self.inner.entry(end, ack) };
        self.inner.queue.admit(self.inner.mode, intent, Some(end))?;
        if self.inner.mode != Mode::Observe {
            durable.await.map_err(|_| AuditError::Dead)?;
        }
        Ok(record_id)
    }

    /// Records what belongs to no call: a change, a reveal, an erasure and so on; resolves when it is durable.
    ///
    /// # Errors
    /// As [`Log::intent`].
    pub async fn append(&self, event: Event) -> Result<(), AuditError> {
        let (ack, durable) = oneshot::channel();
        self.inner.queue.admit_single(self.inner.entry(Body::Event(event), Some(ack)))?;
        durable.await.map_err(|_| AuditError::Dead)
    }

    /// Whether a call would be accepted now.
    ///
    /// # Errors
    /// The refusal it would meet.
    pub fn health(&self) -> Result<(), AuditError> {
        self.inner.queue.health(self.inner.mode)
    }

    /// Counters since the log was opened.
    pub fn stats(&self) -> Stats {
        let (queued, lost) = self.inner.queue.load();
        let counters = &self.inner.counters;
        Stats {
            records: counters.records.load(Ordering::Relaxed),
            groups: counters.groups.load(Ordering::Relaxed),
            bytes: counters.bytes.load(Ordering::Relaxed),
            syncing: Duration::from_nanos(counters.sync_nanos.load(Ordering::Relaxed)),
            queued,
            lost,
        }
    }

    /// `node_seq` of the newest record that is known to be on disk; 0 when there is none.
    pub fn durable_seq(&self) -> u64 {
        self.inner.counters.durable_seq.load(Ordering::Acquire)
    }

    /// The log's folder, for [`crate::read`].
    pub fn dir(&self) -> &Path {
        &self.inner.dir
    }

    /// Refuses new calls, writes what is queued, and resolves when the files are closed. Calls that are still
    /// open become `abandoned` at the next start.
    ///
    /// # Errors
    /// [`AuditError::Dead`] when the log had stopped before.
    pub async fn close(&self) -> Result<(), AuditError> {
        self.inner.queue.close();
        let ended = self.inner.queue.ended().await;
        if let Some(shared) = &self.inner.sealing {
            shared.stop();
            shared.state.subscribe().wait_for(|state| state.is_over).await.ok();
        }
        self.inner.join();
        ended
    }

    fn identify(&self, intent: &mut Intent) {
        if intent.record_id.is_nil() {
            intent.record_id = self.new_id();
        }
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log").field("dir", &self.inner.dir).field("mode", &self.inner.mode).finish()
    }
}

impl Inner {
    pub(crate) fn entry(&self, body: Body, ack: Option<oneshot::Sender<()>>) -> Entry {
        Entry {
            body,
            kept: Kept::default(),
            wall: self.ambient.wall(),
            monotonic: self.ambient.monotonic(),
            ack,
        }
    }

    /// Waits until the threads have released the folder's lock. The sealer goes last, to sign what was written.
    fn join(&self) {
        let join = |thread: &Mutex<Option<JoinHandle<()>>>| {
            let thread = thread.lock().unwrap_or_else(PoisonError::into_inner).take();
            // A panic of the writer has already marked the log as dead.
            drop(thread.map(JoinHandle::join));
        };
        join(&self.thread);
        self.sealing.iter().for_each(|shared| shared.stop());
        join(&self.sealer);
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.queue.close();
        self.join();
    }
}

fn abandon(call: OpenCall, ambient: &dyn Ambient) -> Entry {
    let OpenCall { intent_id, tenant, .. } = call;
    let body = Body::Abandoned { intent_id, tenant, reason: Reason::Recovery };
    Entry { body, kept: Kept::default(), wall: ambient.wall(), monotonic: ambient.monotonic(), ack: None }
}
