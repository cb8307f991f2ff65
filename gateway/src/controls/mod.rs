//! All controls, in the order in which they see a request: the one registry.

mod carbon;
mod cost;
#[cfg(test)]
mod outcome;

use std::{sync::Arc, time::Duration};

use weir_accounting::{Catalogue, Factors};
use weir_policies::{Control, Fault, Keeper, LexicalScreen, PersonalData, PolicySet, PseudonymKey, TokenIds};

pub use carbon::CarbonMeter;
pub use cost::CostMeter;

use crate::settings::Carbon;

/// What controls are made from.
pub struct Ingredients {
    /// Policies in force.
    pub policies: Arc<PolicySet>,
    /// Key of the pseudonyms.
    pub pseudonym_key: PseudonymKey,
    /// Who keeps values beyond their exchange.
    pub keeper: Option<Arc<dyn Keeper>>,
    /// How long the search of one request may take.
    pub inspection: Duration,
    /// Prices.
    pub catalogue: Arc<Catalogue>,
    /// Sizes of models and electricity mixes.
    pub factors: Arc<Factors>,
    /// What the embedded engine runs on.
    pub carbon: Carbon,
}

/// A control as the registry knows it.
pub struct Entry {
    /// Name in records and metrics.
    pub name: &'static str,
    /// What it does, for a person.
    pub does: &'static str,
    /// What becomes of an exchange that it could not evaluate.
    pub on_fault: &'static str,
    /// Makes the control; fails where the policies can't be turned into one.
    pub make: fn(&Ingredients) -> Result<Box<dyn Control>, Fault>,
}

/// Every control there is.
///
/// The order is that of the request; replies pass in reverse. What nobody can read is judged first. The lexical screen
/// stands before personal data, so that it reads what the caller wrote and not pseudonyms; on the way back it comes last among the two, so that it reads what
/// the caller will read. The meters stand at the end: they read and change nothing.
pub const REGISTRY: [Entry; 5] = [
    Entry {
        name: "token-ids",
        does: "refuses input given as token ids where a rule looks into requests",
        on_fault: "cannot fail",
        make: |given| Ok(Box::new(TokenIds::from(&given.policies))),
    },
    Entry {
        name: "lexical-screen",
        does: "finds listed words and patterns and blocks, pseudonymises or flags them",
        on_fault: "the exchange is refused (503, policy_unavailable) unless the rule's on_fault says otherwise",
        make: |given| {
            let screen = LexicalScreen::from(&given.policies, &given.pseudonym_key)?;
            Ok(Box::new(screen.keeping(given.keeper.clone())))
        },
    },
    Entry {
        name: "personal-data",
        does: "replaces e-mail addresses, phone, card and account numbers by pseudonyms and restores them",
        on_fault: "the exchange is refused (503, policy_unavailable) unless the rule's on_fault says otherwise",
        make: |given| {
            let personal = PersonalData::from(&given.policies, &given.pseudonym_key);
            Ok(Box::new(personal.keeping(given.keeper.clone()).within(given.inspection)))
        },
    },
    Entry {
        name: cost::NAME,
        does: "prices what the exchange used",
        on_fault: "cannot fail; a cost that is not known is recorded as unknown, never as 0",
        make: |given| Ok(Box::new(CostMeter::new(Arc::clone(&given.catalogue)))),
    },
    Entry {
        name: carbon::NAME,
        does: "reckons energy, greenhouse gases and water of the exchange",
        on_fault: "cannot fail; an impact that is not known is recorded as unknown, never as 0",
        make: |given| Ok(Box::new(CarbonMeter::new(Arc::clone(&given.factors), given.carbon.clone()))),
    },
];

/// One of each control, in the order of the registry.
///
/// # Errors
/// The first control's that can't be made.
pub fn all(given: &Ingredients) -> Result<Vec<Box<dyn Control>>, Fault> {
    REGISTRY.iter().map(|entry| (entry.make)(given)).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use weir_policies::{Caller, Slots, Verdict};

    use super::outcome::{Answer, vendor};
    use super::*;

    fn given() -> Ingredients {
        Ingredients {
            policies: Arc::new(PolicySet::baseline().unwrap()),
            pseudonym_key: PseudonymKey::from_bytes([7; 32]),
            keeper: None,
            inspection: Duration::from_secs(30),
            catalogue: Arc::new(Catalogue::shipped()),
            factors: Arc::new(Factors::shipped()),
            carbon: Carbon { zone: "WOR".to_owned(), watts: 10.0 },
        }
    }

    #[test]
    fn every_entry_makes_the_control_it_names() {
        let given = given();
        let controls = all(&given).unwrap();
        let names: Vec<&str> = controls.iter().map(|control| control.name()).collect();
        assert_eq!(names, REGISTRY.map(|entry| entry.name));
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "a name stands twice");
        for entry in &REGISTRY {
            assert!(!entry.does.is_empty() && !entry.on_fault.is_empty(), "{}", entry.name);
        }
    }

    #[test]
    fn the_screen_reads_what_the_caller_wrote() {
        assert_eq!(
            REGISTRY.map(|entry| entry.name),
            ["token-ids", "lexical-screen", "personal-data", "cost", "carbon"]
        );
    }

    #[test]
    fn every_control_lets_an_empty_exchange_pass_and_signs_its_findings() {
        let outcome =
            vendor(&Answer { provider: "openai", requested: "gpt-4o", answered: None, usage: None });
        for control in all(&given()).unwrap() {
            let mut pass = control.begin(&Caller::default());
            assert_eq!(pass.request(&mut Slots::default()), Ok(Verdict::Allow), "{}", control.name());
            assert_eq!(pass.end(&outcome), weir_policies::Findings::none(control.name()));
        }
    }

    #[test]
    fn the_meters_stand_last_and_leave_replies_alone() {
        let controls = all(&given()).unwrap();
        let meters: Vec<_> = controls.iter().rev().take(2).collect();
        assert_eq!(meters.iter().map(|meter| meter.name()).collect::<Vec<_>>(), [carbon::NAME, cost::NAME]);
        for meter in meters {
            assert!(!meter.begin(&Caller::default()).watches_reply(), "{}", meter.name());
        }
    }
}
