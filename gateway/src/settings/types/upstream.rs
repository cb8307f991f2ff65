//! Upstreams: what answers, where, and how it is called.

use std::{fmt, path::PathBuf, time::Duration};

use weir_callers::Secret;

/// One engine that answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// Unique name, shown in `x-weir-upstream`.
    pub name: String,
    /// What kind it is and how it is reached.
    pub engine: Engine,
    /// Vendor, for prices and carbon; `local` for the embedded engine, else `unknown` by default.
    pub provider: String,
    /// The vendor's region.
    pub region: Option<String>,
    /// Exchanges at once.
    pub max_concurrency: usize,
    /// How long an exchange may wait for its turn.
    pub max_wait: Duration,
}

/// What kind of upstream it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Engine {
    /// Models run in this process.
    Embedded(EmbeddedEngine),
    /// Any OpenAI-compatible server.
    OpenAi(Box<VendorEngine>),
}

/// Models run in this process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmbeddedEngine {
    /// Folder of model files.
    pub models: PathBuf,
    /// Threads that compute.
    pub threads: usize,
}

/// An OpenAI-compatible server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VendorEngine {
    /// Base address, `/v1` included.
    pub url: BaseUrl,
    /// How Weir shows who it is.
    pub authorization: Authorization,
    /// For connecting, TLS included.
    pub connect_timeout: Duration,
    /// Active health check; none when switched off.
    pub health: Option<Health>,
    /// Trust for an https address.
    pub tls: UpstreamTls,
}

/// A base address, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl {
    /// Plain or TLS.
    pub scheme: Scheme,
    /// Host name or address (an IPv6 one without brackets).
    pub host: String,
    /// Port, the scheme's own by default.
    pub port: u16,
    /// Path that the endpoint's is appended to, without a `/` at the end: `/v1`, or empty.
    pub path: String,
    /// Query appended to each request, without `?`: `api-version=preview`.
    pub query: Option<String>,
}

impl BaseUrl {
    /// Value of the `host` header: the port is left out when it is the scheme's own.
    #[must_use]
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        if self.port == self.scheme.port() { host } else { format!("{host}:{}", self.port) }
    }

    /// Path and query for what follows `/v1`, such as `/chat/completions`.
    #[must_use]
    pub fn target(&self, path: &str) -> String {
        match &self.query {
            Some(query) => format!("{}{path}?{query}", self.path),
            None => format!("{}{path}", self.path),
        }
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme.name(), self.authority(), self.path)
    }
}

/// Plain or TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Plain.
    Http,
    /// TLS.
    Https,
}

impl Scheme {
    /// Name in an address.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// Its own port.
    #[must_use]
    pub fn port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// The header that shows an upstream who Weir is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authorization {
    /// None.
    None,
    /// `authorization: Bearer KEY`.
    Bearer(Secret),
    /// `api-key: KEY`, as Azure has it.
    ApiKey(Secret),
}

/// Active health check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// Path below the base address, with a `/` in front.
    pub path: String,
    /// Time between two checks.
    pub every: Duration,
}

/// Trust for an https address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UpstreamTls {
    /// Certificate authorities (PEM) instead of the system's.
    pub ca: Option<PathBuf>,
    /// Name in the certificate instead of the host's.
    pub server_name: Option<String>,
}
