//! What settings files mean, and what is said about files that are wrong.

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

/// Checks the problems of a file, without the file's name in front.
fn check(text: &str, expect: &[&str]) {
    let folder = bed();
    let found: Vec<String> = load(folder.path(), text)
        .err()
        .unwrap_or_default()
        .into_iter()
        .map(|problem| Problem { file: String::new(), ..problem }.to_string())
        .collect();
    assert_eq!(found, expect, "{text}");
}

/// The same for what is added to a good file.
fn check_added(text: &str, expect: &[&str]) {
    check(&format!("weir: v1\n{UPSTREAM}{ROUTE}{text}\n"), expect);
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
fn all_problems_come_at_once() {
    check(
        "weir: v2\nlisten: {trafic: '127.0.0.1:1', admin: nowhere}\nworkers: 0\nlimits: {body: 8 MB s}\n\
         upstreams:\n  - {name: vendor, url: 'https://x/v1', api_key: sk-secret}\n  - {name: vendor, url: x}\n\
         routes:\n  - {models: [], upstreams: [vender]}\nheaders: {trusted: [purpos]}\nnonsense: 1\n",
        &[
            ":1:7: weir: expected one of v1; did you mean `v1`?",
            ":2:10: listen.trafic: unknown key; did you mean `traffic`?",
            ":2:40: listen.admin: expected an address with a port, such as 127.0.0.1:8080",
            ":3:10: workers: expected a whole number from 1 to 1024",
            ":4:16: limits.body: expected a size in bytes, such as 65536, 64KiB or 10MB",
            ":6:50: upstreams[0].api_key: a secret must not stand in this file: write {env: NAME} or {file: PATH}",
            ":7:5: upstreams[1]: an earlier upstream has the same name",
            ":7:25: upstreams[1].url: expected an address that begins with https:// or http://",
            ":9:14: routes[0].models: expected at least one item",
            ":9:30: routes[0].upstreams[0]: no upstream has this name; did you mean `vendor`?",
            ":10:21: headers.trusted[0]: expected one of subject, conversation, purpose, cost_center, tags; did you mean `purpose`?",
            ":11:1: nonsense: unknown key",
        ],
    );
}

#[test]
fn references_are_checked() {
    let two = "weir: v1\nupstreams:\n  - {name: main, url: 'http://127.0.0.1:9'}\n  - {name: spare, url: 'http://127.0.0.1:9'}\n";
    for (routes, expect) in [
        (
            "[{models: m, upstreams: [mian]}]",
            vec![":5:34: routes[0].upstreams[0]: no upstream has this name; did you mean `main`?"],
        ),
        (
            "[{models: m, upstreams: [main, main]}]",
            vec![":5:40: routes[0].upstreams[1]: this upstream stands here a second time"],
        ),
        ("[{models: m, upstreams: []}]", vec![":5:33: routes[0].upstreams: expected at least one item"]),
        (
            "[{models: m, upstreams: main, model: 'a*'}]",
            vec![":5:46: routes[0].model: expected one model name, without `*`"],
        ),
        (
            "[{models: 'a b', upstreams: main}]",
            vec![":5:19: routes[0].models: expected a model name without white space"],
        ),
        (
            "[{models: m, endpoints: chats, upstreams: main}]",
            vec![
                ":5:33: routes[0].endpoints: expected one of chat, completions, responses, embeddings; did you mean `chat`?",
            ],
        ),
        (
            "[{models: 'g*', upstreams: main}, {models: ['gpt-*', g], upstreams: spare}]",
            vec![":5:43: routes[1]: never reached: earlier routes take all its models"],
        ),
        ("[{models: 'g*', endpoints: chat, upstreams: main}, {models: gpt, upstreams: spare}]", vec![]),
        (
            "[{models: 'g*', endpoints: chat, upstreams: main}, {models: gpt, endpoints: chat, upstreams: spare}]",
            vec![":5:60: routes[1]: never reached: earlier routes take all its models"],
        ),
        ("[{models: gpt, upstreams: main}, {models: 'g*', upstreams: spare}]", vec![]),
        ("[]", vec![":5:9: routes: expected at least one route"]),
    ] {
        check(&format!("{two}routes: {routes}\n"), &expect);
    }
    check(two, &[":1:1: key `routes` is missing"]);
    check("weir: v1\nroutes: [{models: m, upstreams: local}]\n", &[]);
    check(
        &format!(
            "weir: v1\nupstreams: [{{name: a, url: 'http://h'}}, {{name: a, url: 'http://h'}}]\n{ROUTE}"
        ),
        &[":2:41: upstreams[1]: an earlier upstream has the same name"],
    );
}

#[test]
fn upstreams_are_checked() {
    let cases = [
        ("url: 'http://u:p@h/v1'", "url: expected an address without credentials; set `api_key`"),
        ("url: 'ftp://h'", "url: expected an address that begins with https:// or http://"),
        ("url: 'http://h?x=1'", "url: expected an address without a query; set `api_version`"),
        ("url: 'http://h/#x'", "url: expected an address such as https://api.openai.com/v1"),
        ("url: 'http://h:99999'", "url: expected an address with a host and a usable port"),
        ("url: 'http://h:'", "url: expected an address with a host and a usable port"),
        ("url: 'http://h:0'", "url: expected an address with a host and a usable port"),
        ("url: 'http://h', api_key: {env: NOT_SET}", "api_key.env: the environment variable is not set"),
        ("url: 'http://h', api_key: {env: BLANK}", "api_key.env: the environment variable is empty"),
        (
            "url: 'http://h', api_key: {env: sk-x}",
            "api_key.env: expected the name of an environment variable",
        ),
        (
            "url: 'http://h', api_key: {env: TWO_LINES}",
            "api_key.env: the environment variable holds white space or other characters that no key has",
        ),
        ("url: 'http://h', api_key: {file: empty}", "api_key.file: the file is empty"),
        ("url: 'http://h', api_key: {file: none}", "api_key.file: no such file or folder"),
        ("url: 'http://h', api_key: {}", "api_key: expected either `env` or `file`"),
        ("url: 'http://h', api_key: {env: KEY, file: secret}", "api_key: expected either `env` or `file`"),
        ("url: 'http://h', auth: none, api_key: {env: KEY}", "api_key: expected no key: `auth` is `none`"),
        ("url: 'http://h', auth: bearer", "auth: expected `api_key` beside it"),
        ("url: 'http://h', threads: 1", "threads: only an upstream with `engine: embedded` has this key"),
        ("url: 'http://h', tls: {server_name: x}", "tls: the address is plain http, so nothing here is used"),
        ("url: 'https://h', tls: {ca: secret}", "tls.ca: expected a file with a certificate in PEM form"),
        ("url: 'http://h', health: {every: 10ms}", "health.every: expected at least 1s"),
        ("url: 'http://h', health: {path: models}", "health.path: expected a path that begins with `/`"),
        ("url: 'http://h', health: never", "health: expected one of off"),
        ("url: 'http://h', connect_timeout: 0s", "connect_timeout: expected a duration longer than zero"),
        (
            "url: 'http://h', api_version: 'a&b'",
            "api_version: expected letters, digits, `-`, `_` and `.` only",
        ),
        ("engine: embedded, url: 'http://h'", "url: only an upstream with `engine: openai` has this key"),
        ("engine: embedded, models: none", "models: no such file or folder"),
        ("engine: embedded, models: secret", "models: expected a folder"),
        ("engine: embeded", "engine: expected one of embedded, openai; did you mean `embedded`?"),
    ];
    for (entry, expect) in cases {
        let folder = bed();
        let text = format!("weir: v1\nupstreams: [{{name: a, {entry}}}]\n{ROUTE}");
        let problems = load(folder.path(), &text).err().unwrap_or_default();
        let found: Vec<String> =
            problems.iter().map(ToString::to_string).filter(|line| !line.contains("key `url`")).collect();
        assert_eq!(found.len(), 1, "{entry}: {found:?}");
        assert!(found[0].ends_with(&format!("upstreams[0].{expect}")), "{entry}: {found:?}");
        assert!(!found[0].contains("sk-"), "{found:?}");
    }
}

#[test]
fn issuers_are_checked() {
    check_added(
        "auth: {keys: off}",
        &[":4:7: auth: nobody could call: switch `keys` on or name an issuer under `jwt`"],
    );
    for (keys, expect) in [
        ("jwks: {file: secret}", ":4:66: auth.jwt[0].jwks: it is not a JSON Web Key Set"),
        (
            "jwks: {url: 'http://id.example'}",
            ":4:72: auth.jwt[0].jwks.url: address of a key set: it is neither https nor http on this machine",
        ),
        ("jwks: {}", ":4:66: auth.jwt[0].jwks: expected either `file` or `url`"),
        (
            "jwks: {file: jwks.json}, algorithms: [HS256]",
            ":4:98: auth.jwt[0].algorithms[0]: expected one of RS256, ES256, EdDSA; did you mean `RS256`?",
        ),
        ("jwks: {file: jwks.json}, leeway: 1h", ":4:93: auth.jwt[0].leeway: expected at most 10m"),
    ] {
        let issuer = format!("{{issuer: i, audience: a, claims: {{tenant: t}}, {keys}}}");
        check_added(&format!("auth: {{jwt: [{issuer}]}}"), &[expect]);
    }
    let issuer = "{issuer: i, audience: a, claims: {tenant: t}, jwks: {file: jwks.json}}";
    check_added(
        &format!("auth: {{jwt: [{issuer}, {issuer}]}}"),
        &[":4:86: auth.jwt[1]: an earlier entry has the same issuer"],
    );
}

#[test]
fn addresses_and_files_are_checked() {
    check_added(
        "listen: {tls: {certificate: key.pem, key: none}}",
        &[
            ":4:29: listen.tls.certificate: expected a file with a certificate in PEM form",
            ":4:43: listen.tls.key: no such file or folder",
        ],
    );
    check_added(
        "listen: {traffic: '127.0.0.1:0'}",
        &[":4:19: listen.traffic: expected an address with a port, such as 127.0.0.1:8080"],
    );
    check_added("listen: {traffic: '127.0.0.1:8081'}", &[": traffic and admin need different addresses"]);
    check_added(
        "policies: [none.yaml, 'policies/*.yml', 'p*/x.yaml', policies]",
        &[
            ":4:12: policies[0]: no such file or folder",
            ":4:23: policies[1]: no file fits",
            ":4:41: policies[2]: expected `*` in the last part of the path only",
            ":4:54: policies[3]: expected a file, not a folder",
        ],
    );
    check_added(
        "prices: secret",
        &[":4:9: prices: not a price file: secret:1:1: expected value at line 1 column 1"],
    );
}

#[test]
fn figures_are_checked() {
    check_added(
        "carbon: {zone: XXX, watts: -1}",
        &[
            ":4:16: carbon.zone: expected a zone of the factor file, such as WOR, FRA or DEU",
            ":4:28: carbon.watts: expected a number from 0.1 to 10000",
        ],
    );
    check_added(
        "audit: {mode: lax, segment: 1KiB}",
        &[
            ":4:15: audit.mode: expected one of strict, bounded, observe",
            ":4:29: audit.segment: expected a size from 1048576 to 4294967296 bytes",
        ],
    );
    check_added(
        "limits: {idle: 0s, json_depth: 100000}",
        &[
            ":4:16: limits.idle: expected a duration longer than zero",
            ":4:32: limits.json_depth: expected a whole number from 1 to 512",
        ],
    );
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
fn the_data_folder_is_found_without_the_rest() {
    let folder = bed();
    let path = folder.path().join("weir.yaml");
    fs::write(&path, "data_dir: state\nupstreams: [{name: a, api_key: {env: NOT_SET}}]\n").unwrap();
    assert_eq!(data_dir(Some(&path), &env).ok().unwrap(), folder.path().join("state"));
    let moved = |name: &str| (name == "WEIR_DATA_DIR").then(|| "/elsewhere".to_owned());
    assert_eq!(data_dir(Some(&path), &moved).ok().unwrap(), Path::new("/elsewhere"));
    assert!(data_dir(Some(&folder.path().join("none.yaml")), &env).is_err());
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
