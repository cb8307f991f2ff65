//! The lexical screen at work: listed terms in requests and in replies that arrive in pieces.

use std::sync::{Arc, LazyLock};

use proptest::prelude::*;
use weir_policies::{Channel, Control, Delta, Kind, LexicalScreen, Part, PolicySet, Verdict};

use crate::support::*;

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
fn a_type_of_ones_own_has_a_check_digit_and_words_before_it() {
    let list =
        "lists:\n  member_number: {patterns: ['\\b\\d{11}\\b'], check: luhn, near: [member, Mitglied]}\n";
    let rule = "rules:\n  - {id: r, on: [request, reply], find: member_number, then: pseudonymise}\n";
    let screen = LexicalScreen::from(&set(&format!("{list}{rule}")), &key()).unwrap();
    let text = "member 17893729974, member 17893729975, order 17893729974.";
    let mut pass = screen.begin(&caller("acme"));
    let mut request = slots(&[text]);
    assert_eq!(pass.request(&mut request).unwrap(), Verdict::Transformed);
    let sent = texts(&request).concat();
    assert!(sent.starts_with("member ⟦MEMBER_NUMBER_"), "{sent}");
    assert!(sent.contains("member 17893729975,"), "a wrong check digit: {sent}");
    assert_eq!(reply(pass.as_mut(), &sent, &[3, 20]).0, text);

    let far = " ".repeat(57);
    for text in [format!("a member{far}17893729974."), format!("remember{far} 17893729974.")] {
        let whole = reply(screen.begin(&caller("acme")).as_mut(), &text, &[]).0;
        assert_eq!(whole.contains('⟦'), text.starts_with("a member"), "{whole}");
        for cut in 0..text.len() {
            let mut pass = screen.begin(&caller("acme"));
            assert_eq!(reply(pass.as_mut(), &text, &[cut]).0, whole, "cut at {cut}");
        }
        let each: Vec<usize> = (1..text.len()).collect();
        assert_eq!(reply(screen.begin(&caller("acme")).as_mut(), &text, &each).0, whole);
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
