//! A log to deliver from, sinks that run in the background, and a web receiver that follows a script.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use weir_audit::{Completion, Decision, Intent, Log, Options, System};
use weir_sinks::{
    Backoff, Lane, Limits, OtlpSettings, Place, Plaintext, Receiver, Secret, SinkSettings, SinkState, Sinks,
    States, TlsSettings, Upto, WebhookSettings,
};

pub const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A log with a folder for positions beside it.
pub struct Scene {
    pub dir: TempDir,
    pub log: Log,
}

impl Scene {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let log = open(&dir.path().join("log"));
        Self { dir, log }
    }

    pub fn log_dir(&self) -> PathBuf {
        self.dir.path().join("log")
    }

    pub fn home(&self) -> PathBuf {
        self.dir.path().join("sinks")
    }

    /// Writes `calls` calls: two records each.
    pub async fn write(&self, calls: u64) {
        write(&self.log, calls).await;
    }

    pub fn lane(&self) -> Lane {
        let log = self.log.clone();
        Lane { index: 0, dir: self.log_dir(), upto: Upto::writer(move || log.durable_seq()) }
    }

    pub fn start(&self, settings: SinkSettings) -> Running {
        start(&[settings], place(self.home(), vec![self.lane()]))
    }
}

pub fn open(dir: &Path) -> Log {
    let options = Options { min_free_bytes: 0, segment_bytes: 16 << 10, ..Options::default() };
    Log::open(dir, options).unwrap().0
}

pub async fn write(log: &Log, calls: u64) {
    for at in 0..calls {
        let intent = Intent {
            app: Some("desk".into()),
            endpoint: "chat".into(),
            requested_model: Some("small".into()),
            tenant: "acme".into(),
            ..Intent::default()
        };
        let decision = if at % 5 == 4 { Decision::Blocked } else { Decision::Allow };
        log.settled(intent, Completion { status: 200, decision, ..Completion::default() }).await.unwrap();
    }
}

pub fn place(home: PathBuf, lanes: Vec<Lane>) -> Place {
    Place { home, lanes, ambient: Arc::new(System::default()) }
}

/// Sinks at work on tasks of their own.
pub struct Running {
    pub states: States,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

pub fn start(settings: &[SinkSettings], place: Place) -> Running {
    let sinks = Sinks::open(settings, &place).unwrap();
    let states = sinks.states();
    let (stop, told) = oneshot::channel();
    let task = tokio::spawn(sinks.run(async { drop(told.await) }));
    Running { states, stop: Some(stop), task }
}

impl Running {
    pub fn state(&self) -> SinkState {
        self.states.read(SystemTime::now()).remove(0)
    }

    /// Waits until the first state is as wanted.
    pub async fn until(&self, wanted: impl Fn(&SinkState) -> bool) -> SinkState {
        until(|| Some(self.state()).filter(|state| wanted(state)), || format!("{:?}", self.state())).await
    }

    pub async fn stop(mut self) -> SinkState {
        drop(self.stop.take());
        self.task.await.unwrap();
        self.states.read(SystemTime::now()).remove(0)
    }
}

/// Asks again and again, for as long as anything here may take.
pub async fn until<T>(ask: impl Fn() -> Option<T>, otherwise: impl Fn() -> String) -> T {
    let mut tick = tokio::time::interval(Duration::from_millis(5));
    // A machine that stood still must not use up the patience at once.
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    for _ in 0..6000 {
        if let Some(found) = ask() {
            return found;
        }
        tick.tick().await;
    }
    panic!("never: {}", otherwise());
}

/// Short waits, small batches.
pub fn quick(receiver: Receiver) -> SinkSettings {
    let mut settings = SinkSettings::new("siem", receiver);
    settings.poll = Duration::from_millis(5);
    settings.deadline = Duration::from_millis(400);
    settings.backoff = Backoff { least: Duration::from_millis(1), most: Duration::from_millis(4) };
    settings.limits = Limits { records: 10, bytes: 1 << 20 };
    settings
}

pub fn webhook(address: SocketAddr) -> SinkSettings {
    quick(Receiver::Webhook(WebhookSettings {
        url: Secret::new(format!("http://{address}/in?token=T0KEN")),
        secrets: vec![Secret::new(SECRET.into())],
        tls: TlsSettings::default(),
        plaintext: Plaintext::Loopback,
    }))
}

pub fn otlp(address: SocketAddr) -> SinkSettings {
    quick(Receiver::Otlp(OtlpSettings {
        url: Secret::new(format!("http://{address}/v1/logs")),
        headers: vec![("api-key".into(), Secret::new("k3y".into()))],
        tls: TlsSettings::default(),
        plaintext: Plaintext::Loopback,
    }))
}

/// What a web receiver does with one request.
#[derive(Clone, Debug)]
pub enum Act {
    /// Answers with a status, more header lines, and a body.
    Answer(u16, String, String),
    /// Takes the request and never answers.
    Hang,
    /// Takes the request and closes the connection.
    Close,
    /// Closes in the middle of the answer's head.
    Half,
    /// Promises a body that never comes.
    Trickle,
}

pub fn status(status: u16) -> Act {
    Act::Answer(status, String::new(), String::new())
}

/// One request as it came in.
#[derive(Clone, Debug)]
pub struct Request {
    pub target: String,
    pub headers: HashMap<String, String>,
    pub body: Vec<u8>,
    /// What was done with it.
    pub taken: bool,
}

impl Request {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Numbers of the records of a webhook's batch.
    pub fn seqs(&self) -> Vec<u64> {
        let json = self.json();
        json["data"]["records"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it["node_seq"].as_u64().unwrap())
            .collect()
    }
}

type Script = Box<dyn FnMut(usize, &Request) -> Act + Send>;

/// A web server that follows a script.
pub struct Web {
    pub address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
    script: Arc<Mutex<Script>>,
}

impl Web {
    /// `script` is shown the number of each request, from 0, and the request.
    pub async fn new(script: impl FnMut(usize, &Request) -> Act + Send + 'static) -> Self {
        Self::with(None, script).await
    }

    /// The same over TLS.
    pub async fn with(
        tls: Option<Arc<rustls::ServerConfig>>,
        script: impl FnMut(usize, &Request) -> Act + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests: Arc<Mutex<Vec<Request>>> = Arc::default();
        let script: Arc<Mutex<Script>> = Arc::new(Mutex::new(Box::new(script)));
        let shared = (Arc::clone(&requests), Arc::clone(&script));
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (requests, script) = shared.clone();
                match tls.clone().map(TlsAcceptor::from) {
                    None => drop(tokio::spawn(serve(stream, requests, script))),
                    Some(tls) => drop(tokio::spawn(async move {
                        let Ok(stream) = tls.accept(stream).await else { return };
                        serve(stream, requests, script).await;
                    })),
                }
            }
        });
        Self { address, requests, script }
    }

    pub fn change(&self, script: impl FnMut(usize, &Request) -> Act + Send + 'static) {
        *self.script.lock().unwrap() = Box::new(script);
    }

    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    /// Numbers of the records of all requests that were answered with success, in the order of the answers.
    pub fn taken(&self) -> Vec<u64> {
        self.requests().iter().filter(|it| it.taken).flat_map(Request::seqs).collect()
    }
}

async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    requests: Arc<Mutex<Vec<Request>>>,
    script: Arc<Mutex<Script>>,
) {
    let Some(mut request) = read(&mut stream).await else { return };
    let act = {
        let mut all = requests.lock().unwrap();
        let act = script.lock().unwrap()(all.len(), &request);
        request.taken = matches!(&act, Act::Answer(200..=299, ..));
        all.push(request);
        act
    };
    match act {
        Act::Answer(status, headers, body) => {
            let answer = format!(
                "HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n{headers}\r\n{body}",
                body.len()
            );
            drop(stream.write_all(answer.as_bytes()).await);
        }
        Act::Hang => std::future::pending().await,
        Act::Close => {}
        Act::Half => drop(stream.write_all(b"HTTP/1.1 200 X\r\ncontent-le").await),
        Act::Trickle => {
            drop(stream.write_all(b"HTTP/1.1 200 X\r\ncontent-length: 10\r\n\r\nab").await);
            std::future::pending().await
        }
    }
}

async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Option<Request> {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(at) = bytes.windows(4).position(|it| it == b"\r\n\r\n") {
            break at;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let text = String::from_utf8(bytes[..head].to_vec()).unwrap();
    let mut lines = text.split("\r\n");
    let target = lines.next().unwrap().split(' ').nth(1).unwrap().to_owned();
    let headers: HashMap<String, String> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let length: usize = headers.get("content-length").map_or(0, |it| it.parse().unwrap());
    let mut body = bytes[head + 4..].to_vec();
    while body.len() < length {
        if stream.read_buf(&mut body).await.ok()? == 0 {
            return None;
        }
    }
    Some(Request { target, headers, body, taken: false })
}
