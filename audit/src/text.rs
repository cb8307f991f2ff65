//! Bounded text, quantities and instants: the leaf types of a record, each with one canonical spelling.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};

/// A name, identifier or code of at most [`Text::MAX`] bytes of UTF-8 without control characters.
///
/// Longer input is cut at a character boundary and ends in `…`; a control character becomes a space. `Debug`
/// shows only the length, because a tag or a purpose may be personal data. Cheap to make from a literal and
/// from an `Arc<str>`.
#[derive(Clone)]
pub struct Text(Repr);

#[derive(Clone)]
enum Repr {
    Literal(&'static str),
    Owned(String),
    Shared(Arc<str>),
}

impl Text {
    /// Most bytes a text holds.
    pub const MAX: usize = 128;

    /// The text itself.
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Repr::Literal(text) => text,
            Repr::Owned(text) => text,
            Repr::Shared(text) => text,
        }
    }

    /// Shortens the text to at most `max` bytes, the mark `…` included.
    pub(crate) fn clip(&mut self, max: usize) {
        if self.as_str().len() > max {
            self.0 = Repr::Owned(cut(self.as_str(), max));
        }
    }
}

impl Default for Text {
    fn default() -> Self {
        Self(Repr::Literal(""))
    }
}

impl From<&'static str> for Text {
    fn from(text: &'static str) -> Self {
        if is_plain(text) { Self(Repr::Literal(text)) } else { Self(Repr::Owned(cut(text, Self::MAX))) }
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        if is_plain(&text) { Self(Repr::Owned(text)) } else { Self(Repr::Owned(cut(&text, Self::MAX))) }
    }
}

impl From<&String> for Text {
    fn from(text: &String) -> Self {
        Self::from(text.clone())
    }
}

impl From<Arc<str>> for Text {
    fn from(text: Arc<str>) -> Self {
        if is_plain(&text) { Self(Repr::Shared(text)) } else { Self(Repr::Owned(cut(&text, Self::MAX))) }
    }
}

impl From<Text> for String {
    fn from(text: Text) -> Self {
        match text.0 {
            Repr::Literal(text) => text.to_owned(),
            Repr::Owned(text) => text,
            Repr::Shared(text) => text.as_ref().to_owned(),
        }
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Text {}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Text({} bytes)", self.as_str().len())
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TextVisitor)
    }
}

struct TextVisitor;

impl Visitor<'_> for TextVisitor {
    type Value = Text;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Text, E> {
        Ok(Text::from(text.to_owned()))
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<Text, E> {
        Ok(Text::from(text))
    }
}

fn is_plain(text: &str) -> bool {
    let is_control = |byte: u8| (byte < 0x20) | (byte == 0x7f);
    // No early end: this way the compiler looks at many bytes at once.
    text.len() <= Text::MAX && !text.bytes().fold(false, |found, byte| found | is_control(byte))
}

fn cut(text: &str, max: usize) -> String {
    const MARK: char = '…';
    let room = if text.len() > max { max.saturating_sub(MARK.len_utf8()) } else { max };
    let mut kept = String::with_capacity(max);
    for character in text.chars() {
        if kept.len() + character.len_utf8() > room {
            kept.push(MARK);
            break;
        }
        kept.push(if character.is_ascii_control() { ' ' } else { character });
    }
    kept
}

/// A non-negative measured quantity (energy, mass, volume, a score); the record spells it as decimal text, so
/// that no reader has to agree with another about floats. A value that is not finite is spelled `unknown`.
#[derive(Clone, Copy, Debug)]
pub struct Quantity(pub f64);

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0 || (!self.0.is_finite() && !other.0.is_finite())
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_finite() { write!(f, "{}", self.0) } else { f.write_str("unknown") }
    }
}

impl Serialize for Quantity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Text::deserialize(deserializer)?;
        if text.as_str() == "unknown" {
            return Ok(Self(f64::NAN));
        }
        text.as_str().parse().map(Self).map_err(|_| de::Error::custom("a quantity is not a decimal number"))
    }
}

/// An amount of money in pico-USD (10⁻¹² USD); the record spells it as decimal integer text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct PicoUsd(pub i128);

impl PicoUsd {
    /// The amount in USD as exact decimal text, without trailing zeros.
    pub fn to_usd(self) -> String {
        const PICO: u128 = 1_000_000_000_000;
        let sign = if self.0 < 0 { "-" } else { "" };
        let (whole, rest) = (self.0.unsigned_abs() / PICO, self.0.unsigned_abs() % PICO);
        let text = format!("{sign}{whole}.{rest:012}");
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    }
}

impl PicoUsd {
    /// The amount that exact decimal text in USD says: not negative, at most twelve places, so nothing is rounded.
    pub fn from_usd(text: &str) -> Option<Self> {
        let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
        let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || rest.len() > 12 || !is_digits(whole) || !is_digits(rest) {
            return None;
        }
        let whole: i128 = whole.parse().ok()?;
        let rest: i128 = format!("{rest:0<12}").parse().ok()?;
        whole.checked_mul(1_000_000_000_000)?.checked_add(rest).map(Self)
    }
}

impl Serialize for PicoUsd {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for PicoUsd {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Text::deserialize(deserializer)?;
        text.as_str().parse().map(Self).map_err(|_| de::Error::custom("an amount is not an integer"))
    }
}

/// A wall-clock instant in UTC, to the microsecond; spelled as RFC 3339 with six decimals and `Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp(SystemTime);

impl Stamp {
    /// The instant as a system time.
    pub fn time(self) -> SystemTime {
        self.0
    }

    /// Reads what a person types: an RFC 3339 time in UTC (`2026-11-23T06:00:00Z`), a day
    /// (`2026-11-23`), or how long before `now` (`90m`, `2h`, `7days`).
    pub fn from_words(words: &str, now: SystemTime) -> Option<Self> {
        let words = words.trim();
        let full = if words.len() == 10 { format!("{words}T00:00:00Z") } else { words.to_owned() };
        let time = humantime::parse_rfc3339_weak(&full).ok();
        let ago = || humantime::parse_duration(words).ok().and_then(|ago| now.checked_sub(ago));
        time.or_else(ago).map(Self::from)
    }

    /// Microseconds since 1970-01-01T00:00:00Z.
    pub fn unix_micros(self) -> u64 {
        let since = self.0.duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
    }
}

impl From<SystemTime> for Stamp {
    /// Cuts to whole microseconds and to the years 1970 to 9999, which is what the spelling can hold.
    fn from(time: SystemTime) -> Self {
        const LAST: Duration = Duration::from_secs(253_402_300_799);
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default().min(LAST);
        let cut = Duration::new(since.as_secs(), since.subsec_micros() * 1_000);
        Self(UNIX_EPOCH + cut)
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", humantime::format_rfc3339_micros(self.0))
    }
}

impl Serialize for Stamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Stamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Text::deserialize(deserializer)?;
        let time = humantime::parse_rfc3339(text.as_str());
        time.map(Self::from).map_err(|_| de::Error::custom("a time is not RFC 3339"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_bounded_and_free_of_control_characters() {
        let check = |input: String, expect: &str| assert_eq!(Text::from(input).as_str(), expect);
        check("plain".into(), "plain");
        check("a\nb\u{7f}c".into(), "a b c");
        check("x".repeat(128), &"x".repeat(128));
        check("x".repeat(129), &format!("{}…", "x".repeat(125)));
        check("é".repeat(80), &format!("{}…", "é".repeat(62)));
    }

    #[test]
    fn a_clipped_text_keeps_its_mark_within_the_limit() {
        let mut text = Text::from("x".repeat(100));
        text.clip(20);
        assert_eq!(text.as_str(), format!("{}…", "x".repeat(17)));
    }

    #[test]
    fn debug_never_shows_the_content() {
        assert_eq!(format!("{:?}", Text::from("ada@example.com")), "Text(15 bytes)");
    }

    #[test]
    fn money_is_spelled_exactly() {
        let check = |amount: i128, expect: &str| assert_eq!(PicoUsd(amount).to_usd(), expect);
        check(0, "0");
        check(1, "0.000000000001");
        check(-1_500_000_000_000, "-1.5");
        check(12_000_000_000_000, "12");
        let read =
            |text: &str, expect: Option<i128>| assert_eq!(PicoUsd::from_usd(text).map(|it| it.0), expect);
        read("0.000000000001", Some(1));
        read("12", Some(12_000_000_000_000));
        read("1.5", Some(1_500_000_000_000));
        for wrong in
            ["", ".5", "-1", "1e3", "0.0000000000001", "1.5.0", "+1", "99999999999999999999999999999999"]
        {
            read(wrong, None);
        }
    }

    #[test]
    fn times_are_read_as_people_type_them() {
        let now = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let check = |words: &str, expect: Option<&str>| {
            let stamp = Stamp::from_words(words, now).map(|it| it.to_string());
            assert_eq!(stamp.as_deref(), expect, "{words}");
        };
        check("2026-11-23T06:00:00Z", Some("2026-11-23T06:00:00.000000Z"));
        check("2026-11-23T06:00:00.25Z", Some("2026-11-23T06:00:00.250000Z"));
        check("2026-11-23 06:00:00", Some("2026-11-23T06:00:00.000000Z"));
        check("2026-11-23", Some("2026-11-23T00:00:00.000000Z"));
        check(" 2h ", Some("2027-01-15T06:00:00.000000Z"));
        check("90m", Some("2027-01-15T06:30:00.000000Z"));
        check("9999years", Some("1970-01-01T00:00:00.000000Z"));
        check("yesterday", None);
        check("2026-13-01", None);
        check("", None);
    }

    #[test]
    fn quantities_and_times_survive_their_spelling() {
        let spelled = serde_json::to_string(&(Quantity(1e-9), Quantity(f64::NAN))).unwrap();
        assert_eq!(spelled, r#"["0.000000001","unknown"]"#);
        assert_eq!(
            serde_json::from_str::<(Quantity, Quantity)>(&spelled).unwrap(),
            (Quantity(1e-9), Quantity(f64::NAN))
        );
        let stamp = Stamp::from(UNIX_EPOCH + Duration::new(1_800_000_000, 123_456_789));
        assert_eq!(stamp.to_string(), "2027-01-15T08:00:00.123456Z");
        assert_eq!(serde_json::from_str::<Stamp>(&serde_json::to_string(&stamp).unwrap()).unwrap(), stamp);
    }
}
