//! What is found, what is left alone, and that offsets always fit.

use std::sync::LazyLock;

use proptest::prelude::*;

use crate::{Detectors, EntityType};

static FOUR: LazyLock<Detectors> = LazyLock::new(|| {
    Detectors::rules(&[
        EntityType::EmailAddress,
        EntityType::PhoneNumber,
        EntityType::CreditCard,
        EntityType::IbanCode,
    ])
});

fn all() -> &'static Detectors {
    &FOUR
}

fn check(text: &str, expect: &[(&str, &str)]) {
    let found: Vec<(&str, &str)> =
        all().search(text).unwrap().into_iter().map(|it| (it.entity.name(), &text[it.range])).collect();
    assert_eq!(found, expect, "{text}");
}

fn one(entity: &str, text: &str) {
    check(text, &[(entity, text)]);
    for (before, after) in
        [("call me at ", "."), ("(see ", ")"), ("\"x\": \"", "\","), ("a, ", ", b"), ("", "\nnext")]
    {
        let around = format!("{before}{text}{after}");
        let found = all().search(&around).unwrap();
        let range = before.len()..before.len() + text.len();
        assert_eq!(
            found.iter().map(|f| (f.entity.name(), f.range.clone())).collect::<Vec<_>>(),
            [(entity, range)],
            "{around}"
        );
    }
}

#[test]
fn addresses_are_found() {
    for text in [
        "anna.muster@example.com",
        "a+b_c-d@sub.example.co.uk",
        "o'brien@example.ie",
        "jürgen@müller.de",
        "用户@例子.公司",
        "x@xn--mnchen-3ya.de",
        "anna%40example.com",
        "anna＠example.com",
        "an\u{200b}na@example.com",
    ] {
        one("EMAIL_ADDRESS", text);
    }
    let e = "EMAIL_ADDRESS";
    check(
        "mail 'bob@x.org', <amy@x.org>;joe@x.org.",
        &[(e, "bob@x.org"), (e, "amy@x.org"), (e, "joe@x.org")],
    );
    check("mailto:bob@x.org?subject=1 user=amy@x.org&b", &[(e, "bob@x.org"), (e, "amy@x.org")]);
    check(r#"{\"a\":\"bob@x.org\",\n\"b\":1} C:\nbob@x.org"#, &[(e, "bob@x.org"), (e, "bob@x.org")]);
    check("bob@x.org's", &[(e, "bob@x.org")]);
    check("a@b@example.com", &[(e, "b@example.com")]);
}

#[test]
fn at_signs_of_code_are_left_alone() {
    for text in [
        "npm i react@18.2.0 @types/node@20.1.1 lodash@4.17.21-rc.x",
        "uses: actions/checkout@v4",
        "git@github.com:org/repo.git",
        "icon@2x.png",
        "@app.route('/x') def f(): pass",
        "this@MainActivity.title",
        "x @ y.com",
        "user@localhost",
        "a@b",
        "@",
        "@@@...@",
        "%40%40.",
    ] {
        check(text, &[]);
    }
}

#[test]
fn cards_are_found() {
    for text in [
        "4111 1111 1111 1111",
        "4111-1111-1111-1111",
        "4111111111111111",
        "4111.1111.1111.1111",
        "5555 5555 5555 4444",
        "2223003122003222",
        "3782 822463 10005",
        "378282246310005",
        "3056 9309 0259 04",
        "6011 1111 1111 1117",
        "3530 1113 3330 0000",
        "6200 0000 0000 0005",
        "４１１１ １１１１ １１１１ １１１１",
        "4111\u{a0}1111\u{a0}1111\u{a0}1111",
        "4111\u{2011}1111\u{2011}1111\u{2011}1111",
        "4111 1111\n1111 1111",
        "4111\u{200b}1111\u{200b}1111\u{200b}1111",
    ] {
        one("CREDIT_CARD", text);
    }
    check("4111 1111 1111 1111 12/26 123", &[("CREDIT_CARD", "4111 1111 1111 1111")]);
    check("visa 4222222222222", &[("CREDIT_CARD", "4222222222222")]);
    check("<b>4111111111111111</b>", &[("CREDIT_CARD", "4111111111111111")]);
}

#[test]
fn accounts_are_found() {
    for text in [
        "DE89370400440532013000",
        "DE89 3704 0044 0532 0130 00",
        "de89 3704 0044 0532 0130 00",
        "GB29 NWBK 6016 1331 9268 19",
        "FR14 2004 1010 0505 0001 3M02 606",
        "NL91ABNA0417164300",
        "AT61 1904 3002 3457 3201",
        "CH93 0076 2011 6238 5295 7",
        "ES91 2100 0418 4502 0005 1332",
        "IT60 X054 2811 1010 0000 0123 456",
        "BE68 5390 0754 7034",
        "PL61 1090 1014 0000 0712 1981 2874",
        "MT84 MALT 0110 0001 2345 MTLC AST0 01S",
        "NO93 8601 1117 947",
        "SA03 8000 0000 6080 1016 7519",
        "BR18 0036 0305 0000 1000 9795 493C 1",
        "DE89 3704 0044\n  0532 0130 00",
        "DE89-3704-0044-0532-0130-00",
        "DE89\u{a0}3704\u{a0}0044\u{a0}0532\u{a0}0130\u{a0}00",
    ] {
        one("IBAN_CODE", text);
    }
    for wrong in [
        "DE89370400440532013001",
        "XDE89370400440532013000",
        "DE89370400440532013000X",
        "at 10 percent of the people",
    ] {
        assert!(all().search(wrong).unwrap().iter().all(|f| f.entity != EntityType::IbanCode), "{wrong}");
    }
}

#[test]
fn telephone_numbers_are_found() {
    for text in [
        "+49 30 1234567",
        "+49 (0)30 1234567",
        "(+49) 30 1234567",
        "+4915123456789",
        "+1 415 555 2671",
        "+1-415-555-2671",
        "+1 (415) 555-2671",
        "+44 20 7946 0958",
        "+33 1 23 45 67 89",
        "+353 85 012 3456",
        "0049 30 1234567",
        "(212) 555-0123",
        "212-555-0123",
        "212.555.0123",
        "1-212-555-0123",
        "030 12345678",
        "0171/2345678",
        "0171-2345678",
        "(030) 1234567",
        "020 7946 0958",
        "07700 900123",
        "01 23 45 67 89",
        "06-12345678",
        "０３０ １２３４５６７８",
        "+49\u{a0}30\u{a0}1234567",
    ] {
        one("PHONE_NUMBER", text);
    }
    let p = "PHONE_NUMBER";
    check("Tel. 2125550123, Fax: 5550123", &[(p, "2125550123"), (p, "5550123")]);
    check("reach me on 612 345 678", &[(p, "612 345 678")]);
    check("phone=0301234567&x=1", &[(p, "0301234567")]);
    check(
        "+1 415 555 2671 4111 1111 1111 1111",
        &[(p, "+1 415 555 2671"), ("CREDIT_CARD", "4111 1111 1111 1111")],
    );
}

#[test]
fn numbers_that_are_no_identifiers_are_left_alone() {
    for text in [
        "550e8400-e29b-41d4-a716-446655440000",
        "12345678-1234-1234-1234-123456789012",
        "d41d8cd98f00b204e9800998ecf8427e",
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "2024-01-15T10:30:00+0100",
        "2024-01-15 10:30:45.123456",
        "01.02.2024 10:30",
        "01/02/2024 - 03/04/2024",
        "1712345678",
        "1712345678901",
        "1712345678901234567",
        "0.4111111111111111",
        "3.14159265358979",
        "192.168.178.101",
        "010.020.030.040",
        "order 4711-0815-2024",
        "order number 0123 4567890",
        "INV-0123-456789",
        "#0123-456789",
        "ISBN 978-3-16-148410-0",
        "4111 1111 1111 1112",
        "4111111111111111L",
        "x4111111111111111",
        "id_4111111111111111",
        "1,234,567,890",
        "1 000 000 000",
        "200 300 4000",
        "0123456789",
        "00 01 02 03 04 05 06 07 08 09",
        "0x0301234567",
        "[2024-01-15 10:30:45] pid 12345 port 8080",
        "v1.2.3.20240115",
        "+1 -1 +12 C++17 2020",
        "commit 1234567",
        "at line 1234567",
        "",
    ] {
        check(text, &[]);
    }
}

#[test]
fn only_the_chosen_types_are_found() {
    let text = "bob@x.org 4111 1111 1111 1111 +49 30 1234567 DE89370400440532013000";
    assert_eq!(all().search(text).unwrap().len(), 4);
    for entity in
        [EntityType::EmailAddress, EntityType::PhoneNumber, EntityType::CreditCard, EntityType::IbanCode]
    {
        let found = Detectors::rules(&[entity]).search(text).unwrap();
        assert_eq!(found.iter().map(|f| f.entity).collect::<Vec<_>>(), [entity]);
    }
}

#[test]
fn canonical_spellings_are_equal() {
    for (entity, a, b) in [
        (EntityType::EmailAddress, "Bob@X.org", "bob%40x.ORG"),
        (EntityType::CreditCard, "4111 1111 1111 1111", "4111-1111-1111-1111"),
        (EntityType::IbanCode, "de89 3704 0044 0532 0130 00", "DE89370400440532013000"),
        (EntityType::PhoneNumber, "+49 (0)30 1234567", "0049 30 123 4567"),
    ] {
        assert_eq!(entity.canonical(a), entity.canonical(b));
    }
}

proptest! {
    #[test]
    fn any_text_is_searched_without_harm(text in "[0-9+@%.\\-() /\nA-Za-zé\u{200b}４DE89]{0,200}") {
        let mut last = 0;
        for found in all().search(&text).unwrap() {
            prop_assert!(found.range.start >= last && text.get(found.range.clone()).is_some());
            prop_assert!(!found.range.is_empty());
            last = found.range.end;
        }
    }
}
