//! Money against LiteLLM's and genai-prices' results: whole pico-dollars, exactly equal.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test")]

mod support;

use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::SystemTime;

use rust_decimal::Decimal;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use weir_accounting::{Catalogue, Cost, PICO_PER_USD, Priced, Usage};

/// Vectors that need more than a catalogue of text prices: a regional multiplier, image tokens.
const OUT_OF_SCOPE: [&str; 2] = ["eu-uplift", "image-out"];

#[test]
fn costs_equal_litellms() {
    let Some(file) = support::data("vectors/vectors_litellm_cost.json") else { return };
    let mut checked = 0;
    for vector in file["vectors"].as_array().unwrap() {
        let id = vector["id"].as_str().unwrap();
        if OUT_OF_SCOPE.contains(&id) {
            continue;
        }
        let catalogue = catalogue(vec![litellm_entry(vector)]);
        let at = vector["options"]["current_time"].as_str().unwrap_or("2026-11-22T00:00:00Z");
        let cost = cost(&catalogue, vector, instant(at));
        let expected = &vector["expected_pico_usd"];
        assert_eq!(cost.input.0, expected["input"].as_i64().unwrap(), "{id} input");
        assert_eq!(cost.output.0, expected["output"].as_i64().unwrap(), "{id} output");
        assert_eq!(cost.total.0, expected["total"].as_i64().unwrap(), "{id} total");
        checked += 1;
    }
    assert!(checked >= 12, "only {checked} vectors were checked");
}

#[test]
fn costs_equal_genai_prices_at_the_instant() {
    let Some(file) = support::data("vectors/vectors_effective_dates.json") else { return };
    let Some(prices) = support::data("genai-prices/prices_export.json") else { return };
    for vector in file["vectors"].as_array().unwrap() {
        let of =
            |entry: &&Value| entry["provider"] == vector["provider"] && entry["model"] == vector["model"];
        let entry = prices.as_array().unwrap().iter().find(of).unwrap();
        let built = catalogue(genai_entries(entry));
        let at = instant(vector["timestamp"].as_str().unwrap());
        assert_usd(&cost(&built, vector, at), vector);
        if vector["provider"] == "anthropic" {
            assert_usd(&cost(&Catalogue::shipped(), vector, at), vector);
        }
    }
}

fn assert_usd(cost: &Cost, vector: &Value) {
    for (name, amount) in [("input_usd", cost.input), ("output_usd", cost.output), ("total_usd", cost.total)]
    {
        let expected =
            Decimal::from_str(vector[name].as_str().unwrap()).unwrap() * Decimal::from(PICO_PER_USD);
        assert_eq!(Decimal::from(amount.0), expected, "{} {name}", vector["id"]);
    }
}

fn cost(catalogue: &Catalogue, vector: &Value, at: SystemTime) -> Cost {
    let usage = Usage::from_json(&vector["usage"]).unwrap();
    assert!(!usage.suspect, "{}", vector["id"]);
    let provider = vector["provider"].as_str().unwrap();
    let model = vector["model"].as_str().unwrap();
    catalogue
        .cost(&Priced { provider, model, at }, &usage)
        .unwrap_or_else(|| panic!("{} has no price", vector["id"]))
}

fn instant(text: &str) -> SystemTime {
    OffsetDateTime::parse(text, &Rfc3339).unwrap().into()
}

fn catalogue(prices: Vec<Value>) -> Catalogue {
    let source = json!({"title": "test", "licence": "none", "retrieved": "2026-11-22"});
    let document =
        json!({"schema": "weir-prices/1", "name": "test", "sources": {"vector": source}, "prices": prices});
    Catalogue::parse(&document.to_string(), "vector").unwrap()
}

/// US dollars a million tokens as text, from US dollars a token.
fn per_mtok(price: &Value) -> String {
    let text = price.as_str().unwrap();
    let price = Decimal::from_str(text).or_else(|_| Decimal::from_scientific(text)).unwrap();
    (price * Decimal::from(1_000_000)).normalize().to_string()
}

/// Our price names from LiteLLM's, with the suffix that LiteLLM gives tiers.
fn litellm_prices(entry: &Value, suffix: &str) -> Value {
    let long = if entry.get("cache_creation_input_token_cost_above_1hr").is_some() { "1hr" } else { "12hr" };
    let names = [
        ("input", "input_cost_per_token".to_owned()),
        ("cached_input", "cache_read_input_token_cost".to_owned()),
        ("cache_write", "cache_creation_input_token_cost".to_owned()),
        ("cache_write_long", format!("cache_creation_input_token_cost_above_{long}")),
        ("output", "output_cost_per_token".to_owned()),
        ("reasoning", "output_cost_per_reasoning_token".to_owned()),
    ];
    let found = names.iter().filter_map(|(ours, theirs)| {
        Some(((*ours).to_owned(), Value::from(per_mtok(entry.get(format!("{theirs}{suffix}"))?))))
    });
    Value::Object(found.collect::<Map<_, _>>())
}

fn litellm_entry(vector: &Value) -> Value {
    let entry = &vector["price_entry"];
    let mut price = json!({
        "provider": vector["provider"], "model": vector["model"], "snapshots": "own_price", "source": "vector",
    });
    if let Some(steps) = entry.get("tiered_pricing").and_then(Value::as_array) {
        price["usd_per_mtok"] = litellm_prices(&steps[0], "");
        price["tiers"] = steps.iter().skip(1).map(|step| {
            let bound = Decimal::from_str(step["range"][0].as_str().unwrap()).unwrap().normalize();
            json!({"above": bound.to_string().parse::<u64>().unwrap(), "usd_per_mtok": litellm_prices(step, "")})
        }).collect();
        return price;
    }
    let priority = vector["options"]["service_tier"] == "priority";
    price["usd_per_mtok"] = litellm_prices(entry, if priority { "_priority" } else { "" });
    let bound = if vector["provider"] == "xai" { "from" } else { "above" };
    let tiers = [100, 200, 272].iter().filter_map(|thousands| {
        let suffix = format!("_above_{thousands}k_tokens");
        let prices = litellm_prices(entry, &suffix);
        prices.get("input")?;
        Some(json!({bound: thousands * 1000, "usd_per_mtok": prices}))
    });
    price["tiers"] = tiers.collect();
    if let Some(off_peak) = entry.get("off_peak_pricing") {
        price["utc_windows"] =
            off_peak["windows"].as_array().unwrap().iter().map(|w| window(w, off_peak)).collect();
    }
    price
}

fn window(window: &Value, prices: &Value) -> Value {
    let hours = match &window["hours_utc"] {
        Value::String(hours) => vec![hours.clone()],
        list => list.as_array().unwrap().iter().map(|hours| hours.as_str().unwrap().to_owned()).collect(),
    };
    let hours: Vec<String> = hours.iter().map(|hours| hours.replace("-00:00", "-24:00")).collect();
    let day = |day: &Value| day.as_str().unwrap().parse::<u8>().unwrap();
    let weekdays: Vec<u8> = window["weekdays"].as_array().unwrap().iter().map(day).collect();
    json!({"weekdays": weekdays, "hours": hours, "usd_per_mtok": litellm_prices(prices, "")})
}

/// Our entries from one of genai-prices': dated prices become periods, times of day windows.
fn genai_entries(entry: &Value) -> Vec<Value> {
    let steps = entry["prices"].as_array().unwrap();
    let mut starts: BTreeMap<&str, Value> = BTreeMap::new();
    for step in steps {
        let start = step["constraint"]["start_date"].as_str().unwrap_or("");
        if let Some(time) = step["constraint"]["start_time"].as_str() {
            let minute = |time: &str| time.get(..5).unwrap().to_owned();
            let end = minute(step["constraint"]["end_time"].as_str().unwrap());
            let hours = format!("{}-{end}", minute(time));
            let (prices, _) = genai_prices(&step["prices"]);
            let window = json!({"weekdays": [1, 2, 3, 4, 5, 6, 7], "hours": [hours], "usd_per_mtok": prices});
            starts.get_mut(start).unwrap()["utc_windows"] = json!([window]);
            continue;
        }
        let (prices, tiers) = genai_prices(&step["prices"]);
        starts.insert(start, json!({"usd_per_mtok": prices, "tiers": tiers}));
    }
    let ends: Vec<&str> = starts.keys().skip(1).copied().collect();
    let dated = starts.iter().enumerate().map(|(index, (start, price))| {
        let mut price = price.clone();
        for (name, value) in [("provider", &entry["provider"]), ("model", &entry["model"])] {
            price[name] = value.clone();
        }
        price["snapshots"] = json!("own_price");
        price["source"] = json!("vector");
        price["effective_from"] = (!start.is_empty()).then_some(*start).into();
        price["effective_to"] = ends.get(index).copied().into();
        price
    });
    dated.collect()
}

/// Base prices, and the tier where there is one.
fn genai_prices(prices: &Value) -> (Value, Vec<Value>) {
    let names = [
        ("input", "input_mtok"),
        ("cached_input", "cache_read_mtok"),
        ("cache_write", "cache_write_mtok"),
        ("output", "output_mtok"),
    ];
    let (mut base, mut tier, mut above) = (Map::new(), Map::new(), None);
    for (ours, theirs) in names {
        match prices.get(theirs) {
            Some(Value::Object(tiered)) => {
                base.insert(ours.to_owned(), tiered["base"].clone());
                tier.insert(ours.to_owned(), tiered["tiers"][0]["price"].clone());
                above = tiered["tiers"][0]["start"].as_u64();
            }
            Some(flat) => {
                base.insert(ours.to_owned(), flat.clone());
                tier.insert(ours.to_owned(), flat.clone());
            }
            None => {}
        }
    }
    let tiers = above.map(|above| json!({"above": above, "usd_per_mtok": tier}));
    (Value::Object(base), tiers.into_iter().collect())
}
