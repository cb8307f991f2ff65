//! Counts and sums over many calls, one call at a time.

use std::collections::BTreeMap;

use super::rule;
use crate::exchange::{Cost, Impact, Span};
use crate::read::Call;
use crate::text::{PicoUsd, Quantity};

/// Counts and sums over the calls that were shown to it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Totals {
    /// Calls in all.
    pub calls: u64,
    /// Calls by state: `completed`, `abandoned`, `open`, `later`.
    pub states: BTreeMap<String, u64>,
    /// Calls by decision.
    pub decisions: BTreeMap<String, u64>,
    /// Calls by rule that hit, as `policy/rule`; a call counts once for a rule.
    pub rules: BTreeMap<String, u64>,
    /// Calls by the model that answered, or was asked for.
    pub models: BTreeMap<String, u64>,
    /// Calls by tenant.
    pub tenants: BTreeMap<String, u64>,
    /// Money, over the calls whose price is known.
    pub cost: PicoUsd,
    /// Calls whose price is known.
    pub priced: u64,
    /// Energy in kWh.
    pub energy_kwh: Known,
    /// Global warming potential in kg CO₂-equivalent.
    pub gwp_kg: Known,
    /// Water in litres.
    pub wcf_l: Known,
}

/// A sum of ranges, over the calls that have one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Known {
    /// How many calls have one.
    pub calls: u64,
    /// Sum of the lower ends.
    pub min: Quantity,
    /// Sum of the upper ends.
    pub max: Quantity,
}

impl Default for Known {
    fn default() -> Self {
        Self { calls: 0, min: Quantity(0.0), max: Quantity(0.0) }
    }
}

impl Known {
    /// Adds a range; one with an unknown end counts as unknown.
    fn add(&mut self, span: &Span) {
        if span.min.0.is_finite() && span.max.0.is_finite() {
            self.calls += 1;
            self.min.0 += span.min.0;
            self.max.0 += span.max.0;
        }
    }
}

impl Totals {
    /// Adds one call.
    pub fn add(&mut self, call: &Call) {
        self.calls += 1;
        count(&mut self.states, call.state());
        count(&mut self.tenants, call.tenant().as_str());
        let end = call.completion();
        let answered = end.and_then(|it| it.answered_model.as_ref());
        let model = answered.or_else(|| call.announced().and_then(|it| it.requested_model.as_ref()));
        count(&mut self.models, model.map_or("unknown", |it| it.as_str()));
        let Some(end) = end else { return };
        count(&mut self.decisions, end.decision.as_str());
        let mut rules: Vec<String> = end.hits.iter().map(rule).collect();
        rules.sort_unstable();
        rules.dedup();
        rules.iter().for_each(|name| count(&mut self.rules, name));
        self.add_cost(end.cost.as_ref());
        self.add_impact(end.impact.as_ref());
    }

    fn add_cost(&mut self, cost: Option<&Cost>) {
        let Some(cost) = cost else { return };
        self.priced += 1;
        self.cost = PicoUsd(self.cost.0.saturating_add(cost.total.0));
    }

    fn add_impact(&mut self, impact: Option<&Impact>) {
        let Some(impact) = impact else { return };
        self.energy_kwh.add(&impact.energy_kwh);
        self.gwp_kg.add(&impact.gwp_kg);
        if let Some(water) = &impact.wcf_l {
            self.wcf_l.add(water);
        }
    }
}

fn count(counts: &mut BTreeMap<String, u64>, name: &str) {
    match counts.get_mut(name) {
        Some(found) => *found += 1,
        None => drop(counts.insert(name.to_owned(), 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{completion, ended, open};
    use super::*;

    #[test]
    fn known_figures_are_summed_and_unknown_ones_are_not_taken_for_zero() {
        let mut totals = Totals::default();
        totals.add(&ended(completion("allow", 200)));
        totals.add(&ended(completion("blocked", 400)));
        totals.add(&open());
        assert_eq!((totals.calls, totals.priced, totals.cost), (3, 2, PicoUsd(3_000_000)));
        assert_eq!(
            (totals.gwp_kg.calls, totals.gwp_kg.min, totals.gwp_kg.max),
            (2, Quantity(0.2), Quantity(0.4))
        );
        assert_eq!(totals.wcf_l, Known::default(), "the upper end is unknown");
        let counts = |counts: &BTreeMap<String, u64>| {
            counts.iter().map(|(name, count)| format!("{name}={count}")).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(counts(&totals.decisions), "allow=1 blocked=1");
        assert_eq!(counts(&totals.states), "completed=2 open=1");
        assert_eq!(counts(&totals.rules), "p/r=2");
        assert_eq!(counts(&totals.models), "gpt-4o=1 gpt-4o-2024=2");
        assert_eq!(counts(&totals.tenants), "acme=3");
    }
}
