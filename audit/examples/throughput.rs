//! Measures the log: calls and records a second, syncs, and CPU time a call; without and with encrypted bodies,
//! without and with seal; and how fast it is verified.
//!
//! `cargo run --release -p weir-audit --example throughput -- DIR [CALLERS] [SECONDS] [BODY_BYTES] [sealed]`: with
//! BODY_BYTES above 0 each call leaves four bodies, two of that size and two of double that.
#![allow(clippy::print_stdout, reason = "an example prints")]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use uuid::Uuid;
use weir_audit::exchange::{Cost, Hit, Impact, Latency, Redaction, Span, Usage};
use weir_audit::proof::Seal;
use weir_audit::proof::anchor::DirAnchor;
use weir_audit::verify::{Trust, verify};
use weir_audit::{
    AuditError, Bodies, BodyKind, Completion, Decision, Intent, Log, Mode, Options, PicoUsd, Quantity, Vault,
    VaultOptions,
};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let dir = PathBuf::from(arguments.next().ok_or("usage: throughput DIR [CALLERS] [SECONDS]")?);
    let callers: u64 = arguments.next().map_or(Ok(256), |it| it.parse())?;
    let seconds: u64 = arguments.next().map_or(Ok(5), |it| it.parse())?;
    let body_bytes: usize = arguments.next().map_or(Ok(0), |it| it.parse())?;
    if body_bytes > 0 {
        measure_seal(&dir, body_bytes)?;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build()?;
    let is_sealed = arguments.next().is_some_and(|it| it == "sealed");
    for bytes in if body_bytes > 0 { vec![0, body_bytes, 0, body_bytes] } else { vec![0] } {
        let vault = Arc::new(open_vault(&dir)?);
        let seal = is_sealed.then(|| Seal {
            anchor: Some(Arc::new(DirAnchor::new(&dir.join("anchor")))),
            ..Seal::beside(&dir.join("log"))
        });
        let options = Options { seal, vault: Some(Arc::clone(&vault)), ..Options::default() };
        let (log, recovery) = Log::open(&dir.join("log"), options)?;
        println!("opened: {recovery:?}");
        let (start, cpu) = (Instant::now(), cpu_time()?);
        let kept = (bytes > 0).then(|| Kept { vault, body: text(bytes), double: text(2 * bytes) });
        let waited = runtime.block_on(drive(&log, callers, Duration::from_secs(seconds), kept.map(Arc::new)));
        runtime.block_on(log.close())?;
        println!("bodies           4 of {bytes} to {} bytes", 2 * bytes);
        report(&log, start.elapsed(), cpu_time()? - cpu, waited);
    }
    if is_sealed {
        check(&dir.join("log"))?;
    }
    Ok(())
}

/// What the calls keep.
struct Kept {
    vault: Arc<Vault>,
    body: Vec<u8>,
    double: Vec<u8>,
}

fn open_vault(dir: &Path) -> Result<Vault, Box<dyn Error>> {
    Ok(Vault::open(&dir.join("bodies"), &dir.join("keys"), VaultOptions::default())?)
}

fn text(bytes: usize) -> Vec<u8> {
    b"The quick brown fox jumps over the lazy dog. ".iter().copied().cycle().take(bytes).collect()
}

/// What it costs the caller's thread to seal one body.
fn measure_seal(dir: &Path, bytes: usize) -> Result<(), Box<dyn Error>> {
    const ROUNDS: u32 = 20_000;
    let vault = open_vault(dir)?;
    for body in [text(bytes), text(2 * bytes)] {
        let start = Instant::now();
        for _ in 0..ROUNDS {
            let key = vault.subject("acme", Some("ada"))?;
            let mut bodies = Bodies::new(&key, Uuid::nil());
            bodies.seal(BodyKind::Request, &body)?;
            std::hint::black_box(&bodies);
        }
        let each = start.elapsed() / ROUNDS;
        println!("seal {:>5} bytes  {:.2} µs, the key looked up", body.len(), each.as_secs_f64() * 1e6);
    }
    let start = Instant::now();
    for _ in 0..ROUNDS {
        vault.subject("acme", Some(&Uuid::now_v7().to_string()))?;
    }
    let each = start.elapsed() / ROUNDS;
    println!(
        "a new subject    {:.2} µs, without the sync that the log's group makes",
        each.as_secs_f64() * 1e6
    );
    Ok(())
}

/// One call with four bodies: two of its request, two of its reply.
async fn keep(log: &Log, kept: &Kept, subject: &str, policy_set: &Arc<str>) -> Result<(), AuditError> {
    let key = kept.vault.subject("acme", Some(subject))?;
    let id = log.new_id();
    let mut request = Bodies::new(&key, id);
    request.seal(BodyKind::Request, &kept.body)?;
    request.seal(BodyKind::Sent, &kept.body)?;
    let intent = Intent { subject_ref: key.reference(), ..intent(policy_set) };
    let ticket = log.intent_with(Mode::Bounded, intent, request).await?;
    let mut reply = Bodies::new(&key, id);
    reply.seal(BodyKind::Reply, &kept.double)?;
    reply.seal(BodyKind::Returned, &kept.double)?;
    ticket.complete_with(completion(), reply);
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
async fn drive(log: &Log, callers: u64, limit: Duration, kept: Option<Arc<Kept>>) -> Vec<u64> {
    let policy_set: Arc<str> = "f3a1c9d2e4b5f3a1c9d2e4b5f3a1c9d2".into();
    let calls = Arc::new(AtomicU64::new(0));
    let until = Instant::now() + limit;
    let tasks: Vec<_> = (0..callers)
        .map(|caller| {
            let (log, calls, policy_set) = (log.clone(), Arc::clone(&calls), Arc::clone(&policy_set));
            let (kept, subject) = (kept.clone(), format!("subject-{caller}"));
            tokio::spawn(async move {
                let mut waits = Vec::new();
                while Instant::now() < until {
                    let start = Instant::now();
                    match &kept {
                        Some(kept) if keep(&log, kept, &subject, &policy_set).await.is_ok() => {}
                        Some(_) => break,
                        None => {
                            let Ok(ticket) = log.intent(intent(&policy_set)).await else { break };
                            ticket.complete(completion());
                        }
                    }
                    waits.push(u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX));
                    calls.fetch_add(1, Ordering::Relaxed);
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
