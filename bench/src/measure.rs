//! One repeat of one peer: warm-up, saturation, fixed rate against no proxy at the same rate.

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::client::{Target, control};
use crate::error::BenchError;
use crate::load::{Tally, closed_loop, open_loop};
use crate::own::Snapshot;
use crate::peers::{Peer, Running, Site};
use crate::process::Process;
use crate::script::Shape;
use crate::upstream::{Behaviour, Counts};

/// How long and how hard.
#[derive(Clone, Debug, Serialize)]
pub struct Plan {
    /// Measured window, in seconds.
    pub seconds: f64,
    /// Warm-up before it, in seconds.
    pub warm_up: f64,
    /// Connections of the closed loop, plain replies.
    pub connections: usize,
    /// Connections of the closed loop, streams.
    pub streams: usize,
    /// Requests a second of the open loop; none: half of what the peer reached at saturation.
    pub rate: Option<f64>,
    /// Streams a second in the paced run.
    pub paced_rate: f64,
    /// Milliseconds between two events in the paced run.
    pub pace_ms: u64,
    /// Milliseconds before the upstream answers.
    pub latency_ms: u64,
}

/// CPU of the proxy in one window.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Cpu {
    /// Microseconds of CPU an exchange.
    pub us_per_exchange: f64,
    /// CPU seconds a second of wall time.
    pub busy: f64,
}

/// Quantiles of one latency, in microseconds.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Quantiles {
    /// Median.
    pub p50: f64,
    /// 99th percentile.
    pub p99: f64,
}

impl Quantiles {
    fn of(histogram: &hdrhistogram::Histogram<u64>) -> Self {
        let us = |q| histogram.value_at_quantile(q) as f64 / 1000.0;
        Self { p50: us(0.5), p99: us(0.99) }
    }

    /// What the proxy adds: the difference of quantiles.
    pub fn minus(self, base: Self) -> Self {
        Self { p50: self.p50 - base.p50, p99: self.p99 - base.p99 }
    }
}

/// Closed loop: all the peer can do.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Saturation {
    /// Exchanges a second.
    pub rate: f64,
    /// CPU of the proxy; none without one.
    pub cpu: Option<Cpu>,
}

/// Open loop at one rate, with the proxy and without.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct AtRate {
    /// Exchanges a second.
    pub rate: f64,
    /// Exchanges measured.
    pub samples: u64,
    /// CPU of the proxy; none without one.
    pub cpu: Option<Cpu>,
    /// To the last byte.
    pub total: Quantiles,
    /// To the first body byte.
    pub first: Quantiles,
    /// To the last byte, less the same without a proxy.
    pub added: Quantiles,
    /// To the first body byte, less the same without a proxy.
    pub added_first: Quantiles,
    /// The peer's own share by its own clock, as upper bounds; none where it doesn't tell.
    pub own: Option<Quantiles>,
}

/// Everything one repeat of one peer gave.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Repeat {
    /// Plain replies, closed loop.
    pub plain: Saturation,
    /// Plain replies, open loop.
    pub plain_at_rate: AtRate,
    /// Streams, closed loop, events without pause.
    pub stream: Saturation,
    /// Streams, open loop, events without pause.
    pub stream_at_rate: AtRate,
    /// Streams, open loop, events paced as a model would.
    pub paced: AtRate,
    /// Memory of the proxy after all that; none without one.
    pub memory: Option<crate::process::Memory>,
}

/// Runs one repeat of one peer.
///
/// # Errors
/// [`BenchError`]: the peer does not start, an answer is wrong, or personal data got past controls that are on.
pub async fn repeat(site: &Site, plan: &Plan, peer: Peer) -> Result<Repeat, BenchError> {
    let plainly = Behaviour { latency_ms: plan.latency_ms, ..Behaviour::default() };
    behave(site.upstream, &plainly).await?;
    let before = counts(site.upstream).await?;
    let running = site.start(peer).await?;
    let direct = site.start(Peer::None).await?;
    let bench = Bench { plan, running: &running, direct: &direct };

    let plain = bench.saturate(Shape::Plain, plan.connections).await?;
    let plain_at_rate = bench.at_rate(Shape::Plain, plan.rate.unwrap_or(plain.rate / 2.0)).await?;
    let stream = bench.saturate(Shape::Stream, plan.streams).await?;
    let stream_at_rate = bench.at_rate(Shape::Stream, plan.rate.unwrap_or(stream.rate / 2.0)).await?;
    behave(site.upstream, &Behaviour { pace_ms: plan.pace_ms, ..plainly }).await?;
    let paced = bench.at_rate(Shape::Stream, plan.paced_rate).await?;

    let memory = running.process.as_ref().map(Process::memory);
    let after = counts(site.upstream).await?;
    if matches!(peer, Peer::WeirOn | Peer::WeirTagger) {
        let direct_requests = bench.direct_requests([&plain_at_rate, &stream_at_rate, &paced]);
        let clear = after.clear - before.clear;
        if clear > direct_requests {
            let leaked = clear - direct_requests;
            return Err(BenchError::Broken(format!("{leaked} prompts reached the upstream in clear")));
        }
    }
    Ok(Repeat { plain, plain_at_rate, stream, stream_at_rate, paced, memory })
}

/// Sets how the upstream behaves from now on.
///
/// # Errors
/// When the upstream does not answer.
pub async fn behave(upstream: SocketAddr, behaviour: &Behaviour) -> Result<(), BenchError> {
    control(upstream, "PUT /script", &serde_json::to_string(behaviour)?).await?;
    Ok(())
}

/// What the upstream has seen so far.
///
/// # Errors
/// When the upstream does not answer.
pub async fn counts(upstream: SocketAddr) -> Result<Counts, BenchError> {
    Ok(serde_json::from_slice(&control(upstream, "GET /counts", "").await?)?)
}

struct Bench<'a> {
    plan: &'a Plan,
    running: &'a Running,
    direct: &'a Running,
}

impl Bench<'_> {
    async fn saturate(&self, shape: Shape, connections: usize) -> Result<Saturation, BenchError> {
        let target = Rc::new(self.running.target(shape));
        closed_loop(&target, connections, Duration::from_secs_f64(self.plan.warm_up)).await?;
        let meter = Meter::start(self.running.process.as_ref())?;
        let tally = closed_loop(&target, connections, self.window()).await?;
        Ok(Saturation { rate: tally.rate(), cpu: meter.stop(&tally)? })
    }

    async fn at_rate(&self, shape: Shape, rate: f64) -> Result<AtRate, BenchError> {
        let target = Rc::new(self.running.target(shape));
        let own_before = self.own().await?;
        let meter = Meter::start(self.running.process.as_ref())?;
        let tally = open_loop(&target, rate, self.window()).await?;
        let cpu = meter.stop(&tally)?;
        let own = self.own().await?.zip(own_before).and_then(|(after, before)| after.since(&before));
        let base = self.without_proxy(shape, rate).await?;
        let (total, first) = (Quantiles::of(&tally.total), Quantiles::of(&tally.first));
        Ok(AtRate {
            rate,
            samples: tally.completed,
            cpu,
            total,
            first,
            added: total.minus(Quantiles::of(&base.total)),
            added_first: first.minus(Quantiles::of(&base.first)),
            own,
        })
    }

    async fn own(&self) -> Result<Option<Snapshot>, BenchError> {
        match self.running.admin {
            Some(admin) => Snapshot::take(admin).await.map(Some),
            None => Ok(None),
        }
    }

    async fn without_proxy(&self, shape: Shape, rate: f64) -> Result<Tally, BenchError> {
        let target: Rc<Target> = Rc::new(self.direct.target(shape));
        Ok(open_loop(&target, rate, self.window()).await?)
    }

    /// Requests that this repeat sent past the peer, straight to the upstream.
    fn direct_requests(&self, runs: [&AtRate; 3]) -> u64 {
        runs.iter().map(|run| (run.rate * self.plan.seconds).round().max(1.0) as u64).sum()
    }

    fn window(&self) -> Duration {
        Duration::from_secs_f64(self.plan.seconds)
    }
}

struct Meter<'a> {
    process: Option<&'a Process>,
    cpu: Duration,
    since: Instant,
}

impl<'a> Meter<'a> {
    fn start(process: Option<&'a Process>) -> Result<Self, BenchError> {
        let cpu = process.map(Process::cpu).transpose()?.unwrap_or_default();
        Ok(Self { process, cpu, since: Instant::now() })
    }

    fn stop(self, tally: &Tally) -> Result<Option<Cpu>, BenchError> {
        let Some(process) = self.process else { return Ok(None) };
        let used = process.cpu()?.saturating_sub(self.cpu).as_secs_f64();
        let us_per_exchange = used * 1e6 / tally.completed.max(1) as f64;
        Ok(Some(Cpu { us_per_exchange, busy: used / self.since.elapsed().as_secs_f64() }))
    }
}
