//! Units and plain scalars: durations, sizes, and what YAML's core schema takes a bare word for.

use std::time::Duration;

/// What a plain (unquoted) scalar is in YAML 1.2's core schema.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Plain {
    Null,
    Boolean(bool),
    Number,
    Text,
}

/// Classifies a plain scalar (YAML 1.2.2, section 10.3.2).
pub(super) fn plain(text: &str) -> Plain {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Plain::Null,
        "true" | "True" | "TRUE" => Plain::Boolean(true),
        "false" | "False" | "FALSE" => Plain::Boolean(false),
        _ if integer(text).is_some() || float(text).is_some() => Plain::Number,
        _ => Plain::Text,
    }
}

/// A whole number: decimal (underscores allowed between digits), `0x…` or `0o…`.
pub(super) fn integer(text: &str) -> Option<i128> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (radix, digits) = match digits.get(..2) {
        Some("0x") => (16, digits.get(2..)?),
        Some("0o") => (8, digits.get(2..)?),
        _ => (10, digits),
    };
    let well_formed =
        digits.starts_with(|c: char| c.is_digit(radix)) && digits.ends_with(|c: char| c.is_digit(radix));
    if !well_formed {
        return None;
    }
    let value = i128::from_str_radix(&digits.replace('_', ""), radix).ok()?;
    Some(if negative { -value } else { value })
}

/// A finite decimal number.
pub(super) fn float(text: &str) -> Option<f64> {
    if !text.contains(|c: char| c.is_ascii_digit())
        || text.contains(|c: char| c.is_ascii_alphabetic() && !matches!(c, 'e' | 'E'))
    {
        return None;
    }
    text.parse().ok().filter(|value: &f64| value.is_finite())
}

/// A duration such as `250ms`, `30s` or `1h30m`; units ms, s, m, h, d, each at most once and falling.
pub(super) fn duration(text: &str) -> Option<Duration> {
    const UNITS: [(&str, u64); 5] =
        [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];
    let mut rest = text.trim();
    let mut units = UNITS.iter();
    let mut total: u64 = 0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, after) = rest.split_at_checked(digits)?;
        let letters = after.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (unit, after) = after.split_at_checked(letters)?;
        let (_, millis) = units.find(|(name, _)| *name == unit)?;
        total = total.checked_add(number.parse::<u64>().ok()?.checked_mul(*millis)?)?;
        rest = after;
    }
    Some(Duration::from_millis(total))
}

/// A size in bytes: a bare number, or one with B, kB, MB, GB (powers of 1000) or KiB, MiB, GiB.
pub(super) fn bytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.bytes().take_while(|b| b.is_ascii_digit() || *b == b'_').count();
    let (number, unit) = text.split_at_checked(digits)?;
    let factor: u64 = match unit.trim_start() {
        "" | "B" => 1,
        "kB" | "KB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    u64::try_from(integer(number)?).ok()?.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_follow_the_core_schema() {
        for (text, expect) in [
            ("~", Plain::Null),
            ("true", Plain::Boolean(true)),
            ("no", Plain::Text),
            ("1_000", Plain::Number),
            ("1.5e3", Plain::Number),
            ("1.2.3", Plain::Text),
            ("127.0.0.1:80", Plain::Text),
            ("inf", Plain::Text),
            ("_1", Plain::Text),
        ] {
            assert_eq!(plain(text), expect, "{text}");
        }
    }

    #[test]
    fn durations_need_a_unit() {
        for (text, millis) in
            [("250ms", Some(250)), ("1h30m", Some(5_400_000)), ("0s", Some(0)), ("2d", Some(172_800_000))]
        {
            assert_eq!(duration(text), millis.map(Duration::from_millis), "{text}");
        }
        for text in ["", "5", "s", "1m1h", "1s1s", "-1s", "1.5s", "5 s", "1 h", "99999999999999999999d"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }

    #[test]
    fn sizes_tell_powers_of_two_from_powers_of_ten() {
        for (text, expect) in [
            ("1024", Some(1024)),
            ("4MiB", Some(4 << 20)),
            ("4 MB", Some(4_000_000)),
            ("1_000B", Some(1_000)),
            ("-1", None),
            ("MiB", None),
            ("1TiB", None),
            ("99999999999GiB", None),
        ] {
            assert_eq!(bytes(text), expect, "{text}");
        }
    }
}
