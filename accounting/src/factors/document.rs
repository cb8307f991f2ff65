//! The factor file: JSON, checked as a whole.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::{Factors, FactorsError, Location};
use crate::ecologits::{Deployment, ElectricityMix, Site};
use crate::impact::Range;

/// The format this code reads.
const SCHEMA: &str = "weir-factors/1";

/// Bits of a weight that EcoLogits assumes for every model.
const WEIGHT_BITS: f64 = 16.0;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    schema: String,
    name: String,
    #[serde(rename = "source")]
    _source: Source,
    #[serde(default)]
    provider_aliases: HashMap<String, String>,
    sites: BTreeMap<String, SiteEntry>,
    mixes: BTreeMap<String, MixEntry>,
    models: Vec<ModelEntry>,
}

/// Provenance for readers of the file; required, not computed with.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "provenance for readers of the file; required, not computed with")]
struct Source {
    title: String,
    url: String,
    licence: String,
    retrieved: String,
    notice: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SiteEntry {
    zone: String,
    pue: Span,
    wue_l_per_kwh: Span,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MixEntry {
    gwp_kg_per_kwh: f64,
    wue_l_per_kwh: f64,
    adpe_kg_per_kwh: Option<f64>,
    pe_mj_per_kwh: Option<f64>,
    /// Columns that hold the world's value because the zone has none of its own.
    #[serde(default, rename = "world_values")]
    _world_values: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ModelEntry {
    provider: String,
    model: String,
    #[serde(default)]
    also: Vec<String>,
    /// Billions of parameters used for a token.
    active: Span,
    /// Billions of parameters, all of them; the same as `active` where missing.
    total: Option<Span>,
    tokens_per_second: Option<f64>,
    first_token_s: Option<f64>,
    /// Whether the maker published the sizes or EcoLogits estimated them.
    #[serde(rename = "sizes")]
    _sizes: Sizes,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Sizes {
    Published,
    Estimated,
}

/// One number, or a lower and an upper bound.
#[derive(Clone, Copy, Deserialize)]
#[serde(untagged)]
enum Span {
    One(f64),
    Two([f64; 2]),
}

impl Span {
    fn range(self) -> Range {
        match self {
            Self::One(value) => Range::exactly(value),
            Self::Two([min, max]) => Range { min, max },
        }
    }
}

/// Reads and checks a whole factor file.
pub(super) fn parse(text: &str, origin: &str) -> Result<Factors, FactorsError> {
    let document: Document = serde_json::from_str(text).map_err(|error| FactorsError::Syntax {
        origin: origin.to_owned(),
        line: error.line(),
        column: error.column(),
        message: error.to_string(),
    })?;
    let problems = problems(&document);
    if !problems.is_empty() {
        return Err(FactorsError::Entries { origin: origin.to_owned(), problems });
    }
    let mixes: HashMap<Arc<str>, ElectricityMix> =
        document.mixes.iter().map(|(zone, entry)| (zone.as_str().into(), entry.mix())).collect();
    let mut models: HashMap<String, HashMap<String, Deployment>> = HashMap::new();
    for entry in &document.models {
        let known = models.entry(entry.provider.clone()).or_default();
        for name in std::iter::once(&entry.model).chain(&entry.also) {
            known.insert(name.clone(), entry.deployment());
        }
    }
    Ok(Factors {
        version: format!("{}+{}", document.name, digest(text)).into(),
        aliases: document.provider_aliases,
        sites: document.sites.into_iter().map(|(name, entry)| (name, entry.location())).collect(),
        mixes,
        models,
    })
}

impl MixEntry {
    fn mix(&self) -> ElectricityMix {
        ElectricityMix {
            gwp: self.gwp_kg_per_kwh,
            wue: self.wue_l_per_kwh,
            adpe: self.adpe_kg_per_kwh,
            pe: self.pe_mj_per_kwh,
        }
    }
}

impl SiteEntry {
    fn location(&self) -> Location {
        let site = Site { pue: self.pue.range(), wue: self.wue_l_per_kwh.range() };
        Location { zone: self.zone.as_str().into(), site }
    }
}

impl ModelEntry {
    fn deployment(&self) -> Deployment {
        Deployment {
            active: self.active.range(),
            total: self.total.unwrap_or(self.active).range(),
            weight_bits: WEIGHT_BITS,
            tokens_per_second: self.tokens_per_second,
            first_token: self.first_token_s,
        }
    }
}

/// Everything in the file that can't be true.
fn problems(document: &Document) -> Vec<String> {
    let mut problems = Vec::new();
    let mut check = |good: bool, place: &str, what: &str| {
        if !good {
            problems.push(format!("{place}: {what}"));
        }
    };
    check(document.schema == SCHEMA, &document.name, "schema is not weir-factors/1");
    for (name, site) in &document.sites {
        check(document.mixes.contains_key(&site.zone), name, "zone has no electricity mix");
        check(ordered(site.pue) && site.pue.range().min >= 1.0, name, "pue is not a range from 1 up");
        check(ordered(site.wue_l_per_kwh), name, "wue_l_per_kwh is not a range from 0 up");
    }
    for (zone, mix) in &document.mixes {
        let factors =
            [Some(mix.gwp_kg_per_kwh), Some(mix.wue_l_per_kwh), mix.adpe_kg_per_kwh, mix.pe_mj_per_kwh];
        let good = factors.iter().flatten().all(|factor| factor.is_finite() && *factor >= 0.0);
        check(good, zone, "factors are not numbers from 0 up");
    }
    for model in &document.models {
        let place = format!("{}/{}", model.provider, model.model);
        let total = model.total.unwrap_or(model.active);
        check(document.sites.contains_key(&model.provider), &place, "provider has no site");
        check(ordered(model.active) && ordered(total), &place, "sizes are not ranges from 0 up");
        check(total.range().max >= model.active.range().max, &place, "more parameters active than there are");
        check(
            model.tokens_per_second.is_none_or(|rate| rate > 0.0),
            &place,
            "tokens_per_second is not above 0",
        );
        check(model.first_token_s.is_none_or(|time| time >= 0.0), &place, "first_token_s is below 0");
    }
    problems
}

fn ordered(span: Span) -> bool {
    let Range { min, max } = span.range();
    0.0 <= min && min <= max && max.is_finite()
}

/// First 12 hexadecimal digits of the text's SHA-256.
fn digest(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}
