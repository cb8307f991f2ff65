//! What is said about files that are wrong.

use super::{super::super::Problem, ROUTE, UPSTREAM, bed, load};

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
            ":4:29: audit.segment: expected a size from 1048576 to 1073741824 bytes",
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
