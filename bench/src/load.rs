//! The load generator: a closed loop to find saturation, an open loop at a fixed rate to measure latency.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use rustix::time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;

use crate::client::{Connection, ExchangeError, Target, Timing};

/// No exchange may take longer; a proxy that hangs fails the run.
const EXCHANGE_LIMIT: Duration = Duration::from_secs(60);
const HIGHEST_NS: u64 = 120_000_000_000;

/// Why a load run failed.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// An exchange failed: a benchmark of errors is worth nothing.
    #[error(transparent)]
    Exchange(#[from] ExchangeError),
    /// The kernel timer failed.
    #[error("timer: {0}")]
    Timer(#[from] std::io::Error),
    /// Not a rate.
    #[error("rate of {0} a second")]
    Rate(f64),
    /// A histogram could not be made.
    #[error("histogram bounds")]
    Histogram,
}

/// What a run measured.
pub struct Tally {
    /// Exchanges completed, those in flight at the end of the window included.
    pub completed: u64,
    /// From the start until the last of them was complete.
    pub elapsed: Duration,
    /// Start to last byte, in nanoseconds.
    pub total: Histogram<u64>,
    /// Start to first body byte, in nanoseconds.
    pub first: Histogram<u64>,
}

impl Tally {
    fn new() -> Result<Self, LoadError> {
        let fresh = || Histogram::new_with_bounds(1, HIGHEST_NS, 3).map_err(|_| LoadError::Histogram);
        Ok(Self { completed: 0, elapsed: Duration::ZERO, total: fresh()?, first: fresh()? })
    }

    /// Completed exchanges a second.
    pub fn rate(&self) -> f64 {
        self.completed as f64 / self.elapsed.as_secs_f64().max(f64::MIN_POSITIVE)
    }

    fn record(&mut self, start: Instant, timing: Timing) {
        self.completed += 1;
        self.total.saturating_record(nanos(start, timing.last));
        self.first.saturating_record(nanos(start, timing.first));
    }
}

/// Requests waiting for an idle connection: when each was meant to be sent.
#[derive(Default)]
struct Queue {
    intended: RefCell<VecDeque<Instant>>,
    closed: Cell<bool>,
    changed: Notify,
}

/// Keeps `connections` busy for `window`: each sends its next request when the last is answered.
///
/// # Errors
/// The first failed exchange ends the run.
pub async fn closed_loop(
    target: &Rc<Target>,
    connections: usize,
    window: Duration,
) -> Result<Tally, LoadError> {
    let begin = Instant::now();
    let end = begin + window;
    let tally = Rc::new(RefCell::new(Tally::new()?));
    let mut tasks = JoinSet::new();
    for _ in 0..connections {
        let (target, tally) = (target.clone(), tally.clone());
        tasks.spawn_local(async move {
            let mut connection = Connection::new();
            loop {
                let start = Instant::now();
                if start >= end {
                    return Ok(());
                }
                let timing = limited(&mut connection, &target).await?;
                tally.borrow_mut().record(start, timing);
            }
        });
    }
    finish(tasks).await?;
    take(&tally, begin)
}

/// Sends `rate` requests a second for `window`, whatever the answers do. Each latency counts from the moment
/// the request was meant to be sent, so a stall is charged to every request that it delayed (no coordinated
/// omission).
///
/// # Errors
/// The first failed exchange ends the run.
pub async fn open_loop(target: &Rc<Target>, rate: f64, window: Duration) -> Result<Tally, LoadError> {
    let count = (rate * window.as_secs_f64()).round().max(1.0) as u64;
    let interval = Duration::try_from_secs_f64(1.0 / rate).map_err(|_| LoadError::Rate(rate))?;
    let queue = Rc::new(Queue::default());
    let tally = Rc::new(RefCell::new(Tally::new()?));
    let mut tasks = JoinSet::new();
    for _ in 0..pool_size(rate) {
        let connection = Connection::connect(target).await?;
        tasks.spawn_local(worker(connection, target.clone(), queue.clone(), tally.clone()));
    }
    let begin = Instant::now();
    let scheduled = schedule(&queue, count, interval).await;
    queue.closed.set(true);
    queue.changed.notify_waiters();
    scheduled?;
    finish(tasks).await?;
    take(&tally, begin)
}

fn pool_size(rate: f64) -> usize {
    // Room for two seconds of requests in flight; above that the proxy is not at half load any more.
    ((rate * 2.0) as usize).clamp(16, 256)
}

async fn worker(
    mut connection: Connection,
    target: Rc<Target>,
    queue: Rc<Queue>,
    tally: Rc<RefCell<Tally>>,
) -> Result<(), LoadError> {
    while let Some(intended) = next(&queue).await {
        let timing = limited(&mut connection, &target).await?;
        tally.borrow_mut().record(intended, timing);
    }
    Ok(())
}

async fn next(queue: &Queue) -> Option<Instant> {
    loop {
        if let Some(intended) = queue.intended.borrow_mut().pop_front() {
            return Some(intended);
        }
        if queue.closed.get() {
            return None;
        }
        queue.changed.notified().await;
    }
}

/// Fills the queue as a kernel timer ticks.
async fn schedule(queue: &Queue, count: u64, interval: Duration) -> Result<(), LoadError> {
    let (sender, mut ticks) = mpsc::unbounded_channel();
    let timer = timerfd(interval)?;
    let begin = Instant::now();
    let clock =
        std::thread::Builder::new().name("clock".to_owned()).spawn(move || tick(&timer, count, &sender))?;
    let mut sent = 0_u64;
    while let Some(ticked) = ticks.recv().await {
        for _ in 0..ticked {
            sent += 1;
            let offset = Duration::from_nanos(u64::try_from(interval.as_nanos()).unwrap_or(0) * sent);
            queue.intended.borrow_mut().push_back(begin + offset);
            queue.changed.notify_one();
        }
    }
    clock.join().map_err(|_| std::io::Error::other("clock thread panicked"))??;
    Ok(())
}

/// A timer with nanosecond resolution and no slack: the runtime's own timers tick in milliseconds.
fn timerfd(interval: Duration) -> std::io::Result<OwnedFd> {
    let timer = rustix::time::timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::CLOEXEC)?;
    let every = Timespec {
        tv_sec: i64::try_from(interval.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(interval.subsec_nanos()),
    };
    let plan = Itimerspec { it_interval: every, it_value: every };
    rustix::time::timerfd_settime(&timer, TimerfdTimerFlags::empty(), &plan)?;
    Ok(timer)
}

/// Sends how often the timer expired, until `count` expirations were sent or nobody listens.
fn tick(timer: &OwnedFd, count: u64, ticks: &mpsc::UnboundedSender<u64>) -> std::io::Result<()> {
    let mut sent = 0;
    while sent < count {
        let mut expirations = [0_u8; 8];
        rustix::io::read(timer, &mut expirations)?;
        let now = u64::from_ne_bytes(expirations).min(count - sent);
        sent += now;
        if ticks.send(now).is_err() {
            break;
        }
    }
    Ok(())
}

async fn limited(connection: &mut Connection, target: &Target) -> Result<Timing, ExchangeError> {
    tokio::time::timeout(EXCHANGE_LIMIT, connection.exchange(target))
        .await
        .unwrap_or(Err(ExchangeError::Timeout(EXCHANGE_LIMIT.as_secs())))
}

async fn finish(mut tasks: JoinSet<Result<(), LoadError>>) -> Result<(), LoadError> {
    while let Some(ended) = tasks.join_next().await {
        ended.map_err(|e| LoadError::Timer(std::io::Error::other(e)))??;
    }
    Ok(())
}

fn take(tally: &RefCell<Tally>, begin: Instant) -> Result<Tally, LoadError> {
    let tally = tally.replace(Tally::new()?);
    Ok(Tally { elapsed: begin.elapsed(), ..tally })
}

fn nanos(from: Instant, to: Instant) -> u64 {
    u64::try_from(to.saturating_duration_since(from).as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::Shape;
    use crate::upstream::{Behaviour, tests::start};

    fn check(shape: Shape, behaviour: Behaviour, expect: fn(&Tally)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        tokio::task::LocalSet::new().block_on(&runtime, async {
            let target = Rc::new(Target::new(start(behaviour), shape, &[]));
            let closed = closed_loop(&target, 4, Duration::from_millis(100)).await.unwrap();
            assert!(closed.completed >= 4);
            let open = open_loop(&target, 100.0, Duration::from_millis(200)).await.unwrap();
            assert_eq!(open.completed, 20);
            expect(&open);
        });
    }

    #[test]
    fn plain_and_streamed_replies_are_counted_and_checked() {
        check(Shape::Plain, Behaviour::default(), |tally| {
            assert_eq!(tally.total.len(), 20);
            assert!(tally.first.max() <= tally.total.max());
        });
        check(Shape::Stream, Behaviour::default(), |tally| assert!(tally.first.min() < tally.total.min()));
    }

    #[test]
    fn latency_of_the_upstream_is_seen() {
        let slow = Behaviour { latency_ms: 20, ..Behaviour::default() };
        check(Shape::Plain, slow, |tally| assert!(tally.total.min() >= 19_000_000));
    }

    #[test]
    fn a_wrong_reply_fails_the_run() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        tokio::task::LocalSet::new().block_on(&runtime, async {
            let short = Behaviour { events: 50, ..Behaviour::default() };
            let target = Rc::new(Target::new(start(short), Shape::Stream, &[]));
            let run = closed_loop(&target, 1, Duration::from_millis(50)).await;
            assert!(matches!(run, Err(LoadError::Exchange(ExchangeError::Wrong(_)))));
        });
    }
}
