//! How single signs are spelled in escaped text, and how values are dressed to fit in there.

/// How a pseudonym's brackets were escaped, and so how its value must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dress {
    /// Not at all.
    Plain,
    /// As JSON strings nested so many levels deep.
    Json(u32),
    /// As percent-encoded UTF-8 (RFC 3986).
    Percent,
    /// As HTML character references.
    Html,
}

/// One sign read from a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    /// A sign, the bytes it takes, and its dress.
    Is(char, usize, Dress),
    /// The text ends, or ends within an escape that may still become a sign.
    Unfinished,
}

/// Most backslashes before a `u`: JSON three levels deep.
const BACKSLASHES: usize = 4;
/// Longest HTML character reference that is read, ampersand and semicolon included.
const REFERENCE: usize = 10;
/// Longest escaped sign in bytes: a three-byte character percent-encoded, or `\\\\u27e6`.
#[cfg(test)]
pub(super) const LONGEST_SIGN: usize = 10;

/// Reads the first sign of `rest`. Escapes that spell nothing are read as what they are.
pub(super) fn read(rest: &str) -> Sign {
    let Some(first) = rest.chars().next() else { return Sign::Unfinished };
    let escaped = match first {
        '\\' => backslash(rest),
        '%' => percent(rest),
        '&' => reference(rest),
        _ => None,
    };
    escaped.unwrap_or(Sign::Is(first, first.len_utf8(), Dress::Plain))
}

/// `\u27e6`, with the backslash doubled for every further level, or Markdown's `\_`.
fn backslash(rest: &str) -> Option<Sign> {
    let slashes = rest.bytes().take(BACKSLASHES + 1).take_while(|b| *b == b'\\').count();
    if slashes > BACKSLASHES {
        return None;
    }
    let after = rest.get(slashes..)?;
    let Some(first) = after.chars().next() else { return Some(Sign::Unfinished) };
    if matches!(first, '_' | '-' | '[' | ']') {
        return Some(Sign::Is(first, slashes + 1, Dress::Plain));
    }
    if first != 'u' || !slashes.is_power_of_two() {
        return None;
    }
    let hex = after.get(1..)?;
    let digits = hex.bytes().take(4).take_while(u8::is_ascii_hexdigit).count();
    if digits < 4 {
        return (digits == hex.len()).then_some(Sign::Unfinished);
    }
    let code = u32::from_str_radix(hex.get(..4)?, 16).ok()?;
    Some(Sign::Is(char::from_u32(code)?, slashes + 5, Dress::Json(slashes.trailing_zeros() + 1)))
}

/// `%E2%9F%A6`, one to three bytes of UTF-8.
fn percent(rest: &str) -> Option<Sign> {
    let mut bytes = [0u8; 3];
    for count in 0..bytes.len() {
        let triple = rest.get(count * 3..).unwrap_or_default().as_bytes();
        let byte = match triple {
            [b'%', high, low, ..] => hex(*high)? << 4 | hex(*low)?,
            [b'%', high] if high.is_ascii_hexdigit() => return Some(Sign::Unfinished),
            [b'%'] | [] => return Some(Sign::Unfinished),
            _ => return None,
        };
        *bytes.get_mut(count)? = byte;
        let read = bytes.get(..=count)?;
        match std::str::from_utf8(read) {
            Ok(text) => return Some(Sign::Is(text.chars().next()?, (count + 1) * 3, Dress::Percent)),
            Err(error) if error.error_len().is_some() => return None,
            Err(_) => {}
        }
    }
    None
}

fn hex(digit: u8) -> Option<u8> {
    u8::try_from(char::from(digit).to_digit(16)?).ok()
}

/// `&#10214;`, `&#x27E6;` and the named references of the signs that pseudonyms are written with.
fn reference(rest: &str) -> Option<Sign> {
    let body = rest.get(1..)?;
    let name = body.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'#').count();
    if name + 2 > REFERENCE {
        return None;
    }
    let (name, after) = body.split_at_checked(name)?;
    match after.as_bytes().first() {
        None => return Some(Sign::Unfinished),
        Some(b';') => {}
        Some(_) => return None,
    }
    let sign = match name {
        "lobrk" => '⟦',
        "robrk" => '⟧',
        "lowbar" | "UnderBar" => '_',
        "lbrack" | "lsqb" => '[',
        "rbrack" | "rsqb" => ']',
        "nbsp" => ' ',
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)?
        }
    };
    Some(Sign::Is(sign, name.len() + 2, Dress::Html))
}

/// A value as it must be written where a pseudonym in this dress stood.
pub(super) fn dress(value: &str, dress: Dress) -> String {
    match dress {
        Dress::Plain => value.to_owned(),
        Dress::Json(levels) => (0..levels).fold(value.to_owned(), |text, _| json(&text)),
        Dress::Percent => value.bytes().fold(String::new(), |mut text, byte| {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                    text.push(char::from(byte))
                }
                _ => text.push_str(&format!("%{byte:02X}")),
            }
            text
        }),
        Dress::Html => {
            value.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
        }
    }
}

/// A value as it must be written inside so many JSON strings.
pub(crate) fn escaped(value: &str, depth: u32) -> String {
    dress(value, Dress::Json(depth))
}

/// A value as a JSON string of its own, quotes included, inside so many strings.
pub(crate) fn quoted(value: &str, depth: u32) -> String {
    dress(&format!("\"{}\"", json(value)), Dress::Json(depth))
}

/// A text as the inside of a JSON string (RFC 8259, section 7).
fn json(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' => escaped.push_str("\\\""),
            '\\' => escaped.push_str("\\\\"),
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '\t' => escaped.push_str("\\t"),
            c if u32::from(c) < 0x20 => escaped.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_are_read_in_every_dress() {
        for (text, expect) in [
            ("⟦x", Sign::Is('⟦', 3, Dress::Plain)),
            (r"\u27e6x", Sign::Is('⟦', 6, Dress::Json(1))),
            (r"\\u27E6x", Sign::Is('⟦', 7, Dress::Json(2))),
            (r"\\\\u27E6", Sign::Is('⟦', 9, Dress::Json(3))),
            (r"\_", Sign::Is('_', 2, Dress::Plain)),
            (r"\n", Sign::Is('\\', 1, Dress::Plain)),
            (r"\u27", Sign::Unfinished),
            (r"\u27x", Sign::Is('\\', 1, Dress::Plain)),
            (r"\", Sign::Unfinished),
            ("%E2%9f%A6", Sign::Is('⟦', 9, Dress::Percent)),
            ("%E2%9", Sign::Unfinished),
            ("%E2x", Sign::Is('%', 1, Dress::Plain)),
            ("%5F", Sign::Is('_', 3, Dress::Percent)),
            ("100% ", Sign::Is('1', 1, Dress::Plain)),
            ("% ", Sign::Is('%', 1, Dress::Plain)),
            ("%FF", Sign::Is('%', 1, Dress::Plain)),
            ("&lobrk;", Sign::Is('⟦', 7, Dress::Html)),
            ("&#x27e7;", Sign::Is('⟧', 8, Dress::Html)),
            ("&#10214;", Sign::Is('⟦', 8, Dress::Html)),
            ("&#102", Sign::Unfinished),
            ("&x y", Sign::Is('&', 1, Dress::Plain)),
            ("&amp;", Sign::Is('&', 1, Dress::Plain)),
            ("", Sign::Unfinished),
        ] {
            assert_eq!(read(text), expect, "{text}");
        }
    }

    #[test]
    fn values_are_dressed_to_fit() {
        assert_eq!(dress("a\"b\\\u{1}", Dress::Json(1)), r#"a\"b\\\u0001"#);
        assert_eq!(dress("\"", Dress::Json(2)), r#"\\\""#);
        assert_eq!(dress("bob@x.org é", Dress::Percent), "bob%40x.org%20%C3%A9");
        assert_eq!(dress("<a&\"b>", Dress::Html), "&lt;a&amp;&quot;b&gt;");
    }
}
