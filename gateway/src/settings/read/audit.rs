//! `audit`: the log, its bodies, keys, retention, anchor and index.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use weir_audit::{Keep, Retention, proof::keys::VerifierKey};
use weir_policies::document::{Map, Value};
use weir_sinks::{Question, TlsSettings};

use super::{limits, place::Place, sinks};
use crate::settings::{
    AnchorSettings, AuditMode, AuditSettings, BodyUse, IndexSettings, PseudonymSettings, PseudonymVault,
    RevealSettings, SecondPerson, WitnessSettings,
};

/// Folder of the log inside the data folder.
pub(super) const AUDIT: &str = "audit";
/// Folder of its keys inside the data folder.
const KEYS: &str = "audit-keys";
const DAY: u64 = 86_400;
/// How bodies are read where the file says nothing.
const REVEAL: RevealSettings =
    RevealSettings { second_person: SecondPerson::None, expires: Duration::from_secs(15 * 60) };
/// Shortest and longest life of a permission to read.
const EXPIRES: std::ops::RangeInclusive<u64> = 60..=7 * DAY;

pub(super) fn audit(map: &mut Map<'_>, place: &Place<'_>, data_dir: &Path) -> AuditSettings {
    let default = default(data_dir);
    let kept = default.pseudonyms.clone();
    let pseudonyms = map.or("pseudonyms", kept.clone(), |value| pseudonyms(value, place, kept));
    let audit = map.or("audit", default.clone(), |value| {
        let mut map = value.map()?;
        let audit = AuditSettings {
            mode: map.or("mode", default.mode, mode),
            dir: map.or("dir", default.dir, |v| place.path(v)),
            segment: map.or("segment", default.segment, |v| limits::size(v, 1 << 20..=1 << 30)),
            min_free: map.or("min_free", default.min_free, Value::bytes),
            origin: map.optional("origin", origin),
            bodies: map.or("bodies", default.bodies, |v| {
                v.choice(&[("keep", BodyUse::Keep), ("none", BodyUse::None)])
            }),
            max_body: map.or("max_body", default.max_body, |v| {
                limits::size(v, 1 << 10..=256 << 20).and_then(|bytes| usize::try_from(bytes).ok())
            }),
            max_streams: map.or("max_streams", default.max_streams, |v| {
                limits::size(v, 1 << 20..=1 << 40).and_then(|bytes| usize::try_from(bytes).ok())
            }),
            keys: map.or("keys", default.keys, |v| place.path(v)),
            kek: map.optional("key_encryption_key", |v| place.path(v)),
            retention: map.or("retention", default.retention, retention),
            anchor: map.optional("anchor", |v| anchor(v, place)),
            witnesses: map.or("witnesses", Vec::new(), |v| v.list(|v| witness(v, place))),
            index: map.or("index", default.index, |v| index(v, place)),
            pseudonyms: default.pseudonyms,
            sinks: map.or("sinks", default.sinks, |v| sinks::sinks(v, place)),
            reveal: map.or("reveal", default.reveal, reveal),
        };
        map.finish();
        if audit.keys.starts_with(&audit.dir) || audit.keys.starts_with(audit.bodies_dir()) {
            value.problem("`keys` must not lie inside the log: whoever restores a backup of the log would bring back keys that were destroyed");
        }
        Some(audit)
    });
    AuditSettings { pseudonyms, ..audit }
}

/// `pseudonyms`: where values are kept, and how long.
fn pseudonyms(value: Value<'_>, place: &Place<'_>, default: PseudonymSettings) -> Option<PseudonymSettings> {
    let mut map = value.map()?;
    let vault = map.or("vault", default.vault, |v| vault(v, place));
    let retention = map.or("retention", default.retention, |v| {
        let time = v.duration()?;
        if time.as_secs() >= DAY { Some(time) } else { v.expected("a time of at least a day, such as 90d") }
    });
    map.finish();
    Some(PseudonymSettings { vault, retention, ..default })
}

/// Nowhere, in a file, or in PostgreSQL: `{postgres: URL, keys: URL}`.
fn vault(value: Value<'_>, place: &Place<'_>) -> Option<PseudonymVault> {
    if !value.is_map() {
        return value.choice(&[("none", PseudonymVault::None), ("sqlite", PseudonymVault::Sqlite)]);
    }
    let mut map = value.map()?;
    let values = map.required("postgres", |v| place.secret(v));
    let keys = map.optional("keys", |v| place.secret(v));
    map.finish();
    let values = values?;
    Some(PseudonymVault::Postgres { keys: keys.unwrap_or_else(|| values.clone()), values })
}

/// What holds where the file says nothing.
fn default(data_dir: &Path) -> AuditSettings {
    AuditSettings {
        mode: AuditMode::Bounded,
        dir: data_dir.join(AUDIT),
        segment: 64 << 20,
        min_free: 256 << 20,
        origin: None,
        bodies: BodyUse::Keep,
        max_body: 1 << 20,
        max_streams: 256 << 20,
        keys: data_dir.join(KEYS),
        kek: None,
        retention: six_months(),
        anchor: None,
        witnesses: Vec::new(),
        index: IndexSettings::Sqlite,
        pseudonyms: PseudonymSettings {
            vault: PseudonymVault::None,
            retention: Duration::from_secs(183 * DAY),
            file: data_dir.join("pseudonyms.sqlite"),
            secret_dir: data_dir.to_owned(),
        },
        sinks: Vec::new(),
        reveal: REVEAL,
    }
}

/// The modes, also of a route.
pub(super) fn mode(value: Value<'_>) -> Option<AuditMode> {
    value.choice(&[
        ("strict", AuditMode::Strict),
        ("bounded", AuditMode::Bounded),
        ("observe", AuditMode::Observe),
    ])
}

fn six_months() -> Retention {
    let [(_, shortest), ..] = Keep::PRESETS;
    Retention { default: shortest, classes: BTreeMap::new() }
}

fn origin(value: Value<'_>) -> Option<String> {
    let text = value.text()?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
    if text.len() <= 64 && text.chars().all(is_plain) {
        return Some(text);
    }
    value.expected("at most 64 letters, digits, dots, dashes and slashes, such as weir.example.com/eu-1")
}

fn retention(value: Value<'_>) -> Option<Retention> {
    if !value.is_map() {
        return keep(value).map(|default| Retention { default, classes: BTreeMap::new() });
    }
    let mut map = value.map()?;
    let default = map.or("default", six_months().default, keep);
    let classes = map.or("classes", Vec::new(), |v| v.entries(keep));
    map.finish();
    Some(Retention { default, classes: classes.into_iter().collect() })
}

/// A preset by its name, or a number of days.
fn keep(value: Value<'_>) -> Option<Keep> {
    const WANTED: &str = "6 months, 5 years, 6 years, 7 years, or a time of at least 183d";
    if let Some(preset) = value.scalar().and_then(Keep::preset) {
        return Some(preset);
    }
    let time = value.duration()?;
    Keep::days(time.as_secs() / DAY).ok().or_else(|| value.expected(WANTED))
}

fn reveal(value: Value<'_>) -> Option<RevealSettings> {
    let mut map = value.map()?;
    let second_person = map.or("second_person", REVEAL.second_person, |v| {
        v.choice(&[("required", SecondPerson::Required), ("none", SecondPerson::None)])
    });
    let expires = map.or("expires", REVEAL.expires, |v| {
        let time = v.duration()?;
        if EXPIRES.contains(&time.as_secs()) { Some(time) } else { v.expected("a time from 1m to 7d") }
    });
    map.finish();
    Some(RevealSettings { second_person, expires })
}

fn anchor(value: Value<'_>, place: &Place<'_>) -> Option<AnchorSettings> {
    let mut map = value.map()?;
    let folder: Option<PathBuf> = map.optional("folder", |v| place.path(v));
    let postgres = map.optional("postgres", |v| place.secret(v));
    map.finish();
    match (folder, postgres) {
        (Some(folder), None) => Some(AnchorSettings::Folder(folder)),
        (None, Some(url)) => Some(AnchorSettings::Postgres(url)),
        _ => value.expected("either `folder` or `postgres`"),
    }
}

fn witness(value: Value<'_>, place: &Place<'_>) -> Option<WitnessSettings> {
    let mut map = value.map()?;
    let key = map.required("key", |v| v.parsed::<VerifierKey>("a witness's key, NAME+ID+KEY"));
    let url = map.required("url", |v| {
        let text = v.text()?;
        match Question::check(&text) {
            Ok(()) => Some(text),
            Err(problem) => v.expected(&format!("the address of a witness; it {problem}")),
        }
    });
    let tls = map.or("tls", TlsSettings::default(), |v| sinks::tls(v, place));
    map.finish();
    Some(WitnessSettings { key: key?, url: url?, tls })
}

fn index(value: Value<'_>, place: &Place<'_>) -> Option<IndexSettings> {
    if !value.is_map() {
        return value.choice(&[("sqlite", IndexSettings::Sqlite)]);
    }
    let mut map = value.map()?;
    let url = map.required("postgres", |v| place.secret(v));
    map.finish();
    Some(IndexSettings::Postgres(url?))
}
