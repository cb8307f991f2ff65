//! The gateway's state: what is fixed from start to stop, and what a reload replaces whole.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use tokio::{net::TcpStream, time::Instant};
use weir_callers::{Callers, Grant, Presented};
use weir_policies::{Caller, Control};

use crate::{
    archive::Archive,
    keyring::Keyring,
    refusal::Refusal,
    relay::{Connections, Deadlines},
    routing::Table,
    settings::{Limits, Settings, TrustedHeader},
    shell::{Head, InFlight},
};

/// Between two looks whether the traffic port is open.
const LOOK: Duration = Duration::from_millis(10);

/// What a reload replaces, all at once.
pub struct Live {
    /// Routes over upstreams.
    pub table: Table,
    /// Controls, in the order in which they see a request.
    pub controls: Vec<Box<dyn Control>>,
    /// Hash of the policies they were made from.
    pub policy_hash: Arc<str>,
}

/// What is fixed from start to stop.
pub struct Fixed {
    /// The settings at the start.
    pub settings: Settings,
    /// Connections to upstreams.
    pub connections: Connections,
    /// The audit log and what stands behind it.
    pub archive: Arc<Archive>,
    /// Keys and tokens.
    pub callers: Callers,
    /// Secrets of this installation.
    pub keyring: Keyring,
    /// How many exchanges run.
    pub in_flight: Arc<InFlight>,
}

/// The gateway's state.
pub struct Gate {
    /// How many exchanges run.
    pub in_flight: Arc<InFlight>,
    /// Connections to upstreams.
    pub connections: Connections,
    /// The audit log and what stands behind it.
    pub archive: Arc<Archive>,
    settings: Settings,
    callers: Callers,
    keyring: Keyring,
    live: ArcSwap<Live>,
    listening: AtomicBool,
}

impl Gate {
    /// A gateway.
    pub fn new(fixed: Fixed, live: Live) -> Self {
        let Fixed { settings, connections, archive, callers, keyring, in_flight } = fixed;
        Self {
            in_flight,
            connections,
            archive,
            settings,
            callers,
            keyring,
            live: ArcSwap::from_pointee(live),
            listening: AtomicBool::new(false),
        }
    }

    /// What is in force now; one exchange may see two versions only between two of its stages.
    pub fn live(&self) -> Arc<Live> {
        self.live.load_full()
    }

    /// Puts something else in force.
    pub fn replace(&self, live: Live) {
        self.live.store(Arc::new(live));
    }

    /// Bounds, fixed at the start.
    pub fn limits(&self) -> &Limits {
        &self.settings.limits
    }

    /// The settings at the start.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Keys and tokens.
    pub fn callers(&self) -> &Callers {
        &self.callers
    }

    /// Secrets of this installation.
    pub fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    /// Whether the traffic port takes connections.
    pub fn is_listening(&self) -> bool {
        self.listening.load(Ordering::Relaxed)
    }

    /// Waits until the traffic port takes connections: Pingora does not say when it does.
    pub async fn wait_listening(&self) {
        while TcpStream::connect(self.settings.listen.traffic).await.is_err() {
            tokio::time::sleep(LOOK).await;
        }
        self.listening.store(true, Ordering::Relaxed);
    }

    /// Whether one more exchange may run beside those that do.
    ///
    /// # Errors
    /// [`Refusal::Busy`].
    pub fn room(&self) -> Result<(), Refusal> {
        let room = self.in_flight.count() <= self.settings.limits.connections;
        if room { Ok(()) } else { Err(Refusal::Busy { retry_after: Duration::from_secs(1) }) }
    }

    /// Bounds on request JSON.
    pub fn json_limits(&self) -> weir_dialects::Limits {
        weir_dialects::Limits {
            depth: self.settings.limits.json_depth,
            leaves: self.settings.limits.json_leaves,
        }
    }

    /// The clocks of an exchange whose request has been read.
    pub fn deadlines(&self, now: Instant) -> Deadlines {
        let Limits { total, first_byte, idle, .. } = self.settings.limits;
        Deadlines { total: now + total, first_byte, idle }
    }

    /// Who presents these credentials.
    ///
    /// # Errors
    /// [`Refusal::Unauthenticated`].
    pub async fn authenticate(&self, presented: &Presented<'_>) -> Result<Arc<Grant>, Refusal> {
        self.callers.authenticate(presented).await.map_err(|refusal| {
            metrics::counter!("weir_refused_credentials_total", "reason" => refusal.name()).increment(1);
            match refusal {
                // Not the caller's fault, and worth a retry.
                weir_callers::Refusal::KeysUnavailable => {
                    Refusal::PolicyUnavailable { control: "authentication" }
                }
                refusal => Refusal::Unauthenticated(refusal.to_string()),
            }
        })
    }

    /// Adds what a caller says of itself in the headers that it is trusted with.
    pub fn describe(&self, head: &Head, caller: &mut Caller) {
        for header in &self.settings.headers {
            let said = |name: &str| head.text(name).filter(|text| !text.is_empty()).map(str::to_owned);
            match header {
                TrustedHeader::Subject => caller.subject = said("x-weir-subject").or(caller.subject.take()),
                TrustedHeader::Conversation => caller.conversation = said("x-weir-conversation"),
                TrustedHeader::Purpose => caller.purpose = said("x-weir-purpose"),
                TrustedHeader::CostCenter => caller.cost_center = said("x-weir-cost-center"),
                TrustedHeader::Tags => {
                    caller.tags = said("x-weir-tags").map(|text| tags(&text)).unwrap_or_default()
                }
            }
        }
    }
}

/// `k=v,k=v`; parts of another form are left out.
fn tags(text: &str) -> Vec<(String, String)> {
    let pair = |part: &str| part.split_once('=').map(|(k, v)| (k.trim().to_owned(), v.trim().to_owned()));
    text.split(',').filter_map(pair).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn tags_are_pairs() {
        let expect = vec![("a".to_owned(), "1".to_owned()), ("b".to_owned(), "x=y".to_owned())];
        assert_eq!(super::tags("a=1, b=x=y,nothing"), expect);
        assert!(super::tags("").is_empty());
    }
}
