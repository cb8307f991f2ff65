//! The price file: JSON with decimal text for every price, checked as a whole.

use std::collections::HashMap;

use serde::Deserialize;
use sha2::{Digest, Sha256};
use time::macros::format_description;
use time::{Date, OffsetDateTime, Weekday};

use super::{Catalogue, CatalogueError, Model, Period, Problem, Rates, Snapshots, Tier, Window};
use crate::money::Rate;

/// The format this code reads.
const SCHEMA: &str = "weir-prices/1";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    schema: String,
    name: String,
    /// Where the figures come from, by the name that entries refer to.
    sources: HashMap<String, Source>,
    /// Other names of providers.
    #[serde(default)]
    provider_aliases: HashMap<String, String>,
    prices: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "provenance for readers of the file; required, not computed with")]
struct Source {
    title: String,
    licence: String,
    retrieved: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    provider: String,
    model: String,
    #[serde(default)]
    also: Vec<String>,
    snapshots: Snapshots,
    effective_from: Option<String>,
    effective_to: Option<String>,
    usd_per_mtok: Prices,
    #[serde(default)]
    tiers: Vec<TierEntry>,
    #[serde(default)]
    utc_windows: Vec<WindowEntry>,
    source: String,
    /// Where the source says it has the figure from.
    #[serde(default, rename = "published_at")]
    _published_at: Option<String>,
    /// Anything a reader should know.
    #[serde(default, rename = "note")]
    _note: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Prices {
    input: String,
    cached_input: Option<String>,
    cache_write: Option<String>,
    cache_write_long: Option<String>,
    output: Option<String>,
    reasoning: Option<String>,
}

/// Applies to the whole call once the prompt passes `above` tokens or reaches `from`: one of the two.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TierEntry {
    above: Option<u64>,
    from: Option<u64>,
    usd_per_mtok: Prices,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WindowEntry {
    /// ISO weekdays, Monday is 1.
    weekdays: Vec<u8>,
    /// `HH:MM-HH:MM`; the end is exclusive and `24:00` ends the day.
    hours: Vec<String>,
    usd_per_mtok: Prices,
}

/// Reads and checks a whole price file.
pub(super) fn parse(text: &str, origin: &str) -> Result<Catalogue, CatalogueError> {
    let document: Document = serde_json::from_str(text).map_err(|error| CatalogueError::Syntax {
        origin: origin.to_owned(),
        line: error.line(),
        column: error.column(),
        message: error.to_string(),
    })?;
    let mut check = Check { problems: Vec::new(), entry: document.name.clone() };
    if document.schema != SCHEMA {
        check.problem(format!("schema is not {SCHEMA}"));
    }
    let mut providers: HashMap<String, HashMap<String, Model>> = HashMap::new();
    for entry in &document.prices {
        check.entry = format!("{}/{}", entry.provider, entry.model);
        if !document.sources.contains_key(&entry.source) {
            check.problem(format!("source {} is not listed under sources", entry.source));
        }
        let Some(period) = check.period(entry) else { continue };
        let models = providers.entry(entry.provider.clone()).or_default();
        for name in std::iter::once(&entry.model).chain(&entry.also) {
            let model = models
                .entry(name.clone())
                .or_insert_with(|| Model { snapshots: entry.snapshots, periods: Vec::new() });
            if model.periods.iter().any(|other| overlap(other, &period)) {
                check.problem(format!("{name} has two prices for the same time"));
            }
            model.periods.push(period.clone());
        }
    }
    if !check.problems.is_empty() {
        return Err(CatalogueError::Entries { origin: origin.to_owned(), problems: check.problems });
    }
    let version = format!("{}+{}", document.name, digest(text)).into();
    Ok(Catalogue { version, aliases: document.provider_aliases, providers })
}

/// First 12 hexadecimal digits of the text's SHA-256.
fn digest(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

fn overlap(a: &Period, b: &Period) -> bool {
    let starts_before_end = |from: Option<OffsetDateTime>, until: Option<OffsetDateTime>| match (from, until)
    {
        (Some(from), Some(until)) => from < until,
        _ => true,
    };
    starts_before_end(a.from, b.until) && starts_before_end(b.from, a.until)
}

/// Collects what is wrong, so that all of it is reported at once.
struct Check {
    problems: Vec<Problem>,
    entry: String,
}

impl Check {
    fn problem(&mut self, reason: String) {
        self.problems.push(Problem { entry: self.entry.clone(), reason });
    }

    fn period(&mut self, entry: &Entry) -> Option<Period> {
        let before = self.problems.len();
        let from = self.instant(entry.effective_from.as_deref());
        let until = self.instant(entry.effective_to.as_deref());
        if from.zip(until).is_some_and(|(from, until)| from >= until) {
            self.problem("effective_to is not after effective_from".to_owned());
        }
        if !entry.tiers.is_empty() && !entry.utc_windows.is_empty() {
            self.problem("tiers and utc_windows together have no defined meaning".to_owned());
        }
        let base = self.rates(&entry.usd_per_mtok);
        let mut tiers: Vec<Tier> = entry.tiers.iter().filter_map(|tier| self.tier(tier)).collect();
        tiers.sort_by_key(|tier| tier.from_tokens);
        let windows = entry.utc_windows.iter().filter_map(|window| self.window(window)).collect();
        let base = base.filter(|_| self.problems.len() == before)?;
        Some(Period { from, until, base, tiers, windows })
    }

    /// A date, meaning its first instant in UTC.
    fn instant(&mut self, text: Option<&str>) -> Option<OffsetDateTime> {
        let text = text?;
        let date = Date::parse(text, format_description!("[year]-[month]-[day]"));
        if date.is_err() {
            self.problem(format!("{text} is not a date like 2026-01-31"));
        }
        date.ok().map(|date| date.midnight().assume_utc())
    }

    fn rates(&mut self, prices: &Prices) -> Option<Rates> {
        let before = self.problems.len();
        let input = self.rate("input", Some(&prices.input));
        let rates = Rates {
            input: input?,
            cached_input: self.rate("cached_input", prices.cached_input.as_ref()),
            cache_write: self.rate("cache_write", prices.cache_write.as_ref()),
            cache_write_long: self.rate("cache_write_long", prices.cache_write_long.as_ref()),
            output: self.rate("output", prices.output.as_ref()),
            reasoning: self.rate("reasoning", prices.reasoning.as_ref()),
        };
        (self.problems.len() == before).then_some(rates)
    }

    fn rate(&mut self, name: &str, text: Option<&String>) -> Option<Rate> {
        let text = text?;
        let rate = Rate::from_usd_per_mtok(text);
        if rate.is_none() {
            self.problem(format!("usd_per_mtok.{name} is not a price: {text}"));
        }
        rate
    }

    fn tier(&mut self, tier: &TierEntry) -> Option<Tier> {
        let from_tokens = match (tier.above, tier.from) {
            (Some(tokens), None) => tokens.saturating_add(1),
            (None, Some(tokens)) => tokens,
            _ => {
                self.problem("a tier needs either above or from".to_owned());
                return None;
            }
        };
        self.rates(&tier.usd_per_mtok).map(|rates| Tier { from_tokens, rates })
    }

    fn window(&mut self, window: &WindowEntry) -> Option<Window> {
        let days: Option<Vec<Weekday>> = window
            .weekdays
            .iter()
            .map(|day| (1..=7).contains(day).then(|| Weekday::Sunday.nth_next(*day)))
            .collect();
        let minutes: Option<Vec<(u16, u16)>> = window.hours.iter().map(|hours| span(hours)).collect();
        if days.is_none() || minutes.is_none() {
            self.problem("utc_windows needs weekdays 1 to 7 and hours like 00:00-24:00".to_owned());
        }
        let rates = self.rates(&window.usd_per_mtok);
        Some(Window { days: days?, minutes: minutes?, rates: rates? })
    }
}

/// `HH:MM-HH:MM` as minutes of the day.
fn span(text: &str) -> Option<(u16, u16)> {
    let minute = |text: &str| {
        let (hour, minute) = text.split_once(':')?;
        let (hour, minute) = (hour.parse::<u16>().ok()?, minute.parse::<u16>().ok()?);
        let of_day = hour.checked_mul(60)?.checked_add(minute)?;
        (minute < 60 && of_day <= 1440).then_some(of_day)
    };
    let (start, end) = text.split_once('-')?;
    let (start, end) = (minute(start)?, minute(end)?);
    (start < end).then_some((start, end))
}
