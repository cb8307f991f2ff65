//! What settings files mean; what is said about files that are wrong is beside it.

mod audit;
mod problems;

use std::{fs, path::Path, time::Duration};

use tempfile::TempDir;
use weir_callers::jwt::{JwksSource, TenantClaim};

use super::super::*;

const UPSTREAM: &str = "upstreams: [{name: a, url: 'http://127.0.0.1:9/v1'}]\n";
const ROUTE: &str = "routes: [{models: m, upstreams: a}]\n";

/// A folder with what a settings file may name.
fn bed() -> TempDir {
    let folder = TempDir::new().unwrap();
    let at = folder.path();
    fs::create_dir_all(at.join("models")).unwrap();
    fs::create_dir_all(at.join("policies")).unwrap();
    for (name, text) in [
        ("cert.pem", "-----BEGIN CERTIFICATE-----\n"),
        ("key.pem", "-----BEGIN PRIVATE KEY-----\n"),
        ("secret", "sk-file\n"),
        ("empty", "\n"),
        (
            "jwks.json",
            r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a","x":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}]}"#,
        ),
        ("policies/b.yaml", ""),
        ("policies/a.yaml", ""),
        ("policies/a.txt", ""),
    ] {
        fs::write(at.join(name), text).unwrap();
    }
    folder
}

fn env(name: &str) -> Option<String> {
    match name {
        "KEY" => Some("sk-env".to_owned()),
        "BLANK" => Some(" ".to_owned()),
        "TWO_LINES" => Some("a\nb".to_owned()),
        _ => None,
    }
}

fn load(folder: &Path, text: &str) -> Result<Settings, Vec<Problem>> {
    let path = folder.join("weir.yaml");
    fs::write(&path, text).unwrap();
    Settings::load(Some(&path), &env)
}

fn good(folder: &Path, text: &str) -> Settings {
    load(folder, text).unwrap_or_else(|problems| panic!("{problems:?}"))
}

#[test]
fn the_smallest_file_is_the_embedded_default() {
    let folder = bed();
    let settings = good(folder.path(), "weir: v1\n");
    let at = folder.path();
    assert_eq!(settings.file.as_deref(), Some(at.join("weir.yaml").as_path()));
    assert_eq!(settings.data_dir, at.join("weir-data"));
    assert_eq!(settings.audit.dir, at.join("weir-data/audit"));
    assert_eq!(settings.listen.traffic.to_string(), "127.0.0.1:8080");
    assert_eq!(settings.listen.admin.to_string(), "127.0.0.1:8081");
    assert_eq!(settings.policies, Policies { baseline: Baseline::On, files: Vec::new() });
    assert_eq!(settings.headers.len(), 5);
    let engine = EmbeddedEngine { models: at.join("models"), threads: 1 };
    assert_eq!(settings.upstreams[0].engine, Engine::Embedded(engine));
    for (model, endpoint, expect) in [
        ("smollm2-135m-instruct", "chat", true),
        ("smollm2-135m-instruct", "embeddings", false),
        ("all-minilm-l6-v2", "embeddings", true),
        ("all-minilm-l6-v2", "chat", false),
        ("gpt-4o", "chat", false),
    ] {
        assert_eq!(settings.route(model, endpoint).is_some(), expect, "{model} {endpoint}");
    }
}

#[test]
fn a_full_file_reads() {
    let folder = bed();
    let settings = good(
        folder.path(),
        r#"
weir: v1
data_dir: state
listen: {traffic: "localhost:18080", admin: "[::1]:18081", tls: {certificate: cert.pem, key: key.pem}}
workers: 2
limits: {body: 1MiB, header_bytes: 16KiB, json_depth: 64, json_leaves: 1000, reply_body: 2MiB, total: 1m,
  first_byte: 30s, idle: 5s, client_read: 1s, client_write: 2s, connections: 100}
shutdown: {grace: 5s}
auth:
  keys: off
  jwt:
    - issuer: https://id.example
      audience: [weir, other]
      algorithms: [EdDSA]
      jwks: {file: jwks.json}
      leeway: 1m
      claims: {tenant: org.tenant, team: t, app: azp, subject: sub, roles: realm_access.roles}
    - {issuer: b, audience: weir, jwks: {url: "https://id.example/keys"}, claims: {tenant: {fixed: acme}}}
headers: {trusted: [purpose]}
upstreams:
  - {name: local, engine: embedded, threads: 2}
  - name: vendor
    url: https://api.openai.com/v1/
    api_key: {env: KEY}
    provider: openai
    region: eu-west
    max_concurrency: 7
    max_wait: 1s
    connect_timeout: 2s
    health: off
    tls: {ca: cert.pem, server_name: other.example}
  - {name: azure, url: "https://x.openai.azure.com/openai/v1", api_key: {file: secret}, auth: api-key, api_version: preview}
  - {name: cluster, url: "http://[fd00::1]:8000", health: {path: /health, every: 5s}}
routes:
  - {models: ["gpt-*"], endpoints: [chat, responses], upstreams: [vendor, local], model: smollm2}
  - {models: "*", upstreams: cluster}
policies: [baseline, "policies/*.yaml", policies/a.yaml]
carbon: {zone: WOR, watts: 20}
audit: {mode: strict, segment: 1MiB, min_free: 1GiB, dir: log}
"#,
    );
    let at = folder.path();
    assert_eq!(settings.listen.tls.as_ref().unwrap().key, at.join("key.pem"));
    assert_eq!((settings.limits.body, settings.limits.connections), (1 << 20, 100));
    assert_eq!(settings.grace, Duration::from_secs(5));
    assert_eq!(settings.auth.keys, KeyUse::Off);
    assert_eq!(settings.auth.jwt[0].jwks, JwksSource::File(at.join("jwks.json")));
    assert_eq!(settings.auth.jwt[1].claims.tenant, TenantClaim::Fixed("acme".into()));
    assert_eq!(settings.auth.jwt[1].audience, ["weir"]);
    assert_eq!(settings.policies.files, [at.join("policies/a.yaml"), at.join("policies/b.yaml")]);
    assert_eq!((settings.audit.mode, settings.audit.dir), (AuditMode::Strict, at.join("log")));
    let urls: Vec<_> = settings
        .upstreams
        .iter()
        .filter_map(|upstream| match &upstream.engine {
            Engine::OpenAi(vendor) => Some((vendor.url.authority(), vendor.url.target("/models"), vendor)),
            Engine::Embedded(_) => None,
        })
        .collect();
    assert_eq!(urls[0].0, "api.openai.com");
    assert_eq!(urls[0].1, "/v1/models");
    assert_eq!(urls[0].2.authorization, Authorization::Bearer(Secret::new("sk-env".into())));
    assert_eq!(urls[0].2.health, None);
    assert_eq!(urls[1].1, "/openai/v1/models?api-version=preview");
    assert_eq!(urls[1].2.authorization, Authorization::ApiKey(Secret::new("sk-file".into())));
    assert_eq!((urls[2].0.as_str(), urls[2].1.as_str()), ("[fd00::1]:8000", "/models"));
    assert_eq!(urls[2].2.authorization, Authorization::None);
    assert!(!format!("{:?}", settings.upstreams).contains("sk-"));
}

#[test]
fn the_environment_overrides() {
    let folder = bed();
    let path = folder.path().join("weir.yaml");
    fs::write(&path, "weir: v1\nlisten: {traffic: '127.0.0.1:1', admin: '127.0.0.1:2'}\n").unwrap();
    let named = path.display().to_string();
    let with = |pairs: &[(&str, &str)]| {
        let lookup = |name: &str| {
            let found = pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
            found.or_else(|| (name == "WEIR_CONFIG").then(|| named.clone()))
        };
        Settings::load(None, &lookup)
    };
    let settings = with(&[]).ok().unwrap();
    assert_eq!(settings.file.as_deref(), Some(path.as_path()));
    let settings = with(&[
        ("WEIR_TRAFFIC_ADDR", "0.0.0.0:3"),
        ("WEIR_ADMIN_ADDR", "localhost:4"),
        ("WEIR_DATA_DIR", "/elsewhere"),
        ("WEIR_ADMIN_KEY", "0123456789abcdef"),
    ])
    .ok()
    .unwrap();
    assert_eq!(settings.listen.traffic.to_string(), "0.0.0.0:3");
    assert_eq!(settings.listen.admin.to_string(), "127.0.0.1:4");
    assert_eq!(settings.data_dir, Path::new("/elsewhere"));
    assert_eq!(settings.audit.dir, Path::new("/elsewhere/audit"));
    assert_eq!(settings.audit.keys, Path::new("/elsewhere/audit-keys"));
    assert!(settings.admin_key.is_some());

    let problems = with(&[("WEIR_TRAFFIC_ADDR", "x"), ("WEIR_ADMIN_KEY", "short")]).err().unwrap();
    let found: Vec<_> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        found,
        [
            "WEIR_TRAFFIC_ADDR: expected an address with a port, such as 127.0.0.1:8080",
            "WEIR_ADMIN_KEY: expected at least 16 characters",
        ]
    );
}

#[test]
fn the_folders_are_found_without_the_rest() {
    let folder = bed();
    let (at, path) = (folder.path(), folder.path().join("weir.yaml"));
    let moved = |name: &str| (name == "WEIR_DATA_DIR").then(|| "/elsewhere".to_owned());
    let rest = "upstreams: [{name: a, api_key: {env: NOT_SET}}]\n";
    let check = |text: &str, env: Environment<'_>, data: &Path, audit: &Path| {
        fs::write(&path, format!("{text}{rest}")).unwrap();
        let found = folders(Some(&path), env).ok().unwrap();
        assert_eq!((found.data.as_path(), found.audit.as_path()), (data, audit), "{text}");
    };
    check("", &env, &at.join("weir-data"), &at.join("weir-data/audit"));
    check("data_dir: state\n", &env, &at.join("state"), &at.join("state/audit"));
    check("audit: {dir: log, mode: nonsense}\n", &env, &at.join("weir-data"), &at.join("log"));
    check("data_dir: state\n", &moved, Path::new("/elsewhere"), Path::new("/elsewhere/audit"));
    check("audit: {dir: log}\n", &moved, Path::new("/elsewhere"), &at.join("log"));
    assert!(folders(Some(&at.join("none.yaml")), &env).is_err());
}

#[test]
fn unreadable_files_are_told_apart() {
    let folder = bed();
    let at = folder.path();
    fs::write(at.join("binary"), b"\xff\xfe\x00").unwrap();
    for (name, expect) in [
        ("none.yaml", "no such file or folder"),
        ("binary", "the file is not UTF-8"),
        ("models", "it can't be read"),
    ] {
        let problems = Settings::load(Some(&at.join(name)), &env).err().unwrap();
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].message, expect, "{name}");
    }
}
