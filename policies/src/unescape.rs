//! JSON source as the text it means, byte for byte in the same places.
//!
//! A listed word must be found in tool arguments however the model escapes it, and be replaced in the
//! source. So escapes are read, and the room they take is filled with characters that searches ignore.

/// What fills three and two bytes: zero-width space and soft hyphen.
const FILL_3: &str = "\u{200b}";
const FILL_2: &str = "\u{ad}";

/// Appends to `out` what `source` means, in exactly as many bytes, and says how many were read: all but
/// an escape that is cut off at the end.
pub(crate) fn unescape(source: &str, out: &mut String) -> usize {
    let mut at = 0;
    while let Some(rest) = source.get(at..) {
        let plain = rest.find('\\').unwrap_or(rest.len());
        out.push_str(rest.get(..plain).unwrap_or_default());
        at += plain;
        let Some(escape) = rest.get(plain..).filter(|escape| !escape.is_empty()) else { break };
        match read(escape) {
            Some((c, length)) => {
                let mut buffer = [0; 4];
                let meant = c.encode_utf8(&mut buffer);
                out.push_str(meant);
                fill(out, length - meant.len());
                at += length;
            }
            None => break,
        }
    }
    at
}

/// Whether a character is one that fills: ranges that end before one reach beyond it.
pub(crate) fn is_fill(c: char) -> bool {
    FILL_3.contains(c) || FILL_2.contains(c)
}

/// The character an escape means and its length; nothing when the source ends within it. What is no
/// escape means itself.
fn read(escape: &str) -> Option<(char, usize)> {
    let meant = match escape.as_bytes().get(1)? {
        b'n' | b'r' | b't' | b'f' | b'b' => ' ',
        b'"' => '"',
        b'/' => '/',
        b'u' => return unicode(escape),
        // An escaped backslash, or none at all: two bytes that mean a sign of their own.
        b'\\' => '\\',
        _ => return Some(('\\', 1)),
    };
    Some((meant, 2))
}

fn unicode(escape: &str) -> Option<(char, usize)> {
    let itself = Some(('\\', 1));
    let first = match unit(escape) {
        Unit::Is(code) => code,
        Unit::Unfinished => return None,
        Unit::No => return itself,
    };
    if !(0xd800..0xdc00).contains(&first) {
        return char::from_u32(first).map(|c| (c, 6)).or(itself);
    }
    match unit(escape.get(6..).unwrap_or_default()) {
        Unit::Unfinished => None,
        Unit::Is(second @ 0xdc00..=0xdfff) => {
            let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
            char::from_u32(code).map(|c| (c, 12)).or(itself)
        }
        _ => itself,
    }
}

enum Unit {
    Is(u32),
    Unfinished,
    No,
}

/// `\uXXXX` at the beginning of a text.
fn unit(text: &str) -> Unit {
    let expected: [fn(&u8) -> bool; 6] = [
        |b| *b == b'\\',
        |b| *b == b'u',
        u8::is_ascii_hexdigit,
        u8::is_ascii_hexdigit,
        u8::is_ascii_hexdigit,
        u8::is_ascii_hexdigit,
    ];
    let fits = text.bytes().zip(&expected).take_while(|(byte, fits)| fits(byte)).count();
    match text.get(2..6).filter(|_| fits == 6).and_then(|hex| u32::from_str_radix(hex, 16).ok()) {
        Some(code) => Unit::Is(code),
        None if fits == text.len() && fits < 6 => Unit::Unfinished,
        None => Unit::No,
    }
}

/// Fills `room` bytes.
fn fill(out: &mut String, room: usize) {
    let mut room = room;
    while room >= 2 {
        let fill = if room == 3 || room >= 5 { FILL_3 } else { FILL_2 };
        out.push_str(fill);
        room -= fill.len();
    }
    if room == 1 {
        out.push(' ');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_mean_what_they_spell_in_as_many_bytes() {
        for (source, meant, read) in [
            ("plain é", "plain é", 8),
            (r"a\nb", "a  b", 4),
            (r"\u0063at", "c\u{200b}\u{ad}at", 8),
            (r"\u00e9", "é\u{ad}\u{ad}", 6),
            (r"\u6a5f", "機\u{200b}", 6),
            (r"\ud83d\ude00", "😀\u{200b}\u{200b}\u{ad}", 12),
            (r"\ud83d!", "\\ud83d!", 7),
            (r"x\u00", "x", 1),
            (r"x\ud83d\ud", "x", 1),
            (r"x\", "x", 1),
            (r"\x", "\\x", 2),
        ] {
            let mut out = String::new();
            assert_eq!(unescape(source, &mut out), read, "{source}");
            assert_eq!((out.as_str(), out.len()), (meant, read), "{source}");
        }
    }
}
