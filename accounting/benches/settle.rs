//! What accounting adds to an exchange: reading the usage, its cost and its impact.
#![allow(clippy::expect_used, missing_docs, reason = "a benchmark")]

use std::hint::black_box;
use std::time::{Duration, SystemTime};

use criterion::{Criterion, criterion_group, criterion_main};
use serde_json::json;
use weir_accounting::{Catalogue, Factors, Priced, Served, Usage};

fn settle(criterion: &mut Criterion) {
    let json = json!({
        "prompt_tokens": 210_000, "completion_tokens": 800, "total_tokens": 210_800,
        "prompt_tokens_details": {"cached_tokens": 100_000, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 300},
    });
    let usage = Usage::from_json(&json).expect("the usage is whole");
    let (catalogue, factors) = (Catalogue::shipped(), Factors::shipped());
    let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_305_600);
    let exact = Priced { provider: "openai", model: "gpt-5.5", at };
    let snapshot = Priced { provider: "openai", model: "gpt-5.5-2026-04-23", at };
    let served = Served { provider: "openai", model: "gpt-5.5", zone: None };
    criterion.bench_function("usage from json", |b| b.iter(|| Usage::from_json(black_box(&json))));
    criterion.bench_function("cost", |b| b.iter(|| catalogue.cost(black_box(&exact), black_box(&usage))));
    criterion.bench_function("cost of a snapshot", |b| {
        b.iter(|| catalogue.cost(black_box(&snapshot), black_box(&usage)))
    });
    criterion.bench_function("impact", |b| {
        b.iter(|| factors.vendor(black_box(&served), black_box(usage.output), Duration::from_secs(5)))
    });
    criterion
        .bench_function("load the shipped files", |b| b.iter(|| (Catalogue::shipped(), Factors::shipped())));
}

criterion_group!(benches, settle);
criterion_main!(benches);
