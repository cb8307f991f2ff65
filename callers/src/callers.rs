//! The one door: credentials in, a grant or a refusal out.

use std::{path::PathBuf, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use futures::future;
use tokio::time::{self, MissedTickBehavior};

use crate::{
    CallersError, Clock, Grant, Presented, Refusal, Reloaded,
    jwt::{Issuers, JwtSettings, Pace, looks_like_token},
    keys::KeyRing,
};

/// Between two looks at the files.
const LOOK: Duration = Duration::from_secs(1);

/// Authenticates callers. Shared by all threads; nothing on its way blocks, and only a token with a
/// signing key not seen before waits for anything.
pub struct Callers {
    ring: KeyRing,
    doors: ArcSwap<Doors>,
    clock: Clock,
    pace: Pace,
}

/// How to authenticate.
#[derive(Clone, Debug)]
pub struct CallersOptions {
    /// Folder of `keys.json`.
    pub data_dir: PathBuf,
    /// Whether keys open the traffic port.
    pub keys: KeyUse,
    /// Trusted issuers.
    pub jwt: Vec<JwtSettings>,
    /// When key sets are read again.
    pub pace: Pace,
    /// The time.
    pub clock: Clock,
}

/// Whether API keys are accepted on the traffic port. The admin port takes admin keys either way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyUse {
    /// They are.
    On,
    /// Only tokens are.
    Off,
}

struct Doors {
    keys: KeyUse,
    issuers: Issuers,
}

impl CallersOptions {
    /// Keys of that folder, no tokens.
    #[must_use]
    pub fn new(data_dir: PathBuf) -> Self {
        let (pace, clock) = (Pace::default(), Clock::system());
        Self { data_dir, keys: KeyUse::On, jwt: Vec::new(), pace, clock }
    }
}

impl Callers {
    /// Reads the keys and the key sets that lie in files.
    ///
    /// # Errors
    /// When a file can't be read or used. An address that doesn't answer is none.
    pub fn open(options: &CallersOptions) -> Result<Self, CallersError> {
        let issuers = Issuers::open(&options.jwt, &options.clock, options.pace)?;
        Ok(Self {
            ring: KeyRing::open(&options.data_dir.join("keys.json"))?,
            doors: ArcSwap::from_pointee(Doors { keys: options.keys, issuers }),
            clock: options.clock.clone(),
            pace: options.pace,
        })
    }

    /// Judges a caller of the traffic port.
    ///
    /// # Errors
    /// The refusal; nothing else can go wrong.
    pub async fn authenticate(&self, presented: &Presented<'_>) -> Result<Arc<Grant>, Refusal> {
        let credential = presented.credential()?;
        if looks_like_token(credential) {
            return self.doors.load_full().issuers.judge(credential).await;
        }
        if self.doors.load().keys == KeyUse::Off {
            return Err(Refusal::UnknownKey);
        }
        self.judge_key(credential)
    }

    /// Judges a caller of the admin port: a key with the role `admin`, or a token with `weir-admin`.
    ///
    /// # Errors
    /// The refusal; `NotAdmin` when the caller is known but no administrator.
    pub async fn authenticate_admin(&self, presented: &Presented<'_>) -> Result<Arc<Grant>, Refusal> {
        let grant = self.authenticate_any(presented).await?;
        if grant.is_admin() { Ok(grant) } else { Err(Refusal::NotAdmin) }
    }

    /// Authenticates for the admin port, whatever the role: the caller of this looks at it.
    ///
    /// # Errors
    /// As [`Callers::authenticate`], whether or not the gateway takes keys for traffic.
    pub async fn authenticate_any(&self, presented: &Presented<'_>) -> Result<Arc<Grant>, Refusal> {
        let credential = presented.credential()?;
        let grant = if looks_like_token(credential) {
            self.doors.load_full().issuers.judge(credential).await?
        } else {
            self.judge_key(credential)?
        };
        Ok(grant)
    }

    /// An unknown key may have been made a moment ago: looks at the file before refusing it. The look costs one
    /// `stat`, and a file that has not changed is not read.
    fn judge_key(&self, secret: &str) -> Result<Arc<Grant>, Refusal> {
        let judge = || self.ring.judge(secret, self.clock.unix().as_secs());
        match judge() {
            Err(Refusal::UnknownKey) if self.refresh_keys() == Reloaded::Yes => judge(),
            judged => judged,
        }
    }

    /// Reads the key file again if it changed, and tells the log what came of it.
    fn refresh_keys(&self) -> Reloaded {
        match self.reload_keys() {
            Ok(Reloaded::Yes) => {
                tracing::info!("API keys reloaded");
                Reloaded::Yes
            }
            Ok(Reloaded::No) => Reloaded::No,
            Err(error) => {
                tracing::error!(%error, "API keys not reloaded, the former ones stay");
                Reloaded::No
            }
        }
    }

    /// Replaces which credentials are trusted; verified tokens are forgotten.
    ///
    /// # Errors
    /// When a key set in a file can't be used; then all stays as it was.
    pub fn reconfigure(&self, keys: KeyUse, jwt: &[JwtSettings]) -> Result<(), CallersError> {
        let issuers = Issuers::open(jwt, &self.clock, self.pace)?;
        self.doors.store(Arc::new(Doors { keys, issuers }));
        Ok(())
    }

    /// Reads the key file again if it changed.
    ///
    /// # Errors
    /// When it can't be used; then the keys stay as they were.
    pub fn reload_keys(&self) -> Result<Reloaded, CallersError> {
        self.ring.reload()
    }

    /// Reads key sets again where it is time or their file changed.
    pub async fn renew_key_sets(&self) {
        self.doors.load_full().issuers.renew_when_due().await;
    }

    /// Keeps keys and key sets up to date, for ever: a key revoked by another process is refused within
    /// about a second. Without it running, only `reload_keys`, unknown keys and unknown token keys bring changes.
    pub async fn watch(&self) {
        let keys = async {
            let mut ticks = ticks();
            loop {
                ticks.tick().await;
                self.refresh_keys();
            }
        };
        // Apart from the keys, so that a slow issuer doesn't delay a revocation.
        let key_sets = async {
            let mut ticks = ticks();
            loop {
                ticks.tick().await;
                self.renew_key_sets().await;
            }
        };
        future::join(keys, key_sets).await;
    }
}

fn ticks() -> time::Interval {
    let mut ticks = time::interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}
