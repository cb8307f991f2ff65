//! What the shipped model finds and leaves, and that use agrees with training.

use super::*;
use crate::EntityType::*;

fn found(text: &str) -> Vec<(EntityType, &str)> {
    let findings = Tagger::shipped().unwrap().find(text);
    findings.into_iter().map(|finding| (finding.entity, text.get(finding.range).unwrap())).collect()
}

fn check(text: &str, expect: &[(EntityType, &str)]) {
    assert_eq!(found(text), expect, "{text}");
}

#[test]
fn people_places_and_bodies_in_prose() {
    check("My name is Maria Lopez and I live in Boston.", &[(Person, "Maria Lopez"), (Location, "Boston")]);
    check(
        "Ich heiße Jürgen Krause und wohne in Leipzig.",
        &[(Person, "Jürgen Krause"), (Location, "Leipzig")],
    );
}

#[test]
fn values_behind_keys() {
    check(
        "{\"name\": \"Anna Kowalski\", \"city\": \"Gdańsk\"}",
        &[(Person, "Anna Kowalski"), (Location, "Gdańsk")],
    );
    check("Date of birth: 12/03/1985", &[(DateTime, "12/03/1985")]);
}

#[test]
fn code_and_logs_are_mostly_left() {
    let texts = [
        "for month in [January, February, March] { total += sales.get(month); }",
        "2026-03-04T10:11:12Z INFO worker 3 finished job in 250 ms",
        "let jordan = Matrix::new(3, 3); // normal form",
        "550e8400-e29b-41d4-a716-446655440000",
        "You may restart the server now.",
        "",
        "\n\n \t",
    ];
    // The first release is not free of false alarms; docs/detection-quality.md counts them.
    let findings: Vec<_> = texts.iter().flat_map(|text| found(text)).collect();
    assert!(findings.len() <= 2, "{findings:?}");
}

#[test]
fn a_value_must_look_like_one() {
    let credible = |entity, text: &str| credible(entity, &token::tokens(text, &Default::default()));
    for (entity, text) in [(Id, "AB 123"), (Age, "34 years old"), (Username, "anna.k"), (DateTime, "3 May")] {
        assert!(credible(entity, text), "{text}");
    }
    for (entity, text) in [(Id, "You may"), (Age, "3 finished job in 250 ms"), (Username, "anna k")] {
        assert!(!credible(entity, text), "{text}");
    }
}

#[test]
fn scores_are_chances() {
    for finding in Tagger::shipped().unwrap().find("Dr. Anna Schmidt met Tom in Paris on 3 May 1999.") {
        assert!((0.0..=1.0).contains(&finding.score), "{finding:?}");
    }
}

#[test]
fn long_and_odd_texts_are_read_to_their_end() {
    let mut text = "x".repeat(60_000);
    text += &" öß漢\u{200b}🙂 .".repeat(3_000);
    text += "\nMy name is Maria Lopez and I live in Boston.";
    let last = found(&text).into_iter().rev().take(2).collect::<Vec<_>>();
    assert_eq!(last, [(Location, "Boston"), (Person, "Maria Lopez")]);
}

/// The bias under which the trainer wrote its labels.
const GOLDEN_BIAS: f32 = 0.5;

/// The trainer's labels, from weights before rounding, for texts that it never saw.
#[test]
fn use_agrees_with_training() {
    let parts = Parts::read(include_bytes!("../../models/tagger-fast.bin")).unwrap();
    let tagger = Tagger::from(Parts { bias: GOLDEN_BIAS, ..parts });
    let (mut tokens, mut other) = (0, 0);
    for line in include_str!("../../models/tagger-fast.golden.jsonl").lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = line["text"].as_str().unwrap();
        let document = Document::new(token::tokens(text, &tagger.0.gazetteer));
        let labels = tagger.0.chain.best(&tagger.emissions(&document));
        let expect: Vec<u8> = serde_json::from_value(line["labels"].clone()).unwrap();
        assert_eq!(labels.len(), expect.len(), "the tokens differ: {text}");
        tokens += labels.len();
        other += labels.iter().zip(&expect).filter(|(a, b)| a != b).count();
    }
    assert!(tokens > 1000, "{tokens} tokens are too few to compare");
    // Rounding to a byte may turn a close call.
    assert!(other * 200 <= tokens, "{other} of {tokens} labels differ");
}

proptest::proptest! {
    #[test]
    fn findings_stand_in_order_on_character_boundaries(text in "[\\PC\\n\u{200b}\u{ad}]{0,80}") {
        let mut end = 0;
        for finding in Tagger::shipped().unwrap().find(&text) {
            assert!(finding.range.start >= end && finding.range.end > finding.range.start);
            assert!(text.get(finding.range.clone()).is_some());
            end = finding.range.end;
        }
    }
}
