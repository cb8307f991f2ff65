//! Every row of the registry: its example is found, and what looks like it but isn't is left alone.

use std::collections::HashSet;

use crate::kinds::{Check, Trigger, registry};
use crate::sample::Sampler;
use crate::{Detectors, EntityType, Finding};

fn detectors() -> Detectors {
    Detectors::rules(EntityType::ALL)
}

fn has(found: &[Finding], entity: EntityType) -> bool {
    found.iter().any(|it| it.entity == entity)
}

#[test]
fn names_are_unique_and_patterns_compile() {
    let mut names = HashSet::new();
    for kind in registry() {
        assert!(names.insert(kind.name), "{} stands twice", kind.name);
        assert!(super::anchored(kind.pattern).is_some(), "{}", kind.name);
        assert!(!kind.sample.is_empty(), "{} has no example", kind.name);
        assert!((0.0..=1.0).contains(&kind.score), "{}", kind.name);
        assert!(
            !matches!(kind.trigger, Trigger::Label) || !kind.words.is_empty(),
            "{} has no label",
            kind.name
        );
    }
    assert!(registry().filter(|kind| kind.entity.is_secret()).count() >= 80);
}

#[test]
fn the_example_of_every_kind_is_found_wherever_it_stands() {
    let detectors = detectors();
    let mut missed = Vec::new();
    for kind in registry() {
        for seed in 0..4 {
            let sample = Sampler::new(seed).fill(kind.sample);
            for text in [
                sample.clone(),
                format!("As asked:\n{sample}\nThanks."),
                format!("    {sample}  # note"),
                format!("({sample})"),
            ] {
                if !has(&detectors.search(&text).unwrap(), kind.entity) {
                    missed.push(format!("{}: {text}", kind.name));
                }
            }
        }
    }
    assert_eq!(missed, Vec::<String>::new());
}

#[test]
fn a_masked_cut_or_glued_secret_is_none() {
    let mut wrong = Vec::new();
    for entity in EntityType::ALL.iter().filter(|it| it.is_secret()) {
        let detectors = Detectors::rules(&[*entity]);
        for kind in registry().filter(|kind| kind.entity == *entity && kind.sample.contains('{')) {
            let mut texts = vec![Sampler::mask(kind.sample)];
            if matches!(kind.trigger, Trigger::Prefix(_)) && *entity != EntityType::SecretConnectionString {
                texts.push(Sampler::cut(kind.sample));
            }
            if matches!(kind.trigger, Trigger::Prefix([first, ..]) if kind.sample.starts_with(first)) {
                texts.push(format!("Zq{}", Sampler::new(3).fill(kind.sample)));
            }
            for text in texts {
                if detectors.search(&text).unwrap().iter().any(|it| it.range.end == text.len()) {
                    wrong.push(format!("{}: {text}", kind.name));
                }
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

/// The value of an example, without the label in front.
fn bare(kind: &crate::Kind) -> &'static str {
    let lower = kind.sample.to_lowercase();
    let label = kind.words.iter().filter(|word| lower.starts_with(**word)).map(|word| word.len()).max();
    kind.sample[label.unwrap_or(0)..].trim_start_matches([' ', ':'])
}

#[test]
fn a_wrong_check_digit_needs_a_word_that_speaks_for_it() {
    let detectors = detectors();
    let mut wrong = Vec::new();
    for kind in registry() {
        let Check::Sum(check) = kind.check else { continue };
        let bare = bare(kind);
        let last = bare.rfind(|c: char| c.is_ascii_digit()).unwrap();
        let turned = |by: u8| {
            let digit = (bare.as_bytes()[last] - b'0' + by) % 10 + b'0';
            format!("{}{}{}", &bare[..last], char::from(digit), &bare[last + 1..])
        };
        let broken = (1..10).map(turned).find(|it| !check(&super::compact(it)));
        // Built-in dates and prefixes alone, as in US_ITIN, survive a change of the last digit.
        let Some(broken) = broken else { continue };
        if has(&detectors.search(&format!("row {broken} end")).unwrap(), kind.entity) {
            wrong.push(format!("{}: {broken} found without a word", kind.name));
        }
        let label = kind.words.first().copied().unwrap_or_default();
        let spoken = format!("{label}: {broken}");
        if !has(&Detectors::rules(&[kind.entity]).search(&spoken).unwrap(), kind.entity) {
            wrong.push(format!("{}: {spoken} not found", kind.name));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

/// Ways a key stands in the files that people paste.
const PLACES: [(&str, &str); 12] = [
    ("export KEY_7=", "\n"),
    ("key: ", "\nother: 1\n"),
    ("{\"key\": \"", "\", \"n\": 1}"),
    ("{\\\"key\\\":\\\"", "\\\"}"),
    ("https://api.example.org/v1/items?key=", "&page=2"),
    ("curl -H 'x-key: ", "' https://api.example.org"),
    ("let client = Client::new(\"", "\");"),
    ("client = Client(key='", "')  # todo"),
    ("Here is my key ", ", please use it."),
    ("2024-01-15 10:30:45 WARN sent key=", " status=401"),
    ("<key>", "</key>"),
    ("- `", "`\n"),
];

#[test]
fn secrets_are_found_in_files_code_and_prose() {
    let detectors =
        Detectors::rules(&EntityType::ALL.iter().copied().filter(|it| it.is_secret()).collect::<Vec<_>>());
    let (mut all, mut whole, mut missed) = (0u32, 0u32, Vec::new());
    for kind in registry().filter(|kind| kind.entity.is_secret()) {
        for (seed, (before, after)) in (10..).zip(PLACES) {
            let sample = Sampler::new(seed).fill(kind.sample);
            let text = format!("{before}{sample}{after}");
            let place = before.len()..before.len() + sample.len();
            let found = detectors.search(&text).unwrap();
            let within = found.iter().any(|it| {
                it.range.start >= place.start
                    && it.range.end <= place.end
                    && it.range.len() * 10 >= place.len() * 4
            });
            all += 1;
            whole += u32::from(within);
            if !within {
                missed.push(format!("{}: {text} {found:?}", kind.name));
            }
        }
    }
    println!("{whole} of {all} secrets found; missed:\n{}", missed.join("\n"));
    assert!(f64::from(whole) / f64::from(all) >= 0.95, "{whole} of {all}");
}
