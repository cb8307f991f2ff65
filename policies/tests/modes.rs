//! Every mode at work: what leaves, what comes back, and for whom.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    reason = "a failed expectation should fail the test"
)]

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use proptest::prelude::*;
use weir_policies::{
    Caller, Channel, Control, Delta, Findings, Keeper, Kind, LexicalScreen, NotKept, Outcome, Pair, Part,
    Pass, PersonalData, PolicySet, PseudonymKey, Role, Slot, Slots, Verdict,
};

const FIND: &str = "find: [email_address, phone_number, credit_card, iban_code]";
const TEXT: &str = "Mail anna.muster@acme.test, card 4012 8888 8888 1881, IBAN DE89 3704 0044 0532 0130 00, \
                    GB29 NWBK 6016 1331 9268 19, call +49 30 1234567 or +44 20 7183 8750.";
const VALUES: [&str; 6] = [
    "anna.muster@acme.test",
    "4012 8888 8888 1881",
    "DE89 3704 0044 0532 0130 00",
    "GB29 NWBK 6016 1331 9268 19",
    "+49 30 1234567",
    "+44 20 7183 8750",
];

fn key() -> PseudonymKey {
    PseudonymKey::from_bytes([1; 32])
}

fn parse(rules: &str) -> Result<Arc<PolicySet>, String> {
    let text = format!("weir: v1\npolicy: p\nowner: o\n{rules}");
    let lines = |problems: Vec<weir_policies::document::Problem>| {
        problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    PolicySet::parse(&[("p.yaml".to_owned(), text)]).map(Arc::new).map_err(lines)
}

fn set(rules: &str) -> Arc<PolicySet> {
    parse(rules).unwrap_or_else(|problems| panic!("{problems}"))
}

fn rule(then: &str) -> Arc<PolicySet> {
    set(&format!("rules:\n  - id: r\n    on: request\n    {FIND}\n    then: {then}\n"))
}

fn caller() -> Caller {
    Caller { tenant: "acme".to_owned(), ..Caller::default() }
}

fn begin(set: &Arc<PolicySet>) -> Box<dyn Pass> {
    PersonalData::from(set, &key()).begin(&caller())
}

fn end(pass: Box<dyn Pass>) -> Findings {
    pass.end(&Outcome {
        status: 200,
        upstream: "u".into(),
        provider: "p".into(),
        requested_model: "m".into(),
        answered_model: None,
        usage: None,
        latency: Duration::ZERO,
        cpu: None,
        at: SystemTime::UNIX_EPOCH,
    })
}

/// What is sent of one text.
fn send(pass: &mut dyn Pass, kind: Kind, text: &str) -> String {
    let slot = Slot::new("/x".to_owned(), Role::User, kind, text.to_owned());
    let mut slots: Slots = std::iter::once(slot).collect();
    pass.request(&mut slots).unwrap();
    slots.iter().map(|slot| slot.text().to_owned()).collect()
}

fn reply(pass: &mut dyn Pass, kind: Kind, text: &str, cuts: &[usize]) -> String {
    let mut ends: Vec<usize> =
        cuts.iter().map(|cut| text.floor_char_boundary(cut % (text.len() + 1))).collect();
    ends.extend([0, text.len()]);
    ends.sort_unstable();
    let mut out = String::new();
    for (index, pair) in ends.windows(2).enumerate() {
        let channel = Channel { choice: 0, part: Part::Text };
        let last = index + 2 == ends.len();
        let mut delta = Delta { channel, kind, text: text[pair[0]..pair[1]].to_owned(), last };
        pass.reply(&mut delta).unwrap();
        out.push_str(&delta.text);
    }
    out
}

/// What is sent, and what comes back when the model repeats it.
fn round(then: &str, text: &str) -> (String, String) {
    let mut pass = begin(&rule(then));
    let sent = send(pass.as_mut(), Kind::Prose, text);
    let back = reply(pass.as_mut(), Kind::Prose, &sent, &[]);
    (sent, back)
}

fn all_absent(sent: &str) {
    for value in VALUES {
        assert!(!sent.contains(value), "{value} in {sent}");
    }
}

#[test]
fn surrogates_are_of_the_same_kind_and_come_back() {
    let (sent, back) = round("{pseudonymise: {mode: surrogate}}", TEXT);
    all_absent(&sent);
    assert!(!sent.contains('⟦'), "{sent}");
    assert_eq!(back, TEXT);
    // What was put in is found again as what it stands for: valid, and of the same type.
    let mut again = begin(&rule("pseudonymise"));
    let tokens = send(again.as_mut(), Kind::Prose, &sent);
    for (kind, count) in [("EMAIL_ADDRESS", 1), ("CREDIT_CARD", 1), ("IBAN_CODE", 2), ("PHONE_NUMBER", 2)] {
        assert_eq!(tokens.matches(&format!("⟦{kind}_")).count(), count, "{kind} in {sent} → {tokens}");
    }
    assert!(sent.contains("4242 42") && sent.contains("@example."), "{sent}");
}

#[test]
fn the_same_value_has_the_same_surrogate_in_every_exchange_of_a_tenant() {
    let sent = |tenant: &str, text: &str| {
        let caller = Caller { tenant: tenant.to_owned(), ..Caller::default() };
        let mut pass = PersonalData::from(&rule("{pseudonymise: {mode: surrogate}}"), &key()).begin(&caller);
        send(pass.as_mut(), Kind::Prose, text)
    };
    let first = sent("acme", "to anna@acme.test");
    assert_eq!(sent("acme", "to anna@acme.test"), first);
    assert!(sent("acme", "+49 30 1234567 to ANNA@acme.test").ends_with(first.split_once(' ').unwrap().1));
    assert_ne!(sent("beta", "to anna@acme.test"), first);
}

#[test]
fn every_spelling_of_a_value_comes_back_as_it_was() {
    for text in [
        "anna@acme.test, Anna@Acme.test and ANNA@ACME.TEST",
        "4012888888881881, 4012 8888 8888 1881 or 4012-8888-8888-1881",
        "DE89370400440532013000 is DE89 3704 0044 0532 0130 00",
        "+49 30 1234567, +49301234567 and +49-30-1234567",
    ] {
        let (sent, back) = round("{pseudonymise: {mode: surrogate}}", text);
        assert_ne!(sent, text);
        assert_eq!(back, text, "{sent}");
    }
}

#[test]
fn what_models_do_to_surrogates_is_tolerated() {
    let check = |value: &str, change: &dyn Fn(&str) -> String| {
        let mut pass = begin(&rule("{pseudonymise: {mode: surrogate}}"));
        let sent = send(pass.as_mut(), Kind::Prose, value);
        let written = change(&sent);
        assert_eq!(
            reply(pass.as_mut(), Kind::Prose, &format!("({written})."), &[]),
            format!("({value})."),
            "{written}"
        );
    };
    check("anna@acme.test", &|it| it.to_uppercase());
    check("+1 415 200 1234", &|it| it.replace(' ', ""));
    check("+1 415 200 1234", &|it| it.replace(' ', "-"));
    check("+1 415 200 1234", &|it| format!("{} ({}) {}", &it[..2], &it[3..6], &it[7..]));
    check("4012 8888 8888 1881", &|it| it.replace(' ', ""));
    check("4012888888881881", &|it| format!("{} {}", &it[..4], &it[4..]));
}

#[test]
fn where_a_surrogate_is_encoded_its_value_is_too() {
    let mut pass = begin(&rule("{pseudonymise: {mode: surrogate}}"));
    let sent = send(pass.as_mut(), Kind::Prose, "anna@acme.test");
    let link = format!("mailto:{}?subject=x", sent.replace('@', "%40"));
    assert_eq!(reply(pass.as_mut(), Kind::Prose, &link, &[]), "mailto:anna%40acme.test?subject=x");
}

#[test]
fn what_only_contains_a_surrogate_is_left_alone() {
    let mut pass = begin(&rule("{pseudonymise: {mode: surrogate}}"));
    let sent = send(pass.as_mut(), Kind::Prose, "anna@acme.test and 4012888888881881");
    let (mail, card) = sent.split_once(" and ").unwrap();
    for text in [
        format!("x{mail}"),
        format!("{mail}x"),
        format!("dr.{mail}"),
        format!("{mail}.au"),
        format!("{mail}-x"),
        format!("1{card}"),
        format!("{card}1"),
        mail[..mail.len() - 1].to_owned(),
    ] {
        assert_eq!(reply(pass.as_mut(), Kind::Prose, &text, &[]), text);
    }
    assert_eq!(
        reply(pass.as_mut(), Kind::Prose, &format!("{mail}. {mail}, \"{card}\""), &[]),
        "anna@acme.test. anna@acme.test, \"4012888888881881\""
    );
}

#[test]
fn text_that_looks_like_a_surrogate_stays_the_callers_own() {
    let mut pass = begin(&rule("{pseudonymise: {mode: surrogate}}"));
    let surrogate = send(pass.as_mut(), Kind::Prose, "anna@acme.test");
    // The caller's own text is the surrogate of another value: in any case, and beside that value. It is found as
    // an address itself here; where the rule finds only cards it stays as it is.
    for own in [surrogate.clone(), surrogate.to_uppercase()] {
        let text = format!("{own} is not anna@acme.test");
        let (sent, back) = round("{pseudonymise: {mode: surrogate}}", &text);
        assert_eq!(back, text, "{sent}");
        assert!(!sent.contains(&surrogate), "{sent}");
    }
    let cards = |text: &str| {
        let rules = "rules:\n  - id: r\n    on: request\n    find: credit_card\n    \
                     then: {pseudonymise: {mode: surrogate}}\n";
        let mut pass = begin(&set(rules));
        let sent = send(pass.as_mut(), Kind::Prose, text);
        let back = reply(pass.as_mut(), Kind::Prose, &sent, &[]);
        (sent, back)
    };
    let (card, _) = cards("4012888888881881");
    let text = format!("4012888888881881 ref A{}", card);
    let (sent, back) = cards(&text);
    assert_eq!(back, text, "{sent}");
    assert!(!sent.starts_with(&card), "{sent}");
}

#[test]
fn in_json_a_restored_value_is_escaped() {
    let mut pass = begin(&rule("{pseudonymise: {mode: surrogate}}"));
    let sent = send(pass.as_mut(), Kind::Arguments, r#"{"to":"o'hara@acme.test","n":1}"#);
    assert!(!sent.contains("hara@acme"), "{sent}");
    assert_eq!(reply(pass.as_mut(), Kind::Arguments, &sent, &[]), r#"{"to":"o'hara@acme.test","n":1}"#);
}

#[test]
fn a_mask_keeps_the_last_signs_and_at_most_half() {
    let mask = |keep: u8, text: &str| round(&format!("{{redact: {{mode: mask, keep_last: {keep}}}}}"), text);
    let (sent, back) = mask(4, "card 4012 8888 8888 1881.");
    assert_eq!(sent, "card **** **** **** 1881.");
    assert_eq!(back, sent);
    assert_eq!(mask(0, "anna@acme.test").0, "****@****.****");
    assert_eq!(round("redact", "anna@acme.test").0, "****@****.****");
    assert_eq!(mask(8, "a@bc.de").0, "*@**.de");
}

#[test]
fn hash_and_drop_and_encrypt_do_not_come_back() {
    for mode in ["hash", "drop", "encrypt", "mask"] {
        let (sent, back) = round(&format!("{{redact: {{mode: {mode}}}}}"), TEXT);
        all_absent(&sent);
        assert_eq!(back, sent, "{mode}");
    }
    let hash = |text| round("{redact: {mode: hash}}", text).0;
    assert_eq!(hash("anna@acme.test"), hash("ANNA@acme.test"));
    assert_ne!(hash("anna@acme.test"), hash("anne@acme.test"));
    assert_eq!(hash("anna@acme.test").len(), "EMAIL_ADDRESS:".len() + 32);
    assert_eq!(round("{redact: {mode: drop}}", "to anna@acme.test!").0, "to !");
}

#[test]
fn the_key_opens_what_was_encrypted_for_the_same_tenant() {
    let (sent, _) = round("{redact: {mode: encrypt}}", "Anna@acme.test");
    let opened = Some(("EMAIL_ADDRESS".to_owned(), "Anna@acme.test".to_owned()));
    assert_eq!(key().open("acme", &sent), opened);
    assert_eq!(key().open("beta", &sent), None);
    assert_eq!(PseudonymKey::from_bytes([2; 32]).open("acme", &sent), None);
}

#[test]
fn names_and_ids_take_what_they_can_hold() {
    for mode in [
        "pseudonymise: {mode: surrogate}",
        "redact: {mode: mask}",
        "redact: {mode: hash}",
        "redact: {mode: encrypt}",
        "redact: {mode: drop}",
    ] {
        let mut pass = begin(&rule(&format!("{{{mode}}}")));
        let sent = send(pass.as_mut(), Kind::Identifier, "anna@acme.test");
        assert!(
            !sent.is_empty() && sent.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'),
            "{mode}: {sent}"
        );
    }
}

#[test]
fn types_may_have_modes_of_their_own_and_the_stricter_rule_wins() {
    let then = "{pseudonymise: {mode: surrogate, types: {credit_card: token}}}";
    let (sent, back) = round(then, TEXT);
    assert_eq!(sent.matches("⟦CREDIT_CARD_").count(), 1);
    assert_eq!(sent.matches('⟦').count(), 1);
    assert_eq!(back, TEXT);
    let policies = set(&format!(
        "rules:\n  - id: a\n    on: request\n    {FIND}\n    then: {{redact: {{mode: drop, types: \
         {{email_address: {{mode: mask, keep_last: 4}}}}}}}}\n  - id: b\n    on: request\n    {FIND}\n    then: pseudonymise\n"
    ));
    let mut pass = begin(&policies);
    assert_eq!(send(pass.as_mut(), Kind::Prose, "anna@acme.test, +49 30 1234567"), "****@****.test, ");
}

#[test]
fn a_rule_is_for_its_callers_alone() {
    let policies = set(&format!(
        "rules:\n  - id: a\n    on: request\n    callers: {{teams: [retail], roles: [clerk, lead]}}\n    {FIND}\n    then: {{redact: {{mode: drop}}}}\n"
    ));
    let sent = |team: Option<&str>, roles: &[&str]| {
        let caller = Caller {
            tenant: "acme".into(),
            team: team.map(str::to_owned),
            roles: roles.iter().map(|it| (*it).to_owned()).collect(),
            ..Caller::default()
        };
        let mut pass = PersonalData::from(&policies, &key()).begin(&caller);
        send(pass.as_mut(), Kind::Prose, "to anna@acme.test")
    };
    assert_eq!(sent(Some("retail"), &["lead"]), "to ");
    for (team, roles) in [(None, &["lead"][..]), (Some("retail"), &[]), (Some("private"), &["clerk"])] {
        assert_eq!(sent(team, roles), "to anna@acme.test");
    }
}

#[test]
fn lists_take_modes_and_callers_in_both_directions() {
    let policies = set(
        "lists:\n  codenames:\n    words: [nightjar]\nrules:\n  - id: out\n    on: request\n    callers: {apps: [chat]}\n    \
         find: codenames\n    then: {redact: {mode: mask, keep_last: 2}}\n  - id: back\n    on: reply\n    find: codenames\n    \
         then: {redact: {mode: drop}}\n",
    );
    let begin = |app: &str| {
        let caller = Caller { tenant: "acme".into(), app: Some(app.into()), ..Caller::default() };
        LexicalScreen::from(&policies, &key()).unwrap().begin(&caller)
    };
    let mut pass = begin("chat");
    assert_eq!(send(pass.as_mut(), Kind::Prose, "What is Nightjar?"), "What is ******ar?");
    assert_eq!(reply(pass.as_mut(), Kind::Prose, "It is Nightjar.", &[3, 9]), "It is .");
    assert_eq!(send(begin("other").as_mut(), Kind::Prose, "What is Nightjar?"), "What is Nightjar?");
}

#[test]
fn problems_of_modes_are_named_with_their_place() {
    for (then, expect) in [
        ("{pseudonymise: {mode: mask}}", "write `redact` for it"),
        ("{redact: {mode: surrogate}}", "write `pseudonymise` for it"),
        ("{redact: {mode: maks}}", "did you mean `mask`?"),
        ("{redact: {mode: hash, keep_last: 4}}", "`keep_last` belongs to the mode mask"),
        ("{redact: {mode: mask, keep_last: 40}}", "a whole number from 0 to 8"),
        ("{redact: {types: {person: drop}}}", "the rule doesn't find it"),
        ("{pseudonymise: {}, redact: {}}", "expected one action"),
        ("{pseudonymize: {}}", "did you mean `pseudonymise`?"),
        ("{redact: {vault: required}}", "unknown key"),
        ("{pseudonymise: {vault: required}}", "unknown key"),
    ] {
        let rules = format!("rules:\n  - id: r\n    on: request\n    {FIND}\n    then: {then}\n");
        let problems = parse(&rules).err().unwrap_or_else(|| panic!("{then} was taken"));
        assert!(problems.contains(expect) && problems.contains("p.yaml:8:"), "{then}: {problems}");
    }
    let nobody =
        format!("rules:\n  - id: r\n    on: request\n    callers: {{}}\n    {FIND}\n    then: flag\n");
    assert!(parse(&nobody).err().unwrap().contains("name at least one"));
}

#[test]
fn a_test_of_a_policy_says_who_calls() {
    let policies = set(&format!(
        "callers: {{tenants: [acme]}}\nrules:\n  - id: a\n    on: request\n    callers: {{teams: [retail]}}\n    {FIND}\n    \
         then: {{redact: {{mode: drop}}}}\ntests:\n  - name: theirs\n    caller: {{tenant: acme, team: retail}}\n    \
         request: \"to a@b.org\"\n    expect: {{action: transformed, absent: a@b.org}}\n  - name: others'\n    \
         caller: {{tenant: acme}}\n    request: \"to a@b.org\"\n    expect: {{action: allowed}}\n"
    ));
    let report = policies.run_tests();
    assert_eq!(
        (report.run, report.failures.len(), report.untested.len()),
        (2, 0, 0),
        "{:?}",
        report.failures
    );
}

fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-zA-Z]{1,8}[.+]?[a-z0-9]{1,6}@[a-z]{2,8}\\.(org|test|com)",
        "\\+49 (30|89|221) [1-9][0-9]{5,7}",
        "\\+1 [2-9][0-9]{2} [2-9][0-9]{2} [0-9]{4}",
        Just("4012 8888 8888 1881".to_owned()),
        Just("DE89370400440532013000".to_owned()),
        "[a-z ,.()\"\\\\é⟦⟧_-]{0,12}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Whatever is sent, what the model repeats comes back as it was, however the reply is cut.
    #[test]
    fn what_is_restored_is_what_was_sent(
        parts in proptest::collection::vec(value(), 1..8),
        modes in 0..3usize,
        cuts in proptest::collection::vec(any::<usize>(), 0..12),
    ) {
        let text = parts.join(" ");
        let then = ["pseudonymise", "{pseudonymise: {mode: surrogate}}",
            "{pseudonymise: {mode: surrogate, types: {phone_number: token}}}"][modes];
        let mut pass = begin(&rule(then));
        let sent = send(pass.as_mut(), Kind::Prose, &text);
        let back = reply(pass.as_mut(), Kind::Prose, &sent, &cuts);
        prop_assert_eq!(back, text, "{}", sent);
    }
}

#[test]
fn findings_say_where_values_stood_in_the_text_as_it_was_read() {
    let policies = set(&format!(
        "lists:\n  codenames:\n    words: [nightjar]\nrules:\n  - id: l\n    on: request\n    find: codenames\n    \
         then: pseudonymise\n  - id: r\n    on: request\n    {FIND}\n    then: {{redact: {{mode: hash}}}}\n"
    ));
    let text = format!("é Nightjar, anna@acme.test and {}", "b@c.org ".repeat(40));
    let slot = Slot::new("/messages/0/content".to_owned(), Role::User, Kind::Prose, text.clone());
    let mut slots: Slots = std::iter::once(slot).collect();
    let mut places = Vec::new();
    let mut redactions = Vec::new();
    let passes = [LexicalScreen::from(&policies, &key()).unwrap().begin(&caller()), begin(&policies)];
    for mut pass in passes {
        pass.request(&mut slots).unwrap();
        let findings = end(pass);
        places.extend(findings.places);
        redactions.extend(findings.redactions);
    }
    assert_eq!(redactions, [("CODENAMES".to_owned(), 1), ("EMAIL_ADDRESS".to_owned(), 41)]);
    let said = |at: usize| (&text[places[at].range.clone()], places[at].subject.as_str(), places[at].mode);
    assert_eq!(said(0), ("Nightjar", "CODENAMES", "token"));
    assert_eq!(said(1), ("anna@acme.test", "EMAIL_ADDRESS", "hash"));
    assert!(places[2..].iter().all(|place| &text[place.range.clone()] == "b@c.org"));
    assert!(places.len() <= 32 && places.iter().all(|place| place.path == "/messages/0/content"));
}

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
        let sent = send(control.begin(&caller()).as_mut(), Kind::Prose, text);
        let pairs: Vec<Pair> = shelf.pairs.lock().unwrap().clone();
        assert_eq!(pairs.len(), 3);
        let later = Caller { earlier: pairs.into(), ..caller() };
        let mut pass = control.begin(&later);
        assert_eq!(send(pass.as_mut(), Kind::Prose, "who?"), "who?");
        assert!(pass.watches_reply());
        assert_eq!(reply(pass.as_mut(), Kind::Prose, &sent, &[5, 20, 31]), text);
        // The same value keeps its pseudonym.
        let mut pass = control.begin(&later);
        assert_eq!(send(pass.as_mut(), Kind::Prose, text), sent);
        // What the caller writes is never resolved.
        let own = sent.replace("+49", "tel");
        let mut pass = control.begin(&later);
        let escaped = send(pass.as_mut(), Kind::Prose, &own);
        assert_eq!(reply(pass.as_mut(), Kind::Prose, &escaped, &[]), own, "{escaped}");
        // Somebody else's exchange knows none of them.
        let mut pass = control.begin(&caller());
        send(pass.as_mut(), Kind::Prose, "who?");
        assert_eq!(reply(pass.as_mut(), Kind::Prose, &sent, &[]), sent);
    }
}

#[test]
fn an_exchange_goes_on_where_nothing_can_be_kept() {
    for keeper in [None, Some(Arc::new(Shelf { refuses: true, ..Shelf::default() }) as Arc<dyn Keeper>)] {
        let control = PersonalData::from(&rule("pseudonymise"), &key()).keeping(keeper);
        let mut pass = control.begin(&caller());
        let sent = send(pass.as_mut(), Kind::Prose, "to anna@acme.test");
        assert!(!sent.contains("anna"), "{sent}");
        assert_eq!(reply(pass.as_mut(), Kind::Prose, &sent, &[]), "to anna@acme.test");
    }
}

#[test]
fn a_verdict_tells_that_something_changed() {
    for then in ["{redact: {mode: drop}}", "{pseudonymise: {mode: surrogate}}"] {
        let mut pass = begin(&rule(then));
        let slot = Slot::new("/x".to_owned(), Role::User, Kind::Prose, "to anna@acme.test".to_owned());
        let mut slots: Slots = std::iter::once(slot).collect();
        assert_eq!(pass.request(&mut slots).unwrap(), Verdict::Transformed);
    }
}
