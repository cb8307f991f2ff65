//! The one thread that owns the head of the log: numbers, writes and syncs records, group by group.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::oneshot;
use uuid::Uuid;

use crate::disk::{SegmentFile, sync_folder};
use crate::encode::{self, Body, Envelope, Shed};
use crate::error::AuditError;
use crate::options::{Options, day_of, new_id};
use crate::queue::{Ended, Entry, Level, Queue};
use crate::record::Gap;
use crate::segment::{self, HEADER, Header, MAX_SEGMENT};
use crate::vault::{Kept, Shelf};

/// File that says how long the log was when it was closed in good order.
pub(crate) const CLOSED: &str = "closed";
/// How often free space is measured at most.
const MEASURE_EVERY: Duration = Duration::from_millis(250);

/// Where the log stands: what recovery finds and the writer goes on from.
pub(crate) struct Head {
    pub path: PathBuf,
    pub file: Box<dyn SegmentFile>,
    /// `node_seq` of the segment's first record.
    pub first_seq: u64,
    /// Bytes of the segment, all of them durable.
    pub length: u64,
    pub next_seq: u64,
    /// Day, since 1970 in UTC, of the segment's first record, or on which it was begun.
    pub day: u32,
    /// Open calls: intent id → node_seq.
    pub open: HashMap<Uuid, u64>,
}

/// Who writes, since when.
pub(crate) struct Boot {
    pub id: Uuid,
    pub node_id: String,
    pub wall: SystemTime,
    pub monotonic: Duration,
}

/// Counters that the writer keeps and anyone may read.
#[derive(Default)]
pub(crate) struct Counters {
    pub records: AtomicU64,
    pub groups: AtomicU64,
    pub bytes: AtomicU64,
    pub sync_nanos: AtomicU64,
    /// Records from the queue that are written; their room is free again.
    pub freed: AtomicU64,
    /// Bytes of bodies from the queue that are written or left out.
    pub freed_bytes: AtomicU64,
    /// `node_seq` of the newest durable record.
    pub durable_seq: AtomicU64,
}

pub(crate) struct Writer {
    pub dir: PathBuf,
    pub options: Options,
    pub boot: Boot,
    pub head: Head,
    pub counters: Arc<Counters>,
    /// Where bodies go.
    shelf: Option<Shelf>,
    buffer: Vec<u8>,
    acks: Vec<oneshot::Sender<()>>,
    level: Level,
    measured: Option<Instant>,
}

impl Writer {
    pub(crate) fn new(dir: &Path, options: Options, boot: Boot, head: Head) -> Result<Self, AuditError> {
        let counters = Counters { durable_seq: (head.next_seq - 1).into(), ..Counters::default() };
        let vault = options.vault.clone();
        let shelf = vault.map(|vault| Shelf::open(vault, Arc::clone(&options.disk))).transpose()?;
        let mut writer = Self {
            dir: dir.to_owned(),
            options,
            boot,
            head,
            counters: Arc::new(counters),
            shelf,
            buffer: Vec::with_capacity(64 << 10),
            acks: Vec::new(),
            level: Level::Ample,
            measured: None,
        };
        writer.measure();
        Ok(writer)
    }

    /// The thread's body: until the log is closed or a write fails.
    pub(crate) fn run(mut self, queue: &Queue) {
        let mut guard = Guard { queue, how: Ended::Dead };
        let mut batch = Vec::new();
        let pace = self.options.group.pace;
        let mut next = Instant::now();
        loop {
            std::thread::sleep(next.saturating_duration_since(Instant::now()));
            let taken = queue.take(&mut batch, self.level);
            if taken.is_over {
                break;
            }
            next = Instant::now() + pace;
            self.measure();
            if let Err(error) = self.commit(&mut batch, taken.gap) {
                tracing::error!(%error, "the audit log stopped");
                return;
            }
        }
        if let Err(error) = self.shelf.as_mut().map_or(Ok(()), Shelf::close) {
            tracing::warn!(%error, "the newest body file was closed without its index");
        }
        if let Err(error) = self.mark_closed() {
            tracing::warn!(%error, "the audit log was closed without its mark");
        }
        guard.how = Ended::Closed;
    }

    /// How much room the disk has, as last measured.
    pub(crate) fn level(&self) -> Level {
        self.level
    }

    /// Writes and syncs all entries, in groups; leaves `batch` empty.
    pub(crate) fn commit(&mut self, batch: &mut Vec<Entry>, gap: Option<Gap>) -> Result<(), AuditError> {
        let size = self.options.group.max.max(1);
        let mut entries = batch.drain(..);
        loop {
            let count = self.write_group(&mut entries.by_ref().take(size))?;
            if count == 0 {
                break;
            }
            self.counters.freed.fetch_add(count, Ordering::Release);
            self.acknowledge();
        }
        match gap {
            Some(gap) => {
                let (wall, monotonic) = (gap.last.time(), self.options.ambient.monotonic());
                let entry = Entry { body: Body::Gap(gap), kept: Kept::default(), wall, monotonic, ack: None };
                self.write_group(&mut std::iter::once(entry)).map(drop)
            }
            None => Ok(()),
        }
    }

    /// Writes and syncs one group; the number of its records.
    fn write_group(&mut self, group: &mut dyn Iterator<Item = Entry>) -> Result<u64, AuditError> {
        if self.is_segment_over() {
            self.rotate()?;
        }
        self.buffer.clear();
        let first = self.head.next_seq;
        let mut bytes = 0;
        for entry in group {
            bytes += entry.kept.bytes();
            self.encode(entry)?;
        }
        let count = self.head.next_seq - first;
        if count == 0 {
            return Ok(0);
        }
        // INVARIANT: keys before bodies before records, so that no durable record names a body or a key that a
        // loss of power can take.
        self.shelf.as_mut().map_or(Ok(()), Shelf::sync)?;
        self.counters.freed_bytes.fetch_add(bytes, Ordering::Release);
        self.head.file.append(&self.buffer).map_err(AuditError::io("writing", &self.head.path))?;
        let start = Instant::now();
        self.head.file.sync().map_err(AuditError::io("syncing", &self.head.path))?;
        self.head.length += self.buffer.len() as u64;
        self.counters.durable_seq.store(self.head.next_seq - 1, Ordering::Release);
        self.count(count, start.elapsed());
        Ok(count)
    }

    fn acknowledge(&mut self) {
        for ack in self.acks.drain(..) {
            // A receiver that is gone belongs to a caller that stopped waiting; its ticket closes the call.
            ack.send(()).ok();
        }
    }

    fn encode(&mut self, entry: Entry) -> Result<(), AuditError> {
        let Entry { mut body, kept, wall, monotonic, ack } = entry;
        let is_shed = self.store(&mut body, kept)?;
        let since_boot = monotonic.saturating_sub(self.boot.monotonic);
        let envelope = Envelope {
            boot_id: self.boot.id,
            clock_offset_us: micros_between(self.boot.wall + since_boot, wall),
            monotonic_us: u64::try_from(since_boot.as_micros()).unwrap_or(u64::MAX),
            node_id: &self.boot.node_id,
            node_seq: self.head.next_seq,
            record_id: if let Body::Intent(intent) = &body { intent.record_id } else { self.new_id() },
            time: wall.into(),
        };
        let shed = match self.level {
            Level::Ample if is_shed => Shed::Excess,
            Level::Ample => Shed::Nothing,
            _ => Shed::Lists,
        };
        let start = segment::begin(&mut self.buffer);
        encode::write(&mut body, &envelope, shed, &mut self.buffer)
            .map_err(|error| AuditError::io("encoding for", &self.head.path)(std::io::Error::other(error)))?;
        segment::seal(&mut self.buffer, start, u32::try_from(self.head.length).unwrap_or(u32::MAX));
        match (&body, body.closes()) {
            (Body::Intent(intent), _) => drop(self.head.open.insert(intent.record_id, self.head.next_seq)),
            (_, Some(intent_id)) => drop(self.head.open.remove(&intent_id)),
            (_, None) => {}
        }
        self.head.next_seq += 1;
        self.acks.extend(ack);
        Ok(())
    }

    /// Puts the bodies of a record on the shelf and their references into it; whether one was left out. On a low
    /// disk all are: the records matter more.
    fn store(&mut self, body: &mut Body, mut kept: Kept) -> Result<bool, AuditError> {
        let is_ample = self.level == Level::Ample;
        let Some(shelf) = self.shelf.as_mut().filter(|shelf| is_ample && shelf.has_room()) else {
            kept.shed();
            return Ok(kept.is_shed);
        };
        shelf.put(&mut kept)?;
        match body {
            Body::Intent(intent) => intent.bodies.extend(kept.references()),
            Body::Completion { completion, .. } => completion.bodies.extend(kept.references()),
            Body::Abandoned { .. } | Body::Event(_) | Body::Gap(_) => {}
        }
        Ok(kept.is_shed)
    }

    fn new_id(&self) -> Uuid {
        new_id(&*self.options.ambient)
    }

    fn count(&self, records: u64, sync: Duration) {
        self.counters.records.fetch_add(records, Ordering::Relaxed);
        self.counters.groups.fetch_add(1, Ordering::Relaxed);
        self.counters.bytes.fetch_add(self.buffer.len() as u64, Ordering::Relaxed);
        let nanos = u64::try_from(sync.as_nanos()).unwrap_or(u64::MAX);
        self.counters.sync_nanos.fetch_add(nanos, Ordering::Relaxed);
    }

    /// A segment ends by its size, or with its day, so that retention, which removes whole segments, keeps to its
    /// time where there are few calls.
    fn is_segment_over(&self) -> bool {
        let has_records = self.head.length > HEADER as u64;
        let is_full = self.head.length >= self.options.segment_bytes.min(MAX_SEGMENT);
        is_full || (has_records && self.head.day < day_of(self.options.ambient.wall()))
    }

    fn rotate(&mut self) -> Result<(), AuditError> {
        let first_seq = self.head.next_seq;
        let oldest_open = self.head.open.values().min().copied().unwrap_or(first_seq);
        let header = Header { first_seq, oldest_open };
        (self.head.path, self.head.file) = begin_segment(&self.dir, &self.options, header)?;
        (self.head.first_seq, self.head.length) = (first_seq, HEADER as u64);
        self.head.day = day_of(self.options.ambient.wall());
        Ok(())
    }

    fn measure(&mut self) {
        if self.measured.is_some_and(|at| at.elapsed() < MEASURE_EVERY && self.level == Level::Ample) {
            return;
        }
        self.measured = Some(Instant::now());
        let floor = self.options.min_free_bytes;
        let before = self.level;
        self.shelf.iter_mut().for_each(|shelf| shelf.measure(floor));
        self.level = match self.options.disk.free_bytes(&self.dir) {
            Ok(free) if free >= floor => Level::Ample,
            Ok(free) if free >= floor / 2 => Level::Low,
            Ok(_) => Level::Exhausted,
            Err(error) => {
                tracing::warn!(%error, "free space of the audit log's disk is unknown");
                Level::Low
            }
        };
        if self.level != before {
            tracing::warn!(level = ?self.level, "free space of the audit log's disk");
        }
    }

    fn mark_closed(&self) -> Result<(), AuditError> {
        let path = self.dir.join(CLOSED);
        let draft = self.dir.join("closed.new");
        let text = format!("{} {}\n", self.head.first_seq, self.head.length);
        std::fs::write(&draft, text).map_err(AuditError::io("writing", &draft))?;
        std::fs::File::open(&draft)
            .and_then(|it| it.sync_all())
            .map_err(AuditError::io("syncing", &draft))?;
        std::fs::rename(&draft, &path).map_err(AuditError::io("renaming", &draft))?;
        sync_folder(&self.dir).map_err(AuditError::io("syncing", &self.dir))
    }
}

/// Makes a new segment whose header is durable.
pub(crate) fn begin_segment(
    dir: &Path,
    options: &Options,
    header: Header,
) -> Result<(PathBuf, Box<dyn SegmentFile>), AuditError> {
    let path = segment::path(dir, header.first_seq);
    let mut file = options.disk.create(&path).map_err(AuditError::io("creating", &path))?;
    file.append(&header.encode()).map_err(AuditError::io("writing", &path))?;
    file.sync().map_err(AuditError::io("syncing", &path))?;
    Ok((path, file))
}

/// Tells the queue when the thread ends, also by a panic.
struct Guard<'a> {
    queue: &'a Queue,
    how: Ended,
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        self.queue.end(self.how);
    }
}

fn micros_between(expected: SystemTime, actual: SystemTime) -> i64 {
    let signed = |gap: Duration| i64::try_from(gap.as_micros()).unwrap_or(i64::MAX);
    match actual.duration_since(expected) {
        Ok(ahead) => signed(ahead),
        Err(behind) => -signed(behind.duration()),
    }
}
