//! All sinks of a process: opened from their settings, run until they are told to stop.

use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::join_all;
use tokio::sync::watch;
use weir_audit::{Ambient, Log, read};

use crate::address::Security;
use crate::connect::Door;
use crate::error::SinkError;
use crate::http_post::Poster;
use crate::otlp::Otlp;
use crate::position::Mark;
use crate::render::Shape;
use crate::runner::Worker;
use crate::settings::{
    Form, OtlpSettings, Plaintext, Receiver, SinkSettings, SyslogSettings, TlsSettings, Transport,
    WebhookSettings, header, signing_key,
};
use crate::sink::Sink;
use crate::source::Durable;
use crate::state::{Gauge, States};
use crate::syslog::{Syslog, Way};
use crate::tls;
use crate::webhook::Webhook;

/// Where sinks work.
#[derive(Clone)]
pub struct Place {
    /// Folder of their positions; made if there is none.
    pub home: PathBuf,
    /// The lanes to deliver.
    pub lanes: Vec<Lane>,
    /// Clock and randomness.
    pub ambient: Arc<dyn Ambient>,
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Place").field("home", &self.home).field("lanes", &self.lanes).finish_non_exhaustive()
    }
}

/// One lane of the audit log.
#[derive(Clone, Debug)]
pub struct Lane {
    /// Its number.
    pub index: usize,
    /// Its folder; it need not exist yet.
    pub dir: PathBuf,
    /// How far it may be read.
    pub upto: Upto,
}

impl Lane {
    /// All lanes of the log in `dir`, which this process writes by `log`. They hold a clone of `log`: it ends by
    /// [`Log::close`], not by being dropped.
    pub fn all(dir: &Path, log: &Log) -> Vec<Self> {
        let lane = |(index, folder): (usize, PathBuf)| {
            let durable = log.clone();
            let is_ours = folder == log.dir();
            let upto = if is_ours { Upto::writer(move || durable.durable_seq()) } else { Upto::Idle };
            Self { index, dir: folder, upto }
        };
        read::lane_folders(dir).into_iter().enumerate().map(lane).collect()
    }
}

/// How far a lane may be read.
#[derive(Clone)]
pub enum Upto {
    /// As far as the writer of this process says that records are on disk ([`weir_audit::Log::durable_seq`]).
    Writer(Arc<dyn Fn() -> u64 + Send + Sync>),
    /// To its end, but only while no process writes it.
    Idle,
}

impl Upto {
    /// For a lane that this process writes: `durable` gives the newest number that is on disk.
    pub fn writer(durable: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        let durable: Durable = Arc::new(durable);
        Self::Writer(durable)
    }
}

impl fmt::Debug for Upto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if matches!(self, Self::Idle) { "Idle" } else { "Writer" })
    }
}

/// All sinks, ready to run.
pub struct Sinks {
    workers: Vec<Worker>,
    states: States,
}

impl Sinks {
    /// Checks the settings and reads certificates; touches neither log nor receiver.
    ///
    /// # Errors
    /// Every fault of every sink.
    pub fn open(settings: &[SinkSettings], place: &Place) -> Result<Self, Vec<SinkError>> {
        let mut faults: Vec<SinkError> = settings.iter().flat_map(SinkSettings::validate).collect();
        faults.extend(doubled(settings));
        if !faults.is_empty() {
            return Err(faults);
        }
        let (mut workers, mut gauges) = (Vec::new(), Vec::new());
        for sink in settings {
            for lane in &place.lanes {
                let gauge = Gauge::new(&sink.name, sink.receiver.kind(), lane);
                match build(sink, &place.ambient) {
                    Ok(built) => workers.push(Worker {
                        sink: built,
                        shape: shape(sink),
                        settings: sink.clone(),
                        lane: lane.clone(),
                        home: place.home.clone(),
                        ambient: Arc::clone(&place.ambient),
                        gauge: gauge.clone(),
                        kept: Mark::default(),
                    }),
                    Err(fault) => faults.push(fault),
                }
                gauges.push(gauge);
            }
        }
        if faults.is_empty() { Ok(Self { workers, states: States::new(gauges) }) } else { Err(faults) }
    }

    /// How they stand, now and while they run.
    pub fn states(&self) -> States {
        self.states.clone()
    }

    /// Delivers until `stop` resolves, each sink and lane on a task of the runtime it is called in. What is under
    /// way then may still end well within a short time; positions are saved.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let (tell, told) = watch::channel(());
        let begin = |worker: Worker| {
            let gauge = worker.gauge.clone();
            let work = AssertUnwindSafe(worker.run(told.clone())).catch_unwind();
            tokio::spawn(async move {
                if work.await.is_err() {
                    gauge.fault("program");
                    tracing::error!("a sink ended by a fault of the program; it goes on at the next start");
                }
            })
        };
        let tasks: Vec<_> = self.workers.into_iter().map(begin).collect();
        drop(told);
        stop.await;
        // Workers see the sender go.
        drop(tell);
        join_all(tasks).await;
    }
}

impl fmt::Debug for Sinks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sinks").field("states", &self.states).finish_non_exhaustive()
    }
}

fn doubled(settings: &[SinkSettings]) -> Vec<SinkError> {
    let again = |(at, one): (usize, &SinkSettings)| {
        settings.iter().take(at).any(|other| other.name == one.name).then(|| SinkError::Setting {
            sink: one.name.clone(),
            field: "name",
            problem: "another sink has this name".to_owned(),
        })
    };
    settings.iter().enumerate().filter_map(again).collect()
}

fn shape(sink: &SinkSettings) -> Shape {
    match (&sink.receiver, sink.form) {
        (Receiver::Otlp(_), _) => Shape::Otel,
        (_, Form::Weir) => Shape::Weir,
        (_, Form::Ocsf) => Shape::Ocsf,
    }
}

fn build(sink: &SinkSettings, ambient: &Arc<dyn Ambient>) -> Result<Box<dyn Sink>, SinkError> {
    match &sink.receiver {
        Receiver::Syslog(it) => syslog(sink, it),
        Receiver::Webhook(it) => webhook(sink, it, ambient),
        Receiver::Otlp(it) => otlp(sink, it, ambient),
    }
}

fn syslog(sink: &SinkSettings, syslog: &SyslogSettings) -> Result<Box<dyn Sink>, SinkError> {
    let (security, tls, way) = match &syslog.transport {
        Transport::Tls(settings) => (Security::Tls, Some(tls::config(&sink.name, settings)?), Way::Stream),
        Transport::Tcp => (Security::None, None, Way::Stream),
        Transport::Udp => (Security::None, None, Way::Datagrams),
    };
    let door = Door { host: syslog.host.clone(), port: syslog.port, security, tls };
    Ok(Box::new(Syslog { door, way, confirm: syslog.confirm, deadline: sink.deadline }))
}

fn webhook(
    sink: &SinkSettings,
    webhook: &WebhookSettings,
    ambient: &Arc<dyn Ambient>,
) -> Result<Box<dyn Sink>, SinkError> {
    let poster = poster(sink, (webhook.url.expose(), webhook.plaintext), &webhook.tls)?;
    let keys = webhook.secrets.iter().filter_map(signing_key).collect();
    Ok(Box::new(Webhook { poster, keys, deadline: sink.deadline, ambient: Arc::clone(ambient) }))
}

fn otlp(
    sink: &SinkSettings,
    otlp: &OtlpSettings,
    ambient: &Arc<dyn Ambient>,
) -> Result<Box<dyn Sink>, SinkError> {
    let poster = poster(sink, (otlp.url.expose(), otlp.plaintext), &otlp.tls)?;
    let headers = otlp.headers.iter().filter_map(|(name, value)| header(name, value)).collect();
    Ok(Box::new(Otlp { poster, headers, deadline: sink.deadline, ambient: Arc::clone(ambient) }))
}

fn poster(
    sink: &SinkSettings,
    (url, plaintext): (&str, Plaintext),
    settings: &TlsSettings,
) -> Result<Poster, SinkError> {
    Poster::new(&sink.name, (url, plaintext), settings)
}
