//! Values in replies that are longer than what is looked at ahead: they are found whole however the reply is cut.

use std::sync::LazyLock;

use weir_policies::{Channel, Control, Delta, Kind, Part, PersonalData};

use crate::support::*;

static SECRETS: LazyLock<PersonalData> = LazyLock::new(|| {
    PersonalData::from(
        &set("rules:\n  - {id: r, on: reply, find: secrets, then: {redact: {mode: drop}}}\n"),
        &key(),
    )
});

/// What the caller reads of a reply in pieces of `size` characters.
fn read(reply: &str, size: usize, kind: Kind) -> String {
    let mut pass = SECRETS.begin(&caller("acme"));
    send(pass.as_mut(), Kind::Prose, "hello");
    let letters: Vec<char> = reply.chars().collect();
    let count = letters.len().div_ceil(size);
    let mut out = String::new();
    for (at, piece) in letters.chunks(size).enumerate() {
        let channel = Channel { choice: 0, part: Part::Text };
        let mut delta = Delta { channel, kind, text: piece.iter().collect(), last: at + 1 == count };
        pass.reply(&mut delta).unwrap();
        out.push_str(&delta.text);
    }
    out
}

/// Characters without a pattern, the same each time.
fn noise(length: usize, alphabet: &str) -> String {
    let letters: Vec<char> = alphabet.chars().collect();
    let mut state = 0x9e37_79b9_u32;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        letters[state as usize % letters.len()]
    };
    (0..length).map(|_| next()).collect()
}

const BASE64: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// A web token with claims and a signature of these lengths.
fn token(claims: usize, signature: usize) -> String {
    let [claims, signature] = [claims, signature].map(|length| noise(length, BASE64));
    format!("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIi{claims}.{signature}")
}

fn pem(label: &str, headers: &str) -> String {
    let body = noise(1600, BASE64);
    let lines: Vec<&str> = (0..1600).step_by(64).map(|at| &body[at..at + 64]).collect();
    format!("-----BEGIN {label}-----\n{headers}{}\n-----END {label}-----", lines.join("\n"))
}

fn values() -> Vec<(&'static str, String)> {
    let encrypted = "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,0123456789ABCDEF0123456789ABCDEF\n\n";
    vec![
        ("a short web token", token(60, 43)),
        ("a web token", token(300, 86)),
        ("a long web token", token(4000, 342)),
        ("a key", pem("RSA PRIVATE KEY", "")),
        ("another key", pem("PRIVATE KEY", "")),
        ("an encrypted key", pem("RSA PRIVATE KEY", encrypted)),
        ("a database", format!("postgres://app:{}@db.internal:5432/orders", noise(150, BASE64))),
        ("a session", format!("aws_session_token={}", noise(700, BASE64))),
    ]
}

#[test]
fn long_values_are_found_whole() {
    for (name, value) in values() {
        for (before, after) in
            [("Here it is: ", " and that is all of it."), ("", ""), ("x=1 see\n", "\n\nDone, bye.")]
        {
            let reply = format!("{before}{value}{after}");
            let whole = read(&reply, usize::MAX / 2, Kind::Prose);
            for length in [24, 40, 64] {
                let tail = &value[value.len() - length..value.len() - 12];
                assert!(!whole.contains(tail), "{name}: {whole}");
            }
            assert!(whole.ends_with(after) && whole.starts_with(before), "{name}: {whole}");
            for size in [1, 3, 17, 96, 131] {
                assert_eq!(read(&reply, size, Kind::Prose), whole, "{name} {size}");
            }
        }
    }
}

#[test]
fn a_value_in_the_middle_of_a_long_word_is_found() {
    let token = token(300, 86);
    for lead in [0, 50, 100, 200, 400, 1500] {
        let reply = format!("see https://x.example/{}?token={token} now", noise(lead, "abcdefghij/"));
        let whole = read(&reply, usize::MAX / 2, Kind::Prose);
        assert!(!whole.contains(&token[token.len() - 40..]), "{lead} {whole}");
        for size in [1, 5, 96] {
            assert_eq!(read(&reply, size, Kind::Prose), whole, "{lead} {size}");
        }
    }
}

#[test]
fn long_words_that_are_nothing_pass_and_do_not_wait_for_ever() {
    for length in [200, 3000, 9000, 60_000] {
        let blob = noise(length, "abcdefghijklmnopqrstuvwxyz");
        let reply = format!("blob {blob} end");
        for size in [64, 1000, usize::MAX / 2] {
            assert_eq!(read(&reply, size, Kind::Prose), reply, "{length} {size}");
        }
        let arguments = format!("{{\"blob\": \"{blob}\"}}");
        assert_eq!(read(&arguments, 50, Kind::Arguments), arguments, "{length}");
    }
}
