//! Counts running exchanges, and ends the process once a stop has let them finish.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use pingora_core::{server::ShutdownWatch, services::background::BackgroundService};
use tokio::sync::Notify;
use weir_audit::Log;

use crate::archive::Memory;

/// How many exchanges run.
#[derive(Default)]
pub struct InFlight {
    running: AtomicUsize,
    idle: Notify,
}

/// Counts one exchange until it is dropped.
pub struct Running(Arc<InFlight>);

impl InFlight {
    /// Counts one more.
    pub fn enter(self: &Arc<Self>) -> Running {
        self.running.fetch_add(1, Ordering::AcqRel);
        Running(self.clone())
    }

    /// How many run now.
    pub fn count(&self) -> usize {
        self.running.load(Ordering::Acquire)
    }

    async fn none(&self) {
        loop {
            let idle = self.idle.notified();
            if self.count() == 0 {
                return;
            }
            idle.await;
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.0.running.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.idle.notify_waiters();
        }
    }
}

/// Ends the process after a stop: once no exchange runs, or when the grace is over.
///
/// Pingora itself sleeps for the whole grace period even if nothing runs any more.
pub struct Drain {
    /// What is waited for.
    pub in_flight: Arc<InFlight>,
    /// How long at most.
    pub grace: Duration,
    /// Written out before the log is closed.
    pub memory: Arc<Memory>,
    /// Closed last.
    pub log: Log,
}

#[async_trait]
impl BackgroundService for Drain {
    async fn start(&self, mut shutdown: ShutdownWatch) {
        if shutdown.wait_for(|stopping| *stopping).await.is_err() {
            return;
        }
        let late = tokio::time::timeout(self.grace, self.in_flight.none()).await.is_err();
        if late {
            tracing::warn!(running = self.in_flight.count(), "grace period over, exchanges are cut off");
        }
        let memory = self.memory.clone();
        if !matches!(tokio::task::spawn_blocking(move || memory.flush()).await, Ok(Ok(()))) {
            tracing::error!("values behind the last pseudonyms were not kept");
        }
        if let Err(fault) = self.log.close().await {
            tracing::error!(%fault, "the audit log was not closed cleanly; it is recovered at the next start");
        }
        tracing::info!("stopped");
        std::process::exit(0);
    }
}
