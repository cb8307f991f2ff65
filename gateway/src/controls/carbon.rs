//! What an exchange emitted: a vendor's model by EcoLogits' method, the embedded engine by its CPU time.

use std::sync::Arc;

use weir_accounting::{Factors, Impact, Range, Served};
use weir_policies::{Caller, Control, Delta, Fault, Findings, Outcome, Pass, Slots, Verdict};

use crate::settings::Carbon;

/// Name in records and metrics.
pub(super) const NAME: &str = "carbon";

/// Reckons the impact of every exchange; refuses none.
pub struct CarbonMeter {
    reckoning: Arc<Reckoning>,
}

struct Reckoning {
    factors: Arc<Factors>,
    carbon: Carbon,
}

impl CarbonMeter {
    /// A meter with these factors; `carbon` says what the embedded engine runs on.
    pub fn new(factors: Arc<Factors>, carbon: Carbon) -> Self {
        Self { reckoning: Arc::new(Reckoning { factors, carbon }) }
    }
}

impl Control for CarbonMeter {
    fn name(&self) -> &'static str {
        NAME
    }

    fn begin(&self, _caller: &Caller) -> Box<dyn Pass> {
        Box::new(Metering { reckoning: Arc::clone(&self.reckoning) })
    }
}

struct Metering {
    reckoning: Arc<Reckoning>,
}

impl Pass for Metering {
    fn request(&mut self, _slots: &mut Slots) -> Result<Verdict, Fault> {
        Ok(Verdict::Allow)
    }

    fn reply(&mut self, _delta: &mut Delta) -> Result<Verdict, Fault> {
        Ok(Verdict::Allow)
    }

    fn end(self: Box<Self>, outcome: &Outcome) -> Findings {
        Findings { impact: self.reckoning.impact(outcome), ..Findings::none(NAME) }
    }

    fn watches_reply(&self) -> bool {
        false
    }
}

impl Reckoning {
    /// Measured CPU time tells more than a model of somebody else's servers, so it goes first.
    fn impact(&self, outcome: &Outcome) -> Option<Impact> {
        if let Some(cpu) = outcome.cpu {
            return self.factors.local(cpu, Range::exactly(self.carbon.watts), &self.carbon.zone);
        }
        let usage = outcome.usage.as_ref()?;
        let model = outcome.answered_model.as_deref().unwrap_or(&outcome.requested_model);
        let served = Served { provider: &outcome.provider, model, zone: None };
        self.factors.vendor(&served, usage.output, outcome.latency)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use weir_accounting::Usage;
    use weir_policies::Outcome;

    use super::*;
    use crate::controls::outcome::{Answer, vendor};

    fn impact(outcome: &Outcome) -> Option<Impact> {
        let carbon = Carbon { zone: "FRA".to_owned(), watts: 10.0 };
        let control = CarbonMeter::new(Arc::new(Factors::shipped()), carbon);
        let findings = control.begin(&Caller::default()).end(outcome);
        assert_eq!((findings.control, findings.cost), (NAME, None));
        findings.impact
    }

    fn answer(provider: &str) -> Outcome {
        let usage = Some(Usage::counted(1000, 400));
        vendor(&Answer { provider, requested: "gpt-4o", answered: Some("gpt-4o-mini"), usage })
    }

    #[test]
    fn a_vendors_answer_goes_by_its_tokens() {
        let impact = impact(&answer("openai")).unwrap();
        assert_eq!((impact.method, &*impact.zone), ("ecologits/0.11.3", "USA"));
        assert!(impact.energy_kwh.min > 0.0 && impact.energy_kwh.min <= impact.energy_kwh.max);
    }

    #[test]
    fn the_embedded_engine_goes_by_its_cpu_time() {
        let outcome = Outcome { cpu: Some(Duration::from_secs(3600)), ..answer("local") };
        let impact = impact(&outcome).unwrap();
        assert_eq!((impact.method, &*impact.zone), ("cpu-seconds-x-watts/1", "FRA"));
        assert_eq!(impact.energy_kwh, Range::exactly(0.01));
    }

    #[test]
    fn what_is_not_known_is_not_zero() {
        assert_eq!(impact(&answer("unknown")), None);
        assert_eq!(impact(&Outcome { usage: None, ..answer("openai") }), None);
    }
}
