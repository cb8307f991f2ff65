//! `audit`: what is read, and what is said of what can't be.

use std::time::Duration;

use weir_sinks::{Receiver, Transport};

use super::{ROUTE, UPSTREAM, bed, good, load};
use crate::settings::{AnchorSettings, BodyUse, IndexSettings, PseudonymVault, RevealSettings, SecondPerson};

const DAY: u64 = 86_400;

fn text(audit: &str) -> String {
    format!("weir: v1\n{UPSTREAM}{ROUTE}audit: {audit}\n")
}

#[test]
fn the_default_keeps_bodies_half_a_year_and_finds_calls_in_sqlite() {
    let folder = bed();
    let audit = good(folder.path(), "weir: v1\n").audit;
    let data = folder.path().join("weir-data");
    assert_eq!((audit.keys.clone(), audit.bodies_dir()), (data.join("audit-keys"), data.join("bodies")));
    assert_eq!((audit.bodies, audit.max_body, audit.max_streams), (BodyUse::Keep, 1 << 20, 256 << 20));
    assert_eq!(audit.index, IndexSettings::Sqlite);
    assert_eq!(audit.retention.of(None).duration(), Duration::from_secs(183 * DAY));
    let alone = RevealSettings { second_person: SecondPerson::None, expires: Duration::from_secs(900) };
    assert_eq!(audit.reveal, alone);
    assert!(audit.anchor.is_none() && audit.witnesses.is_empty() && audit.sinks.is_empty());
}

#[test]
fn every_part_is_read() {
    let folder = bed();
    let audit = good(
        folder.path(),
        &text(
            "{bodies: none, max_body: 64KiB, max_streams: 8MiB, keys: elsewhere, key_encryption_key: kek, origin: weir.example/eu, \
             retention: {default: 5 years, classes: {short: 200d}}, anchor: {folder: second}, \
             reveal: {second_person: required, expires: 2h}, index: {postgres: {env: KEY}}, sinks: [{name: siem, form: ocsf, syslog: {host: log.example, transport: tcp, port: 514}}]}",
        ),
    )
    .audit;
    let at = folder.path();
    assert_eq!((audit.bodies, audit.max_body, audit.max_streams), (BodyUse::None, 64 << 10, 8 << 20));
    assert_eq!((audit.keys, audit.kek), (at.join("elsewhere"), Some(at.join("kek"))));
    assert_eq!(audit.origin.as_deref(), Some("weir.example/eu"));
    assert_eq!(audit.retention.of(None).duration(), Duration::from_secs(1827 * DAY));
    assert_eq!(audit.retention.of(Some("short")).duration(), Duration::from_secs(200 * DAY));
    assert_eq!(audit.anchor, Some(AnchorSettings::Folder(at.join("second"))));
    assert!(matches!(audit.index, IndexSettings::Postgres(_)));
    let by_two = RevealSettings { second_person: SecondPerson::Required, expires: Duration::from_secs(7200) };
    assert_eq!(audit.reveal, by_two);
    let [sink] = &audit.sinks[..] else { panic!("one sink") };
    let Receiver::Syslog(syslog) = &sink.receiver else { panic!("a syslog sink") };
    assert_eq!((syslog.port, &syslog.transport), (514, &Transport::Tcp));
}

#[test]
fn a_vault_of_pseudonyms_is_nowhere_in_a_file_or_in_one_or_two_databases() {
    let folder = bed();
    let read = |vault: &str| {
        let text = format!("weir: v1\n{UPSTREAM}{ROUTE}pseudonyms: {{vault: {vault}}}\n");
        good(folder.path(), &text).audit.pseudonyms.vault
    };
    assert_eq!((read("none"), read("sqlite")), (PseudonymVault::None, PseudonymVault::Sqlite));
    std::fs::write(folder.path().join("keys.url"), "postgres://weir@db/keys").unwrap();
    let urls = |vault: PseudonymVault| match vault {
        PseudonymVault::Postgres { values, keys } => (values.expose().to_owned(), keys.expose().to_owned()),
        _ => panic!("not in postgres"),
    };
    let (values, keys) = urls(read("{postgres: {env: KEY}}"));
    assert_eq!(values, keys);
    let apart = urls(read("{postgres: {env: KEY}, keys: {file: keys.url}}"));
    assert_eq!(apart, (values, "postgres://weir@db/keys".to_owned()));
    let text =
        format!("weir: v1\n{UPSTREAM}{ROUTE}pseudonyms: {{vault: {{postgres: 'postgres://u:p@db/x'}}}}\n");
    let problems = load(folder.path(), &text).err().unwrap();
    assert!(problems.iter().any(|it| it.to_string().contains("a secret must not stand in this file")));
}

#[test]
fn what_would_weaken_it_is_refused() {
    let folder = bed();
    let check = |audit: &str, expect: &str| {
        let problems = load(folder.path(), &text(audit)).err().unwrap_or_default();
        let found = problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        assert!(found.contains(expect), "{audit}: {found}");
    };
    check("{retention: 30d}", "183d");
    check("{retention: {default: 6 months, classes: {x: 7d}}}", "audit.retention.classes");
    check("{keys: weir-data/audit/keys}", "must not lie inside the log");
    check("{anchor: {folder: a, postgres: {env: KEY}}}", "either `folder` or `postgres`");
    check("{index: mysql}", "expected one of sqlite");
    check("{index: {postgres: 'postgres://user:secret@db/weir'}}", "a secret must not stand in this file");
    check("{witnesses: [{key: x, url: 'http://w'}]}", "NAME+ID+KEY");
    check("{witnesses: [{key: x, url: 'ftp://w'}]}", "it is neither https nor http");
    check("{witnesses: [{key: x, url: 'https://a:b@w'}]}", "it holds credentials");
    check("{sinks: [{name: a}]}", "one of `syslog`, `webhook` and `otlp`");
    check("{origin: 'a b'}", "letters, digits");
    check("{reveal: {second_person: maybe}}", "expected one of required, none");
    check("{reveal: {expires: 30s}}", "a time from 1m to 7d");
    check("{reveal: {expires: 8d}}", "a time from 1m to 7d");
    check("{bodies: maybe}", "expected one of keep, none");
}
