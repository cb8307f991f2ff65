//! What is found in whole texts, in every disguise, what is left alone, and that offsets always fit.

use std::sync::{Arc, LazyLock};

use proptest::prelude::*;

use super::*;

static ALL: LazyLock<Detectors> = LazyLock::new(|| Detectors::rules(EntityType::ALL));

fn check(text: &str, expect: &[(&str, &str)]) {
    let found: Vec<(&str, &str)> =
        ALL.search(text).unwrap().into_iter().map(|it| (it.entity.name(), &text[it.range])).collect();
    assert_eq!(found, expect, "{text}");
}

#[test]
fn keys_of_json_and_labels_speak_for_a_value() {
    check(r#"{"ssn": "536904399", "n": 1}"#, &[("US_SSN", "536904399")]);
    check(r#"{"customer_id":"C-104772"}"#, &[("CUSTOMER_ID", "C-104772")]);
    check(r#"{\"customerId\": \"C-104772\"}"#, &[("CUSTOMER_ID", "C-104772")]);
    check("<ssn>536-90-4399</ssn>", &[("US_SSN", "536-90-4399")]);
    check("Kundennummer: 4711-0815", &[("CUSTOMER_ID", "4711-0815")]);
    check("geboren am 17.03.1984 in Bonn", &[("DATE_TIME", "17.03.1984")]);
    check("née le 3 mars 1984", &[("DATE_TIME", "3 mars 1984")]);
    check("| MRN | 00482913 |", &[("MRN", "00482913")]);
    check("her age: 47", &[("AGE", "47")]);
    check("username: nightowl_84", &[("USERNAME", "nightowl_84")]);
    check("the patient is 82 years old", &[("AGE", "82 years old")]);
}

#[test]
fn encoded_and_disguised_values_are_found_whole() {
    check("x=anna%40example%2Ecom", &[("EMAIL_ADDRESS", "anna%40example%2Ecom")]);
    check(r#"{"m":"anna\u0040example.com"}"#, &[("EMAIL_ADDRESS", r"anna\u0040example.com")]);
    check("anna&#64;example.com", &[("EMAIL_ADDRESS", "anna&#64;example.com")]);
    check("4111%201111%201111%201111", &[("CREDIT_CARD", "4111%201111%201111%201111")]);
    check("NDExMSAxMTExIDExMTEgMTExMQ==", &[("CREDIT_CARD", "NDExMSAxMTExIDExMTEgMTExMQ==")]);
    check(
        "id: bXkgbWFpbCBpcyBhbm5hQGV4YW1wbGUuY29t;",
        &[("EMAIL_ADDRESS", "bXkgbWFpbCBpcyBhbm5hQGV4YW1wbGUuY29t")],
    );
    check("536\u{200b}-90-43\u{ad}99", &[("US_SSN", "536\u{200b}-90-43\u{ad}99")]);
    check("\u{1d7d3}36-90-4399", &[("US_SSN", "\u{1d7d3}36-90-4399")]);
    check("аnnа@example.com", &[("EMAIL_ADDRESS", "аnnа@example.com")]);
    check("SSN：536－90－4399", &[("US_SSN", "536－90－4399")]);
}

#[test]
fn spoken_values_are_found() {
    let digits = "four one one one, one one one one, one one one one, one one one one";
    check(&format!("My card is {digits}."), &[("CREDIT_CARD", digits)]);
    check(
        "phone: oh one seven one two three four five six seven",
        &[("PHONE_NUMBER", "oh one seven one two three four five six seven")],
    );
    check(
        "write to john dot doe at example dot com today",
        &[("EMAIL_ADDRESS", "john dot doe at example dot com")],
    );
    check("john.doe (at) example.com", &[("EMAIL_ADDRESS", "john.doe (at) example.com")]);
    check("one two three four", &[]);
    check("look at example.com and at the dot com crash", &[]);
}

#[test]
fn the_more_telling_of_two_findings_stays() {
    let secret = format!("postgres://app:{}@db.internal:5432/x", "s3cr3tPw9");
    check(&format!("url={secret} ok"), &[("SECRET_CONNECTION_STRING", &secret)]);
    check(
        "https://x.example.org/u/anna@example.com/edit",
        &[("URL", "https://x.example.org/u/"), ("EMAIL_ADDRESS", "anna@example.com"), ("URL", "/edit")],
    );
    check("12 Baker Street, SW1A 1AA", &[("LOCATION", "12 Baker Street, SW1A 1AA")]);
}

#[test]
fn passwords_are_found_behind_their_words() {
    for (text, value) in [
        ("my password is hunter2!x", "hunter2!x"),
        ("DB_PASSWORD=Tr0ub4dor&3", "Tr0ub4dor"),
        ("password: \"Sommer2024\"", "Sommer2024"),
        ("mysql --password Sommer2024 -h x", "Sommer2024"),
        ("{\"pwd\":\"qW3$rT9z\"}", "qW3$rT9z"),
        ("const userPassword = 'qW3$rT9z';", "qW3$rT9z"),
        ("Passwort: Geheim!99", "Geheim!99"),
        ("mot de passe : Soleil#12", "Soleil#12"),
    ] {
        let found = ALL.search(text).unwrap();
        let told: Vec<_> = found.iter().map(|it| (it.entity.name(), &text[it.range.clone()])).collect();
        assert_eq!(told.len(), 1, "{text} {told:?}");
        assert!(told[0].0 == "SECRET_PASSWORD" && told[0].1.starts_with(value), "{text} {told:?}");
    }
}

#[test]
fn code_and_examples_are_left_alone() {
    for text in [
        "let password = get_password();",
        "password: String, token: &str, secret: Vec<u8>",
        "api_key = os.environ[\"API_KEY\"]",
        "password: ${DB_PASSWORD}",
        "PASSWORD=<your password>",
        "api_key: your-api-key-goes-here-1",
        "token: xxxxxxxxxxxxxxxxxxxx",
        "secret: 550e8400-e29b-41d4-a716-446655440000",
        "integrity: sha512-9fK2mQ7xVbT4nLw89fK2mQ7xVbT4nLw8aaBBccDD==",
        "token = tokenizer.next_token_2(input)",
        "the password must contain 8 characters",
        "commit 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b",
        "std::collections::HashMap a::b::c 10:30:45 12:00",
        "550e8400-e29b-41d4-a716-446655440000",
        "2024-01-15T10:30:00.000Z 1712345678901 20240115103045",
        "version 1.2.3, lines 100-200, 3.14159265358979",
        "0x7fff5fbff8c0 0xdeadbeef",
        "SELECT id FROM t WHERE n = 123456789 AND k = 9876543210",
        "order 4711-0815-2024, 1,234,567,890 items",
        "at ClassName.method(File.java:123)",
        "localhost:8080 127.0.0.1",
        "#fff000 rgba(12, 13, 14)",
        "The committee met on 2024-01-15 and spent 12,000 dollars on 3 items.",
        "",
    ] {
        check(text, &[]);
    }
}

struct Names;

impl Source for Names {
    fn types(&self) -> &[EntityType] {
        &[EntityType::Person]
    }

    fn find(&self, text: &str, _deadline: Deadline) -> Result<Vec<Finding>, Unsearched> {
        let at = text.find("Anna");
        let found = at.map(|at| Finding { entity: EntityType::Person, range: at..at + 4, score: 0.9 });
        Ok(found.into_iter().collect())
    }
}

#[test]
fn another_source_is_asked_for_its_types_only() {
    let names: Arc<dyn Source> = Arc::new(Names);
    let both = Detectors::with(&[EntityType::Person, EntityType::EmailAddress], vec![Arc::clone(&names)]);
    let text = "Anna: Anna@example.com";
    let found: Vec<_> = both.search(text).unwrap().iter().map(|it| it.entity.name()).collect();
    assert_eq!(found, ["PERSON", "EMAIL_ADDRESS"]);
    let mail = Detectors::with(&[EntityType::EmailAddress], vec![names]);
    assert_eq!(mail.search(text).unwrap().len(), 1);
}

#[test]
fn every_detectable_type_is_found_by_something() {
    let undetected: Vec<&str> =
        EntityType::ALL.iter().filter(|it| !Detectors::has_rules(**it)).map(|it| it.name()).collect();
    assert_eq!(undetected, ["PERSON", "ORGANIZATION", "NRP", "TITLE"]);
    assert!(EntityType::ALL.iter().all(|it| Detectors::detects(*it)));
}

#[test]
fn the_tagger_is_asked_for_types_of_words_only() {
    let text = "Dear Mrs Margaret Thompson, write to margaret@example.com.";
    let found = |types: &[EntityType]| -> Vec<&str> {
        Detectors::new(types).search(text).unwrap().iter().map(|it| it.entity.name()).collect()
    };
    assert_eq!(found(&[EntityType::Person, EntityType::EmailAddress]), ["PERSON", "EMAIL_ADDRESS"]);
    assert_eq!(found(&[EntityType::EmailAddress]), ["EMAIL_ADDRESS"]);
}

#[test]
fn hostile_texts_are_searched_whole() {
    let tail = " 536-90-4399";
    for piece in [
        "password=",
        "eyJ",
        "sk-",
        "4 ",
        "%25",
        "\\u0025",
        "a@",
        "://x:",
        "one ",
        "-----BEGIN ",
        "аb",
        "0",
        "Basic ",
        "ssn:",
        "A1",
        "1.1.",
    ] {
        let text = piece.repeat(40_000 / piece.len()) + tail;
        let found = ALL.search(&text).unwrap();
        assert!(found.iter().any(|it| text[it.range.clone()].contains("4399")), "{piece}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn any_text_is_searched_without_harm(text in "(password|ssn|token|age|dob|key|SSN|geboren am|one|four|dot|at|eyJ|sk-|AKIA|https://|%40|\\\\u00e9|&#64;|[0-9]{1,4}|[-+@%.:/ \n\"'=]|[A-Za-zéü漢\u{200b}４аΑ]{1,3}){0,60}") {
        let mut last = 0;
        for found in ALL.search(&text).unwrap() {
            prop_assert!(found.range.start >= last && text.get(found.range.clone()).is_some());
            prop_assert!(!found.range.is_empty() && (0.0..=1.0).contains(&found.score));
            last = found.range.end;
        }
    }

    #[test]
    fn what_stands_around_changes_nothing(before in "[a-z ,.]{0,30}", after in "[a-z ,.]{0,30}") {
        let text = format!("{before} 536-90-4399 {after}");
        let found = ALL.search(&text).unwrap();
        // Words such as `tel` before it speak for another type; it is found all the same.
        prop_assert!(found.iter().any(|it| &text[it.range.clone()] == "536-90-4399"), "{text}");
    }
}
