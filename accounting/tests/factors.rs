//! The factor pack: the shipped file, matching, the embedded engine, unknown impacts, bad files.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test")]

use std::time::Duration;

use serde_json::{Value, json};
use weir_accounting::{Factors, FactorsError, Impact, Quality, Range, Served};

fn vendor(provider: &str, model: &str, zone: Option<&str>) -> Option<Impact> {
    Factors::shipped().vendor(&Served { provider, model, zone }, 400, Duration::from_secs(5))
}

/// Relative 10⁻⁹, as the published figures are compared.
fn near(got: f64, expected: f64) {
    assert!((got - expected).abs() <= 1e-9 * expected.abs(), "{got} is not {expected}");
}

#[test]
fn a_vendors_answer_has_ecologits_figures() {
    let impact = vendor("openai", "gpt-4o-mini", Some("USA")).unwrap();
    near(impact.energy_kwh.min, 2.554_685_443_068_512e-5);
    near(impact.energy_kwh.max, 3.101_322_774_658_987e-5);
    near(impact.gwp_kg.min, 1.063_401_292_648_869_3e-5);
    near(impact.gwp_kg.max, 1.273_528_682_912_248_1e-5);
    near(impact.embodied_gwp_kg.unwrap().min, 8.138_020_833_333_334e-7);
    near(impact.wcf_l.unwrap().max, 1.118_419_694_482_688_4e-4);
    assert_eq!((impact.method, impact.quality), ("ecologits/0.11.3", Quality::Modelled));
    assert!(impact.factors.starts_with("ecologits-0.11.3+"), "{}", impact.factors);
}

#[test]
fn the_providers_grid_is_the_default() {
    assert_eq!(&*vendor("openai", "gpt-4o", None).unwrap().zone, "USA");
    assert_eq!(&*vendor("mistral", "mistral-large-latest", None).unwrap().zone, "SWE");
    let (france, usa) = (vendor("openai", "gpt-4o", Some("FRA")), vendor("openai", "gpt-4o", None));
    assert!(france.unwrap().gwp_kg.max < usa.unwrap().gwp_kg.min);
}

#[test]
fn models_are_found_by_name_alias_snapshot_and_prefix() {
    for (provider, model, known) in [
        ("azure", "gpt-4o", true),
        ("openai", "gpt-6-astra-2026-09-03", true),
        ("anthropic", "claude-haiku-4-5", true),
        ("anthropic", "anthropic/claude-opus-5", true),
        ("gemini", "models/gemini-2.5-pro", true),
        ("openai", "nothing", false),
        ("vllm", "gpt-4o", false),
        ("", "", false),
    ] {
        assert_eq!(vendor(provider, model, None).is_some(), known, "{provider} {model}");
    }
    assert_eq!(vendor("openai", "gpt-4o", Some("Mars")), None);
}

#[test]
fn cpu_time_becomes_energy_and_emissions() {
    let factors = Factors::shipped();
    let watts = Range { min: 5.0, max: 10.0 };
    let impact = factors.local(Duration::from_secs(3600), watts, "WOR").unwrap();
    near(impact.energy_kwh.min, 0.005);
    near(impact.energy_kwh.max, 0.01);
    near(impact.gwp_kg.max, 0.01 * 0.458_29);
    near(impact.wcf_l.unwrap().max, 0.01 * 3.908);
    assert_eq!((impact.embodied_gwp_kg, impact.quality), (None, Quality::Modelled));
    assert_eq!(factors.local(Duration::from_secs(1), watts, "Mars"), None);
    assert!(factors.knows_zone("FRA") && !factors.knows_zone("fra"));
}

#[test]
fn an_impact_is_written_with_its_provenance() {
    let value = serde_json::to_value(vendor("openai", "gpt-4o-mini", None).unwrap()).unwrap();
    assert_eq!(value["quality"], "modelled");
    assert_eq!(value["zone"], "USA");
    assert!(value["gwp_kg"]["min"].as_f64().unwrap() > 0.0, "{value}");
}

fn document() -> Value {
    json!({
        "schema": "weir-factors/1", "name": "n",
        "source": {"title": "t", "url": "u", "licence": "l", "retrieved": "2026-11-22", "notice": "n"},
        "sites": {"p": {"zone": "WOR", "pue": 1.2, "wue_l_per_kwh": [0.1, 0.5]}},
        "mixes": {"WOR": {"gwp_kg_per_kwh": 0.4, "wue_l_per_kwh": 3.9}},
        "models": [{"provider": "p", "model": "m", "active": 8, "sizes": "published"}],
    })
}

#[test]
fn a_bad_file_names_all_its_problems() {
    assert!(Factors::parse(&document().to_string(), "t").is_ok());
    let mut bad = document();
    bad["sites"]["p"] = json!({"zone": "MARS", "pue": 0.5, "wue_l_per_kwh": [0.5, 0.1]});
    bad["mixes"]["WOR"]["gwp_kg_per_kwh"] = json!(-1);
    bad["models"][0] = json!({"provider": "q", "model": "m", "active": 9, "total": 8, "tokens_per_second": 0,
                              "first_token_s": -1, "sizes": "published"});
    let error = Factors::parse(&bad.to_string(), "factors.json").unwrap_err();
    let FactorsError::Entries { origin, problems } = error else { panic!("{error}") };
    assert_eq!(origin, "factors.json");
    assert_eq!(
        problems,
        [
            "p: zone has no electricity mix",
            "p: pue is not a range from 1 up",
            "p: wue_l_per_kwh is not a range from 0 up",
            "WOR: factors are not numbers from 0 up",
            "q/m: provider has no site",
            "q/m: more parameters active than there are",
            "q/m: tokens_per_second is not above 0",
            "q/m: first_token_s is below 0",
        ]
    );
}

#[test]
fn unknown_fields_are_refused() {
    let mut bad = document();
    bad["models"][0]["parameters"] = json!(8);
    let error = Factors::parse(&bad.to_string(), "t").unwrap_err();
    assert!(error.to_string().contains("unknown field `parameters`"), "{error}");
}
