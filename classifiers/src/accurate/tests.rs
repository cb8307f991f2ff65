//! The same findings as the trainer's, whole texts, and files that are no model.

use proptest::prelude::*;
use serde_json::Value;

use super::*;

fn tagger() -> AccurateTagger {
    AccurateTagger::shipped().unwrap()
}

/// Lines of the golden file, made by the trainer's own decoder from the weights as shipped.
fn golden() -> Vec<Value> {
    let file = include_str!("../../models/tagger-accurate.golden.jsonl");
    file.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn the_trainer_and_this_split_alike() {
    for line in golden() {
        let text = line["text"].as_str().unwrap();
        let model = &tagger().0;
        let mut ids = vec![model.splitter.marks().begin];
        ids.extend(model.splitter.split(text).unwrap().ids);
        let expect: Vec<u64> = line["pieces"].as_array().unwrap().iter().filter_map(Value::as_u64).collect();
        let whole = ids.len() < expect.len();
        let room = expect.len() - 1;
        ids.truncate(room);
        assert!(whole || ids.len() == room, "{text}");
        assert_eq!(ids.iter().map(|id| u64::from(*id)).collect::<Vec<_>>(), expect[..room], "{text}");
    }
}

#[test]
fn the_trainer_and_this_find_the_same() {
    let golden = golden();
    assert!(golden.len() >= 40 && golden.iter().any(|line| !line["spans"].as_array().unwrap().is_empty()));
    for line in golden {
        let text = line["text"].as_str().unwrap();
        let point = |byte: usize| text.get(..byte).unwrap().chars().count();
        let found = tagger().find(text, Deadline::NEVER).unwrap();
        let told: Vec<_> =
            found.iter().map(|it| (it.entity.name(), point(it.range.start), point(it.range.end))).collect();
        let spans = line["spans"].as_array().unwrap();
        let number = |span: &Value, key: &str| usize::try_from(span[key].as_u64().unwrap()).unwrap();
        let expect: Vec<_> = spans
            .iter()
            .map(|span| (span["type"].as_str().unwrap(), number(span, "start"), number(span, "end")))
            .collect();
        assert_eq!(told, expect, "{text}");
        for (finding, span) in found.iter().zip(spans) {
            let score = span["score"].as_f64().unwrap();
            assert!((f64::from(finding.score) - score).abs() < 0.01, "{text} {}", finding.score);
        }
    }
}

#[test]
fn a_name_is_found_wherever_windows_end() {
    let filler = "all is well and so on, é. ";
    for shift in [0, 700, CUT.core - 9] {
        let mut text = filler.repeat(shift / filler.len());
        while text.len() < shift {
            text.push(' ');
        }
        text.push_str("Dear Mrs Margaret Thompson, ");
        text.push_str(&filler.repeat(40));
        let found = Source::find(&tagger(), &text, Deadline::NEVER).unwrap();
        let names: Vec<_> = found.iter().filter(|it| it.entity == EntityType::Person).collect();
        assert!(
            names.iter().any(|it| text.get(it.range.clone()).is_some_and(|name| name.contains("Thompson"))),
            "{shift} {names:?}"
        );
    }
}

#[test]
fn a_search_ends_at_its_deadline() {
    let text = "all is well and so on. ".repeat(40);
    let late = Deadline::within(std::time::Duration::ZERO);
    assert_eq!(Source::find(&tagger(), &text, late), Err(Unsearched::Late));
    let detectors = crate::Detectors::reading(EntityType::ALL, crate::Reading::Accurate);
    assert_eq!(detectors.search_by(&text, late), Err(Unsearched::Late));
    assert!(detectors.search(&text).is_ok());
}

#[test]
fn other_files_are_refused() {
    let weights = include_bytes!("../../models/tagger-accurate.safetensors");
    let words = include_str!("../../models/tagger-accurate.vocab.txt");
    let fault = |weights: &[u8], words: &str| AccurateTagger::read(weights, words).err();
    assert_eq!(fault(b"", words), Some(AccurateError::NotAModel));
    assert_eq!(fault(&weights[..weights.len() / 2], words), Some(AccurateError::NotAModel));
    assert_eq!(fault(weights, "[CLS]\n[SEP]\n[UNK]\na"), Some(AccurateError::Vocabulary));
    assert_eq!(fault(weights, ""), Some(AccurateError::Vocabulary));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn any_text_is_read_without_harm(text in "([A-Z][a-z]{1,6}|[0-9]{1,5}|[-+@%.:/ \n\"'={}]|[A-Za-zéü漢ﬁİ😀\u{200b}\u{301}]{1,4}|\\PC){0,40}") {
        let mut last = 0;
        for found in Source::find(&tagger(), &text, Deadline::NEVER).unwrap() {
            prop_assert!(found.range.start >= last && text.get(found.range.clone()).is_some(), "{:?}", found.range);
            prop_assert!(!found.range.is_empty() && (0.0..=1.0).contains(&found.score));
            last = found.range.end;
        }
    }
}
