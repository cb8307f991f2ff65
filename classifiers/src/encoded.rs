//! Text hidden in base64.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use std::ops::Range;

/// Shortest run that is decoded, in characters. Shorter ones hold less than any value of interest.
const SHORTEST: usize = 16;
/// Longest run that is decoded.
const LONGEST: usize = 1 << 20;

const CONFIG: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, CONFIG);
const ADDRESS: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, CONFIG);

/// Calls `found` with the place and the meaning of every run of base64 that stands for a text.
pub(crate) fn each(text: &str, found: &mut dyn FnMut(Range<usize>, String)) {
    let bytes = text.as_bytes();
    let mut from = 0;
    while let Some(range) = next_run(bytes, from) {
        from = range.end;
        let run = bytes.get(range.clone()).unwrap_or_default();
        if run.len() < SHORTEST || run.len() > LONGEST || !is_mixed(run) {
            continue;
        }
        if let Some(meaning) = decode(run).and_then(|bytes| String::from_utf8(bytes).ok())
            && is_readable(&meaning)
        {
            found(range, meaning);
        }
    }
}

/// The bytes that base64 stands for, in either alphabet, with or without padding.
pub(crate) fn decode(run: &[u8]) -> Option<Vec<u8>> {
    let address = run.iter().any(|byte| matches!(byte, b'-' | b'_'));
    let engine = if address { &ADDRESS } else { &STANDARD };
    engine.decode(run).ok()
}

fn next_run(bytes: &[u8], from: usize) -> Option<Range<usize>> {
    let inside = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_');
    let start = from + bytes.get(from..)?.iter().position(inside)?;
    let rest = bytes.get(start..)?;
    let body = rest.iter().position(|byte| !inside(byte)).unwrap_or(rest.len());
    let padding = rest.iter().skip(body).take(2).take_while(|byte| **byte == b'=').count();
    Some(start..start + body + padding)
}

/// Text in base64 has capitals and small letters.
fn is_mixed(run: &[u8]) -> bool {
    run.iter().any(u8::is_ascii_uppercase) && run.iter().any(u8::is_ascii_lowercase)
}

fn is_readable(text: &str) -> bool {
    text.chars().all(|c| !c.is_control() || matches!(c, '\n' | '\r' | '\t'))
}
