//! What an operator sets for a sink. Plain values: whoever reads them from a file checks them with
//! [`SinkSettings::validate`].

use std::path::PathBuf;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderName, HeaderValue};

use crate::address::Address;
use crate::backoff::Backoff;
use crate::error::SinkError;
use crate::secret::Secret;

/// Least and most bytes of a signing secret, after Standard Webhooks.
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// One sink.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SinkSettings {
    /// Its name: at most 32 of `a-z`, `0-9` and `-`. Its positions are kept under this name.
    pub name: String,
    /// Who receives.
    pub receiver: Receiver,
    /// What a message says. OTLP has a form of its own.
    pub form: Form,
    /// Most that is handed over at once.
    pub limits: Limits,
    /// How often to look for new records when there were none.
    pub poll: Duration,
    /// Most time for one delivery, connection and answer included.
    pub deadline: Duration,
    /// Waits between tries.
    pub backoff: Backoff,
    /// What to do when the receiver refuses a record for good.
    pub on_refusal: OnRefusal,
}

impl SinkSettings {
    /// A sink with the default limits, waits and form.
    pub fn new(name: impl Into<String>, receiver: Receiver) -> Self {
        Self {
            name: name.into(),
            receiver,
            form: Form::Weir,
            limits: Limits::default(),
            poll: Duration::from_millis(250),
            deadline: Duration::from_secs(30),
            backoff: Backoff::default(),
            on_refusal: OnRefusal::Stop,
        }
    }

    /// Every fault of the settings; files are looked at when the sink is opened.
    pub fn validate(&self) -> Vec<SinkError> {
        let mut faults: Vec<(&'static str, &'static str)> = Vec::new();
        let is_fine = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if self.name.is_empty() || self.name.len() > 32 || !self.name.chars().all(is_fine) {
            faults.push(("name", "must be 1 to 32 of a-z, 0-9 and -"));
        }
        if !(1..=10_000).contains(&self.limits.records) {
            faults.push(("limits.records", "must be 1 to 10000"));
        }
        if !(1024..=16 << 20).contains(&self.limits.bytes) {
            faults.push(("limits.bytes", "must be 1024 to 16777216"));
        }
        if self.poll.is_zero() || self.deadline.is_zero() || self.backoff.least.is_zero() {
            faults.push(("poll, deadline, backoff", "must not be zero"));
        }
        if self.backoff.least > self.backoff.most {
            faults.push(("backoff", "the first wait is longer than the longest one"));
        }
        faults.extend(self.receiver.faults());
        let named = |(field, problem): (&'static str, &str)| SinkError::Setting {
            sink: self.name.clone(),
            field,
            problem: problem.to_owned(),
        };
        faults.into_iter().map(named).collect()
    }
}

/// What a message says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// The record as it stands in the log, one message a record.
    #[default]
    Weir,
    /// An OCSF event for each call, at its end, and for each record that belongs to no call.
    Ocsf,
}

/// Most that is handed over at once. Memory stays within a few times this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Records read at once.
    pub records: usize,
    /// Bytes of messages in a batch.
    pub bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { records: 256, bytes: 1 << 20 }
    }
}

/// What to do when the receiver refuses a record for good. Neither drops it silently.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnRefusal {
    /// Stop, and say so: the operator has to look. Delivery goes on from there at the next start.
    #[default]
    Stop,
    /// Append the record to the sink's `refused.jsonl`, count it, and go on.
    SetAside,
}

/// Who receives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Receiver {
    /// A syslog server.
    Syslog(SyslogSettings),
    /// A web server that takes signed JSON.
    Webhook(WebhookSettings),
    /// An OpenTelemetry collector.
    Otlp(OtlpSettings),
}

impl Receiver {
    /// One word for metrics.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Syslog(_) => "syslog",
            Self::Webhook(_) => "webhook",
            Self::Otlp(_) => "otlp",
        }
    }

    fn faults(&self) -> Vec<(&'static str, &'static str)> {
        match self {
            Self::Syslog(syslog) => syslog.faults(),
            Self::Webhook(webhook) => webhook.faults(),
            Self::Otlp(otlp) => otlp.faults(),
        }
    }
}

/// A syslog server (RFC 5424).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyslogSettings {
    /// Host name or address.
    pub host: String,
    /// Port; 6514 is the one for TLS.
    pub port: u16,
    /// How messages travel.
    pub transport: Transport,
    /// What counts as the receiver's confirmation over TLS.
    pub confirm: Confirm,
}

/// What counts as a receiver's confirmation, where syslog itself has none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Confirm {
    /// The closing alert of TLS, which RFC 5425 asks for and which nobody else can make.
    #[default]
    ClosingAlert,
    /// The end of the connection, for receivers that send no alert, as rsyslog. Somebody on the way who can end
    /// connections can then keep records from the receiver, and so can a receiver that takes a message off the wire
    /// and ends without looking at it; the gap in the records' numbers shows it.
    End,
}

impl SyslogSettings {
    fn faults(&self) -> Vec<(&'static str, &'static str)> {
        let mut faults = Vec::new();
        if self.host.is_empty() || self.host.contains(['@', '/']) {
            faults.push(("host", "must be a host name or address alone"));
        }
        if self.port == 0 {
            faults.push(("port", "must not be 0"));
        }
        faults
    }
}

/// How syslog messages travel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transport {
    /// TLS (RFC 5425).
    Tls(TlsSettings),
    /// Plain TCP with counted octets (RFC 6587): anybody on the way can read along.
    Tcp,
    /// UDP (RFC 5426): anybody can read along, and nobody knows what arrives.
    Udp,
}

/// Whom to trust, and who we are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsSettings {
    /// PEM file of the authorities to trust instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// Our own certificate, where the receiver asks for one.
    pub identity: Option<Identity>,
}

/// A client certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// PEM file of the certificate and its chain.
    pub cert_file: PathBuf,
    /// PEM file of the private key.
    pub key_file: PathBuf,
}

/// Where `http` instead of `https` is allowed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Plaintext {
    /// To this machine.
    #[default]
    Loopback,
    /// Everywhere: anybody on the way can read along.
    Anywhere,
}

/// A web server that takes signed JSON (Standard Webhooks).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookSettings {
    /// Its address.
    pub url: Secret,
    /// Signing secrets as `whsec_` and base64 of 24 to 64 bytes; several while one replaces another.
    pub secrets: Vec<Secret>,
    /// Whom to trust.
    pub tls: TlsSettings,
    /// Where `http` is allowed.
    pub plaintext: Plaintext,
}

impl WebhookSettings {
    fn faults(&self) -> Vec<(&'static str, &'static str)> {
        let mut faults = Vec::new();
        faults
            .extend(Address::parse(self.url.expose(), self.plaintext).err().map(|problem| ("url", problem)));
        if self.secrets.is_empty() {
            faults.push(("secrets", "at least one is needed to sign"));
        }
        if self.secrets.iter().any(|secret| signing_key(secret).is_none()) {
            faults.push(("secrets", "must be whsec_ and base64 of 24 to 64 bytes"));
        }
        faults
    }
}

/// The key in a `whsec_…` secret.
pub(crate) fn signing_key(secret: &Secret) -> Option<Vec<u8>> {
    let text = secret.expose();
    let key = STANDARD.decode(text.strip_prefix("whsec_").unwrap_or(text)).ok()?;
    SECRET_BYTES.contains(&key.len()).then_some(key)
}

/// An OpenTelemetry collector (OTLP over HTTP, JSON).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtlpSettings {
    /// Its address, the path included: usually `…/v1/logs`.
    pub url: Secret,
    /// Headers to send along, for example a token.
    pub headers: Vec<(String, Secret)>,
    /// Whom to trust.
    pub tls: TlsSettings,
    /// Where `http` is allowed.
    pub plaintext: Plaintext,
}

impl OtlpSettings {
    fn faults(&self) -> Vec<(&'static str, &'static str)> {
        let mut faults = Vec::new();
        faults
            .extend(Address::parse(self.url.expose(), self.plaintext).err().map(|problem| ("url", problem)));
        let is_fine = |(name, value): &(String, Secret)| header(name, value).is_some();
        if !self.headers.iter().all(is_fine) {
            faults.push(("headers", "a name or value can't stand in a header"));
        }
        faults
    }
}

/// A header that loggers are told to hide.
pub(crate) fn header(name: &str, value: &Secret) -> Option<(HeaderName, HeaderValue)> {
    let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
    let mut value = HeaderValue::from_str(value.expose()).ok()?;
    value.set_sensitive(true);
    Some((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn webhook(url: &str, secret: &str) -> Receiver {
        Receiver::Webhook(WebhookSettings {
            url: Secret::new(url.into()),
            secrets: vec![Secret::new(secret.into())],
            tls: TlsSettings::default(),
            plaintext: Plaintext::Loopback,
        })
    }

    #[test]
    fn all_faults_are_told_at_once_and_none_tells_a_secret() {
        let good = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        assert!(SinkSettings::new("siem", webhook("https://siem.example/in", good)).validate().is_empty());
        let mut bad = SinkSettings::new("SIEM 1", webhook("https://me:T0KEN@siem.example/in", "whsec_T0KEN"));
        bad.limits = Limits { records: 0, bytes: 0 };
        bad.poll = Duration::ZERO;
        let faults: Vec<String> = bad.validate().iter().map(ToString::to_string).collect();
        let fields = ["name", "limits.records", "limits.bytes", "poll", "url", "secrets"];
        assert_eq!(faults.len(), fields.len(), "{faults:?}");
        for (fault, field) in faults.iter().zip(fields) {
            assert!(fault.contains(field) && !fault.contains("T0KEN"), "{fault}");
        }
        assert!(!format!("{bad:?}").contains("T0KEN"));
    }

    #[test]
    fn other_receivers_are_checked_too() {
        let syslog = |host: &str, port: u16| {
            Receiver::Syslog(SyslogSettings {
                host: host.into(),
                port,
                transport: Transport::Udp,
                confirm: Confirm::default(),
            })
        };
        let otlp = |name: &str| {
            Receiver::Otlp(OtlpSettings {
                url: Secret::new("http://127.0.0.1:4318/v1/logs".into()),
                headers: vec![(name.into(), Secret::new("v".into()))],
                tls: TlsSettings::default(),
                plaintext: Plaintext::Loopback,
            })
        };
        let check = |receiver: Receiver, expect: usize| {
            assert_eq!(SinkSettings::new("a", receiver.clone()).validate().len(), expect, "{receiver:?}");
        };
        check(syslog("siem", 6514), 0);
        check(syslog("user@siem", 0), 2);
        check(otlp("api-key"), 0);
        check(otlp("api key"), 1);
    }
}
