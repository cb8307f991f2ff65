//! `limits`: bounds in bytes, counts and time.

use std::{ops::RangeInclusive, time::Duration};

use weir_policies::document::{Map, Value};

use crate::settings::Limits;

/// What holds where the file says nothing.
const DEFAULT: Limits = Limits {
    body: 8 << 20,
    header_bytes: 64 << 10,
    json_depth: 128,
    json_leaves: 100_000,
    reply_body: 32 << 20,
    total: Duration::from_secs(600),
    first_byte: Duration::from_secs(120),
    inspection: Duration::from_secs(30),
    idle: Duration::from_secs(60),
    client_read: Duration::from_secs(30),
    client_write: Duration::from_secs(60),
    connections: 10_000,
};

pub(super) fn limits(map: &mut Map<'_>) -> Limits {
    map.or("limits", DEFAULT, read)
}

fn read(value: Value<'_>) -> Option<Limits> {
    let mut map = value.map()?;
    let body = |v: Value<'_>| bytes(v, 1 << 10..=1 << 30);
    let limits = Limits {
        body: map.or("body", DEFAULT.body, body),
        header_bytes: map.or("header_bytes", DEFAULT.header_bytes, |v| bytes(v, 1 << 10..=1 << 20)),
        json_depth: map.or("json_depth", DEFAULT.json_depth, |v| v.integer(1..=512)),
        json_leaves: map.or("json_leaves", DEFAULT.json_leaves, |v| v.integer(1..=10_000_000)),
        reply_body: map.or("reply_body", DEFAULT.reply_body, body),
        total: map.or("total", DEFAULT.total, some_time),
        first_byte: map.or("first_byte", DEFAULT.first_byte, some_time),
        inspection: map.or("inspection", DEFAULT.inspection, some_time),
        idle: map.or("idle", DEFAULT.idle, some_time),
        client_read: map.or("client_read", DEFAULT.client_read, some_time),
        client_write: map.or("client_write", DEFAULT.client_write, some_time),
        connections: map.or("connections", DEFAULT.connections, |v| v.integer(1..=1_000_000)),
    };
    map.finish();
    Some(limits)
}

/// A duration longer than nothing.
pub(super) fn some_time(value: Value<'_>) -> Option<Duration> {
    let duration = value.duration()?;
    if duration.is_zero() { value.expected("a duration longer than zero") } else { Some(duration) }
}

/// A size within bounds.
pub(super) fn size(value: Value<'_>, range: RangeInclusive<u64>) -> Option<u64> {
    let size = value.bytes()?;
    if range.contains(&size) {
        return Some(size);
    }
    value.expected(&format!("a size from {} to {} bytes", range.start(), range.end()))
}

fn bytes(value: Value<'_>, range: RangeInclusive<u64>) -> Option<usize> {
    size(value, range).and_then(|size| usize::try_from(size).ok())
}
