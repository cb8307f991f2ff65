//! Runs the tests that stand in policy files.

use std::sync::Arc;
use std::time::SystemTime;

use crate::document::Problem;
use crate::policy::{Expected, Policy, Trial};
use crate::reply::{Channel, Part};
use crate::slot::{Kind, Role, Slot, Slots};
use crate::tally::Decision;
use crate::{
    Control, Delta, Enforcement, Fault, LexicalScreen, Outcome, Pass, PersonalData, PolicySet, PseudonymKey,
    Verdict,
};

/// How the tests of a set went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestReport {
    /// Tests that were run.
    pub run: usize,
    /// What failed: the place of the test, and how it failed.
    pub failures: Vec<Problem>,
    /// Rules that no test made match, as `policy/rule`.
    pub untested: Vec<String>,
}

impl PolicySet {
    /// Runs every test against its own policy alone, as if it were enforced.
    pub fn run_tests(&self) -> TestReport {
        let mut report = TestReport { run: 0, failures: Vec::new(), untested: Vec::new() };
        for policy in &self.policies {
            let policy = enforced(policy);
            let mut matched: Vec<String> = Vec::new();
            for trial in &policy.tests {
                report.run += 1;
                let failure = match run(&Arc::new(self.only(&policy)), trial) {
                    Ok(run) => {
                        let failure = run.failure(trial);
                        matched.extend(run.rules);
                        failure
                    }
                    Err(fault) => Some(fault.to_string()),
                };
                report.failures.extend(failure.map(|message| problem(trial, message)));
            }
            let untested = policy.rules.iter().filter(|rule| !matched.contains(&rule.id));
            report.untested.extend(untested.map(|rule| format!("{}/{}", policy.name, rule.id)));
        }
        report
    }
}

fn enforced(policy: &Policy) -> Policy {
    let mut policy = policy.clone();
    for rule in &mut policy.rules {
        Arc::make_mut(rule).mode = Enforcement::Enforce;
    }
    policy
}

fn problem(trial: &Trial, message: String) -> Problem {
    Problem {
        file: trial.file.clone(),
        line: trial.spot.line,
        column: trial.spot.column,
        path: trial.spot.path.clone(),
        message: format!("test `{}` failed: {message}", trial.name),
        suggestion: None,
    }
}

/// What came of a test.
struct Run {
    verdict: Verdict,
    passed_on: Vec<String>,
    rules: Vec<String>,
}

impl Run {
    fn failure(&self, trial: &Trial) -> Option<String> {
        let decided = match self.verdict {
            Verdict::Allow => Expected::Allowed,
            Verdict::Flagged => Expected::Flagged,
            Verdict::Transformed => Expected::Transformed,
            Verdict::Deny(_) => Expected::Blocked,
        };
        let name = |expected: Expected| format!("{expected:?}").to_lowercase();
        match trial.expect.action {
            Some(action) if action != decided => {
                return Some(format!("expected {}, was {}", name(action), name(decided)));
            }
            _ => {}
        }
        let holds = |text: &String| self.passed_on.iter().any(|passed| passed.contains(text.as_str()));
        if trial.expect.absent.iter().any(holds) {
            return Some("what should be absent was passed on".to_owned());
        }
        if !trial.expect.present.iter().all(holds) {
            return Some("what should be present was not passed on".to_owned());
        }
        None
    }
}

fn run(policies: &Arc<PolicySet>, trial: &Trial) -> Result<Run, Fault> {
    let key = PseudonymKey::from_bytes([0; 32]);
    let controls: [Box<dyn Control>; 2] =
        [Box::new(LexicalScreen::from(policies, &key)?), Box::new(PersonalData::from(policies, &key))];
    let mut passes: Vec<Box<dyn Pass>> =
        controls.iter().map(|control| control.begin(&trial.caller)).collect();
    let mut decision = Decision::new();
    let mut passed_on = Vec::new();
    if let Some(text) = &trial.request {
        let slot = Slot::new("/messages/0/content".to_owned(), Role::User, Kind::Prose, text.clone());
        let mut slots: Slots = std::iter::once(slot).collect();
        for pass in &mut passes {
            decision.tighten(pass.request(&mut slots)?);
        }
        if !matches!(decision.0, Verdict::Deny(_)) {
            passed_on.extend(slots.iter().map(|slot| slot.text().to_owned()));
        }
    }
    if let Some(text) = &trial.reply {
        let channel = Channel { choice: 0, part: Part::Text };
        let mut delta = Delta { channel, kind: Kind::Prose, text: text.clone(), last: true };
        for pass in passes.iter_mut().rev() {
            decision.tighten(pass.reply(&mut delta)?);
        }
        if !matches!(decision.0, Verdict::Deny(_)) {
            passed_on.push(delta.text);
        }
    }
    // Tests have no upstream.
    let outcome = Outcome::bare(SystemTime::UNIX_EPOCH);
    let hits = passes.into_iter().flat_map(|pass| pass.end(&outcome).hits);
    Ok(Run { verdict: decision.0, passed_on, rules: hits.map(|hit| hit.rule).collect() })
}
