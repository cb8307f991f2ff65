//! The price catalogue: which rate applies to a call, and what the call therefore costs.

mod document;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use time::{OffsetDateTime, Weekday};

use crate::model_name::{bare, undated};
use crate::money::{PicoUsd, Rate, settle};
use crate::usage::Usage;

/// The prices shipped with Weir; a user's file may replace them.
const SHIPPED: &str = include_str!("../catalogue/prices.json");

/// A set of prices, found by provider, model and instant.
#[derive(Clone, Debug)]
pub struct Catalogue {
    version: Arc<str>,
    aliases: HashMap<String, String>,
    providers: HashMap<String, HashMap<String, Model>>,
}

/// A call to be priced.
#[derive(Clone, Copy, Debug)]
pub struct Priced<'a> {
    /// Provider, as catalogues name it (`openai`, `anthropic`, …).
    pub provider: &'a str,
    /// Model, as the provider says it answered (a dated snapshot is recognised).
    pub model: &'a str,
    /// When the call ended.
    pub at: SystemTime,
}

/// What a call cost. `total` = `input` + `output`, exactly.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    /// Pico-dollars for the prompt, cache reads and writes included.
    pub input: PicoUsd,
    /// Pico-dollars for the generated tokens.
    pub output: PicoUsd,
    /// Pico-dollars for both.
    pub total: PicoUsd,
    /// Version of the catalogue the rates are from.
    pub catalogue: Arc<str>,
}

/// Why a price file was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CatalogueError {
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
    #[error("{origin}: {}", .problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Entries {
        /// Name of the file.
        origin: String,
        /// What is wrong, in the order of the file.
        problems: Vec<Problem>,
    },
}

/// One thing wrong with one entry of a price file.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{entry}: {reason}")]
pub struct Problem {
    /// The entry, as `provider/model`.
    pub entry: String,
    /// What is wrong with it.
    pub reason: String,
}

impl Catalogue {
    /// Reads a price file. `origin` names it in errors.
    ///
    /// # Errors
    /// When the text is not JSON of the expected shape, or any entry makes no sense.
    pub fn parse(text: &str, origin: &str) -> Result<Self, CatalogueError> {
        document::parse(text, origin)
    }

    /// The prices shipped with Weir.
    #[expect(clippy::expect_used, reason = "the text is fixed at build time and a test parses it")]
    pub fn shipped() -> Self {
        Self::parse(SHIPPED, "prices.json").expect("the shipped price file is valid")
    }

    /// Name of the catalogue with a digest of its text: the same figure needs the same version.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// How many models have a price.
    pub fn len(&self) -> usize {
        self.providers.values().map(HashMap::len).sum()
    }

    /// Whether no model has a price.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What a call cost, or `None` where that isn't known: no price for the model at that instant,
    /// tokens of a kind that has no price here, or a sum that doesn't fit.
    ///
    /// A tier applies to all tokens of the call once the prompt, cache included, passes its bound.
    /// A missing cache price is the input price, a missing reasoning price the output price.
    pub fn cost(&self, call: &Priced<'_>, usage: &Usage) -> Option<Cost> {
        let instant = OffsetDateTime::from(call.at);
        let rates = self.model(call)?.period(instant)?.rates(instant, usage.input);
        let (input, output) = rates.amounts(usage)?;
        let total = input.checked_add(output)?;
        Some(Cost { input, output, total, catalogue: Arc::clone(&self.version) })
    }

    /// The model by its exact name, else as a dated snapshot of one priced like its snapshots.
    fn model(&self, call: &Priced<'_>) -> Option<&Model> {
        let provider = self.aliases.get(call.provider).map_or(call.provider, String::as_str);
        let models = self.providers.get(provider)?;
        let name = bare(call.model, [call.provider, provider]);
        models.get(call.model).or_else(|| models.get(name)).or_else(|| {
            let base = undated(name)?;
            models.get(base).filter(|model| model.snapshots == Snapshots::SamePrice)
        })
    }
}

/// A model's prices, one after the other in time.
#[derive(Clone, Debug)]
struct Model {
    snapshots: Snapshots,
    periods: Vec<Period>,
}

/// Whether `model-2026-01-31` costs what `model` costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Snapshots {
    SamePrice,
    OwnPrice,
}

/// Prices from one instant (inclusive) to another (exclusive).
#[derive(Clone, Debug)]
struct Period {
    from: Option<OffsetDateTime>,
    until: Option<OffsetDateTime>,
    base: Rates,
    /// By rising bound.
    tiers: Vec<Tier>,
    windows: Vec<Window>,
}

/// Rates for calls with long prompts.
#[derive(Clone, Debug)]
struct Tier {
    /// Smallest prompt, in tokens with cached ones, to which the tier applies.
    from_tokens: u64,
    rates: Rates,
}

/// Rates for some hours of some weekdays, UTC.
#[derive(Clone, Debug)]
struct Window {
    days: Vec<Weekday>,
    /// Minutes of the day, start inclusive, end exclusive.
    minutes: Vec<(u16, u16)>,
    rates: Rates,
}

/// What each kind of token costs.
#[derive(Clone, Debug)]
struct Rates {
    input: Rate,
    cached_input: Option<Rate>,
    cache_write: Option<Rate>,
    cache_write_long: Option<Rate>,
    output: Option<Rate>,
    reasoning: Option<Rate>,
}

impl Model {
    fn period(&self, at: OffsetDateTime) -> Option<&Period> {
        self.periods.iter().find(|period| {
            period.from.is_none_or(|from| from <= at) && period.until.is_none_or(|until| at < until)
        })
    }
}

impl Period {
    fn rates(&self, at: OffsetDateTime, input: u64) -> &Rates {
        if let Some(window) = self.windows.iter().find(|window| window.contains(at)) {
            return &window.rates;
        }
        self.tiers.iter().rev().find(|tier| input >= tier.from_tokens).map_or(&self.base, |tier| &tier.rates)
    }
}

impl Window {
    fn contains(&self, at: OffsetDateTime) -> bool {
        let minute = u16::from(at.hour()) * 60 + u16::from(at.minute());
        self.days.contains(&at.weekday())
            && self.minutes.iter().any(|(start, end)| (*start..*end).contains(&minute))
    }
}

impl Rates {
    /// Pico-dollars for input and output. `None` where a kind of token has no rate.
    fn amounts(&self, usage: &Usage) -> Option<(PicoUsd, PicoUsd)> {
        if usage.audio > 0 {
            return None;
        }
        let plain = usage.input.saturating_sub(usage.cached_input).saturating_sub(usage.cache_write);
        let short = usage.cache_write.saturating_sub(usage.cache_write_long);
        let write = self.cache_write.unwrap_or(self.input);
        let input = settle(&[
            self.input.line(plain),
            self.cached_input.unwrap_or(self.input).line(usage.cached_input),
            write.line(short),
            self.cache_write_long.unwrap_or(write).line(usage.cache_write_long),
        ])?;
        let answer = usage.output.saturating_sub(usage.reasoning);
        let output = match self.output {
            Some(rate) => settle(&[rate.line(answer), self.reasoning.unwrap_or(rate).line(usage.reasoning)])?,
            None if usage.output == 0 => PicoUsd::ZERO,
            None => return None,
        };
        Some((input, output))
    }
}
