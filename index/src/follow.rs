//! One lane: from the position the index has to the last record that is safely in the log, checked where they meet.

use std::fs::{File, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use uuid::Uuid;
use weir_audit::Ambient;
use weir_audit::read::Tail;

use crate::batch::{Batch, LaneId, Watermark};
use crate::error::IndexError;
use crate::store::Store;
use crate::value::LeafHash;

/// How many lanes a log has.
const LANES: u16 = 2;
/// File that names the log among all that are indexed in one database.
const SOURCE: &str = "index-source";

/// The last record of a lane that no loss of power can take back; 0 while that is not known.
pub type Until = Arc<dyn Fn() -> u64 + Send + Sync>;

/// One lane of a log, and how far it may be read.
#[derive(Clone)]
pub struct Lane {
    /// Which it is.
    pub id: LaneId,
    /// Its folder.
    pub dir: PathBuf,
    /// How far it may be read. For a lane written by this process that is [`weir_audit::Log::durable_seq`].
    pub until: Until,
}

impl Lane {
    /// All lanes of the log in `dir`, to be read while nobody in this process writes them: a lane that a writer holds
    /// is left alone until it is free.
    ///
    /// # Errors
    /// [`IndexError::Io`] when the log's identity can't be read or made.
    pub fn idle(dir: &Path, ambient: &dyn Ambient) -> Result<Vec<Self>, IndexError> {
        let source = source_of(dir, ambient)?;
        let lane = |lane: u16| {
            let dir = if lane == 0 { dir.to_owned() } else { dir.join(format!("lane-{lane}")) };
            let until = {
                let dir = dir.clone();
                move || unwritten(&dir)
            };
            Self { id: LaneId { source, lane }, dir, until: Arc::new(until) }
        };
        Ok((0..LANES).map(lane).collect())
    }

    /// All lanes of the log in `dir`, of which this process writes the one in `written`, up to `until`.
    ///
    /// # Errors
    /// As [`Lane::idle`].
    pub fn all(
        dir: &Path,
        written: &Path,
        until: Until,
        ambient: &dyn Ambient,
    ) -> Result<Vec<Self>, IndexError> {
        let mut lanes = Self::idle(dir, ambient)?;
        for lane in lanes.iter_mut().filter(|lane| lane.dir == written) {
            lane.until = Arc::clone(&until);
        }
        Ok(lanes)
    }
}

/// The identity of the log in `dir`: made once, and kept in its folder, so that a copy of the log has it too and is
/// found out when it goes another way.
///
/// # Errors
/// [`IndexError::Io`].
pub fn source_of(dir: &Path, ambient: &dyn Ambient) -> Result<Uuid, IndexError> {
    let path = dir.join(SOURCE);
    match std::fs::read_to_string(&path) {
        Ok(text) => return Uuid::try_parse(text.trim()).map_err(|_| IndexError::Setting {
            reason: "the file `index-source` in the log's folder does not hold an id; restore it, or remove it and rebuild the index",
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(IndexError::io("reading", &path)(error)),
    }
    let since = ambient.wall().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let millis = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
    let id = uuid::Builder::from_unix_timestamp_millis(millis, &ambient.random()).into_uuid();
    let draft = dir.join(format!("{SOURCE}.{id}"));
    let made = File::create(&draft).and_then(|mut file| {
        file.write_all(format!("{id}\n").as_bytes())?;
        file.sync_all()
    });
    made.map_err(IndexError::io("writing", &draft))?;
    // A link, unlike a renaming, never takes the place of one that another process has just made.
    let linked = std::fs::hard_link(&draft, &path);
    std::fs::remove_file(&draft).map_err(IndexError::io("removing", &draft))?;
    match linked {
        Ok(()) => Ok(id),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => source_of(dir, ambient),
        Err(error) => Err(IndexError::io("writing", &path)(error)),
    }
}

/// Everything, for a lane that no writer holds; nothing while one does, or while there is no such lane.
fn unwritten(dir: &Path) -> u64 {
    let Ok(lock) = File::open(dir.join("lock")) else { return 0 };
    match lock.try_lock_shared() {
        Ok(()) => u64::MAX,
        Err(TryLockError::WouldBlock | TryLockError::Error(_)) => 0,
    }
}

/// Reads one lane and hands it to a store, batch by batch.
pub(crate) struct Follower {
    lane: Lane,
    position: Watermark,
    /// What is being read, or was written last.
    batch: Batch,
    durable: u64,
    /// None until the position was read and checked, and after a failure.
    tail: Option<Tail>,
    /// How often in a row there was nothing new.
    idle: u32,
}

/// How often there may be nothing new before the position is looked at again: the index may have been cleared, or the
/// database be gone.
const IDLE: u32 = 8;

impl Follower {
    pub(crate) fn new(lane: Lane) -> Self {
        let position = Watermark::default();
        Self { batch: Batch::behind(lane.id, position), lane, position, durable: 0, tail: None, idle: 0 }
    }

    pub(crate) fn id(&self) -> LaneId {
        self.lane.id
    }

    pub(crate) fn position(&self) -> Watermark {
        self.position
    }

    /// Whether all that was on disk when it was last asked is indexed.
    pub(crate) fn is_current(&self) -> bool {
        self.durable <= self.position.seq
    }

    /// The last record known to be in the log.
    pub(crate) fn durable(&self) -> u64 {
        self.durable.max(self.position.seq)
    }

    /// Indexes the next records, at most `most`; how many there were.
    pub(crate) fn step(&mut self, store: &mut dyn Store, most: usize) -> Result<u64, IndexError> {
        let taken = self.tail.take();
        let until = (self.lane.until)();
        if until == 0 {
            return Ok(0);
        }
        self.durable = if until == u64::MAX { self.durable } else { until };
        let mut tail = match taken {
            Some(tail) => tail,
            None => self.resume(store, until)?,
        };
        let batch = &mut self.batch;
        batch.begin(self.position);
        let read = tail.each(most, until, &mut |seq, json| batch.add(seq, json))?;
        self.idle = if read == 0 { self.idle + 1 } else { 0 };
        if self.idle >= IDLE {
            self.idle = 0;
            if store.watermark(self.lane.id)? != self.position {
                return Err(IndexError::Moved { lane: self.lane.id.lane });
            }
        }
        if read > 0 {
            if batch.to.skipped > self.position.skipped && self.position.seq > 0 {
                let records = batch.to.skipped - self.position.skipped;
                tracing::warn!(
                    lane = self.lane.id.lane,
                    records,
                    "records were pruned before they were indexed"
                );
            }
            self.position = store.apply(batch)?;
        }
        self.tail = Some(tail);
        Ok(read as u64)
    }

    /// Goes on behind the last record that is indexed, if the log still has the same one there.
    fn resume(&mut self, store: &mut dyn Store, until: u64) -> Result<Tail, IndexError> {
        let LaneId { lane, .. } = self.lane.id;
        self.position = store.watermark(self.lane.id)?;
        let Watermark { seq, hash, .. } = self.position;
        if seq == 0 {
            return Ok(Tail::open(&self.lane.dir, 0));
        }
        let rollback = |durable: u64| IndexError::Rollback { lane, seq, durable };
        if until < seq {
            return Err(rollback(until));
        }
        let mut check = Tail::open(&self.lane.dir, seq - 1);
        match check.next(1, until)?.first() {
            Some(line) if line.seq == seq && LeafHash::of(&line.json) != hash => {
                Err(IndexError::Conflict { lane, seq })
            }
            // Retention may have pruned it from the log; then what follows is all that there is to go on with.
            Some(_) => Ok(Tail::open(&self.lane.dir, seq)),
            None => Err(rollback(check.position())),
        }
    }
}
