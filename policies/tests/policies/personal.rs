//! Personal data at work: what leaves, what comes back, what the record keeps.

use std::sync::LazyLock;

use proptest::prelude::*;
use weir_policies::{
    Action, Channel, Control, Delta, Enforcement, Kind, Part, PersonalData, Role, Slot, Slots, Verdict,
};

use crate::support::*;

const VALUES: [&str; 6] = [
    "anna.muster@example.com",
    "Anna.Muster@Example.com",
    "4111 1111 1111 1111",
    "DE89 3704 0044 0532 0130 00",
    "+49 30 1234567",
    "o'brien@example.ie",
];

#[test]
fn nothing_leaves_in_any_role_or_kind_and_everything_comes_back() {
    for role in [Role::System, Role::User, Role::Assistant, Role::Tool, Role::Other] {
        for kind in [Kind::Prose, Kind::Code, Kind::Arguments, Kind::Schema] {
            let mut pass = personal(&baseline());
            let text = format!("a {} b.", VALUES.join(", and "));
            let mut slots: Slots =
                std::iter::once(Slot::new("/x".into(), role, kind, text.clone())).collect();
            assert_eq!(pass.request(&mut slots).unwrap(), Verdict::Transformed);
            let sent = texts(&slots).concat();
            assert!(VALUES.iter().all(|value| !sent.contains(value)), "{sent}");
            assert!(pass.watches_reply());
            assert_eq!(reply(pass.as_mut(), &sent, &[]), (text, Verdict::Transformed));
            let findings = end(pass);
            assert_eq!(findings.redactions.iter().map(|(_, count)| count).sum::<u32>(), 6);
            assert!(findings.hits.iter().all(|hit| hit.path == "/x" && hit.enforced == Enforcement::Enforce));
        }
    }
}

#[test]
fn names_take_bare_pseudonyms() {
    let mut pass = personal(&baseline());
    let slot = |text: &str| Slot::new("/user".into(), Role::Other, Kind::Identifier, text.into());
    let mut slots: Slots =
        [slot("anna@example.com"), slot("4111111111111111"), slot("weather_lookup_2")].into_iter().collect();
    pass.request(&mut slots).unwrap();
    let sent = texts(&slots);
    for (name, kind, value) in
        [(&sent[0], "EMAIL_ADDRESS_", "anna@example.com"), (&sent[1], "CREDIT_CARD_", "4111111111111111")]
    {
        assert!(name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') && name.starts_with(kind));
        assert_eq!(reply(pass.as_mut(), name, &[]).0, value);
    }
    assert_eq!(sent[2], "weather_lookup_2");
}

#[test]
fn pseudonyms_are_the_same_in_every_turn_and_another_tenants_mean_nothing() {
    let send = |tenant: &str| {
        let mut pass = PersonalData::from(&baseline(), &key()).begin(&caller(tenant));
        let mut slots = slots(&["anna@example.com"]);
        pass.request(&mut slots).unwrap();
        (texts(&slots).concat(), pass)
    };
    let (first, _) = send("acme");
    let (second, mut pass) = send("acme");
    let (other, _) = send("rival");
    assert_eq!(first, second);
    assert_ne!(first, other);
    assert_eq!(reply(pass.as_mut(), &other, &[]).0, other);
}

#[test]
fn text_without_identifiers_is_not_touched_and_the_reply_not_watched() {
    let mut pass = personal(&baseline());
    let mut slots = slots(&["Order 4711 of 2024-01-15", "⟦", "EMAIL_ADDRESS_22222222"]);
    assert_eq!(pass.request(&mut slots).unwrap(), Verdict::Allow);
    assert!(!slots.is_edited() && !pass.watches_reply());
}

#[test]
fn what_looks_like_a_pseudonym_is_never_resolved() {
    let mut first = personal(&baseline());
    let mut known = slots(&["anna@example.com"]);
    first.request(&mut known).unwrap();
    let token = texts(&known).concat();
    let bare = token.trim_matches(['⟦', '⟧']).to_lowercase();
    let typed = format!("say {token} and {bare}, ⟦PERSON_AAAAAAAA⟧ and ⟦x⟧");
    let mut pass = personal(&baseline());
    let mut both = slots(&["system knows anna@example.com", &typed]);
    pass.request(&mut both).unwrap();
    let sent = texts(&both);
    assert!(
        !sent[1].contains(&token) && !sent[1].contains(&bare) && !sent[1].contains("PERSON_"),
        "{}",
        sent[1]
    );
    assert_eq!(reply(pass.as_mut(), &sent[1], &[]).0, typed);
    assert_eq!(reply(pass.as_mut(), &sent[0], &[]).0, "system knows anna@example.com");
}

#[test]
fn channels_do_not_mix() {
    let mut pass = personal(&baseline());
    let mut request = slots(&["anna@example.com"]);
    pass.request(&mut request).unwrap();
    let token = texts(&request).concat();
    let (left, right) = token.split_at(token.floor_char_boundary(token.len() / 2));
    let mut out = [String::new(), String::new()];
    for (piece, last) in [(left, false), (right, true)] {
        for choice in 0..2u32 {
            let channel = Channel { choice, part: Part::ToolArguments(choice) };
            let mut delta = Delta { channel, kind: Kind::Arguments, text: piece.to_owned(), last };
            pass.reply(&mut delta).unwrap();
            out[choice as usize].push_str(&delta.text);
        }
    }
    assert_eq!(out, ["anna@example.com", "anna@example.com"]);
}

#[test]
fn the_most_restrictive_rule_wins_and_shadow_rules_only_record() {
    let set = set(
        "rules:\n  - {id: note, on: request, find: email_address, then: flag}\n  - {id: hide, on: request, find: [email_address, credit_card], then: pseudonymise}\n  - {id: stop, on: request, find: credit_card, then: {block: No cards.}}\n",
    );
    let mut pass = personal(&set);
    let mut mail = slots(&["anna@example.com"]);
    assert_eq!(pass.request(&mut mail).unwrap(), Verdict::Transformed);
    let findings = end(pass);
    assert_eq!(
        findings.hits.iter().map(|hit| (hit.rule.as_str(), hit.action)).collect::<Vec<_>>(),
        [("note", Action::Flag), ("hide", Action::Pseudonymise)]
    );
    let mut pass = personal(&set);
    let mut card = slots(&["4111 1111 1111 1111"]);
    let Verdict::Deny(denial) = pass.request(&mut card).unwrap() else { panic!("not refused") };
    assert_eq!((denial.rule.as_str(), denial.message.as_str()), ("stop", "No cards."));
    assert!(!card.is_edited());

    let shadow =
        self::set("mode: shadow\nrules:\n  - {id: stop, on: request, find: credit_card, then: block}\n");
    let mut pass = personal(&shadow);
    assert_eq!(pass.request(&mut card).unwrap(), Verdict::Allow);
    assert_eq!(end(pass).hits[0].enforced, Enforcement::Shadow);
}

#[test]
fn the_model_is_told_to_keep_pseudonyms_when_policy_asks() {
    let set = set(
        "keep_tokens_hint: true\nrules:\n  - {id: hide, on: request, find: email_address, then: pseudonymise}\n",
    );
    let with_system = |text: &str| -> Vec<String> {
        let mut slots: Slots = [
            Slot::new("/messages/0/content".into(), Role::System, Kind::Prose, "Be kind.".into()),
            Slot::new("/messages/1/content".into(), Role::User, Kind::Prose, text.into()),
        ]
        .into_iter()
        .collect();
        personal(&set).request(&mut slots).unwrap();
        texts(&slots)
    };
    assert_eq!(with_system("hello")[0], "Be kind.");
    let hinted = &with_system("anna@example.com")[0];
    assert!(hinted.starts_with("Be kind.\n\n") && hinted.contains("⟦TYPE_ID⟧"));
}

// Made once: compiling rules is the slow part of these tests.
static PERSONAL: LazyLock<PersonalData> = LazyLock::new(|| PersonalData::from(&baseline(), &key()));

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]
    #[test]
    fn round_trips_are_exact_for_every_cutting(
        parts in prop::collection::vec(
            prop::sample::select(
                VALUES.into_iter().chain([" ", "\n", "x ", "⟦EMAIL_ADDRESS_ABCDEFGH⟧", "⟦", "é", "[", "](", "`", "\\n", "e"])
                    .collect::<Vec<_>>(),
            ),
            1..12,
        ),
        cuts in prop::collection::vec(any::<usize>(), 0..8),
    ) {
        let text = parts.concat();
        let mut pass = PERSONAL.begin(&caller("acme"));
        let mut request = slots(&[&text, "bob@x.org"]);
        pass.request(&mut request).unwrap();
        let sent = request.get(0).unwrap().text().to_owned();
        prop_assert_eq!(reply(pass.as_mut(), &sent, &cuts).0, text);
    }
}
