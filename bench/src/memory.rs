//! Memory scenarios: a thousand exchanges held open at once through a peer.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::task::JoinSet;

use crate::client::{Connection, ExchangeError, SlowReader, Target};
use crate::error::BenchError;
use crate::measure::{behave, counts};
use crate::peers::{Peer, Site};
use crate::process::{Memory, Process};
use crate::script::Shape;
use crate::upstream::Behaviour;

/// What a thousand callers do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hold {
    /// Streams of 200 events, 100 ms between events, read as they come.
    #[value(name = "1000-streams")]
    #[serde(rename = "1000-streams")]
    Streams,
    /// Endless-looking streams (20,000 events without pause), read at 1 KiB each 100 ms for 15 s, then dropped.
    SlowClient,
    /// Plain requests to an upstream that answers after 10 s.
    SlowUpstream,
}

const LIMIT: Duration = Duration::from_secs(300);
const SLOW_READ: Duration = Duration::from_secs(15);
const SIP_LIMIT: Duration = Duration::from_secs(120);

/// What one peer did in one memory scenario.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Held {
    /// Exchanges asked for.
    pub exchanges: usize,
    /// Most streams the upstream had open at once (streams only).
    pub most_open: u64,
    /// Resident memory before, in KiB.
    pub before_kib: u64,
    /// Highest resident memory sampled while they ran, in KiB.
    pub during_kib: u64,
    /// Resident memory after all had ended, in KiB.
    pub after_kib: u64,
    /// Growth an exchange, in KiB.
    pub kib_per_exchange: f64,
    /// Wall time of the exchanges, in seconds.
    pub seconds: f64,
    /// From the last client's leaving until the upstream had no stream open, in milliseconds; none: a minute
    /// was not enough, the peer goes on reading for clients that left.
    pub freed_ms: Option<f64>,
}

/// Runs one scenario with `exchanges` callers.
///
/// # Errors
/// [`BenchError`]: the peer does not start, or one exchange fails.
pub async fn hold(site: &Site, peer: Peer, hold: Hold, exchanges: usize) -> Result<Held, BenchError> {
    behave(site.upstream, &Behaviour::default()).await?;
    let running = site.start(peer).await?;
    let process =
        running.process.as_ref().ok_or_else(|| BenchError::Broken("no process to measure".into()))?;
    behave(site.upstream, &behaviour(hold)).await?;
    let target = Rc::new(running.target(shape(hold)));
    let before = process.memory();
    let began = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..exchanges {
        tasks.spawn_local(one(target.clone(), hold));
    }
    let watch = Watch { highest: Cell::new(before), most_open: Cell::new(0), error: RefCell::new(None) };
    watch.until_done(&mut tasks, process, site).await?;
    let seconds = began.elapsed().as_secs_f64();
    let freed = until_free(site).await?;
    if let Some(error) = watch.error.into_inner() {
        return Err(error.into());
    }
    let (before_kib, during_kib) = (before.resident_kib, watch.highest.get().resident_kib);
    Ok(Held {
        exchanges,
        most_open: watch.most_open.get(),
        before_kib,
        during_kib,
        after_kib: process.memory().resident_kib,
        kib_per_exchange: during_kib.saturating_sub(before_kib) as f64 / exchanges.max(1) as f64,
        seconds,
        freed_ms: freed.map(|time| time.as_secs_f64() * 1e3),
    })
}

fn behaviour(hold: Hold) -> Behaviour {
    let usual = Behaviour::default();
    match hold {
        Hold::Streams => Behaviour { pace_ms: 100, ..usual },
        Hold::SlowClient => Behaviour { events: 20_000, ..usual },
        Hold::SlowUpstream => Behaviour { latency_ms: 10_000, ..usual },
    }
}

fn shape(hold: Hold) -> Shape {
    match hold {
        Hold::Streams | Hold::SlowClient => Shape::Stream,
        Hold::SlowUpstream => Shape::Plain,
    }
}

async fn one(target: Rc<Target>, hold: Hold) -> Result<(), ExchangeError> {
    match hold {
        Hold::Streams | Hold::SlowUpstream => Connection::new().exchange(&target).await.map(|_| ()),
        Hold::SlowClient => {
            let mut reader = SlowReader::start(&target).await?;
            let mut end = None;
            // The time counts from the first bytes: a slow peer is not a slow client.
            while end.is_none_or(|end| Instant::now() < end) {
                let sip = tokio::time::timeout(SIP_LIMIT, reader.sip()).await;
                end = end.or_else(|| Some(Instant::now() + SLOW_READ));
                if sip.unwrap_or(Err(ExchangeError::Timeout(SIP_LIMIT.as_secs())))? == 0 {
                    return Err(ExchangeError::CutOff(0));
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            Ok(())
        }
    }
}

struct Watch {
    highest: Cell<Memory>,
    most_open: Cell<u64>,
    error: RefCell<Option<ExchangeError>>,
}

impl Watch {
    async fn until_done(
        &self,
        tasks: &mut JoinSet<Result<(), ExchangeError>>,
        process: &Process,
        site: &Site,
    ) -> Result<(), BenchError> {
        let deadline = Instant::now() + LIMIT;
        let mut sample = tokio::time::interval(Duration::from_millis(250));
        loop {
            tokio::select! {
                ended = tasks.join_next() => match ended {
                    None => return Ok(()),
                    Some(Ok(Err(error))) => {
                        self.error.replace(Some(error));
                        tasks.abort_all();
                    }
                    Some(_) => {}
                },
                _ = sample.tick() => {
                    let memory = process.memory();
                    if memory.resident_kib > self.highest.get().resident_kib {
                        self.highest.set(memory);
                    }
                    let open = counts(site.upstream).await?.open_streams;
                    self.most_open.set(self.most_open.get().max(open));
                    if Instant::now() > deadline {
                        return Err(BenchError::Broken(format!("not done after {} s", LIMIT.as_secs())));
                    }
                }
            }
        }
    }
}

async fn until_free(site: &Site) -> Result<Option<Duration>, BenchError> {
    let began = Instant::now();
    while counts(site.upstream).await?.open_streams > 0 {
        if began.elapsed() > Duration::from_secs(60) {
            return Ok(None);
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    Ok(Some(began.elapsed()))
}
