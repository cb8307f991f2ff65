//! Time to search one kilobyte: plain prose, source code and JSON, and text full of identifiers.

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use weir_classifiers::{Detectors, EntityType, Lexicon, TermGroup};

const PROSE: &str =
    "The committee met on Tuesday to discuss the annual report, which had grown longer than planned. ";
const CODE: &str =
    "{\"id\":\"550e8400-e29b-41d4-a716-446655440000\",\"ts\":1712345678901,\"v\":[1.5,2.25],\"ok\":true}\n";
const GERMAN: &str =
    "Die Prüfung der Unterlagen dauerte länger als üblich, weil einige Beträge geändert wurden. ";
const DENSE: &str =
    "Mail bob@example.com or call +49 30 1234567, card 4111 1111 1111 1111, DE89370400440532013000. ";

fn kilobyte(piece: &str) -> String {
    piece.chars().cycle().take(1024).collect()
}

fn detection(c: &mut Criterion) {
    let identifiers = Detectors::rules(EntityType::ALL);
    let words = ["confidential", "top secret", "internal use only", "streng geheim", "project nightjar"];
    let words = words.iter().map(|word| (*word).to_owned()).collect();
    let lexicon = Lexicon::new(&[TermGroup { words, ..TermGroup::default() }])
        .unwrap_or_else(|_| std::process::exit(1));
    let mut group = c.benchmark_group("detection");
    for (name, piece) in [("prose", PROSE), ("code", CODE), ("german", GERMAN), ("dense", DENSE)] {
        let text = kilobyte(piece);
        group.throughput(Throughput::Bytes(1024));
        group
            .bench_function(format!("all types/{name}"), |b| b.iter(|| identifiers.search(black_box(&text))));
        group.bench_function(format!("lexicon/{name}"), |b| b.iter(|| lexicon.find(black_box(&text))));
    }
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    detection(&mut criterion);
    criterion.final_summary();
}
