//! The checked settings: every value is valid, every path absolute, every secret read.

mod audit;
mod upstream;

use std::{collections::BTreeSet, net::SocketAddr, path::PathBuf, time::Duration};

pub use audit::{
    AnchorSettings, AuditMode, AuditSettings, BodyUse, IndexSettings, PseudonymSettings, PseudonymVault,
    RevealSettings, SecondPerson, WitnessSettings,
};
pub use upstream::{
    Authorization, BaseUrl, EmbeddedEngine, Engine, Health, Scheme, Upstream, UpstreamTls, VendorEngine,
};
pub use weir_callers::{KeyUse, Pattern, Secret, jwt::JwtSettings};

/// What `weir.yaml` means, defaults filled in.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The file they come from; none for the embedded default.
    pub file: Option<PathBuf>,
    /// Folder of keys, audit log and ledgers.
    pub data_dir: PathBuf,
    /// Addresses to listen on.
    pub listen: Listen,
    /// Threads that serve traffic, at least one.
    pub workers: usize,
    /// Bounds in bytes, counts and time.
    pub limits: Limits,
    /// How long a stop waits for running exchanges.
    pub grace: Duration,
    /// Who may call.
    pub auth: Auth,
    /// The `x-weir-*` request headers a caller may set; others are ignored.
    pub headers: BTreeSet<TrustedHeader>,
    /// Engines that answer; names are unique.
    pub upstreams: Vec<Upstream>,
    /// Model names to upstreams; the first route that fits wins.
    pub routes: Vec<Route>,
    /// Policies in force.
    pub policies: Policies,
    /// Price file instead of the shipped one.
    pub prices: Option<PathBuf>,
    /// How the embedded engine's energy and carbon are reckoned.
    pub carbon: Carbon,
    /// The audit log.
    pub audit: AuditSettings,
    /// First admin key, from `WEIR_ADMIN_KEY`.
    pub admin_key: Option<Secret>,
}

impl Settings {
    /// The first route for a model and an endpoint (by its short name, such as `chat`).
    #[must_use]
    pub fn route(&self, model: &str, endpoint: &str) -> Option<&Route> {
        self.routes.iter().find(|route| route.fits(model, endpoint))
    }

    /// The upstream of that name.
    #[must_use]
    pub fn upstream(&self, name: &str) -> Option<&Upstream> {
        self.upstreams.iter().find(|upstream| upstream.name == name)
    }

    /// The file of API keys.
    #[must_use]
    pub fn key_file(&self) -> PathBuf {
        self.data_dir.join("keys.json")
    }
}

/// Addresses to listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen {
    /// Traffic port.
    pub traffic: SocketAddr,
    /// Admin port.
    pub admin: SocketAddr,
    /// Certificate of the traffic port; plain when absent.
    pub tls: Option<TlsFiles>,
}

/// Certificate chain and private key, both PEM and readable when checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// Certificate chain, leaf first.
    pub certificate: PathBuf,
    /// Private key.
    pub key: PathBuf,
}

/// Bounds on what one exchange or connection may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a request body.
    pub body: usize,
    /// Bytes of all request headers together.
    pub header_bytes: usize,
    /// Nesting of request JSON.
    pub json_depth: usize,
    /// String leaves of request JSON.
    pub json_leaves: usize,
    /// Bytes of a buffered reply body.
    pub reply_body: usize,
    /// From the last byte of the request to the last byte of the reply.
    pub total: Duration,
    /// From sending the request upstream to the first byte of its reply.
    pub first_byte: Duration,
    /// For searching a request for what policies name.
    pub inspection: Duration,
    /// Between two reads of an upstream reply.
    pub idle: Duration,
    /// For one read of a request body.
    pub client_read: Duration,
    /// For one write to a client.
    pub client_write: Duration,
    /// Open client connections.
    pub connections: usize,
}

/// Who may call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Auth {
    /// Whether API keys are accepted.
    pub keys: KeyUse,
    /// Trusted token issuers; each issuer once.
    pub jwt: Vec<JwtSettings>,
}

/// A request header through which a caller describes its call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TrustedHeader {
    /// `x-weir-subject`: end user or data subject.
    Subject,
    /// `x-weir-conversation`.
    Conversation,
    /// `x-weir-purpose`.
    Purpose,
    /// `x-weir-cost-center`.
    CostCenter,
    /// `x-weir-tags`: `k=v,k=v`.
    Tags,
}

/// Model names to upstreams.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Names it is for; never empty.
    pub models: Vec<Pattern>,
    /// Endpoints it is for, by short name (`chat`, `completions`, `responses`, `embeddings`); empty for all.
    pub endpoints: Vec<String>,
    /// Names of upstreams in the order they are tried; never empty, all exist.
    pub upstreams: Vec<String>,
    /// Model name sent upstream instead of the caller's.
    pub model: Option<String>,
    /// Audit mode instead of the general one.
    pub audit: Option<AuditMode>,
    /// Retention class of its calls.
    pub retention: Option<String>,
}

impl Route {
    /// Whether it is for that model and endpoint.
    #[must_use]
    pub fn fits(&self, model: &str, endpoint: &str) -> bool {
        (self.endpoints.is_empty() || self.endpoints.iter().any(|name| name == endpoint))
            && self.models.iter().any(|pattern| pattern.matches(model))
    }
}

/// Policies in force.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policies {
    /// Whether the shipped `baseline` stands in front.
    pub baseline: Baseline,
    /// Policy files, globs resolved, in order, each once.
    pub files: Vec<PathBuf>,
}

/// Whether the shipped baseline policy is in force.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Baseline {
    /// It is.
    #[default]
    On,
    /// It was left out of `policies`.
    Off,
}

/// How the embedded engine's energy and carbon are reckoned.
#[derive(Clone, Debug, PartialEq)]
pub struct Carbon {
    /// Electricity grid, by the names of the factor file (`WOR` is the world's mean).
    pub zone: String,
    /// Power of one busy core with its share of the machine, in watts.
    pub watts: f64,
}
