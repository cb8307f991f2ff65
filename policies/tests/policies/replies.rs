//! Personal data in replies: what the caller brought passes, what the model brought is treated by rule, the
//! same way however the reply is cut.

use std::sync::LazyLock;

use proptest::prelude::*;
use weir_policies::{
    Action, Caller, Channel, Control, Delta, Kind, Part, Pass, PersonalData, Role, Slot, Slots, Verdict,
};

use crate::support::*;

const TYPES: &str = "[email_address, phone_number, credit_card, iban_code]";

fn control(rules: &str) -> PersonalData {
    PersonalData::from(&set(&format!("rules:\n{rules}")), &key())
}

// Made once each: compiling rules is the slow part of these tests.
static BOTH: LazyLock<PersonalData> = LazyLock::new(|| {
    control(&format!("  - {{id: r, on: [request, reply], find: {TYPES}, then: pseudonymise}}\n"))
});
static ONLY_REPLIES: LazyLock<PersonalData> =
    LazyLock::new(|| control(&format!("  - {{id: r, on: reply, find: {TYPES}, then: pseudonymise}}\n")));
static BLOCK: LazyLock<PersonalData> =
    LazyLock::new(|| control(&format!("  - {{id: r, on: reply, find: {TYPES}, then: block}}\n")));
static FLAG: LazyLock<PersonalData> =
    LazyLock::new(|| control(&format!("  - {{id: r, on: reply, find: {TYPES}, then: flag}}\n")));

/// A pass that has seen a request with this text, and what was sent of it.
fn begun(control: &PersonalData, request: &str) -> (Box<dyn Pass>, String) {
    let mut pass = control.begin(&caller("acme"));
    let sent = send(pass.as_mut(), Kind::Prose, request);
    (pass, sent)
}

/// What the caller reads when a reply arrives on one channel in pieces, up to a refusal; with every piece,
/// the bytes that were held back.
fn read(pass: &mut dyn Pass, pieces: &[&str], kind: Kind) -> (String, Verdict, usize) {
    let (mut out, mut verdict, mut most) = (String::new(), Verdict::Allow, 0);
    let mut arrived = 0;
    for (at, piece) in pieces.iter().enumerate() {
        let channel = Channel { choice: 0, part: Part::Text };
        let mut delta = Delta { channel, kind, text: (*piece).to_owned(), last: at + 1 == pieces.len() };
        verdict = pass.reply(&mut delta).unwrap().max(verdict);
        if matches!(verdict, Verdict::Deny(_)) {
            return (out, verdict, most);
        }
        arrived += piece.len();
        out.push_str(&delta.text);
        most = most.max(arrived.saturating_sub(out.len()));
    }
    (out, verdict, most)
}

fn letters(text: &str) -> Vec<&str> {
    text.char_indices().map(|(at, c)| &text[at..at + c.len_utf8()]).collect()
}

/// The same for every place the reply is cut at, and letter by letter.
fn check(control: &PersonalData, request: &str, reply: &str, kind: Kind) -> String {
    let run = |pieces: &[&str]| {
        let (mut pass, _) = begun(control, request);
        read(pass.as_mut(), pieces, kind).0
    };
    let whole = run(&[reply]);
    for cut in (0..reply.len()).filter(|at| reply.is_char_boundary(*at)) {
        assert_eq!(run(&[&reply[..cut], &reply[cut..]]), whole, "cut at {cut}");
    }
    assert_eq!(run(&letters(reply)), whole, "letter by letter");
    whole
}

const OTHERS: [&str; 4] =
    ["carol@example.net", "+44 20 7946 0958", "5500 0055 5555 5559", "GB82 WEST 1234 5698 7654 32"];

#[test]
fn what_the_model_brings_is_replaced_and_what_the_caller_brought_passes() {
    let (_, sent) = begun(&BOTH, "I am bob@example.org, card 4111 1111 1111 1111.");
    let reply =
        format!("{sent} Ask {}; and {}, {}, {} \u{1f600}.", OTHERS[0], OTHERS[1], OTHERS[2], OTHERS[3]);
    let whole = check(&BOTH, "I am bob@example.org, card 4111 1111 1111 1111.", &reply, Kind::Prose);
    assert!(
        whole.starts_with("I am bob@example.org, card 4111 1111 1111 1111. Ask ⟦EMAIL_ADDRESS_"),
        "{whole}"
    );
    assert!(whole.ends_with("⟧ \u{1f600}.") && OTHERS.iter().all(|value| !whole.contains(value)), "{whole}");
    for kind in ["PHONE_NUMBER", "CREDIT_CARD", "IBAN_CODE"] {
        assert!(whole.contains(&format!("⟦{kind}_")), "{whole}");
    }
}

#[test]
fn a_value_the_caller_wrote_in_clear_passes_in_any_spelling() {
    let reply = "Is it BOB@example.org or +49-30-1234567 or carol@example.net?";
    let whole = check(&ONLY_REPLIES, "mail bob@example.org, call +49 30 1234567", reply, Kind::Prose);
    assert!(whole.starts_with("Is it BOB@example.org or +49-30-1234567 or ⟦EMAIL_ADDRESS_"), "{whole}");
}

#[test]
fn pseudonyms_of_others_and_invented_ones_stay_as_they_are() {
    let mut rival = BOTH.begin(&Caller { tenant: "rival".to_owned(), ..Caller::default() });
    let slot = Slot::new("/x".to_owned(), Role::User, Kind::Prose, "carol@example.net".to_owned());
    let mut slots: Slots = std::iter::once(slot).collect();
    rival.request(&mut slots).unwrap();
    let theirs = slots.get(0).unwrap().text();
    let reply = format!("{theirs} and EMAIL_ADDRESS_22222222, ⟦CREDIT_CARD_4111111111111111⟧");
    let whole = check(&BOTH, "bob@example.org", &reply, Kind::Prose);
    assert!(whole.starts_with(&format!("{theirs} and EMAIL_ADDRESS_22222222, ")), "{whole}");
}

#[test]
fn a_refused_value_is_never_passed_on_in_part() {
    let reply = "Certainly: her address is carol@example.net, and that is all that there is to say about it.";
    for cut in 0..reply.len() {
        let (mut pass, _) = begun(&BLOCK, "who?");
        let (out, verdict, _) = read(pass.as_mut(), &[&reply[..cut], &reply[cut..]], Kind::Prose);
        assert!(matches!(verdict, Verdict::Deny(_)), "cut at {cut}");
        assert!(!out.contains("carol"), "{out}");
    }
    let (mut pass, _) = begun(&BLOCK, "I am carol@example.net");
    assert_eq!(read(pass.as_mut(), &[reply], Kind::Prose), (reply.to_owned(), Verdict::Allow, 0));
}

#[test]
fn what_is_only_noted_is_not_held_back() {
    let reply = "Her address is carol@example.net, as everybody knows who has ever written to her.";
    let (mut pass, _) = begun(&FLAG, "who?");
    let (out, verdict, held) = read(pass.as_mut(), &letters(reply), Kind::Prose);
    assert_eq!((out.as_str(), verdict, held), (reply, Verdict::Flagged, 0));
    let hits = end(pass).hits;
    assert_eq!((hits.len(), hits[0].path.as_str(), hits[0].action), (1, "reply/0/text", Action::Flag));
}

#[test]
fn little_text_waits_and_long_values_are_found_whole() {
    let text = "word ".repeat(400) + &"longer words ".repeat(40);
    let (mut pass, _) = begun(&ONLY_REPLIES, "x");
    let (out, _, held) = read(pass.as_mut(), &letters(&text), Kind::Prose);
    assert_eq!(out, text);
    assert!(held <= 224 + 4, "{held} bytes held back");
    let long = format!("{}@{}example.com", "a".repeat(60), "sub.".repeat(45));
    let whole = check(&ONLY_REPLIES, "x", &format!("write {long} now"), Kind::Prose);
    assert!(whole.starts_with("write ⟦EMAIL_ADDRESS_") && whole.ends_with("⟧ now"), "{whole}");
}

#[test]
fn arguments_stay_json_whatever_is_replaced_in_them() {
    let request = "card 4111 1111 1111 1111";
    for (reply, pointer) in [
        (r#"{"to":"carol@example.net","n":1}"#, "/to"),
        (r#"{"to":"line\ncarol@example.net\n"}"#, "/to"),
        (r#"{"to":"\u0063arol\u0040example.net"}"#, "/to"),
        (r#"{"card":5500005555555559,"x":[5500005555555559]}"#, "/card"),
        (r#"{"carol@example.net":"x"}"#, ""),
    ] {
        let whole = check(&BOTH, request, reply, Kind::Arguments);
        let value: serde_json::Value =
            serde_json::from_str(&whole).unwrap_or_else(|e| panic!("{e}: {whole}"));
        assert!(!whole.contains("carol") && !whole.contains("5500") && whole.contains('⟦'), "{whole}");
        assert!(value.pointer(pointer).is_some(), "{whole}");
    }
    // A document in a string of the arguments.
    let reply = r#"{"doc":"{\"to\":\"carol@example.net\",\"card\":5500005555555559}"}"#;
    let whole = check(&BOTH, request, reply, Kind::Arguments);
    let outer: serde_json::Value = serde_json::from_str(&whole).unwrap();
    let inner: serde_json::Value = serde_json::from_str(outer["doc"].as_str().unwrap()).unwrap();
    assert!(
        inner["to"].as_str().unwrap().starts_with("⟦EMAIL")
            && inner["card"].as_str().unwrap().starts_with("⟦CRED")
    );
}

#[test]
fn names_are_judged_but_not_replaced() {
    let (mut pass, _) = begun(&ONLY_REPLIES, "x");
    let (out, ..) = read(pass.as_mut(), &["carol@example.net"], Kind::Identifier);
    assert_eq!(out, "carol@example.net");
    assert_eq!(end(pass).hits.len(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]
    #[test]
    fn replies_are_the_same_for_every_cutting(
        parts in prop::collection::vec(
            prop::sample::select(
                OTHERS.into_iter().chain([
                    "⟦<M>⟧", "<M>", " ", " ", "\n", "call me at ", "word ", "4111", " 1111", "@", ".", "example", "é",
                    "\u{301}", "\u{200b}", "\\n", "\\u0040", "\\", "\"", "{\"", "\":\"", "\\\"", "[", ",", "+49 30", "12345",
                    "⟦", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                ]).collect::<Vec<_>>(),
            ),
            0..24,
        ),
        cuts in prop::collection::vec(any::<usize>(), 0..12),
        kind in prop::sample::select(vec![Kind::Prose, Kind::Arguments]),
    ) {
        let (mut pass, sent) = begun(&BOTH, "bob@example.org");
        let text = parts.concat().replace("<M>", sent.trim_matches(['⟦', '⟧']));
        let whole = read(pass.as_mut(), &[&text], kind);
        let mut ends: Vec<usize> = cuts.iter().map(|cut| text.floor_char_boundary(cut % (text.len() + 1))).collect();
        ends.extend([0, text.len()]);
        ends.sort_unstable();
        let pieces: Vec<&str> = ends.windows(2).map(|pair| &text[pair[0]..pair[1]]).collect();
        let (mut pass, _) = begun(&BOTH, "bob@example.org");
        let cut = read(pass.as_mut(), &pieces, kind);
        prop_assert_eq!(cut.0, whole.0);
        prop_assert_eq!(cut.1, whole.1);
    }
}
