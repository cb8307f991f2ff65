//! The bounded queue between callers and the writer: admission, reserved room, and when the writer wakes.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::{oneshot, watch};

use crate::encode::Body;
use crate::error::AuditError;
use crate::options::{Group, Mode, Options};
use crate::record::Gap;
use crate::text::Stamp;
use crate::vault::Kept;
use crate::writer::Counters;

/// How often the writer looks at the disk while it is low, or tries to write a gap.
const TICK: Duration = Duration::from_secs(1);
/// Records a call needs room for: its intent and its end.
const CALL: u64 = 2;

/// A record on its way to the writer.
#[derive(Debug)]
pub(crate) struct Entry {
    pub body: Body,
    /// Bodies to be stored before the record is.
    pub kept: Kept,
    pub wall: SystemTime,
    pub monotonic: Duration,
    /// Told when the record is durable; dropped when it will never be.
    pub ack: Option<oneshot::Sender<()>>,
}

/// How much room the disk has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    Ample,
    Low,
    Exhausted,
}

/// Whether a call's records were taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    Queued,
    /// Mode `observe`: the call was counted into the gap.
    Unrecorded,
}

/// What the writer gets beside the entries.
#[derive(Debug)]
pub(crate) struct Taken {
    pub gap: Option<Gap>,
    /// The log is being closed and nothing is left.
    pub is_over: bool,
}

pub(crate) struct Queue {
    state: Mutex<State>,
    ready: Condvar,
    group: Group,
    ended: watch::Sender<bool>,
}

struct State {
    entries: Vec<Entry>,
    awaited: usize,
    room: Room,
    phase: Phase,
    level: Level,
    gap: Option<Gap>,
    parked: Parked,
    lost: u64,
}

/// How many records are queued or reserved, and how many bytes of bodies are queued. The writer frees room before
/// it acknowledges, so that a caller who has waited finds it free.
struct Room {
    capacity: u64,
    taken: u64,
    most_bytes: u64,
    bytes: u64,
    counters: Arc<Counters>,
}

impl Room {
    fn used(&self) -> u64 {
        self.taken.saturating_sub(self.counters.freed.load(Ordering::Acquire))
    }

    fn holds(&self, more: u64) -> bool {
        self.used() + more <= self.capacity
    }

    fn holds_bytes(&self, more: u64) -> bool {
        let used = self.bytes.saturating_sub(self.counters.freed_bytes.load(Ordering::Acquire));
        more == 0 || used + more <= self.most_bytes
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Open,
    Closing,
    Closed,
    Dead,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Parked {
    No,
    /// Waits for any record.
    Idle,
    /// Waits for a record that somebody awaits.
    Lingering,
}

impl Queue {
    pub(crate) fn new(options: &Options, counters: Arc<Counters>) -> Self {
        let taken = counters.freed.load(Ordering::Acquire);
        let (capacity, most_bytes) = (options.queue as u64, options.queue_bytes);
        let state = State {
            entries: Vec::new(),
            awaited: 0,
            room: Room { capacity, taken, most_bytes, bytes: 0, counters },
            phase: Phase::Open,
            level: Level::Ample,
            gap: None,
            parked: Parked::No,
            lost: 0,
        };
        let ended = watch::Sender::new(false);
        Self { state: Mutex::new(state), ready: Condvar::new(), group: options.group, ended }
    }

    /// Takes the records of a call, with room for its end; `end` is given when the call has already ended.
    pub(crate) fn admit(
        &self,
        mode: Mode,
        intent: Entry,
        end: Option<Entry>,
    ) -> Result<Admission, AuditError> {
        let mut state = self.lock();
        let bytes = intent.kept.bytes() + end.as_ref().map_or(0, |end| end.kept.bytes());
        if let Err(refusal) = state.check(mode, CALL).and_then(|()| state.check_bytes(bytes)) {
            if mode != Mode::Observe || matches!(refusal, AuditError::Closed) {
                return Err(refusal);
            }
            state.count_gap(intent.wall.into(), &refusal);
            self.wake(state);
            return Ok(Admission::Unrecorded);
        }
        state.room.taken += CALL;
        state.push(intent);
        end.into_iter().for_each(|entry| state.push(entry));
        self.wake(state);
        Ok(Admission::Queued)
    }

    /// Takes one record that belongs to no call.
    pub(crate) fn admit_single(&self, entry: Entry) -> Result<(), AuditError> {
        let mut state = self.lock();
        state.check(Mode::Bounded, 1)?;
        state.room.taken += 1;
        state.push(entry);
        self.wake(state);
        Ok(())
    }

    /// Takes the end of an admitted call, for which room was kept.
    pub(crate) fn finish(&self, mut entry: Entry) -> Result<(), AuditError> {
        let mut state = self.lock();
        if let Phase::Closed | Phase::Dead = state.phase {
            state.lost += 1;
            return Err(state.refusal());
        }
        if state.check_bytes(entry.kept.bytes()).is_err() {
            entry.kept.shed();
        }
        state.push(entry);
        self.wake(state);
        Ok(())
    }

    /// The writer's side: waits for records and moves them into `batch`, which must be empty.
    pub(crate) fn take(&self, batch: &mut Vec<Entry>, level: Level) -> Taken {
        let mut state = self.lock();
        state.level = level;
        let mut linger_until = None;
        while !state.is_due(self.group.max) {
            let (parked, limit) = if state.entries.is_empty() {
                let must_tick = state.level != Level::Ample || state.gap.is_some();
                (Parked::Idle, must_tick.then_some(TICK))
            } else {
                let until = *linger_until.get_or_insert_with(|| Instant::now() + self.group.max_wait);
                (Parked::Lingering, Some(until.saturating_duration_since(Instant::now())))
            };
            if limit == Some(Duration::ZERO) {
                break;
            }
            let timed_out;
            (state, timed_out) = self.park(state, parked, limit);
            if timed_out && parked == Parked::Idle {
                break;
            }
        }
        std::mem::swap(&mut state.entries, batch);
        state.awaited = 0;
        // The last chance to tell is taken even on a low disk: there is room for one record, or the close fails.
        let may_tell = state.level == Level::Ample || state.phase == Phase::Closing;
        let gap = if may_tell { state.gap.take() } else { None };
        Taken { is_over: state.phase == Phase::Closing && batch.is_empty() && gap.is_none(), gap }
    }

    /// No new calls; the writer ends once it has written what is queued.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        if state.phase == Phase::Open {
            state.phase = Phase::Closing;
        }
        drop(state);
        self.ready.notify_all();
    }

    /// The writer has ended; whatever is still queued will never be written.
    pub(crate) fn end(&self, how: Ended) {
        let mut state = self.lock();
        state.phase = if how == Ended::Dead { Phase::Dead } else { Phase::Closed };
        state.lost += u64::try_from(state.entries.len()).unwrap_or(u64::MAX);
        // Dropping the entries tells those who wait for them.
        state.entries = Vec::new();
        drop(state);
        self.ended.send_replace(true);
    }

    /// Resolves when the writer has ended.
    pub(crate) async fn ended(&self) -> Result<(), AuditError> {
        let waited = self.ended.subscribe().wait_for(|ended| *ended).await.is_ok();
        let phase = self.lock().phase;
        if waited && phase == Phase::Closed { Ok(()) } else { Err(AuditError::Dead) }
    }

    /// How much room the disk has, before the writer's first report.
    pub(crate) fn set_level(&self, level: Level) {
        self.lock().level = level;
    }

    /// Whether a call would be recorded now.
    pub(crate) fn health(&self, mode: Mode) -> Result<(), AuditError> {
        self.lock().check(mode, CALL)
    }

    /// Records in the queue or reserved, and ends of calls that came after the log had stopped.
    pub(crate) fn load(&self) -> (u64, u64) {
        let state = self.lock();
        (state.room.used(), state.lost)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn park<'a>(
        &self,
        mut state: MutexGuard<'a, State>,
        parked: Parked,
        limit: Option<Duration>,
    ) -> (MutexGuard<'a, State>, bool) {
        state.parked = parked;
        let (mut state, timed_out) = match limit {
            None => (self.ready.wait(state).unwrap_or_else(PoisonError::into_inner), false),
            Some(limit) => {
                let woken = self.ready.wait_timeout(state, limit);
                let (state, timeout) = woken.unwrap_or_else(PoisonError::into_inner);
                (state, timeout.timed_out())
            }
        };
        state.parked = Parked::No;
        (state, timed_out)
    }

    /// Wakes the writer only if it waits for what is there now: a wake-up costs more than a record.
    fn wake(&self, mut state: MutexGuard<'_, State>) {
        let is_due = match state.parked {
            Parked::No => false,
            Parked::Idle => true,
            Parked::Lingering => state.is_due(self.group.max),
        };
        if is_due {
            state.parked = Parked::No;
            drop(state);
            self.ready.notify_one();
        }
    }
}

/// How the writer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    Closed,
    Dead,
}

impl State {
    fn check(&self, mode: Mode, room: u64) -> Result<(), AuditError> {
        if self.phase != Phase::Open {
            return Err(self.refusal());
        }
        if self.level == Level::Exhausted || (self.level == Level::Low && mode == Mode::Strict) {
            return Err(AuditError::DiskLow);
        }
        if self.room.holds(room) { Ok(()) } else { Err(AuditError::Full) }
    }

    fn check_bytes(&self, bytes: u64) -> Result<(), AuditError> {
        if self.room.holds_bytes(bytes) { Ok(()) } else { Err(AuditError::Full) }
    }

    fn refusal(&self) -> AuditError {
        if self.phase == Phase::Dead { AuditError::Dead } else { AuditError::Closed }
    }

    fn push(&mut self, entry: Entry) {
        self.awaited += usize::from(entry.ack.is_some());
        self.room.bytes += entry.kept.bytes();
        self.entries.push(entry);
    }

    fn is_due(&self, max: usize) -> bool {
        let gap_is_due = self.gap.is_some() && self.level == Level::Ample;
        self.awaited > 0 || self.entries.len() >= max || self.phase != Phase::Open || gap_is_due
    }

    fn count_gap(&mut self, at: Stamp, refusal: &AuditError) {
        let gap =
            self.gap.get_or_insert(Gap { calls: 0, dead: 0, disk_low: 0, first: at, full: 0, last: at });
        gap.calls += 1;
        gap.last = at;
        match refusal {
            AuditError::Full => gap.full += 1,
            AuditError::DiskLow => gap.disk_low += 1,
            _ => gap.dead += 1,
        }
    }
}
