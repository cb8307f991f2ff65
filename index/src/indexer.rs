//! Follows the log on a thread of its own and writes what it finds; keeps trying, and says how far it is.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use serde::Serialize;
use weir_audit::{Ambient, System};

use crate::batch::LaneId;
use crate::error::IndexError;
use crate::follow::{Follower, Lane};
use crate::store::Store;
use crate::value::Micros;

/// How an indexer works.
#[derive(Clone)]
pub struct Settings {
    /// Most records of one transaction.
    pub batch: usize,
    /// How often the log is looked at, unless a full batch says that there is more: a call whose intent and end are
    /// found together is written once, and a transaction costs as much as some calls.
    pub poll: Duration,
    /// First pause after a failure; it doubles with each further one.
    pub pause: Duration,
    /// Longest pause after a failure.
    pub longest_pause: Duration,
    /// The clock.
    pub ambient: Arc<dyn Ambient>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            batch: 2000,
            poll: Duration::from_millis(250),
            pause: Duration::from_millis(200),
            longest_pause: Duration::from_secs(10),
            ambient: Arc::new(System::default()),
        }
    }
}

/// Gives the processor to requests first: under full load the index falls behind and catches up afterwards.
fn step_back() {
    /// Priority between the usual 0 and the lowest 19 (setpriority(2); on Linux each thread has its own).
    const NICE: i32 = 10;
    if rustix::process::setpriority_process(Some(rustix::thread::gettid()), NICE).is_err() {
        tracing::debug!("the indexer keeps the usual priority");
    }
}

/// How far the index is, for metrics and readiness.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct State {
    /// One for each lane.
    pub lanes: Vec<LaneState>,
    /// Failures since the start, alarms not counted.
    pub failures: u64,
    /// The last failure, until a batch is written again.
    pub failing: Option<String>,
}

/// How far the index of one lane is.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct LaneState {
    /// The lane.
    pub lane: u16,
    /// Last record that is indexed.
    pub indexed: u64,
    /// Last record that the log has on disk.
    pub durable: u64,
    /// Time of the last record that is indexed.
    pub indexed_time: Micros,
    /// For how long it has been behind.
    pub behind_for: Duration,
    /// Log and index contradict each other: nothing more of this lane is indexed.
    pub alarm: Option<String>,
}

impl LaneState {
    /// How many records it is behind.
    pub fn behind(&self) -> u64 {
        self.durable.saturating_sub(self.indexed)
    }
}

impl State {
    /// The first alarm, if any.
    pub fn alarm(&self) -> Option<&str> {
        self.lanes.iter().find_map(|lane| lane.alarm.as_deref())
    }
}

/// A running indexer; stops when dropped.
pub struct Indexer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    inner: Mutex<Inner>,
    wake: Condvar,
}

#[derive(Default)]
struct Inner {
    state: State,
    is_stopped: bool,
}

impl Indexer {
    /// Starts to follow `lanes`.
    ///
    /// # Errors
    /// [`IndexError::Io`] when no thread can be started.
    pub fn start(store: Box<dyn Store>, lanes: Vec<Lane>, settings: Settings) -> Result<Self, IndexError> {
        let shared = Arc::new(Shared::default());
        let now = settings.ambient.monotonic();
        let lanes = lanes.into_iter().map(|lane| Followed {
            follower: Follower::new(lane),
            current: now,
            alarm: None,
        });
        let work = Work { store, lanes: lanes.collect(), settings, shared: Arc::clone(&shared), pause: None };
        shared.lock().state.lanes = work.lanes.iter().map(|it| it.state(now)).collect();
        let named = std::thread::Builder::new().name("weir-index".into());
        let thread = named
            .spawn(move || {
                step_back();
                work.run();
            })
            .map_err(IndexError::io("starting", "the indexer".as_ref()))?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// How far it is.
    pub fn state(&self) -> State {
        let mut state = self.shared.lock().state.clone();
        if self.thread.as_ref().is_none_or(JoinHandle::is_finished) {
            state.failing = Some("the indexer has stopped: restart the gateway".to_owned());
        }
        state
    }

    /// Ends the batch at hand and stops.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for Indexer {
    fn drop(&mut self) {
        self.shared.lock().is_stopped = true;
        self.shared.wake.notify_all();
        // A panic of the thread has shown in the state.
        drop(self.thread.take().map(JoinHandle::join));
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits; whether to go on.
    fn wait(&self, time: Duration) -> bool {
        let waited = self.wake.wait_timeout_while(self.lock(), time, |inner| !inner.is_stopped);
        !waited.unwrap_or_else(PoisonError::into_inner).0.is_stopped
    }
}

struct Work {
    store: Box<dyn Store>,
    lanes: Vec<Followed>,
    settings: Settings,
    shared: Arc<Shared>,
    /// Pause after the last failure.
    pause: Option<Duration>,
}

/// How much of what is in the log a round has found.
enum Found {
    All,
    Some,
}

struct Followed {
    follower: Follower,
    /// When it was last found to have all records.
    current: Duration,
    alarm: Option<String>,
}

impl Work {
    fn run(mut self) {
        loop {
            let outcome = self.round();
            self.publish(outcome.as_ref().err());
            let wait = match outcome {
                Ok(Found::All) => self.settings.poll,
                Ok(Found::Some) => Duration::ZERO,
                Err(error) => self.after(&error),
            };
            if !self.shared.wait(wait) {
                return;
            }
        }
    }

    /// Indexes a batch of each lane.
    fn round(&mut self) -> Result<Found, IndexError> {
        let mut found = Found::All;
        for lane in self.lanes.iter_mut().filter(|lane| lane.alarm.is_none()) {
            match lane.follower.step(&mut *self.store, self.settings.batch) {
                Ok(records) => {
                    if records >= self.settings.batch as u64 {
                        found = Found::Some;
                    }
                    if lane.follower.is_current() {
                        lane.current = self.settings.ambient.monotonic();
                    }
                }
                Err(error) if error.is_alarm() => {
                    tracing::error!(%error, "the audit index of a lane is stopped");
                    lane.alarm = Some(error.to_string());
                }
                Err(IndexError::Moved { .. }) => found = Found::Some,
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }

    /// How long to pause after a failure; the store is made ready for another try.
    fn after(&mut self, error: &IndexError) -> Duration {
        let longest = self.settings.longest_pause;
        let pause = self.pause.map_or(self.settings.pause, |last| (last * 2).min(longest));
        self.pause = Some(pause);
        tracing::warn!(%error, retry_in = ?pause, "the audit index is behind");
        if let Err(error) = self.store.restore(error) {
            tracing::warn!(%error, "the audit index can't be reached");
        }
        pause
    }

    fn publish(&mut self, error: Option<&IndexError>) {
        let now = self.settings.ambient.monotonic();
        let mut inner = self.shared.lock();
        inner.state.lanes = self.lanes.iter().map(|lane| lane.state(now)).collect();
        inner.state.failures += u64::from(error.is_some());
        inner.state.failing = error.map(ToString::to_string);
        if error.is_none() {
            self.pause = None;
        }
    }
}

impl Followed {
    fn state(&self, now: Duration) -> LaneState {
        let position = self.follower.position();
        let durable = self.follower.durable();
        let is_behind = self.alarm.is_some() || durable > position.seq;
        LaneState {
            lane: self.follower.id().lane,
            indexed: position.seq,
            durable,
            indexed_time: position.time_us,
            behind_for: if is_behind { now.saturating_sub(self.current) } else { Duration::ZERO },
            alarm: self.alarm.clone(),
        }
    }
}

/// Indexes all that the log has, anew from its beginning, and returns. A running indexer of the same index notices
/// that its position was moved, and helps.
///
/// # Errors
/// The first failure; what was indexed until then stays.
pub fn reindex(store: &mut dyn Store, lanes: Vec<Lane>) -> Result<u64, IndexError> {
    let mut sources: Vec<_> = lanes.iter().map(|lane| lane.id.source).collect();
    sources.dedup();
    sources.into_iter().try_for_each(|source| store.clear(source))?;
    catch_up(store, lanes)
}

/// Indexes what the log has and the index has not, and returns; how many records.
///
/// # Errors
/// The first failure.
pub fn catch_up(store: &mut dyn Store, lanes: Vec<Lane>) -> Result<u64, IndexError> {
    let most = Settings::default().batch;
    let mut records = 0;
    for mut follower in lanes.into_iter().map(Follower::new) {
        loop {
            match follower.step(store, most) {
                Ok(0) => break,
                Ok(some) => records += some,
                Err(IndexError::Moved { .. }) => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(records)
}

impl LaneId {
    /// A lane of a log.
    pub fn new(source: uuid::Uuid, lane: u16) -> Self {
        Self { source, lane }
    }
}
