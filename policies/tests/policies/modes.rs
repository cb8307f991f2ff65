//! Every mode at work: what leaves, what comes back, and for whom.

use weir_policies::{
    Caller, Control, Kind, LexicalScreen, PersonalData, PseudonymKey, Role, Slot, Slots, Verdict,
};

use crate::support::*;

/// Values of every type in [`FIND`].
pub const TEXT: &str = "Mail anna.muster@acme.test, card 4012 8888 8888 1881, IBAN DE89 3704 0044 0532 0130 00, \
                    GB29 NWBK 6016 1331 9268 19, call +49 30 1234567 or +44 20 7183 8750.";

/// Those of [`TEXT`].
pub const VALUES: [&str; 6] = [
    "anna.muster@acme.test",
    "4012 8888 8888 1881",
    "DE89 3704 0044 0532 0130 00",
    "GB29 NWBK 6016 1331 9268 19",
    "+49 30 1234567",
    "+44 20 7183 8750",
];

/// What is sent, and what comes back when the model repeats it.
pub fn round(then: &str, text: &str) -> (String, String) {
    let mut pass = personal(&rule(then));
    let sent = send(pass.as_mut(), Kind::Prose, text);
    let back = back(pass.as_mut(), Kind::Prose, &sent, &[]);
    (sent, back)
}

pub fn all_absent(sent: &str) {
    for value in VALUES {
        assert!(!sent.contains(value), "{value} in {sent}");
    }
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
        let mut pass = personal(&rule(&format!("{{{mode}}}")));
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
    let mut pass = personal(&policies);
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
    assert_eq!(back(pass.as_mut(), Kind::Prose, "It is Nightjar.", &[3, 9]), "It is .");
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
        ("{redact: {vault: required}}", "`vault` belongs to pseudonymise"),
        ("{pseudonymise: {vault: sqlite}}", "expected one of required, optional"),
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
    let passes =
        [LexicalScreen::from(&policies, &key()).unwrap().begin(&caller("acme")), personal(&policies)];
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

#[test]
fn a_verdict_tells_that_something_changed() {
    for then in ["{redact: {mode: drop}}", "{pseudonymise: {mode: surrogate}}"] {
        let mut pass = personal(&rule(then));
        let slot = Slot::new("/x".to_owned(), Role::User, Kind::Prose, "to anna@acme.test".to_owned());
        let mut slots: Slots = std::iter::once(slot).collect();
        assert_eq!(pass.request(&mut slots).unwrap(), Verdict::Transformed);
    }
}
