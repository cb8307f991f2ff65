//! `audit.sinks`: who gets the records outside.

use weir_policies::document::{Map, Value};
use weir_sinks::{
    Confirm, Form, Identity, OnRefusal, OtlpSettings, Plaintext, Receiver, Secret, SinkSettings,
    SyslogSettings, TlsSettings, Transport, WebhookSettings,
};

use super::place::{Pem, Place};

pub(super) fn sinks(value: Value<'_>, place: &Place<'_>) -> Option<Vec<SinkSettings>> {
    value.list(|item| sink(item, place))
}

fn sink(value: Value<'_>, place: &Place<'_>) -> Option<SinkSettings> {
    let mut map = value.map()?;
    let name = map.required("name", Value::text);
    let form = map.or("form", Form::Weir, |v| v.choice(&[("weir", Form::Weir), ("ocsf", Form::Ocsf)]));
    let on_refusal = map.or("on_refusal", OnRefusal::Stop, |v| {
        v.choice(&[("stop", OnRefusal::Stop), ("set-aside", OnRefusal::SetAside)])
    });
    let receivers = [
        map.optional("syslog", |v| syslog(v, place).map(Receiver::Syslog)),
        map.optional("webhook", |v| webhook(v, place).map(Receiver::Webhook)),
        map.optional("otlp", |v| otlp(v, place).map(Receiver::Otlp)),
    ];
    map.finish();
    let mut receivers = receivers.into_iter().flatten();
    let (Some(receiver), None) = (receivers.next(), receivers.next()) else {
        return value.expected("one of `syslog`, `webhook` and `otlp`");
    };
    let sink = SinkSettings { form, on_refusal, ..SinkSettings::new(name?, receiver) };
    for fault in sink.validate() {
        value.problem(fault.to_string());
    }
    Some(sink)
}

fn syslog(value: Value<'_>, place: &Place<'_>) -> Option<SyslogSettings> {
    let mut map = value.map()?;
    let host = map.required("host", Value::text);
    let port = map.or("port", 6514, |v| v.integer(1..=65_535));
    let transport =
        map.or("transport", "tls", |v| v.choice(&[("tls", "tls"), ("tcp", "tcp"), ("udp", "udp")]));
    let confirm = map.or("confirm", Confirm::ClosingAlert, |v| {
        v.choice(&[("closing-alert", Confirm::ClosingAlert), ("end", Confirm::End)])
    });
    let tls = map.or("tls", TlsSettings::default(), |v| tls(v, place));
    map.finish();
    let transport = match transport {
        "tcp" => Transport::Tcp,
        "udp" => Transport::Udp,
        _ => Transport::Tls(tls),
    };
    Some(SyslogSettings { host: host?, port, transport, confirm })
}

fn webhook(value: Value<'_>, place: &Place<'_>) -> Option<WebhookSettings> {
    let mut map = value.map()?;
    let url = map.required("url", |v| secret(v, place));
    let secrets = map.required("secrets", |v| v.one_or_more(|item| secret(item, place)));
    let (tls, plaintext) = door(&mut map, place);
    map.finish();
    Some(WebhookSettings { url: url?, secrets: secrets?, tls, plaintext })
}

fn otlp(value: Value<'_>, place: &Place<'_>) -> Option<OtlpSettings> {
    let mut map = value.map()?;
    let url = map.required("url", |v| secret(v, place));
    let headers = map.or("headers", Vec::new(), |v| v.entries(|value| secret(value, place)));
    let (tls, plaintext) = door(&mut map, place);
    map.finish();
    Some(OtlpSettings { url: url?, headers, tls, plaintext })
}

fn door(map: &mut Map<'_>, place: &Place<'_>) -> (TlsSettings, Plaintext) {
    let tls = map.or("tls", TlsSettings::default(), |v| tls(v, place));
    let plaintext = map.or("plaintext", Plaintext::Loopback, |v| {
        v.choice(&[("loopback", Plaintext::Loopback), ("anywhere", Plaintext::Anywhere)])
    });
    (tls, plaintext)
}

pub(super) fn tls(value: Value<'_>, place: &Place<'_>) -> Option<TlsSettings> {
    let mut map = value.map()?;
    let ca_file = map.optional("ca", |v| place.pem(v, Pem::Certificate));
    let certificate = map.optional("certificate", |v| place.pem(v, Pem::Certificate));
    let key = map.optional("key", |v| place.pem(v, Pem::PrivateKey));
    map.finish();
    let identity = match (certificate, key) {
        (Some(cert_file), Some(key_file)) => Some(Identity { cert_file, key_file }),
        (None, None) => None,
        _ => return value.expected("both `certificate` and `key`, or neither"),
    };
    Some(TlsSettings { ca_file, identity })
}

/// An address or a secret: `{env: NAME}` or `{file: PATH}`. Addresses count as secrets because many hold one.
fn secret(value: Value<'_>, place: &Place<'_>) -> Option<Secret> {
    place.secret(value).map(|secret| Secret::new(secret.expose().to_owned()))
}
