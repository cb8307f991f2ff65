//! One upstream: how it is reached, how many exchanges it takes at once, and how it is doing.

use std::{sync::Arc, time::Duration};

use http::{HeaderName, HeaderValue, header};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{health::Standing, peer::Peers};
use crate::settings;

/// One upstream.
pub struct Upstream {
    /// Settings it was made from.
    pub settings: settings::Upstream,
    /// What answers.
    pub engine: Engine,
    /// Whether it is up, and which models it lists.
    pub standing: Standing,
    room: Arc<Semaphore>,
}

/// What answers.
pub enum Engine {
    /// A server on the network.
    Wire(Box<Wire>),
    /// Models in this process.
    Embedded(weir_inference::Service),
}

/// A server on the network.
pub struct Wire {
    /// Its settings.
    pub settings: settings::VendorEngine,
    /// `host` header.
    pub authority: HeaderValue,
    /// The header that shows who we are.
    pub credential: Option<(HeaderName, HeaderValue)>,
    /// Its addresses.
    pub peers: Peers,
}

/// Why an upstream can't be made from its settings.
#[derive(Debug, thiserror::Error)]
#[error("upstream `{upstream}`: {reason}")]
pub struct Unusable {
    upstream: String,
    reason: String,
}

impl Upstream {
    /// An upstream on the network.
    ///
    /// # Errors
    /// [`Unusable`] when a name or credential can't stand in a header, or the authorities can't be read.
    pub fn wire(settings: settings::Upstream, vendor: settings::VendorEngine) -> Result<Self, Unusable> {
        let failed = |reason: &str| Unusable { upstream: settings.name.clone(), reason: reason.to_owned() };
        let authority = HeaderValue::from_str(&vendor.url.authority())
            .map_err(|_| failed("the host name can't stand in a header"))?;
        let credential = credential(&vendor.authorization)
            .map_err(|()| failed("the API key holds characters that can't stand in a header"))?;
        let peers = Peers::new(&vendor).map_err(|reason| failed(&reason))?;
        let wire = Wire { settings: vendor, authority, credential, peers };
        Ok(Self::with(settings, Engine::Wire(Box::new(wire))))
    }

    /// Models in this process.
    pub fn embedded(settings: settings::Upstream, service: weir_inference::Service) -> Self {
        Self::with(settings, Engine::Embedded(service))
    }

    fn with(settings: settings::Upstream, engine: Engine) -> Self {
        let room = Arc::new(Semaphore::new(settings.max_concurrency));
        Self { settings, engine, standing: Standing::default(), room }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.settings.name
    }

    /// A place among its exchanges; none when no place came free within its `max_wait`.
    pub async fn place(&self) -> Option<OwnedSemaphorePermit> {
        if let Ok(place) = self.room.clone().try_acquire_owned() {
            return Some(place);
        }
        tokio::time::timeout(self.max_wait(), self.room.clone().acquire_owned()).await.ok()?.ok()
    }

    /// How long an exchange may wait for its turn.
    pub fn max_wait(&self) -> Duration {
        self.settings.max_wait
    }
}

fn credential(auth: &settings::Authorization) -> Result<Option<(HeaderName, HeaderValue)>, ()> {
    let (name, text) = match auth {
        settings::Authorization::None => return Ok(None),
        settings::Authorization::Bearer(key) => (header::AUTHORIZATION, format!("Bearer {}", key.expose())),
        settings::Authorization::ApiKey(key) => (HeaderName::from_static("api-key"), key.expose().to_owned()),
    };
    let mut value = HeaderValue::from_str(&text).map_err(|_| ())?;
    value.set_sensitive(true);
    Ok(Some((name, value)))
}
