//! Long measurements of the index: `ship records sqlite|postgres 1000000`, `ship filters sqlite|postgres 10000000`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    missing_docs,
    reason = "a measurement ends at the first surprise"
)]

#[path = "../../tests/support/cluster.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod cluster;
mod filters;
mod records;

use std::time::Duration;

use cluster::Cluster;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["records", "postgres", count] => records::postgres(count.parse().unwrap()),
        ["records", "sqlite", count] => records::sqlite(count.parse().unwrap()),
        ["filters", "sqlite", rows] => filters::sqlite(rows.parse().unwrap()),
        ["filters", "postgres", rows] => filters::postgres(rows.parse().unwrap()),
        _ => panic!("usage: ship records|filters sqlite|postgres COUNT"),
    }
}

/// A server with the durability it has by default.
fn server() -> Option<Cluster> {
    Cluster::start(&["shared_buffers = '512MB'", "max_wal_size = '4GB'", "maintenance_work_mem = '512MB'"])
}

/// The value below which this share of the sorted times lies.
fn share(times: &[Duration], percent: usize) -> Duration {
    times[(times.len() * percent / 100).min(times.len() - 1)]
}
