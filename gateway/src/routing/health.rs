//! How upstreams are doing: asked regularly, and noticed when exchanges fail to connect.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use async_trait::async_trait;
use pingora_core::{server::ShutdownWatch, services::background::BackgroundService};

use super::{Engine, ModelCard, Upstream};
use crate::{
    gate::Gate,
    relay::{self, Connections},
};

/// Failures in a row after which an upstream is tried last.
const DOWN_AFTER: u32 = 2;
/// How long one question may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How soon an upstream that failed is asked again.
const RETRY: Duration = Duration::from_secs(1);
/// Idle connections the prober keeps.
const KEPT: usize = 16;
/// How often the prober looks for an upstream that is due.
const TICK: Duration = Duration::from_millis(500);

/// How one upstream is doing.
#[derive(Default)]
pub struct Standing {
    failures: AtomicU32,
    asked: AtomicBool,
    models: ArcSwap<Vec<ModelCard>>,
}

impl Standing {
    /// Whether it should be tried in its turn; a down one is tried when no other is left.
    pub fn is_up(&self) -> bool {
        self.failures.load(Ordering::Relaxed) < DOWN_AFTER
    }

    /// Whether it was asked at least once, so that its models and its standing mean something.
    pub fn is_known(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    /// Whether nothing has failed since it answered last.
    fn is_well(&self) -> bool {
        self.failures.load(Ordering::Relaxed) == 0
    }

    /// It answered.
    pub fn answered(&self) {
        if self.failures.load(Ordering::Relaxed) != 0 {
            self.failures.store(0, Ordering::Relaxed);
        }
    }

    /// It could not be reached, or said that it is down.
    pub fn failed(&self) {
        self.failures.fetch_add(1, Ordering::Relaxed);
    }

    /// The models it listed when it was asked last.
    pub fn models(&self) -> Arc<Vec<ModelCard>> {
        self.models.load_full()
    }

    /// Keeps the models it lists.
    pub fn list(&self, models: Vec<ModelCard>) {
        self.models.store(Arc::new(models));
    }
}

/// Asks every upstream how it is, each at its own interval.
pub struct Prober {
    gate: Arc<Gate>,
    // Of its own: a connection belongs to the runtime that made it.
    connections: Arc<Connections>,
}

impl Prober {
    /// A prober of all upstreams.
    pub fn new(gate: Arc<Gate>) -> Self {
        Self { gate, connections: Arc::new(Connections::new(KEPT)) }
    }
}

#[async_trait]
impl BackgroundService for Prober {
    async fn start(&self, mut shutdown: ShutdownWatch) {
        let mut asked: Vec<(Arc<Upstream>, Instant)> = Vec::new();
        loop {
            let live = self.gate.live();
            asked.retain(|(upstream, _)| live.table.upstreams().any(|known| Arc::ptr_eq(known, upstream)));
            for upstream in live.table.upstreams() {
                if due(upstream, &asked) {
                    asked.retain(|(known, _)| !Arc::ptr_eq(known, upstream));
                    asked.push((upstream.clone(), Instant::now()));
                    tokio::spawn(ask(self.connections.clone(), upstream.clone()));
                }
            }
            tokio::select! {
                () = tokio::time::sleep(TICK) => {}
                _ = shutdown.changed() => return,
            }
        }
    }
}

fn due(upstream: &Arc<Upstream>, asked: &[(Arc<Upstream>, Instant)]) -> bool {
    let last = asked.iter().find(|(known, _)| Arc::ptr_eq(known, upstream)).map(|(_, at)| *at);
    match (&upstream.engine, last) {
        (_, None) => true,
        (Engine::Embedded(_), Some(_)) => false,
        (Engine::Wire(wire), Some(at)) => {
            let every = |every: Duration| if upstream.standing.is_well() { every } else { every.min(RETRY) };
            wire.settings.health.as_ref().is_some_and(|health| at.elapsed() >= every(health.every))
        }
    }
}

async fn ask(connections: Arc<Connections>, upstream: Arc<Upstream>) {
    let path = match &upstream.engine {
        Engine::Embedded(_) => "/models",
        Engine::Wire(wire) => match &wire.settings.health {
            Some(health) => health.path.as_str(),
            // It is not to be asked: nothing more will be known.
            None => return upstream.standing.asked.store(true, Ordering::Relaxed),
        },
    };
    let call = relay::Call::get(path);
    let until = tokio::time::Instant::now() + PATIENCE;
    let answer = tokio::time::timeout_at(until, relay::whole(&connections, &upstream, &call)).await;
    match answer {
        Ok(Ok(answer)) if answer.status < 500 => {
            upstream.standing.answered();
            if answer.status == 200 && path == "/models" {
                upstream.standing.list(ModelCard::list(&answer.body));
            }
        }
        _ => upstream.standing.failed(),
    }
    upstream.standing.asked.store(true, Ordering::Relaxed);
    let up = if upstream.standing.is_up() { 1.0 } else { 0.0 };
    metrics::gauge!("weir_upstream_up", "upstream" => upstream.name().to_owned()).set(up);
}
