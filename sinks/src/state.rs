//! How a sink stands, for metrics and for people.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use crate::error::Failure;
use crate::run::{Lane, Upto};

/// How one sink stands with one lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SinkState {
    /// Name of the sink.
    pub sink: String,
    /// `syslog`, `webhook` or `otlp`.
    pub kind: &'static str,
    /// Number of the lane.
    pub lane: usize,
    /// What it is doing.
    pub status: Status,
    /// `node_seq` of the last record that was delivered.
    pub position: u64,
    /// Records in the log that were not delivered yet.
    pub lag_records: u64,
    /// Age of the oldest record that was not delivered yet; zero when there is none.
    pub lag: Duration,
    /// Messages delivered since the start.
    pub delivered: u64,
    /// Deliveries that failed since the start.
    pub failures: u64,
    /// Messages that the receiver refused for good and that were set aside, since the start.
    pub set_aside: u64,
    /// Records that retention took before they were delivered, since the start.
    pub missed: u64,
    /// Class of the last failure; see [`Failure::class`], and `log` or `position` for a fault of our own.
    pub last_failure: Option<&'static str>,
    /// Messages that are read and not delivered yet: bounded by the sink's limits.
    pub held: usize,
}

/// What a sink is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Status {
    /// It has not begun.
    #[default]
    Starting,
    /// Another process delivers this lane.
    Elsewhere,
    /// Delivering, or waiting for new records.
    Running,
    /// The last delivery failed; it tries again.
    Retrying,
    /// Alarm: the receiver turns the sink away, or never confirms; it tries again.
    Denied,
    /// Alarm: the receiver refused a record for good, and the sink has stopped there.
    Refused,
    /// Alarm: the log or the position can't be read, or don't fit together.
    Damaged,
    /// It was stopped.
    Stopped,
}

impl Status {
    /// One word for metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Elsewhere => "elsewhere",
            Self::Running => "running",
            Self::Retrying => "retrying",
            Self::Denied => "denied",
            Self::Refused => "refused",
            Self::Damaged => "damaged",
            Self::Stopped => "stopped",
        }
    }

    /// Whether somebody has to look.
    pub fn is_alarm(self) -> bool {
        matches!(self, Self::Denied | Self::Refused | Self::Damaged)
    }
}

/// Reads how all sinks stand; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct States(Arc<Vec<Gauge>>);

impl States {
    pub(crate) fn new(gauges: Vec<Gauge>) -> Self {
        Self(Arc::new(gauges))
    }

    /// One state for each sink and lane; `now` is the wall clock.
    pub fn read(&self, now: SystemTime) -> Vec<SinkState> {
        self.0.iter().map(|gauge| gauge.read(now)).collect()
    }
}

/// Where one worker writes how it stands.
#[derive(Clone, Debug)]
pub(crate) struct Gauge(Arc<Mutex<Inner>>);

#[derive(Debug)]
struct Inner {
    state: SinkState,
    upto: Upto,
    /// Where the lane ended when it was read last.
    end: u64,
    /// Time of the oldest record that is held.
    oldest: Option<SystemTime>,
}

impl Gauge {
    pub(crate) fn new(sink: &str, kind: &'static str, lane: &Lane) -> Self {
        let state = SinkState {
            sink: sink.to_owned(),
            kind,
            lane: lane.index,
            status: Status::Starting,
            position: 0,
            lag_records: 0,
            lag: Duration::ZERO,
            delivered: 0,
            failures: 0,
            set_aside: 0,
            missed: 0,
            last_failure: None,
            held: 0,
        };
        Self(Arc::new(Mutex::new(Inner { state, upto: lane.upto.clone(), end: 0, oldest: None })))
    }

    fn change(&self, change: impl FnOnce(&mut Inner)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub(crate) fn set(&self, status: Status) {
        self.change(|it| it.state.status = status);
    }

    pub(crate) fn at(&self, position: u64) {
        self.change(|it| it.state.position = position);
    }

    /// What was read: how many messages are held, since when, and where the log ends.
    pub(crate) fn holds(&self, held: usize, oldest: Option<SystemTime>, end: u64) {
        self.change(|it| {
            it.state.held = held;
            it.oldest = oldest;
            it.end = it.end.max(end);
        });
    }

    /// Messages that the receiver has taken.
    pub(crate) fn delivered(&self, messages: usize) {
        self.change(|it| {
            it.state.delivered += messages as u64;
            it.state.status = Status::Running;
        });
    }

    pub(crate) fn failed(&self, failure: Failure) {
        self.change(|it| {
            it.state.failures += 1;
            it.state.last_failure = Some(failure.class());
        });
    }

    /// A fault of our own side.
    pub(crate) fn fault(&self, class: &'static str) {
        self.change(|it| {
            it.state.last_failure = Some(class);
            it.state.status = Status::Damaged;
        });
    }

    pub(crate) fn set_aside(&self) {
        self.change(|it| it.state.set_aside += 1);
    }

    pub(crate) fn missed(&self, records: u64) {
        self.change(|it| it.state.missed += records);
    }

    fn read(&self, now: SystemTime) -> SinkState {
        let inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut state = inner.state.clone();
        let end = if let Upto::Writer(durable) = &inner.upto { durable() } else { inner.end };
        state.lag_records = end.saturating_sub(state.position);
        let age = inner.oldest.map(|oldest| now.duration_since(oldest).unwrap_or_default());
        state.lag = age.unwrap_or_default();
        state
    }
}
