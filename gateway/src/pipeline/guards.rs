//! The controls at work on one exchange, as one: the most restrictive verdict wins, a fault refuses.

use weir_audit::Decision;
use weir_policies::{Caller, Control, Delta, Denial, Findings, Outcome, Pass, Slots, Verdict};

use crate::refusal::Refusal;

/// One pass of every control.
pub struct Guards {
    passes: Vec<(&'static str, Box<dyn Pass>)>,
    decision: Decision,
    watching: bool,
}

impl Guards {
    /// Starts every control on an exchange.
    pub fn begin(controls: &[Box<dyn Control>], caller: &Caller) -> Self {
        let passes = controls.iter().map(|control| (control.name(), control.begin(caller))).collect();
        Self { passes, decision: Decision::Allow, watching: false }
    }

    /// Judges and edits the request.
    ///
    /// # Errors
    /// [`Refusal::Denied`], or [`Refusal::PolicyUnavailable`] when a control could not evaluate.
    pub fn request(&mut self, slots: &mut Slots) -> Result<(), Refusal> {
        let mut worst = Verdict::Allow;
        for (control, pass) in &mut self.passes {
            let verdict = pass.request(slots).map_err(|fault| faulty(control, &fault))?;
            worst = worst.max(verdict);
            if matches!(worst, Verdict::Deny(_)) {
                break;
            }
        }
        self.watching = self.passes.iter().any(|(_, pass)| pass.watches_reply());
        self.take(worst).map_err(Refusal::Denied)
    }

    /// Whether any control wants to see the reply's text.
    pub fn watch_reply(&self) -> bool {
        self.watching
    }

    /// Judges and edits a piece of the reply: the last control first, so that what it put into the request is
    /// taken back before the control that stood before it looks.
    ///
    /// # Errors
    /// As [`Guards::request`].
    pub fn reply(&mut self, delta: &mut Delta) -> Result<(), Refusal> {
        let verdict = self.judge(delta)?;
        self.take(verdict).map_err(Refusal::Denied)
    }

    fn judge(&mut self, delta: &mut Delta) -> Result<Verdict, Refusal> {
        let mut worst = Verdict::Allow;
        for (control, pass) in self.passes.iter_mut().rev() {
            if !pass.watches_reply() {
                continue;
            }
            let verdict = pass.reply(delta).map_err(|fault| faulty(control, &fault))?;
            worst = worst.max(verdict);
            if matches!(worst, Verdict::Deny(_)) {
                break;
            }
        }
        Ok(worst)
    }

    fn take(&mut self, verdict: Verdict) -> Result<(), Denial> {
        let decision = match verdict {
            Verdict::Allow => return Ok(()),
            Verdict::Flagged => Decision::Flagged,
            Verdict::Transformed => Decision::Transformed,
            Verdict::Deny(denial) => {
                self.decision = Decision::Blocked;
                return Err(denial);
            }
        };
        // Flagged outranks transformed for readers of the log: it asks for a person's attention.
        if self.decision == Decision::Allow || decision == Decision::Flagged {
            self.decision = decision;
        }
        Ok(())
    }

    /// What was decided so far.
    pub fn decision(&self) -> Decision {
        self.decision
    }

    /// Ends every control and gathers what the record keeps. A second call finds nothing more.
    pub fn end(&mut self, outcome: &Outcome) -> Vec<Findings> {
        self.passes.drain(..).map(|(_, pass)| pass.end(outcome)).collect()
    }
}

fn faulty(control: &'static str, fault: &weir_policies::Fault) -> Refusal {
    tracing::error!(control, %fault, "a control could not evaluate");
    metrics::counter!("weir_control_faults_total", "control" => control).increment(1);
    Refusal::PolicyUnavailable { control }
}
