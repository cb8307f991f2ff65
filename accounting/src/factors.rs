//! The factor pack: sizes of models, data centres and grids, and the impact that follows from them.

mod document;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use crate::ecologits::{Deployment, ElectricityMix, Generation, Site, footprint};
use crate::impact::{Impact, Quality, Range};
use crate::model_name::{bare, undated};

/// The factors shipped with Weir (facts of EcoLogits, MPL-2.0, see the notice in the file).
const SHIPPED: &str = include_str!("../factors/ecologits.json");

/// Method named in an [`Impact`] of a vendor's model.
const VENDOR_METHOD: &str = "ecologits/0.11.3";

/// Method named in an [`Impact`] of the embedded engine.
const LOCAL_METHOD: &str = "cpu-seconds-x-watts/1";

/// Sizes of models, data centres of providers and electricity mixes of zones.
#[derive(Clone, Debug)]
pub struct Factors {
    version: Arc<str>,
    aliases: HashMap<String, String>,
    sites: HashMap<String, Location>,
    mixes: HashMap<Arc<str>, ElectricityMix>,
    models: HashMap<String, HashMap<String, Deployment>>,
}

/// Where a provider computes.
#[derive(Clone, Debug)]
struct Location {
    zone: Arc<str>,
    site: Site,
}

/// A model as served by a vendor.
#[derive(Clone, Copy, Debug)]
pub struct Served<'a> {
    /// Provider (`openai`, `anthropic`, `mistral`, …).
    pub provider: &'a str,
    /// Model, as the provider says it answered.
    pub model: &'a str,
    /// Electricity zone (ISO 3166-1 alpha-3) where known, else the provider's usual one.
    pub zone: Option<&'a str>,
}

/// Why a factor file was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FactorsError {
    /// Not JSON, or not of the expected shape.
    #[error("{origin}:{line}:{column}: {message}")]
    Syntax {
        /// Name of the file.
        origin: String,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What the parser says.
        message: String,
    },
    /// Entries that make no sense, all of them.
    #[error("{origin}: {}", .problems.join("; "))]
    Entries {
        /// Name of the file.
        origin: String,
        /// What is wrong, in the order of the file.
        problems: Vec<String>,
    },
}

impl Factors {
    /// Reads a factor file. `origin` names it in errors.
    ///
    /// # Errors
    /// When the text is not JSON of the expected shape, or any entry makes no sense.
    pub fn parse(text: &str, origin: &str) -> Result<Self, FactorsError> {
        document::parse(text, origin)
    }

    /// The factors shipped with Weir.
    #[expect(clippy::expect_used, reason = "the text is fixed at build time and a test parses it")]
    pub fn shipped() -> Self {
        Self::parse(SHIPPED, "ecologits.json").expect("the shipped factor file is valid")
    }

    /// Name of the pack with a digest of its text.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Whether the pack knows an electricity zone.
    pub fn knows_zone(&self, zone: &str) -> bool {
        self.mixes.contains_key(zone)
    }

    /// The impact of a vendor's answer of so many tokens after so long, by EcoLogits' method.
    ///
    /// `None` where provider, model or zone are not in the pack: the impact is then unknown.
    pub fn vendor(&self, served: &Served<'_>, output_tokens: u64, latency: Duration) -> Option<Impact> {
        let provider = self.aliases.get(served.provider).map_or(served.provider, String::as_str);
        let location = self.sites.get(provider)?;
        let (zone, mix) = self.mixes.get_key_value(served.zone.unwrap_or(&location.zone))?;
        let models = self.models.get(provider)?;
        let name = bare(served.model, [served.provider, provider]);
        let known = models.get(served.model).or_else(|| models.get(name));
        let deployment = known.or_else(|| models.get(undated(name)?))?;
        let generation = Generation { tokens: output_tokens, latency: Some(latency) };
        let footprint = footprint(deployment, &generation, &location.site, mix);
        Some(Impact {
            energy_kwh: footprint.energy,
            gwp_kg: footprint.usage.gwp.zip(footprint.embodied.gwp, |usage, embodied| usage + embodied),
            embodied_gwp_kg: Some(footprint.embodied.gwp),
            wcf_l: Some(footprint.wcf),
            method: VENDOR_METHOD,
            quality: Quality::Modelled,
            zone: Arc::clone(zone),
            factors: Arc::clone(&self.version),
        })
    }

    /// The impact of so much CPU time on this machine, at so many watts for a busy core.
    ///
    /// No overhead (PUE 1), no cooling water, no share of making the machine. `None` where the zone
    /// is not in the pack.
    pub fn local(&self, cpu: Duration, watts: Range, zone: &str) -> Option<Impact> {
        let (zone, mix) = self.mixes.get_key_value(zone)?;
        let energy = watts.map(|watts| cpu.as_secs_f64() * watts / 3_600_000.0);
        Some(Impact {
            energy_kwh: energy,
            gwp_kg: energy.map(|kwh| kwh * mix.gwp),
            embodied_gwp_kg: None,
            wcf_l: Some(energy.map(|kwh| kwh * mix.wue)),
            method: LOCAL_METHOD,
            quality: Quality::Modelled,
            zone: Arc::clone(zone),
            factors: Arc::clone(&self.version),
        })
    }
}
