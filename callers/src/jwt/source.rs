//! An issuer's keys: where they come from and when they are read again.

use std::{fs, path::Path, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use rand::Rng;
use rustls::ClientConfig;
use tokio::sync::Mutex;

use super::{JwksSource, JwtSettings, fetch, keyset::KeySet, settings::JwksUrl};
use crate::{CallersError, Clock, FileStamp, Reloaded};

/// When key sets are read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Between two reads that unknown key ids ask for.
    pub shortest: Duration,
    /// Longest wait between two attempts when they keep failing.
    pub longest: Duration,
    /// Between two reads that nobody asks for.
    pub period: Duration,
    /// For one read.
    pub timeout: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            shortest: Duration::from_secs(10),
            longest: Duration::from_secs(300),
            period: Duration::from_secs(600),
            timeout: Duration::from_secs(5),
        }
    }
}

/// The keys of one issuer.
pub(super) struct KeySource {
    issuer: String,
    place: JwksSource,
    current: ArcSwap<Versioned>,
    gate: Mutex<Gate>,
    tls: Arc<ClientConfig>,
    clock: Clock,
    pace: Pace,
}

/// A key set and how many sets came before it; 0 is the empty one before the first.
#[derive(Default)]
pub(super) struct Versioned {
    pub(super) keys: KeySet,
    pub(super) version: u64,
}

/// Held while reading, so that many tokens with an unknown key cause one read.
#[derive(Default)]
struct Gate {
    /// Since 1970; no read before it.
    next: Duration,
    /// Since 1970; the last read that worked.
    fresh: Option<Duration>,
    failures: u32,
    stamp: Option<FileStamp>,
}

impl KeySource {
    /// A file is read at once and has to be usable; an address is asked when first needed.
    pub(super) fn open(
        settings: &JwtSettings,
        tls: Arc<ClientConfig>,
        clock: Clock,
        pace: Pace,
    ) -> Result<Self, CallersError> {
        let mut gate = Gate::default();
        let mut first = Versioned::default();
        if let JwksSource::File(path) = &settings.jwks {
            gate.stamp = FileStamp::of(path).ok().flatten();
            first = Versioned {
                keys: read(path).map_err(|fault| fault_of(&settings.issuer, &fault))?,
                version: 1,
            };
        }
        Ok(Self {
            issuer: settings.issuer.clone(),
            place: settings.jwks.clone(),
            current: ArcSwap::from_pointee(first),
            gate: Mutex::new(gate),
            tls,
            clock,
            pace,
        })
    }

    pub(super) fn current(&self) -> Arc<Versioned> {
        self.current.load_full()
    }

    pub(super) fn version(&self) -> u64 {
        self.current.load().version
    }

    /// Reads again because a token names a key that is not in the set of that version; at most once in a
    /// back-off interval, whoever asks. Failure keeps the keys there are.
    pub(super) async fn renew(&self, version: u64) {
        let mut gate = self.gate.lock().await;
        if self.version() == version && self.may_read(&gate) {
            self.read_again(&mut gate).await;
        }
    }

    /// Reads again when it is time, or when the file changed.
    pub(super) async fn renew_when_due(&self) {
        let mut gate = self.gate.lock().await;
        let due = match &self.place {
            JwksSource::File(path) => {
                let stamp = FileStamp::of(path).ok().flatten();
                std::mem::replace(&mut gate.stamp, stamp) != stamp
            }
            JwksSource::Url(_) => {
                let is_old = |fresh: Duration| self.clock.unix() >= fresh + self.pace.period;
                self.may_read(&gate) && gate.fresh.is_none_or(is_old)
            }
        };
        if due {
            self.read_again(&mut gate).await;
        }
    }

    fn may_read(&self, gate: &Gate) -> bool {
        let now = self.clock.unix();
        // A wait longer than the longest comes from a clock that was set back.
        now >= gate.next || gate.next - now > self.pace.longest * 2
    }

    async fn read_again(&self, gate: &mut Gate) {
        let started = self.clock.unix();
        // Counted as a failure until it works: a caller that leaves midway must not free the way for the next.
        gate.failures = gate.failures.saturating_add(1);
        gate.next = started + self.wait(gate.failures);
        let keys = match &self.place {
            JwksSource::File(path) => read(path),
            JwksSource::Url(url) => self.fetch(url).await,
        };
        match keys {
            Ok(keys) => {
                *gate = Gate {
                    next: started + self.wait(1),
                    fresh: Some(started),
                    failures: 0,
                    stamp: gate.stamp,
                };
                if self.store(keys) == Reloaded::Yes {
                    tracing::info!(issuer = self.issuer, "key set replaced");
                }
            }
            Err(reason) => {
                tracing::warn!(issuer = self.issuer, reason, failures = gate.failures, "key set not renewed");
            }
        }
    }

    /// Doubles from the shortest to the longest, ±25 % so that gateways don't ask in step.
    fn wait(&self, failures: u32) -> Duration {
        let doubled = 2_u32.saturating_pow(failures.saturating_sub(1));
        let wait = self.pace.shortest.saturating_mul(doubled).min(self.pace.longest);
        wait.mul_f64(rand::rng().random_range(0.75..=1.25))
    }

    fn store(&self, keys: KeySet) -> Reloaded {
        let current = self.current.load();
        if current.keys == keys {
            return Reloaded::No;
        }
        self.current.store(Arc::new(Versioned { keys, version: current.version + 1 }));
        Reloaded::Yes
    }

    async fn fetch(&self, url: &JwksUrl) -> Result<KeySet, String> {
        let body = fetch::get(url, &self.tls, self.pace.timeout).await.map_err(|fault| fault.to_string())?;
        KeySet::parse(&body).map_err(str::to_owned)
    }
}

fn read(path: &Path) -> Result<KeySet, String> {
    let text = fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    KeySet::parse(&text).map_err(|fault| format!("{}: {fault}", path.display()))
}

fn fault_of(issuer: &str, reason: &str) -> CallersError {
    CallersError::KeySet { issuer: issuer.to_owned(), reason: reason.to_owned() }
}
