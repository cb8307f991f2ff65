//! Words in every spelling, patterns, and texts that arrive in pieces.

use super::*;
use proptest::prelude::*;

fn lexicon(words: &[&str], patterns: &[&str]) -> Lexicon {
    let own = |items: &[&str]| items.iter().map(|item| (*item).to_owned()).collect();
    Lexicon::new(&[TermGroup { words: own(words), patterns: own(patterns), ..TermGroup::default() }])
        .ok()
        .unwrap()
}

fn check(words: &[&str], text: &str, expect: &[&str]) {
    let found: Vec<&str> = lexicon(words, &[]).find(text).into_iter().map(|term| &text[term.range]).collect();
    assert_eq!(found, expect, "{text}");
}

#[test]
fn words_are_found_in_every_spelling() {
    check(&["top secret"], "This is TOP Secret.", &["TOP Secret"]);
    check(&["top secret"], "top\n   secret, top\u{a0}secret", &["top\n   secret", "top\u{a0}secret"]);
    check(&["Geheim"], "GEHEIM ge\u{200b}heim ｇｅｈｅｉｍ", &["GEHEIM", "ge\u{200b}heim", "ｇｅｈｅｉｍ"]);
    check(&["café"], "CAFÉ cafe\u{301} cafe", &["CAFÉ", "cafe\u{301}"]);
    check(&["cafe"], "cafe\u{301}", &[]);
    check(&["straße"], "STRASSE Straße", &["STRASSE", "Straße"]);
    check(&["ΣΊΣΥΦΟΣ"], "σίσυφος", &["σίσυφος"]);
}

#[test]
fn only_whole_words_count() {
    check(&["secret"], "secretary, insecret, secret_key, secret-ish, «secret»", &["secret", "secret"]);
    check(&["c++", ".net"], "C++ and .NET; c+++", &["C++", ".NET", "c++"]);
    check(&["機密"], "これは機密です", &["機密"]);
    check(&["秘"], "秘書", &["秘"]);
}

#[test]
fn overlapping_words_are_all_found() {
    check(&["new york", "york times", "york"], "new york times", &["new york", "york", "york times"]);
}

#[test]
fn patterns_see_the_text_as_it_is() {
    let text = "PRJ-0042 prj-0042 XPRJ-0042";
    let found = lexicon(&[], &[r"\bPRJ-\d{4}\b"]).find(text);
    assert_eq!(found, [Term { range: 0..8, group: 0 }]);
}

#[test]
fn a_check_digit_must_hold() {
    let find = |pattern: &str, check: CheckDigit, text: &str| {
        let group =
            TermGroup { patterns: vec![pattern.to_owned()], check: Some(check), ..TermGroup::default() };
        let found = Lexicon::new(&[group]).ok().unwrap().find(text);
        found.into_iter().map(|term| text[term.range].to_owned()).collect::<Vec<_>>()
    };
    // Luhn: the example of Wikipedia's article; MOD 97-10: the Bundesbank's LEI; MOD 11-2: ORCID's example.
    assert_eq!(find(r"\b\d{11}\b", CheckDigit::Luhn, "17893729974 17893729975"), ["17893729974"]);
    let (good, bad) = ("529900SEOICVR2VM6Y05", "529900SEOICVR2VM6Y06");
    assert_eq!(find(r"\b[0-9A-Z]{20}\b", CheckDigit::Mod97, &format!("{bad} {good}")), [good]);
    let (good, bad) = ("0000-0002-1694-233X", "0000-0002-1694-2331");
    assert_eq!(find(r"\b[0-9X-]{19}\b", CheckDigit::Mod11, &format!("{bad} {good}")), [good]);
    for check in CheckDigit::ALL {
        assert!(!check.1.holds("") && !check.1.holds("-") && !check.1.holds("1"), "{check:?}");
    }
}

#[test]
fn words_before_a_term_speak_for_it() {
    let group = TermGroup {
        patterns: vec![r"\b\d{9}\b".to_owned()],
        near: vec!["member".to_owned(), "Mitglied".to_owned()],
        ..TermGroup::default()
    };
    let lexicon = Lexicon::new(&[group]).ok().unwrap();
    let check = |text: &str, expect: bool| assert_eq!(!lexicon.find(text).is_empty(), expect, "{text}");
    check("member no. 123456789", true);
    check("MITGLIED: 123456789", true);
    check("the number 123456789 of a member", false);
    check("remember 123456789", false);
    check("members 123456789", false);
    let far = |spaces: usize| format!("remember{}123456789", " ".repeat(spaces));
    // Cut in the middle, the word would look like another one.
    (50..70).for_each(|spaces| check(&far(spaces), false));
    check(&format!("member{}123456789", " ".repeat(58)), true);
    check(&format!("member{}123456789", " ".repeat(59)), false);
    check(&format!("ä member{}123456789", "·".repeat(29)), true);
}

#[test]
fn bad_terms_are_all_reported() {
    let group = TermGroup {
        words: vec!["  \u{200b} ".into(), "x".repeat(300), "fine".into()],
        patterns: vec!["(".into(), "a*".into(), r"\w{1000}{100}".into(), r"\b".into()],
        near: vec![" ".into(), "y".repeat(33), "fine".into()],
        ..TermGroup::default()
    };
    let errors = Lexicon::new(&[group]).err().unwrap();
    let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "word 0 of those nearby is empty or longer than 32 bytes",
            "word 1 of those nearby is empty or longer than 32 bytes",
            "word 0 is empty or longer than 256 bytes",
            "word 1 is empty or longer than 256 bytes",
            "pattern 0 is not a regular expression",
            "pattern 1 matches empty text",
            "pattern 2 is too large",
            "pattern 3 matches empty text",
        ]
    );
}

#[test]
fn unbounded_patterns_are_told_apart() {
    assert!(lexicon(&["w"], &["a{1,9}b"]).is_bounded());
    assert!(!lexicon(&[], &["a+b"]).is_bounded());
}

#[test]
fn ordinary_text_is_settled_to_its_end() {
    let it = lexicon(&["top secret", "confidential"], &[]);
    for (text, settled) in [
        ("nothing here", 12),
        ("at the to", 7),
        ("at the top", 7),
        ("at the top ", 7),
        ("at the top s", 7),
        ("at the top x", 12),
        ("stop", 4),
        ("say confi", 4),
        ("say confidential", 4),
        ("say confidential.", 17),
    ] {
        assert_eq!(it.settled(text, 0), settled, "{text}");
    }
}

/// What a reader of pieces finds: the same terms, whatever the cuts.
fn in_pieces(it: &Lexicon, text: &str, cuts: &[usize]) -> Vec<Term> {
    let mut found = Vec::new();
    let mut from = 0;
    let mut ends: Vec<usize> =
        cuts.iter().map(|cut| text.floor_char_boundary(cut % (text.len() + 1))).collect();
    ends.sort_unstable();
    for end in ends {
        let part = &text[..end];
        let settled = it.settled(part, from);
        found.extend(it.find_between(part, from..settled));
        from = settled;
    }
    found.extend(it.find_between(text, from..text.len() + 1));
    found
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]
    #[test]
    fn pieces_change_nothing(
        parts in prop::collection::vec(
            prop::sample::select(vec![
                "top", "secret", " ", "  ", "\n", "to", "p", "SEC", "ret", "é", "e", "\u{301}", "caf", "\u{200b}", "ß",
                "ss", "a", ".", "機", "密", "12", "x1", "_",
            ]),
            0..14,
        ),
        cuts in prop::collection::vec(any::<usize>(), 0..6),
    ) {
        let text = parts.concat();
        let it = lexicon(&["top secret", "secret", "café", "mass", "機密", "top"], &[r"\b[0-9]{2}\b"]);
        prop_assert_eq!(in_pieces(&it, &text, &cuts), it.find(&text));
    }
}
