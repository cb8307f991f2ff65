//! Time to pseudonymise a request of one kilobyte, and to restore a reply of one kilobyte that arrives
//! in pieces of about a token; and to search such a reply for what the model brings.

use std::hint::black_box;
use std::process::exit;
use std::sync::Arc;

use criterion::{Criterion, Throughput};
use weir_policies::{
    Caller, Channel, Control, Delta, Kind, LexicalScreen, Part, Pass, PersonalData, PolicySet, PseudonymKey,
    Role, Slot, Slots,
};

const PROSE: &str = "The committee met on Tuesday to discuss the annual report, which had grown longer. ";
const VALUES: &str = "Mail bob@example.com or call +49 30 1234567 about 4111 1111 1111 1111. ";

/// A rule on what a model brings.
const WATCH: &str = "\
weir: v1
policy: watch
owner: bench
rules:
  - {id: r, on: reply, find: [email_address, phone_number, credit_card, iban_code], then: pseudonymise}
";

fn kilobyte(start: &str) -> String {
    start.chars().chain(PROSE.chars().cycle()).take(1024).collect()
}

fn slots(text: &str) -> Slots {
    std::iter::once(Slot::new("/messages/0/content".into(), Role::User, Kind::Prose, text.to_owned()))
        .collect()
}

fn pass(control: &dyn Control, text: &str) -> (Box<dyn Pass>, String) {
    let mut pass = control.begin(&Caller::default());
    let mut slots = slots(text);
    if pass.request(&mut slots).is_err() {
        exit(1);
    }
    let sent = slots.get(0).map(|slot| slot.text().to_owned()).unwrap_or_default();
    (pass, sent)
}

/// Hands a reply to a pass in pieces of four characters.
fn reply(pass: &mut dyn Pass, pieces: &[String]) {
    for piece in pieces {
        let channel = Channel { choice: 0, part: Part::Text };
        let mut delta = Delta { channel, kind: Kind::Prose, text: piece.clone(), last: false };
        if pass.reply(&mut delta).is_err() {
            exit(1);
        }
        black_box(&delta.text);
    }
}

fn restoration(c: &mut Criterion) {
    let Ok(set) = PolicySet::baseline() else { exit(1) };
    let set = Arc::new(set);
    let key = PseudonymKey::from_bytes([1; 32]);
    let personal = PersonalData::from(&set, &key);
    let Ok(lexical) = LexicalScreen::from(&set, &key) else { exit(1) };
    let Ok(watched) = PolicySet::parse(&[("watch.yaml".to_owned(), WATCH.to_owned())]) else { exit(1) };
    let watching = PersonalData::from(&Arc::new(watched), &key);
    let mut group = c.benchmark_group("controls");
    group.throughput(Throughput::Bytes(1024));
    for (name, text) in [("plain", kilobyte("")), ("values", kilobyte(VALUES))] {
        group.bench_function(format!("personal request/{name}"), |b| {
            b.iter(|| pass(&personal, black_box(&text)));
        });
        group.bench_function(format!("lexical request/{name}"), |b| {
            b.iter(|| pass(&lexical, black_box(&text)));
        });
    }
    let (mut working, sent) = pass(&personal, &kilobyte(VALUES));
    let letters: Vec<char> = sent.chars().collect();
    let pieces: Vec<String> = letters.chunks(4).map(|piece| piece.iter().collect()).collect();
    group.bench_function("restore reply, 256 pieces", |b| b.iter(|| reply(working.as_mut(), &pieces)));
    group.bench_function("restore reply, whole", |b| {
        b.iter(|| reply(working.as_mut(), std::slice::from_ref(&sent)))
    });
    for (name, text) in [("plain", kilobyte("")), ("values", kilobyte(VALUES))] {
        let letters: Vec<char> = text.chars().collect();
        let pieces: Vec<String> = letters.chunks(4).map(|piece| piece.iter().collect()).collect();
        let (mut watching, _) = pass(&watching, "x");
        group.bench_function(format!("watch reply/{name}, 256 pieces"), |b| {
            b.iter(|| reply(watching.as_mut(), &pieces));
        });
    }
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    restoration(&mut criterion);
    criterion.final_summary();
}
