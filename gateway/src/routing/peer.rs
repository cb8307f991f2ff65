//! Network addresses of an upstream: resolved off the hot path, kept for a while, kept on when DNS fails.

use std::{
    net::{IpAddr, SocketAddr},
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use arc_swap::ArcSwapOption;
use pingora_core::{
    protocols::tls::CaType,
    upstreams::peer::{ALPN, HttpPeer},
    utils::tls::{WrappedX509, parse_x509},
};
use rustls_pki_types::{CertificateDer, pem::PemObject};
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::settings::{Scheme, VendorEngine};

/// How long a resolved address is used before it is looked up again.
const TTL: Duration = Duration::from_secs(30);

/// The upstream's name has no address.
#[derive(Debug, thiserror::Error)]
#[error("the upstream's host name has no address")]
pub struct Unreachable;

/// Addresses of one upstream.
pub struct Peers {
    host: String,
    port: u16,
    scheme: Scheme,
    server_name: String,
    authorities: Option<Arc<CaType>>,
    connect_timeout: Duration,
    known: ArcSwapOption<Known>,
}

struct Known {
    peer: Arc<HttpPeer>,
    until: Option<Instant>,
}

impl Peers {
    /// Addresses of a server; a literal address is never looked up.
    ///
    /// # Errors
    /// A text when the authorities can't be read.
    pub fn new(vendor: &VendorEngine) -> Result<Self, String> {
        let url = &vendor.url;
        // An empty server name would switch verification off in Pingora: it is the host by default.
        let server_name = vendor.tls.server_name.clone().unwrap_or_else(|| url.host.clone());
        let peers = Self {
            host: url.host.clone(),
            port: url.port,
            scheme: url.scheme,
            server_name,
            authorities: vendor.tls.ca.as_deref().map(authorities).transpose()?,
            connect_timeout: vendor.connect_timeout,
            known: ArcSwapOption::empty(),
        };
        if let Ok(address) = url.host.parse::<IpAddr>() {
            peers.keep(SocketAddr::new(address, url.port), None);
        }
        Ok(peers)
    }

    /// The address to connect to.
    ///
    /// # Errors
    /// [`Unreachable`] when the name was never resolved.
    pub async fn peer(&self) -> Result<Arc<HttpPeer>, Unreachable> {
        let known = self.known.load_full();
        if let Some(known) = &known
            && known.until.is_none_or(|until| Instant::now() < until)
        {
            return Ok(known.peer.clone());
        }
        let found = tokio::net::lookup_host((self.host.as_str(), self.port)).await;
        match found.ok().and_then(|mut addresses| addresses.next()) {
            Some(address) => Ok(self.keep(address, Some(Instant::now() + TTL))),
            None => known.map(|known| known.peer.clone()).ok_or(Unreachable),
        }
    }

    fn keep(&self, address: SocketAddr, until: Option<Instant>) -> Arc<HttpPeer> {
        let tls = matches!(self.scheme, Scheme::Https);
        let mut peer = HttpPeer::new(address, tls, self.server_name.clone());
        peer.options.connection_timeout = Some(self.connect_timeout);
        peer.options.total_connection_timeout = Some(self.connect_timeout);
        peer.options.idle_timeout = Some(Duration::from_secs(60));
        peer.options.alpn = ALPN::H1;
        peer.options.ca.clone_from(&self.authorities);
        let peer = Arc::new(peer);
        self.known.store(Some(Arc::new(Known { peer: peer.clone(), until })));
        peer
    }
}

fn authorities(path: &Path) -> Result<Arc<CaType>, String> {
    let unreadable = || format!("no certificate can be read from {}", path.display());
    let mut found = Vec::new();
    for der in CertificateDer::pem_file_iter(path).map_err(|_| unreadable())? {
        let der = der.map_err(|_| unreadable())?.to_vec();
        // Pingora's wrapper panics on what is not a certificate: it is parsed here first.
        X509Certificate::from_der(&der).map_err(|_| unreadable())?;
        found.push(WrappedX509::new(der, parse_x509));
    }
    if found.is_empty() { Err(unreadable()) } else { Ok(found.into()) }
}
