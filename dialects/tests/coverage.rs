//! Every string field of OpenAI's request types is a slot, an opaque input, or skipped for a stated reason.
//!
//! `data/fields.tsv` is the list of the fields, made by `data/fields.py` from the types of OpenAI's own Python
//! package; `data/skipped.tsv` is the list of those that are not text; the
//! reasons stand in the tables.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code")]

use std::collections::BTreeSet;

use bytes::Bytes;
use serde_json::{Map, Value, json};
use weir_dialects::{Endpoint, Limits, Request, Rewrite};

/// No id and no word of a vocabulary looks like this.
const TELLING: &str = "jane@example.org, 4111 1111 1111 1111";
/// Every id and every word of a vocabulary may look like this.
const PLAIN: &str = "plain_word";

fn fields() -> Vec<(Endpoint, String, String)> {
    let text = include_str!("data/fields.tsv");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let parsed = lines.map(|line| {
        let mut columns = line.split('\t');
        let endpoint = match columns.next().unwrap() {
            "chat" => Endpoint::ChatCompletions,
            "completions" => Endpoint::Completions,
            "responses" => Endpoint::Responses,
            "embeddings" => Endpoint::Embeddings,
            other => panic!("{other}"),
        };
        (endpoint, columns.next().unwrap().to_owned(), columns.next().unwrap().to_owned())
    });
    parsed.collect()
}

/// A body with `leaf` at `path`; arrays where the API has them, free keys where it has those.
fn body(endpoint: &Endpoint, path: &str, leaf: Value) -> String {
    let mut value = leaf;
    let free = |parent: &str| {
        let keyed =
            |(of, at, sort): &(Endpoint, String, String)| of == endpoint && at == parent && sort == "keys";
        fields().iter().any(keyed)
    };
    let mut rest = path;
    while let Some((parent, step)) = rest.rsplit_once('/') {
        value = match step {
            "*" if free(parent) => json!({ "freekey": value }),
            "*" => json!([value]),
            name => json!({ name: value }),
        };
        let message = value.as_object_mut().filter(|_| parent == "/messages/*");
        if let Some(message) = message {
            message.entry("role").or_insert(json!("user"));
        }
        rest = parent;
    }
    let mut fields: Map<String, Value> = value.as_object().unwrap().clone();
    fields.entry("model").or_insert(json!("m"));
    let input = if *endpoint == Endpoint::ChatCompletions { "messages" } else { "input" };
    fields.entry(input).or_insert(json!([]));
    Value::from(fields).to_string()
}

fn request(endpoint: &Endpoint, body: String) -> Option<Request> {
    Request::parse(endpoint.clone(), Bytes::from(body), &Limits::default()).ok()
}

#[test]
fn no_string_field_is_missed() {
    let mut skipped = BTreeSet::new();
    let mut seen = 0;
    for (endpoint, path, sort) in fields() {
        if path == "/stream" || sort == "keys" {
            continue;
        }
        let name = endpoint.name();
        // What does not look like an id or a word is always inspected: nothing is skipped by its path alone.
        let Some(telling) = request(&endpoint, body(&endpoint, &path, json!(TELLING))) else {
            panic!("{name} {path}: refused");
        };
        if path != "/model" {
            assert!(telling.slots().iter().any(|slot| slot.text() == TELLING), "{name} {path}: missed");
        }
        let plain = request(&endpoint, body(&endpoint, &path, json!(PLAIN))).unwrap();
        if plain.slots().iter().any(|slot| slot.text() == PLAIN) {
            seen += 1;
        } else {
            skipped.insert(format!("{name}\t{path}"));
        }
    }
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/skipped.tsv");
    let listed: String = skipped.iter().map(|line| format!("{line}\n")).collect();
    if std::env::var("GOLDEN").is_ok_and(|mode| mode == "write") {
        std::fs::write(file, &listed).unwrap();
    }
    assert_eq!(listed, std::fs::read_to_string(file).unwrap(), "the list of skipped fields changed");
    assert!(seen > 150, "{seen}");
}

#[test]
fn free_keys_and_values_of_any_type_are_seen() {
    for (endpoint, path, sort) in fields() {
        let name = endpoint.name();
        let leaf = match sort.as_str() {
            "keys" => json!({ TELLING: "x" }),
            "any" => json!({ TELLING: [{ "deep": TELLING }] }),
            _ => continue,
        };
        let request = request(&endpoint, body(&endpoint, &path, leaf)).unwrap();
        let slots = request.slots();
        let count = slots.iter().filter(|slot| slot.text() == TELLING).count();
        assert_eq!(count, if sort == "keys" { 1 } else { 2 }, "{name} {path}");
    }
}

#[test]
fn every_edit_arrives() {
    for (endpoint, path, sort) in fields().into_iter().filter(|(_, _, sort)| sort == "text") {
        let request = request(&endpoint, body(&endpoint, &path, json!(TELLING))).unwrap();
        let mut slots = request.slots();
        let mut edited = 0;
        for slot in slots.iter_mut().filter(|slot| slot.text() == TELLING) {
            slot.set_text("say \"⟦EMAIL_K7QX⟧\"\n".into());
            edited += 1;
        }
        let body = request.render(&slots, &Rewrite::default());
        assert_eq!(edited == 0, String::from_utf8_lossy(&body).contains("jane"), "{path} {sort}");
        let value: Value = serde_json::from_slice(&body).unwrap();
        let dropped = usize::from(path.contains("/logprobs/"));
        assert_eq!(value.to_string().matches("⟦EMAIL_K7QX⟧").count(), edited - dropped, "{path}");
    }
}
