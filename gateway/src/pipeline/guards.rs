//! The controls at work on one exchange, as one: the most restrictive verdict wins, a fault or a panic refuses.

use std::panic::{AssertUnwindSafe, catch_unwind};

use weir_audit::Decision;
use weir_policies::{Caller, Control, Delta, Denial, Fault, Findings, Outcome, Pass, Slots, Verdict};

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
            let verdict = caught(control, || pass.request(slots))?;
            worst = worst.max(verdict);
            if matches!(worst, Verdict::Deny(_)) {
                break;
            }
        }
        self.watching = self.passes.iter().any(|(_, pass)| pass.watches_reply());
        self.take(worst).map_err(Refusal::Denied)
    }

    /// Largest request body that all controls judge without holding up others.
    pub fn light(&self) -> usize {
        self.passes.iter().map(|(_, pass)| pass.light()).min().unwrap_or(usize::MAX)
    }

    /// Names of the pseudonyms that stand for values of the request.
    pub fn names(&self) -> Vec<String> {
        self.passes.iter().flat_map(|(_, pass)| pass.names()).collect()
    }

    /// Waits for what must be done before the request leaves: values that a rule demands to be kept.
    ///
    /// # Errors
    /// [`Refusal::PolicyUnavailable`] when they can't be kept, or not in time.
    pub async fn settled(&mut self) -> Result<(), Refusal> {
        for (control, pass) in &mut self.passes {
            let Some(promise) = pass.awaits() else { continue };
            if promise.await.is_err() {
                tracing::error!(control, "values that a rule demands to be kept can't be");
                metrics::counter!("weir_control_faults_total", "control" => *control).increment(1);
                return Err(Refusal::PolicyUnavailable { control });
            }
        }
        Ok(())
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
            let verdict = caught(control, || pass.reply(delta))?;
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
        let end = |(control, pass): (_, Box<dyn Pass>)| {
            // What panicked once may do so again: the record then goes without its findings.
            caught(control, || Ok(pass.end(outcome))).unwrap_or_else(|_| Findings::none(control))
        };
        self.passes.drain(..).map(end).collect()
    }
}

/// What a control says. One that panics is one that could not evaluate: nothing passes because of it.
fn caught<T>(control: &'static str, ask: impl FnOnce() -> Result<T, Fault>) -> Result<T, Refusal> {
    // The control is asked for nothing more after a panic, but for its findings.
    let said = catch_unwind(AssertUnwindSafe(ask));
    said.unwrap_or(Err(Fault::Failed { control, reason: "it panicked" }))
        .map_err(|fault| faulty(control, &fault))
}

fn faulty(control: &'static str, fault: &Fault) -> Refusal {
    tracing::error!(control, %fault, "a control could not evaluate");
    metrics::counter!("weir_control_faults_total", "control" => control).increment(1);
    Refusal::PolicyUnavailable { control }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use weir_policies::{Channel, Kind, Part};

    use super::*;

    /// Panics at one of its steps, with what it was shown in the message.
    struct Panics(&'static str);

    impl Control for Panics {
        fn name(&self) -> &'static str {
            "panics"
        }

        fn begin(&self, _caller: &Caller) -> Box<dyn Pass> {
            Box::new(Self(self.0))
        }
    }

    impl Panics {
        fn step(&self, step: &str, shown: &str) {
            assert_ne!(self.0, step, "{shown}");
        }
    }

    impl Pass for Panics {
        fn request(&mut self, _slots: &mut Slots) -> Result<Verdict, Fault> {
            self.step("request", "ada@example.com");
            Ok(Verdict::Allow)
        }

        fn reply(&mut self, delta: &mut Delta) -> Result<Verdict, Fault> {
            self.step("reply", &delta.text);
            Ok(Verdict::Allow)
        }

        fn end(self: Box<Self>, _outcome: &Outcome) -> Findings {
            self.step("end", "ada@example.com");
            Findings { redactions: vec![("PERSON".to_owned(), 1)], ..Findings::none("panics") }
        }
    }

    #[test]
    fn a_control_that_panics_refuses_and_the_others_still_have_their_say() {
        let outcome = Outcome::bare(SystemTime::UNIX_EPOCH);
        for step in ["request", "reply", "end", "nowhere"] {
            let controls: [Box<dyn Control>; 2] = [Box::new(Panics("nowhere")), Box::new(Panics(step))];
            let mut guards = Guards::begin(&controls, &Caller::default());
            let channel = Channel { choice: 0, part: Part::Text };
            let mut delta = Delta { channel, kind: Kind::Prose, text: "ada@example.com".into(), last: true };
            let refused = [guards.request(&mut Slots::default()), guards.reply(&mut delta)]
                .into_iter()
                .filter_map(Result::err)
                .map(|refusal| refusal.to_string())
                .collect::<Vec<_>>();
            assert_eq!(refused.len(), usize::from(["request", "reply"].contains(&step)), "{step}");
            assert!(refused.iter().all(|it| it.contains("`panics`") && !it.contains("ada")), "{refused:?}");
            let found = guards.end(&outcome);
            let told = found.iter().map(|it| it.redactions.len()).collect::<Vec<_>>();
            assert_eq!(told, if step == "end" { [1, 0] } else { [1, 1] }, "{step}");
        }
    }
}
