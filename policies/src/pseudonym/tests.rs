//! Round trips, tolerated forms, and every cutting of a reply.

use super::*;
use crate::Kind;
use proptest::prelude::*;

const MAIL: &str = "bob@x.org";
const PHONE: &str = "+49 30 \"12\\34\"";

fn vault() -> (Vault, String, String) {
    let mut vault = Vault::new(PseudonymKey::from_bytes([3; 32]).tenant("t"));
    let mut name =
        |kind, value| vault.name(Named { kind, canonical: value, spelling: value }, |_| false).unwrap();
    let (mail, phone) = (name("EMAIL_ADDRESS", MAIL), name("PHONE_NUMBER", PHONE));
    (vault, mail, phone)
}

fn pieces(vault: &Vault, pieces: &[&str], kind: Kind) -> String {
    let mut restorer = Restorer::default();
    let mut out = String::new();
    for (index, piece) in pieces.iter().enumerate() {
        let ended = if index + 1 == pieces.len() { Ended::Yes } else { Ended::No };
        let mut text = (*piece).to_owned();
        restorer.push(vault, &mut text, (kind, ended));
        out.push_str(&text);
        assert!(restorer.held().len() <= token::longest("EMAIL_ADDRESS".len()));
    }
    assert!(restorer.held().is_empty());
    out
}

/// `M` stands for the bare pseudonym of the address, `P` for that of the telephone number.
fn check_as(kind: Kind, text: &str, expect: &str) {
    let (vault, mail, phone) = vault();
    let text = text.replace("<M>", &mail).replace("<P>", &phone);
    assert_eq!(pieces(&vault, &[&text], kind), expect, "{text}");
    let cuts: Vec<usize> = (0..=text.len()).filter(|at| text.is_char_boundary(*at)).collect();
    for &cut in &cuts {
        assert_eq!(pieces(&vault, &[&text[..cut], &text[cut..]], kind), expect, "{text} cut at {cut}");
    }
    let letters: Vec<&str> = cuts.windows(2).map(|pair| &text[pair[0]..pair[1]]).chain([""]).collect();
    assert_eq!(pieces(&vault, &letters, kind), expect, "{text} letter by letter");
}

fn check(text: &str, expect: &str) {
    check_as(Kind::Prose, text, expect);
}

#[test]
fn canonical_pseudonyms_are_restored() {
    check("Write to ⟦<M>⟧, please.", "Write to bob@x.org, please.");
    check("⟦<M>⟧⟦<M>⟧", "bob@x.orgbob@x.org");
    check("⟦<M>⟧ and ⟦<P>⟧'s", "bob@x.org and +49 30 \"12\\34\"'s");
    check("a⟦<M>⟧s", "abob@x.orgs");
    check("no pseudonym: ⟦, EMAIL, [x], 100%, a\\b & é", "no pseudonym: ⟦, EMAIL, [x], 100%, a\\b & é");
}

#[test]
fn what_models_do_to_pseudonyms_is_tolerated() {
    let (_, mail, _) = vault();
    let id = &mail["EMAIL_ADDRESS_".len()..];
    for form in [
        mail.clone(),
        mail.to_lowercase(),
        format!("⟦{}⟧", mail.to_lowercase()),
        format!("⟦Email_Address_{id}⟧"),
        format!("[{mail}]"),
        format!("[[{mail}]]"),
        format!("⟦⟦{mail}⟧⟧"),
        format!("【{mail}】"),
        format!("⟦ {mail} ⟧"),
        format!("⟦EMAIL ADDRESS {id}⟧"),
        format!("⟦EMAIL-ADDRESS-{id}⟧"),
        format!("EMAIL ADDRESS: {id}"),
        format!("⟦EMAIL_ADDRESS{id}⟧"),
        format!(r"⟦EMAIL\_ADDRESS\_{id}⟧"),
        format!(r"EMAIL\_ADDRESS\_{id}"),
        format!("⟦EMAIL&#95;ADDRESS&lowbar;{id}⟧"),
        format!("⟦{mail}"),
        format!("{mail}⟧"),
    ] {
        check(&form, MAIL);
        check(&format!("x {form}."), "x bob@x.org.");
    }
    check(
        "`⟦<M>⟧` **<M>** (<M>) \"<M>\" <<M>>",
        "`bob@x.org` **bob@x.org** (bob@x.org) \"bob@x.org\" <bob@x.org>",
    );
    check("<M>s and <M>'s", "bob@x.orgs and bob@x.org's");
    check("[<M>](mailto:<M>)", "[bob@x.org](mailto:bob@x.org)");
    check("[<M> see", "[bob@x.org see");
}

#[test]
fn escapes_around_a_pseudonym_are_kept_for_its_value() {
    check(r#"{"a":"\u27e6<P>\u27E7"}"#, r#"{"a":"+49 30 \"12\\34\""}"#);
    check(r"\\u27e6<P>\\u27e7", r#"+49 30 \\\"12\\\\34\\\""#);
    check("?to=%E2%9F%A6<M>%e2%9f%a7&x", "?to=bob%40x.org&x");
    check("&#x27E6;<P>&#10215;", "+49 30 &quot;12\\34&quot;");
    check("&lobrk;<M>&robrk;", "bob@x.org");
    check_as(
        Kind::Arguments,
        r#"{"to":"⟦<P>⟧","cc":"line\n<M>"}"#,
        r#"{"to":"+49 30 \"12\\34\"","cc":"line\nbob@x.org"}"#,
    );
    check_as(Kind::Arguments, r#"{"to":"\u27e6<P>\u27e7"}"#, r#"{"to":"+49 30 \"12\\34\""}"#);
    check("x%20<M>", "x%20bob@x.org");
    check("⟦**<M>**⟧ and ⟦`<M>`⟧", "bob@x.org and bob@x.org");
}

#[test]
fn values_in_arguments_are_escaped_for_every_string_around_them() {
    let arguments = |text: &str, expect: &str| check_as(Kind::Arguments, text, expect);
    arguments(r#"{"doc":"{\"to\":\"⟦<P>⟧\"}"}"#, r#"{"doc":"{\"to\":\"+49 30 \\\"12\\\\34\\\"\"}"}"#);
    arguments(r#"{"say":"call \"⟦<P>⟧\""}"#, r#"{"say":"call \"+49 30 \"12\\34\"\""}"#);
    arguments(
        r#"{"doc":"{\"to\":\"\u27e6<P>\u27e7\"}"}"#,
        r#"{"doc":"{\"to\":\"+49 30 \\\"12\\\\34\\\"\"}"}"#,
    );
    arguments(r#"{"to":⟦<M>⟧,"n":[<M>]}"#, r#"{"to":"bob@x.org","n":["bob@x.org"]}"#);
    arguments(r#"{"doc":"{\"to\":⟦<P>⟧}"}"#, r#"{"doc":"{\"to\":\"+49 30 \\\"12\\\\34\\\"\"}"}"#);
}

#[test]
fn a_number_comes_back_as_a_number() {
    let mut vault = Vault::new(PseudonymKey::from_bytes([3; 32]).tenant("t"));
    let card = "4111111111111111";
    let name = vault.name(Named { kind: "CREDIT_CARD", canonical: card, spelling: card }, |_| false).unwrap();
    let text = format!("{{\"card\":⟦{name}⟧,\"text\":\"⟦{name}⟧\"}}");
    let expect = format!("{{\"card\":{card},\"text\":\"{card}\"}}");
    assert_eq!(pieces(&vault, &[&text], Kind::Arguments), expect);
}

#[test]
fn invented_and_damaged_pseudonyms_stay_as_they_are() {
    let (_, mail, phone) = vault();
    let mail_id = &mail["EMAIL_ADDRESS_".len()..];
    for text in [
        "⟦EMAIL_ADDRESS_22222222⟧".to_owned(),
        "EMAIL_ADDRESS_1, EMAIL_ADDRESS_10".to_owned(),
        format!("⟦{mail}2⟧"),
        format!("{mail}X"),
        format!("⟦{}⟧", &mail[..mail.len() - 1]),
        format!("X{mail}"),
        format!("PHONE_NUMBER_{mail_id}"),
        format!("EMAIL_ADDRESS_{}", &phone["PHONE_NUMBER_".len()..]),
        "⟦".to_owned(),
        "⟦EMAIL".to_owned(),
        "EMAIL_ADDRESS_".to_owned(),
        "the email address is unknown".to_owned(),
        "\\u27".to_owned(),
        "%E2%9".to_owned(),
    ] {
        check(&text, &text);
    }
}

#[test]
fn a_restored_value_is_not_read_again() {
    let mut vault = Vault::new(PseudonymKey::from_bytes([3; 32]).tenant("t"));
    let named = |kind, value| Named { kind, canonical: value, spelling: value };
    let inner = vault.name(named("EMAIL_ADDRESS", MAIL), |_| false).unwrap();
    let value = format!("⟦{inner}⟧");
    let outer = vault.name(named(LITERAL, &value), |_| false).unwrap();
    assert_eq!(pieces(&vault, &[&format!("⟦{outer}⟧ ⟦{inner}⟧")], Kind::Prose), format!("{value} {MAIL}"));
}

#[test]
fn spellings_share_a_root_and_come_back_exactly() {
    let mut vault = Vault::new(PseudonymKey::from_bytes([3; 32]).tenant("t"));
    let mut name =
        |spelling| vault.name(Named { kind: "EMAIL_ADDRESS", canonical: MAIL, spelling }, |_| false).unwrap();
    let (first, second, again) = (name(MAIL), name("Bob@X.org"), name(MAIL));
    assert_eq!(first, again);
    assert!(second.starts_with(&first) && second.len() > first.len());
    let text = format!("⟦{second}⟧ ⟦{first}⟧ {second}, {first}.");
    let expect = "Bob@X.org bob@x.org Bob@X.org, bob@x.org.";
    for cut in (0..text.len()).filter(|at| text.is_char_boundary(*at)) {
        assert_eq!(pieces(&vault, &[&text[..cut], &text[cut..]], Kind::Prose), expect);
    }
}

#[test]
fn taken_ids_are_lengthened_and_may_run_out() {
    let mut vault = Vault::new(PseudonymKey::from_bytes([3; 32]).tenant("t"));
    let named = Named { kind: "EMAIL_ADDRESS", canonical: MAIL, spelling: MAIL };
    assert_eq!(vault.name(named, |_| true), Err(Exhausted));
    let long = vault.name(named, |id| id.len() < 16).unwrap();
    assert_eq!(long.len(), "EMAIL_ADDRESS_".len() + 16);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]
    #[test]
    fn every_cutting_gives_the_same(
        parts in prop::collection::vec(
            prop::sample::select(vec![
                "⟦", "⟧", "[", "]", "(", "<M>", "<P>", "<m>", "EMAIL_ADDRESS", "EMAIL", "_", "\\_", "-", " ", "s", "S",
                "x", "2", "\\u27e6", "\\u27e7", "\\\\u27e6", "%E2%9F%A6", "%E2%9F%A7", "&lobrk;", "&#", "&", "%", "\\",
                "é", "\n", "\\n", "%20", "P", "e",
            ]),
            0..12,
        ),
        cuts in prop::collection::vec(any::<usize>(), 0..8),
        arguments in any::<bool>(),
    ) {
        let (vault, mail, phone) = vault();
        let text = parts.concat().replace("<M>", &mail).replace("<P>", &phone).replace("<m>", &mail.to_lowercase());
        let kind = if arguments { Kind::Arguments } else { Kind::Prose };
        let mut ends: Vec<usize> = cuts.iter().map(|cut| text.floor_char_boundary(cut % (text.len() + 1))).collect();
        ends.extend([0, text.len()]);
        ends.sort_unstable();
        let cut: Vec<&str> = ends.windows(2).map(|pair| &text[pair[0]..pair[1]]).collect();
        prop_assert_eq!(pieces(&vault, &cut, kind), pieces(&vault, &[&text], kind));
    }
}
