//! What an exchange cost, by the price catalogue.

use std::sync::Arc;

use weir_accounting::{Catalogue, Cost, Priced};
use weir_policies::{Caller, Control, Delta, Fault, Findings, Outcome, Pass, Slots, Verdict};

/// Name in records and metrics.
pub(super) const NAME: &str = "cost";

/// Prices every exchange; refuses none.
pub struct CostMeter {
    catalogue: Arc<Catalogue>,
}

impl CostMeter {
    /// A meter with these prices.
    pub fn new(catalogue: Arc<Catalogue>) -> Self {
        Self { catalogue }
    }
}

impl Control for CostMeter {
    fn name(&self) -> &'static str {
        NAME
    }

    fn begin(&self, _caller: &Caller) -> Box<dyn Pass> {
        Box::new(Metering { catalogue: Arc::clone(&self.catalogue) })
    }
}

struct Metering {
    catalogue: Arc<Catalogue>,
}

impl Pass for Metering {
    fn request(&mut self, _slots: &mut Slots) -> Result<Verdict, Fault> {
        Ok(Verdict::Allow)
    }

    fn reply(&mut self, _delta: &mut Delta) -> Result<Verdict, Fault> {
        Ok(Verdict::Allow)
    }

    fn end(self: Box<Self>, outcome: &Outcome) -> Findings {
        Findings { cost: cost(&self.catalogue, outcome), ..Findings::none(NAME) }
    }

    fn watches_reply(&self) -> bool {
        false
    }
}

/// By the model that answered; by the requested one only where the upstream names none, since an
/// answer of another model than was asked for has another price.
fn cost(catalogue: &Catalogue, outcome: &Outcome) -> Option<Cost> {
    let usage = outcome.usage.as_ref()?;
    let model = outcome.answered_model.as_deref().unwrap_or(&outcome.requested_model);
    catalogue.cost(&Priced { provider: &outcome.provider, model, at: outcome.at }, usage)
}

#[cfg(test)]
mod tests {
    use weir_accounting::Usage;

    use super::*;
    use crate::controls::outcome::{Answer, vendor};

    fn total(answer: &Answer<'_>) -> Option<i64> {
        let control = CostMeter::new(Arc::new(Catalogue::shipped()));
        let findings = control.begin(&Caller::default()).end(&vendor(answer));
        assert_eq!((findings.control, findings.impact), (NAME, None));
        findings.cost.map(|cost| cost.total.0)
    }

    #[test]
    fn the_model_that_answered_sets_the_price() {
        let usage = Some(Usage::counted(1000, 500));
        for (answered, expected) in [
            (Some("gpt-4o-mini-2024-07-18"), Some(450_000_000)),
            (None, Some(7_500_000_000)),
            (Some("gpt-from-nowhere"), None),
        ] {
            let answer = Answer { provider: "openai", requested: "gpt-4o", answered, usage };
            assert_eq!(total(&answer), expected, "{answered:?}");
        }
    }

    #[test]
    fn what_is_not_known_is_not_zero() {
        let usage = Some(Usage::counted(1000, 500));
        for (provider, usage) in [("openai", None), ("unknown", usage), ("local", usage)] {
            let answer = Answer { provider, requested: "gpt-4o", answered: None, usage };
            assert_eq!(total(&answer), None, "{provider}");
        }
    }
}
