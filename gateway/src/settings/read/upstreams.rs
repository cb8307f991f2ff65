//! `upstreams`: what answers.

use std::time::Duration;

use http::Uri;
use weir_policies::document::{Map, Value};

use super::{
    limits::some_time,
    place::{Pem, Place},
};
use crate::settings::{
    Authorization, BaseUrl, EmbeddedEngine, Engine, Health, Scheme, Upstream, UpstreamTls, VendorEngine,
};

/// Name of the upstream when the file names none.
pub(super) const DEFAULT_NAME: &str = "local";
const MODELS: &str = "models";
const MAX_CONCURRENCY: usize = 64;
const MAX_WAIT: Duration = Duration::from_secs(2);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const HEALTH_EVERY: Duration = Duration::from_secs(10);
/// Keys of the one kind of engine that the other does not know.
const EMBEDDED_KEYS: [&str; 2] = ["models", "threads"];
const VENDOR_KEYS: [&str; 7] = ["url", "api_key", "auth", "api_version", "connect_timeout", "health", "tls"];

/// `upstreams` as read.
pub(super) struct Read {
    /// None when one of them has a problem.
    pub(super) all: Option<Vec<Upstream>>,
    /// Their names, also of those with problems; none when a name itself has one.
    pub(super) names: Option<Vec<String>>,
}

/// Which engine an entry asks for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Embedded,
    OpenAi,
}

/// `upstreams`; the embedded engine when it is left out.
pub(super) fn upstreams(map: &mut Map<'_>, place: &Place<'_>) -> Read {
    let root = map.value();
    let Some(list) = map.get("upstreams") else {
        let all = embedded_default(root, place).map(|upstream| vec![upstream]);
        return Read { all, names: Some(vec![DEFAULT_NAME.to_owned()]) };
    };
    let mut names: Vec<Option<String>> = Vec::new();
    let all = list.list(|item| {
        let mut map = item.map()?;
        let name = map.required("name", name);
        if name.is_some() && names.contains(&name) {
            item.problem("an earlier upstream has the same name");
        }
        names.push(name.clone());
        upstream(map, name, place)
    });
    let all =
        all.and_then(|all| if all.is_empty() { list.expected("at least one upstream") } else { Some(all) });
    Read { all, names: names.into_iter().collect() }
}

fn embedded_default(root: Value<'_>, place: &Place<'_>) -> Option<Upstream> {
    let models = place.resolve(MODELS);
    if !models.is_dir() {
        root.problem(
            "the folder `models` of the embedded engine is missing: fetch it with `make models`, or name `upstreams`",
        );
        return None;
    }
    let engine = Engine::Embedded(EmbeddedEngine { models, threads: 1 });
    Some(Upstream {
        name: DEFAULT_NAME.to_owned(),
        engine,
        provider: "local".to_owned(),
        region: None,
        max_concurrency: MAX_CONCURRENCY,
        max_wait: MAX_WAIT,
    })
}

fn upstream(mut map: Map<'_>, name: Option<String>, place: &Place<'_>) -> Option<Upstream> {
    let kind = map
        .or("engine", Kind::OpenAi, |v| v.choice(&[("embedded", Kind::Embedded), ("openai", Kind::OpenAi)]));
    let engine = match kind {
        Kind::Embedded => embedded(&mut map, place),
        Kind::OpenAi => vendor(&mut map, place),
    };
    let own = if kind == Kind::Embedded { "local" } else { "unknown" };
    let provider = map.or("provider", own.to_owned(), label);
    let region = map.optional("region", label);
    let max_concurrency = map.or("max_concurrency", MAX_CONCURRENCY, |v| v.integer(1..=100_000));
    let max_wait = map.or("max_wait", MAX_WAIT, Value::duration);
    map.finish();
    Some(Upstream { name: name?, engine: engine?, provider, region, max_concurrency, max_wait })
}

fn embedded(map: &mut Map<'_>, place: &Place<'_>) -> Option<Engine> {
    let models = match map.get("models") {
        Some(value) => place.folder(value),
        None => Some(place.resolve(MODELS)).filter(|models| models.is_dir()).or_else(|| {
            map.value()
                .problem("the folder `models` is missing: fetch it with `make models`, or set `models`");
            None
        }),
    };
    let threads = map.or("threads", 1, |v| v.integer(1..=1024));
    refuse(map, VENDOR_KEYS, "only an upstream with `engine: openai` has this key");
    Some(Engine::Embedded(EmbeddedEngine { models: models?, threads }))
}

fn vendor(map: &mut Map<'_>, place: &Place<'_>) -> Option<Engine> {
    let url = map.required("url", base_url);
    let version = map.optional("api_version", label);
    let authorization = authorization(map, place);
    let connect_timeout = map.or("connect_timeout", CONNECT_TIMEOUT, some_time);
    let default = Health { path: "/models".to_owned(), every: HEALTH_EVERY };
    let health = map.or("health", Some(default), health);
    let tls_value = map.get("tls");
    let tls = tls_value.and_then(|v| tls(v, place)).unwrap_or_default();
    refuse(map, EMBEDDED_KEYS, "only an upstream with `engine: embedded` has this key");
    let mut url = url?;
    if let Some(value) = tls_value.filter(|_| url.scheme == Scheme::Http) {
        value.problem("the address is plain http, so nothing here is used");
    }
    url.query = version.map(|version| format!("api-version={version}"));
    let vendor = VendorEngine { url, authorization: authorization?, connect_timeout, health, tls };
    Some(Engine::OpenAi(Box::new(vendor)))
}

fn refuse<const N: usize>(map: &mut Map<'_>, keys: [&'static str; N], message: &str) {
    for key in keys {
        if let Some(value) = map.get(key) {
            value.problem(message);
        }
    }
}

/// A name for headers, metrics and records.
fn name(value: Value<'_>) -> Option<String> {
    let name = label(value)?;
    if name.len() <= 64 { Some(name) } else { value.expected("at most 64 characters") }
}

/// A word of letters, digits and `-_.`.
fn label(value: Value<'_>) -> Option<String> {
    let text = value.text()?;
    let fits = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if fits { Some(text) } else { value.expected("letters, digits, `-`, `_` and `.` only") }
}

fn authorization(map: &mut Map<'_>, place: &Place<'_>) -> Option<Authorization> {
    #[derive(Clone, Copy)]
    enum Style {
        Bearer,
        ApiKey,
        None,
    }
    let styles = [("bearer", Style::Bearer), ("api-key", Style::ApiKey), ("none", Style::None)];
    let key_value = map.get("api_key");
    let style_value = map.get("auth");
    let key = key_value.map(|value| place.secret(value));
    let style = match style_value {
        Some(value) => value.choice(&styles)?,
        None if key.is_some() => Style::Bearer,
        None => Style::None,
    };
    match (style, key) {
        (Style::None, None) => Some(Authorization::None),
        (Style::None, Some(_)) => key_value?.expected("no key: `auth` is `none`"),
        (_, None) => style_value?.expected("`api_key` beside it"),
        (Style::Bearer, Some(key)) => key.map(Authorization::Bearer),
        (Style::ApiKey, Some(key)) => key.map(Authorization::ApiKey),
    }
}

fn base_url(value: Value<'_>) -> Option<BaseUrl> {
    let text = value.text()?;
    let uri: Option<Uri> = text.parse().ok().filter(|_| !text.contains('#'));
    let authority = uri.as_ref().and_then(Uri::authority);
    let (Some(uri), Some(authority)) = (&uri, authority) else {
        return value.expected("an address such as https://api.openai.com/v1");
    };
    let scheme = match uri.scheme_str() {
        Some("https") => Scheme::Https,
        Some("http") => Scheme::Http,
        _ => return value.expected("an address that begins with https:// or http://"),
    };
    if authority.as_str().contains('@') {
        return value.expected("an address without credentials; set `api_key`");
    }
    if uri.query().is_some() {
        return value.expected("an address without a query; set `api_version`");
    }
    let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
    // `port_u16` is none for a port out of range too, which must not become the default.
    let port = match authority.as_str().strip_prefix(authority.host()) {
        Some("") => scheme.port(),
        _ => authority.port_u16().unwrap_or(0),
    };
    if host.is_empty() || port == 0 {
        return value.expected("an address with a host and a usable port");
    }
    let path = uri.path().trim_end_matches('/').to_owned();
    Some(BaseUrl { scheme, host, port, path, query: None })
}

/// `off`, or where and how often to ask.
fn health(value: Value<'_>) -> Option<Option<Health>> {
    if !value.is_map() {
        return value.choice(&[("off", None)]);
    }
    let mut map = value.map()?;
    let path = map.or("path", "/models".to_owned(), |v| {
        let path = v.text()?;
        let fits = path.starts_with('/') && path.bytes().all(|byte| byte.is_ascii_graphic());
        if fits { Some(path) } else { v.expected("a path that begins with `/`") }
    });
    let every = map.or("every", HEALTH_EVERY, |v| {
        let every = v.duration()?;
        if every >= Duration::from_secs(1) { Some(every) } else { v.expected("at least 1s") }
    });
    map.finish();
    Some(Some(Health { path, every }))
}

fn tls(value: Value<'_>, place: &Place<'_>) -> Option<UpstreamTls> {
    let mut map = value.map()?;
    let ca = map.optional("ca", |v| place.pem(v, Pem::Certificate));
    let server_name = map.optional("server_name", label);
    map.finish();
    Some(UpstreamTls { ca, server_name })
}
