//! Measures how fast a backlog is delivered to receivers on this machine.
//!
//! `cargo run --release -p weir-sinks --example throughput -- DIR [CALLS]`
#![allow(clippy::print_stdout, reason = "an example prints")]

use std::error::Error;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use weir_audit::{Completion, Intent, Log, Options, System};
use weir_sinks::{
    Confirm, Form, Lane, OtlpSettings, Place, Plaintext, Receiver, Secret, SinkSettings, Sinks,
    SyslogSettings, TlsSettings, Transport, Upto, WebhookSettings,
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let dir = PathBuf::from(arguments.next().ok_or("usage: throughput DIR [CALLS]")?);
    let calls: u64 = arguments.next().map_or(Ok(20_000), |it| it.parse())?;
    let (log, _) = Log::open(&dir.join("log"), Options::default())?;
    fill(&log, calls).await?;
    let (web, syslog) = (serve(answer_http).await?, serve(read_to_end).await?);
    let url = |path: &str| Secret::new(format!("http://{web}{path}"));
    let webhook = WebhookSettings {
        url: url("/in"),
        secrets: vec![Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".into())],
        tls: TlsSettings::default(),
        plaintext: Plaintext::Loopback,
    };
    let otlp = OtlpSettings {
        url: url("/v1/logs"),
        headers: vec![],
        tls: TlsSettings::default(),
        plaintext: Plaintext::Loopback,
    };
    let syslog = SyslogSettings {
        host: syslog.ip().to_string(),
        port: syslog.port(),
        transport: Transport::Tcp,
        confirm: Confirm::End,
    };
    for (name, receiver, form) in [
        ("webhook-weir", Receiver::Webhook(webhook.clone()), Form::Weir),
        ("webhook-ocsf", Receiver::Webhook(webhook), Form::Ocsf),
        ("otlp", Receiver::Otlp(otlp), Form::Weir),
        ("syslog-tcp", Receiver::Syslog(syslog), Form::Weir),
    ] {
        let mut settings = SinkSettings::new(name, receiver);
        settings.form = form;
        deliver(settings, &log, &dir).await?;
    }
    log.close().await?;
    Ok(())
}

async fn fill(log: &Log, calls: u64) -> Result<(), Box<dyn Error>> {
    for _ in 0..calls.div_ceil(500) {
        let intent = || Intent {
            app: Some("desk".into()),
            endpoint: "chat".into(),
            requested_model: Some("gpt-4o".into()),
            tenant: "acme".into(),
            ..Intent::default()
        };
        let completion =
            || Completion { provider: Some("openai".into()), status: 200, ..Completion::default() };
        let settled = (0..500).map(|_| log.settled(intent(), completion()));
        futures::future::try_join_all(settled).await?;
    }
    Ok(())
}

async fn deliver(settings: SinkSettings, log: &Log, dir: &std::path::Path) -> Result<(), Box<dyn Error>> {
    let (end, durable) = (log.durable_seq(), log.clone());
    let lane = Lane { index: 0, dir: dir.join("log"), upto: Upto::writer(move || durable.durable_seq()) };
    let place = Place { home: dir.join("sinks"), lanes: vec![lane], ambient: Arc::new(System::default()) };
    let name = settings.name.clone();
    let sinks = Sinks::open(&[settings], &place).map_err(|faults| format!("{faults:?}"))?;
    let (states, begun) = (sinks.states(), Instant::now());
    let done = async {
        let mut tick = tokio::time::interval(Duration::from_millis(5));
        while states.read(SystemTime::now()).iter().any(|it| it.position < end) {
            tick.tick().await;
        }
    };
    sinks.run(done).await;
    let seconds = begun.elapsed().as_secs_f64();
    println!("{name}: {end} records in {seconds:.2} s, {:.0} a second", end as f64 / seconds);
    Ok(())
}

async fn serve<F>(treat: impl Fn(TcpStream) -> F + Send + 'static) -> std::io::Result<SocketAddr>
where
    F: Future<Output = std::io::Result<()>> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(treat(stream));
        }
    });
    Ok(address)
}

async fn read_to_end(mut stream: TcpStream) -> std::io::Result<()> {
    tokio::io::copy(&mut stream, &mut tokio::io::sink()).await.map(drop)
}

async fn answer_http(mut stream: TcpStream) -> std::io::Result<()> {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(at) = bytes.windows(4).position(|it| it == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Ok(());
        }
    };
    let text = String::from_utf8_lossy(bytes.get(..head).unwrap_or_default()).to_lowercase();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
    while bytes.len() < head + length.unwrap_or_default() {
        if stream.read_buf(&mut bytes).await? == 0 {
            return Ok(());
        }
    }
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}").await
}
