//! Usage objects of every vendor, and what becomes of those that contradict themselves.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test")]

use proptest::prelude::*;
use serde_json::{Value, json};
use weir_accounting::{Usage, UsageSource};

fn provided(input: u64, output: u64) -> Usage {
    Usage { input, output, source: UsageSource::Provider, ..Usage::default() }
}

fn check(usage: &Value, expected: Option<Usage>) {
    assert_eq!(Usage::from_json(usage), expected, "{usage}");
}

#[test]
fn every_vendors_names_are_read() {
    check(
        &json!({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15,
                "prompt_tokens_details": {"cached_tokens": 4, "audio_tokens": 0},
                "completion_tokens_details": {"reasoning_tokens": 2, "audio_tokens": 0}}),
        Some(Usage { cached_input: 4, reasoning: 2, ..provided(10, 5) }),
    );
    check(&json!({"prompt_tokens": 8, "total_tokens": 8}), Some(provided(8, 0)));
    check(
        &json!({"input_tokens": 10, "input_tokens_details": {"cached_tokens": 4}, "output_tokens": 5,
                "output_tokens_details": {"reasoning_tokens": 2}, "total_tokens": 15}),
        Some(Usage { cached_input: 4, reasoning: 2, ..provided(10, 5) }),
    );
    check(
        &json!({"input_tokens": 10, "cache_read_input_tokens": 100, "cache_creation_input_tokens": 30,
                "cache_creation": {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 20},
                "output_tokens": 5}),
        Some(Usage { cached_input: 100, cache_write: 30, cache_write_long: 20, ..provided(140, 5) }),
    );
    check(
        &json!({"input_tokens": 100, "input_tokens_details": {"cached_tokens": 60}, "cache_read_input_tokens": 60,
                "output_tokens": 5}),
        Some(Usage { cached_input: 60, ..provided(100, 5) }),
    );
    check(
        &json!({"input_tokens": 100, "cache_read_tokens": 50, "output_tokens": 5}),
        Some(Usage { cached_input: 50, ..provided(100, 5) }),
    );
    check(
        &json!({"prompt_tokens": 100, "prompt_cache_hit_tokens": 60, "prompt_cache_miss_tokens": 40,
                "completion_tokens": 5, "total_tokens": 105}),
        Some(Usage { cached_input: 60, ..provided(100, 5) }),
    );
    check(
        &json!({"prompt_tokens": 12, "completion_tokens": 3.0, "prompt_tokens_details": null}),
        Some(provided(12, 3)),
    );
}

#[test]
fn reasoning_beside_the_completion_is_added() {
    check(
        &json!({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 115,
                "completion_tokens_details": {"reasoning_tokens": 100}}),
        Some(Usage { reasoning: 100, ..provided(10, 105) }),
    );
}

#[test]
fn audio_is_seen() {
    check(
        &json!({"prompt_tokens": 10, "completion_tokens": 5,
                "prompt_tokens_details": {"audio_tokens": 4}, "completion_tokens_details": {"audio_tokens": 3}}),
        Some(Usage { audio: 7, ..provided(10, 5) }),
    );
}

#[test]
fn what_is_not_usage_is_unknown() {
    for usage in [
        json!(null),
        json!({}),
        json!([1, 2]),
        json!("10"),
        json!({"total_tokens": 10}),
        json!({"prompt_tokens": -1, "completion_tokens": 5}),
        json!({"prompt_tokens": "10", "completion_tokens": 5}),
        json!({"prompt_tokens": 10, "completion_tokens": 1.5}),
        json!({"input_tokens": 1e300, "output_tokens": 5}),
    ] {
        check(&usage, None);
    }
}

#[test]
fn contradictions_are_suspect_and_never_cheaper() {
    let suspect = |usage: Usage| Some(Usage { suspect: true, ..usage });
    check(
        &json!({"prompt_tokens": 10, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 40}}),
        suspect(Usage { cached_input: 40, ..provided(40, 5) }),
    );
    check(
        &json!({"prompt_tokens": 10, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 11}}),
        suspect(Usage { cached_input: 11, ..provided(11, 5) }),
    );
    check(
        &json!({"prompt_tokens": 10, "completion_tokens": 5,
                "completion_tokens_details": {"reasoning_tokens": 9}}),
        suspect(Usage { reasoning: 9, ..provided(10, 9) }),
    );
    check(
        &json!({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 16}),
        suspect(provided(10, 5)),
    );
    check(&json!({"prompt_tokens": 10, "input_tokens": 12, "output_tokens": 5}), suspect(provided(12, 5)));
    check(
        &json!({"prompt_tokens": 10, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": -3}}),
        suspect(provided(10, 5)),
    );
    check(
        &json!({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": "x"}),
        suspect(provided(10, 5)),
    );
    check(
        &json!({"input_tokens": 1, "cache_creation_input_tokens": 5, "output_tokens": 1,
                "cache_creation": {"ephemeral_1h_input_tokens": 9}}),
        suspect(Usage { cache_write: 9, cache_write_long: 9, ..provided(9, 1) }),
    );
    check(
        &json!({"prompt_tokens": 1, "completion_tokens": 1, "prompt_tokens_details": {"audio_tokens": 3}}),
        suspect(Usage { audio: 3, ..provided(1, 1) }),
    );
}

#[test]
fn usage_survives_the_record() {
    let usage = Usage { cached_input: 4, reasoning: 2, suspect: true, ..provided(10, 5) };
    let text = serde_json::to_string(&usage).unwrap();
    assert_eq!(serde_json::from_str::<Usage>(&text).unwrap(), usage);
    for source in [UsageSource::Provider, UsageSource::Counted, UsageSource::Estimated] {
        assert_eq!(serde_json::to_value(source).unwrap(), source.name());
    }
}

fn any_count() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<u64>().prop_map(Value::from),
        (0..50_u64).prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        Just(Value::Null),
        Just(json!("7")),
        Just(json!({"cached_tokens": 3})),
    ]
}

proptest! {
    #[test]
    fn parts_never_exceed_wholes(counts in proptest::collection::vec(any_count(), 12)) {
        let usage = json!({
            "prompt_tokens": counts[0], "completion_tokens": counts[1], "total_tokens": counts[2],
            "input_tokens": counts[3], "output_tokens": counts[4],
            "prompt_tokens_details": {"cached_tokens": counts[5], "cache_creation_tokens": counts[6],
                                      "audio_tokens": counts[7]},
            "completion_tokens_details": {"reasoning_tokens": counts[8]},
            "cache_read_input_tokens": counts[9], "cache_creation_input_tokens": counts[10],
            "cache_creation": {"ephemeral_1h_input_tokens": counts[11]},
        });
        if let Some(usage) = Usage::from_json(&usage) {
            prop_assert!(usage.cached_input.saturating_add(usage.cache_write) <= usage.input);
            prop_assert!(usage.cache_write_long <= usage.cache_write);
            prop_assert!(usage.reasoning <= usage.output);
        }
    }
}
