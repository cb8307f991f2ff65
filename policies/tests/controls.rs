//! The two controls at work: what leaves, what comes back, what the record keeps.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    reason = "a failed expectation should fail the test"
)]

use std::sync::{Arc, LazyLock};
use std::time::{Duration, SystemTime};

use proptest::prelude::*;
use weir_policies::{
    Action, Caller, Channel, Control, Delta, Enforcement, Findings, Kind, LexicalScreen, Outcome, Part, Pass,
    PersonalData, PolicySet, PseudonymKey, Role, Slot, Slots, Verdict,
};

fn set(rules: &str) -> Arc<PolicySet> {
    let text = format!("weir: v1\npolicy: p\nowner: o\n{rules}");
    let read = PolicySet::parse(&[("p.yaml".to_owned(), text)]);
    Arc::new(read.unwrap_or_else(|problems| {
        panic!("{}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    }))
}

fn key() -> PseudonymKey {
    PseudonymKey::from_bytes([1; 32])
}

fn caller(tenant: &str) -> Caller {
    Caller { tenant: tenant.to_owned(), ..Caller::default() }
}

fn personal(set: &Arc<PolicySet>) -> Box<dyn Pass> {
    PersonalData::from(set, &key()).begin(&caller("acme"))
}

fn lexical(set: &Arc<PolicySet>) -> Box<dyn Pass> {
    LexicalScreen::from(set, &key()).unwrap().begin(&caller("acme"))
}

fn baseline() -> Arc<PolicySet> {
    Arc::new(PolicySet::baseline().unwrap())
}

fn slots(texts: &[&str]) -> Slots {
    let slot = |text: &&str| Slot::new("/x".to_owned(), Role::User, Kind::Prose, (*text).to_owned());
    texts.iter().map(slot).collect()
}

fn texts(slots: &Slots) -> Vec<String> {
    slots.iter().map(|slot| slot.text().to_owned()).collect()
}

/// What the caller reads when `text` arrives on one channel, cut at `cuts`; nothing after a refusal.
fn reply(pass: &mut dyn Pass, text: &str, cuts: &[usize]) -> (String, Verdict) {
    reply_as(Kind::Prose, pass, text, cuts)
}

fn reply_as(kind: Kind, pass: &mut dyn Pass, text: &str, cuts: &[usize]) -> (String, Verdict) {
    let mut ends: Vec<usize> =
        cuts.iter().map(|cut| text.floor_char_boundary(cut % (text.len() + 1))).collect();
    ends.extend([0, text.len()]);
    ends.sort_unstable();
    let mut out = String::new();
    let mut verdict = Verdict::Allow;
    for (index, pair) in ends.windows(2).enumerate() {
        let last = index + 2 == ends.len();
        let channel = Channel { choice: 0, part: Part::Text };
        let mut delta = Delta { channel, kind, text: text[pair[0]..pair[1]].to_owned(), last };
        verdict = pass.reply(&mut delta).unwrap().max(verdict);
        if matches!(verdict, Verdict::Deny(_)) {
            return (out, verdict);
        }
        out.push_str(&delta.text);
    }
    (out, verdict)
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

const SCREEN: &str = r"lists:
  secrets: {words: [blue heron, nightjar], patterns: ['\bPRJ-\d{4}\b']}
  names: {words: [acme, acme gmbh]}
";

#[test]
fn listed_terms_are_replaced_and_restored_or_refused_or_noted() {
    let rules = |then: &str| {
        set(&format!("{SCREEN}rules:\n  - {{id: r, on: request, find: [secrets], then: {then}}}\n"))
    };
    let text = "About BLUE  Heron and PRJ-0042, not PRJ-00421";
    let mut pass = lexical(&rules("pseudonymise"));
    let mut request = slots(&[text]);
    assert_eq!(pass.request(&mut request).unwrap(), Verdict::Transformed);
    let sent = texts(&request).concat();
    assert!(
        sent.starts_with("About ⟦SECRETS_") && !sent.contains("PRJ-0042,") && sent.ends_with("not PRJ-00421")
    );
    assert_eq!(reply(pass.as_mut(), &sent, &[3, 10, 17, 30]).0, text);

    let mut pass = lexical(&rules("flag"));
    let mut request = slots(&[text]);
    assert_eq!(pass.request(&mut request).unwrap(), Verdict::Flagged);
    assert!(!request.is_edited() && !pass.watches_reply());
    assert_eq!(end(pass).hits[0].count, 2);

    let mut pass = lexical(&rules("block"));
    assert!(matches!(pass.request(&mut slots(&[text])).unwrap(), Verdict::Deny(_)));
}

#[test]
fn replies_that_are_only_noted_are_not_held_back() {
    let set = set(&format!("{SCREEN}rules:\n  - {{id: r, on: reply, find: secrets, then: flag}}\n"));
    let mut pass = lexical(&set);
    let text = "the blue heron flies";
    for (at, c) in text.char_indices() {
        let channel = Channel { choice: 0, part: Part::Text };
        let mut delta = Delta { channel, kind: Kind::Prose, text: c.to_string(), last: at + 1 == text.len() };
        pass.reply(&mut delta).unwrap();
        assert_eq!(delta.text, c.to_string());
    }
    assert_eq!(end(pass).hits[0].path, "reply/0/text");
}

fn reply_rules() -> Arc<PolicySet> {
    set(&format!(
        "{SCREEN}rules:\n  - {{id: stop, on: reply, find: secrets, then: block}}\n  - {{id: hide, on: reply, find: names, then: pseudonymise}}\n"
    ))
}

#[test]
fn terms_of_the_reply_are_replaced_for_good() {
    let text = "Ask Acme GmbH or ACME.";
    let whole = reply(lexical(&reply_rules()).as_mut(), text, &[]).0;
    assert!(
        whole.starts_with("Ask ⟦NAMES_") && !whole.to_lowercase().contains("acme") && !whole.contains("GmbH")
    );
    for cut in 0..text.len() {
        assert_eq!(reply(lexical(&reply_rules()).as_mut(), text, &[cut]).0, whole);
    }
}

#[test]
fn a_blocked_phrase_is_never_passed_on_in_part() {
    let text = "so the \u{200b}blue\n heron sings";
    let screen = LexicalScreen::from(&reply_rules(), &key()).unwrap();
    for first in 0..text.len() {
        for second in first..text.len() {
            let mut pass = screen.begin(&caller("acme"));
            let (out, verdict) = reply(pass.as_mut(), text, &[first, second]);
            assert!(matches!(verdict, Verdict::Deny(_)));
            assert!(!out.contains('b'), "{out}");
        }
    }
}

// Made once: compiling rules is the slow part of these tests.
static PERSONAL: LazyLock<PersonalData> = LazyLock::new(|| PersonalData::from(&baseline(), &key()));
static SCREENS: LazyLock<LexicalScreen> =
    LazyLock::new(|| LexicalScreen::from(&reply_rules(), &key()).unwrap());

#[test]
fn escapes_in_tool_arguments_hide_nothing() {
    let whole = |text: &str, cuts: &[usize]| {
        reply_as(Kind::Arguments, SCREENS.begin(&caller("acme")).as_mut(), text, cuts)
    };
    for text in [r#"{"a":"x\nblue\nheron"}"#, r#"{"a":"\u0062lue heron"}"#, r#"{"a":"blu\u0065\u0020heron"}"#]
    {
        for cut in 0..text.len() {
            let (out, verdict) = whole(text, &[cut, cut + 3]);
            assert!(matches!(verdict, Verdict::Deny(_)) && !out.contains("eron"), "{text}");
        }
    }
    let (out, _) = whole(r#"{"to":"line\n\u0041cm\u0065 GmbH\n","x":"\u00e9"}"#, &[]);
    assert!(out.starts_with(r#"{"to":"line\n⟦NAMES_"#) && out.ends_with(r#"⟧\n","x":"\u00e9"}"#), "{out}");
    for text in [r#"{"x":"\ud83d\ude00 \u00e9\\ \"q\""}"#, r#"\u00"#, r#"x\"#] {
        for cut in 0..text.len() {
            assert_eq!(whole(text, &[cut]).0, text);
        }
    }
}

#[test]
fn a_phrase_stretched_beyond_measure_faults_or_passes_whole_as_the_rule_says() {
    let stretched = format!("x blue{}", " ".repeat(40_000));
    for (on_fault, faults) in [("block", true), ("allow", false)] {
        let rule =
            format!("rules:\n  - {{id: r, on: reply, find: secrets, then: block, on_fault: {on_fault}}}\n");
        let mut pass = lexical(&set(&format!("{SCREEN}{rule}")));
        let channel = Channel { choice: 0, part: Part::Text };
        let mut delta = Delta { channel, kind: Kind::Prose, text: stretched.clone(), last: false };
        let judged = pass.reply(&mut delta);
        assert_eq!(judged.is_err(), faults);
        assert!(faults || delta.text == stretched);
    }
}

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

    #[test]
    fn screened_replies_are_the_same_for_every_cutting(
        parts in prop::collection::vec(
            prop::sample::select(vec![
                "blue", "heron", "night", "jar", " ", "\n", "acme", "gmbh", "ACME", "PRJ-", "0042", "1", ".", "é",
                "\u{301}", "x", "\u{200b}", "\\n", "\\u0061", "\\u00e9", "\\", "u00",
            ]),
            0..14,
        ),
        cuts in prop::collection::vec(any::<usize>(), 0..8),
        kind in prop::sample::select(vec![Kind::Prose, Kind::Arguments]),
    ) {
        let text = parts.concat();
        let (whole, verdict) = reply_as(kind, SCREENS.begin(&caller("acme")).as_mut(), &text, &[]);
        let (cut, cut_verdict) = reply_as(kind, SCREENS.begin(&caller("acme")).as_mut(), &text, &cuts);
        let refused = |verdict: &Verdict| matches!(verdict, Verdict::Deny(_));
        prop_assert_eq!(refused(&verdict), refused(&cut_verdict));
        if !refused(&verdict) {
            prop_assert_eq!(cut, whole);
        }
    }
}
