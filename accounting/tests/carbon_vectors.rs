//! Energy and emissions against EcoLogits' results, to a relative 10⁻⁹.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test")]

mod support;

use std::time::Duration;

use serde_json::Value;
use weir_accounting::{
    Deployment, ElectricityMix, Factors, Footprint, Generation, Range, Served, Site, footprint,
};

const TOLERANCE: f64 = 1e-9;

#[test]
fn the_formulas_equal_ecologits_for_explicit_inputs() {
    let Some(file) = support::data("vectors/vectors_ecologits.json") else { return };
    let vectors = file["synthetic_vectors"].as_array().unwrap();
    assert!(!vectors.is_empty());
    for vector in vectors {
        check(&computed(&vector["inputs"]), vector);
    }
}

#[test]
fn the_shipped_factors_yield_ecologits_figures() {
    let Some(file) = support::data("vectors/vectors_ecologits.json") else { return };
    let factors = Factors::shipped();
    let vectors = file["registry_vectors"].as_array().unwrap();
    assert!(!vectors.is_empty());
    for vector in vectors {
        let id = vector["id"].as_str().unwrap();
        let inputs = &vector["inputs"];
        let served = Served {
            provider: inputs["provider"].as_str().unwrap(),
            model: inputs["model"].as_str().unwrap(),
            zone: inputs["electricity_mix_zone"].as_str(),
        };
        let latency = Duration::from_secs_f64(inputs["request_latency_s"].as_f64().unwrap());
        let impact = factors.vendor(&served, inputs["output_tokens"].as_u64().unwrap(), latency);
        let Some(impact) = impact else {
            assert!(vector.get("errors").is_some_and(|errors| !errors.is_null()), "{id} is unknown");
            continue;
        };
        let outputs = &vector["outputs"];
        near(impact.energy_kwh, &outputs["energy"], &format!("{id} energy"));
        near(impact.gwp_kg, &outputs["gwp"], &format!("{id} gwp"));
        near(impact.embodied_gwp_kg.unwrap(), &outputs["embodied"]["gwp"], &format!("{id} embodied"));
        near(impact.wcf_l.unwrap(), &outputs["wcf"], &format!("{id} wcf"));
        assert_eq!(&*impact.zone, vector["resolved"]["zone"].as_str().unwrap(), "{id}");
    }
}

#[test]
fn the_formulas_equal_ecologits_for_resolved_registry_inputs() {
    let Some(file) = support::data("vectors/vectors_ecologits.json") else { return };
    for vector in file["registry_vectors"].as_array().unwrap() {
        let resolved = &vector["resolved"];
        if resolved.is_null() {
            continue;
        }
        let deployment = Deployment {
            active: range(&resolved["active_params_b"]),
            total: range(&resolved["total_params_b"]),
            weight_bits: 16.0,
            tokens_per_second: resolved["tps"].as_f64(),
            first_token: resolved["ttft"].as_f64(),
        };
        let generation = Generation {
            tokens: vector["inputs"]["output_tokens"].as_u64().unwrap(),
            latency: Some(Duration::from_secs_f64(vector["inputs"]["request_latency_s"].as_f64().unwrap())),
        };
        let site = Site { pue: range(&resolved["pue"]), wue: range(&resolved["wue"]) };
        let mix = ElectricityMix {
            gwp: resolved["if_gwp_kg_per_kwh"].as_f64().unwrap(),
            wue: resolved["if_wue_l_per_kwh"].as_f64().unwrap(),
            adpe: resolved["if_adpe"].as_f64(),
            pe: resolved["if_pe_mj_per_kwh"].as_f64(),
        };
        check(&footprint(&deployment, &generation, &site, &mix), vector);
    }
}

fn computed(inputs: &Value) -> Footprint {
    let deployment = Deployment {
        active: range(&inputs["model_active_parameter_count"]),
        total: range(&inputs["model_total_parameter_count"]),
        weight_bits: inputs["model_quantization_bits"].as_f64().unwrap_or(16.0),
        tokens_per_second: inputs["tps"].as_f64(),
        first_token: inputs["ttft"].as_f64(),
    };
    let generation = Generation {
        tokens: inputs["output_token_count"].as_u64().unwrap(),
        latency: inputs["request_latency"].as_f64().map(Duration::from_secs_f64),
    };
    let site = Site { pue: range(&inputs["datacenter_pue"]), wue: range(&inputs["datacenter_wue"]) };
    let mix = ElectricityMix {
        gwp: inputs["if_electricity_mix_gwp"].as_f64().unwrap(),
        wue: inputs["if_electricity_mix_wue"].as_f64().unwrap(),
        adpe: inputs["if_electricity_mix_adpe"].as_f64(),
        pe: inputs["if_electricity_mix_pe"].as_f64(),
    };
    footprint(&deployment, &generation, &site, &mix)
}

fn range(value: &Value) -> Range {
    match value.as_f64() {
        Some(value) => Range::exactly(value),
        None => Range { min: value["min"].as_f64().unwrap(), max: value["max"].as_f64().unwrap() },
    }
}

fn check(got: &Footprint, vector: &Value) {
    let id = vector["id"].as_str().unwrap();
    let outputs = &vector["outputs"];
    near(got.energy, &outputs["energy"], &format!("{id} energy"));
    near(got.wcf, &outputs["wcf"], &format!("{id} wcf"));
    for (phase, name) in [(&got.usage, "usage"), (&got.embodied, "embodied")] {
        near(phase.gwp, &outputs[name]["gwp"], &format!("{id} {name} gwp"));
        near(phase.adpe.unwrap(), &outputs[name]["adpe"], &format!("{id} {name} adpe"));
        near(phase.pe.unwrap(), &outputs[name]["pe"], &format!("{id} {name} pe"));
    }
}

fn near(got: Range, expected: &Value, what: &str) {
    let expected = range(expected);
    for (got, expected) in [(got.min, expected.min), (got.max, expected.max)] {
        let error = (got - expected).abs();
        assert!(error <= TOLERANCE * expected.abs(), "{what}: {got} is not {expected}");
    }
}
