//! `weir.yaml` for a scenario.

use std::net::SocketAddr;

use crate::upstream::Upstream;

/// Settings of a gateway under test, as the YAML after `listen`.
#[derive(Clone, Debug, Default)]
pub struct Config {
    upstreams: Vec<(String, SocketAddr, String)>,
    whole: Vec<(String, String)>,
    /// Top-level keys written as they are.
    extra: String,
    /// Files beside `weir.yaml`: name and content.
    pub files: Vec<(String, String)>,
    /// Variables of the gateway's process, beside those that every gateway under test has.
    pub environment: Vec<(String, String)>,
    policies: Vec<String>,
    audit: Option<String>,
    models: Option<String>,
    tls: String,
}

impl Config {
    /// One upstream named `one`, no policies.
    #[must_use]
    pub fn with(upstream: &Upstream) -> Self {
        Self::default().upstream("one", upstream.address())
    }

    /// Adds an upstream; all models go to all upstreams in the order added.
    #[must_use]
    pub fn upstream(self, name: &str, address: SocketAddr) -> Self {
        self.upstream_with(name, address, "")
    }

    /// Adds an upstream with further keys, written as YAML flow (`, max_concurrency: 1`).
    #[must_use]
    pub fn upstream_with(mut self, name: &str, address: SocketAddr, keys: &str) -> Self {
        self.upstreams.push((name.to_owned(), address, keys.to_owned()));
        self
    }

    /// Adds a policy file.
    #[must_use]
    pub fn policy(mut self, name: &str, text: &str) -> Self {
        self.files.push((name.to_owned(), text.to_owned()));
        self.policies.push(name.to_owned());
        self
    }

    /// Adds a file that isn't a policy.
    #[must_use]
    pub fn file(mut self, name: &str, text: &str) -> Self {
        self.files.push((name.to_owned(), text.to_owned()));
        self
    }

    /// Sets a variable of the gateway's process.
    #[must_use]
    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Adds top-level YAML.
    #[must_use]
    pub fn yaml(mut self, text: &str) -> Self {
        self.extra.push_str(text);
        self.extra.push('\n');
        self
    }

    /// Serves the traffic port with TLS by `cert.pem` and `key.pem`, which are written beside `weir.yaml`.
    #[must_use]
    pub fn tls(mut self, certificate: &str, key: &str) -> Self {
        self.tls = ", tls: {certificate: cert.pem, key: key.pem}".to_owned();
        self.file("cert.pem", certificate).file("key.pem", key)
    }

    /// Adds an upstream by its whole YAML, written as flow.
    #[must_use]
    pub fn upstream_yaml(mut self, name: &str, keys: &str) -> Self {
        self.whole.push((name.to_owned(), keys.to_owned()));
        self
    }

    /// Routes only these model patterns.
    #[must_use]
    pub fn only_models(mut self, patterns: &[&str]) -> Self {
        self.models = Some(patterns.join("\", \""));
        self
    }

    /// Sets the audit mode.
    #[must_use]
    pub fn audit(mut self, mode: &str) -> Self {
        self.audit = Some(mode.to_owned());
        self
    }

    /// The whole file.
    #[must_use]
    pub fn render(&self, data_dir: &str, traffic: SocketAddr, admin: SocketAddr) -> String {
        let tls = &self.tls;
        let mut text =
            format!("weir: v1\ndata_dir: {data_dir}\nlisten: {{traffic: {traffic}, admin: {admin}{tls}}}\n");
        text.push_str("upstreams:\n");
        for (name, address, keys) in &self.upstreams {
            text.push_str(&format!(
                "  - {{name: {name}, url: \"http://{address}/v1\", api_key: {{env: UPSTREAM_KEY}}{keys}}}\n"
            ));
        }
        for (name, keys) in &self.whole {
            text.push_str(&format!("  - {{name: {name}, {keys}}}\n"));
        }
        let named = self.upstreams.iter().map(|(name, _, _)| name.as_str());
        let names: Vec<_> = named.chain(self.whole.iter().map(|(name, _)| name.as_str())).collect();
        let models = self.models.as_deref().unwrap_or("*");
        text.push_str(&format!(
            "routes:\n  - {{models: [\"{models}\"], upstreams: [{}]}}\n",
            names.join(", ")
        ));
        text.push_str(&format!("policies: [{}]\n", self.policies.join(", ")));
        if let Some(mode) = &self.audit {
            text.push_str(&format!("audit: {{mode: {mode}}}\n"));
        }
        text + &self.extra
    }
}
