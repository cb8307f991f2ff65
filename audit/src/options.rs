//! How a log is opened: durability mode, sizes, and the clock, randomness and disk it draws on.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use rand::RngCore;
use uuid::Uuid;

use crate::disk::{Disk, LocalDisk};
use crate::error::AuditError;
use crate::proof::Seal;
use crate::vault::Vault;

/// Settings of a log.
#[derive(Clone)]
pub struct Options {
    /// What a call may do that can't be recorded.
    pub mode: Mode,
    /// Most records queued or reserved at once; a call takes two. Further calls are refused.
    pub queue: usize,
    /// Most bytes of sealed bodies queued at once. A call whose bodies find no room is refused; at the end of a
    /// call they are left out, and the record says `shed`.
    pub queue_bytes: u64,
    /// How records are gathered before a sync.
    pub group: Group,
    /// Size at which a segment file is closed and the next begun, in bytes; at most 1 GiB.
    pub segment_bytes: u64,
    /// Free space of the disk, in bytes, below which records shed detail and `strict` refuses calls; below half
    /// of it no call is recorded any more.
    pub min_free_bytes: u64,
    /// How much of the log is verified when it is opened.
    pub verify: Verify,
    /// Name of this node; without one, a random name is made once and kept in the log's folder.
    pub node_id: Option<String>,
    /// How the log is sealed by a tree and signed checkpoints; without it, nothing proves that it is whole.
    pub seal: Option<Seal>,
    /// Clock and randomness.
    pub ambient: Arc<dyn Ambient>,
    /// Where segment files are written.
    pub disk: Arc<dyn Disk>,
    /// Where bodies go. Without one, bodies are left out of the records they come with.
    pub vault: Option<Arc<Vault>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            mode: Mode::Bounded,
            queue: 16_384,
            queue_bytes: 64 << 20,
            group: Group::default(),
            segment_bytes: 64 << 20,
            min_free_bytes: 512 << 20,
            verify: Verify::Recent,
            node_id: None,
            seal: None,
            ambient: Arc::new(System::default()),
            disk: Arc::new(LocalDisk),
            vault: None,
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("mode", &self.mode)
            .field("queue", &self.queue)
            .field("queue_bytes", &self.queue_bytes)
            .field("group", &self.group)
            .field("segment_bytes", &self.segment_bytes)
            .field("min_free_bytes", &self.min_free_bytes)
            .field("verify", &self.verify)
            .finish_non_exhaustive()
    }
}

/// What a call may do that can't be recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// It is refused, already below the disk's watermark.
    Strict,
    /// It is refused; below the disk's watermark records first shed detail.
    #[default]
    Bounded,
    /// It is answered, without waiting for the disk; a `gap` record counts what went unrecorded.
    Observe,
}

/// How records are gathered before a sync. A record that a caller waits for is never held back: what gathered
/// during the last sync is written at once.
#[derive(Clone, Copy, Debug)]
pub struct Group {
    /// How long records that nobody waits for may wait for company.
    pub max_wait: Duration,
    /// Most records of one sync.
    pub max: usize,
    /// Least time from the start of one sync to the next: under load a sync then serves several calls, where each
    /// would else pay for one of its own. A call that finds the log at rest never waits for it.
    pub pace: Duration,
}

impl Default for Group {
    fn default() -> Self {
        Self { max_wait: Duration::from_millis(2), max: 256, pace: Duration::from_millis(1) }
    }
}

/// How much of the log is verified when it is opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verify {
    /// From the segment that holds the oldest call still open: what a crash can have touched.
    #[default]
    Recent,
    /// Every segment.
    All,
}

/// The clock and the randomness a log draws on.
pub trait Ambient: Send + Sync {
    /// Wall-clock time.
    fn wall(&self) -> SystemTime;

    /// Time since an arbitrary fixed moment of this run; never goes back.
    fn monotonic(&self) -> Duration;

    /// Random bytes, for identifiers.
    fn random(&self) -> [u8; 10];

    /// Fills `out` with randomness that is fit for keys; the system's, unless a test says otherwise.
    ///
    /// # Errors
    /// [`AuditError::Crypto`] when the system has none to give.
    fn secret(&self, out: &mut [u8]) -> Result<(), AuditError> {
        aws_lc_rs::rand::fill(out).map_err(|_| AuditError::Crypto { action: "drawing a random number" })
    }
}

/// The machine's clock and randomness.
#[derive(Clone, Copy, Debug)]
pub struct System(Instant);

impl Default for System {
    fn default() -> Self {
        Self(Instant::now())
    }
}

impl Ambient for System {
    fn wall(&self) -> SystemTime {
        SystemTime::now()
    }

    fn monotonic(&self) -> Duration {
        self.0.elapsed()
    }

    fn random(&self) -> [u8; 10] {
        let mut bytes = [0; 10];
        rand::rng().fill_bytes(&mut bytes);
        bytes
    }
}

/// Days since 1970 in UTC.
pub(crate) fn day_of(time: SystemTime) -> u32 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u32::try_from(since.as_secs() / 86_400).unwrap_or(u32::MAX)
}

/// A new UUIDv7 (RFC 9562) from the wall clock and randomness of `ambient`.
pub(crate) fn new_id(ambient: &dyn Ambient) -> Uuid {
    let since = ambient.wall().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let millis = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
    uuid::Builder::from_unix_timestamp_millis(millis, &ambient.random()).into_uuid()
}
