//! What runs beside the traffic: admin port, health checks, reloads, and the end of the process.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context, Result};
use async_trait::async_trait;
use metrics_exporter_prometheus::PrometheusHandle;
use pingora_core::{server::ShutdownWatch, services::background::BackgroundService};
use tokio::net::{TcpListener, TcpSocket};

use crate::{
    admin,
    archive::{self, Desk, Followers},
    assemble::{self, Engines},
    gate::Gate,
    routing::Prober,
    settings::{Settings, watch},
    shell::Drain,
};

/// How often gauges are brought up to date.
const GAUGES: Duration = Duration::from_secs(2);

/// How often retention is applied.
const DAY: Duration = Duration::from_secs(86_400);

/// What runs beside the traffic.
pub struct Housekeeping {
    gate: Arc<Gate>,
    metrics: PrometheusHandle,
    engines: Mutex<Engines>,
}

impl Housekeeping {
    /// Housekeeping of a gateway.
    pub fn new(gate: Arc<Gate>, metrics: PrometheusHandle, engines: Engines) -> Self {
        Self { gate, metrics, engines: Mutex::new(engines) }
    }

    async fn admin(&self, mut stop: ShutdownWatch) -> Result<()> {
        let index = archive::place(&self.gate.archive.settings).index()?;
        let desk = Desk::new(self.gate.archive.clone(), index);
        let address = self.gate.settings().listen.admin;
        let listener =
            listen(address).with_context(|| format!("the admin address {address} can't be used"))?;
        tracing::info!(%address, "admin port open");
        let router = admin::router(crate::console::state(&self.gate, &self.metrics, desk));
        let stopped = async move {
            let _ended = stop.wait_for(|stopping| *stopping).await.is_err();
        };
        axum::serve(listener, router).with_graceful_shutdown(stopped).await.context("the admin port failed")
    }

    /// Puts new settings in force; the old ones stay when the new can't be used.
    fn reload(&self, settings: &Settings) -> Result<()> {
        let mut engines = self.engines.lock().unwrap_or_else(PoisonError::into_inner);
        let live = assemble::live(settings, (self.gate.keyring(), &self.gate.archive.memory), &mut engines)?;
        self.gate.callers().reconfigure(settings.auth.keys, &settings.auth.jwt)?;
        let (before, after) = (self.gate.live().policy_hash.clone(), live.policy_hash.clone());
        self.gate.replace(live);
        crate::console::note_reload(&self.gate, &before, &after);
        Ok(())
    }

    async fn reloads(&self) {
        let changed = |changed: watch::Changed| {
            let result = match changed.settings {
                Ok(settings) => self.reload(&settings).map_err(|fault| format!("{fault:#}")),
                Err(problems) => Err(problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")),
            };
            match result {
                Ok(()) => {
                    metrics::counter!("weir_reloads_total", "result" => "ok").increment(1);
                    tracing::info!(restart = ?changed.needs_restart, "settings reloaded");
                }
                Err(fault) => {
                    metrics::counter!("weir_reloads_total", "result" => "refused").increment(1);
                    tracing::error!("settings not reloaded, the former ones stay in force: {fault}");
                }
            }
        };
        watch::run(self.gate.settings(), changed).await;
    }

    /// Removes what is past its retention time, at the start and then once a day: a gateway that is started anew
    /// every day prunes too.
    async fn retention(&self) {
        loop {
            match archive::pruning::prune(&self.gate.archive, "gateway").await {
                Ok(pruned) => tracing::info!(records = pruned.records, "retention"),
                Err(fault) => tracing::error!(%fault, "retention failed; it is tried again in a day"),
            }
            tokio::time::sleep(DAY).await;
        }
    }

    async fn gauges(&self, mut stop: ShutdownWatch) {
        let stopped = async move {
            let _ended = stop.wait_for(|stopping| *stopping).await.is_err();
        };
        let followers = match Followers::start(&self.gate.archive, stopped) {
            Ok(followers) => Some(followers),
            Err(fault) => {
                tracing::error!("nothing follows the audit log: {fault:#}");
                None
            }
        };
        loop {
            followers.iter().for_each(Followers::measure);
            #[expect(clippy::cast_precision_loss, reason = "a count of exchanges")]
            metrics::gauge!("weir_in_flight").set(self.gate.in_flight.count() as f64);
            self.metrics.run_upkeep();
            tokio::time::sleep(GAUGES).await;
        }
    }
}

#[async_trait]
impl BackgroundService for Housekeeping {
    async fn start(&self, stop: ShutdownWatch) {
        let drain = Drain {
            in_flight: self.gate.in_flight.clone(),
            grace: self.gate.settings().grace,
            log: self.gate.archive.log.clone(),
            memory: self.gate.archive.memory.clone(),
        };
        if let Err(fault) = self.gate.archive.finish_erasures().await {
            tracing::error!("an interrupted erasure is not finished: {fault:#}");
        }
        let admin = async {
            if let Err(fault) = self.admin(stop.clone()).await {
                tracing::error!("{fault:#}");
            }
        };
        let prober = Prober::new(self.gate.clone());
        tokio::join!(
            admin,
            self.gate.wait_listening(),
            drain.start(stop.clone()),
            prober.start(stop.clone()),
            self.gate.callers().watch(),
            self.reloads(),
            self.retention(),
            self.gauges(stop.clone()),
        );
    }
}

/// Listens so that the next version of the gateway can listen too while this one drains.
fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.set_reuseport(true)?;
    socket.bind(address)?;
    socket.listen(128)
}
