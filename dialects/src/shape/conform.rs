//! Does a skipped string look like what it should be? When not, it is inspected after all.

use super::Why;

/// Longest word of a fixed vocabulary, in bytes.
const CLOSED_LEN: usize = 64;
/// So short, even digits alone tell nothing: token ids, versions.
const SHORT: usize = 6;
/// Longest opaque id, in bytes.
const REFERENCE_LEN: usize = 128;
/// A longer run of digits is no size or date of a vocabulary: it could be a phone number.
const CLOSED_DIGITS: usize = 5;
/// A longer run of digits is no counter or time stamp of an id: it could be a card number.
const REFERENCE_DIGITS: usize = 12;

/// Whether a string that a table skips for the reason `why` looks the part; `inner` is what stands between its
/// quotes.
pub fn conforms(why: Why, inner: &[u8]) -> bool {
    match why {
        Why::Model => true,
        Why::Closed => is_word(inner, CLOSED_LEN, CLOSED_DIGITS),
        Why::Reference => is_word(inner, REFERENCE_LEN, REFERENCE_DIGITS),
    }
}

fn is_word(inner: &[u8], most: usize, digits: usize) -> bool {
    if inner.len() > most {
        return false;
    }
    let (mut letters, mut run, mut longest) = (0, 0, 0);
    for byte in inner {
        match byte {
            b'0'..=b'9' => {
                run += 1;
                longest = longest.max(run);
                continue;
            }
            b'a'..=b'z' | b'A'..=b'Z' => letters += 1,
            b'_' | b'-' | b'.' | b':' | b'/' | b'#' => {}
            _ => return false,
        }
        run = 0;
    }
    longest <= digits && (letters > 0 || inner.len() <= SHORT)
}

/// Whether a string is base64, bare or in a data URL, so that no text control can read it.
pub fn is_blob(inner: &[u8]) -> bool {
    let data = match inner.strip_prefix(b"data:") {
        None => inner,
        Some(url) => match memchr::memmem::find(url, b";base64,") {
            None => return false,
            Some(at) => url.get(at + 8..).unwrap_or_default(),
        },
    };
    // A slash may be written `\/`; 16 characters are the least that could be a picture or a sound.
    data.len() >= 16
        && data.iter().all(|byte| byte.is_ascii_alphanumeric() || b"+/=_-\\".contains(byte))
        && !data.iter().all(|byte| byte.is_ascii_digit() || b"+-=".contains(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skips_only_what_looks_the_part() {
        for (why, text, expect) in [
            (Why::Closed, "json_schema", true),
            (Why::Closed, "1024x1536", true),
            (Why::Closed, "24h", true),
            (Why::Closed, "50256", true),
            (Why::Closed, "1761234567", false),
            (Why::Closed, "jane@example.org", false),
            (Why::Closed, "4111-1111-1111-1111", false),
            (Why::Closed, "tel0176123456", false),
            (Why::Closed, "two words", false),
            (Why::Reference, "call_9aZ1700000000", true),
            (Why::Reference, "550e8400-e29b-41d4-a716-446655440000", true),
            (Why::Reference, "DE89370400440532013000", false),
            (Why::Reference, "+49 176 1234567", false),
            (Why::Reference, "jane@example.org", false),
        ] {
            assert_eq!(conforms(why, text.as_bytes()), expect, "{text}");
        }
    }

    #[test]
    fn knows_blobs() {
        for (text, expect) in [
            ("data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAA", true),
            ("iVBORw0KGgoAAAANSUhEUgAA==", true),
            ("iVBORw0KGgo\\/AAANSUhEUgAA==", true),
            ("data:text/plain,jane@example.org", false),
            ("data:text/plain;base64,my card is 4111 1111", false),
            ("https://example.org/?mail=jane@example.org", false),
            ("4111111111111111", false),
            ("jane", false),
        ] {
            assert_eq!(is_blob(text.as_bytes()), expect, "{text}");
        }
    }
}
