//! Characters written as escapes: `%40`, `\u0040`, `&#64;`.

/// Whether any escape may stand in a text.
pub(super) fn holds_any(text: &str) -> bool {
    let bytes = text.as_bytes();
    memchr::memchr3_iter(b'%', b'\\', b'&', bytes).any(|at| {
        matches!(bytes.get(at..at + 3), Some([b'%', a, b]) if a.is_ascii_hexdigit() && b.is_ascii_hexdigit())
            || matches!(bytes.get(at..at + 2), Some([b'\\', b'u'] | [b'&', b'#']))
    })
}

/// The character that an escape at the start of `text` stands for, and the escape's length. Marks that
/// end a value in the text around are left as they are, so that its end stays where it was.
pub(super) fn first(text: &str) -> Option<(char, usize)> {
    let (c, length) = match text.as_bytes() {
        [b'%', ..] => percent(text)?,
        [b'\\', b'u', ..] => unicode(text)?,
        [b'&', b'#', ..] => entity(text)?,
        _ => return None,
    };
    let ends = matches!(c, '"' | '\'' | '<' | '>' | '`' | '\\' | '{' | '}' | '%' | '&') || c.is_control();
    (!ends).then_some((c, length))
}

/// One character in percent-encoded UTF-8.
fn percent(text: &str) -> Option<(char, usize)> {
    let octet = |at: usize| {
        let hex = text.get(at..at + 3)?.strip_prefix('%')?;
        u8::from_str_radix(hex, 16).ok()
    };
    let first = octet(0)?;
    let count = match first {
        0..0x80 => return Some((char::from(first), 3)),
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => return None,
    };
    let octets: Vec<u8> = (0..count).map_while(|place| octet(place * 3)).collect();
    std::str::from_utf8(&octets).ok()?.chars().next().map(|c| (c, count * 3))
}

/// `\u0040`, and pairs of surrogates.
fn unicode(text: &str) -> Option<(char, usize)> {
    let unit = |at: usize| {
        let hex = text.get(at..at + 6)?.strip_prefix("\\u")?;
        u32::from_str_radix(hex, 16).ok()
    };
    let first = unit(0)?;
    if (0xd800..0xdc00).contains(&first) {
        let second = unit(6).filter(|second| (0xdc00..0xe000).contains(second))?;
        return char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00)).map(|c| (c, 12));
    }
    char::from_u32(first).map(|c| (c, 6))
}

/// `&#64;` and `&#x40;`.
fn entity(text: &str) -> Option<(char, usize)> {
    let body = text.get(2..text.len().min(11)).or_else(|| text.get(2..8))?;
    let end = body.find(';')?;
    let number = body.get(..end)?;
    let code = match number.strip_prefix(['x', 'X']) {
        Some(hex) => u32::from_str_radix(hex, 16).ok()?,
        None => number.parse().ok()?,
    };
    char::from_u32(code).map(|c| (c, end + 3))
}
