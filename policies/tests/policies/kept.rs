//! Pseudonyms that are kept beyond their exchange.

use std::future::ready;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use weir_policies::{Caller, Control, Keeper, Kind, NotKept, Pair, PersonalData, Promise};

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

    fn promise(&self, caller: &Caller, pairs: Vec<Pair>) -> Promise {
        Box::pin(ready(self.keep(caller, pairs)))
    }
}

fn kept(mut promise: Promise) -> Result<(), NotKept> {
    match promise.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(kept) => kept,
        Poll::Pending => panic!("it is not ready"),
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

#[test]
fn a_call_waits_for_what_a_rule_demands_to_be_kept_and_for_nothing_else() {
    let keeper = |refuses| Some(Arc::new(Shelf { refuses, ..Shelf::default() }) as Arc<dyn Keeper>);
    let demanding = "{pseudonymise: {vault: required}}";
    for (then, keeper, text, expect) in [
        (demanding, keeper(false), "to anna@acme.test", Some(Ok(()))),
        (demanding, keeper(true), "to anna@acme.test", Some(Err(NotKept))),
        (demanding, None, "to anna@acme.test", Some(Err(NotKept))),
        (demanding, None, "to nobody", None),
        (
            "{pseudonymise: {mode: surrogate, vault: required}}",
            keeper(true),
            "to anna@acme.test",
            Some(Err(NotKept)),
        ),
        ("{pseudonymise: {vault: optional}}", keeper(true), "to anna@acme.test", None),
        ("pseudonymise", None, "to anna@acme.test", None),
    ] {
        let control = PersonalData::from(&rule(then), &key()).keeping(keeper);
        let mut pass = control.begin(&caller("acme"));
        send(pass.as_mut(), Kind::Prose, text);
        assert_eq!(pass.awaits().map(kept), expect, "{then}: {text}");
        assert!(pass.awaits().is_none(), "{then}: {text}");
    }
}

#[test]
fn a_term_of_a_list_is_demanded_to_be_kept_as_well() {
    let policy = set(
        "lists: {codename: {words: [nightjar]}}\nrules:\n  - id: r\n    on: request\n    find: codename\n    \
         then: {pseudonymise: {vault: required}}\n",
    );
    let mut pass = lexical(&policy);
    send(pass.as_mut(), Kind::Prose, "What is Nightjar?");
    assert_eq!(pass.awaits().map(kept), Some(Err(NotKept)));
}

#[test]
fn a_vault_is_demanded_only_where_something_is_kept_and_named_where_there_is_none() {
    let check = |on: &str, rest: &str, expect: &str| {
        let text = format!("rules:\n  - id: r\n    on: {on}\n    {FIND}\n    {rest}\n");
        let problems = parse(&text).err().unwrap_or_default();
        assert!(problems.contains(expect), "{rest}: {problems}");
    };
    check("request", "then: {redact: {vault: required}}", "belongs to pseudonymise");
    check("reply", "then: {pseudonymise: {vault: required}}", "belongs to rules on requests");
    check("request", "then: {pseudonymise: {vault: sqlite}}", "expected one of required, optional");
    check(
        "request",
        "then: {pseudonymise: {vault: required}}\n    on_fault: allow",
        "goes without `on_fault: allow`",
    );
    let demands = rule("{pseudonymise: {vault: required}}").demands();
    let told = demands.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert!(
        told.len() == 1
            && told[0].starts_with("p.yaml:8:")
            && told[0].contains("pseudonyms: {vault: sqlite}"),
        "{told:?}"
    );
    assert!(rule("{pseudonymise: {vault: optional}}").demands().is_empty());
}
