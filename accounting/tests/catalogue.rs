//! The price catalogue: the shipped file, matching, periods, unknown prices, bad files, sums.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test")]

use std::time::{Duration, SystemTime};

use proptest::prelude::*;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use weir_accounting::{Catalogue, CatalogueError, Cost, PICO_PER_USD, PicoUsd, Priced, Usage, UsageSource};

/// 2026-11-22T00:00:00Z, a Sunday.
const SUNDAY: u64 = 1_795_305_600;

fn price(catalogue: &Catalogue, (provider, model): (&str, &str), at: u64, usage: &Usage) -> Option<Cost> {
    let at = SystemTime::UNIX_EPOCH + Duration::from_secs(at);
    catalogue.cost(&Priced { provider, model, at }, usage)
}

fn shipped(provider: &str, model: &str, usage: &Usage) -> Option<i64> {
    price(&Catalogue::shipped(), (provider, model), SUNDAY, usage).map(|cost| cost.total.0)
}

fn document(prices: Value) -> Value {
    let source = json!({"title": "t", "licence": "l", "retrieved": "2026-11-22"});
    json!({"schema": "weir-prices/1", "name": "n", "sources": {"s": source}, "prices": prices})
}

fn entry(prices: Value) -> Value {
    json!({"provider": "p", "model": "m", "snapshots": "own_price", "source": "s", "usd_per_mtok": prices})
}

#[test]
fn the_shipped_prices_are_whole() {
    let catalogue = Catalogue::shipped();
    assert!(catalogue.len() >= 20, "{}", catalogue.len());
    assert!(catalogue.version().starts_with("weir-2026-11-22+"), "{}", catalogue.version());
    let cost = price(&catalogue, ("openai", "gpt-4o-mini"), SUNDAY, &Usage::counted(1000, 500)).unwrap();
    assert_eq!((cost.input.0, cost.output.0, cost.total.0), (150_000_000, 300_000_000, 450_000_000));
    assert_eq!(cost.total.to_string(), "0.00045");
    assert_eq!(&*cost.catalogue, catalogue.version());
}

#[test]
fn models_are_found_by_name_snapshot_and_prefix() {
    let usage = Usage::counted(1_000_000, 0);
    let mtok = PICO_PER_USD;
    for (provider, model, expected) in [
        ("openai", "gpt-4o", Some(mtok * 5 / 2)),
        ("openai", "gpt-4o-2024-08-06", Some(mtok * 5 / 2)),
        ("openai", "gpt-4o-2024-05-13", Some(mtok * 5)),
        ("openai", "openai/gpt-4o", Some(mtok * 5 / 2)),
        ("gemini", "models/gemini-2.5-flash", Some(mtok * 3 / 10)),
        ("google", "gemini-2.5-flash", Some(mtok * 3 / 10)),
        ("mistralai", "mistral-large-2512", Some(mtok / 2)),
        ("groq", "openai/gpt-oss-120b", Some(mtok * 15 / 100)),
        ("openai", "gpt-4o-turbo", None),
        ("openai", "ft:gpt-4o:acme", None),
        ("openai", "GPT-4o", None),
        ("anthropic", "gpt-4o", None),
        ("nobody", "gpt-4o", None),
        ("", "", None),
    ] {
        assert_eq!(shipped(provider, model, &usage), expected, "{provider} {model}");
    }
}

#[test]
fn tiers_are_cliffs_on_the_whole_prompt() {
    let long = |input, cached_input| Usage { input, cached_input, ..Usage::default() };
    let gemini = |usage: Usage| shipped("google", "gemini-2.5-pro", &usage).unwrap();
    assert_eq!(gemini(long(200_000, 0)), 200_000 * 1_250_000);
    assert_eq!(gemini(long(200_001, 0)), 200_001 * 2_500_000);
    assert_eq!(gemini(long(200_001, 200_001)), 200_001 * 250_000);
    let grok = |input| shipped("xai", "grok-4.3", &long(input, 0)).unwrap();
    assert_eq!(grok(199_999), 199_999 * 1_250_000);
    assert_eq!(grok(200_000), 200_000 * 2_500_000);
}

#[test]
fn the_highest_tier_that_is_reached_applies() {
    let mut tiered = entry(json!({"input": "1"}));
    tiered["tiers"] = json!([
        {"above": 20, "usd_per_mtok": {"input": "3"}},
        {"above": 10, "usd_per_mtok": {"input": "2"}},
    ]);
    let catalogue = Catalogue::parse(&document(json!([tiered])).to_string(), "t").unwrap();
    for (tokens, rate) in [(10, 1), (11, 2), (20, 2), (21, 3)] {
        let cost = price(&catalogue, ("p", "m"), SUNDAY, &Usage::counted(tokens, 0)).unwrap();
        assert_eq!(cost.total.0, i64::try_from(tokens).unwrap() * rate * 1_000_000, "{tokens}");
    }
}

#[test]
fn a_model_priced_apart_from_its_snapshots_lends_them_no_price() {
    let usage = Usage::counted(1, 0);
    for (snapshots, expected) in [("own_price", None), ("same_price", Some(1_000_000))] {
        let mut model = entry(json!({"input": "1"}));
        model["snapshots"] = json!(snapshots);
        let catalogue = Catalogue::parse(&document(json!([model])).to_string(), "t").unwrap();
        let cost = price(&catalogue, ("p", "m-2026-01-31"), SUNDAY, &usage);
        assert_eq!(cost.map(|cost| cost.total.0), expected, "{snapshots}");
    }
}

#[test]
fn prices_hold_from_their_instant_on() {
    let argon = |at| {
        let usage = Usage::counted(1, 0);
        price(&Catalogue::shipped(), ("google", "gemini-4-argon"), at, &usage).unwrap().total.0
    };
    let december = SUNDAY + 9 * 86_400;
    assert_eq!(argon(december - 1), 2_000_000);
    assert_eq!(argon(december), 4_000_000);
    let before = price(&Catalogue::shipped(), ("openai", "o3"), 1_700_000_000, &Usage::counted(1, 0));
    assert_eq!(before, None, "no price was recorded for that time");
}

#[test]
fn cheap_hours_follow_the_utc_clock() {
    let deepseek = |at| {
        let usage = Usage::counted(1, 0);
        price(&Catalogue::shipped(), ("deepseek", "deepseek-flash"), at, &usage).unwrap().total.0
    };
    let wednesday = SUNDAY + 3 * 86_400;
    assert_eq!(deepseek(SUNDAY + 8 * 3600), 150_000, "weekend");
    assert_eq!(deepseek(wednesday + 8 * 3600), 300_000);
    assert_eq!(deepseek(wednesday + 10 * 3600 - 1), 300_000);
    assert_eq!(deepseek(wednesday + 10 * 3600), 150_000);
    assert_eq!(deepseek(wednesday + 3600 - 1), 150_000);
    assert_eq!(deepseek(wednesday + 3600), 300_000);
}

#[test]
fn unknown_kinds_of_tokens_have_no_price() {
    let audio = Usage { audio: 1, ..Usage::counted(10, 10) };
    assert_eq!(shipped("openai", "gpt-4o", &audio), None);
    assert_eq!(shipped("openai", "text-embedding-3-small", &Usage::counted(1, 0)), Some(20_000));
    assert_eq!(shipped("openai", "text-embedding-3-small", &Usage::counted(1, 1)), None);
}

#[test]
fn missing_cache_prices_are_the_input_price() {
    let usage = Usage { cached_input: 40, cache_write: 50, cache_write_long: 20, ..Usage::counted(100, 0) };
    for (prices, expected) in [
        (json!({"input": "1"}), 100),
        (json!({"input": "1", "cached_input": "0"}), 60),
        (json!({"input": "1", "cache_write": "2"}), 150),
        (json!({"input": "1", "cache_write": "2", "cache_write_long": "4"}), 190),
    ] {
        let catalogue = Catalogue::parse(&document(json!([entry(prices.clone())])).to_string(), "t").unwrap();
        let cost = price(&catalogue, ("p", "m"), SUNDAY, &usage).unwrap();
        assert_eq!(cost.input.0, expected * 1_000_000, "{prices}");
    }
}

#[test]
fn a_bad_file_names_all_its_problems() {
    let mut twice = entry(json!({"input": "1"}));
    twice["effective_from"] = json!("2026-13-01");
    let mut bounds = entry(json!({"input": "1"}));
    bounds["model"] = json!("bounds");
    bounds["tiers"] = json!([{"usd_per_mtok": {"input": "1"}}]);
    let mut hours = entry(json!({"input": "1"}));
    hours["model"] = json!("hours");
    hours["source"] = json!("nowhere");
    hours["utc_windows"] =
        json!([{"weekdays": [8], "hours": ["25:00-26:00"], "usd_per_mtok": {"input": "1"}}]);
    let mut never = entry(json!({"input": "1"}));
    never["model"] = json!("never");
    never["effective_from"] = json!("2026-01-31");
    never["effective_to"] = json!("2026-01-31");
    let mut late = entry(json!({"input": "1"}));
    late["model"] = json!("late");
    late["utc_windows"] =
        json!([{"weekdays": [1], "hours": ["23:00-24:01"], "usd_per_mtok": {"input": "1"}}]);
    let list = json!([
        entry(json!({"input": "1"})),
        entry(json!({"input": "2"})),
        entry(json!({"input": "-1", "output": "ten"})),
        twice,
        bounds,
        hours,
        never,
        late,
    ]);
    let error = Catalogue::parse(&document(list).to_string(), "prices.json").unwrap_err();
    let CatalogueError::Entries { ref origin, ref problems } = error else { panic!("{error}") };
    assert_eq!(origin, "prices.json");
    let reasons: Vec<&str> = problems.iter().map(|problem| problem.reason.as_str()).collect();
    assert_eq!(
        reasons,
        [
            "m has two prices for the same time",
            "usd_per_mtok.input is not a price: -1",
            "2026-13-01 is not a date like 2026-01-31",
            "a tier needs either above or from",
            "source nowhere is not listed under sources",
            "utc_windows needs weekdays 1 to 7 and hours like 00:00-24:00",
            "effective_to is not after effective_from",
            "utc_windows needs weekdays 1 to 7 and hours like 00:00-24:00",
        ]
    );
}

#[test]
fn unknown_fields_and_float_prices_are_refused_with_their_line() {
    for (prices, message) in [
        (json!({"input": "1", "inptu": "1"}), "unknown field `inptu`"),
        (json!({"input": 0.1}), "invalid type: floating point"),
        (json!({"output": "1"}), "missing field `input`"),
    ] {
        let text = serde_json::to_string_pretty(&document(json!([entry(prices)]))).unwrap();
        let error = Catalogue::parse(&text, "prices.json").unwrap_err();
        let CatalogueError::Syntax { line, message: ref got, .. } = error else { panic!("{error}") };
        assert!(line > 1 && got.contains(message), "{error}");
    }
}

#[test]
fn the_version_follows_the_text() {
    let version = |price: &str| {
        let text = document(json!([entry(json!({"input": price}))])).to_string();
        Catalogue::parse(&text, "t").unwrap().version().to_owned()
    };
    assert_eq!(version("1"), version("1"));
    assert_ne!(version("1"), version("1.0"));
}

fn any_usage() -> impl Strategy<Value = Usage> {
    let count = || prop_oneof![any::<u64>(), 0..2_000_000_u64];
    (count(), count(), count(), count(), count(), count()).prop_map(|(a, b, c, d, e, f)| Usage {
        input: a,
        cached_input: b,
        cache_write: c,
        cache_write_long: d,
        output: e,
        reasoning: f,
        audio: 0,
        source: UsageSource::Provider,
        suspect: false,
    })
}

proptest! {
    #[test]
    fn parts_sum_to_the_total_and_nothing_overflows(usage in any_usage(), index in 0..4_usize) {
        let model = [("openai", "gpt-6-astra"), ("anthropic", "claude-sonnet-4-5"),
                     ("google", "gemini-2.5-pro"), ("deepseek", "deepseek-flash")][index];
        if let Some(cost) = price(&Catalogue::shipped(), model, SUNDAY, &usage) {
            prop_assert_eq!(cost.input.checked_add(cost.output), Some(cost.total));
            prop_assert!(cost.input >= PicoUsd::ZERO && cost.output >= PicoUsd::ZERO);
        }
    }

    #[test]
    fn a_cost_is_the_exact_sum_rounded_once(
        rate in 0..9_000_000_u64, tokens in 0..10_000_000_u64, decimals in 0..13_u32,
    ) {
        let text = Decimal::from_i128_with_scale(i128::from(rate), decimals).to_string();
        let document = document(json!([entry(json!({"input": text}))])).to_string();
        let catalogue = Catalogue::parse(&document, "t").unwrap();
        let exact = i128::from(rate) * i128::from(tokens) * 10_i128.pow(12 - decimals);
        let usage = Usage::counted(tokens, 0);
        let got = price(&catalogue, ("p", "m"), SUNDAY, &usage).map(|cost| i128::from(cost.total.0) * 1_000_000);
        match got {
            Some(got) => prop_assert!((got - exact).abs() <= 500_000, "{} {}", got, exact),
            None => prop_assert!(exact / 1_000_000 > i128::from(i64::MAX) - 1),
        }
    }

    #[test]
    fn money_reads_back_from_its_text(pico in any::<i64>()) {
        let text = PicoUsd(pico).to_string();
        let back = Decimal::from_str_exact(&text).unwrap() * Decimal::from(PICO_PER_USD);
        prop_assert_eq!(back, Decimal::from(pico));
        prop_assert!(!text.contains('.') || !text.ends_with('0'));
    }
}
