//! Pseudonyms that are kept beyond their exchange.

use std::sync::{Arc, Mutex};

use weir_policies::{Caller, Control, Keeper, Kind, NotKept, Pair, PersonalData};

use crate::support::*;

/// Keeps pairs, or refuses to.
#[derive(Default)]
struct Shelf {
    pairs: Mutex<Vec<Pair>>,
    refuses: bool,
}

impl Keeper for Shelf {
    fn keep(&self, caller: &Caller, pairs: Vec<Pair>) -> Result<(), NotKept> {
        assert_eq!(caller.tenant, "acme");
        if self.refuses {
            return Err(NotKept);
        }
        self.pairs.lock().unwrap().extend(pairs);
        Ok(())
    }
}

#[test]
fn an_earlier_pseudonym_comes_back_and_the_callers_text_that_looks_like_it_does_not() {
    for then in ["pseudonymise", "{pseudonymise: {mode: surrogate}}"] {
        let shelf = Arc::new(Shelf::default());
        let control = PersonalData::from(&rule(then), &key()).keeping(Some(shelf.clone()));
        let text = "anna@acme.test, Anna@acme.test, +49 30 1234567";
        let sent = send(control.begin(&caller("acme")).as_mut(), Kind::Prose, text);
        let pairs: Vec<Pair> = shelf.pairs.lock().unwrap().clone();
        assert_eq!(pairs.len(), 3);
        let later = Caller { earlier: pairs.into(), ..caller("acme") };
        let mut pass = control.begin(&later);
        assert_eq!(send(pass.as_mut(), Kind::Prose, "who?"), "who?");
        assert!(pass.watches_reply());
        assert_eq!(back(pass.as_mut(), Kind::Prose, &sent, &[5, 20, 31]), text);
        // The same value keeps its pseudonym.
        let mut pass = control.begin(&later);
        assert_eq!(send(pass.as_mut(), Kind::Prose, text), sent);
        // What the caller writes is never resolved.
        let own = sent.replace("+49", "tel");
        let mut pass = control.begin(&later);
        let escaped = send(pass.as_mut(), Kind::Prose, &own);
        assert_eq!(back(pass.as_mut(), Kind::Prose, &escaped, &[]), own, "{escaped}");
        // Somebody else's exchange knows none of them.
        let mut pass = control.begin(&caller("acme"));
        send(pass.as_mut(), Kind::Prose, "who?");
        assert_eq!(back(pass.as_mut(), Kind::Prose, &sent, &[]), sent);
    }
}

#[test]
fn an_exchange_goes_on_where_nothing_can_be_kept() {
    for keeper in [None, Some(Arc::new(Shelf { refuses: true, ..Shelf::default() }) as Arc<dyn Keeper>)] {
        let control = PersonalData::from(&rule("pseudonymise"), &key()).keeping(keeper);
        let mut pass = control.begin(&caller("acme"));
        let sent = send(pass.as_mut(), Kind::Prose, "to anna@acme.test");
        assert!(!sent.contains("anna"), "{sent}");
        assert_eq!(back(pass.as_mut(), Kind::Prose, &sent, &[]), "to anna@acme.test");
    }
}
