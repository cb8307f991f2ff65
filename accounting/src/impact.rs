//! What an exchange emitted: ranges, with the method and the grid they hold for.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A lower and an upper bound in the unit its field names. Not a full uncertainty interval: the
/// spread of the published parameters only.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Range {
    /// Lower bound.
    pub min: f64,
    /// Upper bound.
    pub max: f64,
}

impl Range {
    /// A range of one value.
    pub fn exactly(value: f64) -> Self {
        Self { min: value, max: value }
    }

    /// Applies `f` to each bound.
    pub fn map(self, f: impl Fn(f64) -> f64) -> Self {
        Self { min: f(self.min), max: f(self.max) }
    }

    /// Combines the lower bounds with each other and the upper ones with each other.
    pub fn zip(self, other: Self, f: impl Fn(f64, f64) -> f64) -> Self {
        Self { min: f(self.min, other.min), max: f(self.max, other.max) }
    }
}

/// How a figure was obtained, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quality {
    /// By an energy counter.
    Measured,
    /// By a model from sizes and times.
    Modelled,
    /// Stated by the provider.
    Disclosed,
}

/// Energy, greenhouse gases and water of one exchange.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Impact {
    /// Kilowatt-hours, data-centre overhead included.
    pub energy_kwh: Range,
    /// Kilograms of CO2-equivalent, use of electricity plus the share of making the hardware where
    /// `embodied_gwp_kg` is known.
    pub gwp_kg: Range,
    /// The part of `gwp_kg` from making the hardware; `None` where it is not known and not included.
    pub embodied_gwp_kg: Option<Range>,
    /// Litres of water for electricity and cooling; `None` where it is not known.
    pub wcf_l: Option<Range>,
    /// The method, with the version of what it follows.
    pub method: &'static str,
    /// How the figure was obtained.
    pub quality: Quality,
    /// Electricity grid (ISO 3166-1 alpha-3, or `WOR` for the world), location-based.
    pub zone: Arc<str>,
    /// Version of the factors.
    pub factors: Arc<str>,
}
