//! The load rig: runs peers and Weir side by side on one machine and prints absolute figures and ratios.

mod client;
mod error;
mod http;
mod load;
mod machine;
mod measure;
mod memory;
mod own;
mod peers;
mod process;
mod report;
mod script;
mod upstream;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::error::{BenchError, io};
use crate::machine::Machine;
use crate::measure::Plan;
use crate::memory::Hold;
use crate::peers::{Peer, Site, free_port};
use crate::process::{Launch, Process};
use crate::report::{Report, Row};
use crate::upstream::Behaviour;

#[derive(Parser)]
#[command(name = "weir-bench", about = "Runs peers and Weir side by side on one machine")]
struct Arguments {
    #[command(subcommand)]
    command: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Measure peers and print tables; start it through bench/run, which pins it.
    Run(Box<RunArguments>),
    /// Only the scripted upstream.
    Upstream(UpstreamArguments),
}

#[derive(clap::Args)]
struct UpstreamArguments {
    /// Address to listen on.
    #[arg(long, default_value = "127.0.0.1:9900")]
    addr: SocketAddr,
    /// Milliseconds before an answer.
    #[arg(long, default_value_t = 0)]
    latency_ms: u64,
    /// Milliseconds between stream events.
    #[arg(long, default_value_t = 0)]
    pace_ms: u64,
    /// Events of a stream, without usage chunk and `[DONE]`.
    #[arg(long, default_value_t = script::EVENTS)]
    events: usize,
}

// bench/run gives defaults that the caller's own arguments replace.
#[derive(clap::Args)]
#[command(args_override_self = true)]
struct RunArguments {
    /// Peers to run, in this order, repeat after repeat.
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "none,envoy,envoy-2,portkey,litellm,weir-off,weir-on,weir-tagger"
    )]
    peers: Vec<Peer>,
    /// Memory scenarios to run instead of the load.
    #[arg(long, value_delimiter = ',')]
    scenario: Vec<Hold>,
    /// Exchanges held at once in a memory scenario.
    #[arg(long, default_value_t = 1000)]
    held: usize,
    /// Folder that bench/peers.sh filled.
    #[arg(long, default_value = "target/peers")]
    peers_dir: PathBuf,
    /// The weir binary.
    #[arg(long, default_value = "target/release/weir")]
    weir: PathBuf,
    /// Folder for results and logs.
    #[arg(long, default_value = "bench/results")]
    results: PathBuf,
    /// Scratch folder; Weir's audit log is written (and synced) below it.
    #[arg(long)]
    work: Option<PathBuf>,
    /// Repeats, interleaved over the peers.
    #[arg(long, default_value_t = 3)]
    repeats: usize,
    /// Measured seconds of each window.
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// Seconds of warm-up before each saturation window.
    #[arg(long, default_value_t = 5.0)]
    warm_up: f64,
    /// Connections of the closed loop, plain replies.
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Connections of the closed loop, streams.
    #[arg(long, default_value_t = 32)]
    streams: usize,
    /// Fixed rate of the latency runs; default: half of what each peer reaches at saturation.
    #[arg(long)]
    rate: Option<f64>,
    /// Streams a second of the paced run.
    #[arg(long, default_value_t = 4.0)]
    paced_rate: f64,
    /// Milliseconds between events in the paced run.
    #[arg(long, default_value_t = 5)]
    pace_ms: u64,
    /// Milliseconds before the upstream answers.
    #[arg(long, default_value_t = 0)]
    latency_ms: u64,
    /// Cores of load generator and upstream (set by bench/run, which also pins to them).
    #[arg(long, default_value = "0")]
    load_cpus: String,
    /// Cores of the measured process.
    #[arg(long, default_value = "1")]
    proxy_cpus: String,
}

impl RunArguments {
    fn plan(&self) -> Plan {
        Plan {
            seconds: self.seconds,
            warm_up: self.warm_up,
            connections: self.connections,
            streams: self.streams,
            rate: self.rate,
            paced_rate: self.paced_rate,
            pace_ms: self.pace_ms,
            latency_ms: self.latency_ms,
        }
    }
}

fn main() -> ExitCode {
    let task = Arguments::parse().command;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let outcome = runtime.map_err(io("start the runtime")).and_then(|runtime| {
        tokio::task::LocalSet::new().block_on(&runtime, async {
            match task {
                Task::Upstream(arguments) => serve(arguments).await.map(|()| ExitCode::SUCCESS),
                Task::Run(arguments) => tokio::select! {
                    outcome = run(&arguments) => outcome,
                    // Dropping the run ends the processes that it started.
                    _ = tokio::signal::ctrl_c() => Err(BenchError::Broken("interrupted".to_owned())),
                },
            }
        })
    });
    outcome.unwrap_or_else(|error| {
        eprintln!("weir-bench: {error}");
        ExitCode::FAILURE
    })
}

async fn serve(arguments: UpstreamArguments) -> Result<(), BenchError> {
    let UpstreamArguments { addr, latency_ms, pace_ms, events } = arguments;
    upstream::serve(addr, Behaviour { latency_ms, pace_ms, events }).await.map_err(io("upstream"))
}

async fn run(arguments: &RunArguments) -> Result<ExitCode, BenchError> {
    let machine = Machine::read();
    let logs = arguments.results.join("logs");
    std::fs::create_dir_all(&logs).map_err(io("results folder"))?;
    let scratch = match &arguments.work {
        Some(folder) => tempfile::tempdir_in(folder),
        None => tempfile::tempdir(),
    };
    let scratch = scratch.map_err(io("scratch folder"))?;
    let upstream = free_port()?;
    let _upstream = start_upstream(arguments, upstream, &logs).await?;
    let site = Site {
        peers: std::path::absolute(&arguments.peers_dir).map_err(io("peers folder"))?,
        weir: std::path::absolute(&arguments.weir).map_err(io("weir"))?,
        work: scratch.path().to_owned(),
        logs,
        upstream,
        cpus: arguments.proxy_cpus.clone(),
    };
    let mut rows: Vec<Row> = arguments
        .peers
        .iter()
        .map(|&peer| {
            let version = site.version(peer);
            Row { peer, version, repeats: Vec::new(), held: Vec::new(), failure: None }
        })
        .collect();
    if arguments.scenario.is_empty() {
        load(arguments, &site, &mut rows).await;
    } else {
        hold(arguments, &site, &mut rows).await;
    }
    let mut report = Report {
        machine,
        plan: arguments.plan(),
        load_cpus: arguments.load_cpus.clone(),
        proxy_cpus: arguments.proxy_cpus.clone(),
        rows,
    };
    report.machine.load_after = machine::load();
    write(arguments, &report)
}

async fn start_upstream(
    arguments: &RunArguments,
    addr: SocketAddr,
    logs: &std::path::Path,
) -> Result<Process, BenchError> {
    let own = std::env::current_exe().map_err(io("own path"))?;
    let launch = Launch {
        name: "upstream".to_owned(),
        command: vec![own.display().to_string(), "upstream".into(), "--addr".into(), addr.to_string()],
        env: Vec::new(),
        cpus: arguments.load_cpus.clone(),
        logs: logs.to_owned(),
    };
    let mut process = Process::start(&launch)?;
    while measure::counts(addr).await.is_err() {
        if let Some(end) = process.ended() {
            return Err(BenchError::Peer(format!("upstream {end}")));
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    Ok(process)
}

async fn load(arguments: &RunArguments, site: &Site, rows: &mut [Row]) {
    let plan = arguments.plan();
    for number in 1..=arguments.repeats {
        for row in rows.iter_mut().filter(|row| row.failure.is_none()) {
            eprintln!("repeat {number} of {}: {}", arguments.repeats, row.peer);
            match measure::repeat(site, &plan, row.peer).await {
                Ok(repeat) => row.repeats.push(repeat),
                Err(error) => {
                    eprintln!("  {error}");
                    row.failure = Some(error.into());
                }
            }
        }
    }
}

async fn hold(arguments: &RunArguments, site: &Site, rows: &mut [Row]) {
    for &scenario in &arguments.scenario {
        for row in rows.iter_mut().filter(|row| row.peer != Peer::None) {
            eprintln!("{scenario:?}: {}", row.peer);
            let held = memory::hold(site, row.peer, scenario, arguments.held).await;
            row.held.push((scenario, held.map_err(Into::into)));
        }
    }
}

fn write(arguments: &RunArguments, report: &Report) -> Result<ExitCode, BenchError> {
    let markdown = report.markdown();
    println!("{markdown}");
    let stem = arguments.results.join(report.machine.at.to_string());
    let json = serde_json::to_vec_pretty(report)?;
    std::fs::write(stem.with_extension("json"), json).map_err(io("write results"))?;
    std::fs::write(stem.with_extension("md"), markdown).map_err(io("write results"))?;
    eprintln!("written: {}.json and .md", stem.display());
    // A peer that is not there is named; one that answered wrongly fails the run.
    Ok(if report.is_broken() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
