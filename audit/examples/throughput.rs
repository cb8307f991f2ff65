//! Measures the log: calls and records a second, syncs, CPU time a call, and how fast it is verified.
//!
//! `cargo run --release -p weir-audit --example throughput -- DIR [CALLERS] [SECONDS] [sealed]`
#![allow(clippy::print_stdout, reason = "an example prints")]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use weir_audit::exchange::{Cost, Hit, Impact, Latency, Redaction, Span, Usage};
use weir_audit::proof::Seal;
use weir_audit::proof::anchor::DirAnchor;
use weir_audit::verify::{Trust, verify};
use weir_audit::{Completion, Decision, Intent, Log, Options, PicoUsd, Quantity};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let dir = PathBuf::from(arguments.next().ok_or("usage: throughput DIR [CALLERS] [SECONDS]")?);
    let callers: u64 = arguments.next().map_or(Ok(256), |it| it.parse())?;
    let seconds: u64 = arguments.next().map_or(Ok(5), |it| it.parse())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build()?;
    let is_sealed = arguments.next().is_some_and(|it| it == "sealed");
    let seal = is_sealed.then(|| Seal {
        anchor: Some(Arc::new(DirAnchor::new(&dir.with_extension("anchor")))),
        ..Seal::beside(&dir)
    });
    let (log, recovery) = Log::open(&dir, Options { seal, ..Options::default() })?;
    println!("opened: {recovery:?}");
    let (start, cpu) = (Instant::now(), cpu_time()?);
    let waited = runtime.block_on(drive(&log, callers, Duration::from_secs(seconds)));
    runtime.block_on(log.close())?;
    report(&log, start.elapsed(), cpu_time()? - cpu, waited);
    if is_sealed {
        check(&dir)?;
    }
    Ok(())
}

/// Verifies the log, on all cores.
fn check(dir: &Path) -> Result<(), Box<dyn Error>> {
    let (start, cpu) = (Instant::now(), cpu_time()?);
    let report = verify(dir, &Trust::default());
    let (wall, cpu) = (start.elapsed(), cpu_time()? - cpu);
    let records: u64 = report.lanes.iter().map(|lane| lane.records).sum();
    let sealed: u64 = report.lanes.iter().filter_map(|lane| lane.proof.as_ref()).map(|it| it.size).sum();
    println!("verified         {records} records, {sealed} of them sealed, {} faults", report.faults.len());
    println!(
        "verified/s       {:.0} ({:.0} a second of CPU)",
        records as f64 / wall.as_secs_f64(),
        records as f64 / cpu.as_secs_f64()
    );
    Ok(())
}

/// Runs `callers` tasks, each one call after another; the time they waited for their intents, in µs, sorted.
async fn drive(log: &Log, callers: u64, limit: Duration) -> Vec<u64> {
    let policy_set: Arc<str> = "f3a1c9d2e4b5f3a1c9d2e4b5f3a1c9d2".into();
    let calls = Arc::new(AtomicU64::new(0));
    let until = Instant::now() + limit;
    let tasks: Vec<_> = (0..callers)
        .map(|_| {
            let (log, calls, policy_set) = (log.clone(), Arc::clone(&calls), Arc::clone(&policy_set));
            tokio::spawn(async move {
                let mut waits = Vec::new();
                while Instant::now() < until {
                    let start = Instant::now();
                    let Ok(ticket) = log.intent(intent(&policy_set)).await else { break };
                    waits.push(u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX));
                    calls.fetch_add(1, Ordering::Relaxed);
                    ticket.complete(completion());
                }
                waits
            })
        })
        .collect();
    let mut waits = Vec::new();
    for task in tasks {
        waits.extend(task.await.unwrap_or_default());
    }
    waits.sort_unstable();
    waits
}

fn report(log: &Log, wall: Duration, cpu: Duration, waits: Vec<u64>) {
    let stats = log.stats();
    let calls = waits.len();
    let at = |share: f64| waits.get((calls as f64 * share) as usize).copied().unwrap_or(0);
    println!("calls/s          {:.0}", calls as f64 / wall.as_secs_f64());
    println!("records/s        {:.0}", stats.records as f64 / wall.as_secs_f64());
    println!("records a sync   {:.1}", stats.records as f64 / stats.groups as f64);
    println!("bytes a record   {:.0}", stats.bytes as f64 / stats.records as f64);
    println!("sync mean        {:.0} µs", stats.syncing.as_secs_f64() * 1e6 / stats.groups as f64);
    println!("intent p50 / p99 {} / {} µs", at(0.5), at(0.99));
    println!(
        "CPU a call       {:.1} µs (user and system, all threads)",
        cpu.as_secs_f64() * 1e6 / calls as f64
    );
}

fn cpu_time() -> Result<Duration, Box<dyn Error>> {
    const TICK: Duration = Duration::from_millis(10);
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks: Result<Vec<u32>, _> = fields.split_whitespace().skip(11).take(2).map(str::parse).collect();
    Ok(TICK * ticks?.iter().sum::<u32>())
}

fn intent(policy_set: &Arc<str>) -> Intent {
    Intent {
        app: Some("support-desk".into()),
        endpoint: "chat".into(),
        key_id: Some("key-7f3a".into()),
        policy_set: Arc::clone(policy_set).into(),
        purpose: Some("customer-service".into()),
        request_bytes: 1_024,
        requested_model: Some("smollm2-135m-instruct".into()),
        route: Some("default".into()),
        stream: true,
        team: Some("care".into()),
        tenant: "acme".into(),
        ..Intent::default()
    }
}

fn completion() -> Completion {
    let span = |min, max| Span { min: Quantity(min), max: Quantity(max) };
    Completion {
        answered_model: Some("smollm2-135m-instruct".into()),
        cost: Some(Cost {
            catalogue: "2026-11".into(),
            input: PicoUsd(1_500_000),
            output: PicoUsd(4_200_000),
            total: PicoUsd(5_700_000),
        }),
        decision: Decision::Transformed,
        finish_reasons: vec!["stop".into()],
        hits: vec![Hit {
            action: "pseudonymise".into(),
            count: 1,
            entity: "EMAIL_ADDRESS".into(),
            policy: "baseline".into(),
            rule: "identifiers".into(),
            score: Some(Quantity(1.0)),
            slot: "/messages/0/content".into(),
        }],
        impact: Some(Impact {
            energy_kwh: span(0.000_012, 0.000_034),
            gwp_kg: span(0.000_004, 0.000_011),
            method: "ecologits-0.9".into(),
            wcf_l: None,
            zone: "WOR".into(),
        }),
        latency: Latency { controls_us: 120, first_byte_us: Some(4_000), queue_us: 3, total_us: 250_000 },
        provider: Some("embedded".into()),
        redactions: vec![Redaction { count: 1, entity: "EMAIL_ADDRESS".into() }],
        reply_bytes: 2_048,
        response_id: Some("chatcmpl-0123456789abcdef".into()),
        status: 200,
        upstream: Some("embedded".into()),
        usage: Some(Usage { input: 210, output: 480, source: "provider".into(), ..Usage::default() }),
        ..Completion::default()
    }
}
