//! What makes a value look like a secret rather than a word, a name in a program or an example.

/// A token behind a literal: random enough, and no example.
pub(crate) fn random(text: &str) -> bool {
    !is_placeholder(text) && entropy(text) >= 3.0
}

/// A text that ends in a check value that is no mask.
pub(crate) fn signed(text: &str) -> bool {
    text.rsplit(' ').next().is_some_and(|tail| entropy(tail) >= 2.5)
}

/// Random enough, for formats that repeat a character by design.
pub(crate) fn entropic(text: &str) -> bool {
    entropy(text) >= 3.0
}

/// A key block with a body that is no mere sign for one.
pub(crate) fn private_key(text: &str) -> bool {
    let body = text.split("-----").nth(2).unwrap_or_default();
    // How a key is encrypted stands in headers, which are no part of it.
    let body = body.split_once("DEK-Info:").map_or(body, |(_, rest)| {
        rest.trim_start().split_once(['\\', '\n', '\r', ' ']).map_or("", |(_, key)| key)
    });
    body.bytes().filter(u8::is_ascii_alphanumeric).count() >= 40 && entropy(body) >= 3.5
}

/// A token whose header is JSON.
pub(crate) fn web_token(text: &str) -> bool {
    let header = text.split('.').next().unwrap_or_default();
    let signature = text.rsplit('.').next().unwrap_or_default();
    !runs(signature)
        && super::super::encoded::decode(header.as_bytes()).is_some_and(|bytes| bytes.starts_with(b"{\""))
}

/// A bearer token that is random.
pub(crate) fn bearer(text: &str) -> bool {
    let token = text.rsplit(' ').next().unwrap_or_default();
    let digits = token.bytes().filter(u8::is_ascii_digit).count();
    digits >= 2 && entropy(token) >= 3.4 && !is_placeholder(token) && !is_program(token) && !is_uuid(token)
}

/// A value behind a word such as `token`: long, random, with letters and digits, and not an id or a name.
pub(crate) fn key_value(text: &str) -> bool {
    let value = text.trim_matches(['"', '\'', '`']);
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    let letters = value.bytes().filter(u8::is_ascii_alphabetic).count();
    value.len() >= 16
        && digits >= 2
        && letters >= 2
        && entropy(value) >= if is_hex(value) { 2.8 } else { 3.4 }
        && !is_placeholder(value)
        && !is_uuid(value)
        && !is_program(value)
        && !is_digest(value)
        && !is_time(value)
}

/// A value behind a word such as `password`: letters with digits or signs, and no name in a program.
pub(crate) fn password(text: &str) -> bool {
    let value = text.trim_matches(['"', '\'', '`']).trim_end_matches(['.', ',', ';', ')', '!', '?']);
    // What a program puts before a name: pointers, references, negation, macros.
    let value = value.trim_start_matches(['*', '&', '!', '#', '/']);
    let digit = value.bytes().any(|byte| byte.is_ascii_digit());
    let letter = value.chars().any(char::is_alphabetic);
    let sign = value
        .bytes()
        .any(|byte| byte.is_ascii_punctuation() && !matches!(byte, b'_' | b'-' | b'.' | b':' | b'/'));
    (6..=128).contains(&value.len())
        && letter
        && (digit || sign)
        && distinct(value) >= 5
        && !is_placeholder(value)
        && !is_program(value)
        && !is_uuid(value)
        && !is_digest(value)
        && !is_time(value)
}

/// A connection string whose password is no example.
pub(crate) fn connection(text: &str) -> bool {
    let Some((_, rest)) = text.split_once("://") else { return false };
    let Some((login, host)) = rest.rsplit_once('@') else { return false };
    let Some((user, password)) = login.split_once(':') else { return false };
    let local =
        ["localhost", "127.0.0.1", "example", "host", "[::1]", "0.0.0.0", "server", "proxy", "domain"];
    let weak = [
        "password", "passwd", "pass", "pwd", "pw", "secret", "postgres", "root", "guest", "test", "admin",
        "user", "b", "foo", "bar",
    ];
    let host = host.to_ascii_lowercase();
    let plain =
        weak.iter().any(|word| password.eq_ignore_ascii_case(word)) || password.eq_ignore_ascii_case(user);
    let example = local.iter().any(|word| host.starts_with(word)) || host.contains("example.");
    let numeric = password.bytes().all(|byte| byte.is_ascii_digit()) && password.len() <= 5;
    let masked = numeric || is_placeholder(password) || is_placeholder(user);
    let shown = example && (plain || password.len() < 6);
    let a_path = user.contains('/') || password.starts_with('/');
    !(masked || shown || a_path)
}

/// Base64 of `user:password`.
pub(crate) fn basic(text: &str) -> bool {
    let body = text.rsplit(' ').next().unwrap_or_default();
    super::super::encoded::decode(body.as_bytes())
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .is_some_and(|text| text.contains(':') && text.chars().all(|c| !c.is_control()))
}

/// Bits of information per character, by the value's own frequencies (Shannon).
pub(crate) fn entropy(text: &str) -> f32 {
    let mut counts = [0u16; 256];
    for byte in text.bytes() {
        if let Some(count) = counts.get_mut(usize::from(byte)) {
            *count = count.saturating_add(1);
        }
    }
    let total = text.len().max(1) as f32;
    counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| {
            let share = f32::from(*count) / total;
            -share * share.log2()
        })
        .sum()
}

/// An example, a mask or a reference to a variable.
pub(crate) fn is_placeholder(text: &str) -> bool {
    const WORDS: [&str; 34] = [
        "example",
        "placeholder",
        "changeme",
        "change_me",
        "change-me",
        "your",
        "xxxx",
        "****",
        "....",
        "0000000",
        "1234567",
        "abcdefg",
        "dummy",
        "sample",
        "redacted",
        "insert",
        "replace",
        "todo",
        "fixme",
        "<",
        "${",
        "{{",
        "$(",
        "%s",
        "%(",
        "%{",
        "{}",
        "lorem",
        "fake",
        "mock",
        "foobar",
        "deadbeef",
        "not-a-real",
        "notreal",
    ];
    let lower = text.to_ascii_lowercase();
    WORDS.iter().any(|word| lower.contains(word))
        || text.starts_with('$')
        || text.starts_with('{')
        || runs(text)
}

/// Whether one character makes up most of the text, or stands five times in a row.
fn runs(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.windows(5).any(|run| run.iter().all(|byte| Some(byte) == run.first()))
}

fn distinct(text: &str) -> usize {
    let mut chars: Vec<char> = text.chars().collect();
    chars.sort_unstable();
    chars.dedup();
    chars.len()
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A universally unique identifier (RFC 9562).
fn is_uuid(text: &str) -> bool {
    let bare = text.trim_matches(['{', '}']);
    bare.len() == 36
        && bare.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// A digest with its algorithm in front, as in lock files and content addresses.
fn is_digest(text: &str) -> bool {
    ["sha1-", "sha256-", "sha384-", "sha512-", "sha256:", "sha512:", "md5:", "h1:", "urn:", "data:"]
        .iter()
        .any(|head| text.get(..head.len()).is_some_and(|it| it.eq_ignore_ascii_case(head)))
}

/// A date with a time.
fn is_time(text: &str) -> bool {
    let shape = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b':' | b'T' | b'Z' | b'.' | b'+' | b' '));
    shape && text.bytes().filter(u8::is_ascii_digit).count() >= 8
}

/// A name, a path, a call or a type of a program: words joined by signs.
fn is_program(text: &str) -> bool {
    let words = text.split(['_', '-', '.', ':', '/', '\\', ' ']).filter(|word| !word.is_empty());
    let mut all = 0;
    let mut named = 0;
    for word in words {
        all += 1;
        let letters = word.trim_end_matches(|c: char| c.is_ascii_digit());
        let digits = word.len() - letters.len();
        let spelled = !letters.is_empty()
            && letters.bytes().all(|byte| byte.is_ascii_alphabetic())
            && is_word_like(letters);
        named += usize::from(digits <= 3 && (spelled || letters.is_empty()));
    }
    let called = text.contains(['(', '[', '{', '<']) && text.contains([')', ']', '}', '>', '(']);
    called
        || is_identifier(text)
        || (all >= 2 && named == all)
        || text.contains("://")
        || text.contains("::")
        || text.contains("=>")
}

/// A name in the style of programs: `TLS13_MAX_SECRET`, `sqlite3OkOnePass`, `65535i32`.
fn is_identifier(text: &str) -> bool {
    if !text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return false;
    }
    let shouted = !text.bytes().any(|byte| byte.is_ascii_lowercase()) && text.matches('_').count() >= 1;
    let literal = text.trim_start_matches(|c: char| c.is_ascii_digit()).strip_prefix(['i', 'u', 'f']);
    let typed = literal.is_some_and(|bits| matches!(bits, "8" | "16" | "32" | "64" | "128" | "size"));
    shouted || typed || is_humped(text)
}

/// A name of words with single capitals in front, one number among them and none at the end.
fn is_humped(text: &str) -> bool {
    let bytes = text.as_bytes();
    let starts = |pair: &[u8]| match pair {
        [a, b] => !a.is_ascii_uppercase() && b.is_ascii_uppercase(),
        _ => false,
    };
    let words = 1 + bytes.windows(2).filter(|pair| starts(pair)).count();
    let capitals = bytes.iter().filter(|byte| byte.is_ascii_uppercase()).count();
    let digits = bytes.iter().filter(|byte| byte.is_ascii_digit()).count();
    let numbers = text.split(|c: char| !c.is_ascii_digit()).filter(|number| !number.is_empty()).count();
    let letters = bytes.len() - digits;
    let ends_in_digit = bytes.last().is_some_and(u8::is_ascii_digit);
    words >= 2 && capitals <= words && numbers <= 1 && !ends_in_digit && letters >= words * 3 && letters >= 10
}

/// Whether letters may be a word: one case, or a capital in front of each part.
fn is_word_like(letters: &str) -> bool {
    let changes = letters
        .as_bytes()
        .windows(2)
        .filter(|pair| matches!(pair, [a, b] if a.is_ascii_lowercase() && b.is_ascii_uppercase()))
        .count();
    changes * 4 <= letters.len()
}
